// SPDX-License-Identifier: Apache-2.0

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::demo::crm::message::Answer;

use super::xml::escaped;

/// What Salesforce says when it does not do as asked. Messages repeat what the
/// client sent, as Salesforce's do.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    fields: Vec<String>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), fields: Vec::new() }
    }

    fn of_field(code: &'static str, field: &str, message: String) -> Self {
        let fields = vec![field.to_owned()];
        Self { fields, ..Self::new(StatusCode::BAD_REQUEST, code, message) }
    }

    pub(super) fn message(self) -> String {
        self.message
    }

    pub(super) fn of_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::UNAUTHORIZED => "INVALID_SESSION_ID",
            StatusCode::FORBIDDEN => "REQUEST_LIMIT_EXCEEDED",
            StatusCode::SERVICE_UNAVAILABLE => "SERVER_UNAVAILABLE",
            _ => "UNKNOWN_EXCEPTION",
        };
        Self::new(status, code, "An unexpected error occurred.")
    }

    pub(super) fn no_session() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "INVALID_SESSION_ID", "Session expired or invalid")
    }

    pub(super) fn no_resource() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "The requested resource does not exist")
    }

    pub(super) fn no_external_id(field: &str) -> Self {
        let message =
            format!("Provided external ID field does not exist or is not accessible: {field}");
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    pub(super) fn deleted() -> Self {
        Self::new(StatusCode::NOT_FOUND, "ENTITY_IS_DELETED", "entity is deleted")
    }

    pub(super) fn method_not_allowed(method: &Method) -> Self {
        let message = format!("HTTP Method '{method}' not allowed.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
    }

    pub(super) fn unsupported_media_type(found: &str) -> Self {
        let message =
            format!("Content-Type header specified in HTTP request is not supported: {found}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
    }

    pub(super) fn malformed_csv(what: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "CLIENT_INPUT_ERROR", what)
    }

    pub(super) fn malformed_xml(what: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MALFORMED_REQUEST", what)
    }

    /// A job that takes nothing any more.
    pub(super) fn job_state() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALIDJOBSTATE", "the job is not open")
    }

    pub(super) fn malformed_json(what: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "JSON_PARSER_ERROR", what)
    }

    /// A JSON value of the wrong type for its field.
    pub(super) fn not_deserialisable(kind: &str, value: &Value) -> Self {
        let (token, text) = match value {
            Value::String(text) => ("VALUE_STRING", text.clone()),
            Value::Number(number) if number.is_f64() => ("VALUE_NUMBER_FLOAT", number.to_string()),
            Value::Number(number) => ("VALUE_NUMBER_INT", number.to_string()),
            Value::Bool(true) => ("VALUE_TRUE", "true".to_owned()),
            Value::Bool(false) => ("VALUE_FALSE", "false".to_owned()),
            Value::Null => ("VALUE_NULL", "null".to_owned()),
            Value::Array(_) => ("START_ARRAY", "[".to_owned()),
            Value::Object(_) => ("START_OBJECT", "{".to_owned()),
        };
        let message = format!(
            "Cannot deserialize instance of {kind} from {token} value {text} or request may be \
             missing a required field at [line:1, column:1]"
        );
        Self::malformed_json(&message)
    }

    pub(super) fn no_column(field: &str, object: &str) -> Self {
        let message = format!("No such column '{field}' on sobject of type {object}");
        Self::new(StatusCode::BAD_REQUEST, "INVALID_FIELD", message)
    }

    pub(super) fn not_filterable(field: &str) -> Self {
        let message = format!("field '{field}' can not be filtered in a query call");
        Self::new(StatusCode::BAD_REQUEST, "INVALID_FIELD", message)
    }

    pub(super) fn id_in_body() -> Self {
        let message = "The Id field should not be specified in the sobject data.";
        Self::new(StatusCode::BAD_REQUEST, "INVALID_FIELD", message)
    }

    pub(super) fn read_only(field: &str) -> Self {
        let message = format!(
            "Unable to create/update fields: {field}. Please check the security settings of this \
             field and verify that it is read/write for your profile or permission set."
        );
        Self::of_field("INVALID_FIELD_FOR_INSERT_UPDATE", field, message)
    }

    pub(super) fn required(fields: Vec<String>) -> Self {
        let message = format!("Required fields are missing: [{}]", fields.join(", "));
        Self { fields, ..Self::new(StatusCode::BAD_REQUEST, "REQUIRED_FIELD_MISSING", message) }
    }

    pub(super) fn too_long(field: &str, label: &str, value: &str, length: usize) -> Self {
        let message = format!("{label}: data value too large: {value} (max length={length})");
        Self::of_field("STRING_TOO_LONG", field, message)
    }

    pub(super) fn no_email(field: &str, label: &str, value: &str) -> Self {
        let message = format!("{label}: invalid email address: {value}");
        Self::of_field("INVALID_EMAIL_ADDRESS", field, message)
    }

    pub(super) fn no_id(field: &str, label: &str, value: &str) -> Self {
        let message = format!("{label}: id value of incorrect type: {value}");
        Self::of_field("MALFORMED_ID", field, message)
    }

    pub(super) fn not_in_picklist(field: &str, label: &str, value: &str) -> Self {
        let message = format!("{label}: bad value for restricted picklist field: {value}");
        Self::of_field("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", field, message)
    }

    pub(super) fn no_object(name: &str) -> Self {
        let message = format!("sObject type '{name}' is not supported.");
        Self::new(StatusCode::BAD_REQUEST, "INVALID_TYPE", message)
    }

    pub(super) fn malformed_query(what: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MALFORMED_QUERY", what)
    }

    pub(super) fn no_locator() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_QUERY_LOCATOR", "invalid query locator")
    }

    pub(super) fn too_many_records(limit: usize) -> Self {
        let message = format!("The batch size is over the limit of {limit}");
        Self::new(StatusCode::BAD_REQUEST, "LIMIT_EXCEEDED", message)
    }

    /// In a collection: several records have this key.
    pub(super) fn ambiguous(field: &str, value: &str) -> Self {
        let message = format!("{field}: more than one record found for external id field: {value}");
        Self::new(StatusCode::BAD_REQUEST, "DUPLICATE_EXTERNAL_ID", message)
    }

    /// In a composite: what a part refers to is not there.
    pub(super) fn halted() -> Self {
        let message = "Invalid reference specified. No value for what it refers to";
        Self::new(StatusCode::BAD_REQUEST, "PROCESSING_HALTED", message)
    }

    /// In a collection that is rolled back: another record failed.
    pub(super) fn rolled_back() -> Self {
        let message = "Record rolled back because not all records were valid and the request was \
                       using AllOrNone header";
        Self::new(StatusCode::BAD_REQUEST, "ALL_OR_NONE_OPERATION_ROLLED_BACK", message)
    }

    pub(super) fn into_answer(self) -> Answer {
        let mut body = Map::new();
        body.insert("message".to_owned(), self.message.into());
        body.insert("errorCode".to_owned(), self.code.into());
        if !self.fields.is_empty() {
            body.insert("fields".to_owned(), self.fields.into());
        }
        Answer::json(self.status, json!([body]))
    }

    /// As an error of the older Bulk API.
    pub(super) fn into_batch_answer(self) -> Answer {
        let body = json!({ "exceptionCode": self.code, "exceptionMessage": self.message });
        Answer::json(self.status, body)
    }

    /// As a fault of the SOAP API.
    pub(super) fn into_fault(self) -> String {
        let (code, message) = (self.code, escaped(&self.message));
        format!(
            "<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {message}\
             </faultstring><detail><sf:UnexpectedErrorFault><sf:exceptionCode>{code}\
             </sf:exceptionCode><sf:exceptionMessage>{message}</sf:exceptionMessage>\
             </sf:UnexpectedErrorFault></detail></soapenv:Fault>"
        )
    }

    /// As one record's result in a call of the SOAP API.
    pub(super) fn into_soap_result(self) -> String {
        let (code, message) = (self.code, escaped(&self.message));
        format!(
            "<result><errors><message>{message}</message><statusCode>{code}</statusCode></errors>\
             <id xsi:nil=\"true\"/><success>false</success></result>"
        )
    }

    /// As the error of one row of a job.
    pub(super) fn into_cell(self) -> String {
        format!("{}:{}:{} --", self.code, self.message, self.fields.join(", "))
    }

    /// As one record's result in a collection.
    pub(super) fn into_result(self) -> Value {
        let error =
            json!({ "statusCode": self.code, "message": self.message, "fields": self.fields });
        json!({ "success": false, "errors": [error] })
    }
}
