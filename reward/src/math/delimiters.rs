//! Operators, relations and brackets, as characters and as commands.

use super::lexer::Token;
use super::tree::{Constant, Fence, Function, Relation, SetOperation};

/// The operator that begins `text` and its length; a token of `None` prints nothing.
pub(super) fn operator(text: &str) -> Option<(usize, Option<Token>)> {
    const DEGREES: &[&str] =
        &["^{\\circ}", "^\\circ", "^{\\degree}", "^\\degree", "^{ \\circ }", "^ \\circ"];
    if let Some(mark) = DEGREES.iter().find(|mark| text.starts_with(**mark)) {
        return Some((mark.len(), Some(Token::Degree)));
    }
    if text.starts_with("!=") && !text.starts_with("!==") {
        return Some((2, Some(Token::Relation(Relation::NotEqual))));
    }
    for (mark, token) in PAIRS {
        if text.starts_with(mark) {
            return Some((mark.len(), Some(token.clone())));
        }
    }
    let first = text.chars().next()?;
    let token = match first {
        '+' => Token::Plus,
        '-' | '−' | '–' => Token::Minus,
        '±' => Token::PlusMinus,
        '∓' => Token::MinusPlus,
        '*' | '×' | '·' | '⋅' | '∗' => Token::Times,
        '/' | '÷' | '∕' | '⁄' => Token::Slash,
        '^' => Token::Caret,
        '_' => Token::Underscore,
        '!' => Token::Bang,
        '\'' | '′' | '’' => Token::Prime,
        '%' => Token::Percent,
        '°' => Token::Degree,
        ',' | '，' => Token::Comma,
        ';' => Token::Semicolon,
        ':' => Token::Colon,
        '=' => Token::Relation(Relation::Equal),
        '<' => Token::Relation(Relation::Less),
        '>' => Token::Relation(Relation::Greater),
        '≤' | '⩽' => Token::Relation(Relation::LessEqual),
        '≥' | '⩾' => Token::Relation(Relation::GreaterEqual),
        '≠' => Token::Relation(Relation::NotEqual),
        '≈' => Token::Relation(Relation::About),
        '∈' => Token::Relation(Relation::In),
        '≡' | '⊂' | '⊆' | '∼' | '~' => Token::Relation(Relation::Other),
        '(' => Token::Open(Fence::Round),
        ')' => Token::Close(Fence::Round),
        '[' => Token::Open(Fence::Square),
        ']' => Token::Close(Fence::Square),
        '{' => Token::Open(Fence::Group),
        '}' => Token::Close(Fence::Group),
        '⌊' => Token::Open(Fence::Floor),
        '⌋' => Token::Close(Fence::Floor),
        '⌈' => Token::Open(Fence::Ceil),
        '⌉' => Token::Close(Fence::Ceil),
        '|' => Token::Bar,
        '∅' => Token::Symbol("emptyset".into()),
        '∞' => Token::Constant(Constant::Infinity),
        '√' => Token::Root,
        '∪' => Token::Sets(SetOperation::Union),
        '∩' => Token::Sets(SetOperation::Intersection),
        '&' => Token::Ampersand,
        '→' => Token::To,
        _ => return Some((first.len_utf8(), None)),
    };
    Some((first.len_utf8(), Some(token)))
}

/// Operators of two characters.
const PAIRS: &[(&str, Token)] = &[
    ("**", Token::Caret),
    ("<=", Token::Relation(Relation::LessEqual)),
    (">=", Token::Relation(Relation::GreaterEqual)),
    ("=<", Token::Relation(Relation::LessEqual)),
    ("=>", Token::Relation(Relation::Other)),
    ("==", Token::Relation(Relation::Equal)),
    ("->", Token::To),
    ("+-", Token::PlusMinus),
    ("-+", Token::MinusPlus),
];

/// The token of a command that is an operator, a relation, a bracket or a constant.
pub(super) fn command(name: &str) -> Option<Token> {
    Some(match name {
        "frac" | "dfrac" | "tfrac" | "cfrac" => Token::Frac,
        "binom" | "dbinom" | "tbinom" => Token::Function(Function::Binomial),
        "choose" => Token::Choose,
        "sum" => Token::BigSum,
        "prod" => Token::BigProduct,
        "int" => Token::Integral,
        "lim" => Token::Limit,
        "to" | "rightarrow" | "longrightarrow" => Token::To,
        "cdot" | "times" | "ast" | "cdotp" | "bullet" => Token::Times,
        "div" | "slash" => Token::Slash,
        "pmod" => Token::Modulus,
        "pm" => Token::PlusMinus,
        "mp" => Token::MinusPlus,
        "circ" | "degree" => Token::Degree,
        "prime" => Token::Prime,
        "colon" => Token::Colon,
        "land" | "lor" | "wedge" | "vee" => Token::And,
        "infty" | "infin" => Token::Constant(Constant::Infinity),
        "pi" => Token::Constant(Constant::Pi),
        "exponentialE" => Token::Constant(Constant::E),
        "imaginaryI" | "imath" => Token::Constant(Constant::I),
        "cup" | "bigcup" => Token::Sets(SetOperation::Union),
        "cap" | "bigcap" => Token::Sets(SetOperation::Intersection),
        "setminus" | "backslash" => Token::Sets(SetOperation::Difference),
        "lbrace" => Token::Open(Fence::Brace),
        "rbrace" => Token::Close(Fence::Brace),
        "lbrack" => Token::Open(Fence::Square),
        "rbrack" => Token::Close(Fence::Square),
        "lgroup" | "lparen" | "langle" => Token::Open(Fence::Round),
        "rgroup" | "rparen" | "rangle" => Token::Close(Fence::Round),
        "lceil" | "ulcorner" => Token::Open(Fence::Ceil),
        "rceil" | "urcorner" => Token::Close(Fence::Ceil),
        "lfloor" | "llcorner" => Token::Open(Fence::Floor),
        "rfloor" | "lrcorner" => Token::Close(Fence::Floor),
        "lvert" | "lVert" => Token::Open(Fence::Bar),
        "rvert" | "rVert" => Token::Close(Fence::Bar),
        "vert" | "mid" | "Vert" => Token::Bar,
        "varnothing" | "emptyset" => Token::Symbol("emptyset".into()),
        _ => Token::Relation(relation(name)?),
    })
}

fn relation(name: &str) -> Option<Relation> {
    Some(match name {
        "le" | "leq" | "leqslant" | "leqq" => Relation::LessEqual,
        "ge" | "geq" | "geqslant" | "geqq" => Relation::GreaterEqual,
        "lt" => Relation::Less,
        "gt" => Relation::Greater,
        "ne" | "neq" => Relation::NotEqual,
        "approx" | "simeq" | "approxeq" | "doteq" => Relation::About,
        "in" | "isin" => Relation::In,
        "equiv" | "sim" | "cong" | "subset" | "subseteq" | "supset" | "supseteq" | "notin"
        | "implies" | "Rightarrow" | "iff" | "Leftrightarrow" | "propto" | "parallel" | "perp"
        | "mapsto" => Relation::Other,
        _ => return None,
    })
}
