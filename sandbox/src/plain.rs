//! Plain data: what a function returned, made in the cell with the base classes' own methods. The bytes are hostile.

/// A Python value as plain data. Subclasses of these types are reduced to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plain {
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer, in decimal.
    Int(String),
    /// A number, as Python's `repr` has it ("1.0", "1e+16", "nan", "inf").
    Float(String),
    /// A text; a lone surrogate stands as its escape (`\ud800`).
    Str(String),
    /// A list.
    List(Vec<Plain>),
    /// A tuple.
    Tuple(Vec<Plain>),
    /// A dictionary's entries in its order.
    Dict(Vec<(Plain, Plain)>),
    /// Anything else, by the name of its type.
    Other(String),
}

/// Most levels of nesting; the program's side has the same bound.
pub(crate) const DEEPEST: usize = 256;
/// Most values in one: each takes some 40 bytes here, and may be one byte there.
const MOST: usize = 2 << 20;

impl Plain {
    /// Reads one value that fills `bytes`; the error says what is wrong with them.
    ///
    /// A value is a letter and what belongs to it: `N`, `T`, `F`; `I`, `D`, `S`, `O` with a length and so many bytes of UTF-8;
    /// `L`, `U`, `M` with a count and so many values (pairs of values for `M`). Lengths and counts have four bytes, the high one
    /// first.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut rest = bytes;
        let mut left = MOST;
        let value = take(&mut rest, DEEPEST, &mut left)?;
        if rest.is_empty() { Ok(value) } else { Err("there are bytes behind the value") }
    }
}

fn take(rest: &mut &[u8], levels: usize, left: &mut usize) -> Result<Plain, &'static str> {
    *left = left.checked_sub(1).ok_or("the value is of too many parts")?;
    let [kind] = *take_bytes(rest, 1)? else { return Err("the value is cut off") };
    Ok(match kind {
        b'N' => Plain::None,
        b'T' => Plain::Bool(true),
        b'F' => Plain::Bool(false),
        b'I' => Plain::Int(number(take_text(rest)?)?),
        b'D' => Plain::Float(number(take_text(rest)?)?),
        b'S' => Plain::Str(take_text(rest)?),
        b'O' => Plain::Other(take_text(rest)?),
        b'L' => Plain::List(take_values(rest, levels, left)?),
        b'U' => Plain::Tuple(take_values(rest, levels, left)?),
        b'M' => {
            let deeper = levels.checked_sub(1).ok_or("the value is nested too deep")?;
            let mut entries = Vec::new();
            for _ in 0..take_length(rest)? {
                entries.push((take(rest, deeper, left)?, take(rest, deeper, left)?));
            }
            Plain::Dict(entries)
        }
        _ => return Err("the value has an unknown kind"),
    })
}

fn take_values(
    rest: &mut &[u8],
    levels: usize,
    left: &mut usize,
) -> Result<Vec<Plain>, &'static str> {
    let deeper = levels.checked_sub(1).ok_or("the value is nested too deep")?;
    let count = take_length(rest)?;
    // A value has at least one byte, so that a false count asks for no memory.
    let mut values = Vec::with_capacity(count.min(rest.len()).min(1 << 12));
    for _ in 0..count {
        values.push(take(rest, deeper, left)?);
    }
    Ok(values)
}

fn take_text(rest: &mut &[u8]) -> Result<String, &'static str> {
    let length = take_length(rest)?;
    let bytes = take_bytes(rest, length)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| "a text is not UTF-8")
}

fn take_length(rest: &mut &[u8]) -> Result<usize, &'static str> {
    let bytes: [u8; 4] = take_bytes(rest, 4)?.try_into().map_err(|_| "the value is cut off")?;
    Ok(u32::from_be_bytes(bytes) as usize)
}

fn take_bytes<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], &'static str> {
    let (taken, left) = rest.split_at_checked(count).ok_or("the value is cut off")?;
    *rest = left;
    Ok(taken)
}

/// Texts of numbers are read again by whoever compares them, so that they hold nothing else.
fn number(text: String) -> Result<String, &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    if !text.is_empty() && text.chars().all(plain) { Ok(text) } else { Err("a number is none") }
}

#[cfg(test)]
mod tests {
    use super::Plain;

    #[test]
    fn reads_what_the_shim_writes() {
        let bytes =
            b"M\0\0\0\x02I\0\0\0\x02-7L\0\0\0\x02NTS\0\0\0\x03\xc3\xa9xU\0\0\0\x01D\0\0\0\x031.0";
        let entries = vec![
            (Plain::Int("-7".into()), Plain::List(vec![Plain::None, Plain::Bool(true)])),
            (Plain::Str("éx".into()), Plain::Tuple(vec![Plain::Float("1.0".into())])),
        ];
        assert_eq!(Plain::decode(bytes), Ok(Plain::Dict(entries)));
    }

    #[test]
    fn hostile_bytes_are_refused_and_cost_nothing() {
        let many = [b"L\x00\xff\xff\xff".as_slice(), &b"N".repeat(0xff_ffff)].concat();
        let deep = b"L\0\0\0\x01".repeat(100_000);
        for bytes in [
            b"".as_slice(),
            b"Q",
            b"NN",
            b"I\0\0\0\x051",
            b"I\0\0\0\0",
            b"I\0\0\0\x031\n2",
            b"S\0\0\0\x01\xff",
            b"L\xff\xff\xff\xffN",
            b"M\xff\xff\xff\xffNN",
            b"S\xff\xff\xff\xff",
            &deep,
            &many,
        ] {
            assert!(Plain::decode(bytes).is_err(), "{:?}", &bytes[..bytes.len().min(20)]);
        }
    }
}
