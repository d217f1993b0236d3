//! Decimal numbers of any length, compared without rounding.

/// ± digits × 10^exponent. Normalised: no zero at either end of `digits`, and zero itself has none,
/// so that derived equality is equality of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

/// Exponents beyond this are no number that a task asks for; the bound keeps sums of exponents from overflowing.
const MAX_EXPONENT: i64 = 999_999_999_999_999_999;

impl Decimal {
    /// Reads `[+-] digits [. digits] [e [+-] digits]` in ASCII; at least one digit before the exponent.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], parse_exponent(&rest[at + 1..])?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let digits: Vec<u8> =
            whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
        Some(Self::normalised(negative, digits, exponent - fraction.len() as i64))
    }

    /// The whole number `value`.
    pub(crate) fn from_u32(value: u32) -> Self {
        let digits = value.to_string().bytes().map(|byte| byte - b'0').collect();
        Self::normalised(false, digits, 0)
    }

    fn normalised(negative: bool, mut digits: Vec<u8>, mut exponent: i64) -> Self {
        while digits.last() == Some(&0) {
            digits.pop();
            exponent += 1;
        }
        let zeros = digits.iter().take_while(|&&digit| digit == 0).count();
        digits.drain(..zeros);
        if digits.is_empty() {
            return Self { negative: false, digits, exponent: 0 };
        }
        Self { negative, digits, exponent }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// The exact product.
    pub(crate) fn times(&self, other: &Self) -> Self {
        let mut digits = vec![0u8; self.digits.len() + other.digits.len()];
        for (i, &a) in self.digits.iter().enumerate().rev() {
            let mut carry = 0;
            for (j, &b) in other.digits.iter().enumerate().rev() {
                let value = digits[i + j + 1] + a * b + carry;
                digits[i + j + 1] = value % 10;
                carry = value / 10;
            }
            digits[i] += carry;
        }
        Self::normalised(self.negative != other.negative, digits, self.exponent + other.exponent)
    }

    /// The quotient as the nearest float, up to a rounding or two: infinite, zero or not a number beyond what floats hold.
    pub(crate) fn ratio(&self, other: &Self) -> f64 {
        const KEPT: usize = 25;
        let leading = |decimal: &Self| {
            let kept = decimal.digits.len().min(KEPT);
            let dropped = (decimal.digits.len() - kept) as i64;
            let digits = decimal.digits[..kept].to_vec();
            (Self { negative: decimal.negative, digits, exponent: 0 }, decimal.exponent + dropped)
        };
        let (over, over_exponent) = leading(self);
        let (under, under_exponent) = leading(other);
        // One text read at once, so that no power of ten is rounded apart.
        let power = over_exponent.saturating_sub(under_exponent).clamp(-700, 700);
        let quotient = over.to_f64() / under.to_f64();
        format!("{quotient:e}").split_once('e').map_or(quotient, |(digits, exponent)| {
            let exponent = exponent.parse::<i64>().unwrap_or(0) + power;
            format!("{digits}e{exponent}").parse().unwrap_or(f64::NAN)
        })
    }

    /// The nearest 64-bit float; infinite beyond its range.
    pub(crate) fn to_f64(&self) -> f64 {
        // A decimal in scientific notation is always a valid float literal.
        self.scientific().parse().unwrap_or(f64::NAN)
    }

    fn scientific(&self) -> String {
        format!("{}{}e{}", self.sign(), self.plain_digits(), self.exponent)
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    fn plain_digits(&self) -> String {
        if self.digits.is_empty() {
            return "0".into();
        }
        self.digits.iter().map(|&digit| char::from(b'0' + digit)).collect()
    }
}

impl std::fmt::Display for Decimal {
    /// One text a value: plain where that is short, scientific otherwise.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = self.plain_digits();
        match self.exponent {
            0 => write!(f, "{}{digits}", self.sign()),
            1..=20 => write!(f, "{}{digits}{}", self.sign(), "0".repeat(self.exponent as usize)),
            -20..=-1 => {
                let places = self.exponent.unsigned_abs() as usize;
                let padded = format!("{digits:0>width$}", width = places + 1);
                let (whole, fraction) = padded.split_at(padded.len() - places);
                write!(f, "{}{whole}.{fraction}", self.sign())
            }
            _ => f.write_str(&self.scientific()),
        }
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i64 = text.parse().ok()?;
    (value.abs() <= MAX_EXPONENT).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text} is a decimal"))
    }

    #[test]
    fn equal_values_are_equal_however_they_are_written() {
        for (a, b) in [
            ("1", "1.000"),
            ("1000", "1e3"),
            ("+01", "1"),
            ("-0", "0e99"),
            ("0.1", ".1"),
            ("5.", "5"),
            ("123456789012345678901234567890.5", "1234567890123456789012345678905e-1"),
        ] {
            assert_eq!(decimal(a), decimal(b), "{a} and {b}");
            assert_eq!(decimal(a).to_string(), decimal(b).to_string());
        }
        // As floats these two are the same number.
        assert_ne!(decimal("0.1"), decimal("0.1000000000000000055511151231257827"));
        assert_ne!(decimal("9007199254740993"), decimal("9007199254740992"));
        assert_ne!(decimal("-3"), decimal("3"));
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "e5",
            "1e",
            "1e+",
            "1.2.3",
            "１",
            "0x10",
            "1_0",
            "1e9999999999999999999",
            " 1",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn products_are_exact() {
        assert_eq!(
            decimal("999999999999999999").times(&decimal("-999999999999999999")),
            decimal("-999999999999999998000000000000000001")
        );
        assert_eq!(decimal("0.25").times(&decimal("4")), decimal("1"));
        assert!(decimal("0").times(&decimal("5")).is_zero());
        assert_eq!(Decimal::from_u32(100).times(&decimal("0.5")), decimal("50"));
    }

    #[test]
    fn ratios_stand_where_floats_do_not_reach() {
        let ratio = |over: &str, under: &str| decimal(over).ratio(&decimal(under));
        assert!((ratio("1001", "1000") - 1.001).abs() < 1e-15);
        assert!((ratio("3e5000", "2e5000") - 1.5).abs() < 1e-15);
        assert!((ratio(&"7".repeat(300), &"7".repeat(300)) - 1.0).abs() < 1e-15);
        assert!(ratio("1", "1e400").abs() < 1e-300);
        assert!(ratio("1e400", "5").is_infinite());
        assert!(ratio("0", "0").is_nan());
    }

    #[test]
    fn display_is_plain_where_short() {
        for (given, shown) in
            [("1e3", "1000"), ("-0.050", "-0.05"), ("12.5", "12.5"), ("1e300", "1e300"), ("0", "0")]
        {
            assert_eq!(decimal(given).to_string(), shown);
        }
        assert!((decimal("1e400").to_f64()).is_infinite());
        assert!((decimal("-2.5").to_f64() + 2.5).abs() < f64::EPSILON);
    }
}
