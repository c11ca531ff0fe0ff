// SPDX-License-Identifier: Apache-2.0
//! The GraphQL API ("GraphQL API Developer Guide"): queries, aggregates and mutations of
//! records, and metadata.
//!
//! - What is asked for says how the answer is read ([`selection`] makes a [`answer::Shape`]
//!   of it), so an alias hides nothing. A record whose object nothing tells is refused
//!   until an inline fragment tells it (`... on Invoice__c`).
//! - A value may stand in the query, in the variables, or as the default of a variable
//!   ([`input`]). It belongs to one field; a variable that stands for two things is refused.
//! - `eq` becomes `in` where a value has several spellings, and the type of a variable in
//!   its place becomes a list ([`binding`]).
//! - All operations of a document are located, because all of them travel; the variables
//!   belong to the one that is executed.
//! - What a comment says leaves for nowhere: it is taken out.
//! - A cursor goes as it came. What a page is ordered by could stand in it; protected
//!   fields are refused there.

mod answer;
mod asked;
mod binding;
mod filter;
mod input;
mod mutation;
mod record;
mod selection;
mod widening;

use std::cell::Cell;

use http::Method;

use self::answer::Answered;
use self::binding::Binding;
use self::input::{Given, Scope};
use self::selection::Selecting;
use crate::carrier::json::{Json, Kind, Node};
use crate::carrier::url::Target;
use crate::carrier::{Codec, Document, Slot};
use crate::crm::message::{MediaType, method_not_allowed, parse_json, unparseable};
use crate::crm::{self, About, LocateError, LocatedRequest, RequestView};
use crate::query::graphql::{self, Operation, OperationKind};

/// # Errors
/// [`LocateError`] for a document that is not understood, or that asks for something that
/// is not known.
pub(super) fn locate(
    request: &RequestView<'_>,
    target: &Target,
) -> Result<LocatedRequest, LocateError> {
    if request.method != Method::POST {
        return Err(method_not_allowed(request.method));
    }
    if !target.query.is_empty() {
        return Err(unparseable("the query of the URL", "this operation has none"));
    }
    if MediaType::of(request.headers) != MediaType::Json {
        let expected = "application/json";
        return Err(LocateError::UnsupportedMediaType { place: "the body", expected });
    }
    let json = parse_json("the body", request.body)?;
    let sent = Sent::read(&json)?;
    let text = sent.query.decoded().ok_or_else(|| refuse(sent.query, "is no text"))?;
    let document = graphql::parse(text.as_str())
        .map_err(|error| unparseable("the GraphQL document", error.to_string()))?;
    let executed = sent.executed(&document.operations)?;
    sent.check_variables(executed)?;

    let mut binding = Binding::new(sent.query.inner_span().start, &text);
    let (given, nothing, values) = (sent.given(), Given::new(), Cell::new(0));
    let mut shape = None;
    for operation in &document.operations {
        let is_executed = std::ptr::eq(operation, executed);
        let given = if is_executed { &given } else { &nothing };
        let scope = Scope { operation, given, values: &values };
        let own = Selecting::new(&document, scope, &mut binding).operation()?;
        shape = if is_executed { Some(own) } else { shape };
    }
    let Binding { mut in_query, in_body: mut slots, uses, names, finds_others, object, .. } =
        binding;
    let comments = document.comments.iter().cloned();
    in_query.extend(comments.map(|span| Slot::rewritten(span, Codec::Plain, String::new())));
    slots.push(Slot::nested(sent.query.inner_span(), Codec::Json, text, in_query));
    Ok(LocatedRequest {
        operation: crm::Operation {
            name: match executed.kind {
                OperationKind::Query => "graphql.query".into(),
                OperationKind::Mutation => "graphql.mutation".into(),
            },
            about: About::named_if(object.is_some()).and_others_if(finds_others),
            object,
        },
        target: Document::new(request.target.clone(), Vec::new()),
        headers: Vec::new(),
        body: Document::new(request.body.clone(), slots),
        uses,
        records: names,
        referred: Vec::new(),
        batch: None,
        answer: Box::new(Answered(shape.unwrap_or_default())),
    })
}

/// `{"query":…,"variables":…,"operationName":…,"extensions":…}`
struct Sent<'a> {
    query: Node<'a>,
    variables: Option<Node<'a>>,
    operation: Option<Node<'a>>,
}

impl<'a> Sent<'a> {
    fn read(json: &'a Json<'a>) -> Result<Self, LocateError> {
        let root = json.root();
        let mut found = (None, None, None);
        for member in root.members() {
            let value = member.value;
            match (member.key.as_ref(), value.kind()) {
                ("query", Kind::String) => found.0 = Some(value),
                ("variables" | "operationName" | "extensions", Kind::Null) => {}
                ("variables", Kind::Object) => found.1 = Some(value),
                ("operationName", Kind::String) => found.2 = Some(value),
                ("extensions", Kind::Object) if value.members().next().is_none() => {}
                _ => return Err(refuse(value, "is not a member of a GraphQL request")),
            }
        }
        let query = found.0.ok_or_else(|| refuse(root, "has no `query`"))?;
        Ok(Self { query, variables: found.1, operation: found.2 })
    }

    fn executed<'d>(&self, operations: &'d [Operation]) -> Result<&'d Operation, LocateError> {
        let Some(node) = self.operation else {
            return match operations {
                [one] => Ok(one),
                _ => Err(unparseable("the body", "it has several operations and executes none")),
            };
        };
        let name = node.text();
        let is_named = |operation: &&Operation| operation.name.as_deref() == name.as_deref();
        let named = operations.iter().find(is_named);
        named.ok_or_else(|| refuse(node, "is no operation of the document"))
    }

    /// What no operation takes, nothing would look at.
    fn check_variables(&self, executed: &Operation) -> Result<(), LocateError> {
        let mut given = self.variables.iter().flat_map(Node::members);
        match given.find(|member| !executed.variables.contains_key(member.key.as_ref())) {
            Some(other) => Err(refuse(other.value, "is no variable of the operation")),
            None => Ok(()),
        }
    }

    fn given(&self) -> Given<'a> {
        let given = self.variables.iter().flat_map(Node::members);
        given.map(|member| (member.key, member.value)).collect()
    }
}

fn refuse(node: Node<'_>, problem: &str) -> LocateError {
    unparseable("the body", format!("what stands at byte {} {problem}", node.span().start))
}
