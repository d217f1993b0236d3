//! Blocks between fences, by CommonMark's rules as far as models keep to them.

/// The block of a fence that is still open.
#[derive(Debug)]
struct Open<'a> {
    fence: Fence<'a>,
    lines: Vec<&'a str>,
    /// How many lines stand before the first one that would close it but for its indentation or its length.
    loose: Option<usize>,
}

/// A line that opens or closes a block.
#[derive(Debug, Clone, Copy)]
struct Fence<'a> {
    /// Bytes before the marks: white space and the sign of a list's item.
    indent: usize,
    /// How many marks there are; at least three.
    length: usize,
    /// What stands behind them.
    info: &'a str,
    /// There is text before the marks.
    is_glued: bool,
    /// There is the sign of a list's item before them.
    is_item: bool,
}

/// What one reading of a text found.
#[derive(Debug, Default)]
struct Scan {
    blocks: Vec<String>,
    /// What follows a fence that is never closed.
    open: Option<String>,
    /// Something was odd: a fence that is not closed, or is where another one is open.
    is_odd: bool,
}

/// What stands between pairs of fences, in order; blank blocks are left out. What follows a fence that is never closed counts
/// where there is nothing else.
///
/// A fence is a line of three or more ```` ` ````, behind white space or the sign of a list's item, with a word or more behind
/// it where it opens. It closes a block that is not opened by a longer one or more than three columns to the left. One with a
/// language behind it opens a new block wherever it stands. A pair that is open where a line begins or ends with `</think>` is
/// none. Where the pairs do not come out even, a fence of which text stands in front (`the code:```python`) opens a block, if
/// they do so then. A text without any such fence may have fences of `~`.
pub(super) fn fenced(text: &str) -> Vec<String> {
    let plain = scan(text, '`', false);
    if plain.is_odd {
        let glued = scan(text, '`', true);
        if !glued.is_odd {
            return glued.blocks;
        }
    }
    if !plain.blocks.is_empty() {
        return plain.blocks;
    }
    match plain.open {
        Some(block) => vec![block],
        None => scan(text, '~', false).blocks,
    }
}

fn scan(text: &str, mark: char, glued: bool) -> Scan {
    let mut found = Scan::default();
    let mut open: Option<Open<'_>> = None;
    for line in text.lines() {
        if let Some(block) = open.take() {
            match block.next(line, mark) {
                Next::Inside(block) => open = Some(block),
                Next::Closed(block) => found.add(block.source()),
                Next::Restarted(block, fence) => {
                    found.is_odd = true;
                    found.add(block.source());
                    open = Some(Open::behind(fence));
                }
                Next::Dropped => open = opening(line, mark, glued).map(Open::behind),
            }
        } else {
            open = opening(line, mark, glued).map(Open::behind);
        }
    }
    if let Some(block) = open {
        found.is_odd = true;
        found.open = Some(block.source()).filter(|source| !source.trim().is_empty());
    }
    found
}

impl Scan {
    fn add(&mut self, source: String) {
        if !source.trim().is_empty() {
            self.blocks.push(source);
        }
    }
}

/// What a line makes of an open block.
enum Next<'a> {
    Inside(Open<'a>),
    Closed(Open<'a>),
    /// Another block begins; this one is whatever came before.
    Restarted(Open<'a>, Fence<'a>),
    /// It was a draft.
    Dropped,
}

impl<'a> Open<'a> {
    fn behind(fence: Fence<'a>) -> Self {
        Self { fence, lines: Vec::new(), loose: None }
    }

    fn next(mut self, line: &'a str, mark: char) -> Next<'a> {
        let trimmed = line.trim();
        if trimmed.starts_with("</think>") || trimmed.ends_with("</think>") {
            return Next::Dropped;
        }
        let Some(fence) = fence(line, mark).filter(|fence| !fence.is_item) else {
            self.lines.push(line);
            return Next::Inside(self);
        };
        let is_inner = fence.indent > self.fence.indent + 3 || fence.length < self.fence.length;
        if is_inner {
            if fence.info.is_empty() && self.loose.is_none() {
                self.loose = Some(self.lines.len());
            }
            self.lines.push(line);
            return Next::Inside(self);
        }
        let is_blank = self.lines.iter().all(|line| line.trim().is_empty());
        // Of "between ``` and" and a pair behind it, the pair is meant.
        if names_language(fence.info) || (self.fence.is_glued && is_blank) {
            return Next::Restarted(self, fence);
        }
        self.loose = None;
        Next::Closed(self)
    }

    /// The lines, without as much of their common indentation as the fence has, and without a byte-order mark.
    fn source(mut self) -> String {
        if let Some(end) = self.loose {
            self.lines.truncate(end);
        }
        let width = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
        let written = self.lines.iter().filter(|line| !line.trim().is_empty());
        let common = written.map(|line| width(line)).min().unwrap_or(0).min(self.fence.indent);
        let lines: Vec<&str> =
            self.lines.iter().map(|line| line.get(common..).unwrap_or("")).collect();
        lines.join("\n").trim_start_matches('\u{feff}').to_owned()
    }
}

/// Whether what stands behind a fence names a language, so that it can only open a block.
fn names_language(info: &str) -> bool {
    let word = info.split_whitespace().next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "+#_-.{}".contains(c);
    let is_python = word.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("py"));
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '{')
        && word.chars().all(plain)
        && (word.len() == info.len() || is_python)
}

fn opening(line: &str, mark: char, glued: bool) -> Option<Fence<'_>> {
    fence(line, mark).or_else(|| glued_fence(line).filter(|_| glued))
}

fn fence(line: &str, mark: char) -> Option<Fence<'_>> {
    let line = line.trim_start_matches('\u{feff}');
    let inner = line.trim_start();
    let item = behind_item_sign(inner);
    let marks = item.unwrap_or(inner);
    let info = marks.trim_start_matches(mark);
    let (indent, length) = (line.len() - marks.len(), marks.len() - info.len());
    let info = info.trim();
    // A line that goes on with such marks holds code among its words.
    let is_fence = length >= 3 && !(mark == '`' && info.contains('`'));
    is_fence.then_some(Fence { indent, length, info, is_glued: false, is_item: item.is_some() })
}

/// What follows `-`, `*`, `+`, `1.` or `1)` and a space.
fn behind_item_sign(line: &str) -> Option<&str> {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = if number.len() < line.len() {
        number.strip_prefix(['.', ')'])
    } else {
        line.strip_prefix(['-', '*', '+'])
    }?;
    rest.starts_with([' ', '\t']).then(|| rest.trim_start())
}

/// A fence of which text stands in front, and behind which there is one word at most.
fn glued_fence(line: &str) -> Option<Fence<'_>> {
    let (_, marks) = line.split_at(line.find("```")?);
    let info = marks.trim_start_matches('`');
    let length = marks.len() - info.len();
    let info = info.trim();
    let is_fence = info.is_empty() || names_language(info);
    is_fence.then_some(Fence { indent: 0, length, info, is_glued: true, is_item: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::thread_secs;

    fn is(text: &str, blocks: &[&str]) {
        assert_eq!(fenced(text), blocks, "{text:?}");
    }

    #[test]
    fn pairs_are_found_in_order() {
        is("a\n```python\nx\n```\nb\n```\ny\nz\n```\n", &["x", "y\nz"]);
        is("```\n\n```\n```\nx\n```", &["x"]);
        is("```python\nx", &["x"]);
        is("```\nx\n```\n```python\ny", &["x"]);
        is("none", &[]);
        is("```\n```", &[]);
        is("````python\ns = '''\n```\n'''\n````", &["s = '''\n```\n'''"]);
        is("```python\nx\n``` prints x.\n", &["x"]);
    }

    #[test]
    fn text_before_a_fence_does_not_hide_it() {
        is("Here's the code:```python\nx\n```", &["x"]);
        is("Here's the code:```\nx\n```\nDone.", &["x"]);
        is("\u{feff}```python\nx\n```", &["x"]);
        is("```python\n\u{feff}x\n```", &["x"]);
        is("```x``` is used:\n```python\ny\n```", &["y"]);
        is("````x```` is used:\n```python\ny\n```", &["y"]);
        // Words about fences are none where the others come out even.
        is("Put it in ```python\nlike so:\n```\nx\n```", &["x"]);
        is("Put it between ```\n```\nx\n```\nok", &["x"]);
        is("Not closed:```python\nx", &[]);
    }

    #[test]
    fn a_draft_that_is_not_closed_does_not_swallow_what_follows() {
        is("<think>\n```python\ndraft\n</think>\n```python\nx\n```", &["x"]);
        is("<think>\n```\ndraft\nso.</think>\n```\nx\n```", &["x"]);
        is("<think>\n```\ndraft\n</think>```python\nx\n```", &["x"]);
        is("```python\ndraft\nor better\n```python\nx\n```", &["draft\nor better", "x"]);
        is("```markdown\n# Title\n```python\nx\n```\n```", &["# Title", "x"]);
        is("```python\nprint('</think>')\n```", &["print('</think>')"]);
    }

    #[test]
    fn blocks_in_lists_lose_the_lists_indentation() {
        is("1. So:\n   ```python\n   if x:\n\n       y\n   ```", &["if x:\n\n    y"]);
        is("- ```python\n  x\n  ```\n", &["x"]);
        is("10) ```\n    x\n    ```\n", &["x"]);
        is("\t```\n\tx\n\t```", &["x"]);
        // Not more than all lines have.
        is("  ```\nif x:\n    y\n  ```", &["if x:\n    y"]);
        is("```\n    return x\n```", &["    return x"]);
    }

    #[test]
    fn fences_in_a_program_are_part_of_it() {
        let program =
            "def f():\n    \"\"\"\n    ```python\n    f()\n    ```\n    \"\"\"\n    return 1";
        is(&format!("```python\n{program}\n```"), &[program]);
        // Where nothing else closes it, a fence too far to the right does.
        is("```python\nx\n     ```\nSo it is.", &["x"]);
    }

    #[test]
    fn tildes_count_where_nothing_else_does() {
        is("~~~python\nx\n~~~", &["x"]);
        is("~~~~\nx\n~~~\ny\n~~~~", &["x\n~~~\ny"]);
        is("~~~~~~~~\n```\nx\n```", &["x"]);
        is("~~~~~~~~\nx", &[]);
    }

    #[test]
    fn long_texts_take_little_time() {
        let began = thread_secs();
        for part in
            ["```", "```\n", "```python\n", "a:```python\n", "- ```\n", "~~~\n", "</think>\n", "1"]
        {
            let _ = fenced(&part.repeat((4 << 20) / part.len()));
        }
        let secs = thread_secs() - began;
        assert!(secs < 20.0, "{secs}");
    }
}
