// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::io;
use std::path::PathBuf;

use http::{Method, StatusCode};

use super::remote::{Remote, RemoteError, RemoteSettings};
use crate::transfer_log::disk::{self, FileSystem};
use crate::transfer_log::note::SignedNote;
use crate::transfer_log::tile_files::TileError;
use crate::upstream::UpstreamSetupError;

/// A second place for the newest checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MirrorSettings {
    /// On another disk; the folder around it must exist.
    File(PathBuf),
    /// It takes `PUT` and gives back with `GET` what it was given; 404 before.
    Remote(RemoteSettings),
}

#[derive(Debug)]
pub(super) struct Mirror {
    name: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Remote(Box<Remote>),
}

#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    #[error("the file cannot be read or written")]
    File(#[from] io::Error),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("what it holds cannot be compared")]
    Tile(#[from] TileError),
    #[error("it holds what is not a checkpoint")]
    NotACheckpoint,
    #[error(
        "it holds no checkpoint of this log that one of its keys has signed, and is left as it is; \
         every log needs a mirror of its own"
    )]
    Foreign,
    #[error("it holds a checkpoint that the log does not continue")]
    NotContinued,
}

impl Mirror {
    pub(super) fn new(settings: &MirrorSettings) -> Result<Self, UpstreamSetupError> {
        let place = match settings {
            MirrorSettings::File(path) => Place::File(path.clone()),
            MirrorSettings::Remote(remote) => Place::Remote(Box::new(Remote::new(remote)?)),
        };
        Ok(Self { name: settings.to_string(), place })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What was brought there last, not verified.
    pub(super) async fn fetch(&self) -> Result<Option<SignedNote>, MirrorError> {
        let text = match &self.place {
            Place::File(path) => {
                let bytes = disk::read(&FileSystem, path)?;
                bytes.map(String::from_utf8).transpose().map_err(|_| MirrorError::NotACheckpoint)?
            }
            Place::Remote(remote) => match remote.send(Method::GET, "", String::new()).await? {
                (StatusCode::OK, text) => Some(text),
                (StatusCode::NOT_FOUND, _) => None,
                (status, _) => return Err(RemoteError::Status(status).into()),
            },
        };
        let note = text.map(|text| text.parse()).transpose();
        note.map_err(|_| MirrorError::NotACheckpoint)
    }

    pub(super) async fn store(&self, checkpoint: &SignedNote) -> Result<(), MirrorError> {
        let text = checkpoint.to_string();
        match &self.place {
            Place::File(path) => disk::replace(&FileSystem, path, text.as_bytes())?,
            Place::Remote(remote) => {
                let (status, _) = remote.send(Method::PUT, "", text).await?;
                if !status.is_success() {
                    return Err(RemoteError::Status(status).into());
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for MirrorSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Remote(remote) => remote.url.fmt(f),
        }
    }
}
