//! The normal form: a quotient of two polynomials.

use std::fmt;

use num_traits::{One as _, Zero as _};

use super::error::Error;
use super::generator::{Gen, Kind};
use super::poly::{Monomial, Poly};
use super::rational::{Budget, Rat};
use super::tree::Constant;

/// `under` is 1 wherever it can be: a single term moves above, roots and i are made rational, and a common factor in
/// one generator is divided out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) over: Poly,
    pub(super) under: Poly,
}

impl Form {
    pub(super) fn number(number: Rat) -> Self {
        Self::poly(Poly::number(number))
    }

    pub(super) fn generator(generator: Gen) -> Self {
        Self::poly(Poly::generator(generator))
    }

    pub(super) fn constant(constant: Constant) -> Self {
        Self::generator(Gen::constant(constant))
    }

    pub(super) fn poly(over: Poly) -> Self {
        Self { over, under: Poly::number(Rat::one()) }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.over.is_zero()
    }

    /// Whether there is no denominator.
    pub(super) fn is_whole(&self) -> bool {
        self.under.rational().is_some_and(|number| number.is_one())
    }

    /// The number that it is, where it is a rational one.
    pub(super) fn rational(&self) -> Option<Rat> {
        if self.is_whole() { self.over.rational() } else { None }
    }

    /// The one generator that it is, where it is one.
    pub(super) fn single_generator(&self) -> Option<&Gen> {
        let (monomial, coefficient) = self.over.single().filter(|_| self.is_whole())?;
        match &monomial.0[..] {
            [(generator, 1)] if coefficient.is_one() => Some(generator),
            _ => None,
        }
    }

    /// Free symbols, sorted.
    pub(super) fn symbols(&self) -> Vec<String> {
        let mut symbols: Vec<String> = Vec::new();
        for poly in [&self.over, &self.under] {
            for monomial in poly.0.keys() {
                symbols.extend(monomial.0.iter().flat_map(|(g, _)| g.symbols().iter().cloned()));
            }
        }
        symbols.sort();
        symbols.dedup();
        symbols
    }

    pub(super) fn plus(&self, other: &Self, budget: &Budget) -> Result<Self, Error> {
        if self.under == other.under {
            let over = self.over.plus(&other.over, budget)?;
            return Self { over, under: self.under.clone() }.settled(budget);
        }
        let left = self.over.times(&other.under, budget)?;
        let right = other.over.times(&self.under, budget)?;
        let under = self.under.times(&other.under, budget)?;
        Self { over: left.plus(&right, budget)?, under }.settled(budget)
    }

    pub(super) fn minus(&self, other: &Self, budget: &Budget) -> Result<Self, Error> {
        self.plus(&other.negative()?, budget)
    }

    pub(super) fn negative(&self) -> Result<Self, Error> {
        self.scaled(&-Rat::one())
    }

    pub(super) fn scaled(&self, factor: &Rat) -> Result<Self, Error> {
        let over = self.over.scaled(factor)?;
        if over.is_zero() {
            return Ok(Self::number(Rat::zero()));
        }
        Ok(Self { over, under: self.under.clone() })
    }

    pub(super) fn times(&self, other: &Self, budget: &Budget) -> Result<Self, Error> {
        let over = self.over.times(&other.over, budget)?;
        let under = self.under.times(&other.under, budget)?;
        Self { over, under }.settled(budget)
    }

    pub(super) fn divided(&self, other: &Self, budget: &Budget) -> Result<Self, Error> {
        self.times(&other.inverse(budget)?, budget)
    }

    pub(super) fn inverse(&self, budget: &Budget) -> Result<Self, Error> {
        if self.over.is_zero() {
            return Err(Error::Undefined { what: "a division by zero" });
        }
        Self { over: self.under.clone(), under: self.over.clone() }.settled(budget)
    }

    /// Whether the two are the same quotient, by cross-multiplication.
    pub(super) fn same(&self, other: &Self, budget: &Budget) -> Result<bool, Error> {
        if self == other {
            return Ok(true);
        }
        let left = self.over.times(&other.under, budget)?;
        Ok(left == other.over.times(&self.under, budget)?)
    }

    /// Brings the denominator into its form.
    fn settled(self, budget: &Budget) -> Result<Self, Error> {
        let Self { mut over, mut under } = self;
        if over.is_zero() {
            return Ok(Self::poly(over));
        }
        for _ in 0..8 {
            let surd = under.generators().into_iter().find(|generator| match generator.kind() {
                Kind::Constant(constant) => *constant == Constant::I,
                Kind::Root { index, whole, .. } => *index == 2 && whole.is_some(),
                _ => false,
            });
            let Some(surd) = surd.filter(|_| under.0.len() > 1) else { break };
            let conjugate = conjugate(&under, &surd);
            match (over.times(&conjugate, budget), under.times(&conjugate, budget)) {
                (Ok(above), Ok(below)) if !below.is_zero() => (over, under) = (above, below),
                _ => break,
            }
        }
        if under.is_zero() {
            return Err(Error::Undefined { what: "a division by zero" });
        }
        let shared = shared_monomial(&under);
        if !shared.0.is_empty() {
            let (inverse, number) = shared.power(-1)?;
            let factor = Poly::term(inverse, number);
            (over, under) = (over.times(&factor, budget)?, under.times(&factor, budget)?);
        }
        if let Some((first, second)) = super::division::reduced(&over, &under, budget)? {
            (over, under) = (first, second);
        }
        if let Some((_, leading)) = under.0.iter().next_back() {
            let factor = leading.recip();
            if !factor.is_one() {
                (over, under) = (over.scaled(&factor)?, under.scaled(&factor)?);
            }
        }
        Ok(Self { over, under })
    }
}

/// The polynomial with the surd's sign turned round.
fn conjugate(poly: &Poly, surd: &Gen) -> Poly {
    let turned = poly.0.iter().map(|(monomial, coefficient)| {
        let odd =
            monomial.0.iter().any(|(generator, exponent)| generator == surd && exponent % 2 != 0);
        (monomial.clone(), if odd { -coefficient } else { coefficient.clone() })
    });
    Poly(turned.collect())
}

/// The lowest power of each generator over all terms.
fn shared_monomial(poly: &Poly) -> Monomial {
    let mut powers = Vec::new();
    for generator in poly.generators() {
        let lowest = poly
            .0
            .keys()
            .map(|monomial| monomial.0.iter().find(|(g, _)| *g == generator).map_or(0, |(_, e)| *e))
            .min()
            .unwrap_or(0);
        if lowest != 0 {
            powers.push((generator, lowest));
        }
    }
    Monomial(powers)
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_whole() {
            write!(f, "{}", self.over)
        } else {
            write!(f, "({})/({})", self.over, self.under)
        }
    }
}
