//! The sockets that a verifying client has open.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, HOST, HeaderName, HeaderValue, UPGRADE};
use http::{Request, Uri};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::exchange::{
    Body, Headers, Kind, Notification, OnSocket, Operation, OperationId, Response,
};

use super::difference;
use super::wire::Wire;

/// The field that a request has if it asks for a socket (RFC 6455 §4.1).
pub(super) const KEY: &str = "sec-websocket-key";

/// How long the end of a socket is waited for.
const FAREWELL: Duration = Duration::from_secs(2);

/// Fields of a handshake that are made anew each time, or agreed on by whoever speaks.
const MADE_ANEW: &[&str] = &[
    "sec-websocket-accept",
    "sec-websocket-extensions",
    KEY,
    "sec-websocket-version",
];

/// The open sockets, by the recorded operations that opened them.
#[derive(Default)]
pub(super) struct Sockets(BTreeMap<OperationId, WebSocketStream<TcpStream>>);

impl Sockets {
    /// Opens one as it was opened, and says what about the answer is not as recorded.
    pub(super) async fn open(
        &mut self,
        operation: &Operation,
        wire: &Wire,
    ) -> Result<Option<String>, String> {
        let text = |error: Error| error.to_string();
        let stream = TcpStream::connect(wire.address()).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let request = request(operation, wire)?;
        let response = match client_async(request, stream).await {
            Ok((socket, response)) => {
                self.0.insert(operation.id, socket);
                response.map(|_| ())
            }
            Err(Error::Http(response)) => response.map(|_| ()),
            Err(error) => return Err(text(error)),
        };
        let fields = response.headers().iter();
        let fields = fields.map(|(name, value)| (name.as_str(), value.as_bytes()));
        let live = lasting(response.status().as_u16(), fields);
        let recorded = &operation.response;
        let recorded = lasting(recorded.status, recorded.headers.iter());
        Ok(difference::of_answer(operation.id, &recorded, &live))
    }

    /// Says what was said.
    pub(super) async fn say(&mut self, on: OnSocket, data: &Body) -> Result<(), String> {
        let message = match on.kind {
            Kind::Text => {
                let text = Utf8Bytes::try_from(data.bytes().clone());
                Message::Text(text.map_err(|error| error.to_string())?)
            }
            Kind::Binary => Message::Binary(data.bytes().clone()),
        };
        let sent = self.of(on.stream)?.send(message).await;
        sent.map_err(|error| error.to_string())
    }

    /// Waits for the next message of the socket on which a notification came, and says what about it is
    /// not as recorded.
    pub(super) async fn hear(
        &mut self,
        notification: &Notification,
        on: OnSocket,
    ) -> Result<Option<String>, String> {
        let socket = self.of(on.stream)?;
        let (kind, data) = loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => break (Kind::Text, text.into()),
                Some(Ok(Message::Binary(data))) => break (Kind::Binary, data),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    return Err(format!("the socket ends before it: {frame:?}"));
                }
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err("the socket ends before it".to_owned()),
            }
        };
        let number = notification.id;
        if kind != on.kind {
            return Ok(Some(format!(
                "notification {number}: it comes as {kind:?} and not as {:?}",
                on.kind
            )));
        }
        let what = difference::of_bodies(&notification.data, &Body::new(data));
        Ok(what.map(|what| format!("notification {number}: its data {what}")))
    }

    /// Closes them all, and waits until the service has done so too: then it has heard everything.
    pub(super) async fn close(self) {
        for mut socket in self.0.into_values() {
            // One that the service has ended needs no farewell.
            let _ = socket.close(None).await;
            let over = async { while let Some(Ok(_)) = socket.next().await {} };
            let _ = tokio::time::timeout(FAREWELL, over).await;
        }
    }

    fn of(&mut self, stream: OperationId) -> Result<&mut WebSocketStream<TcpStream>, String> {
        let socket = self.0.get_mut(&stream);
        socket.ok_or_else(|| format!("the socket of operation {stream} is not open"))
    }
}

/// The request for a socket as it was recorded, by a client of our own.
fn request(operation: &Operation, wire: &Wire) -> Result<Request<()>, String> {
    let recorded = &operation.request;
    let uri = format!("ws://{}{}", wire.address(), recorded.target);
    let uri: Uri = uri.parse().map_err(|error| format!("{error}"))?;
    let mut request = Request::new(());
    *request.uri_mut() = uri;
    wire.dress(&mut request, &recorded.headers)?;
    let headers = request.headers_mut();
    for name in MADE_ANEW {
        headers.remove(*name);
    }
    let field = |value: &str| HeaderValue::try_from(value).map_err(|error| error.to_string());
    headers.insert(HOST, field(&wire.address().to_string())?);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let name = HeaderName::from_static("sec-websocket-version");
    headers.insert(name, HeaderValue::from_static("13"));
    let name = HeaderName::from_static(KEY);
    headers.insert(name, field(&generate_key())?);
    Ok(request)
}

/// The head of a handshake's answer without what is another each time.
fn lasting<'a>(status: u16, fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Response {
    let lasts = |(name, _): &(&str, &[u8])| {
        let mut anew = MADE_ANEW.iter();
        !anew.any(|other| name.eq_ignore_ascii_case(other))
    };
    Response {
        status,
        headers: fields.filter(lasts).collect::<Headers>(),
        body: Body::default(),
        trailers: Headers::new(),
    }
}
