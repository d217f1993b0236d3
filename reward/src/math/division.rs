//! Common factors of a numerator and a denominator in one generator.

use std::collections::BTreeMap;

use num_traits::{One as _, Zero as _};

use super::error::Error;
use super::generator::Gen;
use super::poly::{Monomial, Poly};
use super::rational::{Budget, Rat, bounded, weight};

/// The highest degree that is divided.
const MAX_DEGREE: usize = 64;

/// Coefficients by degree, from the constant one on, the last of them not zero.
type Dense = Vec<Rat>;

/// Both without their greatest common factor; `None` where the denominator is no polynomial in one generator, or there
/// is no common factor.
pub(super) fn reduced(
    over: &Poly,
    under: &Poly,
    budget: &Budget,
) -> Result<Option<(Poly, Poly)>, Error> {
    let generators = under.generators();
    let [generator] = &generators[..] else { return Ok(None) };
    if generator.reduction().is_some() {
        return Ok(None);
    }
    let Some(below) =
        dense(under, generator).and_then(|mut parts| parts.remove(&Monomial::default()))
    else {
        return Ok(None);
    };
    let Some(above) = dense(over, generator) else { return Ok(None) };
    let mut shared = below.clone();
    for part in above.values() {
        shared = greatest(&shared, part, budget)?;
        if shared.len() < 2 {
            return Ok(None);
        }
    }
    let mut first = Poly::default();
    for (rest, part) in &above {
        let (quotient, _) = divide(part, &shared, budget)?;
        let part =
            sparse(&quotient, generator).times(&Poly::term(rest.clone(), Rat::one()), budget)?;
        first = first.plus(&part, budget)?;
    }
    let (quotient, _) = divide(&below, &shared, budget)?;
    Ok(Some((first, sparse(&quotient, generator))))
}

/// The polynomial as one in `generator`, for each product of the others; `None` beyond the degrees that are divided.
fn dense(poly: &Poly, generator: &Gen) -> Option<BTreeMap<Monomial, Dense>> {
    let mut parts: BTreeMap<Monomial, Dense> = BTreeMap::new();
    for (monomial, coefficient) in &poly.0 {
        let mut rest = monomial.clone();
        let place = rest.0.iter().position(|(g, _)| g == generator);
        let degree = place.map_or(0, |place| rest.0.remove(place).1);
        let degree = usize::try_from(degree).ok().filter(|degree| *degree <= MAX_DEGREE)?;
        let part = parts.entry(rest).or_default();
        if part.len() <= degree {
            part.resize(degree + 1, Rat::zero());
        }
        part[degree] = coefficient.clone();
    }
    Some(parts)
}

fn sparse(dense: &Dense, generator: &Gen) -> Poly {
    let terms = dense.iter().enumerate().filter(|(_, c)| !c.is_zero()).map(|(degree, c)| {
        let powers =
            if degree == 0 { Vec::new() } else { vec![(generator.clone(), degree as i32)] };
        (Monomial(powers), c.clone())
    });
    Poly(terms.collect())
}

/// Euclid's algorithm, with a leading coefficient of 1 at each step.
fn greatest(a: &Dense, b: &Dense, budget: &Budget) -> Result<Dense, Error> {
    let (mut a, mut b) = (monic(a)?, monic(b)?);
    while !b.is_empty() {
        let (_, rest) = divide(&a, &b, budget)?;
        a = b;
        b = monic(&rest)?;
    }
    Ok(a)
}

fn monic(dense: &Dense) -> Result<Dense, Error> {
    let Some(leading) = dense.last() else { return Ok(Vec::new()) };
    let factor = leading.recip();
    dense.iter().map(|c| bounded(c * &factor)).collect()
}

/// Quotient and remainder; the divisor is not empty.
fn divide(a: &Dense, b: &Dense, budget: &Budget) -> Result<(Dense, Dense), Error> {
    let mut rest = a.clone();
    let mut quotient = vec![Rat::zero(); (a.len() + 1).saturating_sub(b.len())];
    let Some(leading) = b.last() else { return Ok((quotient, rest)) };
    while rest.len() >= b.len() && !rest.is_empty() {
        let shift = rest.len() - b.len();
        let factor = bounded(&rest[rest.len() - 1] / leading)?;
        budget.charge(b.len() * (2 + 2 * weight(&factor, leading)))?;
        for (i, coefficient) in b.iter().enumerate() {
            rest[shift + i] = bounded(&rest[shift + i] - &factor * coefficient)?;
        }
        quotient[shift] = factor;
        while rest.last().is_some_and(Rat::is_zero) {
            rest.pop();
        }
    }
    Ok((quotient, rest))
}
