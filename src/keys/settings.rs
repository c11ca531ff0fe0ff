// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::files::Readers;
use super::lease::Remembering;
use super::{
    AwsKms, KeyFile, KeyService, KeyVariable, KeysError, KmsSettings, Lease, Pkcs11Settings,
    Pkcs11Token, SealedKeyFile, SecretSource, Transit, TransitSettings,
};
use crate::base::Secret;

/// Where the root key is, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyServiceSettings {
    /// A file of ours, sealed if there is a passphrase.
    File {
        path: PathBuf,
        passphrase: Option<SecretSource>,
    },
    /// An environment variable, as it was when the configuration was read.
    Environment {
        name: String,
        value: Option<Secret>,
    },
    VaultTransit(TransitSettings),
    AwsKms(KmsSettings),
    Pkcs11(Pkcs11Settings),
}

impl KeyServiceSettings {
    /// The service that wraps and unwraps with this root key. One that is a service or
    /// device is not asked anything yet.
    ///
    /// # Errors
    /// What keeps the root key or the secrets for it from being read.
    pub fn open(&self) -> Result<Box<dyn KeyService>, KeysError> {
        Ok(match self {
            Self::File { path, passphrase: None } => Box::new(KeyFile::open(path)?),
            Self::File { path, passphrase: Some(source) } => {
                Box::new(SealedKeyFile::open(path, &source.read(Readers::OwnerOnly)?)?)
            }
            Self::Environment { name, value } => Box::new(KeyVariable::open(name, value.as_ref())?),
            Self::VaultTransit(settings) => Box::new(Transit::new(settings.clone())),
            Self::AwsKms(settings) => Box::new(AwsKms::new(settings.clone())),
            Self::Pkcs11(settings) => Box::new(Pkcs11Token::new(settings.clone())),
        })
    }

    /// As [`open`](Self::open), where a root key is made first if it is a file of ours that
    /// is not there.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and of writing the file.
    pub fn open_or_create(&self) -> Result<Box<dyn KeyService>, KeysError> {
        match self {
            Self::File { path, passphrase } if !path.exists() => Ok(match passphrase {
                None => Box::new(KeyFile::create(path)?),
                Some(source) => {
                    Box::new(SealedKeyFile::create(path, &source.read(Readers::OwnerOnly)?)?)
                }
            }),
            _ => self.open(),
        }
    }

    /// Whether the root key is read once, and nobody has to be asked for it.
    pub fn is_at_hand(&self) -> bool {
        matches!(self, Self::File { .. } | Self::Environment { .. })
    }
}

/// Opens keys for a house that runs, with the lease that begins now. `lease` is how long they
/// serve while the service is away; a root key at hand has none.
///
/// # Errors
/// Those of `open`, and of opening the service.
pub fn leased<K>(
    settings: &KeyServiceSettings,
    lease: Option<Duration>,
    open: impl FnOnce(&dyn KeyService) -> Result<K, KeysError>,
) -> Result<(K, Lease), KeysError> {
    let service = Remembering::new(settings.open()?);
    let now = Instant::now();
    let opened = open(&service)?;
    let lease = lease.map_or_else(Lease::unlimited, |lease| Lease::begin(service, lease, now));
    Ok((opened, lease))
}
