//! Accepts connections, speaks HTTP/1.1 and HTTP/2 on them, over TLS or not, refuses what has no one
//! meaning, and drains when told to.
//!
//! What a request means is the service's: this module never learns the mode.

mod authority;
mod connection;
mod framing;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod head;
mod interim;
mod refusal;
mod response;
mod socket;
mod stream;
mod tls;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::sync::watch;

use authority::Local;
pub use authority::Scheme;
use connection::{Connection, Offer};
use framing::Framing;
use guard::Guard;
pub use interim::Interim;
use refusal::Refusal;
use response::Out;
pub use socket::Socket;
use socket::Working;
use stream::Stream;
pub use tls::{Door, Tls, Wire};

/// How long connections that are at work may go on when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// How long to wait after a failed accept, so that running out of descriptors is no busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a client that has sent its last byte is waited for without a byte being sent to it. It
/// may have gone: the two look the same until something is sent.
const HALF_CLOSED: Duration = Duration::from_secs(2);

/// How long clients are waited for, what their last byte means, and whether they may open sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a client may take to send the head of a request, from its first byte on; and to
    /// shake hands, from the connection on.
    pub head: Duration,
    /// How long a connection may be open with nothing under way.
    pub idle: Duration,
    /// What a client's last byte means while its request is under way.
    pub on_fin: OnFin,
    /// Whether the service learns that a client offers to open a socket.
    pub sockets: Sockets,
}

/// What becomes of a client's offer to go on with the WebSocket protocol (RFC 6455 §4, RFC 8441).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sockets {
    /// It counts for nothing: the request is one of HTTP/1.1, and HTTP/2 knows no such request.
    #[default]
    Ignored,
    /// The service is told of it, and accepts it by a response of 101, over HTTP/2 of 200 to 299.
    Passed,
}

/// What it means that a client has closed its side of the connection while its request is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFin {
    /// It is gone, and its request is given up.
    Gone,
    /// It wants the response still; given up only where none begins for two seconds.
    Answer,
}

/// The client's side of a request.
#[derive(Debug)]
pub struct Peer {
    /// The number of the connection among those of its listener, from 1.
    pub connection: u64,
    /// The client's address.
    pub address: SocketAddr,
    /// What URLs begin with, as the client knows them.
    pub scheme: Scheme,
    /// Where informational responses go that come before the response.
    pub interim: Interim,
    /// The client's end of the socket that its request offers to open, if it does.
    pub socket: Option<Socket>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            on_fin: OnFin::Gone,
            sockets: Sockets::Ignored,
        }
    }
}

impl Limits {
    fn half_closed(&self) -> Duration {
        match self.on_fin {
            OnFin::Gone => Duration::ZERO,
            OnFin::Answer => HALF_CLOSED,
        }
    }
}

/// The two ends of the word to stop: send `true` on the first.
pub fn stopper() -> (watch::Sender<bool>, watch::Receiver<bool>) {
    watch::channel(false)
}

/// Returns when the word to stop is given, or when nobody is left who could give it.
pub async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Serves `handle`, which is given a client and its request, on a port until `stop` says `true`; then no connection is accepted any more,
/// and those at work, open sockets too, have 5 seconds to end before they are cut. None is left when this returns.
pub async fn serve<H, F, B>(
    door: impl Into<Door>,
    stop: watch::Receiver<bool>,
    limits: Limits,
    handle: H,
) where
    H: Fn(Peer, Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = bytes::Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Door { listener, wire } = door.into();
    let connections = GracefulShutdown::new();
    let numbers = AtomicU64::new(0);
    let (cut, cuts) = stopper();
    let (open, working) = Working::new(&cuts);
    let server = Server {
        http: protocols(limits.sockets),
        wire,
        limits,
        working,
        handle,
    };
    let end = stopped(stop.clone());
    tokio::pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut end => break,
        };
        let (tcp, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                rest(&error).await;
                continue;
            }
        };
        let number = numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let (server, watcher) = (server.clone(), connections.watcher());
        let (stop, cut) = (stop.clone(), cuts.clone());
        tokio::spawn(async move {
            let stream = tokio::select! {
                opened = server.wire.open(tcp, limits.head) => opened,
                // Nothing is under way yet.
                () = stopped(stop) => return,
            };
            match stream {
                Ok(stream) => tokio::select! {
                    () = server.converse(stream, number, address, watcher) => {}
                    () = stopped(cut) => {}
                },
                Err(error) => tracing::debug!("{address}: the handshake failed: {error}"),
            }
        });
    }
    drop((listener, server));
    let _ = tokio::time::timeout(DRAIN, async {
        connections.shutdown().await;
        open.closed().await;
    })
    .await;
    drop(cuts);
    let _ = cut.send(true);
    cut.closed().await;
}

fn protocols(sockets: Sockets) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new()).preserve_header_case(true);
    // The guard keeps the time, since it can tell a slow head from an idle connection.
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None);
    http.http2().timer(TokioTimer::new());
    if sockets == Sockets::Passed {
        http.http2().enable_connect_protocol();
    }
    http
}

/// What all connections of a port share.
#[derive(Clone)]
struct Server<H> {
    http: auto::Builder<TokioExecutor>,
    wire: Wire,
    limits: Limits,
    working: Working,
    handle: H,
}

impl<H, F, B> Server<H>
where
    H: Fn(Peer, Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = bytes::Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Answers the requests of one connection, to its end.
    async fn converse(self, stream: Stream, number: u64, address: SocketAddr, watcher: Watcher) {
        let scheme = self.wire.scheme();
        let known = Arc::new(Connection::default());
        let Ok(local) = stream::tcp(&stream).local_addr() else {
            return; // it broke before it was served
        };
        let local = Local {
            address: local,
            scheme,
        };
        let framing = Framing::new(local, self.limits.sockets);
        let guard = Guard::new(
            stream,
            framing,
            self.limits,
            Arc::clone(&known),
            self.working.cuts.clone(),
        );
        let (handle, working) = (self.handle, self.working);
        let service = service_fn(move |request: Request<Incoming>| {
            let peer = Peer {
                connection: number,
                address,
                scheme,
                interim: Interim::of(request.version(), &known),
                socket: Socket::offered(&request, &known, &working),
            };
            let response = answer(peer, request, Arc::clone(&known), handle.clone());
            async move { Ok::<_, Infallible>(response.await) }
        });
        let connection = self
            .http
            .serve_connection_with_upgrades(TokioIo::new(guard), service)
            .into_owned();
        // A client that breaks off has nobody left to be told.
        let _ = watcher.watch(connection).await;
    }
}

/// Answers one request: with a refusal where the guard, or HTTP/2, has found a reason.
async fn answer<H, F, B>(
    peer: Peer,
    request: Request<Incoming>,
    known: Arc<Connection>,
    handle: H,
) -> Response<Out<B>>
where
    H: Fn(Peer, Request<Incoming>) -> F,
    F: Future<Output = Response<B>>,
{
    if request.version() == Version::HTTP_2 {
        known.begun();
    }
    let flight = response::Flight::new(Arc::clone(&known));
    let refusal = if guard::is_own(&request) {
        known.refusal()
    } else {
        response::http2_refusal(&request, peer.scheme)
    };
    if let Some(refusal) = refusal {
        return Out::refusal(&refusal, request.version(), flight);
    }
    let version = request.version();
    let offers = peer.socket.is_some() && version == Version::HTTP_11;
    let response = handle(peer, request).await;
    known.interim.written().await;
    // Nothing of the response is out yet.
    if response.status() == StatusCode::SWITCHING_PROTOCOLS && !offers {
        let message = "a socket is asked for by a GET without content, with Connection: Upgrade";
        return Out::refusal(&Refusal::bad(message), version, flight);
    }
    if offers {
        known.answer(match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => Offer::Accepted,
            _ => Offer::Declined,
        });
    }
    match known.refusal().filter(|_| known.is_broken()) {
        Some(refusal) => Out::refusal(&refusal, version, flight),
        None => response.map(|body| Out::served(body, version, flight)),
    }
}

/// A connection that broke before it was accepted costs nothing; any other trouble is given time.
async fn rest(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    ) {
        tracing::warn!("cannot accept a connection: {error}");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}
