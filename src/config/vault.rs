// SPDX-License-Identifier: Apache-2.0
//! Where the vault is: `vault`.

use std::ops::RangeInclusive;
use std::time::Duration;

use tokio_postgres::config::Host;

use crate::base::Region;
use crate::postgres::{Password, PostgresHost, PostgresSettings, PostgresTls};
use crate::sqlite::DEFAULT_CACHE;

use super::diagnostic::Code;
use super::document::{Section, listed};
use super::environment::variable;
use super::item::Item;
use super::model::{VaultPlace, VaultSettings};
use super::upstream::is_loopback;

/// The places that a vault can be in; one is named.
const PLACES: [&str; 2] = ["sqlite", "postgres"];

/// Less is less than what one batch of values touches.
const CACHE: RangeInclusive<usize> = 1 << 20..=64 << 30;

const DEFAULT_SCHEMA: &str = "zollhaus";
const DEFAULT_PORT: u16 = 5432;
const DEFAULT_CONNECTIONS: usize = 16;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// PostgreSQL cuts longer names off.
const MAX_SCHEMA: usize = 63;

const URL: &str = "for example `postgres://zollhaus@db.acme.example:5432/zollhaus`";

pub fn compile(vault: &Item<'_>) -> Option<VaultSettings> {
    let section = vault.section()?;
    let place = place(vault, &section);
    let cache = section.optional_or("cache", DEFAULT_CACHE, |item| item.size(CACHE));
    let region = section
        .optional_or("region", None, |region| region.chosen_name().map(Region::new).map(Some));
    section.finish();
    Some(VaultSettings { place: place?, cache: cache?, region: region? })
}

fn place(vault: &Item<'_>, section: &Section<'_>) -> Option<VaultPlace> {
    let sqlite = section.optional("sqlite");
    let postgres = section.optional("postgres");
    let file = sqlite.as_ref().map(|item| item.path().map(VaultPlace::Sqlite));
    let server = postgres.as_ref().map(|item| self::postgres(item).map(VaultPlace::Postgres));
    match (file, server) {
        (Some(file), None) => file,
        (None, Some(server)) => server,
        (Some(_), Some(_)) => {
            let message = "`vault.sqlite` and `vault.postgres` both say where the vault is";
            let second = postgres.as_ref().unwrap_or(vault);
            let problem = second.key_problem(Code::Contradiction, message);
            second.report(problem.help("keep one of them; nothing is moved from one to the other"));
            None
        }
        (None, None) => {
            // A slip is reported as such.
            if section.entries().all(|(key, _)| ["region", "cache"].contains(&key)) {
                let message = "`vault` does not say where the vault is";
                let help = format!("add one of {}", listed(PLACES.iter()));
                vault.report(vault.key_problem(Code::MissingKey, message).help(help));
            }
            None
        }
    }
}

fn postgres(item: &Item<'_>) -> Option<PostgresSettings> {
    let section = item.section()?;
    if let Some((_, password)) = section.entries().find(|(key, _)| *key == "password") {
        report_password(&password, &password.name);
        return None;
    }
    let url = section.required("url");
    if let Some(url) = url.as_ref().filter(|url| url.text().is_some_and(holds_password)) {
        report_password(url, &url.name);
        return None;
    }
    let server = url.as_ref().and_then(server);
    let schema = section.optional_or("schema", DEFAULT_SCHEMA.to_owned(), |item| schema(&item));
    let password = password(&section);
    let ca = section.optional("ca");
    let authorities = ca.as_ref().map_or(Some(None), |ca| ca.existing_file().map(Some));
    let allow_plain = section.optional_or("allow_plain", false, |flag| flag.flag());
    let connections =
        section.optional_or("connections", DEFAULT_CONNECTIONS, |number| number.number(1..=1_000));
    let range = Duration::from_millis(100)..=Duration::from_secs(600);
    let connect_timeout = section
        .optional_or("connect_timeout", CONNECT_TIMEOUT, |time| time.duration(range.clone()));
    let statement_timeout = section
        .optional_or("statement_timeout", STATEMENT_TIMEOUT, |time| time.duration(range.clone()));
    section.finish_with(&["client"]);

    let (url, server) = (url?, server?);
    let is_here = server.hosts.iter().all(|host| is_socket(host) || is_loopback(&host.name));
    let tls = match (allow_plain?, authorities?) {
        (true, Some(_)) => {
            let ca = ca.as_ref().unwrap_or(&url);
            let message = "`allow_plain` turns TLS off, and `ca` says whom it trusts";
            let problem = ca.key_problem(Code::Contradiction, message);
            ca.report(problem.help("keep one of them"));
            return None;
        }
        (true, None) => PostgresTls::Off,
        (false, None) if is_here => PostgresTls::Off,
        (false, authorities) => PostgresTls::Trusting(authorities),
    };
    Some(PostgresSettings {
        hosts: server.hosts,
        user: server.user,
        database: server.database,
        schema: schema?,
        password: password?,
        tls,
        connections: connections?,
        connect_timeout: connect_timeout?,
        statement_timeout: statement_timeout?,
    })
}

/// What else stands on its line is not reported either.
fn report_password(item: &Item<'_>, name: &str) {
    let problem = item.key_problem(Code::InvalidValue, format!("a password stands in `{name}`"));
    let help = "put it into a file, name that by `password_file`, and give the user another one";
    item.report(problem.help(help).without_the_line());
}

fn holds_password(url: &str) -> bool {
    let authority = url.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    let user = authority.and_then(|authority| authority.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.contains(':')) || url.contains("password=")
}

struct Server {
    hosts: Vec<PostgresHost>,
    user: String,
    database: String,
}

fn server(item: &Item<'_>) -> Option<Server> {
    match read_url(item.text()?) {
        Ok(server) => Some(server),
        Err((defect, help)) => {
            item.refuse(format!("`{}` cannot be used: {defect}", item.name), help);
            None
        }
    }
}

fn read_url(text: &str) -> Result<Server, (&'static str, &'static str)> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
        return Err(("it does not start with `postgres://`", URL));
    }
    if text.contains(['?', '#']) {
        let help =
            "what libpq takes there has keys of its own here: `ca`, `schema`, `connect_timeout` …";
        return Err(("it has parameters", help));
    }
    let config: tokio_postgres::Config = text.parse().map_err(|_| ("it is not a URL", URL))?;
    let user = config.get_user().filter(|user| !user.is_empty());
    let database = config.get_dbname().filter(|database| !database.is_empty());
    let user = user.ok_or(("it names no user", URL))?;
    let database = database.ok_or(("it names no database", URL))?;
    let hosts: Vec<PostgresHost> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(at, host)| {
            let ports = config.get_ports();
            let port = ports.get(at).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
            let name = match host {
                Host::Tcp(name) => name.trim_start_matches('[').trim_end_matches(']').to_owned(),
                Host::Unix(folder) => folder.to_string_lossy().into_owned(),
            };
            PostgresHost { name, port }
        })
        .collect();
    if hosts.is_empty() || hosts.iter().any(|host| host.name.is_empty() || host.port == 0) {
        return Err(("it names no host", URL));
    }
    Ok(Server { hosts, user: user.to_owned(), database: database.to_owned() })
}

fn is_socket(host: &PostgresHost) -> bool {
    host.name.starts_with('/')
}

fn schema(item: &Item<'_>) -> Option<String> {
    let name = item.text()?;
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_sound = name.len() <= MAX_SCHEMA
        && name.chars().all(is_word)
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.starts_with("pg_")
        && !["public", "information_schema"].contains(&name);
    if !is_sound {
        item.refuse(
            format!("`{}` cannot be the schema of a house", item.name),
            "up to 63 of `a` to `z`, digits and `_`, which nothing else is kept in, such as `zollhaus`",
        );
        return None;
    }
    Some(name.to_owned())
}

fn password(section: &Section<'_>) -> Option<Password> {
    let file = section.optional("password_file");
    let environment = section.optional("password_environment");
    match (file, environment) {
        (Some(_), Some(second)) => {
            let message =
                "`password_file` and `password_environment` both say where the password is";
            let problem = second.key_problem(Code::Contradiction, message);
            second.report(problem.help("keep one of them"));
            None
        }
        (Some(file), None) => file.existing_file().map(Password::File),
        (None, Some(item)) => {
            // The server says that it needs one, if it does.
            let (_, value) = variable(&item)?;
            Some(value.map_or(Password::Unneeded, Password::Given))
        }
        (None, None) => Some(Password::Unneeded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let check = |url: &str, expected: &[(&str, u16)]| {
            let server = read_url(url).unwrap_or_else(|(defect, _)| panic!("{url}: {defect}"));
            let hosts: Vec<_> =
                server.hosts.iter().map(|host| (host.name.as_str(), host.port)).collect();
            assert_eq!(hosts, expected, "{url}");
            assert_eq!((&*server.user, &*server.database), ("zoll haus", "crm"), "{url}");
        };
        check("postgres://zoll%20haus@db.example/crm", &[("db.example", 5432)]);
        check("postgresql://zoll%20haus@db.example:1/crm", &[("db.example", 1)]);
        check("postgres://zoll%20haus@[::1]:7/crm", &[("::1", 7)]);
        check("postgres://zoll%20haus@a:1,b:2,c/crm", &[("a", 1), ("b", 2), ("c", 5432)]);
        check("postgres://zoll%20haus@%2Frun%2Fpg/crm", &[("/run/pg", 5432)]);
    }

    #[test]
    fn wrong_urls() {
        for (url, expected) in [
            ("db.example/crm", "it does not start with `postgres://`"),
            ("mysql://a@b/c", "it does not start with `postgres://`"),
            ("host=a user=b", "it does not start with `postgres://`"),
            ("postgres://a@b/c?sslmode=disable", "it has parameters"),
            ("postgres://a@b/c#d", "it has parameters"),
            ("postgres://b/c", "it names no user"),
            ("postgres://a@b", "it names no database"),
            ("postgres://a@b/", "it names no database"),
            ("postgres://a@/c", "it names no host"),
            ("postgres://a@b:0/c", "it names no host"),
            ("postgres://a@b:x/c", "it is not a URL"),
        ] {
            assert!(!holds_password(url), "{url}");
            let found = read_url(url).err().map(|(defect, _)| defect);
            assert_eq!(found, Some(expected), "{url}");
        }
        for url in ["postgres://a:geheim@b/c", "postgres://a@b/c?password=geheim", "mysql://a:b@c"]
        {
            assert!(holds_password(url), "{url}");
        }
    }
}
