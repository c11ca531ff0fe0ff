// SPDX-License-Identifier: Apache-2.0

use std::time::Duration;

use crate::transfer_log::note::{KeyKind, VerifierKey};
use crate::transfer_log::stream::StreamConfig;
use crate::transfer_log::{
    CopySettings, DirectorySettings, MirrorSettings, RemoteSettings, WitnessSettings,
};

use super::credential::credential;
use super::diagnostic::Code;
use super::document::Section;
use super::item::Item;
use super::{streams, upstream};

/// The log, and where its entries are sent.
pub fn compile(item: &Item<'_>) -> Option<(DirectorySettings, Vec<StreamConfig>)> {
    let section = item.section()?;
    if let Some(file) = section.optional("file") {
        let message = "the transfer log is a directory now, and has a name";
        file.report(file.key_problem(Code::NotSupported, message).help(
            "write `{ directory: log, origin: acme.example/zollhaus/one }` instead; keep the file as it is",
        ));
        return None;
    }
    let directory = section.required("directory").and_then(|directory| directory.path());
    let origin = section.required("origin").and_then(|origin| self::origin(&origin));
    let interval = section.optional_or("integrate", Duration::from_secs(1), |interval| {
        interval.duration(Duration::from_millis(10)..=Duration::from_secs(60))
    });
    let max_unintegrated = section
        .optional_or("max_unintegrated", 1_000_000, |number| number.number(1_000..=100_000_000));
    let retention = section.optional_or("retention", None, |period| period.period().map(Some));
    let mirrors = section.optional_or("mirror", Vec::new(), |mirrors| mirrors.list_of(mirror));
    let witnesses = section.optional_or("witnesses", (Vec::new(), 0), |all| witnesses(&all));
    let streams = streams::compile(&section);
    section.finish();
    let (witnesses, required_witnesses) = witnesses?;
    let settings = DirectorySettings {
        directory: directory?,
        origin: origin?,
        interval: interval?,
        max_unintegrated: max_unintegrated?,
        retention: retention?,
        copies: CopySettings { mirrors: mirrors?, witnesses, required_witnesses },
    };
    Some((settings, streams?))
}

/// `file`, or `url` with `ca` and `credential`.
fn mirror(item: &Item<'_>) -> Option<MirrorSettings> {
    let section = item.section()?;
    let file = section.optional("file");
    if let Some(file) = file {
        let path = file.path();
        section.finish();
        return path.map(MirrorSettings::File);
    }
    let remote = remote(&section);
    let credential =
        section.optional_or("credential", None, |item| credential(&item, true).map(Some));
    section.finish();
    Some(MirrorSettings::Remote(RemoteSettings { credential: credential?, ..remote? }))
}

fn witnesses(item: &Item<'_>) -> Option<(Vec<WitnessSettings>, usize)> {
    let section = item.section()?;
    let required = section.required("required");
    let of = section.required("of").and_then(|of| of.list_of(witness));
    section.finish();
    let of = of?;
    let required = required?.number(1..=of.len().max(1))?;
    Some((of, required))
}

fn witness(item: &Item<'_>) -> Option<WitnessSettings> {
    let section = item.section()?;
    let key = section.required("key").and_then(|key| witness_key(&key));
    let remote = remote(&section);
    section.finish();
    Some(WitnessSettings { key: key?, remote: remote? })
}

fn witness_key(item: &Item<'_>) -> Option<VerifierKey> {
    let problem = match item.text()?.parse::<VerifierKey>() {
        Ok(key) if key.kind() == KeyKind::Cosignature => return Some(key),
        Ok(_) => "it is the key of a log".to_owned(),
        Err(error) => error.to_string(),
    };
    item.refuse(
        format!("`{}` is not the key of a witness: {problem}", item.name),
        "the verifier key that the witness publishes: `name+hash+key`",
    );
    None
}

fn remote(section: &Section<'_>) -> Option<RemoteSettings> {
    let url = section.required("url").and_then(|url| upstream::origin(&url, true, false));
    let ca = section.optional_or("ca", None, |ca| ca.existing_file().map(Some));
    Some(RemoteSettings { url: url?, ca: ca?, credential: None })
}

fn origin(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    if !is_origin(text) {
        item.refuse(
            format!("`{}` cannot name a log", item.name),
            "up to 100 lower-case letters, digits, `.`, `-`, `_` and `/`, starting with a domain \
             of yours: `acme.example/zollhaus/one`",
        );
        return None;
    }
    Some(text.to_owned())
}

/// A URL without its scheme, as C2SP tlog-checkpoint recommends.
fn is_origin(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte)
            })
    };
    text.len() <= 100
        && text.split('/').all(is_part)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::is_origin;

    #[test]
    fn origins() {
        for sound in ["acme.example", "acme.example/zollhaus/one", "10.0.0.1/a_b-c"] {
            assert!(is_origin(sound), "{sound}");
        }
        let long = "a".repeat(101);
        for wrong in [
            "",
            "/",
            "a/",
            "a//b",
            "a b",
            "a+b",
            "https://a.example",
            "Ä",
            "A.example",
            "a\nb",
            &long,
        ] {
            assert!(!is_origin(wrong), "{wrong}");
        }
    }
}
