//! Exact rational numbers with a bound on their digits, and the steps that one comparison may take.

use std::cell::Cell;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed as _, ToPrimitive as _, Zero};

use super::error::Error;

pub(super) type Rat = BigRational;

/// The most bits of a numerator or denominator: some 2,400 decimal digits.
pub(super) const MAX_BITS: u64 = 8192;
/// Steps allowed in one reading of one expression; a step is some tens of nanoseconds.
pub(super) const MAX_STEPS: u64 = 150_000;

/// Steps left to one computation.
#[derive(Debug)]
pub(super) struct Budget(Cell<u64>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Cell::new(MAX_STEPS))
    }

    /// Takes `steps` away.
    pub(super) fn charge(&self, steps: usize) -> Result<(), Error> {
        let left = self.0.get().checked_sub(steps as u64);
        self.0.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Error::TooMuchWork { steps: MAX_STEPS })
    }
}

/// The number itself, where it is not too long.
pub(super) fn bounded(number: Rat) -> Result<Rat, Error> {
    if bits(&number) > MAX_BITS { Err(too_large("a number")) } else { Ok(number) }
}

pub(super) fn too_large(what: &'static str) -> Error {
    Error::Overflow { what, bits: MAX_BITS }
}

/// Bits of the longer of numerator and denominator.
pub(super) fn bits(number: &Rat) -> u64 {
    number.numer().bits().max(number.denom().bits())
}

/// Steps that an operation on the two takes beyond the first: common factors are found in time that grows with the square
/// of the length.
pub(super) fn weight(a: &Rat, b: &Rat) -> usize {
    let length = bits(a) + bits(b);
    (length * length / 1024) as usize
}

pub(super) fn int(number: i64) -> Rat {
    Rat::from_integer(BigInt::from(number))
}

pub(super) fn ratio(over: i64, under: i64) -> Rat {
    Rat::new(BigInt::from(over), BigInt::from(under))
}

/// `number^exponent`, exactly.
pub(super) fn power(number: &Rat, exponent: i64) -> Result<Rat, Error> {
    if number.is_zero() {
        return match exponent {
            0 => Ok(Rat::one()),
            1.. => Ok(Rat::zero()),
            _ => Err(Error::Undefined { what: "a division by zero" }),
        };
    }
    if number.abs().is_one() {
        let negative = number.is_negative() && exponent % 2 != 0;
        return Ok(if negative { -Rat::one() } else { Rat::one() });
    }
    let length = bits(number).saturating_sub(1).max(1).saturating_mul(exponent.unsigned_abs());
    if length > MAX_BITS {
        return Err(too_large("a power"));
    }
    // Within the bits checked above, the exponent is small.
    bounded(number.pow(exponent as i32))
}

/// A decimal: `digits [. digits] [e exponent]`, without a sign.
pub(super) fn decimal(text: &str) -> Result<Rat, Error> {
    /// Digits are read in time that grows with their square.
    const LONGEST: usize = 2400;
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].trim_start_matches('+')),
        None => (text, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() > LONGEST || exponent.len() > 6 {
        return Err(too_large("a number"));
    }
    let syntax =
        || Error::Syntax { expected: "digits", found: text.chars().take(20).collect(), at: 1 };
    let exponent: i64 = exponent.parse().map_err(|_| syntax())?;
    let digits = format!("0{whole}{fraction}");
    let digits = digits.parse::<BigInt>().map_err(|_| syntax())?;
    let shift = power(&int(10), exponent - fraction.len() as i64)?;
    bounded(Rat::from_integer(digits) * shift)
}

/// The nearest float; infinite beyond the range.
pub(super) fn to_f64(number: &Rat) -> f64 {
    number.to_f64().unwrap_or(f64::NAN)
}

/// The number as a machine integer, where it is a whole one that fits.
pub(super) fn to_i64(number: &Rat) -> Option<i64> {
    if number.is_integer() { number.numer().to_i64() } else { None }
}

/// The prime factors below `SMALL` of a positive number, each with its power, and what is left.
pub(super) fn factors(number: &BigInt) -> (Vec<(u32, u32)>, BigInt) {
    const SMALL: u32 = 1000;
    let mut rest = number.clone();
    let mut found = Vec::new();
    let mut divisor = 2u32;
    while divisor < SMALL && !rest.is_one() {
        if let Some(small) = rest.to_u64()
            && u64::from(divisor) * u64::from(divisor) > small
        {
            // What is left is a prime.
            if let Ok(prime) = u32::try_from(small) {
                found.push((prime, 1));
                rest = BigInt::one();
            }
            break;
        }
        let mut times = 0;
        while (&rest % divisor).is_zero() {
            rest /= divisor;
            times += 1;
        }
        if times > 0 {
            found.push((divisor, times));
        }
        divisor += if divisor == 2 { 1 } else { 2 };
    }
    (found, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_and_bounded() {
        assert_eq!(decimal("2.50"), Ok(ratio(5, 2)));
        assert_eq!(decimal(".5e1"), Ok(int(5)));
        assert_eq!(decimal("12E-2"), Ok(ratio(3, 25)));
        assert!(matches!(decimal("1e999999"), Err(Error::Overflow { .. })));
        assert!(matches!(decimal(&"9".repeat(5000)), Err(Error::Overflow { .. })));
        assert!(matches!(decimal("1e9999999999"), Err(Error::Overflow { .. })));
    }

    #[test]
    fn powers_are_refused_before_they_are_computed() {
        assert_eq!(power(&int(-2), 3), Ok(int(-8)));
        assert_eq!(power(&int(2), -2), Ok(ratio(1, 4)));
        assert_eq!(power(&int(-1), i64::MIN), Ok(int(1)));
        assert!(matches!(power(&int(10), i64::MAX), Err(Error::Overflow { .. })));
        assert!(matches!(power(&int(0), -1), Err(Error::Undefined { .. })));
    }

    #[test]
    fn factors_multiply_to_the_number() {
        let (found, rest) = factors(&BigInt::from(2 * 2 * 3 * 10_007));
        assert_eq!(found, [(2, 2), (3, 1), (10_007, 1)]);
        assert!(rest.is_one());
    }
}
