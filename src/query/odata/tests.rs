// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;

use super::{Clause, Found, Operand, Path, SyntaxError, literals, parse, segment};
use crate::carrier::{Codec, Document, Occurrence, Replacement, Role, Slot, Value, Widening};

fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text.expose(),
        _ => "-",
    }
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Alias(name) => format!("@{name}"),
        Operand::Literal { literal, widening } => {
            let mark = match widening {
                None => "",
                Some(Widening::Elements) => "+",
                Some(_) => "*",
            };
            format!("{}{mark}", text(&literal.value))
        }
    }
}

/// An option in one line: what is compared, what is used, which aliases pass.
fn summary(found: &Found) -> String {
    let path = |path: &Path| path.names.join("/");
    let compared = found.comparisons.iter().map(|it| {
        let sense = match &it.role {
            Role::Pattern { operator, .. } => operator,
            _ => "=",
        };
        format!("{} {sense} {}", path(&it.field), operand(&it.with))
    });
    let used = found.uses.iter().map(|it| format!("{} by {}", path(&it.field), it.operator));
    let passed = found.passed.iter().map(|name| format!("@{name} passes"));
    let computed = found.computed.iter().map(|name| format!("{name} is computed"));
    compared.chain(used).chain(passed).chain(computed).collect::<Vec<_>>().join("; ")
}

fn alias(name: &str) -> Option<String> {
    (name == "p1").then(|| "'lastname'".to_owned())
}

fn parsed(clause: Clause, text: &str) -> Result<String, SyntaxError> {
    parse(clause, text, &alias).map(|found| summary(&found))
}

#[test]
fn filters_are_taken_apart() {
    let check = |filter: &str, expected: &str| {
        assert_eq!(parsed(Clause::Filter, filter), Ok(expected.to_owned()), "{filter}");
    };
    check("lastname eq 'O''Brien'", "lastname = O'Brien*");
    check("'x' ne lastname", "lastname = x*");
    check(
        "emailaddress1 eq 'a@b.de' and (lastname eq 'x' or telephone1 ne null)",
        "emailaddress1 = a@b.de*; lastname = x*; telephone1 by a test for a value",
    );
    check("not (a eq 1) and not b eq -2.5e3", "a = 1*; b = -2.5e3*");
    check(
        "d eq 2026-11-24 and t eq 2026-11-24T10:00:00.123Z and u eq 2026-11-24T10:00:00+01:00",
        "d = 2026-11-24*; t = 2026-11-24T10:00:00.123Z*; u = 2026-11-24T10:00:00+01:00*",
    );
    check(
        "_ownerid_value eq 70bf4d48-34cb-ed11-b596-0022481d68cd and donotemail and a eq true",
        "_ownerid_value = 70bf4d48-34cb-ed11-b596-0022481d68cd*",
    );
    check(
        "lastname in ('x', 'y') and a in (1,null)",
        "lastname = x+; lastname = y+; a = 1+; a by a test for a value",
    );
    check("lastname eq @p2 or createdon gt @p3", "lastname = @p2; createdon by gt; @p3 passes");
    check(
        "contains(fullname,'ller') or startswith(emailaddress1,@p2) and not endswith(a, 'x')",
        "fullname contains ller*; a endswith x*; emailaddress1 by startswith; @p2 passes",
    );
    check(
        "contains(a,'x') eq true and startswith('x',a) and endswith(tolower(a),'x') and contains(a,'50%')",
        "a by contains; a by startswith; a by endswith; a by contains",
    );
    check(
        "tolower(trim(lastname)) eq 'x' and a le b and c eq d",
        "lastname by tolower; a by le; b by le; c by comparing properties; d by comparing properties",
    );
    check(
        "primarycontactid/emailaddress1 eq 'x' and contact_customer_accounts/any(c:c/lastname eq 'y' \
         and c/Contact_Emails/all(e:e/subject ne 'z' and name eq 'n'))",
        "primarycontactid/emailaddress1 = x*; contact_customer_accounts/lastname = y*; \
         contact_customer_accounts/Contact_Emails/subject = z*; name = n*",
    );
    check("contact_customer_accounts/any()", "");
    check(
        "Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=['x',\"y\\u00fc\"])",
        "lastname = x+; lastname = yü+",
    );
    check(
        "Microsoft.Dynamics.CRM.NotIn(PropertyName=@p1,PropertyValues=@p2)",
        "lastname = @p2; @p1 passes",
    );
    check(
        "primarycontactid/Microsoft.Dynamics.CRM.In(PropertyName='fullname',PropertyValues=['x']) \
         and Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=7) \
         and Microsoft.Dynamics.CRM.Between(PropertyName='birthdate',PropertyValues=['1','2'])",
        "primarycontactid/fullname = x+; createdon by a query function; birthdate by Between",
    );
}

#[test]
fn other_options_are_taken_apart() {
    let check = |clause, option: &str, expected: &str| {
        assert_eq!(parsed(clause, option), Ok(expected.to_owned()), "{option}");
    };
    check(
        Clause::OrderBy,
        "createdon desc, primarycontactid/fullname asc,a",
        "createdon by $orderby; primarycontactid/fullname by $orderby; a by $orderby",
    );
    check(Clause::Select, "fullname,_parentcustomerid_value, *", "");
    check(Clause::Expand, "primarycontactid,contact_customer_accounts/$ref", "");
    check(
        Clause::Expand,
        "contact_customer_accounts($select=fullname;$filter=lastname eq 'x;)';$orderby=a desc;\
         $top=3;$count=true;$expand=createdby($filter=domainname eq 'y')),ownerid($levels=2)",
        "contact_customer_accounts/lastname = x;)*; \
         contact_customer_accounts/createdby/domainname = y*; contact_customer_accounts/a by $orderby",
    );
    check(
        Clause::Apply,
        "filter(lastname eq 'x')/groupby((statuscode,primarycontactid/fullname),\
         aggregate($count as n,revenue with sum as total,lastname with countdistinct as l))",
        "lastname = x*; statuscode by groupby; primarycontactid/fullname by groupby; \
         revenue by sum; lastname by countdistinct; n is computed; total is computed; l is computed",
    );
}

#[test]
fn what_is_not_understood_is_refused() {
    let check = |clause, option: &str, expected: SyntaxError| {
        assert_eq!(parsed(clause, option), Err(expected), "{option}");
    };
    let expected = |expected, at| SyntaxError::Expected { expected, at };
    let filter = Clause::Filter;
    check(filter, "", expected("a name", 0));
    check(filter, "a eq", expected("a name", 4));
    check(filter, "a eq 'x' b", expected("the end", 9));
    check(filter, "a eq 'x", SyntaxError::Literal(5));
    check(filter, "a eq \"x\"", SyntaxError::Literal(5));
    check(filter, "a eq guid'x'", expected("the end", 9));
    check(filter, "a has 'x'", expected("the end", 2));
    check(filter, "a add 1 eq 2", expected("the end", 2));
    check(filter, "a eq 1x", SyntaxError::Literal(5));
    check(filter, "a eq 2026-1-2", SyntaxError::Literal(5));
    check(filter, "a eq #x", SyntaxError::Character(5));
    check(filter, "a\u{a0}eq 1", SyntaxError::Character(1));
    check(filter, "$it/a eq 1", expected("a name", 0));
    check(filter, "a.b eq 1", expected("a name", 0));
    check(filter, "soundex(a) eq 'x'", expected("a known function", 0));
    check(filter, "contains('x','y')", expected("a property", 16));
    check(filter, "now('x') eq 1", expected("a property", 7));
    check(filter, "'x' eq 'y'", expected("a property", 10));
    check(filter, "'x'", expected("an operator", 3));
    check(filter, "(a eq 1", expected(")", 7));
    check(filter, "a in ()", expected("a value", 6));
    check(filter, "a in ('x',)", expected("a value", 10));
    check(filter, "a in (@p1)", expected("a value", 9));
    check(filter, "x/any(c:x/any(c:c/a eq 1))", expected("a variable of its own", 10));
    check(filter, "any(c:c/a eq 1)", expected("a known function", 0));
    check(filter, "Microsoft.Dynamics.CRM.In(PropertyValues=['x'])", expected("PropertyName", 26));
    check(
        filter,
        "Microsoft.Dynamics.CRM.In(PropertyName='a b',PropertyValues=['x'])",
        expected("the name of a property", 39),
    );
    check(
        filter,
        "Microsoft.Dynamics.CRM.In(PropertyName=@p9,PropertyValues=['x'])",
        expected("the name of a property", 39),
    );
    check(
        filter,
        "Microsoft.Dynamics.CRM.In(PropertyName='a',PropertyValues='x')",
        expected("a list", 61),
    );
    check(Clause::OrderBy, "a b", expected("the end", 2));
    check(Clause::Select, "'x'", expected("a name", 0));
    check(Clause::Expand, "a($filter=b eq 'x'", expected(")", 18));
    check(Clause::Expand, "a($search=b)", expected("a known option", 10));
    check(Clause::Expand, "a/$value", expected("$ref", 2));
    check(Clause::Apply, "compute(a as b)", expected("a known transformation", 8));
    check(Clause::Apply, "aggregate(a with median as b)", expected("a known method", 17));
}

#[test]
fn segments_and_aliases_are_taken_apart() {
    let check = |text: &str, expected: &str| {
        let segment = segment(text).unwrap();
        let arguments = segment.arguments.map(|arguments| {
            let list = arguments
                .iter()
                .map(|it| format!("{}:{}", it.name.unwrap_or("-"), operand(&it.value)));
            format!("({})", list.collect::<Vec<_>>().join(","))
        });
        assert_eq!(format!("{}{}", segment.name, arguments.unwrap_or_default()), expected);
    };
    check("contacts", "contacts");
    check("$metadata", "$metadata");
    check("WhoAmI()", "WhoAmI()");
    check("Microsoft.Dynamics.CRM.CreateMultiple", "Microsoft.Dynamics.CRM.CreateMultiple");
    check(
        "contacts(70bf4d48-34cb-ed11-b596-0022481d68cd)",
        "contacts(-:70bf4d48-34cb-ed11-b596-0022481d68cd)",
    );
    check("contacts(lastname='O''Brien',a=7,b=@p1)", "contacts(lastname:O'Brien,a:7,b:@p1)");
    for refused in ["", "a b", "a(", "a(b=)", "a(b='x'", "a()b", "a(b=['x'])", "a(x)", "'a'"] {
        assert!(segment(refused).is_err(), "{refused}");
    }

    let check = |text: &str, expected: &[&str]| {
        let found: Vec<String> = literals(text).unwrap().iter().map(operand).collect();
        assert_eq!(found, expected);
    };
    check("'Gro''ß'", &["Gro'ß"]);
    check("7", &["7"]);
    check("null", &["-"]);
    check("[\"First\", \"Last's\",'x']", &["First+", "Last's+", "x+"]);
    for refused in ["", "@p2", "x", "'a' 'b'", "[]", "['a'", "\"a\"", "[@p1]"] {
        assert!(literals(refused).is_err(), "{refused}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels| {
        let (open, close) = ("(".repeat(levels), ")".repeat(levels));
        parsed(Clause::Filter, &format!("{open}a eq 'x'{close}")).map(drop)
    };
    assert_eq!(nested(32), Ok(()));
    assert_eq!(nested(33), Err(SyntaxError::TooDeep(33)));
    // What a variable stands for is kept for each of its uses.
    let through = |count: usize, filter: &str| {
        let path = "a/".repeat(count);
        parse(Clause::Filter, &format!("{path}{filter}"), &alias).map(drop)
    };
    assert_eq!(through(30, "any(v:v/b eq 1)"), Ok(()));
    assert_eq!(through(31, "any(v:v/b eq 1)"), Ok(()));
    assert_eq!(through(32, "any(v:v/b eq 1)"), Err(SyntaxError::TooDeep(70)));
    assert_eq!(through(32, "b eq 1"), Err(SyntaxError::TooDeep(0)));
    assert_eq!(through(33, "any(v:v/b eq 1)"), Err(SyntaxError::TooDeep(66)));
    assert!(nested(100_000).is_err());
    assert!(parsed(Clause::Filter, &format!("{}a eq 'x'", "not ".repeat(100_000))).is_ok());
    assert!(parsed(Clause::Filter, &"trim(".repeat(100_000)).is_err());
    assert!(parsed(Clause::Filter, &"x/any(c:".repeat(100_000)).is_err());
    assert!(parsed(Clause::Expand, &"x($expand=".repeat(100_000)).is_err());
    assert!(parsed(Clause::Apply, &"groupby((a),".repeat(100_000)).is_err());
}

#[test]
fn errors_and_debug_output_hold_no_values() {
    let found = parse(Clause::Filter, "a eq 'secret'", &alias).unwrap();
    assert!(
        !format!("{:?}", found.comparisons[0].with).contains("secret' "),
        "widening holds names only"
    );
    let refused = parse(Clause::Filter, "a eq 'secret' 'secret'", &alias).unwrap_err();
    assert!(!format!("{refused:?} {refused}").contains("secret"));
}

/// The option with its compared literals as occurrences.
fn document(filter: &str) -> Document {
    let found = parse(Clause::Filter, filter, &alias).unwrap();
    let slots = found.comparisons.into_iter().map(|comparison| {
        let Operand::Literal { literal, widening } = comparison.with else { unreachable!() };
        let occurrence = Occurrence {
            object: "contact".into(),
            field: "email".into(),
            record: 0,
            role: Role::Equality,
            value: literal.value,
        };
        let slot = Slot::value(literal.span, literal.codec, occurrence);
        slot.widening(widening.unwrap())
    });
    Document::new(filter.to_owned(), slots.collect())
}

fn compared(filter: &str) -> Vec<String> {
    let found = parse(Clause::Filter, filter, &alias).unwrap();
    let value = |with: &Operand| match with {
        Operand::Literal { literal, .. } => match &literal.value {
            Value::Text(text) => text.expose().to_owned(),
            _ => String::new(),
        },
        Operand::Alias(_) => unreachable!(),
    };
    found.comparisons.iter().map(|comparison| value(&comparison.with)).collect()
}

/// Any texts; of space alone, only what is empty is told apart.
fn values() -> impl Strategy<Value = String> {
    any::<String>().prop_filter("no value", |text| text.is_empty() || !text.trim().is_empty())
}

proptest! {
    #[test]
    fn literals_are_replaced_and_read_back(
        values in prop::collection::vec(values(), 1..4),
        several in prop::collection::vec(values(), 1..4),
    ) {
        let written: Vec<String> = values.iter().map(|value| Codec::OData.literal(value)).collect();
        let in_json: Vec<String> = values.iter().map(|value| Codec::Json.literal(value)).collect();
        let first = &written[0];
        let filter = format!(
            "not (a eq {first} and n/any(c:{first} ne c/b)) or f in ({}) or \
             Microsoft.Dynamics.CRM.In(PropertyName='g',PropertyValues=[{}])",
            written.join(","),
            in_json.join(", "),
        );
        let document = document(&filter);
        let mut expected = vec![values[0].clone(), values[0].clone()];
        expected.extend(values.iter().cloned());
        expected.extend(values.iter().cloned());
        prop_assert_eq!(compared(&filter), expected);

        let kept = document.render(&mut std::iter::repeat(&Replacement::Keep)).unwrap();
        prop_assert_eq!(&kept[..], filter.as_bytes());

        let replacement = Replacement::text(several[0].as_str());
        let replaced = document.render(&mut std::iter::repeat(&replacement)).unwrap();
        let replaced = compared(std::str::from_utf8(&replaced).unwrap());
        prop_assert_eq!(replaced, vec![several[0].clone(); 2 * values.len() + 2]);

        let any_of = Replacement::AnyOf(several.clone());
        let widened = document.render(&mut std::iter::repeat(&any_of)).unwrap();
        let widened = compared(std::str::from_utf8(&widened).unwrap());
        prop_assert_eq!(widened, vec![several; 2 * values.len() + 2].concat());
    }

    #[test]
    fn no_text_makes_the_parser_panic(option in "(any|all|eq |in |not |\\$|@|[(),./=<>!:;'\"\\[\\]]|\\\\|[a-z0-9ü -]{1,4}){0,30}") {
        for clause in [Clause::Filter, Clause::OrderBy, Clause::Select, Clause::Expand, Clause::Apply] {
            let _ = parse(clause, &option, &alias);
        }
        let _ = segment(&option);
        let _ = literals(&option);
    }
}

#[test]
fn what_stands_around_a_value_is_not_repeated_at_any_length() {
    let contains = |space: usize| {
        parsed(Clause::Filter, &format!("contains({}a,'x')", " ".repeat(space))).unwrap()
    };
    assert_eq!(contains(900), "a contains x*");
    assert_eq!(contains(1_000), "a contains x");
}
