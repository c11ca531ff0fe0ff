// SPDX-License-Identifier: Apache-2.0
//! The files of API keys: a mapping of one line per caller,
//!
//! ```yaml
//! etl: { roles: [support], purpose: crm, region: DE, mac: "hmac-sha256:4f…" }
//! ```
//!
//! or, for the admin API, per administrator:
//!
//! ```yaml
//! dpo: { mac: "hmac-sha256:4f…" }
//! ```
//!
//! They hold no key, only what a key is recognised by.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::base::PrincipalName;
use crate::caller::{ApiKey, Principal};
use crate::keys::{keep_access, sync_directory};

use super::diagnostic::Diagnostics;
use super::document::{Document, Section};
use super::given::Words;
use super::{Loaded, load, yaml};

/// Names how the MAC was made.
const MAC_PREFIX: &str = "hmac-sha256:";

/// Reads the file of callers, to put it in place of what is known.
///
/// # Errors
/// [`Diagnostics`]: every problem in it.
pub fn load_api_keys(path: &Path) -> Result<Loaded<Vec<ApiKey>>, Diagnostics> {
    load(path, |document| compile(document).map(|(keys, _)| keys))
}

/// Reads the file of administrators, as [`load_api_keys`] does.
///
/// # Errors
/// [`Diagnostics`]: every problem in it.
pub fn load_admin_keys(path: &Path) -> Result<Loaded<Vec<ApiKey<PrincipalName>>>, Diagnostics> {
    load(path, compile_admins)
}

/// The keys in the file, and what their callers are given there.
pub fn compile(document: &Document<'_>) -> Option<(Vec<ApiKey>, Words)> {
    let lines = lines(document, |name, section| {
        let words = Words::read(&section);
        let mac = mac(&section);
        section.finish_with(&["expires"]);
        let words = words?;
        Some((ApiKey { principal: words.principal(name.as_str()), mac: mac? }, words))
    });
    let (keys, given): (_, Vec<Words>) = lines?.into_iter().unzip();
    let mut words = Words::default();
    for of_one in given {
        words.extend(of_one);
    }
    Some((keys, words))
}

pub fn compile_admins(document: &Document<'_>) -> Option<Vec<ApiKey<PrincipalName>>> {
    lines(document, |principal, section| {
        let mac = mac(&section);
        section.finish_with(&["roles", "expires"]);
        Some(ApiKey { principal, mac: mac? })
    })
}

/// What `read` makes of each line; `None` if it does not understand one.
fn lines<T>(
    document: &Document<'_>,
    read: impl Fn(PrincipalName, Section<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(root) = yaml::parse(document).ok()? else {
        return Some(Vec::new());
    };
    let entries = document.mapping(&root)?;
    let read: Vec<Option<T>> = entries
        .named()
        .map(|(name, item)| read(PrincipalName::new(name.text), item.section()?))
        .collect();
    read.into_iter().collect()
}

fn mac(section: &Section<'_>) -> Option<[u8; 32]> {
    let mac = section.required("mac")?;
    let bytes = mac.text()?.strip_prefix(MAC_PREFIX).and_then(decode_hex);
    if bytes.is_none() {
        mac.refuse(
            format!("`{}` is not a MAC", mac.name),
            "lines of this file are written by `zollhaus keys`",
        );
    }
    bytes
}

#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("there is an entry `{name}` already")]
    Taken { name: PrincipalName },
    #[error("{} is there: another change is under way, or one was broken off; then delete it", path.display())]
    UnderWay { path: PathBuf },
    #[error("{} cannot be written", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the file of API keys cannot be used")]
    Unusable(#[from] Diagnostics),
}

/// Adds a caller to their file. Durable on return.
///
/// # Errors
/// [`AppendError`]; then the file is as it was.
pub fn append_api_key(path: &Path, key: &ApiKey) -> Result<(), AppendError> {
    // Names are quoted: `null` and `-` would be something else.
    let Principal { name, roles, purpose, region } = &key.principal;
    let roles: Vec<String> = roles.iter().map(|role| format!("\"{role}\"")).collect();
    let mut line = format!("\"{name}\": {{ roles: [{}], ", roles.join(", "));
    if let Some(purpose) = purpose {
        let _ = write!(line, "purpose: \"{purpose}\", ");
    }
    if let Some(region) = region {
        let _ = write!(line, "region: \"{region}\", ");
    }
    let _ = writeln!(line, "mac: \"{}\" }}", encode(key.mac));
    append(path, name, &line, |path| {
        let known = load_api_keys(path)?.value;
        Ok(known.into_iter().map(|known| known.principal.name).collect())
    })
}

/// Adds an administrator to their file, as [`append_api_key`] does.
///
/// # Errors
/// [`AppendError`]; then the file is as it was.
pub fn append_admin_key(path: &Path, key: &ApiKey<PrincipalName>) -> Result<(), AppendError> {
    let line = format!("\"{}\": {{ mac: \"{}\" }}\n", key.principal, encode(key.mac));
    append(path, &key.principal, &line, |path| {
        Ok(load_admin_keys(path)?.value.into_iter().map(|known| known.principal).collect())
    })
}

/// Adds a line to a file, which is exchanged as a whole: a reader sees it with or
/// without the line. `known` reads the names that are there.
fn append(
    path: &Path,
    name: &PrincipalName,
    line: &str,
    known: impl Fn(&Path) -> Result<Vec<PrincipalName>, Diagnostics>,
) -> Result<(), AppendError> {
    let failed = |source| AppendError::Write { path: path.to_owned(), source };
    // A link keeps leading to the file.
    let path = &*fs::canonicalize(path).map_err(failed)?;
    let mut next = path.file_name().unwrap_or_default().to_owned();
    next.push(".new");
    let next = path.with_file_name(next);
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(AppendError::UnderWay { path: next });
        }
        opened => opened.map_err(failed)?,
    };
    let mut write = || {
        if known(path)?.contains(name) {
            return Err(AppendError::Taken { name: name.clone() });
        }
        let mut text = fs::read_to_string(path).map_err(failed)?;
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(line);
        file.write_all(text.as_bytes())
            .and_then(|()| keep_access(&File::open(path)?, &file))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&next, path))
            .map_err(failed)
    };
    if let Err(error) = write() {
        // What is left of it would only stand in the way.
        let _ = fs::remove_file(&next);
        return Err(error);
    }
    sync_directory(path).map_err(failed)
}

fn encode(mac: [u8; 32]) -> String {
    let mut text = MAC_PREFIX.to_owned();
    for byte in mac {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn decode_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    if rest.is_empty() { bytes.try_into().ok() } else { None }
}
