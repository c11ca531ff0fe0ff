// SPDX-License-Identifier: Apache-2.0
//! Real client libraries, unmodified, only pointed at the proxy.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::{Options, World};

/// `tests/run` installs the interpreter with the pinned libraries and names it here.
const PYTHON: &str = "ZOLLHAUS_TEST_PYTHON";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simple_salesforce_reads_what_it_wrote() {
    let Some(python) = std::env::var_os(PYTHON) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "{PYTHON} is not set; run the tests by tests/run"
        );
        eprintln!("SKIPPED: {PYTHON} is not set; tests/run installs the client library");
        return;
    };
    let world = World::start(Options { tls: true, ..Options::default() }).await;
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/simple_salesforce_roundtrip.py");
    let mut client = Command::new(python);
    client
        .arg(script)
        .arg(format!("https://localhost:{}", world.address().port()))
        .arg(world.folder.join("certs/ca.pem"))
        .env("ZOLLHAUS_KEY", world.key("support"))
        // requests prefers it to what a session says.
        .env("REQUESTS_CA_BUNDLE", world.folder.join("certs/ca.pem"))
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || client.output())
        .await
        .expect("it runs")
        .expect("python runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.lines().filter(|line| line.starts_with("ok: ")).count() > 20, "{printed}");

    let upstream: String = world
        .crm
        .requests()
        .iter()
        .map(|request| {
            format!(
                "{} {}\n",
                String::from_utf8_lossy(&request.target),
                String::from_utf8_lossy(&request.body)
            )
        })
        .collect();
    for value in ["Müller", "juergen", "Mustermann", "Brien", "4711\"}", "Seite", "page0"] {
        assert!(!upstream.contains(value), "`{value}` reached the upstream");
    }
}
