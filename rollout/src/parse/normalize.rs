//! Takes away what carries no meaning: thoughts, backticks, leading bullets, curly quotes.

const THINK: &str = "<think>";
const THINK_END: &str = "</think>";

/// The text that is searched for lists.
pub(super) fn normalize(text: &str) -> String {
    let spoken = without_thoughts(text);
    let mut clean = String::with_capacity(spoken.len());
    let mut chars = spoken.chars().peekable();
    let mut line_start = true;
    while let Some(c) = chars.next() {
        match c {
            '`' => {}
            // A dash right before a digit is a sign, so a bullet needs a blank behind it.
            '-' | '*' | '+' | '•' | '◦' | '‣' | '·' | '–' | '—'
                if line_start && chars.peek().is_some_and(|&next| next == ' ' || next == '\t') => {}
            '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' => {
                clean.push('\'');
                line_start = false;
            }
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' => {
                clean.push('"');
                line_start = false;
            }
            _ => {
                clean.push(c);
                line_start = matches!(c, '\n' | '\r') || (line_start && c.is_whitespace());
            }
        }
    }
    clean
}

/// `text` without each `<think>…</think>`; a thought that never ends stays.
fn without_thoughts(text: &str) -> String {
    // Lower-casing ASCII keeps every byte position.
    let lower = text.to_ascii_lowercase();
    let mut spoken = String::with_capacity(text.len());
    let mut rest = 0;
    while let Some(start) = lower[rest..].find(THINK).map(|at| rest + at) {
        let inside = start + THINK.len();
        let Some(end) = lower[inside..].find(THINK_END).map(|at| inside + at) else { break };
        spoken.push_str(&text[rest..start]);
        rest = end + THINK_END.len();
    }
    spoken.push_str(&text[rest..]);
    spoken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_backticks_bullets_and_curly_quotes_go() {
        assert_eq!(normalize("a<think>b</think>c"), "ac");
        assert_eq!(normalize("<Think>x</tHink>`y`"), "y");
        assert_eq!(normalize("- one\n  * two\n• three"), " one\n   two\n three");
        assert_eq!(normalize("“a” ‘b’"), "\"a\" 'b'");
    }

    #[test]
    fn signs_products_and_open_thoughts_stay() {
        assert_eq!(normalize("-1\n a - b * c"), "-1\n a - b * c");
        assert_eq!(normalize("x <think> y"), "x <think> y");
        assert_eq!(normalize("x </think> y"), "x </think> y");
        assert_eq!(normalize("İ<think>ß</think>é"), "İé");
    }
}
