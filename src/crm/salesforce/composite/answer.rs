// SPDX-License-Identifier: Apache-2.0
//! Answers of the requests inside, each read by the reader of its own request.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use super::plan::{Form, Group, Part, Plan, RefusedGroups};
use crate::carrier::json::{Kind, Node};
use crate::carrier::{Codec, DecodedText, Document, Slot};
use crate::crm::message::{link, parse_answer, unparseable};
use crate::crm::salesforce::answer::Answer;
use crate::crm::{
    AnswerView, Done, LocateError, LocatedAnswer, ReadAnswer, RecordName, SameRecord,
};

/// Reads the answer to a composite request, without the groups that are refused.
#[derive(Debug)]
pub(super) struct Composite {
    pub plan: Arc<Plan>,
    pub refused: RefusedGroups,
}

impl Composite {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        Self { plan, refused: RefusedGroups::new() }
    }
}

impl ReadAnswer for Composite {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let json = parse_answer(answer)?;
        let list = json.as_ref().and_then(|json| json.root().get(self.plan.form.list()));
        let Some((list, json)) = list.zip(json.as_ref()).filter(|_| answer.status.is_success())
        else {
            // An error, which tells of none of them.
            if answer.status.is_success() {
                return Err(refuse("it has no list of results"));
            }
            return Answer::default().locate(answer);
        };
        refuse_others(json.root(), &[self.plan.form.list(), "hasErrors"])?;
        let mut results = Results {
            answer,
            next_record: 0,
            slots: Vec::new(),
            names: Vec::new(),
            done: Vec::new(),
        };
        let has_errors = json.root().get("hasErrors").filter(|_| !self.refused.is_empty());
        results.slots.extend(
            has_errors.map(|flag| Slot::rewritten(flag.span(), Codec::Plain, "true".to_owned())),
        );
        results.list(self, list)?;
        Ok(LocatedAnswer {
            status: answer.status,
            headers: crate::crm::message::link_headers(answer)?,
            body: Document::new(answer.body.clone(), results.slots),
            records: results.names,
            done: Done::Each(results.done),
            ..LocatedAnswer::default()
        })
    }
}

struct Results<'v, 'a> {
    answer: &'v AnswerView<'a>,
    next_record: u32,
    slots: Vec<Slot>,
    names: Vec<RecordName>,
    done: Vec<SameRecord>,
}

impl Results<'_, '_> {
    /// One element for each group, or for each part of the groups.
    fn list(&mut self, composite: &Composite, list: Node<'_>) -> Result<(), LocateError> {
        let plan = &composite.plan;
        let mut elements: Vec<Node<'_>> = list.elements().collect();
        let start = list.span().start + 1;
        let mut end = start;
        for (at, group) in plan.groups.iter().enumerate() {
            if let Some(why) = composite.refused.get(&at) {
                let text = plan.form.refusal_of(group, why);
                // At least one group was forwarded, so there is a neighbour.
                let text = if end == start { format!("{text},") } else { format!(",{text}") };
                self.slots.push(Slot::rewritten(end..end, Codec::Plain, text));
                continue;
            }
            if plan.form == Form::Graph {
                let graph = take(&mut elements, |node| is(node, "graphId", &group.id))?;
                self.graph(group, graph)?;
                end = graph.span().end;
                continue;
            }
            for part in &group.parts {
                let node = match plan.form {
                    Form::Batch => take(&mut elements, |_| true)?,
                    _ => take(&mut elements, |node| is(node, "referenceId", &part.reference))?,
                };
                self.part(part, node)?;
                end = node.span().end;
            }
        }
        if elements.is_empty() { Ok(()) } else { Err(refuse("it has more results than requests")) }
    }

    fn graph(&mut self, group: &Group, graph: Node<'_>) -> Result<(), LocateError> {
        refuse_others(graph, &["graphId", "graphResponse", "isSuccessful"])?;
        let response = graph.get("graphResponse");
        response.map_or(Ok(()), |it| refuse_others(it, &["compositeResponse"]))?;
        let response = response.and_then(|it| it.get("compositeResponse"));
        let response = response.ok_or_else(|| refuse("a graph in it has no results"))?;
        let mut elements: Vec<Node<'_>> = response.elements().collect();
        for part in &group.parts {
            let node = take(&mut elements, |node| is(node, "referenceId", &part.reference))?;
            self.part(part, node)?;
        }
        if elements.is_empty() { Ok(()) } else { Err(refuse("it has more results than requests")) }
    }

    fn part(&mut self, part: &Part, node: Node<'_>) -> Result<(), LocateError> {
        let mut status = None;
        let mut body = None;
        for member in node.members() {
            match member.key.as_ref() {
                "httpStatusCode" | "statusCode" => status = code(member.value),
                "body" | "result" => {
                    body = Some(member.value).filter(|body| body.kind() != Kind::Null);
                }
                "httpHeaders" => {
                    let links = member.value.members().filter(|member| member.key == "Location");
                    let origins = self.answer.origins;
                    self.slots.extend(links.filter_map(|it| link(&it.value, origins)));
                }
                "referenceId" => {}
                _ => return Err(unknown_member()),
            }
        }
        let status = status.ok_or_else(|| refuse("a result in it has no status"))?;
        let bytes = body.map(|body| self.answer.body.slice(body.span())).unwrap_or_default();
        let located = part.answer.locate(&AnswerView {
            status,
            headers: &HeaderMap::new(),
            body: &bytes,
            origins: self.answer.origins,
            expansion: self.answer.expansion,
            sorted: None,
        })?;
        let first = self.next_record;
        let values = located.body.occurrences().into_iter().map(|(_, found)| found.record + 1);
        let names = located.records.iter().map(|name| name.record + 1);
        // One more, of which nothing is said.
        let nobody = first + values.chain(names).max().unwrap_or_default();
        self.next_record = nobody + 1;
        if status.is_success() {
            self.done(part, located.done, first, nobody);
        }
        let names = located.records.into_iter();
        self.names.extend(names.map(|name| RecordName { record: name.record + first, ..name }));
        if let Some(body) = body {
            let text = DecodedText::verbatim(body.raw().to_owned());
            let document = located.body.numbered_from(first);
            self.slots.push(Slot::holding(body.span(), Codec::Plain, text, document));
        }
        Ok(())
    }

    fn done(&mut self, part: &Part, done: Done, first: u32, nobody: u32) {
        match done {
            Done::All => {
                let all = part.records.clone();
                self.done.extend(all.map(|in_request| SameRecord {
                    in_answer: nobody,
                    in_request,
                    is_taken: true,
                }));
            }
            Done::Each(same) => self.done.extend(same.into_iter().map(|same| SameRecord {
                in_answer: same.in_answer + first,
                in_request: same.in_request + part.records.start,
                ..same
            })),
        }
    }
}

/// What stands beside results would pass unread.
fn refuse_others(node: Node<'_>, known: &[&str]) -> Result<(), LocateError> {
    let is_known = node.members().all(|member| known.contains(&member.key.as_ref()));
    if is_known { Ok(()) } else { Err(unknown_member()) }
}

fn unknown_member() -> LocateError {
    refuse("it has a member that no result has")
}

/// Takes the first element out that is meant.
fn take<'a>(
    elements: &mut Vec<Node<'a>>,
    is_meant: impl Fn(&Node<'a>) -> bool,
) -> Result<Node<'a>, LocateError> {
    let at = elements.iter().position(is_meant);
    let at = at.ok_or_else(|| refuse("it has not one result for each request"))?;
    Ok(elements.remove(at))
}

fn is(node: &Node<'_>, member: &str, id: &str) -> bool {
    node.get(member).and_then(|value| value.text()).is_some_and(|text| text == id)
}

fn code(node: Node<'_>) -> Option<StatusCode> {
    StatusCode::from_u16(node.raw().parse().ok()?).ok()
}

fn refuse(problem: &str) -> LocateError {
    unparseable("the answer", problem)
}
