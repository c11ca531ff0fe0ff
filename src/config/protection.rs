// SPDX-License-Identifier: Apache-2.0
//! Whether a protection suits a field: the CRM must take its surrogates.

use crate::base::Category;
use crate::crm::{FieldFacts, FieldKind};
use crate::policy::{FindingKind, Kept, Protection, Shape, Sought};
use crate::protect::{longest_value_that_fits, surrogate_length};

use super::diagnostic::Code;
use super::item::Item;

/// Words of later versions.
const LATER: &[&str] = &["format_preserving", "hash"];
const LATER_SEARCH: &[&str] = &["prefix", "contains", "range", "folded"];

/// The category whose values are e-mail addresses, wherever they stand.
const EMAIL: &str = "email";

/// A field that is to be protected.
pub struct Target {
    /// `contact.email`
    pub id: String,
    pub facts: Option<FieldFacts>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Tokenize,
    Encrypt,
    Mask,
    Generalize,
    Scan,
    Drop,
}

/// What goes with `protect`.
pub struct Details<'i, 'd> {
    pub search: Option<&'i Item<'d>>,
    pub keep: Option<&'i Item<'d>>,
    pub find: Option<&'i Item<'d>>,
}

/// The protection that `protect` and its details ask for, if the CRM takes it.
pub fn compile(
    target: &Target,
    category: &Category,
    protect: &Item<'_>,
    Details { search, keep, find }: Details<'_, '_>,
    email_domain: &str,
) -> Option<Protection> {
    let words = [
        ("tokenize", Word::Tokenize),
        ("encrypt", Word::Encrypt),
        ("mask", Word::Mask),
        ("generalize", Word::Generalize),
        ("scan", Word::Scan),
        ("drop", Word::Drop),
    ];
    let word = protect.choice_with(&words, LATER)?;
    let is_searchable = search.map_or(Some(false), |search| searchable(search, word))?;
    let kept = kept(protect, keep, word)?;
    let sought = sought(find, word)?;
    let kind = target.facts.map_or(FieldKind::Text, |facts| facts.kind);
    if let Some((because, help)) = misfit(kind, word, kept) {
        let message = format!("`{}` cannot be protected like this: {because}", target.id);
        protect.report(protect.problem(Code::WrongKind, message).help(help));
        return None;
    }
    let holds_addresses =
        kind == FieldKind::Email || (kind == FieldKind::Text && category.as_str() == EMAIL);
    let shape = if holds_addresses { Shape::Email } else { Shape::Text };
    let protection = match word {
        Word::Tokenize => Protection::Tokenize { shape },
        Word::Encrypt => Protection::Encrypt { shape, searchable: is_searchable },
        Word::Mask => Protection::Mask,
        Word::Generalize => Protection::Generalize(kept?),
        Word::Scan => Protection::Scan(sought),
        Word::Drop => Protection::Drop,
    };
    fits(target, protection, protect, email_domain).then_some(protection)
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
        | (FieldKind::Phone, Word::Tokenize | Word::Encrypt | Word::Mask | Word::Generalize)
        | (FieldKind::Email, Word::Tokenize | Word::Encrypt) => None,
        (_, Word::Scan) => Some((
            "it is no free text, and what stands beside a finding would stay in clear",
            "use another protection; `drop` suits every field",
        )),
        (FieldKind::Email, Word::Mask) => Some((
            "a mask is no e-mail address, so the CRM refuses it",
            "use `tokenize`, and `reveal: { ROLE: mask }` in the category to show masks",
        )),
        (FieldKind::Email, Word::Generalize) => Some((
            "what is kept would be no e-mail address, or somebody else's",
            "use `tokenize` or `drop`",
        )),
        (FieldKind::Date, Word::Generalize) if kept.is_some_and(Kept::is_date) => None,
        (FieldKind::Date, _) => Some((
            "the CRM takes nothing but a date here",
            "use `drop`, or `generalize` with `keep: year`, or leave the field out",
        )),
        (FieldKind::Picklist, _) => Some((
            "the CRM takes nothing but the values of its list here",
            "use `drop`, or leave the field out",
        )),
    }
}

/// Whether equality has to be answered: `search: [exact]`.
fn searchable(search: &Item<'_>, word: Word) -> Option<bool> {
    let exact = search.list_of(|item| item.choice_with(&[("exact", ())], LATER_SEARCH))?;
    if !exact.is_empty() && matches!(word, Word::Mask | Word::Generalize | Word::Scan | Word::Drop)
    {
        let message = "nothing is stored that could be searched for";
        search.report(
            search
                .problem(Code::Contradiction, message)
                .help("use `tokenize` or `encrypt`, or leave out `search`"),
        );
        return None;
    }
    Some(!exact.is_empty())
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
            let message = format!(
                "`{id}` takes {max_length} characters, and what `{}` leaves has at least {shortest}",
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
