// SPDX-License-Identifier: Apache-2.0

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use crate::base::{Region, Role, UpstreamName};
use crate::crm::dynamics::Dynamics;
use crate::crm::hubspot::HubSpot;
use crate::crm::pipedrive::Pipedrive;
use crate::crm::salesforce::Salesforce;
use crate::crm::zoho::Zoho;
use crate::crm::{Dialect, Operation};
use crate::policy::Policy;
use crate::proxy::Mode;
use crate::route::{Route, RouteError, Routes};
use crate::upstream::UpstreamConfig;

use super::diagnostic::Code;
use super::document::{Document, Section};
use super::item::Item;
use super::model::UpstreamSettings;
use super::source::Source;
use super::{border, policy, routes};

pub fn compile(
    document: &Document<'_>,
    upstreams: &Item<'_>,
    email_domain: Option<&str>,
    caller_roles: Option<&BTreeSet<Role>>,
) -> Option<Vec<UpstreamSettings>> {
    let names = upstreams.section()?.entries().map(|(name, _)| UpstreamName::new(name)).collect();
    let reader = Reader { document, email_domain, caller_roles, names };
    let (mut compiled, mut routes) = (Vec::new(), Vec::new());
    let mut is_sound = true;
    for (at, (name, item)) in upstreams.section()?.named().enumerate() {
        let (upstream, route) = reader.upstream(at, name.text, &item);
        routes.extend(route);
        match upstream {
            Some(upstream) => compiled.push(upstream),
            None => is_sound = false,
        }
    }
    is_sound &= report_conflicts(&routes);
    if compiled.is_empty() && is_sound {
        upstreams.refuse("there is no upstream", "name at least one CRM");
        return None;
    }
    is_sound.then_some(compiled)
}

struct Reader<'r> {
    document: &'r Document<'r>,
    email_domain: Option<&'r str>,
    caller_roles: Option<&'r BTreeSet<Role>>,
    names: BTreeSet<UpstreamName>,
}

/// A route and the place that it is written at.
type Written<'d> = (Route, Item<'d>);

impl Reader<'_> {
    /// The upstream, unless it has problems, and its route, unless that has some.
    fn upstream<'d>(
        &self,
        at: usize,
        name: &str,
        item: &Item<'d>,
    ) -> (Option<UpstreamSettings>, Option<Written<'d>>) {
        let Some(section) = item.section() else { return (None, None) };
        let dialect = section.required("dialect").and_then(|item| dialect(&item, &section));
        let allow_plain = section.optional_or("allow_plain_http", false, |flag| flag.flag());
        let url = section
            .required("url")
            .and_then(|url| origin(&url, false, allow_plain.unwrap_or(true)));
        let region_item = section.required("region");
        let region = region_item.as_ref().and_then(Item::chosen_name);
        let route = route(at, section.optional("match"), item);
        let public_url = section.optional_or("public_url", None, |url| {
            origin(&url, true, true).map(|url| Some(without_slash(&url)))
        });
        let policy =
            section.required("policy").and_then(|policy| self.policy(&policy, dialect.as_deref()?));
        if let (Some(item), Some(region), Some((_, policy))) = (&region_item, region, &policy)
            && let Some(border) = &policy.border
        {
            border::check_region(item, region, border);
        }
        let mode = section.optional_or("mode", Mode::Enforce, |mode| {
            mode.choice(&[("enforce", Mode::Enforce), ("observe", Mode::Observe)])
        });
        let ca = section.optional_or("ca", None, |ca| ca.existing_file().map(Some));
        let timeouts = timeouts(section.section("timeouts"));
        section.finish_with(&["tenant", "client_certificate", "weight", "fallback"]);

        let written = route.clone().map(|route| (route, item.clone()));
        let settings = || {
            let [connect_timeout, answer_timeout, read_timeout, total_timeout] = timeouts?;
            let (policy_path, policy) = policy?;
            Some(UpstreamSettings {
                name: UpstreamName::new(name),
                region: Region::new(region?),
                dialect: dialect?,
                client: UpstreamConfig {
                    url: url?,
                    allow_plain: allow_plain?,
                    ca: ca?,
                    connect_timeout,
                    answer_timeout,
                    read_timeout,
                },
                route: route?,
                public_url: public_url?,
                policy_path,
                policy,
                mode: mode?,
                total_timeout,
            })
        };
        (settings(), written)
    }

    fn policy(&self, item: &Item<'_>, dialect: &dyn Dialect) -> Option<(PathBuf, Policy)> {
        let path = item.path()?;
        match Source::read(&path) {
            Ok(source) => {
                let file = Document { source, problems: self.document.problems };
                let context = policy::Context {
                    dialect,
                    // Without a sound one, the rest can be checked all the same.
                    email_domain: self.email_domain.unwrap_or_default(),
                    caller_roles: self.caller_roles,
                    upstreams: Some(&self.names),
                };
                Some((path, policy::compile(&file, &context)?))
            }
            Err(error) => {
                item.report(item.problem(Code::Unreadable, error.to_string()));
                None
            }
        }
    }
}

/// The names of the operations of all CRMs.
pub fn operation_names() -> impl Iterator<Item = &'static str> {
    let crms: [&dyn Dialect; 5] = [&Salesforce, &HubSpot, &Pipedrive, &Dynamics, &Zoho];
    let known = crms.into_iter().flat_map(Dialect::operations);
    known.map(|(name, _)| name).chain([Operation::UNKNOWN])
}

fn dialect(item: &Item<'_>, section: &Section<'_>) -> Option<Arc<dyn Dialect>> {
    #[derive(Clone, Copy)]
    enum Name {
        Salesforce,
        HubSpot,
        Pipedrive,
        Dynamics,
        Zoho,
        Generic,
    }
    let names = [
        ("salesforce", Name::Salesforce),
        ("hubspot", Name::HubSpot),
        ("pipedrive", Name::Pipedrive),
        ("dynamics", Name::Dynamics),
        ("zoho", Name::Zoho),
        ("generic", Name::Generic),
    ];
    Some(match item.choice(&names)? {
        Name::Salesforce => Arc::new(Salesforce),
        Name::HubSpot => Arc::new(HubSpot),
        Name::Pipedrive => Arc::new(Pipedrive),
        Name::Dynamics => Arc::new(Dynamics),
        Name::Zoho => Arc::new(Zoho),
        Name::Generic => Arc::new(routes::compile(&section.required("routes")?)?),
    })
}

/// Connect, answer, read, total.
fn timeouts(section: Option<Section<'_>>) -> Option<[Duration; 4]> {
    let seconds = Duration::from_secs;
    let read = |key, default| match section.as_ref().and_then(|all| all.optional(key)) {
        Some(item) => item.duration(Duration::from_millis(1)..=seconds(3600)),
        None => Some(default),
    };
    let timeouts = [
        read("connect", seconds(5)),
        read("answer", seconds(30)),
        read("read", seconds(30)),
        read("total", seconds(120)),
    ];
    if let Some(section) = section {
        section.finish();
    }
    let [connect, answer, read, total] = timeouts;
    Some([connect?, answer?, read?, total?])
}

fn route(upstream: usize, item: Option<Item<'_>>, owner: &Item<'_>) -> Option<Route> {
    let Some(item) = item else {
        return Some(Route { upstream, hosts: Vec::new(), path_prefix: None });
    };
    let section = item.section()?;
    let hosts = section.optional_or("hosts", Vec::new(), |hosts| {
        hosts.list_of(|host| {
            let route = Route { upstream, hosts: vec![host.text()?.to_owned()], path_prefix: None };
            permitted(route, host).map(|route| route.hosts)
        })
    });
    let path_prefix = section.optional_or("path_prefix", None, |prefix| {
        let route =
            Route { upstream, hosts: Vec::new(), path_prefix: Some(prefix.text()?.to_owned()) };
        permitted(route, &prefix).map(|route| route.path_prefix)
    });
    section.finish_with(&["server_names", "headers"]);
    let route = Route {
        upstream,
        hosts: hosts?.into_iter().flatten().collect(),
        path_prefix: path_prefix?,
    };
    // A host that is named twice.
    permitted(route, owner)
}

/// The route, if it could match anything.
fn permitted(route: Route, item: &Item<'_>) -> Option<Route> {
    match Routes::new(vec![route.clone()]) {
        Ok(_) => Some(route),
        Err(RouteError::Ambiguous { what, .. }) => {
            item.report(item.problem(Code::RouteConflict, format!("{what} is named twice")));
            None
        }
        Err(error) => {
            item.report(item.problem(Code::InvalidValue, error.to_string()));
            None
        }
    }
}

/// Reports upstreams that the same requests reach. Whether there are none.
fn report_conflicts(routes: &[Written<'_>]) -> bool {
    let mut is_sound = true;
    for (at, (route, item)) in routes.iter().enumerate() {
        for (other, first) in routes.iter().take(at) {
            if let Err(RouteError::Ambiguous { what, .. }) =
                Routes::new(vec![other.clone(), route.clone()])
            {
                is_sound = false;
                let message =
                    format!("`{}` and `{}` are both reached by {what}", first.name, item.name);
                item.report(
                    item.problem(Code::RouteConflict, message)
                        .related(first.span(), "first here")
                        .help("tell them apart by `match: { hosts: […], path_prefix: … }`"),
                );
            }
        }
    }
    is_sound
}

/// An absolute `http` or `https` URL without user information, query and
/// fragment, and without a path unless `allow_path`. Plain HTTP is for this
/// machine only, unless `allow_plain`.
pub fn origin(item: &Item<'_>, allow_path: bool, allow_plain: bool) -> Option<Uri> {
    let text = item.text()?;
    let uri: Option<Uri> = text.parse().ok();
    let defect = match &uri {
        None => Some("it is not a URL"),
        Some(uri) => defect_of_url(uri, text, allow_path),
    };
    if let Some(defect) = defect {
        let right = if allow_path {
            "https://crm.acme.example/sf"
        } else {
            "https://acme.my.salesforce.com"
        };
        item.refuse(
            format!("`{}` cannot be used: {defect}", item.name),
            format!("for example `{right}`"),
        );
        return None;
    }
    let uri = uri?;
    let is_loopback = uri.host().is_some_and(is_loopback);
    if uri.scheme() == Some(&http::uri::Scheme::HTTP) && !allow_plain && !is_loopback {
        let message = format!("`{}` leads off this machine without TLS", item.name);
        item.report(item.problem(Code::PlainHttp, message).help("use `https://`"));
        return None;
    }
    Some(uri)
}

/// What keeps an absolute URL from being one that we send requests to.
pub fn defect_of_url(uri: &Uri, text: &str, allow_path: bool) -> Option<&'static str> {
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        Some("it starts with neither `https://` nor `http://`")
    } else if has_user {
        Some("it has user information")
    } else if uri.host().is_none_or(str::is_empty) {
        Some("it has no host")
    } else if uri.query().is_some() || text.contains('#') {
        Some("it has a query or a fragment")
    } else if !allow_path && !matches!(uri.path(), "" | "/") {
        Some("it has a path")
    } else {
        None
    }
}

/// Whether a host, IPv6 with or without brackets, is this machine.
pub fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn without_slash(uri: &Uri) -> String {
    uri.to_string().trim_end_matches('/').to_owned()
}
