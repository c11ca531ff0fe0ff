// SPDX-License-Identifier: Apache-2.0

use std::time::Duration;

use http::Uri;
use http::uri::Authority;

use crate::transfer_log::stream::{Destination, Format, OnLag, StreamConfig, Syslog};
use crate::upstream::{ClientIdentity, UpstreamConfig};

use super::credential::credential;
use super::diagnostic::Code;
use super::document::Section;
use super::item::Item;
use super::upstream::{defect_of_url, is_loopback};

const DEFAULT_MAX_LAG: u64 = 100_000;

/// Of a collector: to connect, and to answer.
const CONNECT_TIME: Duration = Duration::from_secs(10);
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Reads `streams` of the section `transfer_log`; there may be none.
pub fn compile(transfer_log: &Section<'_>) -> Option<Vec<StreamConfig>> {
    let Some(streams) = transfer_log.optional("streams") else { return Some(Vec::new()) };
    let read: Vec<_> =
        streams.section()?.named().map(|(name, item)| stream(name.text, &item)).collect();
    read.into_iter().collect()
}

fn stream(name: &str, item: &Item<'_>) -> Option<StreamConfig> {
    let section = item.section()?;
    let to = section.required("to").and_then(|to| destination(&section, &to));
    let max_lag =
        section.optional_or("max_lag", DEFAULT_MAX_LAG, |lag| lag.number(1..=1_000_000_000_000));
    let on_lag = section.optional_or("on_lag", OnLag::Report, |on_lag| {
        on_lag.choice(&[("report", OnLag::Report), ("refuse", OnLag::Refuse)])
    });
    section.finish();
    Some(StreamConfig { name: name.into(), to: to?, max_lag: max_lag?, on_lag: on_lag? })
}

/// The other keys that belong to a destination are read with it: what is no key of
/// this kind of destination is reported.
fn destination(section: &Section<'_>, to: &Item<'_>) -> Option<Destination> {
    let text = to.text()?;
    let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
    match scheme {
        "syslog+tls" => {
            let ca = section.optional_or("ca", None, |ca| ca.existing_file().map(Some));
            let identity =
                section.optional_or("client", None, |client| identity(&client).map(Some));
            let over = ca.zip(identity).map(|(ca, identity)| Syslog::Tls { ca, identity });
            syslog(section, to, rest, over, true)
        }
        "syslog+tcp" => syslog(section, to, rest, Some(Syslog::Tcp), allows_plain(section)?),
        "syslog+udp" => syslog(section, to, rest, Some(Syslog::Udp), allows_plain(section)?),
        "file" => file(section, to, rest),
        "otlp+https" => collector(section, to, text, true),
        "otlp+http" => collector(section, to, text, allows_plain(section)?),
        _ => {
            to.refuse(
                format!("`{}` names no kind of destination", to.name),
                "it starts with `syslog+tls://`, `syslog+tcp://`, `syslog+udp://`, `otlp+https://`, \
                 `otlp+http://` or `file:`",
            );
            None
        }
    }
}

fn syslog(
    section: &Section<'_>,
    to: &Item<'_>,
    rest: &str,
    over: Option<Syslog>,
    allow_plain: bool,
) -> Option<Destination> {
    let format = section.optional_or("format", Format::Rfc5424, |format| read_format(&format));
    let authority: Option<Authority> =
        rest.strip_prefix("//").and_then(|authority| authority.parse().ok());
    let place = authority.filter(|place| !place.as_str().contains('@') && !place.host().is_empty());
    let place = place.and_then(|place| Some((place.port_u16().filter(|port| *port != 0)?, place)));
    let Some((port, place)) = place else {
        to.refuse(
            format!("`{}` is not a host with a port", to.name),
            "for example `syslog+tls://siem.acme.example:6514`",
        );
        return None;
    };
    permit(to, allow_plain || is_loopback(place.host()))?;
    let host = place.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    Some(Destination::Syslog { over: over?, host, port, format: format? })
}

fn file(section: &Section<'_>, to: &Item<'_>, path: &str) -> Option<Destination> {
    let format = section.optional_or("format", Format::Rfc5424, |format| read_format(&format));
    if path.is_empty() || path.starts_with("//") {
        to.refuse(
            format!("`{}` is not a path", to.name),
            "for example `file:/var/log/zollhaus/transfers.cef`",
        );
        return None;
    }
    Some(Destination::File { path: to.resolve(path), format: format? })
}

fn collector(
    section: &Section<'_>,
    to: &Item<'_>,
    text: &str,
    allow_plain: bool,
) -> Option<Destination> {
    let ca = section.optional_or("ca", None, |ca| ca.existing_file().map(Some));
    let text = text.trim_start_matches("otlp+");
    let url: Option<Uri> = text.parse().ok();
    let defect = match &url {
        None => Some("it is not a URL"),
        Some(url) if url.path() == "/" => Some("it has no path"),
        Some(url) => defect_of_url(url, text, true),
    };
    if let Some(defect) = defect {
        to.refuse(
            format!("`{}` cannot be used: {defect}", to.name),
            "for example `otlp+https://otel.acme.example:4318/v1/logs`",
        );
        return None;
    }
    let url = url?;
    let is_private = url.scheme_str() == Some("https") || url.host().is_some_and(is_loopback);
    permit(to, allow_plain || is_private)?;
    let credential =
        section.optional_or("credential", None, |item| credential(&item, is_private).map(Some));
    let client = UpstreamConfig {
        url,
        allow_plain,
        ca: ca?,
        connect_timeout: CONNECT_TIME,
        answer_timeout: ANSWER_TIME,
        read_timeout: ANSWER_TIME,
    };
    Some(Destination::Otlp { client, credential: credential? })
}

/// What a server knows us by.
fn identity(item: &Item<'_>) -> Option<ClientIdentity> {
    let section = item.section()?;
    let certificate = section.required("certificate").and_then(|path| path.existing_file());
    let key = section.required("key").and_then(|path| path.existing_file());
    section.finish();
    Some(ClientIdentity { certificate: certificate?, key: key? })
}

fn read_format(item: &Item<'_>) -> Option<Format> {
    item.choice(&[("rfc5424", Format::Rfc5424), ("cef", Format::Cef)])
}

fn allows_plain(section: &Section<'_>) -> Option<bool> {
    section.optional_or("allow_plain", false, |flag| flag.flag())
}

fn permit(to: &Item<'_>, is_permitted: bool) -> Option<()> {
    if is_permitted {
        return Some(());
    }
    let message = format!("`{}` leads off this machine without TLS", to.name);
    to.report(to.problem(Code::PlainHttp, message).help(
        "use `syslog+tls://` or `otlp+https://`; within walls of your own, `allow_plain: true` permits it",
    ));
    None
}
