// SPDX-License-Identifier: Apache-2.0
//! Imports: `multipart/form-data` with CSV files, and with a JSON part `importRequest`
//! that says which property each of their columns holds.
//!
//! A column that nothing maps is refused: HubSpot would leave it out, but it would have
//! got there. So are spreadsheets, files without a header row, and columns of a property
//! that name another record than their own. Names of files pass, the name of the import
//! is a field.
//!
//! Source: HubSpot, "CRM API | Imports".

use std::ops::Range;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::base::{FieldName, ObjectName};
use crate::carrier::csv::{Cell, Csv, Delimiter, LineEnding, MAX_CELLS};
use crate::carrier::json::{Kind, Node};
use crate::carrier::multipart::{self, MultipartError, Part};
use crate::carrier::{Codec, Occurrence, Role, Slot, Value};
use crate::crm::message::{parse_json, unparseable};
use crate::crm::{LocateError, RequestView};

use super::form::{Disposition, check_headers};
use super::request::{Body, Found, list, members, property_name, scalar};
use super::schema::{RECORD_ID, canonical_object, is_name, is_record_id, is_type_id, listed};
use super::{association, email_headers};

const IMPORT: &str = "import";
const ORDER: &str = "importRequest";

/// A file of the form: its name, and where it stands in the body.
struct File<'t> {
    name: &'t str,
    span: Range<usize>,
}

/// What a column holds.
struct Column {
    name: String,
    object: ObjectName,
    content: Content,
}

enum Content {
    Property {
        field: FieldName,
        is_key: bool,
    },
    /// The id of a record.
    Id,
    /// The id of a record of another file, which the row's own goes with.
    Reference,
}

/// Finds everything in the form.
///
/// # Errors
/// [`LocateError`] for a part or a column of which it is not known what it holds.
pub(super) fn locate(request: &RequestView<'_>, found: &mut Found) -> Result<(), LocateError> {
    let boundary = boundary(request.headers)?;
    let text = std::str::from_utf8(request.body)
        .map_err(|_| unparseable("the body", "it is not valid UTF-8"))?;
    let parts = multipart::parts(text, 0..text.len(), boundary).map_err(of_form)?;
    let mut order = None;
    let mut files = Vec::new();
    for part in &parts {
        match disposition(text, part)? {
            Disposition { name: ORDER, file: None } if order.is_none() => {
                order = Some(part.body.clone());
            }
            Disposition { name: "files", file: Some(name) } => {
                files.push(File { name, span: part.body.clone() });
            }
            _ => return Err(unparseable("the form", "it has a part that an import has not")),
        }
    }
    let order = order.ok_or_else(|| unparseable("the form", "it has no `importRequest`"))?;
    let json = request.body.slice(order.clone());
    let json = parse_json("`importRequest`", &json)?;
    let mut import = Import { text, found, records: 0, cells: 0 };
    let mut described = import.order(json.root(), order.start)?;
    for file in &files {
        let at = described.iter().position(|(name, _)| name == file.name);
        let at = at.ok_or_else(|| refuse_files("one is not described by `importRequest`"))?;
        let (_, columns) = described.swap_remove(at);
        import.file(file, &columns)?;
    }
    if described.is_empty() {
        Ok(())
    } else {
        Err(refuse_files("one that is described is missing"))
    }
}

fn boundary(headers: &HeaderMap) -> Result<&str, LocateError> {
    let mut fields = headers.get_all(CONTENT_TYPE).iter();
    let only = fields.next().filter(|_| fields.next().is_none());
    let named = only.and_then(|field| field.to_str().ok());
    named.and_then(|field| multipart::boundary_of(field, "multipart/form-data")).ok_or(
        LocateError::UnsupportedMediaType { place: "the body", expected: "multipart/form-data" },
    )
}

fn of_form(error: MultipartError) -> LocateError {
    unparseable("the form", error.to_string())
}

fn disposition<'t>(text: &'t str, part: &Part) -> Result<Disposition<'t>, LocateError> {
    let header = part.header(text, "content-disposition").map_err(of_form)?;
    let is_known = check_headers(text, &part.headers);
    header
        .and_then(Disposition::parse)
        .filter(|_| is_known)
        .ok_or_else(|| unparseable("the form", "it has a part with headers that are not read here"))
}

struct Import<'a> {
    text: &'a str,
    found: &'a mut Found,
    records: u32,
    /// Of all files so far.
    cells: usize,
}

impl Import<'_> {
    /// What each file holds, by its name. `offset` is where the order stands.
    fn order(
        &mut self,
        root: Node<'_>,
        offset: usize,
    ) -> Result<Vec<(String, Vec<Column>)>, LocateError> {
        const KNOWN: [&str; 7] = [
            "name",
            "importOperations",
            "dateFormat",
            "timeZone",
            "marketableContactImport",
            "createContactListFromImport",
            "files",
        ];
        let mut files = Vec::new();
        for (name, value) in members(root, &KNOWN)? {
            match name.as_ref() {
                "name" => self.name(value, offset),
                "files" => {
                    for file in list(Some(value), "files")? {
                        files.push(described(file)?);
                    }
                }
                _ => check_choice(value)?,
            }
        }
        Ok(files)
    }

    /// What the import is called, and a list of contacts that is made of it.
    fn name(&mut self, node: Node<'_>, offset: usize) {
        let occurrence = Occurrence {
            object: ObjectName::from_static(IMPORT),
            field: FieldName::from_static("name"),
            record: 0,
            role: Role::Stored,
            value: node.value(),
        };
        let span = node.span();
        let span = span.start + offset..span.end + offset;
        self.found.slots.push(Slot::value(span, Codec::Json, occurrence));
    }

    fn file(&mut self, file: &File<'_>, columns: &[Column]) -> Result<(), LocateError> {
        let text = self.text.get(file.span.clone()).unwrap_or_default();
        let csv = Csv::parse(text.as_bytes(), Delimiter::Comma, LineEnding::Either)
            .map_err(|error| unparseable("a file of the import", error.to_string()))?;
        let columns = bound(&csv, columns)?;
        let mut objects: Vec<&ObjectName> = columns.iter().map(|column| &column.object).collect();
        objects.sort_unstable();
        objects.dedup();
        for column in &columns {
            if let Content::Property { field, .. } = &column.content {
                let mut body = Body { object: &column.object, found: self.found };
                body.use_sources(field, "writing what is composed of it");
            }
        }
        for row in csv.rows() {
            self.cells += row.len();
            if self.cells > MAX_CELLS {
                return Err(LocateError::TooLarge { place: "the import" });
            }
            for (column, cell) in columns.iter().zip(&row) {
                let at = objects.binary_search(&&column.object).unwrap_or_default();
                let record = self.records.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
                self.cell(column, cell, file.span.start, record)?;
            }
            let told = u32::try_from(objects.len()).unwrap_or(u32::MAX);
            self.records = self.records.saturating_add(told);
        }
        Ok(())
    }

    fn cell(
        &mut self,
        column: &Column,
        cell: &Cell<'_>,
        offset: usize,
        record: u32,
    ) -> Result<(), LocateError> {
        let text = cell.text();
        let mut body = Body { object: &column.object, found: self.found };
        let (field, is_key) = match &column.content {
            Content::Id | Content::Reference if text.is_empty() => return Ok(()),
            Content::Id if body.named(record, &text) => return Ok(()),
            Content::Reference if is_record_id(&text) => return Ok(()),
            Content::Id | Content::Reference => {
                return Err(refuse_column("holds something else than ids of records"));
            }
            Content::Property { field, is_key } => (field, *is_key),
        };
        if listed(&column.object, field).is_some() && text.contains(';') {
            body.use_field(field.clone(), "a list of several");
        }
        let is_key = is_key && !text.is_empty();
        let occurrence = Occurrence {
            object: column.object.clone(),
            field: field.clone(),
            record,
            role: if is_key { Role::Key } else { Role::Stored },
            value: Value::from(text.into_owned()),
        };
        let span = cell.span();
        let span = span.start + offset..span.end + offset;
        body.push(Slot::value(span, Codec::Csv, occurrence));
        Ok(())
    }
}

/// One of `files`: its name and its columns.
fn described(file: Node<'_>) -> Result<(String, Vec<Column>), LocateError> {
    members(file, &["fileName", "fileFormat", "dateFormat", "fileImportPage"])?;
    let text = |name| file.get(name).map(scalar).unwrap_or_default();
    if text("fileFormat") != "CSV" {
        return Err(refuse_files("one is no CSV"));
    }
    if !text("dateFormat").is_empty() && !is_name(&text("dateFormat")) {
        return Err(refuse_files("one has a date format that is none"));
    }
    let page = file.get("fileImportPage").ok_or_else(|| refuse_files("one has no columns"))?;
    members(page, &["hasHeader", "columnMappings"])?;
    if page.get("hasHeader").is_none_or(|has| has.kind() != Kind::True) {
        return Err(refuse_files("one has no header row"));
    }
    let columns = list(page.get("columnMappings"), "columnMappings")?;
    let columns = columns.into_iter().map(column).collect::<Result<_, _>>()?;
    Ok((text("fileName").into_owned(), columns))
}

fn column(mapping: Node<'_>) -> Result<Column, LocateError> {
    const KNOWN: [&str; 7] = [
        "columnObjectTypeId",
        "columnName",
        "propertyName",
        "columnType",
        "idColumnType",
        "toColumnObjectTypeId",
        "foreignKeyType",
    ];
    let given = members(mapping, &KNOWN)?;
    let text = |name: &str| {
        let found = given.iter().find(|(known, _)| known == name);
        found.map(|(_, node)| scalar(*node)).unwrap_or_default()
    };
    let object = canonical_object(&text("columnObjectTypeId"));
    if !is_name(object.as_str()) || is_type_id(object.as_str()) {
        return Err(refuse_column("is of an object that is not known"));
    }
    for (name, value) in &given {
        match name.as_ref() {
            "columnName" | "propertyName" => {}
            "foreignKeyType" => association::check(*value)?,
            _ if is_name(&scalar(*value)) => {}
            _ => return Err(refuse_column("has a type that is none")),
        }
    }
    let kinds = [text("columnType"), text("idColumnType")];
    let is_of = |kind: &str| kinds.iter().any(|found| found == kind);
    let leads_elsewhere = given
        .iter()
        .any(|(name, _)| ["toColumnObjectTypeId", "foreignKeyType"].contains(&name.as_ref()));
    let property = text("propertyName").to_ascii_lowercase();
    let content = match property.as_str() {
        "" if !is_of("HUBSPOT_OBJECT_ID") => return Err(refuse_column("is of no property")),
        "" | RECORD_ID if leads_elsewhere => Content::Reference,
        "" | RECORD_ID => Content::Id,
        _ if leads_elsewhere => return Err(refuse_column("names another record by a property")),
        name => {
            let field = property_name(name)?;
            if email_headers::is_headers(&object, &field) {
                return Err(refuse_column("holds the headers of e-mails"));
            }
            Content::Property { field, is_key: is_of("HUBSPOT_ALTERNATE_ID") }
        }
    };
    let name = text("columnName").into_owned();
    Ok(Column { name, object, content })
}

/// The columns in the order of the header row: each is there once, and mapped once.
fn bound<'c>(csv: &Csv<'_>, columns: &'c [Column]) -> Result<Vec<&'c Column>, LocateError> {
    let header: Vec<String> = csv.header().map(|cell| cell.text().into_owned()).collect();
    let mapped = |name: &String| {
        let mut found = columns.iter().filter(|column| column.name == *name);
        found.next().filter(|_| found.next().is_none())
    };
    let bound: Option<Vec<&Column>> = header.iter().map(mapped).collect();
    let mut names = header.clone();
    names.sort_unstable();
    names.dedup();
    match bound {
        Some(bound) if names.len() == header.len() && bound.len() == columns.len() => Ok(bound),
        _ => Err(refuse_column("is not mapped to exactly one property")),
    }
}

/// Choices, and operations by the type of their object.
fn check_choice(node: Node<'_>) -> Result<(), LocateError> {
    if node.kind() == Kind::Object {
        if node.members().any(|member| !is_name(&member.key)) {
            return Err(unparseable("`importRequest`", "it has a type that is none"));
        }
        return node.children().try_for_each(check_choice);
    }
    let is_flag = matches!(node.kind(), Kind::True | Kind::False);
    let is_choice = |text: &str| text.split('/').all(is_name) || is_record_id(text);
    if is_flag || is_choice(&scalar(node)) {
        return Ok(());
    }
    Err(unparseable("`importRequest`", "it has a choice that is none"))
}

fn refuse_files(problem: &str) -> LocateError {
    unparseable("the files of the import", problem)
}

fn refuse_column(problem: &str) -> LocateError {
    unparseable("a column of the import", format!("it {problem}"))
}
