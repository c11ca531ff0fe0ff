// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

/// A check that has not answered by then has failed.
const CHECK_TIME: Duration = Duration::from_secs(2);

type Check =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// Whether requests are taken now, and if not, why.
pub struct Readiness {
    checks: Vec<(&'static str, Check)>,
    patience: Duration,
    is_draining: AtomicBool,
}

impl Readiness {
    pub fn new() -> Self {
        Self::with_patience(CHECK_TIME)
    }

    pub(super) fn with_patience(patience: Duration) -> Self {
        Self { checks: Vec::new(), patience, is_draining: AtomicBool::new(false) }
    }

    /// Adds something that must be well. What it reports is for operators and
    /// holds no value. At most two seconds are waited for it.
    #[must_use]
    pub fn with<F, R, E>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        let check: Check = Box::new(move || {
            let check = check();
            Box::pin(async move { check.await.map_err(|error| error.to_string()) })
        });
        self.checks.push((name, check));
        self
    }

    /// From now on nothing is ready, so that load balancers send no more requests.
    pub fn start_draining(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Asks everything at once.
    ///
    /// # Errors
    /// A line of JSON for each thing that is not ready:
    /// `{"not_ready":"vault","because":"…"}`.
    pub(super) async fn check(&self) -> Result<(), String> {
        let checks = self.checks.iter().map(|(name, check)| async move {
            let result = tokio::time::timeout(self.patience, check()).await;
            let because = match result {
                Ok(Ok(())) => return None,
                Ok(Err(because)) => because,
                Err(_) => "it does not answer in time".to_owned(),
            };
            Some(line(name, &because))
        });
        let mut lines: String = join_all(checks).await.into_iter().flatten().collect();
        if self.is_draining.load(Ordering::Relaxed) {
            lines.push_str(&line("process", "it is draining"));
        }
        if lines.is_empty() { Ok(()) } else { Err(lines) }
    }
}

fn line(name: &str, because: &str) -> String {
    format!("{}\n", serde_json::json!({ "not_ready": name, "because": because }))
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.checks.iter().map(|(name, _)| name).collect();
        f.debug_struct("Readiness")
            .field("checks", &names)
            .field("is_draining", &self.is_draining)
            .finish_non_exhaustive()
    }
}
