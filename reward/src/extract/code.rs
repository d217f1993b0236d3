//! A program in a text.

use super::Failure;
use super::fences::fenced;

/// A program as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// A program that defines what is asked for, or something else that stands by itself.
    Program(String),
    /// The body of a function whose head was given; to be read right behind it.
    Continuation(String),
}

impl Code {
    /// The program's own text.
    pub fn source(&self) -> &str {
        match self {
            Self::Program(source) | Self::Continuation(source) => source,
        }
    }
}

/// What stands between the last pair of fences; where several pairs are there and `entry_point` is not empty, the last one
/// that defines it. A single open fence counts to the end of the text. A text without any fence counts whole where it defines
/// `entry_point` at the start of a line (from its first line of code on), or where it begins indented, as the rest of a
/// function does.
pub fn code(text: &str, entry_point: &str) -> Result<Code, Failure> {
    let text = text.trim_start_matches('\u{feff}');
    let blocks = fenced(text);
    let source = if blocks.is_empty() {
        unfenced(text, entry_point).ok_or(Failure::NoCode)?
    } else {
        let defining = blocks.iter().rev().find(|block| defines(block, entry_point));
        defining.or(blocks.last()).cloned().unwrap_or_default()
    };
    if source.trim().is_empty() {
        return Err(Failure::NoCode);
    }
    let continues = !entry_point.is_empty() && !defines(&source, entry_point);
    Ok(if continues { Code::Continuation(indented(source)) } else { Code::Program(source) })
}

/// Whether `entry_point` is defined at the outermost level.
pub(super) fn defines(source: &str, entry_point: &str) -> bool {
    !entry_point.is_empty() && source.lines().any(|line| line_defines(line, entry_point))
}

fn line_defines(line: &str, name: &str) -> bool {
    let behind =
        |text: &str| text.trim_start().strip_prefix(name).map(|rest| rest.trim_start().to_owned());
    for head in ["def ", "async def ", "class "] {
        if let Some(rest) = line.strip_prefix(head).and_then(behind) {
            return rest.starts_with(['(', ':', '[']);
        }
    }
    let indented = line.starts_with([' ', '\t']);
    let assigns =
        |rest: String| rest.starts_with(':') || (rest.starts_with('=') && !rest.starts_with("=="));
    !indented && behind(line).is_some_and(assigns)
}

pub(super) fn unfenced(text: &str, entry_point: &str) -> Option<String> {
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    if first.starts_with([' ', '\t']) {
        return Some(text.to_owned());
    }
    if !defines(text, entry_point) {
        return None;
    }
    let starts = ["def ", "async def ", "class ", "import ", "from ", "@"];
    let lines: Vec<&str> = text
        .lines()
        .skip_while(|line| !starts.iter().any(|start| line.starts_with(start)))
        .collect();
    Some(lines.join("\n"))
}

/// A body that lost its indentation gets it back.
fn indented(source: String) -> String {
    let first = source.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    if first.starts_with([' ', '\t']) {
        return source;
    }
    source.lines().flat_map(|line| ["    ", line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(text: &str) -> String {
        match code(text, "f") {
            Ok(Code::Program(source)) => source,
            other => panic!("{other:?}"),
        }
    }

    fn continuation(text: &str) -> String {
        match code(text, "f") {
            Ok(Code::Continuation(source)) => source,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_last_pair_of_fences_counts() {
        assert_eq!(
            program(
                "Use\n```python\ndef f(x):\n    return 1\n```\nor\n```\ndef f(x):\n    return 2\n```\n"
            ),
            "def f(x):\n    return 2"
        );
        // A usage example behind the solution is not the solution.
        assert_eq!(
            program("```python\ndef f(x):\n    return 1\n```\nTry:\n```python\nprint(f(3))\n```"),
            "def f(x):\n    return 1"
        );
        assert_eq!(program("```python\ndef f(x): return 1"), "def f(x): return 1");
        assert_eq!(program("  ```\nf = lambda x: 1\n  ```"), "f = lambda x: 1");
        assert_eq!(program("```\ndef f(x): return 1\n```\n```\n\n```"), "def f(x): return 1");
        assert_eq!(program("\u{feff}def f(x): return 1"), "def f(x): return 1");
    }

    #[test]
    fn a_body_is_a_continuation() {
        assert_eq!(continuation("    return x\n"), "    return x\n");
        assert_eq!(continuation("```python\nreturn x\n```"), "    return x\n");
        assert_eq!(
            continuation("```\n    y = f(1)\n    return y\n```"),
            "    y = f(1)\n    return y"
        );
        assert_eq!(
            continuation("```\ndef g(x):\n    return x\n```"),
            "    def g(x):\n        return x\n"
        );
    }

    #[test]
    fn bare_programs_count_and_prose_does_not() {
        assert_eq!(
            program("Sure!\n\nimport math\n\ndef f(x):\n    return 1"),
            "import math\n\ndef f(x):\n    return 1"
        );
        for text in
            ["", "I cannot.", "```\n```", "f(x) is one", "def g(): pass", "f == 2", "```\n\n\n```"]
        {
            assert_eq!(code(text, "f"), Err(Failure::NoCode), "{text:?}");
        }
        // Without a name to look for, any fenced program is one.
        assert_eq!(code("```\nx = 1\n```", ""), Ok(Code::Program("x = 1".into())));
    }

    #[test]
    fn definitions_are_told_from_uses() {
        for source in [
            "def f(x): pass",
            "async def f(): pass",
            "class f:\n  pass",
            "f = 1",
            "f: int = 1",
            "def f (x): pass",
        ] {
            assert!(defines(source, "f"), "{source}");
        }
        for source in ["f(3)", "def ff(x): pass", "  def f(x): pass", "f == 1", "print(f)", "f[0]"]
        {
            assert!(!defines(source, "f"), "{source}");
        }
    }
}
