//! Tree → value: every expression in its normal form.

use num_traits::{One as _, Zero as _};

use super::derive::derivative;
use super::error::Error;
use super::form::Form;
use super::functions::apply;
use super::generator::Gen;
use super::power::{power, root};
use super::rational::{Budget, Rat, bits, int, ratio, to_i64};
use super::tree::{Constant, Expr, Fence, Function, Range, Repeated, SetOperation};
use super::values::{Interval, Side, Value, determinant};

/// The most terms of a sum that are added up exactly.
const MAX_EXACT: i64 = 1000;
/// Beyond these a sum is not added up exactly: the bits of a number, the terms of a polynomial.
const MAX_EXACT_BITS: u64 = 256;
const MAX_LENGTH: usize = 100;
/// The most items that `±` may make of one.
const MAX_ITEMS: usize = 1000;

/// What is known around an expression.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lowering<'a> {
    budget: &'a Budget,
    /// `±` is `-`.
    lower_sign: bool,
    /// A degree is π/180.
    turns: bool,
    /// A percent sign and the base of a numeral say nothing.
    bare_marks: bool,
    bound: Option<&'a Binding<'a>>,
}

#[derive(Debug)]
struct Binding<'a> {
    name: &'a str,
    form: Form,
    outer: Option<&'a Binding<'a>>,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(budget: &'a Budget) -> Self {
        Self { budget, lower_sign: false, turns: false, bare_marks: false, bound: None }
    }

    /// Percent signs and bases of numerals are passed over.
    pub(super) fn with_bare_marks(self) -> Self {
        Self { bare_marks: true, ..self }
    }

    fn lookup(&self, name: &str) -> Option<&'a Form> {
        let mut at = self.bound;
        while let Some(binding) = at {
            if binding.name == name {
                return Some(&binding.form);
            }
            at = binding.outer;
        }
        None
    }
}

/// The value of an expression.
pub(super) fn lower(expr: &Expr, around: Lowering<'_>) -> Result<Value, Error> {
    let mut values = both(expr, around)?;
    if values.len() == 1 { Ok(values.remove(0)) } else { Ok(Value::List(values)) }
}

/// The value, or the two that `±` stands for.
fn both(expr: &Expr, around: Lowering<'_>) -> Result<Vec<Value>, Error> {
    let either = |part: &Expr| matches!(part, Expr::Either { .. });
    match expr {
        Expr::List(items) => items_of(items, around).map(|items| vec![Value::List(items)]),
        Expr::Fenced { .. } => fenced(expr, around).map(|value| vec![value]),
        _ if expr.any(&either) => {
            let upper = one(expr, around)?;
            let lower = one(expr, Lowering { lower_sign: true, ..around })?;
            Ok(vec![upper, lower])
        }
        _ => one(expr, around).map(|value| vec![value]),
    }
}

fn items_of(items: &[Expr], around: Lowering<'_>) -> Result<Vec<Value>, Error> {
    let mut values = Vec::new();
    for item in items {
        values.extend(both(item, around)?);
        around.budget.charge(1)?;
        if values.len() > MAX_ITEMS {
            return Err(Error::TooMuchWork { steps: MAX_ITEMS as u64 });
        }
    }
    Ok(values)
}

fn fenced(expr: &Expr, around: Lowering<'_>) -> Result<Value, Error> {
    let Expr::Fenced { open, close, items } = expr else { return one(expr, around) };
    let items = items_of(items, around)?;
    Ok(match (open, items.len()) {
        (Fence::Brace | Fence::Group, _) => Value::Set(items),
        (Fence::Square, 1) if *close == Fence::Square => {
            items.into_iter().next().ok_or(Error::Empty)?
        }
        (Fence::Round, 2) if *close == Fence::Round => Value::Tuple(items),
        (Fence::Round | Fence::Square, 2) => match (items[0].scalar(), items[1].scalar()) {
            (Ok(low), Ok(high)) => Value::Interval(Interval {
                low: low.clone(),
                high: high.clone(),
                low_closed: *open == Fence::Square,
                high_closed: *close == Fence::Square,
            }),
            _ => Value::Tuple(items),
        },
        _ => Value::Tuple(items),
    })
}

/// The value with one of the two signs.
fn one(expr: &Expr, around: Lowering<'_>) -> Result<Value, Error> {
    around.budget.charge(1)?;
    match expr {
        Expr::Text(words) => Ok(Value::Text(words.clone())),
        Expr::List(items) => items_of(items, around).map(Value::List),
        Expr::Fenced { .. } => fenced(expr, around),
        Expr::Matrix(rows) => {
            let width = rows.first().map_or(0, Vec::len);
            if rows.iter().any(|row| row.len() != width) {
                return Err(Error::Undefined { what: "a matrix of ragged rows" });
            }
            let row = |row: &Vec<Expr>| row.iter().map(|cell| scalar(cell, around)).collect();
            rows.iter().map(row).collect::<Result<_, _>>().map(Value::Matrix)
        }
        Expr::Related { sides, relations } => {
            let side = |side: &Expr| {
                // With the sign that this relation has, where `±` makes two of it.
                let value = one(side, around)?;
                Ok(Side { value, label: side.is_label(), constant: side.is_constant() })
            };
            let sides = sides.iter().map(side).collect::<Result<_, Error>>()?;
            Ok(Value::Related { sides, relations: relations.clone() })
        }
        Expr::Sets(SetOperation::Union, a, b) => {
            let mut parts = Vec::new();
            for part in [lower(a, around)?, lower(b, around)?] {
                match part {
                    Value::Union(inner) => parts.extend(inner),
                    other => parts.push(other),
                }
            }
            Ok(Value::Union(parts))
        }
        Expr::Sets(..) => Err(Error::NotANumber { found: "an operation on sets" }),
        Expr::Symbol(name) if name == "emptyset" => Ok(Value::Set(Vec::new())),
        Expr::Sum(parts) => {
            let mut sum: Option<Value> = None;
            for part in parts {
                let part = one(part, around)?;
                sum = Some(match sum {
                    None => part,
                    Some(sum) => added(&sum, &part, around.budget)?,
                });
            }
            Ok(sum.unwrap_or(Value::Scalar(Form::number(Rat::zero()))))
        }
        Expr::Product(parts) => {
            let mut product: Option<Value> = None;
            for part in parts {
                let part = one(part, around)?;
                product = Some(match product {
                    None => part,
                    Some(product) => multiplied(&product, &part, around.budget)?,
                });
            }
            Ok(product.unwrap_or(Value::Scalar(Form::number(Rat::one()))))
        }
        Expr::Negative(of) => {
            multiplied(&Value::Scalar(Form::number(int(-1))), &one(of, around)?, around.budget)
        }
        Expr::Quotient(over, under) => {
            let inverse = scalar(under, around)?.inverse(around.budget)?;
            multiplied(&one(over, around)?, &Value::Scalar(inverse), around.budget)
        }
        _ => scalar(expr, around).map(Value::Scalar),
    }
}

fn scalar(expr: &Expr, around: Lowering<'_>) -> Result<Form, Error> {
    let budget = around.budget;
    match expr {
        Expr::Number { value, .. } => Ok(Form::number(value.clone())),
        Expr::Symbol(name) if name != "emptyset" => Ok(match around.lookup(name) {
            Some(form) => form.clone(),
            None => Form::generator(Gen::symbol(name)),
        }),
        Expr::Constant(constant) => Ok(match (constant, around.lookup("i")) {
            (Constant::I, Some(form)) => form.clone(),
            _ => Form::constant(*constant),
        }),
        Expr::Either { left, right, minus_first } => {
            let (left, right) = (scalar(left, around)?, scalar(right, around)?);
            if around.lower_sign == *minus_first {
                left.plus(&right, budget)
            } else {
                left.minus(&right, budget)
            }
        }
        Expr::Power(base, exponent) => {
            power(&scalar(base, around)?, &scalar(exponent, around)?, budget)
        }
        Expr::Root { index, of } => {
            let (index, of) = (scalar(index, around)?, scalar(of, around)?);
            match index.rational().as_ref().and_then(to_i64) {
                Some(index @ 1..=64) => root(&of, index as u32, budget),
                _ => power(&of, &index.inverse(budget)?, budget),
            }
        }
        Expr::Call(Function::Det, parts) => {
            match parts.first().map(|part| one(part, around)).transpose()? {
                Some(Value::Matrix(rows)) => determinant(&rows, budget),
                _ => Err(Error::NotANumber { found: "a determinant of no matrix" }),
            }
        }
        Expr::Call(function, parts) => {
            let turns = around.turns || is_trigonometric(*function);
            let inside = Lowering { turns, ..around };
            let parts = parts.iter().map(|part| scalar(part, inside)).collect::<Result<_, _>>()?;
            apply(*function, parts, budget)
        }
        Expr::Apply(name, parts) => {
            let parts =
                parts.iter().map(|part| scalar(part, around)).collect::<Result<Vec<_>, _>>()?;
            let texts: Vec<String> = parts.iter().map(ToString::to_string).collect();
            budget.charge(20)?;
            Gen::opaque(format!("{name}({})", texts.join(",")), &parts).map(Form::generator)
        }
        Expr::Percent(of) => {
            let of = scalar(of, around)?;
            if around.bare_marks { Ok(of) } else { of.scaled(&ratio(1, 100)) }
        }
        Expr::Degrees(of) if around.turns => {
            scalar(of, around)?.times(&Form::constant(Constant::Pi), budget)?.scaled(&ratio(1, 180))
        }
        Expr::Degrees(of) => scalar(of, around),
        Expr::Based { digits, .. } if around.bare_marks => digits
            .parse()
            .map(|digits| Form::number(Rat::from_integer(digits)))
            .map_err(|_| Error::NotANumber { found: "a numeral of another base" }),
        Expr::Based { digits, base } => {
            let digits = digits.trim_start_matches('0');
            Gen::opaque(format!("{digits}_{base}"), &[]).map(Form::generator)
        }
        Expr::Modulo(of, _) if around.bare_marks => scalar(of, around),
        Expr::Modulo(of, modulus) => modulo(of, modulus, around),
        Expr::Ratio(a, b) => {
            let (a, b) = (scalar(a, around)?, scalar(b, around)?);
            // A time of day may end in :00.
            if b.is_zero() {
                return Gen::opaque(format!("{a}:{b}"), &[a]).map(Form::generator);
            }
            a.divided(&b, budget)
        }
        Expr::Repeat(kind, range, body) => repeat(*kind, range, body, around),
        Expr::Integral(range, body) => {
            let (from, to) = (scalar(&range.from, around)?, scalar(&range.to, around)?);
            let body = bound(&range.variable, Gen::symbol(&range.variable), body, around)?;
            Gen::integral(range.variable.clone(), [from, to, body]).map(Form::generator)
        }
        Expr::Limit { variable, to, body } => {
            let to = scalar(to, around)?;
            let body = bound(variable, Gen::symbol(variable), body, around)?;
            Gen::limit(variable.clone(), [to, body]).map(Form::generator)
        }
        Expr::Derivative { variable, body } => derivative(&scalar(body, around)?, variable, budget),
        Expr::Sum(_)
        | Expr::Product(_)
        | Expr::Negative(_)
        | Expr::Quotient(..)
        | Expr::Fenced { .. } => one(expr, around)?.scalar().cloned(),
        other => Err(Error::NotANumber { found: lower(other, around)?.name() }),
    }
}

/// Equal to itself only: a number modulo another is a class. Apart, since [`scalar`] nests deep.
fn modulo(of: &Expr, modulus: &Expr, around: Lowering<'_>) -> Result<Form, Error> {
    let parts = [scalar(of, around)?, scalar(modulus, around)?];
    around.budget.charge(20)?;
    Gen::opaque(format!("{} mod {}", parts[0], parts[1]), &parts).map(Form::generator)
}

/// A body in which a name stands for itself.
fn bound(name: &str, symbol: Gen, body: &Expr, around: Lowering<'_>) -> Result<Form, Error> {
    let binding = Binding { name, form: Form::generator(symbol), outer: around.bound };
    scalar(body, Lowering { bound: Some(&binding), ..around })
}

fn repeat(kind: Repeated, range: &Range, body: &Expr, around: Lowering<'_>) -> Result<Form, Error> {
    let budget = around.budget;
    let (from, to) = (scalar(&range.from, around)?, scalar(&range.to, around)?);
    let ends = (from.rational().as_ref().and_then(to_i64), to.rational().as_ref().and_then(to_i64));
    if let (Some(first), Some(last)) = ends
        && last.saturating_sub(first) < MAX_EXACT
    {
        let mut total = Form::number(int(i64::from(kind == Repeated::Product)));
        let mut exact = true;
        for k in first..=last {
            let binding =
                Binding { name: &range.variable, form: Form::number(int(k)), outer: around.bound };
            let term = scalar(body, Lowering { bound: Some(&binding), ..around })?;
            total = match kind {
                Repeated::Sum => total.plus(&term, budget)?,
                Repeated::Product => total.times(&term, budget)?,
            };
            if total.over.0.len() > MAX_LENGTH
                || total.rational().is_some_and(|n| bits(&n) > MAX_EXACT_BITS)
            {
                exact = false;
                break;
            }
        }
        if exact {
            return Ok(total);
        }
    }
    let body = bound(&range.variable, Gen::symbol(&range.variable), body, around)?;
    Gen::repeat(kind, range.variable.clone(), [from, to, body]).map(Form::generator)
}

fn is_trigonometric(function: Function) -> bool {
    matches!(
        function,
        Function::Sin
            | Function::Cos
            | Function::Tan
            | Function::Cot
            | Function::Sec
            | Function::Csc
    )
}

fn added(a: &Value, b: &Value, budget: &Budget) -> Result<Value, Error> {
    if let (Value::Matrix(a), Value::Matrix(b)) = (a, b) {
        let shape = |rows: &[Vec<Form>]| (rows.len(), rows.first().map_or(0, Vec::len));
        if shape(a) != shape(b) {
            return Err(Error::Undefined { what: "the sum of matrices of two shapes" });
        }
        let row = |(a, b): (&Vec<Form>, &Vec<Form>)| {
            a.iter().zip(b).map(|(a, b)| a.plus(b, budget)).collect::<Result<Vec<_>, _>>()
        };
        return a.iter().zip(b).map(row).collect::<Result<_, _>>().map(Value::Matrix);
    }
    a.scalar()?.plus(b.scalar()?, budget).map(Value::Scalar)
}

fn multiplied(a: &Value, b: &Value, budget: &Budget) -> Result<Value, Error> {
    match (a, b) {
        (Value::Matrix(a), Value::Matrix(b)) => {
            if a.first().map_or(0, Vec::len) != b.len() {
                return Err(Error::Undefined { what: "the product of matrices of these shapes" });
            }
            let cell = |row: &[Form], column: usize| {
                row.iter().zip(b).try_fold(Form::number(Rat::zero()), |sum, (left, right)| {
                    sum.plus(&left.times(&right[column], budget)?, budget)
                })
            };
            let width = b.first().map_or(0, Vec::len);
            let row = |row: &Vec<Form>| (0..width).map(|column| cell(row, column)).collect();
            a.iter().map(row).collect::<Result<_, _>>().map(Value::Matrix)
        }
        (Value::Matrix(rows), other) | (other, Value::Matrix(rows)) => {
            let factor = other.scalar()?;
            let row = |row: &Vec<Form>| row.iter().map(|cell| cell.times(factor, budget)).collect();
            rows.iter().map(row).collect::<Result<_, _>>().map(Value::Matrix)
        }
        _ => a.scalar()?.times(b.scalar()?, budget).map(Value::Scalar),
    }
}
