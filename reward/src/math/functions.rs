//! Functions of normal forms: exact where the arguments are rational numbers, by value where they are other constants
//! and the result is a whole number or one of the arguments, and kept as they are elsewhere.

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::{One as _, Signed as _, Zero as _};

use super::error::Error;
use super::evaluate::real;
use super::form::Form;
use super::generator::Gen;
use super::poly::Poly;
use super::power::{exponential, logarithm, root};
use super::rational::{Budget, Rat, int, ratio, to_i64, too_large};
use super::tree::{Constant, Function};

/// The largest number whose factorial is computed.
const MAX_FACTORIAL: i64 = 1000;

/// The function's value.
pub(super) fn apply(
    function: Function,
    arguments: Vec<Form>,
    budget: &Budget,
) -> Result<Form, Error> {
    budget.charge(30)?;
    match (function, &arguments[..]) {
        (Function::Exp, [x]) => exponential(x, budget),
        (Function::Ln, [x]) => logarithm(x, budget),
        (Function::Log, [x]) => {
            logarithm(x, budget)?.divided(&logarithm(&number(10), budget)?, budget)
        }
        (Function::Ln | Function::Log, [x, base]) => {
            logarithm(x, budget)?.divided(&logarithm(base, budget)?, budget)
        }
        (Function::Tan, [x]) => quotient(Function::Sin, Function::Cos, x, budget),
        (Function::Cot, [x]) => quotient(Function::Cos, Function::Sin, x, budget),
        (Function::Sec, [x]) => trigonometric(Function::Cos, x, budget)?.inverse(budget),
        (Function::Csc, [x]) => trigonometric(Function::Sin, x, budget)?.inverse(budget),
        (Function::Sin | Function::Cos, [x]) => trigonometric(function, x, budget),
        (Function::Abs, [x]) => absolute(x, budget),
        (Function::Floor | Function::Ceil, [x]) => rounded(x, function, budget),
        (Function::Sign, [x]) => match real(x, budget) {
            _ if x.is_zero() => Ok(number(0)),
            Some(value) if value.certain_sign() => Ok(number(value.value.re.signum() as i64)),
            _ => kept(function, arguments),
        },
        (Function::Factorial, [x]) => factorial(x, budget),
        (Function::Binomial, [n, k]) => binomial(n, k, budget),
        (Function::Gcd, [_, ..]) => {
            folded(arguments, budget, |a, b, _| Ok(Form::number(divisor(a, b)?)))
        }
        (Function::Lcm, [_, ..]) => folded(arguments, budget, multiple),
        (Function::Max | Function::Min, [_, ..]) => extreme(function, arguments, budget),
        (Function::Mod, [a, b]) => {
            let times = rounded(&a.divided(b, budget)?, Function::Floor, budget)?;
            a.minus(&b.times(&times, budget)?, budget)
        }
        _ => kept(function, arguments),
    }
}

/// The call as a generator.
pub(super) fn kept(function: Function, arguments: Vec<Form>) -> Result<Form, Error> {
    Gen::call(function, arguments).map(Form::generator)
}

fn number(value: i64) -> Form {
    Form::number(int(value))
}

fn quotient(over: Function, under: Function, x: &Form, budget: &Budget) -> Result<Form, Error> {
    trigonometric(over, x, budget)?.divided(&trigonometric(under, x, budget)?, budget)
}

/// Sine or cosine, exact at multiples of π/6 and π/4, with the sign of the argument drawn out.
fn trigonometric(function: Function, x: &Form, budget: &Budget) -> Result<Form, Error> {
    let turns = if x.is_zero() { Some(Rat::zero()) } else { turns(x) };
    if let Some(turns) = turns {
        // In twelfths of a half turn, from 0 to 23.
        let twelfths = turns * int(12);
        let quarter = if function == Function::Cos { 6 } else { 0 };
        if let Some(at) = to_i64(&twelfths) {
            let at = (at + quarter).rem_euclid(24);
            let sign = if at >= 12 { -1 } else { 1 };
            let at = at % 12;
            let square = match at.min(12 - at) {
                0 => ratio(0, 1),
                2 => ratio(1, 4),
                3 => ratio(1, 2),
                4 => ratio(3, 4),
                6 => ratio(1, 1),
                _ => return signed(function, x, budget),
            };
            return root(&Form::number(square), 2, budget)?.scaled(&int(sign));
        }
    }
    signed(function, x, budget)
}

/// An even or odd function of an argument whose first term is positive.
fn signed(function: Function, x: &Form, budget: &Budget) -> Result<Form, Error> {
    budget.charge(1)?;
    let negative = x.over.0.values().next_back().is_some_and(Rat::is_negative);
    if !negative {
        return kept(function, vec![x.clone()]);
    }
    let turned = kept(function, vec![x.negative()?])?;
    if function == Function::Cos { Ok(turned) } else { turned.negative() }
}

/// The factor of π in a rational multiple of it.
fn turns(x: &Form) -> Option<Rat> {
    let (monomial, coefficient) = x.over.single().filter(|_| x.is_whole())?;
    match &monomial.0[..] {
        [(generator, 1)] if *generator == Gen::constant(Constant::Pi) => Some(coefficient.clone()),
        _ => None,
    }
}

fn absolute(x: &Form, budget: &Budget) -> Result<Form, Error> {
    if let Some(number) = x.rational() {
        return Ok(Form::number(number.abs()));
    }
    if let Some(value) = real(x, budget)
        && value.certain_sign()
    {
        return if value.value.re < 0.0 { x.negative() } else { Ok(x.clone()) };
    }
    // The same for both signs.
    let content = x.over.content();
    let negative = x.over.0.values().next_back().is_some_and(Rat::is_negative);
    let scale = if negative { -content.recip() } else { content.recip() };
    kept(Function::Abs, vec![x.scaled(&scale)?])?.scaled(&content)
}

fn rounded(x: &Form, function: Function, budget: &Budget) -> Result<Form, Error> {
    if let Some(number) = x.rational() {
        let whole = if function == Function::Floor { number.floor() } else { number.ceil() };
        return Ok(Form::number(whole));
    }
    if let Some(value) = real(x, budget)
        && value.error < 1e-6
        && value.value.re.abs() < 1e15
    {
        let round = if function == Function::Floor { f64::floor } else { f64::ceil };
        let (low, high) =
            (round(value.value.re - value.error), round(value.value.re + value.error));
        if low.total_cmp(&high).is_eq() {
            return Ok(number(low as i64));
        }
    }
    kept(function, vec![x.clone()])
}

fn factorial(x: &Form, budget: &Budget) -> Result<Form, Error> {
    let Some(number) = x.rational().filter(Rat::is_integer) else {
        return kept(Function::Factorial, vec![x.clone()]);
    };
    if number.is_negative() {
        return Err(Error::Undefined { what: "the factorial of a negative whole number" });
    }
    let Some(count) = to_i64(&number).filter(|count| *count <= MAX_FACTORIAL) else {
        return kept(Function::Factorial, vec![x.clone()]);
    };
    budget.charge(count as usize)?;
    let product = (2..=count).fold(BigInt::one(), |product, factor| product * factor);
    match super::rational::bounded(Rat::from_integer(product)) {
        Ok(product) => Ok(Form::number(product)),
        Err(_) => kept(Function::Factorial, vec![x.clone()]),
    }
}

fn binomial(n: &Form, k: &Form, budget: &Budget) -> Result<Form, Error> {
    let count = k.rational().as_ref().and_then(to_i64);
    let (Some(top), Some(count)) = (n.rational(), count.filter(|count| *count <= MAX_FACTORIAL))
    else {
        return kept(Function::Binomial, vec![n.clone(), k.clone()]);
    };
    if count < 0 {
        return Ok(number(0));
    }
    let mut product = Rat::one();
    let mirrored =
        to_i64(&top).filter(|top| *top >= count).map_or(count, |top| count.min(top - count));
    for i in 0..mirrored {
        budget.charge(2 + super::rational::weight(&product, &top))?;
        product = super::rational::bounded(product * (&top - int(i)) / int(i + 1))?;
    }
    Ok(Form::number(product))
}

/// The greatest common divisor of the rational contents: 25 of 125 and 50x, 1 of π and 3.
fn divisor(a: &Form, b: &Form) -> Result<Rat, Error> {
    let content = |form: &Form| if form.is_zero() { Rat::zero() } else { form.over.content() };
    let (a, b) = (content(a), content(b));
    let under = a.denom().lcm(b.denom());
    let whole = |number: &Rat| (number * Rat::from_integer(under.clone())).to_integer();
    if under.bits() > super::rational::MAX_BITS {
        return Err(too_large("a common denominator"));
    }
    Ok(Rat::new(whole(&a).gcd(&whole(&b)), under.clone()))
}

fn multiple(a: &Form, b: &Form, budget: &Budget) -> Result<Form, Error> {
    let shared = divisor(a, b)?;
    if a.is_zero() || b.is_zero() {
        return Ok(number(0));
    }
    absolute(&a.times(b, budget)?, budget)?.scaled(&shared.recip())
}

fn folded(
    arguments: Vec<Form>,
    budget: &Budget,
    join: impl Fn(&Form, &Form, &Budget) -> Result<Form, Error>,
) -> Result<Form, Error> {
    let mut arguments = arguments.into_iter();
    let first = arguments.next().ok_or(Error::Empty)?;
    if arguments.len() == 0 {
        return absolute(&first, budget);
    }
    arguments.try_fold(first, |folded, next| {
        budget.charge(20)?;
        join(&folded, &next, budget)
    })
}

/// The largest or the smallest of constants.
fn extreme(function: Function, arguments: Vec<Form>, budget: &Budget) -> Result<Form, Error> {
    let mut best: Option<Form> = None;
    for argument in &arguments {
        let Some(current) = &best else {
            best = Some(argument.clone());
            continue;
        };
        let difference = argument.minus(current, budget)?;
        if difference.is_zero() {
            continue;
        }
        let positive = match (difference.rational(), real(&difference, budget)) {
            (Some(number), _) => number.is_positive(),
            (None, Some(value)) if value.certain_sign() => value.value.re > 0.0,
            _ => return kept(function, arguments),
        };
        if positive == (function == Function::Max) {
            best = Some(argument.clone());
        }
    }
    best.ok_or(Error::Empty)
}

/// A polynomial's sign-free form for comparing equations: content and sign of its last term taken out.
pub(super) fn primitive(poly: &Poly) -> Result<(Poly, Rat), Error> {
    let content = poly.content();
    let negative = poly.0.values().next_back().is_some_and(Rat::is_negative);
    let factor = if negative { -content } else { content };
    Ok((poly.scaled(&factor.recip())?, factor))
}
