// SPDX-License-Identifier: Apache-2.0
//! `zollhaus.yaml` as a whole.

use crate::base::Tenant;
use crate::telemetry::LogFormat;

use super::callers::{self, Callers, read_beside};
use super::diagnostic::Code;
use super::document::{Document, Section};
use super::item::Item;
use super::model::{AdminSettings, Config, LogSettings, UpstreamSettings, VaultSettings};
use super::{api_keys, border, keys, limits, listen, transfer_log, upstream, vault, yaml};

/// Keys of later versions.
const LATER: &[&str] = &["border", "tests", "console", "telemetry"];

/// Top-level domains that nobody can own (RFC 2606, RFC 6762): CRMs may refuse
/// addresses under them.
const RESERVED: &[&str] = &["example", "invalid", "local", "localhost", "test"];

pub fn config(document: &Document<'_>) -> Option<Config> {
    let root = yaml::parse(document).ok()?;
    let top = document.open(root.as_ref())?;

    let tenant = top.required("tenant").and_then(|tenant| tenant.chosen_name());
    let limits = limits::compile(&top);
    let listener =
        top.required("listen").and_then(|listen| listen::compile(&listen, limits.connection));
    let admin = top.required("admin").and_then(|item| {
        let admin = admin_settings(document, &item)?;
        if listener.as_ref().is_some_and(|it| it.bind == admin.bind && it.bind.port() != 0) {
            let message = "`admin` and `listen` are bound to one address";
            item.report(item.problem(Code::Contradiction, message).help("give each its own port"));
        }
        Some(admin)
    });
    let callers = top.required("callers").and_then(|callers| callers::compile(document, &callers));
    let email_domain = top.required("surrogates").and_then(|surrogates| email_domain(&surrogates));
    let vault_item = top.required("vault");
    let vault = vault_item.as_ref().and_then(vault::compile);
    let upstreams = top.required("upstreams").and_then(|upstreams| {
        let roles = callers.as_ref().and_then(Callers::closed_roles);
        upstream::compile(document, &upstreams, email_domain.as_deref(), roles.as_ref())
    });
    if let (Some(item), Some(vault), Some(upstreams)) = (&vault_item, &vault, &upstreams) {
        check_vault(item, vault, upstreams);
    }
    let keys_item = top.required("keys");
    let keys = keys_item.as_ref().and_then(keys::compile);
    if let (Some(item), Some(upstreams)) = (&keys_item, &upstreams) {
        keys::check_jurisdictions(item, upstreams);
    }
    let transfer_log = top.required("transfer_log").and_then(|log| transfer_log::compile(&log));
    let log = log_settings(top.section("log"));
    top.finish_with(LATER);

    let (callers, upstreams) = (callers?, upstreams?);
    let ((keys, jurisdictions), (transfer_log, streams)) = (keys.unzip(), transfer_log.unzip());
    if let Some(listener) = &listener {
        callers.report_contradictions(document, listener);
    }
    callers.report_unknown(document.problems, &upstreams);
    Some(Config {
        tenant: Tenant::new(tenant?),
        listener: listener?,
        admin: admin?,
        upstreams,
        callers: callers.config,
        callers_file: callers.file,
        keys: keys?,
        jurisdictions: jurisdictions?,
        vault: vault?,
        transfer_log: transfer_log?,
        streams: streams?,
        email_domain: email_domain?,
        limits: limits.request?,
        log: log?,
    })
}

fn admin_settings(document: &Document<'_>, admin: &Item<'_>) -> Option<AdminSettings> {
    let section = admin.section()?;
    let bind = section.required("bind").and_then(|bind| listen::address(&bind));
    let api_keys = section.optional_or("api_keys", None, |item| {
        if bind.is_some_and(|bind| !bind.ip().is_loopback()) {
            let message = "the admin API takes personal values, and the admin listener has no TLS";
            item.report(
                item.problem(Code::PlainHttp, message).help(
                    "bind `admin` to loopback, or use `zollhaus consent` in place of the API",
                ),
            );
            return None;
        }
        let path = item.path()?;
        let keys = read_beside(document, &path, &item, api_keys::compile_admins)?;
        Some(Some((path, keys)))
    });
    section.finish_with(&["tls"]);
    Some(AdminSettings { bind: bind?, api_keys: api_keys? })
}

/// Reports a vault that laws cannot find, where they say that values stay in a place.
fn check_vault(item: &Item<'_>, vault: &VaultSettings, upstreams: &[UpstreamSettings]) {
    let borders = upstreams.iter().filter_map(|upstream| upstream.policy.border.as_ref());
    let mut local = borders.filter_map(|border| Some((border, border.keeps_local()?)));
    let Some((border, rule)) = local.next() else { return };
    match &vault.region {
        Some(region) => {
            let written = item.section().and_then(|vault| vault.optional("region"));
            border::check_region(written.as_ref().unwrap_or(item), region.as_str(), border);
        }
        None => item.refuse(
            format!("`{}` keeps values local, and nothing says where the vault is", rule.name),
            "add `region`, an ISO 3166 code or a group of the border",
        ),
    }
}

/// The domain of surrogates that look like addresses.
fn email_domain(surrogates: &Item<'_>) -> Option<String> {
    let section = surrogates.section()?;
    let domain = section.required("email_domain").and_then(|item| {
        let domain = item.text()?;
        if !is_domain(domain) {
            item.refuse(
                format!("`{}` is not a domain", item.name),
                format!(
                    "a domain that you own, in lower case and of at most {LONGEST_DOMAIN} \
                     characters, such as `tokens.acme.com`"
                ),
            );
            return None;
        }
        let top = domain.rsplit('.').next().unwrap_or_default();
        if RESERVED.contains(&top) {
            let message = format!("nobody can own a domain under `.{top}`, so a CRM may refuse it");
            item.report(
                item.problem(Code::ReservedDomain, message).help(
                    "name a domain of yours before real data passes; it needs no mail server",
                ),
            );
        }
        Some(domain.to_owned())
    });
    section.finish();
    domain
}

/// What is left of the 254 characters of an e-mail address (RFC 5321, erratum 1690) behind the
/// longest local part, 64, and the `@`.
const LONGEST_DOMAIN: usize = 189;

/// Two or more labels of lower-case letters, digits and inner hyphens (RFC 1035,
/// section 2.3.1); the last one starts with a letter.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top_is_a_word = |(_, top): (&str, &str)| top.starts_with(|c: char| c.is_ascii_lowercase());
    text.len() <= LONGEST_DOMAIN
        && text.split('.').all(is_label)
        && text.rsplit_once('.').is_some_and(top_is_a_word)
}

fn log_settings(section: Option<Section<'_>>) -> Option<LogSettings> {
    let Some(section) = section else {
        return Some(LogSettings { format: LogFormat::Text, level: "info" });
    };
    let format = section.optional_or("format", LogFormat::Text, |format| {
        format.choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)])
    });
    let level = section.optional_or("level", "info", |level| {
        level.choice(&["error", "warn", "info", "debug", "trace"].map(|level| (level, level)))
    });
    section.finish();
    Some(LogSettings { format: format?, level: level? })
}

#[cfg(test)]
mod tests {
    use super::is_domain;

    #[test]
    fn domains() {
        for sound in ["a.de", "tokens.acme.example", "t-1.xn--bcher-kva.example"] {
            assert!(is_domain(sound), "{sound}");
        }
        let long = format!("{}.de", "a".repeat(64));
        let labels = |last: usize| format!("{}{}.de", "a.".repeat(62), "a".repeat(last));
        assert!(is_domain(&labels(62)) && !is_domain(&labels(63)), "an address has 254 characters");
        for wrong in [
            "", "acme", "Acme.de", ".de", "a..de", "a.de.", "-a.de", "a-.de", "a.1", "a@b.de",
            "a b.de", &long,
        ] {
            assert!(!is_domain(wrong), "{wrong}");
        }
    }
}
