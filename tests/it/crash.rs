// SPDX-License-Identifier: Apache-2.0
//! A power cut at any moment: the process is killed under load, again and
//! again. Afterwards every surrogate that the upstream has seen opens, and every
//! request that it has seen has its entry in the transfer log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::{Options, World};

const KILLS: u64 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_neither_tokens_nor_entries() {
    let mut world = World::start(Options::default()).await;
    let long = std::env::var_os("ZOLLHAUS_TEST_LONG").is_some();
    let kills = if long { 10 * KILLS } else { KILLS };
    let next = Arc::new(AtomicU64::new(0));
    let mut moment = 0x9e37_79b9_u64;
    for _ in 0..kills {
        let load = Load::start(&world, &next);
        moment =
            moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Under way at least, however slow the machine is, and at some moment of it.
        let wanted = world.crm.request_count() + 2 + (moment >> 33) % 6;
        world.until("there is load", async |world| world.crm.request_count() >= wanted).await;
        tokio::time::sleep(Duration::from_millis((moment >> 40) % 20)).await;
        world.kill();
        load.stop().await;
        world.run();
    }

    let seen = world.crm.requests();
    let entries = world.entries();
    let transfers = entries.iter().filter(|entry| entry["kind"] == "transfer").count();
    check_outcomes(&entries);
    eprintln!(
        "crash: {kills} kills, {} requests upstream, {transfers} transfers in the log",
        seen.len()
    );
    assert!(seen.len() as u64 > kills, "the load was too thin to mean anything");
    assert!(transfers >= seen.len(), "{} requests left, {transfers} are in the log", seen.len());

    let mut opened = BTreeMap::new();
    let mut page =
        "/sf/services/data/v62.0/query/?q=SELECT+Id,Ext_Id__c,LastName,Email+FROM+Contact"
            .to_owned();
    loop {
        let answer = world.get("support", &page).await.json();
        for record in answer["records"].as_array().expect("records") {
            opened.insert(
                text(&record["Ext_Id__c"]),
                (text(&record["LastName"]), text(&record["Email"])),
            );
        }
        let Some(next) = answer["nextRecordsUrl"].as_str() else { break };
        page = format!("/sf{next}");
    }
    assert_eq!(opened.len(), world.crm.stored().len());
    for (number, (last_name, email)) in opened {
        assert_eq!(last_name, format!("Muster {number}"));
        assert_eq!(email, format!("muster{number}@example.org"));
    }
    world.verify_log();
}

/// Every transfer but those on the road has its outcome, once; some are unknown.
fn check_outcomes(entries: &[Value]) {
    let ids = |kind: &str| {
        let of_kind = entries.iter().filter(|entry| entry["kind"] == kind);
        of_kind.map(|entry| text(&entry["id"])).collect::<Vec<_>>()
    };
    let (mut transfers, mut outcomes) = (ids("transfer"), ids("outcome"));
    transfers.sort();
    outcomes.sort();
    assert_eq!(transfers, outcomes, "a transfer has not one outcome");
    let unknown = entries.iter().filter(|entry| entry["result"] == "unknown").count();
    eprintln!("crash: the outcomes of {unknown} transfers are unknown");
    assert!(unknown > 0, "no process was killed with a request on the road");
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Callers that create contacts until they are told to stop or are cut off.
pub struct Load {
    stopped: Arc<AtomicBool>,
    callers: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    pub fn start(world: &World, next: &Arc<AtomicU64>) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let callers = (0..4)
            .map(|_| {
                let (stopped, next) = (Arc::clone(&stopped), Arc::clone(next));
                let (address, key) = (world.address(), world.key("support").to_owned());
                let client = crate::world::client();
                tokio::spawn(async move {
                    while !stopped.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed).to_string();
                        let contact = json!({
                            "LastName": format!("Muster {number}"),
                            "Email": format!("muster{number}@example.org"),
                            "Ext_Id__c": number,
                        });
                        let request = Request::builder()
                            .method(Method::POST)
                            .uri(format!(
                                "http://{address}/sf/services/data/v62.0/sobjects/Contact"
                            ))
                            .header("zollhaus-key", &key)
                            .header("authorization", "Bearer session")
                            .header("content-type", "application/json")
                            .body(Full::new(Bytes::from(contact.to_string())))
                            .expect("a sound request");
                        if client.request(request).await.is_err() {
                            return;
                        }
                    }
                })
            })
            .collect();
        Self { stopped, callers }
    }

    pub async fn stop(self) {
        self.stopped.store(true, Ordering::Relaxed);
        for caller in self.callers {
            let _ =
                tokio::time::timeout(Duration::from_secs(10), caller).await.expect("a caller ends");
        }
    }
}
