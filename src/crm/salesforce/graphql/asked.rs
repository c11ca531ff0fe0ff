// SPDX-License-Identifier: Apache-2.0
//! What is asked for, fragments written out.

use std::collections::{BTreeSet, HashMap};

use super::answer::{Members, Shape};
use super::input::Kind;
use super::selection::Selecting;
use crate::base::ObjectName;
use crate::crm::LocateError;
use crate::crm::message::unparseable;
use crate::crm::salesforce::schema;
use crate::query::graphql::{Field, Selection, SelectionKind};

/// Fields that a document may ask for once its fragments are written out. A short one may
/// name as many as it likes.
const MAX_FIELDS: usize = 10_000;

/// What every type tells of itself.
pub(super) const TYPE_NAME: &str = "__typename";

/// Selection sets that are read as one, each for an object where it says so.
pub(super) type Sets<'a> = Vec<(Option<ObjectName>, &'a [Selection])>;

/// What is asked for by one name of the answer.
pub(super) struct Asked<'a> {
    pub key: &'a str,
    pub name: &'a str,
    pub fields: Vec<(Option<ObjectName>, &'a Field)>,
}

impl<'a> Asked<'a> {
    pub fn inner(&self) -> Sets<'a> {
        self.fields.iter().map(|(_, field)| (None, field.selections.as_slice())).collect()
    }

    pub fn refuse(&self, problem: &str) -> LocateError {
        refuse(self.fields.first().map_or(0, |(_, field)| field.at), problem)
    }

    /// What has neither arguments nor anything inside.
    pub fn leaf(&self, shape: Shape) -> Result<Shape, LocateError> {
        let is_leaf = |field: &Field| field.arguments.is_empty() && field.selections.is_empty();
        if self.fields.iter().all(|(_, field)| is_leaf(field)) {
            return Ok(shape);
        }
        Err(self.refuse("has arguments or fields that are not known"))
    }
}

impl<'a> Selecting<'a, '_, '_> {
    pub fn each(
        &mut self,
        asked: &Asked<'a>,
        mut check: impl FnMut(&mut Self, &'a Field) -> Result<(), LocateError>,
    ) -> Result<(), LocateError> {
        asked.fields.iter().try_for_each(|(_, field)| check(self, field))
    }

    pub fn object(
        &mut self,
        sets: Sets<'a>,
        shape: impl FnMut(&mut Self, &Asked<'a>) -> Result<Shape, LocateError>,
    ) -> Result<Shape, LocateError> {
        self.members(sets, shape).map(Shape::Object)
    }

    /// One member of the answer for each name.
    pub fn members(
        &mut self,
        sets: Sets<'a>,
        mut shape: impl FnMut(&mut Self, &Asked<'a>) -> Result<Shape, LocateError>,
    ) -> Result<Members, LocateError> {
        let mut members = Members::new();
        for asked in self.flattened(sets)? {
            let shape = match asked.name {
                TYPE_NAME => asked.leaf(Shape::Plain)?,
                _ => shape(self, &asked)?,
            };
            members.insert(asked.key.to_owned(), shape);
        }
        Ok(members)
    }

    pub fn names(&mut self, sets: Sets<'a>) -> Result<BTreeSet<&'a str>, LocateError> {
        Ok(self.flattened(sets)?.into_iter().map(|asked| asked.name).collect())
    }

    /// The fields of selection sets, fragments written out, by their names in the answer.
    pub fn flattened(&mut self, sets: Sets<'a>) -> Result<Vec<Asked<'a>>, LocateError> {
        let mut all = Vec::new();
        for (object, set) in sets {
            self.write_out(set, object.as_ref(), &mut all)?;
        }
        let mut groups: Vec<Asked<'a>> = Vec::new();
        let mut places: HashMap<&'a str, usize> = HashMap::new();
        for (object, field) in all {
            let place = *places.entry(field.key()).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(known) if known.name == field.name => known.fields.push((object, field)),
                Some(_) => return Err(refuse(field.at, "has the name of another field")),
                None => groups.push(Asked {
                    key: field.key(),
                    name: &field.name,
                    fields: vec![(object, field)],
                }),
            }
        }
        Ok(groups)
    }

    fn write_out(
        &mut self,
        set: &'a [Selection],
        object: Option<&ObjectName>,
        all: &mut Vec<(Option<ObjectName>, &'a Field)>,
    ) -> Result<(), LocateError> {
        for selection in set {
            self.found.fields += 1;
            if self.found.fields > MAX_FIELDS {
                return Err(LocateError::TooLarge { place: "the GraphQL document" });
            }
            self.directives(selection)?;
            match &selection.kind {
                SelectionKind::Field(field) => all.push((object.cloned(), field)),
                SelectionKind::Inline { on, selections } => {
                    let own = on.as_deref().and_then(stated_object);
                    self.write_out(selections, own.as_ref().or(object), all)?;
                }
                SelectionKind::Spread(name) => {
                    // INVARIANT: the document was checked, so it has the fragment.
                    let Some(fragment) = self.document.fragments.get(name) else { continue };
                    let own = stated_object(&fragment.on);
                    self.write_out(&fragment.selections, own.as_ref().or(object), all)?;
                }
            }
        }
        Ok(())
    }

    fn directives(&mut self, selection: &'a Selection) -> Result<(), LocateError> {
        for directive in &selection.directives {
            let arguments = self.scope.arguments(&directive.arguments)?;
            let is_known = match (directive.name.as_str(), arguments.as_slice()) {
                ("optional", []) => true,
                ("include" | "skip", [only]) => only.name == "if",
                _ => false,
            };
            if !is_known {
                return Err(refuse(directive.at, "is a directive that is not known"));
            }
            for value in arguments.iter().flat_map(|argument| &argument.values) {
                self.found.setting(*value, value.kind() == Kind::Flag)?;
            }
        }
        Ok(())
    }
}

/// The object that a type condition tells; none for what all records are, and for the
/// types of mutations, which have their object's name in theirs.
fn stated_object(condition: &str) -> Option<ObjectName> {
    let tells = condition != "Record" && !condition.ends_with("Representation");
    tells.then(|| schema::object_name(condition))
}

pub(super) fn without_arguments(field: &Field) -> Result<(), LocateError> {
    match field.arguments.first() {
        None => Ok(()),
        Some(other) => Err(refuse(other.name_span.start, "is an argument that is not known")),
    }
}

fn refuse(at: usize, problem: &str) -> LocateError {
    unparseable("the GraphQL document", format!("what stands at byte {at} {problem}"))
}
