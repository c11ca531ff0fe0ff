// SPDX-License-Identifier: Apache-2.0
//! The vault is backed up while the house serves.

use http::StatusCode;
use serde_json::json;

use crate::world::{Options, World, zollhaus};

const CONTACTS: &str = "/sf/services/data/v62.0/sobjects/Contact";

async fn create(world: &World, name: &str) -> String {
    let body = json!({ "LastName": name }).to_string();
    let created = world.post("support", CONTACTS, body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    created.json()["id"].as_str().expect("an id").to_owned()
}

async fn name_of(world: &World, id: &str) -> String {
    let read = world.get("support", &format!("{CONTACTS}/{id}")).await.json();
    read["LastName"].as_str().expect("a name").to_owned()
}

fn vault(world: &World, arguments: &[&str]) -> String {
    let mut command = zollhaus();
    command.arg("vault").args(arguments).arg("--config").arg(world.config());
    let output = command.current_dir(&world.folder).output().expect("the command runs");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_backed_up_opens_after_the_vault_is_lost() {
    let mut world = World::start(Options::default()).await;
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(create(&world, &format!("Muster {number}")).await);
        if number == 10 {
            assert!(vault(&world, &["backup", "copy"]).contains("backed up to copy"));
        }
    }
    assert!(vault(&world, &["verify"]).contains("verified: 20 tokens"));
    assert!(vault(&world, &["verify", "--file", "copy"]).contains("verified: 11 tokens"));

    world.kill();
    for lost in ["zollhaus.vault", "zollhaus.vault-wal", "zollhaus.vault-shm"] {
        let _ = std::fs::remove_file(world.folder.join(lost));
    }
    assert!(vault(&world, &["restore", "copy"]).contains("restored to "));
    world.run();
    assert_eq!(name_of(&world, &ids[0]).await, "Muster 0");
    assert_eq!(name_of(&world, &ids[10]).await, "Muster 10");
    // What came after the backup is opened again as soon as the value comes by again.
    assert!(name_of(&world, &ids[19]).await.starts_with("zht"));
    create(&world, "Muster 19").await;
    assert_eq!(name_of(&world, &ids[19]).await, "Muster 19");
}
