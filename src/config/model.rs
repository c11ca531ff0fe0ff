// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Jurisdiction, PrincipalName, Region, Tenant, UpstreamName};
use crate::caller::{ApiKey, CallersConfig};
use crate::crm::Dialect;
use crate::keys::KeyServiceSettings;
use crate::listener::ListenerConfig;
use crate::policy::Policy;
use crate::postgres::PostgresSettings;
use crate::proxy::{Mode, RequestLimits};
use crate::route::Route;
use crate::telemetry::LogFormat;
use crate::transfer_log::DirectorySettings;
use crate::transfer_log::stream::StreamConfig;
use crate::upstream::UpstreamConfig;

/// Everything that `zollhaus.yaml` and the files it names say. Paths are complete.
#[derive(Clone, Debug)]
pub struct Config {
    pub tenant: Tenant,
    pub listener: ListenerConfig,
    pub admin: AdminSettings,
    pub upstreams: Vec<UpstreamSettings>,
    pub callers: CallersConfig,
    /// The file that `callers.api_keys` was read from.
    pub callers_file: Option<PathBuf>,
    pub keys: KeySettings,
    /// Keysets of jurisdictions; where several are those of one person, the first is.
    pub jurisdictions: Vec<(Jurisdiction, KeySettings)>,
    pub vault: VaultSettings,
    pub transfer_log: DirectorySettings,
    /// Where entries of the log are sent.
    pub streams: Vec<StreamConfig>,
    /// What stands behind the `@` of surrogates.
    pub email_domain: String,
    pub limits: RequestLimits,
    pub log: LogSettings,
}

/// One upstream with its policy.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    pub name: UpstreamName,
    pub region: Region,
    pub dialect: Arc<dyn Dialect>,
    pub client: UpstreamConfig,
    /// Its `upstream` is this upstream's place in [`Config::upstreams`].
    pub route: Route,
    /// What callers use to reach this upstream, prefix included, without a slash
    /// at the end; `None` when every request says so itself.
    pub public_url: Option<String>,
    pub policy_path: PathBuf,
    pub policy: Policy,
    pub mode: Mode,
    /// From the sending of a request to the end of its answer.
    pub total_timeout: Duration,
}

#[derive(Clone, Debug)]
pub struct AdminSettings {
    pub bind: SocketAddr,
    /// Who may use the admin API, and the file that they were read from; `None` when
    /// there is no such API.
    pub api_keys: Option<(PathBuf, Vec<ApiKey<PrincipalName>>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultSettings {
    pub place: VaultPlace,
    /// What is held of it in memory, in bytes.
    pub cache: usize,
    /// Where it is kept; needed where a law keeps values in a place.
    pub region: Option<Region>,
}

impl VaultSettings {
    /// What of the cache is for rows that were opened lately; all of it where the rest is a
    /// server's own.
    pub fn cache_for_rows(&self) -> usize {
        match self.place {
            VaultPlace::Sqlite(_) => self.cache / 4,
            VaultPlace::Postgres(_) => self.cache,
        }
    }

    /// What of it is for pages of the file.
    pub fn cache_for_pages(&self) -> usize {
        self.cache - self.cache_for_rows()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultPlace {
    /// The SQLite file of one process.
    Sqlite(PathBuf),
    /// A database that several share.
    Postgres(PostgresSettings),
}

impl fmt::Display for VaultPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(settings) => settings.fmt(f),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySettings {
    pub service: KeyServiceSettings,
    pub keyset: PathBuf,
    /// How long keys serve while the key service is away; `None` for a root key at hand.
    pub lease: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
}
