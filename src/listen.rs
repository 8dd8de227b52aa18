//! Accepts connections, speaks HTTP/1.1 and HTTP/2 on them, over TLS or not, refuses what has no one
//! meaning, and drains when told to.
//!
//! What a request means is the service's: this module never learns the mode.

mod aside;
mod authority;
mod connection;
mod content;
mod counts;
mod crew;
mod crowd;
mod framing;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod head;
mod interim;
mod limits;
mod protocols;
mod reader;
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

use http::{Request, Response, Version};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use tokio::net::TcpStream;
use tokio::sync::watch;

use aside::Aside;
use authority::Local;
pub use authority::Scheme;
use connection::Connection;
pub use content::Content;
use content::Progress;
use counts::Counter;
pub use counts::{Counted, Counts};
pub use crew::Crew;
use crowd::{Crowd, Place};
use framing::Framing;
use guard::{Guard, Watched};
pub use interim::Interim;
pub use limits::{Limits, MAX_CONNECTIONS, MAX_HEAD, Names, OnFin, Sockets};
use protocols::{BoxError, Protocols};
use response::{Flight, Out, Upgrade};
pub use socket::Socket;
use socket::Working;
use stream::Stream;
pub use tls::{Door, Tls, Wire};

/// How long to wait after a failed accept, so that running out of descriptors is no busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    /// The word by which the server cuts what is still open.
    pub cut: Cut,
}

/// The word by which a server cuts what is still open when the time to drain is over.
#[derive(Clone, Debug)]
pub struct Cut(Arc<watch::Receiver<bool>>);

/// Whether a word was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// It was.
    Yes,
    /// Not yet.
    No,
}

impl Cut {
    /// Whether it was given.
    pub fn given(&self) -> Given {
        if *self.0.borrow() {
            Given::Yes
        } else {
            Given::No
        }
    }
}

/// The two ends of the word to stop: send `true` on the first, and drop it where what is under way shall
/// not be waited for.
pub fn stopper() -> (watch::Sender<bool>, watch::Receiver<bool>) {
    watch::channel(false)
}

/// Returns when the word to stop is given, or when nobody is left who could give it.
pub async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Serves `handle`, which is given a client and its request, on a port until `stop` says `true`; then no connection is accepted any more,
/// and those at work, open sockets too, have a time to end before they are cut. None is left when this returns.
pub async fn serve<H, F, B>(
    door: impl Into<Door>,
    stop: watch::Receiver<bool>,
    limits: Limits,
    handle: H,
) where
    H: Fn(Peer, Request<Content>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = bytes::Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    serve_counted(door, stop, limits, Counts::default(), handle).await;
}

/// The same, for somebody who watches the numbers.
pub async fn serve_counted<H, F, B>(
    door: impl Into<Door>,
    stop: watch::Receiver<bool>,
    limits: Limits,
    counts: Counts,
    handle: H,
) where
    H: Fn(Peer, Request<Content>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = bytes::Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Door {
        listener,
        wire,
        crew,
    } = door.into();
    let numbers = AtomicU64::new(0);
    let (cut, cuts) = stopper();
    let (at_work, working) = Working::new(&cuts);
    let crowd = Crowd::new(limits.connections, counts.clone());
    let server = Server {
        http: Protocols::new(limits),
        wire,
        limits,
        counts,
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
        let Some(place) = crowd.place() else {
            crowd.turn_away(tcp, &server.wire);
            continue;
        };
        let client = Client {
            number: numbers.fetch_add(1, Ordering::Relaxed) + 1,
            address,
            place,
        };
        let (server, stop, cut) = (server.clone(), stop.clone(), cuts.clone());
        let work = move |tcp| server.welcome(tcp, client, stop, cut);
        match &crew {
            None => drop(tokio::spawn(work(tcp))),
            Some(crew) => {
                if let Err(error) = crew.carry(tcp, work) {
                    tracing::error!("a connection cannot be carried: {error}");
                }
            }
        }
    }
    drop((listener, server));
    tokio::select! {
        _ = tokio::time::timeout(limits.drain, at_work.closed()) => {}
        () = abandoned(stop) => {}
    }
    drop(cuts);
    let _ = cut.send(true);
    cut.closed().await;
    if let Some(crew) = crew {
        crew.dismiss().await;
    }
}

/// Returns when nobody is left who could say more.
async fn abandoned(mut stop: watch::Receiver<bool>) {
    while stop.changed().await.is_ok() {}
}

/// What all connections of a port share.
#[derive(Clone)]
struct Server<H> {
    http: Protocols,
    wire: Wire,
    limits: Limits,
    counts: Counts,
    working: Working,
    handle: H,
}

/// Who is at the other end of a connection.
struct Client {
    number: u64,
    address: SocketAddr,
    place: Place,
}

impl<H, F, B> Server<H>
where
    H: Fn(Peer, Request<Content>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = bytes::Bytes> + Unpin + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Serves a connection that was accepted, until it ends or is cut.
    async fn welcome(
        self,
        tcp: TcpStream,
        client: Client,
        stop: watch::Receiver<bool>,
        cut: watch::Receiver<bool>,
    ) {
        let opening = open(&self.wire, tcp, self.limits.head, &self.counts);
        let stream = tokio::select! {
            stream = Box::pin(opening) => stream,
            // Nothing is under way yet.
            () = stopped(stop.clone()) => None,
        };
        if let Some(stream) = stream {
            self.attend(stream, client, stop, cut).await;
        }
    }

    /// Answers the requests of one connection, to its end: its own, or the server's, or that of the
    /// patience with it.
    fn attend(
        self,
        stream: Stream,
        client: Client,
        stop: watch::Receiver<bool>,
        cut: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> {
        let counts = self.counts.clone();
        let conversation = self.converse(stream, client, stop);
        // In a box of its own size: a future has room for each place that something is moved to.
        let conversation = conversation.map(Box::pin);
        async move {
            let Some(conversation) = conversation else {
                return; // it broke before it was served
            };
            let cut = std::pin::pin!(stopped(cut));
            let cut = Aside::new(cut);
            tokio::select! {
                biased; // nearly always it is the conversation that goes on
                // A client that breaks off has nobody left to be told.
                _ = conversation => {}
                () = cut => counts.count(Counter::Cut),
            }
        }
    }

    /// All requests of a connection and their answers; `None` where it has broken already.
    fn converse(
        self,
        stream: Stream,
        client: Client,
        stop: watch::Receiver<bool>,
    ) -> Option<impl Future<Output = Result<(), BoxError>>> {
        let known = Arc::new(Connection::default());
        let scheme = self.wire.scheme();
        let local = Local {
            address: stream::tcp(&stream).local_addr().ok()?,
            scheme,
        };
        let Client {
            number,
            address,
            place,
        } = client;
        let guard = Box::new(Guard::new(
            stream,
            Framing::new(local, self.limits),
            self.limits,
            Arc::clone(&known),
            self.working.cuts.clone(),
            Watched {
                counts: self.counts.clone(),
                place,
            },
        ));
        let stalled = stalled(Arc::clone(&known), self.limits.reader, self.counts.clone());
        // Shared by the requests of this connection alone.
        let (handle, counts) = (self.handle, Arc::new(self.counts));
        let (working, patience) = (self.working, self.limits.body);
        let cuts = Arc::new(working.cuts.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let version = request.version();
            if version == Version::HTTP_2 {
                known.begun();
            }
            let flight = Flight::new(Arc::clone(&known), version);
            let refusal = response::refusal(&request, &known, scheme);
            let peer = Peer {
                connection: number,
                address,
                scheme,
                interim: Interim::of(version, &known),
                socket: Socket::offered(&request, &known, &working),
                cut: Cut(Arc::clone(&cuts)),
            };
            let upgrade = match (&peer.socket, version) {
                (Some(_), Version::HTTP_11) => Upgrade::Offered,
                _ => Upgrade::None,
            };
            let progress = Progress::default();
            let answer = if let Some(refusal) = refusal {
                Err(refusal)
            } else {
                let request = content::patient(request, patience, progress.clone(), &counts);
                // In a box: each future that has it in itself has room for it, and all that room is copied for each
                // request, and kept between them.
                Ok(Box::pin(handle(peer, request)))
            };
            async move {
                let response = match answer {
                    Ok(answer) => answer.await,
                    Err(refusal) => return Ok(Out::refusal(&refusal, version, flight)),
                };
                let answering = progress.answered();
                let interim = &flight.connection.interim;
                if answering.is_some() && !interim.is_written() {
                    Box::pin(interim.written()).await; // seldom
                }
                let asked = (version, upgrade);
                Ok::<_, Infallible>(response::answered(response, answering, asked, flight))
            }
        });
        Some(self.http.serve(guard, service, stop, stalled))
    }
}

/// Returns when a connection is to end, since its client takes nothing of what it asked for.
async fn stalled(known: Arc<Connection>, patience: Duration, counts: Counts) {
    reader::stalled(&known, patience).await;
    counts.count(Counter::SlowReader);
}

/// Opens a connection, where that can be done in time.
async fn open(wire: &Wire, tcp: TcpStream, patience: Duration, counts: &Counts) -> Option<Stream> {
    match wire.open(tcp, patience).await {
        Ok(stream) => Some(stream),
        Err(error) => {
            if error.kind() == io::ErrorKind::TimedOut {
                counts.count(Counter::SlowHead);
            }
            tracing::debug!("a handshake failed: {error}");
            None
        }
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
