//! An expression as it is written.

use super::rational::Rat;

/// Names with a fixed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Constant {
    Pi,
    E,
    I,
    Infinity,
}

/// Functions that are computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Function {
    Sin,
    Cos,
    Tan,
    Cot,
    Sec,
    Csc,
    Arcsin,
    Arccos,
    Arctan,
    Sinh,
    Cosh,
    Tanh,
    Arcsinh,
    Arccosh,
    Arctanh,
    Exp,
    Ln,
    Log,
    Abs,
    Floor,
    Ceil,
    Factorial,
    Binomial,
    Gcd,
    Lcm,
    Max,
    Min,
    Mod,
    Sqrt,
    Re,
    Im,
    Conjugate,
    Det,
    Sign,
}

/// What stands between the sides of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    About,
    In,
    Other,
}

/// Brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fence {
    Round,
    Square,
    /// Printed braces.
    Brace,
    /// LaTeX's own, which print nothing.
    Group,
    Floor,
    Ceil,
    Bar,
}

/// Operations on sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetOperation {
    Union,
    Intersection,
    Difference,
}

/// Repeated over a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Repeated {
    Sum,
    Product,
}

/// A name bound in a body, and its range.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range {
    pub variable: String,
    pub from: Expr,
    pub to: Expr,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    /// `decimal` where it was written with a point.
    Number {
        value: Rat,
        decimal: bool,
    },
    Symbol(String),
    Constant(Constant),
    /// Words.
    Text(String),
    Sum(Vec<Expr>),
    /// `a ± b`, or `a ∓ b` where the lower sign comes first.
    Either {
        left: Box<Expr>,
        right: Box<Expr>,
        minus_first: bool,
    },
    Product(Vec<Expr>),
    Quotient(Box<Expr>, Box<Expr>),
    Negative(Box<Expr>),
    Power(Box<Expr>, Box<Expr>),
    Root {
        index: Box<Expr>,
        of: Box<Expr>,
    },
    Call(Function, Vec<Expr>),
    /// A function that is only a name.
    Apply(String, Vec<Expr>),
    Percent(Box<Expr>),
    Degrees(Box<Expr>),
    /// `204_5`.
    Based {
        digits: String,
        base: u32,
    },
    /// `3 \pmod 7`
    Modulo(Box<Expr>, Box<Expr>),
    /// `a : b`
    Ratio(Box<Expr>, Box<Expr>),
    Repeat(Repeated, Box<Range>, Box<Expr>),
    Integral(Box<Range>, Box<Expr>),
    Limit {
        variable: String,
        to: Box<Expr>,
        body: Box<Expr>,
    },
    Derivative {
        variable: String,
        body: Box<Expr>,
    },
    Matrix(Vec<Vec<Expr>>),
    /// Brackets around none, several, or (but for plain parentheses) one.
    Fenced {
        open: Fence,
        close: Fence,
        items: Vec<Expr>,
    },
    /// Items without brackets.
    List(Vec<Expr>),
    Related {
        sides: Vec<Expr>,
        relations: Vec<Relation>,
    },
    Sets(SetOperation, Box<Expr>, Box<Expr>),
}

impl Expr {
    /// What it is made of.
    pub(super) fn parts(&self) -> Vec<&Expr> {
        match self {
            Self::Number { .. }
            | Self::Symbol(_)
            | Self::Constant(_)
            | Self::Text(_)
            | Self::Based { .. } => Vec::new(),
            Self::Sum(parts)
            | Self::Product(parts)
            | Self::Call(_, parts)
            | Self::Apply(_, parts)
            | Self::List(parts)
            | Self::Fenced { items: parts, .. }
            | Self::Related { sides: parts, .. } => parts.iter().collect(),
            Self::Either { left: a, right: b, .. }
            | Self::Quotient(a, b)
            | Self::Power(a, b)
            | Self::Root { index: a, of: b }
            | Self::Ratio(a, b)
            | Self::Modulo(a, b)
            | Self::Sets(_, a, b)
            | Self::Limit { to: a, body: b, .. } => vec![a, b],
            Self::Negative(of) | Self::Percent(of) | Self::Degrees(of) => vec![of],
            Self::Derivative { body, .. } => vec![body],
            Self::Repeat(_, range, body) | Self::Integral(range, body) => {
                vec![&range.from, &range.to, body]
            }
            Self::Matrix(rows) => rows.iter().flatten().collect(),
        }
    }

    /// Whether it, or something in it, is such.
    pub(super) fn any(&self, such: &impl Fn(&Self) -> bool) -> bool {
        such(self) || self.parts().into_iter().any(|part| part.any(such))
    }

    /// Whether it only names something: `x`, `f(x)`, `AB`, `|AB|`, `(p, q)`, a text. The other side of an equation is
    /// then an answer by itself.
    pub(super) fn is_label(&self) -> bool {
        match self {
            Self::Symbol(_) | Self::Text(_) | Self::Apply(..) | Self::Constant(Constant::I) => true,
            Self::Product(parts)
            | Self::List(parts)
            | Self::Call(Function::Abs, parts)
            | Self::Fenced { items: parts, .. } => {
                !parts.is_empty() && parts.iter().all(Self::is_label)
            }
            Self::Quotient(over, under) | Self::Ratio(over, under) => {
                over.is_label() && under.is_label()
            }
            _ => false,
        }
    }

    /// Whether every part of it is a number.
    pub(super) fn is_constant(&self) -> bool {
        !self.any(&|part| {
            matches!(
                part,
                Self::Symbol(_)
                    | Self::Text(_)
                    | Self::Apply(..)
                    | Self::Related { .. }
                    | Self::List(_)
                    | Self::Fenced { .. }
                    | Self::Sets(..)
                    | Self::Matrix(_)
            )
        })
    }
}
