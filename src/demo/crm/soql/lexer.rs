// SPDX-License-Identifier: Apache-2.0

use super::parser::SoqlError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A keyword, or a field or object name.
    Word(String),
    /// A text literal, without its quotes and escapes.
    Text(String),
    /// A number, date or date-time.
    Plain(String),
    Symbol(&'static str),
}

/// Longer ones first.
const SYMBOLS: [&str; 10] = ["!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ","];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SoqlError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = if first == '\'' {
            text_literal(rest)?
        } else if first.is_ascii_alphabetic() {
            let (word, after) = split(rest, |c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
            (Token::Word(word.to_owned()), after)
        } else if first.is_ascii_digit() || first == '-' {
            let (plain, after) =
                split(rest, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | ':' | '.'));
            (Token::Plain(plain.to_owned()), after)
        } else {
            let symbol = SYMBOLS.into_iter().find_map(|s| Some((s, rest.strip_prefix(s)?)));
            let (symbol, after) = symbol.ok_or_else(|| SoqlError::unexpected(first))?;
            (Token::Symbol(symbol), after)
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// Reads from one single quote to the next that no backslash escapes.
fn text_literal(text: &str) -> Result<(Token, &str), SoqlError> {
    let mut value = String::new();
    let mut chars = text.chars();
    chars.next();
    while let Some(c) = chars.next() {
        match c {
            '\'' => return Ok((Token::Text(value), chars.as_str())),
            '\\' => value.push_str(&unescape(&mut chars)?),
            _ => value.push(c),
        }
    }
    Err(SoqlError::UnclosedText)
}

fn unescape(chars: &mut std::str::Chars<'_>) -> Result<String, SoqlError> {
    let escaped = chars.next().ok_or(SoqlError::UnclosedText)?;
    Ok(match escaped {
        'n' | 'N' => "\n".to_owned(),
        'r' | 'R' => "\r".to_owned(),
        't' | 'T' => "\t".to_owned(),
        'b' | 'B' => "\u{8}".to_owned(),
        'f' | 'F' => "\u{c}".to_owned(),
        '"' | '\'' | '\\' => escaped.to_string(),
        // For LIKE they stay escaped; the pattern reads them.
        '_' | '%' => format!("\\{escaped}"),
        'u' => {
            let digits: String = chars.by_ref().take(4).collect();
            let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
            code.ok_or_else(|| SoqlError::unexpected(digits))?.to_string()
        }
        _ => return Err(SoqlError::unexpected(escaped)),
    })
}
