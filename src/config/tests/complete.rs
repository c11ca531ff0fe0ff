// SPDX-License-Identifier: Apache-2.0
//! That each key means what its name says, and is documented.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::base::Choice;
use crate::caller::JwksSource;
use crate::config::diagnostic::Problems;
use crate::config::document::Document;
use crate::config::yaml::{Node, Value};
use crate::config::{Code, Config, Source, VaultPlace, yaml};
use crate::keys::{KeyServiceSettings, SecretSource};
use crate::listener::ClientCertificates;
use crate::policy::{Protection, Shape};
use crate::postgres::{Password, PostgresHost, PostgresSettings, PostgresTls};
use crate::proxy::{Mode, RequestLimits};
use crate::telemetry::LogFormat;
use crate::transfer_log::stream::{Destination, Format, OnLag, StreamConfig, Syslog};
use crate::transfer_log::{
    CopySettings, DirectorySettings, MirrorSettings, RemoteSettings, WitnessSettings,
};
use crate::upstream::{ClientIdentity, Credential};

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
        max_rows_bytes: 2 << 20,
        max_expansion_ratio: 20,
        body_timeout: seconds(10),
        max_concurrent_requests: 200,
        max_buffered_bytes: 64 << 20,
        max_spooled_bytes: 128 << 20,
    };
    assert_eq!(config.limits, expected);
    assert_eq!(config.admin.bind, "[::1]:9100".parse().unwrap());
    let (administrators, keys) = config.admin.api_keys.unwrap();
    assert_eq!((administrators, keys.len()), (folder.file("zollhaus.admins"), 0));
    let passphrase = Some(SecretSource::File(folder.file("zollhaus.key")));
    let service = KeyServiceSettings::File { path: folder.file("zollhaus.key"), passphrase };
    assert_eq!(config.keys.service, service);
    assert_eq!(config.keys.keyset, folder.file("zollhaus.keyset"));
    let [(jurisdiction, keys)] = &config.jurisdictions[..] else { panic!("one") };
    assert_eq!((jurisdiction.as_str(), keys.lease), ("AU", None));
    assert!(
        matches!(&keys.service, KeyServiceSettings::Environment { name, .. } if name == "PATH")
    );
    assert_eq!(keys.keyset, folder.file("zollhaus.admins"));
    let VaultPlace::Postgres(vault) = config.vault.place else { panic!("it is shared") };
    let host = |name: &str, port| PostgresHost { name: name.into(), port };
    let expected = PostgresSettings {
        hosts: vec![host("db-1.acme.example", 5432), host("db-2.acme.example", 5433)],
        user: "zollhaus".into(),
        database: "crm".into(),
        schema: "house_of_acme".into(),
        password: Password::File(folder.file("zollhaus.key")),
        tls: PostgresTls::Trusting(Some(folder.file("zollhaus.key"))),
        connections: 8,
        connect_timeout: seconds(2),
        statement_timeout: seconds(20),
    };
    assert_eq!(vault, expected);
    assert_eq!(config.vault.region, Some("EU".into()));
    let [siem, arcsight, old, collector, disk] = &config.streams[..] else { panic!("five") };
    assert_eq!((siem.name.as_str(), siem.max_lag, siem.on_lag), ("siem", 5000, OnLag::Refuse));
    assert_eq!((disk.max_lag, disk.on_lag), (100_000, OnLag::Report));
    let syslog = |stream: &StreamConfig| match &stream.to {
        Destination::Syslog { over, host, port, format } => {
            (over.clone(), host.clone(), *port, *format)
        }
        other => panic!("unexpected {other:?}"),
    };
    let tls = Syslog::Tls {
        ca: Some(folder.file("zollhaus.key")),
        identity: Some(ClientIdentity {
            certificate: folder.file("zollhaus.key"),
            key: folder.file("zollhaus.keyset"),
        }),
    };
    assert_eq!(syslog(siem), (tls, "siem.acme.example".to_owned(), 6514, Format::Rfc5424));
    assert_eq!(syslog(arcsight), (Syslog::Tcp, "::1".to_owned(), 601, Format::Cef));
    assert_eq!(syslog(old), (Syslog::Udp, "10.0.0.7".to_owned(), 514, Format::Rfc5424));
    let credential = Credential {
        file: folder.file("zollhaus.key"),
        header: Some(http::HeaderName::from_static("api-key")),
    };
    assert!(matches!(&collector.to, Destination::Otlp { client, credential: Some(found) }
        if client.url == "http://127.0.0.1:4318/v1/logs" && *found == credential));
    assert!(matches!(&disk.to, Destination::File { path, format: Format::Cef }
        if *path == folder.file("zollhaus.transfers.cef")));
    let ca = Some(folder.file("zollhaus.key"));
    let remote =
        |url: &str| RemoteSettings { url: url.parse().unwrap(), ca: ca.clone(), credential: None };
    let expected = DirectorySettings {
        directory: folder.file("log"),
        origin: "acme.example/zollhaus/one".to_owned(),
        interval: Duration::from_millis(500),
        max_unintegrated: 50_000,
        retention: Some(seconds(3 * 365 * 86_400)),
        copies: CopySettings {
            mirrors: vec![
                MirrorSettings::File("/mnt/elsewhere/zollhaus.checkpoint".into()),
                MirrorSettings::Remote(RemoteSettings {
                    credential: Some(Credential { header: None, ..credential }),
                    ..remote("https://archive.acme.example/zollhaus/one")
                }),
            ],
            witnesses: vec![WitnessSettings {
                key: config.transfer_log.copies.witnesses[0].key.clone(),
                remote: remote("https://w.example/submit"),
            }],
            required_witnesses: 1,
        },
    };
    assert_eq!(config.transfer_log.copies.witnesses[0].key.name(), "w.example/1");
    assert_eq!(config.transfer_log, expected);
    assert_eq!(config.email_domain, "tokens.acme.com");
    assert_eq!((config.log.format, config.log.level), (LogFormat::Json, "debug"));

    let callers = config.callers;
    assert_eq!(config.callers_file, Some(folder.file("zollhaus.callers")));
    assert_eq!(callers.certificates[0].name, "dns:etl.acme.example");
    assert_eq!(callers.certificates[0].principal.roles, ["support".into()]);
    assert_eq!(callers.certificates[0].principal.purpose, Some("crm".into()));
    assert_eq!(callers.certificates[0].principal.region, Some("NO".into()));
    assert_eq!(callers.anonymous.unwrap().name.as_str(), "everyone");
    assert_eq!(callers.rate.unwrap().burst.get(), 200);
    let jwt = callers.jwt.unwrap();
    assert_eq!(
        (jwt.issuer.as_str(), jwt.audience.as_str()),
        ("https://login.acme.example", "zollhaus")
    );
    assert_eq!((jwt.roles_claim.as_str(), jwt.leeway), ("groups", Duration::ZERO));
    assert_eq!(jwt.purpose_claim.as_deref(), Some("purpose"));
    assert_eq!(jwt.region_claim.as_deref(), Some("region"));
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
    assert_eq!(rule("contact", "email"), Protection::tokenize(Shape::Email));
    assert_eq!(rule("contact", "phone"), Protection::tokenize(Shape::Text));
    let encrypted = Protection::Encrypt { shape: Shape::Text, searchable: false };
    assert_eq!(rule("contact", "mailingstreet"), encrypted);
    assert_eq!(rule("contact", "birthdate"), Protection::Drop);
    let contact = &salesforce.policy.objects["contact"];
    assert_eq!(contact.subject, ["email".into()]);
    let consent = &contact.consents["hasoptedoutofemail"];
    assert_eq!(consent.purpose.as_str(), "email_marketing");
    assert_eq!(consent.choice("TRUE"), Some(Choice::Withdrawn));
    assert_eq!(consent.choice("false"), None);
}

/// Names in the complete example that its writer chose.
const MADE_UP: &[&str] = &[
    "people",
    "person",
    "email",
    "page",
    "remark",
    "siem",
    "arcsight",
    "old",
    "collector",
    "disk",
    "AU",
];

#[test]
fn a_vault_in_a_file_has_a_cache() {
    let folder = folder();
    let path = folder.file("zollhaus.yaml");
    let cache = |vault: &str| {
        let unusual = include_str!("golden/config_unusual.yaml");
        fs::write(&path, unusual.replace("{ sqlite: zollhaus.vault }", vault)).unwrap();
        Config::load(&path).unwrap().value.vault.cache
    };
    assert_eq!(cache("{ sqlite: zollhaus.vault }"), 64 << 20);
    assert_eq!(cache("{ sqlite: zollhaus.vault, cache: 8MiB }"), 8 << 20);
}

#[test]
fn every_key_and_code_is_documented() {
    let folder = folder();
    fs::write(folder.file("zollhaus.yaml"), COMPLETE).unwrap();
    let keys = keys(&folder.file("zollhaus.yaml"));
    // Names that the example made up.
    let made_up = |key: &str| key.contains([' ', '[']) || MADE_UP.contains(&key);
    for key in keys.iter().filter(|key| !made_up(key)) {
        assert!(CONFIG_DOCS.contains(&format!("`{key}`")), "`{key}` is not in docs/CONFIG.md");
    }
    for code in Code::ALL {
        assert!(CONFIG_DOCS.contains(code.id()), "{} is not in docs/CONFIG.md", code.id());
    }
}

/// Every key of a document, however deep.
pub fn keys(path: &Path) -> Vec<String> {
    let problems = Problems::default();
    let source = Source::read(path).unwrap();
    let root = yaml::parse(&Document { source, problems: &problems }).unwrap().unwrap();
    let mut keys = Vec::new();
    collect_keys(&root, &mut keys);
    keys
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
