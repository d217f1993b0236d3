//! Typography and LaTeX of numbers as plain ASCII.

use crate::decimal::Decimal;
use crate::extract::blanked;

/// Typography and LaTeX reduced to plain ASCII where a number is concerned.
pub(super) fn cleaned(text: &str) -> String {
    let mut clean = text.trim().to_owned();
    for (from, to) in [
        ("\u{2212}", "-"),
        ("–", "-"),
        (" / ", "/"),
        ("{,}", ","),
        ("\\,", ""),
        ("\\!", ""),
        ("\\%", "%"),
        ("\\$", "$"),
        ("\\dfrac", "\\frac"),
        ("\\tfrac", "\\frac"),
        ("\u{a0}", " "),
        ("^{\\circ}", "°"),
        ("^\\circ", "°"),
        ("\\degree", "°"),
    ] {
        if clean.contains(from) {
            clean = clean.replace(from, to);
        }
    }
    clean = plain_superscripts(clean);
    while let Some(plain) = plain_fraction(&clean) {
        clean = plain;
    }
    if let Some(plain) = plain_scientific(&clean) {
        clean = plain;
    }
    let unquoted = clean.strip_prefix('$').and_then(|inner| inner.strip_suffix('$'));
    unquoted.map_or_else(|| clean.clone(), |inner| inner.trim().to_owned())
}

/// Without the commands that only set type: what a unit or a word beside a number is written with.
pub(super) fn without_text_commands(clean: &str) -> String {
    const COMMANDS: [&str; 16] = [
        "\\textbf{",
        "\\text{",
        "\\mathrm{",
        "\\mathbf{",
        "\\boxed{",
        "\\left",
        "\\right",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "\\;",
        "\\:",
        "\\ ",
        "\\approx",
        "\\displaystyle",
    ];
    blanked(clean, &COMMANDS)
}

/// The first `\frac{a}{b}` or `\frac12` of plain numbers as `a/b`; `None` where there is none.
fn plain_fraction(text: &str) -> Option<String> {
    let at = text.find("\\frac")?;
    let inner = &text[at + "\\frac".len()..];
    let (over, under, rest) = match inner.strip_prefix('{') {
        Some(inner) => {
            let (over, rest) = inner.split_once("}{")?;
            let (under, rest) = rest.split_once('}')?;
            (over, under, rest)
        }
        None => (inner.get(..1)?, inner.get(1..2)?, inner.get(2..)?),
    };
    let plain = |part: &str| Decimal::parse(part.trim()).is_some();
    // A mixed number must not become one with more digits.
    let gap = if text[..at].ends_with(|c: char| c.is_alphanumeric()) { " " } else { "" };
    (plain(over) && plain(under))
        .then(|| format!("{}{gap}{}/{}{rest}", &text[..at], over.trim(), under.trim()))
}

/// `10³` as `10^{3}`.
fn plain_superscripts(text: String) -> String {
    const HIGH: [char; 11] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹', '⁻'];
    let Some(at) = text.find("10").map(|at| at + 2).filter(|at| text[*at..].starts_with(HIGH))
    else {
        return text;
    };
    let rest = text[at..].trim_start_matches(HIGH);
    let low = |c: char| {
        HIGH.iter().position(|high| *high == c).map(|digit| "0123456789-".as_bytes()[digit])
    };
    let exponent: String =
        text[at..text.len() - rest.len()].chars().filter_map(low).map(char::from).collect();
    format!("{}^{{{exponent}}}{rest}", &text[..at])
}

/// `2.5 \times 10^{3}` as `2.5e3`; `None` where there is no such product, or more than one.
fn plain_scientific(text: &str) -> Option<String> {
    let (before, behind) = text.split_once("10^")?;
    let (exponent, rest) = if let Some(inner) = behind.strip_prefix('{') {
        inner.split_once('}')?
    } else {
        let sign = usize::from(behind.starts_with(['+', '-']));
        behind.split_at(sign + digits(&behind[sign..]))
    };
    let whole = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if whole.is_empty() || digits(whole) != whole.len() || rest.contains("10^") {
        return None;
    }
    let mantissa = ["\\times", "\\cdot", "×", "·", "*", "x"]
        .iter()
        .find_map(|sign| before.trim_end().strip_suffix(sign))?
        .trim_end();
    mantissa.ends_with(|c: char| c.is_ascii_digit()).then(|| format!("{mantissa}e{exponent}{rest}"))
}

pub(super) fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}
