// SPDX-License-Identifier: Apache-2.0
//! Keys that are prepared, rotated and destroyed.

use super::*;

fn keys(config: &Path, rest: &[&str]) -> bool {
    let mut all: Vec<&dyn AsRef<OsStr>> = vec![&"keys"];
    all.extend(rest.iter().map(|word| word as &dyn AsRef<OsStr>));
    all.extend([&"--config" as &dyn AsRef<OsStr>, &config]);
    run(&all)
}

#[test]
fn a_key_of_the_vault_is_kept_while_somebody_may_store_under_it() {
    let scratch = Scratch::new();
    let folder = scratch.file("house");
    let config = folder.join("zollhaus.yaml");
    assert!(run(&[&"init", &folder]));
    let keys = |rest: &[&str]| keys(&config, rest);
    assert!(keys(&["rotate", "--purpose", "vault"]));
    let destroy = || keys(&["destroy", "--purpose", "vault", "--version", "1"]);
    assert!(!destroy(), "nothing is stored");
    let loaded = Config::load(&config).unwrap().value;
    let keyset = crate::app::open_keyset(&loaded).unwrap();
    let stored = crate::cli::block_on(async {
        let stores = crate::app::Stores::open(&loaded.vault, &loaded.tenant).await?;
        let vault = crate::vault::Vault::new(stores.tokens, &keyset);
        Ok(vault.tokenize(&[(&"name".into(), &Cleartext::new("Anna"))]).await?)
    });
    assert_eq!(stored.unwrap().len(), 1);
    assert!(destroy());
    assert!(!destroy(), "it is destroyed");
}

#[test]
fn a_key_of_tokens_is_kept_while_what_it_made_may_be_sought() {
    let scratch = Scratch::new();
    let folder = scratch.file("house");
    let config = folder.join("zollhaus.yaml");
    assert!(run(&[&"init", &folder]));
    let keys = |rest: &[&str]| keys(&config, rest);
    assert!(keys(&["rotate", "--purpose", "token_mac"]));
    let destroy = ["destroy", "--purpose", "token_mac", "--version", "1"];
    let hashes_are_lost = [&destroy[..], &["--hashed-values-are-lost"]].concat();
    assert!(!keys(&hashes_are_lost), "the vault may be on a disk that is not there");
    let loaded = Config::load(&config).unwrap().value;
    let made = crate::cli::block_on(async {
        Ok(crate::app::Stores::open(&loaded.vault, &loaded.tenant).await.map(drop)?)
    });
    made.unwrap();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("tenant: \"acme\"", "tenant: other")).unwrap();
    for wrong in
        [&hashes_are_lost[..], &["rotate", "--purpose", "siv"], &["prepare", "--purpose", "siv"]]
    {
        assert!(!keys(wrong), "the keyset is of another house: {wrong:?}");
    }
    fs::write(&config, text).unwrap();
    assert!(keys(&hashes_are_lost));
    assert!(keys(&["prepare", "--purpose", "siv"]));
    assert!(keys(&["rotate", "--purpose", "siv"]));
    assert_eq!(crate::app::open_keyset(&loaded).unwrap().siv.active_version(), 2);
}

#[test]
fn processes_that_share_a_vault_are_told_to_prepare_a_key() {
    let scratch = Scratch::new();
    let folder = scratch.file("house");
    let config = folder.join("zollhaus.yaml");
    assert!(run(&[&"init", &folder]));
    let text = fs::read_to_string(&config).unwrap();
    let shared = text.replace(
        "vault: { sqlite: zollhaus.vault }",
        "vault: { postgres: { url: \"postgres://zollhaus@127.0.0.1:1/crm\" } }",
    );
    assert_ne!(text, shared);
    fs::write(&config, shared).unwrap();
    let keys = |rest: &[&str]| keys(&config, rest);
    for purpose in ["token_mac", "siv", "ff1", "vault"] {
        assert!(!keys(&["rotate", "--purpose", purpose]), "{purpose}");
    }
    assert!(keys(&["rotate", "--purpose", "log_signing"]));
    assert!(keys(&["rotate", "--purpose", "vault", "--all-stopped"]));
    assert!(keys(&["prepare", "--purpose", "siv"]));
    assert!(!keys(&["prepare", "--purpose", "siv"]));
    assert!(keys(&["rotate", "--purpose", "siv"]));
    assert!(!keys(&["rotate", "--purpose", "siv"]), "it is not prepared any more");
    assert!(keys(&["status"]), "the database is away");
}
