// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;

use crate::base::{EntryId, Refusal, RefusalCode};
use crate::crm::{Dialect, Origins};
use crate::listener::{Admitted, Peer, admit};
use crate::route::Resolved;

use super::request_body::RequestBody;
use super::stage::Received;
use super::trail::Trail;
use super::{Proxy, Upstream, respond};

/// A request that does not even take the road.
pub struct TurnedAway {
    pub refusal: Refusal,
    /// To say it in the CRM's words, where the upstream is known.
    pub dialect: Option<Arc<dyn Dialect>>,
}

impl From<Refusal> for TurnedAway {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, dialect: None }
    }
}

impl Proxy {
    /// Checks the head of a request and finds its upstream.
    ///
    /// # Errors
    /// [`TurnedAway`].
    pub(super) fn receive(
        &self,
        request: Request<Incoming>,
    ) -> Result<(Received, Trail), TurnedAway> {
        let admitted = admit(&request, self.limits.largest_body() as u64);
        // Where it is in doubt what a body is, its connection ends with the refusal.
        let is_doubtful = admitted.as_ref().is_err_and(|it| it.code != RefusalCode::TooLarge);
        let patience = if is_doubtful { Duration::ZERO } else { self.limits.body_timeout };
        let request = RequestBody::of(request, patience);
        let admitted = admitted?;
        let resolved = self
            .routes
            .resolve(Some(&admitted.host), path_of(&admitted.target))
            .ok_or_else(|| {
                let message = "no upstream is configured for this host and path";
                Refusal::new(RefusalCode::NoRoute, message)
            })?;
        let upstream = self
            .upstreams
            .get(resolved.upstream)
            .ok_or_else(|| respond::defect(&"a route names an upstream that does not exist"))?;
        self.begin(request, &admitted, &resolved, Arc::clone(upstream))
            .map_err(|refusal| TurnedAway { refusal, dialect: Some(Arc::clone(&upstream.dialect)) })
    }

    fn begin(
        &self,
        request: Request<RequestBody>,
        admitted: &Admitted,
        resolved: &Resolved<'_>,
        upstream: Arc<Upstream>,
    ) -> Result<(Received, Trail), Refusal> {
        let (head, body) = request.into_parts();
        let peer = head.extensions.get::<Peer>().cloned();
        let peer = peer.ok_or_else(|| respond::defect(&"a connection has no peer"))?;
        let scheme = if peer.is_tls { "https" } else { "http" };
        let public = |upstream: &Upstream, prefix: Option<&str>| {
            let named = || prefix.map(|prefix| format!("{scheme}://{}{prefix}", admitted.host));
            upstream.public_url.clone().or_else(named)
        };
        // Other hosts of the same CRM, such as one for files.
        let siblings = self.upstreams.iter().enumerate().filter(|(at, sibling)| {
            *at != resolved.upstream && sibling.dialect.name() == upstream.dialect.name()
        });
        let siblings = siblings.filter_map(|(at, sibling)| {
            let public = public(sibling, self.routes.prefix_of(at, &admitted.host))?;
            Some((sibling.origin.clone(), public))
        });
        let origins = Origins {
            upstream: upstream.origin.clone(),
            public: public(&upstream, Some(resolved.prefix)).unwrap_or_default(),
            siblings: siblings.collect(),
        };
        let target = resolved.strip(&admitted.target);
        let mut trail = Trail::new(new_id()?, Arc::clone(&upstream));
        trail.refusal_form = upstream.dialect.refusal_form(&target, &head.headers);
        let received = Received {
            origins,
            upstream,
            peer,
            method: head.method,
            target,
            headers: head.headers,
            body,
        };
        Ok((received, trail))
    }
}

/// A target without its query.
fn path_of(target: &Bytes) -> &str {
    let target = std::str::from_utf8(target).unwrap_or_default();
    target.split('?').next().unwrap_or_default()
}

pub(super) fn new_id() -> Result<EntryId, Refusal> {
    random_id().map(EntryId)
}

/// What nothing else has.
pub(super) fn random_id() -> Result<[u8; 16], Refusal> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| respond::defect(&error))?;
    Ok(id)
}
