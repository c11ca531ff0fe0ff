// SPDX-License-Identifier: Apache-2.0
//! `$filter` of OData, as Dataverse has it.

mod reader;

use http::Method;

use super::dataverse::{comparison, house, records};
use super::house::Question;
use super::people::{part, percent};
use super::queries;
use crate::random::Random;

pub use reader::rows;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odata_finds_what_it_finds_in_clear_data() {
    let random = &mut Random(0x0DA7A);
    let house = house(random).await;
    let questions: Vec<Question> = (0..queries()).map(|_| question(random)).collect();
    house.compare(&questions, |said| said["value"].as_array().map_or(0, Vec::len)).await.check();
}

/// Writes a filter, and the values that it puts off to aliases.
struct Writer<'r> {
    random: &'r mut Random,
    aliases: Vec<(String, String)>,
}

fn question(random: &mut Random) -> Question {
    let mut writer = Writer { random, aliases: Vec::new() };
    let is_of_contacts = writer.random.below(3) > 0;
    let filter = if is_of_contacts { writer.filter(2, "") } else { writer.of_accounts(1) };
    let Writer { random, aliases } = writer;
    let (set, orders) = if is_of_contacts {
        (
            "contacts",
            [
                "",
                "&$orderby=department desc",
                "&$orderby=jobtitle,department",
                "&$orderby=lastname",
            ],
        )
    } else {
        ("accounts", ["", "&$orderby=name", "", "&$orderby=emailaddress1 desc"])
    };
    let order = orders[[0, 0, 0, 0, 0, 0, 1, 2, 3][random.below(9)]].replace(' ', "%20");
    let top = random.pick(&["", "", "&$top=7"]);
    let given: Vec<String> = aliases
        .iter()
        .map(|(name, value)| format!("&@{name}={}", percent(random, value)))
        .collect();
    let target = format!(
        "{}?$filter={}{order}{top}{}",
        records(random, set),
        percent(random, &filter),
        given.concat()
    );
    let text = format!("{set}: {filter} {order} {aliases:?}");
    Question { method: Method::GET, target, body: String::new(), text }
}

impl Writer<'_> {
    /// About contacts, which `base` leads to.
    fn filter(&mut self, depth: usize, base: &str) -> String {
        if depth > 0 && self.random.below(3) == 0 {
            let joint = self.random.pick(&["and", "or"]);
            let (left, right) = (self.filter(depth - 1, base), self.filter(depth - 1, base));
            return match self.random.below(3) {
                0 => format!("{left} {joint} {right}"),
                1 => format!("( {left} ) {joint} ({right})"),
                _ => format!("({left}  {joint} {right})"),
            };
        }
        if depth > 0 && self.random.below(6) == 0 {
            let inner = self.filter(depth - 1, base);
            return if inner.starts_with('(') {
                format!("not {inner}")
            } else {
                format!("not ({inner})")
            };
        }
        if base.is_empty() && self.random.below(12) == 0 {
            let value = self.random.pick(&["company 1", "Company 2", "none"]);
            return format!("parentcustomerid_account/name eq '{value}'");
        }
        self.comparison(base)
    }

    fn comparison(&mut self, base: &str) -> String {
        let (column, value) = comparison(self.random);
        let field = format!("{base}{column}");
        match self.random.below(30) {
            0..=8 => format!("{field} eq {}", self.value(&value)),
            9 => format!("{} eq {field}", self.value(&value)),
            10 | 11 => format!("{field} ne {}", self.value(&value)),
            12 => format!("{field} {} null", self.random.pick(&["eq", "ne"])),
            13 | 14 => {
                let count = self.random.below(4);
                let values: Vec<String> =
                    (0..=count).map(|_| quoted(&comparison_of(self.random, column))).collect();
                let negated = self.random.pick(&["", "", "not "]);
                let list = format!("{field} in ({})", values.join(self.random.pick(&[",", ", "])));
                if negated.is_empty() { list } else { format!("not ({list})") }
            }
            15..=17 if base.is_empty() => self.membership(column),
            18 | 24..=29 => {
                let function =
                    self.random.pick(&["contains", "startswith", "startswith", "endswith"]);
                let text = part(self.random, &value);
                format!("{function}({field},{})", self.value(&text))
            }
            19 => format!("{field} {} {}", self.random.pick(&["gt", "le"]), self.value(&value)),
            20 => format!(
                "{base}numberofchildren {} {}",
                self.random.pick(&["gt", "le", "eq", "ne"]),
                self.random.below(4)
            ),
            21 => format!("contains({base}department,'D0{}')", self.random.below(6)),
            22 => format!("startswith({base}department,'d00')"),
            _ => format!("{base}jobtitle eq {}", self.value("ceo")),
        }
    }

    /// By the function of Dataverse.
    fn membership(&mut self, column: &str) -> String {
        let count = self.random.below(4);
        let values: Vec<String> = (0..=count).map(|_| comparison_of(self.random, column)).collect();
        let can_be_single = values.iter().all(|value| !value.contains('\''));
        let list = if can_be_single && self.random.below(2) == 0 {
            let quoted: Vec<String> = values.iter().map(|value| format!("'{value}'")).collect();
            format!("[{}]", quoted.join(","))
        } else {
            serde_json::json!(values).to_string()
        };
        let function = self.random.pick(&["In", "NotIn"]);
        let (name, list) = if self.random.below(3) == 0 {
            (self.alias(format!("'{column}'")), self.alias(list))
        } else {
            (format!("'{column}'"), list)
        };
        format!("Microsoft.Dynamics.CRM.{function}(PropertyName={name},PropertyValues={list})")
    }

    fn of_accounts(&mut self, depth: usize) -> String {
        if depth > 0 && self.random.below(3) == 0 {
            let joint = self.random.pick(&["and", "or"]);
            return format!(
                "({}) {joint} ({})",
                self.of_accounts(depth - 1),
                self.of_accounts(depth - 1)
            );
        }
        match self.random.below(8) {
            0..=2 => self.filter(1, "primarycontactid/"),
            3 | 4 => {
                let inner = self.filter(1, "c/");
                format!(
                    "contact_customer_accounts/{}(c:{inner})",
                    self.random.pick(&["any", "any", "all"])
                )
            }
            5 => format!("not contact_customer_accounts/any(x:{})", self.filter(0, "x/")),
            6 => {
                let number = self.random.below(6);
                let address = super::people::address(self.random, number);
                format!(
                    "emailaddress1 {} {}",
                    self.random.pick(&["eq", "ne"]),
                    self.value(&address)
                )
            }
            _ => format!("name eq '{}'", self.random.pick(&["COMPANY 1", "Shop 2", "none"])),
        }
    }

    /// A literal, or an alias for it.
    fn value(&mut self, text: &str) -> String {
        let literal = quoted(text);
        if self.random.below(8) == 0 { self.alias(literal) } else { literal }
    }

    fn alias(&mut self, value: String) -> String {
        let name = format!("p{}", self.aliases.len());
        self.aliases.push((name.clone(), value));
        format!("@{name}")
    }
}

/// Another value for the same column.
fn comparison_of(random: &mut Random, column: &str) -> String {
    loop {
        let (other, value) = comparison(random);
        if other == column {
            return value;
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
