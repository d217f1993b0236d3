//! How the three lists are announced.

use conductor_types::WorkflowErrorKind::{NotFound, WorkerNotANumber};

use super::{Case, fails, reads};

fn labelled(ids: &str, subtasks: &str, access: &str) -> String {
    format!("{ids} [1]\n{subtasks} [\"Sum the digits.\"]\n{access} [\"\"]")
}

fn one() -> Vec<(usize, &'static str, Vec<usize>)> {
    vec![(1, "Sum the digits.", vec![])]
}

pub fn spellings() -> Vec<Case> {
    vec![
        reads("colons", labelled("model_id:", "subtasks:", "access_list:"), one()),
        reads("equals signs", labelled("model_id =", "subtasks =", "access_list ="), one()),
        reads("tight equals signs", labelled("model_id=", "subtasks=", "access_list="), one()),
        reads(
            "spaces before the sign",
            labelled("model_id  :", "subtasks :", "access_list\t="),
            one(),
        ),
        reads(
            "a line break before the sign",
            labelled("model_id\n:", "subtasks:", "access_list:"),
            one(),
        ),
        reads("words with blanks", labelled("model id:", "subtask:", "access list:"), one()),
        reads("plural ids", labelled("model ids:", "subtasks:", "access:"), one()),
        reads("capitals", labelled("MODEL_ID:", "SUBTASKS:", "ACCESS_LIST:"), one()),
        reads("title case", labelled("Model Ids:", "Subtasks:", "Access List:"), one()),
        reads("mixed case", labelled("Model_ID=", "subTask:", "aCCess:"), one()),
        reads("dash bullets", labelled("- model_id:", "- subtasks:", "- access_list:"), one()),
        reads("star bullets", labelled("* model_id:", "* subtasks:", "* access_list:"), one()),
        reads("dots as bullets", labelled("• model_id:", "• subtasks:", "• access_list:"), one()),
        reads(
            "indented bullets",
            labelled("   - model_id:", "\t- subtasks:", "  + access_list:"),
            one(),
        ),
        reads("numbered lines", labelled("1. model_id:", "2. subtasks:", "3) access_list:"), one()),
        reads(
            "backticks around labels",
            labelled("`model_id`:", "`subtasks`:", "`access_list`:"),
            one(),
        ),
        reads(
            "a fenced block",
            format!(
                "Plan:\n```python\n{}\n```\nDone.",
                labelled("model_id =", "subtasks =", "access_list =")
            ),
            one(),
        ),
        reads(
            "all on one line",
            "model_id: [1] subtasks: [\"Sum the digits.\"] access_list: [\"\"]",
            one(),
        ),
        reads(
            "another order",
            "access_list: [\"\"]\nsubtasks: [\"Sum the digits.\"]\nmodel_id: [1]",
            one(),
        ),
    ]
}

/// What may stand between, before and inside.
pub fn surroundings() -> Vec<Case> {
    vec![
        reads(
            "the list on the next line",
            "model_id:\n[1]\nsubtasks:\n\n  [\"Sum the digits.\"]\naccess_list:\n[\"\"]",
            one(),
        ),
        reads(
            "words between label and list",
            "model_id: the second worker, so [1]\nsubtasks: as follows [\"Sum the digits.\"]\n\
             access_list: nothing to see [\"\"]",
            one(),
        ),
        reads(
            "labels in prose without a sign",
            format!(
                "The model_id list and the access list must match the subtasks.\n{}",
                labelled("model_id:", "subtasks:", "access_list:")
            ),
            one(),
        ),
        reads(
            "labels in prose with a sign but no list",
            format!(
                "I fill in model_id: numbers, subtasks: words, access_list: flags.\n{}",
                labelled("model_id:", "subtasks:", "access_list:")
            ),
            one(),
        ),
        reads(
            "the first of two plans",
            format!(
                "{}\n\nmodel_id: [3]\nsubtasks: [\"Other.\"]\naccess_list: [\"all\"]",
                labelled("model_id:", "subtasks:", "access_list:")
            ),
            one(),
        ),
        reads(
            "a thought with another plan",
            format!(
                "<think>model_id: [0]\nsubtasks: [\"No.\"]\naccess_list: [[]]</think>\n{}",
                labelled("model_id:", "subtasks:", "access_list:")
            ),
            one(),
        ),
        reads(
            "two thoughts in capitals",
            format!(
                "<THINK>model_id: [0]</THINK>{}<think>x</think>",
                labelled("model_id:", "subtasks:", "access_list:")
            ),
            one(),
        ),
        reads(
            "a thought between label and list",
            "model_id: <think>[0] or [1]?</think>[1]\nsubtasks: [\"Sum the digits.\"]\naccess_list: [\"\"]",
            one(),
        ),
        reads(
            "a thought that never ends",
            format!("<think>{}", labelled("model_id:", "subtasks:", "access_list:")),
            one(),
        ),
        reads(
            "longer words that contain a label",
            format!(
                "my_model_id: [0]\nsupermodel_id: [0]\nnosubtasks: [\"x\"]\nunaccess: [[]]\n{}",
                labelled("model_id:", "subtasks:", "access_list:")
            ),
            one(),
        ),
        reads(
            "labels inside a subtask are text",
            "subtasks: [\"Set model_id: [3] and access: [9].\"]\nmodel_id: [1]\naccess_list: [\"\"]",
            vec![(1, "Set model_id: [3] and access: [9].", vec![])],
        ),
        reads(
            "accented prose around",
            format!(
                "Überlegung à propos:\n{}\nça suffit 🙂",
                labelled("model_id:", "subtasks:", "access_list:")
            ),
            one(),
        ),
        reads(
            "windows line ends",
            labelled("model_id:", "subtasks:", "access_list:").replace('\n', "\r\n"),
            one(),
        ),
    ]
}

/// Texts in which a list is not found.
pub fn missing() -> Vec<Case> {
    vec![
        fails("nothing at all", "", NotFound),
        fails("only prose", "I would ask the second worker to sum the digits.", NotFound),
        fails(
            "only a thought",
            "<think>model_id: [1] subtasks: [\"a\"] access_list: [[]]</think>",
            NotFound,
        ),
        fails("no access list", "model_id: [1]\nsubtasks: [\"Sum.\"]", NotFound),
        fails("no subtasks", "model_id: [1]\naccess_list: [\"\"]", NotFound),
        fails("no ids", "subtasks: [\"Sum.\"]\naccess_list: [\"\"]", NotFound),
        fails(
            "a plural with an underscore",
            labelled("model_ids:", "subtasks:", "access_list:"),
            NotFound,
        ),
        fails(
            "a longer word behind",
            labelled("model_id_list:", "subtasks:", "access_list:"),
            NotFound,
        ),
        fails(
            "an arrow for a sign",
            labelled("model_id ->", "subtasks ->", "access_list ->"),
            NotFound,
        ),
        fails(
            "a bare number for a list",
            "model_id: 1\nsubtasks: [\"Sum.\"]\naccess_list: [\"\"]",
            NotFound,
        ),
        fails("parentheses", "model_id: (1)\nsubtasks: (\"Sum.\")\naccess_list: (\"\")", NotFound),
        fails(
            "the first label counts, whatever its list holds",
            format!("model_id: [number]\n{}", labelled("model_id:", "subtasks:", "access_list:")),
            WorkerNotANumber,
        ),
    ]
}
