//! Relations compared: equations up to a factor, inequalities up to a positive one, and inequalities with the sets that
//! they describe.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::compare::{Rules, same};
use super::error::Error;
use super::evaluate::{self, Scope};
use super::form::Form;
use super::functions::primitive;
use super::generator::{Gen, Kind};
use super::reading::answer_side;
use super::tree::{Constant, Function, Relation};
use super::values::{Interval, Side, Value};

/// Whether two relations say the same.
pub(super) fn related(gold: &Value, found: &Value, rules: &Rules<'_>) -> Result<bool, Error> {
    let (Value::Related { sides: a, relations: r }, Value::Related { sides: b, relations: s }) =
        (gold, found)
    else {
        return Ok(false);
    };
    if let (Some(gold), Some(found)) = (answer_side(gold), answer_side(found)) {
        return same(gold, found, rules);
    }
    if let (Some(gold), Some(found)) = (set(gold), set(found)) {
        return same(&gold, &found, rules);
    }
    if let ([a1, a2], [r], [b1, b2], [s]) = (&a[..], &r[..], &b[..], &s[..]) {
        return pair((a1, *r, a2), (b1, *s, b2), rules);
    }
    let forward = r == s && a.len() == b.len();
    if forward && all_same(a.iter().zip(b), rules)? {
        return Ok(true);
    }
    let turned: Vec<Relation> = s.iter().rev().map(|relation| turned(*relation)).collect();
    Ok(*r == turned && a.len() == b.len() && all_same(a.iter().zip(b.iter().rev()), rules)?)
}

/// The values of two lists of equations for the same names, pair by pair: `x = 1, y = 2` says another thing than
/// `x = 2, y = 1`. `None` where these are no such lists.
pub(super) fn by_name<'a>(a: &'a [Value], b: &'a [Value]) -> Option<Vec<(&'a Value, &'a Value)>> {
    let named = |items: &'a [Value]| {
        let one = |item: &'a Value| match item {
            Value::Related { sides, relations } => match (&sides[..], &relations[..]) {
                ([name, of], [Relation::Equal]) if name.label => {
                    Some((name.value.scalar().ok()?.to_string(), &of.value))
                }
                _ => None,
            },
            _ => None,
        };
        let names = items.iter().map(one).collect::<Option<BTreeMap<_, _>>>()?;
        (names.len() == items.len() && names.len() > 1).then_some(names)
    };
    let (a, b) = (named(a)?, named(b)?);
    let same = a.keys().eq(b.keys());
    same.then(|| a.into_values().zip(b.into_values()).collect())
}

/// Whether an answer of nothing but numbers sets two equal that are not (`3 = 2`): it names both. Sides in other units are a
/// conversion (`2 h = 120 min`), and where a number has a decimal point it may be rounded. Behind a name the last side is
/// meant, however it was come by (`x = 5 + 5 + 1 = 7 = 11`).
pub(super) fn contradicts(text: &str, value: &Value, rules: &Rules<'_>) -> bool {
    /// How far a number that is rounded may be from what it is rounded from.
    const ROUNDED: f64 = 0.01;
    let Value::Related { sides, relations } = value else { return false };
    let texts: Vec<&str> = text.split('=').collect();
    if texts.len() != sides.len() || relations.iter().any(|r| *r != Relation::Equal) {
        return false;
    }
    let number = |(side, text): (&Side, &str)| {
        let form = side.value.scalar().ok().filter(|_| side.constant && !side.label)?;
        Some((evaluate::real(form, rules.budget)?, units(text)))
    };
    let numbers: Option<Vec<_>> = std::iter::zip(sides, texts).map(number).collect();
    numbers.unwrap_or_default().windows(2).any(|pair| {
        let [(a, unit_a), (b, unit_b)] = pair else { return false };
        let rounded = || (a.value - b.value).norm() <= ROUNDED * a.value.norm();
        unit_a == unit_b && !a.meets(b) && !(rules.decimal && rounded())
    })
}

/// What of a side is no number and no operation: letters, signs of units and marks of numerals.
fn units(text: &str) -> String {
    const MARKS: [&str; 4] = ["circ", "degree", "pmod", "bmod"];
    let mut found = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let behind = &rest[c.len_utf8()..];
        let length =
            behind.len() - behind.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (command, after) = behind.split_at(length);
        if c == '\\' && length > 0 {
            found.extend(MARKS.iter().filter(|mark| **mark == command).copied());
            rest = after;
            continue;
        }
        if c.is_alphabetic() || "%°_$€£".contains(c) {
            found.push(c);
        }
        rest = behind;
    }
    found
}

fn all_same<'a>(
    pairs: impl Iterator<Item = (&'a Side, &'a Side)>,
    rules: &Rules<'_>,
) -> Result<bool, Error> {
    for (a, b) in pairs {
        if !same(&a.value, &b.value, rules)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn turned(relation: Relation) -> Relation {
    match relation {
        Relation::Less => Relation::Greater,
        Relation::LessEqual => Relation::GreaterEqual,
        Relation::Greater => Relation::Less,
        Relation::GreaterEqual => Relation::LessEqual,
        other => other,
    }
}

/// Relations of two sides each.
fn pair(
    (a1, r, a2): (&Side, Relation, &Side),
    (b1, s, b2): (&Side, Relation, &Side),
    rules: &Rules<'_>,
) -> Result<bool, Error> {
    // Both ways round with "less".
    let ordered = |left, relation, right| match relation {
        Relation::Greater | Relation::GreaterEqual => (right, turned(relation), left),
        other => (left, other, right),
    };
    let (a1, r, a2) = ordered(a1, r, a2);
    let (b1, s, b2) = ordered(b1, s, b2);
    if r != s {
        return Ok(false);
    }
    let difference =
        |left: &Side, right: &Side| right.value.scalar()?.minus(left.value.scalar()?, rules.budget);
    let symmetric = matches!(r, Relation::Equal | Relation::NotEqual | Relation::About);
    if let (Ok(gold), Ok(found)) = (difference(a1, a2), difference(b1, b2)) {
        return proportional(&gold, &found, symmetric, rules);
    }
    let straight = same(&a1.value, &b1.value, rules)? && same(&a2.value, &b2.value, rules)?;
    Ok(straight
        || (symmetric && same(&a1.value, &b2.value, rules)? && same(&a2.value, &b1.value, rules)?))
}

/// Whether one is a constant times the other, a positive one unless `either_sign`.
fn proportional(
    gold: &Form,
    found: &Form,
    either_sign: bool,
    rules: &Rules<'_>,
) -> Result<bool, Error> {
    if gold.is_zero() || found.is_zero() {
        return Ok(gold.is_zero() && found.is_zero());
    }
    if either_sign || (gold.is_whole() && found.is_whole()) {
        let (gold, first) = primitive(&gold.over)?;
        let (found, second) = primitive(&found.over)?;
        let one_sign = (first > super::rational::int(0)) == (second > super::rational::int(0));
        if gold == found && (either_sign || one_sign) {
            return Ok(true);
        }
    }
    let quotient = gold.divided(found, rules.budget)?;
    let mut first: Option<super::ball::Ball> = None;
    for point in 0..4 {
        let scope = Scope { point: Some(point), bound: None };
        let value = evaluate::form(&quotient, scope, rules.budget)?;
        let positive = value.certain_sign() && value.value.re > 0.0;
        if !value.is_sharp() || !(either_sign || positive) {
            return Ok(false);
        }
        match first {
            None => first = Some(value),
            Some(first) if !first.meets(&value) => return Ok(false),
            Some(_) => {}
        }
    }
    Ok(true)
}

/// The set that a relation describes: `x ∈ S`, `x > 5`, `-2 ≤ x ≤ 7`, `1 ≤ |z| ≤ 2`.
pub(super) fn set(value: &Value) -> Option<Value> {
    let Value::Related { sides, relations } = value else { return None };
    if let ([name, of], [Relation::In]) = (&sides[..], &relations[..])
        && name.label
    {
        return Some(of.value.clone());
    }
    let (name, mut interval) = match (&sides[..], &relations[..]) {
        ([a, b], [relation]) if a.label && !b.label => (a, half(turned(*relation), b)?),
        ([a, b], [relation]) if b.label && !a.label => (b, half(*relation, a)?),
        ([a, b, c], [first, second]) if b.label && !a.label && !c.label => {
            let (left, right) = (half(*first, a)?, half(turned(*second), c)?);
            let up = |relation| matches!(relation, Relation::Less | Relation::LessEqual);
            if up(*first) != up(*second) {
                return None;
            }
            let (below, above) = if up(*first) { (left, right) } else { (right, left) };
            let interval = Interval {
                low: below.low,
                low_closed: below.low_closed,
                high: above.high,
                high_closed: above.high_closed,
            };
            (b, interval)
        }
        _ => return None,
    };
    let size = |form: &Form| {
        form.single_generator()
            .is_some_and(|generator| matches!(generator.kind(), Kind::Call(Function::Abs, _)))
    };
    if !name.value.scalar().is_ok_and(size) {
        return Some(Value::Interval(interval));
    }
    let mirrored = |interval: &Interval| {
        Some(Interval {
            low: interval.high.negative().ok()?,
            high: interval.low.negative().ok()?,
            low_closed: interval.high_closed,
            high_closed: interval.low_closed,
        })
    };
    if interval.low.single_generator().is_none() && interval.low.to_string() == "-oo" {
        let other = mirrored(&interval)?;
        interval.low = other.low;
        interval.low_closed = other.low_closed;
        return Some(Value::Interval(interval));
    }
    Some(Value::Union(vec![Value::Interval(mirrored(&interval)?), Value::Interval(interval)]))
}

/// What is beyond `side`: above it for "side < x".
fn half(relation: Relation, side: &Side) -> Option<Interval> {
    let infinity = Form::generator(Gen::constant(Constant::Infinity));
    let at = side.value.scalar().ok()?.clone();
    let closed = matches!(relation, Relation::LessEqual | Relation::GreaterEqual);
    match relation {
        Relation::Less | Relation::LessEqual => {
            Some(Interval { low: at, high: infinity, low_closed: closed, high_closed: false })
        }
        Relation::Greater | Relation::GreaterEqual => Some(Interval {
            low: infinity.negative().ok()?,
            high: at,
            low_closed: false,
            high_closed: closed,
        }),
        _ => None,
    }
}

/// One text for all forms of an equation or inequality that the normal form tells to be the same.
pub(super) fn text(
    sides: &[Side],
    relations: &[Relation],
    rules: &Rules<'_>,
) -> Result<String, Error> {
    if let ([a, b], [relation]) = (sides, relations)
        && let (Ok(left), Ok(right)) = (a.value.scalar(), b.value.scalar())
    {
        let difference = right.minus(left, rules.budget)?;
        let (poly, factor) = primitive(&difference.over)?;
        let positive = factor > super::rational::int(0);
        let sign = match (relation, positive) {
            (Relation::Equal | Relation::About, _) => "=",
            (Relation::NotEqual, _) => "!=",
            (Relation::Less, true) | (Relation::Greater, false) => ">",
            (Relation::Less, false) | (Relation::Greater, true) => "<",
            (Relation::LessEqual, true) | (Relation::GreaterEqual, false) => ">=",
            (Relation::LessEqual, false) | (Relation::GreaterEqual, true) => "<=",
            _ => "?",
        };
        if difference.is_whole() && sign != "?" {
            return Ok(format!("{poly}{sign}0"));
        }
    }
    let mut text = String::new();
    for (at, side) in sides.iter().enumerate() {
        if at > 0 {
            let _ = write!(text, " {:?} ", relations[at - 1]);
        }
        text.push_str(&super::compare::written(&side.value, rules)?);
    }
    Ok(text)
}
