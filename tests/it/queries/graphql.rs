// SPDX-License-Identifier: Apache-2.0
//! GraphQL: filters as literals, with variables in them, or as variables; pages, aliases
//! and fragments. What is stored is stored by mutations.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::people::pattern;
use super::twins::{RECORDS, Twins, compared_field, compared_value, contact};
use super::{Outcomes, queries};
use crate::random::Random;

const PATH: &str = "/services/data/v62.0/graphql";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn graphql_finds_what_it_finds_in_clear_data() {
    let twins = Twins::start().await;
    let random = &mut Random(0x47_51_4c);
    for number in 0..RECORDS {
        let body = creation(random, number).to_string();
        let (found, expected) = ask_both(&twins, &body).await.expect("a contact can be stored");
        let success = json!({ "Contact": { "success": true } });
        assert_eq!((&found["data"]["uiapi"], &expected["data"]["uiapi"]), (&success, &success));
    }

    let mut outcomes = Outcomes::default();
    for _ in 0..queries() {
        let mut variables = Map::new();
        let mut types = Vec::new();
        let filter = filter(random, 2);
        let filter = either(random, "Contact_Filter", filter, &mut types, &mut variables);
        let (order, page) = (random.pick(ORDERS), random.pick(&["first: 100", "first: 7"]));
        let mut after = String::new();
        for _ in 0..2 {
            let query = query(&types, &format!("where: {filter}, {order} {page} {after}"));
            let body = json!({ "query": query, "variables": variables }).to_string();
            let Some((found, expected)) = ask_both(&twins, &body).await else {
                outcomes.refused += 1;
                break;
            };
            assert_eq!(found["data"].is_null(), expected["data"].is_null(), "{body}\n{found}");
            if found["data"].is_null() {
                break;
            }
            let contacts = |answer: &Value| answer["data"]["uiapi"]["query"]["found"].clone();
            let (found, expected) = (contacts(&found), contacts(&expected));
            assert_eq!(found["totalCount"], expected["totalCount"], "{body}");
            assert!(rows(&found) == rows(&expected), "{body}\n{found}\n{expected}");
            outcomes.count(rows(&expected).len());
            if expected["pageInfo"]["hasNextPage"] != json!(true) {
                break;
            }
            after = format!("after: {}", expected["pageInfo"]["endCursor"]);
        }
    }
    outcomes.check();
}

const ORDERS: &[&str] = &[
    "orderBy: {Department: {order: ASC}}",
    "orderBy: {Department: {order: DESC}},",
    "orderBy: [{Title: {order: ASC}}, {Department: {order: ASC}}]",
];

/// The answers with values and without; none where the first is refused.
async fn ask_both(twins: &Twins, body: &str) -> Option<(Value, Value)> {
    let answer = twins.world.post("support", &format!("/sf{PATH}"), body.to_owned()).await;
    if answer.refusal().is_some() {
        return None;
    }
    let (status, expected) = twins.ask_clear(Method::POST, PATH, body).await;
    assert_eq!((answer.status, status), (StatusCode::OK, StatusCode::OK), "{body}\n{answer:?}");
    Some((answer.json(), expected))
}

fn creation(random: &mut Random, number: usize) -> Value {
    let contact = contact(random, number);
    let input = json!({ "Contact": contact });
    let (mut types, mut variables) = (Vec::new(), Map::new());
    let input = either(random, "ContactCreateInput!", input, &mut types, &mut variables);
    let query = format!(
        "mutation M{} {{ uiapi {{ Contact: ContactCreate(input: {input}) {{ success }} }} }}",
        in_parentheses(&types)
    );
    json!({ "query": query, "variables": variables })
}

fn query(types: &[String], arguments: &str) -> String {
    let types = in_parentheses(types);
    format!(
        "query Q{types} {{ uiapi {{ query {{ found: Contact({arguments}) {{
            edges {{ node {{ ...names mail: Email {{ value }} ... on Contact {{ Title {{ displayValue }} }} Department {{ value }} }} }}
            totalCount pageInfo {{ hasNextPage endCursor }} }} }} }} }}
         fragment names on Contact {{ LastName {{ value }} first: FirstName {{ value display: displayValue }} }}"
    )
}

/// What the rows show, in their order. The CRM writes addresses in lower case, and takes off
/// the space around names.
fn rows(contacts: &Value) -> Vec<Value> {
    let row = |edge: &Value| {
        let mut node = edge["node"].clone();
        let mail = node["mail"]["value"].as_str().map(str::to_lowercase);
        node["mail"]["value"] = mail.map_or(Value::Null, Value::from);
        let name = node["LastName"]["value"].as_str().map(str::trim).map(str::to_owned);
        node["LastName"]["value"] = name.into();
        node
    };
    contacts["edges"].as_array().expect("edges").iter().map(row).collect()
}

fn filter(random: &mut Random, depth: usize) -> Value {
    if depth > 0 && random.below(3) == 0 {
        let all = [filter(random, depth - 1), filter(random, depth - 1)];
        return json!({ random.pick(&["and", "or"]): all });
    }
    if depth > 0 && random.below(8) == 0 {
        return json!({ "not": filter(random, depth - 1) });
    }
    let (field, values) = compared_field(random);
    let value = |random: &mut Random| compared_value(random, values);
    let operators = match random.below(17) {
        0..=5 => json!({ "eq": value(random) }),
        6 => json!({ "ne": value(random) }),
        7 | 8 => {
            let list: Vec<String> = (0..=random.below(4)).map(|_| value(random)).collect();
            json!({ random.pick(&["in", "nin"]): list })
        }
        9 => json!({ "in": value(random) }),
        10 => json!({ random.pick(&["eq", "ne"]): null }),
        11 => json!({ "eq": value(random), "in": [value(random), value(random)] }),
        12 => json!({ "gt": value(random) }),
        13 | 14 => {
            let value = value(random);
            json!({ "like": pattern(random, &value) })
        }
        15 => {
            let value = value(random);
            json!({ "like": pattern(random, &value), "eq": value })
        }
        _ => return json!({ "Title": { "eq": value(random) }, field: { "ne": value(random) } }),
    };
    json!({ field: operators })
}

fn in_parentheses(types: &[String]) -> String {
    if types.is_empty() { String::new() } else { format!("({})", types.join(", ")) }
}

/// An input object as a variable, or written in the document.
fn either(
    random: &mut Random,
    kind: &str,
    value: Value,
    types: &mut Vec<String>,
    variables: &mut Map<String, Value>,
) -> String {
    if random.below(4) == 0 {
        types.push(format!("$all: {kind}"));
        variables.insert("all".to_owned(), value);
        return "$all".to_owned();
    }
    written(random, &value, types, variables)
}

/// A value as a document writes it, now and then with a variable in it.
fn written(
    random: &mut Random,
    value: &Value,
    types: &mut Vec<String>,
    variables: &mut Map<String, Value>,
) -> String {
    let is_list = value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    if (value.is_string() || is_list) && random.below(3) == 0 {
        let name = format!("v{}", types.len());
        let kind = if is_list { "[String]" } else { "String" };
        types.push(format!("${name}: {kind}{}", random.pick(&["", "!"])));
        variables.insert(name.clone(), value.clone());
        return format!("${name}");
    }
    match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{name}: {}", written(random, value, types, variables))
            };
            let members: Vec<String> = members.iter().map(member).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Array(all) => {
            let all: Vec<String> =
                all.iter().map(|one| written(random, one, types, variables)).collect();
            // Commas stand for nothing.
            format!("[{}]", all.join(" "))
        }
        other => other.to_string(),
    }
}
