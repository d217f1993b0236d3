//! `subtasks`.

use conductor_types::WorkflowErrorKind::{LengthMismatch, SubtaskInvalid};

use super::{Case, fails, lines, reads};

fn told(subtasks: &str) -> String {
    lines("[1]", subtasks, "[\"\"]")
}

fn is(subtask: &'static str) -> Vec<(usize, &'static str, Vec<usize>)> {
    vec![(1, subtask, vec![])]
}

pub fn cases() -> Vec<Case> {
    vec![
        reads("single-quoted text", told("['Prove the lemma.']"), is("Prove the lemma.")),
        reads("an apostrophe in double quotes", told("[\"Don't guess.\"]"), is("Don't guess.")),
        reads(
            "a curly apostrophe in double quotes",
            told("[\"Don’t guess.\"]"),
            is("Don't guess."),
        ),
        reads("an escaped apostrophe", told(r"['Don\'t guess.']"), is("Don't guess.")),
        reads("escapes", told(r#"["a\tb\nc\\d"]"#), is("a\tb\nc\\d")),
        reads("a unicode escape", told(r#"["caf\u00e9"]"#), is("café")),
        reads("a pair of surrogates", told(r#"["\ud83d\ude00"]"#), is("😀")),
        reads(
            "a latex command keeps its backslash",
            told(r#"["Use \\frac{1}{2} and \sqrt{x}."]"#),
            is("Use \\frac{1}{2} and \\sqrt{x}."),
        ),
        reads("a raw string", told(r#"[r"Match \d+ only."]"#), is("Match \\d+ only.")),
        reads(
            "triple quotes over lines",
            told("[\"\"\"First\nsecond.\"\"\"]"),
            is("First\nsecond."),
        ),
        reads("adjacent strings are joined", told("[\"Prove \" 'it.']"), is("Prove it.")),
        reads("adjacent strings over lines", told("[\"Prove \"\n  \"it.\"]"), is("Prove it.")),
        reads("a string in parentheses", told("[(\"Prove \"\n\"it.\")]"), is("Prove it.")),
        reads("an empty subtask", told("[\"\"]"), is("")),
        reads("commas in quotes", told("[\"First, second, third.\"]"), is("First, second, third.")),
        reads("bare words", told("[Prove the lemma]"), is("Prove the lemma")),
        reads(
            "bare words with blanks around",
            told("[  Prove the lemma  ]"),
            is("Prove the lemma"),
        ),
        reads(
            "a line break inside quotes",
            told("[\"Prove\nthe lemma.\"]"),
            is("Prove\nthe lemma."),
        ),
        reads(
            "bare digits among bare words are text",
            lines("[1, 2]", "[Prove it, 7]", "[[], []]"),
            vec![(1, "Prove it", vec![]), (2, "7", vec![])],
        ),
        reads(
            "quoted and bare mixed",
            lines("[1, 2]", "[\"Prove, then\", check it]", "[[], []]"),
            vec![(1, "Prove, then", vec![]), (2, "check it", vec![])],
        ),
        reads("a trailing comma behind bare words", told("[Prove it,]"), is("Prove it")),
        reads("many scripts", told("[\"証明せよ — докажи 🙂\"]"), is("証明せよ — докажи 🙂")),
        reads("code with brackets", told("[\"Sort a[i] before b[j]; return a[:n].\"]"), {
            is("Sort a[i] before b[j]; return a[:n].")
        }),
        reads(
            "backticks are dropped",
            told("[\"Call `solve(x)` once.\"]"),
            is("Call solve(x) once."),
        ),
        reads(
            "words of access in a subtask",
            told("[\"Get access: read all.\"]"),
            is("Get access: read all."),
        ),
        fails("a number for a subtask", told("[7]"), SubtaskInvalid),
        fails("None for a subtask", told("[None]"), SubtaskInvalid),
        fails("json null for a subtask", told("[null]"), SubtaskInvalid),
        fails("a list for a subtask", told("[[\"Prove it.\"]]"), SubtaskInvalid),
        fails("a dict for a subtask", told("[{\"task\": \"Prove it.\"}]"), SubtaskInvalid),
        fails("True for a subtask", told("[True]"), SubtaskInvalid),
        fails(
            "the second subtask is the bad one",
            lines("[1, 2]", "[\"a\", 3.5]", "[[], []]"),
            SubtaskInvalid,
        ),
        fails(
            "a missing comma joins two subtasks",
            lines("[1, 2]", "[\"a\" \"b\"]", "[[], []]"),
            LengthMismatch,
        ),
        fails("bare commas split a sentence", told("[Prove it, then check it]"), LengthMismatch),
    ]
}
