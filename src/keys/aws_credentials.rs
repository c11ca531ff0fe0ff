// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;

use super::aws_signature::AwsCredentials;
use super::files::{self, Readers};
use super::remote::Remote;
use super::{KeysError, SecretSource};
use crate::base::Secret;

/// Where credentials for AWS come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsCredentialsSource {
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, of temporary ones,
    /// `AWS_SESSION_TOKEN`, as they were when the configuration was read.
    Environment { id: SecretSource, key: SecretSource, session_token: Option<Secret> },
    /// A file in the form of `~/.aws/credentials`, read anew for each use.
    ///
    /// Source: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>.
    File { path: PathBuf, profile: String },
}

impl AwsCredentialsSource {
    pub(super) fn read(&self, remote: &Remote) -> Result<AwsCredentials, KeysError> {
        let text = |secret: &Secret| {
            let text = std::str::from_utf8(secret.expose()).ok().filter(|text| is_word(text));
            text.map(str::to_owned).ok_or_else(|| remote.denied("the credentials are not text"))
        };
        match self {
            Self::Environment { id, key, session_token } => Ok(AwsCredentials {
                access_key_id: text(&id.read(Readers::OwnerOnly)?)?,
                secret_access_key: key.read(Readers::OwnerOnly)?,
                session_token: session_token.clone().filter(|token| !token.expose().is_empty()),
            }),
            Self::File { path, profile } => {
                let file = files::read(path, Readers::OwnerOnly).map_err(|error| match error {
                    KeysError::Missing { path } => KeysError::SecretMissing { path },
                    other => other,
                })?;
                find(&file, profile).ok_or_else(|| KeysError::Damaged {
                    path: path.clone(),
                    problem: format!(
                        "its profile `{profile}` has not both of `aws_access_key_id` and \
                         `aws_secret_access_key`"
                    ),
                })
            }
        }
    }
}

/// Printable, without space: what may stand in a header field.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn find(file: &str, profile: &str) -> Option<AwsCredentials> {
    let mut is_there = false;
    let (mut id, mut key, mut session_token) = (None, None, None);
    for line in file.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            is_there = name.trim() == profile;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| is_there) {
            let value = Some(value.trim()).filter(|value| is_word(value));
            match name.trim() {
                "aws_access_key_id" => id = value.map(str::to_owned),
                "aws_secret_access_key" => key = value.map(Secret::new),
                "aws_session_token" => session_token = value.map(Secret::new),
                _ => {}
            }
        }
    }
    Some(AwsCredentials { access_key_id: id?, secret_access_key: key?, session_token })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles() {
        let file = "# mine\n[default]\naws_access_key_id = A\naws_secret_access_key=s/1+=\n\n\
            [ other ]\r\naws_access_key_id=B\r\naws_secret_access_key = t\r\n\
            aws_session_token = u==\r\nregion = x\n[half]\naws_access_key_id=C\n#aws_secret_access_key=v\n";
        let found = |profile| find(file, profile);
        let default = found("default").unwrap();
        assert_eq!((&*default.access_key_id, default.session_token), ("A", None));
        assert_eq!(default.secret_access_key, Secret::new("s/1+="));
        let other = found("other").unwrap();
        assert_eq!((&*other.access_key_id, other.session_token), ("B", Some(Secret::new("u=="))));
        assert!(found("half").is_none());
        assert!(found("none").is_none());
    }
}
