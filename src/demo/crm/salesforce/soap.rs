// SPDX-License-Identifier: Apache-2.0
//! The partner form of the SOAP API: logging in, writing records and asking for them.

use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::demo::crm::message::Answer;
use crate::demo::crm::soql::{self, Selection};

use super::Api;
use super::problem::Problem;
use super::schema::Object;
use super::session::{ORG, USER};
use super::xml::{Node, escaped};

const ENVELOPE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
    xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
    xmlns=\"urn:partner.soap.sforce.com\" xmlns:sf=\"urn:sobject.partner.soap.sforce.com\" \
    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>";

impl Api<'_, '_> {
    /// What stands under `/services/Soap/u/{version}`.
    pub(super) fn soap(&mut self) -> Answer {
        let text = String::from_utf8_lossy(&self.request.body).into_owned();
        match self.call(&text) {
            Ok(inside) => xml(StatusCode::OK, &inside),
            Err(problem) => xml(StatusCode::INTERNAL_SERVER_ERROR, &problem.into_fault()),
        }
    }

    fn call(&mut self, text: &str) -> Result<String, Problem> {
        let malformed = || Problem::malformed_xml("an envelope is expected");
        let envelope = Node::read(text).ok_or_else(malformed)?;
        let body = envelope.child("Body").ok_or_else(malformed)?;
        let call = body.children.first().ok_or_else(malformed)?;
        let header = envelope.child("Header");
        let session = header.and_then(|header| header.child("SessionHeader"));
        if call.name != "login" && session.is_none_or(|it| it.text_of("sessionId").is_empty()) {
            return Err(Problem::no_session());
        }
        let records = || call.children.iter().filter(|child| child.name == "sObjects");
        let key = call.text_of("externalIDFieldName");
        let results: String = match call.name.as_str() {
            "login" if call.text_of("password").is_empty() => return Err(Problem::no_session()),
            "login" => self.session(),
            "create" => records().map(|it| result(self.write("insert", it, None))).collect(),
            "update" => records().map(|it| result(self.write("update", it, None))).collect(),
            "upsert" => records().map(|it| result(self.write("upsert", it, Some(key)))).collect(),
            "query" => self.rows(call.text_of("queryString"))?,
            _ => return Err(Problem::no_resource()),
        };
        Ok(format!("<{0}Response>{results}</{0}Response>", call.name))
    }

    fn session(&self) -> String {
        let (origin, version) = (self.desk.origin, self.version.trim_start_matches('v'));
        let url = |kind: &str| format!("{origin}/services/Soap/{kind}/{version}/{ORG}");
        format!(
            "<result><metadataServerUrl>{}</metadataServerUrl><passwordExpired>false</passwordExpired>\
             <serverUrl>{}</serverUrl><sessionId>{ORG}!soap</sessionId><userId>{USER}</userId>\
             <userInfo><userEmail>integration@example.com</userEmail></userInfo></result>",
            url("m"),
            url("u")
        )
    }

    fn write(
        &mut self,
        operation: &str,
        record: &Node,
        key: Option<&str>,
    ) -> Result<(String, bool), Problem> {
        let name = record.text_of("type");
        let object = Object::find(name).ok_or_else(|| Problem::no_object(name))?;
        let mut fields = Map::new();
        for child in &record.children {
            match child.name.as_str() {
                "type" => {}
                "fieldsToNull" => drop(fields.insert(child.text.clone(), Value::Null)),
                name => drop(fields.insert(name.to_owned(), child.text.as_str().into())),
            }
        }
        let key = key.map(|key| object.key(key)).transpose()?;
        self.write_one((operation, &object, key.as_deref()), fields)
    }

    fn rows(&self, text: &str) -> Result<String, Problem> {
        let statement =
            soql::parse(text).map_err(|error| Problem::malformed_query(error.to_string()))?;
        let object =
            Object::find(&statement.object).ok_or_else(|| Problem::no_object(&statement.object))?;
        let Selection::Fields(fields) = &statement.selection else {
            return Err(Problem::malformed_query("fields are expected"));
        };
        let columns: Vec<String> =
            fields.iter().map(|field| object.column(field)).collect::<Result<_, _>>()?;
        let ids = self.find_rows(&object, &statement, false)?;
        let records = ids.iter().filter_map(|id| self.desk.state.store.get(&object.name, id));
        let rows: String = records
            .map(|record| {
                let cells = columns.iter().map(|column| match object.value(record, column) {
                    Value::String(text) => format!("<sf:{column}>{}</sf:{column}>", escaped(&text)),
                    _ => format!("<sf:{column} xsi:nil=\"true\"/>"),
                });
                let (name, cells) = (&object.name, cells.collect::<String>());
                format!(
                    "<records xsi:type=\"sf:sObject\"><sf:type>{name}</sf:type>{cells}</records>"
                )
            })
            .collect();
        Ok(format!(
            "<result xsi:type=\"QueryResult\"><done>true</done><queryLocator xsi:nil=\"true\"/>{rows}\
             <size>{}</size></result>",
            ids.len()
        ))
    }
}

fn result(done: Result<(String, bool), Problem>) -> String {
    match done {
        Ok((id, created)) => {
            format!(
                "<result><created>{created}</created><id>{id}</id><success>true</success></result>"
            )
        }
        Err(problem) => problem.into_soap_result(),
    }
}

fn xml(status: StatusCode, inside: &str) -> Answer {
    let text = format!("{ENVELOPE}{inside}</soapenv:Body></soapenv:Envelope>");
    Answer::text(status, text).with(CONTENT_TYPE, "text/xml;charset=UTF-8")
}
