//! The grammar of sums, products, integrals and limits.

use super::error::Error;
use super::grammar::number;
use super::lexer::Token;
use super::parser::Parser;
use super::tree::{Constant, Expr, Fence, Range, Relation, Repeated};

impl Parser {
    /// A bound below or above a sign.
    fn script(&mut self) -> Result<Expr, Error> {
        if self.take(&Token::Minus) {
            return Ok(Expr::Negative(self.deeper(Self::script)?.into()));
        }
        self.take(&Token::Plus);
        self.deeper(Self::primary)
    }

    /// Both bounds, in either order.
    fn bounds(&mut self) -> Result<(Expr, Expr), Error> {
        let (mut low, mut high) = (None, None);
        loop {
            if low.is_none() && self.take(&Token::Underscore) {
                low = Some(self.script()?);
            } else if high.is_none() && self.take(&Token::Caret) {
                high = Some(self.script()?);
            } else {
                break;
            }
        }
        match (low, high) {
            (Some(low), Some(high)) => Ok((low, high)),
            _ => Err(self.expected("a lower and an upper bound")),
        }
    }

    pub(super) fn repeat(&mut self, repeated: Repeated) -> Result<Expr, Error> {
        let (low, to) = self.bounds()?;
        let Expr::Related { mut sides, relations } = low else {
            return Err(self.expected("a lower bound such as k = 1"));
        };
        let (from, variable) = (sides.pop(), sides.pop());
        let variable = match variable {
            Some(Expr::Symbol(name)) => Some(name),
            Some(Expr::Constant(Constant::I)) => Some("i".to_owned()),
            _ => None,
        };
        let (Some(from), Some(variable), [Relation::Equal]) = (from, variable, &relations[..])
        else {
            return Err(self.expected("a lower bound such as k = 1"));
        };
        let body = self.deeper(Self::term)?;
        Ok(Expr::Repeat(repeated, Range { variable, from, to }.into(), body.into()))
    }

    pub(super) fn integral(&mut self) -> Result<Expr, Error> {
        let (from, to) = self.bounds()?;
        let d = Token::Symbol("d".into());
        let mut depth = 0usize;
        for (offset, token) in self.tokens[self.at..].iter().enumerate() {
            match token {
                Token::Open(_) => depth += 1,
                Token::Close(_) => depth = depth.saturating_sub(1),
                Token::Symbol(variable)
                    if depth == 0 && offset > 0 && self.tokens[self.at + offset - 1] == d =>
                {
                    let variable = variable.clone();
                    let body = self.tokens[self.at..self.at + offset - 1].to_vec();
                    self.at += offset + 1;
                    let body = if body.is_empty() {
                        number("1")?
                    } else {
                        let mut inner = self.part(body);
                        let body = inner.deeper(Self::sum)?;
                        if inner.peek().is_some() {
                            return Err(inner.expected("the end of the integrand"));
                        }
                        body
                    };
                    return Ok(Expr::Integral(Range { variable, from, to }.into(), body.into()));
                }
                _ => {}
            }
        }
        Err(self.expected("an integrand that ends with d and a variable"))
    }

    pub(super) fn limit(&mut self) -> Result<Expr, Error> {
        let what = "a subscript such as x \\to 0";
        if !(self.take(&Token::Underscore) && self.take(&Token::Open(Fence::Group))) {
            return Err(self.expected(what));
        }
        let Some(Token::Symbol(variable)) = self.peek().cloned() else {
            return Err(self.expected(what));
        };
        self.at += 1;
        if !self.take(&Token::To) {
            return Err(self.expected(what));
        }
        let to = self.deeper(Self::sum)?.into();
        self.close(Fence::Group)?;
        let body = self.deeper(Self::term)?.into();
        Ok(Expr::Limit { variable, to, body })
    }
}
