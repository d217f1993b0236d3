//! `LeetCodeDataset` (arXiv 2504.14655): methods of a class, judged by calls. Its tests are texts of Python, in part outputs of a
//! program that failed: those are left out, and what is a plain value becomes a test case in LiveCodeBench's form. Problems on linked
//! lists and trees, whose arguments no test case can hold, keep their own Python checks.

use std::path::Path;

use conductor_configs::schema::{ContestDifficulty, DomainBy};
use conductor_types::{CodeMetadata, Grading, TestCase, TestCases, TestType};
use serde::Deserialize;
use serde_json::Value;

use super::draft::{self, At, Labels};
use super::livecodebench::difficulty as named;
use super::records::Rows;
use super::{Emit, check, prompts, python_values};
use crate::error::{DataError, excerpt};

const EXPECTED: &str = "a LeetCodeDataset row {\"task_id\", \"entry_point\", \"prompt\", \"completion\", \"test\", \"input_output\", and \
                        \"problem_description\", \"starter_code\", \"difficulty\" or \"meta\"}";
const COLUMNS: [&str; 10] = [
    "task_id",
    "entry_point",
    "prompt",
    "completion",
    "test",
    "input_output",
    "problem_description",
    "starter_code",
    "difficulty",
    "meta",
];

#[derive(Deserialize)]
struct Row {
    task_id: String,
    entry_point: String,
    prompt: String,
    completion: String,
    test: String,
    input_output: Vec<Pair>,
    #[serde(default)]
    problem_description: Option<String>,
    #[serde(default)]
    starter_code: Option<String>,
    #[serde(default)]
    difficulty: Option<String>,
    #[serde(default)]
    meta: Option<Meta>,
}

/// Where the older versions keep the question (under the title's name) and the head of its class.
#[derive(Deserialize)]
struct Meta {
    question_title: String,
    lang_code: String,
    difficulty: String,
}

#[derive(Deserialize)]
struct Pair {
    input: Option<String>,
    output: Option<String>,
}

pub(super) fn read(
    path: &Path,
    difficulties: Option<&[ContestDifficulty]>,
    by: DomainBy,
    emit: &mut Emit,
) -> Result<(), DataError> {
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, row: Row| {
        let meta = row.meta.as_ref();
        let text = |own: &Option<String>, old: Option<&String>, field: &str| {
            let found = own.as_ref().or(old).cloned();
            found.ok_or_else(|| at.fail(EXPECTED, format!("a row without {field}")))
        };
        let description =
            text(&row.problem_description, meta.map(|m| &m.question_title), "its description")?;
        let starter = text(&row.starter_code, meta.map(|m| &m.lang_code), "its starter code")?;
        let difficulty = text(&row.difficulty, meta.map(|m| &m.difficulty), "its difficulty")?;
        let difficulty = difficulty_of(&at, &difficulty)?;
        if difficulties.is_some_and(|kept| !kept.contains(&difficulty)) {
            return Ok(());
        }
        check::filled(&at.place, "problem_description", &description)?;
        check::filled(&at.place, "starter_code", &starter)?;
        let labels = Labels { difficulty: Some(named(difficulty)), ..Labels::default() };
        let domain = draft::domain(&at, "leetcode", by, labels)?;
        let grading = grading(&at, &row)?;
        let helpers = match &grading {
            Grading::Python { .. } => {
                "\n\nListNode and TreeNode are defined already: they have val and next, and val, left and right."
            }
            _ => "",
        };
        let prompt = prompts::method(&format!("{}{helpers}", description.trim()), &starter);
        let id = format!("leetcode/{}", row.task_id.trim());
        emit(at.place, draft::task(id, domain, prompt, grading))
    })
}

fn difficulty_of(at: &At, text: &str) -> Result<ContestDifficulty, DataError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "easy" => Ok(ContestDifficulty::Easy),
        // Version 0.2.0 has it both ways.
        "medium" | "meidum" => Ok(ContestDifficulty::Medium),
        "hard" => Ok(ContestDifficulty::Hard),
        _ => Err(at.fail("`difficulty` that is Easy, Medium or Hard", excerpt(text))),
    }
}

fn grading(at: &At, row: &Row) -> Result<Grading, DataError> {
    let Some(method) = row.entry_point.strip_prefix("Solution().") else {
        let given = excerpt(&row.entry_point);
        return Err(at.fail("`entry_point` like \"Solution().name\"", given));
    };
    let head = Head::of(&row.completion, method)
        .ok_or_else(|| at.fail(format!("`completion` that defines {method}"), "none"))?;
    let on_nodes = ["list_node(", "tree_node("].iter().any(|maker| row.test.contains(maker));
    let cases: Vec<TestCase> = if on_nodes {
        Vec::new()
    } else {
        row.input_output.iter().filter_map(|pair| head.case(pair)).collect()
    };
    if cases.is_empty() {
        if !row.test.contains("def check(") {
            return Err(at.fail("`test` that defines check(candidate)", excerpt(&row.test)));
        }
        return Ok(Grading::Python {
            prelude: row.prompt.clone(),
            tests: format!("{}\n\ncheck(Solution().{method})\n", row.test.trim_end()),
            entry_point: "Solution".into(),
        });
    }
    Ok(Grading::Code {
        public_test_cases: TestCases::default(),
        private_test_cases: TestCases::List(cases),
        metadata: CodeMetadata { func_name: Some(method.to_string()) },
        time_limit_secs: None,
        memory_limit_mib: None,
    })
}

/// What the head of a method says of its calls.
struct Head {
    parameters: Vec<String>,
    returns_text: bool,
}

impl Head {
    /// Reads "def name(self, a: List[int], b: str = '') -> str:".
    fn of(program: &str, method: &str) -> Option<Self> {
        let at = program.match_indices("def ").find_map(|(i, _)| {
            let rest = program[i + 4..].trim_start().strip_prefix(method)?;
            rest.trim_start().strip_prefix('(')
        })?;
        let mut depth = 0usize;
        // Within a text nothing parts or ends a parameter.
        let mut quote = None;
        let mut parameters = vec![String::new()];
        let mut end = None;
        for (i, c) in at.char_indices() {
            match c {
                _ if quote == Some(c) => quote = None,
                _ if quote.is_some() => {}
                '\'' | '"' => quote = Some(c),
                ')' if depth == 0 => {
                    end = Some(i);
                    break;
                }
                ',' if depth == 0 => {
                    parameters.push(String::new());
                    continue;
                }
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if let Some(parameter) = parameters.last_mut() {
                parameter.push(c);
            }
        }
        let name = |text: String| {
            let name = text.split([':', '=']).next().unwrap_or_default();
            name.trim().trim_start_matches('*').to_string()
        };
        let names = parameters.into_iter().map(name);
        let parameters = names.filter(|name| !name.is_empty() && name != "self").collect();
        let behind = &at[end? + 1..];
        let returned =
            behind.trim_start().strip_prefix("->").and_then(|rest| rest.split(':').next());
        let returned = returned.unwrap_or_default().trim().trim_matches(['\'', '"']);
        Some(Self { parameters, returns_text: returned == "str" })
    }

    /// A test case, where input and output are plain values that fit the head.
    fn case(&self, pair: &Pair) -> Option<TestCase> {
        let (input, output) = (pair.input.as_deref()?, pair.output.as_deref()?);
        let output = self.output(output)?;
        let mut given = python_values::arguments(input)?;
        let values: Option<Vec<Value>> = if given.iter().all(|(name, _)| name.is_none()) {
            Some(given.into_iter().map(|(_, value)| value).collect())
        } else {
            // Calls are by position, and inputs name their arguments in any order.
            let take = |parameter: &String| {
                let i = given.iter().position(|(name, _)| name.as_ref() == Some(parameter))?;
                Some(given.swap_remove(i).1)
            };
            let values: Option<Vec<Value>> = self.parameters.iter().map(take).collect();
            values.filter(|_| given.is_empty())
        };
        let values = values.filter(|values| values.len() == self.parameters.len())?;
        let lines: Vec<String> = values.iter().map(Value::to_string).collect();
        let (input, testtype) = (lines.join("\n"), TestType::Functional);
        Some(TestCase { input, output: output.to_string(), testtype })
    }

    /// The returned value. Texts stand with quotes where they come from the question and without where they come from a program.
    fn output(&self, text: &str) -> Option<Value> {
        let failed = ["Error:", "Execution timed out", "Traceback"];
        let trimmed = text.trim();
        if failed.iter().any(|start| trimmed.starts_with(start)) || trimmed == "None" {
            return None;
        }
        match python_values::value(trimmed) {
            Some(Value::Null) => None,
            Some(Value::String(quoted)) if self.returns_text => Some(Value::String(quoted)),
            _ if self.returns_text => Some(Value::String(text.to_string())),
            value => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(program: &str) -> Head {
        Head::of(program, "f").unwrap()
    }

    fn case(head: &Head, input: &str, output: &str) -> Option<(String, String)> {
        let pair = Pair { input: Some(input.into()), output: Some(output.into()) };
        head.case(&pair).map(|case| (case.input, case.output))
    }

    #[test]
    fn a_head_tells_parameters_and_texts() {
        let program = "class Solution:\n    def ff(self): pass\n    def f(\n        self, a: Dict[str, int], b: str = 'x,y'[0],\n    ) -> str:\n";
        let head = head(program);
        assert_eq!(head.parameters, ["a", "b"]);
        assert!(head.returns_text);
        assert!(!self::head("def f(self, n: int) -> List[str]:").returns_text);
        assert!(!self::head("def f(n):").returns_text);
        assert!(Head::of("def g(n):", "f").is_none() && Head::of("def f(n", "f").is_none());
    }

    #[test]
    fn pairs_become_cases_or_are_left_out() {
        let head = head("def f(self, n: int, q: List[int]) -> List[bool]:");
        let good = ("3\n[1,2]".to_string(), "[true,false]".to_string());
        assert_eq!(case(&head, "n = 3, q = [1, 2]", "[True, False]"), Some(good.clone()));
        assert_eq!(case(&head, "q = (1, 2), n = 3", "[true,false]"), Some(good.clone()));
        assert_eq!(case(&head, "3, [1, 2]", "[True, False]"), Some(good));
        for (input, output) in [
            ("n = 3, q = [1, 2]", "None"),
            ("n = 3, q = [1, 2]", "Error: list index out of range"),
            ("n = 3, q = [1, 2]", "Execution timed out"),
            ("n = 3, q = [1, 2]", "inf"),
            ("n = 3, q = [1, 2]", ""),
            ("n = 3", "[]"),
            ("n = 3, m = 4", "[]"),
            ("n = 3, q = [1], m = 4", "[]"),
            ("n = 3, q = [1] * 100", "[]"),
            ("3", "[]"),
        ] {
            assert_eq!(case(&head, input, output), None, "{input} {output}");
        }
    }

    #[test]
    fn texts_that_are_returned_stand_with_and_without_quotes() {
        let head = head("def f(self, s: str) -> str:");
        for (output, expected) in [
            ("\"001\"", "\"001\""),
            ("001", "\"001\""),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("'x'", "\"x\""),
        ] {
            let found = case(&head, "s = \"010\"", output);
            assert_eq!(found, Some(("\"010\"".into(), expected.into())), "{output}");
        }
    }
}
