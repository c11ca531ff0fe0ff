// SPDX-License-Identifier: Apache-2.0
//! Codes, groups and when they hold.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use smol_str::SmolStr;

use crate::base::Date;
use crate::border::{COUNTRIES, Code as Place, Member, Places, Window};
use crate::config::diagnostic::{Code, Problem};
use crate::config::document::{Section, listed};
use crate::config::item::Item;
use crate::config::spelling::closest;

use super::{Reader, Spot};

/// Words that are no names of groups.
const WORDS: [&str; 3] = ["anyone", "anywhere", "known"];

/// A group as it is written.
struct Definition<'d> {
    entries: Vec<Entry<'d>>,
    /// Whether a later definition is meant to be put out of force.
    replaces: bool,
    spot: Spot,
}

/// A place that belongs to a group, by its name.
struct Entry<'d> {
    place: Item<'d>,
    name: &'d str,
    window: Window,
    scope: Option<SmolStr>,
    reference: Option<SmolStr>,
}

type Definitions<'d> = BTreeMap<&'d str, Definition<'d>>;

/// The members of every group.
pub fn groups(sections: &[Section<'_>]) -> Option<BTreeMap<SmolStr, Vec<Member>>> {
    let mut definitions = Some(Definitions::new());
    for section in sections {
        let Some(groups) = section.optional("groups") else { continue };
        for (name, item) in groups.section()?.named() {
            let is_word = WORDS.contains(&name.text) || Place::parse(name.text).is_some();
            if is_word {
                let message = format!("`{name}` cannot be the name of a group");
                item.report(item.key_problem(Code::InvalidValue, message));
            }
            match (definition(&item), &mut definitions) {
                (Some(definition), Some(definitions)) if !is_word => {
                    match definitions.get(name.text) {
                        None => _ = definitions.insert(name.text, definition),
                        Some(first) if first.replaces => {}
                        Some(first) => {
                            first.spot.report_twice(&item, &name.span, "group", name.text);
                        }
                    }
                }
                _ => definitions = None,
            }
        }
    }
    let definitions = definitions?;
    let resolved: Vec<Option<(SmolStr, Vec<Member>)>> = definitions
        .keys()
        .map(|name| {
            let mut members = members(name, &definitions, &mut Vec::new())?;
            members.sort();
            members.dedup();
            Some((SmolStr::new(name), members))
        })
        .collect();
    resolved.into_iter().collect()
}

/// `[DE, FR]`, or `{ members: [DE, { place: HR, from: 2013-07-01 }], replace: true }`.
fn definition<'d>(item: &Item<'d>) -> Option<Definition<'d>> {
    let spot = Spot::of_key(item);
    if item.is_list() {
        return Some(Definition { entries: item.list_of(entry)?, replaces: false, spot });
    }
    let section = item.section()?;
    let members = section.required("members").and_then(|members| members.list_of(entry));
    let replaces = section.optional_or("replace", false, |flag| flag.flag());
    section.finish();
    Some(Definition { entries: members?, replaces: replaces?, spot })
}

fn entry<'d>(item: &Item<'d>) -> Option<Entry<'d>> {
    if !item.is_mapping() {
        let (name, place) = (item.text()?, item.clone());
        return Some(Entry { place, name, window: Window::ALWAYS, scope: None, reference: None });
    }
    let section = item.section()?;
    let place = section.required("place");
    let window = window(&section);
    let scope = section.optional_or("scope", None, |scope| scope.chosen_name().map(Some));
    let reference = section.optional_or("reference", None, |text| text.text().map(Some));
    section.finish();
    let place = place?;
    Some(Entry {
        name: place.text()?,
        place,
        window: window?,
        scope: scope?.map(SmolStr::new),
        reference: reference?.map(SmolStr::new),
    })
}

/// The members of a group, those of groups in it included. `open` are the groups
/// that it is a part of.
fn members<'d>(
    name: &'d str,
    definitions: &Definitions<'d>,
    open: &mut Vec<&'d str>,
) -> Option<Vec<Member>> {
    let definition = definitions.get(name)?;
    open.push(name);
    let mut all = Some(Vec::new());
    for entry in &definition.entries {
        let own = if let Some(code) = place_of(entry.name) {
            let Entry { window, scope, reference, .. } = entry;
            let (scope, reference) = (scope.clone(), reference.clone());
            Some(vec![Member { code, window: *window, scope, reference }])
        } else if open.contains(&entry.name) {
            let message = format!("the group `{}` would contain itself", entry.name);
            entry.place.report(entry.place.problem(Code::Contradiction, message));
            None
        } else if !definitions.contains_key(entry.name) {
            let groups = definitions.keys().copied();
            entry.place.report(unknown_place(entry.place.span(), entry.name, groups));
            None
        } else {
            members(entry.name, definitions, open).map(|members| within(members, entry))
        };
        all = all.zip(own).map(|(mut all, own)| {
            all.extend(own);
            all
        });
    }
    open.pop();
    all
}

/// Members of a group, as far as that group belongs to another.
fn within(members: Vec<Member>, entry: &Entry<'_>) -> Vec<Member> {
    let narrow = |member: Member| {
        Some(Member {
            window: member.window.overlap(entry.window)?,
            scope: entry.scope.clone().or(member.scope),
            reference: entry.reference.clone().or(member.reference),
            code: member.code,
        })
    };
    members.into_iter().filter_map(narrow).collect()
}

fn place_of(text: &str) -> Option<Place> {
    Place::parse(text).filter(|code| code.as_str() == text)
}

/// The subdivisions that groups speak of.
pub fn subdivisions(groups: &BTreeMap<SmolStr, Vec<Member>>) -> BTreeSet<Place> {
    let codes = groups.values().flatten().map(|member| &member.code);
    codes.filter(|code| code.is_subdivision()).cloned().collect()
}

/// What people write for a code.
const MEANT: [(&str, &str); 2] = [("UK", "GB"), ("USA", "US")];

/// A name that is neither a code nor a group. Codes are too short for a guess by their
/// letters: `UK` is not `CK`, and `AUT` not `AU`.
pub fn unknown_place<'g>(
    span: &Range<usize>,
    name: &str,
    groups: impl Iterator<Item = &'g str>,
) -> Problem {
    let groups: Vec<&str> = groups.collect();
    let message = format!("`{name}` is neither an ISO 3166 code nor a group");
    let problem = Problem::new(Code::UnknownPlace, span, message);
    let upper = name.to_uppercase();
    let code = COUNTRIES.into_iter().find(|code| *code == upper);
    let meant = || MEANT.iter().find(|(word, _)| *word == upper).map(|(_, code)| *code);
    let alike = groups.iter().copied().filter(|it| name.len() > 3 || it.len() == name.len());
    match code.or_else(meant).or_else(|| closest(name, alike)) {
        Some(meant) => problem.did_you_mean(meant),
        None if groups.is_empty() => {
            problem.help("a country such as `DE`, or part of one such as `US-CA`")
        }
        None => problem.help(format!(
            "a country such as `DE`, part of one such as `US-CA`, or a group: {}",
            listed(groups.iter())
        )),
    }
}

/// `from` and `until`, both included.
pub fn window(section: &Section<'_>) -> Option<Window> {
    let date = |item: Item<'_>| {
        let date = item.text()?.parse::<Date>();
        if date.is_err() {
            item.refuse(format!("`{}` is not a date", item.name), "a date such as `2027-06-30`");
        }
        date.ok().map(Some)
    };
    let until_item = section.optional("until");
    let from = section.optional_or("from", None, date);
    let until = section.optional_or("until", None, date);
    let window = Window { from: from?, until: until? };
    if window.overlap(window).is_none() {
        if let Some(item) = until_item {
            item.refuse("it would end before it begins", "a day after `from`");
        }
        return None;
    }
    Some(window)
}

impl Reader<'_> {
    /// One place or a list of them, or the word for all.
    pub(super) fn places(&self, item: &Item<'_>, anywhere: &str) -> Option<Places> {
        if !item.is_list() && item.text()? == anywhere {
            return Some(Places::Anywhere);
        }
        let members = super::some_of(item, |item| self.place(item).map(|(_, members)| members))?;
        Some(Places::these(members.into_iter().flatten().collect()))
    }

    /// Places under a key that may be left out: then any.
    pub(super) fn places_or_any(
        &self,
        section: &Section<'_>,
        key: &'static str,
        anywhere: &str,
    ) -> Option<Places> {
        section.optional_or(key, Places::Anywhere, |item| self.places(&item, anywhere))
    }

    /// A code or a group, and what it stands for.
    pub(super) fn place<'d>(&self, item: &Item<'d>) -> Option<(&'d str, Vec<Member>)> {
        let name = item.text()?;
        if let Some(members) = self.groups.get(name) {
            return Some((name, members.clone()));
        }
        let Some(code) = place_of(name) else {
            let groups = self.groups.keys().map(SmolStr::as_str);
            item.report(unknown_place(item.span(), name, groups));
            return None;
        };
        if code.is_subdivision() {
            self.subdivisions.borrow_mut().insert(code.clone());
        }
        Some((name, vec![Member::of(code)]))
    }
}
