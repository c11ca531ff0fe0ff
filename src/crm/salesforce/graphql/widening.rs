// SPDX-License-Identifier: Apache-2.0
//! How a compared value becomes several: its operator one for lists, and the type of its
//! variable a list.

use std::ops::Range;

use super::binding::Binding;
use super::input::{Home, Input};
use crate::carrier::Widening;

/// How a compared value may become several.
pub(super) enum Form<'k> {
    /// It stands in a list.
    Element,
    /// Its place becomes a list.
    List,
    /// Its operator becomes another one, whose name stands here.
    Operator(&'k Range<usize>, ListOperator),
    /// It does not.
    Single,
}

/// The operator that takes a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ListOperator {
    In,
    NotIn,
}

impl ListOperator {
    pub fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::NotIn => "nin",
        }
    }

    fn written(self, home: Home) -> &'static str {
        match (self, home) {
            (Self::In, Home::Query) => "in",
            (Self::In, Home::Body) => "\"in\"",
            (Self::NotIn, Home::Query) => "nin",
            (Self::NotIn, Home::Body) => "\"nin\"",
        }
    }
}

impl Binding<'_> {
    pub(super) fn widening(&self, input: Input<'_>, form: &Form<'_>) -> Option<Widening> {
        let (name, operator) = match (form, input.variable) {
            (Form::Element, None) => return Some(Widening::Elements),
            (Form::List, None) => return Some(Widening::List(Vec::new())),
            (Form::Operator(name, operator), _) => (*name, *operator),
            _ => return None,
        };
        let Some(variable) = input.variable else {
            let edit = (name.clone(), operator.written(input.home()));
            return Some(Widening::List(vec![edit]));
        };
        // A default and a value would both want to change the type.
        if variable.is_list || (variable.default.is_some() && input.home() == Home::Body) {
            return None;
        }
        let written = &variable.type_span;
        let edits = [
            (name.clone(), operator.written(Home::Query)),
            (written.start..written.start, "["),
            (written.end..written.end, "]"),
        ];
        let edits = edits.into_iter().map(|(span, text)| match input.home() {
            Home::Query => (span, text),
            Home::Body => (self.in_the_body(&span), text),
        });
        Some(Widening::List(edits.collect()))
    }

    /// Where a range of the document stands in the body.
    fn in_the_body(&self, span: &Range<usize>) -> Range<usize> {
        let origin = self.text.origin_of(span);
        self.start + origin.start..self.start + origin.end
    }
}
