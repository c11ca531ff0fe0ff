// SPDX-License-Identifier: Apache-2.0

use http::Method;
use smol_str::SmolStr;

use crate::base::ObjectName;
use crate::carrier::url::{Parameter, Target};
use crate::crm::LocateError;
use crate::crm::message::{is_opaque, is_time, method_not_allowed, shown, unparseable};

use super::answer::Content;
use super::part;
use super::schema::{is_id, is_name, object_of_path};

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    List,
    Create,
    Read,
    Update,
    Delete,
    Merge,
    Changelog,
    ListPart,
    CreatePart,
    UpdatePart,
    DeletePart,
    Search,
    SearchItems,
    SearchField,
    FindUsers,
    /// Who has logged in.
    ReadSelf,
    Recents,
    ReadFields,
    OAuthToken,
    OAuthRevoke,
}

impl Verb {
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "record.list",
            Self::Create => "record.create",
            Self::Read => "record.read",
            Self::Update => "record.update",
            Self::Delete => "record.delete",
            Self::Merge => "record.merge",
            Self::Changelog => "record.changelog",
            Self::ListPart => "part.list",
            Self::CreatePart => "part.create",
            Self::UpdatePart => "part.update",
            Self::DeletePart => "part.delete",
            Self::Search => "record.search",
            Self::SearchItems => "item.search",
            Self::SearchField => "item.search_field",
            Self::FindUsers => "user.find",
            Self::ReadSelf => "user.read_self",
            Self::Recents => "item.recents",
            Self::ReadFields => "field.read",
            Self::OAuthToken => "oauth.token",
            Self::OAuthRevoke => "oauth.revoke",
        }
    }

    /// What an answer without an error holds.
    pub fn answered(self) -> Content {
        match self {
            Self::OAuthToken => Content::Login,
            Self::OAuthRevoke | Self::ReadFields => Content::Other,
            Self::Create | Self::Update => Content::Written(&[0]),
            Self::Merge => Content::Written(&[0, 1]),
            _ => Content::Records,
        }
    }

    pub fn is_about_records(self) -> bool {
        matches!(self.answered(), Content::Records | Content::Written(_)) && self != Self::ReadSelf
    }

    /// Whether it takes parameters of this form.
    fn takes(self, form: Form) -> bool {
        match form {
            Form::Term => matches!(
                self,
                Self::Search | Self::SearchItems | Self::SearchField | Self::FindUsers
            ),
            Form::Letter | Form::Order => matches!(self, Self::List | Self::ListPart),
            Form::Flag | Form::Ids | Form::Names | Form::Time | Form::Opaque => true,
        }
    }
}

/// A classified request.
#[derive(Debug)]
pub(super) struct Call {
    pub verb: Verb,
    /// The object whose records the request is about; none where items of several
    /// kinds are, or none at all.
    pub object: Option<ObjectName>,
    /// The one record that the path names; of another object than the request is about
    /// where it is about a part of that record.
    pub named: Option<(ObjectName, SmolStr)>,
}

/// # Errors
/// [`LocateError::UnknownOperation`], [`LocateError::MethodNotAllowed`], or
/// [`LocateError::Unparseable`] for a parameter that is not known.
pub(super) fn classify(method: &Method, target: &Target) -> Result<Call, LocateError> {
    let path = target.path();
    let get = |verb| choose(method, &[(Method::GET, verb)]);
    let post = |verb| choose(method, &[(Method::POST, verb)]);
    let (verb, object) = match path.as_slice() {
        ["oauth", "token"] => (post(Verb::OAuthToken)?, None),
        ["oauth", "revoke"] => (post(Verb::OAuthRevoke)?, None),
        ["api", "v1" | "v2", resource @ ..] | ["v1", resource @ ..] => match resource {
            ["itemSearch"] => (get(Verb::SearchItems)?, None),
            ["itemSearch", "field"] => (get(Verb::SearchField)?, None),
            ["recents"] => (get(Verb::Recents)?, None),
            [fields] if is_fields(fields) => (get(Verb::ReadFields)?, None),
            [fields, key] if is_fields(fields) && is_name(key) => (get(Verb::ReadFields)?, None),
            ["deals", "products" | "installments"] => {
                let object =
                    if resource.ends_with(&["products"]) { "product" } else { "installment" };
                (get(Verb::ListPart)?, Some(ObjectName::new(format!("deal_{object}"))))
            }
            [records, rest @ ..] => {
                let object = object_of_path(records).ok_or(LocateError::UnknownOperation)?;
                if let Some((verb, part)) = part::classify(method, &object, rest)? {
                    check_parameters(verb, target)?;
                    let named = rest.first().map(|id| (object, SmolStr::new(id)));
                    return Ok(Call { verb, object: Some(part), named });
                }
                (verb_of(method, object.as_str(), rest)?, Some(object))
            }
            [] => return Err(LocateError::UnknownOperation),
        },
        _ => return Err(LocateError::UnknownOperation),
    };
    check_parameters(verb, target)?;
    let id = match path.as_slice() {
        [.., kind, id]
            if matches!(verb, Verb::Read | Verb::Update | Verb::Delete)
                && *kind != "comments"
                && is_id(id) =>
        {
            Some(SmolStr::new(id))
        }
        [.., id, "merge" | "changelog"] if is_id(id) => Some(SmolStr::new(id)),
        _ => None,
    };
    Ok(Call { verb, named: object.clone().zip(id), object })
}

/// What follows `/v1/persons`.
fn verb_of(method: &Method, object: &str, rest: &[&str]) -> Result<Verb, LocateError> {
    let list = (Method::GET, Verb::List);
    let create = (Method::POST, Verb::Create);
    let delete = (Method::DELETE, Verb::Delete);
    let read = (Method::GET, Verb::Read);
    let record =
        [read.clone(), (Method::PUT, Verb::Update), (Method::PATCH, Verb::Update), delete.clone()];
    match (object, rest) {
        // Users log in by their address: they are invited in Pipedrive itself.
        ("user" | "currency" | "lead_source", []) | ("lead" | "deal", ["archived"]) => {
            choose(method, &[list])
        }
        ("user", ["find"]) => choose(method, &[(Method::GET, Verb::FindUsers)]),
        ("user", ["me"]) => choose(method, &[(Method::GET, Verb::ReadSelf)]),
        ("user", [id]) if is_id(id) => choose(method, &[read]),
        // The contents of files are not read here.
        ("file", []) => choose(method, &[list]),
        ("file", [id]) if is_id(id) => choose(method, &[read, delete]),
        ("webhook", []) => choose(method, &[list, create]),
        ("webhook", [id]) if is_id(id) => choose(method, &[delete]),
        ("user" | "currency" | "lead_source" | "file" | "webhook", _) => {
            Err(LocateError::UnknownOperation)
        }
        (_, []) => choose(method, &[list, create, delete]),
        ("person" | "organization" | "deal" | "lead" | "product", ["search"]) => {
            choose(method, &[(Method::GET, Verb::Search)])
        }
        (_, [id]) if is_id(id) => choose(method, &record),
        ("person" | "organization" | "deal", [id, "merge"]) if is_id(id) => {
            choose(method, &[(Method::PUT, Verb::Merge)])
        }
        ("person" | "organization" | "deal", [id, "changelog"]) if is_id(id) => {
            choose(method, &[(Method::GET, Verb::Changelog)])
        }
        ("note", [id, "comments"]) if is_id(id) => choose(method, &[list, create]),
        ("note", [id, "comments", comment]) if is_id(id) && is_id(comment) => {
            choose(method, &record)
        }
        _ => Err(LocateError::UnknownOperation),
    }
}

/// `personFields`: what fields there are.
fn is_fields(segment: &str) -> bool {
    let object = segment.strip_suffix("Fields");
    object.is_some_and(|object| object_of_path(&format!("{object}s")).is_some())
        || segment == "activityFields"
}

fn choose(method: &Method, verbs: &[(Method, Verb)]) -> Result<Verb, LocateError> {
    let found = verbs.iter().find(|(expected, _)| expected == method);
    found.map(|(_, verb)| *verb).ok_or_else(|| method_not_allowed(method))
}

/// What a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Flag,
    /// Ids or numbers with commas between them.
    Ids,
    /// Names of fields, items or states with commas between them.
    Names,
    Time,
    /// A cursor or a credential.
    Opaque,
    /// `name ASC, add_time DESC`
    Order,
    /// The first letter of a name.
    Letter,
    /// What is searched for.
    Term,
}

const PARAMETERS: &[(&str, Form)] = &[
    ("api_token", Form::Opaque),
    ("cursor", Form::Opaque),
    ("start", Form::Ids),
    ("limit", Form::Ids),
    ("ids", Form::Ids),
    ("filter_id", Form::Ids),
    ("owner_id", Form::Ids),
    ("user_id", Form::Ids),
    ("person_id", Form::Ids),
    ("org_id", Form::Ids),
    ("organization_id", Form::Ids),
    ("deal_id", Form::Ids),
    ("deal_ids", Form::Ids),
    ("product_id", Form::Ids),
    ("lead_id", Form::Ids),
    ("project_id", Form::Ids),
    ("task_id", Form::Ids),
    ("pipeline_id", Form::Ids),
    ("stage_id", Form::Ids),
    ("updated_since", Form::Time),
    ("updated_until", Form::Time),
    ("since_timestamp", Form::Time),
    ("start_date", Form::Time),
    ("end_date", Form::Time),
    ("include_fields", Form::Names),
    ("custom_fields", Form::Names),
    ("fields", Form::Names),
    ("item_types", Form::Names),
    ("items", Form::Names),
    ("entity_type", Form::Names),
    ("field_type", Form::Names),
    ("field", Form::Names),
    ("field_key", Form::Names),
    ("match", Form::Names),
    ("sort_by", Form::Names),
    ("sort_direction", Form::Names),
    ("status", Form::Names),
    ("archived_status", Form::Names),
    ("type", Form::Names),
    ("exact_match", Form::Flag),
    ("search_for_related_items", Form::Flag),
    ("search_by_email", Form::Flag),
    ("return_item_ids", Form::Flag),
    ("include_option_labels", Form::Flag),
    ("include_labels", Form::Flag),
    ("owned_by_you", Form::Flag),
    ("everyone", Form::Flag),
    ("all_changes", Form::Flag),
    ("include_deleted_files", Form::Flag),
    ("done", Form::Flag),
    ("pinned_to_lead_flag", Form::Flag),
    ("pinned_to_deal_flag", Form::Flag),
    ("pinned_to_organization_flag", Form::Flag),
    ("pinned_to_person_flag", Form::Flag),
    ("pinned_to_project_flag", Form::Flag),
    ("pinned_to_task_flag", Form::Flag),
    ("sort", Form::Order),
    ("first_char", Form::Letter),
    ("term", Form::Term),
];

/// Everything that passes in the query is looked at: nothing is located in it, but
/// for what is searched for.
fn check_parameters(verb: Verb, target: &Target) -> Result<(), LocateError> {
    for (index, parameter) in target.query.iter().enumerate() {
        let name = parameter.name.as_str();
        let form = PARAMETERS.iter().find(|(known, _)| *known == name).map(|(_, form)| *form);
        let problem = match form.filter(|form| verb.takes(*form)) {
            None => "this operation does not take it",
            Some(_) if target.query.iter().take(index).any(|earlier| earlier.name == name) => {
                "it is given twice"
            }
            Some(form) if !is_acceptable(form, parameter) => {
                "it has a form that Pipedrive does not use"
            }
            Some(_) => continue,
        };
        return Err(unparseable(format!("parameter `{}`", shown(name)), problem));
    }
    Ok(())
}

fn is_acceptable(form: Form, parameter: &Parameter) -> bool {
    let text = parameter.value.decoded.as_str();
    let all = |is_fine: fn(&str) -> bool| text.split(',').all(|item| is_fine(item.trim()));
    match form {
        Form::Flag => flag(text).is_some(),
        Form::Ids => all(is_id),
        Form::Names => all(is_name),
        Form::Time => is_time(text),
        Form::Opaque => is_opaque(text),
        Form::Order => all(is_order),
        Form::Letter => text.chars().count() == 1,
        Form::Term => true,
    }
}

/// A boolean as v1 and v2 write it.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// `name ASC`
fn is_order(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [field] => is_name(field),
        [field, direction] => {
            is_name(field) && ["asc", "desc"].contains(&direction.to_ascii_lowercase().as_str())
        }
        _ => false,
    }
}
