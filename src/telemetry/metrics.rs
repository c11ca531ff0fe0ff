// SPDX-License-Identifier: Apache-2.0

use std::time::Duration;

use prometheus::process_collector::ProcessCollector;
use prometheus::{IntGauge, Registry, TextEncoder};

use crate::base::{
    Choice, OperationName, Purpose, RefusalCode, Role, Side, Timestamp, UpstreamName,
};
use crate::border::Basis;
use crate::transfer_log::stream::{Loss, Meter};
use crate::transfer_log::{FieldCount, Revealed};
use crate::upstream::UpstreamError;

use super::Alarm;
use super::table::Families;

/// What a label says where there is no name to say.
const NONE: &str = "none";

/// Every metric of the process, in a registry of its own. [`table()`](super::table())
/// says what each means.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: Families,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    /// With the upstream's own answer, whatever its status.
    Answered,
    Refused(RefusalCode),
}

/// Where bodies are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Memory,
    Disk,
}

/// Why a connection was closed before its first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedConnection {
    /// The TLS handshake failed or took too long.
    Handshake,
}

/// What became of a changed policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    Applied,
    /// It does not compile; the old one stays.
    Rejected,
}

impl Metrics {
    /// # Errors
    /// Only when two metrics of the table have one name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let families = Families::register(&registry)?;
        families.build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        // Known beforehand, so that their first increment is seen as one.
        for code in RefusalCode::ALL {
            families.refusals.with_label_values(&[code.as_str()]);
        }
        for alarm in Alarm::ALL {
            families.surrogate_alarms.with_label_values(&[alarm.as_str()]);
        }
        Ok(Self { registry, families })
    }

    /// All metrics in the Prometheus text format 0.0.4.
    ///
    /// # Errors
    /// When the encoder does not accept a metric; then there is no partial text.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    /// A request has ended, after this time on the road if it took the road. Also
    /// counts the refusal, if it was one.
    pub fn request(
        &self,
        upstream: Option<&UpstreamName>,
        operation: Option<&OperationName>,
        outcome: RequestOutcome,
        duration: Option<Duration>,
    ) {
        let upstream = upstream.map_or(NONE, UpstreamName::as_str);
        let operation = operation.map_or(NONE, OperationName::as_str);
        self.families.requests.with_label_values(&[upstream, operation, outcome.as_str()]).inc();
        if let Some(duration) = duration {
            let durations = self.families.request_duration.with_label_values(&[upstream]);
            durations.observe(duration.as_secs_f64());
        }
        if let RequestOutcome::Refused(code) = outcome {
            self.families.refusals.with_label_values(&[code.as_str()]).inc();
        }
    }

    /// Counts a request in flight for as long as what it returns lives.
    pub fn request_in_flight(&self) -> Held {
        Held::new(&self.families.requests_in_flight, 1)
    }

    /// Counts bytes of bodies for as long as what it returns lives.
    pub fn held(&self, place: Place, bytes: usize) -> Held {
        let gauge = match place {
            Place::Memory => &self.families.buffered_bytes,
            Place::Disk => &self.families.spooled_bytes,
        };
        Held::new(gauge, i64::try_from(bytes).unwrap_or(i64::MAX))
    }

    /// What the vault holds that is not as keys and policies say, and how many keys of data
    /// subjects stay closed.
    pub fn vault_due(&self, rows: u64, categories: usize, closed: u64) {
        let families = &self.families;
        families.vault_keys_closed.set(i64::try_from(closed).unwrap_or(i64::MAX));
        families.vault_rows_under_older_keys.set(i64::try_from(rows).unwrap_or(i64::MAX));
        families.vault_categories_not_indexed.set(i64::try_from(categories).unwrap_or(i64::MAX));
    }

    /// What the upkeep of the vault had to leave as it is.
    pub fn vault_unopened(&self, rows: u64) {
        self.families.vault_rows_unopened.set(i64::try_from(rows).unwrap_or(i64::MAX));
    }

    /// `observe` mode let a request pass that was not inspected.
    pub fn uninspected_request(&self, upstream: &UpstreamName) {
        self.families.uninspected_requests.with_label_values(&[upstream.as_str()]).inc();
    }

    /// The bases of the borders are these, in the place of those before.
    pub fn bases<'b>(&self, bases: impl Iterator<Item = (&'b UpstreamName, &'b Basis)>) {
        self.families.basis_end.reset();
        for (upstream, basis) in bases {
            let Some(until) = basis.window.until else { continue };
            // The last day counts to its end.
            let end = i64::from(until.days() + 1) * 86_400;
            let labels = [upstream.as_str(), basis.name.as_str()];
            self.families.basis_end.with_label_values(&labels).set(end);
        }
    }

    /// What happened to a field on the way out, as the transfer log has it.
    pub fn occurrences(&self, upstream: &UpstreamName, field: &FieldCount) {
        let category = field.category.as_ref().map_or(NONE, |category| category.as_str());
        let reason = field.reason.as_deref().unwrap_or(NONE);
        self.families
            .occurrences
            .with_label_values(&[upstream.as_str(), category, &field.protection, reason])
            .inc_by(field.count.into());
    }

    /// What was shown of a field, as the transfer log has it.
    pub fn reveal(&self, revealed: &Revealed) {
        let role = revealed.role.as_ref().map_or(NONE, Role::as_str);
        let found_clear = if revealed.found_clear { "true" } else { "false" };
        self.families
            .reveals
            .with_label_values(&[
                revealed.category.as_str(),
                role,
                revealed.reveal.as_str(),
                found_clear,
            ])
            .inc_by(revealed.count.into());
    }

    /// So many surrogates of a message are a reason for an alarm.
    pub fn alarm(&self, alarm: Alarm, count: usize) {
        let alarms = self.families.surrogate_alarms.with_label_values(&[alarm.as_str()]);
        alarms.inc_by(count as u64);
    }

    /// The head of an upstream's answer has come, or will not.
    pub fn upstream<T>(
        &self,
        upstream: &UpstreamName,
        result: &Result<T, UpstreamError>,
        duration: Duration,
    ) {
        let upstream = upstream.as_str();
        let kind = match result {
            Ok(_) => {
                let durations = self.families.upstream_duration.with_label_values(&[upstream]);
                return durations.observe(duration.as_secs_f64());
            }
            Err(UpstreamError::Unreachable(_)) => "unreachable",
            Err(UpstreamError::BrokenOff(_)) => "broken_off",
            Err(UpstreamError::TimedOut) => "timed_out",
        };
        self.families.upstream_errors.with_label_values(&[upstream, kind]).inc();
    }

    pub fn policy_reload(&self, upstream: &UpstreamName, reload: Reload) {
        let result = match reload {
            Reload::Applied => "applied",
            Reload::Rejected => "rejected",
        };
        self.families.policy_reloads.with_label_values(&[upstream.as_str(), result]).inc();
    }

    /// Somebody's consent was changed through the admin API.
    pub fn consent_change(&self, purpose: &Purpose, choice: Choice) {
        let labels = [purpose.as_str(), choice.as_str()];
        self.families.consent_changes.with_label_values(&labels).inc();
    }

    /// Counts a connection for as long as what it returns lives.
    pub fn connection_open(&self) -> Held {
        Held::new(&self.families.connections_open, 1)
    }

    pub fn connection_refused(&self, reason: RefusedConnection) {
        let reason = match reason {
            RefusedConnection::Handshake => "handshake",
        };
        self.families.connections_refused.with_label_values(&[reason]).inc();
    }

    pub(super) fn vault_operation(
        &self,
        operation: &'static str,
        succeeded: bool,
        duration: Duration,
    ) {
        self.families
            .vault_operation
            .with_label_values(&[operation])
            .observe(duration.as_secs_f64());
        if !succeeded {
            self.families.vault_errors.with_label_values(&[operation]).inc();
        }
    }

    pub fn transfer_log_sizes(&self, entries: u64, integrated: u64) {
        let gauge = |entries| i64::try_from(entries).unwrap_or(i64::MAX);
        self.families.transfer_log_entries.set(gauge(entries));
        self.families.transfer_log_unintegrated.set(gauge(entries.saturating_sub(integrated)));
    }

    /// A checkpoint was signed, or one that lay there was found right.
    pub fn transfer_log_checkpoint(&self, now: Timestamp) {
        let seconds = i64::try_from(now.unix_seconds()).unwrap_or(i64::MAX);
        self.families.transfer_log_checkpoint_time.set(seconds);
    }

    /// The keys serve for so long from now on, if nobody answers any more.
    pub fn keys_lease(&self, now: Timestamp, left: Duration) {
        let end = now.unix_seconds().saturating_add(left.as_secs());
        self.families.keys_lease_end_time.set(i64::try_from(end).unwrap_or(i64::MAX));
    }

    /// The key service did not unwrap a key.
    pub fn key_service_failed(&self) {
        self.families.key_service_errors.inc();
    }

    pub fn transfer_log_integration_failed(&self) {
        self.families.transfer_log_integration_errors.inc();
    }

    /// A checkpoint of so many entries is at a mirror, or was not taken there.
    pub fn transfer_log_mirror(&self, mirror: &str, entries: Option<u64>) {
        match entries {
            Some(entries) => {
                let entries = i64::try_from(entries).unwrap_or(i64::MAX);
                self.families.transfer_log_mirrored.with_label_values(&[mirror]).set(entries);
            }
            None => self.families.transfer_log_mirror_errors.with_label_values(&[mirror]).inc(),
        }
    }

    /// Enough witnesses have signed a checkpoint of so many entries.
    pub fn transfer_log_witnessed(&self, entries: u64) {
        let entries = i64::try_from(entries).unwrap_or(i64::MAX);
        self.families.transfer_log_witnessed.set(entries);
    }

    pub fn transfer_log_witness_failed(&self, witness: &str) {
        self.families.transfer_log_witness_errors.with_label_values(&[witness]).inc();
    }

    pub(super) fn transfer_log_append(&self, succeeded: bool, duration: Duration) {
        self.families.transfer_log_append.observe(duration.as_secs_f64());
        if !succeeded {
            self.families.transfer_log_errors.inc();
        }
    }
}

impl Meter for Metrics {
    fn stream_lag(&self, stream: &str, entries: u64) {
        let entries = i64::try_from(entries).unwrap_or(i64::MAX);
        self.families.stream_lag.with_label_values(&[stream]).set(entries);
    }

    fn stream_failed(&self, stream: &str) {
        self.families.stream_failures.with_label_values(&[stream]).inc();
    }

    fn stream_lost(&self, stream: &str, entries: u64, why: Loss) {
        self.families.stream_lost.with_label_values(&[stream, why.as_str()]).inc_by(entries);
    }
}

impl RequestOutcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused(code) => match code.side() {
                Side::Downstream | Side::Policy => "refused",
                Side::Upstream | Side::Internal => "failed",
            },
        }
    }
}

/// Something that a gauge counts until it is dropped.
#[derive(Debug)]
#[must_use = "the gauge falls back when this is dropped"]
pub struct Held {
    gauge: IntGauge,
    amount: i64,
}

impl Held {
    fn new(gauge: &IntGauge, amount: i64) -> Self {
        gauge.add(amount);
        Self { gauge: gauge.clone(), amount }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauge.sub(self.amount);
    }
}
