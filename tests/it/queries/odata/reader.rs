// SPDX-License-Identifier: Apache-2.0
//! A reader of `$filter` and `$orderby` that finds rows.

use crate::queries::dataverse::{Collation, behind};
use crate::queries::house::{Call, Data, Record};
use crate::queries::reading::{Conditions, Reader, Truth, folded, text};

pub fn rows(
    data: &Data,
    collation: Collation,
    table: &str,
    call: &Call,
) -> Result<Vec<Record>, String> {
    let mut found = Vec::new();
    for record in data.get(table).into_iter().flatten() {
        let mut reader = Filter {
            data,
            collation,
            call,
            from: record,
            variable: None,
            text: Reader { rest: "" },
        };
        reader.text.rest = call.parameter("$filter").unwrap_or_default();
        let truth = reader.alternatives()?;
        reader.text.end()?;
        if truth == Some(true) {
            found.push(record.clone());
        }
    }
    for order in call.parameter("$orderby").into_iter().flat_map(|order| order.rsplit(',')) {
        let (column, direction) = order.split_once(' ').unwrap_or((order, "asc"));
        found.sort_by_key(|record| text(record, column).map(|text| folded(&text)));
        if direction == "desc" {
            found.reverse();
        }
    }
    if let Some(top) = call.parameter("$top") {
        found.truncate(top.parse().map_err(|_| "no count")?);
    }
    Ok(found)
}

/// A filter, read once for each record.
struct Filter<'d> {
    data: &'d Data,
    collation: Collation,
    call: &'d Call,
    from: &'d Record,
    /// The variable of a lambda, and what it stands for; nothing if there are no records.
    variable: Option<(&'d str, Option<&'d Record>)>,
    text: Reader<'d>,
}

#[derive(Clone)]
enum Operand {
    /// A text, a number, or nothing.
    Value(Option<String>),
    Truth(Truth),
}

impl<'d> Conditions<'d> for Filter<'d> {
    fn text(&mut self) -> &mut Reader<'d> {
        &mut self.text
    }

    fn one(&mut self) -> Result<Truth, String> {
        if self.text.keyword("not") {
            return Ok(self.one()?.map(|it| !it));
        }
        if self.text.take("(") {
            let truth = self.alternatives()?;
            self.text.expect(")")?;
            return Ok(truth);
        }
        let left = match self.operand()? {
            Operand::Truth(truth) => return Ok(truth),
            Operand::Value(value) => value,
        };
        if self.text.keyword("in") {
            let values = self.list("(", ")")?;
            return Ok(
                left.map(|left| values.iter().any(|value| self.collation.same(value, &left)))
            );
        }
        let relation = self.text.word("")?;
        let is_null = |filter: &mut Self| filter.text.peek("") == "null";
        if is_null(self) {
            self.text.word("")?;
            return Ok(Some(left.is_none() == (relation == "eq")));
        }
        let Operand::Value(right) = self.operand()? else { return Err("no value".to_owned()) };
        let Some((left, right)) = left.zip(right) else { return Ok(None) };
        let order = folded(&left).cmp(&folded(&right));
        Ok(Some(match relation {
            "eq" => self.collation.same(&left, &right),
            "ne" => !self.collation.same(&left, &right),
            "gt" => order.is_gt(),
            "ge" => order.is_ge(),
            "lt" => order.is_lt(),
            "le" => order.is_le(),
            _ => return Err(format!("{relation} is no relation")),
        }))
    }
}

impl<'d> Filter<'d> {
    fn operand(&mut self) -> Result<Operand, String> {
        self.text.skip();
        if self.text.rest.starts_with('\'') {
            return Ok(Operand::Value(Some(self.text.quoted('\'')?)));
        }
        if self.text.take("@") {
            let value = self.alias()?;
            let mut inner = Reader { rest: value };
            let text = inner.quoted('\'')?;
            inner.end()?;
            return Ok(Operand::Value(Some(text)));
        }
        let word = self.text.word("./")?;
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Operand::Value(Some(word.to_owned())));
        }
        if let Some((collection, quantifier)) =
            word.rsplit_once('/').filter(|_| self.text.rest.starts_with('('))
        {
            return self.lambda(collection, quantifier == "all").map(Operand::Truth);
        }
        match word {
            "contains" | "startswith" | "endswith" => {
                self.text.expect("(")?;
                let Operand::Value(whole) = self.operand()? else {
                    return Err("no field".to_owned());
                };
                self.text.expect(",")?;
                let Operand::Value(part) = self.operand()? else {
                    return Err("no part".to_owned());
                };
                self.text.expect(")")?;
                let (whole, part) = (whole.map(|it| folded(&it)), part.map(|it| folded(&it)));
                let truth = whole.zip(part).map(|(whole, part)| match word {
                    "contains" => whole.contains(&part),
                    "endswith" => whole.ends_with(&part),
                    _ => whole.starts_with(&part),
                });
                Ok(Operand::Truth(truth))
            }
            "Microsoft.Dynamics.CRM.In" | "Microsoft.Dynamics.CRM.NotIn" => {
                self.membership(word.ends_with("NotIn")).map(Operand::Truth)
            }
            path => Ok(Operand::Value(self.field(path)?)),
        }
    }

    fn membership(&mut self, is_negated: bool) -> Result<Truth, String> {
        self.text.expect("(")?;
        self.text.expect("PropertyName=")?;
        let Operand::Value(Some(name)) = self.operand()? else { return Err("no name".to_owned()) };
        self.text.expect(",")?;
        self.text.expect("PropertyValues=")?;
        let values = if self.text.take("@") {
            let given = self.alias()?;
            let behind = std::mem::replace(&mut self.text.rest, given);
            let values = self.list("[", "]")?;
            self.text.end()?;
            self.text.rest = behind;
            values
        } else {
            self.list("[", "]")?
        };
        self.text.expect(")")?;
        let field = self.field(&name)?;
        Ok(field.map(|field| {
            values.iter().any(|value| self.collation.same(value, &field)) != is_negated
        }))
    }

    fn list(&mut self, open: &str, close: &str) -> Result<Vec<String>, String> {
        self.text.expect(open)?;
        let mut values = Vec::new();
        loop {
            self.text.skip();
            if self.text.rest.starts_with('"') {
                let mut json =
                    serde_json::Deserializer::from_str(self.text.rest).into_iter::<String>();
                let value = json.next().ok_or("no text")?.map_err(|error| error.to_string())?;
                self.text.rest = &self.text.rest[json.byte_offset()..];
                values.push(value);
            } else {
                values.push(self.text.quoted('\'')?);
            }
            if !self.text.take(",") {
                break;
            }
        }
        self.text.expect(close)?;
        Ok(values)
    }

    /// For each record of a collection; the text behind it is read on.
    fn lambda(&mut self, collection: &str, is_all: bool) -> Result<Truth, String> {
        if collection != "contact_customer_accounts" {
            return Err("no such collection".to_owned());
        }
        self.text.expect("(")?;
        let variable = self.text.word("")?;
        self.text.expect(":")?;
        let start = self.text.rest;
        let id = self.from.get("accountid");
        let contacts = self.data.get("contact").into_iter().flatten();
        let members =
            contacts.filter(|contact| contact.get("_parentcustomerid_value") == id).map(Some);
        let mut truth = is_all;
        // Once more for none, to come to its end.
        for member in members.chain([None]) {
            self.text.rest = start;
            self.variable = Some((variable, member));
            let holds = self.alternatives()? == Some(true);
            if member.is_some() {
                truth = if is_all { truth && holds } else { truth || holds };
            }
        }
        self.variable = None;
        self.text.expect(")")?;
        Ok(Some(truth))
    }

    fn field(&self, path: &str) -> Result<Option<String>, String> {
        let (first, column) = path.split_once('/').unwrap_or(("", path));
        let record = match first {
            "" => Some(self.from),
            "primarycontactid" => {
                behind(self.data, self.from, "_primarycontactid_value", "contact")
            }
            "parentcustomerid_account" => {
                behind(self.data, self.from, "_parentcustomerid_value", "account")
            }
            other => match self.variable {
                Some((name, record)) if name == other => record,
                _ => return Err(format!("{other} leads nowhere")),
            },
        };
        Ok(record.and_then(|record| text(record, column)))
    }

    /// What the alias is given that comes next, without its sign.
    fn alias(&mut self) -> Result<&'d str, String> {
        let name = self.text.word("")?;
        self.call.parameter(&format!("@{name}")).ok_or_else(|| "an alias is not given".to_owned())
    }
}
