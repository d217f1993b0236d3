//! TheoremQA (arXiv 2305.12524): 800 questions that need a theorem. Its answers are numbers, lists of numbers, truth values and
//! options; docs/graders.md says how each type is graded.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use conductor_configs::schema::{DomainBy, Pictures};
use conductor_types::{Grading, Part};
use serde::Deserialize;
use serde_json::{Value, json};

use super::draft::{self, At, Labels};
use super::records::Rows;
use super::{Emit, check, prompts};
use crate::error::{DataError, excerpt, help_for};

const EXPECTED: &str = "a TheoremQA question {\"Question\", \"Answer\", \"Answer_type\", \"id\"?, \"Picture\"?, \"field\"?}";
const COLUMNS: [&str; 6] = ["Question", "Answer", "Answer_type", "Picture", "id", "field"];

/// The benchmark's own tolerance for measured numbers.
const TOLERANCE: f64 = 0.04;

/// Endpoints refuse larger ones.
const MAX_PICTURE_BYTES: u64 = 16 << 20;

/// What to do with pictures, and what the domain says.
pub struct Options<'a> {
    /// Questions with one.
    pub pictures: Pictures,
    /// Where their paths start.
    pub picture_folder: &'a Path,
    /// What the domain says.
    pub domain: DomainBy,
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "Question")]
    question: String,
    #[serde(rename = "Answer")]
    answer: Value,
    #[serde(rename = "Answer_type")]
    answer_type: String,
    /// A path, or on the hub the picture itself.
    #[serde(default, rename = "Picture")]
    picture: Option<Picture>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    field: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Picture {
    Path(String),
    Inside { bytes: Option<String>, path: Option<String> },
}

impl Picture {
    /// Whether there is one: some tools write the lack of one as an empty text or an empty structure.
    fn is_there(&self) -> bool {
        let is_filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        match self {
            Self::Path(path) => !path.is_empty(),
            Self::Inside { bytes, path } => is_filled(bytes) || is_filled(path),
        }
    }
}

pub(super) fn read(path: &Path, options: &Options<'_>, emit: &mut Emit) -> Result<(), DataError> {
    let mut times: HashMap<String, u64> = HashMap::new();
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, row: Row| {
        let id = id(&row, &mut times);
        let picture = row.picture.as_ref().filter(|picture| picture.is_there());
        let pictured = picture.is_some();
        if pictured && options.pictures == Pictures::Skip {
            return Ok(());
        }
        check::filled(&at.place, "Question", &row.question)?;
        let (ask, grading) = grading(&at, &row)?;
        let labels = Labels { subject: row.field.as_deref(), ..Labels::default() };
        let domain = draft::domain(&at, "theoremqa", options.domain, labels)?;
        let prompt = prompts::answered(&row.question, ask);
        let mut task = draft::task(format!("theoremqa/{id}"), domain, prompt, grading);
        if let (Some(picture), Pictures::Attach) = (picture, options.pictures) {
            let url = data_url(&at, picture, options.picture_folder)?;
            task.parts = vec![
                Part(json!({"type": "text", "text": task.prompt})),
                Part(json!({"type": "image_url", "image_url": {"url": url}})),
            ];
        }
        emit(at.place, task)
    })
}

/// The row's own id, which is a file's path ("author/theorem_1.json"), else one that follows from the question. Some questions
/// say the same beside another picture: the second time gets a mark of its own, whether the first one is left out or not.
fn id(row: &Row, times: &mut HashMap<String, u64>) -> String {
    let own = row.id.as_deref().map(str::trim).filter(|id| !id.is_empty());
    if let Some(own) = own {
        return own.strip_suffix(".json").unwrap_or(own).to_string();
    }
    draft::numbered(draft::content_id(&row.question), times)
}

/// What is asked for, and how it is judged.
fn grading(at: &At, row: &Row) -> Result<(&'static str, Grading), DataError> {
    let answer = row.answer.as_str().map_or_else(|| row.answer.to_string(), ToString::to_string);
    let gold = answer.trim().to_string();
    let number = |tolerance| Grading::Number { gold: gold.clone(), tolerance };
    let one = "the final number alone, without units, between <answer> and </answer>.";
    let list = "the final numbers alone as a list, like [1, 2.5], between <answer> and </answer>.";
    Ok(match row.answer_type.trim() {
        "float" => (one, number(TOLERANCE)),
        "integer" => (one, number(0.0)),
        "list of integer" => (list, number(0.0)),
        "list of float" => (list, number(TOLERANCE)),
        "bool" => {
            let gold = match gold.to_ascii_lowercase().as_str() {
                "true" => "True",
                "false" => "False",
                _ => return Err(at.fail("`Answer` that is true or false", excerpt(&gold))),
            };
            let ask = "True or False alone between <answer> and </answer>.";
            (ask, Grading::Fuzzy { gold: gold.into() })
        }
        "option" => {
            let letter = gold.trim_matches(['(', ')', ' ']).to_ascii_uppercase();
            let [letter @ b'A'..=b'Z'] = letter.as_bytes() else {
                return Err(at.fail("`Answer` that is an option, \"(a)\"", excerpt(&gold)));
            };
            let least = (letter - b'A' + 1).max(2);
            let options = labels_of(&row.question).max(least);
            let ask = "the letter of the right option alone between <answer> and </answer>.";
            (ask, Grading::Choice { gold: char::from(*letter).to_string(), options })
        }
        other => {
            return Err(at.fail(
                "`Answer_type` that is float, integer, bool, option, list of integer or list of float",
                excerpt(other),
            ));
        }
    })
}

/// How many of "(a)", "(b)", … the question holds, from the first on without a gap.
fn labels_of(question: &str) -> u8 {
    let lower = question.to_ascii_lowercase();
    let there = |letter: &u8| lower.contains(&format!("({})", char::from(*letter)));
    (b'a'..=b'z').take_while(there).count() as u8
}

/// The picture itself, as chat endpoints take it.
fn data_url(at: &At, picture: &Picture, folder: &Path) -> Result<String, DataError> {
    let (path, inside) = match picture {
        Picture::Path(path) => (path.as_str(), None),
        Picture::Inside { bytes, path } => (path.as_deref().unwrap_or_default(), bytes.as_ref()),
    };
    let encoded = match inside {
        Some(encoded) => encoded.clone(),
        None => BASE64.encode(contents(at, folder, &local(at, folder, path)?)?),
    };
    // The first bytes say what it is, whatever the name does.
    let kind = match &encoded.as_bytes()[..encoded.len().min(5)] {
        b"iVBOR" => "png",
        b"R0lGO" => "gif",
        b"UklGR" => "webp",
        [b'/', b'9', b'j', ..] => "jpeg",
        _ => return Err(at.fail("`Picture` in PNG, JPEG, GIF or WebP", excerpt(path))),
    };
    Ok(format!("data:image/{kind};base64,{encoded}"))
}

/// A path below the folder; a row must not reach for other files of the machine, whose contents would go to workers.
fn local(at: &At, folder: &Path, path: &str) -> Result<PathBuf, DataError> {
    let inner = Path::new(path);
    let plain = inner.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if path.is_empty() || !plain {
        return Err(at.fail("`Picture` that is a path below `picture_folder`", excerpt(path)));
    }
    Ok(folder.join(inner))
}

fn contents(at: &At, folder: &Path, path: &Path) -> Result<Vec<u8>, DataError> {
    let unreadable = |source: std::io::Error| DataError::Read {
        operation: "read",
        path: path.to_path_buf(),
        help: format!("{}; or set `pictures` of this source to \"skip\"", help_for(&source)),
        source,
    };
    // A link must not lead out of the folder either.
    let real = path.canonicalize().map_err(unreadable)?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !real.starts_with(folder.canonicalize().map_err(unreadable)?) {
        let given = format!("a link that leads out of it, {}", path.display());
        return Err(at.fail("`Picture` that is a file below `picture_folder`", given));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_PICTURE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_PICTURE_BYTES {
        let given = format!("a larger one, {}", path.display());
        return Err(at.fail(format!("a picture of at most {MAX_PICTURE_BYTES} bytes"), given));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Place, Position};

    fn at() -> At {
        At { place: Place::new(Path::new("t.json"), Position::Item(1)), index: 0 }
    }

    fn graded(answer: Value, answer_type: &str, question: &str) -> Result<Grading, String> {
        let row = Row {
            question: question.into(),
            answer,
            answer_type: answer_type.into(),
            picture: None,
            id: None,
            field: None,
        };
        grading(&at(), &row).map(|(_, grading)| grading).map_err(|error| error.to_string())
    }

    #[test]
    fn every_type_of_answer_has_its_grading() {
        let number = |gold: &str, tolerance| Grading::Number { gold: gold.into(), tolerance };
        for (answer, kind, expected) in [
            (json!(1.5), "float", number("1.5", 0.04)),
            (json!("1.5"), "float", number("1.5", 0.04)),
            (json!(-3), "integer", number("-3", 0.0)),
            (json!([4, -1, 2]), "list of integer", number("[4,-1,2]", 0.0)),
            (json!("[0.5, 0.25]"), "list of float", number("[0.5, 0.25]", 0.04)),
            (json!(true), "bool", Grading::Fuzzy { gold: "True".into() }),
            (json!("False"), "bool", Grading::Fuzzy { gold: "False".into() }),
        ] {
            assert_eq!(graded(answer, kind, "q").unwrap(), expected);
        }
        for (gold, question, letter, options) in [
            ("(c)", "Is it (a) x, (b) y, (c) z or (d) w?", "C", 4),
            ("(b)", "Which? (A) x (B) y", "B", 2),
            ("(d)", "Which of them?", "D", 4),
            ("a", "Which of them?", "A", 2),
        ] {
            let expected = Grading::Choice { gold: letter.into(), options };
            assert_eq!(graded(json!(gold), "option", question).unwrap(), expected);
        }
        assert!(graded(json!("maybe"), "bool", "q").unwrap_err().contains("true or false"));
        assert!(graded(json!("(12)"), "option", "q").unwrap_err().contains("an option"));
        assert!(graded(json!(1), "complex", "q").unwrap_err().contains("found \"complex\""));
    }

    #[test]
    fn a_question_that_comes_twice_has_two_ids_and_no_picture_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let rows = [json!(""), json!({"bytes": null, "path": null}), json!("a.png"), Value::Null];
        let row = |picture: &Value| json!({"Question": "Q", "Answer": 1, "Answer_type": "integer", "Picture": picture});
        let text: Vec<String> = rows.iter().map(|picture| row(picture).to_string()).collect();
        std::fs::write(&path, text.join("\n")).unwrap();
        let ids = |pictures| {
            let options =
                Options { pictures, picture_folder: folder.path(), domain: DomainBy::Benchmark };
            let mut ids = Vec::new();
            read(&path, &options, &mut |_, task| {
                ids.push(task.id);
                Ok(())
            })
            .unwrap();
            ids
        };
        let first = format!("theoremqa/{}", draft::content_id("Q"));
        let [second, third, fourth] = ["-2", "-3", "-4"].map(|mark| format!("{first}{mark}"));
        assert_eq!(ids(Pictures::TextOnly), [&*first, &second, &third, &fourth]);
        assert_eq!(ids(Pictures::Skip), [first, second, fourth]);
    }

    #[test]
    fn a_picture_lies_below_its_folder_and_is_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.jpg"), b"\x89PNG\r\n\x1a\n....").unwrap();
        std::fs::write(folder.path().join("b.png"), b"hello").unwrap();
        let url = |path: &str| {
            data_url(&at(), &Picture::Path(path.into()), folder.path()).map_err(|e| e.to_string())
        };
        assert_eq!(url("a.jpg").unwrap(), "data:image/png;base64,iVBORw0KGgouLi4u");
        let outside = tempfile::tempdir().unwrap();
        std::fs::copy(folder.path().join("a.jpg"), outside.path().join("a.jpg")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("a.jpg"), folder.path().join("l.jpg"))
            .unwrap();
        std::os::unix::fs::symlink("a.jpg", folder.path().join("in.jpg")).unwrap();
        assert!(url("l.jpg").unwrap_err().contains("leads out of it"));
        assert_eq!(url("in.jpg").unwrap(), url("a.jpg").unwrap());
        assert!(url("b.png").unwrap_err().contains("PNG, JPEG"));
        assert!(url("c.png").unwrap_err().contains("`pictures`"));
        for path in ["../a.jpg", "/etc/passwd", "", "x/../../a"] {
            assert!(url(path).unwrap_err().contains("below `picture_folder`"), "{path}");
        }
    }
}
