// SPDX-License-Identifier: Apache-2.0
//! Binds query options to tables and columns.

use std::collections::{HashMap, HashSet};

use super::fetch::{self, Columns};
use super::link::{Towards, reference};
use super::operation::{Call, Options, is_metadata_literal};
use super::path::{canonical_id, is_id};
use super::schema;
use crate::base::{FieldName, ObjectName};
use crate::carrier::url::{Parameter, Target};
use crate::carrier::{Codec, Occurrence, Role, Slot, Value, Widening};
use crate::crm::message::{shown, unparseable};
use crate::crm::{FieldUse, LocateError, Origins, RecordName};
use crate::query::odata::{self, Clause, Found, Literal, Operand, Path};

/// What a query compares and uses.
#[derive(Default)]
pub(super) struct Bound {
    /// Places in the target.
    pub slots: Vec<Slot>,
    pub uses: Vec<FieldUse>,
    /// The records that are asked for by their ids.
    pub names: Vec<RecordName>,
    /// Whether others are found than those that are compared with.
    pub finds_others: bool,
    /// Whether `$id` names a record, whose number follows that of the request's.
    pub refers: bool,
    /// What the columns of the answer are, where the query says it.
    pub columns: Option<Columns>,
}

/// What a parameter alias stands for.
struct Alias {
    name: String,
    /// `None` where its value is compared with nothing.
    compared: Option<(ObjectName, FieldName, Role, u32)>,
}

/// `first` is the number of the first record of the request.
///
/// # Errors
/// [`LocateError::Unparseable`] when an option is not known or not understood, or a value
/// or a use in it cannot be bound to a table beyond doubt.
pub(super) fn bind(
    call: &Call,
    target: &Target,
    origins: &Origins,
    first: u32,
) -> Result<Bound, LocateError> {
    let mut binder = Binder { call, target, bound: Bound::default(), aliases: Vec::new() };
    for (record, (object, key)) in (first..).zip(&call.keys) {
        binder.aliases.extend(key.aliases.iter().map(|(name, field)| Alias {
            name: name.clone(),
            compared: Some((object.clone(), field.clone(), Role::Key, record)),
        }));
    }
    let mut names = HashSet::new();
    for parameter in &target.query {
        if !names.insert(parameter.name.as_str()) {
            return Err(refuse(parameter, "it is given twice"));
        }
        if !parameter.name.starts_with('@') {
            binder.option(parameter, origins)?;
        }
    }
    binder.aliases()?;
    Ok(binder.bound)
}

struct Binder<'c> {
    call: &'c Call,
    target: &'c Target,
    bound: Bound,
    aliases: Vec<Alias>,
}

impl Binder<'_> {
    fn option(&mut self, parameter: &Parameter, origins: &Origins) -> Result<(), LocateError> {
        let value = parameter.value.decoded.as_str();
        let is_list = matches!(self.call.options, Options::OfList | Options::OfMetadata);
        let is_record = is_list || self.call.options == Options::OfRecord;
        let is_fine = match parameter.name.as_str() {
            "$select" if is_record => return self.clause(Clause::Select, parameter),
            "$expand" if is_record => return self.clause(Clause::Expand, parameter),
            "$filter" if is_list => return self.clause(Clause::Filter, parameter),
            "$orderby" if is_list => return self.clause(Clause::OrderBy, parameter),
            "$apply" if is_list => return self.clause(Clause::Apply, parameter),
            "$count" if is_list => matches!(value, "true" | "false"),
            "$top" | "LabelLanguages" if is_list => is_number(value),
            "fetchXml" if self.call.options == Options::OfList => {
                return self.fetch(parameter);
            }
            "$skiptoken" if self.call.options == Options::OfList => {
                return self.skip_token(parameter);
            }
            "$deltatoken" if is_list => is_token(value),
            "$id" if self.call.options == Options::OfReference => {
                let record = self.call.record + 1;
                let named = reference(value, origins, Towards::Upstream, record)?;
                let piece = &parameter.value;
                let decoded = piece.decoded.clone();
                let slot = Slot::nested(piece.span.clone(), Codec::Percent, decoded, named.slots);
                self.bound.slots.push(slot);
                self.bound.refers = true;
                self.bound.uses.extend(named.key.into_iter().flat_map(|key| key.uses));
                true
            }
            _ => return Err(refuse(parameter, "this operation does not take it")),
        };
        if is_fine { Ok(()) } else { Err(refuse(parameter, "it has a form that is not known")) }
    }

    /// FetchXML, which has everything that other options say.
    fn fetch(&mut self, parameter: &Parameter) -> Result<(), LocateError> {
        if self.target.query.len() > 1 {
            return Err(refuse(parameter, "it stands beside other options"));
        }
        let object = self.call.object.as_ref().ok_or(LocateError::UnknownOperation)?;
        let columns = fetch::bind(parameter, object, self.call.record, &mut self.bound)?;
        self.bound.columns = Some(columns);
        Ok(())
    }

    /// `<cookie pagenumber="2" pagingcookie="%3Ccookie…" istracking="False" />`
    fn skip_token(&mut self, parameter: &Parameter) -> Result<(), LocateError> {
        let object = self.call.object.as_ref().ok_or(LocateError::UnknownOperation)?;
        let text = parameter.value.decoded.as_str();
        let uses = fetch::cookie_uses(text, object, None)
            .ok_or_else(|| refuse(parameter, "it is no paging cookie that can be read"))?;
        self.bound.uses.extend(uses);
        Ok(())
    }

    fn clause(&mut self, clause: Clause, parameter: &Parameter) -> Result<(), LocateError> {
        let text = parameter.value.decoded.as_str();
        let alias = |name: &str| {
            let parameter = self.target.parameter(&format!("@{name}"))?;
            Some(parameter.value.decoded.as_str().to_owned())
        };
        let found = odata::parse(clause, text, &alias)
            .map_err(|error| refuse(parameter, &error.to_string()))?;
        if self.call.options == Options::OfMetadata {
            return self.names_only(parameter, found);
        }
        self.bound.finds_others |= found.finds_others;
        for name in found.computed {
            let object = self.call.object.as_ref();
            let taken = object.and_then(|object| fetch::alias_use(object, &name, None));
            self.bound.uses.extend(taken);
            self.bound.columns.get_or_insert_default().compute(name);
        }
        let mut slots = Vec::new();
        for comparison in found.comparisons {
            let (object, field) = self.resolve(&comparison.field, parameter)?;
            let literal = match comparison.with {
                Operand::Alias(name) => {
                    let compared = Some((object, field, Role::Equality, self.call.record));
                    self.aliases.push(Alias { name, compared });
                    continue;
                }
                Operand::Literal { literal, .. } if is_id(&literal, &field) => {
                    let name = named(&object, &field, &literal.value, self.call.record);
                    self.bound.names.extend(name);
                    continue;
                }
                Operand::Literal { literal, widening } => (literal, widening),
            };
            let (literal, widening) = literal;
            let uses = uses_of_comparison(&object, &field, &comparison.role, &literal.value);
            self.bound.uses.extend(uses);
            let place = (object, field, comparison.role, self.call.record);
            slots.push(place_of(literal, widening, place));
        }
        for odata::FieldUse { field, operator } in found.uses {
            let (object, field) = self.resolve(&field, parameter)?;
            self.bound.uses.extend(schema::uses_of_parts(&object, &field, operator));
            self.bound.uses.push(FieldUse { object, field, operator });
        }
        self.aliases.extend(found.passed.into_iter().map(|name| Alias { name, compared: None }));
        if !slots.is_empty() {
            let piece = &parameter.value;
            let decoded = piece.decoded.clone();
            let slot = Slot::nested(piece.span.clone(), Codec::Percent, decoded, slots);
            self.bound.slots.push(slot);
        }
        Ok(())
    }

    /// Of what is about no records, nothing is bound.
    fn names_only(&mut self, parameter: &Parameter, found: Found) -> Result<(), LocateError> {
        for comparison in found.comparisons {
            if comparison.role != Role::Equality {
                return Err(refuse(parameter, "it compares with what may be no name"));
            }
            match comparison.with {
                Operand::Alias(name) => self.aliases.push(Alias { name, compared: None }),
                Operand::Literal { literal, .. } if is_metadata_literal(&literal.value) => {}
                Operand::Literal { .. } => {
                    return Err(refuse(parameter, "it compares with what is no name"));
                }
            }
        }
        self.aliases.extend(found.passed.into_iter().map(|name| Alias { name, compared: None }));
        // What they are compared with is not told.
        let is_plain = |operator| matches!(operator, "$orderby" | FieldUse::PRESENCE);
        if !found.uses.iter().all(|found| is_plain(found.operator)) {
            return Err(refuse(parameter, "it compares with what may be no name"));
        }
        Ok(())
    }

    /// The table and the column that a path leads to.
    fn resolve(
        &self,
        path: &Path,
        parameter: &Parameter,
    ) -> Result<(ObjectName, FieldName), LocateError> {
        let (relationships, column) = path.split();
        let start = self.call.object.clone();
        let object = relationships.iter().try_fold(start, |object, name| {
            object.map(|object| schema::navigation(&object, name).map(|led| led.object))
        });
        let object = object.flatten().ok_or_else(|| {
            let problem = format!(
                "the name at byte {} belongs to a table that is not known to be behind it",
                path.at
            );
            refuse(parameter, &problem)
        })?;
        Ok((object, schema::field_name(column)))
    }

    /// The values of parameter aliases, each compared with one column.
    fn aliases(&mut self) -> Result<(), LocateError> {
        let mut by_name: HashMap<&str, Vec<&Alias>> = HashMap::new();
        for alias in &self.aliases {
            by_name.entry(&alias.name).or_default().push(alias);
        }
        for parameter in &self.target.query {
            let Some(name) = parameter.name.strip_prefix('@') else { continue };
            let uses = by_name.get(name).map(Vec::as_slice).unwrap_or_default();
            // Where nothing is bound, an alias is used in the path, and its name leaves.
            let is_metadata = self.call.options == Options::OfMetadata;
            if uses.is_empty() && !(is_metadata && schema::is_name(name)) {
                return Err(refuse(parameter, "no option uses it"));
            }
            let text = parameter.value.decoded.as_str();
            let operands =
                odata::literals(text).map_err(|error| refuse(parameter, &error.to_string()))?;
            let mut compared = uses.iter().filter_map(|alias| alias.compared.as_ref());
            let Some((object, field, role, record)) = compared.next() else {
                self.passes(parameter, &operands)?;
                continue;
            };
            if compared.any(|(of, other, again, _)| (of, other, again) != (object, field, role)) {
                return Err(refuse(parameter, "it is compared with several columns"));
            }
            let mut slots = Vec::new();
            for operand in operands {
                let Operand::Literal { literal, widening } = operand else { continue };
                if is_id(&literal, field) {
                    self.bound.names.extend(named(object, field, &literal.value, *record));
                    continue;
                }
                if *role == Role::Key && *field == schema::primary_key(object) {
                    return Err(refuse(parameter, "it has not the form of an id"));
                }
                if *role == Role::Equality {
                    let uses = uses_of_comparison(object, field, role, &literal.value);
                    self.bound.uses.extend(uses);
                }
                let place = (object.clone(), field.clone(), role.clone(), *record);
                slots.push(place_of(literal, widening, place));
            }
            let piece = &parameter.value;
            let decoded = piece.decoded.clone();
            let slot = Slot::nested(piece.span.clone(), Codec::Percent, decoded, slots);
            self.bound.slots.push(slot);
        }
        Ok(())
    }

    /// What is compared with nothing: of metadata, only names pass.
    fn passes(&self, parameter: &Parameter, operands: &[Operand]) -> Result<(), LocateError> {
        let is_metadata = self.call.options == Options::OfMetadata;
        let is_fine = |operand: &Operand| match operand {
            Operand::Literal { literal, .. } => !is_metadata || is_metadata_literal(&literal.value),
            Operand::Alias(_) => false,
        };
        if operands.iter().all(is_fine) { Ok(()) } else { Err(refuse(parameter, "it is no name")) }
    }
}

/// A value and the column, with its record, that it is compared with.
pub(super) fn place_of(
    Literal { span, value, codec }: Literal,
    widening: Option<Widening>,
    (object, field, role, record): (ObjectName, FieldName, Role, u32),
) -> Slot {
    let slot = Slot::value(span, codec, Occurrence { object, field, record, role, value });
    match widening {
        Some(widening) => slot.widening(widening),
        None => slot,
    }
}

/// The record that a comparison with an id asks for.
pub(super) fn named(
    object: &ObjectName,
    field: &FieldName,
    id: &Value,
    record: u32,
) -> Option<RecordName> {
    let id = canonical_id(id).filter(|_| *field == schema::primary_key(object))?;
    Some(RecordName { record, object: object.clone(), id })
}

/// What a comparison for equality asks beyond that: of the parts of a composed column,
/// and of a text with wildcards, which Dataverse takes `%` and `[` for. It takes `_` for
/// one as well, but addresses have it, and nobody means that by it there: it stands for
/// itself.
pub(super) fn uses_of_comparison(
    object: &ObjectName,
    field: &FieldName,
    role: &Role,
    value: &Value,
) -> Vec<FieldUse> {
    let operator = match role {
        Role::Pattern { operator, .. } => operator,
        _ => "comparing with a composed column",
    };
    let mut uses: Vec<FieldUse> = schema::uses_of_parts(object, field, operator).collect();
    let is_pattern = matches!(role, Role::Pattern { .. });
    if !is_pattern && matches!(value, Value::Text(text) if text.expose().contains(['%', '['])) {
        let (object, field) = (object.clone(), field.clone());
        uses.push(FieldUse { object, field, operator: "a wildcard" });
    }
    uses
}

fn is_number(text: &str) -> bool {
    (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `919042!08/22/2026 08:10:44`
fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_digit() || b"!/:. -AMP".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

fn refuse(parameter: &Parameter, problem: &str) -> LocateError {
    let name = parameter.name.as_str();
    let (sign, rest) = match name.strip_prefix('@') {
        Some(rest) => ("@", rest),
        None => ("", name),
    };
    unparseable(format!("parameter `{sign}{}`", shown(rest)), problem)
}
