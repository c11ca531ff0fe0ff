// SPDX-License-Identifier: Apache-2.0
//! GraphQL: canaries in literals, block strings, variables, defaults and comments.

use http::Method;
use serde_json::{Map, Value, json};

use super::{MARK, escaped};
use crate::random::Random;

pub fn graphql(random: &mut Random) -> (Method, String, String) {
    let body = if random.below(2) == 0 { query(random) } else { mutation(random) };
    let body = random.spell(&body);
    (Method::POST, "/sf/services/data/v62.0/graphql".to_owned(), body)
}

fn query(random: &mut Random) -> Value {
    let mut variables = Map::new();
    let mut types = Vec::new();
    let mut conditions = Vec::new();
    for number in 0..=random.below(3) {
        let field = random.pick(&["Email", "LastName", "FirstName", "email", "LASTNAME"]);
        let text = match field {
            "Email" | "email" => random.email(),
            _ => random.text(),
        };
        let operator = random.pick(&["eq", "eq", "ne", "in", "nin"]);
        let name = format!("v{number}");
        let written = match random.below(5) {
            0 => {
                types.push(format!("${name}: String"));
                variables.insert(name.clone(), text.into());
                if random.below(4) == 0 {
                    // As the value of a field that nothing protects, it would travel.
                    let other = random.pick(&["Title: {eq:", "AccountId: {ne:", "Title: {like:"]);
                    conditions.push(format!("{{{other} ${name}}}}}"));
                }
                format!("${name}")
            }
            1 => {
                let default = literal(random, &text);
                types.push(format!("${name}: String = {default}"));
                if random.below(2) == 0 {
                    variables.insert(name.clone(), random.text().into());
                }
                format!("${name}")
            }
            2 if operator.ends_with("in") => {
                let other = random.text();
                format!("[{},{}]", literal(random, &text), literal(random, &other))
            }
            _ => literal(random, &text),
        };
        conditions.push(format!("{{{field}: {{{operator}: {written}}}}}"));
    }
    let filter = match random.below(3) {
        0 => {
            types.push("$all: Contact_Filter".to_owned());
            let inner = json!({ "LastName": { "eq": random.text() } });
            variables.insert("all".to_owned(), json!({ "or": [inner] }));
            format!("{{and: [{}, $all]}}", conditions.join(" "))
        }
        _ => format!("{{or: [{}]}}", conditions.join(",")),
    };
    let types = if types.is_empty() { String::new() } else { format!("({})", types.join(" ")) };
    let comment = comment(random);
    let query = format!(
        "{comment}query Q{types} {{ uiapi {{ query {{ Contact(where: {filter}, first: 5) {{ {comment} edges {{ node {{
            Id last: LastName {{ value }} Email {{ value displayValue }} }} }} totalCount }} }} }} }}"
    );
    json!({ "query": query, "variables": variables })
}

fn mutation(random: &mut Random) -> Value {
    let contact = random.contact();
    if random.below(2) == 0 {
        let query = "mutation ($a: ContactCreateInput!) { uiapi { ContactCreate(input: $a) {
            Record { Id LastName { value } } } } }";
        return json!({ "query": query, "variables": { "a": { "Contact": contact } } });
    }
    let members = contact.as_object().expect("an object").iter();
    let fields: Vec<String> = members
        .map(|(name, value)| {
            let text = value.as_str().unwrap_or_default();
            let comment = comment(random);
            format!("{name}: {comment}{}", literal(random, text))
        })
        .collect();
    let query = format!(
        "mutation {{ uiapi(input: {{allOrNone: true}}) {{ ContactCreate(input: {{Contact: {{{}}}}}) {{
            success Record {{ Email {{ value }} }} }} }} }}",
        fields.join(" ")
    );
    json!({ "query": query })
}

fn comment(random: &mut Random) -> String {
    match random.below(3) {
        0 => format!("# {MARK}{}\n", random.below(1000)),
        _ => String::new(),
    }
}

/// A string as documents may write it.
fn literal(random: &mut Random, text: &str) -> String {
    let is_plain = text.chars().all(|character| character >= ' ' && character != '"');
    match random.below(4) {
        0 => escaped(text),
        1 if is_plain && !text.ends_with('\\') => format!("\"\"\"{text}\"\"\""),
        2 => {
            let points: String = text
                .chars()
                .map(|character| format!("\\u{{{:x}}}", u32::from(character)))
                .collect();
            format!("\"{points}\"")
        }
        _ => json!(text).to_string(),
    }
}
