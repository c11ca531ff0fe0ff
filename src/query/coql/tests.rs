// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;

use super::{Path, SyntaxError, parse};
use crate::carrier::{Codec, Role, Value, Widening};

fn spelled(path: &Path) -> String {
    let steps = path.steps.iter().map(|step| match &step.module {
        Some(module) => format!("{}->{module}", step.name),
        None => step.name.clone(),
    });
    let module = path.module.iter().map(|module| format!("!{module}"));
    module.chain(steps).collect::<Vec<_>>().join(".")
}

/// Columns, literals with what stands at their places, and uses.
fn lines(text: &str) -> Vec<String> {
    let query = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let columns = query.columns.iter().map(|column| {
        let field = column.field.as_ref().map_or_else(|| "-".to_owned(), spelled);
        format!("{field} as {}", column.key)
    });
    let compared = query.comparisons.iter().map(|found| {
        let value = match &found.value {
            Value::Text(text) => text.expose(),
            _ => "-",
        };
        let raw = &text[found.span.clone()];
        let list = match &found.widening {
            Widening::Elements => ",",
            Widening::Lists { further, .. } => further[0].1,
            Widening::List(_) | Widening::Repetition { .. } => "other",
        };
        let sense = match &found.role {
            Role::Pattern { operator, .. } => format!(" {operator}"),
            _ => String::new(),
        };
        format!("{} {raw} {value}{list}{sense}", spelled(&found.field))
    });
    let uses =
        query.uses.iter().map(|found| format!("{} {}", spelled(&found.field), found.operator));
    std::iter::once(query.module.clone()).chain(columns).chain(compared).chain(uses).collect()
}

#[test]
fn a_condition_says_how_it_becomes_several() {
    let check = |condition: &str, expected: &str| {
        let text = format!("select id from Contacts where (({condition} and x = 1) or y = 2)");
        let query = parse(&text).unwrap();
        let Widening::Lists { further, from, between, .. } = &query.comparisons[0].widening else {
            panic!("{condition}");
        };
        let (operator, list) = &further[0];
        let head = &text[*from..operator.start];
        let foot = &text[operator.end..query.comparisons[0].span.start];
        assert_eq!(format!("({head}{list}{foot}[]{between}[])"), expected, "{condition}");
    };
    check("Last_Name = 'a'", "(Last_Name  in  [] or Last_Name  in [])");
    check("'Owner.name'!='a'", "('Owner.name' not in [] and 'Owner.name' not in [])");
    check("Last_Name like 'a%'", "(Last_Name in [] or Last_Name in [])");
    check("Last_Name not like '%a'", "(Last_Name not in [] and Last_Name not in [])");
}

#[test]
fn queries_are_taken_apart() {
    let check = |text, expected: &[&str]| assert_eq!(lines(text), expected, "{text}");
    check(
        "select Last_Name, Account_Name.Parent_Account.Account_Name as top from Contacts where \
         ((Last_Name = 'O''Neil' and Email in(\"a@b.example\", 'c')) or Lead_Source != Partner) \
         limit 10, 200",
        &[
            "Contacts",
            "Last_Name as Last_Name",
            "Account_Name.Parent_Account.Account_Name as top",
            "Last_Name 'O''Neil' O'Neil in ",
            "Email \"a@b.example\" a@b.example,",
            "Email 'c' c,",
            "Lead_Source Partner Partner not in ",
        ],
    );
    check(
        "SELECT 'What_Id->Leads.Last_Name', \"External\" FROM Tasks WHERE \
         ('What_Id->Leads.id' in ('1') AND !Tasks.Owner.id=5) and Done = true OFFSET 2",
        &[
            "Tasks",
            "What_Id->Leads.Last_Name as What_Id->Leads.Last_Name",
            "External as External",
            "What_Id->Leads.id '1' 1,",
            "!Tasks.Owner.id 5 5 in ",
        ],
    );
    check(
        "select COUNT(id) as n, max(Last_Name), Count(*) from Leads where Email like 'a%' and \
         Phone not like '%1%' and A between 1 and -2.5 and B not between 'x' and 'y' and C >= 3 \
         and D is not null and E not in (1) group by City order by Last_Name desc, n limit 5 offset 1",
        &[
            "Leads",
            "- as n",
            "Last_Name as MAX(Last_Name)",
            "- as COUNT(*)",
            "Email 'a%' a%in like",
            "Phone '%1%' %1%in like",
            "E 1 1,",
            "id COUNT",
            "Last_Name MAX",
            "A between",
            "B not between",
            "C >=",
            "D a test for a value",
            "City group by",
            "Last_Name order by",
            "n order by",
        ],
    );
}

#[test]
fn what_is_not_understood_is_refused() {
    let check = |text: &str, expected| assert_eq!(parse(text).err(), Some(expected), "{text}");
    let missing = |expected, at| SyntaxError::Expected { expected, at };
    check("", missing("select", 0));
    check("delete from Contacts", missing("select", 0));
    check("select a from b c", missing("the end of the query", 16));
    check("select a from b where c = (select d from e)", missing("a value", 26));
    check("select a from b where c = 'x\\'y'", SyntaxError::Literal(26));
    check("select a from b where c = 'x", SyntaxError::Literal(26));
    check("select a from b where c = 1e", SyntaxError::Literal(26));
    check("select a from b where c <> 1", missing("a value", 25));
    check("select a from b where c = ${TODAY}", SyntaxError::Character(27));
    check("select a from b where 'c d' = 1", missing("a name", 22));
    check("select a from b where upper(c) = 1", missing("an operator", 27));
    check("select a from b limit -1", missing("a count", 22));
    check("select a from b; select", SyntaxError::Character(15));
    let deep = format!("select a from b where {}", "(".repeat(40));
    check(&deep, SyntaxError::TooDeep(55));
    let far = "a.".repeat(32);
    assert!(parse(&format!("select {}b from c", &far[2..])).is_ok());
    check(&format!("select {far}b from c"), SyntaxError::TooDeep(7));
    check(&format!("select '{far}b' from c"), SyntaxError::TooDeep(7));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(query in "(select |from |where |in |not |is null|[(),.=<>!:'\"*]|->|[a-z0-9ü \n-]{1,4}){0,30}") {
        let _ = parse(&query);
    }

    #[test]
    fn literals_are_read_back(text in "[a-zü' \"%]{1,20}") {
        let query = format!("select a from b where c = {}", Codec::Coql.literal(&text));
        let found = parse(&query).unwrap().comparisons.remove(0);
        prop_assert_eq!(found.value, Value::from(text));
    }
}

#[test]
fn conditions_tell_whether_others_are_found() {
    for (condition, finds_others) in [
        ("Email = 'a'", false),
        ("(Email = 'a' and Phone in ('1', '2')) and Last_Name like 'x%'", false),
        ("Email = 'a' or Phone = '1'", true),
        ("Email != 'a'", true),
        ("Email not in ('a')", true),
    ] {
        let query = parse(&format!("select Email from Contacts where {condition}")).unwrap();
        assert_eq!(query.finds_others, finds_others, "{condition}");
    }
}
