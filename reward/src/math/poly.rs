//! Polynomials over generators with rational coefficients; powers may be negative.

use std::collections::BTreeMap;
use std::fmt;

use num_integer::Integer as _;
use num_traits::{One as _, Signed as _, Zero as _};

use super::error::Error;
use super::generator::Gen;
use super::rational::{Budget, MAX_STEPS, Rat, bounded, power, weight};

/// The most terms of a polynomial.
pub(super) const MAX_TERMS: usize = 300;
/// The highest power of a generator.
const MAX_POWER: i32 = 1_000_000;

/// Generators with their powers, none of them zero, in the order of their texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Monomial(pub(super) Vec<(Gen, i32)>);

/// No coefficient is zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Poly(pub(super) BTreeMap<Monomial, Rat>);

impl Monomial {
    /// The product, and the number that reduced powers come to.
    fn times(&self, other: &Self) -> Result<(Self, Rat), Error> {
        let mut powers: Vec<(Gen, i32)> = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some((a, m)), Some((b, n))) => match a.cmp(b) {
                    std::cmp::Ordering::Equal => {
                        let both = (a.clone(), m.saturating_add(*n));
                        left.next();
                        right.next();
                        both
                    }
                    std::cmp::Ordering::Less => {
                        left.next().cloned().unwrap_or_else(|| unreachable!())
                    }
                    std::cmp::Ordering::Greater => {
                        right.next().cloned().unwrap_or_else(|| unreachable!())
                    }
                },
                (Some(_), None) => left.next().cloned().unwrap_or_else(|| unreachable!()),
                (None, Some(_)) => right.next().cloned().unwrap_or_else(|| unreachable!()),
                (None, None) => break,
            };
            powers.push(next);
        }
        Self(powers).reduced()
    }

    fn reduced(mut self) -> Result<(Self, Rat), Error> {
        let mut number = Rat::one();
        for (generator, exponent) in &mut self.0 {
            if exponent.abs() > MAX_POWER {
                return Err(Error::TooMuchWork { steps: MAX_STEPS });
            }
            if let Some((index, value)) = generator.reduction() {
                let (whole, rest) = exponent.div_mod_floor(&(index as i32));
                number = bounded(number * power(&value, i64::from(whole))?)?;
                *exponent = rest;
            }
        }
        self.0.retain(|(_, exponent)| *exponent != 0);
        Ok((self, number))
    }

    /// `self^exponent`, and the number that reduced powers come to.
    pub(super) fn power(&self, exponent: i32) -> Result<(Self, Rat), Error> {
        let raised = self.0.iter().map(|(g, e)| (g.clone(), e.saturating_mul(exponent)));
        Self(raised.collect()).reduced()
    }
}

impl Poly {
    pub(super) fn number(number: Rat) -> Self {
        Self::term(Monomial::default(), number)
    }

    pub(super) fn term(monomial: Monomial, coefficient: Rat) -> Self {
        if coefficient.is_zero() {
            return Self::default();
        }
        Self(BTreeMap::from([(monomial, coefficient)]))
    }

    pub(super) fn generator(generator: Gen) -> Self {
        Self::term(Monomial(vec![(generator, 1)]), Rat::one())
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// The number that it is, where it is one.
    pub(super) fn rational(&self) -> Option<Rat> {
        match self.0.len() {
            0 => Some(Rat::zero()),
            1 => self.0.get(&Monomial::default()).cloned(),
            _ => None,
        }
    }

    /// The one term, where there is one.
    pub(super) fn single(&self) -> Option<(&Monomial, &Rat)> {
        if self.0.len() == 1 { self.0.iter().next() } else { None }
    }

    pub(super) fn plus(&self, other: &Self, budget: &Budget) -> Result<Self, Error> {
        budget.charge(self.0.len() + other.0.len())?;
        let mut sum = self.0.clone();
        for (monomial, coefficient) in &other.0 {
            if let Some(own) = self.0.get(monomial) {
                budget.charge(weight(own, coefficient))?;
            }
            add(&mut sum, monomial.clone(), coefficient.clone())?;
        }
        within(Self(sum))
    }

    pub(super) fn scaled(&self, factor: &Rat) -> Result<Self, Error> {
        if factor.is_zero() {
            return Ok(Self::default());
        }
        let scale = |(m, c): (&Monomial, &Rat)| Ok((m.clone(), bounded(c * factor)?));
        self.0.iter().map(scale).collect::<Result<_, Error>>().map(Self)
    }

    pub(super) fn times(&self, other: &Self, budget: &Budget) -> Result<Self, Error> {
        let mut product = BTreeMap::new();
        for (a, m) in &self.0 {
            for (b, n) in &other.0 {
                budget.charge(2 + a.0.len() + b.0.len() + weight(m, n))?;
                let (monomial, number) = a.times(b)?;
                let mut coefficient = m * n;
                if !number.is_one() {
                    coefficient *= number;
                }
                add(&mut product, monomial, bounded(coefficient)?)?;
            }
            if product.len() > MAX_TERMS {
                return Err(Error::TooMuchWork { steps: MAX_STEPS });
            }
        }
        Ok(Self(product))
    }

    /// The largest rational that leaves whole coefficients without a common factor; positive.
    pub(super) fn content(&self) -> Rat {
        let mut over = num_bigint::BigInt::zero();
        let mut under = num_bigint::BigInt::one();
        for coefficient in self.0.values() {
            over = over.gcd(coefficient.numer());
            under = under.lcm(coefficient.denom());
        }
        if over.is_zero() { Rat::one() } else { Rat::new(over, under) }
    }

    /// Every generator in it, once.
    pub(super) fn generators(&self) -> Vec<Gen> {
        let mut all: Vec<Gen> =
            self.0.keys().flat_map(|monomial| monomial.0.iter().map(|(g, _)| g.clone())).collect();
        all.sort();
        all.dedup();
        all
    }
}

fn add(
    sum: &mut BTreeMap<Monomial, Rat>,
    monomial: Monomial,
    coefficient: Rat,
) -> Result<(), Error> {
    match sum.entry(monomial) {
        std::collections::btree_map::Entry::Vacant(entry) => {
            if !coefficient.is_zero() {
                entry.insert(coefficient);
            }
        }
        std::collections::btree_map::Entry::Occupied(mut entry) => {
            let total = bounded(entry.get() + coefficient)?;
            if total.is_zero() {
                entry.remove();
            } else {
                entry.insert(total);
            }
        }
    }
    Ok(())
}

fn within(poly: Poly) -> Result<Poly, Error> {
    if poly.0.len() > MAX_TERMS { Err(Error::TooMuchWork { steps: MAX_STEPS }) } else { Ok(poly) }
}

impl fmt::Display for Monomial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (generator, exponent)) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("*")?;
            }
            f.write_str(generator.text())?;
            if *exponent != 1 {
                write!(f, "^{exponent}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Poly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("0");
        }
        for (i, (monomial, coefficient)) in self.0.iter().enumerate() {
            let sign = match (i, coefficient.is_negative()) {
                (_, true) => "-",
                (0, false) => "",
                _ => "+",
            };
            f.write_str(sign)?;
            let size = coefficient.abs();
            match (size.is_one(), monomial.0.is_empty()) {
                (_, true) => write!(f, "{size}")?,
                (true, false) => write!(f, "{monomial}")?,
                (false, false) => write!(f, "{size}*{monomial}")?,
            }
        }
        Ok(())
    }
}
