//! Every source in one table: what it is, what it asks for, how it is graded, and what to know before using it.

use conductor_configs::schema::TaskSource;

/// A source that files can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The `kind` in `[[tasks.sources]]`.
    pub kind: &'static str,
    /// The benchmark, in a line.
    pub about: &'static str,
    /// Grading rules of its tasks; empty where the file decides.
    pub grading: &'static [&'static str],
    /// What a user has to know before a run; empty for most.
    pub notice: &'static str,
}

const fn entry(kind: &'static str, about: &'static str, grading: &'static [&'static str]) -> Entry {
    Entry { kind, about, grading, notice: "" }
}

impl Entry {
    const fn noting(self, notice: &'static str) -> Self {
        Self { notice, ..self }
    }
}

/// All sources, by kind.
pub const REGISTRY: [Entry; 22] = [
    entry("aime", "competition problems with an integer from 0 to 999 as the answer", &["number"]),
    entry("amc", "competition problems with a number as the answer", &["number"]),
    entry("arc", "science questions of school examinations", &["choice"]),
    entry("bigcodebench", "Python functions that use many libraries, judged by unit tests", &["python"])
        .noting(
            "most BigCodeBench tests import numeric libraries: the interpreter that runs programs needs them, or `libraries = []` \
             keeps the tasks that run without",
        ),
    entry("code_contests", "contest programs, judged by tests through standard input", &["code"]),
    entry("codeforces", "contest programs, judged by tests through standard input", &["code"]),
    entry("countdown", "an expression of given numbers that comes to a target", &["countdown"]),
    entry("gpqa", "questions for experts with four options", &["choice"]).noting(
        "GPQA's authors ask that no question stands in plain text on the network: what a run or a mix writes holds questions, so it \
         stays on this machine",
    ),
    entry("gsm8k", "word problems with a number as the answer", &["number"]),
    entry("humaneval", "Python functions to complete, judged by unit tests", &["python"]),
    entry("jsonl", "your own tasks, one JSON object a line", &[]),
    entry("leetcode", "methods of a class, judged by calls", &["code", "python"]),
    entry("livecodebench", "contest programs and methods with their dates, judged by tests", &["code"]),
    entry("math500", "competition problems with an expression as the answer", &["math"]),
    entry("mbpp", "short Python functions, judged by asserts", &["python"]),
    entry("mmlu", "57 subjects with four options a question", &["choice"]),
    entry("mmlu_pro", "14 subjects with up to ten options a question", &["choice"]),
    entry("openbookqa", "science questions with four options", &["choice"]),
    entry("parquet", "your own tasks as a table", &[]),
    entry("reasoning_gym", "exports of reasoning-gym's generators", &["reasoning_gym"]),
    entry("rlpr", "questions of many fields with a short free answer", &["fuzzy"]),
    entry("theoremqa", "questions that need a theorem", &["number", "fuzzy", "choice"]),
];

/// What a user has to know before a run with this source. It belongs into the run's events and onto the screen.
pub fn notice(source: &TaskSource) -> Option<&'static str> {
    let entry = REGISTRY.iter().find(|entry| entry.kind == source.kind())?;
    // Whoever names the libraries knows of them.
    let known = matches!(source, TaskSource::Bigcodebench { libraries: Some(_), .. });
    (!known && !entry.notice.is_empty()).then_some(entry.notice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_kinds_are_the_configurations_own() {
        assert!(REGISTRY.is_sorted_by(|a, b| a.kind < b.kind));
        for Entry { kind, .. } in REGISTRY {
            let toml = serde_json::json!({"kind": kind, "path": "x"});
            let source: TaskSource = serde_json::from_value(toml).unwrap();
            assert_eq!(source.kind(), kind);
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/formats.md");
        let documented = std::fs::read_to_string(path).unwrap();
        for Entry { kind, .. } in REGISTRY {
            assert!(
                documented.contains(&format!("\n| `{kind}` | ")),
                "{kind} is in docs/formats.md"
            );
        }
        // A kind that is in no line here would be an unknown word to the error that lists them all.
        let error = serde_json::from_value::<TaskSource>(serde_json::json!({"kind": "x"}));
        let error = error.unwrap_err().to_string();
        let known = error.matches('`').count() / 2 - 1;
        assert_eq!(known, REGISTRY.len(), "{error}");
    }

    #[test]
    fn notices_are_given_where_they_matter() {
        let source = |json: &str| serde_json::from_str::<TaskSource>(json).unwrap();
        assert!(
            notice(&source(r#"{"kind": "gpqa", "path": "x"}"#))
                .unwrap()
                .contains("stays on this machine")
        );
        assert!(notice(&source(r#"{"kind": "bigcodebench", "path": "x"}"#)).is_some());
        assert!(
            notice(&source(r#"{"kind": "bigcodebench", "path": "x", "libraries": []}"#)).is_none()
        );
        assert!(notice(&source(r#"{"kind": "gsm8k", "path": "x"}"#)).is_none());
    }
}
