//! Sums, products, integrals and limits by value, with a bound on how often the body is evaluated.

use num_complex::Complex64;

use super::ball::Ball;
use super::error::Error;
use super::evaluate::{Bound, Scope, form, whole};
use super::form::Form;
use super::rational::Budget;
use super::tree::Repeated;

/// The most terms of a finite sum.
const MAX_TERMS: i64 = 5000;

/// The body at one value of its variable.
fn at(
    body: &Form,
    name: &str,
    value: Ball,
    scope: Scope<'_>,
    budget: &Budget,
) -> Result<Ball, Error> {
    let bound = Bound { name, value, outer: scope };
    form(body, Scope { point: scope.point, bound: Some(&bound) }, budget)
}

/// A sum or a product over whole numbers.
pub(super) fn repeat(
    kind: Repeated,
    name: &str,
    [from, to]: [Ball; 2],
    body: &Form,
    scope: Scope<'_>,
    budget: &Budget,
) -> Result<Ball, Error> {
    let first =
        whole(from).ok_or(Error::NotANumber { found: "a range that begins at no whole number" })?;
    let term = |k: i64| {
        at(body, name, Ball { value: Complex64::new(k as f64, 0.0), error: 0.0 }, scope, budget)
    };
    let join = |a: Ball, b: Ball| if kind == Repeated::Sum { a.plus(b) } else { a.times(b) };
    let empty = if kind == Repeated::Sum { 0.0 } else { 1.0 };
    let mut total = Ball { value: Complex64::new(empty, 0.0), error: 0.0 };
    if to.value.re.is_finite() {
        let last =
            whole(to).ok_or(Error::NotANumber { found: "a range that ends at no whole number" })?;
        if last.saturating_sub(first) > MAX_TERMS {
            return Err(Error::NoConvergence { what: "a sum or product of many terms" });
        }
        for k in first..=last {
            total = join(total, term(k)?);
        }
        return Ok(total);
    }
    infinite(first, total, term, join)
}

/// Partial sums until they stand still, or what they tend to as the number of terms doubles.
fn infinite(
    first: i64,
    mut total: Ball,
    term: impl Fn(i64) -> Result<Ball, Error>,
    join: impl Fn(Ball, Ball) -> Ball,
) -> Result<Ball, Error> {
    let mut partial = Vec::new();
    let mut still = 0;
    for count in 1..=MAX_TERMS.min(4096) {
        let before = total;
        total = join(total, term(first.saturating_add(count - 1))?);
        if !total.value.is_finite() {
            break;
        }
        still = if (total.value - before.value).norm() <= 1e-17 * total.value.norm() {
            still + 1
        } else {
            0
        };
        if still >= 3 {
            return Ok(total);
        }
        if count >= 8 && (count as u64).is_power_of_two() {
            partial.push(total.value);
        }
    }
    extrapolated(&partial).ok_or(Error::NoConvergence { what: "a sum or product to infinity" })
}

/// Richardson's table for values at steps that halve.
fn extrapolated(values: &[Complex64]) -> Option<Ball> {
    let mut row = values.to_vec();
    let mut best: Option<(Complex64, f64)> = None;
    let mut factor = 2.0;
    while row.len() > 1 {
        let next: Vec<Complex64> =
            row.windows(2).map(|pair| pair[1] + (pair[1] - pair[0]) / (factor - 1.0)).collect();
        if let [.., a, b] = next[..] {
            let change = (b - a).norm();
            if change.is_finite() && best.is_none_or(|(_, least)| change < least) {
                best = Some((b, change));
            }
        }
        row = next;
        factor *= 2.0;
    }
    let (value, change) = best?;
    let error = 4.0 * change + 1e-13 * value.norm();
    (change <= 1e-8 * (1e-3 + value.norm())).then_some(Ball { value, error })
}

/// An integral over a finite or infinite range, by double exponential quadrature.
pub(super) fn integral(
    name: &str,
    [from, to]: [Ball; 2],
    body: &Form,
    scope: Scope<'_>,
    budget: &Budget,
) -> Result<Ball, Error> {
    let diverges = || Error::NoConvergence { what: "an integral" };
    let (a, b) = (from.value.re, to.value.re);
    if a.is_nan() || b.is_nan() || from.value.im.abs() + to.value.im.abs() > 0.0 {
        return Err(diverges());
    }
    if a > b {
        let turned = integral(name, [to, from], body, scope, budget)?;
        return Ok(Ball { value: -turned.value, error: turned.error });
    }
    // u in (-1, 1) to the range, and the derivative of that map.
    let place = |u: f64, gap: f64| match (a.is_finite(), b.is_finite()) {
        (true, true) => {
            let half = f64::midpoint(b, -a);
            let x = if u < 0.0 { a + half * gap } else { b - half * gap };
            (x, half)
        }
        (true, false) => (a + (1.0 + u) / (1.0 - u), 2.0 / ((1.0 - u) * (1.0 - u))),
        (false, true) => (b - (1.0 - u) / (1.0 + u), 2.0 / ((1.0 + u) * (1.0 + u))),
        (false, false) => {
            let square = u * u;
            (u / (1.0 - square), (1.0 + square) / ((1.0 - square) * (1.0 - square)))
        }
    };
    let sum = |step: f64| -> Result<Complex64, Error> {
        let mut total = Complex64::new(0.0, 0.0);
        let count = (3.4 / step) as i32;
        for k in -count..=count {
            let t = f64::from(k) * step;
            let s = std::f64::consts::FRAC_PI_2 * t.sinh();
            // 1 - |tanh s|, without the loss of a difference.
            let gap = 2.0 / (1.0 + (2.0 * s.abs()).exp());
            let weight = std::f64::consts::FRAC_PI_2 * t.cosh() / (s.cosh() * s.cosh());
            let (x, stretch) = place(s.tanh(), gap);
            if !x.is_finite() || !stretch.is_finite() {
                continue;
            }
            let height = at(body, name, Ball::real(x), scope, budget)?.value;
            let part = height * (weight * stretch * step);
            if part.is_finite() {
                total += part;
            }
        }
        Ok(total)
    };
    let (first, second) = (sum(1.0 / 8.0)?, sum(1.0 / 16.0)?);
    let finest = sum(1.0 / 32.0)?;
    let change = (finest - second).norm();
    if !finest.is_finite()
        || change > 1e-7 * (1e-3 + finest.norm())
        || change > 2.0 * (second - first).norm() + 1e-12
    {
        return Err(diverges());
    }
    Ok(Ball { value: finest, error: 2.0 * change + 1e-13 * (1.0 + finest.norm()) })
}

/// A limit from the right at a finite point, or at infinity.
pub(super) fn limit(
    name: &str,
    to: Ball,
    body: &Form,
    scope: Scope<'_>,
    budget: &Budget,
) -> Result<Ball, Error> {
    let mut values = Vec::new();
    for k in 4..16 {
        let step = f64::from(1u32 << k);
        let x = if to.value.re.is_finite() {
            to.value + 1.0 / step
        } else {
            Complex64::new(to.value.re.signum() * step, 0.0)
        };
        let value = at(body, name, Ball::rounded(x), scope, budget)?.value;
        if !value.is_finite() {
            break;
        }
        values.push(value);
    }
    extrapolated(&values).ok_or(Error::NoConvergence { what: "a limit" })
}
