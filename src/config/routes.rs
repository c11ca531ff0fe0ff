// SPDX-License-Identifier: Apache-2.0
//! `routes` of an upstream with the dialect `generic` → [`GenericDialect`].

use http::Method;

use crate::base::{FieldName, ObjectName, OperationName};
use crate::crm::generic::{
    BodySyntax, FieldRef, GenericDialect, Parameter, RequestBody, RouteProblem, RouteSpec, Selector,
};

use super::diagnostic::Code;
use super::document::{Section, is_name};
use super::item::Item;

const METHODS: &[Method] = &[Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

pub fn compile(routes: &Item<'_>) -> Option<GenericDialect> {
    let written: Vec<_> =
        routes.section()?.entries().map(|(key, item)| (route(key, &item), item)).collect();
    let mut specs = Vec::new();
    let mut places = Vec::new();
    for (spec, item) in written {
        let (spec, within) = spec?;
        specs.push(spec);
        places.push((item, within));
    }
    if specs.is_empty() {
        routes.refuse(
            "there is no route, so every request would be refused",
            "for example `GET /people/{id}: { … }`",
        );
        return None;
    }
    let errors = match GenericDialect::new(specs) {
        Ok(dialect) => return Some(dialect),
        Err(errors) => errors,
    };
    for error in errors {
        if let Some((item, within)) = places.get(error.index) {
            let at = at_fault(&error.problem)
                .and_then(|text| within.iter().find(|(written, _)| written == text))
                .map_or(item, |(_, item)| item);
            at.report(at.problem(Code::InvalidValue, error.problem.to_string()));
        }
    }
    None
}

/// The text of the route that a problem is about.
fn at_fault(problem: &RouteProblem) -> Option<&str> {
    match problem {
        RouteProblem::UnknownVariable { variable: text }
        | RouteProblem::DuplicateParameter { parameter: text }
        | RouteProblem::DuplicateSelector { path: text }
        | RouteProblem::Selector { path: text, .. }
        | RouteProblem::FormSelector { path: text } => Some(text),
        RouteProblem::Template { .. }
        | RouteProblem::Duplicate { .. }
        | RouteProblem::Ambiguous { .. } => None,
    }
}

/// Texts of a route, and where each is written.
type Places<'d> = Vec<(String, Item<'d>)>;

/// One route: `POST /people: { request: …, response: … }`.
fn route<'d>(key: &str, item: &Item<'d>) -> Option<(RouteSpec, Places<'d>)> {
    let target = method_and_path(key);
    if target.is_none() {
        let words: Vec<&str> = METHODS.iter().map(Method::as_str).collect();
        let right =
            format!("a method ({}) and a path, such as `GET /people/{{id}}`", words.join(", "));
        item.report(
            item.key_problem(Code::InvalidValue, "a route starts with a method and a path")
                .help(right),
        );
    }
    let section = item.section()?;
    let name = section.optional_or("name", key, |name| name.chosen_name());
    let object = section.optional_or("object", None, |object| {
        object.chosen_name().map(|name| Some(ObjectName::new(name)))
    });
    let mut places = Places::new();
    let variables =
        section.optional_or("path", Vec::new(), |item| variables_of(&item.section()?, &mut places));
    let parameters = section
        .optional_or("parameters", Vec::new(), |item| parameters_of(&item.section()?, &mut places));
    let has_body = ["request", "compare"].iter().any(|key| section.optional(key).is_some());
    let mut selectors =
        |key| section.optional_or(key, Vec::new(), |item| selectors(&item.section()?, &mut places));
    let (stores, compares, response) =
        (selectors("request"), selectors("compare"), selectors("response"));
    let syntax = section.optional_or("body", BodySyntax::Json, |syntax| {
        syntax.choice(&[("json", BodySyntax::Json), ("form", BodySyntax::Form)])
    });
    section.finish_with(&["headers", "xml"]);

    let body = RequestBody { syntax: syntax?, stores: stores?, compares: compares? };
    let (method, path) = target?;
    let spec = RouteSpec {
        name: OperationName::new(name?),
        method,
        path: path.to_owned(),
        object: object?,
        variables: variables?,
        parameters: parameters?,
        request: has_body.then_some(body),
        response: response?,
    };
    Some((spec, places))
}

fn method_and_path(key: &str) -> Option<(Method, &str)> {
    let (word, path) = key.split_once(' ')?;
    let method = METHODS.iter().find(|method| method.as_str() == word)?;
    path.starts_with('/').then(|| (method.clone(), path))
}

/// `path: { email: person.email }`
fn variables_of<'d>(
    section: &Section<'d>,
    places: &mut Places<'d>,
) -> Option<Vec<(String, FieldRef)>> {
    let read = section.entries().map(|(name, item)| {
        places.push((name.to_owned(), item.clone()));
        Some((name.to_owned(), field(&item)?))
    });
    read.collect::<Vec<_>>().into_iter().collect()
}

/// `parameters: { email: person.email, page: pass, note: { stores: person.notes } }`
fn parameters_of<'d>(
    section: &Section<'d>,
    places: &mut Places<'d>,
) -> Option<Vec<(String, Parameter)>> {
    let read = section.entries().map(|(name, item)| {
        places.push((name.to_owned(), item.clone()));
        let parameter = if item.is_mapping() {
            let section = item.section()?;
            let stores = section.required("stores").and_then(|item| field(&item));
            section.finish();
            Parameter::Stores(stores?)
        } else if item.text()? == "pass" {
            Parameter::Pass
        } else {
            Parameter::Compares(field(&item)?)
        };
        Some((name.to_owned(), parameter))
    });
    read.collect::<Vec<_>>().into_iter().collect()
}

/// `{ person: { email: $.email, phone: [$.phone, $.mobile] } }`
fn selectors<'d>(section: &Section<'d>, places: &mut Places<'d>) -> Option<Vec<Selector>> {
    let mut selectors = Some(Vec::new());
    for (object, item) in section.named() {
        let Some(fields) = item.section() else {
            selectors = None;
            continue;
        };
        for (field, item) in fields.named() {
            let paths = if item.is_list() { item.list()? } else { vec![item] };
            for item in paths {
                match (item.text(), &mut selectors) {
                    (Some(path), Some(selectors)) => {
                        places.push((path.to_owned(), item.clone()));
                        let (object, field) =
                            (ObjectName::new(object.text), FieldName::new(field.text));
                        selectors.push(Selector {
                            path: path.to_owned(),
                            field: FieldRef { object, field },
                        });
                    }
                    _ => selectors = None,
                }
            }
        }
    }
    selectors
}

/// `person.email`
fn field(item: &Item<'_>) -> Option<FieldRef> {
    let named =
        item.text()?.split_once('.').filter(|(object, field)| is_name(object) && is_name(field));
    if named.is_none() {
        item.refuse(
            format!("`{}` is not a field", item.name),
            "a field is an object and a field of it, such as `person.email`",
        );
    }
    named.map(|(object, field)| FieldRef {
        object: ObjectName::new(object),
        field: FieldName::new(field),
    })
}
