// SPDX-License-Identifier: Apache-2.0
//! That each key means what its name says, and is documented.

use std::fs;
use std::time::Duration;

use crate::caller::JwksSource;
use crate::config::diagnostic::Problems;
use crate::config::document::Document;
use crate::config::yaml::{Node, Value};
use crate::config::{Code, Config, Source, yaml};
use crate::listener::ClientCertificates;
use crate::policy::{Protection, Shape};
use crate::proxy::{Mode, RequestLimits};
use crate::telemetry::LogFormat;

use super::folder;

const COMPLETE: &str = include_str!("golden/config_complete.yaml");
const CONFIG_DOCS: &str = include_str!("../../../docs/CONFIG.md");

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn every_key_goes_where_it_belongs() {
    let folder = folder();
    fs::write(folder.file("zollhaus.yaml"), COMPLETE).unwrap();
    let config = Config::load(&folder.file("zollhaus.yaml")).unwrap().value;

    assert_eq!(config.tenant.as_str(), "acme");
    assert_eq!(config.listener.bind, "0.0.0.0:8443".parse().unwrap());
    let tls = config.listener.tls.unwrap();
    assert_eq!(tls.key, folder.file("zollhaus.key"));
    assert!(matches!(tls.client_certificates, ClientCertificates::Optional { .. }));
    let limits = config.listener.limits;
    assert_eq!(
        (
            limits.max_connections,
            limits.max_header_bytes,
            limits.max_headers,
            limits.max_h2_streams
        ),
        (100, 32 << 10, 50, 50)
    );
    assert_eq!(
        (limits.header_timeout, limits.idle_timeout, limits.drain_timeout),
        (seconds(5), seconds(120), seconds(10))
    );
    let expected = RequestLimits {
        max_body_bytes: 1 << 20,
        max_expansion_ratio: 20,
        body_timeout: seconds(10),
        max_concurrent_requests: 200,
        max_buffered_bytes: 64 << 20,
    };
    assert_eq!(config.limits, expected);
    assert_eq!(config.admin, "[::1]:9100".parse().unwrap());
    assert_eq!(config.keys.file, folder.file("zollhaus.key"));
    assert_eq!(config.keys.keyset, folder.file("zollhaus.keyset"));
    assert_eq!(config.vault, folder.file("zollhaus.vault"));
    assert_eq!(config.transfer_log, folder.file("zollhaus.transfers.jsonl"));
    assert_eq!(config.email_domain, "tokens.acme.com");
    assert_eq!((config.log.format, config.log.level), (LogFormat::Json, "debug"));

    let callers = config.callers;
    assert_eq!(config.callers_file, Some(folder.file("zollhaus.callers")));
    assert_eq!(callers.certificates[0].name, "dns:etl.acme.example");
    assert_eq!(callers.certificates[0].principal.roles, ["support".into()]);
    assert_eq!(callers.anonymous.unwrap().name.as_str(), "everyone");
    assert_eq!(callers.rate.unwrap().burst.get(), 200);
    let jwt = callers.jwt.unwrap();
    assert_eq!(
        (jwt.issuer.as_str(), jwt.audience.as_str()),
        ("https://login.acme.example", "zollhaus")
    );
    assert_eq!((jwt.roles_claim.as_str(), jwt.leeway), ("groups", Duration::ZERO));
    assert!(matches!(jwt.jwks, JwksSource::Url { refresh, .. } if refresh == seconds(300)));

    let [salesforce, hubspot, people] = &config.upstreams[..] else { panic!("three upstreams") };
    assert_eq!(salesforce.route.hosts, ["crm.acme.example", "crm.acme.example:8443"]);
    assert_eq!(salesforce.route.path_prefix.as_deref(), Some("/sf"));
    assert_eq!(salesforce.public_url.as_deref(), Some("https://crm.acme.example/sf"));
    assert_eq!((salesforce.mode, hubspot.mode), (Mode::Observe, Mode::Enforce));
    assert_eq!(salesforce.client.connect_timeout, Duration::from_millis(500));
    assert_eq!(salesforce.client.answer_timeout, seconds(60));
    assert_eq!(salesforce.client.read_timeout, seconds(30));
    assert_eq!((salesforce.total_timeout, hubspot.total_timeout), (seconds(180), seconds(120)));
    assert_eq!((hubspot.route.upstream, hubspot.region.as_str()), (1, "NO"));
    assert_eq!(people.dialect.name(), "generic");

    let rule =
        |object: &str, field: &str| salesforce.policy.objects[object].fields[field].protection;
    assert_eq!(rule("contact", "email"), Protection::Tokenize { shape: Shape::Email });
    assert_eq!(rule("contact", "phone"), Protection::Tokenize { shape: Shape::Text });
    let encrypted = Protection::Encrypt { shape: Shape::Text, searchable: false };
    assert_eq!(rule("contact", "mailingstreet"), encrypted);
    assert_eq!(rule("contact", "birthdate"), Protection::Drop);
}

#[test]
fn every_key_and_code_is_documented() {
    let folder = folder();
    fs::write(folder.file("zollhaus.yaml"), COMPLETE).unwrap();
    let problems = Problems::default();
    let source = Source::read(&folder.file("zollhaus.yaml")).unwrap();
    let root = yaml::parse(&Document { source, problems: &problems }).unwrap().unwrap();
    let mut keys = Vec::new();
    collect_keys(&root, &mut keys);
    // Names that the example made up.
    let made_up = |key: &str| {
        key.contains([' ', '[']) || ["people", "person", "email", "page", "remark"].contains(&key)
    };
    for key in keys.iter().filter(|key| !made_up(key)) {
        assert!(CONFIG_DOCS.contains(&format!("`{key}`")), "`{key}` is not in docs/CONFIG.md");
    }
    for code in Code::ALL {
        assert!(CONFIG_DOCS.contains(code.id()), "{} is not in docs/CONFIG.md", code.id());
    }
}

fn collect_keys(node: &Node, keys: &mut Vec<String>) {
    match &node.value {
        Value::Scalar { .. } => {}
        Value::List(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        Value::Map(entries) => {
            for entry in entries {
                keys.push(entry.key.text.clone());
                collect_keys(&entry.node, keys);
            }
        }
    }
}
