// SPDX-License-Identifier: Apache-2.0
//! Policy tests: what a security team expects of a policy, checked without a request.
//!
//! What is expected is compared with what decides in a running house; an expectation that
//! does not hold is a problem at its place in the document.

mod expect;
mod names;

use std::sync::Arc;

use crate::base::{Date, Jurisdiction, Region, Role, UpstreamName};
use crate::border::{Consents, Window};
use crate::crm::Dialect;
use crate::policy::Policy;

use super::callers::read_beside;
use super::document::{Document, Section};
use super::item::Item;
use super::question::Question;
use super::{border, policy, upstream, yaml};

use expect::Subject;
use names::Known;

/// What policies are compiled for; tests are about no address.
const EMAIL_DOMAIN: &str = "tokens.acme.example";

/// Keys of places that the border has to know.
const PLACES: [&str; 2] = ["region", "vault"];

/// Reports every expectation that does not hold. How many there are.
pub fn run(document: &Document<'_>) -> Option<usize> {
    let root = yaml::parse(document).ok()?;
    let top = document.open(root.as_ref())?;
    let dialect = top.required("dialect").and_then(|item| upstream::dialect(&item, &top));
    let policy_item = top.required("policy");
    let border_item = top.optional("border");
    let upstream = top.optional_or("upstream", "upstream", |item| item.chosen_name());
    let base = Place::read(&top, &Place::default());
    let cases = top.required("cases");
    let places = PLACES.map(|key| top.optional(key));
    top.finish();

    let (dialect, policy_item) = (dialect?, policy_item?);
    let context = policy::Context {
        dialect: dialect.as_ref(),
        email_domain: EMAIL_DOMAIN,
        caller_roles: None,
        upstreams: None,
    };
    let mut policy = read_beside(document, &policy_item.path()?, &policy_item, |file| {
        policy::compile(file, &context)
    })?;
    if let Some(item) = border_item {
        let context = border::Context {
            dialect: dialect.as_ref(),
            categories: Some(policy.categories.keys().cloned().collect()),
            upstreams: None,
        };
        policy.border = Some(Arc::new(border::compile(&item, &context)?.border));
    }
    let (upstream, base) = (UpstreamName::new(upstream?), base?);
    let known = Known::new(dialect.as_ref(), &policy);
    let tester =
        Tester { document, dialect: dialect.as_ref(), policy: &policy, known, upstream, base };
    tester.check_places(&places);
    let cases = cases?;
    let counted: Vec<Option<usize>> = cases.list()?.iter().map(|case| tester.case(case)).collect();
    let count = counted.into_iter().sum::<Option<usize>>()?;
    if count == 0 {
        cases.refuse("nothing is expected", "a case with `object` and `expect`");
        return None;
    }
    Some(count)
}

/// Where and when a case takes place; said once for all of them, or by each.
#[derive(Clone, Debug, Default)]
struct Place {
    region: Option<Region>,
    vault: Option<Region>,
    date: Option<Date>,
}

impl Place {
    fn read(section: &Section<'_>, base: &Self) -> Option<Self> {
        let place = |key, base: &Option<Region>| {
            let read = |item: Item<'_>| item.chosen_name().map(|it| Some(Region::new(it)));
            section.optional_or(key, base.clone(), read)
        };
        let (region, vault) = (place("region", &base.region), place("vault", &base.vault));
        let date = section.optional_or("date", base.date, |item| {
            let date = item.text()?.parse::<Date>().ok();
            if date.is_none() {
                item.refuse("`date` is not a date", "a date such as `2027-06-30`");
            }
            date.map(Some)
        });
        Some(Self { region: region?, vault: vault?, date: date? })
    }
}

struct Tester<'t> {
    document: &'t Document<'t>,
    known: Known,
    dialect: &'t dyn Dialect,
    policy: &'t Policy,
    upstream: UpstreamName,
    base: Place,
}

/// Who asks for a value, from where.
struct Caller {
    roles: Vec<Role>,
    region: Option<Region>,
}

impl Tester<'_> {
    fn case(&self, item: &Item<'_>) -> Option<usize> {
        let section = item.section()?;
        let name = section.required("name").and_then(|name| name.text());
        let object = section.required("object").and_then(|item| self.object(&item));
        let place = Place::read(&section, &self.base);
        let roles =
            section.optional_or("roles", Vec::new(), |roles| roles.list_of(|role| self.role(role)));
        let region = section.optional_or("caller_region", None, |place| self.place(&place));
        let jurisdictions = section.optional_or("jurisdiction", Vec::new(), |item| {
            let one = |item: &Item<'_>| self.place(item)?.map(|it| Jurisdiction::new(it.as_str()));
            if item.is_list() { item.list_of(one) } else { one(&item).map(|one| vec![one]) }
        });
        let purpose = section.optional_or("purpose", None, |item| self.purpose(&item).map(Some));
        let operation =
            section.optional_or("operation", None, |item| self.operation(&item).map(Some));
        let consents =
            section.optional_or("consent", Consents::default(), |item| self.consents(&item));
        let expect = section.required("expect");
        self.check_places(&PLACES.map(|key| section.optional(key)));
        section.finish();

        name?;
        let (place, object, expected) = (place?, object?, expect?);
        let expect = expected.section()?;
        let has_border = self.policy.border.is_some();
        let (Some(region_of_crm), Some(today)) = (
            place.region.or_else(|| (!has_border).then(|| Region::new("anywhere"))),
            place.date.or_else(|| (!has_border).then(|| Date::from_days(0))),
        ) else {
            item.refuse(
                "the border asks where and when, and the case does not say it",
                "give `region` and `date`, here or for all cases",
            );
            return None;
        };
        let (purpose, operation) = (purpose?, operation?);
        let question = Question {
            dialect: self.dialect,
            policy: self.policy,
            upstream: &self.upstream,
            region: &region_of_crm,
            vault: place.vault.as_ref(),
            jurisdictions: &jurisdictions?,
            operation: operation.as_ref(),
            purpose: purpose.as_ref(),
            consents: &consents?,
            today,
        };
        let caller = Caller { roles: roles?, region: region? };
        let mut count = 0;
        for (field, item) in expect.named() {
            self.check_field(object, &field)?;
            count += self::field(&question, &caller, (object, field.text), &item)?;
        }
        if count == 0 {
            expected.refuse("nothing is expected", "a field, and its protection");
            return None;
        }
        Some(count)
    }

    fn consents(&self, item: &Item<'_>) -> Option<Consents> {
        let mut consents = Consents::default();
        for (name, item) in item.section()?.named() {
            let purpose = self.purpose_named(&name);
            let is_given = item.choice(&[("given", true), ("withdrawn", false)])?;
            consents = if is_given {
                consents.given(purpose, Window::ALWAYS)
            } else {
                consents.withdrawn(purpose)
            };
        }
        Some(consents)
    }

    /// A place that the border knows.
    #[expect(clippy::option_option, reason = "outside: whether it could be read")]
    fn place(&self, item: &Item<'_>) -> Option<Option<Region>> {
        let name = item.chosen_name()?;
        if let Some(border) = &self.policy.border {
            border::check_region(item, name, border);
        }
        Some(Some(Region::new(name)))
    }

    /// Reports places that the border does not know: it would refuse for their sake.
    fn check_places(&self, places: &[Option<Item<'_>>]) {
        let Some(border) = &self.policy.border else { return };
        for item in places.iter().flatten() {
            if let Some(name) = item.chosen_name() {
                border::check_region(item, name, border);
            }
        }
    }
}

/// What is expected of one field: a protection, or a mapping.
fn field(
    question: &Question<'_>,
    caller: &Caller,
    (object, name): (&str, &str),
    item: &Item<'_>,
) -> Option<usize> {
    let answer = question.about(object, name);
    let subject = Subject { answer: &answer, item };
    if !item.is_mapping() {
        subject.protection(item)?;
        return Some(1);
    }
    let section = item.section()?;
    let keys = ["protect", "category", "reveal", "border", "rule", "basis"];
    let items = keys.map(|key| section.optional(key));
    section.finish();
    let count = items.iter().flatten().count();
    if count == 0 {
        item.refuse(format!("nothing is expected of `{name}`"), "a protection, or a `category`");
        return None;
    }
    let [protect, category, reveal, border, rule, basis] = items;
    protect.map_or(Some(()), |item| subject.protection(&item))?;
    if let Some(item) = category {
        let got = subject.rule().map_or("none", |rule| rule.category.as_str());
        subject.expect(&item, item.chosen_name()?, got, &subject.origin());
    }
    if let Some(item) = reveal {
        subject.reveal(question, caller, &item)?;
    }
    let asked = [border, rule, basis];
    if asked.iter().any(Option::is_some) {
        let Some(verdict) = &answer.verdict else {
            item.refuse("the policy has no border", "name its documents under `border`");
            return None;
        };
        subject.border(verdict, asked)?;
    }
    Some(count)
}
