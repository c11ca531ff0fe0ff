// SPDX-License-Identifier: Apache-2.0
//! Where the root key is: `keys`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::{Clock, Jurisdiction, SystemClock};
use crate::border::COUNTRIES;
use crate::keys::{KeyServiceSettings, SecretSource};

use super::diagnostic::Code;
use super::document::{Section, listed};
use super::environment::variable;
use super::item::Item;
use super::key_services;
use super::model::{KeySettings, UpstreamSettings};
use super::spelling::closest;

/// The places that a root key can be in; one is named.
const PLACES: [&str; 5] = ["file", "environment", "vault_transit", "aws_kms", "pkcs11"];

/// Shorter ones would make a pause for maintenance an outage.
const MIN_LEASE: Duration = Duration::from_secs(60);
const MAX_LEASE: Duration = Duration::from_secs(30 * 24 * 3600);

/// The keysets of jurisdictions.
pub type Jurisdictions = Vec<(Jurisdiction, KeySettings)>;

pub fn compile(keys: &Item<'_>) -> Option<(KeySettings, Jurisdictions)> {
    let section = keys.section()?;
    let jurisdictions = section.optional_or("jurisdictions", Vec::new(), |item| {
        let all: Vec<_> = item
            .section()?
            .named()
            .map(|(name, item)| {
                let (section, keyset) = (item.section()?, Item::path);
                Some((Jurisdiction::new(name.text), settings(&item, section, keyset)?))
            })
            .collect();
        all.into_iter().collect()
    });
    let house = settings(keys, section, Item::existing_file)?;
    let jurisdictions = jurisdictions?;
    let is_sound = check_keysets(keys, &house, &jurisdictions);
    is_sound.then_some((house, jurisdictions))
}

/// Whether each keyset of a jurisdiction is a file of its own. Reports those that are missing.
fn check_keysets(keys: &Item<'_>, house: &KeySettings, jurisdictions: &Jurisdictions) -> bool {
    let file = |path: &PathBuf| fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    let mut named = vec![(keys.name.clone(), file(&house.keyset))];
    let mut is_sound = true;
    let section = keys.section().and_then(|section| section.section("jurisdictions"));
    let items = section.iter().flat_map(Section::named);
    for ((name, item), (_, KeySettings { keyset, .. })) in items.zip(jurisdictions) {
        let create = format!("`zollhaus keys create --jurisdiction {}`", name.text);
        let (path, shown) = (file(keyset), keyset.display());
        if let Some((first, _)) = named.iter().find(|(_, other)| *other == path) {
            let message = format!("`{first}` has the keyset `{shown}` as well");
            let help = format!("each has one of its own; {create} makes one");
            item.report(item.key_problem(Code::Contradiction, message).help(help));
            is_sound = false;
        } else if !path.is_file() {
            let message = format!("there is no keyset `{shown}`");
            let help = format!(
                "put it back if there was one: without it, the house does not start; {create} \
                 makes the first one"
            );
            item.report(item.key_problem(Code::FileMissing, message).help(help));
        }
        named.push((item.name.clone(), path));
    }
    is_sound
}

/// Reports keysets of jurisdictions that no policy would ever use.
pub fn check_jurisdictions(keys: &Item<'_>, upstreams: &[UpstreamSettings]) {
    let section = keys.section().and_then(|section| section.section("jurisdictions"));
    let today = SystemClock.now().date();
    let borders = || upstreams.iter().filter_map(|upstream| upstream.policy.border.as_ref());
    for (name, item) in section.iter().flat_map(Section::named) {
        let jurisdiction = Jurisdiction::new(name.text);
        if borders().any(|border| border.may_tell(&jurisdiction, today)) {
            continue;
        }
        if borders().next().is_none() {
            let message = format!("the keyset of `{name}` is never used: no policy has a border");
            let help = "the rules of a border say whose law covers a record";
            item.report(item.key_problem(Code::UnusedKeyset, message).help(help));
            continue;
        }
        let message = format!("no rule says that `{name}` is the law of a record");
        let problem =
            item.key_problem(Code::UnusedKeyset, message).label("its keyset is never used");
        let groups = borders().flat_map(|border| border.atlas.group_names());
        let told = groups.chain(COUNTRIES.iter().copied()).filter(|name| {
            borders().any(|border| border.may_tell(&Jurisdiction::new(name), today))
        });
        item.report(match closest(name.text, told) {
            Some(meant) if !COUNTRIES.contains(&name.text) => problem.did_you_mean(meant),
            _ => problem.help("an ISO 3166 code or a group of the border that its rules find"),
        });
    }
}

fn settings<'d>(
    keys: &Item<'_>,
    section: Section<'d>,
    keyset: impl FnOnce(&Item<'d>) -> Option<PathBuf>,
) -> Option<KeySettings> {
    let keyset = section.required("keyset").and_then(|item| keyset(&item));
    let service = service(keys, &section);
    let lease = section.optional("lease");
    section.finish();
    let service = service?;
    let lease = if service.is_at_hand() {
        lease.is_none_or(|item| refuse_lease(keys, &item)).then_some(None)
    } else {
        stated_lease(keys, lease.as_ref()).map(Some)
    };
    Some(KeySettings { service, keyset: keyset?, lease: lease? })
}

/// There is nobody who could be away. Whether it may stay, which is not.
fn refuse_lease(keys: &Item<'_>, lease: &Item<'_>) -> bool {
    let message = format!("`{}.lease` is for a root key that stays in a key service", keys.name);
    lease.report(lease.key_problem(Code::Contradiction, message).help("leave it out"));
    false
}

/// Whoever has a key service has to say it.
fn stated_lease(keys: &Item<'_>, lease: Option<&Item<'_>>) -> Option<Duration> {
    if let Some(lease) = lease {
        return lease.duration(MIN_LEASE..=MAX_LEASE);
    }
    let message =
        format!("`{}` does not say how long keys serve while the key service is away", keys.name);
    let help = "add `lease`, such as `24h`: after that, requests are refused";
    keys.report(keys.key_problem(Code::MissingKey, message).help(help));
    None
}

fn service(keys: &Item<'_>, section: &Section<'_>) -> Option<KeyServiceSettings> {
    let passphrase = section.optional("passphrase");
    let source = passphrase.as_ref().map_or(Some(None), |item| secret(item).map(Some));
    // Each is read, so that all problems are reported.
    let named: Vec<(Item<'_>, Option<KeyServiceSettings>)> = PLACES
        .into_iter()
        .filter_map(|place| section.optional(place).map(|item| (place, item)))
        .map(|(place, item)| {
            let settings = match place {
                "environment" => variable(&item)
                    .map(|(name, value)| KeyServiceSettings::Environment { name, value }),
                "vault_transit" => {
                    key_services::vault_transit(&item).map(KeyServiceSettings::VaultTransit)
                }
                "pkcs11" => key_services::pkcs11(&item).map(KeyServiceSettings::Pkcs11),
                "aws_kms" => key_services::aws_kms(&item).map(KeyServiceSettings::AwsKms),
                _ => item
                    .existing_file()
                    .zip(source.clone())
                    .map(|(path, passphrase)| KeyServiceSettings::File { path, passphrase }),
            };
            (item, settings)
        })
        .collect();
    if let [(first, _), (second, _), ..] = &named[..] {
        let message =
            format!("`{}` and `{}` both say where the root key is", first.name, second.name);
        second.report(second.key_problem(Code::Contradiction, message).help("keep one of them"));
        return None;
    }
    let Some((place, settings)) = named.into_iter().next() else {
        // A slip is reported as such.
        let others = ["keyset", "passphrase", "lease", "jurisdictions"];
        let known = |key: &str| PLACES.contains(&key) || others.contains(&key);
        if section.entries().all(|(key, _)| known(key)) {
            let message = format!("`{}` does not say where the root key is", keys.name);
            let help = format!("add one of {}", listed(PLACES.iter()));
            keys.report(keys.key_problem(Code::MissingKey, message).help(help));
        }
        return None;
    };
    match passphrase {
        Some(passphrase) if place.name != format!("{}.file", keys.name) => {
            let message = format!("`{}.passphrase` is for a root key in a `file`", keys.name);
            let problem = passphrase.key_problem(Code::Contradiction, message);
            passphrase.report(problem.help("leave it out"));
            None
        }
        _ => settings,
    }
}

/// `file` or `environment`.
pub(super) fn secret(item: &Item<'_>) -> Option<SecretSource> {
    let section = item.section()?;
    let environment = section.optional("environment");
    let source = match environment {
        Some(environment) => {
            variable(&environment).map(|(name, value)| SecretSource::Environment { name, value })
        }
        None => {
            section.required("file").and_then(|file| file.existing_file()).map(SecretSource::File)
        }
    };
    section.finish();
    source
}
