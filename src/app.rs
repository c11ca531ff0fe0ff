// SPDX-License-Identifier: Apache-2.0
//! The composition root: a configuration becomes a running house.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, watch};

use crate::admin::{Admin, AdminError, AdminState, Readiness};
use crate::base::{InstanceName, SystemClock, Tenant};
use crate::caller::{CallerSetupError, Callers};
use crate::config::{Config, Diagnostics, Style, UpstreamSettings, load_api_keys, load_policy};
use crate::keys::{KeyFile, KeysError, Keyset};
use crate::listener::{Listener, ListenerError};
use crate::protect::Protectors;
use crate::proxy::{self, BufferBudget, Proxy, Upstream};
use crate::route::{RouteError, Routes};
use crate::telemetry::{MeasuredLog, MeasuredStore, Metrics, Reload};
use crate::transfer_log::TransferLog;
use crate::transfer_log::jsonl::{JsonLinesError, JsonLinesLog};
use crate::upstream::{UpstreamClient, UpstreamSetupError};
use crate::vault::{SqliteStore, Vault, VaultError};

/// Why the house does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(
        "the keyset {} belongs to tenant `{found}`, the configuration names `{expected}`",
        path.display()
    )]
    OtherTenant { path: PathBuf, found: Tenant, expected: Tenant },
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    TransferLog(#[from] JsonLinesError),
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
}

/// What is read again on request.
#[derive(Clone, Debug)]
struct Sources {
    policies: Vec<PathBuf>,
    callers: Option<PathBuf>,
    email_domain: String,
}

impl App {
    /// Opens stores and binds sockets.
    ///
    /// # Errors
    /// [`StartError`]: the first thing that does not work.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let metrics = Metrics::new().map_err(|error| StartError::Metrics(error.to_string()))?;
        let metrics = Arc::new(metrics);
        let keyset = Keyset::open(&config.keys.keyset, &KeyFile::open(&config.keys.file)?)?;
        if keyset.tenant != config.tenant {
            return Err(StartError::OtherTenant {
                path: config.keys.keyset,
                found: keyset.tenant,
                expected: config.tenant,
            });
        }
        let store = Arc::new(SqliteStore::open(&config.vault, &config.tenant)?);
        let store = Arc::new(MeasuredStore::new(store, Arc::clone(&metrics)));
        let vault = Vault::new(store, &keyset);
        let log = Arc::new(JsonLinesLog::open(&config.transfer_log)?);
        let log: Arc<dyn TransferLog> = Arc::new(MeasuredLog::new(log, Arc::clone(&metrics)));
        let clock = Arc::new(SystemClock);
        let callers =
            Callers::new(config.callers, keyset.caller_mac.clone(), Arc::clone(&clock) as _)
                .await?;
        let routes = config.upstreams.iter().map(|upstream| upstream.route.clone()).collect();
        let routes = Routes::new(routes)?;
        let sources = Sources {
            policies: config
                .upstreams
                .iter()
                .map(|upstream| upstream.policy_path.clone())
                .collect(),
            callers: config.callers_file,
            email_domain: config.email_domain.clone(),
        };
        let upstreams = config.upstreams.into_iter().map(upstream).collect::<Result<_, _>>()?;
        let state = Arc::new(AdminState {
            metrics: Arc::clone(&metrics),
            readiness: readiness(&vault, &log),
        });
        let proxy = Arc::new(Proxy {
            instance: InstanceName::new(config.tenant.as_str()),
            callers,
            routes,
            upstreams,
            protectors: Protectors::new(vault, &keyset, &config.email_domain),
            transfer_log: log,
            metrics: Arc::clone(&metrics),
            limits: config.limits,
            budget: BufferBudget::new(config.limits.max_buffered_bytes, Arc::clone(&metrics)),
            slots: Arc::new(Semaphore::new(config.limits.max_concurrent_requests)),
            clock,
        });
        let listener = Listener::bind(config.listener).await?.counted_by(metrics);
        let admin = Admin::bind(config.admin).await?;
        Ok(Self { proxy, listener, admin, state, sources })
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
        Reloader { proxy: Arc::clone(&self.proxy), sources: self.sources.clone() }
    }

    /// Serves until `shutdown`; requests in flight then end within the drain time.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { proxy, listener, admin, state, .. } = self;
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
        listener.serve(proxy::service(Arc::clone(&proxy)), shutdown).await;
        proxy.settled().await;
        stop.send_replace(true);
        let _ = admin.await;
        tracing::info!("ended");
    }
}

/// Reads policies and callers again. What does not compile leaves what is in force.
#[derive(Clone, Debug)]
pub struct Reloader {
    proxy: Arc<Proxy>,
    sources: Sources,
}

impl Reloader {
    pub fn reload(&self) {
        for (upstream, path) in self.proxy.upstreams.iter().zip(&self.sources.policies) {
            let name = &upstream.name;
            let loaded = load_policy(path, &*upstream.dialect, &self.sources.email_domain);
            let result = match loaded {
                Ok(loaded) => {
                    let digest = loaded.value.digest;
                    upstream.policy.store(Arc::new(loaded.value));
                    tracing::info!(upstream = %name, policy = %digest, "the policy was read again");
                    Reload::Applied
                }
                Err(problems) => {
                    let problems = plain(&problems);
                    tracing::error!(upstream = %name, problems, "the changed policy does not compile; the old one stays in force");
                    Reload::Rejected
                }
            };
            self.proxy.metrics.policy_reload(name, result);
        }
        let Some(path) = &self.sources.callers else { return };
        match load_api_keys(path) {
            Ok(loaded) => {
                self.proxy.callers.replace_api_keys(loaded.value);
                tracing::info!("the callers were read again");
            }
            Err(problems) => {
                let problems = plain(&problems);
                tracing::error!(problems, "the changed callers cannot be used; the old ones stay");
            }
        }
    }
}

fn plain(problems: &Diagnostics) -> String {
    problems.render(Style::Plain)
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

fn readiness(vault: &Vault, log: &Arc<dyn TransferLog>) -> Readiness {
    let (vault, log) = (vault.clone(), Arc::clone(log));
    Readiness::new()
        .with("vault", move || {
            let vault = vault.clone();
            async move { vault.health().await }
        })
        .with("transfer_log", move || std::future::ready(log.health()))
}
