// SPDX-License-Identifier: Apache-2.0
//! TLS from files: who is served, who is known by a certificate, and what happens
//! when the files change.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use crate::world::{Options, World, make_certificates};

/// The errorCode or the number of records of an empty query, or why there is no answer.
async fn ask(world: &World, certificates: &Path, with_client_certificate: bool) -> String {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(certificates.join("ca.pem")).expect("a CA");
    roots.add(authority).expect("a CA");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let tls = if with_client_certificate {
        let chain = CertificateDer::pem_file_iter(certificates.join("client.pem"))
            .expect("a chain")
            .map(|certificate| certificate.expect("a certificate"))
            .collect();
        let key = PrivateKeyDer::from_pem_file(certificates.join("client.key")).expect("a key");
        tls.with_client_auth_cert(chain, key).expect("a client certificate")
    } else {
        tls.with_no_client_auth()
    };
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_all_versions();
    let client: Client<_, Full<bytes::Bytes>> =
        Client::builder(TokioExecutor::new()).build(connector.build());
    let url = format!(
        "https://localhost:{}/services/data/v62.0/query?q=SELECT+Id+FROM+Contact",
        world.address().port()
    );
    let request = http::Request::get(url)
        .header("authorization", "Bearer 00Dxx0000001gPL!session")
        .body(Full::default())
        .expect("a sound request");
    match client.request(request).await {
        Ok(answer) => {
            let body = answer.into_body().collect().await.expect("a body").to_bytes();
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let found = [&body["totalSize"], &body[0]["errorCode"]];
            found.into_iter().find(|value| !value.is_null()).expect("a known answer").to_string()
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!("no answer: {}", cause.unwrap_or_default())
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_names_a_caller() {
    let world = World::start(Options { tls: true, ..Options::default() }).await;
    let own = world.folder.join("certs");
    assert_eq!(ask(&world, &own, true).await, "0");
    assert_eq!(world.entries()[0]["caller"], "etl");
    let refused = ask(&world, &own, false).await;
    assert!(refused.contains("INSUFFICIENT_ACCESS"), "{refused}");

    let foreign = world.folder.join("foreign");
    make_certificates(&foreign);
    let refused = ask(&world, &foreign, true).await;
    assert!(refused.starts_with("no answer"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_certificates_are_taken_into_use_while_it_runs() {
    let world = World::start(Options { tls: true, ..Options::default() }).await;
    let (used, new) = (world.folder.join("certs"), world.folder.join("new"));
    make_certificates(&new);
    let copy = |name: &str| {
        fs::copy(new.join(name), used.join(name)).expect("a certificate can be replaced");
    };

    // The key does not fit the certificate: the old pair goes on.
    copy("server.pem");
    world
        .until("the mismatch is reported", async |world| {
            String::from_utf8_lossy(&world.log()).contains("the old ones stay")
        })
        .await;
    fs::copy(used.join("ca.pem"), world.folder.join("old-ca.pem")).expect("a copy");
    assert_eq!(ask(&world, &used, true).await, "0");

    ["server.key", "ca.pem"].into_iter().for_each(copy);
    world
        .until("the new certificates are in use", async |world| ask(world, &new, true).await == "0")
        .await;
}
