// SPDX-License-Identifier: Apache-2.0

use std::collections::{HashMap, HashSet};

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Json, Kind, Node};
use crate::carrier::{Codec, Content, Occurrence, Role, Slot, Widening};
use crate::crm::{LocateError, Origins};

use super::jsonpath::Subject;
use super::route::FieldSelector;
use crate::crm::message::{link, unparseable};

/// Field names made of member names end after this many characters.
const MAX_NAME: usize = 100;

/// What becomes of the values that no selector covers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unselected<'a> {
    /// They belong to this object, if there is one.
    Request(Option<&'a ObjectName>),
    /// As in a request; links to the upstream are turned into links to us.
    Answer(Option<&'a ObjectName>, &'a Origins),
    /// Texts may repeat what the request sent.
    ErrorAnswer(Option<&'a ObjectName>, &'a Origins),
}

/// Finds every text, number and boolean of a JSON text that has a field.
///
/// A selected list or object hands its field on to everything it holds. Where
/// selections nest, the inner one counts; where several select the same value,
/// the first listed.
///
/// Values that stand in a list belong to one record per element of the outermost
/// list, counted from 1; all others belong to record 0. Where values of an object are
/// selected outside of every list, its values inside of lists are further ones of
/// that record, such as the addresses of a contact. What is compared is one filter.
///
/// # Errors
/// [`LocateError`] when a filter cannot be evaluated on this text.
pub(super) fn locate_values(
    json: &Json<'_>,
    selectors: &[FieldSelector],
    unselected: Unselected<'_>,
) -> Result<Vec<Slot>, LocateError> {
    let subject = Subject::new(json);
    let mut selected = HashMap::new();
    for selector in selectors.iter().rev() {
        let nodes = selector.path.select(&subject).map_err(|_| {
            let place = format!("what `{}` selects", selector.path);
            unparseable(place, "a number does not fit into 64 bits")
        })?;
        selected.extend(nodes.into_iter().map(|node| (node.span().start, selector)));
    }
    let mut walk = Walk {
        selected,
        unselected,
        name: String::new(),
        record: 0,
        records: 0,
        whole: HashSet::new(),
        slots: Vec::new(),
    };
    walk.visit(json.root(), None);
    for slot in &mut walk.slots {
        if let Content::Value(occurrence) = &mut slot.content
            && (occurrence.role == Role::Equality || walk.whole.contains(&occurrence.object))
        {
            occurrence.record = 0;
        }
    }
    Ok(walk.slots)
}

struct Walk<'a> {
    /// By where the value starts.
    selected: HashMap<usize, &'a FieldSelector>,
    unselected: Unselected<'a>,
    /// The member names from the root to here: `address.city`.
    name: String,
    record: u32,
    /// How many records were counted so far.
    records: u32,
    /// The objects of which the text holds one record.
    whole: HashSet<ObjectName>,
    slots: Vec<Slot>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, node: Node<'_>, inherited: Option<&'a FieldSelector>) {
        let selector = self.selected.get(&node.span().start).copied().or(inherited);
        match node.kind() {
            Kind::Object => {
                for member in node.members() {
                    let length = self.name.len();
                    if length > 0 {
                        self.name.push('.');
                    }
                    self.name.push_str(&member.key);
                    self.visit(member.value, selector);
                    self.name.truncate(length);
                }
            }
            Kind::Array => {
                let is_outermost = self.record == 0;
                for element in node.elements() {
                    if is_outermost {
                        self.records += 1;
                        self.record = self.records;
                    }
                    self.visit(element, selector);
                }
                if is_outermost {
                    self.record = 0;
                }
            }
            _ => self.slots.extend(match selector {
                Some(selector) => {
                    if self.record == 0 {
                        self.whole.insert(selector.field.object.clone());
                    }
                    Some(self.selected_slot(node, selector))
                }
                None => self.unselected_slot(node),
            }),
        }
    }

    fn selected_slot(&self, node: Node<'_>, selector: &FieldSelector) -> Slot {
        let FieldSelector { field, role, .. } = selector;
        let slot = self.slot(node, field.object.clone(), field.field.clone(), role.clone());
        let is_element = node.key_span().is_empty() && node.removal().is_some();
        if *role == Role::Equality && is_element { slot.widening(Widening::Elements) } else { slot }
    }

    fn unselected_slot(&self, node: Node<'_>) -> Option<Slot> {
        let (object, origins, role) = match self.unselected {
            Unselected::Request(object) => (object, None, Role::Stored),
            Unselected::Answer(object, origins) => (object, Some(origins), Role::Stored),
            Unselected::ErrorAnswer(object, origins) => (object, Some(origins), Role::Echo),
        };
        if let Some(link) = origins.and_then(|origins| link(&node, origins)) {
            return Some(link);
        }
        match node.kind() {
            Kind::String => {}
            Kind::Number if role == Role::Stored => {}
            // The policy decides about them on the way out, by their field alone.
            Kind::True | Kind::False if origins.is_none() => {}
            _ => return None,
        }
        let object = match role {
            Role::Echo => object.cloned().unwrap_or(ERROR),
            _ => object.cloned()?,
        };
        let field = FieldName::new(self.name.chars().take(MAX_NAME).collect::<String>());
        Some(self.slot(node, object, field, role))
    }

    fn slot(&self, node: Node<'_>, object: ObjectName, field: FieldName, role: Role) -> Slot {
        let occurrence =
            Occurrence { object, field, record: self.record, role, value: node.value() };
        Slot::value(node.span(), Codec::Json, occurrence).removable(node.removal())
    }
}

/// The object of error texts where the route names none.
const ERROR: ObjectName = ObjectName::from_static("error");
