// SPDX-License-Identifier: Apache-2.0
//! Whether a protection suits a field: the CRM must take its surrogates.

use crate::base::{Category, Scope};
use crate::crm::{FieldFacts, FieldKind};
use crate::policy::{FindingKind, Hashed, Kept, Protection, Shape, Sought};
use crate::protect::{longest_value_that_fits, surrogate_length};

use super::diagnostic::Code;
use super::few_values;
use super::item::Item;
use super::search::Search;

/// The category whose values are e-mail addresses, wherever they stand.
const EMAIL: &str = "email";

/// A field that is to be protected.
pub struct Target {
    /// `contact.email`
    pub id: String,
    pub facts: Option<FieldFacts>,
    /// Whether its object says who the data subjects are.
    pub has_subject: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Tokenize,
    Encrypt,
    FormatPreserving,
    Hash,
    Mask,
    Generalize,
    Scan,
    Drop,
}

/// What goes with `protect`.
pub struct Details<'i, 'd> {
    pub search: &'i Search,
    pub keep: Option<&'i Item<'d>>,
    pub shape: Option<&'i Item<'d>>,
    pub scope: Option<&'i Item<'d>>,
    pub few_values: Option<&'i Item<'d>>,
    pub find: Option<&'i Item<'d>>,
}

/// The protection that `protect` and its details ask for, if the CRM takes it.
pub fn compile(
    target: &Target,
    category: &Category,
    protect: &Item<'_>,
    Details { search, keep, find, shape, scope, few_values }: Details<'_, '_>,
    email_domain: &str,
) -> Option<Protection> {
    let words = [
        ("auto", Word::Tokenize),
        ("tokenize", Word::Tokenize),
        ("encrypt", Word::Encrypt),
        ("format_preserving", Word::FormatPreserving),
        ("hash", Word::Hash),
        ("mask", Word::Mask),
        ("generalize", Word::Generalize),
        ("scan", Word::Scan),
        ("drop", Word::Drop),
    ];
    let word = protect.choice(&words)?;
    let kept = kept(protect, keep, word)?;
    let sought = sought(find, word)?;
    let kind = target.facts.map_or(FieldKind::Text, |facts| facts.kind);
    if let Some((because, help)) = misfit(kind, word, kept) {
        let message = format!("`{}` cannot be protected like this: {because}", target.id);
        protect.report(protect.problem(Code::WrongKind, message).help(help));
        return None;
    }
    let is_auto = protect.text() == Some("auto");
    let shape = match shape {
        Some(shape) => chosen_shape(target, kind, word, shape)?,
        None if is_auto && kind == FieldKind::Phone => Shape::Phone,
        None => usual_shape(kind, category),
    };
    let scope = scope.map_or(Some(Scope::Tenant), |item| scope_of(target, item, word))?;
    let protection = match word {
        Word::Tokenize => Protection::Tokenize { shape, scope },
        Word::Encrypt => Protection::Encrypt { shape, searchable: search.is_exact },
        Word::FormatPreserving if kind != FieldKind::Phone && shape != Shape::Phone => {
            let message = format!(
                "`format_preserving` keeps the form of telephone numbers, and nothing says that \
                 `{}` holds some",
                target.id
            );
            let help = "add `shape: phone` if it does, or use `tokenize`: of other forms, a \
                surrogate could not be told from a value when it comes back";
            protect.report(protect.problem(Code::WrongKind, message).help(help));
            return None;
        }
        Word::FormatPreserving => Protection::FormatPreserving { searchable: search.is_exact },
        Word::Hash => Protection::Hash { shape, of: hashed(search) },
        Word::Mask => Protection::Mask,
        Word::Generalize => Protection::Generalize(kept?),
        Word::Scan => Protection::Scan(sought),
        Word::Drop => Protection::Drop,
    };
    let is_accepted = few_values.map_or(Some(false), |item| item.choice(&[("accepted", true)]))?;
    if !is_accepted {
        few_values::report(target, protection, protect);
    }
    fits(target, protection, protect, email_domain).then_some(protection)
}

/// The shape of surrogates in a field of which the policy says none.
fn usual_shape(kind: FieldKind, category: &Category) -> Shape {
    match kind {
        FieldKind::Email => Shape::Email,
        FieldKind::Date => Shape::Date,
        FieldKind::Text if category.as_str() == EMAIL => Shape::Email,
        FieldKind::Text | FieldKind::Phone | FieldKind::Picklist | FieldKind::Composed => {
            Shape::Text
        }
    }
}

/// The shape that the policy says, if protection and field take it.
fn chosen_shape(target: &Target, kind: FieldKind, word: Word, item: &Item<'_>) -> Option<Shape> {
    let shape = item.choice(&Shape::ALL.map(|shape| (shape.name(), shape)))?;
    let takes = match kind {
        FieldKind::Email => Some(Shape::Email),
        FieldKind::Date => Some(Shape::Date),
        FieldKind::Text | FieldKind::Phone | FieldKind::Picklist | FieldKind::Composed => None,
    };
    if let Some(takes) = takes.filter(|takes| *takes != shape) {
        let message =
            format!("the CRM does not take the shape `{}` in `{}`", shape.name(), target.id);
        let help =
            format!("use `shape: {}`, or leave it out: it is the usual one here", takes.name());
        item.report(item.problem(Code::WrongKind, message).help(help));
        return None;
    }
    match (word, shape) {
        (Word::Tokenize, _)
        | (Word::FormatPreserving, Shape::Phone)
        | (Word::Encrypt | Word::Hash, Shape::Text | Shape::Email | Shape::Url) => Some(shape),
        (Word::FormatPreserving, _) => {
            let message = "`format_preserving` has the shape `phone` only";
            item.report(item.problem(Code::Contradiction, message).help("use `tokenize`"));
            None
        }
        (Word::Encrypt | Word::Hash, _) => {
            let message =
                format!("an encrypted or hashed value has no room in the shape `{}`", shape.name());
            let help = "use `tokenize`, or one of the shapes `text`, `email` and `url`";
            item.report(item.problem(Code::Contradiction, message).help(help));
            None
        }
        (Word::Mask | Word::Generalize | Word::Scan | Word::Drop, _) => {
            let message =
                "`shape` goes with `tokenize`, `encrypt`, `format_preserving` and `hash` only";
            item.report(item.problem(Code::Contradiction, message));
            None
        }
    }
}

/// Why a CRM would not take what this protection leaves in a field of this kind,
/// and what would be right.
fn misfit(kind: FieldKind, word: Word, kept: Option<Kept>) -> Option<(&'static str, &'static str)> {
    match (kind, word) {
        (FieldKind::Composed, _) => Some((
            "the CRM composes it from other fields",
            "protect the fields it is composed of; surrogates in it are opened in place",
        )),
        (_, Word::Drop)
        | (FieldKind::Text, _)
        | (
            FieldKind::Phone,
            Word::Tokenize
            | Word::Encrypt
            | Word::FormatPreserving
            | Word::Hash
            | Word::Mask
            | Word::Generalize,
        )
        | (FieldKind::Email, Word::Tokenize | Word::Encrypt | Word::Hash)
        | (FieldKind::Date, Word::Tokenize) => None,
        (_, Word::Scan) => Some((
            "it is no free text, and what stands beside a finding would stay in clear",
            "use another protection; `drop` suits every field",
        )),
        (FieldKind::Email, Word::Mask) => Some((
            "a mask is no e-mail address, so the CRM refuses it",
            "use `tokenize`, and `reveal: { ROLE: mask }` in the category to show masks",
        )),
        (FieldKind::Email, Word::FormatPreserving) => {
            Some(("a telephone number is no e-mail address", "use `tokenize` or `encrypt`"))
        }
        (FieldKind::Email, Word::Generalize) => Some((
            "what is kept would be no e-mail address, or somebody else's",
            "use `tokenize` or `drop`",
        )),
        (FieldKind::Date, Word::Generalize) if kept.is_some_and(Kept::is_date) => None,
        (FieldKind::Date, _) => Some((
            "the CRM takes nothing but a date here",
            "use `tokenize`, whose surrogates are dates here, `drop`, or `generalize` with `keep: year`",
        )),
        (FieldKind::Picklist, _) => Some((
            "the CRM takes nothing but the values of its list here",
            "use `drop`, or leave the field out",
        )),
    }
}

const fn hashed(search: &Search) -> Hashed {
    match (search.is_folded, search.is_exact) {
        (true, _) => Hashed::Folded,
        (false, true) => Hashed::Exact,
        (false, false) => Hashed::Whole,
    }
}

/// Among whose values equal ones have one token, if the protection leaves that open.
fn scope_of(target: &Target, item: &Item<'_>, word: Word) -> Option<Scope> {
    let scope = item.choice(&[("tenant", Scope::Tenant), ("subject", Scope::Subject)])?;
    let problem = if word != Word::Tokenize {
        let message = "`scope` is about tokens: nothing else differs by data subject";
        item.problem(Code::Contradiction, message).help("leave it out, or use `protect: tokenize`")
    } else if scope == Scope::Subject && !target.has_subject {
        let message = format!(
            "`{}` cannot be `scope: subject`: its object does not say who the data subjects are",
            target.id
        );
        let help = "add `subject: [FIELD]` to the object, with the fields that name them";
        item.problem(Code::Contradiction, message).help(help)
    } else {
        return Some(scope);
    };
    item.report(problem);
    None
}

/// What is kept, where the protection is to keep something; `None` after a report.
#[expect(clippy::option_option, reason = "nothing to keep is no mistake")]
fn kept(protect: &Item<'_>, keep: Option<&Item<'_>>, word: Word) -> Option<Option<Kept>> {
    match (keep, word) {
        (None, Word::Generalize) => {
            let message = "`keep` is missing: `generalize` has to know what is kept";
            let help = "`keep: year` (or `month`, `decade`) of dates, `keep: domain` of \
                e-mail addresses, `keep: 2` for the first two characters";
            protect.report(protect.problem(Code::MissingKey, message).help(help));
            None
        }
        (None, _) => Some(None),
        (Some(keep), Word::Generalize) => {
            if keep.is_number() {
                return keep.number(1..=32).map(|characters| Some(Kept::First(characters)));
            }
            let words = [
                ("year", Kept::Year),
                ("month", Kept::Month),
                ("decade", Kept::Decade),
                ("domain", Kept::Domain),
            ];
            keep.choice(&words).map(Some)
        }
        (Some(keep), _) => {
            let message = "`keep` goes with `protect: generalize` only";
            keep.report(keep.problem(Code::Contradiction, message));
            None
        }
    }
}

/// What a text is scanned for: all there is, or the kinds that `find` lists.
fn sought(find: Option<&Item<'_>>, word: Word) -> Option<Sought> {
    let Some(find) = find else { return Some(Sought::ALL) };
    if word != Word::Scan {
        let message = "`find` goes with `protect: scan` only";
        find.report(find.problem(Code::Contradiction, message));
        return None;
    }
    let kinds = FindingKind::ALL.map(|kind| (kind.name(), kind));
    let sought = find.list_of(|item| item.choice(&kinds))?;
    if sought.is_empty() {
        find.refuse(
            format!("`{}` lists nothing, so nothing would be found", find.name),
            "leave it out to look for all kinds",
        );
        return None;
    }
    Some(sought.into_iter().collect())
}

/// Whether any value's surrogate fits; warns where those of long values do not.
fn fits(target: &Target, protection: Protection, at: &Item<'_>, email_domain: &str) -> bool {
    let max_length = target.facts.and_then(|facts| facts.max_length).unwrap_or(u32::MAX) as usize;
    let id = &target.id;
    match longest_value_that_fits(protection, max_length, email_domain.len()) {
        None => {
            let shortest = surrogate_length(protection, 1, email_domain.len());
            let has = match protection {
                // Of some values, less is left.
                Protection::Mask | Protection::Scan(_) => "can have",
                _ => "has at least",
            };
            let message = format!(
                "`{id}` takes {max_length} characters, and what `{}` leaves {has} {shortest}",
                protection.name()
            );
            let help = match protection {
                Protection::Encrypt { .. } => "use `tokenize`, whose surrogates are short",
                _ => "use `drop`, or leave the field out",
            };
            at.report(at.problem(Code::DoesNotFit, message).help(help));
            false
        }
        // A field of which more than half can be used is as good as any.
        Some(longest) if longest < max_length / 2 => {
            let message = format!(
                "`{id}` takes encrypted values of up to {longest} bytes; longer ones are refused"
            );
            at.report(
                at.problem(Code::TightFit, message).help("use `tokenize` if they may be longer"),
            );
            true
        }
        Some(_) => true,
    }
}
