//! A socket on an upstream that speaks HTTP/2: a client's offer, however it comes, becomes an extended
//! CONNECT (RFC 8441 §4).

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, request};
use hyper::upgrade::OnUpgrade;

use crate::proxy::exchange::Course;
use crate::proxy::relay::{Download, UpstreamContent};
use crate::proxy::tunnel::Tunnel;
use crate::proxy::turn::Client;
use crate::proxy::upstream::{Protocol, Ready};
use crate::proxy::{Shared, headers};
use crate::websocket;

use super::{ACCEPT, KEY, Socket, VERSION, offer};

/// The `:protocol` of a WebSocket (RFC 8441 §5.1).
const WEBSOCKET: &str = "websocket";

impl Shared {
    /// Passes a client's offer to this upstream, and the answer back.
    pub(super) async fn upgrade_by_http2(
        &self,
        ready: Ready,
        (head, by_client): (request::Parts, OnUpgrade),
        (client, socket): (Client, Socket),
        mut course: Course,
    ) -> Response<Download> {
        let key = head.headers.get(KEY).cloned();
        let key = key.filter(|_| head.version != Version::HTTP_2);
        course.watch.pause();
        let answer = ready.ask(self.connecting(head, &client)).await;
        course.watch.resume();
        let response = match answer {
            Ok(response) => response,
            Err(failure) => return self.failed(&failure, &course.watch),
        };
        if !response.status().is_success() {
            let declined = |socket: crate::proxy::upstream::Stream| {
                UpstreamContent::Declined(Box::new(socket.declined()))
            };
            let response = response.map(declined);
            return self
                .pass_back(response, &Method::GET, &client, course)
                .await;
        }
        let (mut head, by_upstream) = response.into_parts();
        let Course {
            tap, span, watch, ..
        } = course;
        // On the tape a socket is open in one way, whatever is spoken on either side.
        let opened = StatusCode::SWITCHING_PROTOCOLS;
        let tunnel = Tunnel {
            tap: tap.socket(opened.as_u16(), headers::recorded(&head.headers)),
            meter: self.meter.clone(),
            span,
            socket,
            line: None,
        };
        tokio::spawn(async move {
            match by_client.await {
                Ok(client) => tunnel.run(client, by_upstream).await,
                Err(error) => tracing::debug!("a socket did not come about: {error}"),
            }
        });
        self.turn_back(&mut head, &client);
        head.headers.remove(header::CONTENT_LENGTH);
        head.status = StatusCode::OK;
        if let Some(key) = key {
            head.status = opened;
            offer(&mut head.headers);
            accept(&mut head.headers, &key);
        }
        self.meter.answered(head.status.as_u16(), watch.own());
        Response::from_parts(head, Download::whole(Bytes::new()))
    }

    /// Makes a client's offer an extended CONNECT to the upstream.
    fn connecting(&self, mut head: request::Parts, client: &Client) -> Request<()> {
        head.method = Method::CONNECT;
        for name in [KEY, header::TE, header::CONTENT_LENGTH] {
            head.headers.remove(name);
        }
        self.prepare(&mut head, client, Protocol::Http2);
        let version = HeaderValue::from_static("13");
        head.headers.entry(VERSION).or_insert(version);
        let mut request = Request::new(());
        *request.method_mut() = head.method;
        *request.uri_mut() = head.uri;
        *request.version_mut() = head.version;
        *request.headers_mut() = head.headers;
        let protocol = h2::ext::Protocol::from_static(WEBSOCKET);
        request.extensions_mut().insert(protocol);
        request
    }
}

/// Shows a client of HTTP/1.1 that its key was read (RFC 6455 §4.2.2).
fn accept(fields: &mut HeaderMap, key: &HeaderValue) {
    let accepted = websocket::accept(key.to_str().unwrap_or_default());
    if let Ok(value) = HeaderValue::try_from(accepted) {
        fields.insert(ACCEPT, value);
    }
}
