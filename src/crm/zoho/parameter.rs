// SPDX-License-Identifier: Apache-2.0
//! What stands in a query, or in the `params` of a part of a composite request.

use std::collections::HashSet;
use std::ops::Range;

use crate::carrier::json::{Kind, Node};
use crate::carrier::url::Target;
use crate::carrier::{Codec, DecodedText};
use crate::crm::LocateError;
use crate::crm::message::{is_opaque, is_time, shown, unparseable};

use super::operation::Verb;
use super::schema::{is_id, is_name};

/// A parameter and where its value stands.
#[derive(Debug)]
pub(super) struct Parameter {
    pub name: String,
    pub text: DecodedText,
    pub codec: Codec,
    /// Delimiters included.
    pub span: Range<usize>,
    /// Without delimiters.
    pub inner: Range<usize>,
}

impl Parameter {
    pub fn value(&self) -> &str {
        self.text.as_str()
    }
}

pub(super) fn of_query(target: &Target) -> Vec<Parameter> {
    let parameters = target.query.iter().map(|parameter| Parameter {
        name: parameter.name.clone(),
        text: parameter.value.decoded.clone(),
        codec: Codec::Percent,
        span: parameter.value.span.clone(),
        inner: parameter.value.span.clone(),
    });
    parameters.collect()
}

/// `{"fields":"Last_Name,Email","page":1}`
///
/// # Errors
/// [`LocateError`] for a value that is neither text nor number nor flag.
pub(super) fn of_params(params: Node<'_>) -> Result<Vec<Parameter>, LocateError> {
    let parameters = params.members().map(|member| {
        let value = member.value;
        let (text, inner) = match value.kind() {
            Kind::String => (value.decoded(), value.inner_span()),
            Kind::Number | Kind::True | Kind::False => {
                (Some(DecodedText::verbatim(value.raw().to_owned())), value.span())
            }
            Kind::Object | Kind::Array | Kind::Null => (None, value.span()),
        };
        let name = member.key.into_owned();
        let text = text.ok_or_else(|| {
            unparseable(format!("parameter `{}`", shown(&name)), "it is not one text")
        })?;
        Ok(Parameter { name, text, codec: Codec::Json, span: value.span(), inner })
    });
    parameters.collect()
}

pub(super) fn find<'p>(parameters: &'p [Parameter], name: &str) -> Option<&'p Parameter> {
    parameters.iter().find(|parameter| parameter.name == name)
}

/// What a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A name, or several with commas between them.
    Names,
    /// Ids or numbers with commas between them.
    Ids,
    Time,
    Opaque,
    /// What is searched for.
    Search,
    /// A credential of OAuth, or what belongs to it.
    Login,
}

const PARAMETERS: [(&str, Form); 44] = [
    ("approval_state", Form::Names),
    ("approved", Form::Names),
    ("client_id", Form::Login),
    ("client_secret", Form::Login),
    ("code", Form::Login),
    ("component", Form::Names),
    ("converted", Form::Names),
    ("criteria", Form::Search),
    ("cvid", Form::Ids),
    ("data_type", Form::Names),
    ("email", Form::Search),
    ("endDateTime", Form::Time),
    ("feature_name", Form::Names),
    ("fields", Form::Names),
    ("grant_type", Form::Login),
    ("ids", Form::Ids),
    ("include", Form::Names),
    ("include_child", Form::Names),
    ("include_inner_details", Form::Names),
    ("include_timeline_type", Form::Names),
    ("layout_id", Form::Ids),
    ("module", Form::Names),
    ("page", Form::Ids),
    ("page_token", Form::Opaque),
    ("per_page", Form::Ids),
    ("phone", Form::Search),
    ("redirect_uri", Form::Login),
    ("refresh_token", Form::Login),
    ("scope", Form::Login),
    ("soid", Form::Login),
    ("sort_by", Form::Names),
    ("sort_order", Form::Names),
    ("startDateTime", Form::Time),
    ("state", Form::Names),
    ("status", Form::Names),
    ("territory_id", Form::Ids),
    ("token", Form::Login),
    ("trigger", Form::Names),
    ("type", Form::Names),
    ("uid", Form::Ids),
    ("view_type", Form::Names),
    ("wf_trigger", Form::Names),
    ("word", Form::Search),
    ("access_type", Form::Login),
];

/// Everything that passes is looked at: nothing is located in it, but for what is
/// searched for.
///
/// # Errors
/// [`LocateError`] for a parameter that is not known here.
pub(super) fn check<'p>(
    verb: Verb,
    parameters: impl Iterator<Item = &'p Parameter>,
) -> Result<(), LocateError> {
    let takes = |form| match form {
        Form::Search => matches!(verb, Verb::Search | Verb::Count),
        Form::Login => matches!(verb, Verb::OAuthToken | Verb::OAuthRevoke),
        _ => !matches!(verb, Verb::OAuthToken | Verb::OAuthRevoke | Verb::Query | Verb::Composite),
    };
    let mut seen = HashSet::new();
    for parameter in parameters {
        let name = parameter.name.as_str();
        let form = PARAMETERS.iter().find(|(known, _)| *known == name).map(|(_, form)| *form);
        let problem = match form.filter(|form| takes(*form)) {
            None => "this operation does not take it",
            Some(_) if !seen.insert(name) => "it is given twice",
            Some(form) if !is_acceptable(form, parameter.value()) => {
                "it has a form that Zoho does not use"
            }
            Some(_) => continue,
        };
        return Err(unparseable(format!("parameter `{}`", shown(name)), problem));
    }
    Ok(())
}

fn is_acceptable(form: Form, value: &str) -> bool {
    let all = |is_one: fn(&str) -> bool| {
        value.is_empty() || value.split(',').all(|part| is_one(part.trim_matches(' ')))
    };
    match form {
        Form::Names => all(is_name),
        Form::Ids => all(is_id),
        Form::Time => is_time(value),
        Form::Opaque => is_opaque(value),
        Form::Login => value.split([',', ' ']).all(is_opaque),
        Form::Search => true,
    }
}
