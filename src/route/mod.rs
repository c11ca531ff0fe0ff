// SPDX-License-Identifier: Apache-2.0
//! Which upstream a request is for, by host and path prefix.
//!
//! Routes come from configuration only. What a request says chooses among them;
//! it is never an address that we connect to.
//!
//! Of all routes that match, the most specific wins: a host with a port before a
//! host before none, then the longer path prefix. So the answer does not depend
//! on the order of the configuration. Paths are compared as sent, without decoding.

mod host;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use host::Host;

/// What leads to one upstream. A route with neither host nor prefix is the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The upstream's place in the list of upstreams.
    pub upstream: usize,
    /// `crm.example`, `crm.example:8443`, `[::1]:8443`. A name without a port
    /// stands for every port.
    pub hosts: Vec<String>,
    /// `/sf`: matches `/sf` and everything below `/sf/`.
    pub path_prefix: Option<String>,
}

/// The table of all routes.
#[derive(Clone, Debug)]
pub struct Routes {
    /// The most specific first.
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    host: Option<Host>,
    /// Empty for none.
    prefix: String,
    upstream: usize,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved<'r> {
    /// The `upstream` of a configured [`Route`].
    pub upstream: usize,
    /// The route's path prefix; empty if it has none.
    pub prefix: &'r str,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    #[error("`{host}` is not a host name or address with an optional port")]
    InvalidHost { upstream: usize, host: String },
    #[error("path prefix `{prefix}` {because}")]
    InvalidPrefix { upstream: usize, prefix: String, because: &'static str },
    /// The two fields are [`Route::upstream`] of either route.
    #[error("upstreams {first} and {second} are both reached by {what}")]
    Ambiguous { first: usize, second: usize, what: String },
}

impl Routes {
    /// # Errors
    /// [`RouteError`] for a host or prefix that could never match, and for two
    /// routes that match the same requests.
    pub fn new(routes: Vec<Route>) -> Result<Self, RouteError> {
        let mut rules: Vec<Rule> = Vec::new();
        for route in routes {
            for rule in route.into_rules()? {
                if let Some(other) = rules.iter().find(|other| other.matches_same(&rule)) {
                    return Err(RouteError::Ambiguous {
                        first: other.upstream,
                        second: rule.upstream,
                        what: rule.describe(),
                    });
                }
                rules.push(rule);
            }
        }
        rules.sort_by_key(|rule| {
            let host_rank = rule.host.as_ref().map(|host| host.port.is_some());
            std::cmp::Reverse((host_rank, rule.prefix.len()))
        });
        Ok(Self { rules })
    }

    /// The route of a request, by its `Host` or `:authority` and its path. A host
    /// that is not well-formed leads nowhere, not even to the default.
    pub fn resolve(&self, host: Option<&str>, path: &str) -> Option<Resolved<'_>> {
        let host = match host {
            Some(text) => Some(Host::parse(text)?),
            None => None,
        };
        let rule = self.rules.iter().find(|rule| rule.matches(host.as_ref(), path))?;
        Some(Resolved { upstream: rule.upstream, prefix: &rule.prefix })
    }

    /// The path prefix that leads to an upstream from the host that a request came to, if
    /// one does.
    pub fn prefix_of(&self, upstream: usize, host: &str) -> Option<&str> {
        let host = Host::parse(host)?;
        let covers = |rule: &&Rule| rule.host.as_ref().is_none_or(|wanted| wanted.covers(&host));
        let mut rules = self.rules.iter().filter(|rule| rule.upstream == upstream);
        rules.find(covers).map(|rule| rule.prefix.as_str())
    }
}

impl Resolved<'_> {
    /// Path and query as the upstream should see them: without the prefix, and
    /// starting with `/`.
    pub fn strip(&self, target: &Bytes) -> Bytes {
        let rest = match target.strip_prefix(self.prefix.as_bytes()) {
            Some(rest) => target.slice_ref(rest),
            None => target.clone(),
        };
        if rest.first() == Some(&b'/') { rest } else { [b"/", rest.as_ref()].concat().into() }
    }
}

impl Route {
    fn into_rules(self) -> Result<Vec<Rule>, RouteError> {
        let Self { upstream, hosts, path_prefix } = self;
        let prefix = path_prefix.unwrap_or_default();
        if let Some(because) = prefix_defect(&prefix) {
            return Err(RouteError::InvalidPrefix { upstream, prefix, because });
        }
        if hosts.is_empty() {
            return Ok(vec![Rule { host: None, prefix, upstream }]);
        }
        let rule = |host: String| match Host::parse(&host) {
            Some(parsed) => Ok(Rule { host: Some(parsed), prefix: prefix.clone(), upstream }),
            None => Err(RouteError::InvalidHost { upstream, host }),
        };
        hosts.into_iter().map(rule).collect()
    }
}

impl Rule {
    fn matches(&self, host: Option<&Host>, path: &str) -> bool {
        let host_fits = match (&self.host, host) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wanted), Some(given)) => wanted.covers(given),
        };
        let below = path.strip_prefix(self.prefix.as_str());
        host_fits
            && below.is_some_and(|rest| {
                self.prefix.is_empty() || rest.is_empty() || rest.starts_with('/')
            })
    }

    fn matches_same(&self, other: &Self) -> bool {
        self.host == other.host && self.prefix == other.prefix
    }

    fn describe(&self) -> String {
        match (&self.host, self.prefix.as_str()) {
            (None, "") => "every request".to_owned(),
            (None, prefix) => format!("path prefix `{prefix}`"),
            (Some(host), "") => format!("host `{host}`"),
            (Some(host), prefix) => format!("host `{host}` with path prefix `{prefix}`"),
        }
    }
}

/// Why a prefix could match nothing, or not what its author means.
fn prefix_defect(prefix: &str) -> Option<&'static str> {
    let Some(segments) = prefix.strip_prefix('/') else {
        return (!prefix.is_empty()).then_some("does not start with `/`");
    };
    let unreserved =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    for segment in segments.split('/') {
        match segment {
            "" => return Some("has an empty segment; leave out the `/` at the end"),
            "." | ".." => return Some("has a dot segment"),
            _ if !segment.bytes().all(unreserved) => {
                return Some("has a character other than letters, digits, `-`, `.`, `_` and `~`");
            }
            _ => {}
        }
    }
    None
}
