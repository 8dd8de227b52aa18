//! The sockets of live clients: what comes for a stream goes out as messages, and what the client says
//! goes to the stage; or the client speaks Bayeux.
//!
//! Frames are the library's business (RFC 6455), and no extension is agreed to.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use http::{Method, Response, StatusCode, Version, request};
use hyper::ext::Protocol;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role as End, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message as Said, Utf8Bytes};

use crate::bayeux::{Carrier, Exchange, message};
use crate::exchange::{Closed, Kind};
use crate::websocket;

use super::cast::{Identity, Role};
use super::service::{Held, Replay, Waiter, Waiting};
use super::stage::outlets::Parcel;
use super::streaming::Berth;

/// The longest message of a client that is read: as much content as a request may have.
const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// How many batches of a Bayeux client on a socket may wait for their answers: a poll and a handful of
/// others are usual.
const MAX_WAITING: usize = 100;

/// The only version of the protocol (RFC 6455 §4.1).
const VERSION: &str = "13";

const ACCEPT: &str = "sec-websocket-accept";
const EXTENSIONS: &str = "sec-websocket-extensions";
const KEY: &str = "sec-websocket-key";
const PROTOCOL: &str = "sec-websocket-protocol";

/// A client's wish for a socket.
pub(super) struct Wish {
    way: Way,
    protocols: Vec<String>,
    upgrade: OnUpgrade,
    held: Option<Held>,
}

/// How a client asks for a socket.
enum Way {
    /// By an upgrade, with this key (RFC 6455 §4.1).
    Upgrade(String),
    /// By an extended CONNECT (RFC 8441 §4).
    Connect,
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

impl Wish {
    /// Takes it out of the head of a request, if that has one. What is left is as on the tape: a GET.
    pub(super) fn of(head: &mut request::Parts) -> Option<Wish> {
        let possible = match head.version {
            Version::HTTP_2 => head.method == Method::CONNECT,
            _ => head.method == Method::GET && head.headers.contains_key(UPGRADE),
        };
        if !possible {
            return None;
        }
        let field = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let way = if head.version == Version::HTTP_2 {
            let protocol = head.extensions.get::<Protocol>();
            let asked = head.method == Method::CONNECT
                && protocol.is_some_and(|protocol| protocol.as_str() == "websocket");
            asked.then_some(Way::Connect)
        } else {
            let upgrade = field(UPGRADE.as_str()).unwrap_or_default();
            let mut wanted = upgrade.split(',').map(str::trim);
            let asked = head.method == Method::GET
                && wanted.any(|name| name.eq_ignore_ascii_case("websocket"))
                && field("sec-websocket-version") == Some(VERSION);
            let key = field(KEY).filter(|_| asked);
            key.map(|key| Way::Upgrade(key.to_owned()))
        };
        let protocols = head.headers.get_all(PROTOCOL).into_iter();
        let protocols = protocols.filter_map(|value| value.to_str().ok());
        let protocols = protocols
            .flat_map(|line| line.split(','))
            .map(|name| name.trim().to_owned())
            .collect();
        let way = way?;
        let upgrade = head.extensions.remove::<OnUpgrade>()?;
        head.method = Method::GET;
        Some(Wish {
            way,
            protocols,
            upgrade,
            held: None,
        })
    }

    /// The same, which keeps this until the socket is over.
    pub(super) fn holding(self, held: Held) -> Wish {
        Wish {
            held: Some(held),
            ..self
        }
    }

    /// Makes a response grant it.
    pub(super) fn grant<B>(&self, response: &mut Response<B>) {
        let headers = response.headers_mut();
        headers.remove(ACCEPT);
        headers.remove(EXTENSIONS);
        self.agree(headers);
        match &self.way {
            Way::Connect => *response.status_mut() = StatusCode::OK,
            Way::Upgrade(key) => {
                headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                if let Ok(accept) = HeaderValue::try_from(websocket::accept(key)) {
                    headers.insert(ACCEPT, accept);
                }
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            }
        }
    }

    /// Leaves the recorded subprotocol only to a client that offers it: another must not be answered
    /// with one (RFC 6455 §4.1).
    fn agree(&self, headers: &mut HeaderMap) {
        let recorded = headers.get(PROTOCOL).and_then(|value| value.to_str().ok());
        if recorded.is_some_and(|name| !self.protocols.iter().any(|offered| offered == name)) {
            headers.remove(PROTOCOL);
        }
    }

    async fn open(self) -> Option<(Socket, Option<Held>)> {
        let upgraded = self.upgrade.await.ok()?;
        let limits = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE));
        let limits = limits.max_frame_size(Some(MAX_MESSAGE));
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, End::Server, Some(limits)).await;
        Some((socket, self.held))
    }
}

/// Plays a stream on a socket, until one side ends it.
pub(super) async fn play(
    wish: Wish,
    replay: Replay,
    berth: Berth,
    mut parcels: mpsc::UnboundedReceiver<Parcel>,
) {
    if let Some((mut socket, _held)) = wish.open().await {
        loop {
            let goes_on = tokio::select! {
                parcel = parcels.recv() => send(&mut socket, &replay, berth, parcel).await,
                said = socket.next() => match said {
                    Some(Ok(Said::Text(text))) => {
                        replay.said(berth, Bytes::from(text));
                        true
                    }
                    Some(Ok(Said::Binary(data))) => {
                        replay.said(berth, data);
                        true
                    }
                    // The library has answered it; reading on sends that.
                    Some(Ok(Said::Ping(_) | Said::Pong(_) | Said::Frame(_) | Said::Close(_))) => true,
                    Some(Err(_)) | None => false,
                },
            };
            if !goes_on {
                break;
            }
        }
    }
    replay.hung_up(berth);
}

/// Sends what comes for a stream; whether more may come.
async fn send(socket: &mut Socket, replay: &Replay, berth: Berth, parcel: Option<Parcel>) -> bool {
    match parcel {
        Some(Parcel::Notification { token, bytes, kind }) => {
            let text = match kind {
                Kind::Text => Utf8Bytes::try_from(bytes.clone()).ok(),
                Kind::Binary => None,
            };
            let message = text.map_or(Said::Binary(bytes), Said::Text);
            // Before it is sent: a client that has it may come back on another socket at once.
            replay.went_out(berth, token);
            let sent = socket.send(message).await.is_ok();
            if !sent {
                replay.came_back(berth, token);
            }
            sent
        }
        Some(Parcel::End(closed)) => {
            // The client's own close frame comes before the end of what it sends.
            close(socket, &closed).await
        }
        Some(Parcel::Replaced) | None => {
            let away = CloseFrame {
                code: CloseCode::Away,
                reason: Utf8Bytes::from_static("the replay goes on without this socket"),
            };
            let _ = socket.close(Some(away)).await; // whoever has gone needs no farewell
            false
        }
    }
}

/// Ends a socket as on the tape: with its close frame, or by breaking off.
async fn close(socket: &mut Socket, closed: &Closed) -> bool {
    let Some(code) = closed.code else {
        return false;
    };
    let frame = CloseFrame {
        code: CloseCode::from(code),
        reason: Utf8Bytes::from(closed.reason.as_str()),
    };
    socket.close(Some(frame)).await.is_ok()
}

/// Speaks Bayeux on a socket: each message of the client is a batch, and so is each answer.
pub(super) async fn converse(
    wish: Wish,
    replay: &Replay,
    identity: Identity,
    mut stop: watch::Receiver<bool>,
) {
    let Some((mut socket, _held)) = wish.open().await else {
        return;
    };
    let (sender, mut answers) = mpsc::unbounded_channel();
    let mut waiting: BTreeMap<Exchange, Waiting> = BTreeMap::new();
    loop {
        let (exchange, answer) = tokio::select! {
            said = socket.next(), if waiting.len() < MAX_WAITING => match said {
                Some(Ok(Said::Text(text))) => {
                    let Ok(messages) = message::read(None, text.as_bytes()) else {
                        tracing::warn!("a client says on its socket what is no Bayeux message");
                        break;
                    };
                    let waiter = Waiter::Socket(sender.clone());
                    let (asked, _) = replay.ask(&identity, Role::Player, &messages, waiter);
                    waiting.insert(asked.exchange, asked);
                    continue;
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
            Some(answer) = answers.recv() => answer,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        if let Some(mut asked) = waiting.remove(&exchange) {
            asked.answered();
        }
        if replay.fault().is_some() {
            break;
        }
        let (_, content) = Carrier::Json.response(&answer);
        let text = Utf8Bytes::try_from(content).unwrap_or_default();
        if socket.send(Said::Text(text)).await.is_err() {
            return;
        }
    }
    let _ = socket.close(None).await; // whoever has gone needs no farewell
}
