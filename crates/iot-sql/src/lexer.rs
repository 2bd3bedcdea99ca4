//! Words of a statement.

use crate::parser::ParseError;

/// A word and where it begins (in bytes).
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub at: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A keyword, function or attribute name.
    Word(String),
    /// `'text'`
    Text(String),
    Number(serde_json::Number),
    /// An operator or punctuation mark.
    Symbol(&'static str),
    End,
}

/// Longest first, so that `<=` is not read as `<`.
const SYMBOLS: &[&str] =
    &["<=", ">=", "<>", "!=", "||", "=", "<", ">", "(", ")", ",", ".", "*", "+", "-", "/", "%", "[", "]", "{", "}"];

/// Splits a statement into words; the last one is [`Kind::End`].
pub fn tokens(sql: &str) -> Result<Vec<Token>, ParseError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let rest = &sql[at..];
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        let Some(first) = trimmed.chars().next() else {
            tokens.push(Token { at, kind: Kind::End });
            return Ok(tokens);
        };
        let (kind, length) = if first == '\'' {
            text(trimmed).ok_or(ParseError::Unterminated { at })?
        } else if first.is_ascii_digit() {
            number(trimmed).ok_or_else(|| ParseError::unexpected(at, trimmed))?
        } else if first.is_alphabetic() || first == '_' {
            let length = trimmed.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(trimmed.len());
            (Kind::Word(trimmed[..length].to_owned()), length)
        } else {
            let symbol = SYMBOLS.iter().find(|symbol| trimmed.starts_with(**symbol));
            let symbol = symbol.ok_or_else(|| ParseError::unexpected(at, trimmed))?;
            (Kind::Symbol(symbol), symbol.len())
        };
        tokens.push(Token { at, kind });
        at += length;
    }
}

/// A text in single quotes; two of them stand for one.
fn text(input: &str) -> Option<(Kind, usize)> {
    let mut value = String::new();
    let mut chars = input.char_indices().skip(1).peekable();
    while let Some((i, c)) = chars.next() {
        match (c, chars.peek()) {
            ('\'', Some((_, '\''))) => {
                value.push('\'');
                chars.next();
            }
            ('\'', _) => return Some((Kind::Text(value), i + 1)),
            _ => value.push(c),
        }
    }
    None
}

fn number(input: &str) -> Option<(Kind, usize)> {
    let length = input.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(input.len());
    let digits = &input[..length];
    let number = match digits.parse::<i64>() {
        Ok(whole) => whole.into(),
        Err(_) => serde_json::Number::from_f64(digits.parse().ok()?)?,
    };
    Some((Kind::Number(number), length))
}
