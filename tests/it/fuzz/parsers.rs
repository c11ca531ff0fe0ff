// SPDX-License-Identifier: Apache-2.0

use bytes::Bytes;
use zollhaus::carrier::csv::{Csv, Delimiter, LineEnding};
use zollhaus::carrier::json::Json;
use zollhaus::carrier::url::Target;
use zollhaus::carrier::{multipart, xml};
use zollhaus::query::odata::{self, Clause};
use zollhaus::query::{coql, fetchxml, graphql, soql, sosl, zoho_criteria};

/// A carrier or a query language: its name, what it reads, and its parser.
pub type Parser = (&'static str, &'static [&'static str], fn(&[u8]));

pub const PARSERS: &[Parser] = &[
    (
        "json",
        &[
            r#"{"a":"b","c":[1,2.50,-0,true,null,{"d":"\u00fc\ud83d\ude00\n"}]}"#,
            r#"[[],{},"",0,{"a":{"a":{"a":[[[]]]}}}]"#,
        ],
        |bytes| drop(Json::parse(bytes, 64)),
    ),
    (
        "url",
        &["/a/b%20c;d?e=f&g=h+i&e=%C3%BC#j", "/contacts(emailaddress1='a%27%27b@c.de')?$top=1"],
        |bytes| drop(Target::parse(&Bytes::copy_from_slice(bytes))),
    ),
    (
        "soql",
        &[
            "SELECT Id, (SELECT Email FROM Contacts c WHERE c.Email = 'a\\'b') FROM Account a, a.Owner o \
             WHERE (a.Name IN ('x', 'y') OR NOT Phone != null) AND Id IN (SELECT AccountId FROM Contact) \
             GROUP BY ROLLUP(Name) HAVING COUNT(Id) > 1 ORDER BY Name NULLS LAST LIMIT 5 OFFSET 2",
            "SELECT TYPEOF What WHEN Account THEN Phone ELSE Name END, toLabel(a) b FROM Event \
             WHERE CreatedDate = LAST_N_DAYS:30 AND x INCLUDES ('a;b') USING SCOPE mine FOR VIEW",
        ],
        |bytes| drop(soql::parse(&String::from_utf8_lossy(bytes))),
    ),
    (
        "graphql",
        &[
            "query Q($a: [E!]! = [\"x\"], $b: F) { u: uiapi @include(if: true) { query { C(where: {E: {in: $a}} \
             orderBy: {D: {order: ASC}} first: 1.5e3) { edges { node { ...f ... on C @optional { \
             E { value } } } } } } } } # c\nfragment f on R { N { value } }",
            "mutation { uiapi { CCreate(input: {C: {A: \"\"\"\n  b \\\"\"\" c\n\"\"\", D: \"\\u00fc\\ud83d\\ude00\\u{1F600}\", \
             F: null, G: [true, -0]}}) { Record { Id } } } }",
        ],
        |bytes| drop(graphql::parse(&String::from_utf8_lossy(bytes))),
    ),
    (
        "coql",
        &[
            "select Last_Name, 'What_Id->Leads.Email' as x, !Tasks.Owner, COUNT(id) as n, max(Phone) from \
             Tasks where ((a = 'O''N' and b in(\"c\", d, 1.5)) or e != true) and f not like '%x' group by a \
             order by n desc, a limit 10, 20",
            "select id from Leads where a is not null and b between 1 and -2 or c not in ('x') offset 3",
        ],
        |bytes| drop(coql::parse(&String::from_utf8_lossy(bytes))),
    ),
    (
        "zoho_criteria",
        &[
            "((Email:equals:a+b@c.de)and((Last_Name:in:Burns\\,B,C)or(A.b:not_equal:\\(x\\))))",
            "Created_Time:between:2024-02-01T18:52:56+00:00,2024-02-20T18:52:56Z and $x:starts_with:",
        ],
        |bytes| drop(zoho_criteria::parse(&String::from_utf8_lossy(bytes))),
    ),
    (
        "odata",
        &[
            "lastname eq 'O''Brien' and not (a in ('x',1) or contains(b,'c')) and \
             d/any(e:e/f ne 2026-11-24T10:00:00Z) and g eq 70bf4d48-34cb-ed11-b596-0022481d68cd",
            "Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=['a',\"b\\u00fc\"])",
            "a($select=b;$filter=c eq 'd';$expand=e($orderby=f desc);$top=3),g/$ref",
            "filter(a eq 'b')/groupby((c,d/e),aggregate($count as n,f with sum as g))",
            "contacts(lastname='x',emailaddress1=@p1)",
        ],
        |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let alias = |_: &str| Some("'lastname'".to_owned());
            for clause in
                [Clause::Filter, Clause::OrderBy, Clause::Select, Clause::Expand, Clause::Apply]
            {
                drop(odata::parse(clause, &text, &alias));
            }
            drop((odata::segment(&text), odata::literals(&text)));
        },
    ),
    (
        "fetchxml",
        &[
            "<?xml version='1.0'?><fetch top='5' paging-cookie='&lt;cookie/&gt;'><entity name='contact'>\
           <attribute name='a' alias='b'/><order attribute='c'/><filter type='or'>\
           <condition attribute='d' operator='eq' uiname='e' value='f&amp;&#228;'/>\
           <condition entityname='l' attribute='g' operator='in'><value>h</value></condition></filter>\
           <link-entity name='account' from='i' to='j' alias='l'/></entity></fetch>",
        ],
        |bytes| drop(fetchxml::parse(&String::from_utf8_lossy(bytes))),
    ),
    (
        "xml",
        &[
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><e:a xmlns:e='u' xmlns='v' e:b='1'><c xmlns=''/>\
             <d xmlns:x='http://www.w3.org/2001/XMLSchema-instance' x:type='e:f' x:nil='true'/>\
             <g>h&amp;&#228;<![CDATA[<i>]]]]><![CDATA[>]]>\r\n</g></e:a>",
        ],
        |bytes| drop(xml::parse_namespaced(&String::from_utf8_lossy(bytes))),
    ),
    (
        "multipart",
        &["--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
           POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\r\n--b\nA: b\n\nGET /b HTTP/1.1\n\n--b--\n"],
        |bytes| {
            for part in multipart::parts(bytes, 0..bytes.len(), "b").into_iter().flatten() {
                drop(part.message(bytes));
            }
        },
    ),
    (
        "sosl",
        &[
            "FIND {\"a\\-b@c.de\"} IN EMAIL FIELDS RETURNING Contact(Id, toLabel(x) WHERE \
             Email IN ('a', 'b') ORDER BY Name LIMIT 5), Lead WITH SPELL_CORRECTION = false LIMIT 9",
            "find {(a OR b*) AND NOT \"c d\"} returning Account(Name USING ListView=x) UPDATE VIEWSTAT",
        ],
        |bytes| drop(sosl::parse(&String::from_utf8_lossy(bytes))),
    ),
    (
        "csv",
        &["a,b\n\"x, \"\"y\"\"\nz\",\n,\"\"\n", "Id;Account.Ext__c\r\n1;\"2;3\"\r\n"],
        |bytes| {
            for delimiter in [Delimiter::Comma, Delimiter::Semicolon] {
                drop(Csv::parse(bytes, delimiter, LineEnding::Either));
            }
        },
    ),
];
