// SPDX-License-Identifier: Apache-2.0
//! The transfer log over the life of a house: keys that change, copies of checkpoints
//! elsewhere, and what is found out with them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::world::{Answer, Options, PARTS, World, copy_part, verify_copy, zollhaus};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";

async fn create(world: &World) -> Answer {
    world.post("support", CONTACTS, json!({ "LastName": "Muster" }).to_string()).await
}

/// How many entries a checkpoint covers.
fn size_in(checkpoint: &Path) -> Option<u64> {
    fs::read_to_string(checkpoint).ok()?.lines().nth(1)?.parse().ok()
}

/// Runs a command that must succeed, and returns what it prints.
fn command(world: &World, arguments: &[&str]) -> String {
    let output = zollhaus()
        .args(arguments)
        .arg("--config")
        .arg(world.config())
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_key_takes_over_and_the_first_one_is_enough_to_verify() {
    let mut world = World::start(Options::default()).await;
    create(&world).await;
    let keys = || fs::read_to_string(world.folder.join("log/keys")).expect("keys");
    let first = keys();
    let new = command(&world, &["keys", "rotate", "--purpose", "log_signing"]);
    // A process that runs goes on with its key.
    create(&world).await;
    assert_eq!(keys(), first);
    world.verify_log();
    world.run();
    create(&world).await;
    let keys = fs::read_to_string(world.folder.join("log/keys")).expect("keys");
    assert_eq!(keys, format!("{first}{new}\n"));
    let announced: Vec<_> =
        world.entries().into_iter().filter(|entry| entry["kind"] == "key_change").collect();
    assert_eq!(announced.len(), 1);
    assert_eq!(announced[0]["verifier_key"], new);
    world.verify_log();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_rolled_back_is_found_out_by_its_mirror() {
    let mut world = World::start(Options::default()).await;
    let mirrored = world.folder.join("mirrored");
    let config = fs::read_to_string(world.config()).expect("a configuration");
    let line = format!("integrate: 50ms, mirror: [{{ file: {} }}]", mirrored.display());
    fs::write(world.config(), config.replace("integrate: 50ms", &line)).expect("it is changed");
    let (log, older) = (world.folder.join("log"), world.folder.join("older"));
    world.verify_log();
    let copied = Command::new("cp").arg("-r").arg(&log).arg(&older).status().expect("cp runs");
    assert!(copied.success());
    world.run();
    create(&world).await;
    world.until("the mirror has the entries", async |_| size_in(&mirrored) >= Some(2)).await;
    world.kill();
    fs::remove_dir_all(&log).expect("it can be removed");
    fs::rename(&older, &log).expect("it can be put in its place");
    assert!(!world.run_under(&[]), "it runs with a log that was rolled back");
    let said = String::from_utf8_lossy(&world.log()).into_owned();
    assert!(said.contains("rolled back"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_made_while_the_house_works_verifies_offline() {
    let world = World::start(Options::default()).await;
    let source = world.folder.join("log");
    let copy = world.folder.join("copy");
    create(&world).await;
    world.until("it has tiles", async |_| source.join("tile").exists()).await;
    for part in PARTS {
        copy_part(part, &source, &copy);
        let size = size_in(&source.join("checkpoint"));
        // The log goes on before the next part is copied.
        create(&world).await;
        world.until("it has grown", async |_| size_in(&source.join("checkpoint")) > size).await;
    }
    verify_copy(&copy);
    // And the log itself, while it is written.
    let stopped = std::sync::atomic::AtomicBool::new(false);
    let traffic = async {
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            create(&world).await;
        }
    };
    let verifying = async {
        for _ in 0..3 {
            let source = source.clone();
            tokio::task::spawn_blocking(move || verify_copy(&source)).await.expect("it verifies");
        }
        stopped.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    tokio::join!(traffic, verifying);
}
