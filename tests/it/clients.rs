// SPDX-License-Identifier: Apache-2.0
//! Real client libraries, unmodified, only pointed at the proxy.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::dataverse::Dataverse;
use crate::world::{Options, World};

/// `tests/run` installs what the libraries need and names it here: an interpreter of
/// Python that has them, and a folder of modules for Node.js.
const PYTHON: &str = "ZOLLHAUS_TEST_PYTHON";
const NODE_MODULES: &str = "ZOLLHAUS_TEST_NODE_MODULES";

/// `None` on a machine where nobody asked for the libraries; never in CI.
fn installed(variable: &str) -> Option<OsString> {
    let found = std::env::var_os(variable);
    if found.is_none() {
        let ci = std::env::var_os("CI");
        assert!(ci.is_none(), "{variable} is not set; run the tests by tests/run");
        eprintln!("SKIPPED: {variable} is not set; tests/run installs the client libraries");
    }
    found
}

/// Runs a script of `tests/clients` as a caller who sees everything, to its end, and
/// returns how many checks it made.
async fn drive(world: &World, mut client: Command) -> usize {
    client
        .env("ZOLLHAUS_KEY", world.key("support"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients"))
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || client.output());
    let output = output.await.expect("it runs").expect("the interpreter runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    printed.lines().filter(|line| line.starts_with("ok: ")).count()
}

/// Everything that the CRM was sent.
fn upstream(world: &World) -> String {
    let requests = world.crm.requests();
    let texts = requests.iter().map(|request| {
        let (target, body) = (&request.target, &request.body);
        format!("{} {}\n", String::from_utf8_lossy(target), String::from_utf8_lossy(body))
    });
    texts.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simple_salesforce_reads_what_it_wrote() {
    let Some(python) = installed(PYTHON) else { return };
    let world = World::start(Options { tls: true, ..Options::default() }).await;
    let authority = world.folder.join("certs/ca.pem");
    let mut client = Command::new(python);
    client
        .arg("simple_salesforce_roundtrip.py")
        .arg(format!("https://localhost:{}", world.address().port()))
        .arg(&authority)
        // requests prefers it to what a session says.
        .env("REQUESTS_CA_BUNDLE", &authority);
    assert!(drive(&world, client).await > 30);
    let upstream = upstream(&world);
    assert!(upstream.contains("jobs/ingest") && upstream.contains("/services/async/"));
    for value in [
        "Müller",
        "juergen",
        "Mustermann",
        "Brien",
        "4711\"}",
        "Seite",
        "page0",
        "Massen",
        "bulk0",
        "Ünal",
        "Zeile",
        "Nirgendwo",
        "Geändert",
        "tapel",
        "batch0",
        "BATCH0",
    ] {
        assert!(!upstream.contains(value), "`{value}` reached the upstream");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_of_hubspot_reads_what_it_wrote() {
    let Some(modules) = installed(NODE_MODULES) else { return };
    // The library sends neither headers nor certificates of its caller's choice.
    let options = Options { anonymous_role: Some("support"), ..Options::default() };
    let world = World::start(options).await;
    let mut client = Command::new("node");
    client
        .arg("hubspot_roundtrip.cjs")
        .arg(format!("http://{}/hs", world.address()))
        .env("NODE_PATH", modules);
    assert!(drive(&world, client).await > 20);
    let upstream = upstream(&world);
    assert!(upstream.contains("batch/upsert") && upstream.contains("hs_email_headers"));
    let values = "Müller juergen Jürgen Brien Emoji Schmitz Massenhaft Umbenannt bulk.person Sabine sabine 5550101";
    for value in values.split(' ') {
        assert!(!upstream.contains(value), "`{value}` reached the upstream");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_of_dataverse_reads_what_it_wrote() {
    let Some(modules) = installed(NODE_MODULES) else { return };
    let dataverse = Dataverse::start().await;
    // The library leaves out a path in its URL: what no other upstream matches is for this.
    let upstreams = format!(
        "  dynamics:
    dialect: dynamics
    url: http://{}
    region: US
    policy: policies/further.yaml
",
        dataverse.address
    );
    let further_policy = include_str!("../../policies/dynamics.yaml");
    let options = Options {
        anonymous_role: Some("support"),
        upstreams,
        further_policy,
        ..Options::default()
    };
    let world = World::start(options).await;
    let mut client = Command::new("node");
    client
        .arg("dynamics_roundtrip.cjs")
        .arg(format!("http://{}", world.address()))
        .env("NODE_PATH", modules);
    assert!(drive(&world, client).await > 30);
    let upstream: Vec<String> = dataverse
        .seen()
        .into_iter()
        .map(|seen| {
            let decoded = percent_encoding::percent_decode_str(&seen.target).decode_utf8_lossy();
            format!("{decoded} {}", seen.body)
        })
        .collect();
    let upstream = upstream.join("\n");
    assert!(upstream.contains("multipart") || upstream.contains("changeset"));
    for value in
        ["Müller", "juergen", "Brien", "Ziggy", "Schmitz", "Rückruf", "Stapel", "brand.new"]
    {
        assert!(!upstream.contains(value), "`{value}` reached the upstream");
    }
}
