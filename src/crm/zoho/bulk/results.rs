// SPDX-License-Identifier: Apache-2.0
//! What a job answers: archives of tables, and what jobs say of themselves.

use http::{HeaderMap, StatusCode};
use smol_str::SmolStr;

use super::columns::{Columns, Room, Table};
use super::job::about_file;
use super::upload::refuse;
use crate::base::ObjectName;
use crate::carrier::json::{Kind, Node};
use crate::carrier::zip::Archive;
use crate::carrier::{Document, Slot};
use crate::crm::message::{link_headers, parse_answer, refuse_part, unparseable};
use crate::crm::zoho::answer::{Answer, Reader};
use crate::crm::zoho::operation::is_module;
use crate::crm::zoho::record::{Records, Side, id_of, scalar};
use crate::crm::zoho::schema::{self, USERS, is_id, is_name, object_name};
use crate::crm::{AnswerView, BodyForm, LocateError, LocatedAnswer, Memo, ReadAnswer};

const PLACE: &str = "the answer";

/// Reads the answer to an upload: by which id jobs name the file.
#[derive(Debug)]
pub(super) struct Uploaded {
    pub answer: Answer,
    /// What the file said of itself.
    pub said: SmolStr,
}

impl ReadAnswer for Uploaded {
    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        let json = parse_answer(answer)?;
        let details = json.as_ref().and_then(|json| json.root().get("details"));
        let id = details.and_then(|details| details.get("file_id")).map(scalar);
        let memo = id.filter(|id| is_id(id) && answer.status.is_success());
        let memo = memo.map(|id| Memo { about: about_file(&id), text: self.said.clone() });
        Ok(LocatedAnswer { memo, ..self.answer.locate(answer)? })
    }
}

/// Where the tables of a result come from.
#[derive(Debug)]
pub(super) enum Source {
    /// A job that read this module.
    Read(ObjectName),
    /// A file that was written: each table is named after its module.
    Written,
}

/// Reads an archive of tables, or an error.
#[derive(Debug)]
pub(super) struct Results {
    pub source: Source,
    pub answer: Answer,
}

impl ReadAnswer for Results {
    fn body_form(&self, _status: StatusCode, _headers: &HeaderMap) -> BodyForm {
        BodyForm::Archive
    }

    fn locate(&self, answer: &AnswerView<'_>) -> Result<LocatedAnswer, LocateError> {
        // Zoho does not say of an archive that it is one in one way.
        if !answer.status.is_success() || !answer.body.starts_with(b"PK") {
            return self.answer.locate(answer);
        }
        refuse_part(answer)?;
        let archive =
            Archive::read(answer.body, answer.expansion).map_err(|error| refuse(PLACE, error))?;
        let mut records = Records::on(Side::Answer);
        let mut room = Room::default();
        let mut slots = Vec::new();
        for entry in archive.entries() {
            let (object, table) = match &self.source {
                Source::Read(object) => (object.clone(), Table::Read),
                Source::Written => (module_of(entry.name())?, Table::Written),
            };
            let csv = room.parse(PLACE, entry.content())?;
            let columns = Columns::bind(&csv, &object, table)?;
            for row in csv.rows() {
                columns.result(&row, table, &mut records);
            }
            slots.push(std::mem::take(&mut records.slots));
        }
        let whole = 0..answer.body.len();
        let archive = Slot::archive(whole, archive, slots);
        Ok(LocatedAnswer {
            status: answer.status,
            headers: link_headers(answer)?,
            body: Document::new(answer.body.clone(), vec![archive]),
            records: records.names,
            ..LocatedAnswer::default()
        })
    }
}

/// `Contacts-import.csv`. Source: "Download Bulk Write Result".
fn module_of(file: &str) -> Result<ObjectName, LocateError> {
    let module = file.split_once('-').map(|(module, _)| module).filter(|name| is_module(name));
    module.map(object_name).ok_or_else(|| {
        unparseable(PLACE, "it has a file whose name does not begin with that of a module")
    })
}

impl Reader<'_> {
    /// What a job says of itself: its module, its users, and values that it was given.
    pub fn job(&mut self, node: Node<'_>, object: &ObjectName) -> Result<(), LocateError> {
        let stated = node.get("module").map(|module| module.get("api_name").unwrap_or(module));
        let stated = stated.map(scalar).filter(|name| is_name(name)).map(|name| object_name(&name));
        let object = stated.as_ref().unwrap_or(object);
        let field = node.get("field").unwrap_or(node).get("api_name").map(scalar);
        node.elements().try_for_each(|element| self.job(element, object))?;
        for member in node.members() {
            let (key, value) = (member.key.as_ref(), member.value);
            let target = schema::lookup(object, &key.to_ascii_lowercase());
            let names_user = target.is_some_and(|target| target.as_str() == USERS);
            match (key, field.as_deref().filter(|name| !name.is_empty())) {
                ("value", Some(field)) => {
                    let record = self.found.next_record();
                    self.found.member(field, value, object, record, None)?;
                }
                ("default_value", Some(field)) if value.kind() == Kind::Object => {
                    let record = self.found.next_record();
                    for name in ["value", "name"] {
                        let Some(value) = value.get(name) else { continue };
                        self.found.member(field, value, object, record, None)?;
                    }
                }
                _ if names_user && is_id(&id_of(value)) => {
                    let record = self.found.next_record();
                    self.found.member(key, value, object, record, None)?;
                }
                _ if value.kind() == Kind::String => _ = self.link(value),
                _ => self.job(value, object)?,
            }
        }
        Ok(())
    }
}
