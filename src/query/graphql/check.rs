// SPDX-License-Identifier: Apache-2.0
//! What holds of a document whatever the schema says: section 5, "Validation".

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Argument, Directive, Document, Operation, Selection, SelectionKind, SyntaxError, Value,
    ValueKind,
};
use crate::query::tokens::MAX_TOKENS;

/// Selections inside one another, once fragments are written out.
const MAX_DEPTH: usize = 64;

pub(super) fn check(document: &Document) -> Result<(), SyntaxError> {
    let operations = &document.operations;
    let is_lone = operations.len() == 1;
    if let Some(nameless) = operations.iter().find(|it| it.name.is_none() && !is_lone) {
        return Err(SyntaxError::Twice(nameless.at));
    }
    once(operations.iter().filter_map(|it| Some((it.name.as_deref()?, it.at))))?;
    let (mut used, mut looked_at) = (BTreeSet::new(), 0);
    for operation in operations {
        let mut checked = Checked {
            document,
            operation,
            looked_at,
            used: BTreeSet::new(),
            done: BTreeMap::new(),
        };
        for default in operation.variables.values().filter_map(|it| it.default.as_ref()) {
            checked.value(default)?;
        }
        checked.selections(&operation.selections, 0)?;
        let is_used = |name: &str| checked.used.contains(name);
        if let Some((_, unused)) = operation.variables.iter().find(|(name, _)| !is_used(name)) {
            return Err(SyntaxError::Unused(unused.at));
        }
        looked_at = checked.looked_at;
        used.extend(checked.done.into_keys());
    }
    match document.fragments.iter().find(|(name, _)| !used.contains(name.as_str())) {
        Some((_, unused)) => Err(SyntaxError::Unused(unused.at)),
        None => Ok(()),
    }
}

/// One operation, and what it reaches.
struct Checked<'d> {
    document: &'d Document,
    operation: &'d Operation,
    /// Selections and values, those of operations before it included: each looks at the
    /// fragments that it reaches.
    looked_at: usize,
    /// Variables.
    used: BTreeSet<&'d str>,
    /// Fragments, and how deep they are once all of them has been looked at.
    done: BTreeMap<&'d str, Option<usize>>,
}

impl<'d> Checked<'d> {
    fn look(&mut self) -> Result<(), SyntaxError> {
        self.looked_at += 1;
        if self.looked_at > MAX_TOKENS { Err(SyntaxError::TooLong) } else { Ok(()) }
    }

    /// How many selections are inside one another here, at this depth.
    fn selections(&mut self, all: &'d [Selection], depth: usize) -> Result<usize, SyntaxError> {
        let mut height = 0;
        for selection in all {
            self.look()?;
            if depth == MAX_DEPTH {
                return Err(SyntaxError::TooDeep(selection.at));
            }
            self.directives(&selection.directives)?;
            let inner = match &selection.kind {
                SelectionKind::Field(field) => {
                    self.arguments(&field.arguments)?;
                    self.selections(&field.selections, depth + 1)?
                }
                SelectionKind::Inline { selections, .. } => {
                    self.selections(selections, depth + 1)?
                }
                SelectionKind::Spread(name) => self.fragment(name, selection.at, depth + 1)?,
            };
            height = height.max(inner + 1);
        }
        Ok(height)
    }

    fn fragment(&mut self, name: &'d str, at: usize, depth: usize) -> Result<usize, SyntaxError> {
        match self.done.get(name) {
            Some(Some(height)) if depth + height > MAX_DEPTH => Err(SyntaxError::TooDeep(at)),
            Some(Some(height)) => Ok(*height),
            Some(None) => Err(SyntaxError::Cycle(at)),
            None => {
                let fragment =
                    self.document.fragments.get(name).ok_or(SyntaxError::Undefined(at))?;
                self.done.insert(name, None);
                let height = self.selections(&fragment.selections, depth)?;
                self.done.insert(name, Some(height));
                Ok(height)
            }
        }
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
        self.look()?;
        match &value.kind {
            ValueKind::Variable(name) if self.operation.variables.contains_key(name) => {
                self.used.insert(name);
                Ok(())
            }
            ValueKind::Variable(_) => Err(SyntaxError::Undefined(value.span.start)),
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
