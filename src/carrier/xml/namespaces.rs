// SPDX-License-Identifier: Apache-2.0

use smol_str::SmolStr;

use super::{Attribute, INSTANCE, MAX_ATTRIBUTES, XmlError};

/// What `xml:` stands for without being declared.
const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// The prefixes that are declared where the parser stands, the innermost last.
#[derive(Default)]
pub(super) struct Scope(Vec<(String, SmolStr)>);

impl Scope {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Leaves an element that was entered at this length.
    pub(super) fn shrink(&mut self, length: usize) {
        self.0.truncate(length);
    }

    /// Takes up the declarations among the attributes of an element, and resolves the
    /// names of the others.
    pub(super) fn enter(&mut self, attributes: &mut Vec<Attribute>) -> Result<(), XmlError> {
        let mut declared = Vec::new();
        attributes.retain(|attribute| {
            let prefix = match attribute.name.split_once(':') {
                None if attribute.name == "xmlns" => "",
                Some(("xmlns", prefix)) => prefix,
                _ => return true,
            };
            let uri = SmolStr::new(attribute.value.as_str());
            declared.push((prefix.to_owned(), uri, attribute.span.start));
            false
        });
        for (prefix, uri, at) in declared {
            let is_reserved =
                matches!(prefix.as_str(), "xml" | "xmlns") || [XML, XMLNS].contains(&&*uri);
            if is_reserved || (uri.is_empty() && !prefix.is_empty()) {
                return Err(XmlError::Prefix(at));
            }
            self.0.push((prefix, uri));
        }
        if self.0.len() > MAX_ATTRIBUTES {
            return Err(XmlError::TooMany);
        }
        for attribute in &mut *attributes {
            // An attribute without a prefix is in no namespace.
            if attribute.name.contains(':') {
                let at = attribute.span.start;
                (attribute.namespace, attribute.name) = self.resolve(&attribute.name, at)?;
            }
        }
        for (position, attribute) in attributes.iter().enumerate() {
            let is_same = |other: &Attribute| {
                other.name == attribute.name && other.namespace == attribute.namespace
            };
            if attributes.iter().take(position).any(is_same) {
                return Err(XmlError::DuplicateAttribute(attribute.span.start));
            }
        }
        Ok(())
    }

    /// Namespace and local part of a name.
    pub(super) fn resolve(&self, name: &str, at: usize) -> Result<(SmolStr, String), XmlError> {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        if local.is_empty() || local.contains(':') {
            return Err(XmlError::Syntax(at));
        }
        let known = self.0.iter().rev().find(|(known, _)| known == prefix);
        let namespace = match (known, prefix) {
            (Some((_, uri)), _) => uri.clone(),
            (None, "") => SmolStr::default(),
            (None, "xml") => SmolStr::new_static(XML),
            (None, _) => return Err(XmlError::Prefix(at)),
        };
        Ok((namespace, local.to_owned()))
    }

    /// The type that an element states of itself.
    pub(super) fn stated_type(
        &self,
        attributes: &[Attribute],
    ) -> Result<Option<(SmolStr, String)>, XmlError> {
        let mut stated =
            attributes.iter().filter(|it| it.namespace == INSTANCE && it.name == "type");
        let resolved =
            stated.next().map(|it| self.resolve(it.value.as_str().trim(), it.span.start));
        resolved.transpose()
    }
}
