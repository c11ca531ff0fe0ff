// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;

use super::{Fetch, FetchError, Field, parse};
use crate::carrier::xml::XmlError;
use crate::carrier::{Codec, Document, Occurrence, Replacement, Role, Slot, Value};

fn summary(fetch: &Fetch) -> String {
    let field = |field: &Field| format!("{}.{}", field.table, field.column);
    let mut parts = vec![fetch.table.clone()];
    parts.extend(
        fetch
            .links
            .iter()
            .map(|link| format!("link {} {}", link.table, link.alias.as_deref().unwrap_or("-"))),
    );
    parts.extend(fetch.columns.iter().map(|column| {
        format!("{} is {}", column.alias, column.field.as_ref().map_or("-".to_owned(), field))
    }));
    parts.extend(fetch.comparisons.iter().map(|it| {
        let mark = if it.widening.is_some() { "*" } else { "" };
        let sense = match &it.role {
            Role::Pattern { operator, .. } => operator,
            _ => "=",
        };
        format!("{} {sense} {}{mark}", field(&it.field), it.value.as_str())
    }));
    parts.extend(fetch.uses.iter().map(|it| format!("{} by {}", field(&it.field), it.operator)));
    parts.extend(fetch.labels.iter().map(|_| "label".to_owned()));
    parts.extend(fetch.cookie.iter().map(|cookie| format!("cookie {}", cookie.as_str())));
    parts.join("; ")
}

fn of_contact(inner: &str) -> String {
    format!("<fetch><entity name='contact'>{inner}</entity></fetch>")
}

#[test]
fn queries_are_taken_apart() {
    let check = |inner: &str, expected: &str| {
        let text = of_contact(inner);
        let found = parse(&text).map(|fetch| summary(&fetch));
        assert_eq!(found, Ok(format!("contact{expected}")), "{text}");
    };
    check("<all-attributes/>", "");
    check(
        "<attribute name='fullname'/><attribute name='lastname' alias='l'/>",
        "; l is contact.lastname",
    );
    check(
        "<filter type='and'><condition attribute='lastname' operator='eq' value='O&apos;Brien'/>\
         <filter type='or'><condition attribute='fax' operator='ne' value='x'/>\
         <condition attribute='emailaddress1' operator='in'><value>a</value><value>b</value></condition>\
         </filter></filter>",
        "; contact.lastname = O'Brien*; contact.fax = x*; contact.emailaddress1 = a*; contact.emailaddress1 = b*",
    );
    check(
        "<filter><condition attribute='a' operator='null'/><condition attribute='b' operator='like' value='%x%'/>\
         <condition attribute='c' operator='eq-userid'/><condition attribute='d' operator='between'><value>1</value><value>2</value></condition>\
         <condition attribute='e' operator='eq' valueof='f'/></filter><order attribute='g' descending='true'/>",
        "; contact.b like %x%*; contact.a by a test for a value; contact.c by an operator other than equality; \
         contact.d by between; contact.e by comparing columns; contact.f by comparing columns; contact.g by order",
    );
    check(
        "<filter><condition entityname='a' attribute='name' operator='eq' value='x'/></filter>\
         <link-entity name='account' from='accountid' to='parentcustomerid' alias='a' link-type='outer'>\
         <attribute name='name' alias='n'/><order attribute='name'/>\
         <filter><condition attribute='name' operator='eq' valueof='b.fullname'/></filter>\
         <link-entity name='systemuser' from='systemuserid' to='ownerid' alias='b'/></link-entity>",
        "; link account a; link systemuser b; n is account.name; account.name = x*; account.name by order; \
         account.name by comparing columns; systemuser.fullname by comparing columns",
    );
    check(
        "<attribute name='contactid' aggregate='count' alias='n'/><attribute name='lastname' groupby='true' alias='l'/>\
         <attribute name='fax' aggregate='max' alias='m'/><attribute name='birthdate' groupby='true' dategrouping='year' alias='y'/><order alias='l'/>",
        "; n is -; l is contact.lastname; m is contact.fax; y is -; contact.contactid by aggregate; \
         contact.lastname by groupby; contact.fax by aggregate; contact.birthdate by groupby; contact.lastname by order",
    );
    check(
        "<filter><condition attribute='ownerid' operator='eq' uiname='Anna' uitype='systemuser' value='{x}'/>\
         <condition attribute='ownerid' operator='in'><value uiname='Anna'>y</value></condition></filter>",
        "; contact.ownerid = {x}; contact.ownerid = y; label; label",
    );
    let paged = "<fetch page='2' count='5' paging-cookie='&lt;cookie/&gt;'><entity name='contact'/></fetch>";
    assert_eq!(summary(&parse(paged).unwrap()), "contact; cookie <cookie/>");
}

#[test]
fn links_are_named_by_alias_or_by_number() {
    let text = of_contact(
        "<link-entity name='account' from='a' to='b'/><link-entity name='lead' from='a' to='b' alias='l1'/>",
    );
    let fetch = parse(&text).unwrap();
    assert_eq!(fetch.link("account1"), Some("account"));
    assert_eq!(fetch.link("account"), Some("account"));
    assert_eq!(fetch.link("l1"), Some("lead"));
    assert_eq!(fetch.link("lead1"), None);
    assert_eq!(fetch.link("other"), None);
}

#[test]
fn what_is_not_understood_is_refused() {
    let check = |text: &str, expected: FetchError| {
        assert_eq!(parse(text).map(|fetch| summary(&fetch)), Err(expected), "{text}");
    };
    let missing = |expected, at| FetchError::Missing { expected, at };
    check("<fetch", FetchError::Xml(XmlError::Syntax(6)));
    check("<query/>", FetchError::Element(0));
    check("<fetch/>", missing("one entity", 0));
    check("<fetch><entity/></fetch>", missing("name", 7));
    check("<fetch note='x'><entity name='a'/></fetch>", FetchError::Attribute(6));
    check("<fetch top='a b'><entity name='a'/></fetch>", FetchError::Attribute(6));
    let at = of_contact("").find("</entity").unwrap();
    let check = |inner: &str, expected: FetchError| check(&of_contact(inner), expected);
    check("Anna", FetchError::Element(at));
    check("<note/>", FetchError::Element(at));
    check("<attribute name='a' note='Anna'/>", FetchError::Attribute(at + 19));
    check("<attribute/>", missing("name", at));
    check("<attribute name='a'>Anna</attribute>", FetchError::Element(at + 20));
    check("<order/>", missing("an attribute", at));
    check("<filter><note/></filter>", FetchError::Element(at + 8));
    check("<filter><condition operator='eq'/></filter>", missing("attribute", at + 8));
    check("<filter><condition attribute='a'/></filter>", missing("operator", at + 8));
    check(
        "<filter><condition attribute='a' operator='eq' entityname='b'/></filter>",
        FetchError::Link(at + 8),
    );
    check(
        "<filter><condition attribute='a' operator='in'><value><b/></value></condition></filter>",
        missing("a text", at + 47),
    );
    check(
        "<link-entity name='a' alias='x'/><link-entity name='b' alias='x'/>",
        FetchError::Link(at + 33),
    );
}

/// The query with its compared values as occurrences.
fn document(text: &str) -> Document {
    let slots = parse(text).unwrap().comparisons.into_iter().map(|comparison| {
        let occurrence = Occurrence {
            object: "contact".into(),
            field: "email".into(),
            record: 0,
            role: Role::Equality,
            value: Value::from(comparison.value.as_str().to_owned()),
        };
        Slot::value(comparison.value.span, Codec::Xml, occurrence)
            .widening(comparison.widening.unwrap())
    });
    Document::new(text.to_owned(), slots.collect())
}

fn compared(text: &[u8]) -> Vec<String> {
    let fetch = parse(std::str::from_utf8(text).unwrap()).unwrap();
    fetch.comparisons.iter().map(|comparison| comparison.value.as_str().to_owned()).collect()
}

proptest! {
    #[test]
    fn values_are_replaced_and_read_back(
        value in "[^\u{0}-\u{1f}]{0,8}",
        several in prop::collection::vec("[^\u{0}-\u{1f}]{0,8}", 1..4),
    ) {
        let written = Codec::Xml.literal(&value);
        let text = of_contact(&format!(
            "<filter><condition attribute='a' operator='eq' value=\"{written}\"/>\
             <condition attribute='b' operator='not-in'><value>{written}</value> <value>{written}</value></condition></filter>"
        ));
        let document = document(&text);
        prop_assert_eq!(compared(text.as_bytes()), vec![value; 3]);
        let kept = document.render(&mut std::iter::repeat(&Replacement::Keep)).unwrap();
        prop_assert_eq!(&kept[..], text.as_bytes());
        let replacement = Replacement::text(several[0].as_str());
        let replaced = document.render(&mut std::iter::repeat(&replacement)).unwrap();
        prop_assert_eq!(compared(&replaced), vec![several[0].clone(); 3]);
        let any_of = Replacement::AnyOf(several.clone());
        let widened = document.render(&mut std::iter::repeat(&any_of)).unwrap();
        prop_assert_eq!(compared(&widened), vec![several; 3].concat());
    }

    #[test]
    fn no_text_makes_the_parser_panic(inner in "(<filter>|</filter>|<condition attribute='a' operator='(eq|in|like)'|<value>|</value>|/>|>| value='x'|<link-entity name='b' alias='c'){0,12}") {
        let _ = parse(&of_contact(&inner));
    }
}

#[test]
fn what_stands_around_a_value_is_not_repeated_at_any_length() {
    let like = |space: usize| {
        let space = " ".repeat(space);
        let condition = format!("<condition{space} attribute='a' operator='like' value='x%'/>");
        summary(&parse(&of_contact(&format!("<filter>{condition}</filter>"))).unwrap())
    };
    assert_eq!(like(900), "contact; contact.a like x%*");
    assert_eq!(like(1_000), "contact; contact.a like x%");
}
