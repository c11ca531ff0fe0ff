// SPDX-License-Identifier: Apache-2.0
//! The keys of a house that runs: had from their key service, waited for, asked about again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::admin::{Admin, AdminState, Readiness};
use crate::base::{Clock, SystemClock};
use crate::config::{Config, KeySettings};
use crate::keys::{Keyset, Lease, Renewal, open_leased};
use crate::telemetry::Metrics;

use super::{StartError, of_tenant};

/// Between the first two attempts; then it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A service that is back is found within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Opens the keyset. While its key service is away, or does not know us yet, the admin
/// listener says that the house lives and is not ready, and it is tried again.
///
/// Ending would make a supervisor start us anew, at pauses of its own: systemd gives up after
/// a few, Kubernetes waits for up to five minutes. What no waiting mends ends the start.
///
/// # Errors
/// [`StartError::Keys`] or [`StartError::OtherTenant`].
pub(super) async fn open(
    config: &Config,
    admin: &Admin,
    metrics: &Arc<Metrics>,
) -> Result<(Keyset, Lease), StartError> {
    let error = match attempt(&config.keys).await {
        Err(StartError::Keys(error)) if can_wait(&config.keys, &error) => error,
        opened => return opened.and_then(|it| right_tenant(config, it)),
    };
    let because = Arc::new(ArcSwap::from_pointee(error.to_string()));
    let state = Arc::new(AdminState {
        metrics: Arc::clone(metrics),
        readiness: waiting(Arc::clone(&because)),
        api: None,
    });
    let opened = admin.serve_during(state, async {
        let mut pause = FIRST_PAUSE;
        let mut error = error;
        loop {
            metrics.key_service_failed();
            let problem = chain(&error);
            tracing::warn!(
                problem,
                retry_after_seconds = pause.as_secs(),
                not_ready_at = %admin.address(),
                "the house is not open yet, because the keys cannot be had; it is tried again"
            );
            because.store(Arc::new(problem));
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
            error = match attempt(&config.keys).await {
                Err(StartError::Keys(error)) if can_wait(&config.keys, &error) => error,
                opened => return opened,
            };
        }
    });
    opened.await.and_then(|it| right_tenant(config, it))
}

/// The service is asked in a thread that may block.
async fn attempt(keys: &KeySettings) -> Result<(Keyset, Lease), StartError> {
    let KeySettings { service, keyset, lease } = keys.clone();
    let opened = tokio::task::spawn_blocking(move || open_leased(&keyset, &service, lease)).await;
    Ok(opened.map_err(|panicked| StartError::KeysPanicked(panicked.to_string()))??)
}

fn can_wait(keys: &KeySettings, error: &crate::keys::KeysError) -> bool {
    !keys.service.is_at_hand() && error.may_pass()
}

fn right_tenant(
    config: &Config,
    (keyset, lease): (Keyset, Lease),
) -> Result<(Keyset, Lease), StartError> {
    Ok((of_tenant(config, keyset)?, lease))
}

fn waiting(because: Arc<ArcSwap<String>>) -> Readiness {
    Readiness::new()
        .with("keys", move || std::future::ready(Err::<(), _>(because.load().to_string())))
}

/// An error with its causes, as one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Has the lease renewed for as long as it runs.
pub(super) async fn keep(lease: &Lease, metrics: &Metrics) -> Infallible {
    let Some(interval) = lease.interval() else { return std::future::pending().await };
    loop {
        show(lease, metrics);
        tokio::time::sleep(interval).await;
        let asked = lease.clone();
        match tokio::task::spawn_blocking(move || asked.renew()).await {
            Ok(renewal) => tell(&renewal, metrics),
            Err(error) => tracing::error!(%error, "asking the key service ended in a panic"),
        }
    }
}

/// Asks the key service now. It blocks.
pub(super) fn renew(lease: &Lease, metrics: &Metrics) {
    tell(&lease.renew(), metrics);
    show(lease, metrics);
}

fn tell(renewal: &Renewal, metrics: &Metrics) {
    match renewal {
        Renewal::Renewed { was_over: false } => {}
        Renewal::Renewed { was_over: true } => {
            tracing::info!("the key service unwraps keys again; requests are served");
        }
        Renewal::Away { error, left } => {
            metrics.key_service_failed();
            let (problem, seconds_left) = (chain(error), left.as_secs());
            tracing::warn!(
                problem,
                seconds_left,
                "the key service does not unwrap; the keys at hand serve until their lease is over"
            );
        }
        Renewal::Over { error } => {
            metrics.key_service_failed();
            let problem = chain(error);
            tracing::error!(
                problem,
                "the key service does not unwrap, and the lease of the keys is over; all requests \
                 are refused until it does"
            );
        }
    }
}

fn show(lease: &Lease, metrics: &Metrics) {
    if let Some(left) = lease.left() {
        metrics.keys_lease(SystemClock.now(), left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeysError;

    #[test]
    fn problems_are_told_with_their_causes() {
        let away = KeysError::Unavailable { service: "Vault".into(), problem: "gone".into() };
        let error = KeysError::Unopened { path: "keyset".into(), source: Box::new(away) };
        assert_eq!(chain(&error), "the keyset `keyset` cannot be opened: Vault is away: gone");
    }
}
