// SPDX-License-Identifier: Apache-2.0

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

/// Longer than any token that a service takes.
const MAX_BYTES: u64 = 8 << 10;

/// What a service of the operator's own knows us by. The file is read for every request,
/// so that it can be replaced at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub file: PathBuf,
    /// The field that the file is the value of; otherwise it is a bearer token.
    pub header: Option<HeaderName>,
}

/// A credential cannot be read. Says where, and never what.
#[derive(Debug, thiserror::Error)]
#[error("the credential in `{path}` {problem}")]
pub struct CredentialError {
    path: PathBuf,
    problem: String,
}

impl Credential {
    /// Puts it into the head of a request.
    ///
    /// # Errors
    /// [`CredentialError`]; the head is unchanged then.
    pub async fn show(&self, headers: &mut HeaderMap) -> Result<(), CredentialError> {
        let credential = self.clone();
        let read = tokio::task::spawn_blocking(move || credential.read()).await;
        let value = read.unwrap_or_else(|panicked| Err(self.failed(panicked.to_string())))?;
        headers.insert(self.header.clone().unwrap_or(AUTHORIZATION), value);
        Ok(())
    }

    fn read(&self) -> Result<HeaderValue, CredentialError> {
        let secret = read_secret(&self.file);
        let secret = secret.map_err(|error| self.failed(format!("cannot be read: {error}")))?;
        let text = match self.header {
            Some(_) => secret,
            None => Zeroizing::new([b"Bearer ".as_slice(), &secret].concat()),
        };
        let value = HeaderValue::from_bytes(&text);
        let mut value = value.map_err(|_| self.failed("is not one line of text".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn failed(&self, problem: String) -> CredentialError {
        CredentialError { path: self.file.clone(), problem }
    }
}

/// Without the white space around it; there must be something.
pub(crate) fn read_secret(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    std::fs::File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    let secret = bytes.trim_ascii();
    if secret.is_empty() || bytes.len() as u64 > MAX_BYTES {
        let problem = format!("it has no bytes, or more than {MAX_BYTES}");
        return Err(io::Error::new(ErrorKind::InvalidData, problem));
    }
    Ok(Zeroizing::new(secret.to_vec()))
}
