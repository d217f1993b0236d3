//! Expressions as text: what can be compared without reading them.

use super::lexer::closing;
use super::names;

/// The text without what prints nothing: spaces, sizes of brackets, faces, dollar signs, a final stop.
pub(super) fn squeezed(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    squeeze(&unescaped(text), &mut kept, 0);
    let trimmed = kept.trim_end_matches(['.', ',']);
    trimmed.strip_prefix('+').unwrap_or(trimmed).to_owned()
}

fn squeeze(text: &str, kept: &mut String, depth: usize) {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first != '\\' {
            let behind = &rest[first.len_utf8()..];
            let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
            if first == ' ' && digit(kept.chars().next_back()) && digit(behind.chars().next()) {
                // "1 2" is not "12".
                kept.push(' ');
            } else if !first.is_whitespace() && first != '$' {
                kept.push(if first == '−' { '-' } else { first });
            }
            rest = behind;
            continue;
        }
        let behind = &rest[1..];
        let letters =
            behind.len() - behind.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        if letters == 0 {
            let next = behind.chars().next();
            rest = &behind[next.map_or(0, char::len_utf8)..];
            match next {
                Some(c @ ('%' | '{' | '}' | '|' | '&' | '#' | '_')) => kept.extend(['\\', c]),
                Some('\\') => kept.push_str("\\\\"),
                _ => {}
            }
            continue;
        }
        let name = &behind[..letters];
        rest = &behind[letters..];
        let open = rest.trim_start().strip_prefix('{');
        match name {
            "left" | "right" | "mleft" | "mright" => {}
            "dfrac" | "tfrac" | "cfrac" => kept.push_str("\\frac"),
            _ if (names::is_words(name) || names::is_face(name)) && depth < 20 => {
                if let Some(open) = open {
                    let end = closing(open);
                    squeeze(&open[..end], kept, depth + 1);
                    rest = open.get(end + 1..).unwrap_or("");
                }
            }
            _ if names::is_decoration(name) => {}
            _ => {
                kept.push('\\');
                kept.push_str(name);
            }
        }
    }
}

/// Words in lower case, without spaces; `None` where there is more than words: signs, commands, a digit. Two letters, which
/// may be two variables, keep their case.
pub(super) fn words(text: &str) -> Option<String> {
    let squeezed = squeezed(text);
    let around = |c| matches!(c, '(' | ')' | '.' | ',' | '"' | '\'' | '*' | ':');
    let bare = squeezed.trim_matches(around);
    let plain = |c: char| c.is_alphabetic() || matches!(c, '-' | '\'' | ',' | '.' | '’');
    if bare.is_empty() || !bare.chars().all(plain) {
        return None;
    }
    Some(if bare.chars().count() == 2 { bare.to_owned() } else { bare.to_lowercase() })
}

/// Doubled backslashes before letters made single, as where a text was escaped once too often; not in matrices, where
/// they end a row.
pub(super) fn unescaped(text: &str) -> String {
    if !text.contains("\\\\") || text.contains("\\begin") {
        return text.to_owned();
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\\\") {
        kept.push_str(&rest[..at]);
        let behind = &rest[at + 2..];
        let command =
            behind.starts_with(|c: char| c.is_ascii_alphabetic() || "{}()[]%$,!".contains(c));
        kept.push_str(if command { "\\" } else { "\\\\" });
        rest = behind;
    }
    kept.push_str(rest);
    kept
}

/// Whether there are words in the text that are no part of a formula: none of functions, none in `\\text{…}`, no unit
/// behind a number. One word alone is an answer.
pub(crate) fn is_prose(text: &str) -> bool {
    if words(text).is_some_and(|_| !text.trim().contains(' ')) {
        return false;
    }
    let mut rest = text;
    let mut after_number = false;
    while let Some(first) = rest.chars().next() {
        if first == '\\' {
            let behind = &rest[1..];
            let name = &behind[..behind.len()
                - behind.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len()];
            rest = if name.is_empty() && behind.starts_with('\\') {
                // A doubled backslash stands before a command too.
                behind
            } else if name.is_empty() {
                &behind[behind.chars().next().map_or(0, char::len_utf8)..]
            } else {
                &behind[name.len()..]
            };
            if (names::is_words(name) || names::is_face(name) || name == "begin" || name == "end")
                && let Some(open) = rest.trim_start().strip_prefix('{')
            {
                rest = open.get(closing(open) + 1..).unwrap_or("");
            }
        } else if first.is_alphabetic() {
            let end =
                rest.len() - rest.trim_start_matches(|c: char| c.is_alphabetic() || c == '’').len();
            let run = &rest[..end];
            let part =
                names::function(run).is_some() || matches!(run, "and" | "or" | "pi" | "infinity");
            if !part && !after_number && names::is_word(run) {
                return true;
            }
            rest = &rest[end..];
            after_number = false;
        } else {
            if !first.is_whitespace() {
                after_number = first.is_ascii_digit() || matches!(first, '}' | ')' | '^');
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_prints_alike_is_alike() {
        for (a, b) in [
            (r"\left( x + 1 \right)", "(x+1)"),
            (r"\text{Evelyn}.", "Evelyn"),
            (r"\dfrac{1}{2}", r"\frac{1}{2}"),
            (r"\\frac{1}{2}", r"\frac{1}{2}"),
            (r"$\mathrm{E}$", "E"),
            (r"3\!\cdot 4", r"3\cdot4"),
        ] {
            assert_eq!(squeezed(a), squeezed(b));
        }
        assert_ne!(squeezed(r"\{1\}"), squeezed("1"));
    }

    #[test]
    fn words_are_known() {
        assert_eq!(words(r"\text{(C)}").as_deref(), Some("c"));
        assert_eq!(words("The End.").as_deref(), Some("theend"));
        assert_eq!(words(r"\pi"), None);
        assert_eq!(words("x+1"), None);
        assert_eq!(words("2x"), None);
        assert_ne!(words("x"), words("-x"));
        assert_ne!(words("x-y"), words("xy"));
        assert_ne!(words("ab"), words("AB"));
        assert_eq!(words("Even"), words("even"));
    }
}
