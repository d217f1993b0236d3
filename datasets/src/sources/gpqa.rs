//! `GPQA` (arXiv 2311.12022). Its authors ask that no question stands in plain text where crawlers read: nothing of it is in this
//! repository, the official archive is read as it is, and its password is never written anywhere.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use conductor_configs::schema::{DomainBy, GpqaSubset};
use conductor_types::{Grading, seed};
use serde::Deserialize;

use super::archive::{Archive, Password};
use super::draft::{self, At, Labels};
use super::records::{Rows, is_parquet, is_zip};
use super::sheet::Sheet;
use super::{Emit, check, prompts};
use crate::error::{DataError, Place, Position, help_for};

const QUESTION: &str = "Question";
/// The right option and the wrong ones, in the order that the permutation starts from.
const OPTIONS: [&str; 4] =
    ["Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"];

/// What to read and how.
pub struct Options<'a> {
    /// Which set of an archive; Diamond where absent.
    pub subset: Option<GpqaSubset>,
    /// The variable that holds the password.
    pub password_env: &'a str,
    /// The file that holds it.
    pub password_file: Option<&'a Path>,
    /// Seed of the options' order.
    pub seed: u64,
    /// What the domain says.
    pub domain: DomainBy,
}

pub(super) fn read(path: &Path, options: &Options<'_>, emit: &mut Emit) -> Result<(), DataError> {
    if is_parquet(path)? {
        return table(path, options, emit);
    }
    if !is_zip(path)? {
        let file = File::open(path).map_err(|source| unreadable(path, source))?;
        return sheet(path, file, options, emit);
    }
    let mut archive = Archive::open(path)?;
    let member = member(path, &archive, options.subset.unwrap_or(GpqaSubset::Diamond))?;
    let place = archive.place(&member);
    let text = password(options)?;
    let wanted = format!(
        "the archive's password, in the environment variable {} or the file that `password_file` names (the benchmark's own page \
         tells it)",
        options.password_env
    );
    let password = Password { text: text.as_deref(), wanted: &wanted };
    archive.member(&member, password, |reader| sheet(&place, reader, options, emit))
}

/// The member that holds a set, whatever folder it lies in.
fn member(path: &Path, archive: &Archive, subset: GpqaSubset) -> Result<String, DataError> {
    let name = match subset {
        GpqaSubset::Diamond => "gpqa_diamond.csv",
        GpqaSubset::Main => "gpqa_main.csv",
        GpqaSubset::Extended => "gpqa_extended.csv",
    };
    let members = archive.members();
    let found = members.iter().find(|member| member.rsplit('/').next() == Some(name));
    found.cloned().ok_or_else(|| DataError::Record {
        place: Place::new(path, Position::Whole),
        expected: format!("the file {name} in the archive"),
        given: format!("{} others", members.len()),
    })
}

fn password(options: &Options<'_>) -> Result<Option<String>, DataError> {
    let Some(path) = options.password_file else {
        return Ok(std::env::var(options.password_env).ok().filter(|text| !text.is_empty()));
    };
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    let mut line = String::new();
    BufReader::new(file.take(4096))
        .read_line(&mut line)
        .map_err(|source| unreadable(path, source))?;
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_string()))
}

fn unreadable(path: &Path, source: std::io::Error) -> DataError {
    let (path, help) = (path.to_path_buf(), help_for(&source));
    DataError::Read { operation: "read", path, source, help }
}

fn sheet(
    path: &Path,
    reader: impl Read,
    options: &Options<'_>,
    emit: &mut Emit,
) -> Result<(), DataError> {
    let mut sheet = Sheet::with_headers(path, reader);
    let columns = Columns::of(path, &sheet.headers()?)?;
    while let Some((at, row)) = sheet.next_row()? {
        let field = |column: usize| row.get(column).unwrap_or_default();
        let question = Question {
            text: field(columns.question),
            options: columns.options.map(field),
            id: columns.id.map(field),
            subject: columns.subject.map(field),
        };
        emit_one(at, &question, options, emit)?;
    }
    Ok(())
}

/// A row of the hub's table, whose columns are called as the sheet's.
#[derive(Deserialize)]
struct Row {
    #[serde(rename = "Question")]
    question: String,
    #[serde(rename = "Correct Answer")]
    right: String,
    #[serde(rename = "Incorrect Answer 1")]
    wrong_1: String,
    #[serde(rename = "Incorrect Answer 2")]
    wrong_2: String,
    #[serde(rename = "Incorrect Answer 3")]
    wrong_3: String,
    #[serde(default, rename = "Record ID")]
    id: Option<String>,
    #[serde(default, rename = "High-level domain")]
    subject: Option<String>,
}

fn table(path: &Path, options: &Options<'_>, emit: &mut Emit) -> Result<(), DataError> {
    let columns: Vec<&str> =
        OPTIONS.into_iter().chain([QUESTION, "Record ID", "High-level domain"]).collect();
    let expected = "a GPQA row with the texts Question, Correct Answer and Incorrect Answer 1 to 3";
    Rows::new(path, &columns, expected).for_each(|at, row: Row| {
        let question = Question {
            text: &row.question,
            options: [&row.right, &row.wrong_1, &row.wrong_2, &row.wrong_3].map(String::as_str),
            id: row.id.as_deref(),
            subject: row.subject.as_deref(),
        };
        emit_one(at, &question, options, emit)
    })
}

/// A question of either form, the right option first.
struct Question<'a> {
    text: &'a str,
    options: [&'a str; 4],
    id: Option<&'a str>,
    subject: Option<&'a str>,
}

fn emit_one(
    at: At,
    question: &Question<'_>,
    options: &Options<'_>,
    emit: &mut Emit,
) -> Result<(), DataError> {
    check::filled(&at.place, QUESTION, question.text)?;
    for (name, text) in OPTIONS.iter().zip(question.options) {
        check::filled(&at.place, name, text)?;
    }
    let order = order(options.seed, question.text);
    let shown = order.map(|i| question.options[i].to_string());
    let gold = order.iter().position(|i| *i == 0).unwrap_or_default();
    let own = question.id.map(str::trim).filter(|id| !id.is_empty());
    let id = own.map_or_else(|| draft::content_id(question.text), ToString::to_string);
    let labels = Labels { subject: question.subject, ..Labels::default() };
    let domain = draft::domain(&at, "gpqa", options.domain, labels)?;
    let grading = Grading::Choice { gold: prompts::letter(gold), options: 4 };
    let prompt = prompts::choice(question.text, &shown);
    emit(at.place, draft::task(format!("gpqa/{id}"), domain, prompt, grading))
}

/// Where the columns stand; files differ in their order and in what else they hold.
struct Columns {
    question: usize,
    options: [usize; 4],
    id: Option<usize>,
    subject: Option<usize>,
}

impl Columns {
    fn of(path: &Path, names: &[String]) -> Result<Self, DataError> {
        let find = |wanted: &str| names.iter().position(|name| name == wanted);
        let need = |wanted: &str| {
            find(wanted).ok_or_else(|| DataError::Column {
                path: PathBuf::from(path),
                column: wanted.to_string(),
                expected: "named in the first row".into(),
                given: format!("missing; the file has {} columns", names.len()),
            })
        };
        let mut options = [0; 4];
        for (column, name) in options.iter_mut().zip(OPTIONS) {
            *column = need(name)?;
        }
        Ok(Self {
            question: need(QUESTION)?,
            options,
            id: find("Record ID"),
            subject: find("High-level domain"),
        })
    }
}

/// Which option stands where: a shuffle that follows from the seed and the question alone, so that neither rows that are added nor
/// another order of rows changes it.
fn order(run_seed: u64, question: &str) -> [usize; 4] {
    let mut order = [0, 1, 2, 3];
    let drawn = seed::derive(run_seed, "gpqa options", &[question.trim()]);
    seed::SplitMix::new(drawn).shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_follow_from_seed_and_question_and_are_even() {
        assert_eq!(order(7, "q"), order(7, " q\n"));
        let mut firsts = [0; 4];
        for i in 0..4000 {
            let order = order(0, &format!("question {i}"));
            let mut sorted = order;
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
            firsts[order[0]] += 1;
        }
        assert!(firsts.iter().all(|n: &i32| n.abs_diff(1000) < 120), "{firsts:?}");
        let differ = (0..100).filter(|i| order(1, &format!("{i}")) != order(2, &format!("{i}")));
        assert!(differ.count() > 80);
    }
}
