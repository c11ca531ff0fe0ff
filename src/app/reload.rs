// SPDX-License-Identifier: Apache-2.0

use std::path::PathBuf;
use std::sync::Arc;

use crate::admin::AdminState;
use crate::config::{Diagnostics, Loaded, Style, load_admin_keys, load_api_keys, load_policy};
use crate::proxy::Proxy;
use crate::telemetry::Reload;

use super::keys;
use super::upkeep::Upkeep;

/// What is read again on request.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    pub(super) policies: Vec<PathBuf>,
    pub(super) callers: Option<PathBuf>,
    pub(super) administrators: Option<PathBuf>,
    pub(super) email_domain: String,
}

/// Reads policies and callers again, and asks the key service. What does not compile leaves
/// what is in force.
#[derive(Clone, Debug)]
pub struct Reloader {
    pub(super) proxy: Arc<Proxy>,
    pub(super) admin: Arc<AdminState>,
    pub(super) sources: Sources,
    pub(super) upkeep: Upkeep,
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
        self.proxy.measure_bases();
        let policies: Vec<_> =
            self.proxy.upstreams.iter().map(|upstream| upstream.policy.load_full()).collect();
        self.upkeep.index_for(policies.iter().map(|policy| &**policy));
        if let Some(path) = &self.sources.callers {
            Self::reload_keys("callers", load_api_keys(path), |keys| {
                self.proxy.callers.replace_api_keys(keys);
            });
        }
        if let (Some(path), Some(api)) = (&self.sources.administrators, &self.admin.api) {
            Self::reload_keys("administrators", load_admin_keys(path), |keys| {
                api.administrators.replace(keys);
            });
        }
        // Last, because it may take as long as the key service likes.
        keys::renew(&self.proxy.lease, &self.proxy.metrics);
    }

    fn reload_keys<T>(
        whose: &str,
        loaded: Result<Loaded<T>, Diagnostics>,
        replace: impl FnOnce(T),
    ) {
        match loaded {
            Ok(loaded) => {
                replace(loaded.value);
                tracing::info!(whose, "the file of API keys was read again");
            }
            Err(problems) => {
                let problems = plain(&problems);
                tracing::error!(
                    whose,
                    problems,
                    "the changed API keys cannot be used; the old ones stay"
                );
            }
        }
    }
}

fn plain(problems: &Diagnostics) -> String {
    problems.render(Style::Plain)
}
