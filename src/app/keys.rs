// SPDX-License-Identifier: Apache-2.0
//! The keys of a house that runs: had from their key service, waited for, asked about again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::admin::{Admin, AdminState, Readiness};
use crate::base::{Clock, Jurisdiction, SystemClock};
use crate::config::{Config, KeySettings};
use crate::keys::{JurisdictionKeys, KeysError, Keyset, Lease, Renewal, leased};
use crate::telemetry::Metrics;

use super::{Keysets, StartError, of_tenant};

/// Between the first two attempts; then it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A service that is back is found within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Opens all keysets. Until their key services have answered, and while one of them is away or
/// does not know us yet, the admin listener says that the house lives and is not ready, and it is tried again.
///
/// Ending would make a supervisor start us anew, at pauses of its own: systemd gives up after
/// a few, Kubernetes waits for up to five minutes. What no waiting mends ends the start. The
/// lease is over as soon as that of one of them is.
///
/// # Errors
/// [`StartError::Keys`] or [`StartError::OtherTenant`].
pub(super) async fn open(
    config: &Config,
    admin: &Admin,
    metrics: &Arc<Metrics>,
) -> Result<(Keysets, Lease), StartError> {
    let places = Places { house: config.keys.clone(), jurisdictions: config.jurisdictions.clone() };
    let (keysets, lease) = wait(&places, admin, metrics).await?;
    of_tenant(&config.tenant, &config.keys, &keysets.house.tenant)?;
    for ((_, keys), opened) in config.jurisdictions.iter().zip(&keysets.jurisdictions) {
        of_tenant(&config.tenant, keys, &opened.tenant)?;
    }
    Ok((keysets, lease))
}

/// Where all keys are.
#[derive(Clone)]
struct Places {
    house: KeySettings,
    jurisdictions: Vec<(Jurisdiction, KeySettings)>,
}

/// Why keys do not open.
struct Unopened {
    error: KeysError,
    /// Whether it may pass.
    can_wait: bool,
}

async fn wait(
    places: &Places,
    admin: &Admin,
    metrics: &Arc<Metrics>,
) -> Result<(Keysets, Lease), StartError> {
    let silent = "the key service has not answered yet".to_owned();
    let because = Arc::new(ArcSwap::from_pointee(silent));
    let state = Arc::new(AdminState {
        metrics: Arc::clone(metrics),
        readiness: waiting(Arc::clone(&because)),
        api: None,
    });
    let opened = admin.serve_during(state, async {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match attempt(places).await? {
                Ok(opened) => return Ok(opened),
                Err(Unopened { error, can_wait: true }) => error,
                Err(Unopened { error, can_wait: false }) => return Err(StartError::Keys(error)),
            };
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
        }
    });
    opened.await
}

/// The services are asked in a thread that may block.
async fn attempt(places: &Places) -> Result<Result<(Keysets, Lease), Unopened>, StartError> {
    let places = places.clone();
    let opened = tokio::task::spawn_blocking(move || places.open()).await;
    opened.map_err(|panicked| StartError::KeysPanicked(panicked.to_string()))
}

impl Places {
    fn open(&self) -> Result<(Keysets, Lease), Unopened> {
        let unopened = |keys: &KeySettings, error: KeysError| {
            let can_wait = !keys.service.is_at_hand() && error.may_pass();
            Unopened { error, can_wait }
        };
        let KeySettings { service, keyset, lease } = &self.house;
        let (house, lease) = leased(service, *lease, |service| Keyset::open(keyset, service))
            .map_err(|error| unopened(&self.house, error))?;
        let (mut jurisdictions, mut leases) = (Vec::new(), vec![lease]);
        for (jurisdiction, keys) in &self.jurisdictions {
            let (opened, lease) = leased(&keys.service, keys.lease, |service| {
                JurisdictionKeys::open(&keys.keyset, service, jurisdiction)
            })
            .map_err(|error| unopened(keys, error))?;
            jurisdictions.push(opened);
            leases.push(lease);
        }
        Ok((Keysets { house, jurisdictions }, Lease::all(leases)))
    }
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
            Ok(renewals) => renewals.iter().for_each(|renewal| tell(renewal, metrics)),
            Err(error) => tracing::error!(%error, "asking the key service ended in a panic"),
        }
    }
}

/// Asks the key service now. It blocks.
pub(super) fn renew(lease: &Lease, metrics: &Metrics) {
    lease.renew().iter().for_each(|renewal| tell(renewal, metrics));
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::base::Secret;
    use crate::keys::{
        KeyFile, KeyName, KeyService, KeyServiceSettings, SecretSource, TransitSettings,
    };
    use crate::testkit::Scratch;

    /// What it wraps looks like a ciphertext of HashiCorp Vault, which that has to be asked about.
    struct AsText;

    impl KeyService for AsText {
        fn wrap(&self, _: &KeyName<'_>, key: &Secret) -> Result<Vec<u8>, KeysError> {
            let text = key.expose().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            Ok(format!("{REFERENCE}{text}").into_bytes())
        }

        fn unwrap(&self, _: &KeyName<'_>, wrapped: &[u8]) -> Result<Secret, KeysError> {
            let digits = std::str::from_utf8(&wrapped[REFERENCE.len()..]).unwrap();
            let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
            Ok(Secret::new((0..digits.len()).step_by(2).map(byte).collect::<Vec<u8>>()))
        }
    }

    /// Of another root key.
    const REFERENCE: &str = "elsewher";

    #[test]
    fn problems_are_told_with_their_causes() {
        let away = KeysError::Unavailable { service: "Vault".into(), problem: "gone".into() };
        let error = KeysError::Unopened { path: "keyset".into(), source: Box::new(away) };
        assert_eq!(chain(&error), "the keyset `keyset` cannot be opened: Vault is away: gone");
    }

    #[tokio::test]
    async fn a_house_is_not_ready_from_the_first_question_on() {
        // Takes questions, and never answers.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let scratch = Scratch::new();
        let [of_house, of_australia, at_hand, root] =
            ["house", "australia", "at hand", "root"].map(|name| scratch.file(name));
        let (tenant, australia) = ("acme".into(), "AU".into());
        let today = SystemClock.now().date();
        Keyset::create(&of_house, &AsText, &tenant, today).unwrap();
        JurisdictionKeys::create(&of_australia, &AsText, (&tenant, &australia), today).unwrap();
        Keyset::create(&at_hand, &KeyFile::create(&root).unwrap(), &tenant, today).unwrap();
        let service = KeyServiceSettings::VaultTransit(TransitSettings {
            url: format!("http://{}", silent.local_addr().unwrap()).parse().unwrap(),
            ca: None,
            namespace: None,
            mount: "transit".into(),
            key: "house".into(),
            token: SecretSource::Environment { name: "T".into(), value: Some(Secret::new("t")) },
        });
        let away = |keyset| {
            let (service, lease) = (service.clone(), Some(Duration::from_secs(60)));
            KeySettings { service, keyset, lease }
        };
        is_not_ready(&Places { house: away(of_house), jurisdictions: Vec::new() }).await;
        let service = KeyServiceSettings::File { path: root, passphrase: None };
        let house = KeySettings { service, keyset: at_hand, lease: None };
        let jurisdictions = vec![(australia, away(of_australia))];
        is_not_ready(&Places { house, jurisdictions }).await;
    }

    async fn is_not_ready(keys: &Places) {
        let admin = Admin::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let metrics = Arc::new(Metrics::new().unwrap());
        let ask = async |path: &str| {
            let mut stream = TcpStream::connect(admin.address()).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let asked = async { (ask("/healthz").await, ask("/readyz").await) };
        let (alive, ready) = tokio::select! {
            opened = wait(keys, &admin, &metrics) => panic!("{opened:?}"),
            answers = asked => answers,
        };
        assert!(alive.starts_with("HTTP/1.1 200"), "{alive}");
        assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("not answered yet"), "{ready}");
    }
}
