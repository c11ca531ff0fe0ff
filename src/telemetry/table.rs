// SPDX-License-Identifier: Apache-2.0
//! The one table of all metrics: it registers them and it documents them.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

/// Seconds: from a fast disk's sync to a CRM's slowest answer.
const BUCKETS: [f64; 18] = [
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];

/// A row of the table.
struct Definition {
    name: &'static str,
    kind: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
}

macro_rules! metrics {
    ($($field:ident: $family:ident = $name:literal [$($label:literal),*] $help:literal;)+) => {
        const TABLE: [Definition; [$($name),+].len()] = [$(
            definition::<$family>(concat!("zollhaus_", $name), &[$($label),*], $help),
        )+];

        #[derive(Debug)]
        pub(super) struct Families {
            $(pub(super) $field: $family,)+
        }

        impl Families {
            pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
                let [$($field),+] = &TABLE;
                Ok(Self { $($field: register(registry, $field)?,)+ })
            }
        }
    };
}

metrics! {
    requests: IntCounterVec = "requests_total" ["upstream", "operation", "outcome"]
        "Requests that ended: `answered` by the upstream, `refused` for the caller's or the policy's sake, or `failed` on our or the upstream's side. A caller that goes away changes nothing of it. `none` stands for an upstream or operation that was not found out.";
    request_duration: HistogramVec = "request_duration_seconds" ["upstream"]
        "From the head of a request to the end of its answer.";
    requests_in_flight: IntGauge = "requests_in_flight" []
        "Requests that are being worked on.";
    buffered_bytes: IntGauge = "buffered_bytes" []
        "Bytes of bodies held in memory.";
    spooled_bytes: IntGauge = "spooled_bytes" []
        "Bytes of long bodies held on disk.";
    refusals: IntCounterVec = "refusals_total" ["code"]
        "Requests refused, by the code in the `Zollhaus-Refusal` header.";
    uninspected_requests: IntCounterVec = "uninspected_requests_total" ["upstream"]
        "Requests that `observe` mode let pass although their operation is not known. Anything but 0 means that personal data may have left in the clear.";
    occurrences: IntCounterVec = "occurrences_total" ["upstream", "category", "protection", "reason"]
        "Values found on the way out. A `protection` of `none` has a `reason`.";
    reveals: IntCounterVec = "reveals_total" ["category", "role", "reveal", "found_clear"]
        "Values on the way back, by what the caller was shown and the role that gave the right. `found_clear` is `true` for values that the upstream holds in the clear.";
    surrogate_alarms: IntCounterVec = "surrogate_alarms_total" ["alarm"]
        "What honest callers do not cause: surrogates that were never given or that no key opens (`unknown`), surrogates at a place of another category (`moved`), and places where a caller was shown a value that the policy calls `poison`. The log says it once for each request, with the `id` of its entries in the transfer log, which name the caller.";
    upstream_duration: HistogramVec = "upstream_duration_seconds" ["upstream"]
        "From sending a request to the head of the upstream's answer.";
    upstream_errors: IntCounterVec = "upstream_errors_total" ["upstream", "kind"]
        "Requests that the upstream did not answer: `unreachable`, `broken_off`, `timed_out`.";
    vault_operation: HistogramVec = "vault_operation_seconds" ["operation"]
        "Calls of the token store, failed ones included.";
    vault_errors: IntCounterVec = "vault_errors_total" ["operation"]
        "Calls of the token store that failed.";
    vault_rows_under_older_keys: IntGauge = "vault_rows_under_older_keys" []
        "Rows of the vault that are sealed under a key that was rotated. The house seals them anew; at 0 the old key can be destroyed.";
    vault_rows_unopened: IntGauge = "vault_rows_unopened" []
        "Rows of the vault, and keys of data subjects, that did not open when they were to be sealed or indexed anew. They stay as they are, so an older key stays needed, and searches that would not find them are refused. The log names the first of them by token or pseudonym, `zollhaus vault verify` more.";
    vault_keys_closed: IntGauge = "vault_keys_closed" []
        "Keys of data subjects that are wrapped under keysets of jurisdictions which this process does not have. What they open stays closed, and searches that would find it are refused.";
    vault_categories_not_indexed: IntGauge = "vault_categories_not_indexed" []
        "Categories whose values are not indexed yet for all that policies search for. Until they are, such searches are refused.";
    transfer_log_append: Histogram = "transfer_log_append_seconds" []
        "From an append to its being durable, failed ones included.";
    transfer_log_errors: IntCounter = "transfer_log_errors_total" []
        "Appends to the transfer log that failed.";
    stream_lag: IntGaugeVec = "transfer_log_stream_lag_entries" ["stream"]
        "Entries of the transfer log that a stream's sink has not taken yet.";
    stream_failures: IntCounterVec = "transfer_log_stream_failures_total" ["stream"]
        "Batches that a stream's sink did not take; they are sent again.";
    stream_lost: IntCounterVec = "transfer_log_stream_lost_entries_total" ["stream", "reason"]
        "Entries that a stream's sink will never have: `rejected` for good by the collector, or `expired`, since `transfer_log.retention` took them out of the log before the sink had taken them.";
    basis_end: IntGaugeVec = "transfer_basis_end_time_seconds" ["upstream", "basis"]
        "When a transfer basis of the border ends, in seconds since 1970-01-01: warn 30 days before. Bases without an end are not shown.";
    transfer_log_entries: IntGauge = "transfer_log_entries" []
        "Entries in the transfer log.";
    transfer_log_unintegrated: IntGauge = "transfer_log_unintegrated_entries" []
        "Entries that are durable and that no checkpoint covers yet. At `transfer_log.max_unintegrated`, requests are refused.";
    transfer_log_checkpoint_time: IntGauge = "transfer_log_checkpoint_time_seconds" []
        "When the last checkpoint was signed, or found right at the start, in seconds since 1970-01-01. Its age matters only while there are unintegrated entries.";
    transfer_log_integration_errors: IntCounter = "transfer_log_integration_errors_total" []
        "Attempts to take entries into the tree that failed. The entries wait in the journal.";
    keys_lease_end_time: IntGauge = "keys_lease_end_time_seconds" []
        "Until when the keys serve if the key service answers no more, in seconds since 1970-01-01; 0 for a root key that is in no key service.";
    key_service_errors: IntCounter = "key_service_errors_total" []
        "Times that the key service did not unwrap a key: at the start, and each time that it is asked while the process runs.";
    transfer_log_mirrored: IntGaugeVec = "transfer_log_mirrored_entries" ["mirror"]
        "Entries that the checkpoint covers that was brought to a mirror last.";
    transfer_log_mirror_errors: IntCounterVec = "transfer_log_mirror_errors_total" ["mirror"]
        "Checkpoints that could not be brought to a mirror; it is tried again.";
    transfer_log_witnessed: IntGauge = "transfer_log_witnessed_entries" []
        "Entries that the last checkpoint covers that as many witnesses have signed as `transfer_log.witnesses.required` says.";
    transfer_log_witness_errors: IntCounterVec = "transfer_log_witness_errors_total" ["witness"]
        "Checkpoints that a witness did not sign when it was asked; it is asked again.";
    policy_reloads: IntCounterVec = "policy_reloads_total" ["upstream", "result"]
        "Changed policies: `applied`, or `rejected` because they do not compile; then the old one stays.";
    consent_changes: IntCounterVec = "consent_changes_total" ["purpose", "state"]
        "Consents `given` and `withdrawn` through the admin API.";
    connections_open: IntGauge = "connections_open" []
        "Connections of callers.";
    connections_refused: IntCounterVec = "connections_refused_total" ["reason"]
        "Connections closed before their first request: `handshake` (TLS failed).";
    build_info: IntGaugeVec = "build_info" ["version"]
        "Always 1.";
}

/// A kind of metric, as the table makes it.
trait Family: Collector + Clone + Sized + 'static {
    const KIND: &'static str;

    fn create(definition: &Definition) -> Result<Self, prometheus::Error>;
}

macro_rules! families {
    ($($family:ident, $kind:literal, $definition:ident => $create:expr;)+) => {$(
        impl Family for $family {
            const KIND: &'static str = $kind;

            fn create($definition: &Definition) -> Result<Self, prometheus::Error> {
                $create
            }
        }
    )+};
}

families! {
    IntCounter, "counter", row => Self::with_opts(Opts::new(row.name, row.help));
    IntCounterVec, "counter", row => Self::new(Opts::new(row.name, row.help), row.labels);
    IntGauge, "gauge", row => Self::with_opts(Opts::new(row.name, row.help));
    IntGaugeVec, "gauge", row => Self::new(Opts::new(row.name, row.help), row.labels);
    Histogram, "histogram", row => Self::with_opts(histogram(row));
    HistogramVec, "histogram", row => Self::new(histogram(row), row.labels);
}

fn histogram(row: &Definition) -> HistogramOpts {
    HistogramOpts::new(row.name, row.help).buckets(BUCKETS.to_vec())
}

const fn definition<F: Family>(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Definition {
    Definition { name, kind: F::KIND, labels, help }
}

fn register<F: Family>(registry: &Registry, row: &Definition) -> Result<F, prometheus::Error> {
    let family = F::create(row)?;
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}

/// The table as Markdown, as it stands in `docs/METRICS.md`.
pub fn table() -> String {
    let head = "| name | type | labels | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    let rows = TABLE.iter().map(|Definition { name, kind, labels, help }| {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "))
    });
    std::iter::once(head).chain(rows).collect()
}
