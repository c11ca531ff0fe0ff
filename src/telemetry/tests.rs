// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;
use std::time::Duration;

use crate::base::RefusalCode;
use crate::policy::Reveal;
use crate::testkit::{masked, sealed, unlisted};
use crate::transfer_log::{MemoryLog, Revealed, TransferLog};
use crate::upstream::UpstreamError;
use crate::vault::{HookedStore, Index, TokenStore, VaultError};

use super::{
    MeasuredLog, MeasuredStore, Metrics, Place, RefusedConnection, Reload, RequestOutcome, table,
};

/// Does something with the metrics and looks for samples in what they say afterwards.
fn check(act: impl FnOnce(&Metrics), expected: &[&str]) {
    let metrics = Metrics::new().unwrap();
    act(&metrics);
    contains(&metrics, expected);
}

fn contains(metrics: &Metrics, expected: &[&str]) {
    let text = metrics.render().unwrap();
    for sample in expected {
        let sample = format!("zollhaus_{sample}");
        assert!(text.lines().any(|line| line == sample), "no `{sample}` in\n{text}");
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn requests_are_counted_by_how_they_ended() {
    let request = |outcome: RequestOutcome| {
        move |metrics: &Metrics| {
            metrics.request(Some(&"sf".into()), Some(&"query".into()), outcome, Some(SECOND));
        }
    };
    let total = |outcome: &str| {
        format!(r#"requests_total{{operation="query",outcome="{outcome}",upstream="sf"}} 1"#)
    };
    check(
        request(RequestOutcome::Answered),
        &[
            &total("answered"),
            r#"request_duration_seconds_count{upstream="sf"} 1"#,
            r#"refusals_total{code="forbidden"} 0"#,
        ],
    );
    check(
        request(RequestOutcome::Refused(RefusalCode::Forbidden)),
        &[&total("refused"), r#"refusals_total{code="forbidden"} 1"#],
    );
    check(request(RequestOutcome::Refused(RefusalCode::Overloaded)), &[&total("failed")]);
    check(
        |metrics| {
            metrics.request(
                None,
                None,
                RequestOutcome::Refused(RefusalCode::NoRoute),
                Some(SECOND),
            );
        },
        &[r#"requests_total{operation="none",outcome="refused",upstream="none"} 1"#],
    );
}

#[test]
fn occurrences_and_reveals_are_counted_as_the_log_has_them() {
    let field = sealed("email", 3);
    let clear = unlisted("email", 3);
    check(
        |metrics| [&field, &clear].iter().for_each(|f| metrics.occurrences(&"sf".into(), f)),
        &[
            r#"occurrences_total{category="email",protection="tokenize",reason="none",upstream="sf"} 3"#,
            r#"occurrences_total{category="none",protection="none",reason="field_unlisted",upstream="sf"} 3"#,
        ],
    );
    let revealed = Revealed { role: Some("support".into()), ..masked(2) };
    let hidden =
        Revealed { reveal: Reveal::Surrogate, role: None, found_clear: false, ..revealed.clone() };
    check(
        |metrics| [&revealed, &hidden].iter().for_each(|r| metrics.reveal(r)),
        &[
            r#"reveals_total{category="email",found_clear="true",reveal="mask",role="support"} 2"#,
            r#"reveals_total{category="email",found_clear="false",reveal="surrogate",role="none"} 2"#,
        ],
    );
}

#[test]
fn gauges_fall_back_when_what_they_count_is_gone() {
    let metrics = Metrics::new().unwrap();
    let held =
        (metrics.request_in_flight(), metrics.held(Place::Memory, 700), metrics.connection_open());
    let more = metrics.held(Place::Memory, 11);
    let spooled = metrics.held(Place::Disk, 13);
    contains(&metrics, &["spooled_bytes 13"]);
    drop(spooled);
    contains(&metrics, &["requests_in_flight 1", "buffered_bytes 711", "connections_open 1"]);
    drop(held);
    contains(&metrics, &["requests_in_flight 0", "buffered_bytes 11", "connections_open 0"]);
    drop(more);
}

#[test]
fn the_rest_is_counted_too() {
    let failed = |error| Err::<(), _>(error);
    check(
        |metrics| {
            metrics.uninspected_request(&"sf".into());
            metrics.upstream(&"sf".into(), &Ok(()), SECOND);
            for error in [
                UpstreamError::Unreachable(String::new()),
                UpstreamError::BrokenOff(String::new()),
                UpstreamError::TimedOut,
            ] {
                metrics.upstream(&"sf".into(), &failed(error), SECOND);
            }
            metrics.policy_reload(&"sf".into(), Reload::Applied);
            metrics.policy_reload(&"sf".into(), Reload::Rejected);
            metrics.connection_refused(RefusedConnection::Handshake);
        },
        &[
            r#"uninspected_requests_total{upstream="sf"} 1"#,
            r#"upstream_duration_seconds_count{upstream="sf"} 1"#,
            r#"upstream_errors_total{kind="unreachable",upstream="sf"} 1"#,
            r#"upstream_errors_total{kind="broken_off",upstream="sf"} 1"#,
            r#"upstream_errors_total{kind="timed_out",upstream="sf"} 1"#,
            r#"policy_reloads_total{result="applied",upstream="sf"} 1"#,
            r#"policy_reloads_total{result="rejected",upstream="sf"} 1"#,
            r#"connections_refused_total{reason="handshake"} 1"#,
            concat!(r#"build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""} 1"#),
        ],
    );
}

#[tokio::test]
async fn measuring_changes_no_answer() {
    let metrics = Arc::new(Metrics::new().unwrap());
    let broken = HookedStore::new(|call, _, _| match call {
        "insert" => Err(VaultError::Unavailable("broken".to_owned())),
        _ => Ok(()),
    });
    let store = MeasuredStore::new(Arc::new(broken), Arc::clone(&metrics));
    assert!(store.insert(Vec::new()).await.is_err());
    assert!(store.look_up(Vec::new()).await.unwrap().rows.is_empty());
    assert_eq!(store.find_by_index(vec![Index([0; 16])], 1).await.unwrap(), [vec![]]);
    assert!(store.health().await.is_ok());

    let inner = Arc::new(MemoryLog::new());
    let log = MeasuredLog::new(Arc::<MemoryLog>::clone(&inner), Arc::clone(&metrics));
    assert!(log.append(Vec::new()).await.is_ok());
    inner.set_failing(true);
    assert!(log.append(Vec::new()).await.is_err() && log.health().is_err());
    contains(
        &metrics,
        &[
            r#"vault_operation_seconds_count{operation="insert"} 1"#,
            r#"vault_operation_seconds_count{operation="find"} 1"#,
            r#"vault_operation_seconds_count{operation="find_by_index"} 1"#,
            r#"vault_operation_seconds_count{operation="health"} 1"#,
            r#"vault_errors_total{operation="insert"} 1"#,
            "transfer_log_append_seconds_count 2",
            "transfer_log_errors_total 1",
        ],
    );
}

#[test]
fn the_process_is_measured() {
    assert!(Metrics::new().unwrap().render().unwrap().contains("\nprocess_open_fds "));
}

#[test]
fn the_documentation_has_the_table_of_the_code() {
    let documented = include_str!("../../docs/METRICS.md");
    let table = table();
    assert!(
        documented.ends_with(&format!("\n\n{table}")),
        "put this table into docs/METRICS.md:\n{table}"
    );
}
