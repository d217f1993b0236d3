//! Finding a mathematical answer in a text.

use super::{Failure, LastLine, Tag, boxed, phrase, short_last_line, tag};
use crate::math::{is_prose, numeral_at};
use crate::pytext::strip;

/// The longest text between two boxes or formulas that are one answer.
const LONGEST_GAP: usize = 40;
/// How much of the end of a text is searched for formulas and numbers.
const LONGEST_SEARCHED: usize = 20_000;
/// The longest text that is taken whole.
const LONGEST_WHOLE: usize = 400;

/// The mathematical answer in a text, as it is written there. The first of these that is there decides:
///
/// 1. an `<answer>` tag;
/// 2. what follows the last "final answer", where no box follows it;
/// 3. the last `\boxed{…}`, together with those before it that only "and", "or" or a comma separates from it;
/// 4. what follows the last "answer is" or "answer:";
/// 5. the whole text, where it is one short line without prose;
/// 6. the last formula (`$…$`, `\(…\)`, `\[…\]`) or number of the last 20,000 bytes, whichever ends later, formulas
///    joined as boxes are;
/// 7. the last line, where it is short.
///
/// Of what a tag or a phrase holds, prose is left out in the same way: the last formula or number counts.
pub fn math(text: &str) -> Result<String, Failure> {
    let found = place(text)?;
    let found = strip(&found);
    if found.is_empty() { Err(Failure::Empty) } else { Ok(found.to_owned()) }
}

fn place(text: &str) -> Result<String, Failure> {
    if let Some(content) = tag(text, Tag::First) {
        return Ok(refined(content));
    }
    let boxes = boxes(text);
    let last_box = boxes.last().map_or(0, |piece| piece.end);
    if let Some(found) = final_answer(text, last_box) {
        return Ok(found);
    }
    if let Some(found) = joined(&boxes, text) {
        return Ok(found.replace('$', " "));
    }
    let unbalanced = boxed(text).err();
    if let Some(content) = phrase(text).filter(|content| !content.is_empty()) {
        return Ok(refined(content));
    }
    if let Some(unbalanced) = unbalanced {
        return Err(unbalanced);
    }
    let whole = strip(text);
    let one_line = !whole.is_empty() && whole.len() <= LONGEST_WHOLE && !whole.contains('\n');
    if one_line && !has_formula(whole) && !is_prose(whole) {
        return Ok(whole.to_owned());
    }
    joined(&pieces(text), text)
        .or_else(|| short_last_line(text, LastLine::Short).map(str::to_owned))
        .ok_or(Failure::NotFound)
}

/// A formula, a number or a box, and where it stands.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    start: usize,
    end: usize,
    content: &'a str,
    formula: bool,
}

/// The content itself, or the last formula or number in it where there is prose around.
fn refined(content: &str) -> String {
    if let Some(found) = joined(&boxes(content), content) {
        return found;
    }
    // What follows is the reason, with numbers of its own.
    let reason = [" because ", " since "].into_iter().filter_map(|word| content.find(word)).min();
    let content = reason.map_or(content, |at| &content[..at]);
    if has_formula(content) || is_prose(content) {
        joined(&pieces(content), content).unwrap_or_else(|| content.to_owned())
    } else {
        content.to_owned()
    }
}

fn has_formula(text: &str) -> bool {
    text.contains("\\(") || text.contains("\\[") || unescaped_dollar(text, 0).is_some()
}

/// What follows the last "final answer", in its first sentence that says something; `None` where a box follows.
fn final_answer(text: &str, last_box: usize) -> Option<String> {
    const PHRASE: &str = "final answer";
    let at = text.to_ascii_lowercase().rfind(PHRASE)? + PHRASE.len();
    if at < last_box {
        return None;
    }
    let rest = text[at..].trim_start_matches(|c: char| c.is_whitespace() || "*:#_".contains(c));
    let rest = rest.strip_prefix("is").filter(|rest| rest.starts_with([' ', ':'])).unwrap_or(rest);
    let end = rest.find("\n\n").into_iter().chain(rest.find(". ")).min().unwrap_or(rest.len());
    let sentence = &rest[..end];
    let mut pieces = pieces(sentence);
    // "The largest $n$ is 34": a name is no answer beside one.
    let named = |piece: &Piece| piece.formula && piece.content.trim().chars().count() == 1;
    if pieces.iter().any(|piece| !named(piece)) {
        pieces.retain(|piece| !named(piece));
    }
    if is_prose(sentence) || has_formula(sentence) {
        return joined(&pieces, sentence);
    }
    let bare = sentence.trim_matches(|c: char| c.is_whitespace() || "*:.".contains(c));
    (!bare.is_empty()).then(|| bare.to_owned())
}

/// Every box that no other one holds. Where one is never closed, the last one alone, if it is.
fn boxes(text: &str) -> Vec<Piece<'_>> {
    const OPEN: &str = "\\boxed{";
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(OPEN).map(|gap| at + gap) {
        let inner = start + OPEN.len();
        let Some(length) = closing(&text[inner..]) else {
            found.clear();
            if let (Ok(Some(content)), Some(start)) = (boxed(text), text.rfind(OPEN)) {
                let end = start + OPEN.len() + content.len() + 1;
                found.push(Piece { start, end: end.min(text.len()), content, formula: true });
            }
            return found;
        };
        let end = inner + length + 1;
        found.push(Piece { start, end, content: &text[inner..inner + length], formula: true });
        at = end;
    }
    found
}

/// Where the brace that is open at the start closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1usize;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The last piece, with those before it that belong to it.
fn joined(pieces: &[Piece<'_>], text: &str) -> Option<String> {
    let (last, before) = pieces.split_last()?;
    let mut contents = vec![last.content];
    let mut start = last.start;
    for piece in before.iter().rev() {
        if !(piece.formula && last.formula && connects(&text[piece.end..start])) {
            break;
        }
        contents.push(piece.content);
        start = piece.start;
    }
    contents.reverse();
    Some(contents.join(", "))
}

/// Whether what stands between two formulas makes them one answer.
fn connects(gap: &str) -> bool {
    if gap.len() > LONGEST_GAP || gap.contains(". ") || gap.contains('\n') {
        return false;
    }
    let mut words = gap.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    if words.clone().any(|word| word == "and" || word == "or") {
        return true;
    }
    words.all(|word| matches!(word, "quad" | "qquad" | "text"))
        && !gap.contains(['=', '.', '<', '>'])
}

/// Formulas and, outside of them, numbers, in order.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut at = text.len().saturating_sub(LONGEST_SEARCHED);
    while !text.is_char_boundary(at) {
        at += 1;
    }
    while let Some(first) = text[at..].chars().next() {
        if let Some(piece) = formula_at(text, at) {
            at = piece.end;
            found.push(piece);
        } else if let Some(length) = number_at(text, at) {
            let content = &text[at..at + length];
            found.push(Piece { start: at, end: at + length, content, formula: false });
            at += length;
        } else {
            at += first.len_utf8();
        }
    }
    found
}

/// The formula that opens at byte `at`.
fn formula_at(text: &str, at: usize) -> Option<Piece<'_>> {
    /// A pair of delimiters further apart is prose between two prices, or a text cut in two.
    const LONGEST: usize = 1000;
    let rest = &text[at..];
    let (open, close) = [("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$")]
        .into_iter()
        .find(|(open, _)| rest.starts_with(open))?;
    if text[..at].ends_with('\\') && open.starts_with('$') {
        return None;
    }
    let inner = at + open.len();
    let mut limit = (inner + LONGEST).min(text.len());
    while !text.is_char_boundary(limit) {
        limit -= 1;
    }
    let within = &text[inner..limit];
    let length = if open == "$" { unescaped_dollar(within, 0)? } else { within.find(close)? };
    let content = &within[..length];
    // "$5 and got $3" holds two prices and no formula.
    if open == "$" && (content.contains("\n\n") || is_prose(content)) {
        return None;
    }
    let end = inner + length + close.len();
    (!content.trim().is_empty()).then_some(Piece { start: at, end, content, formula: true })
}

fn unescaped_dollar(text: &str, from: usize) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(from) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'$' => return Some(at),
            _ => {}
        }
    }
    None
}

/// The length of the number that begins at byte `at`, with its sign, a denominator and a percent sign.
fn number_at(text: &str, at: usize) -> Option<usize> {
    let before = text[..at].chars().next_back();
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '\\');
    if before.is_some_and(inside) {
        return None;
    }
    let rest = &text[at..];
    let sign = usize::from(rest.starts_with('-') && !before.is_some_and(|c| c == ')' || c == ']'));
    let mut length = sign + numeral_at(&rest[sign..])?;
    if let Some(under) = rest[length..].strip_prefix('/')
        && let Some(digits) = numeral_at(under)
    {
        length += 1 + digits;
    }
    if rest[length..].starts_with('%') {
        length += 1;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::thread_secs;

    #[test]
    fn the_place_of_an_answer() {
        for (text, expected) in [
            ("<answer>x = 5</answer> or 6", "x = 5"),
            ("<answer>There are 5 apples</answer>", "5"),
            (r"so \boxed{\frac{1}{2}} it is", r"\frac{1}{2}"),
            (r"\boxed{1} and \boxed{2}", "1, 2"),
            (r"\boxed{1}. Then we check that \boxed{2}", "2"),
            ("The final answer is $(0, 1)$. I hope it is correct.", "(0, 1)"),
            (r"\boxed{3} so, Final Answer: The largest $n$ is 34.", "34"),
            (r"Final Answer: \boxed{3}", "3"),
            ("The answer is 12.", "12"),
            ("x^2 + 1", "x^2 + 1"),
            ("28 percent", "28 percent"),
            (r"Answer \( (9+1) \)", " (9+1) "),
            ("He pays $5 and gets $3 back", "3"),
            ("not it's not 10 it's 1,000.99m", "1,000.99"),
            ("the probability is 2/3 for each of them", "2/3"),
            ("$1$ and $2$ and $3$", "1, 2, 3"),
            ("We get 3.\nA: -26", "-26"),
        ] {
            assert_eq!(math(text).as_deref(), Ok(expected.trim()), "{text:?}");
        }
    }

    #[test]
    fn failures_have_names() {
        assert_eq!(math(""), Err(Failure::NotFound));
        assert_eq!(math("<answer> </answer>"), Err(Failure::Empty));
        assert_eq!(math(r"thus \boxed{1"), Err(Failure::Unbalanced));
        assert_eq!(math(&"words without a number, ".repeat(5)), Err(Failure::NotFound));
    }

    #[test]
    fn long_texts_take_little_time() {
        let began = thread_secs();
        for text in [
            "$",
            r"\boxed{",
            "1,",
            r"\(",
            "$$ ",
            r"\boxed{1} and ",
            "final answer ",
            "-",
            "(",
            "<answer>",
        ] {
            let long = text.repeat(1_000_000 / text.len());
            let _ = math(&long);
        }
        let secs = thread_secs() - began;
        assert!(secs < 60.0, "{secs}");
    }
}
