//! The connections to the upstream, and the words for what goes wrong with it.
//!
//! A connection goes to the upstream alone, whatever a request names: the upstream comes from the
//! command line.

use std::error::Error as StdError;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, Uri, header};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::origin::Origin;
use super::relay::Upload;

/// How the upstream is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 without TLS, by prior knowledge.
    Http2,
}

/// The pool of connections to the upstream.
pub(super) type Pool = Client<Connector, Upload>;

/// Opens a pool. A connection that is idle for longer than `idle` is closed; zero turns reuse off.
pub(super) fn pool(
    upstream: &Origin,
    protocol: Protocol,
    connect: Duration,
    idle: Duration,
) -> Result<Pool, http::uri::InvalidUri> {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(connect));
    let connector = Connector {
        tcp,
        upstream: upstream.to_string().parse()?,
    };
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(idle)
        .http1_preserve_header_case(true)
        .set_host(false)
        .http2_only(protocol == Protocol::Http2);
    if idle.is_zero() {
        builder.pool_max_idle_per_host(0);
    }
    Ok(builder.build(connector))
}

/// Connects to the upstream.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector,
    upstream: Uri,
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Wire>;
    type Error = <HttpConnector as tower_service::Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Wire>, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(context)
    }

    fn call(&mut self, _named: Uri) -> Self::Future {
        let connecting = self.tcp.call(self.upstream.clone());
        Box::pin(async move {
            let wire = Wire {
                stream: connecting.await?.into_inner(),
                used: Used::default(),
                tear: Tear::default(),
                writing: Writing::Open,
            };
            Ok(TokioIo::new(wire))
        })
    }
}

/// Whether a connection has carried a request before.
#[derive(Clone, Debug, Default)]
pub(super) struct Used(Arc<AtomicBool>);

impl Used {
    /// Marks the connection as used, and tells whether it was before.
    pub(super) fn mark(&self) -> bool {
        self.0.swap(true, Ordering::Relaxed)
    }
}

/// Has the upstream see a broken connection, and not the end of one, when it is dropped.
#[derive(Clone, Debug, Default)]
pub(super) struct Tear(Arc<AtomicBool>);

impl Tear {
    /// Says so.
    pub(super) fn tear(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A connection to the upstream.
///
/// An upstream may answer a request that it will not read, and close: then writing fails while the
/// answer is there to be read. So a failure to write is told only after the last byte was read.
pub(super) struct Wire {
    stream: TcpStream,
    used: Used,
    tear: Tear,
    writing: Writing,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.tear.0.load(Ordering::Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

/// Whether the upstream takes what is written.
enum Writing {
    Open,
    /// It does not; who wants to write is woken when the last byte was read.
    Failed(Waker),
    /// It does not, and has no more to say.
    Over,
}

impl Wire {
    /// Keeps a failure back that an answer may explain.
    fn written(
        &mut self,
        result: io::Result<usize>,
        context: &Context<'_>,
    ) -> Poll<io::Result<usize>> {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        match result {
            Err(error) if matches!(error.kind(), BrokenPipe | ConnectionReset) => {
                self.writing = Writing::Failed(context.waker().clone());
                Poll::Pending
            }
            result => Poll::Ready(result),
        }
    }

    /// Where writing has failed: wait for the last byte to be read.
    fn may_write(&mut self, context: &Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.writing {
            Writing::Open => Poll::Ready(Ok(())),
            Writing::Failed(waker) => {
                waker.clone_from(context.waker());
                Poll::Pending
            }
            Writing::Over => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn ended(&mut self) {
        if let Writing::Failed(waker) = std::mem::replace(&mut self.writing, Writing::Over) {
            waker.wake();
        }
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        let connected = self.stream.connected();
        connected.extra(self.used.clone()).extra(self.tear.clone())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.remaining();
        let read = ready!(Pin::new(&mut this.stream).poll_read(context, buffer));
        if read.is_err() || buffer.remaining() == before {
            this.ended();
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.may_write(context))?;
        let written = ready!(Pin::new(&mut this.stream).poll_write(context, bytes));
        this.written(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.may_write(context))?;
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(context, slices));
        this.written(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// What went wrong with the upstream, before it had begun to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nobody listens there.
    Refused,
    /// No connection came about in time.
    Timeout,
    /// Its name has no address.
    Unresolved,
    /// No connection came about for another reason.
    Unreachable,
    /// It closed the connection instead of answering.
    Closed,
    /// It reset the connection instead of answering.
    Reset,
    /// Its answer is not HTTP.
    Broken,
    /// Its answer is not HTTP/1.1 or HTTP/2 as it should be, or another fault of the exchange.
    Failed,
}

impl Cause {
    /// Finds the cause in an error of the pool.
    pub(super) fn of(error: &legacy::Error) -> Cause {
        let kind = find::<io::Error>(error).map(io::Error::kind);
        if error.is_connect() {
            return match kind {
                Some(io::ErrorKind::ConnectionRefused) => Cause::Refused,
                Some(io::ErrorKind::TimedOut) => Cause::Timeout,
                _ if error_text(error).contains("dns error") => Cause::Unresolved,
                _ => Cause::Unreachable,
            };
        }
        match (find::<hyper::Error>(error), kind) {
            (_, Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)) => Cause::Reset,
            (Some(error), _) if error.is_parse() => Cause::Broken,
            (Some(error), _) if error.is_incomplete_message() || error.is_canceled() => {
                Cause::Closed
            }
            _ => Cause::Failed,
        }
    }

    /// The word for programs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Cause::Refused => "refused",
            Cause::Timeout => "timeout",
            Cause::Unresolved => "unresolved",
            Cause::Unreachable => "unreachable",
            Cause::Closed => "closed",
            Cause::Reset => "reset",
            Cause::Broken => "broken",
            Cause::Failed => "failed",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Cause::Refused => "it refuses connections",
            Cause::Timeout => "no connection came about in time",
            Cause::Unresolved => "its name has no address",
            Cause::Unreachable => "it cannot be connected to",
            Cause::Closed => "it closed the connection before it answered",
            Cause::Reset => "it reset the connection before it answered",
            Cause::Broken => "its answer is not HTTP",
            Cause::Failed => "the exchange with it failed",
        }
    }

    /// Whether a connection that had been idle may have ended before the upstream saw the request.
    pub(super) fn may_be_stale(self) -> bool {
        matches!(self, Cause::Closed | Cause::Reset)
    }

    /// The answer to the client: 504 where time ran out, else 502.
    pub(super) fn response(
        self,
        upstream: &Origin,
        error: Option<&legacy::Error>,
    ) -> Response<Bytes> {
        let detail = error.map(|error| error_text(error));
        let message = format!("{upstream}: {}", self.words());
        let document = serde_json::json!({
            "error": "upstream", "cause": self.name(), "message": message, "detail": detail,
        });
        let mut response = Response::new(Bytes::from(document.to_string()));
        *response.status_mut() = if self == Cause::Timeout {
            StatusCode::GATEWAY_TIMEOUT
        } else {
            StatusCode::BAD_GATEWAY
        };
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

/// The first error of this type in a chain of sources.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// An error with its sources, in words.
fn error_text(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}
