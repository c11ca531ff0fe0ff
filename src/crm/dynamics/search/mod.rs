// SPDX-License-Identifier: Apache-2.0
//! Dataverse search: `query`, `suggest` and `autocomplete`, at `/api/search/v1.0` and
//! `v2.0`, and as actions of the Web API (Microsoft, "Search for Dataverse records").
//!
//! A term is compared, word by word, with the columns that are searched, and a surrogate
//! stands for the whole value of one. So a search is a use of every searched column, or of
//! every column of a table of which none is named, and is refused where one of them is
//! protected. The one exception is a quoted e-mail address that is looked for in a single
//! e-mail column of a single table: it is compared with this column. But not where what
//! begins like it is found too, as by `suggest`, or what is like it. The term `*` asks for
//! nothing.
//!
//! Since version 2.0, lists are texts with JSON in them, and so is the answer. Facets are
//! taken of tables and dates only.

mod answer;
mod options;

use std::borrow::Cow;
use std::collections::HashSet;

use http::Method;

use self::answer::SearchAnswer;
use super::link::is_version;
use super::path::is_id;
use super::query::{named, place_of, uses_of_comparison};
use super::schema::{self, is_name};
use crate::base::{FieldName, ObjectName, OperationName};
use crate::carrier::json::{DEFAULT_MAX_DEPTH, Json, Kind, Node};
use crate::carrier::url::Target;
use crate::carrier::{Codec, DecodedText, Document, Occurrence, Role, Slot, Value};
use crate::crm::message::{self, MediaType, method_not_allowed, shown, unparseable};
use crate::crm::room::Room;
use crate::crm::{
    About, FieldKind, FieldUse, LocateError, LocatedRequest, Operation, RecordName, RequestView,
};
use crate::query::odata::{self, Clause, Operand};

const TEXT_SEARCH: &str = "a text search";

/// The actions of the Web API, which look like entity sets.
pub(super) const ACTIONS: [&str; 3] = ["searchquery", "searchsuggest", "searchautocomplete"];

/// The name of the operation, if the request is a search.
///
/// # Errors
/// [`LocateError::MethodNotAllowed`].
pub(super) fn classify(
    method: &Method,
    target: &Target,
) -> Result<Option<&'static str>, LocateError> {
    let name = match target.path().as_slice() {
        ["api", "search", "v1.0" | "v2.0", name] => *name,
        ["api", "data", version, name] if is_version(version) && ACTIONS.contains(name) => {
            name.trim_start_matches("search")
        }
        _ => return Ok(None),
    };
    let operation = match name {
        "query" => "search.query",
        "suggest" => "search.suggest",
        "autocomplete" => "search.autocomplete",
        _ => return Ok(None),
    };
    if method == Method::POST { Ok(Some(operation)) } else { Err(method_not_allowed(method)) }
}

/// # Errors
/// [`LocateError`] for a search that does not say which tables it looks at, or of which a
/// part is not understood.
pub(super) fn locate(
    request: &RequestView<'_>,
    target: &Target,
    name: &'static str,
) -> Result<LocatedRequest, LocateError> {
    if !target.query.is_empty() {
        return Err(unparseable("the query", "a search takes no parameters"));
    }
    if MediaType::of(request.headers) != MediaType::Json {
        let expected = "application/json in UTF-8";
        return Err(LocateError::UnsupportedMediaType { place: "the body", expected });
    }
    let json = message::parse_json("the body", request.body)?;
    let mut search = Search { is_lenient: name != "search.query", ..Search::default() };
    search.read(json.root())?;
    let object = Some(&search.tables).filter(|tables| tables.len() == 1);
    Ok(LocatedRequest {
        operation: Operation {
            name: OperationName::from_static(name),
            object: object.and_then(|tables| tables.first()).map(|table| table.object.clone()),
            about: About::Anybody,
        },
        target: Document::new(request.target.clone(), Vec::new()),
        headers: Vec::new(),
        body: Document::new(request.body.clone(), search.slots),
        uses: search.uses,
        records: search.names,
        referred: Vec::new(),
        batch: None,
        answer: Box::new(SearchAnswer),
    })
}

/// A table, and the columns of it that are searched; all if none are named.
struct Table {
    object: ObjectName,
    columns: Vec<FieldName>,
}

#[derive(Default)]
struct Search {
    tables: Vec<Table>,
    slots: Vec<Slot>,
    uses: Vec<FieldUse>,
    names: Vec<RecordName>,
    /// Whether more is found than what a term is equal to.
    is_lenient: bool,
    room: Room,
}

impl Search {
    fn read(&mut self, root: Node<'_>) -> Result<(), LocateError> {
        if root.kind() != Kind::Object {
            return Err(unparseable("the body", "it is no object"));
        }
        if let Some(entities) = root.get("entities") {
            let slots = self.listed("entities", entities, |search, list| {
                list.elements().try_for_each(|entity| search.entity(entity))
            })?;
            self.slots.extend(slots);
        }
        if self.tables.is_empty() {
            let problem = "it does not say in `entities` which tables it searches";
            return Err(unparseable("the body", problem));
        }
        for member in root.members().filter(|member| member.value.kind() != Kind::Null) {
            let (name, value) = (member.key.as_ref(), member.value);
            match (name, value.kind()) {
                ("entities", _)
                | ("search", Kind::String)
                | ("count" | "returntotalrecordcount", Kind::True | Kind::False)
                | ("fuzzy" | "usefuzzy", Kind::False) => {}
                ("fuzzy" | "usefuzzy", Kind::True) => self.is_lenient = true,
                ("top" | "skip", Kind::Number) if value.raw().len() <= 6 => {}
                ("filter", Kind::String) => {
                    let slot = self.filter(value, None)?;
                    self.slots.extend(slot);
                }
                ("orderby", _) => {
                    self.listed(name, value, |search, list| {
                        list.elements().try_for_each(|order| search.order(&text_of(order)))
                    })?;
                }
                ("facets", _) => {
                    self.listed(name, value, |_, list| check_all("facets", list, is_facet))?;
                }
                ("options", _) => self.is_lenient |= options::are_lenient(value)?,
                ("searchmode" | "searchtype", Kind::String)
                    if options::is_word(&text_of(value)) => {}
                _ => return Err(refuse(name, "this operation does not take it")),
            }
        }
        // What it finds is known only now.
        if let Some(term) = root.get("search") {
            self.term(term);
        }
        Ok(())
    }

    /// A list, as JSON or as a text with JSON in it. What is found there stands in the
    /// slots that `read` leaves behind.
    fn listed(
        &mut self,
        name: &str,
        node: Node<'_>,
        read: impl FnOnce(&mut Self, Node<'_>) -> Result<(), LocateError>,
    ) -> Result<Vec<Slot>, LocateError> {
        let outside = std::mem::take(&mut self.slots);
        let decoded = node.decoded().filter(|_| node.kind() == Kind::String);
        let Some(decoded) = decoded else {
            if node.kind() != Kind::Array {
                return Err(refuse(name, "it is no list"));
            }
            read(self, node)?;
            return Ok(std::mem::replace(&mut self.slots, outside));
        };
        let json = Json::parse(decoded.as_str().as_bytes(), DEFAULT_MAX_DEPTH)
            .map_err(|error| refuse(name, &error.to_string()))?;
        if json.root().kind() != Kind::Array {
            return Err(refuse(name, "it is no list"));
        }
        read(self, json.root())?;
        let inside = std::mem::replace(&mut self.slots, outside);
        Ok(vec![Slot::nested(node.inner_span(), Codec::Json, decoded, inside)])
    }

    /// `"contact"`, or `{"name":"contact","searchColumns":["emailaddress1"],…}`.
    fn entity(&mut self, entity: Node<'_>) -> Result<(), LocateError> {
        // Serializers write it as the class has it: `Name`.
        let mut names = entity.members().filter(|it| it.key.eq_ignore_ascii_case("name"));
        let name = text_of(names.next().map_or(entity, |it| it.value));
        if !is_name(&name) {
            return Err(refuse("entities", "it has a table without a name"));
        }
        let object = schema::object_name(&name);
        let mut columns = Vec::new();
        let mut seen = HashSet::new();
        for member in entity.members().filter(|member| member.value.kind() != Kind::Null) {
            let name = member.key.to_ascii_lowercase();
            if !seen.insert(name.clone()) {
                return Err(refuse(&name, "a table in `entities` has it twice"));
            }
            match (name.as_str(), member.value.kind()) {
                ("name", _) => {}
                ("selectcolumns", Kind::Array) => {
                    check_all("selectColumns", member.value, is_name)?;
                }
                ("searchcolumns", Kind::Array) => {
                    check_all("searchColumns", member.value, is_name)?;
                    let names = member.value.elements().map(|name| text_of(name));
                    columns.extend(names.map(|name| schema::field_name(&name)));
                }
                ("filter", Kind::String) => {
                    let slot = self.filter(member.value, Some(&object))?;
                    self.slots.extend(slot);
                }
                (other, _) => return Err(refuse(other, "a table in `entities` has it not")),
            }
        }
        self.tables.push(Table { object, columns });
        Ok(())
    }

    /// What is searched for.
    fn term(&mut self, node: Node<'_>) {
        let Some(decoded) = node.decoded().filter(|term| term.as_str() != "*") else { return };
        let text = decoded.as_str();
        let address = quoted_address(text).filter(|_| !self.is_lenient);
        if let (Some((object, field)), Some(address)) = (self.sole_email(), address) {
            let value = Value::from(address.to_owned());
            let occurrence = Occurrence { object, field, record: 0, role: Role::Equality, value };
            let slot = Slot::value(1..1 + address.len(), Codec::Plain, occurrence);
            self.slots.push(Slot::nested(node.inner_span(), Codec::Json, decoded, vec![slot]));
            return;
        }
        for Table { object, columns } in &self.tables {
            let all = [FieldName::from_static(FieldUse::EVERY_FIELD)];
            let columns = if columns.is_empty() { all.as_slice() } else { columns };
            for field in columns {
                self.uses.extend(schema::uses_of_parts(object, field, TEXT_SEARCH));
                let (object, field) = (object.clone(), field.clone());
                self.uses.push(FieldUse { object, field, operator: TEXT_SEARCH });
            }
        }
    }

    /// The only column that is searched, if it is one of addresses.
    fn sole_email(&self) -> Option<(ObjectName, FieldName)> {
        let [Table { object, columns }] = self.tables.as_slice() else { return None };
        let [field] = columns.as_slice() else { return None };
        let is_email = schema::facts(object, field)?.kind == FieldKind::Email;
        is_email.then(|| (object.clone(), field.clone()))
    }

    /// `contact:lastname eq 'x'`; where the table is known, without it.
    fn filter(
        &mut self,
        node: Node<'_>,
        table: Option<&ObjectName>,
    ) -> Result<Option<Slot>, LocateError> {
        let Some(decoded) = node.decoded().filter(|text| !text.as_str().is_empty()) else {
            return Ok(None);
        };
        let text = decoded.as_str();
        let (object, start) = match (table, text.split_once(':')) {
            (Some(object), _) => (object.clone(), 0),
            (None, Some((name, _))) if is_name(name) => (schema::object_name(name), name.len() + 1),
            (None, _) => return Err(refuse("filter", "it does not begin with a table")),
        };
        let filter = text.get(start..).unwrap_or_default();
        let found = odata::parse(Clause::Filter, filter, &|_| None)
            .map_err(|error| refuse("filter", &error.to_string()))?;
        if !found.passed.is_empty() {
            return Err(refuse("filter", "it has a parameter alias"));
        }
        let column = |path: &odata::Path| match path.split() {
            ([], column) => Ok(schema::field_name(column)),
            _ => Err(refuse("filter", "it leads to another table")),
        };
        let mut slots = Vec::new();
        for comparison in found.comparisons {
            let field = column(&comparison.field)?;
            let Operand::Literal { literal, widening } = comparison.with else {
                return Err(refuse("filter", "it has a parameter alias"));
            };
            if is_id(&literal, &field) {
                self.names.extend(named(&object, &field, &literal.value, 0));
                continue;
            }
            let uses = uses_of_comparison(&object, &field, &comparison.role, &literal.value);
            self.uses.extend(uses);
            slots.push(place_of(literal, widening, (object.clone(), field, comparison.role, 0)));
        }
        for odata::FieldUse { field, operator } in found.uses {
            let field = column(&field)?;
            self.uses.extend(schema::uses_of_parts(&object, &field, operator));
            self.uses.push(FieldUse { object: object.clone(), field, operator });
        }
        if slots.is_empty() {
            return Ok(None);
        }
        self.room.hold("the body", &slots)?;
        let verbatim = DecodedText::verbatim(filter.to_owned());
        let filter = Slot::nested(start..text.len(), Codec::Plain, verbatim, slots);
        Ok(Some(Slot::nested(node.inner_span(), Codec::Json, decoded, vec![filter])))
    }

    /// `modifiedon desc`
    fn order(&mut self, order: &str) -> Result<(), LocateError> {
        let (column, direction) = order.split_once(' ').unwrap_or((order, ""));
        let is_fine = matches!(direction.trim(), "" | "asc" | "desc");
        if is_fine && column == "@search.score" {
            return Ok(());
        }
        if !is_fine || !is_name(column) {
            return Err(refuse("orderby", "it is no list of columns"));
        }
        let field = schema::field_name(column);
        self.room.take("the body", self.tables.len())?;
        for Table { object, .. } in &self.tables {
            self.uses.extend(schema::uses_of_parts(object, &field, "orderby"));
            let (object, field) = (object.clone(), field.clone());
            self.uses.push(FieldUse { object, field, operator: "orderby" });
        }
        Ok(())
    }
}

/// A whole term that is one address in quotes: without them, each of its words would be
/// looked for by itself.
fn quoted_address(term: &str) -> Option<&str> {
    let address = term.strip_prefix('"')?.strip_suffix('"')?;
    let (local, domain) = address.split_once('@')?;
    let is_part = |part: &str| {
        let is_plain = |it: char| !it.is_whitespace() && !"\"\\@,".contains(it);
        !part.is_empty() && part.chars().all(is_plain)
    };
    (is_part(local) && is_part(domain)).then_some(address)
}

fn text_of(node: Node<'_>) -> Cow<'_, str> {
    node.text().unwrap_or_default()
}

fn check_all(
    name: &str,
    list: Node<'_>,
    is_fine: impl Fn(&str) -> bool,
) -> Result<(), LocateError> {
    if list.elements().all(|one| is_fine(&text_of(one))) {
        return Ok(());
    }
    Err(refuse(name, "it has an element that is not known"))
}

/// `entityname,count:100`, `modifiedon,values:2019-04-27T00:00:00|2020-03-27T00:00:00`
fn is_facet(text: &str) -> bool {
    let (column, rest) = text.split_once(',').unwrap_or((text, ""));
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b",:-|+.".contains(&byte);
    matches!(column, "@search.entityname" | "entityname" | "createdon" | "modifiedon")
        && rest.len() <= 500
        && rest.bytes().all(is_part)
}

fn refuse(name: &str, problem: &str) -> LocateError {
    unparseable(format!("member `{}` of the body", shown(name)), problem)
}
