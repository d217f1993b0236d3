//! The value of a normal form, with numbers for its symbols.

use num_complex::Complex64;
use num_traits::ToPrimitive as _;

use super::ball::{Ball, call};
use super::calculus;
use super::error::Error;
use super::form::Form;
use super::generator::{Gen, Kind};
use super::poly::Poly;
use super::rational::{Budget, to_f64};
use super::tree::{Constant, Function};

/// Numbers for symbols, the last ones first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) point: Option<u64>,
    pub(super) bound: Option<&'a Bound<'a>>,
}

/// A bound symbol, its value, and the symbols around.
#[derive(Debug)]
pub(super) struct Bound<'a> {
    pub(super) name: &'a str,
    pub(super) value: Ball,
    pub(super) outer: Scope<'a>,
}

impl Scope<'_> {
    pub(super) const NONE: Scope<'static> = Scope { point: None, bound: None };

    fn value(&self, name: &str) -> Result<Ball, Error> {
        let mut scope = self;
        while let Some(bound) = scope.bound {
            if bound.name == name {
                return Ok(bound.value);
            }
            scope = &bound.outer;
        }
        match self.point {
            Some(point) => Ok(sample(name, point)),
            None => Err(Error::NotANumber { found: "an expression with free symbols" }),
        }
    }
}

/// A fixed number for each name and point, drawn as if at random between 0.3 and 2.6; negative at some points.
fn sample(name: &str, point: u64) -> Ball {
    // Steele, Lea and Flood's splitmix64 over an FNV hash of the name.
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut z = seed.wrapping_add(point.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    let unit = (z >> 11) as f64 / (1u64 << 53) as f64;
    let size = 0.3 + 2.3 * unit;
    // Positive at the first two points, where roots and logarithms are real; negative at the third.
    let negative = point == 2 || (point > 2 && z & 1 == 1);
    Ball::real(if negative { -size } else { size })
}

/// The form's value.
pub(super) fn form(form: &Form, scope: Scope<'_>, budget: &Budget) -> Result<Ball, Error> {
    let over = poly(&form.over, scope, budget)?;
    if form.is_whole() {
        return Ok(over);
    }
    let under = poly(&form.under, scope, budget)?;
    if under.value.norm() <= under.error {
        return Err(Error::Undefined { what: "a division by zero" });
    }
    Ok(over.divided(under))
}

/// The value of a constant, where it has a sharp one.
pub(super) fn real(constant: &Form, budget: &Budget) -> Option<Ball> {
    if !constant.symbols().is_empty() {
        return None;
    }
    form(constant, Scope::NONE, budget).ok().filter(Ball::is_sharp)
}

fn poly(poly: &Poly, scope: Scope<'_>, budget: &Budget) -> Result<Ball, Error> {
    let mut sum = Ball { value: Complex64::new(0.0, 0.0), error: 0.0 };
    for (monomial, coefficient) in &poly.0 {
        budget.charge(1 + monomial.0.len())?;
        let mut term = number(coefficient);
        for (generator, exponent) in &monomial.0 {
            term = term.times(value(generator, scope, budget)?.whole_power(*exponent));
        }
        sum = sum.plus(term);
    }
    Ok(sum)
}

fn number(number: &super::rational::Rat) -> Ball {
    let float = to_f64(number);
    // Small whole numbers are exact.
    if number.is_integer() && float.abs() < 1e15 {
        return Ball { value: Complex64::new(float, 0.0), error: 0.0 };
    }
    Ball::real(float)
}

fn value(generator: &Gen, scope: Scope<'_>, budget: &Budget) -> Result<Ball, Error> {
    budget.charge(4)?;
    match generator.kind() {
        Kind::Symbol(name) => scope.value(name),
        Kind::Constant(constant) => Ok(match constant {
            Constant::Pi => Ball::real(std::f64::consts::PI),
            Constant::E => Ball::real(std::f64::consts::E),
            Constant::I => Ball { value: Complex64::i(), error: 0.0 },
            Constant::Infinity => Ball { value: Complex64::new(f64::INFINITY, 0.0), error: 0.0 },
        }),
        Kind::Root { of, index, .. } => Ok(form(of, scope, budget)?.root(*index)),
        Kind::Power { base, exponent } => {
            let exponent = form(exponent, scope, budget)?;
            Ok(form(base, scope, budget)?.power(exponent))
        }
        Kind::Call(function, arguments) => called(*function, arguments, scope, budget),
        Kind::Opaque => match scope.point {
            Some(point) => Ok(sample(generator.text(), point)),
            None => Err(Error::NotANumber { found: "a function that is only a name" }),
        },
        Kind::Repeat { kind, variable, from, to, body } => {
            let range = [form(from, scope, budget)?, form(to, scope, budget)?];
            calculus::repeat(*kind, variable, range, body, scope, budget)
        }
        Kind::Integral { variable, from, to, body } => {
            let range = [form(from, scope, budget)?, form(to, scope, budget)?];
            calculus::integral(variable, range, body, scope, budget)
        }
        Kind::Limit { variable, to, body } => {
            let to = form(to, scope, budget)?;
            calculus::limit(variable, to, body, scope, budget)
        }
    }
}

fn called(
    function: Function,
    arguments: &[Form],
    scope: Scope<'_>,
    budget: &Budget,
) -> Result<Ball, Error> {
    let undefined =
        || Error::NotANumber { found: "a function at a point where floats do not tell" };
    let values = arguments
        .iter()
        .map(|argument| form(argument, scope, budget))
        .collect::<Result<Vec<_>, _>>()?;
    match (function, &values[..]) {
        (Function::Binomial, [n, k]) => {
            let one = |ball: Ball| call(Function::Factorial, ball).ok_or_else(undefined);
            let minus = Ball { value: -k.value, error: k.error };
            Ok(one(*n)?.divided(one(*k)?.times(one(n.plus(minus))?)))
        }
        (Function::Max | Function::Min, [first, rest @ ..]) => {
            let better = |a: &Ball, b: &Ball| {
                let larger = b.value.re > a.value.re;
                if larger == (function == Function::Max) { *b } else { *a }
            };
            Ok(rest.iter().fold(*first, |best, next| better(&best, next)))
        }
        (_, [x]) => call(function, *x).ok_or_else(undefined),
        _ => Err(undefined()),
    }
}

/// A float that stands for a whole number within its error.
pub(super) fn whole(ball: Ball) -> Option<i64> {
    let rounded = ball.value.re.round();
    let near =
        (ball.value.re - rounded).abs() <= ball.error + 1e-9 && ball.value.im.abs() <= ball.error;
    if near { rounded.to_i64() } else { None }
}
