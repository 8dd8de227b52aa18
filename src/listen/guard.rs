//! Stands between a socket and hyper: only bytes that have one meaning go on, and waits have an end.
//!
//! Where a request must be refused, hyper is given a request of the guard's own in its place, which
//! the server answers with the refusal; so earlier responses are out before. What comes is read into
//! hyper's buffer; only what may not go on yet is taken out of it, and held.

mod look;
mod patience;
mod read;
mod write;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, StatusCode, Version, header};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::sync::watch;
use tokio::time::Sleep;

use super::connection::Connection;
use super::counts::{Counter, Counts};
use super::crowd::Place;
use super::framing::Framing;
use super::refusal::Refusal;
use super::stream::{self, Stream};
use super::{Limits, OnFin};
use patience::{Patience, Wait};

/// How much is read at once behind a head that is not whole. Most heads are smaller.
const READ: usize = 8 * 1024;

/// How long a client may go on sending what nobody reads after its last response: if the socket were
/// closed on unread bytes, the response would be lost to it (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(1);

/// The request that the guard makes itself. The guard lets no HTTP/1.1 request without a `Host` by,
/// so this one cannot be a client's.
const OWN: &[u8] = b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n";

/// Whether a request is the guard's own.
pub(super) fn is_own<B>(request: &Request<B>) -> bool {
    request.version() == Version::HTTP_11 && !request.headers().contains_key(header::HOST)
}

/// A connection of which only what is beyond doubt can be read.
pub(super) struct Guard {
    stream: Stream,
    framing: Framing,
    /// Bytes that were read and not yet handed on.
    held: BytesMut,
    /// How many of them may go on.
    good: usize,
    fate: Fate,
    patience: Patience,
    watch: Watch,
    limits: Limits,
    connection: Arc<Connection>,
    /// Tells that the server cuts what is open.
    cuts: watch::Receiver<bool>,
    /// The same while it is waited for, which is when no HTTP is spoken: then hyper does not hear it.
    cut: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// What is left to write of an informational response.
    telling: Bytes,
    /// Runs while the client takes nothing of what is to be written.
    stall: Option<Pin<Box<Sleep>>>,
    shutdown: Shutdown,
    watched: Watched,
}

/// How the world outside knows of a connection.
pub(super) struct Watched {
    pub(super) counts: Counts,
    /// What it takes of the port, also when it has become a socket.
    #[allow(dead_code)] // it is kept, and that is all
    pub(super) place: Place,
}

/// Whether there will be more to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    /// The client has sent its last byte.
    Ended,
    /// The last thing to read is the guard's own request.
    Refused,
    /// The content of a request that has gone on is broken.
    Broken,
}

/// Whose turn it is to see that nothing is under way any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    /// Whoever reads next.
    Reading,
    /// Whoever writes: hyper writes the rest of a response, and does not read after it.
    Writing,
}

enum Shutdown {
    No,
    Lingering(Pin<Box<Sleep>>),
}

impl Guard {
    pub(super) fn new(
        stream: Stream,
        framing: Framing,
        limits: Limits,
        connection: Arc<Connection>,
        cuts: watch::Receiver<bool>,
        watched: Watched,
    ) -> Guard {
        Guard {
            stream,
            framing,
            held: BytesMut::new(),
            good: 0,
            fate: Fate::Open,
            patience: Patience::default(),
            watch: Watch::Reading,
            limits,
            connection,
            cuts,
            cut: None,
            telling: Bytes::new(),
            stall: None,
            shutdown: Shutdown::No,
            watched,
        }
    }

    /// Returns when it is known how a client begins, or that it does not.
    pub(super) async fn begun(&mut self) -> io::Result<()> {
        // Into no room at all: what was read is held until somebody reads it.
        poll_fn(|context| Pin::new(&mut *self).poll_read(context, &mut ReadBuf::new(&mut []))).await
    }

    /// Whether it has begun to speak HTTP/2.
    pub(super) fn speaks_http2(&self) -> bool {
        self.framing.is_through()
    }

    /// There is nothing to read: waits on, but not without end.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.framing.is_through() {
            // Else what is under way ends in this task, and is seen here.
            self.connection.wake_when_done(context.waker());
        }
        let idle = self.connection.is_idle();
        self.watch = if idle { Watch::Reading } else { Watch::Writing };
        let wait = if self.fate == Fate::Ended {
            Some((Wait::Response, self.limits.half_closed()))
        } else if self.framing.in_content() && !self.framing.is_through()
            || self.framing.awaits_answer()
            || self.framing.is_socket()
        {
            None
        } else if !self.held.is_empty() && !self.framing.is_through() {
            Some((Wait::Head, self.limits.head))
        } else {
            let so_far = self.connection.ever_begun();
            idle.then_some((Wait::Idle(so_far), self.limits.idle))
        };
        let Some((wait, span)) = wait else {
            self.patience.forget();
            return Poll::Pending;
        };
        self.patience.poll(wait, span, context)
    }

    /// A wait has gone on for too long.
    fn give_up(&mut self) {
        self.patience.forget();
        if self.fate == Fate::Open && !self.held.is_empty() && !self.framing.in_content() {
            let span = self.limits.head.as_secs_f64();
            let message = format!("the head was not complete after {span} seconds");
            self.watched.counts.count(Counter::SlowHead);
            self.refuse_held(Refusal::with(StatusCode::REQUEST_TIMEOUT, message));
        } else {
            self.fate = Fate::Ended;
            self.limits.on_fin = OnFin::Gone;
        }
    }

    /// An error where the server cuts this connection, on which no HTTP is spoken.
    fn goes_on(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let cut = self.cut.as_mut().map(|cut| cut.as_mut().poll(context));
        match cut {
            Some(Poll::Ready(())) => {
                if self.fate != Fate::Broken {
                    self.fate = Fate::Broken;
                    self.watched.counts.count(Counter::Cut);
                }
                self.cut = Some(Box::pin(std::future::ready(())));
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Some(Poll::Pending) | None => Ok(()),
        }
    }

    /// Whether the client's last byte is kept from hyper, which would give up the response.
    fn awaits_response(&self) -> bool {
        self.fate == Fate::Ended
            && self.limits.on_fin == OnFin::Answer
            && !self.framing.in_content()
            && !self.connection.is_idle()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.connection.is_torn() {
            // Closed as usual, the connection would make a whole response of the half one.
            let _ = stream::tcp(&self.stream).set_zero_linger();
        }
    }
}
