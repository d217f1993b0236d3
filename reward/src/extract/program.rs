//! A whole program in a text, as a question with test cases asks for it.

use super::Failure;
use super::code::{defines, unfenced};
use super::fences::fenced;

/// What stands between the last pair of fences, empty pairs left out. Where a function is asked for: the last such program
/// that defines it, or the class `Solution`, at the outermost level, before one that does not. A single open fence counts to
/// the end of the text. A text without any fence is a program only where a function is asked for and it defines it.
pub fn program(text: &str, function: Option<&str>) -> Result<String, Failure> {
    let text = text.trim_start_matches('\u{feff}');
    let blocks = fenced(text);
    let names = function.map(|name| ["Solution", name]);
    let answers =
        |source: &str| names.is_some_and(|names| names.iter().any(|n| defines(source, n)));
    let Some(last) = blocks.last() else {
        let mut bare = names.into_iter().flatten().filter(|name| defines(text, name));
        return bare.find_map(|name| unfenced(text, name)).ok_or(Failure::NoCode);
    };
    let defining = blocks.iter().rev().find(|block| answers(block));
    Ok(defining.unwrap_or(last).clone())
}

/// `LiveCodeBench`'s own rule: the lines between the last two lines that hold ```` ``` ```` anywhere, whatever is in them; an
/// empty text where there are fewer.
pub fn official_program(text: &str) -> Result<String, Failure> {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut fences = lines.iter().enumerate().rev().filter(|(_, line)| line.contains("```"));
    let (Some((close, _)), Some((open, _))) = (fences.next(), fences.next()) else {
        return Err(Failure::NoCode);
    };
    let source = lines[open + 1..close].join("\n");
    if source.is_empty() { Err(Failure::NoCode) } else { Ok(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_program_counts_and_the_one_that_answers_before_it() {
        let text = "```python\nprint(1)\n```\nor\n```\nprint(2)\n```\n```\n\n```";
        assert_eq!(program(text, None).as_deref(), Ok("print(2)"));
        let usage =
            "```\nclass Solution:\n    def f(self): pass\n```\nTry\n```\nSolution().f()\n```";
        assert_eq!(
            program(usage, Some("f")).as_deref(),
            Ok("class Solution:\n    def f(self): pass")
        );
        let plain = "```\ndef f(a):\n    return a\n```\nTry\n```\nprint(f(1))\n```";
        assert_eq!(program(plain, Some("f")).as_deref(), Ok("def f(a):\n    return a"));
        assert_eq!(program("```\nx = 1\n```", Some("f")).as_deref(), Ok("x = 1"));
        assert_eq!(program("```python\nprint(3)", None).as_deref(), Ok("print(3)"));
    }

    #[test]
    fn a_text_without_fences_is_a_program_where_it_defines_what_is_asked_for() {
        let bare = "Sure.\nimport math\nclass Solution:\n    def f(self): pass";
        assert_eq!(
            program(bare, Some("f")).as_deref(),
            Ok("import math\nclass Solution:\n    def f(self): pass")
        );
        for text in ["", "print(1)", "  print(1)", "I cannot.", "```\n```", "```"] {
            assert_eq!(program(text, None), Err(Failure::NoCode), "{text:?}");
        }
        assert_eq!(program("f(1) is 2", Some("f")), Err(Failure::NoCode));
    }

    // The recorded extractions of the official rule are held against this in the root package's tests.
    #[test]
    fn the_official_rule_takes_what_is_between_the_last_two_fences() {
        assert_eq!(official_program("a\n```python\nx\ny\n```\nb").as_deref(), Ok("x\ny"));
        assert_eq!(official_program("```\nx\n```\n```").as_deref(), Err(&Failure::NoCode));
        assert_eq!(official_program("```python\nx").as_deref(), Err(&Failure::NoCode));
    }
}
