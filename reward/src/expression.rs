//! Arithmetic expressions over whole numbers, read and computed exactly, in bounded time and depth.

use std::fmt;

/// Most numbers in an expression.
pub(crate) const MOST_NUMBERS: usize = 64;
/// Longest expression, in bytes.
const LONGEST: usize = 4096;
/// Deepest nesting of parentheses and signs.
const DEEPEST: usize = 64;

/// An expression as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expression {
    /// What it comes to.
    pub(crate) value: Ratio,
    /// The numbers that stand in it, in order.
    pub(crate) numbers: Vec<u64>,
    /// What stands on the other side of "=", where there is one.
    pub(crate) claimed: Option<i128>,
    /// Without white space, operators in one writing.
    pub(crate) canonical: String,
}

/// A fraction in lowest terms with a positive denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ratio {
    over: i128,
    under: i128,
}

/// Why a text is no expression, or one without a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    #[error("it is nested deeper than {DEEPEST} levels")]
    TooDeep,
    #[error("it holds more than {MOST_NUMBERS} numbers")]
    TooMany,
    #[error("{0:?} is no part of an expression of numbers, + - * / and parentheses")]
    Character(char),
    #[error("the expression ends too soon")]
    Ends,
    #[error("{0:?} stands where {1} is expected")]
    Unexpected(char, &'static str),
    #[error("it has more than one \"=\", or no plain number on one side of it")]
    Sides,
    #[error("a division by zero")]
    DivisionByZero,
    #[error("a number or a result is beyond what is computed here (2^64, 2^127)")]
    TooLarge,
}

/// Reads `3 * (5 + 7)`, also with a result beside it (`… = 36`), in plain text or simple LaTeX.
pub(crate) fn parse(text: &str) -> Result<Expression, Fault> {
    if text.len() > LONGEST {
        return Err(Fault::TooLong);
    }
    let plain = plain(text);
    let sides: Vec<&str> = plain.split('=').collect();
    let (side, claimed) = match *sides.as_slice() {
        [side] => (side, None),
        [left, right] => match (claim(left), claim(right)) {
            (_, Some(claimed)) => (left, Some(claimed)),
            (Some(claimed), None) => (right, Some(claimed)),
            (None, None) => return Err(Fault::Sides),
        },
        _ => return Err(Fault::Sides),
    };
    let mut reader = Reader { rest: side, numbers: Vec::new() };
    let value = reader.sum(0)?;
    match reader.rest.chars().next() {
        None => {}
        Some(c) if c.is_ascii_digit() || matches!(c, '(' | ' ') => {
            return Err(Fault::Unexpected(c, "an operator"));
        }
        Some(c @ (')' | '+' | '-' | '*' | '/')) => {
            return Err(Fault::Unexpected(c, "an operator or the end"));
        }
        Some(c) => return Err(Fault::Character(c)),
    }
    let canonical = side.to_owned();
    Ok(Expression { value, numbers: reader.numbers, claimed, canonical })
}

/// ASCII operators and round parentheses, without white space.
fn plain(text: &str) -> String {
    let mut plain = text.trim().trim_matches('$').to_owned();
    for (from, to) in [
        ("\\times", "*"),
        ("\\cdot", "*"),
        ("\\div", "/"),
        ("\\left", ""),
        ("\\right", ""),
        ("\\(", ""),
        ("\\)", ""),
        ("\\[", ""),
        ("\\]", ""),
    ] {
        plain = plain.replace(from, to);
    }
    // A space between digits parts two numbers; elsewhere it says nothing.
    let mut kept = String::with_capacity(plain.len());
    let mut gap = false;
    for c in plain.chars() {
        let c = match c {
            '×' | '·' | '⋅' | '∗' => '*',
            '÷' | '∕' => '/',
            '−' | '–' => '-',
            '[' | '{' => '(',
            ']' | '}' => ')',
            other => other,
        };
        if c.is_whitespace() {
            gap = true;
            continue;
        }
        if gap && c.is_ascii_digit() && kept.ends_with(|last: char| last.is_ascii_digit()) {
            kept.push(' ');
        }
        gap = false;
        kept.push(c);
    }
    kept
}

fn claim(side: &str) -> Option<i128> {
    side.parse().ok()
}

struct Reader<'a> {
    rest: &'a str,
    numbers: Vec<u64>,
}

impl Reader<'_> {
    fn next_is(&mut self, wanted: &[char]) -> Option<char> {
        let c = self.rest.chars().next().filter(|c| wanted.contains(c))?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn sum(&mut self, depth: usize) -> Result<Ratio, Fault> {
        let mut value = self.product(depth)?;
        while let Some(sign) = self.next_is(&['+', '-']) {
            let next = self.product(depth)?;
            value = value.plus(if sign == '-' { next.negated()? } else { next })?;
        }
        Ok(value)
    }

    fn product(&mut self, depth: usize) -> Result<Ratio, Fault> {
        let mut value = self.factor(depth)?;
        while let Some(sign) = self.next_is(&['*', '/']) {
            let next = self.factor(depth)?;
            value = value.times(if sign == '/' { next.inverted()? } else { next })?;
        }
        Ok(value)
    }

    fn factor(&mut self, depth: usize) -> Result<Ratio, Fault> {
        if depth > DEEPEST {
            return Err(Fault::TooDeep);
        }
        if self.next_is(&['-']).is_some() {
            return self.factor(depth + 1)?.negated();
        }
        if self.next_is(&['(']).is_some() {
            let value = self.sum(depth + 1)?;
            return match self.next_is(&[')']) {
                Some(_) => Ok(value),
                None => Err(self.unexpected("\")\" or an operator")),
            };
        }
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(self.unexpected("a number or \"(\""));
        }
        let (number, rest) = self.rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| Fault::TooLarge)?;
        self.rest = rest;
        if self.numbers.len() == MOST_NUMBERS {
            return Err(Fault::TooMany);
        }
        self.numbers.push(number);
        Ok(Ratio { over: i128::from(number), under: 1 })
    }

    fn unexpected(&self, expected: &'static str) -> Fault {
        match self.rest.chars().next() {
            None => Fault::Ends,
            Some(c @ ('+' | '-' | '*' | '/' | '(' | ')' | '0'..='9' | ' ')) => {
                Fault::Unexpected(c, expected)
            }
            Some(c) => Fault::Character(c),
        }
    }
}

impl Ratio {
    /// Whether it is the whole number `value`.
    pub(crate) fn is_whole(self, value: i128) -> bool {
        self.under == 1 && self.over == value
    }

    fn new(over: i128, under: i128) -> Result<Self, Fault> {
        if under == 0 {
            return Err(Fault::DivisionByZero);
        }
        let common = common_divisor(over.unsigned_abs(), under.unsigned_abs());
        let common = i128::try_from(common).map_err(|_| Fault::TooLarge)?;
        let sign = if under < 0 { -1 } else { 1 };
        let part = |value: i128| (value / common).checked_mul(sign).ok_or(Fault::TooLarge);
        Ok(Self { over: part(over)?, under: part(under)? })
    }

    fn plus(self, other: Self) -> Result<Self, Fault> {
        let left = self.over.checked_mul(other.under);
        let right = other.over.checked_mul(self.under);
        let over = left.zip(right).and_then(|(left, right)| left.checked_add(right));
        let under = self.under.checked_mul(other.under);
        over.zip(under).map_or(Err(Fault::TooLarge), |(over, under)| Self::new(over, under))
    }

    fn times(self, other: Self) -> Result<Self, Fault> {
        // Reduced crosswise first, so that a product that fits is never refused.
        let left = Self::new(self.over, other.under)?;
        let right = Self::new(other.over, self.under)?;
        let over = left.over.checked_mul(right.over);
        let under = left.under.checked_mul(right.under);
        over.zip(under).map_or(Err(Fault::TooLarge), |(over, under)| Self::new(over, under))
    }

    fn inverted(self) -> Result<Self, Fault> {
        Self::new(self.under, self.over)
    }

    fn negated(self) -> Result<Self, Fault> {
        Self::new(self.over.checked_neg().ok_or(Fault::TooLarge)?, self.under)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.under == 1 {
            write!(f, "{}", self.over)
        } else {
            write!(f, "{}/{}", self.over, self.under)
        }
    }
}

fn common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<String, Fault> {
        parse(text).map(|read| read.value.to_string())
    }

    #[test]
    fn values_follow_the_usual_precedence() {
        for (text, expected) in [
            ("2+3*4", "14"),
            ("(2+3)*4", "20"),
            ("2-3-4", "-5"),
            ("12/4/3", "1"),
            ("12/(4/3)", "9"),
            ("2*-3", "-6"),
            ("1/3+1/6", "1/2"),
            ("0*5", "0"),
            ("18446744073709551615*2", "36893488147419103230"),
        ] {
            assert_eq!(value(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn hostile_texts_are_refused_by_name() {
        for (text, fault) in [
            ("(".repeat(4000), Fault::TooDeep),
            ("-".repeat(4000), Fault::TooDeep),
            ("1".repeat(5000), Fault::TooLong),
            ("1+".repeat(1000), Fault::TooMany),
            ("9".repeat(30), Fault::TooLarge),
            (["18446744073709551615"; 3].join("*"), Fault::TooLarge),
            ("1=1=1".into(), Fault::Sides),
            ("1+1=2+0".into(), Fault::Sides),
            ("é".into(), Fault::Character('é')),
            (String::new(), Fault::Ends),
            ("1+".into(), Fault::Ends),
            ("1/(2-2)".into(), Fault::DivisionByZero),
            ("+1".into(), Fault::Unexpected('+', "a number or \"(\"")),
        ] {
            assert_eq!(parse(&text).map(|read| read.value), Err(fault), "{text}");
        }
    }
}
