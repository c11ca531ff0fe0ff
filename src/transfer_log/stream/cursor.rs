// SPDX-License-Identifier: Apache-2.0

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The place of a stream in the log, in a file that is replaced as a whole: a crash
/// leaves the old place or the new one.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    path: PathBuf,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// The log that the index is one of.
    origin: SmolStr,
    /// The first entry that the sink has not taken.
    next: u64,
}

impl Cursor {
    /// A stream without a file begins at the first entry.
    ///
    /// # Errors
    /// What keeps the file from being used, its being of another log included.
    pub fn open(path: PathBuf, origin: &SmolStr) -> Result<Self, String> {
        let place = match fs::read(&path) {
            Ok(text) => serde_json::from_slice::<Place>(&text)
                .map_err(|_| "it is not a cursor".to_owned())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Place { origin: origin.clone(), next: 0 }
            }
            Err(error) => return Err(error.to_string()),
        };
        if place.origin != *origin {
            return Err(format!("it is of the log `{}`, not of `{origin}`", place.origin));
        }
        Ok(Self { path, place })
    }

    pub fn next(&self) -> u64 {
        self.place.next
    }

    /// The same cursor at another place, durable. Blocks.
    ///
    /// # Errors
    /// Then the file says the old place or the new one.
    pub fn moved_to(self, next: u64) -> io::Result<Self> {
        let place = Place { next, ..self.place };
        replace(&self.path, &serde_json::to_vec(&place)?)?;
        Ok(Self { place, ..self })
    }
}

/// Writes beside the file, syncs, renames, and makes the new name durable.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("cursor.new");
    let mut file =
        File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Cursor;
    use crate::testkit::Scratch;

    #[test]
    fn a_place_outlives_every_point_of_a_crash() {
        let folder = Scratch::new();
        let path = folder.file("siem.cursor");
        let open = || Cursor::open(path.clone(), &"acme/one".into());
        assert_eq!(open().unwrap().next(), 0);
        open().unwrap().moved_to(7).unwrap();
        assert_eq!(open().unwrap().next(), 7);
        // Between the first byte beside the file and the renaming.
        for torn in ["", r#"{"origin":"ac"#, r#"{"origin":"acme/one","next":9}"#] {
            fs::write(folder.file("siem.cursor.new"), torn).unwrap();
            assert_eq!(open().unwrap().next(), 7);
        }
        open().unwrap().moved_to(8).unwrap();
        assert_eq!(open().unwrap().next(), 8);
    }

    #[test]
    fn a_place_that_cannot_be_trusted_is_refused() {
        let folder = Scratch::new();
        let path = folder.file("siem.cursor");
        let check = |text: &str, expected: &str| {
            fs::write(&path, text).unwrap();
            assert_eq!(Cursor::open(path.clone(), &"acme/one".into()).unwrap_err(), expected);
        };
        check("", "it is not a cursor");
        check("7", "it is not a cursor");
        check(r#"{"origin":"acme/one","next":-1}"#, "it is not a cursor");
        check(
            r#"{"origin":"acme/two","next":1}"#,
            "it is of the log `acme/two`, not of `acme/one`",
        );
    }
}
