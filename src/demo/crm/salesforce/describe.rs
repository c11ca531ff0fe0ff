// SPDX-License-Identifier: Apache-2.0
//! What objects and fields there are.

use http::StatusCode;
use serde_json::{Value, json};

use crate::demo::crm::message::Answer;

use super::Api;
use super::schema::{Field, Kind, Object, STANDARD};

pub(super) fn global(version: &str) -> Answer {
    let sobjects: Vec<Value> = STANDARD.iter().map(|object| summary(object, version)).collect();
    let body = json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": sobjects });
    Answer::json(StatusCode::OK, body)
}

fn summary(object: &Object, version: &str) -> Value {
    let url = format!("/services/data/{version}/sobjects/{}", object.name);
    json!({
        "name": object.name,
        "label": object.name,
        "labelPlural": format!("{}s", object.name),
        "keyPrefix": object.key_prefix,
        "custom": object.name.ends_with("__c"),
        "createable": true,
        "updateable": true,
        "deletable": true,
        "queryable": true,
        "retrieveable": true,
        "urls": {
            "sobject": url,
            "describe": format!("{url}/describe"),
            "rowTemplate": format!("{url}/{{ID}}"),
        },
    })
}

impl Api<'_, '_> {
    pub(super) fn basic(&self, object: &Object) -> Answer {
        let recent: Vec<Value> = Vec::new();
        let body =
            json!({ "objectDescribe": summary(object, self.version), "recentItems": recent });
        Answer::json(StatusCode::OK, body)
    }

    pub(super) fn describe(&self, object: &Object) -> Answer {
        let mut body = summary(object, self.version);
        let computed = object.computed().map(|name| computed(&name));
        let fields = computed.chain(object.fields.iter().map(|field| described(object, field)));
        if let Some(body) = body.as_object_mut() {
            body.insert("fields".to_owned(), fields.collect());
        }
        let origin = self.desk.origin;
        let pages = [
            ("uiDetailTemplate", format!("{origin}/{{ID}}")),
            ("uiEditTemplate", format!("{origin}/{{ID}}/e")),
            ("uiNewRecord", format!("{origin}/{}/e", object.key_prefix)),
        ];
        if let Some(urls) = body.get_mut("urls").and_then(Value::as_object_mut) {
            urls.extend(pages.map(|(name, url)| (name.to_owned(), url.into())));
        }
        Answer::json(StatusCode::OK, body)
    }
}

fn described(object: &Object, field: &Field) -> Value {
    let is_filterable = field.kind != Kind::LongText;
    json!({
        "name": field.name,
        "label": field.label,
        "type": field.kind.word(),
        "length": field.length,
        "nillable": !object.required.contains(&field.name),
        "createable": true,
        "updateable": true,
        "filterable": is_filterable,
        "sortable": is_filterable,
        "idLookup": field.kind == Kind::Email,
        "externalId": false,
        "unique": false,
        "caseSensitive": false,
    })
}

fn computed(name: &str) -> Value {
    let (kind, length) = match name {
        "Id" => ("id", 18),
        "IsDeleted" => ("boolean", 0),
        "Name" => ("string", 121),
        _ if name.ends_with("Address") => ("address", 0),
        _ => ("datetime", 0),
    };
    json!({
        "name": name,
        "label": name,
        "type": kind,
        "length": length,
        "nillable": false,
        "createable": false,
        "updateable": false,
        "filterable": true,
        "sortable": kind != "address",
        "idLookup": name == "Id",
        "externalId": false,
        "unique": false,
        "caseSensitive": false,
    })
}
