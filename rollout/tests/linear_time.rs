//! The parser takes linear time, also for texts that make a careless parser quadratic.

use std::time::{Duration, Instant};

use conductor_rollout::parse::{ParseRules, parse};
use conductor_types::AccessKind;

/// From 64 KiB to 4 MiB, so that quadratic time is found before it takes hours.
const SMALLEST: usize = 64 << 10;
const TIMES_LONGER: [u32; 3] = [4, 16, 64];
/// What a text that is so many times longer may take beyond so many times the time: caches, the allocator, a busy
/// machine. Quadratic time is beyond it at 1 MiB.
const SLACK: u32 = 4;
const NOISE: Duration = Duration::from_millis(30);

/// Repetitions of `piece`, as many as make about `bytes`.
fn many(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len())
}

/// `list` stands for the subtasks of a workflow that is whole otherwise.
fn subtasks(list: &str) -> String {
    format!("model_id: [0]\nsubtasks: [{list}]\naccess_list: [[]]")
}

/// `list` stands for the access of a workflow that is whole otherwise.
fn access(list: &str) -> String {
    format!("model_id: [0]\nsubtasks: [\"a\"]\naccess_list: [{list}]")
}

/// A text of about this many bytes.
type Shape = fn(usize) -> String;

const LABELS: [(&str, Shape); 7] = [
    ("labels", |n| many("model_id: ", n)),
    ("labels that open", |n| many("model_id: [ ", n)),
    ("labels that open and quote", |n| many("model_id: [\" ", n)),
    ("alternating labels", |n| many("model_id: access: subtasks: ", n)),
    ("labels behind a list", |n| format!("model_id: [0] {}", many("subtasks: x access: y ", n))),
    ("labels without a sign", |n| many("model_id access_list ", n)),
    ("blanks behind a label", |n| format!("model_id{}", many(" \n", n))),
];

const BRACKETS: [(&str, Shape); 7] = [
    ("brackets", |n| format!("model_id: {}", many("[", n))),
    ("balanced brackets", |n| format!("model_id: {}{}", many("[", n / 2), many("]", n / 2))),
    ("nested subtasks", |n| subtasks(&format!("{}{}", many("[", n / 2), many("]", n / 2)))),
    ("pairs of brackets", |n| subtasks(&many("[],", n))),
    ("other brackets", |n| subtasks(&many("({", n))),
    ("closed dicts", |n| subtasks(&many("{},", n))),
    ("closing brackets", |n| format!("model_id: [0]{}", many("]", n))),
];

const QUOTES: [(&str, Shape); 11] = [
    ("quotes", |n| format!("model_id: [{}]", many("\"'", n))),
    ("one kind of quote", |n| subtasks(&many("\"", n))),
    ("strings in a row", |n| subtasks(&many("'a' ", n))),
    ("strings in a row and no literal", |n| subtasks(&format!("{} x", many("'a' ", n)))),
    ("quoted entries", |n| subtasks(&many("\"a\" , ", n))),
    ("bare entries", |n| subtasks(&many("a b, ", n))),
    ("bare access", |n| access(&many("a b, ", n))),
    ("smart quotes", |n| subtasks(&many("“a” ‘b’, ", n))),
    ("smart quotes that open", |n| subtasks(&many("“", n))),
    ("backslashes", |n| subtasks(&format!("\"{}\"", many("\\\\", n)))),
    ("half escapes", |n| subtasks(&format!("\"{}\"", many("\\ud83d", n)))),
];

const REST: [(&str, Shape); 10] = [
    ("thoughts that never end", |n| many("<think>", n)),
    ("ends of thoughts", |n| many("</think>", n)),
    ("thoughts that end", |n| many("<think></think>", n)),
    ("thoughts in thoughts", |n| format!("{}{}", many("<think>", n / 2), many("</think>", n / 2))),
    ("backticks", |n| format!("```{}", many("`a` ", n))),
    ("bullets", |n| many("- * + ", n)),
    ("a long number", |n| subtasks(&many("9", n))),
    ("a long decimal in JSON", |n| subtasks(&format!("true, 0.{}", many("9", n)))),
    ("signs", |n| subtasks(&format!("{}1", many("+- ", n)))),
    ("comments", |n| subtasks(&many("# a\n", n))),
];

/// The best of some: another process on the machine must not fail this.
fn time(text: &str, repetitions: u32) -> Duration {
    let rules = ParseRules { access: AccessKind::ByStep, max_steps: 5, workers: 4 };
    let once = || {
        let start = Instant::now();
        let _ = parse(text, &rules);
        start.elapsed()
    };
    (0..repetitions).map(|_| once()).min().unwrap_or_default()
}

fn are_linear(shapes: &[(&str, Shape)]) {
    for (name, shape) in shapes {
        let smallest = time(&shape(SMALLEST), 5);
        for times in TIMES_LONGER {
            let text = shape(SMALLEST * times as usize);
            let most = smallest * times * SLACK + NOISE;
            let quick = (0..4).any(|_| time(&text, 1) <= most);
            assert!(
                quick,
                "{name}: {smallest:?} became more than {most:?} at {} bytes",
                text.len()
            );
        }
    }
}

#[test]
fn labels_take_linear_time() {
    are_linear(&LABELS);
}

#[test]
fn brackets_take_linear_time() {
    are_linear(&BRACKETS);
}

#[test]
fn quotes_take_linear_time() {
    are_linear(&QUOTES);
}

#[test]
fn everything_else_takes_linear_time() {
    are_linear(&REST);
}
