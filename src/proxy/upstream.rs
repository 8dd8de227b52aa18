//! The connections to the upstream: how they come about, and what is spoken on them.
//!
//! A connection goes to the upstream alone, whatever a request names: the upstream comes from the
//! command line. Over TLS it is the upstream that chooses between HTTP/1.1 and HTTP/2 (RFC 7301), and
//! a request is made for one or the other; so the first connection is made before the first request.

mod cause;
mod dial;
mod pool;
mod socket;
mod wire;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::relay::{Upload, UpstreamContent};
use super::{ProxyError, Settings};
use cause::BoxError;
pub(super) use cause::{Cause, Failure};
use dial::Dial;
pub(super) use pool::Lease;
use pool::Pool;
pub(super) use socket::{Content as SocketContent, Ready, Socket as Stream};
pub(super) use wire::Line;
use wire::Wire;

/// How many first connections are kept until a pool asks for them. Only requests that come at once
/// before anything is known of the upstream make more than one.
const MAX_SPARES: usize = 8;

/// How long they are kept: the request for which one was made is on its way.
const SPARE: Duration = Duration::from_secs(1);

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// On what a socket is asked for.
pub(super) enum Ground {
    /// On a connection of the pool that speaks HTTP/1.1.
    Http1,
    /// On this one.
    Http2(Ready),
}

/// The upstream, and the pools of connections to it.
pub(super) struct Upstream {
    http1: (Connector, Pool),
    http2: Client<Connector, Upload>,
    choice: Choice,
}

/// On what an exchange was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// On a connection that had carried nothing before, or on none.
    Fresh,
    /// On one that had.
    Used,
}

/// An exchange that came to nothing.
pub(super) struct Lost {
    pub(super) failure: Failure,
    pub(super) carrier: Carrier,
}

impl Lost {
    /// It was lost before there was a connection.
    fn before(failure: Failure) -> Lost {
        let carrier = Carrier::Fresh;
        Lost { failure, carrier }
    }
}

/// Who says what is spoken.
enum Choice {
    /// The user.
    Fixed(Protocol, Dial),
    /// The upstream.
    Negotiated {
        dial: Dial,
        known: Mutex<Option<Protocol>>,
        /// What sockets are asked for by, where that is another.
        sockets: Mutex<Option<Protocol>>,
        spares: Spares,
    },
}

/// Connections that were made to hear what the upstream speaks, and carry nothing yet.
#[derive(Clone, Default)]
struct Spares(Arc<Mutex<VecDeque<Spare>>>);

struct Spare {
    protocol: Protocol,
    made: Instant,
    wire: Wire,
}

impl Upstream {
    /// As the settings have it. Nothing is connected yet.
    pub(super) fn new(settings: &Settings) -> Result<Upstream, ProxyError> {
        let spares = Spares::default();
        let connector = |protocol| -> Result<Connector, ProxyError> {
            Ok(Connector {
                protocol,
                dial: Arc::new(Dial::new(settings, &[protocol])?),
                spares: spares.clone(),
            })
        };
        let choice = match &settings.wire {
            super::Wire::Http1 => {
                Choice::Fixed(Protocol::Http1, Dial::new(settings, &[Protocol::Http1])?)
            }
            super::Wire::Http2 => {
                Choice::Fixed(Protocol::Http2, Dial::new(settings, &[Protocol::Http2])?)
            }
            super::Wire::Tls(_) => Choice::Negotiated {
                dial: Dial::new(settings, &[Protocol::Http2, Protocol::Http1])?,
                known: Mutex::default(),
                sockets: Mutex::default(),
                spares: spares.clone(),
            },
        };
        Ok(Upstream {
            http1: (connector(Protocol::Http1)?, Pool::new(settings.idle)),
            http2: http2(connector(Protocol::Http2)?, settings.idle),
            choice,
        })
    }

    /// What is spoken, if that is known.
    pub(super) fn known(&self) -> Option<Protocol> {
        match &self.choice {
            Choice::Fixed(protocol, _) => Some(*protocol),
            Choice::Negotiated { known, .. } => *lock(known),
        }
    }

    /// What is spoken. Where the upstream has not said it yet, it is connected to.
    pub(super) async fn protocol(&self) -> Result<Protocol, Failure> {
        if let Some(protocol) = self.known() {
            return Ok(protocol);
        }
        let (dial, known, spares) = match &self.choice {
            Choice::Fixed(protocol, _) => return Ok(*protocol),
            Choice::Negotiated {
                dial,
                known,
                spares,
                ..
            } => (dial, known, spares),
        };
        let (wire, protocol) = Box::pin(dial.connect()).await.map_err(Failure::Connect)?;
        spares.put(protocol, wire);
        *lock(known) = Some(protocol);
        Ok(protocol)
    }

    /// On what a socket is to be asked for. Over TLS that is HTTP/2 where the upstream chooses that and
    /// opens sockets on it, as browsers do; else HTTP/1.1, which it may speak too.
    pub(super) async fn ground(&self) -> Result<Ground, Failure> {
        let (dial, sockets, spares) = match &self.choice {
            Choice::Fixed(Protocol::Http1, _) => return Ok(Ground::Http1),
            Choice::Fixed(Protocol::Http2, dial) => {
                let (wire, _) = dial.connect().await.map_err(Failure::Connect)?;
                let ready = socket::agree(wire).await?;
                return ready.map(Ground::Http2).ok_or(Failure::NoSockets);
            }
            Choice::Negotiated {
                dial,
                sockets,
                spares,
                ..
            } => (dial, sockets, spares),
        };
        let by_http1 = *lock(sockets) == Some(Protocol::Http1);
        if by_http1 || self.protocol().await? == Protocol::Http1 {
            return Ok(Ground::Http1);
        }
        let (wire, protocol) = dial.connect().await.map_err(Failure::Connect)?;
        if protocol == Protocol::Http1 {
            spares.put(protocol, wire);
            return Ok(Ground::Http1);
        }
        match socket::agree(wire).await {
            Ok(Some(ready)) => return Ok(Ground::Http2(ready)),
            Ok(None) => *lock(sockets) = Some(Protocol::Http1),
            Err(failure) => tracing::debug!("a socket is asked for by HTTP/1.1: {failure:?}"),
        }
        Ok(Ground::Http1)
    }

    /// Sends a request, whose version says on which kind of connection. It is taken from where it is.
    pub(super) async fn request(
        &self,
        request: &mut Request<Upload>,
    ) -> Result<Response<UpstreamContent>, Lost> {
        let answer = if request.version() == http::Version::HTTP_2 {
            Box::pin(self.by_http2(std::mem::take(request))).await
        } else {
            let (connector, pool) = &self.http1;
            let answer = pool.request(request, || connector.connect()).await;
            answer.map(|(response, lease)| pooled(response, Some(lease)))
        };
        if let (Err(lost), Choice::Negotiated { known, sockets, .. }) = (&answer, &self.choice)
            && lost.failure.is_connect()
        {
            // Another server may stand there by now.
            *lock(known) = None;
            *lock(sockets) = None;
        }
        answer
    }

    async fn by_http2(
        &self,
        mut request: Request<Upload>,
    ) -> Result<Response<UpstreamContent>, Lost> {
        let capture = capture_connection(&mut request);
        match self.http2.request(request).await {
            Ok(response) => Ok(pooled(response, None)),
            Err(error) => Err(Lost {
                failure: Failure::Exchange(error),
                carrier: carrier(&capture),
            }),
        }
    }
}

fn pooled(response: Response<Incoming>, lease: Option<Lease>) -> Response<UpstreamContent> {
    response.map(|content| UpstreamContent::Pooled {
        content,
        _lease: lease,
    })
}

/// Whether the connection that a request went on had carried another one before.
fn carrier(capture: &CaptureConnection) -> Carrier {
    let mut extras = http::Extensions::new();
    if let Some(connected) = capture.connection_metadata().as_ref() {
        connected.get_extras(&mut extras);
    }
    match extras.get::<Line>() {
        Some(line) if line.was_used() => Carrier::Used,
        _ => Carrier::Fresh,
    }
}

/// A pool of HTTP/2. A connection that is idle for longer than `idle` is closed; zero turns reuse off.
fn http2(connector: Connector, idle: Duration) -> Client<Connector, Upload> {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(idle)
        .set_host(false)
        .http2_only(true);
    if idle.is_zero() {
        builder.pool_max_idle_per_host(0);
    }
    builder.build(connector)
}

impl Spares {
    fn put(&self, protocol: Protocol, wire: Wire) {
        let mut spares = lock(&self.0);
        spares.retain(|spare| spare.made.elapsed() < SPARE);
        // One connection of HTTP/2 carries all.
        let most = match protocol {
            Protocol::Http1 => MAX_SPARES,
            Protocol::Http2 => 1,
        };
        if spares.len() < most {
            spares.push_back(Spare {
                protocol,
                made: Instant::now(),
                wire,
            });
        }
    }

    fn take(&self, protocol: Protocol) -> Option<Wire> {
        let mut spares = lock(&self.0);
        spares.retain(|spare| spare.protocol == protocol && spare.made.elapsed() < SPARE);
        spares.pop_front().map(|spare| spare.wire)
    }
}

/// Connects to the upstream, for a pool.
#[derive(Clone)]
struct Connector {
    protocol: Protocol,
    dial: Arc<Dial>, // a pool may clone its connector for each request
    spares: Spares,
}

impl Connector {
    async fn connect(&self) -> Result<Wire, BoxError> {
        if let Some(wire) = self.spares.take(self.protocol) {
            return Ok(wire);
        }
        Ok(self.dial.connect().await?.0)
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Wire>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Wire>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _named: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect().await.map(TokioIo::new) })
    }
}

/// What a mutex guards. A thread that panicked while it held the lock has left it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
