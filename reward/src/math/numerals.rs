//! Numbers as they are written: groups of thousands, decimal commas, exponents.

/// What a comma between digits means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commas {
    /// It groups thousands where exactly three digits follow, outside brackets.
    Thousands,
    /// It separates items of a list.
    Separators,
    /// It is the decimal point.
    Decimal,
}

/// The numeral that begins `text`, in ASCII as [`super::rational::decimal`] reads it, and its length in bytes; `None`
/// where none begins. `depth` counts the brackets around.
pub(super) fn numeral(text: &str, commas: Commas, depth: usize) -> Option<(String, usize)> {
    let mut end = digits(text);
    let mut plain = text[..end].to_owned();
    if end == 0 && !(text.starts_with('.') && digits(&text[1..]) > 0) {
        return None;
    }
    if (1..=3).contains(&end) {
        while let Some(length) = group(&text[end..], commas, depth, plain.starts_with('0')) {
            plain.push_str(&text[end + length - 3..end + length]);
            end += length;
        }
    }
    if let Some(gap) = point(&text[end..], commas) {
        let fraction = digits(&text[end + gap..]);
        plain.push('.');
        plain.push_str(&text[end + gap..end + gap + fraction]);
        end += gap + fraction;
    }
    let exponent = exponent(&text[end..], plain.contains('.'));
    plain.push_str(&text[end..end + exponent]);
    Some((plain, end + exponent))
}

/// The length of the numeral that begins a text of prose.
pub(crate) fn numeral_at(text: &str) -> Option<usize> {
    let decimal = text.find(',').filter(|at| *at == digits(text)).is_some_and(|at| {
        let behind = digits(&text[at + 1..]);
        // "2,74" in prose is no list, and "1,000" no decimal.
        at > 0 && behind > 0 && behind != 3 && !text[at + 1 + behind..].starts_with(',')
    });
    let commas = if decimal { Commas::Decimal } else { Commas::Thousands };
    numeral(text, commas, 0).map(|(_, length)| length)
}

/// The length of a separator of thousands and the three digits behind it.
fn group(text: &str, commas: Commas, depth: usize, zero: bool) -> Option<usize> {
    let mut gap = separator(text)?;
    if text.starts_with(',') && gap == 1 && (commas != Commas::Thousands || depth > 0 || zero) {
        return None;
    }
    if !text.starts_with(' ') || gap > 1 {
        gap += text[gap..].len() - text[gap..].trim_start_matches(' ').len();
    }
    // A space behind a plain comma makes it a list.
    if text.starts_with(", ") {
        return None;
    }
    (digits(&text[gap..]) == 3).then_some(gap + 3)
}

/// The length of what may stand between groups of thousands.
fn separator(text: &str) -> Option<usize> {
    const BETWEEN: &[&str] =
        &[",\\!", ",\\,", "\\!", "\\,", "\\;", "\\ ", "~", "\u{a0}", "\u{2009}", ",", " "];
    if let Some(length) = braced_comma(text) {
        return Some(length);
    }
    BETWEEN.iter().find(|mark| text.starts_with(**mark)).map(|mark| mark.len())
}

/// The length of `{,}`, in which spaces may stand.
fn braced_comma(text: &str) -> Option<usize> {
    let open = text.trim_start_matches(' ').strip_prefix('{')?;
    let comma = open.trim_start_matches(' ').strip_prefix(',')?;
    let close = comma.trim_start_matches(' ').strip_prefix('}')?;
    Some(text.len() - close.len())
}

/// The length of a decimal point that begins `text`.
fn point(text: &str, commas: Commas) -> Option<usize> {
    let length = match text.as_bytes().first()? {
        b'.' => 1,
        b',' if commas == Commas::Decimal => 1,
        _ => braced_comma(text)?,
    };
    (digits(&text[length..]) > 0).then_some(length)
}

/// The length of an exponent that begins `text`. `2e-1` is twice e less one; `2.5e-1` and `2E-1` are numbers.
fn exponent(text: &str, fraction: bool) -> usize {
    let Some(rest) = text.strip_prefix(['e', 'E']) else { return 0 };
    let sign = usize::from(rest.starts_with(['+', '-']));
    let count = digits(&rest[sign..]);
    let sure = text.starts_with('E') || sign == 0 || fraction || count > 1;
    if count > 0 && sure { 1 + sign + count } else { 0 }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, commas: Commas) -> Option<(String, &str)> {
        numeral(text, commas, 0).map(|(plain, end)| (plain, &text[end..]))
    }

    #[test]
    fn thousands_and_points() {
        let thousands = |text| read(text, Commas::Thousands).expect("a numeral");
        assert_eq!(thousands("7,425,000"), ("7425000".into(), ""));
        assert_eq!(thousands("1 000x"), ("1000".into(), "x"));
        assert_eq!(thousands("14{,}916."), ("14916".into(), "."));
        assert_eq!(thousands("14 {, }916"), ("14916".into(), ""));
        assert_eq!(thousands(r"11,\! 111,\! 111"), ("11111111".into(), ""));
        assert_eq!(thousands("32, 349"), ("32".into(), ", 349"));
        assert_eq!(thousands("1,2"), ("1".into(), ",2"));
        assert_eq!(thousands("0,111"), ("0".into(), ",111"));
        assert_eq!(thousands("0{,}25"), ("0.25".into(), ""));
        assert_eq!(thousands(".5"), (".5".into(), ""));
        assert_eq!(thousands("1.5e-3"), ("1.5e-3".into(), ""));
        assert_eq!(thousands("2e-1"), ("2".into(), "e-1"));
        assert_eq!(thousands("5."), ("5".into(), "."));
    }

    #[test]
    fn commas_by_reading() {
        assert_eq!(read("1,234", Commas::Separators), Some(("1".into(), ",234")));
        assert_eq!(read("1000,99", Commas::Decimal), Some(("1000.99".into(), "")));
        assert_eq!(numeral("1,234", Commas::Thousands, 1), Some(("1".into(), 1)));
        assert_eq!(read("x", Commas::Thousands), None);
    }
}
