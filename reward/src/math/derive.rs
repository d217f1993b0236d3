//! Derivatives of normal forms.

use num_traits::One as _;

use super::error::Error;
use super::form::Form;
use super::functions::apply;
use super::generator::{Gen, Kind};
use super::poly::{Monomial, Poly};
use super::power::power;
use super::rational::{Budget, Rat, int, ratio};
use super::tree::Function;

/// The derivative by a symbol.
pub(super) fn derivative(form: &Form, by: &str, budget: &Budget) -> Result<Form, Error> {
    let over = of_poly(&form.over, by, budget)?;
    if form.is_whole() {
        return Ok(over);
    }
    let under = of_poly(&form.under, by, budget)?;
    let (above, below) = (Form::poly(form.over.clone()), Form::poly(form.under.clone()));
    let first = over.times(&below, budget)?;
    let second = under.times(&above, budget)?;
    first.minus(&second, budget)?.divided(&below.times(&below, budget)?, budget)
}

fn of_poly(poly: &Poly, by: &str, budget: &Budget) -> Result<Form, Error> {
    let mut sum = Form::number(int(0));
    for (monomial, coefficient) in &poly.0 {
        for (at, (generator, exponent)) in monomial.0.iter().enumerate() {
            budget.charge(4)?;
            if !generator.symbols().iter().any(|symbol| symbol == by) {
                continue;
            }
            let mut rest = monomial.clone();
            if *exponent == 1 {
                rest.0.remove(at);
            } else {
                rest.0[at].1 = exponent - 1;
            }
            let factor = coefficient * int(i64::from(*exponent));
            let outer = Form::poly(Poly::term(rest, factor));
            let part = outer.times(&of_generator(generator, by, budget)?, budget)?;
            sum = sum.plus(&part, budget)?;
        }
    }
    Ok(sum)
}

fn of_generator(generator: &Gen, by: &str, budget: &Budget) -> Result<Form, Error> {
    let own = || Form::poly(Poly::term(Monomial(vec![(generator.clone(), 1)]), Rat::one()));
    match generator.kind() {
        Kind::Symbol(_) => Ok(Form::number(Rat::one())),
        Kind::Root { of, index, .. } => {
            let inner = derivative(of, by, budget)?;
            own().times(&inner, budget)?.divided(of, budget)?.scaled(&ratio(1, i64::from(*index)))
        }
        Kind::Power { base, exponent } => {
            let logarithm = apply(Function::Ln, vec![base.clone()], budget)?;
            let first = derivative(exponent, by, budget)?.times(&logarithm, budget)?;
            let second =
                exponent.times(&derivative(base, by, budget)?, budget)?.divided(base, budget)?;
            own().times(&first.plus(&second, budget)?, budget)
        }
        Kind::Call(function, arguments) => match &arguments[..] {
            [x] => outer(*function, x, budget)?.times(&derivative(x, by, budget)?, budget),
            _ => Err(Error::NotANumber { found: "a derivative that is not computed" }),
        },
        _ => Err(Error::NotANumber { found: "a derivative that is not computed" }),
    }
}

/// The derivative of a function of one argument, at that argument.
fn outer(function: Function, x: &Form, budget: &Budget) -> Result<Form, Error> {
    let call = |function| apply(function, vec![x.clone()], budget);
    let one = Form::number(Rat::one());
    let square = x.times(x, budget)?;
    let root = |of: &Form| power(of, &Form::number(ratio(1, 2)), budget);
    match function {
        Function::Sin => call(Function::Cos),
        Function::Cos => call(Function::Sin)?.negative(),
        Function::Sinh => call(Function::Cosh),
        Function::Cosh => call(Function::Sinh),
        Function::Ln => x.inverse(budget),
        Function::Arctan => one.plus(&square, budget)?.inverse(budget),
        Function::Arcsin => root(&one.minus(&square, budget)?)?.inverse(budget),
        Function::Arccos => root(&one.minus(&square, budget)?)?.inverse(budget)?.negative(),
        Function::Arcsinh => root(&one.plus(&square, budget)?)?.inverse(budget),
        Function::Abs => x.divided(&call(Function::Abs)?, budget),
        _ => Err(Error::NotANumber { found: "a derivative that is not computed" }),
    }
}
