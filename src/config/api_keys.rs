// SPDX-License-Identifier: Apache-2.0
//! The file of callers with an API key: a mapping of one line per caller,
//!
//! ```yaml
//! etl: { roles: [support], mac: "hmac-sha256:4f…" }
//! ```
//!
//! which holds no key, only what a key is recognised by.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use crate::base::PrincipalName;
use crate::caller::{ApiKey, Principal};

use super::callers::{RoleUse, roles_of};
use super::diagnostic::Diagnostics;
use super::document::Document;
use super::item::Item;
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

/// The keys in the file, and the roles that are given there.
pub fn compile(document: &Document<'_>) -> Option<(Vec<ApiKey>, Vec<RoleUse>)> {
    let Some(root) = yaml::parse(document).ok()? else {
        return Some((Vec::new(), Vec::new()));
    };
    let (mut keys, mut given) = (Vec::new(), Vec::new());
    let mut is_sound = true;
    for (name, item) in document.mapping(&root)?.named() {
        match api_key(document, name.text, &item) {
            Some((key, roles)) => {
                keys.push(key);
                given.extend(roles);
            }
            None => is_sound = false,
        }
    }
    is_sound.then_some((keys, given))
}

fn api_key(document: &Document<'_>, name: &str, item: &Item<'_>) -> Option<(ApiKey, Vec<RoleUse>)> {
    let section = item.section()?;
    let roles = section.required("roles").and_then(|roles| roles_of(document, &roles));
    let mac = section.required("mac").and_then(|mac| {
        let bytes = mac.text()?.strip_prefix(MAC_PREFIX).and_then(decode_hex);
        if bytes.is_none() {
            mac.refuse(
                format!("`{}` is not a MAC", mac.name),
                "lines of this file are written by `zollhaus keys new-caller`",
            );
        }
        bytes
    });
    section.finish_with(&["expires", "purpose"]);
    let roles = roles?;
    let principal = Principal {
        name: PrincipalName::new(name),
        roles: roles.iter().map(|given| given.role.clone()).collect(),
    };
    Some((ApiKey { principal, mac: mac? }, roles))
}

#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("there is a caller `{name}` already")]
    Taken { name: PrincipalName },
    #[error("{} is there: another change is under way, or one was broken off; then delete it", path.display())]
    UnderWay { path: PathBuf },
    #[error("{} cannot be written", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the file of callers cannot be used")]
    Unusable(#[from] Diagnostics),
}

/// Adds a caller to the file, which is exchanged as a whole: a reader sees it
/// with or without the new line. Durable on return.
///
/// # Errors
/// [`AppendError`]; then the file is as it was.
pub fn append_api_key(path: &Path, key: &ApiKey) -> Result<(), AppendError> {
    let failed = |source| AppendError::Write { path: path.to_owned(), source };
    // A link keeps leading to the file.
    let path = &*fs::canonicalize(path).map_err(failed)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let next = path.with_file_name(name);
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(AppendError::UnderWay { path: next });
        }
        opened => opened.map_err(failed)?,
    };
    let mut write = || {
        let known = load_api_keys(path)?.value;
        if known.iter().any(|known| known.principal.name == key.principal.name) {
            return Err(AppendError::Taken { name: key.principal.name.clone() });
        }
        let mut text = fs::read_to_string(path).map_err(failed)?;
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&line(key));
        file.write_all(text.as_bytes())
            .and_then(|()| keep_access(path, &file))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&next, path))
            .map_err(failed)
    };
    if let Err(error) = write() {
        // What is left of it would only stand in the way.
        let _ = fs::remove_file(&next);
        return Err(error);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

/// Gives `new` the owner and the mode of the file whose place it takes: the service that
/// reads it may run as another user than the one who adds callers.
fn keep_access(path: &Path, new: &File) -> io::Result<()> {
    let (old, own) = (fs::metadata(path)?, new.metadata()?);
    if (old.uid(), old.gid()) != (own.uid(), own.gid()) {
        fchown(new, Some(old.uid()), Some(old.gid()))?;
    }
    new.set_permissions(old.permissions())
}

fn line(key: &ApiKey) -> String {
    // Names are quoted: `null` and `-` would be something else.
    let roles: Vec<String> = key.principal.roles.iter().map(|role| format!("\"{role}\"")).collect();
    let mut mac = String::new();
    for byte in key.mac {
        let _ = write!(mac, "{byte:02x}");
    }
    let name = &key.principal.name;
    format!("\"{name}\": {{ roles: [{}], mac: \"{MAC_PREFIX}{mac}\" }}\n", roles.join(", "))
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
