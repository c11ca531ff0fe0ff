// SPDX-License-Identifier: Apache-2.0
//! Exchanges with Zoho CRM, in the forms of its documentation (API v8), with other values.

use http::{HeaderMap, Method, StatusCode};

use super::examples::Example;

const RECORDS: &str = r##"{"data":[{"Last_Name":"M\u00fcller","Email":"a@b.de","Mobile":"040","Contact_Name":{"name":"Anna","id":"55"},"Tag":[{"name":"VIP","color_code":"#57B1FD"}],"Participants":[{"type":"email","participant":"a@b.de"}],"What_Id":{"name":"x","id":"7"},"$se_module":"Leads","Kids":[{"First_Name":"Max","id":"5"}],"id":"8"},{"Full_Name":"A B","Phone":49}],"trigger":["workflow"],"duplicate_check_fields":["Email"]}"##;
const ROWS: &str = r#"{"data":[{"code":"SUCCESS","details":{"id":"5","Created_By":{"name":"Jo","id":"9"}},"message":"done","status":"success"},{"code":"DUPLICATE_DATA","details":{"json_path":"$.data[1].Email","duplicate_record":{"id":"6","Owner":{"name":"Jo","id":"9"}}},"message":"t1","status":"error"}]}"#;
const LIST: &str = r#"{"data":[{"Full_Name":"t1 t2","Email":"t3","who":"t4","Owner":{"name":"Jo","id":"9","email":"jo@c.de"},"Account_Name.Phone":"t5","id":"5"},{"id":"6","deleted_time":"2026-01-02T00:00:00Z","display_name":"t1"}],"info":{"more_records":false}}"#;
const PARTS: &str = r#"{"rollback_on_fail":true,"__composite_requests":[{"sub_request_id":"1","method":"POST","uri":"/crm/v8/Leads","headers":{},"body":{"data":[{"Last_Name":"M"}]}},{"method":"GET","uri":"/crm/v8/Leads/search?criteria=(Email:equals:a%40b.de)","params":{"fields":"Email"}},{"method":"PUT","uri":"/crm/v8/Leads/@{1:$.data[0].details.id}","body":{"data":[{"Phone":"@{1:$.x}"}]}}]}"#;
const PARTS_ANSWERED: &str = r#"{"__composite_requests":[{"code":"SUCCESS","details":{"response":{"status_code":201,"headers":{},"body":{"data":[{"status":"success","details":{"id":"5"}}]}}}},{"details":{"response":{"status_code":200,"body":{"data":[{"Email":"t1","id":"5"}]}}}},{"status":"error","code":"PROCESSING_STOPPED","message":"t2","details":{}}]}"#;
const HISTORY: &str = r#"{"__timeline":[{"done_by":{"name":"Jo","id":"9"},"record":{"module":{"api_name":"Contacts"},"name":"t1","id":"55"},"field_history":[{"api_name":"Email","_value":{"new":"t3","old":null}}]}]}"#;
const QUERY: &str = r#"{"select_query":"select Email as who, Account_Name.Phone, COUNT(id) from Contacts where (Email = 'O''N' and Phone in (\"1\", 2)) or City != Ulm limit 5"}"#;
const SEARCH: &str = "/crm/v8/Contacts/search?criteria=((Email:equals:a%40b.de)or(City:in:Ulm%5C%2C,Bonn))&fields=Email&sort_by=id";

const READ: &str = r#"{"callback":{"url":"https://a.example/x","method":"post"},"query":{"module":{"api_name":"Contacts"},"fields":["Email","Owner.last_name"],"page":1,"criteria":{"group_operator":"and","group":[{"field":{"api_name":"Email"},"comparator":"equal","value":"a@b.de"},{"api_name":"Last_Name","comparator":"not_in","value":["M\u00fcller","x"]}]}},"file_type":"csv"}"#;
const JOB: &str = r#"{"id":"7","resource":[{"module":"Leads","field_mappings":[{"api_name":"Email","index":1,"default_value":{"value":"t1"}}]}],"created_by":{"id":"9","name":"Jo"},"result":{"download_url":"https://crm.example/v2/crm/1/bulk-write/7/7.zip"}}"#;

/// Method, target, body, status and answer.
const EXCHANGES: [(&str, &str, &str, u16, &str); 13] = [
    ("POST", "/crm/v8/Contacts", RECORDS, 207, ROWS),
    ("PUT", "/crm/v8/Events", RECORDS, 200, ROWS),
    ("POST", "/crm/v2.1/Leads/upsert", RECORDS, 200, ROWS),
    ("DELETE", "/crm/v8/Leads?ids=5,6&wf_trigger=false", "", 200, ROWS),
    ("GET", "/crm/v8/Contacts/55?fields=Email", "", 200, LIST),
    ("GET", "/crm/v8/Accounts/77/Contacts", "", 200, LIST),
    ("GET", SEARCH, "", 200, LIST),
    ("GET", "/crm/v8/Leads/search?email=a%40b.de", "", 400, ROWS),
    ("POST", "/crm/v8/coql", QUERY, 200, LIST),
    ("POST", "/crm/v8/__composite_requests", PARTS, 207, PARTS_ANSWERED),
    ("GET", "/crm/v8/Contacts/55/__timeline?sort_by=audited_time", "", 200, HISTORY),
    ("POST", "/crm/bulk/v8/read", READ, 201, ROWS),
    ("GET", "/crm/bulk/v8/write/7", "", 200, JOB),
];

pub fn examples() -> Vec<Example> {
    let example = |(method, target, body, status, answer): (&str, &str, &str, u16, &str)| Example {
        method: Method::from_bytes(method.as_bytes()).expect("a method"),
        target: target.into(),
        headers: HeaderMap::new(),
        body: body.into(),
        status: StatusCode::from_u16(status).expect("a status"),
        answer_headers: HeaderMap::new(),
        answer: answer.into(),
    };
    EXCHANGES.into_iter().map(example).collect()
}
