//! Brackets, lengths, and what is checked first.

use conductor_types::WorkflowErrorKind::{
    AccessEmpty, LengthMismatch, NoSteps, NotFound, TooManySteps, WorkerOutOfRange,
};

use super::{Case, fails, lines, reads};

pub fn cases() -> Vec<Case> {
    let five = |entry: &str| format!("[{}]", [entry; 5].join(", "));
    let six = |entry: &str| format!("[{}]", [entry; 6].join(", "));
    vec![
        reads(
            "five steps",
            lines(&five("2"), &five("\"Try.\""), &five("\"\"")),
            (0..5).map(|_| (2, "Try.", vec![])).collect(),
        ),
        reads(
            "lists over several lines",
            "model_id: [\n  0,\n  3,\n]\nsubtasks: [\n  \"Draw it.\",\n  \"Measure it.\",\n]\n\
             access_list: [\n  [],\n  \"all\",\n]",
            vec![(0, "Draw it.", vec![]), (3, "Measure it.", vec![0])],
        ),
        reads(
            "bulleted entries",
            "model_id: [\n- 0,\n- 3\n]\nsubtasks: [\n- \"Draw it.\",\n- \"Measure it.\"\n]\n\
             access_list: [\n- \"\",\n- \"all\"\n]",
            vec![(0, "Draw it.", vec![]), (3, "Measure it.", vec![0])],
        ),
        reads(
            "comments inside the lists",
            "model_id: [0, # quick\n 3] # careful\nsubtasks: [\"Draw.\", # first\n \"Measure.\"]\n\
             access_list: [[], 'all'] # done",
            vec![(0, "Draw.", vec![]), (3, "Measure.", vec![0])],
        ),
        reads(
            "brackets inside quotes",
            lines("[0]", "[\"Close ] or open [ at will]\"]", "[[]]"),
            vec![(0, "Close ] or open [ at will]", vec![])],
        ),
        reads(
            "escaped quotes before a bracket",
            lines("[0]", r#"["Say \"]\" twice."]"#, "[[]]"),
            vec![(0, "Say \"]\" twice.", vec![])],
        ),
        reads(
            "text right behind the lists",
            "model_id: [0], subtasks: [\"Go.\"], access_list: [\"\"].Done]]",
            vec![(0, "Go.", vec![])],
        ),
        reads(
            "curly quotes throughout",
            "model_id: [“2”]\nsubtasks: [“Name the river.”]\naccess_list: [“”]",
            vec![(2, "Name the river.", vec![])],
        ),
        reads(
            "low and single curly quotes",
            "model_id: [‘2’]\nsubtasks: [„Name the river.“]\naccess_list: [‘’]",
            vec![(2, "Name the river.", vec![])],
        ),
        fails("three empty lists", lines("[]", "[]", "[]"), NoSteps),
        fails("three lists of blanks", lines("[ ]", "[\n]", "[\t]"), NoSteps),
        fails("six steps", lines(&six("2"), &six("\"Try.\""), &six("\"\"")), TooManySteps),
        fails("six ids before other faults", lines(&six("9"), "[\"Try.\"]", "[]"), TooManySteps),
        fails("six subtasks for one id", lines("[2]", &six("\"Try.\""), "[\"\"]"), LengthMismatch),
        fails("fewer subtasks", lines("[0, 1]", "[\"Try.\"]", "[\"\", \"\"]"), LengthMismatch),
        fails("fewer ids", lines("[0]", "[\"Try.\", \"Check.\"]", "[\"\", \"\"]"), LengthMismatch),
        fails(
            "fewer access entries",
            lines("[0, 1]", "[\"Try.\", \"Check.\"]", "[\"\"]"),
            LengthMismatch,
        ),
        fails("more access entries", lines("[0]", "[\"Try.\"]", "[\"\", \"all\"]"), LengthMismatch),
        fails("no ids but subtasks", lines("[]", "[\"Try.\"]", "[\"\"]"), LengthMismatch),
        fails("no subtasks but ids", lines("[0]", "[]", "[\"\"]"), LengthMismatch),
        fails("an empty access list", lines("[0]", "[\"Try.\"]", "[]"), AccessEmpty),
        fails(
            "an empty access list beside lists that differ",
            lines("[0, 1]", "[\"Try.\"]", "[]"),
            AccessEmpty,
        ),
        fails(
            "a bad id before an empty access list",
            lines("[4]", "[\"Try.\"]", "[]"),
            WorkerOutOfRange,
        ),
    ]
}

/// Brackets and quotes that do not close.
pub fn cut_off() -> Vec<Case> {
    vec![
        fails(
            "ids that never close",
            "model_id: [0, 1\nsubtasks: \"Try.\"\naccess_list: \"\"",
            NotFound,
        ),
        fails(
            "subtasks cut off",
            "model_id: [0]\naccess_list: [\"\"]\nsubtasks: [\"Try to find the",
            NotFound,
        ),
        fails("access cut off", "model_id: [0]\nsubtasks: [\"Try.\"]\naccess_list: [[", NotFound),
        fails(
            "a quote that never closes",
            "model_id: [0]\nsubtasks: [\"Try.]\naccess_list: [[]]",
            NotFound,
        ),
        fails("a bare apostrophe opens a quote", lines("[0]", "[Don't guess]", "[[]]"), NotFound),
        fails(
            "a label at the very end",
            "subtasks: [\"Try.\"]\naccess_list: [[]]\nmodel_id:",
            NotFound,
        ),
        fails(
            "a thousand opening brackets",
            lines(&"[".repeat(1000), "[\"Try.\"]", "[[]]"),
            NotFound,
        ),
    ]
}
