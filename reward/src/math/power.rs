//! Powers and roots of normal forms.

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::{One as _, Signed as _, ToPrimitive as _, Zero as _};

use super::error::Error;
use super::form::Form;
use super::functions;
use super::generator::{Gen, Kind};
use super::poly::{Monomial, Poly};
use super::rational::{Budget, MAX_BITS, Rat, bits, factors, power as rational_power, to_i64};
use super::tree::{Constant, Function};

/// The highest power to which several terms are multiplied out.
const MAX_EXPANDED: u64 = 40;
/// The highest index of a root that is computed with.
const MAX_INDEX: i64 = 64;

/// `base^exponent`, on the principal branch.
pub(super) fn power(base: &Form, exponent: &Form, budget: &Budget) -> Result<Form, Error> {
    budget.charge(1)?;
    if let Some(exponent) = exponent.rational() {
        return rational_exponent(base, &exponent, budget);
    }
    if base.rational().is_some_and(|number| number.is_one()) {
        return Ok(base.clone());
    }
    if !exponent.is_whole() {
        return Gen::power(base.clone(), exponent.clone()).map(Form::generator);
    }
    let mut product = Form::number(Rat::one());
    for (monomial, coefficient) in &exponent.over.0 {
        let part = term_exponent(base, monomial, coefficient, budget)?;
        product = product.times(&part, budget)?;
    }
    Ok(product)
}

/// The power of a base to one term of its exponent.
fn term_exponent(
    base: &Form,
    monomial: &Monomial,
    coefficient: &Rat,
    budget: &Budget,
) -> Result<Form, Error> {
    if monomial.0.is_empty() {
        return rational_exponent(base, coefficient, budget);
    }
    let is_e = base.single_generator() == Some(&Gen::constant(Constant::E));
    if is_e {
        if let Some(turned) = turned(monomial, coefficient) {
            return Ok(turned);
        }
        if let [(generator, 1)] = &monomial.0[..]
            && let Kind::Call(Function::Ln, arguments) = generator.kind()
            && let [argument] = &arguments[..]
        {
            return rational_exponent(argument, coefficient, budget);
        }
    }
    // A power of a product of positive numbers is the product of the powers.
    if let Some(number) =
        base.rational().filter(|number| number.is_positive() && bits(number) < 256)
        && (!number.is_integer()
            || factors(number.numer()).0.len() != 1
            || !factors(number.numer()).1.is_one())
    {
        return split_base(&number, monomial, coefficient, budget);
    }
    if let Some(number) = base.rational().filter(Rat::is_positive)
        && let ([(prime, times)], rest) =
            (&factors(number.numer()).0[..], factors(number.numer()).1)
        && *times > 1
        && rest.is_one()
        && number.is_integer()
    {
        let base = Form::number(Rat::from_integer(BigInt::from(*prime)));
        return term_exponent(
            &base,
            monomial,
            &(coefficient * Rat::from_integer((*times).into())),
            budget,
        );
    }
    let (over, under) = (coefficient.numer().to_i64(), coefficient.denom());
    let Some(over) = over.filter(|over| over.abs() < 1000) else {
        let exponent = Form::poly(Poly::term(monomial.clone(), coefficient.clone()));
        return Gen::power(base.clone(), exponent).map(Form::generator);
    };
    let unit = Rat::new(BigInt::one(), under.clone());
    let exponent = Form::poly(Poly::term(monomial.clone(), unit));
    let generator = Gen::power(base.clone(), exponent)?;
    rational_exponent(&Form::generator(generator), &Rat::from_integer(over.into()), budget)
}

fn split_base(
    number: &Rat,
    monomial: &Monomial,
    coefficient: &Rat,
    budget: &Budget,
) -> Result<Form, Error> {
    let mut product = Form::number(Rat::one());
    for (whole, sign) in [(number.numer(), 1i64), (number.denom(), -1)] {
        let (found, rest) = factors(whole);
        let primes = found.into_iter().map(|(prime, times)| (BigInt::from(prime), times));
        for (prime, times) in primes.chain((!rest.is_one()).then_some((rest, 1))) {
            let times = coefficient * Rat::from_integer((i64::from(times) * sign).into());
            let exponent = Form::poly(Poly::term(monomial.clone(), times));
            let part =
                Form::generator(Gen::power(Form::number(Rat::from_integer(prime)), exponent)?);
            product = product.times(&part, budget)?;
        }
    }
    Ok(product)
}

/// `e^(i π r)` for multiples of a quarter turn.
fn turned(monomial: &Monomial, coefficient: &Rat) -> Option<Form> {
    let turn = [Gen::constant(Constant::I), Gen::constant(Constant::Pi)];
    let [(a, 1), (b, 1)] = &monomial.0[..] else { return None };
    if *a != turn[0] || *b != turn[1] {
        return None;
    }
    let quarters = to_i64(&(coefficient * Rat::from_integer(2.into())))?;
    let i = Poly::generator(Gen::constant(Constant::I));
    Some(match quarters.rem_euclid(4) {
        0 => Form::number(Rat::one()),
        1 => Form::poly(i),
        2 => Form::number(-Rat::one()),
        _ => Form::poly(i.scaled(&-Rat::one()).ok()?),
    })
}

/// `base^exponent` for a rational exponent.
pub(super) fn rational_exponent(
    base: &Form,
    exponent: &Rat,
    budget: &Budget,
) -> Result<Form, Error> {
    if exponent.is_zero() {
        return Ok(Form::number(Rat::one()));
    }
    if base.is_zero() && exponent.is_positive() {
        return Ok(base.clone());
    }
    let Some(over) = exponent.numer().to_i64() else { return kept(base, exponent) };
    if exponent.is_integer() {
        return whole_exponent(base, over, budget);
    }
    match exponent.denom().to_i64() {
        Some(index) if index <= MAX_INDEX && over.abs() <= MAX_INDEX * MAX_INDEX => {
            whole_exponent(&root(base, index as u32, budget)?, over, budget)
        }
        _ => kept(base, exponent),
    }
}

/// A power that is not computed further.
fn kept(base: &Form, exponent: &Rat) -> Result<Form, Error> {
    Gen::power(base.clone(), Form::number(exponent.clone())).map(Form::generator)
}

fn whole_exponent(base: &Form, exponent: i64, budget: &Budget) -> Result<Form, Error> {
    if exponent == 1 {
        return Ok(base.clone());
    }
    if exponent == -1 {
        return base.inverse(budget);
    }
    if let (Some((monomial, coefficient)), true) = (base.over.single(), base.is_whole()) {
        let small = i32::try_from(exponent).ok();
        let raised = small.map(|small| monomial.power(small)).transpose();
        return match (rational_power(coefficient, exponent), raised) {
            (Ok(number), Ok(Some((monomial, other))))
                if bits(&number) + bits(&other) <= MAX_BITS =>
            {
                Ok(Form::poly(Poly::term(monomial, number * other)))
            }
            (Err(undefined @ Error::Undefined { .. }), _) => Err(undefined),
            // Too large to write out, yet the same as itself.
            _ => kept(base, &Rat::from_integer(exponent.into())),
        };
    }
    if exponent.unsigned_abs() > MAX_EXPANDED {
        return kept(base, &Rat::from_integer(exponent.into()));
    }
    let mut raised = base.clone();
    for _ in 1..exponent.unsigned_abs() {
        match raised.times(base, budget) {
            Ok(product) => raised = product,
            Err(Error::TooMuchWork { .. } | Error::Overflow { .. }) => {
                return kept(base, &Rat::from_integer(exponent.into()));
            }
            Err(other) => return Err(other),
        }
    }
    if exponent < 0 { raised.inverse(budget) } else { Ok(raised) }
}

/// The principal root; of a negative number and an odd index, the real one.
pub(super) fn root(of: &Form, index: u32, budget: &Budget) -> Result<Form, Error> {
    budget.charge(4)?;
    if index == 1 || of.is_zero() {
        return Ok(of.clone());
    }
    if let Some(number) = of.rational() {
        return rational_root(&number, index, budget);
    }
    if !of.is_whole() {
        return Gen::root(of.clone(), index).map(Form::generator);
    }
    let content = of.over.content();
    let outside = rational_root(&content, index, budget)?;
    let mut inside = of.over.scaled(&content.recip())?;
    let mut drawn = Form::number(Rat::one());
    if let Some((monomial, coefficient)) = inside.single() {
        // Only what is positive may be drawn from under a root.
        let (out, kept): (Vec<_>, Vec<_>) =
            monomial.0.iter().cloned().partition(|(generator, exponent)| {
                generator.is_positive()
                    && generator.reduction().is_none()
                    && exponent % index as i32 == 0
            });
        let out = out.into_iter().map(|(generator, exponent)| (generator, exponent / index as i32));
        drawn = Form::poly(Poly::term(Monomial(out.collect()), Rat::one()));
        inside = Poly::term(Monomial(kept), coefficient.clone());
    }
    let rest = match inside.rational() {
        Some(number) => rational_root(&number, index, budget)?,
        None => Form::generator(Gen::root(Form::poly(inside), index)?),
    };
    outside.times(&drawn, budget)?.times(&rest, budget)
}

fn rational_root(number: &Rat, index: u32, budget: &Budget) -> Result<Form, Error> {
    if number.is_negative() {
        let size = rational_root(&-number, index, budget)?;
        return match index {
            2 => size.times(&Form::constant(Constant::I), budget),
            _ if index % 2 == 1 => size.negative(),
            _ => Gen::root(Form::number(number.clone()), index).map(Form::generator),
        };
    }
    // p/q under a root is p q^(n-1) under a root, over q.
    let under = rational_power(&Rat::from_integer(number.denom().clone()), i64::from(index) - 1);
    let whole = match under {
        Ok(under) if bits(&under) + bits(number) <= MAX_BITS / 2 => {
            number.numer() * under.to_integer()
        }
        _ => return Gen::root(Form::number(number.clone()), index).map(Form::generator),
    };
    budget.charge(200 + (whole.bits() * whole.bits() / 4096) as usize)?;
    let mut product = Form::number(Rat::new(BigInt::one(), number.denom().clone()));
    let (found, rest) = factors(&whole);
    for (prime, times) in found {
        let (out, mut left) = times.div_rem(&index);
        let outside = BigInt::from(prime).pow(out);
        product = product.scaled(&Rat::from_integer(outside))?;
        if left > 0 {
            let shared = left.gcd(&index);
            left /= shared;
            let radicand = Form::number(Rat::from_integer(BigInt::from(prime)));
            let generator = Gen::root(radicand, index / shared)?;
            let surd = Poly::term(Monomial(vec![(generator, left as i32)]), Rat::one());
            product = product.times(&Form::poly(surd), budget)?;
        }
    }
    if rest.is_one() {
        return Ok(product);
    }
    let exact = rest.nth_root(index);
    let surd = if exact.pow(index) == rest {
        Form::number(Rat::from_integer(exact))
    } else {
        Form::generator(Gen::root(Form::number(Rat::from_integer(rest)), index)?)
    };
    product.times(&surd, budget)
}

/// e to this power.
pub(super) fn exponential(exponent: &Form, budget: &Budget) -> Result<Form, Error> {
    power(&Form::constant(Constant::E), exponent, budget)
}

/// The natural logarithm.
pub(super) fn logarithm(of: &Form, budget: &Budget) -> Result<Form, Error> {
    if of.is_zero() {
        return Err(Error::Undefined { what: "the logarithm of zero" });
    }
    if let Some((monomial, coefficient)) = of.over.single().filter(|_| of.is_whole())
        && coefficient.is_positive()
        && bits(coefficient) < 512
        && monomial.0.iter().all(|(generator, _)| *generator == Gen::constant(Constant::E))
    {
        let mut sum = Form::number(Rat::from_integer(
            monomial.0.first().map_or(0, |(_, exponent)| *exponent).into(),
        ));
        budget.charge(500)?;
        for (whole, sign) in [(coefficient.numer(), 1i64), (coefficient.denom(), -1)] {
            let (found, rest) = factors(whole);
            let primes = found.into_iter().map(|(prime, times)| (BigInt::from(prime), times));
            for (prime, times) in primes.chain((!rest.is_one()).then_some((rest, 1))) {
                let of = Form::number(Rat::from_integer(prime));
                let part = functions::kept(Function::Ln, vec![of])?;
                sum = sum.plus(
                    &part.scaled(&Rat::from_integer((i64::from(times) * sign).into()))?,
                    budget,
                )?;
            }
        }
        return Ok(sum);
    }
    functions::kept(Function::Ln, vec![of.clone()])
}
