// SPDX-License-Identifier: Apache-2.0
//! The document that security teams write → [`Policy`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::base::{Category, FieldName, ObjectName, Role, UpstreamName};
use crate::crm::{Dialect, FieldFacts};
use crate::policy::{
    CategoryRule, ConsentRule, Digest, FieldRule, FindingKind, Names, ObjectRule, Policy,
    Protection, Residual, Reveal, ScanRules, Shape, Sought, Unlisted, scope_in, words_of,
};

use super::diagnostic::{Code, Problem};
use super::document::{Document, Name, listed};
use super::item::Item;
use super::protection::{self, Details, Target};
use super::search::{self, Search};
use super::spelling::closest;
use super::{border, other_crm, subject, yaml};

/// Keys of later versions.
const LATER: &[&str] = &["tests", "purposes", "defaults"];
const LATER_OF_CATEGORY: &[&str] = &["scope", "retention", "jurisdiction"];
const LATER_OF_OBJECT: &[&str] = &["jurisdiction"];
const LATER_OF_FIELD: &[&str] = &["reveal"];
const LATER_REVEALS: &[&str] = &["year", "last4", "domain"];

const RESIDUAL: [(&str, Residual); 3] =
    [("protect", Residual::Protect), ("refuse", Residual::Refuse), ("report", Residual::Report)];

/// Rows that are sorted here, if the policy does not say how many. No answer of a CRM whose
/// rows can be sorted holds more of them at once.
const SORTED_ROWS: usize = 2_000;

/// What a policy is compiled for.
pub struct Context<'c> {
    pub dialect: &'c dyn Dialect,
    pub email_domain: &'c str,
    /// Every role that a caller can have; `None` when that is not known.
    pub caller_roles: Option<&'c BTreeSet<Role>>,
    /// Every upstream there is; `None` when that is not known.
    pub upstreams: Option<&'c BTreeSet<UpstreamName>>,
}

pub fn compile(document: &Document<'_>, context: &Context<'_>) -> Option<Policy> {
    let root = yaml::parse(document).ok()?;
    let top = document.open(root.as_ref())?;
    let categories = top.required("categories");
    let objects_item = top.required("objects");
    let border_item = top.optional("border");
    let residual = top.optional_or("residual", None, |item| item.choice(&RESIDUAL).map(Some));
    let names_item = top.optional("names");
    let names = names_item.as_ref().map_or(Some(Names::default()), names_of);
    let sorted_rows =
        top.optional_or("sorted_rows", SORTED_ROWS, |item| context.sorted_rows(&item));
    top.finish_with(LATER);

    let categories = categories.and_then(|categories| context.categories(&categories));
    let objects_item = objects_item?;
    other_crm::report_policy(&objects_item, context.dialect);
    let reader = Reader {
        context,
        document,
        known: context.dialect.known_fields(),
        categories: categories.as_ref(),
    };
    let objects = reader.objects(&objects_item);
    let border = border_item.map(|item| {
        let context = border::Context {
            dialect: context.dialect,
            categories: categories.as_ref().map(|all| all.keys().cloned().collect()),
            upstreams: context.upstreams,
        };
        border::compile(&item, &context)
    });
    let (categories, objects) = (categories?, objects?);
    let (names, residual, sorted_rows) = (names?, residual?, sorted_rows?);
    if let Some(item) = names_item.filter(|_| !scans_for_names(&objects)) {
        let message = "no field is scanned for names, so none of these is looked for";
        item.report(item.key_problem(Code::UnsoughtName, message).without_the_line());
    }
    let findings = findings(&categories, &objects, residual.is_some());
    let border = match border {
        Some(compiled) => Some(compiled?),
        None => None,
    };

    let rules = || objects.values().flat_map(rules_of);
    if rules().next().is_none() {
        objects_item
            .report(objects_item.problem(Code::ProtectsNothing, "this policy protects nothing"));
        return None;
    }
    let found = findings.values();
    let used: HashSet<&Category> = rules().chain(found).map(|rule| &rule.category).collect();
    for (name, category) in &categories {
        if !used.contains(name) {
            let message = format!("no field has the category `{name}`");
            document.report(Problem::new(Code::UnusedCategory, &category.span, message));
        }
    }
    let mut digest = Sha256::new_with_prefix(document.text());
    for source in border.iter().flat_map(|border| &border.sources) {
        digest.update(Sha256::digest(&source.text));
    }
    let policy = Policy {
        digest: Digest(digest.finalize().into()),
        categories: categories.into_iter().map(|(name, category)| (name, category.rule)).collect(),
        objects,
        border: border.map(|compiled| Arc::new(compiled.border)),
        scan: ScanRules { rules: findings, names },
        residual,
        sorted_rows,
    };
    let garbled = garbled(&policy);
    for field in &garbled {
        let message = format!(
            "`{field}` says whose law covers a record or what somebody has consented to, but what \
             is stored of it may say something else"
        );
        objects_item.report(objects_item.key_problem(Code::Contradiction, message));
    }
    garbled.is_empty().then_some(policy)
}

/// The fields that are asked what a whole value says, and hold a part of one.
fn garbled(policy: &Policy) -> BTreeSet<String> {
    let consents = policy
        .objects
        .iter()
        .flat_map(|(object, rules)| rules.consents.keys().map(move |field| (object, field)));
    let asked = policy.border.iter().flat_map(|border| border.asked()).chain(consents);
    let is_garbled = |(object, field): &(&ObjectName, &FieldName)| {
        let rule = policy.rule_of(object, field);
        rule.is_some_and(|rule| {
            matches!(
                rule.protection,
                Protection::Generalize(_) | Protection::Scan(_) | Protection::Hash { .. }
            )
        })
    };
    asked.filter(is_garbled).map(|(object, field)| format!("{object}.{field}")).collect()
}

fn rules_of(object: &ObjectRule) -> impl Iterator<Item = &Arc<FieldRule>> {
    let unlisted = match &object.unlisted {
        Unlisted::Protect(rule) => Some(rule),
        Unlisted::Pass | Unlisted::Refuse => None,
    };
    object.fields.values().chain(unlisted)
}

/// Names to look for in free text.
fn names_of(item: &Item<'_>) -> Option<Names> {
    let names = item.list_of(|name| {
        let text = name.text()?;
        if words_of(text).is_empty() {
            let message = "this name is not looked for: it has no word of three letters and more";
            name.report(name.problem(Code::UnsoughtName, message).without_the_line());
        }
        Some(text)
    })?;
    Some(Names::new(names.into_iter()))
}

fn scans_for_names(objects: &HashMap<ObjectName, ObjectRule>) -> bool {
    objects.values().flat_map(rules_of).any(
        |rule| matches!(rule.protection, Protection::Scan(sought) if sought.has(FindingKind::Name)),
    )
}

/// How findings of the kinds are protected that fields are scanned for and the policy has
/// categories of.
fn findings(
    categories: &Categories,
    objects: &HashMap<ObjectName, ObjectRule>,
    is_residual: bool,
) -> HashMap<FindingKind, Arc<FieldRule>> {
    let scanned: Vec<Sought> = objects
        .values()
        .flat_map(rules_of)
        .filter_map(|rule| match rule.protection {
            Protection::Scan(sought) => Some(sought),
            _ => None,
        })
        .collect();
    let kinds = FindingKind::ALL.into_iter();
    let kinds = kinds.filter(|kind| is_residual || scanned.iter().any(|sought| sought.has(*kind)));
    kinds
        .filter_map(|kind| {
            let (category, _) = categories.get_key_value(kind.name())?;
            let rule = FieldRule {
                id: format!("found {}", kind.name()),
                category: category.clone(),
                protection: Protection::Tokenize {
                    shape: Shape::Text,
                    scope: scope_in(objects.values().flat_map(rules_of), category),
                },
                search: BTreeSet::new(),
            };
            Some((kind, Arc::new(rule)))
        })
        .collect()
}

/// A category and where it is defined.
struct Defined {
    rule: CategoryRule,
    span: Range<usize>,
}

type Categories = BTreeMap<Category, Defined>;

impl Context<'_> {
    fn sorted_rows(&self, item: &Item<'_>) -> Option<usize> {
        if !self.dialect.sorts_rows() {
            let message = format!("queries to {} are not sorted here", self.dialect.name());
            item.report(item.key_problem(Code::NotSupported, message));
            return None;
        }
        item.number(0..=SORTED_ROWS)
    }

    fn categories(&self, item: &Item<'_>) -> Option<Categories> {
        let section = item.section()?;
        let mut categories = Some(Categories::new());
        let mut roles = BTreeSet::new();
        for (name, item) in section.named() {
            match (self.category(&item, &mut roles), &mut categories) {
                (Some(rule), Some(categories)) => {
                    categories.insert(Category::new(name.text), Defined { rule, span: name.span });
                }
                _ => categories = None,
            }
        }
        categories
    }

    /// `roles` are those that were met before.
    fn category(&self, item: &Item<'_>, roles: &mut BTreeSet<Role>) -> Option<CategoryRule> {
        let section = item.section()?;
        let reveal = section.optional("reveal");
        let text = |item: &Item<'_>| item.text().map(str::to_owned);
        let poison = section.optional_or("poison", Vec::new(), |item| item.list_of(text));
        section.finish_with(LATER_OF_CATEGORY);
        let poison = poison?;
        let mut rule = Some(CategoryRule { poison, ..CategoryRule::default() });
        let Some(reveal) = reveal else { return rule };
        for (name, item) in reveal.section()?.named() {
            let role = Role::new(name.text);
            if roles.insert(role.clone()) {
                self.report_unknown_role(&item, &name, &role);
            }
            let words =
                [Reveal::Full, Reveal::Mask, Reveal::Surrogate].map(|how| (how.as_str(), how));
            match (item.choice_with(&words, LATER_REVEALS), &mut rule) {
                (Some(how), Some(rule)) => _ = rule.reveal.insert(role, how),
                _ => rule = None,
            }
        }
        rule
    }

    fn report_unknown_role(&self, item: &Item<'_>, name: &Name<'_>, role: &Role) {
        let Some(known) = self.caller_roles.filter(|known| !known.contains(role)) else { return };
        let problem =
            Problem::new(Code::UnknownRole, &name.span, format!("no caller has the role `{role}`"));
        item.report(match closest(role.as_str(), known.iter().map(Role::as_str)) {
            Some(meant) => problem.did_you_mean(meant),
            None => problem.help(format!("callers have {}", listed(known.iter()))),
        });
    }
}

struct Reader<'r> {
    context: &'r Context<'r>,
    document: &'r Document<'r>,
    known: Vec<(ObjectName, FieldName)>,
    /// `None` when they have problems of their own.
    categories: Option<&'r Categories>,
}

/// Names in canonical spelling and where each is written first.
type Seen<N> = HashMap<N, Range<usize>>;

impl Reader<'_> {
    fn objects(&self, item: &Item<'_>) -> Option<HashMap<ObjectName, ObjectRule>> {
        let mut seen = Seen::new();
        let mut objects = Some(HashMap::new());
        for (name, item) in item.section()?.named() {
            let object = self.context.dialect.canonical_object(name.text);
            let is_first = self.is_first(&mut seen, &object, &name);
            let known = self.known.iter().map(|(object, _)| object.as_str());
            self.document.report_slip(
                Code::UnknownField,
                &name,
                (object.as_str(), "standard object"),
                known,
            );
            match (self.object(&object, &item), &mut objects) {
                (Some(rule), Some(objects)) if is_first => _ = objects.insert(object, rule),
                _ => objects = None,
            }
        }
        objects
    }

    fn object(&self, object: &ObjectName, item: &Item<'_>) -> Option<ObjectRule> {
        let section = item.section()?;
        let fields = section.required("fields");
        let (unlisted, subject) = (section.required("unlisted"), section.optional("subject"));
        let has_subject = subject.is_some();
        let unlisted = unlisted.and_then(|item| self.unlisted(object, &item, has_subject));
        let consents = section
            .optional_or("consents", HashMap::new(), |consents| self.consents(object, &consents));
        section.finish_with(LATER_OF_OBJECT);
        let fields = fields.and_then(|fields| self.fields(object, &fields, has_subject))?;
        let canonical = |name: &str| self.context.dialect.canonical_field(object, name);
        let subject = match subject {
            Some(subject) => subject::subject(&subject, canonical, &fields)?,
            None => Vec::new(),
        };
        Some(ObjectRule { fields, unlisted: unlisted?, subject, consents: consents? })
    }

    fn consents(
        &self,
        object: &ObjectName,
        item: &Item<'_>,
    ) -> Option<HashMap<FieldName, ConsentRule>> {
        let mut seen = Seen::new();
        let mut consents = Some(HashMap::new());
        for (name, item) in item.section()?.named() {
            let (field, _) = self.field(object, &name);
            let is_first = self.is_first(&mut seen, &field, &name);
            match (subject::consent(&item), &mut consents) {
                (Some(rule), Some(consents)) if is_first => _ = consents.insert(field, rule),
                _ => consents = None,
            }
        }
        consents
    }

    /// `pass`, `refuse`, or how fields are protected that are not listed.
    fn unlisted(
        &self,
        object: &ObjectName,
        item: &Item<'_>,
        has_subject: bool,
    ) -> Option<Unlisted> {
        if item.is_mapping() {
            let target =
                Target { id: format!("{object}{}", FieldRule::UNLISTED), facts: None, has_subject };
            return self.rule(target, item).map(|rule| Unlisted::Protect(Arc::new(rule)));
        }
        let is_refused = item.choice(&[("pass", false), ("refuse", true)])?;
        Some(if is_refused { Unlisted::Refuse } else { Unlisted::Pass })
    }

    fn fields(
        &self,
        object: &ObjectName,
        item: &Item<'_>,
        has_subject: bool,
    ) -> Option<HashMap<FieldName, Arc<FieldRule>>> {
        let mut seen = Seen::new();
        let mut fields = Some(HashMap::new());
        for (name, item) in item.section()?.named() {
            let (field, facts) = self.field(object, &name);
            let is_first = self.is_first(&mut seen, &field, &name);
            let target = Target { id: format!("{object}.{field}"), facts, has_subject };
            match (self.rule(target, &item), &mut fields) {
                (Some(rule), Some(fields)) if is_first => _ = fields.insert(field, Arc::new(rule)),
                _ => fields = None,
            }
        }
        fields
    }

    /// A field in its canonical spelling, and what is known of it.
    fn field(&self, object: &ObjectName, name: &Name<'_>) -> (FieldName, Option<FieldFacts>) {
        let field = self.context.dialect.canonical_field(object, name.text);
        let facts = self.context.dialect.field_facts(object, &field);
        if facts.is_none() {
            let of_object = self.known.iter().filter(|(known, _)| known == object);
            let known = of_object.map(|(_, field)| field.as_str());
            self.document.report_slip(
                Code::UnknownField,
                name,
                (field.as_str(), "standard field"),
                known,
            );
        }
        (field, facts)
    }

    fn rule(&self, target: Target, item: &Item<'_>) -> Option<FieldRule> {
        let section = item.section()?;
        let category = section.required("category").and_then(|category| self.category(&category));
        let protect = section.required("protect");
        let (search_item, keep) = (section.optional("search"), section.optional("keep"));
        let (shape, few_values) = (section.optional("shape"), section.optional("few_values"));
        let (find, scope) = (section.optional("find"), section.optional("scope"));
        section.finish_with(LATER_OF_FIELD);
        let category = category?;
        let search = search_item.as_ref().map_or(Some(Search::default()), search::compile)?;
        let protection = protection::compile(
            &target,
            &category,
            &protect?,
            Details {
                search: &search,
                keep: keep.as_ref(),
                find: find.as_ref(),
                shape: shape.as_ref(),
                scope: scope.as_ref(),
                few_values: few_values.as_ref(),
            },
            self.context.email_domain,
        )?;
        if search_item.is_some_and(|item| !search::suits(&item, &search, protection)) {
            return None;
        }
        Some(FieldRule { id: target.id, category, protection, search: search.kinds })
    }

    fn category(&self, item: &Item<'_>) -> Option<Category> {
        let name = item.chosen_name()?;
        // Without sound categories, every field would be reported for nothing.
        if let Some(categories) = self.categories.filter(|all| !all.contains_key(name)) {
            let message = format!("the category `{name}` is not defined under `categories`");
            let problem = item.problem(Code::UnknownCategory, message);
            let defined = || categories.keys().map(Category::as_str);
            item.report(match closest(name, defined()) {
                Some(meant) => problem.did_you_mean(meant),
                None => problem.help(format!("defined are {}", listed(defined()))),
            });
            return None;
        }
        Some(Category::new(name))
    }

    /// Whether a name is not there in another spelling already; else reports both.
    fn is_first<N>(&self, seen: &mut Seen<N>, canonical: &N, name: &Name<'_>) -> bool
    where
        N: Clone + Eq + std::hash::Hash,
    {
        let Some(first) = seen.get(canonical) else {
            seen.insert(canonical.clone(), name.span.clone());
            return true;
        };
        let message =
            format!("`{name}` is listed twice: the CRM does not tell these spellings apart");
        self.document.report(
            Problem::new(Code::ProtectedTwice, &name.span, message)
                .label("here again")
                .related(first, "first here"),
        );
        false
    }
}
