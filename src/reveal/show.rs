// SPDX-License-Identifier: Apache-2.0

use std::ops::Range;

use zeroize::Zeroizing;

use super::RestoreError;
use super::markup::Markup;
use super::place::{Piece, Place, Source};
use super::tally::{Origin, Tally};
use crate::base::{Category, Cleartext, Equality};
use crate::carrier::{Replacement, Role, Value};
use crate::policy::{Protection, Reveal};
use crate::protect::{
    Echoes, FoundSurrogate, Keeper, MARKER, OpenedSurrogates, Protectors, Surrogate, ToSeal,
    generalize, is_kept, is_mask, mask,
};

/// What is written at a place.
#[derive(Debug)]
pub(super) enum Shown<'a> {
    As(Replacement),
    /// The surrogate that this clear value still has to get.
    Sealed(ToSeal<'a>),
}

/// Decides what the caller sees at a place, and counts it.
pub(super) fn show<'a>(
    place: &'a Place<'a>,
    opened: &OpenedSurrogates,
    echoes: &Echoes,
    protectors: &Protectors,
    tally: &mut Tally,
    keeper: impl Fn(&Category) -> Keeper<'a>,
) -> Result<Shown<'a>, RestoreError> {
    match &place.occurrence.value {
        Value::Text(text) if place.occurrence.role == Role::Echo => {
            Ok(Shown::As(echo(place, text, echoes)))
        }
        Value::Text(text) if place.scanned.is_some() => {
            Ok(Shown::As(free_text(place, text, opened, protectors, tally)))
        }
        Value::Text(text) => Ok(match place.least_visible() {
            None => Shown::As(Replacement::Keep),
            Some(least) if place.found.is_empty() => {
                clear(place, text, least, protectors, tally, keeper)
            }
            Some(_) => Shown::As(with_surrogates(place, text, opened, tally)),
        }),
        Value::Flag(_) => flag(place, tally),
        Value::Structured(found) => structured(place, found, tally),
        Value::Empty => Ok(Shown::As(Replacement::Keep)),
    }
}

/// Puts back what this very request had sent. The caller knows it already, so this
/// reveals nothing.
fn echo(place: &Place<'_>, text: &Cleartext, echoes: &Echoes) -> Replacement {
    rewritten(place, text, |written, piece| match piece {
        Piece::Surrogate { found, as_is } => {
            written.push_str(echoes.get(&found.surrogate).map_or(*as_is, Cleartext::expose));
        }
        Piece::Rest(rest) => written.push_str(rest),
    })
}

/// A value without any surrogate: the CRM holds it in the clear.
fn clear<'a>(
    place: &'a Place<'a>,
    text: &'a Cleartext,
    least: &Source<'a>,
    protectors: &Protectors,
    tally: &mut Tally,
    keeper: impl Fn(&Category) -> Keeper<'a>,
) -> Shown<'a> {
    let is_composed = matches!(place.occurrence.role, Role::Composed { .. });
    let protection = least.rule.protection;
    let is_hash =
        matches!(protection, Protection::Hash { .. }) && protectors.is_hash(text.expose());
    if is_hash || (protection == Protection::Mask && is_mask(text.expose())) {
        tally.count(place, least, Reveal::Surrogate, Origin::Surrogate);
        return Shown::As(Replacement::Keep);
    }
    if let Protection::Generalize(kept) = protection
        && !is_composed
        && is_kept(text.expose(), kept)
    {
        // It says no more than what was to be stored.
        tally.count(place, least, Reveal::Surrogate, Origin::Surrogate);
        return Shown::As(Replacement::Keep);
    }
    let (shown, reveal) = match least.visibility.reveal {
        Reveal::Full => (Shown::As(Replacement::Keep), Reveal::Full),
        Reveal::Surrogate if !is_composed => match protection {
            Protection::Tokenize { .. }
            | Protection::Encrypt { .. }
            | Protection::FormatPreserving { .. }
            | Protection::Hash { .. } => {
                let item = ToSeal {
                    rule: least.rule,
                    role: &Role::Stored,
                    value: text,
                    can_widen: false,
                    equality: Equality::Case,
                    can_remove: place.slot.removal.is_some(),
                    max_length: None,
                    keeper: keeper(&least.rule.category),
                };
                match protectors.check(&item) {
                    Ok(()) => (Shown::Sealed(item), Reveal::Surrogate),
                    Err(_) => (masked(text), Reveal::Mask),
                }
            }
            Protection::Generalize(kept) => match generalize(text.expose(), kept) {
                Some(kept) => (Shown::As(Replacement::Text(kept)), Reveal::Surrogate),
                None => (masked(text), Reveal::Mask),
            },
            Protection::Mask | Protection::Scan(_) => (masked(text), Reveal::Mask),
            Protection::Drop if place.slot.removal.is_some() => {
                (Shown::As(Replacement::Remove), Reveal::Surrogate)
            }
            Protection::Drop => (Shown::As(Replacement::text("")), Reveal::Surrogate),
        },
        Reveal::Surrogate | Reveal::Mask => (masked(text), Reveal::Mask),
    };
    tally.count(place, least, reveal, Origin::FoundClear);
    shown
}

fn masked<'a>(text: &Cleartext) -> Shown<'a> {
    Shown::As(Replacement::Text(mask(text.expose())))
}

/// A value with surrogates in it: they are shown in place. The text around them is
/// clear data of each source that no surrogate stands for.
fn with_surrogates(
    place: &Place<'_>,
    text: &Cleartext,
    opened: &OpenedSurrogates,
    tally: &mut Tally,
) -> Replacement {
    let open = |found: &FoundSurrogate| {
        place.sources.iter().find_map(|source| {
            found.clear(opened, &source.rule.category).map(|clear| (source, clear))
        })
    };
    let mut unaccounted: Vec<&Source<'_>> = place.sources.iter().collect();
    for found in &place.found {
        let Some((source, _)) = open(found) else { continue };
        tally.count(place, source, source.visibility.reveal, Origin::Surrogate);
        let accounted = unaccounted.iter().position(|candidate| {
            !candidate.is_own && candidate.rule.category == source.rule.category
        });
        if let Some(accounted) = accounted {
            unaccounted.swap_remove(accounted);
        }
    }
    let has_clear = place
        .pieces(text)
        .iter()
        .any(|piece| matches!(piece, Piece::Rest(rest) if !is_filler(rest)));
    let least = unaccounted.into_iter().min_by_key(|source| source.visibility.reveal);
    let mut is_hidden = false;
    if let Some(least) = least.filter(|_| has_clear) {
        is_hidden = least.visibility.reveal != Reveal::Full;
        let reveal = if is_hidden { Reveal::Mask } else { Reveal::Full };
        tally.count(place, least, reveal, Origin::FoundClear);
    }

    rewritten(place, text, |written, piece| match piece {
        Piece::Surrogate { found, as_is } => match open(found) {
            None => written.push_str(as_is),
            Some((source, clear)) => match source.visibility.reveal {
                Reveal::Full => written.push_str(clear.expose()),
                Reveal::Mask => written.push_str(&mask(clear.expose())),
                Reveal::Surrogate => written.push_str(as_is),
            },
        },
        Piece::Rest(rest) if is_hidden && !is_filler(rest) => {
            let start = rest.len() - rest.trim_start().len();
            let end = rest.trim_end().len();
            written.push_str(rest.get(..start).unwrap_or_default());
            written.push_str(MARKER);
            written.push_str(rest.get(end..).unwrap_or_default());
        }
        Piece::Rest(rest) => written.push_str(rest),
    })
}

/// A text that is scanned: tokens in it are shown as the caller may see their categories,
/// and so is what stands there in clear (older than the policy, or written past us). The
/// rest of the text is the CRM's to show.
///
/// SECURITY: the text may be HTML. What is found in one opens no tag and ends no attribute; a
/// value that does was moved here, and stays closed.
fn free_text(
    place: &Place<'_>,
    text: &Cleartext,
    opened: &OpenedSurrogates,
    protectors: &Protectors,
    tally: &mut Tally,
) -> Replacement {
    let source_of =
        |category: &Category| place.sources.iter().find(|source| source.rule.category == *category);
    let markup = Markup::of(text.expose());
    let mut edits: Vec<(Range<usize>, Zeroizing<String>)> = Vec::new();
    for found in &place.found {
        let is_token = matches!(found.surrogate, Surrogate::Token(_));
        // What is found gets tokens; a sealed text is one of the field's own category.
        let sources = place.sources.iter().filter(|source| source.is_own || is_token);
        let opens = sources.into_iter().find_map(|source| {
            let clear = opened.get(&found.surrogate, &source.rule.category)?;
            let clear = clear.expose();
            markup.takes(clear, found.span.start).then_some((source, clear))
        });
        let Some((source, clear)) = opens else { continue };
        tally.count(place, source, source.visibility.reveal, Origin::Surrogate);
        match source.visibility.reveal {
            Reveal::Full => edits.push((found.span.clone(), Zeroizing::new(clear.to_owned()))),
            Reveal::Mask => edits.push((found.span.clone(), mask(clear))),
            Reveal::Surrogate => {}
        }
    }
    if let Some((rule, rules)) = place.scanned {
        for part in protectors.scan(rule, rules, &[], &[], text).parts() {
            let Some(source) = source_of(&part.rule.category) else { continue };
            let is_shown = source.visibility.reveal == Reveal::Full;
            let reveal = if is_shown { Reveal::Full } else { Reveal::Mask };
            tally.count(place, source, reveal, Origin::FoundClear);
            if !is_shown {
                edits.push((part.span.clone(), mask(part.value.expose())));
            }
        }
    }
    if edits.is_empty() {
        return Replacement::Keep;
    }
    edits.sort_by_key(|(span, _)| span.start);
    let text = text.expose();
    let mut written = Zeroizing::new(String::with_capacity(2 * text.len() + 256));
    let mut position = 0;
    for (span, shown) in edits {
        written.push_str(text.get(position..span.start).unwrap_or_default());
        written.push_str(&shown);
        position = span.end;
    }
    written.push_str(text.get(position..).unwrap_or_default());
    Replacement::Text(written)
}

/// Spaces and punctuation, which CRMs put between the values that they compose.
fn is_filler(text: &str) -> bool {
    text.chars().all(|character| character.is_whitespace() || character.is_ascii_punctuation())
}

/// A truth value was never sealed: one that the policy does not list by name, such as
/// `IsDeleted`, is the CRM's own.
fn flag<'a>(place: &Place<'_>, tally: &mut Tally) -> Result<Shown<'a>, RestoreError> {
    match place.least_visible() {
        Some(least) if least.rule.is_listed() => structured(place, Value::A_FLAG, tally),
        _ => Ok(Shown::As(Replacement::Keep)),
    }
}

/// Objects, lists and the like are not looked into: only who may see everything
/// gets them.
fn structured<'a>(
    place: &Place<'_>,
    found: &'static str,
    tally: &mut Tally,
) -> Result<Shown<'a>, RestoreError> {
    if let Some(least) = place.least_visible() {
        if least.visibility.reveal != Reveal::Full {
            return Err(RestoreError::Structured { field: least.rule.id.clone(), found });
        }
        tally.count(place, least, Reveal::Full, Origin::FoundClear);
    }
    Ok(Shown::As(Replacement::Keep))
}

/// The value with each piece written anew.
fn rewritten(
    place: &Place<'_>,
    text: &Cleartext,
    mut write: impl FnMut(&mut String, &Piece<'_>),
) -> Replacement {
    // Enough for most values; what grows beyond it leaves unwiped memory behind.
    let mut written = Zeroizing::new(String::with_capacity(2 * text.expose().len() + 256));
    for piece in place.pieces(text) {
        write(&mut written, &piece);
    }
    if *written == text.expose() { Replacement::Keep } else { Replacement::Text(written) }
}
