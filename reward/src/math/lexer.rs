//! LaTeX and plain text → tokens.

use super::delimiters;
use super::error::Error;
use super::names;
use super::numerals::{Commas, numeral};
use super::tree::{Constant, Fence, Function, Relation, SetOperation};

/// The longest expression that is read, in bytes.
pub(super) const LONGEST: usize = 4000;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(String),
    Symbol(String),
    Constant(Constant),
    Function(Function),
    Text(String),
    Plus,
    Minus,
    PlusMinus,
    MinusPlus,
    Times,
    Slash,
    Mod,
    /// `\pmod`, behind a whole expression.
    Modulus,
    Caret,
    Underscore,
    Bang,
    Prime,
    Percent,
    Degree,
    Comma,
    Semicolon,
    Colon,
    /// "and", "or".
    And,
    Relation(Relation),
    Open(Fence),
    Close(Fence),
    /// A vertical bar that may open or close.
    Bar,
    Frac,
    Root,
    Choose,
    BigSum,
    BigProduct,
    Integral,
    Limit,
    To,
    Sets(SetOperation),
    Ampersand,
    RowBreak,
    Begin(String),
    End(String),
}

/// Reads a whole expression.
pub(super) fn tokens(text: &str, commas: Commas) -> Result<Vec<Token>, Error> {
    if text.len() > LONGEST {
        return Err(Error::TooLong { bytes: text.len(), most: LONGEST });
    }
    let mut lexer = Lexer { text, at: 0, depth: 0, commas, tokens: Vec::new() };
    while lexer.at < text.len() {
        lexer.step();
    }
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    commas: Commas,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn step(&mut self) {
        let rest = self.rest();
        if let Some((plain, length)) = numeral(rest, self.commas, self.depth) {
            self.at += length;
            if let Some(length) = self.repeating(&plain) {
                self.at += length;
            } else {
                self.tokens.push(Token::Number(plain));
            }
            return;
        }
        let Some(first) = rest.chars().next() else { return };
        if first == '\\' {
            self.command();
        } else if first.is_alphabetic() {
            self.letters();
        } else if let Some(power) = ['²', '³'].iter().position(|c| *c == first) {
            self.at += first.len_utf8();
            self.tokens.extend([Token::Caret, Token::Number((power + 2).to_string())]);
        } else if let Some((length, token)) = delimiters::operator(rest) {
            self.at += length;
            if let Some(token) = token {
                self.push(token);
            }
        } else {
            self.at += first.len_utf8();
        }
    }

    /// `0.1\overline{6}` and `0.(3)`: pushes the fraction that it is, and says how long the digits that repeat are as text.
    fn repeating(&mut self, plain: &str) -> Option<usize> {
        let rest = self.rest();
        // "0." before a command or a parenthesis: the point is no part of a numeral by itself.
        let (point, rest) = match rest.strip_prefix('.') {
            Some(rest) if !plain.contains('.') => (1, rest),
            _ => (0, rest),
        };
        let fraction = plain.split_once('.').map_or("", |(_, fraction)| fraction);
        if point == 0 && !plain.contains('.') {
            return None;
        }
        let marks = ["\\overline{", "\\bar{", "\\dot{"].into_iter().map(|open| (open, '}'));
        let bracket = (point == 1).then_some(("(", ')'));
        let (open, close) = marks.chain(bracket).find(|(open, _)| rest.starts_with(open))?;
        let (digits, _) = rest[open.len()..].split_once(close)?;
        let sound = !digits.is_empty() && digits.len() <= 60 && fraction.len() <= 60;
        if !sound || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // 0.1(6) is (16 - 1) / 90.
        let whole = plain.replace('.', "");
        let group = |tokens: [Token; 3]| {
            [Token::Open(Fence::Round)]
                .into_iter()
                .chain(tokens)
                .chain([Token::Close(Fence::Round)])
        };
        let number = |text: String| Token::Number(text);
        let over = group([number(format!("{whole}{digits}")), Token::Minus, number(whole.clone())]);
        let under = number("9".repeat(digits.len()) + &"0".repeat(fraction.len()));
        self.tokens.push(Token::Open(Fence::Round));
        self.tokens.extend(over);
        self.tokens.extend([Token::Slash, under, Token::Close(Fence::Round)]);
        Some(point + open.len() + digits.len() + 1)
    }

    fn push(&mut self, token: Token) {
        match &token {
            Token::Open(fence) if *fence != Fence::Group => self.depth += 1,
            Token::Close(fence) if *fence != Fence::Group => {
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
        self.tokens.push(token);
    }

    /// A command: a backslash and letters, or a backslash and one other character.
    fn command(&mut self) {
        let behind = &self.rest()[1..];
        let letters =
            behind.len() - behind.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        if letters == 0 {
            let length = behind.chars().next().map_or(0, char::len_utf8);
            let token = match &behind[..length] {
                "\\" => Some(Token::RowBreak),
                "{" => Some(Token::Open(Fence::Brace)),
                "}" => Some(Token::Close(Fence::Brace)),
                "%" => Some(Token::Percent),
                "|" => Some(Token::Bar),
                _ => None,
            };
            self.at += 1 + length;
            if let Some(token) = token {
                self.push(token);
            }
            return;
        }
        let name = &behind[..letters];
        self.at += 1 + letters;
        match name {
            "left" | "mleft" | "right" | "mright" => self.delimiter(name.ends_with("left")),
            "begin" => self.environment(Token::Begin),
            "end" => self.environment(Token::End),
            "textcolor" | "color" => drop(self.braced()),
            _ if names::is_words(name) => self.words(false),
            "mathrm" | "textrm" if self.is_behind_number() => self.unit(),
            _ if names::is_face(name) => self.words(true),
            _ if names::is_decoration(name) => {}
            _ => self.named(name),
        }
    }

    /// What stands behind `\left` or `\right`.
    fn delimiter(&mut self, opens: bool) {
        let rest = self.rest();
        let trimmed = rest.trim_start();
        let bar = ["|", "\\vert", "\\lvert", "\\rvert", "\\|"].iter().find(|bar| {
            trimmed.strip_prefix(**bar).is_some_and(|behind| {
                !bar.ends_with('t') || !behind.starts_with(|c: char| c.is_ascii_alphabetic())
            })
        });
        if let Some(bar) = bar {
            self.at += rest.len() - trimmed.len() + bar.len();
            self.push(if opens { Token::Open(Fence::Bar) } else { Token::Close(Fence::Bar) });
        } else if trimmed.starts_with('.') {
            self.at += rest.len() - trimmed.len() + 1;
        }
    }

    fn environment(&mut self, token: fn(String) -> Token) {
        if let Some(name) = self.braced() {
            self.tokens.push(token(name.trim().trim_end_matches('*').to_owned()));
        }
        // The columns of an array say nothing of its entries.
        if self.tokens.last() == Some(&Token::Begin("array".into())) {
            self.braced();
        }
    }

    /// What stands in the braces that follow, which are passed over.
    fn braced(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let open = rest.trim_start().strip_prefix('{')?;
        let end = closing(open);
        self.at += rest.len() - open.len() + end + usize::from(end < open.len());
        Some(&open[..end])
    }

    fn is_behind_number(&self) -> bool {
        matches!(self.tokens.last(), Some(Token::Number(_) | Token::Degree | Token::Text(_)))
    }

    /// What is set upright behind a number: a unit, also of one letter (`4\,\mathrm{N}`).
    fn unit(&mut self) {
        let rest = self.rest();
        let content = rest.trim_start().strip_prefix('{').map(|open| open[..closing(open)].trim());
        match content
            .filter(|content| content.chars().count() == 1 && names::UNIT_LETTERS.contains(content))
        {
            Some(letter) => {
                self.braced();
                self.tokens.push(Token::Text(letter.to_owned()));
            }
            None => self.words(true),
        }
    }

    fn words(&mut self, face: bool) {
        let Some(content) = self.braced().map(str::trim) else { return };
        if content.is_empty() {
            return;
        }
        let single = content.chars().count() == 1;
        if face && (single || names::function(content).is_some()) {
            if let Some(function) = names::function(content) {
                self.tokens.push(function_token(function));
            } else {
                self.letter(content.chars().next().unwrap_or(' '));
            }
            return;
        }
        let bare =
            content.trim_matches(|c: char| c == ',' || c == '.' || c == ';' || c.is_whitespace());
        match bare.to_ascii_lowercase().as_str() {
            "" => self.tokens.push(Token::Comma),
            "-" | "−" => self.tokens.push(Token::Minus),
            "percent" | "pct" => self.tokens.push(Token::Percent),
            "degrees" | "degree" => self.tokens.push(Token::Degree),
            // Behind which nothing follows, they join nothing.
            lower if joins(lower) && !self.rest().trim().is_empty() => {
                self.tokens.push(Token::And);
            }
            _ if bare.starts_with(|c: char| c.is_ascii_digit()) && !bare.contains(['\\', '{']) => {
                // A number set in upright letters.
                let inner = tokens(bare, self.commas).unwrap_or_default();
                self.tokens.extend(inner);
            }
            _ => self.tokens.push(Token::Text(content.to_owned())),
        }
    }

    /// A run of letters in plain text.
    fn letters(&mut self) {
        let rest = self.rest();
        let length = rest.len() - rest.trim_start_matches(char::is_alphabetic).len();
        let mut run = &rest[..length];
        self.at += length;
        for word in ["or", "and"] {
            if let Some(behind) = run.strip_prefix(word)
                && (behind.is_empty() || (behind.len() == 1 && behind.to_uppercase() == behind))
            {
                self.tokens.push(Token::And);
                run = behind;
            }
        }
        if let Some(function) = names::function(run) {
            self.tokens.push(function_token(function));
            return;
        }
        match run {
            "pi" => self.tokens.push(Token::Constant(Constant::Pi)),
            "inf" | "infinity" | "infty" | "oo" | "Infinity" => {
                self.tokens.push(Token::Constant(Constant::Infinity));
            }
            "pct" | "percent" | "percentage" => self.tokens.push(Token::Percent),
            "deg" | "degree" | "degrees" => self.tokens.push(Token::Degree),
            "union" => self.tokens.push(Token::Sets(SetOperation::Union)),
            // Degrees of Celsius and Fahrenheit.
            "C" | "F" if self.tokens.last() == Some(&Token::Degree) => {
                self.tokens.push(Token::Text(run.to_owned()));
            }
            _ if names::is_word(run) => self.tokens.push(Token::Text(run.to_owned())),
            _ => run.chars().for_each(|c| self.letter(c)),
        }
    }

    fn letter(&mut self, letter: char) {
        self.tokens.push(match letter {
            'e' => Token::Constant(Constant::E),
            'i' | 'I' => Token::Constant(Constant::I),
            'π' => Token::Constant(Constant::Pi),
            other => {
                Token::Symbol(names::greek(other).map_or_else(|| other.to_string(), str::to_owned))
            }
        });
    }

    fn named(&mut self, name: &str) {
        if let Some(function) = names::function(name) {
            self.tokens.push(function_token(function));
        } else if let Some(token) = delimiters::command(name) {
            self.push(token);
        } else if let Some(behind) =
            name.strip_prefix("qquad").or_else(|| name.strip_prefix("quad"))
        {
            // A letter that was meant to stand behind a space.
            behind.chars().for_each(|c| self.letter(c));
        } else {
            self.tokens.push(Token::Symbol(name.trim_start_matches("var").to_owned()));
        }
    }
}

/// Whether words only stand between two answers: "and", "or", "for part (a) and".
fn joins(words: &str) -> bool {
    let mut words = words.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let few = words.clone().count() <= 4;
    few && words.any(|word| word == "and" || word == "or")
}

fn function_token(function: Function) -> Token {
    match function {
        Function::Mod => Token::Mod,
        Function::Sqrt => Token::Root,
        other => Token::Function(other),
    }
}

/// Where the brace that is open at the start of `text` closes; its end where it never does.
pub(super) fn closing(text: &str) -> usize {
    let mut depth = 1usize;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}
