// SPDX-License-Identifier: Apache-2.0

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::*;

async fn people() -> Fixture {
    let fixture = Fixture::new().await;
    for fields in [
        json!({ "LastName": "Müller", "FirstName": "Anna", "Email": "anna@example.com", "Birthdate": "1984-02-29" }),
        json!({ "LastName": "O'Brien", "Email": "j.o'brien+crm@example.org", "Score__c": 10 }),
        json!({ "LastName": "100%_\\", "FirstName": "Zoë", "Score__c": 9 }),
    ] {
        fixture.sobject("Contact", fields).await;
    }
    fixture
}

async fn query(fixture: &Fixture, resource: &str, soql: &str) -> (u16, Value) {
    let q = utf8_percent_encode(soql, NON_ALPHANUMERIC);
    fixture.call("GET", &format!("/services/data/v62.0/{resource}?q={q}"), Value::Null).await
}

#[tokio::test]
async fn conditions_choose_rows() {
    let fixture = people().await;
    let check = async |rest: &str, expected: &[&str]| {
        let soql = format!("SELECT LastName FROM Contact {rest}");
        let (status, body) = query(&fixture, "query", &soql).await;
        assert_eq!(status, 200, "{soql}: {body}");
        let rows = body["records"].as_array().unwrap();
        let names: Vec<_> = rows.iter().map(|row| row["LastName"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{soql}");
    };
    let (mueller, obrien, percent) = ("Müller", "O'Brien", "100%_\\");
    check("", &[mueller, obrien, percent]).await;
    check("WHERE Email = 'ANNA@example.COM'", &[mueller]).await;
    check(r"where lastname = 'o\'BRIEN'", &[obrien]).await;
    check("WHERE Email != 'anna@example.com'", &[obrien, percent]).await;
    check("WHERE Email <> null", &[mueller, obrien]).await;
    check("WHERE Email = null", &[percent]).await;
    check("WHERE Email = ''", &[percent]).await;
    check("WHERE LastName IN ('müller', 'nobody')", &[mueller]).await;
    check("WHERE LastName NOT IN ('müller')", &[obrien, percent]).await;
    check("WHERE LastName LIKE 'm_ll%'", &[mueller]).await;
    check("WHERE Email LIKE '%example.%'", &[mueller, obrien]).await;
    check(r"WHERE LastName LIKE '100\%\_%'", &[percent]).await;
    check("WHERE NOT LastName LIKE '%r%'", &[percent]).await;
    check("WHERE Score__c > 9", &[obrien]).await;
    check("WHERE Score__c >= 9 AND Score__c <= 10", &[obrien, percent]).await;
    check("WHERE LastName < 'b'", &[percent]).await;
    check("WHERE Birthdate = 2001-02-29", &[mueller]).await;
    check(
        "WHERE Name = 'Anna Müller' OR (Score__c = 9 AND FirstName = 'Zoë')",
        &[mueller, percent],
    )
    .await;
    check("WHERE IsDeleted = true", &[]).await;
    check("ORDER BY LastName DESC", &[obrien, mueller, percent]).await;
    check("ORDER BY Email NULLS LAST, LastName", &[mueller, obrien, percent]).await;
    check("ORDER BY Email ASC", &[percent, mueller, obrien]).await;
    check("ORDER BY LastName LIMIT 1 OFFSET 1", &[mueller]).await;
}

#[tokio::test]
async fn counting_and_the_recycle_bin() {
    let fixture = people().await;
    let id = fixture.crm.stored()[0].id.clone();
    let target = format!("/services/data/v62.0/sobjects/Contact/{id}");
    fixture.call("DELETE", &target, Value::Null).await;
    let count = "SELECT COUNT() FROM Contact";
    let expected = |n| (200, json!({ "totalSize": n, "done": true, "records": [] }));
    assert_eq!(query(&fixture, "query", count).await, expected(2));
    assert_eq!(query(&fixture, "queryAll", count).await, expected(3));
}

#[tokio::test]
async fn what_is_not_soql_is_refused() {
    let fixture = people().await;
    let check = async |soql: &str, code: &str| {
        let (status, body) = query(&fixture, "query", soql).await;
        assert_eq!((status, &body[0]["errorCode"]), (400, &json!(code)), "{soql}");
    };
    check("", "MALFORMED_QUERY").await;
    check("SELECT Id", "MALFORMED_QUERY").await;
    check("SELECT Id FROM Contact WHERE Email = 'a", "MALFORMED_QUERY").await;
    check("SELECT Id FROM Contact WHERE Email = \"a\"", "MALFORMED_QUERY").await;
    check("SELECT Id FROM Contact WHERE Id = 'a' AND Id = 'b' OR Id = 'c'", "MALFORMED_QUERY")
        .await;
    check("SELECT Id FROM Contact GROUP BY Id", "MALFORMED_QUERY").await;
    check("SELECT MAX(Id) FROM Contact", "MALFORMED_QUERY").await;
    check("SELECT Id FROM Contact LIMIT x", "MALFORMED_QUERY").await;
    let nested = format!("SELECT Id FROM Contact WHERE {}Id = 'a'", "NOT ".repeat(100));
    check(&nested, "MALFORMED_QUERY").await;
    check("SELECT Foo FROM Contact", "INVALID_FIELD").await;
    check("SELECT Id FROM Contact WHERE Foo = 'a'", "INVALID_FIELD").await;
    check("SELECT Id FROM Contact ORDER BY Foo", "INVALID_FIELD").await;
    check("SELECT Id FROM Contact WHERE Description = 'a'", "INVALID_FIELD").await;
    check("SELECT Id FROM Gadget", "INVALID_TYPE").await;
}
