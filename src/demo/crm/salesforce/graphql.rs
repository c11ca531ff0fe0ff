// SPDX-License-Identifier: Apache-2.0
//! GraphQL: pages of records, and mutations. A filter is a condition of SOQL in other words.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::demo::crm::graphql::{Document, Field, Operation, Selection, parse};
use crate::demo::crm::message::Answer;
use crate::demo::crm::soql;

use super::problem::Problem;
use super::schema::Object;
use super::{Api, Outcome};

/// What a page holds if the client does not say.
const PAGE: u64 = 10;

/// One operation and what was given to it.
struct Call<'d> {
    document: &'d Document,
    variables: Map<String, Value>,
}

impl Api<'_, '_> {
    /// Errors have status 200 and repeat what was sent.
    pub(super) fn graphql(&mut self) -> Outcome {
        let body = self.body()?;
        let body = match self.executed(&body) {
            Ok(data) => json!({ "data": data, "errors": [] }),
            Err(message) => json!({ "data": null, "errors": [{
                "message": message, "extensions": { "ErrorType": "ValidationError" },
            }] }),
        };
        Ok(Answer::json(StatusCode::OK, body))
    }

    fn executed(&mut self, body: &Map<String, Value>) -> Result<Value, String> {
        let text = body.get("query").and_then(Value::as_str).unwrap_or_default();
        let document = parse(text)?;
        let name = body.get("operationName").and_then(Value::as_str);
        let mut operations = document.operations.iter();
        let operation = operations.find(|operation| name.is_none_or(|name| operation.name == name));
        let operation = operation.ok_or("there is no such operation")?;
        let given = body.get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
        let variables = variables(operation, given)?;
        let call = Call { document: &document, variables };
        call.object(&operation.selections, &mut |field| {
            if field.name != "uiapi" {
                return Err(unknown(field));
            }
            call.object(&field.selections, &mut |field| {
                if operation.is_mutation {
                    return self.mutation(&call, field);
                }
                if field.name != "query" {
                    return Err(unknown(field));
                }
                call.object(&field.selections, &mut |field| self.connection(&call, field))
            })
        })
    }

    fn connection(&self, call: &Call<'_>, field: &Field) -> Result<Value, String> {
        let object = Object::find(&field.name).ok_or_else(|| unknown(field))?;
        let argument = |name: &str| call.argument(field, name);
        let clause = |keyword: &str, text: String| match text.as_str() {
            "" => String::new(),
            text => format!(" {keyword} {text}"),
        };
        let condition = argument("where").map(|filter| condition(&filter)).transpose()?;
        let condition = clause("WHERE", condition.unwrap_or_default());
        let keys = argument("orderBy").map(|order| keys(&order)).unwrap_or_default();
        let order = clause("ORDER BY", keys.join(", "));
        let query = format!("SELECT Id FROM {}{condition}{order}", object.name);
        let statement = soql::parse(&query).map_err(|error| error.to_string())?;
        let ids = self.find_rows(&object, &statement, false).map_err(Problem::message)?;
        let first = argument("first").and_then(|first| first.as_u64()).unwrap_or(PAGE);
        let after = argument("after").and_then(|after| offset(after.as_str()?)).unwrap_or(0);
        let end = ids.len().min(after + usize::try_from(first).unwrap_or(usize::MAX));
        call.object(&field.selections, &mut |field| match field.name.as_str() {
            "totalCount" => Ok(ids.len().into()),
            "pageInfo" => call.object(&field.selections, &mut |field| match field.name.as_str() {
                "hasNextPage" => Ok((end < ids.len()).into()),
                "endCursor" => Ok(cursor(end).into()),
                _ => Err(unknown(field)),
            }),
            "edges" => {
                let page = ids.get(after..end).unwrap_or_default().iter().enumerate();
                let edge = |(at, id): (usize, &String)| {
                    call.object(&field.selections, &mut |field| match field.name.as_str() {
                        "cursor" => Ok(cursor(after + at + 1).into()),
                        "node" => self.node(call, field, &object, id),
                        _ => Err(unknown(field)),
                    })
                };
                page.map(edge).collect()
            }
            _ => Err(unknown(field)),
        })
    }

    fn node(
        &self,
        call: &Call<'_>,
        field: &Field,
        object: &Object,
        id: &str,
    ) -> Result<Value, String> {
        let record = self.desk.state.store.get(&object.name, id).ok_or("the record is gone")?;
        call.object(&field.selections, &mut |field| match field.name.as_str() {
            "Id" => Ok(id.into()),
            "ApiName" | "__typename" => Ok(object.name.as_ref().into()),
            name => {
                let column = object.column(name).map_err(Problem::message)?;
                let value = object.value(record, &column);
                call.object(&field.selections, &mut |field| match field.name.as_str() {
                    "value" | "displayValue" => Ok(value.clone()),
                    _ => Err(unknown(field)),
                })
            }
        })
    }

    fn mutation(&mut self, call: &Call<'_>, field: &Field) -> Result<Value, String> {
        let verbs = ["Create", "Update", "Delete"];
        let found = verbs.into_iter().find_map(|verb| Some((field.name.strip_suffix(verb)?, verb)));
        let (name, verb) = found.ok_or_else(|| unknown(field))?;
        let object = Object::find(name).ok_or_else(|| unknown(field))?;
        let input = call.argument(field, "input").unwrap_or_default();
        let fields = input.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let given = input.get("Id").and_then(Value::as_str).unwrap_or_default();
        let id = match verb {
            "Create" => self.insert(&object, fields),
            _ => self.existing(&object, given).and_then(|id| {
                if verb == "Update" {
                    self.change(&object, &id, fields)?;
                } else {
                    self.remove(&object, &id);
                }
                Ok(id)
            }),
        };
        let id = id.map_err(Problem::message)?;
        call.object(&field.selections, &mut |field| match field.name.as_str() {
            "Id" => Ok(id.as_str().into()),
            "success" => Ok(true.into()),
            "Record" => self.node(call, field, &object, &id),
            _ => Err(unknown(field)),
        })
    }
}

impl Call<'_> {
    /// One member for each field, fragments written out.
    fn object(
        &self,
        selections: &[Selection],
        value: &mut dyn FnMut(&Field) -> Result<Value, String>,
    ) -> Result<Value, String> {
        let mut members = Map::new();
        for selection in selections {
            let nested = match selection {
                Selection::Field(field) => {
                    members.insert(field.key.clone(), value(field)?);
                    continue;
                }
                Selection::Inline(selections) => selections,
                Selection::Fragment(name) => {
                    self.document.fragments.get(name).ok_or("there is no such fragment")?
                }
            };
            if let Value::Object(nested) = self.object(nested, value)? {
                members.extend(nested);
            }
        }
        Ok(Value::Object(members))
    }

    fn argument(&self, field: &Field, name: &str) -> Option<Value> {
        let (_, argument) = field.arguments.iter().find(|(known, _)| known == name)?;
        argument.with(&self.variables)
    }
}

/// What is given, and defaults. A list stands for a list only.
fn variables(
    operation: &Operation,
    mut given: Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    for variable in &operation.variables {
        if let Some(default) = variable.default.as_ref().and_then(|it| it.with(&Map::new())) {
            given.entry(variable.name.clone()).or_insert(default);
        }
        let is_wrong = given.get(&variable.name).is_some_and(Value::is_array) && !variable.is_list;
        if is_wrong {
            return Err(format!("variable '{}' is no list", variable.name));
        }
    }
    Ok(given)
}

fn unknown(field: &Field) -> String {
    format!("Validation error (FieldUndefined@[{}])", field.name)
}

/// A filter in the words of SOQL.
fn condition(filter: &Value) -> Result<String, String> {
    let members = filter.as_object().ok_or("a filter is no object")?;
    let mut parts = Vec::new();
    for (name, value) in members {
        match name.as_str() {
            "and" | "or" => {
                let all = value.as_array().ok_or("a list is expected")?.iter().map(condition);
                let all: Vec<String> = all.collect::<Result<_, _>>()?;
                let joint = if name == "and" { ") AND (" } else { ") OR (" };
                parts.push(format!("({})", all.join(joint)));
            }
            "not" => parts.push(format!("NOT ({})", condition(value)?)),
            field => {
                let operators = value.as_object().ok_or("operators are expected")?;
                for (operator, operand) in operators {
                    parts.push(comparison(field, operator, operand)?);
                }
            }
        }
    }
    Ok(parts.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(" AND "))
}

fn comparison(field: &str, operator: &str, operand: &Value) -> Result<String, String> {
    let sign = match operator {
        "eq" => "=",
        "ne" => "!=",
        "lt" => "<",
        "lte" => "<=",
        "gt" => ">",
        "gte" => ">=",
        "like" => "LIKE",
        "in" | "nin" => {
            let list = operand.as_array().map_or(std::slice::from_ref(operand), Vec::as_slice);
            let list: Vec<String> = list.iter().map(literal).collect::<Result<_, _>>()?;
            let not = if operator == "nin" { "NOT " } else { "" };
            return Ok(format!("{field} {not}IN ({})", list.join(",")));
        }
        _ => return Err(format!("'{operator}' is no operator")),
    };
    Ok(format!("{field} {sign} {}", literal(operand)?))
}

fn literal(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err(format!("WrongType: '{value}' is no value")),
    }
}

fn keys(order: &Value) -> Vec<String> {
    let all = order.as_array().map_or(std::slice::from_ref(order), Vec::as_slice).iter();
    let members = all.filter_map(Value::as_object).flatten();
    let key = |(field, clause): (&String, &Value)| {
        let is_descending = clause.get("order").and_then(Value::as_str) == Some("DESC");
        format!("{field}{}", if is_descending { " DESC" } else { "" })
    };
    members.map(key).collect()
}

fn cursor(offset: usize) -> String {
    STANDARD.encode(format!("v1:{offset}"))
}

fn offset(cursor: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    text.strip_prefix("v1:")?.parse().ok()
}
