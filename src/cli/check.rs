// SPDX-License-Identifier: Apache-2.0

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use clap::Args;

use crate::base::{Clock, Date, FieldName, SearchKind, SystemClock, UpstreamName};
use crate::border::{Basis, Border, Confirmation, Phase, Window};
use crate::config::{Config, UpstreamSettings};
use crate::policy::{ObjectRule, Unlisted};
use crate::proxy::Mode;

use super::{ConfigFile, print};

/// Check the configuration and its policies, and show what they protect
///
/// Reports every problem with file, line and column and what would be right. Exits
/// with 1 if something has to be changed; warnings alone are not an error.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  zollhaus check --config /etc/zollhaus/zollhaus.yaml")]
pub struct Check {
    #[command(flatten)]
    file: ConfigFile,
}

impl Check {
    pub fn execute(self) -> anyhow::Result<()> {
        let loaded = self.file.load()?;
        print::diagnostics(&loaded.warnings);
        for warning in ending(&loaded.value, SystemClock.now().date()) {
            print::note(warning);
        }
        print::line(format!("{} is sound.\n", self.file.config.display()))?;
        print::line(summary(&loaded.value).trim_end())
    }
}

/// Transfer bases and confirmations that have ended, or end soon.
pub(super) fn ending(config: &Config, today: Date) -> BTreeSet<String> {
    let ends = |window: Window| match window.phase(today) {
        Phase::EndsSoon { until } => Some(format!("ends on {until}")),
        Phase::Ended { until } => Some(format!("ended on {until}")),
        Phase::Valid | Phase::NotYet { .. } => None,
    };
    let of_basis = |basis: &Basis| {
        let place = basis.origin.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
        Some(format!("warning: the basis `{}` {}{place}\n", basis.name, ends(basis.window)?))
    };
    let of_confirmation = |confirmed: &Confirmation| {
        let Confirmation { scope, upstreams, window, reference } = confirmed;
        let upstreams: Vec<&str> = upstreams.iter().map(UpstreamName::as_str).collect();
        Some(format!(
            "warning: the confirmation of `{scope}` for {} {} ({reference})\n",
            upstreams.join(", "),
            ends(*window)?
        ))
    };
    let borders = config.upstreams.iter().filter_map(|upstream| upstream.policy.border.as_ref());
    let of_border = |border: &Arc<Border>| {
        let bases = border.bases().filter_map(of_basis);
        bases.chain(border.confirmations.iter().filter_map(of_confirmation)).collect::<Vec<_>>()
    };
    borders.flat_map(of_border).collect()
}

/// What the configuration amounts to.
fn summary(config: &Config) -> String {
    let tls = if config.listener.tls.is_some() { "TLS" } else { "plain HTTP" };
    let callers = &config.callers;
    let mut kinds = vec![
        format!("{} with an API key", callers.api_keys.len()),
        format!("{} with a certificate", callers.certificates.len()),
    ];
    kinds.extend(callers.jwt.as_ref().map(|jwt| format!("tokens of {}", jwt.issuer)));
    kinds.extend(callers.anonymous.as_ref().map(|caller| format!("anyone as `{}`", caller.name)));
    let api = match &config.admin.api_keys {
        Some((_, keys)) => format!("API for {} with a key", keys.len()),
        None => "no API".to_owned(),
    };
    let mut text = format!(
        "listens on  {} ({tls})\nadmin on    {} ({api})\ncallers     {}\n",
        config.listener.bind,
        config.admin.bind,
        kinds.join(", "),
    );
    for upstream in &config.upstreams {
        text.push('\n');
        text.push_str(&upstream_summary(upstream));
    }
    text
}

fn upstream_summary(upstream: &UpstreamSettings) -> String {
    let mut text = format!(
        "{}: {} at {} in {}, {}\n  by {}\n",
        upstream.name,
        upstream.dialect.name(),
        upstream.client.url,
        upstream.region,
        match upstream.mode {
            Mode::Enforce => "enforced",
            Mode::Observe => "OBSERVED ONLY: unknown operations pass unprotected",
        },
        upstream.policy_path.display(),
    );
    let objects: BTreeMap<_, _> = upstream.policy.objects.iter().collect();
    for (name, object) in objects {
        let _ = writeln!(text, "  {:<12} {}", name.as_str(), object_summary(object));
    }
    for rule in upstream.policy.searched() {
        let kinds: Vec<&str> = rule.search.iter().map(|kind| kind.name()).collect();
        let shown: Vec<&str> = rule.search.iter().map(|kind| shown_by(*kind)).collect();
        let _ = writeln!(
            text,
            "  {:<12} found by {}: the vault's file shows, without keys, which values of `{}` {}, \
             and how often; each search shows the CRM which it finds",
            rule.id,
            kinds.join(", "),
            rule.category,
            shown.join(", ")
        );
    }
    if upstream.dialect.sorts_rows() {
        let what = match upstream.policy.sorted_rows {
            0 => "queries that are sorted by a protected field are refused".to_owned(),
            rows => format!(
                "by protected fields, for who sees them in full: queries that find at most {rows} rows"
            ),
        };
        let _ = writeln!(text, "  {:<12} {what}", "sorted");
    }
    if let Some(border) = &upstream.policy.border {
        let laws: Vec<&str> = border.laws.iter().map(|law| law.name.as_str()).collect();
        let _ = writeln!(text, "  {:<12} {}", "border", laws.join(", "));
    }
    text
}

/// What an index tells of the values in it.
fn shown_by(kind: SearchKind) -> &'static str {
    match kind {
        SearchKind::Prefix => "begin with the same 1 to 10 characters",
        SearchKind::Contains => "have three characters in common",
        SearchKind::Words => "have a word in common",
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// `8 fields (6 tokenize, 2 encrypt), others pass, people by email`
fn object_summary(object: &ObjectRule) -> String {
    let mut protections: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in object.fields.values() {
        *protections.entry(rule.protection.name()).or_default() += 1;
    }
    let counted: Vec<String> =
        protections.iter().map(|(protection, count)| format!("{count} {protection}")).collect();
    let others = match &object.unlisted {
        Unlisted::Pass => "pass".to_owned(),
        Unlisted::Refuse => "are refused".to_owned(),
        Unlisted::Protect(rule) => format!("{} as `{}`", rule.protection.name(), rule.category),
    };
    let mut text = format!(
        "{} ({}), others {others}",
        count(object.fields.len(), "field"),
        counted.join(", ")
    );
    if !object.subject.is_empty() {
        let names: Vec<_> = object.subject.iter().map(FieldName::as_str).collect();
        let _ = write!(text, ", people by {}", names.join(", "));
    }
    text
}
