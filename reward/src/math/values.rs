//! What an expression comes to: a number, a matrix, a set, a relation, words.

use num_traits::{One as _, Zero as _};

use super::ball::Ball;
use super::error::Error;
use super::evaluate::{self, Scope};
use super::form::Form;
use super::lower::{Lowering, lower};
use super::numerals::Commas;
use super::rational::{Budget, Rat, to_f64};
use super::reading;
use super::tree::Relation;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Interval {
    pub low: Form,
    pub high: Form,
    pub low_closed: bool,
    pub high_closed: bool,
}

/// A side of a relation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Side {
    pub value: Value,
    /// It only names something.
    pub label: bool,
    /// It has no symbols.
    pub constant: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Scalar(Form),
    Text(String),
    Matrix(Vec<Vec<Form>>),
    /// In parentheses, in order; of two, also an open interval.
    Tuple(Vec<Value>),
    /// Between commas.
    List(Vec<Value>),
    /// In braces.
    Set(Vec<Value>),
    Interval(Interval),
    Union(Vec<Value>),
    Related {
        sides: Vec<Side>,
        relations: Vec<Relation>,
    },
}

impl Value {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Scalar(_) => "an expression",
            Self::Text(_) => "words",
            Self::Matrix(_) => "a matrix",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Set(_) => "a set",
            Self::Interval(_) => "an interval",
            Self::Union(_) => "a union of sets",
            Self::Related { .. } => "a relation",
        }
    }

    /// The number or expression that it is.
    pub(super) fn scalar(&self) -> Result<&Form, Error> {
        match self {
            Self::Scalar(form) => Ok(form),
            Self::Set(items) if items.len() == 1 => items[0].scalar(),
            other => Err(Error::NotANumber { found: other.name() }),
        }
    }
}

/// The number that an expression in LaTeX or plain text comes to, as a float: infinite where it is ±∞. A percentage is
/// its hundredth, an angle in degrees its number. Symbols may stand in it where they cancel.
pub fn value(expression: &str) -> Result<f64, Error> {
    let budget = Budget::new();
    let tree = reading::tree(expression, Commas::Thousands)?;
    let lowered = lower(&tree, Lowering::new(&budget))?;
    let value = match &lowered {
        Value::Related { sides, .. } => match reading::answer_side(&lowered) {
            Some(value) => value.clone(),
            None => sides.last().map_or(lowered.clone(), |side| side.value.clone()),
        },
        _ => lowered,
    };
    let form = value.scalar()?;
    if let Some(number) = form.rational() {
        return Ok(to_f64(&number));
    }
    let ball = constant(form, &budget)?;
    if ball.value.im.abs() > 16.0 * ball.error + 1e-12 * ball.value.norm() {
        return Err(Error::NotANumber { found: "a complex number" });
    }
    Ok(ball.value.re)
}

/// The value of a form that is the same wherever its symbols are.
fn constant(form: &Form, budget: &Budget) -> Result<Ball, Error> {
    if form.symbols().is_empty() {
        let ball = evaluate::form(form, Scope::NONE, budget)?;
        return if ball.value.re.is_infinite() && infinite(form) {
            Ok(Ball { value: ball.value.re.into(), error: 0.0 })
        } else if ball.is_sharp() {
            Ok(ball)
        } else {
            Err(Error::Undefined { what: "the value, within the precision of floats," })
        };
    }
    let at = |point| evaluate::form(form, Scope { point: Some(point), bound: None }, budget);
    let first = at(0)?;
    for point in 1..4 {
        if !first.is_sharp() || !first.meets(&at(point)?) {
            return Err(Error::NotANumber { found: "an expression with free symbols" });
        }
    }
    Ok(first)
}

/// Whether the form is a multiple of ∞ and nothing else.
fn infinite(form: &Form) -> bool {
    form.over.single().is_some_and(|(monomial, coefficient)| {
        !coefficient.is_zero() && monomial.0.len() == 1 && monomial.0[0].0.text() == "oo"
    })
}

/// The determinant of a square matrix of at most four rows.
pub(super) fn determinant(rows: &[Vec<Form>], budget: &Budget) -> Result<Form, Error> {
    let size = rows.len();
    if size > 4 || rows.iter().any(|row| row.len() != size) {
        return Err(Error::Undefined {
            what: "the determinant of more than four rows or of ragged ones",
        });
    }
    if size == 0 {
        return Ok(Form::number(Rat::one()));
    }
    let mut sum = Form::number(Rat::zero());
    for (column, factor) in rows[0].iter().enumerate() {
        let minor: Vec<Vec<Form>> = rows[1..]
            .iter()
            .map(|row| {
                row.iter()
                    .enumerate()
                    .filter(|(at, _)| *at != column)
                    .map(|(_, f)| f.clone())
                    .collect()
            })
            .collect();
        let part = factor.times(&determinant(&minor, budget)?, budget)?;
        sum = if column % 2 == 0 { sum.plus(&part, budget)? } else { sum.minus(&part, budget)? };
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_come_to_their_numbers() {
        // Python 3.11 with SymPy 1.14: `N(expr)` of each.
        for (text, expected) in [
            (r"\frac{1}{2} + \dfrac34", 1.25),
            (r"3\frac{1}{2}", 3.5),
            (r"\sqrt[3]{-27}", -3.0),
            (r"\log_2 8 + \ln e^2", 5.0),
            (r"\sin 30^\circ", 0.5),
            (r"2^{10} - 5!", 904.0),
            (r"\binom{10}{3}", 120.0),
            (r"\lfloor -2.5 \rfloor", -3.0),
            (r"\sum_{i=1}^{100} i", 5050.0),
            (r"\sum_{n=1}^{\infty} \frac{1}{n^2}", 1.644_934_066_848_226_4),
            (r"\sum_{n=1}^{1000} \frac{1}{n}", 7.485_470_860_550_345),
            (r"\prod_{n=1}^{20} n", 2_432_902_008_176_640_000.0),
            (r"\int_0^1 x^2 dx", 1.0 / 3.0),
            (r"\int_{-\infty}^{\infty} e^{-x^2} dx", 1.772_453_850_905_516),
            (r"\lim_{x \to 0} \frac{\sin x}{x}", 1.0),
            (r"\frac{d}{dx} (3x - 1)", 3.0),
            (r"\left|{-4}\right| \cdot |2 - 5|", 12.0),
            (r"-7 \bmod 3", 2.0),
            ("1.5e3", 1500.0),
            ("25%", 0.25),
            (r"e^{i\pi}", -1.0),
            (r"x = 5", 5.0),
            (r"\begin{vmatrix} 1 & 2 \\ 3 & 4 \end{vmatrix}", -2.0),
        ] {
            let got = value(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!((got - expected).abs() <= 1e-9 * expected.abs(), "{text}: {got}");
        }
        assert_eq!(value(r"-\infty"), Ok(f64::NEG_INFINITY));
    }

    #[test]
    fn what_is_no_number_says_why() {
        assert!(matches!(value("x + 1"), Err(Error::NotANumber { .. })));
        assert!(matches!(value("(1, 2)"), Err(Error::NotANumber { .. })));
        assert!(matches!(value("1/0"), Err(Error::Undefined { .. })));
        assert!(matches!(value(" "), Err(Error::Empty)));
        assert!(matches!(value(r"\sum_{n=1}^{\infty} n"), Err(Error::NoConvergence { .. })));
        assert!(matches!(value(r"\int_0^1 \frac{1}{x} dx"), Err(Error::NoConvergence { .. })));
        assert!(matches!(value("10^10^10"), Err(Error::Undefined { .. } | Error::Overflow { .. })));
    }
}
