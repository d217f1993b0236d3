//! Tokens → tree, by recursive descent with a bound on its depth.

use super::error::Error;
use super::grammar::{beside, ends_list, is_function_name, one_or, over, times, without_alignment};
use super::lexer::Token;
use super::tree::{Expr, Fence, Function, Relation};

/// How deep brackets, powers and functions may stand within each other.
pub(super) const DEEPEST: usize = 120;
const PLAIN: &str = "a number without words that act on it";
/// How many divisions, percent signs and the like may follow one another: each of them makes the tree deeper.
const LONGEST_CHAIN: usize = 150;

/// Reads a whole expression.
pub(super) fn parse(tokens: Vec<Token>) -> Result<Expr, Error> {
    let tokens = without_alignment(tokens);
    if tokens.is_empty() {
        return Err(Error::Empty);
    }
    let mut parser = Parser { tokens, at: 0, depth: 0, bars: 0, chained: 0 };
    let whole = parser.list()?;
    if parser.at < parser.tokens.len() {
        return Err(parser.expected("the end of the expression"));
    }
    Ok(whole)
}

pub(super) struct Parser {
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) depth: usize,
    /// Vertical bars that are open.
    bars: usize,
    /// Operators so far that nest to the left.
    chained: usize,
}

impl Parser {
    /// A parser of some of the tokens, as deep as this one.
    pub(super) fn part(&self, tokens: Vec<Token>) -> Self {
        Self { tokens, at: 0, depth: self.depth, bars: 0, chained: self.chained }
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn ahead(&self, by: usize) -> Option<&Token> {
        self.tokens.get(self.at + by)
    }

    /// Passes over `token`, where it stands next.
    pub(super) fn take(&mut self, token: &Token) -> bool {
        let next = self.peek() == Some(token);
        self.at += usize::from(next);
        next
    }

    pub(super) fn expected(&self, expected: &'static str) -> Error {
        let found = self.peek().map_or_else(|| "the end".to_owned(), |token| format!("{token:?}"));
        Error::Syntax { expected, found: found.chars().take(40).collect(), at: self.at + 1 }
    }

    /// Runs `inner` one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.depth >= DEEPEST {
            return Err(Error::TooDeep { most: DEEPEST });
        }
        self.depth += 1;
        let read = inner(self);
        self.depth -= 1;
        read
    }

    /// Counts an operator that nests to the left.
    fn chain(&mut self) -> Result<(), Error> {
        self.chained += 1;
        if self.chained > LONGEST_CHAIN {
            Err(Error::TooDeep { most: LONGEST_CHAIN })
        } else {
            Ok(())
        }
    }

    /// Items between commas and "and", in groups between semicolons.
    pub(super) fn list(&mut self) -> Result<Expr, Error> {
        let items = self.items()?;
        let mut items = items.into_iter();
        match (items.next(), items.len()) {
            (Some(only), 0) => Ok(only),
            (Some(first), _) => Ok(Expr::List([first].into_iter().chain(items).collect())),
            (None, _) => Err(self.expected("an expression")),
        }
    }

    /// The items of a list; several between two semicolons are a tuple.
    pub(super) fn items(&mut self) -> Result<Vec<Expr>, Error> {
        let mut groups: Vec<Vec<Expr>> = vec![Vec::new()];
        loop {
            while matches!(self.peek(), Some(Token::Comma | Token::And | Token::Semicolon)) {
                if self.peek() == Some(&Token::Semicolon) {
                    groups.push(Vec::new());
                }
                self.at += 1;
            }
            if self.peek().is_none_or(ends_list) {
                break;
            }
            let item = self.deeper(Self::related)?;
            if let Some(group) = groups.last_mut() {
                group.push(item);
            }
            if !matches!(self.peek(), Some(Token::Comma | Token::And | Token::Semicolon)) {
                break;
            }
        }
        groups.retain(|group| !group.is_empty());
        if groups.len() == 1 || groups.iter().all(|group| group.len() == 1) {
            return Ok(groups.into_iter().flatten().collect());
        }
        let tuple = |items| Expr::Fenced { open: Fence::Round, close: Fence::Round, items };
        Ok(groups.into_iter().map(tuple).collect())
    }

    /// Sides of relations.
    fn related(&mut self) -> Result<Expr, Error> {
        let mut sides = Vec::new();
        let mut relations = Vec::new();
        if let Some(Token::Relation(Relation::Equal | Relation::About)) = self.peek() {
            // "= 5", whose left side is in the question.
            self.at += 1;
        }
        loop {
            let side = self.ratio()?;
            sides.push(self.modulo(side)?);
            match self.peek() {
                Some(Token::Relation(relation)) => {
                    relations.push(*relation);
                    self.at += 1;
                }
                Some(Token::To) => {
                    relations.push(Relation::Other);
                    self.at += 1;
                }
                _ => break,
            }
        }
        Ok(match sides.pop() {
            Some(only) if sides.is_empty() => only,
            last => Expr::Related { sides: sides.into_iter().chain(last).collect(), relations },
        })
    }

    /// `\pmod 7` or `(mod 7)` behind a side.
    fn modulo(&mut self, side: Expr) -> Result<Expr, Error> {
        if self.take(&Token::Modulus) {
            return Ok(Expr::Modulo(side.into(), self.power()?.into()));
        }
        if self.is_modulus() {
            self.at += 2;
            let modulus = self.deeper(Self::sum)?;
            self.close(Fence::Round)?;
            return Ok(Expr::Modulo(side.into(), modulus.into()));
        }
        Ok(side)
    }

    /// Whether `(mod` follows.
    fn is_modulus(&self) -> bool {
        self.peek() == Some(&Token::Open(Fence::Round)) && self.ahead(1) == Some(&Token::Mod)
    }

    fn ratio(&mut self) -> Result<Expr, Error> {
        let mut left = self.sets()?;
        while self.take(&Token::Colon) {
            self.chain()?;
            left = Expr::Ratio(left.into(), self.sets()?.into());
        }
        Ok(left)
    }

    fn sets(&mut self) -> Result<Expr, Error> {
        let mut left = self.sum()?;
        while let Some(Token::Sets(operation)) = self.peek() {
            let operation = *operation;
            self.at += 1;
            self.chain()?;
            left = Expr::Sets(operation, left.into(), self.sum()?.into());
        }
        Ok(left)
    }

    pub(super) fn sum(&mut self) -> Result<Expr, Error> {
        let mut terms = vec![self.term()?];
        loop {
            match self.peek() {
                Some(Token::Plus) => {
                    self.at += 1;
                    terms.push(self.term()?);
                }
                Some(Token::Minus) => {
                    self.at += 1;
                    terms.push(Expr::Negative(self.term()?.into()));
                }
                Some(sign @ (Token::PlusMinus | Token::MinusPlus)) => {
                    let minus_first = *sign == Token::MinusPlus;
                    self.at += 1;
                    self.chain()?;
                    let right = self.term()?.into();
                    let left = one_or(terms, Expr::Sum).into();
                    terms = vec![Expr::Either { left, right, minus_first }];
                }
                _ => return Ok(one_or(terms, Expr::Sum)),
            }
        }
    }

    /// Factors, with and without signs between them. Words beside factors are units and are passed over.
    pub(super) fn term(&mut self) -> Result<Expr, Error> {
        let mut left = self.unary()?;
        loop {
            match self.peek() {
                Some(Token::Times) => {
                    self.at += 1;
                    left = times(left, self.unary()?);
                }
                Some(Token::Slash) => {
                    self.at += 1;
                    self.chain()?;
                    left = over(left, self.unary()?);
                }
                Some(Token::Mod) => {
                    self.at += 1;
                    self.chain()?;
                    left = Expr::Call(Function::Mod, vec![left, self.unary()?]);
                }
                Some(token) if self.starts_factor(token) && !self.is_modulus() => {
                    let next = self.power()?;
                    left = beside(left, next).ok_or_else(|| self.expected(PLAIN))?;
                }
                _ => return Ok(left),
            }
        }
    }

    pub(super) fn starts_factor(&self, token: &Token) -> bool {
        match token {
            Token::Number(_)
            | Token::Symbol(_)
            | Token::Constant(_)
            | Token::Function(_)
            | Token::Text(_)
            | Token::Open(_)
            | Token::Frac
            | Token::Root
            | Token::BigSum
            | Token::BigProduct
            | Token::Integral
            | Token::Limit
            | Token::Begin(_) => true,
            Token::Bar => self.bars == 0,
            _ => false,
        }
    }

    fn unary(&mut self) -> Result<Expr, Error> {
        match self.peek() {
            Some(Token::Plus) => {
                self.at += 1;
                self.deeper(Self::unary)
            }
            Some(Token::Minus) => {
                self.at += 1;
                Ok(Expr::Negative(self.deeper(Self::unary)?.into()))
            }
            Some(sign @ (Token::PlusMinus | Token::MinusPlus)) => {
                let minus_first = *sign == Token::MinusPlus;
                self.at += 1;
                let left = Expr::Sum(Vec::new()).into();
                let right = self.deeper(Self::unary)?.into();
                Ok(Expr::Either { left, right, minus_first })
            }
            _ => self.power(),
        }
    }

    /// A factor with what stands behind it: powers, factorials, percent signs, indices.
    pub(super) fn power(&mut self) -> Result<Expr, Error> {
        let mut base = self.deeper(Self::primary)?;
        loop {
            base = match self.peek() {
                Some(Token::Caret) => {
                    self.at += 1;
                    self.chain()?;
                    let exponent = self.deeper(Self::exponent)?;
                    if matches!(base, Expr::Text(_)) {
                        base
                    } else {
                        Expr::Power(base.into(), exponent.into())
                    }
                }
                Some(Token::Bang) => self.behind(Expr::Call(Function::Factorial, vec![base]))?,
                Some(Token::Percent) => self.behind(Expr::Percent(base.into()))?,
                Some(Token::Degree) => self.behind(Expr::Degrees(base.into()))?,
                Some(Token::Prime) => match base {
                    Expr::Symbol(name) => self.behind(Expr::Symbol(format!("{name}'")))?,
                    _ => return Err(self.expected("an operator")),
                },
                Some(Token::Underscore) => self.index(base)?,
                Some(Token::Open(Fence::Round)) => match base {
                    Expr::Symbol(name) if is_function_name(&name) => {
                        self.at += 1;
                        let arguments = self.deeper(Self::items)?;
                        self.close(Fence::Round)?;
                        Expr::Apply(name, arguments)
                    }
                    other => return Ok(other),
                },
                _ => return Ok(base),
            };
        }
    }

    fn behind(&mut self, read: Expr) -> Result<Expr, Error> {
        self.chain()?;
        self.at += 1;
        Ok(read)
    }

    pub(super) fn close(&mut self, fence: Fence) -> Result<(), Error> {
        if self.take(&Token::Close(fence)) {
            Ok(())
        } else {
            Err(self.expected("a closing bracket"))
        }
    }

    fn exponent(&mut self) -> Result<Expr, Error> {
        if self.take(&Token::Minus) {
            return Ok(Expr::Negative(self.deeper(Self::exponent)?.into()));
        }
        self.take(&Token::Plus);
        let base = self.primary()?;
        if self.take(&Token::Caret) {
            return Ok(Expr::Power(base.into(), self.deeper(Self::exponent)?.into()));
        }
        Ok(base)
    }

    /// Between vertical bars.
    pub(super) fn bars(&mut self) -> Result<Expr, Error> {
        let outer = std::mem::replace(&mut self.bars, 1);
        let inner = self.sum();
        self.bars = outer;
        let inner = inner?;
        if self.take(&Token::Bar) || self.take(&Token::Close(Fence::Bar)) {
            return Ok(Expr::Call(Function::Abs, vec![inner]));
        }
        Err(self.expected("a closing bar"))
    }

    /// What stands between brackets, with no bar open.
    pub(super) fn inside(&mut self) -> Result<Vec<Expr>, Error> {
        let outer = std::mem::replace(&mut self.bars, 0);
        let items = self.items();
        self.bars = outer;
        items
    }
}
