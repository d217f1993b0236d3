//! `model_id`.

use conductor_types::WorkflowErrorKind::{WorkerNotANumber, WorkerOutOfRange};

use super::{Case, fails, lines, reads};

fn with_id(id: &str) -> String {
    lines(id, "[\"Weigh the options.\"]", "[\"\"]")
}

fn by(worker: usize) -> Vec<(usize, &'static str, Vec<usize>)> {
    vec![(worker, "Weigh the options.", vec![])]
}

pub fn cases() -> Vec<Case> {
    vec![
        reads("the first worker", with_id("[0]"), by(0)),
        reads("the last worker", with_id("[3]"), by(3)),
        reads("digits in double quotes", with_id("[\"2\"]"), by(2)),
        reads("digits in single quotes", with_id("['2']"), by(2)),
        reads("digits with blanks", with_id("[\" 2 \"]"), by(2)),
        reads("digits with leading zeros", with_id("[\"002\"]"), by(2)),
        reads("a bare number with a leading zero", with_id("[02]"), by(2)),
        reads("a plus sign", with_id("[+2]"), by(2)),
        reads("minus zero", with_id("[-0]"), by(0)),
        reads("a trailing comma in ids", with_id("[2,]"), by(2)),
        reads("backticks around the number", with_id("[`2`]"), by(2)),
        fails("one too many", with_id("[4]"), WorkerOutOfRange),
        fails("counted from one", lines("[4, 1]", "[\"a\", \"b\"]", "[[], []]"), WorkerOutOfRange),
        fails("a negative number", with_id("[-1]"), WorkerOutOfRange),
        fails("a huge number", with_id("[99999999999999999999999999]"), WorkerOutOfRange),
        fails(
            "more digits than any integer",
            with_id(&format!("[\"{}\"]", "9".repeat(400))),
            WorkerOutOfRange,
        ),
        fails("a name", with_id("[\"gpt\"]"), WorkerNotANumber),
        fails("a bare name", with_id("[worker_2]"), WorkerNotANumber),
        fails("a number with a word", with_id("[\"worker 2\"]"), WorkerNotANumber),
        fails("a decimal", with_id("[2.0]"), WorkerNotANumber),
        fails("a decimal in quotes", with_id("[\"2.0\"]"), WorkerNotANumber),
        fails("an exponent", with_id("[1e0]"), WorkerNotANumber),
        fails("a minus in quotes", with_id("[\"-1\"]"), WorkerNotANumber),
        fails("an empty string for an id", with_id("[\"\"]"), WorkerNotANumber),
        fails("None for an id", with_id("[None]"), WorkerNotANumber),
        fails("True for an id", with_id("[True]"), WorkerNotANumber),
        fails("json true for an id", with_id("[true]"), WorkerNotANumber),
        fails("a list for an id", with_id("[[2]]"), WorkerNotANumber),
        fails("digits of another script", with_id("[\"٢\"]"), WorkerNotANumber),
        fails(
            "no commas between ids",
            lines("[0 1]", "[\"a\", \"b\"]", "[[], []]"),
            WorkerNotANumber,
        ),
        fails("a hexadecimal number", with_id("[0x1]"), WorkerNotANumber),
        fails(
            "the second id is the bad one",
            lines("[0, x]", "[\"a\", \"b\"]", "[[], []]"),
            WorkerNotANumber,
        ),
    ]
}
