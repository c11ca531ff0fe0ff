// SPDX-License-Identifier: Apache-2.0
//! The composition root: a configuration becomes a running house.

mod keys;
mod keysets;
mod reload;
mod stores;
mod upkeep;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, watch};

use crate::admin::{Admin, AdminError, AdminState, Api, Readiness};
use crate::base::{InstanceName, SystemClock, Tenant};
use crate::caller::{ApiKeys, CallerSetupError, Callers, KeyKind};
use crate::config::{Config, UpstreamSettings, VaultPlace};
use crate::keys::{KeysError, Lease};
use crate::listener::{Listener, ListenerError};
use crate::postgres::PostgresError;
use crate::protect::Protectors;
use crate::proxy::{self, BufferBudget, Memory, Proxy, Spools, Upstream};
use crate::quarantine::Quarantine;
use crate::route::{RouteError, Routes};
use crate::sqlite::DatabaseError;
use crate::subject::{Subjects, Vocabulary};
use crate::telemetry::{MeasuredLog, MeasuredStore, Metrics, Place};
use crate::transfer_log::note::InvalidKey;
use crate::transfer_log::read::{LogDirectory, ReadError};
use crate::transfer_log::stream::{
    self, DirectoryTail, Meter, Source, StreamSetupError, Streams, Tail,
};
use crate::transfer_log::{DirectoryLog, DirectorySettings, OpenError, TransferLog};
use crate::upstream::{UpstreamClient, UpstreamSetupError};
use crate::vault::{Vault, VaultError};

use keysets::of_tenant;
pub use keysets::{Keysets, open_jurisdiction, open_keyset, open_keysets};
pub use reload::Reloader;
use reload::Sources;
pub use stores::Stores;
use upkeep::Upkeep;

/// Why the house does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error("opening the keys ended in a panic: {0}")]
    KeysPanicked(String),
    #[error(
        "the keyset {} belongs to tenant `{found}`, the configuration names `{expected}`",
        path.display()
    )]
    OtherTenant { path: PathBuf, found: Tenant, expected: Tenant },
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    TransferLog(#[from] OpenError),
    #[error("`transfer_log.origin` cannot name a key")]
    Origin(#[from] InvalidKey),
    #[error(transparent)]
    TransferLogRead(#[from] ReadError),
    #[error("`{path}`, where streams of the transfer log keep their place, cannot be made")]
    Cursors { path: PathBuf, source: std::io::Error },
    #[error("a stream of the transfer log cannot be started")]
    Streams(#[from] StreamSetupError),
    #[error(transparent)]
    Callers(#[from] CallerSetupError),
    #[error("upstream `{name}`")]
    Upstream {
        name: String,
        #[source]
        source: UpstreamSetupError,
    },
    #[error("the routes of the upstreams: {0}")]
    Routes(#[from] RouteError),
    #[error(transparent)]
    Listener(#[from] ListenerError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error("the metrics cannot be set up: {0}")]
    Metrics(String),
}

/// A house whose doors are there, but not open yet.
#[derive(Debug)]
pub struct App {
    proxy: Arc<Proxy>,
    listener: Listener,
    admin: Admin,
    state: Arc<AdminState>,
    sources: Sources,
    streams: Arc<Streams>,
    upkeep: Upkeep,
}

impl App {
    /// Opens stores and binds sockets. Waits for a key service that is away, while the admin
    /// listener says so.
    ///
    /// # Errors
    /// [`StartError`]: the first thing that does not work.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let metrics = Metrics::new().map_err(|error| StartError::Metrics(error.to_string()))?;
        let metrics = Arc::new(metrics);
        let admin = Admin::bind(config.admin.bind).await?;
        let (Keysets { house: keyset, jurisdictions }, lease) =
            keys::open(&config, &admin, &metrics).await?;
        let stores = Stores::open(&config.vault, &config.tenant).await?;
        let store = Arc::new(MeasuredStore::new(stores.tokens, Arc::clone(&metrics)));
        let vault = Vault::new(store, &keyset)
            .with_jurisdictions(&jurisdictions)
            .with_cache(config.vault.cache_for_rows());
        let upkeep = Upkeep::new(vault.clone(), lease.clone(), Arc::clone(&metrics));
        upkeep.index_for(config.upstreams.iter().map(|upstream| &upstream.policy));
        upkeep.begin().await?;
        let subjects = Subjects::new(stores.subjects, &keyset);
        let quarantine = Quarantine::new(stores.quarantine, &keyset);
        let clock = Arc::new(SystemClock);
        let origin = &config.transfer_log.origin;
        let signers = keyset.log_signers(origin)?;
        let log = DirectoryLog::open(
            &config.transfer_log,
            signers,
            Arc::clone(&clock) as _,
            Arc::clone(&metrics),
        )
        .await?;
        let streams = streams(&config, &log, &metrics)?;
        let log: Arc<dyn TransferLog> =
            Arc::new(MeasuredLog::new(Arc::new(log), Arc::clone(&metrics)));
        let log: Arc<dyn TransferLog> = Arc::new(streams.guard(log));
        let streams = Arc::new(streams);
        let callers =
            Callers::new(config.callers, keyset.caller_mac.clone(), Arc::clone(&clock) as _)
                .await?;
        let routes = config.upstreams.iter().map(|upstream| upstream.route.clone()).collect();
        let routes = Routes::new(routes)?;
        let (administrators_file, administrators) = config.admin.api_keys.unzip();
        let sources = Sources {
            policies: config
                .upstreams
                .iter()
                .map(|upstream| upstream.policy_path.clone())
                .collect(),
            callers: config.callers_file,
            administrators: administrators_file,
            email_domain: config.email_domain.clone(),
        };
        let upstreams: Vec<_> =
            config.upstreams.into_iter().map(upstream).collect::<Result<_, _>>()?;
        let api = administrators.map(|keys| Api {
            administrators: ApiKeys::new(KeyKind::Admin, keyset.caller_mac.clone(), keys),
            subjects: subjects.clone(),
            vocabulary: vocabulary(upstreams.clone()),
            clock: Arc::clone(&clock) as _,
            metrics: Arc::clone(&metrics),
            lease: lease.clone(),
        });
        let state = Arc::new(AdminState {
            metrics: Arc::clone(&metrics),
            readiness: readiness(&vault, &log, &streams, &lease),
            api,
        });
        let budget = |place, bytes| BufferBudget::new(place, bytes, Arc::clone(&metrics));
        let directory = spools(&config.vault.place, &config.transfer_log.directory);
        let proxy = Arc::new(Proxy {
            memory: Memory::default(),
            instance: InstanceName::new(origin),
            callers,
            routes,
            upstreams,
            protectors: Protectors::new(vault, &keyset, &config.email_domain)
                .reporting_to(Arc::clone(&metrics)),
            subjects,
            quarantine,
            vault_region: config.vault.region,
            transfer_log: log,
            metrics: Arc::clone(&metrics),
            limits: config.limits,
            budget: budget(Place::Memory, config.limits.max_buffered_bytes),
            spools: Spools::new(directory, budget(Place::Disk, config.limits.max_spooled_bytes)),
            slots: Arc::new(Semaphore::new(config.limits.max_concurrent_requests)),
            clock,
            lease,
        });
        proxy.measure_bases();
        let listener = Listener::bind(config.listener).await?.counted_by(metrics);
        Ok(Self { proxy, listener, admin, state, sources, streams, upkeep })
    }

    /// Where callers reach us.
    pub fn address(&self) -> std::net::SocketAddr {
        self.listener.local_addr()
    }

    pub fn admin_address(&self) -> std::net::SocketAddr {
        self.admin.address()
    }

    /// The way to have policies and callers read again while the house runs.
    pub fn reloader(&self) -> Reloader {
        Reloader {
            proxy: Arc::clone(&self.proxy),
            admin: Arc::clone(&self.state),
            sources: self.sources.clone(),
            upkeep: self.upkeep.clone(),
        }
    }

    /// Serves until `shutdown`; requests in flight then end within the drain time.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { proxy, listener, admin, state, streams: _streams, upkeep, .. } = self;
        let (stop, mut stopped) = watch::channel(false);
        let admin = tokio::spawn(admin.serve(Arc::clone(&state), async move {
            // The sender lives until the listener has ended.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        }));
        let shutdown = async {
            shutdown.await;
            state.readiness.start_draining();
            tracing::info!("draining");
        };
        tokio::select! {
            () = listener.serve(proxy::service(Arc::clone(&proxy)), shutdown) => {}
            never = forget(&proxy) => match never {},
            never = upkeep.run() => match never {},
            never = keys::keep(&proxy.lease, &proxy.metrics) => match never {},
        }
        proxy.settled().await;
        stop.send_replace(true);
        let _ = admin.await;
        tracing::info!("ended");
    }
}

/// Deletes rows of bulk uploads whose time is over, from the start on and as long as it runs.
async fn forget(proxy: &Proxy) -> Infallible {
    loop {
        if let Err(error) = proxy.quarantine.forget(proxy.clock.now()).await {
            tracing::warn!(%error, "rows of bulk uploads whose time is over are still kept");
        }
        tokio::time::sleep(Duration::from_secs(60 * 60)).await;
    }
}

/// Where parts of long bodies wait: beside what is kept of the same values for good, or
/// beside the log, where that is elsewhere.
fn spools(vault: &VaultPlace, log: &Path) -> PathBuf {
    let beside = match vault {
        VaultPlace::Sqlite(path) => path,
        VaultPlace::Postgres(_) => log,
    };
    beside.parent().map(Path::to_owned).unwrap_or_default()
}

/// The words of the policies that are in force when it is asked for.
fn vocabulary(upstreams: Vec<Arc<Upstream>>) -> Box<dyn Fn() -> Vocabulary + Send + Sync> {
    Box::new(move || {
        let policies: Vec<_> = upstreams.iter().map(|upstream| upstream.policy.load()).collect();
        Vocabulary::of(policies.iter().map(|policy| &***policy))
    })
}

fn upstream(settings: UpstreamSettings) -> Result<Arc<Upstream>, StartError> {
    let client = UpstreamClient::new(&settings.client)
        .map_err(|source| StartError::Upstream { name: settings.name.to_string(), source })?;
    Ok(Arc::new(Upstream {
        name: settings.name,
        region: settings.region,
        dialect: settings.dialect,
        policy: ArcSwap::from_pointee(settings.policy),
        origin: settings.client.url.to_string().trim_end_matches('/').to_owned(),
        client,
        public_url: settings.public_url,
        mode: settings.mode,
        read_timeout: settings.client.read_timeout,
        total_timeout: settings.total_timeout,
    }))
}

/// Sends what the log holds on to where the configuration says.
fn streams(
    config: &Config,
    log: &DirectoryLog,
    metrics: &Arc<Metrics>,
) -> Result<Streams, StartError> {
    let DirectorySettings { directory, origin, .. } = &config.transfer_log;
    let cursors = directory.join("streams");
    std::fs::create_dir_all(&cursors)
        .map_err(|source| StartError::Cursors { path: cursors.clone(), source })?;
    let tail = DirectoryTail::new(LogDirectory::open(directory)?, log.durable());
    let tail: Arc<dyn Tail> = Arc::new(tail);
    let source = Source { origin: origin.into(), instance: InstanceName::new(origin) };
    let meter: Arc<dyn Meter> = Arc::clone(metrics) as _;
    Ok(stream::start(&config.streams, &cursors, &source, &tail, &meter)?)
}

fn readiness(
    vault: &Vault,
    log: &Arc<dyn TransferLog>,
    streams: &Arc<Streams>,
    lease: &Lease,
) -> Readiness {
    let lease = lease.clone();
    let (vault, log, streams) = (vault.clone(), Arc::clone(log), Arc::clone(streams));
    Readiness::new()
        .with("vault", move || {
            let vault = vault.clone();
            async move { vault.health().await }
        })
        .with("transfer_log", move || std::future::ready(log.health()))
        .with("transfer_log_streams", move || std::future::ready(streams.health()))
        .with("keys", move || std::future::ready(lease.check()))
}
