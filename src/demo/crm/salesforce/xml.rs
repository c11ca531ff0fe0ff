// SPDX-License-Identifier: Apache-2.0
//! XML as SOAP clients write it: elements and their text, without prefixes and attributes.

/// An element.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Node>,
}

impl Node {
    /// The root of a document; `None` for what is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        // What is open, the document around its root first.
        let mut open = vec![Self::default()];
        let mut rest = text;
        while let Some(at) = rest.find('<') {
            let (before, tag) = rest.split_at(at);
            open.last_mut()?.text.push_str(&unescaped(before));
            if let Some(section) = tag.strip_prefix("<![CDATA[") {
                let (section, behind) = section.split_once("]]>")?;
                open.last_mut()?.text.push_str(section);
                rest = behind;
                continue;
            }
            let (tag, behind) = tag.get(1..)?.split_once('>')?;
            rest = behind;
            if tag.starts_with('?') {
                continue;
            }
            if !tag.starts_with('/') {
                let name = tag.trim_end_matches('/').split_ascii_whitespace().next()?;
                let name = name.rsplit(':').next()?.to_owned();
                open.push(Self { name, ..Self::default() });
            }
            if tag.starts_with('/') || tag.ends_with('/') {
                let closed = open.pop()?;
                open.last_mut()?.children.push(closed);
            }
        }
        open.pop().filter(|_| open.is_empty())?.children.pop()
    }

    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.as_str())
    }
}

const REFERENCES: [(&str, &str); 5] =
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];

fn unescaped(text: &str) -> String {
    let numbers = text.split("&#").enumerate().map(|(position, part)| {
        let number = part.split_once(';').filter(|_| position > 0);
        let number = number.and_then(|(number, behind)| {
            let character = char::from_u32(match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            })?;
            Some(format!("{character}{behind}"))
        });
        number.unwrap_or_else(|| part.to_owned())
    });
    let text = numbers.collect::<String>();
    REFERENCES.iter().fold(text, |text, (reference, character)| text.replace(reference, character))
}

pub(super) fn escaped(text: &str) -> String {
    REFERENCES
        .iter()
        .rev()
        .fold(text.to_owned(), |text, (reference, character)| text.replace(character, reference))
}

#[cfg(test)]
mod tests {
    use super::{Node, escaped};

    #[test]
    fn elements_and_texts_are_read() {
        let text = "<?xml version='1.0'?><s:a xmlns:s='u'><b>x &amp;#65; &#228;&#x41;</b><c/>\
            <b><![CDATA[<d>]]></b></s:a>";
        let root = Node::read(text).unwrap();
        let texts: Vec<_> =
            root.children.iter().map(|it| (it.name.as_str(), it.text.as_str())).collect();
        assert_eq!(texts, [("b", "x &#65; äA"), ("c", ""), ("b", "<d>")]);
        assert_eq!((root.name.as_str(), root.text_of("b")), ("a", "x &#65; äA"));
        let back = Node::read(&format!("<a>{}</a>", escaped("<\"'&amp;>"))).unwrap();
        assert_eq!(back.text, "<\"'&amp;>");
        for broken in ["", "<a>", "<a></a></b>", "<a"] {
            assert_eq!(Node::read(broken), None, "{broken}");
        }
    }
}
