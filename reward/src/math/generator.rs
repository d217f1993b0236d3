//! What polynomials are over: symbols, constants, roots, and what is not computed further. Two generators are the same
//! where their texts are.

use std::cmp::Ordering;
use std::rc::Rc;

use num_traits::One as _;

use super::error::Error;
use super::form::Form;
use super::rational::{MAX_STEPS, Rat};
use super::tree::{Constant, Function, Repeated};

/// The longest text of a generator; nested ones would grow without bound.
const LONGEST: usize = 3000;

#[derive(Debug, Clone)]
pub(super) struct Gen(Rc<Node>);

#[derive(Debug)]
struct Node {
    text: String,
    kind: Kind,
    symbols: Vec<String>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Symbol(String),
    Constant(Constant),
    /// A principal root; of a positive whole number, its powers are reduced.
    Root {
        of: Form,
        index: u32,
        whole: Option<Rat>,
    },
    Power {
        base: Form,
        exponent: Form,
    },
    Call(Function, Vec<Form>),
    /// A name with what it is applied to: known by its text alone.
    Opaque,
    Repeat {
        kind: Repeated,
        variable: String,
        from: Form,
        to: Form,
        body: Form,
    },
    Integral {
        variable: String,
        from: Form,
        to: Form,
        body: Form,
    },
    Limit {
        variable: String,
        to: Form,
        body: Form,
    },
}

impl Gen {
    pub(super) fn symbol(name: &str) -> Self {
        let symbols = vec![name.to_owned()];
        Self(Rc::new(Node { text: name.to_owned(), kind: Kind::Symbol(name.to_owned()), symbols }))
    }

    pub(super) fn constant(constant: Constant) -> Self {
        let text = match constant {
            Constant::Pi => "pi",
            Constant::E => "e",
            Constant::I => "i",
            Constant::Infinity => "oo",
        };
        let kind = Kind::Constant(constant);
        Self(Rc::new(Node { text: text.to_owned(), kind, symbols: Vec::new() }))
    }

    pub(super) fn opaque(text: String, arguments: &[Form]) -> Result<Self, Error> {
        // Without a symbol it would pass for a constant that has a value.
        let own = vec![text.clone()];
        let symbols = arguments.iter().map(Form::symbols).chain([own]);
        node(text, Kind::Opaque, symbols, None)
    }

    pub(super) fn root(of: Form, index: u32) -> Result<Self, Error> {
        let whole = of.rational().filter(|number| number.is_integer() && *number > Rat::one());
        let text = format!("root({of},{index})");
        let symbols = of.symbols();
        node(text, Kind::Root { of, index, whole }, [symbols], None)
    }

    pub(super) fn power(base: Form, exponent: Form) -> Result<Self, Error> {
        let text = format!("({base})^({exponent})");
        let symbols = [base.symbols(), exponent.symbols()];
        node(text, Kind::Power { base, exponent }, symbols, None)
    }

    pub(super) fn call(function: Function, arguments: Vec<Form>) -> Result<Self, Error> {
        let mut texts: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        if matches!(function, Function::Gcd | Function::Lcm | Function::Max | Function::Min) {
            texts.sort();
        }
        let text = format!("{}({})", format!("{function:?}").to_lowercase(), texts.join(","));
        let symbols: Vec<_> = arguments.iter().map(Form::symbols).collect();
        node(text, Kind::Call(function, arguments), symbols, None)
    }

    pub(super) fn repeat(
        kind: Repeated,
        variable: String,
        [from, to, body]: [Form; 3],
    ) -> Result<Self, Error> {
        let name = format!("{kind:?}").to_lowercase();
        let text = format!("{name}({variable},{from},{to},{body})");
        let symbols = [from.symbols(), to.symbols(), body.symbols()];
        let bound = variable.clone();
        node(text, Kind::Repeat { kind, variable, from, to, body }, symbols, Some(&bound))
    }

    pub(super) fn integral(variable: String, [from, to, body]: [Form; 3]) -> Result<Self, Error> {
        let text = format!("integral({variable},{from},{to},{body})");
        let symbols = [from.symbols(), to.symbols(), body.symbols()];
        let bound = variable.clone();
        node(text, Kind::Integral { variable, from, to, body }, symbols, Some(&bound))
    }

    pub(super) fn limit(variable: String, [to, body]: [Form; 2]) -> Result<Self, Error> {
        let text = format!("limit({variable},{to},{body})");
        let symbols = [to.symbols(), body.symbols()];
        let bound = variable.clone();
        node(text, Kind::Limit { variable, to, body }, symbols, Some(&bound))
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.0.kind
    }

    pub(super) fn text(&self) -> &str {
        &self.0.text
    }

    /// Free symbols, sorted.
    pub(super) fn symbols(&self) -> &[String] {
        &self.0.symbols
    }

    /// The power at which it becomes a number, and that number: i² = -1, √2² = 2.
    pub(super) fn reduction(&self) -> Option<(u32, Rat)> {
        match self.kind() {
            Kind::Constant(Constant::I) => Some((2, -Rat::one())),
            Kind::Root { index, whole: Some(number), .. } => Some((*index, number.clone())),
            _ => None,
        }
    }

    /// Whether it stands for a positive real number.
    pub(super) fn is_positive(&self) -> bool {
        match self.kind() {
            Kind::Constant(constant) => matches!(constant, Constant::Pi | Constant::E),
            Kind::Root { whole, .. } => whole.is_some(),
            Kind::Power { base, exponent } => {
                base.rational().is_some_and(|base| base > Rat::from_integer(0.into()))
                    && exponent.rational().is_some()
            }
            _ => false,
        }
    }
}

fn node(
    text: String,
    kind: Kind,
    symbols: impl IntoIterator<Item = Vec<String>>,
    bound: Option<&str>,
) -> Result<Gen, Error> {
    if text.len() > LONGEST {
        return Err(Error::TooMuchWork { steps: MAX_STEPS });
    }
    let mut symbols: Vec<String> = symbols.into_iter().flatten().collect();
    symbols.sort();
    symbols.dedup();
    symbols.retain(|symbol| Some(symbol.as_str()) != bound);
    Ok(Gen(Rc::new(Node { text, kind, symbols })))
}

impl PartialEq for Gen {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Gen {}

impl PartialOrd for Gen {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Gen {
    fn cmp(&self, other: &Self) -> Ordering {
        if Rc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        self.0.text.cmp(&other.0.text)
    }
}
