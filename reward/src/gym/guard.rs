//! What some of the package's scorers must not be handed, because they evaluate the answer as Python or through sympy.
//!
//! An answer to their questions never needs a call of anything but a mathematical function. One that holds another call is
//! wrong here, and is not handed over: it could read, write and connect as this user, and state its own score.

/// Scorers that take the answer for a Python literal.
const LITERAL: [&str; 4] = ["binary_matrix", "n_queens", "spiral_matrix", "string_insertion"];

/// Scorers that take the answer for an expression of sympy, which reads names by evaluating them.
const EXPRESSION: [&str; 5] = [
    "countdown",
    "intermediate_integration",
    "polynomial_multiplication",
    "puzzle24",
    "simple_integration",
];

/// Names of more than two letters that an expression may hold.
const NAMES: [&str; 24] = [
    "Abs", "abs", "acos", "acosh", "acot", "asin", "asinh", "atan", "atanh", "cbrt", "cos", "cosh",
    "cot", "coth", "csc", "erf", "exp", "log", "sec", "sech", "sin", "sinh", "sqrt", "tan",
];

/// What in an answer its scorer would run; `None` where nothing would be.
pub(super) fn refused(generator: &str, answer: &str) -> Option<String> {
    if LITERAL.contains(&generator) {
        return literal(answer);
    }
    EXPRESSION.contains(&generator).then(|| expression(answer))?
}

/// A parenthesis that does not open a tuple calls something.
fn literal(answer: &str) -> Option<String> {
    let mut before = None;
    for c in answer.chars().filter(|c| !c.is_whitespace()) {
        if c == '(' && !matches!(before, None | Some('(' | '[' | ',')) {
            return Some("a call".into());
        }
        before = Some(c);
    }
    None
}

fn expression(answer: &str) -> Option<String> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    if let Some(c) = answer.chars().find(|c| matches!(c, '"' | '\'' | '\\' | ':' | '@' | '`')) {
        return Some(format!("{c:?}"));
    }
    let attribute = answer
        .split('.')
        .skip(1)
        .find(|rest| rest.trim_start().starts_with(|c: char| c.is_alphabetic() || c == '_'));
    if attribute.is_some() {
        return Some("an attribute".into());
    }
    let mut names = answer.split(|c: char| !word(c));
    let odd = names.find(|name| {
        let letters = name.trim_start_matches(|c: char| c.is_ascii_digit());
        name.contains("__") || (letters.chars().count() > 2 && !NAMES.contains(&letters))
    });
    odd.map(|name| format!("the name {:?}", name.chars().take(40).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_pass_and_calls_do_not() {
        for (generator, answer) in [
            ("simple_integration", "3*x**2/2 + sin(x)*exp(-x) + C"),
            ("polynomial_multiplication", "-12*x**3 + 2.5*y - 0.5"),
            ("countdown", "(3 + 5)*7 - 1/2"),
            ("puzzle24", "8/(3-8/3)"),
            ("spiral_matrix", "[1, 2, (3)]"),
            ("spiral_matrix", "(1, 2)"),
            ("n_queens", "_ Q _\n[['_', 'Q']]"),
            ("string_insertion", "['A', 'B']"),
            ("graph_color", "print('whatever it is')"),
        ] {
            assert_eq!(refused(generator, answer), None, "{generator}: {answer}");
        }
        for (generator, answer) in [
            ("countdown", "eval(chr(95))"),
            ("puzzle24", "__import__(1)"),
            ("simple_integration", "x.__class__"),
            ("simple_integration", "S('1')"),
            ("simple_integration", "x . diff(x)"),
            ("polynomial_multiplication", "exit()"),
            ("countdown", "lambda: 1"),
            ("spiral_matrix", "print(1)"),
            ("n_queens", "[exec][0] ('x')"),
            ("string_insertion", "[x for x in (open)('a')]"),
        ] {
            assert!(refused(generator, answer).is_some(), "{generator}: {answer}");
        }
    }
}
