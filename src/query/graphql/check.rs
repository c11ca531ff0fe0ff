// SPDX-License-Identifier: Apache-2.0
//! What holds of a document whatever the schema says: section 5, "Validation".

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Argument, Directive, Document, Operation, Selection, SelectionKind, SyntaxError, Value,
    ValueKind, Variable,
};

/// Fragments inside one another.
const MAX_DEPTH: usize = 32;

pub(super) fn check(document: &Document) -> Result<(), SyntaxError> {
    let operations = &document.operations;
    let is_lone = operations.len() == 1;
    if let Some(nameless) = operations.iter().find(|it| it.name.is_none() && !is_lone) {
        return Err(SyntaxError::Twice(nameless.at));
    }
    once(operations.iter().filter_map(|it| Some((it.name.as_deref()?, it.at))))?;
    once(document.fragments.iter().map(|it| (it.name.as_str(), it.at)))?;
    let mut used = BTreeSet::new();
    for operation in operations {
        let mut checked =
            Checked { document, operation, used: BTreeSet::new(), done: BTreeMap::new() };
        once(operation.variables.iter().map(|it| (it.name.as_str(), it.at)))?;
        for default in operation.variables.iter().filter_map(|it| it.default.as_ref()) {
            checked.value(default)?;
        }
        checked.selections(&operation.selections, 0)?;
        let is_used = |variable: &&Variable| checked.used.contains(variable.name.as_str());
        if let Some(unused) = operation.variables.iter().find(|it| !is_used(it)) {
            return Err(SyntaxError::Unused(unused.at));
        }
        used.extend(checked.done.into_keys());
    }
    match document.fragments.iter().find(|fragment| !used.contains(fragment.name.as_str())) {
        Some(unused) => Err(SyntaxError::Unused(unused.at)),
        None => Ok(()),
    }
}

/// One operation, and what it reaches.
struct Checked<'d> {
    document: &'d Document,
    operation: &'d Operation,
    /// Variables.
    used: BTreeSet<&'d str>,
    /// Fragments, and whether all of them has been looked at.
    done: BTreeMap<&'d str, bool>,
}

impl<'d> Checked<'d> {
    fn selections(&mut self, all: &'d [Selection], depth: usize) -> Result<(), SyntaxError> {
        for selection in all {
            self.directives(&selection.directives)?;
            match &selection.kind {
                SelectionKind::Field(field) => {
                    self.arguments(&field.arguments)?;
                    self.selections(&field.selections, depth)?;
                }
                SelectionKind::Inline { selections, .. } => self.selections(selections, depth)?,
                SelectionKind::Spread(name) => self.fragment(name, selection.at, depth)?,
            }
        }
        Ok(())
    }

    fn fragment(&mut self, name: &'d str, at: usize, depth: usize) -> Result<(), SyntaxError> {
        match self.done.get(name) {
            Some(true) => return Ok(()),
            Some(false) => return Err(SyntaxError::Cycle(at)),
            None if depth == MAX_DEPTH => return Err(SyntaxError::TooDeep(at)),
            None => {}
        }
        let fragment = self.document.fragment(name).ok_or(SyntaxError::Undefined(at))?;
        self.done.insert(name, false);
        self.selections(&fragment.selections, depth + 1)?;
        self.done.insert(name, true);
        Ok(())
    }

    fn directives(&mut self, directives: &'d [Directive]) -> Result<(), SyntaxError> {
        once(directives.iter().map(|it| (it.name.as_str(), it.at)))?;
        directives.iter().try_for_each(|directive| self.arguments(&directive.arguments))
    }

    fn arguments(&mut self, arguments: &'d [Argument]) -> Result<(), SyntaxError> {
        once(arguments.iter().map(|it| (it.name.as_str(), it.name_span.start)))?;
        arguments.iter().try_for_each(|argument| self.value(&argument.value))
    }

    fn value(&mut self, value: &'d Value) -> Result<(), SyntaxError> {
        match &value.kind {
            ValueKind::Variable(name) => {
                let is_defined = self.operation.variables.iter().any(|it| it.name == *name);
                self.used.insert(name);
                if is_defined { Ok(()) } else { Err(SyntaxError::Undefined(value.span.start)) }
            }
            ValueKind::List(values) => values.iter().try_for_each(|value| self.value(value)),
            ValueKind::Object(members) => self.arguments(members),
            _ => Ok(()),
        }
    }
}

/// # Errors
/// [`SyntaxError::Twice`] for a name that was given before.
fn once<'d>(names: impl Iterator<Item = (&'d str, usize)>) -> Result<(), SyntaxError> {
    let mut known = BTreeSet::new();
    for (name, at) in names {
        if !known.insert(name) {
            return Err(SyntaxError::Twice(at));
        }
    }
    Ok(())
}
