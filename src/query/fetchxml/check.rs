// SPDX-License-Identifier: Apache-2.0
//! What elements may hold, so that nothing in one is overlooked.

use super::FetchError;
use crate::carrier::xml::Element;

/// Attributes of an element, beside those that are read.
const PLAIN: [(&str, &[&str]); 8] = [
    (
        "fetch",
        &[
            "aggregate",
            "aggregatelimit",
            "count",
            "datasource",
            "distinct",
            "latematerialize",
            "mapping",
            "no-lock",
            "options",
            "output-format",
            "page",
            "returntotalrecordcount",
            "top",
            "useraworderby",
            "utc-offset",
            "version",
        ],
    ),
    ("entity", &["enableprefiltering", "name", "prefilterparametername"]),
    (
        "link-entity",
        &[
            "alias",
            "enableprefiltering",
            "from",
            "intersect",
            "link-type",
            "name",
            "prefilterparametername",
            "to",
            "visible",
        ],
    ),
    (
        "attribute",
        &[
            "aggregate",
            "alias",
            "dategrouping",
            "distinct",
            "groupby",
            "name",
            "rowaggregate",
            "usertimezone",
        ],
    ),
    ("order", &["alias", "attribute", "descending", "entityname"]),
    (
        "filter",
        &[
            "bypassquickfind",
            "hint",
            "isquickfindfields",
            "overridequickfindrecordlimitdisabled",
            "overridequickfindrecordlimitenabled",
            "type",
        ],
    ),
    (
        "condition",
        // `alias` and `column`, which fetch.xsd has too, could name another column.
        &["attribute", "entityname", "operator", "uihidden", "uitype", "valueof"],
    ),
    ("value", &["uitype"]),
];

/// Whether an element is what it must be, and nothing in it is overlooked.
pub(super) fn check(element: &Element, name: &str, read: &[&str]) -> Result<(), FetchError> {
    if element.name != name {
        return Err(FetchError::Element(element.span.start));
    }
    let plain = PLAIN.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, plain)| plain);
    for attribute in &element.attributes {
        let known = attribute.name.as_str();
        let value = attribute.value.as_str();
        // A column of another table would be overlooked: `a.lastname`.
        let is_other = !matches!(known, "attribute" | "from" | "name" | "to");
        let is_fine = read.contains(&known)
            || (plain.contains(&known) && is_plain(value) && (is_other || !value.contains('.')));
        if !is_fine {
            return Err(FetchError::Attribute(attribute.span.start));
        }
    }
    let text = element.text.as_ref().filter(|_| name != "value");
    match text.filter(|text| !text.as_str().trim().is_empty()) {
        Some(text) => Err(FetchError::Element(text.span.start)),
        None => Ok(()),
    }
}

/// A name, a number, a flag, or names with commas between them.
fn is_plain(text: &str) -> bool {
    text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.,".contains(&byte))
}
