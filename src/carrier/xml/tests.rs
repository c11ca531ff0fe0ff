// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;

use super::{Element, MAX_ATTRIBUTES, MAX_ELEMENTS, XmlError, parse};
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
    fn values_are_replaced_and_read_back(value in "[^\u{0}-\u{1f}]{0,12}", other in "[^\u{0}-\u{1f}]{0,12}") {
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
    fn no_text_makes_the_parser_panic(text in "(<a|</a>|/>|>|<!--|-->|&amp;|&#|;|='|\"|[a-zü ]{1,3}){0,30}") {
        let _ = parse(&text);
    }
}
