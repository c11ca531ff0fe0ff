// SPDX-License-Identifier: Apache-2.0
//! Searches and COQL.

use super::{check, locate, names, read_answer, refused, render};
use crate::carrier::{Document, Replacement};
use crate::crm::testkit::all_lines;

fn search(parameters: &str) -> String {
    format!("/crm/v8/Contacts/search?{parameters}")
}

#[test]
fn criteria_are_located() {
    check(
        "GET",
        &search(
            "criteria=((Email:equals:a%2Bx@b.de)and(Last_Name:in:Burns%5C%2CB,C))or(City:not_equal:Ulm)&fields=Email",
        ),
        "",
        &[
            "record.search contacts",
            "0 contacts.email Equality* a+x@b.de",
            "0 contacts.last_name Equality* Burns,B",
            "0 contacts.last_name Equality* C",
            "0 contacts.city Equality Ulm",
        ],
    );
    check(
        "GET",
        &search(
            "criteria=(Last_Name:starts_with:M)and(Created_Time:between:2024-02-01T18:52:56%2B00:00,2024-02-02T00:00:00Z)and(Full_Name:equals:Anna)and(Fax:equals:${EMPTY})",
        ),
        "",
        &[
            "record.search contacts",
            "0 contacts.last_name Pattern { pattern: Pattern { parts: 1, .. }, operator: \"starts_with\" }* M",
            "0 contacts.full_name Equality* Anna",
            "use contacts.created_time between",
            "use contacts.created_time between",
            "use contacts.first_name equals",
            "use contacts.last_name equals",
            "use contacts.fax equals",
        ],
    );
    // Lookups are compared by id, or by what their records are called.
    check(
        "GET",
        &search(
            "criteria=(Account_Name:equals:77)or(Account_Name:equals:Weingut)or(Owner.id:equals:9)or(Reporting_To:equals:Anna)or(Account_Name.Phone:equals:1)",
        ),
        "",
        &[
            "record.search contacts",
            "0 accounts.account_name Equality* Weingut",
            "0 contacts.full_name Equality* Anna",
            "0 accounts.phone Equality* 1",
            "use contacts.first_name equals",
            "use contacts.last_name equals",
        ],
    );
    let target = search("criteria=(Email:equals:a@b.de)&page=1");
    let located = locate("GET", &target, "").unwrap();
    let both = Replacement::AnyOf(vec!["t1".to_owned(), "t(2)".to_owned()]);
    assert_eq!(
        render(&located.target, &both),
        search("criteria=(Email:in:t1%2Ct%5C%282%5C%29)&page=1")
    );
    assert_eq!(render(&located.target, &Replacement::Keep), target);
}

#[test]
fn other_searches_are_located() {
    check(
        "GET",
        &search("email=a%40b.de"),
        "",
        &["record.search contacts", "0 contacts.email Equality a@b.de"],
    );
    check(
        "GET",
        "/crm/v8/Leads/actions/count?phone=040",
        "",
        &["record.count leads", "0 leads.phone Equality 040"],
    );
    check(
        "GET",
        &search("word=Anna&sort_by=Last_Name"),
        "",
        &["record.search contacts", "use contacts.last_name sort_by", "use contacts.* word"],
    );
    check("GET", "/crm/v8/Contacts?sort_by=Modified_Time", "", &["record.list contacts"]);
    for (parameters, expected) in [
        ("criteria=(Email:equals:a,b)", "needs a backslash"),
        ("criteria=(Guardian.Email:equals:a@b.de)", "a module that is not known"),
        ("criteria=(Email:resembles:a@b.de)", "an operator that is not known"),
    ] {
        let message = refused("GET", &search(parameters), "");
        assert!(message.contains(expected) && !message.contains("b.de"), "{message}");
    }
}

fn query(text: &str) -> String {
    serde_json::json!({ "select_query": text }).to_string()
}

#[test]
fn coql_is_located() {
    check(
        "POST",
        "/crm/v8/coql",
        &query(
            "select Last_Name, Account_Name.Account_Name from Contacts where (Email = 'a@b.de' and Account_Name.Account_Name in (\"Weingut\", 'x')) and (Owner = '9' and (Account_Name.id = 77 and Contacts_Own.id != 5)) order by Email desc limit 2",
        ),
        &[
            "query contacts",
            "0 contacts.email Equality* a@b.de",
            "0 accounts.account_name Equality* Weingut",
            "0 accounts.account_name Equality* x",
            "use contacts.email order by",
        ],
    );
    check(
        "POST",
        "/crm/v8/coql",
        &query(
            "select 'What_Id->Leads.Email' from Tasks where 'What_Id->Leads.Email' != 'a' and Subject like '%x' group by Full_Name",
        ),
        &[
            "query tasks",
            "0 leads.email Equality* a",
            "0 tasks.subject Pattern { pattern: Pattern { parts: 1, .. }, operator: \"like\" }* %x",
            "use tasks.full_name group by",
        ],
    );
    let body = query("select a from Leads where Email = 'O''Neil' and Full_Name = 'x'");
    let located = locate("POST", "/crm/v8/coql", &body).unwrap();
    assert_eq!(located.uses.len(), 2, "what is composed is asked of its parts");
    let both = Replacement::AnyOf(vec!["t\"1".to_owned(), "t'2".to_owned()]);
    assert_eq!(
        render(&located.body, &both),
        r#"{"select_query":"select a from Leads where Email  in  ('t\"1','t''2') and Full_Name  in  ('t\"1','t''2')"}"#
    );
    for (text, expected) in [
        ("select a from b where Guardian.Email = 'a@b.de'", "leads to a module that is not known"),
        ("select Email as ID from Contacts", "takes the name of the id"),
        ("select COUNT(id) as id from Contacts", "takes the name of the id"),
        ("select Email as x, Phone as X from Contacts", "two columns have the same name"),
        ("select Email as Phone from Contacts where Phone = 'a@b.de'", "can be read in two ways"),
        ("select a from b where c = 'a@b.de", "a malformed literal"),
    ] {
        let message = refused("POST", "/crm/v8/coql", &query(text));
        assert!(message.contains(expected) && !message.contains("a@b.de"), "{message}");
    }
    refused("POST", "/crm/v8/coql", r#"{"select_query":"select a from b","other":1}"#);
}

#[test]
fn rows_of_queries_are_read_by_their_columns() {
    let text = "select Last_Name as Who, Email, Account_Name, Account_Name.Account_Name, Owner.email as boss, COUNT(id) as n from Contacts where id is not null";
    let request = locate("POST", "/crm/v8/coql", &query(text)).unwrap();
    let body = r#"{"data":[{"Who":"t1","Email":"t2","Account_Name":{"id":"77"},"Account_Name.Account_Name":"Weingut","boss":"jo@c.de","n":2,"id":"55"}],"info":{"count":1,"more_records":false}}"#;
    let answer = read_answer(&request, 200, body).unwrap();
    assert_eq!(
        all_lines(&answer.body),
        [
            "0 contacts.last_name Stored t1",
            "0 contacts.email Stored t2",
            "2 accounts.account_name Stored Weingut",
            "3 users.email Stored jo@c.de",
            "0 contacts.n Stored 2",
        ]
    );
    assert_eq!(names(&answer.records), ["0 contacts 55", "1 accounts 77", "2 accounts 77"]);
    // A name that something else took does not name a record.
    let text = "select Owner as Account_Name, Account_Name.Phone from Contacts where id = '5'";
    let request = locate("POST", "/crm/v8/coql", &query(text)).unwrap();
    let body = r#"{"data":[{"Account_Name":{"id":"9"},"Account_Name.Phone":"t1","id":"55"}]}"#;
    let answer = read_answer(&request, 200, body).unwrap();
    assert_eq!(names(&answer.records), ["0 contacts 55", "1 users 9"]);
    let answer = read_answer(&request, 204, "").unwrap();
    assert_eq!(answer.body.bytes(), Document::default().bytes());
}
