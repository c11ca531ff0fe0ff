// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::{KeyName, KeyPurpose, KeyService, KeysError, Realm};
use crate::base::{Secret, Tenant};

/// The longest pause between two questions to the key service.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// How long keys may serve that a key service has unwrapped; of several services, all have to
/// let theirs serve. Clones share it.
///
/// [`renew`](Self::renew) has one of them unwrapped again. While the service is away, the
/// keys serve until the lease that it granted last is over; when it says that the root key
/// does not open any more, it is over at once. It begins anew as soon as a key is unwrapped.
/// Time is monotonic: setting the clock back does not prolong it.
#[derive(Clone, Debug)]
pub struct Lease(Vec<Arc<Held>>);

#[derive(Debug)]
struct Held {
    service: Remembering,
    duration: Duration,
    standing: ArcSwap<Standing>,
}

#[derive(Debug)]
struct Standing {
    until: Instant,
    /// What the service said when it was asked last, if it did not unwrap.
    because: Option<String>,
}

/// Keys may not be used: the key service has been away for too long, or has withdrawn the
/// root key. Says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys do not serve any more: {0}")]
pub struct LeaseOver(String);

/// What became of a question to the key service.
#[derive(Debug)]
pub enum Renewal {
    /// The keys serve for the whole duration from now on. `was_over` if they had ceased to.
    Renewed { was_over: bool },
    /// They go on for as long as this.
    Away { error: KeysError, left: Duration },
    /// They do not serve.
    Over { error: KeysError },
}

impl Lease {
    /// For a root key that is at hand: there is nobody to ask.
    pub fn unlimited() -> Self {
        Self(Vec::new())
    }

    /// That of everything at once: it is over as soon as one of these is.
    pub fn all(leases: impl IntoIterator<Item = Self>) -> Self {
        Self(leases.into_iter().flat_map(|lease| lease.0).collect())
    }

    /// Begins when a keyset was opened by this service.
    pub(super) fn begin(service: Remembering, duration: Duration, now: Instant) -> Self {
        let standing = ArcSwap::from_pointee(Standing { until: now + duration, because: None });
        Self(vec![Arc::new(Held { service, duration, standing })])
    }

    /// # Errors
    /// [`LeaseOver`]: nothing may be sealed or opened.
    pub fn check(&self) -> Result<(), LeaseOver> {
        self.check_at(Instant::now())
    }

    fn check_at(&self, now: Instant) -> Result<(), LeaseOver> {
        self.0.iter().try_for_each(|held| held.check(now))
    }

    /// How long to wait before the key service is asked again; `None` if nobody is.
    pub fn interval(&self) -> Option<Duration> {
        self.0.iter().map(|held| (held.duration / 4).min(LONGEST_INTERVAL)).min()
    }

    /// How long the keys serve if nobody answers any more.
    pub fn left(&self) -> Option<Duration> {
        let now = Instant::now();
        self.0.iter().map(|held| held.standing.load().until.saturating_duration_since(now)).min()
    }

    /// Asks each key service once, and tells what became of the questions. It blocks. Does
    /// nothing for a root key at hand.
    pub fn renew(&self) -> Vec<Renewal> {
        self.0.iter().map(|held| held.renew_at(Instant::now)).collect()
    }
}

impl Held {
    fn check(&self, now: Instant) -> Result<(), LeaseOver> {
        let standing = self.standing.load();
        if now < standing.until {
            return Ok(());
        }
        let silence = "the key service does not answer";
        Err(LeaseOver(standing.because.as_deref().unwrap_or(silence).to_owned()))
    }

    fn renew_at(&self, now: impl Fn() -> Instant) -> Renewal {
        // The duration counts from the question, not from a late answer.
        let asked = now();
        let answer = self.service.unwrap_again();
        let until = self.standing.load().until;
        match answer {
            Ok(()) => {
                let was_over = until <= asked;
                let until = asked + self.duration;
                self.standing.store(Arc::new(Standing { until, because: None }));
                Renewal::Renewed { was_over }
            }
            Err(error) => {
                let until = if error.ends_lease() { until.min(asked) } else { until };
                let because = Some(error.to_string());
                self.standing.store(Arc::new(Standing { until, because }));
                match until.saturating_duration_since(now()) {
                    Duration::ZERO => Renewal::Over { error },
                    left => Renewal::Away { error, left },
                }
            }
        }
    }
}

#[cfg(test)]
impl Lease {
    fn renew_at(&self, now: impl Fn() -> Instant) -> Renewal {
        let [held] = &self.0[..] else { panic!("not one lease") };
        held.renew_at(now)
    }

    /// One that is over.
    pub fn over() -> Self {
        let service = super::MemoryKeyService::generate().expect("random bytes");
        Self::begin(Remembering::new(Box::new(service)), Duration::ZERO, Instant::now())
    }
}

/// A key service that knows which key it has unwrapped last, wrapped as it was.
pub(super) struct Remembering {
    service: Box<dyn KeyService>,
    last: Mutex<Option<Unwrapped>>,
}

#[derive(Clone)]
struct Unwrapped {
    tenant: Tenant,
    realm: Realm,
    purpose: KeyPurpose,
    version: u32,
    wrapped: Vec<u8>,
}

impl Remembering {
    pub(super) fn new(service: Box<dyn KeyService>) -> Self {
        Self { service, last: Mutex::default() }
    }

    /// Whether it still unwraps what it has unwrapped last.
    fn unwrap_again(&self) -> Result<(), KeysError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Unwrapped { tenant, realm, purpose, version, wrapped } =
            last.ok_or(KeysError::NotAuthentic)?;
        let name = KeyName { tenant: &tenant, realm: &realm, purpose, version };
        self.service.unwrap(&name, &wrapped).map(drop)
    }
}

impl KeyService for Remembering {
    fn wrap(&self, name: &KeyName<'_>, key: &Secret) -> Result<Vec<u8>, KeysError> {
        self.service.wrap(name, key)
    }

    fn unwrap(&self, name: &KeyName<'_>, wrapped: &[u8]) -> Result<Secret, KeysError> {
        let key = self.service.unwrap(name, wrapped)?;
        let KeyName { tenant, realm, purpose, version } = *name;
        let (tenant, realm, wrapped) = (tenant.clone(), realm.clone(), wrapped.to_vec());
        let unwrapped = Unwrapped { tenant, realm, purpose, version, wrapped };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(unwrapped);
        Ok(key)
    }
}

impl fmt::Debug for Remembering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remembering")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::MemoryKeyService;
    use crate::keys::tests::{check_service, sample_name};

    const HOUR: Duration = Duration::from_secs(3600);

    type Mood = fn() -> KeysError;

    /// Unwraps, unless it is told to fail.
    #[derive(Clone)]
    struct Moody {
        service: MemoryKeyService,
        mood: Arc<Mutex<Option<Mood>>>,
    }

    impl Moody {
        fn new() -> Self {
            Self { service: MemoryKeyService::generate().unwrap(), mood: Arc::default() }
        }

        fn fails(&self, error: Option<Mood>) {
            *self.mood.lock().unwrap() = error;
        }
    }

    impl KeyService for Moody {
        fn wrap(&self, name: &KeyName<'_>, key: &Secret) -> Result<Vec<u8>, KeysError> {
            self.service.wrap(name, key)
        }

        fn unwrap(&self, name: &KeyName<'_>, wrapped: &[u8]) -> Result<Secret, KeysError> {
            match *self.mood.lock().unwrap() {
                Some(error) => Err(error()),
                None => self.service.unwrap(name, wrapped),
            }
        }
    }

    fn away() -> KeysError {
        KeysError::Unavailable { service: "it".into(), problem: "gone fishing".into() }
    }

    fn withdrawn() -> KeysError {
        KeysError::Withdrawn { service: "it".into(), problem: "disabled".into() }
    }

    /// A lease of an hour, when it began, and the service that it is of.
    fn begun() -> (Lease, Instant, Moody) {
        let (moody, tenant, start) = (Moody::new(), "acme".into(), Instant::now());
        let service = Remembering::new(Box::new(moody.clone()));
        let name = sample_name(&tenant);
        let wrapped = service.wrap(&name, &Secret::new([7; 32])).unwrap();
        service.unwrap(&name, &wrapped).unwrap();
        (Lease::begin(service, HOUR, start), start, moody)
    }

    #[test]
    fn remembering_conforms() {
        let (moody, other) = (Moody::new(), Moody::new());
        check_service(|| Box::new(Remembering::new(Box::new(moody.clone()))), &other);
    }

    #[test]
    fn keys_serve_for_the_lease_while_the_service_is_away_and_then_no_more() {
        let (lease, start, moody) = begun();
        assert_eq!(lease.interval(), Some(LONGEST_INTERVAL));
        let almost = Duration::from_nanos(3_599_999_999_999);
        assert_eq!(lease.check_at(start + almost), Ok(()));

        // Each answer prolongs it.
        let renewal = lease.renew_at(|| start + HOUR / 2);
        assert!(matches!(renewal, Renewal::Renewed { was_over: false }));
        let end = start + HOUR / 2 + HOUR;
        moody.fails(Some(away));
        let renewal = lease.renew_at(|| start + HOUR);
        assert!(matches!(renewal, Renewal::Away { left, .. } if left == HOUR / 2), "{renewal:?}");
        assert_eq!(lease.check_at(start + HOUR / 2 + almost), Ok(()));
        let over = lease.check_at(end).unwrap_err().to_string();
        assert!(over.contains("do not serve") && over.contains("gone fishing"), "{over}");
        let renewal = lease.renew_at(|| end);
        assert!(matches!(renewal, Renewal::Over { .. }), "{renewal:?}");
        assert!(lease.check_at(end + HOUR).is_err());

        // It recovers by itself.
        moody.fails(None);
        let renewal = lease.renew_at(|| end + HOUR);
        assert!(matches!(renewal, Renewal::Renewed { was_over: true }), "{renewal:?}");
        assert_eq!(lease.check_at(end + HOUR), Ok(()));
    }

    #[test]
    fn a_root_key_that_is_withdrawn_ends_it_at_once() {
        let errors: [Mood; 3] = [withdrawn, || KeysError::WrongRootKey, || KeysError::NotAuthentic];
        for error in errors {
            let (lease, start, moody) = begun();
            moody.fails(Some(error));
            let renewal = lease.renew_at(|| start);
            assert!(matches!(renewal, Renewal::Over { .. }), "{renewal:?}");
            assert!(lease.check_at(start).is_err());
            // That it is away as well does not bring it back.
            moody.fails(Some(away));
            assert!(matches!(lease.renew_at(|| start), Renewal::Over { .. }));
            moody.fails(None);
            assert!(matches!(lease.renew_at(|| start), Renewal::Renewed { was_over: true }));
            assert_eq!(lease.check_at(start), Ok(()));
        }
    }

    #[test]
    fn a_service_that_never_answers_ends_it_too() {
        let (lease, start, _) = begun();
        let over = lease.check_at(start + HOUR).unwrap_err().to_string();
        assert!(over.contains("does not answer"), "{over}");
    }

    #[test]
    fn a_root_key_at_hand_has_none() {
        let lease = Lease::unlimited();
        assert_eq!((lease.check(), lease.interval(), lease.left()), (Ok(()), None, None));
        assert!(lease.renew().is_empty());
    }

    #[test]
    fn of_several_each_has_to_last() {
        let (house, start, _) = begun();
        let (other, _, moody) = begun();
        let both = Lease::all([Lease::unlimited(), house.clone(), other]);
        assert_eq!((both.check_at(start), both.interval()), (Ok(()), Some(LONGEST_INTERVAL)));
        moody.fails(Some(withdrawn));
        let renewals = both.renew();
        assert!(
            matches!(renewals[..], [Renewal::Renewed { .. }, Renewal::Over { .. }]),
            "{renewals:?}"
        );
        assert!(both.check().is_err() && both.left() == Some(Duration::ZERO));
        assert_eq!(house.check(), Ok(()));
    }
}
