//! The factors of the grammar that have a form of their own: brackets, fractions, roots, functions, sums, matrices.

use super::error::Error;
use super::grammar::{is_whole, number, one_or};
use super::lexer::Token;
use super::parser::Parser;
use super::tree::{Constant, Expr, Fence, Function, Repeated};

impl Parser {
    pub(super) fn primary(&mut self) -> Result<Expr, Error> {
        let Some(token) = self.peek().cloned() else {
            return Err(self.expected("an expression"));
        };
        self.at += 1;
        match token {
            Token::Number(plain) => self.mixed(number(&plain)?),
            Token::Symbol(name) => Ok(Expr::Symbol(name)),
            Token::Constant(constant) => Ok(Expr::Constant(constant)),
            Token::Text(words) => Ok(Expr::Text(words)),
            Token::Function(function) => self.call(function),
            Token::Frac => self.fraction(),
            Token::Root => self.root(),
            Token::BigSum => self.repeat(Repeated::Sum),
            Token::BigProduct => self.repeat(Repeated::Product),
            Token::Integral => self.integral(),
            Token::Limit => self.limit(),
            Token::Open(fence) => self.fenced(fence),
            Token::Bar => self.bars(),
            Token::Begin(name) => self.matrix(&name),
            _ => {
                self.at -= 1;
                Err(self.expected("an expression"))
            }
        }
    }

    /// `3\frac{1}{2}` and `3 1/2`: a whole number and a fraction of two numbers are their sum.
    fn mixed(&mut self, whole: Expr) -> Result<Expr, Error> {
        if !is_whole(&whole) {
            return Ok(whole);
        }
        if self.peek() == Some(&Token::Frac) && self.plain_fraction_ahead() {
            self.at += 1;
            let fraction = self.fraction()?;
            return Ok(Expr::Sum(vec![whole, fraction]));
        }
        if let (Some(Token::Number(over)), Some(Token::Slash), Some(Token::Number(under))) =
            (self.peek(), self.ahead(1), self.ahead(2))
        {
            let (over, under) = (number(over)?, number(under)?);
            if is_whole(&over) && is_whole(&under) {
                self.at += 3;
                return Ok(Expr::Sum(vec![whole, Expr::Quotient(over.into(), under.into())]));
            }
        }
        Ok(whole)
    }

    /// Whether a fraction of two numbers follows. Looked up, since to read it and go back would take time that doubles
    /// with each level.
    fn plain_fraction_ahead(&self) -> bool {
        let digits = |text: &str| text.len() < 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        let mut at = self.at + 1;
        for _ in 0..2 {
            at += match self.tokens.get(at..) {
                Some(
                    [Token::Open(Fence::Group), Token::Number(n), Token::Close(Fence::Group), ..],
                ) if digits(n) => 3,
                Some([Token::Number(n), ..]) if n.len() == 2 && digits(n) => return true,
                Some([Token::Number(n), ..]) if digits(n) => 1,
                _ => return false,
            };
        }
        true
    }

    pub(super) fn fenced(&mut self, open: Fence) -> Result<Expr, Error> {
        let items = self.deeper(Self::inside)?;
        if open == Fence::Group && self.take(&Token::Choose) {
            let under = self.deeper(Self::list)?;
            self.close(Fence::Group)?;
            return Ok(Expr::Call(Function::Binomial, vec![one_or(items, Expr::List), under]));
        }
        let close = match self.peek() {
            Some(Token::Close(close)) => *close,
            Some(Token::Bar) if open == Fence::Bar => Fence::Bar,
            _ => return Err(self.expected("a closing bracket")),
        };
        let matches = match open {
            Fence::Round | Fence::Square => matches!(close, Fence::Round | Fence::Square),
            // A backslash is often forgotten before one of two braces.
            Fence::Brace | Fence::Group => matches!(close, Fence::Brace | Fence::Group),
            other => close == other,
        };
        if !matches {
            return Err(self.expected("the matching bracket"));
        }
        self.at += 1;
        let function = match open {
            Fence::Floor => Function::Floor,
            Fence::Ceil => Function::Ceil,
            Fence::Bar => Function::Abs,
            Fence::Round | Fence::Group if items.len() == 1 => {
                return Ok(one_or(items, Expr::List));
            }
            Fence::Round | Fence::Square | Fence::Group if items.is_empty() => {
                return Err(self.expected("something between the brackets"));
            }
            _ => return Ok(Expr::Fenced { open, close, items }),
        };
        if items.len() == 1 {
            Ok(Expr::Call(function, items))
        } else {
            Err(self.expected("one expression between the brackets"))
        }
    }

    /// An argument in braces, or one token; of a numeral, its first digit.
    fn argument(&mut self) -> Result<Expr, Error> {
        if let Some(Token::Number(plain)) = self.peek()
            && plain.len() > 1
            && plain.bytes().all(|byte| byte.is_ascii_digit())
        {
            let (first, rest) = plain.split_at(1);
            let (first, rest) = (number(first), Token::Number(rest.to_owned()));
            self.tokens[self.at] = rest;
            return first;
        }
        if let Some(Token::Number(plain)) = self.peek() {
            let read = number(plain);
            self.at += 1;
            return read;
        }
        self.deeper(Self::primary)
    }

    fn fraction(&mut self) -> Result<Expr, Error> {
        if let Some(variable) = self.differential() {
            let body = self.deeper(Self::term)?.into();
            return Ok(Expr::Derivative { variable, body });
        }
        let over = self.argument()?;
        let under = self.argument()?;
        Ok(match (over, under) {
            // A unit: "m/s".
            (Expr::Text(over), Expr::Text(under)) => Expr::Text(format!("{over}/{under}")),
            (over, under) => Expr::Quotient(over.into(), under.into()),
        })
    }

    /// `{d}{dx}`: the variable, passed over.
    fn differential(&mut self) -> Option<String> {
        let d = Token::Symbol("d".into());
        let open = Token::Open(Fence::Group);
        let close = Token::Close(Fence::Group);
        match self.tokens.get(self.at..self.at + 7)? {
            [a, b, c, e, f, Token::Symbol(variable), g]
                if [a, e] == [&open, &open] && [b, f] == [&d, &d] && [c, g] == [&close, &close] =>
            {
                let variable = variable.clone();
                self.at += 7;
                Some(variable)
            }
            _ => None,
        }
    }

    fn root(&mut self) -> Result<Expr, Error> {
        let index = if self.take(&Token::Open(Fence::Square)) {
            let index = self.deeper(Self::list)?;
            self.close(Fence::Square)?;
            index
        } else {
            number("2")?
        };
        let of = match self.peek() {
            Some(Token::Number(plain)) => {
                let read = number(plain);
                self.at += 1;
                read?
            }
            _ => self.deeper(Self::primary)?,
        };
        Ok(Expr::Root { index: index.into(), of: of.into() })
    }

    fn call(&mut self, function: Function) -> Result<Expr, Error> {
        let base = if self.take(&Token::Underscore) { Some(self.argument()?) } else { None };
        let power = if self.take(&Token::Caret) { Some(self.argument()?) } else { None };
        let mut arguments = match self.peek() {
            Some(Token::Open(
                fence @ (Fence::Round | Fence::Square | Fence::Group | Fence::Brace),
            )) => {
                let fence = *fence;
                self.at += 1;
                let items = self.deeper(Self::inside)?;
                self.close(fence)?;
                items
            }
            _ => vec![self.deeper(Self::bare_argument)?],
        };
        if function == Function::Binomial && arguments.len() == 1 {
            arguments.push(self.argument()?);
        }
        arguments.extend(base);
        let call = |arguments| Expr::Call(function, arguments);
        Ok(match power {
            None => call(arguments),
            Some(Expr::Negative(one)) if is_whole(&one) && *one == number("1")? => Expr::Call(
                inverse(function).ok_or_else(|| self.expected("a function with an inverse"))?,
                arguments,
            ),
            Some(power) => Expr::Power(call(arguments).into(), power.into()),
        })
    }

    /// The argument of a function without brackets: the factors up to the next function, bracket or operator.
    fn bare_argument(&mut self) -> Result<Expr, Error> {
        if self.take(&Token::Minus) {
            return Ok(Expr::Negative(self.deeper(Self::bare_argument)?.into()));
        }
        let mut factors = vec![self.power()?];
        while let Some(token) = self.peek() {
            let stops = matches!(
                token,
                Token::Function(_) | Token::Open(Fence::Round | Fence::Square) | Token::Text(_)
            );
            if stops || !self.starts_factor(token) {
                break;
            }
            factors.push(self.power()?);
        }
        Ok(one_or(factors, Expr::Product))
    }

    /// A subscript: part of a name, or the base of a numeral.
    pub(super) fn index(&mut self, base: Expr) -> Result<Expr, Error> {
        let start = self.at + 1;
        self.at = start;
        let index = self.deeper(Self::primary)?;
        match base {
            Expr::Symbol(name) => {
                let written: String = self.tokens[start..self.at].iter().map(written).collect();
                Ok(Expr::Symbol(format!("{name}_{written}")))
            }
            Expr::Number { value, decimal: false } => match index {
                Expr::Number { value: base, .. }
                    if is_whole(&Expr::Number { value: base.clone(), decimal: false }) =>
                {
                    let base = base.to_integer().try_into().unwrap_or(0u32);
                    Ok(Expr::Based { digits: value.to_string(), base })
                }
                _ => Err(self.expected("a base")),
            },
            other => Ok(other),
        }
    }

    fn matrix(&mut self, name: &str) -> Result<Expr, Error> {
        let mut rows = vec![Vec::new()];
        loop {
            match self.peek() {
                Some(Token::End(_)) => {
                    self.at += 1;
                    break;
                }
                Some(Token::Ampersand) => self.at += 1,
                Some(Token::RowBreak) => {
                    self.at += 1;
                    rows.push(Vec::new());
                }
                _ => {
                    let cell = self.deeper(Self::list)?;
                    if let Some(row) = rows.last_mut() {
                        row.push(cell);
                    }
                    if !matches!(
                        self.peek(),
                        Some(Token::End(_) | Token::Ampersand | Token::RowBreak)
                    ) {
                        return Err(self.expected("the next cell or the end of the matrix"));
                    }
                }
            }
        }
        rows.retain(|row| !row.is_empty());
        if rows.is_empty() {
            return Err(self.expected("a row"));
        }
        let matrix = Expr::Matrix(rows);
        Ok(if name == "vmatrix" { Expr::Call(Function::Det, vec![matrix]) } else { matrix })
    }
}

fn inverse(function: Function) -> Option<Function> {
    Some(match function {
        Function::Sin => Function::Arcsin,
        Function::Cos => Function::Arccos,
        Function::Tan => Function::Arctan,
        Function::Sinh => Function::Arcsinh,
        Function::Cosh => Function::Arccosh,
        Function::Tanh => Function::Arctanh,
        _ => return None,
    })
}

/// A token within a subscript, as text.
fn written(token: &Token) -> String {
    match token {
        Token::Number(text) | Token::Symbol(text) | Token::Text(text) => text.clone(),
        Token::Plus => "+".into(),
        Token::Minus => "-".into(),
        Token::Open(_) | Token::Close(_) => String::new(),
        Token::Comma => ",".into(),
        Token::Constant(Constant::I) => "i".into(),
        Token::Constant(Constant::E) => "e".into(),
        other => format!("{other:?}"),
    }
}
