// SPDX-License-Identifier: Apache-2.0

use std::net::SocketAddr;

use crate::listener::{ClientCertificates, ConnectionLimits, ListenerConfig, TlsConfig};

use super::diagnostic::Code;
use super::document::Section;
use super::item::Item;

pub fn compile(listen: &Item<'_>, limits: Option<ConnectionLimits>) -> Option<ListenerConfig> {
    let section = listen.section()?;
    let bind_item = section.required("bind");
    let bind = bind_item.as_ref().and_then(address);
    let tls = section.optional_or("tls", None, |item| tls(&item).map(Some));
    let allow_plain_http = section.optional_or("allow_plain_http", false, |flag| flag.flag());
    section.finish();

    let bind = bind?;
    if let Some(item) = &bind_item
        && !bind.ip().is_loopback()
        && matches!(tls, Some(None))
        && allow_plain_http == Some(false)
    {
        let message = "plain HTTP is accepted on loopback only";
        item.report(
            item.problem(Code::PlainHttp, message)
                .label("reachable from other machines")
                .help("add `listen.tls`, or `listen.allow_plain_http: true` if something before it does TLS"),
        );
        return None;
    }
    allow_plain_http?;
    Some(ListenerConfig { bind, tls: tls?, limits: limits? })
}

/// `127.0.0.1:8080`, `[::1]:8080`
pub fn address(item: &Item<'_>) -> Option<SocketAddr> {
    let address = item.text()?.parse().ok();
    if address.is_none() {
        item.refuse(
            format!("`{}` is not an IP address with a port", item.name),
            "for example `127.0.0.1:8080`, `0.0.0.0:8443` or `[::1]:8080`",
        );
    }
    address
}

fn tls(tls: &Item<'_>) -> Option<TlsConfig> {
    let section = tls.section()?;
    let certificate = section.required("certificate").and_then(|file| file.existing_file());
    let key = section.required("key").and_then(|file| file.existing_file());
    let clients = section.optional_or("client_certificates", ClientCertificates::Ignored, |item| {
        client_certificates(item.section()?)
    });
    section.finish_with(&["min_version", "acme"]);
    Some(TlsConfig { certificate: certificate?, key: key?, client_certificates: clients? })
}

fn client_certificates(section: Section<'_>) -> Option<ClientCertificates> {
    let is_required = section
        .required("mode")
        .and_then(|mode| mode.choice(&[("optional", false), ("required", true)]));
    let ca = section.required("ca").and_then(|ca| ca.existing_file());
    section.finish();
    let (is_required, ca) = (is_required?, ca?);
    Some(if is_required {
        ClientCertificates::Required { ca }
    } else {
        ClientCertificates::Optional { ca }
    })
}
