// SPDX-License-Identifier: Apache-2.0
//! `$batch`: requests in the parts of a multipart, some of them in change sets
//! (Microsoft, "Execute batch operations using the Web API").
//!
//! Each part is located as a request of its own, and its records are numbered after
//! those of the parts before it. Its header fields pass as those of a request do: what
//! is not known is taken out. A part that refers to what another makes (`$1`) is about
//! the table of that one.
//!
//! A change set is done as a whole or not at all, and behind a part that fails the CRM
//! stops, unless the caller prefers `odata.continue-on-error`. So only then a part can be
//! refused without the others; else one record that may not pass keeps all back.

mod answer;
mod part;
mod refuse;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

use self::answer::BatchAnswer;
use self::part::{OF_PART, OF_REQUEST, YET_TO_BE_MADE};
use self::refuse::Split;
use super::One;
use super::answer::Answer;
use super::link::is_content_id;
use super::operation::Answered;
use crate::base::ObjectName;
use crate::carrier::multipart::{MAX_PARTS, MultipartError, Part, boundary, parts};
use crate::carrier::{Document, Element, Removal, Slot};
use crate::crm::message::unparseable;
use crate::crm::room::Room;
use crate::crm::{
    self, About, FieldUse, LocateError, ReadAnswer, RecordName, Referred, RequestView, Told,
};

/// What a batch holds.
pub(super) struct Batch {
    pub body: Document,
    pub uses: Vec<FieldUse>,
    pub names: Vec<RecordName>,
    pub referred: Vec<Referred>,
    pub about: About,
    /// Refuses single parts, where that is possible.
    pub split: Option<Box<dyn crm::Batch>>,
    pub answer: Box<dyn ReadAnswer>,
}

/// A part of the answer that is expected.
#[derive(Debug)]
enum Expected {
    One(Asked),
    ChangeSet(Vec<Asked>),
}

impl Expected {
    fn asked(&self) -> &[Asked] {
        match self {
            Self::One(asked) => std::slice::from_ref(asked),
            Self::ChangeSet(all) => all,
        }
    }
}

/// A request of the batch, as its answer is read.
#[derive(Debug)]
struct Asked {
    content_id: Option<String>,
    answer: Answer,
    /// Its records in the request.
    records: Range<u32>,
}

/// # Errors
/// [`LocateError`] when the body is no multipart beyond doubt, or for any part that is
/// no request that the dialect knows.
pub(super) fn locate(request: &RequestView<'_>) -> Result<Batch, LocateError> {
    let media = request.headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
    let is_only = request.headers.get_all(CONTENT_TYPE).iter().count() == 1;
    let boundary =
        media.and_then(boundary).filter(|_| is_only).ok_or(LocateError::UnsupportedMediaType {
            place: "the body",
            expected: "multipart/mixed with a boundary",
        })?;
    let text = std::str::from_utf8(request.body)
        .map_err(|_| unparseable("the body", "it is not in UTF-8"))?;
    let mut reader = Reader {
        request,
        text,
        room: Room::default(),
        next: 0,
        slots: Vec::new(),
        uses: Vec::new(),
        names: Vec::new(),
        referred: Vec::new(),
        about: About::Nobody,
        tables: HashMap::new(),
    };
    let mut expected = Vec::new();
    let mut elements = Vec::new();
    for part in parts(text.as_bytes(), 0..text.len(), boundary).map_err(refuse)? {
        let first = reader.next;
        expected.push(reader.part(&part)?);
        let removal = Removal { member: part.span, before: None, after: None };
        elements.push(Element { records: first..reader.next, removal });
    }
    let count: usize = expected.iter().map(|expected| expected.asked().len()).sum();
    // One that we shortened would pass where the CRM refuses it.
    let is_split = continues_on_error(request.headers) && count <= MAX_PARTS;
    let records = elements.iter().map(|element| element.records.clone()).collect();
    let expected = Arc::new(expected);
    let split = Split { expected: Arc::clone(&expected), records };
    Ok(Batch {
        body: Document::new(request.body.clone(), reader.slots).with_elements(elements),
        uses: reader.uses,
        names: reader.names,
        referred: reader.referred,
        about: reader.about,
        split: is_split.then(|| Box::new(split) as Box<dyn crm::Batch>),
        answer: Box::new(BatchAnswer { expected, refused: BTreeMap::new() }),
    })
}

/// `Prefer: odata.continue-on-error`
fn continues_on_error(headers: &HeaderMap) -> bool {
    let all = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).any(|preference| {
        let preference = preference.trim();
        let name = preference.strip_prefix("odata.").unwrap_or(preference);
        matches!(name, "continue-on-error" | "continue-on-error=true")
    })
}

struct Reader<'r> {
    request: &'r RequestView<'r>,
    text: &'r str,
    room: Room,
    /// The number of the next record.
    next: u32,
    slots: Vec<Slot>,
    uses: Vec<FieldUse>,
    names: Vec<RecordName>,
    referred: Vec<Referred>,
    about: About,
    /// The tables of what is made by the parts that have these ids.
    tables: HashMap<String, ObjectName>,
}

impl Reader<'_> {
    /// A request, or a change set.
    fn part(&mut self, part: &Part) -> Result<Expected, LocateError> {
        let media =
            part.header(self.text.as_bytes(), "content-type").map_err(refuse)?.unwrap_or_default();
        let Some(boundary) = boundary(media) else {
            return self.request(part, media).map(|(asked, _)| Expected::One(asked));
        };
        self.fields(&part.headers, &OF_PART);
        // What one change set makes is not known in another.
        self.tables.clear();
        let mut asked = Vec::new();
        for inner in parts(self.text.as_bytes(), part.body.clone(), boundary).map_err(refuse)? {
            let media = inner
                .header(self.text.as_bytes(), "content-type")
                .map_err(refuse)?
                .unwrap_or_default();
            let (one, method) = self.request(&inner, media)?;
            if method == Method::GET {
                let problem = "a change set has a request that changes nothing";
                return Err(unparseable("the body", problem));
            }
            asked.push(one);
        }
        self.tables.clear();
        Ok(Expected::ChangeSet(asked))
    }

    fn request(&mut self, part: &Part, media: &str) -> Result<(Asked, Method), LocateError> {
        let essence = media.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/http") {
            let (place, expected) = ("a part of the body", "application/http");
            return Err(LocateError::UnsupportedMediaType { place, expected });
        }
        let content_id = part.header(self.text.as_bytes(), "content-id").map_err(refuse)?;
        if !content_id.is_none_or(|id| is_content_id(&format!("${id}"))) {
            return Err(unparseable("the body", "a part has an id that is no number"));
        }
        let content_id = content_id.map(str::to_owned);
        let message = part.message(self.text.as_bytes()).map_err(refuse)?;
        let line = self.line(&message.start_line)?;
        self.fields(&part.headers, &OF_PART);
        let headers = self.fields(&message.headers, &OF_REQUEST);

        let first = self.next;
        let one = One::locate(
            &RequestView {
                method: &line.method,
                target: &line.target.as_str().to_owned().into(),
                headers: &headers,
                body: &self.bytes(&message.body),
                origins: self.request.origins,
                expansion: self.request.expansion,
                told: Told::default(),
            },
            first,
        )?;
        if one.answer.answered == Answered::Batch {
            // Nothing of its parts would be located.
            return Err(LocateError::UnknownOperation);
        }
        self.room.hold("the body", one.target.slots())?;
        self.room.hold("the body", one.body.slots())?;
        self.next = one.next;
        if let (Some(id), Some(object)) = (&content_id, &one.answer.object)
            && self.tables.insert(id.clone(), object.clone()).is_some()
        {
            return Err(unparseable("the body", "two parts have the same id"));
        }
        // A part without records is about anybody, whatever those of others are.
        let is_about_anybody = one.about == About::Anybody || one.is_open();
        self.about = match (self.about, one.about) {
            (about, About::Nobody) => about,
            (About::Anybody, _) => About::Anybody,
            _ if is_about_anybody => About::Anybody,
            _ => About::Named,
        };
        let is_real = |name: &RecordName| !(line.is_by_content_id && name.record == first);
        self.names.extend(one.names.into_iter().filter(is_real));
        // Nor does that id lead to the record that another part makes.
        let is_real = |it: &Referred| it.id != YET_TO_BE_MADE;
        self.referred.extend(one.referred.into_iter().filter(is_real));
        self.uses.extend(one.uses);
        let method = line.method.clone();
        self.message(&message, line, one.target, one.body);
        let records = first..self.next;
        Ok((Asked { content_id, answer: one.answer, records }, method))
    }
}

fn refuse(error: MultipartError) -> LocateError {
    if error == MultipartError::TooMany {
        return LocateError::TooLarge { place: "the body" };
    }
    unparseable("the body", error.to_string())
}
