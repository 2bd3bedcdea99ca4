//! From text to a statement.

use std::str::FromStr;

use serde_json::Value;

use crate::{
    lexer::{Kind, Token, tokens},
    topic::{InvalidFilter, TopicFilter},
};

/// Why a statement cannot be used. Positions are byte offsets into the statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A part of the dialect that this subset leaves out.
    #[error("at {at}: {what} is not supported")]
    Unsupported {
        /// Where.
        at: usize,
        /// What.
        what: Unsupported,
    },
    /// Something else was expected.
    #[error("at {at}: expected {expected}, found {found}")]
    Expected {
        /// Where.
        at: usize,
        /// What was expected.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A text without closing quote.
    #[error("at {at}: the text has no closing quote")]
    Unterminated {
        /// Where the text begins.
        at: usize,
    },
    /// The topic filter of `FROM` is not one.
    #[error("at {at}: {source}")]
    Filter {
        /// Where.
        at: usize,
        /// What is wrong with it.
        source: InvalidFilter,
    },
}

impl ParseError {
    pub(crate) fn unexpected(at: usize, rest: &str) -> Self {
        let found = rest.split_whitespace().next().unwrap_or_default().to_owned();
        Self::Expected { at, expected: "a word, a text, a number or an operator", found }
    }
}

/// A part of the dialect that this subset leaves out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// A function of the dialect, or a misspelt one.
    #[error("the function {0}")]
    Function(String),
    /// An operator, for example arithmetic.
    #[error("the operator {0}")]
    Operator(String),
    /// A clause, for example `CASE`, `IN`, a nested `SELECT` or `SELECT VALUE`.
    #[error("{0}")]
    Clause(String),
    /// An encoding other than `base64`.
    #[error("the encoding {0}")]
    Encoding(String),
    /// A column that is neither `*` nor one attribute needs a name.
    #[error("a column without AS")]
    Unnamed,
}

/// A parsed rule: what it selects, of which topics, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub(crate) columns: Vec<Column>,
    pub(crate) filter: TopicFilter,
    pub(crate) condition: Option<Expression>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// `*`: all attributes of the payload, or the payload itself when it is the only column.
    All,
    /// `expression AS name`
    Named { name: String, value: Expression },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    Literal(Value),
    /// Attribute path within the JSON payload.
    Path(Vec<String>),
    Topic(Option<usize>),
    Timestamp,
    ClientId,
    /// `encode(*, 'base64')` (none) or of an expression.
    Base64(Option<Box<Expression>>),
    Upper(Box<Expression>),
    Lower(Box<Expression>),
    Concat(Vec<Expression>),
    Compare(Comparison, Box<Expression>, Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Statement {
    /// Reads a statement.
    ///
    /// # Errors
    /// The text is not IoT SQL, or uses a part of it that is not supported; the error says where and which.
    pub fn parse(sql: &str) -> Result<Self, ParseError> {
        let mut parser = Parser { tokens: tokens(sql)?, next: 0 };
        parser.keyword("SELECT")?;
        let columns = parser.columns()?;
        parser.keyword("FROM")?;
        let filter = parser.filter()?;
        let condition = if parser.accept_keyword("WHERE") { Some(parser.expression()?) } else { None };
        match parser.peek().kind {
            Kind::End => Ok(Self { columns, filter, condition }),
            _ => Err(parser.unsupported_or("the end of the statement")),
        }
    }

    /// Which topics the rule reads.
    #[must_use]
    pub fn filter(&self) -> &TopicFilter {
        &self.filter
    }
}

impl FromStr for Statement {
    type Err = ParseError;

    fn from_str(sql: &str) -> Result<Self, Self::Err> {
        Self::parse(sql)
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
}

impl Parser {
    /// The last token is `End` and is never passed.
    fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek().kind, Kind::Symbol(found) if found == symbol);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), ParseError> {
        if self.accept(symbol) { Ok(()) } else { Err(self.unsupported_or(symbol)) }
    }

    fn at_keyword(&self, keyword: &str) -> bool {
        matches!(&self.peek().kind, Kind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn accept_keyword(&mut self, keyword: &str) -> bool {
        let found = self.at_keyword(keyword);
        self.next += usize::from(found);
        found
    }

    fn keyword(&mut self, keyword: &'static str) -> Result<(), ParseError> {
        if self.accept_keyword(keyword) { Ok(()) } else { Err(self.unsupported_or(keyword)) }
    }

    /// The error for a token that cannot stand here: a part of the dialect that is left out, or plainly wrong.
    fn unsupported_or(&self, expected: &'static str) -> ParseError {
        let Token { at, kind } = self.peek().clone();
        let what = match kind {
            Kind::Symbol(operator @ ("+" | "-" | "/" | "%" | "*" | "||" | "[" | "{" | "!=")) => {
                Unsupported::Operator(operator.into())
            }
            Kind::Word(word) if is_clause(&word) => Unsupported::Clause(word.to_uppercase()),
            kind => return ParseError::Expected { at, expected, found: describe(&kind) },
        };
        ParseError::Unsupported { at, what }
    }

    fn columns(&mut self) -> Result<Vec<Column>, ParseError> {
        let mut columns = vec![self.column()?];
        while self.accept(",") {
            columns.push(self.column()?);
        }
        Ok(columns)
    }

    fn column(&mut self) -> Result<Column, ParseError> {
        if self.accept("*") {
            if self.at_keyword("AS") {
                return Err(self.unsupported_clause("* AS"));
            }
            return Ok(Column::All);
        }
        let at = self.peek().at;
        let value = self.operand()?;
        if self.accept_keyword("AS") {
            let name = self.name("a column's name")?;
            if matches!(self.peek().kind, Kind::Symbol(".")) {
                return Err(self.unsupported_clause("a nested column name"));
            }
            return Ok(Column::Named { name, value });
        }
        if !(self.at_keyword("FROM") || matches!(self.peek().kind, Kind::Symbol(","))) {
            return Err(self.unsupported_or("AS, a comma or FROM"));
        }
        match value {
            Expression::Path(path) if path.len() == 1 => {
                Ok(Column::Named { name: path[0].clone(), value: Expression::Path(path) })
            }
            _ => Err(ParseError::Unsupported { at, what: Unsupported::Unnamed }),
        }
    }

    fn unsupported_clause(&self, clause: &str) -> ParseError {
        ParseError::Unsupported { at: self.peek().at, what: Unsupported::Clause(clause.to_owned()) }
    }

    fn name(&mut self, expected: &'static str) -> Result<String, ParseError> {
        match self.peek().kind.clone() {
            Kind::Word(word) if !is_reserved(&word) => {
                self.next += 1;
                Ok(word)
            }
            _ => Err(self.unsupported_or(expected)),
        }
    }

    fn filter(&mut self) -> Result<TopicFilter, ParseError> {
        match self.peek().clone() {
            Token { at, kind: Kind::Text(text) } => {
                self.next += 1;
                text.parse().map_err(|source| ParseError::Filter { at, source })
            }
            _ => Err(self.unsupported_or("a topic filter in quotes")),
        }
    }

    fn expression(&mut self) -> Result<Expression, ParseError> {
        let mut left = self.conjunction()?;
        while self.accept_keyword("OR") {
            left = Expression::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expression, ParseError> {
        let mut left = self.negation()?;
        while self.accept_keyword("AND") {
            left = Expression::And(Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expression, ParseError> {
        if self.accept_keyword("NOT") {
            return Ok(Expression::Not(Box::new(self.negation()?)));
        }
        let left = self.operand()?;
        let comparison = match self.peek().kind {
            Kind::Symbol("=") => Comparison::Equal,
            Kind::Symbol("<>") => Comparison::NotEqual,
            Kind::Symbol("<") => Comparison::Less,
            Kind::Symbol("<=") => Comparison::LessOrEqual,
            Kind::Symbol(">") => Comparison::Greater,
            Kind::Symbol(">=") => Comparison::GreaterOrEqual,
            _ => return Ok(left),
        };
        self.next += 1;
        Ok(Expression::Compare(comparison, Box::new(left), Box::new(self.operand()?)))
    }

    fn operand(&mut self) -> Result<Expression, ParseError> {
        if self.accept("(") {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let negative = self.accept("-");
        let Token { at, kind } = self.peek().clone();
        match kind {
            Kind::Number(number) => {
                self.next += 1;
                Ok(Expression::Literal(if negative { negate(&number) } else { Value::Number(number) }))
            }
            _ if negative => Err(ParseError::Unsupported { at, what: Unsupported::Operator("-".into()) }),
            Kind::Text(text) => {
                self.next += 1;
                Ok(Expression::Literal(Value::String(text)))
            }
            Kind::Word(word) => match word.to_ascii_lowercase().as_str() {
                "true" | "false" => {
                    self.next += 1;
                    Ok(Expression::Literal(Value::Bool(word.eq_ignore_ascii_case("true"))))
                }
                "null" => {
                    self.next += 1;
                    Ok(Expression::Literal(Value::Null))
                }
                _ if is_reserved(&word) => Err(self.unsupported_or("a value")),
                _ => self.path_or_call(),
            },
            _ => Err(self.unsupported_or("a value")),
        }
    }

    fn path_or_call(&mut self) -> Result<Expression, ParseError> {
        let at = self.peek().at;
        let first = self.name("a name")?;
        if self.accept("(") {
            let call = self.call(&first, at)?;
            self.expect(")")?;
            return Ok(call);
        }
        let mut path = vec![first];
        while self.accept(".") {
            path.push(self.name("an attribute's name")?);
        }
        Ok(Expression::Path(path))
    }

    fn call(&mut self, function: &str, at: usize) -> Result<Expression, ParseError> {
        Ok(match function {
            "topic" if matches!(self.peek().kind, Kind::Symbol(")")) => Expression::Topic(None),
            "topic" => Expression::Topic(Some(self.level()?)),
            "timestamp" => Expression::Timestamp,
            "clientid" => Expression::ClientId,
            "upper" => Expression::Upper(Box::new(self.expression()?)),
            "lower" => Expression::Lower(Box::new(self.expression()?)),
            "concat" => {
                let mut parts = vec![self.expression()?];
                while self.accept(",") {
                    parts.push(self.expression()?);
                }
                Expression::Concat(parts)
            }
            "encode" => {
                let value = if self.accept("*") { None } else { Some(Box::new(self.expression()?)) };
                self.expect(",")?;
                self.encoding()?;
                Expression::Base64(value)
            }
            other => return Err(ParseError::Unsupported { at, what: Unsupported::Function(other.to_owned()) }),
        })
    }

    /// A level of the topic, counted from 1.
    fn level(&mut self) -> Result<usize, ParseError> {
        let Token { at, kind } = self.advance();
        let level = match &kind {
            Kind::Number(number) => {
                number.as_u64().and_then(|level| usize::try_from(level).ok()).filter(|level| *level > 0)
            }
            _ => None,
        };
        level.ok_or_else(|| ParseError::Expected {
            at,
            expected: "a level of the topic, from 1",
            found: describe(&kind),
        })
    }

    fn encoding(&mut self) -> Result<(), ParseError> {
        let Token { at, kind } = self.advance();
        match kind {
            Kind::Text(encoding) if encoding == "base64" => Ok(()),
            Kind::Text(encoding) => Err(ParseError::Unsupported { at, what: Unsupported::Encoding(encoding) }),
            kind => Err(ParseError::Expected { at, expected: "an encoding in quotes", found: describe(&kind) }),
        }
    }
}

fn negate(number: &serde_json::Number) -> Value {
    number.as_i64().map_or_else(|| Value::from(number.as_f64().map(|n| -n)), |n| Value::from(-n))
}

/// Words of clauses that are part of the dialect and not of this subset.
fn is_clause(word: &str) -> bool {
    ["CASE", "IN", "SELECT", "VALUE", "EXISTS", "LIKE", "BETWEEN", "IS", "SET", "GROUP", "ORDER", "LIMIT"]
        .iter()
        .any(|clause| word.eq_ignore_ascii_case(clause))
}

fn is_reserved(word: &str) -> bool {
    ["SELECT", "FROM", "WHERE", "AS", "AND", "OR", "NOT", "CASE", "IN"]
        .iter()
        .any(|reserved| word.eq_ignore_ascii_case(reserved))
}

fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Word(word) => word.clone(),
        Kind::Text(text) => format!("'{text}'"),
        Kind::Number(number) => number.to_string(),
        Kind::Symbol(symbol) => (*symbol).to_owned(),
        Kind::End => "the end".to_owned(),
    }
}
