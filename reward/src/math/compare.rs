//! Gold and found compared, and one text for equal answers.

use conductor_types::MathConvention;

use super::ball::Ball;
use super::error::Error;
use super::evaluate::{self, Scope};
use super::form::Form;
use super::lexer::LONGEST;
use super::lower::{Lowering, lower};
use super::numerals::Commas;
use super::rational::{Budget, to_f64};
use super::reading::{answer_side, half_day, readings, scientific, tree};
use super::relation;
use super::text::{squeezed, words};
use super::tree::Expr;
use super::values::{Interval, Value};

/// Points at which expressions with symbols are compared.
const POINTS: u64 = 5;

/// By which rules two values are compared.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    pub(super) budget: &'a Budget,
    pub(super) convention: MathConvention,
    /// A number was written with a point, so that it may be rounded.
    pub(super) decimal: bool,
}

/// Whether `found` is the same answer as `gold`. What cannot be read is equal only to its own text. Fails where the gold
/// answer is empty, too long or no mathematics that can be computed with, and the texts do not decide.
pub fn equal(gold: &str, found: &str, convention: MathConvention) -> Result<bool, Error> {
    let unusable = |error| Error::Gold(Box::new(error));
    if gold.len() > LONGEST {
        return Err(unusable(Error::TooLong { bytes: gold.len(), most: LONGEST }));
    }
    if found.len() > LONGEST {
        return Ok(false);
    }
    if squeezed(gold) == squeezed(found) {
        return Ok(true);
    }
    let gold_words = words(gold);
    if gold_words.is_some() && gold_words == words(found) {
        return Ok(true);
    }
    if found.trim().is_empty() {
        return if gold.trim().is_empty() { Err(unusable(Error::Empty)) } else { Ok(false) };
    }
    if half_day(gold).zip(half_day(found)).is_some_and(|(gold, found)| gold != found) {
        return Ok(false);
    }
    let mut failure = None;
    for commas in readings(gold, found) {
        match read_equal(gold, found, commas, convention) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    // "2e-3", which is twice e less three as well.
    let scientific = [gold, found].map(scientific);
    if let [Some(_), None] | [None, Some(_)] = &scientific {
        let [gold, found] = [(gold, &scientific[0]), (found, &scientific[1])]
            .map(|(text, plain)| plain.as_deref().unwrap_or(text));
        if read_equal(gold, found, Commas::Thousands, convention) == Ok(true) {
            return Ok(true);
        }
    }
    match failure {
        // Words are an answer that needs no reading.
        Some(error) if gold_words.is_none() => Err(unusable(error)),
        _ => Ok(false),
    }
}

/// Fails where the gold answer does.
fn read_equal(
    gold: &str,
    found: &str,
    commas: Commas,
    convention: MathConvention,
) -> Result<bool, Error> {
    let (gold, text) = (tree(gold, commas)?, found);
    let Ok(found) = tree(text, commas) else { return Ok(false) };
    let marked = |expr: &Expr| {
        let mark =
            |part: &Expr| matches!(part, Expr::Percent(_) | Expr::Based { .. } | Expr::Modulo(..));
        expr.any(&mark)
    };
    let decimal =
        |expr: &Expr| expr.any(&|part| matches!(part, Expr::Number { decimal: true, .. }));
    let decimal = decimal(&gold) || decimal(&found);
    // Where only one of the two has a percent sign, a base or a modulus, both readings of it are accepted.
    let once = marked(&gold) != marked(&found);
    for bare in [false, true] {
        if bare && !once {
            break;
        }
        let budget = Budget::new();
        let around = Lowering::new(&budget);
        let around = if bare { around.with_bare_marks() } else { around };
        let gold = lower(&gold, around)?;
        let Ok(found) = lower(&found, around) else { continue };
        let rules = Rules { budget: &budget, convention, decimal };
        if !bare && relation::contradicts(text, &found, &rules) {
            return Ok(false);
        }
        if same(&gold, &found, &rules).unwrap_or(false) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether two values are the same answer.
pub(super) fn same(gold: &Value, found: &Value, rules: &Rules<'_>) -> Result<bool, Error> {
    rules.budget.charge(1)?;
    match (gold, found) {
        (Value::Related { .. }, Value::Related { .. }) => relation::related(gold, found, rules),
        (Value::Related { .. }, other) | (other, Value::Related { .. }) => {
            let related = if matches!(gold, Value::Related { .. }) { gold } else { found };
            if let Some(set) = relation::set(related) {
                return same(&set, other, rules);
            }
            answer_side(related).map_or(Ok(false), |side| same(side, other, rules))
        }
        (Value::Scalar(a), Value::Scalar(b)) => scalars(a, b, rules),
        (Value::Text(a), Value::Text(b)) => Ok(words(a).is_some() && words(a) == words(b)),
        (Value::Matrix(a), Value::Matrix(b)) => {
            let shape = |rows: &[Vec<Form>]| rows.iter().map(Vec::len).collect::<Vec<_>>();
            Ok(shape(a) == shape(b) && pairwise(a.iter().flatten().zip(b.iter().flatten()), rules)?)
        }
        (Value::Matrix(rows), Value::Tuple(items)) | (Value::Tuple(items), Value::Matrix(rows)) => {
            let line = rows.len() == 1 || rows.iter().all(|row| row.len() == 1);
            let cells: Vec<Value> = rows.iter().flatten().cloned().map(Value::Scalar).collect();
            Ok(line && in_order(&cells, items, rules)?)
        }
        (Value::Union(a), Value::Union(b)) => without_order(a, b, rules),
        (Value::Union(parts), other) | (other, Value::Union(parts)) => match other {
            Value::List(items) => without_order(&sets(items), parts, rules),
            _ => Ok(false),
        },
        (Value::Interval(_), _) | (_, Value::Interval(_)) => intervals(gold, found, rules),
        (Value::Tuple(a), Value::Tuple(b) | Value::List(b) | Value::Set(b))
        | (Value::List(a) | Value::Set(a), Value::Tuple(b)) => in_order(a, b, rules),
        (Value::List(a), Value::List(b)) if rules.convention == MathConvention::Ordered => {
            in_order(a, b, rules)
        }
        (Value::List(a) | Value::Set(a), Value::List(b) | Value::Set(b)) => {
            match relation::by_name(a, b) {
                Some(pairs) => all_same(&pairs, rules),
                None => without_order(a, b, rules),
            }
        }
        (Value::List(items) | Value::Set(items), other)
        | (other, Value::List(items) | Value::Set(items)) => alone(items, other, rules),
        _ => Ok(false),
    }
}

/// A list that says one thing, and that thing.
fn alone(items: &[Value], other: &Value, rules: &Rules<'_>) -> Result<bool, Error> {
    match items {
        [only] => same(only, other, rules),
        _ => Ok(false),
    }
}

fn sets(items: &[Value]) -> Vec<Value> {
    items.iter().map(|item| relation::set(item).unwrap_or_else(|| item.clone())).collect()
}

fn pairwise<'a>(
    mut pairs: impl Iterator<Item = (&'a Form, &'a Form)>,
    rules: &Rules<'_>,
) -> Result<bool, Error> {
    pairs.try_fold(true, |all, (a, b)| Ok(all && scalars(a, b, rules)?))
}

fn all_same(pairs: &[(&Value, &Value)], rules: &Rules<'_>) -> Result<bool, Error> {
    pairs.iter().try_fold(true, |all, (a, b)| Ok(all && same(a, b, rules)?))
}

fn in_order(a: &[Value], b: &[Value], rules: &Rules<'_>) -> Result<bool, Error> {
    if a.len() != b.len() {
        return Ok(false);
    }
    all_same(&a.iter().zip(b).collect::<Vec<_>>(), rules)
}

/// Each of the one among the other, and the other way round.
fn without_order(a: &[Value], b: &[Value], rules: &Rules<'_>) -> Result<bool, Error> {
    let among = |item: &Value, others: &[Value], gold: bool| -> Result<bool, Error> {
        for other in others {
            let (first, second) = if gold { (item, other) } else { (other, item) };
            if same(first, second, rules)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    for item in a {
        if !among(item, b, true)? {
            return Ok(false);
        }
    }
    for item in b {
        if !among(item, a, false)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Intervals, of which an open one looks like a pair.
fn intervals(gold: &Value, found: &Value, rules: &Rules<'_>) -> Result<bool, Error> {
    let interval = |value: &Value| match value {
        Value::Interval(interval) => Some(interval.clone()),
        Value::Tuple(items) => match &items[..] {
            [low, high] => Some(Interval {
                low: low.scalar().ok()?.clone(),
                high: high.scalar().ok()?.clone(),
                low_closed: false,
                high_closed: false,
            }),
            _ => None,
        },
        _ => None,
    };
    let (Some(gold), Some(found)) = (interval(gold), interval(found)) else { return Ok(false) };
    Ok(gold.low_closed == found.low_closed
        && gold.high_closed == found.high_closed
        && scalars(&gold.low, &found.low, rules)?
        && scalars(&gold.high, &found.high, rules)?)
}

/// Whether two expressions are the same: exactly, or by value.
fn scalars(gold: &Form, found: &Form, rules: &Rules<'_>) -> Result<bool, Error> {
    if gold.same(found, rules.budget).unwrap_or(false) {
        return Ok(true);
    }
    if let (Some(gold), Some(found)) = (gold.rational(), found.rational()) {
        return Ok(near(to_f64(&gold), to_f64(&found), rules));
    }
    let constant = gold.symbols().is_empty() && found.symbols().is_empty();
    if constant {
        let scope = Scope::NONE;
        let gold = evaluate::form(gold, scope, rules.budget)?;
        let found = evaluate::form(found, scope, rules.budget)?;
        let sharp = gold.is_sharp() && found.is_sharp();
        return Ok(sharp && (gold.meets(&found) || close(gold, found, rules)));
    }
    let mut met = 0;
    for point in 0..POINTS {
        let scope = Scope { point: Some(point), bound: None };
        let (Ok(gold), Ok(found)) =
            (evaluate::form(gold, scope, rules.budget), evaluate::form(found, scope, rules.budget))
        else {
            continue;
        };
        if !gold.is_sharp() || !found.is_sharp() {
            continue;
        }
        if !gold.meets(&found) {
            return Ok(false);
        }
        met += 1;
    }
    Ok(met >= 2)
}

fn close(gold: Ball, found: Ball, rules: &Rules<'_>) -> bool {
    let real = |ball: Ball| ball.value.im.abs() <= 8.0 * ball.error;
    real(gold) && real(found) && near(gold.value.re, found.value.re, rules)
}

/// Whether one number is the other, rounded as the convention allows.
fn near(gold: f64, found: f64, rules: &Rules<'_>) -> bool {
    let difference = (gold - found).abs();
    match rules.convention {
        // Six places behind the point, and never fewer than six digits.
        MathConvention::Standard | MathConvention::Ordered => {
            rules.decimal && difference <= f64::min(5e-7, 5e-6 * gold.abs())
        }
        MathConvention::Tolerant => [1.0, 100.0, 0.01]
            .iter()
            .any(|factor| (gold * factor - found).abs() <= 1e-4 * (gold * factor).abs()),
    }
}

/// One text for an answer, so that equal ones can be counted: the normal form where there is one, the squeezed text
/// elsewhere. Answers whose equality only their values tell may differ in it.
pub fn canonical(expression: &str) -> String {
    let budget = Budget::new();
    let rules = Rules { budget: &budget, convention: MathConvention::Standard, decimal: false };
    let lowered = tree(expression, Commas::Thousands)
        .and_then(|tree| lower(&tree, Lowering::new(&budget)))
        .and_then(|value| written(&value, &rules));
    match (lowered, words(expression)) {
        (_, Some(words)) => words,
        (Ok(text), None) => text,
        (Err(_), None) => squeezed(expression),
    }
}

pub(super) fn written(value: &Value, rules: &Rules<'_>) -> Result<String, Error> {
    let all = |items: &[Value]| {
        items.iter().map(|item| written(item, rules)).collect::<Result<Vec<_>, _>>()
    };
    let sorted = |mut texts: Vec<String>| {
        texts.sort();
        texts.dedup();
        texts
    };
    Ok(match value {
        Value::Scalar(form) => form.to_string(),
        Value::Text(text) => words(text).unwrap_or_else(|| squeezed(text)),
        Value::Matrix(rows) => {
            let row =
                |row: &Vec<Form>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            format!("[{}]", rows.iter().map(row).collect::<Vec<_>>().join(";"))
        }
        Value::Tuple(items) => format!("({})", all(items)?.join(",")),
        Value::List(items) | Value::Set(items) => match &sorted(all(items)?)[..] {
            [only] => only.clone(),
            several => format!("{{{}}}", several.join(",")),
        },
        Value::Interval(Interval { low, high, low_closed, high_closed }) => {
            let open = if *low_closed { '[' } else { '(' };
            let close = if *high_closed { ']' } else { ')' };
            format!("{open}{low},{high}{close}")
        }
        Value::Union(parts) => sorted(all(parts)?).join("u"),
        Value::Related { sides, relations } => match (answer_side(value), relation::set(value)) {
            (Some(side), _) => written(side, rules)?,
            (None, Some(set)) => written(&set, rules)?,
            (None, None) => relation::text(sides, relations, rules)?,
        },
    })
}
