// SPDX-License-Identifier: Apache-2.0

use bytes::Bytes;
use proptest::prelude::*;

use super::{Route, RouteError, Routes};

fn route(upstream: usize, hosts: &[&str], path_prefix: &str) -> Route {
    Route {
        upstream,
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        path_prefix: (!path_prefix.is_empty()).then(|| path_prefix.to_owned()),
    }
}

/// The least specific first, so that order alone would give wrong answers.
fn table() -> Routes {
    Routes::new(vec![
        route(0, &[], ""),
        route(1, &[], "/sf"),
        route(2, &[], "/sf/eu"),
        route(3, &["crm.example", "[2001:DB8:0::1]"], ""),
        route(4, &["CRM.example:8443"], ""),
        route(5, &["crm.example"], "/hub"),
    ])
    .expect("the table is right")
}

#[test]
fn the_most_specific_route_wins() {
    let routes = table();
    let check = |host, path, expected: Option<(usize, &str)>| {
        let resolved = routes.resolve(host, path).map(|found| (found.upstream, found.prefix));
        assert_eq!(resolved, expected, "{host:?} {path}");
    };
    check(None, "/", Some((0, "")));
    check(None, "*", Some((0, "")));
    check(Some("other.example"), "/x", Some((0, "")));
    check(None, "/sf", Some((1, "/sf")));
    check(None, "/sf/x", Some((1, "/sf")));
    check(None, "/sfx", Some((0, "")));
    check(None, "/SF/x", Some((0, "")));
    check(None, "/%73f/x", Some((0, "")));
    check(None, "/sf/eu/x", Some((2, "/sf/eu")));
    check(None, "/sf/europe", Some((1, "/sf")));
    check(Some("crm.example"), "/sf/x", Some((3, "")));
    check(Some("CRM.EXAMPLE.:80"), "/", Some((3, "")));
    check(Some("crm.example:8443"), "/", Some((4, "")));
    check(Some("crm.example:8443"), "/hub", Some((4, "")));
    check(Some("crm.example:443"), "/hub/x", Some((5, "/hub")));
    check(Some("[2001:db8::0001]:443"), "/", Some((3, "")));
    check(Some("crm.example.evil.example"), "/", Some((0, "")));
}

#[test]
fn a_malformed_host_leads_nowhere() {
    let routes = table();
    for host in [
        "",
        ".",
        ":80",
        "crm.example:",
        "crm.example:+80",
        "crm.example:65536",
        "crm.example:80:80",
        "user@crm.example",
        "crm.example/x",
        "crm..example",
        "crm.example..",
        "crm%2eexample",
        "crm example",
        "crm.example\t",
        "münchen.example",
        "[::1",
        "[::1]80",
        "::1",
        "[crm]",
        "[::1%25eth0]",
    ] {
        assert_eq!(routes.resolve(Some(host), "/sf"), None, "{host}");
    }
}

#[test]
fn without_a_default_the_rest_has_no_route() {
    let routes = Routes::new(vec![route(7, &["a.example"], "/x")]).expect("the table is right");
    assert_eq!(routes.resolve(Some("a.example"), "/y"), None);
    assert_eq!(routes.resolve(Some("b.example"), "/x"), None);
    assert_eq!(routes.resolve(None, "/x"), None);
}

#[test]
fn the_prefix_is_taken_off_the_target() {
    let routes = table();
    let check = |target: &str, expected| {
        let path = target.split('?').next().unwrap_or_default();
        let resolved = routes.resolve(None, path).expect("there is a default");
        assert_eq!(resolved.strip(&Bytes::copy_from_slice(target.as_bytes())), expected);
    };
    check("/x?q=/sf", "/x?q=/sf");
    check("/sf", "/");
    check("/sf?q=1", "/?q=1");
    check("/sf/sf/x?q=1", "/sf/x?q=1");
    check("/sf/eu/", "/");
}

#[test]
fn wrong_routes_are_refused() {
    let check = |routes: Vec<Route>, expected: &str| {
        let error: RouteError = Routes::new(routes).expect_err("the table is wrong");
        assert_eq!(error.to_string(), expected);
    };
    let pair = |first: Route, second: Route| vec![first, route(9, &["z.example"], ""), second];
    check(
        pair(route(0, &[], ""), route(1, &[], "")),
        "upstreams 0 and 1 are both reached by every request",
    );
    check(
        pair(route(0, &[], "/a"), route(1, &[], "/a")),
        "upstreams 0 and 1 are both reached by path prefix `/a`",
    );
    check(
        pair(route(0, &["a.example:1"], ""), route(1, &["b.example", "A.example.:1"], "")),
        "upstreams 0 and 1 are both reached by host `a.example:1`",
    );
    check(
        pair(route(0, &["[::1]"], "/a"), route(1, &["[0::1]"], "/a")),
        "upstreams 0 and 1 are both reached by host `[::1]` with path prefix `/a`",
    );
    check(
        vec![route(0, &["https://a.example"], "")],
        "`https://a.example` is not a host name or address with an optional port",
    );
    check(vec![route(0, &[], "sf")], "path prefix `sf` does not start with `/`");
    let empty = "has an empty segment; leave out the `/` at the end";
    check(vec![route(0, &[], "/")], &format!("path prefix `/` {empty}"));
    check(vec![route(0, &[], "/sf/")], &format!("path prefix `/sf/` {empty}"));
    check(vec![route(0, &[], "/a/../b")], "path prefix `/a/../b` has a dot segment");
    check(
        vec![route(0, &[], "/a%20b")],
        "path prefix `/a%20b` has a character other than letters, digits, `-`, `.`, `_` and `~`",
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_leads_anywhere_but_to_a_configured_upstream(
        host in proptest::option::of("\\PC{0,20}|[a-z:@.\\[\\]0-9]{0,20}|(?i:crm\\.example)(:[0-9]{0,6})?"),
        path in "/?(sf|hub|eu|\\PC|[/.%]){0,12}",
    ) {
        if let Some(resolved) = table().resolve(host.as_deref(), &path) {
            prop_assert!(resolved.upstream <= 5);
            prop_assert!(path.starts_with(resolved.prefix));
            prop_assert!(resolved.strip(&Bytes::from(path.clone())).starts_with(b"/"));
        }
    }
}
