// SPDX-License-Identifier: Apache-2.0
//! Laws and shipments at random, as plain data that both sides of the decision table
//! are made from.

use serde_json::{Map, Value, json};

pub const PLACES: &[&str] =
    &["DE", "FR", "NO", "GB", "US", "US-CA", "US-NY", "AU", "EU", "EEA", "ADQ"];
pub const CATEGORIES: &[&str] = &["email", "phone", "health"];
pub const FIELDS: &[&str] = &["Contact.Email", "Contact.Phone", "Contact.Health__c"];
pub const PURPOSES: &[&str] = &["crm", "sale", "newsletter"];
pub const OPERATIONS: &[&str] = &["sobject.create", "sobject.update"];
pub const UPSTREAMS: &[&str] = &["sf", "sf-eu"];
const SCOPES: &[&str] = &["dpf", "pipeda"];
const FALLBACKS: &[&str] = &["refuse", "drop", "tokenize"];

/// First and last day, counted from the start of 2026.
pub type Days = (Option<u32>, Option<u32>);
/// A day far enough from both ends of every window.
pub const LAST_DAY: u32 = 20;
/// 2026-01-01, in days since 1970.
pub const FIRST_DAY: u32 = 20_454;

pub struct World {
    pub groups: Vec<(&'static str, Vec<Member>)>,
    pub bases: Vec<Basis>,
    pub confirmed: Vec<Confirmed>,
    pub laws: Vec<Law>,
}

pub struct Member {
    pub place: &'static str,
    pub days: Days,
    pub scope: Option<&'static str>,
}

pub struct Basis {
    pub name: String,
    pub kind: &'static str,
    pub days: Days,
    pub purpose: Option<&'static str>,
    pub group: Option<&'static str>,
}

pub struct Confirmed {
    pub scope: &'static str,
    pub upstream: &'static str,
    pub days: Days,
}

pub struct Law {
    pub name: String,
    /// `None`: anyone.
    pub applies_to: Option<Vec<&'static str>>,
    pub otherwise: &'static str,
    pub transfers: Vec<Transfer>,
    pub consents: Vec<Consent>,
    /// How many transfer rules stand in a document of their own before the others.
    pub own: usize,
}

pub struct Transfer {
    pub name: String,
    pub from: Option<Vec<&'static str>>,
    pub to: Option<Vec<&'static str>>,
    pub categories: Option<Vec<&'static str>>,
    pub action: &'static str,
    pub protected: bool,
    pub otherwise: &'static str,
    pub upstream: &'static str,
    pub bases: Vec<String>,
}

pub struct Consent {
    pub name: String,
    pub of: Option<Vec<&'static str>>,
    pub categories: Option<Vec<&'static str>>,
    pub fields: Option<Vec<&'static str>>,
    pub operations: Option<Vec<&'static str>>,
    pub purposes: Option<Vec<&'static str>>,
    pub needs: &'static str,
    pub purpose: Option<&'static str>,
    pub permitted: Option<Vec<&'static str>>,
    pub without: &'static str,
}

/// What is sent, in words.
#[derive(Debug)]
pub struct Cargo {
    pub jurisdictions: Vec<&'static str>,
    pub upstream: &'static str,
    pub region: &'static str,
    pub operation: Option<&'static str>,
    pub field: Option<usize>,
    pub has_category: bool,
    pub protection: &'static str,
    pub purpose: Option<&'static str>,
    pub vault: Option<&'static str>,
    /// Purpose, whether given, when.
    pub consents: Vec<(&'static str, bool, Days)>,
    pub today: u32,
}

/// SplitMix64 (Steele, Lea and Flood 2014): enough to be irregular, the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u32) -> u32 {
        (self.next() % u64::from(bound)) as u32
    }

    fn one_in(&mut self, bound: u32) -> bool {
        self.below(bound) == 0
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len() as u32) as usize]
    }

    fn some(&mut self, from: &[&'static str], at_most: u32) -> Vec<&'static str> {
        (0..=self.below(at_most)).map(|_| self.pick(from)).collect()
    }

    /// All, in one of `rarity` cases; else some.
    fn or_all(&mut self, rarity: u32, from: &[&'static str]) -> Option<Vec<&'static str>> {
        (!self.one_in(rarity)).then(|| self.some(from, 3))
    }

    fn maybe(&mut self, from: &[&'static str]) -> Option<&'static str> {
        self.one_in(2).then(|| self.pick(from))
    }

    fn days(&mut self) -> Days {
        let from = self.one_in(3).then(|| self.below(LAST_DAY));
        let until = self.one_in(3).then(|| from.unwrap_or(0) + self.below(LAST_DAY));
        (from, until)
    }

    pub fn world(&mut self) -> World {
        let member = |dice: &mut Self, place, scope| Member { place, days: dice.days(), scope };
        let groups = vec![
            ("EU", ["DE", "FR", "GB"].map(|place| member(self, place, None)).into()),
            ("EEA", vec![member(self, "EU", None), member(self, "NO", None)]),
            (
                "ADQ",
                vec![
                    member(self, "GB", None),
                    member(self, "US", Some("dpf")),
                    member(self, "US-CA", Some("pipeda")),
                    member(self, "AU", None),
                ],
            ),
        ];
        let kinds = ["scc", "bcr", "derogation", "consent", "adequacy"];
        let bases = (0..5)
            .map(|at| {
                let kind = if at == 0 { "adequacy" } else { self.pick(&kinds) };
                let group = (at == 0).then_some("ADQ");
                let is_consent = kind == "consent";
                Basis {
                    name: format!("b{at}"),
                    kind,
                    days: if at == 0 { (None, None) } else { self.days() },
                    purpose: if is_consent { self.maybe(PURPOSES) } else { None },
                    group,
                }
            })
            .collect();
        let confirmed = (0..2)
            .map(|_| Confirmed {
                scope: self.pick(SCOPES),
                upstream: self.pick(UPSTREAMS),
                days: self.days(),
            })
            .collect();
        let laws = (0..=self.below(3)).map(|at| self.law(at)).collect();
        World { groups, bases, confirmed, laws }
    }

    fn law(&mut self, at: u32) -> Law {
        let transfers: Vec<Transfer> =
            (0..self.below(7)).map(|rule| self.transfer(format!("t{rule}"))).collect();
        let consents = (0..self.below(3)).map(|rule| self.consent(format!("c{rule}"))).collect();
        let own = self.below(transfers.len() as u32 + 1) as usize;
        Law {
            name: format!("law{at}"),
            applies_to: self.or_all(2, PLACES),
            otherwise: self.pick(&["refuse", "allow", "abstain"]),
            transfers,
            consents,
            own,
        }
    }

    fn transfer(&mut self, name: String) -> Transfer {
        let action = self.pick(&["allow", "allow", "allow", "keep_local", "route", "refuse"]);
        let has_basis = ["allow", "keep_local"].contains(&action) && self.one_in(2);
        let bases = if has_basis {
            (0..=self.below(2)).map(|_| format!("b{}", self.below(5))).collect()
        } else {
            Vec::new()
        };
        Transfer {
            name,
            from: self.or_all(3, PLACES),
            to: self.or_all(3, PLACES),
            categories: self.or_all(2, CATEGORIES),
            action,
            protected: action == "allow" && self.one_in(3),
            otherwise: self.pick(FALLBACKS),
            upstream: self.pick(UPSTREAMS),
            bases,
        }
    }

    fn consent(&mut self, name: String) -> Consent {
        let needs = self.pick(&["consent", "no_objection", "purpose"]);
        Consent {
            name,
            of: self.or_all(3, PLACES),
            categories: self.or_all(2, CATEGORIES),
            fields: self.or_all(2, FIELDS),
            operations: self.or_all(2, OPERATIONS),
            purposes: self.or_all(2, PURPOSES),
            needs,
            purpose: if needs == "purpose" { None } else { self.maybe(PURPOSES) },
            permitted: if needs == "purpose" { self.or_all(2, PURPOSES) } else { None },
            without: self.pick(FALLBACKS),
        }
    }

    pub fn cargo(&mut self) -> Cargo {
        let field = (!self.one_in(6)).then(|| self.below(3) as usize);
        Cargo {
            jurisdictions: if self.one_in(20) { Vec::new() } else { self.some(PLACES, 2) },
            upstream: self.pick(UPSTREAMS),
            region: if self.one_in(40) { "ZZ" } else { self.pick(PLACES) },
            operation: self.maybe(OPERATIONS),
            field,
            has_category: field.is_some() && !self.one_in(5),
            protection: self.pick(&["clear", "sealed", "token", "gone"]),
            purpose: self.maybe(PURPOSES),
            vault: if self.one_in(6) { None } else { Some(self.pick(PLACES)) },
            consents: (0..self.below(3))
                .map(|_| (self.pick(PURPOSES), !self.one_in(3), self.days()))
                .collect(),
            today: self.below(LAST_DAY + 15),
        }
    }
}

impl World {
    /// The documents of the border: groups and bases, then two for each law.
    pub fn documents(&self) -> Vec<String> {
        let named = |rule: &str, law: &Law| format!("{rule}-{}", law.name);
        let mut documents = vec![json!({
            "version": 1,
            "groups": self.groups.iter().map(|(name, members)| {
                let members: Vec<Value> = members.iter().map(|member| object([
                    ("place", json!(member.place)),
                    ("from", date(member.days.0)),
                    ("until", date(member.days.1)),
                    ("scope", json!(member.scope)),
                    ("reference", json!("decision")),
                ])).collect();
                ((*name).to_owned(), json!({ "members": members }))
            }).collect::<Map<_, _>>(),
            "bases": self.bases.iter().map(|basis| (basis.name.clone(), object([
                ("kind", json!(basis.kind)),
                ("from", date(basis.days.0)),
                ("until", date(basis.days.1)),
                ("purpose", json!(basis.purpose)),
                ("group", json!(basis.group)),
            ]))).collect::<Map<_, _>>(),
            "confirmed": self.confirmed.iter().map(|confirmed| object([
                ("scope", json!(confirmed.scope)),
                ("upstreams", json!([confirmed.upstream])),
                ("reference", json!("looked up")),
                ("from", date(confirmed.days.0)),
                ("until", date(confirmed.days.1)),
            ])).collect::<Vec<_>>(),
        })];
        for law in &self.laws {
            let transfers: Vec<Value> = law
                .transfers
                .iter()
                .map(|rule| {
                    let is_route = rule.action == "route";
                    object([
                        ("name", json!(named(&rule.name, law))),
                        ("from", json!(rule.from)),
                        ("to", rule.to.as_ref().map_or(json!("anywhere"), |to| json!(to))),
                        ("categories", json!(rule.categories)),
                        ("action", json!(rule.action)),
                        ("upstream", json!(is_route.then_some(rule.upstream))),
                        ("require", json!(rule.protected.then_some("protected"))),
                        ("otherwise", json!(rule.protected.then_some(rule.otherwise))),
                        ("basis", json!((!rule.bases.is_empty()).then_some(&rule.bases))),
                    ])
                })
                .collect();
            let consents: Vec<Value> = law
                .consents
                .iter()
                .map(|rule| {
                    object([
                        ("name", json!(named(&rule.name, law))),
                        ("of", json!(rule.of)),
                        ("categories", json!(rule.categories)),
                        ("fields", json!(rule.fields)),
                        ("operations", json!(rule.operations)),
                        ("purposes", json!(rule.purposes)),
                        ("needs", json!(rule.needs)),
                        ("purpose", json!(rule.purpose)),
                        ("permitted", json!(rule.permitted)),
                        ("without", json!(rule.without)),
                    ])
                })
                .collect();
            let (own, rest) = transfers.split_at(law.own);
            documents.push(json!({ "version": 1, "law": law.name, "transfers": own }));
            documents.push(json!({
                "version": 1,
                "law": law.name,
                "applies_to": law.applies_to.as_ref().map_or(json!("anyone"), |to| json!(to)),
                "otherwise": law.otherwise,
                "transfers": rest,
                "consent": consents,
            }));
        }
        // JSON is YAML.
        documents.iter().map(Value::to_string).collect()
    }
}

/// The members that are there.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let there = members.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(there.map(|(key, value)| (key.to_owned(), value)).collect())
}

fn date(day: Option<u32>) -> Value {
    let (month, day) = match day {
        None => return Value::Null,
        Some(day) if day < 31 => (1, day + 1),
        Some(day) => (2, day - 30),
    };
    json!(format!("2026-{month:02}-{day:02}"))
}
