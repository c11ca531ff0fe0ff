// SPDX-License-Identifier: Apache-2.0
//! `POST /crm/bulk/v8/write`: what becomes of a file.

use std::borrow::Cow;

use smol_str::{SmolStr, format_smolstr};

use crate::base::{FieldName, ObjectName};
use crate::carrier::json::{Kind, Node};
use crate::carrier::zip::MAX_ENTRIES;
use crate::crm::LocateError;
use crate::crm::message::{shown, unparseable};
use crate::crm::zoho::record::{Records, scalar};
use crate::crm::zoho::schema::{
    self, duplicate_check, field_name, is_id, is_name, object_name, title_of,
};
use crate::crm::zoho::value::{Place, use_of, uses_of_parts};

/// What is said to be remembered of a file: by which name.
pub(super) fn about_file(id: &str) -> SmolStr {
    format_smolstr!("file {id}")
}

/// The file that a job is for, if it is one.
pub(super) fn file_of(root: Node<'_>) -> Option<SmolStr> {
    let mut ids = root.get("resource")?.elements().map(|it| it.get("file_id").map(scalar));
    let first = ids.next()??;
    let is_only = ids.all(|id| id.as_ref() == Some(&first));
    (is_only && is_id(&first)).then(|| about_file(&first))
}

/// `said` is what the file said of itself. The module of the job.
///
/// # Errors
/// [`LocateError`] for a job that takes a column for another field than its header names,
/// or for a file of which nothing is known.
pub(super) fn locate(
    root: Node<'_>,
    said: Option<&str>,
    records: &mut Records,
) -> Result<ObjectName, LocateError> {
    let mut finds = None;
    for (name, value) in members(root)? {
        match name.as_ref() {
            "operation" => match scalar(value).as_ref() {
                "insert" => {}
                "update" | "upsert" => finds = Some(root),
                _ => return Err(refuse("operation")),
            },
            "character_encoding" if is_utf8(value) => {}
            "ignore_empty" if is_flag(value) => {}
            "callback" => check_callback(value)?,
            // Each is a file of the archive, and what that said is looked through.
            "resource" if value.elements().count() > MAX_ENTRIES => {
                return Err(LocateError::TooLarge { place: "member `resource`" });
            }
            "resource" if value.kind() == Kind::Array => {}
            other => return Err(refuse(other)),
        }
    }
    let said = said.filter(|said| !said.is_empty()).ok_or_else(|| {
        let problem = "what the file holds is not known; upload it anew, through this proxy";
        unparseable("member `file_id`", problem)
    })?;
    if file_of(root).is_none() {
        return Err(unparseable("member `file_id`", "it does not name one file"));
    }
    let mut first = None;
    for resource in root.get("resource").into_iter().flat_map(|all| all.elements()) {
        let object = module(resource)?;
        let columns = columns_of(said, &object)?;
        let mut job = Resource { object: &object, columns, records: &mut *records };
        job.read(resource, finds.is_some())?;
        first.get_or_insert(object);
    }
    first.ok_or_else(|| refuse("resource"))
}

/// What the files of the archive say of the module.
fn columns_of<'s>(said: &'s str, object: &ObjectName) -> Result<Vec<&'s str>, LocateError> {
    let files = said.lines().filter_map(|file| file.split_once(':'));
    let file = files.into_iter().find(|(module, _)| *module == object.as_str());
    let (_, columns) = file.ok_or_else(|| {
        unparseable("member `module`", "no file of the archive is named after it")
    })?;
    Ok(columns.split(',').collect())
}

/// A file and the module that its records are of.
struct Resource<'r> {
    object: &'r ObjectName,
    columns: Vec<&'r str>,
    records: &'r mut Records,
}

impl Resource<'_> {
    fn read(&mut self, resource: Node<'_>, finds: bool) -> Result<(), LocateError> {
        for (name, value) in members(resource)? {
            match name.as_ref() {
                "type" if scalar(value) == "data" => {}
                "module" | "file_id" | "find_by" => {}
                "file_names" => self.file_names(value)?,
                "ignore_empty" if is_flag(value) => {}
                "field_mappings" if value.kind() == Kind::Array => {
                    value.elements().try_for_each(|mapping| self.mapping(mapping))?;
                }
                other => return Err(refuse(other)),
            }
        }
        let key = resource.get("find_by").map(scalar).filter(|key| !key.is_empty());
        let key = match key {
            Some(key) if is_name(&key) => field_name(&key),
            Some(_) => return Err(refuse("find_by")),
            None => duplicate_check(self.object),
        };
        if finds && key.as_str() != "id" {
            self.use_of(&key, FIND_BY);
        }
        Ok(())
    }

    /// The upload did not say what records are found by.
    fn use_of(&mut self, field: &FieldName, operator: &'static str) {
        let place = Place { object: self.object.clone(), field: field.clone(), record: 0 };
        self.records.uses.push(use_of(&place, operator));
        self.records.uses.extend(uses_of_parts(&place, operator));
    }

    /// The files of a module are those that are named after it.
    fn file_names(&self, names: Node<'_>) -> Result<(), LocateError> {
        let is_own = |name: Node<'_>| {
            let text = scalar(name).to_ascii_lowercase();
            text.strip_suffix(".csv") == Some(self.object.as_str())
        };
        if names.kind() == Kind::Array && names.elements().all(is_own) {
            return Ok(());
        }
        Err(unparseable("member `file_names`", "it names a file that is not of this module"))
    }

    /// `{"api_name":"Email","index":1,"default_value":{"value":"a@b.de"}}`
    fn mapping(&mut self, mapping: Node<'_>) -> Result<(), LocateError> {
        let name = mapping.get("api_name").map(scalar).unwrap_or_default().to_ascii_lowercase();
        if !is_name(&name) || name.contains('.') {
            return Err(refuse("api_name"));
        }
        for (member, value) in members(mapping)? {
            match member.as_ref() {
                "api_name" => {}
                "index" | "parent_column_index" => {
                    let column = scalar(value).parse::<usize>().ok();
                    let column = column.and_then(|index| self.columns.get(index));
                    let is_own = member == "index";
                    if column.is_none_or(|column| is_own && *column != name) {
                        let problem = "a column is bound to another field than its header names";
                        return Err(unparseable("member `field_mappings`", problem));
                    }
                }
                "format" if is_format(&scalar(value)) => {}
                "module" if is_name(&scalar(value)) => {}
                "find_by" => self.check_lookup(&name, &scalar(value))?,
                "default_value" => self.default_value(&name, value)?,
                other => return Err(refuse(other)),
            }
        }
        if mapping.get("index").is_none() && mapping.get("default_value").is_none() {
            return Err(refuse("field_mappings"));
        }
        Ok(())
    }

    /// A lookup is found by its id, or by what the upload has taken its text for.
    fn check_lookup(&self, name: &str, by: &str) -> Result<(), LocateError> {
        let by = by.to_ascii_lowercase();
        let target = schema::lookup(self.object, name);
        if by == "id" || target.is_some_and(|target| title_of(&target) == by) {
            return Ok(());
        }
        let problem = "it is neither `id` nor what the records of a known module are called by";
        Err(unparseable("member `find_by`", problem))
    }

    /// What rows have that say nothing: `{"value":…}`, of a lookup `{"name":…,"module":…,
    /// "value":"55"}`.
    fn default_value(&mut self, name: &str, value: Node<'_>) -> Result<(), LocateError> {
        let number = self.records.next_record();
        for (member, value) in members(value)? {
            match member.as_ref() {
                "value" | "name" => {
                    self.records.member(name, value, self.object, number, None)?;
                }
                "module" if is_name(&scalar(value)) => {}
                other => return Err(refuse(other)),
            }
        }
        Ok(())
    }
}

const FIND_BY: &str = "finding records by `find_by`, which the upload did not say,";

/// The module of a job: `"Leads"` or `{"api_name":"Leads"}`.
pub(super) fn module(node: Node<'_>) -> Result<ObjectName, LocateError> {
    let stated = node.get("module").ok_or_else(|| refuse("module"))?;
    let name = scalar(stated.get("api_name").unwrap_or(stated));
    let is_alone = stated.kind() != Kind::Object
        || stated.members().all(|it| matches!(it.key.as_ref(), "api_name" | "id"))
            && stated.members().all(|it| is_name(&scalar(it.value)));
    if is_alone && is_name(&name) { Ok(object_name(&name)) } else { Err(refuse("module")) }
}

/// Where Zoho tells that a job is done: an address that holds nothing else.
pub(super) fn check_callback(callback: Node<'_>) -> Result<(), LocateError> {
    let is_address = |url: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte);
        url.starts_with("https://") && url.bytes().all(is_part)
    };
    for (name, value) in members(callback)? {
        match name.as_ref() {
            "url" if is_address(&scalar(value)) => {}
            "method" if scalar(value) == "post" => {}
            _ => {
                let problem = "it is not `post` to an address without a query";
                return Err(unparseable("member `callback`", problem));
            }
        }
    }
    Ok(())
}

/// The members of an object that are not null.
pub(super) fn members(node: Node<'_>) -> Result<Vec<(Cow<'_, str>, Node<'_>)>, LocateError> {
    if node.kind() != Kind::Object {
        return Err(unparseable("the body", "it is not an object where one is expected"));
    }
    let given = node.members().filter(|member| member.value.kind() != Kind::Null);
    Ok(given.map(|member| (member.key, member.value)).collect())
}

pub(super) fn refuse(name: &str) -> LocateError {
    let place = format!("member `{}` of the body", shown(name));
    unparseable(place, "this operation does not take it")
}

fn is_flag(node: Node<'_>) -> bool {
    matches!(node.kind(), Kind::True | Kind::False)
}

fn is_utf8(node: Node<'_>) -> bool {
    matches!(scalar(node).to_ascii_lowercase().as_str(), "utf-8" | "utf8")
}

/// Of a date: `yyyy-MM-dd'T'HH:mm:ss`.
fn is_format(text: &str) -> bool {
    let is_part = |byte: u8| b"GyYMdDEHhkKmsSaAzZXT-/.:' ,".contains(&byte);
    (1..=40).contains(&text.len()) && text.bytes().all(is_part)
}
