//! A socket on its way to be opened: a client's offer, the upstream's answer (RFC 6455 §4), and the same
//! for a client of HTTP/2 (RFC 8441), for which an upstream that speaks HTTP/1.1 is asked as a client of
//! that asks.
//!
//! Only the WebSocket protocol passes; what else a client offers to upgrade to is for one hop and ends
//! here. What passes on the socket is the business of [`super::tunnel`].

mod http2;

use std::future::Future;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::pin::Pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version, request, response, uri};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use crate::recorder::Connection;
use crate::websocket;

use super::exchange::Course;
use super::meter::Watch;
use super::relay::{Content, Delivery, Download, Upload, UpstreamContent};
use super::tunnel::Tunnel;
use super::turn::Client;
use super::upstream::{Cause, Ground, Line, Protocol};
use super::{Caller, Shared, Tell, headers};

const KEY: HeaderName = header::SEC_WEBSOCKET_KEY;
const ACCEPT: HeaderName = header::SEC_WEBSOCKET_ACCEPT;
const VERSION: HeaderName = header::SEC_WEBSOCKET_VERSION;

/// The client's end of a socket that it offers to open. Its connection counts as at work as long as this
/// lives.
pub struct Socket {
    /// Resolves when the socket has to end, whatever passes on it.
    pub cut: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Has the client see a broken connection, and not the end of one.
    pub reset: Box<dyn Fn() + Send>,
}

/// How a client asked.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    /// By an upgrade, with a key of its own.
    Upgrade,
    /// By an extended CONNECT; this key is the proxy's.
    Connect(String),
}

impl Shared {
    /// Passes a client's offer of a socket to the upstream, and the answer back; where that is to open
    /// it, the socket goes on for itself.
    pub(super) async fn upgrade(
        &self,
        caller: Caller,
        tell: impl Tell,
        socket: Socket,
        mut request: Request<Content>,
    ) -> Response<Download> {
        let watch = Watch::start();
        let span = self.meter.begin();
        let by_client = hyper::upgrade::on(&mut request);
        let (head, _) = request.into_parts();
        let client = Client::of(&head, caller);
        let target = head.uri.path_and_query();
        let target = target.map_or("/", uri::PathAndQuery::as_str);
        let tap = self.recorder.begin(
            Connection(caller.connection),
            Method::GET.as_str(),
            target,
            |spare| headers::recorded_in(spare, &head.headers),
        );
        let (asking, tap) = tap.split();
        asking.end();
        let mut course = Course {
            tap,
            keeper: None,
            delivery: Delivery::default(),
            span,
            watch,
        };
        course.watch.pause();
        let ground = self.upstream.ground().await;
        course.watch.resume();
        let offer = (head, by_client);
        let client = (client, socket);
        match ground {
            Ok(Ground::Http1) => self.upgrade_by_http1(tell, offer, client, course).await,
            Ok(Ground::Http2(ready)) => self.upgrade_by_http2(ready, offer, client, course).await,
            Err(failure) => self.failed(&failure, &course.watch),
        }
    }

    /// The same where the upstream speaks HTTP/1.1.
    async fn upgrade_by_http1(
        &self,
        tell: impl Tell,
        (mut head, by_client): (request::Parts, OnUpgrade),
        (client, socket): (Client, Socket),
        mut course: Course,
    ) -> Response<Download> {
        let asked = self.ask(&mut head, &client);
        let mut request = Request::from_parts(head, Upload::default());
        course.watch.pause();
        let answer = self.send(&mut request, tell, None).await;
        course.watch.resume();
        let mut response = match answer {
            Ok(response) => response,
            Err(error) => return self.failed(&error, &course.watch),
        };
        if let Some(trouble) = trouble(&response, &asked) {
            tracing::debug!("{}: {trouble}", self.settings.upstream);
            return self.gave_none(Cause::Failed, None, &course.watch);
        }
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return self
                .pass_back(response, &Method::GET, &client, course)
                .await;
        }
        let by_upstream = hyper::upgrade::on(&mut response);
        let line = response.extensions().get::<Line>().cloned();
        let (head, _) = response.into_parts();
        let fields = headers::recorded(&head.headers);
        let Course {
            tap, span, watch, ..
        } = course;
        let tap = tap.socket(head.status.as_u16(), fields);
        let tunnel = Tunnel {
            tap,
            meter: self.meter.clone(),
            span,
            socket,
            line,
        };
        begin(tunnel, by_client, by_upstream);
        let response = self.agreed(head, &client, &asked);
        self.meter.answered(response.status().as_u16(), watch.own());
        response
    }

    /// Makes a client's offer one for the upstream.
    fn ask(&self, head: &mut request::Parts, client: &Client) -> Asked {
        let asked = match head.version {
            Version::HTTP_2 => Asked::Connect(new_key()),
            _ => Asked::Upgrade,
        };
        // What ends with the hop goes first, and what begins the next one comes after.
        head.method = Method::GET;
        head.headers.remove(header::TE);
        // The pool of the upstream that speaks HTTP/1.1 agrees on that alone, over TLS too.
        self.prepare(head, client, Protocol::Http1);
        let fields = &mut head.headers;
        offer(fields);
        if let Asked::Connect(key) = &asked {
            fields
                .entry(VERSION)
                .or_insert(HeaderValue::from_static("13"));
            if let Ok(key) = HeaderValue::from_str(key) {
                fields.insert(KEY, key);
            }
        }
        asked
    }

    /// Makes the upstream's agreement the client's.
    fn agreed(
        &self,
        mut head: response::Parts,
        client: &Client,
        asked: &Asked,
    ) -> Response<Download> {
        self.turn_back(&mut head, client);
        match asked {
            Asked::Upgrade => offer(&mut head.headers),
            Asked::Connect(_) => {
                head.status = StatusCode::OK;
                head.headers.remove(ACCEPT);
                head.headers.remove(header::CONTENT_LENGTH);
            }
        }
        Response::from_parts(head, Download::whole(Bytes::new()))
    }
}

/// Says that this hop goes on with the WebSocket protocol.
fn offer(fields: &mut HeaderMap) {
    fields.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

/// What makes the upstream's answer one that must not be passed on.
fn trouble(response: &Response<UpstreamContent>, asked: &Asked) -> Option<&'static str> {
    let status = response.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        // A client of HTTP/2 would take it for an agreement (RFC 8441 §5).
        let misleading = status.is_success() && *asked != Asked::Upgrade;
        return misleading.then_some("it answers, and opens no socket");
    }
    let upgrade = response.headers().get(header::UPGRADE);
    if !upgrade.is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        return Some("it goes on with another protocol than was offered");
    }
    match asked {
        // The client knows the key, and checks what becomes of it.
        Asked::Upgrade => None,
        Asked::Connect(key) => {
            let accept = websocket::accept(key);
            let accepted = response.headers().get(ACCEPT);
            let accepted = accepted.is_some_and(|given| given.as_bytes() == accept.as_bytes());
            (!accepted).then_some("it does not know the key of the request that it answers")
        }
    }
}

/// A new key: 16 bytes that nobody can foretell (RFC 6455 §4.1). It keeps no secret.
fn new_key() -> String {
    let half = || RandomState::new().build_hasher().finish().to_be_bytes();
    STANDARD.encode([half(), half()].concat())
}

/// Carries on with what passes, when both sides have gone over to it.
fn begin(tunnel: Tunnel, client: OnUpgrade, upstream: OnUpgrade) {
    tokio::spawn(async move {
        match tokio::join!(client, upstream) {
            (Ok(client), Ok(upstream)) => tunnel.run(client, TokioIo::new(upstream)).await,
            // One has gone meanwhile; to drop the other's end is to end it.
            (client, upstream) => tracing::debug!(
                "a socket did not come about: {:?} {:?}",
                client.err(),
                upstream.err()
            ),
        }
    });
}
