// SPDX-License-Identifier: Apache-2.0

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::FutureExt;
use http::{Request, Response};
use hyper::body::Incoming;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::error::Overloaded;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
use tracing::Instrument;

use crate::base::{Refusal, RefusalCode};

use super::receive::TurnedAway;
use super::stage::Received;
use super::trail::Trail;
use super::{Body, Proxy, respond};

/// The proxy as the service that the listener drives.
///
/// Each request runs in a task of its own: a caller that goes away does not keep
/// the outcome of its transfer out of the log, and a panic ends one request only.
pub fn service(
    proxy: Arc<Proxy>,
) -> impl Service<
    Request<Incoming>,
    Response = Response<Body>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Body>, Infallible>> + Send,
> + Clone
+ Send
+ 'static {
    let road = {
        let proxy = Arc::clone(&proxy);
        ServiceBuilder::new()
            // Outermost, so that a full house answers at once instead of queueing.
            .load_shed()
            .layer(GlobalConcurrencyLimitLayer::with_semaphore(Arc::clone(&proxy.slots)))
            .service_fn(move |(received, trail): (Received, Trail)| {
                let proxy = Arc::clone(&proxy);
                // What anything on the road says carries the id that the log has.
                let span = tracing::info_span!("request", id = %trail.id);
                let travel = async move { proxy.travel(received, trail).await };
                travel.map(Ok::<_, Infallible>).instrument(span)
            })
    };
    tower::service_fn(move |request: Request<Incoming>| {
        let proxy = Arc::clone(&proxy);
        let road = road.clone();
        async move {
            let (received, trail) = match proxy.receive(request) {
                Ok(received) => received,
                Err(TurnedAway { refusal, dialect }) => {
                    proxy.count_refusal(None, refusal.code);
                    return Ok(respond::refusal(&refusal, dialect.as_deref(), None));
                }
            };
            let (upstream, form) = (Arc::clone(&received.upstream), trail.refusal_form);
            let answer = tokio::spawn(road.oneshot((received, trail))).await;
            let refusal = match answer {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => shed(&error),
                Err(panicked) => respond::defect(&panicked),
            };
            proxy.count_refusal(Some(&upstream), refusal.code);
            Ok(respond::refusal(&refusal, Some(&*upstream.dialect), form))
        }
    })
}

fn shed(error: &BoxError) -> Refusal {
    if error.is::<Overloaded>() {
        Refusal::new(RefusalCode::Overloaded, "too many requests are in flight")
    } else {
        respond::defect(error)
    }
}
