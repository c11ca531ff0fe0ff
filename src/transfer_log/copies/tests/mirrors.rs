// SPDX-License-Identifier: Apache-2.0

//! What mirrors hold, and what becomes of a log that does not continue it.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Log, append, mirror, mirror_for, size, until};
use crate::testkit::Scratch;
use crate::transfer_log::copies::{CopySettings, MirrorSettings, RemoteSettings};
use crate::transfer_log::merkle::Hash;
use crate::transfer_log::note::SignerKey;
use crate::transfer_log::{Checkpoint, TransferLog};
use crate::upstream::Credential;

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_older_than_a_mirror_or_another_one_is_not_used() {
    let kept = Arc::new(Mutex::new(None));
    let server = mirror(0, &kept).await;
    let check = async |mirrors: Vec<MirrorSettings>, brought: &dyn Fn() -> Option<u64>| {
        let log = Log::new(CopySettings { mirrors, ..CopySettings::default() });
        let running = log.open().await.unwrap();
        append(&running, 0..9).await;
        until("the mirror has nine entries", || brought() == Some(9)).await;
        drop(running);
        let older = log.scratch.file("older");
        Log::copy(&log.directory(), &older);
        let running = log.open().await.unwrap();
        append(&running, 9..20).await;
        until("the mirror has twenty entries", || brought() == Some(20)).await;
        drop(running);
        let newest = log.scratch.file("newest");
        Log::copy(&log.directory(), &newest);

        Log::copy(&older, &log.directory());
        let error = anyhow::Error::new(log.open().await.unwrap_err());
        assert!(
            format!("{error:#}").contains("covers 9 entries, and a checkpoint of 20"),
            "{error:#}"
        );
        // Nothing was added to it.
        assert_eq!(size(&log.checkpoint().unwrap().to_string()), Some(9));

        // Longer than what was kept, but with other entries.
        let mut log = log;
        let copies = std::mem::take(&mut log.copies);
        let running = log.open().await.unwrap();
        append(&running, 100..200).await;
        drop(running);
        log.copies = copies;
        let error = anyhow::Error::new(log.open().await.unwrap_err());
        assert!(format!("{error:#}").contains("rewritten: its first 20 entries"), "{error:#}");
        Log::copy(&newest, &log.directory());
        drop(log.open().await.unwrap());
    };
    let file = Scratch::new();
    let path = file.file("mirrored");
    let of_file = || size(&fs::read_to_string(file.file("mirrored")).ok()?);
    check(vec![MirrorSettings::File(path.clone())], &of_file).await;

    let of_server = || size(kept.lock().unwrap().as_deref()?);
    check(vec![MirrorSettings::Remote(server.remote())], &of_server).await;

    let mirrors = vec![MirrorSettings::File(path.clone())];
    let other = Log::new(CopySettings { mirrors, ..CopySettings::default() });
    let text = fs::read_to_string(&path).unwrap();
    for (text, expected) in [
        (text.replace("acme.example/one", "acme.example/two"), "no checkpoint of this log"),
        ("garbage".to_owned(), "not a checkpoint"),
    ] {
        fs::write(&path, text).unwrap();
        let error = anyhow::Error::new(other.open().await.unwrap_err());
        assert!(format!("{error:#}").contains(expected), "{error:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_comes_back_with_a_newer_checkpoint_ends_the_appends() {
    let kept = Arc::new(Mutex::new(None));
    let server = mirror(0, &kept).await;
    let port = server.url.port_u16().unwrap();
    let mirrors = vec![MirrorSettings::Remote(server.remote())];
    let log = Log::new(CopySettings { mirrors, ..CopySettings::default() });
    let older = log.scratch.file("older");
    drop(log.open().await.unwrap());
    Log::copy(&log.directory(), &older);
    let running = log.open().await.unwrap();
    append(&running, 0..9).await;
    until("the mirror has nine entries", || {
        size(kept.lock().unwrap().as_deref().unwrap_or_default()) == Some(9)
    })
    .await;
    drop((running, server));
    Log::copy(&older, &log.directory());

    // It is away: the house starts, and nothing is brought there before it is asked.
    let running = log.open().await.unwrap();
    append(&running, 0..1).await;
    assert!(running.health().is_ok());
    let error = format!("mirror_errors_total{{mirror=\"http://127.0.0.1:{port}/copies\"}} 1");
    until("the mirror was missed", || log.has_sample(&error)).await;
    let server = mirror(port, &kept).await;
    append(&running, 1..2).await;
    until("the rollback was found", || running.health().is_err()).await;
    let said = running.health().unwrap_err().to_string();
    assert!(said.contains("rolled back"), "{said}");
    assert_eq!(size(kept.lock().unwrap().as_deref().unwrap()), Some(9));
    drop((running, server));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_a_copy_of_the_directory_is_found_out_while_both_run() {
    let mirrored = Scratch::new();
    let path = mirrored.file("mirrored");
    let of_mirror = || size(&fs::read_to_string(&path).ok()?);
    let copies =
        CopySettings { mirrors: vec![MirrorSettings::File(path.clone())], ..Default::default() };
    let (first, second) = (Log::new(copies.clone()), Log::new(copies));
    drop(first.open().await.unwrap());
    Log::copy(&first.directory(), &second.directory());
    let (one, two) = (first.open().await.unwrap(), second.open().await.unwrap());
    // What it found at its start is compared and brought before there is more.
    until("the second one is there", || second.has_mirrored()).await;
    append(&one, 0..9).await;
    until("the mirror has nine entries", || of_mirror() == Some(9)).await;
    append(&two, 100..104).await;
    until("the copy was found out", || two.health().is_err()).await;
    assert!(two.health().unwrap_err().to_string().contains("rolled back"));
    append(&one, 9..10).await;
    until("the first one goes on", || of_mirror() == Some(10)).await;
    assert!(one.health().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_that_another_log_took_over_keeps_what_it_has() {
    let mirrored = Scratch::new();
    let path = mirrored.file("mirrored");
    let copies =
        CopySettings { mirrors: vec![MirrorSettings::File(path.clone())], ..Default::default() };
    let log = Log::new(copies);
    let running = log.open().await.unwrap();
    append(&running, 0..9).await;
    until("it is mirrored", || path.exists()).await;
    let foreign = Checkpoint {
        origin: "acme.example/two".to_owned(),
        size: 3,
        root: Hash([7; 32]),
        extensions: Vec::new(),
    };
    let foreign = foreign.sign(&[&SignerKey::new("acme.example/two", &[2; 32]).unwrap()]).unwrap();
    until("the mirror has all", || size(&fs::read_to_string(&path).unwrap_or_default()) == Some(9))
        .await;
    fs::write(&path, foreign.to_string()).unwrap();
    append(&running, 9..10).await;
    let error = format!("mirror_errors_total{{mirror=\"{}\"}} 1", path.display());
    until("it is noticed", || log.has_sample(&error)).await;
    assert_eq!(fs::read_to_string(&path).unwrap(), foreign.to_string());
    // Whoever can write there cannot stop the house; but it does not start again.
    assert!(running.health().is_ok());
    drop(running);
    let error = anyhow::Error::new(log.open().await.unwrap_err());
    assert!(format!("{error:#}").contains("no checkpoint of this log"), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_shown_the_credential_that_is_in_the_file_now() {
    let kept = Arc::new(Mutex::new(None));
    let server = mirror_for(0, &kept, Some("Bearer n3w")).await;
    let folder = Scratch::new();
    let file = folder.file("token");
    fs::write(&file, "0ld\n").unwrap();
    let credential = Some(Credential { file: file.clone(), header: None });
    let remote = RemoteSettings { credential, ..server.remote() };
    let mirrors = vec![MirrorSettings::Remote(remote)];
    let log = Log::new(CopySettings { mirrors, ..CopySettings::default() });
    let running = log.open().await.unwrap();
    append(&running, 0..9).await;
    let error = format!("mirror_errors_total{{mirror=\"{}\"}}", server.url);
    until("it is refused", || log.metrics.render().unwrap().contains(&error)).await;
    assert_eq!(*kept.lock().unwrap(), None);
    fs::write(&file, "n3w\n").unwrap();
    append(&running, 9..10).await;
    until("it is mirrored", || {
        size(kept.lock().unwrap().as_deref().unwrap_or_default()) == Some(10)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_checkpoint_arrives_before_the_log_ends() {
    let kept = Arc::new(Mutex::new(None));
    let server = mirror(0, &kept).await;
    let mirrors = vec![MirrorSettings::Remote(server.remote())];
    let mut log = Log::new(CopySettings { mirrors, ..CopySettings::default() });
    // Only the end takes entries into the tree.
    log.interval = Duration::from_secs(3600);
    let running = log.open().await.unwrap();
    append(&running, 0..9).await;
    tokio::task::spawn_blocking(|| drop(running)).await.unwrap();
    assert_eq!(size(kept.lock().unwrap().as_deref().unwrap_or_default()), Some(9));
}
