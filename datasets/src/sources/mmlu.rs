//! MMLU (arXiv 2009.03300): as its authors ship it (sheets without headers in an archive, or the folder that it unpacks to), or a
//! Parquet file of the hub. A question has the same id in all of them: its part, its subject, and its number there.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use conductor_configs::schema::{DomainBy, MmluPart};
use conductor_types::Grading;
use serde::Deserialize;

use super::archive::{Archive, Password};
use super::draft::{self, At, Labels};
use super::records::{Rows, is_zip};
use super::sheet::Sheet;
use super::{Emit, check, prompts};
use crate::error::{DataError, Place, Position, excerpt, help_for};

const EXPECTED: &str =
    "an MMLU question {\"question\", \"subject\", \"choices\": four texts, \"answer\": 0 to 3}";
const COLUMNS: [&str; 4] = ["question", "subject", "choices", "answer"];

/// What to read.
pub struct Options<'a> {
    /// Stands in the ids, and chooses the sheets.
    pub part: MmluPart,
    /// Absent means all.
    pub subjects: Option<&'a [String]>,
    /// What the domain says.
    pub domain: DomainBy,
}

impl Options<'_> {
    fn part(&self) -> &'static str {
        match self.part {
            MmluPart::Dev => "dev",
            MmluPart::Val => "val",
            MmluPart::Test => "test",
            MmluPart::AuxiliaryTrain => "auxiliary_train",
        }
    }

    fn keeps(&self, subject: &str) -> bool {
        self.subjects.is_none_or(|kept| kept.iter().any(|kept| kept == subject))
    }
}

/// A question of any form.
struct Question<'a> {
    text: &'a str,
    options: Vec<String>,
    gold: usize,
}

#[derive(Deserialize)]
struct Row {
    question: String,
    subject: String,
    choices: Vec<String>,
    answer: usize,
}

pub(super) fn read(path: &Path, options: &Options<'_>, emit: &mut Emit) -> Result<(), DataError> {
    let found = if path.is_dir() {
        folder(path, options, emit)?
    } else if is_zip(path)? {
        archive(path, options, emit)?
    } else {
        table(path, options, emit)?
    };
    let unknown = options.subjects.unwrap_or_default().iter().find(|name| !found.contains(*name));
    match unknown {
        Some(name) if !found.is_empty() => Err(DataError::Record {
            place: Place::new(path, Position::Whole),
            expected: format!("the subject \"{name}\", since the source has it in `subjects`"),
            given: found.into_iter().collect::<Vec<_>>().join(", "),
        }),
        _ => Ok(()),
    }
}

/// Returns the subjects that are there.
fn archive(
    path: &Path,
    options: &Options<'_>,
    emit: &mut Emit,
) -> Result<BTreeSet<String>, DataError> {
    let mut archive = Archive::open(path)?;
    let mut found = BTreeSet::new();
    for member in archive.members() {
        let Some(subject) = subject_of(&member, options.part()) else { continue };
        let (subject, place) = (subject.to_string(), archive.place(&member));
        if options.keeps(&subject) {
            archive.member(&member, Password::NONE, |reader| {
                sheet(&place, &subject, reader, options, emit)
            })?;
        }
        found.insert(subject);
    }
    Ok(found)
}

fn folder(
    path: &Path,
    options: &Options<'_>,
    emit: &mut Emit,
) -> Result<BTreeSet<String>, DataError> {
    let part = options.part();
    let unreadable = |path: &Path, source: std::io::Error| DataError::Read {
        operation: "read",
        path: path.to_path_buf(),
        help: help_for(&source),
        source,
    };
    // What `conductor data fetch` stores is called as the hub calls it.
    let names = match options.part {
        MmluPart::Val => &[part, "valid", "validation"][..],
        MmluPart::AuxiliaryTrain => &[part, "train"],
        MmluPart::Dev | MmluPart::Test => &[part],
    };
    let mut tables = names.iter().map(|name| path.join(format!("{name}.parquet")));
    if let Some(stored) = tables.find(|path| path.is_file()) {
        return table(&stored, options, emit);
    }
    let inner = [path.join("data").join(part), path.join(part)];
    let Some(inner) = inner.into_iter().find(|path| path.is_dir()) else {
        return Err(DataError::NoTasks {
            what: format!("the folder {}", path.display()),
            help: format!(
                "expected the folder data/{part} in it, with the sheets of the subjects, or {part}.parquet"
            ),
        });
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(&inner).map_err(|error| unreadable(&inner, error))? {
        files.push(entry.map_err(|error| unreadable(&inner, error))?.path());
    }
    files.sort();
    let mut found = BTreeSet::new();
    for file in files {
        let name = format!("{part}/{}", file.file_name().unwrap_or_default().to_string_lossy());
        let Some(subject) = subject_of(&name, part) else { continue };
        if options.keeps(subject) {
            let reader = File::open(&file).map_err(|error| unreadable(&file, error))?;
            sheet(&file, subject, reader, options, emit)?;
        }
        found.insert(subject.to_string());
    }
    Ok(found)
}

/// "astronomy" of "data/test/astronomy_test.csv".
fn subject_of<'a>(member: &'a str, part: &str) -> Option<&'a str> {
    let (folder, file) = member.rsplit_once('/')?;
    let is_part = folder.rsplit('/').next() == Some(part);
    let subject = file.strip_suffix(".csv")?.strip_suffix(part)?.strip_suffix('_')?;
    (is_part && !subject.is_empty() && !subject.starts_with('.')).then_some(subject)
}

/// Question, four options, letter.
fn sheet(
    path: &Path,
    subject: &str,
    reader: impl Read,
    options: &Options<'_>,
    emit: &mut Emit,
) -> Result<(), DataError> {
    let mut sheet = Sheet::without_headers(path, reader);
    while let Some((at, row)) = sheet.next_row()? {
        let fields: Vec<&str> = row.iter().collect();
        let [text, first, second, third, fourth, letter] = fields[..] else {
            return Err(at.fail(
                "six fields: question, four options, letter",
                format!("{} fields", fields.len()),
            ));
        };
        let gold = ["A", "B", "C", "D"].iter().position(|known| *known == letter.trim());
        let gold = gold.ok_or_else(|| at.fail("a letter from A to D", excerpt(letter)))?;
        let shown = [first, second, third, fourth].map(ToString::to_string).to_vec();
        let number = at.index;
        emit_one(at, subject, number, &Question { text, options: shown, gold }, options, emit)?;
    }
    Ok(())
}

fn table(
    path: &Path,
    options: &Options<'_>,
    emit: &mut Emit,
) -> Result<BTreeSet<String>, DataError> {
    let mut numbers: HashMap<String, u64> = HashMap::new();
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, row: Row| {
        let next = numbers.entry(row.subject.clone()).or_default();
        let number = *next;
        *next += 1;
        if !options.keeps(&row.subject) {
            return Ok(());
        }
        let (count, gold) = (row.choices.len(), row.answer);
        if gold >= count {
            return Err(at.fail(format!("`answer` below {count}"), gold.to_string()));
        }
        let question = Question { text: &row.question, options: row.choices, gold };
        emit_one(at, &row.subject, number, &question, options, emit)
    })?;
    Ok(numbers.into_keys().collect())
}

fn emit_one(
    at: At,
    subject: &str,
    number: u64,
    question: &Question<'_>,
    options: &Options<'_>,
    emit: &mut Emit,
) -> Result<(), DataError> {
    check::filled(&at.place, "question", question.text)?;
    let id = match (subject.is_empty(), options.part) {
        (false, _) => format!("mmlu/{}/{subject}/{number}", options.part()),
        (true, MmluPart::AuxiliaryTrain) => format!("mmlu/{}/{number}", options.part()),
        (true, _) => {
            return Err(at.fail(
                "a `subject` that is not empty",
                "none; questions for training have none, and are read with part = \"auxiliary_train\"",
            ));
        }
    };
    let labels = Labels { subject: Some(subject), ..Labels::default() };
    let domain = draft::domain(&at, "mmlu", options.domain, labels)?;
    let count = u8::try_from(question.options.len()).unwrap_or(u8::MAX);
    let grading = Grading::Choice { gold: prompts::letter(question.gold), options: count };
    let prompt = prompts::choice(question.text, &question.options);
    emit(at.place, draft::task(id, domain, prompt, grading))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_read_off_its_sheet() {
        assert_eq!(
            subject_of("data/test/high_school_us_history_test.csv", "test"),
            Some("high_school_us_history")
        );
        assert_eq!(subject_of("dev/astronomy_dev.csv", "dev"), Some("astronomy"));
        for other in [
            "data/val/a_test.csv",
            "data/test/a_val.csv",
            "data/test/._a_test.csv",
            "a_test.csv",
            "data/test/_test.csv",
        ] {
            assert_eq!(subject_of(other, "test"), None, "{other}");
        }
    }
}
