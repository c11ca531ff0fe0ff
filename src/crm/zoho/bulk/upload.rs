// SPDX-License-Identifier: Apache-2.0
//! `POST /crm/v8/upload`: a form with an archive, of which each file is named after the
//! module whose records it holds.

use smol_str::SmolStr;

use super::columns::{Columns, Room, Table};
use super::word;
use crate::base::ObjectName;
use crate::carrier::Slot;
use crate::carrier::zip::{Archive, ZipError};
use crate::crm::form;
use crate::crm::message::unparseable;
use crate::crm::zoho::operation::is_module;
use crate::crm::zoho::record::Records;
use crate::crm::zoho::schema::object_name;
use crate::crm::{LocateError, RequestView};

pub(super) struct Upload {
    /// The archive.
    pub slot: Slot,
    /// The module, if there is one only.
    pub object: Option<ObjectName>,
    /// For the job that is going to be made of it: `contacts:last_name,email`, one line
    /// for each file.
    pub said: SmolStr,
}

/// # Errors
/// [`LocateError`] for any form but one with an archive of tables.
pub(super) fn locate(
    request: &RequestView<'_>,
    records: &mut Records,
) -> Result<Upload, LocateError> {
    if word(request.headers, "feature") != Some("bulk-write") {
        let problem = "it does not say `bulk-write`, and what other files hold is not read here";
        return Err(unparseable("the header `feature`", problem));
    }
    let span = match form::parts(request)?.as_slice() {
        [part] if part.name == "file" && part.file.is_some() => part.span.clone(),
        _ => return Err(unparseable("the form", "it has another part than one `file`")),
    };
    let archive = Archive::read(&request.body.slice(span.clone()), request.expansion)
        .map_err(|error| refuse("the file", error))?;
    let (mut slots, mut said, mut objects) = (Vec::new(), Vec::new(), Vec::new());
    let mut room = Room::default();
    for entry in archive.entries() {
        let object = module_of(entry.name())?;
        let csv = room.parse("a file of the archive", entry.content())?;
        let columns = Columns::bind(&csv, &object, Table::Upload)?;
        columns.uses(records);
        for row in csv.rows() {
            columns.upload(&row, records)?;
        }
        slots.push(std::mem::take(&mut records.slots));
        said.push(format!("{object}:{}", columns.names()));
        objects.push(object);
    }
    let object = Some(objects).filter(|all| all.len() == 1).and_then(|all| all.into_iter().next());
    Ok(Upload { slot: Slot::archive(span, archive, slots), object, said: said.join("\n").into() })
}

/// `Contacts.csv`
fn module_of(file: &str) -> Result<ObjectName, LocateError> {
    let is_csv = |suffix: &str| suffix.eq_ignore_ascii_case("csv");
    let name = file.rsplit_once('.').filter(|(_, suffix)| is_csv(suffix)).map(|(name, _)| name);
    name.filter(|name| is_module(name)).map(object_name).ok_or_else(|| {
        let problem = "it is not named after the module of its records, as `Contacts.csv`";
        unparseable("a file of the archive", problem)
    })
}

pub(super) fn refuse(place: &'static str, error: ZipError) -> LocateError {
    match error {
        ZipError::TooMany | ZipError::TooLarge => LocateError::TooLarge { place },
        _ => unparseable(place, error.to_string()),
    }
}
