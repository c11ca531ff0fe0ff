// SPDX-License-Identifier: Apache-2.0
//! Where a path leads, segment by segment.

use super::path::{Key, key};
use super::schema::{self, is_name, navigation};
use crate::base::{FieldName, ObjectName};
use crate::carrier::Codec;
use crate::carrier::url::Piece;
use crate::crm::LocateError;
use crate::query::odata::Segment;

/// What the path leads to, segment by segment.
pub(super) enum Place {
    Collection(ObjectName),
    Record(ObjectName),
    /// A column, or a relationship whose name is not known.
    Property(ObjectName, FieldName),
    /// `$value` of one.
    Raw(ObjectName, FieldName),
    Count(ObjectName),
    References(ObjectName),
    Message(ObjectName, Message),
}

#[derive(Clone, Copy)]
pub(super) enum Message {
    Create,
    Update,
    Upsert,
    Delete,
}

pub(super) struct Walk {
    pub keys: Vec<(ObjectName, Key)>,
    first: u32,
    /// The number of what the path has led to.
    pub record: u32,
    /// Whether a relationship has led there.
    pub leads_away: bool,
}

impl Walk {
    /// `first` is the number of the first record.
    pub(super) fn new(first: u32) -> Self {
        Self { keys: Vec::new(), first, record: first, leads_away: false }
    }

    /// The entity set that a path begins with.
    pub(super) fn enter(
        &mut self,
        piece: &Piece,
        segment: &Segment<'_>,
    ) -> Result<Place, LocateError> {
        // Entity sets are spelt in lower case, messages are not.
        if !is_name(segment.name) || segment.name.contains(|one: char| one.is_ascii_uppercase()) {
            return Err(LocateError::UnknownOperation);
        }
        self.members(schema::object_name(segment.name), piece, segment)
    }

    /// A collection, or one record of it.
    fn members(
        &mut self,
        object: ObjectName,
        piece: &Piece,
        segment: &Segment<'_>,
    ) -> Result<Place, LocateError> {
        self.record = self.next_record();
        let Some(arguments) = &segment.arguments else { return Ok(Place::Collection(object)) };
        if arguments.is_empty() {
            return Err(LocateError::UnknownOperation);
        }
        let key = key((piece, Codec::Percent), arguments, &object, self.record)?;
        self.keys.push((object.clone(), key));
        Ok(Place::Record(object))
    }

    fn next_record(&self) -> u32 {
        self.first.saturating_add(u32::try_from(self.keys.len()).unwrap_or(u32::MAX))
    }

    pub(super) fn follow(
        &mut self,
        place: Place,
        piece: &Piece,
        segment: &Segment<'_>,
    ) -> Result<Place, LocateError> {
        let has_key = segment.arguments.is_some();
        Ok(match (place, segment.name) {
            (Place::Collection(object), "$count") if !has_key => Place::Count(object),
            (
                Place::Collection(object) | Place::Record(object) | Place::Property(object, _),
                "$ref",
            ) if !has_key => Place::References(object),
            (Place::Property(object, field), "$value") if !has_key => Place::Raw(object, field),
            (Place::Collection(object), name) if !has_key => {
                let message = match schema::message(name) {
                    Some("CreateMultiple") => Message::Create,
                    Some("UpdateMultiple") => Message::Update,
                    Some("UpsertMultiple") => Message::Upsert,
                    Some("DeleteMultiple") => Message::Delete,
                    _ => return Err(LocateError::UnknownOperation),
                };
                Place::Message(object, message)
            }
            (Place::Record(object), name) if is_name(name) => match navigation(&object, name) {
                Some(led) if led.is_collection => {
                    self.leads_away = true;
                    self.members(led.object, piece, segment)?
                }
                Some(led) if !has_key => {
                    self.leads_away = true;
                    self.record = self.next_record();
                    Place::Record(led.object)
                }
                None if !has_key => Place::Property(object, schema::field_name(name)),
                _ => return Err(LocateError::UnknownOperation),
            },
            _ => return Err(LocateError::UnknownOperation),
        })
    }
}
