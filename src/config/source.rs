// SPDX-License-Identifier: Apache-2.0

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Larger files are no configuration.
const MAX_BYTES: u64 = 1 << 20;

/// A document as it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    pub path: PathBuf,
    pub text: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{} cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is larger than 1 MiB", path.display())]
    TooLarge { path: PathBuf },
    #[error("{} is not UTF-8 (byte {at})", path.display())]
    NotUtf8 { path: PathBuf, at: usize },
}

impl Source {
    /// # Errors
    /// [`SourceError`] when the file cannot be read, is larger than 1 MiB
    /// or is not UTF-8.
    pub fn read(path: &Path) -> Result<Arc<Self>, SourceError> {
        let unreadable = |source| SourceError::Read { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(SourceError::TooLarge { path: path.to_owned() });
        }
        let text = String::from_utf8(bytes).map_err(|error| SourceError::NotUtf8 {
            path: path.to_owned(),
            at: error.utf8_error().valid_up_to(),
        })?;
        Ok(Arc::new(Self { path: path.to_owned(), text }))
    }

    /// Stands for a file that could not be read.
    pub fn absent(path: &Path) -> Arc<Self> {
        Arc::new(Self { path: path.to_owned(), text: String::new() })
    }

    /// A path named in this document: relative ones start at the document's folder.
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }
}
