// SPDX-License-Identifier: Apache-2.0

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::message::{Answer, Request};
use super::recorder::RecordedRequest;
use super::{Desk, Fault, House, coding, hubspot, lock, salesforce};
use crate::demo::body::{End, Received, receive};

/// The longest request body that is read, and the longest that it may expand to.
const MAX_BODY: usize = 32 << 20;

const GARBAGE: &[u8] = b"{\"id\": \"0031x\", \"records\": [<html>\xff\xfe upstream hiccup";

type AnswerBody = UnsyncBoxBody<Bytes, io::Error>;

/// Accepts connections until it is aborted; then it drops them all.
pub(super) async fn serve(listener: TcpListener, house: Arc<House>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                if *lock(&house.fault) == Fault::Down {
                    continue;
                }
                // Best effort: without it answers are only slower.
                let _ = stream.set_nodelay(true);
                connections.spawn(connection(TokioIo::new(stream), Arc::clone(&house)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TokioIo<tokio::net::TcpStream>, house: Arc<House>) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let service = service_fn(move |request| respond(request, Arc::clone(&house)));
    // An error here is the other side's hang-up, or a fault that was asked for.
    let _ = builder.serve_connection(stream, service).await;
}

/// Records a request and answers it. An error closes the connection.
async fn respond(
    request: http::Request<Incoming>,
    house: Arc<House>,
) -> io::Result<Response<AnswerBody>> {
    let fault = *lock(&house.fault);
    if fault == Fault::Down {
        return Err(broken_off());
    }
    let (head, body) = request.into_parts();
    let received = receive(body, MAX_BODY).await;
    lock(&house.recorder).record(record(&head, &received));
    match received.end {
        End::Complete => {}
        End::BrokenOff => return Err(broken_off()),
        End::TooLong => return Ok(write(plain(StatusCode::PAYLOAD_TOO_LARGE), Fault::None)),
    }
    let Some(request) = read(head, received.bytes) else {
        return Ok(write(plain(StatusCode::BAD_REQUEST), Fault::None));
    };
    let mut response = match fault {
        Fault::Status(status) => encode(&request, refuse(&request, status))?,
        Fault::GivenUp(status) if request.method != Method::GET => {
            answer(&house, &request);
            plain(status)
        }
        Fault::Garbage => Response::new(Bytes::from_static(GARBAGE)),
        _ => encode(&request, answer(&house, &request))?,
    };
    if fault == Fault::Garbage {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if request.lists(ACCEPT_ENCODING, "gzip") || fault == Fault::UnaskedGzip {
        compress(&mut response)?;
    }
    if let Fault::Slow(delay) = fault {
        tokio::time::sleep(delay).await;
    }
    Ok(write(response, fault))
}

fn record(head: &Parts, received: &Received) -> RecordedRequest {
    RecordedRequest {
        method: head.method.clone(),
        target: Bytes::from(match head.uri.path_and_query() {
            Some(target) => target.as_str().to_owned(),
            None => head.uri.to_string(),
        }),
        version: head.version,
        headers: head.headers.clone(),
        body: received.bytes.clone(),
        is_complete: received.end == End::Complete,
    }
}

/// Undoes the content coding; `None` when that fails.
fn read(head: Parts, body: Bytes) -> Option<Request> {
    let body = match head.headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => body,
        Some(b"gzip") => Bytes::from(coding::gunzip(&body, MAX_BODY).ok()?),
        Some(_) => return None,
    };
    Some(Request::new(head.method, &head.uri, head.headers, body))
}

fn answer(house: &House, request: &Request) -> Answer {
    let mut state = lock(&house.state);
    state.calls += 1;
    let mut desk = Desk {
        state: &mut state,
        origin: &house.origin,
        page_size: house.options.page_size,
        now: house.options.clock.now(),
    };
    match request.path.first().map(String::as_str) {
        Some("services" | "id") => salesforce::answer(&mut desk, request),
        Some("crm") => hubspot::answer(&mut desk, request),
        _ => Answer::empty(StatusCode::NOT_FOUND),
    }
}

/// A status in the shape of the CRM that was asked.
fn refuse(request: &Request, status: StatusCode) -> Answer {
    match request.path.first().map(String::as_str) {
        Some("crm") => hubspot::refuse(status),
        _ => salesforce::refuse(status),
    }
}

/// Writes the body; `X-PrettyPrint: 1` is Salesforce's wish for line breaks.
fn encode(request: &Request, answer: Answer) -> io::Result<Response<Bytes>> {
    let body = match &answer.body {
        None => answer.text.map(String::into_bytes).unwrap_or_default(),
        Some(body) if request.header("x-prettyprint") == Some("1") => {
            serde_json::to_vec_pretty(body)?
        }
        Some(body) => serde_json::to_vec(body)?,
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

fn compress(response: &mut Response<Bytes>) -> io::Result<()> {
    if !response.body().is_empty() {
        *response.body_mut() = Bytes::from(coding::gzip(response.body())?);
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(())
}

/// Turns the body into one that arrives whole, or as the fault has it.
fn write(response: Response<Bytes>, fault: Fault) -> Response<AnswerBody> {
    let (mut head, body) = response.into_parts();
    let body = match fault {
        Fault::Stall | Fault::ResetMidBody => {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            let half = Ok(Frame::data(body.slice(..body.len() / 2)));
            let rest = match fault {
                Fault::Stall => stream::pending().boxed(),
                // Yielding lets the first half out before the connection breaks.
                _ => stream::once(async {
                    tokio::task::yield_now().await;
                    Err(broken_off())
                })
                .boxed(),
            };
            StreamBody::new(stream::iter([half]).chain(rest)).boxed_unsync()
        }
        Fault::Drip(pause) => {
            let drop = move |at| async move {
                tokio::time::sleep(pause).await;
                at
            };
            let drops = stream::iter(0..body.len())
                .then(drop)
                .map(move |at| Ok(Frame::data(body.slice(at..=at))));
            StreamBody::new(drops).boxed_unsync()
        }
        _ => Full::new(body).map_err(|never: Infallible| match never {}).boxed_unsync(),
    };
    Response::from_parts(head, body)
}

fn plain(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

fn broken_off() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the connection breaks off")
}
