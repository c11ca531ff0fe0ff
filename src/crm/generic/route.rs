// SPDX-License-Identifier: Apache-2.0

use std::collections::{HashMap, HashSet};

use http::Method;

use crate::base::{FieldName, ObjectName, OperationName};
use crate::carrier::Role;

use super::jsonpath::{Path, PathError};

/// One operation of an API, as configuration describes it.
#[derive(Clone, Debug)]
pub struct RouteSpec {
    pub name: OperationName,
    /// A route for `GET` also serves `HEAD`.
    pub method: Method,
    /// `/api/v1/contacts/{id}`: a variable takes the place of one whole segment.
    pub path: String,
    /// The object that members without a selector belong to: they become fields
    /// under their names (`address.city`), so that the policy decides about them.
    /// Without it they pass.
    pub object: Option<ObjectName>,
    /// The variables of `path` that hold the key of a record. The others pass.
    pub variables: Vec<(String, FieldRef)>,
    /// Every query parameter that callers may send.
    pub parameters: Vec<(String, Parameter)>,
    /// `None`: a body is refused.
    pub request: Option<RequestBody>,
    pub response: Vec<Selector>,
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRef {
    pub object: ObjectName,
    pub field: FieldName,
}

/// What a query parameter holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// Nothing personal.
    Pass,
    /// A value that is compared with this field.
    Compares(FieldRef),
    /// A value that is written to this field.
    Stores(FieldRef),
}

/// Where values stand in the body of a request.
#[derive(Clone, Debug)]
pub struct RequestBody {
    pub syntax: BodySyntax,
    /// Values that are written to fields.
    pub stores: Vec<Selector>,
    /// Values that are compared with fields.
    pub compares: Vec<Selector>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodySyntax {
    Json,
    /// `application/x-www-form-urlencoded`; a selector is `$.name` there.
    Form,
}

/// A field and the RFC 9535 JSONPath of the places where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    pub path: String,
    pub field: FieldRef,
}

/// A route that cannot be used: which one, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("route `{route}`: {problem}")]
pub struct GenericError {
    /// The place of the route in the list.
    pub index: usize,
    pub route: OperationName,
    pub problem: RouteProblem,
}

/// Why a route cannot be used. Each names the text in the configuration that is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteProblem {
    #[error("path `{path}` {problem}")]
    Template { path: String, problem: &'static str },
    #[error("`{{{variable}}}` is not in the path")]
    UnknownVariable { variable: String },
    #[error("parameter `{parameter}` is listed twice")]
    DuplicateParameter { parameter: String },
    #[error("selector `{path}` is listed twice")]
    DuplicateSelector { path: String },
    #[error("selector `{path}`: {problem}")]
    Selector { path: String, problem: PathError },
    #[error("selector `{path}` does not name one parameter of the form, as `$.name` does")]
    FormSelector { path: String },
    #[error("it has the method and path of route `{other}`")]
    Duplicate { other: OperationName },
    #[error("some requests match its path and that of route `{other}`, and neither is narrower")]
    Ambiguous { other: OperationName },
}

/// A route that is ready for use.
#[derive(Debug)]
pub(super) struct Route {
    pub name: OperationName,
    pub method: Method,
    pub template: Vec<Segment>,
    pub object: Option<ObjectName>,
    pub parameters: HashMap<String, Parameter>,
    pub request: Option<(BodySyntax, Vec<FieldSelector>)>,
    pub response: Vec<FieldSelector>,
}

#[derive(Debug)]
pub(super) enum Segment {
    Literal(String),
    Variable(Option<FieldRef>),
}

#[derive(Debug)]
pub(super) struct FieldSelector {
    pub path: Path,
    pub field: FieldRef,
    pub role: Role,
}

impl Route {
    /// # Errors
    /// Everything that is wrong with the route.
    pub fn compile(spec: RouteSpec) -> Result<Self, Vec<RouteProblem>> {
        let mut problems = Vec::new();
        let template = compile_template(&spec.path, spec.variables, &mut problems);
        let mut parameters = HashMap::new();
        for (parameter, holds) in spec.parameters {
            if parameters.insert(parameter.clone(), holds).is_some() {
                problems.push(RouteProblem::DuplicateParameter { parameter });
            }
        }
        let request = spec.request.map(|body| {
            let stores = body.stores.into_iter().map(|selector| (selector, Role::Stored));
            let compares = body.compares.into_iter().map(|selector| (selector, Role::Equality));
            let selectors = compile_selectors(stores.chain(compares), &mut problems);
            if body.syntax == BodySyntax::Form {
                let deep =
                    selectors.iter().filter(|selector| selector.path.single_name().is_none());
                problems.extend(deep.map(|selector| RouteProblem::FormSelector {
                    path: selector.path.to_string(),
                }));
            }
            (body.syntax, selectors)
        });
        let response = spec.response.into_iter().map(|selector| (selector, Role::Stored));
        let response = compile_selectors(response, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let (name, method, object) = (spec.name, spec.method, spec.object);
        Ok(Self { name, method, template, object, parameters, request, response })
    }

    pub fn matches(&self, segments: &[&str]) -> bool {
        self.template.len() == segments.len()
            && self.template.iter().zip(segments).all(|(expected, segment)| match expected {
                Segment::Literal(literal) => literal == segment,
                Segment::Variable(_) => !segment.is_empty(),
            })
    }

    pub fn answers(&self, method: &Method) -> bool {
        self.method == method || (self.method == Method::GET && method == Method::HEAD)
    }

    /// How many segments are fixed: of two routes that match one path, the
    /// narrower has more.
    pub fn literals(&self) -> usize {
        self.template.iter().filter(|segment| matches!(segment, Segment::Literal(_))).count()
    }

    /// Why the two cannot stand side by side, if they cannot.
    pub fn conflict(&self, other: &Self) -> Option<RouteProblem> {
        let pairs = || self.template.iter().zip(&other.template);
        let overlap = self.template.len() == other.template.len()
            && pairs().all(|pair| match pair {
                (Segment::Literal(ours), Segment::Literal(theirs)) => ours == theirs,
                _ => true,
            });
        let mut wider = false;
        let mut narrower = false;
        for pair in pairs() {
            wider |= matches!(pair, (Segment::Variable(_), Segment::Literal(_)));
            narrower |= matches!(pair, (Segment::Literal(_), Segment::Variable(_)));
        }
        match (wider, narrower) {
            _ if !overlap => None,
            (true, true) => Some(RouteProblem::Ambiguous { other: other.name.clone() }),
            (false, false) if self.method == other.method => {
                Some(RouteProblem::Duplicate { other: other.name.clone() })
            }
            _ => None,
        }
    }
}

fn compile_template(
    path: &str,
    variables: Vec<(String, FieldRef)>,
    problems: &mut Vec<RouteProblem>,
) -> Vec<Segment> {
    let mut refuse = |problem| {
        problems.push(RouteProblem::Template { path: path.to_owned(), problem });
    };
    let mut fields: HashMap<String, FieldRef> = variables.into_iter().collect();
    let mut names = HashSet::new();
    let mut template = Vec::new();
    if path.contains(['?', '#']) {
        refuse("has more than a path; query parameters are listed by name");
    }
    let Some(segments) = path.strip_prefix('/') else {
        refuse("does not begin with a slash");
        return template;
    };
    for segment in segments.split('/') {
        let variable = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match variable {
            Some(name) => {
                if !names.insert(name) {
                    refuse("has the same variable twice");
                }
                template.push(Segment::Variable(fields.remove(name)));
            }
            None => template.push(Segment::Literal(segment.to_owned())),
        }
        if variable.unwrap_or(segment).contains(['{', '}']) {
            refuse("has braces that do not enclose a whole segment");
        }
    }
    let unknown = fields.into_keys().map(|variable| RouteProblem::UnknownVariable { variable });
    problems.extend(unknown);
    template
}

fn compile_selectors(
    listed: impl Iterator<Item = (Selector, Role)>,
    problems: &mut Vec<RouteProblem>,
) -> Vec<FieldSelector> {
    let mut compiled: Vec<FieldSelector> = Vec::new();
    for (Selector { path: text, field }, role) in listed {
        match Path::compile(&text) {
            Err(problem) => problems.push(RouteProblem::Selector { path: text, problem }),
            Ok(path) if compiled.iter().any(|earlier| earlier.path.is_same(&path)) => {
                problems.push(RouteProblem::DuplicateSelector { path: text });
            }
            Ok(path) => compiled.push(FieldSelector { path, field, role }),
        }
    }
    compiled
}
