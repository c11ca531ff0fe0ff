// SPDX-License-Identifier: Apache-2.0
//! The documents of a border → [`Border`].
//!
//! All documents have one format, and stand in a list in which the earlier goes
//! before: of the rules of one law those of an earlier document are asked first, so
//! that a house's own document before a pack overrides it. Groups and bases may be
//! used by every document, wherever they are defined.

mod bases;
mod findings;
mod places;
mod residence;
mod rules;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::base::{Category, FieldName, ObjectName, RuleName, UpstreamName};
use crate::border::{
    Atlas, Border, Code as Place, ConsentRule, Law, Member, Origin, Otherwise, Places,
    ResidenceRule, RevealRule, RuleInfo, TransferRule,
};
use crate::crm::Dialect;

use super::diagnostic::{Code, Problem, Problems};
use super::document::{Document, Section};
use super::item::Item;
use super::source::Source;
use super::yaml::{self, Node};

use bases::Bases;
use findings::Written;

/// What a border is compiled for.
pub struct Context<'c> {
    pub dialect: &'c dyn Dialect,
    /// Those of the policy; `None` when they have problems of their own.
    pub categories: Option<BTreeSet<Category>>,
    /// Every upstream there is; `None` when that is not known.
    pub upstreams: Option<&'c BTreeSet<UpstreamName>>,
}

pub struct Compiled {
    pub border: Border,
    /// In the order in which the policy lists them.
    pub sources: Vec<Arc<Source>>,
}

pub use places::unknown_place;

/// Reports a region that the border of an upstream does not know.
pub fn check_region(item: &Item<'_>, region: &str, border: &Border) {
    if !border.atlas.knows(region) {
        item.report(unknown_place(item.span(), region, border.atlas.group_names()));
    }
}

/// `border: [policies/border/gdpr.yaml, border.yaml]`
pub fn compile(item: &Item<'_>, context: &Context<'_>) -> Option<Compiled> {
    let documents = item.list_of(read)?;
    if documents.is_empty() {
        item.refuse("the border has no document", "name at least one, or leave out `border`");
        return None;
    }
    let sections: Option<Vec<Section<'_>>> =
        documents.iter().map(|(document, root)| document.open(root.as_ref())).collect();
    let sections = sections?;
    let sources = documents.iter().map(|(document, _)| Arc::clone(&document.source)).collect();

    let groups = places::groups(&sections)?;
    let known = context.dialect.known_fields().into_iter();
    let reader = Reader {
        context,
        known_fields: known.map(|(object, field)| format!("{object}.{field}")).collect(),
        subdivisions: RefCell::new(places::subdivisions(&groups)),
        groups,
        names: RefCell::default(),
    };
    let bases = reader.bases(&sections);
    let confirmations = reader.confirmations(&sections);
    let read: Vec<Option<Part>> =
        sections.into_iter().map(|section| reader.part(section, bases.as_ref())).collect();
    let parts: Option<Vec<Part>> = read.into_iter().collect();
    let (parts, bases) = (parts?, bases?);

    let problems = item.document.problems;
    findings::residence(&parts, problems);
    let residence: Vec<_> =
        parts.iter().flat_map(|part| &part.residence).map(|it| it.rule.clone()).collect();
    if residence.is_empty() {
        let message = "no document says whose law covers a record, so every record is refused";
        let help = "add `jurisdiction` rules, at the least `- { name: rest, otherwise: DE }`";
        item.report(item.problem(Code::NoJurisdiction, message).help(help));
    }
    let laws = laws(parts, problems)?;
    let border = Border {
        atlas: Atlas::new(reader.groups, reader.subdivisions.into_inner()),
        residence,
        laws,
        bases: bases.all,
        confirmations: confirmations?,
    };
    Some(Compiled { border, sources })
}

fn read<'d>(item: &Item<'d>) -> Option<(Document<'d>, Option<Node>)> {
    match Source::read(&item.path()?) {
        Ok(source) => {
            let document = Document { source, problems: item.document.problems };
            let root = yaml::parse(&document).ok()?;
            Some((document, root))
        }
        Err(error) => {
            item.report(item.problem(Code::Unreadable, error.to_string()));
            None
        }
    }
}

/// What reading needs to know of all documents.
struct Reader<'r> {
    context: &'r Context<'r>,
    /// `contact.email`, in canonical spelling.
    known_fields: BTreeSet<String>,
    groups: BTreeMap<SmolStr, Vec<Member>>,
    /// Those that documents speak of.
    subdivisions: RefCell<BTreeSet<Place>>,
    /// Rules, and where each is written.
    names: RefCell<BTreeMap<RuleName, Spot>>,
}

/// A place in a document.
#[derive(Clone, Debug)]
struct Spot {
    source: Arc<Source>,
    span: Range<usize>,
}

impl Spot {
    fn of(item: &Item<'_>) -> Self {
        Self { source: Arc::clone(&item.document.source), span: item.span().clone() }
    }

    /// Of the key that a value stands behind.
    fn of_key(item: &Item<'_>) -> Self {
        Self { source: Arc::clone(&item.document.source), span: item.place.clone() }
    }

    fn origin(&self) -> Origin {
        let before = self.source.text.get(..self.span.start).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Origin { document: self.source.path.to_string_lossy().into(), line: line as u32 }
    }

    /// Reports that something is defined again `at` a place of the document of `item`.
    fn report_twice(&self, item: &Item<'_>, at: &Range<usize>, what: &str, name: &str) {
        item.report(
            Problem::new(Code::DefinedTwice, at, format!("the {what} `{name}` is defined twice"))
                .label("here again")
                .related_in(&self.source, &self.span, "first here"),
        );
    }
}

/// What one document says of a law.
struct Part {
    law: Option<LawName>,
    applies: Option<Applies>,
    residence: Vec<Written<ResidenceRule>>,
    transfers: Vec<Written<TransferRule>>,
    consents: Vec<ConsentRule>,
    reveals: Vec<Written<RevealRule>>,
}

struct LawName {
    text: SmolStr,
    spot: Spot,
}

struct Applies {
    to: Places,
    otherwise: Otherwise,
    spot: Spot,
}

/// Keys whose rules belong to a law.
const RULES: [&str; 4] = ["jurisdiction", "transfers", "consent", "reveal"];

impl Reader<'_> {
    /// Reads what a document says beside groups and bases, and reports what it
    /// should not say. Without `bases` they have problems of their own.
    fn part(&self, section: Section<'_>, bases: Option<&Bases>) -> Option<Part> {
        let has_rules = RULES.iter().any(|key| section.optional(key).is_some());
        let law = if has_rules { section.required("law") } else { section.optional("law") };
        let law = match law {
            Some(item) => Some(law_name(&item)?),
            None => None,
        };
        let name = law.as_ref().map_or("", |law| &law.text);
        let applies = match section.optional("applies_to") {
            Some(item) => {
                let words = [
                    ("refuse", Otherwise::Refuse),
                    ("allow", Otherwise::Allow),
                    ("abstain", Otherwise::Abstain),
                ];
                let otherwise =
                    section.optional_or("otherwise", Otherwise::Refuse, |item| item.choice(&words));
                Some(Applies {
                    to: self.places(&item, "anyone")?,
                    otherwise: otherwise?,
                    spot: Spot::of_key(&item),
                })
            }
            None => None,
        };
        macro_rules! rules {
            ($key:literal, $read:expr) => {
                section.optional_or($key, Vec::new(), |item| item.list_of($read))
            };
        }
        let residence = rules!("jurisdiction", |item| self.residence_rule(name, item));
        let transfers = rules!("transfers", |item| self.transfer(name, item, bases));
        let consents = rules!("consent", |item| self.consent(name, item));
        let reveals = rules!("reveal", |item| self.reveal(name, item));
        section.finish();
        Some(Part {
            law,
            applies,
            residence: residence?,
            transfers: transfers?,
            consents: consents?,
            reveals: reveals?,
        })
    }

    /// Name, article and place of a rule; no two have one name.
    fn info(&self, law: &str, section: &Section<'_>) -> Option<(Arc<RuleInfo>, Spot)> {
        let name = section.required("name");
        let cites = section.optional_or("cites", None, |item| item.text().map(Some));
        let item = name?;
        let name = RuleName::new(format!("{law}/{}", item.chosen_name()?.to_lowercase()));
        let spot = Spot::of(&item);
        if let Some(first) = self.names.borrow().get(&name) {
            first.report_twice(&item, &spot.span, "rule", name.as_str());
            return None;
        }
        self.names.borrow_mut().insert(name.clone(), spot.clone());
        let origin = Some(spot.origin());
        let info = RuleInfo { name, cites: cites?.map(SmolStr::new), origin };
        Some((Arc::new(info), spot))
    }

    /// `Contact.MailingCountry`, in the dialect's canonical spelling.
    fn field(&self, item: &Item<'_>) -> Option<(ObjectName, FieldName)> {
        let text = item.text()?;
        let field = self.field_named(text, item);
        if field.is_none() {
            item.refuse(
                format!("`{}` is not a field", item.name),
                "an object and a field, such as `Contact.MailingCountry`",
            );
        }
        field
    }

    /// Warns about names that are nearly those of standard fields.
    fn field_named(&self, text: &str, item: &Item<'_>) -> Option<(ObjectName, FieldName)> {
        let (object, field) =
            text.split_once('.').filter(|(o, f)| !o.is_empty() && !f.is_empty())?;
        let object = self.context.dialect.canonical_object(object);
        let field = self.context.dialect.canonical_field(&object, field);
        let name = format!("{object}.{field}");
        if !self.known_fields.contains(&name) {
            let known = self.known_fields.iter().map(String::as_str);
            if let Some(meant) = super::spelling::slip_of(&name, known) {
                let message = format!("`{text}` is no standard field, and nearly one");
                let problem = item.key_problem(Code::UnknownField, message);
                item.report(problem.did_you_mean(meant));
            }
        }
        Some((object, field))
    }
}

fn law_name(item: &Item<'_>) -> Option<LawName> {
    let text = SmolStr::new(item.chosen_name()?.to_lowercase());
    if text == "border" {
        item.refuse("a law cannot be called `border`", "for example `house`");
        return None;
    }
    Some(LawName { text, spot: Spot::of(item) })
}

/// One or several, at least one.
fn some_of<'d, T>(item: &Item<'d>, read: impl Fn(&Item<'d>) -> Option<T>) -> Option<Vec<T>> {
    if !item.is_list() {
        return read(item).map(|one| vec![one]);
    }
    let all = item.list_of(read)?;
    if all.is_empty() {
        item.refuse(format!("`{}` is empty", item.name), "name at least one, or leave it out");
        return None;
    }
    Some(all)
}

/// The laws that the documents speak of, in the order in which they are met.
fn laws(parts: Vec<Part>, problems: &Problems) -> Option<Vec<Law>> {
    let mut open: Vec<(LawName, Vec<Part>)> = Vec::new();
    for mut part in parts {
        let Some(name) = part.law.take() else { continue };
        match open.iter_mut().find(|(law, _)| law.text == name.text) {
            Some((_, parts)) => parts.push(part),
            None => open.push((name, vec![part])),
        }
    }
    let compiled: Vec<Option<Law>> =
        open.into_iter().map(|(name, parts)| law(&name, parts, problems)).collect();
    compiled.into_iter().collect()
}

fn law(name: &LawName, parts: Vec<Part>, problems: &Problems) -> Option<Law> {
    let mut applies: Option<Applies> = None;
    let (mut transfers, mut consents, mut reveals) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        match (&applies, part.applies) {
            (None, own) => applies = own,
            (Some(_), None) => {}
            (Some(first), Some(again)) => {
                let message = format!("whom the law `{}` applies to is said twice", name.text);
                let problem = Problem::new(Code::DefinedTwice, &again.spot.span, message)
                    .label("here again")
                    .related_in(&first.spot.source, &first.spot.span, "first here");
                problems.report(&again.spot.source, problem);
                return None;
            }
        }
        transfers.extend(part.transfers);
        consents.extend(part.consents);
        reveals.extend(part.reveals);
    }
    let Some(applies) = applies else {
        let message = format!("no document of the law `{}` says whom it applies to", name.text);
        let problem = Problem::new(Code::AppliesToNobody, &name.spot.span, message)
            .help("for example `applies_to: EEA`, or `applies_to: anyone`");
        problems.report(&name.spot.source, problem);
        return None;
    };
    findings::transfers(&transfers, &applies, problems);
    findings::reveals(&reveals, &applies, problems);
    let default_rule = Arc::new(RuleInfo {
        name: RuleName::new(format!("{}/otherwise", name.text)),
        cites: None,
        origin: Some(applies.spot.origin()),
    });
    Some(Law {
        name: name.text.clone(),
        applies_to: applies.to,
        otherwise: applies.otherwise,
        default_rule,
        transfers: transfers.into_iter().map(|written| written.rule).collect(),
        consents,
        reveals: reveals.into_iter().map(|written| written.rule).collect(),
    })
}
