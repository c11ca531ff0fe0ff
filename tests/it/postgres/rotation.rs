// SPDX-License-Identifier: Apache-2.0
//! Keys that are rotated while one process after the other is started anew.

use std::fs;

use super::{Houses, text_of};
use crate::search::{found, options, restart, store};

const SHARED: [&str; 3] = ["token_mac", "siv", "vault"];

impl Houses {
    fn keys(&self, words: &[&str]) {
        let (is_done, said) = self.command(&[&["keys"], words].concat());
        assert!(is_done, "{words:?}: {said}");
    }

    /// Starts one process anew with the keyset that commands have changed.
    fn restart(&mut self, at: usize) {
        let keyset = "zollhaus.keyset";
        let [from, to] = [0, at].map(|at| self.worlds[at].folder.join(keyset));
        let changed = fs::read(from).expect("a keyset");
        fs::write(to, changed).expect("it can be written");
        restart(&mut self.worlds[at]);
    }

    /// Every process finds and opens all, and has one token for each name.
    async fn check(&self, names: &[&str]) {
        for world in &self.worlds {
            for name in names {
                assert_eq!(found(world, &format!("LastName = '{name}'")).await, [*name]);
                let street = format!("MailingStreet = 'Gasse {name}'");
                assert_eq!(found(world, &street).await, [*name]);
            }
            assert_eq!(found(world, "LastName LIKE 'A%'").await, names);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_stops_nobody_and_hides_nothing() {
    let mut houses = Houses::start_with(options()).await;
    store(&houses.worlds[0], &["Aal"]).await;
    store(&houses.worlds[1], &["Abt"]).await;
    houses.check(&["Aal", "Abt"]).await;
    for purpose in SHARED {
        let (is_done, said) = houses.command(&["keys", "rotate", "--purpose", purpose]);
        assert!(!is_done && said.contains("keys prepare"), "{said}");
        houses.keys(&["prepare", "--purpose", purpose]);
    }
    houses.restart(0);
    houses.check(&["Aal", "Abt"]).await;
    houses.restart(1);
    for purpose in SHARED {
        houses.keys(&["rotate", "--purpose", purpose]);
    }
    houses.restart(0);
    // One has the new keys in use, the other has not.
    store(&houses.worlds[0], &["Ahn"]).await;
    store(&houses.worlds[1], &["Akt"]).await;
    houses.check(&["Aal", "Abt", "Ahn", "Akt"]).await;
    store(&houses.worlds[1], &["Ahn"]).await;
    store(&houses.worlds[0], &["Akt"]).await;
    let stored = houses.worlds[0].crm.stored();
    let names: Vec<String> = stored.iter().map(|record| text_of(record, "LastName")).collect();
    assert_eq!((&names[2], &names[3]), (&names[4], &names[5]), "one token for each name");
    houses.restart(1);
    let due = "zollhaus_vault_rows_under_older_keys 0";
    houses.worlds[1]
        .until("all rows are sealed anew", async |world| {
            String::from_utf8_lossy(&world.admin("/metrics").await.body).contains(due)
        })
        .await;
    houses.keys(&["destroy", "--purpose", "vault", "--version", "1"]);
    houses.restart(0);
    let all = found(&houses.worlds[0], "LastName LIKE 'A%'").await;
    assert_eq!(all, ["Aal", "Abt", "Ahn", "Ahn", "Akt", "Akt"]);
}
