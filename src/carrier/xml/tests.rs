// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;

use super::{Element, MAX_ATTRIBUTES, MAX_ELEMENTS, XmlError, parse, parse_namespaced};
use crate::carrier::{Codec, Document, Occurrence, Replacement, Role, Slot, Value};

fn summary(element: &Element) -> String {
    let attributes: String =
        element.attributes.iter().map(|it| format!(" {}={}", it.name, it.value.as_str())).collect();
    let children: Vec<String> = element.children.iter().map(summary).collect();
    let text = element.text.as_ref().map_or("", |text| text.as_str());
    format!("{}{attributes}[{text}{}]", element.name, children.join(","))
}

#[test]
fn elements_attributes_and_texts_are_read() {
    let check = |text: &str, expected: &str| {
        assert_eq!(parse(text).map(|root| summary(&root)), Ok(expected.to_owned()), "{text}");
    };
    check("<a/>", "a[]");
    check("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\n<a b='1' c=\"2\" ></a >\n", "a b=1 c=2[]");
    check("<a><b>x &amp; y</b>\n<c.d/></a>", "a[b[x & y],c.d[]]");
    check("<a b='&lt;&gt;&quot;&apos;&#228;&#xE4;'> \n</a>", "a b=<>\"'ää[ \n]");
    check("<a b='>&#10;\"'/>", "a b=>\n\"[]");
}

/// As some writers begin a file (XML 1.0 appendix F).
#[test]
fn a_byte_order_mark_may_stand_in_front() {
    for text in ["\u{feff}<a/>", "\u{feff}<?xml version='1.0'?><a/>"] {
        assert_eq!(parse_namespaced(text).map(|root| summary(&root)), Ok("a[]".to_owned()));
    }
    for text in ["\u{feff}\u{feff}<a/>", " \u{feff}<a/>", "<a/>\u{feff}"] {
        parse_namespaced(text).unwrap_err();
    }
    let text = "\u{feff}<a>b</a>";
    assert_eq!(parse_namespaced(text).unwrap().text.unwrap().span, 6..7);
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let check = |text: &str, expected: XmlError| {
        assert_eq!(parse(text).map(|root| summary(&root)), Err(expected), "{text}");
    };
    check("", XmlError::Syntax(0));
    check("x", XmlError::Syntax(0));
    check("<a>", XmlError::Syntax(3));
    check("<a></b>", XmlError::Syntax(3));
    check("<a/><b/>", XmlError::Syntax(4));
    check("<a/>x", XmlError::Syntax(4));
    check("<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", XmlError::Unsupported(0));
    check("<a>&b;</a>", XmlError::Unsupported(3));
    check("<a>&#0;</a>", XmlError::Unsupported(3));
    check("<a>&#+65;</a>", XmlError::Unsupported(3));
    check("<a><![CDATA[x]]></a>", XmlError::Unsupported(3));
    check("<a><?b?></a>", XmlError::Unsupported(3));
    check("<?xml version='1.0' encoding='utf-16'?><a/>", XmlError::Unsupported(0));
    check("<a b='1' b='2'/>", XmlError::DuplicateAttribute(9));
    check("<a b='1'c='2'/>", XmlError::Syntax(8));
    check("<a b=1/>", XmlError::Syntax(5));
    check("<a b='<'/>", XmlError::Syntax(6));
    check("<a b='\u{1}'/>", XmlError::Syntax(6));
    check("<a b='x\ny'/>", XmlError::Syntax(6));
    check("<a:b/>", XmlError::Syntax(2));
    check("<a>x<b/></a>", XmlError::Syntax(3));
    check("<a><b/>x</a>", XmlError::Syntax(7));
    check("<a><!-- y --></a>", XmlError::Unsupported(3));
    check("<!-- y --><a/>", XmlError::Unsupported(0));
    check("<?xml version='1.0' note='Anna'?><a/>", XmlError::Unsupported(0));
    check(&"<a>".repeat(40), XmlError::TooDeep(96));
    check(&format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS)), XmlError::TooMany);
    let wide = "<b c='' d='' e='' f='' g=''/>".repeat(MAX_ELEMENTS / 5);
    assert!(parse(&format!("<a>{wide}</a>")).is_ok());
    check(&format!("<a h=''>{wide}</a>"), XmlError::TooMany);
}

fn qualified(element: &Element) -> String {
    let shown = |namespace: &str, name: &str| {
        if namespace.is_empty() { name.to_owned() } else { format!("{{{namespace}}}{name}") }
    };
    let attributes: String = element
        .attributes
        .iter()
        .map(|it| format!(" {}={}", shown(&it.namespace, &it.name), it.value.as_str()))
        .collect();
    let stated = element.stated_type.as_ref();
    let stated = stated.map_or(String::new(), |(of, name)| format!(" is {}", shown(of, name)));
    let children: Vec<String> = element.children.iter().map(qualified).collect();
    let text = element.text.as_ref().map_or("", |text| text.as_str());
    let name = shown(&element.namespace, &element.name);
    format!("{name}{attributes}{stated}[{text}{}]", children.join(","))
}

#[test]
fn prefixes_are_resolved_where_they_stand() {
    let check = |text: &str, expected: &str| {
        let read = parse_namespaced(text).map(|root| qualified(&root));
        assert_eq!(read, Ok(expected.to_owned()), "{text}");
    };
    check("<a xmlns='u'><b c='1'/></a>", "{u}a[{u}b c=1[]]");
    check("<p:a xmlns:p='u' p:b='1'><c/></p:a>", "{u}a {u}b=1[c[]]");
    check(
        "<a xmlns='u' xmlns:p='v'><p:b xmlns:p='w' xmlns=''><c/></p:b><p:d/></a>",
        "{u}a[{w}b[c[]],{v}d[]]",
    );
    check(
        "<a xmlns:x='http://www.w3.org/2001/XMLSchema-instance' xmlns:e='u'><b x:type='e:Lead'/></a>",
        "a[b {http://www.w3.org/2001/XMLSchema-instance}type=e:Lead is {u}Lead[]]",
    );
    check("<a xml:space='preserve'/>", "a {http://www.w3.org/XML/1998/namespace}space=preserve[]");
}

#[test]
fn prefixes_that_could_mean_two_things_are_refused() {
    let check = |text: &str, expected: XmlError| {
        let read = parse_namespaced(text).map(|root| qualified(&root));
        assert_eq!(read, Err(expected), "{text}");
    };
    check("<p:a/>", XmlError::Prefix(0));
    check("<a p:b='1'/>", XmlError::Prefix(2));
    check("<a><b xmlns:p='u'/><p:c/></a>", XmlError::Prefix(19));
    check("<a xmlns:p=''/>", XmlError::Prefix(2));
    check("<a xmlns:xml='u'/>", XmlError::Prefix(2));
    check("<a xmlns:xmlns='u'/>", XmlError::Prefix(2));
    check("<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", XmlError::Prefix(2));
    check("<p:q:a xmlns:p='u'/>", XmlError::Syntax(0));
    check("<p: xmlns:p='u'/>", XmlError::Syntax(0));
    check("<p:a xmlns:p='u'></p:b>", XmlError::Syntax(17));
    check("<p:a xmlns:p='u' xmlns:q='u'></q:a>", XmlError::Syntax(29));
    check("<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", XmlError::DuplicateAttribute(34));
    check("<a xmlns='u' xmlns='v'/>", XmlError::DuplicateAttribute(13));
    let many: String = (0..=MAX_ATTRIBUTES).map(|number| format!(" a{number}=''")).collect();
    check(&format!("<a{many}/>"), XmlError::TooMany);
    let nested: String = (0..30)
        .map(|it| format!("<a xmlns:a{it}='u' xmlns:b{it}='u' xmlns:c{it}='u' xmlns:d{it}='u'>"))
        .collect();
    check(&nested, XmlError::TooMany);
}

#[test]
fn sections_are_joined_with_the_text_around_them() {
    let check = |text: &str, expected: &str, has_sections: bool| {
        let root = parse_namespaced(text).unwrap();
        let text = root.text.unwrap();
        assert_eq!((text.as_str(), text.has_sections), (expected, has_sections));
    };
    check("<a>b&amp;<![CDATA[<c>&amp;]]]]><![CDATA[>]]>d</a>", "b&<c>&amp;]]>d", true);
    check("<a><![CDATA[]]></a>", "", true);
    check("<a>x\r\ny\rz&#13;</a>", "x\ny\nz\r", false);
    for text in ["<a>]]></a>", "<a><![CDATA[b</a>", "<a><![CDATA[\u{1}]]></a>", "<a>\u{ffff}</a>"] {
        assert!(matches!(parse_namespaced(text), Err(XmlError::Syntax(_))), "{text}");
    }
    for text in ["<a><![cdata[b]]></a>", "<a><!-- b --></a>", "<!DOCTYPE a><a/>", "<a>&b;</a>"] {
        assert!(matches!(parse_namespaced(text), Err(XmlError::Unsupported(_))), "{text}");
    }
    for text in ["<a><![CDATA[b]]><c/></a>", "<a>b<!-- c -->d</a>"] {
        assert!(parse_namespaced(text).is_err(), "{text}");
    }
}

#[test]
fn a_text_leads_back_to_where_it_stands() {
    let document = "<a>x&amp;y&#228;\r\nz</a>";
    let text = parse_namespaced(document).unwrap().text.unwrap();
    let decoded = text.decoded(document);
    assert_eq!(decoded.as_str(), "x&yä\nz");
    let at = |span| decoded.origin_of(&span);
    assert_eq!((at(0..1), at(1..2), at(2..3), at(3..5)), (0..1, 1..6, 6..7, 7..14));
    assert_eq!((at(5..6), at(6..7)), (14..15, 15..16));
    let plain = parse("<a>xy</a>").unwrap().text.unwrap();
    assert_eq!(plain.decoded("<a>xy</a>").origin_of(&(1..2)), 1..2);
}

/// Each is compared with those before it.
#[test]
fn an_element_has_no_more_attributes_than_anything_needs() {
    let element = |count: usize| {
        let attributes: String = (0..count).map(|at| format!(" a{at}='x'")).collect();
        parse(&format!("<a{attributes}/>")).map(|element| element.attributes.len())
    };
    assert_eq!(element(MAX_ATTRIBUTES), Ok(MAX_ATTRIBUTES));
    assert_eq!(element(MAX_ATTRIBUTES + 1), Err(XmlError::TooMany));
}

#[test]
fn debug_output_holds_no_values() {
    assert!(!format!("{:?}", parse("<a b='secret'>secret</a>")).contains("secret"));
}

proptest! {
    #[test]
    fn values_are_replaced_and_read_back(value in "[^\u{0}-\u{1f}\u{fffe}\u{ffff}]{0,12}", other in "[^\u{0}-\u{1f}\u{fffe}\u{ffff}]{0,12}") {
        let written = Codec::Xml.literal(&value);
        let text = format!("<a><b c='{written}' d=\"{written}\">{written}</b></a>");
        let root = parse(&text).unwrap();
        let inner = &root.children[0];
        let pieces = [&inner.attributes[0].value, &inner.attributes[1].value, inner.text.as_ref().unwrap()];
        let slots = pieces.map(|piece| {
            let occurrence = Occurrence {
                object: "contact".into(),
                field: "email".into(),
                record: 0,
                role: Role::Equality,
                value: Value::from(piece.as_str().to_owned()),
            };
            Slot::value(piece.span.clone(), Codec::Xml, occurrence)
        });
        prop_assert!(pieces.iter().all(|piece| piece.as_str() == value));
        let document = Document::new(text.clone(), slots.into());
        let kept = document.render(&mut std::iter::repeat(&Replacement::Keep)).unwrap();
        prop_assert_eq!(&kept[..], text.as_bytes());
        let replacement = Replacement::text(other.as_str());
        let replaced = document.render(&mut std::iter::repeat(&replacement)).unwrap();
        let replaced = parse(std::str::from_utf8(&replaced).unwrap()).unwrap();
        prop_assert_eq!(replaced.children[0].text.as_ref().unwrap().as_str(), other);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(<a|<a:a|</a>|</a:a>|/>|>| xmlns:a='|<!--|-->|<!\\[CDATA\\[|\\]\\]>|&amp;|&#|;|='|\"|[a-zü ]{1,3}){0,30}") {
        let _ = parse(&text);
        let _ = parse_namespaced(&text);
    }
}
