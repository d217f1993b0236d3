//! What workers are asked, one form for each form of answer. Recordings are made for exactly these texts, so that a changed
//! word makes every recording of a benchmark useless: docs/formats.md has them, and a test holds it to them.

use std::fmt::Write as _;

/// Comes before what is asked for.
pub const STEPS: &str = "First work it out step by step, in few words. Then write";

/// Options by letter, and the letter for an answer.
pub fn choice(question: &str, options: &[String]) -> String {
    let mut text = question.trim().to_string();
    text.push('\n');
    for (i, option) in options.iter().enumerate() {
        let _ = write!(text, "\n({}) {}", letter(i), option.trim());
    }
    format!(
        "{text}\n\n{STEPS} the letter of the right option alone between <answer> and </answer>."
    )
}

/// "A" for 0; options end at "Z".
pub fn letter(i: usize) -> String {
    u8::try_from(i)
        .ok()
        .filter(|i| *i < 26)
        .map_or("?".into(), |i| char::from(b'A' + i).to_string())
}

/// A number for an answer.
pub fn number(question: &str) -> String {
    answered(question, "the final number alone, without units, between <answer> and </answer>.")
}

/// An integer from 0 to 999 for an answer.
pub fn aime(question: &str) -> String {
    answered(
        question,
        "the answer, an integer from 0 to 999, alone between <answer> and </answer>.",
    )
}

/// A mathematical expression for an answer.
pub fn math(question: &str) -> String {
    answered(
        question,
        "the final answer alone, as one LaTeX expression without words around it, between <answer> and </answer>.",
    )
}

/// A few words for an answer.
pub fn short(question: &str) -> String {
    answered(
        question,
        "the final answer alone, as short as it can be said, between <answer> and </answer>.",
    )
}

/// A question with its own words for what to write.
pub fn answered(question: &str, what: &str) -> String {
    format!("{}\n\n{STEPS} {what}", question.trim())
}

/// A program that reads standard input.
pub fn program(question: &str) -> String {
    format!(
        "{}\n\nWrite a Python 3 program that solves this: it reads standard input and writes standard output, and nothing \
         else. Think first where that helps, then end with the whole program in one ```python block.",
        question.trim()
    )
}

/// A method whose head is given.
pub fn method(question: &str, starter: &str) -> String {
    format!(
        "{}\n\nWrite it in Python 3 by completing this class. Keep its name and the method's, and import what you need. Think \
         first where that helps, then end with the whole class in one ```python block.\n\n```python\n{}\n```",
        question.trim(),
        starter.trim_end()
    )
}

/// A function that asserts try out.
pub fn asserted(question: &str, asserts: &str) -> String {
    format!(
        "{}\n\nReply with the whole Python function and every import it needs in one ```python block, and nothing else. It \
         must hold:\n\n```python\n{}\n```",
        question.trim(),
        asserts.trim_end()
    )
}

/// A function whose head is given; `question` may be empty where the head says what to do.
pub fn function(question: &str, head: &str) -> String {
    let ask = "Write this Python function. Reply with the whole function and every import it needs in one ```python block, and \
               nothing else.";
    let question = question.trim();
    let before = if question.is_empty() { String::new() } else { format!("{question}\n\n") };
    format!("{before}{ask}\n\n```python\n{}\n```", head.trim_end())
}

/// Numbers and a target.
pub fn countdown(numbers: &[u64], target: i64) -> String {
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    format!(
        "Reach {target} with the numbers {}. Use each of them exactly once, with +, -, * and / between them and parentheses where \
         they are needed.\n\n{STEPS} the expression alone, without \"= {target}\", between <answer> and </answer>.",
        numbers.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_on_lines_of_their_own() {
        let options = ["one ".to_string(), "[2] two\nlines".into()];
        assert_eq!(
            choice(" Which?\n", &options),
            "Which?\n\n(A) one\n(B) [2] two\nlines\n\nFirst work it out step by step, in few words. Then write the letter of \
             the right option alone between <answer> and </answer>."
        );
    }

    #[test]
    fn every_form_asks_for_a_tag_or_a_block() {
        for text in [
            number("q"),
            aime("q"),
            math("q"),
            short("q"),
            countdown(&[1, 2], 3),
            choice("q", &["x".into(), "y".into()]),
        ] {
            assert!(text.ends_with("between <answer> and </answer>."), "{text}");
        }
        for text in [
            program("q"),
            method("q", "class S:\n"),
            asserted("q", "assert f()"),
            function("", "def f():"),
        ] {
            assert!(text.contains("in one ```python block"), "{text}");
        }
    }

    /// docs/formats.md on one line, its marks for code and for angle brackets undone.
    fn documented() -> String {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/formats.md");
        let text = std::fs::read_to_string(path).unwrap();
        let text = text
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("```` ```python ````", "```python");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_forms_are_documented_word_for_word() {
        let text = documented();
        let sentence = format!("\"{STEPS} … between <answer> and </answer>.\"");
        assert!(text.contains(&sentence), "{sentence}");
        let options = ["x".to_string(), "y".into()];
        for form in [
            number("Q"),
            aime("Q"),
            math("Q"),
            short("Q"),
            choice("Q", &options),
            countdown(&[44, 19, 35], 98),
        ] {
            let (before, rest) = form.split_once(STEPS).unwrap();
            let words = rest.trim().strip_suffix(" between <answer> and </answer>.").unwrap();
            assert!(text.contains(&format!("\"{words}\"")), "{words}");
            let before = before.trim();
            assert!(!before.starts_with("Reach") || text.contains(before), "{before}");
        }
        for form in [program("Q"), method("Q", "S"), asserted("Q", "A"), function("Q", "H")] {
            let ask = form.split("\n\n").nth(1).unwrap();
            let ask = ask.strip_prefix("Write this Python function. ").unwrap_or(ask);
            assert!(text.contains(ask), "{ask}");
        }
    }
}
