// SPDX-License-Identifier: Apache-2.0
//! A Salesforce that is searched for words.

use serde_json::{Value, json};

use crate::queries::house::{Call, Data, Record, Said};
use crate::queries::reading::{Reader, folded, text};

pub fn answer(data: &mut Data, call: &Call) -> Result<Said, String> {
    let path = call.path.strip_prefix(super::BASE).unwrap_or_default();
    if let Some(object) = path.strip_prefix("/sobjects/") {
        let mut record: Record =
            serde_json::from_str(&call.body).map_err(|error| error.to_string())?;
        let rows = data.entry(object.to_owned()).or_default();
        let prefix = if object == "Contact" { "003" } else { "01t" };
        let id = format!("{prefix}xx000000{:04}AAA", rows.len());
        record.insert("Id".to_owned(), id.clone().into());
        rows.push(record);
        return Ok(Said("201 Created", json!({ "id": id, "success": true, "errors": [] })));
    }
    let found = match (path, call.parameter("q")) {
        ("/search", Some(query)) => sosl(data, query)?,
        ("/parameterizedSearch", Some(words)) => {
            let object = call.parameter("sobject").ok_or("no object")?;
            let mut found = search(data, object, &Term::all(words), call.parameter("in"), "")?;
            for limit in ["overallLimit", "Product2.limit"] {
                let most = call.parameter(limit).map_or(Ok(2_000), str::parse);
                found.truncate(most.map_err(|_| "no count")?);
            }
            found
        }
        ("/parameterizedSearch", None) => {
            let body: Value =
                serde_json::from_str(&call.body).map_err(|error| error.to_string())?;
            let sought = &body["sobjects"][0];
            let filter = sought["where"].as_str().unwrap_or_default();
            let term = Term::all(body["q"].as_str().ok_or("no term")?);
            search(data, sought["name"].as_str().ok_or("no object")?, &term, None, filter)?
        }
        _ => return Err("no such resource".to_owned()),
    };
    Ok(Said("200 OK", json!({ "searchRecords": found })))
}

/// `FIND {…} IN … RETURNING Contact(… WHERE … LIMIT …), …`
fn sosl(data: &Data, query: &str) -> Result<Vec<Value>, String> {
    let mut reader = Reader { rest: query };
    reader.keyword("FIND");
    reader.expect("{")?;
    let mut is_escaped = false;
    let end = reader.rest.char_indices().find(|(_, next)| {
        let ends = *next == '}' && !is_escaped;
        is_escaped = *next == '\\' && !is_escaped;
        ends
    });
    let (inside, behind) = reader.rest.split_at(end.ok_or("no end of the term")?.0);
    let term = Term::read(inside)?;
    reader.rest = &behind[1..];
    let scope = if reader.keyword("IN") {
        let scope = reader.word("")?;
        reader.keyword("FIELDS");
        Some(scope)
    } else {
        None
    };
    if !reader.keyword("RETURNING") {
        return Err("nothing is returned".to_owned());
    }
    let mut found = Vec::new();
    loop {
        let object = reader.word("")?;
        let mut clauses = "";
        if reader.take("(") {
            let end = closing(reader.rest)?;
            clauses = &reader.rest[..end];
            reader.rest = &reader.rest[end + 1..];
        }
        let (clauses, limit) = clauses.split_once(" LIMIT ").unwrap_or((clauses, "2000"));
        let filter = clauses.split_once(" WHERE ").map_or("", |(_, filter)| filter);
        let mut of_object = search(data, object, &term, scope, filter)?;
        of_object.truncate(limit.parse().map_err(|_| "no count")?);
        found.extend(of_object);
        if !reader.take(",") {
            break;
        }
    }
    reader.end()?;
    Ok(found)
}

/// Where the parenthesis closes that is open before this text.
fn closing(text: &str) -> Result<usize, String> {
    let (mut depth, mut is_quoted, mut is_escaped) = (0, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\'' => is_quoted = !is_quoted,
            '(' if !is_quoted => depth += 1,
            ')' if !is_quoted && depth == 0 => return Ok(at),
            ')' if !is_quoted => depth -= 1,
            _ => {}
        }
    }
    Err("no end of what is returned".to_owned())
}

fn search(
    data: &Data,
    object: &str,
    term: &Term,
    scope: Option<&str>,
    filter: &str,
) -> Result<Vec<Value>, String> {
    let fields: &[&str] = match scope.map(str::to_ascii_uppercase).as_deref() {
        Some("EMAIL") => &["Email"],
        Some("NAME") => &["FirstName", "LastName", "Name"],
        _ => &["FirstName", "LastName", "Name", "Email", "Title", "Department", "ProductCode"],
    };
    let mut found = Vec::new();
    for record in data.get(object).into_iter().flatten() {
        let values: Vec<String> = fields.iter().filter_map(|field| text(record, field)).collect();
        if term.finds(&values) && holds(filter, record)? {
            let mut shown = Value::Object(record.clone());
            shown["attributes"] = json!({ "type": object });
            found.push(shown);
        }
    }
    Ok(found)
}

enum Term {
    /// Words that stand side by side.
    Phrase(Vec<String>),
    /// A word that begins like this.
    Start(String),
    /// An address, which is one word.
    Address(String),
    All(Vec<Term>),
    Any(Vec<Term>),
}

impl Term {
    /// All words of a text without operators.
    fn all(text: &str) -> Self {
        Self::All(text.split_whitespace().map(Self::of).collect())
    }

    fn of(text: &str) -> Self {
        let is_address = text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !text.contains(' ')
        });
        if is_address { Self::Address(folded(text)) } else { Self::Phrase(words(text)) }
    }

    /// Alternatives of terms that all must be found.
    fn read(text: &str) -> Result<Self, String> {
        let mut alternatives = vec![Vec::new()];
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (part, behind, is_quoted) = part(rest)?;
            rest = behind.trim_start();
            let last = alternatives.last_mut().ok_or("no alternative")?;
            match part.as_str() {
                "OR" | "or" if !is_quoted => alternatives.push(Vec::new()),
                "AND" | "and" if !is_quoted => {}
                _ => last.push(match part.strip_suffix("\u{0}") {
                    Some(start) => Self::Start(folded(start)),
                    None => Self::of(&part),
                }),
            }
        }
        Ok(Self::Any(alternatives.into_iter().map(Self::All).collect()))
    }

    fn finds(&self, values: &[String]) -> bool {
        match self {
            Self::Phrase(phrase) => values.iter().any(|value| {
                !phrase.is_empty() && words(value).windows(phrase.len()).any(|part| part == phrase)
            }),
            Self::Start(start) => {
                values.iter().any(|value| words(value).iter().any(|word| word.starts_with(start)))
            }
            Self::Address(address) => {
                values.iter().any(|value| folded(value).split(' ').any(|word| word == address))
            }
            Self::All(terms) => terms.iter().all(|term| term.finds(values)),
            Self::Any(terms) => terms.iter().any(|term| term.finds(values)),
        }
    }
}

/// A word or a phrase, without its escapes; an asterisk that means something is a zero.
fn part(text: &str) -> Result<(String, &str, bool), String> {
    let is_quoted = text.starts_with('"');
    let mut part = String::new();
    let mut rest = text.strip_prefix('"').unwrap_or(text).chars();
    loop {
        let here = rest.as_str();
        match rest.next() {
            Some('\\') => part.extend(rest.next()),
            Some('"') if is_quoted => return Ok((part, rest.as_str(), true)),
            None if is_quoted => return Err("no end of a phrase".to_owned()),
            Some(' ') if !is_quoted => return Ok((part, here, false)),
            None => return Ok((part, here, false)),
            Some('*') => part.push('\u{0}'),
            Some(character) => part.push(character),
        }
    }
}

fn words(text: &str) -> Vec<String> {
    let text = folded(text);
    let words = text.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// One comparison of SOQL.
fn holds(filter: &str, record: &Record) -> Result<bool, String> {
    if filter.is_empty() {
        return Ok(true);
    }
    let mut reader = Reader { rest: filter };
    let field = text(record, reader.word("")?).map(|field| folded(&field));
    let is_negated = reader.take("!=");
    let has_list = !is_negated && !reader.take("=");
    let is_not = has_list && reader.keyword("NOT");
    if has_list {
        reader.keyword("IN");
        reader.expect("(")?;
    }
    let mut values = vec![literal(&mut reader)?];
    while has_list && reader.take(",") {
        values.push(literal(&mut reader)?);
    }
    if has_list {
        reader.expect(")")?;
    } else if reader.keyword("NOT") || !reader.rest.trim().is_empty() {
        return Err("something is left over".to_owned());
    }
    let is_one = field.is_some_and(|field| values.iter().any(|value| folded(value) == field));
    Ok(is_one != (is_negated || is_not))
}

fn literal(reader: &mut Reader<'_>) -> Result<String, String> {
    reader.expect("'")?;
    let mut text = String::new();
    let mut rest = reader.rest.chars();
    loop {
        match rest.next().ok_or("no end of a literal")? {
            '\\' => text.extend(rest.next()),
            '\'' => break,
            character => text.push(character),
        }
    }
    reader.rest = rest.as_str();
    Ok(text)
}
