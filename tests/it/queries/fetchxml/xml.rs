// SPDX-License-Identifier: Apache-2.0
//! A reader of small XML documents.

pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    pub text: String,
}

impl Element {
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

pub fn parse(text: &str) -> Result<Element, String> {
    let mut rest = text.trim();
    for (open, close) in [("<?", "?>"), ("<!--", "-->")] {
        if rest.starts_with(open) {
            rest = rest.split_once(close).ok_or("no end of what comes first")?.1.trim_start();
        }
    }
    let element = element(&mut rest)?;
    if rest.trim().is_empty() { Ok(element) } else { Err("something is left over".to_owned()) }
}

fn element(rest: &mut &str) -> Result<Element, String> {
    let inside = rest.strip_prefix('<').ok_or("no element")?;
    let (name, mut tail) = name(inside);
    let mut element =
        Element { name, attributes: Vec::new(), children: Vec::new(), text: String::new() };
    loop {
        tail = tail.trim_start();
        if let Some(behind) = tail.strip_prefix("/>") {
            *rest = behind;
            return Ok(element);
        }
        if let Some(behind) = tail.strip_prefix('>') {
            *rest = behind;
            break;
        }
        let (name, behind) = self::name(tail);
        let behind = behind.trim_start().strip_prefix('=').ok_or("no value")?.trim_start();
        let quote = behind.chars().next().filter(|it| "'\"".contains(*it)).ok_or("no quote")?;
        let (value, behind) = behind[1..].split_once(quote).ok_or("no end of a value")?;
        element.attributes.push((name, unescaped(value)?));
        tail = behind;
    }
    loop {
        let (text, _) = rest.split_once('<').ok_or("no end")?;
        element.text.push_str(&unescaped(text)?);
        *rest = &rest[text.len()..];
        if let Some(behind) = rest.strip_prefix("</") {
            let (name, behind) = self::name(behind);
            if name != element.name {
                return Err("another end".to_owned());
            }
            *rest = behind.trim_start().strip_prefix('>').ok_or("no end")?;
            return Ok(element);
        }
        element.children.push(self::element(rest)?);
    }
}

fn name(text: &str) -> (String, &str) {
    let is_part = |next: char| next.is_ascii_alphanumeric() || "-_".contains(next);
    let (name, rest) = text.split_at(text.find(|next| !is_part(next)).unwrap_or(text.len()));
    (name.to_owned(), rest)
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (entity, rest) = part.split_once(';').ok_or("no end of an entity")?;
        let code =
            |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
        let character = match (entity, entity.strip_prefix("#x"), entity.strip_prefix('#')) {
            (_, Some(digits), _) => code(digits, 16),
            (_, None, Some(digits)) => code(digits, 10),
            ("amp", ..) => Some('&'),
            ("lt", ..) => Some('<'),
            ("gt", ..) => Some('>'),
            ("quot", ..) => Some('"'),
            ("apos", ..) => Some('\''),
            _ => None,
        };
        plain.push(character.ok_or("an unknown entity")?);
        plain.push_str(rest);
    }
    Ok(plain)
}
