//! How HTTP is spoken with clients, and what of the server's memory and work it lets them have.
//!
//! Which requests are good is the guard's business.

use std::convert::Infallible;
use std::error::Error;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::watch;

use super::aside::Aside;
use super::guard::Guard;
use super::{Limits, Names, Sockets, stopped};

/// How much of a connection of HTTP/1.1 is held each way: little enough for thousands of readers that take
/// nothing, and more than passes at once.
const HELD: usize = 128 * 1024;

/// The most requests under way on one HTTP/2 connection: twice the 100 that a server should allow
/// (RFC 9113 §6.5.2).
const MAX_STREAMS: u32 = 200;

/// How much of one response over HTTP/2 is held for a client that has no window for it: with
/// [`MAX_STREAMS`] of them, 13 MiB a connection.
const MAX_SENT: usize = 64 * 1024;

/// How much content of one request over HTTP/2 a client may send ahead, as hyper has it unsaid.
const WINDOW: u32 = 1024 * 1024;

/// How much content of all requests on one HTTP/2 connection may be sent ahead. Frames that wait cost some
/// hundred bytes each, however small, and the library closes a connection where that comes to half of
/// this: with hyper's own 1 MiB at two thousand tiny frames, which a socket's messages or the pieces of a call
/// come to while the service or the disk is slow; so at eight thousand.
const WINDOWS: u32 = 4 * 1024 * 1024;

/// How many requests over HTTP/2 a client may reset before they were looked at; then the connection is
/// closed (CVE-2023-44487).
const MAX_RESETS: usize = 20;

/// How many requests over HTTP/2 may be reset for a client's own errors; then the connection is closed
/// (CVE-2025-8671).
const MAX_ERRORS: usize = 128;

/// Why a conversation broke off.
pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// How HTTP is spoken. What HTTP/2 lets a client have of the server's memory and work is said here, and
/// not left to what the library takes for good.
#[derive(Clone)]
pub(super) struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Protocols {
    /// Within these limits.
    pub(super) fn new(limits: Limits) -> Protocols {
        let mut http1 = http1::Builder::new();
        // The guard keeps the time, since it can tell a slow head from an idle connection.
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .preserve_header_case(limits.names == Names::Kept)
            .max_buf_size(HELD.max(limits.head_size.saturating_mul(2)));
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            // It bounds the CONTINUATION frames of a head too, which are not held one by one.
            .max_header_list_size(u32::try_from(limits.head_size).unwrap_or(u32::MAX))
            .max_send_buf_size(MAX_SENT)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOWS)
            .max_pending_accept_reset_streams(MAX_RESETS)
            .max_local_error_reset_streams(MAX_ERRORS);
        if limits.sockets == Sockets::Passed {
            http2.enable_connect_protocol();
        }
        Protocols { http1, http2 }
    }

    /// Speaks with the client of a connection what it begins with, to its end. When `stop` is said, what is
    /// under way still is done. It ends also when `stalled` is over, of which HTTP/2 alone is in need: of
    /// HTTP/1.1 the guard sees enough.
    pub(super) async fn serve<S, F, B>(
        self,
        mut guard: Box<Guard>,
        service: S,
        stop: watch::Receiver<bool>,
        stalled: impl Future<Output = ()>,
    ) -> Result<(), BoxError>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future = F>
            + Send
            + 'static,
        F: Future<Output = Result<Response<B>, Infallible>> + Send + 'static,
        B: Body<Data = Bytes> + Unpin + Send + 'static,
        B::Error: Into<BoxError>,
    {
        tokio::select! {
            begun = guard.begun() => begun?,
            // Nothing is under way yet.
            () = stopped(stop.clone()) => return Ok(()),
        }
        // Each in a box of its own size, of which there is but one.
        if guard.speaks_http2() {
            let talk = self.http2.serve_connection(TokioIo::new(guard), service);
            let mut talk = Box::pin(talk);
            let talking = async {
                tokio::select! {
                    biased;
                    done = talk.as_mut() => return done,
                    () = stopped(stop) => talk.as_mut().graceful_shutdown(),
                }
                talk.await
            };
            tokio::select! {
                biased;
                done = talking => done?,
                () = stalled => {}
            }
            return Ok(());
        }
        let talk = self.http1.serve_connection(TokioIo::new(guard), service);
        let mut talk = Box::pin(talk.with_upgrades());
        let stop = std::pin::pin!(stopped(stop));
        let stop = Aside::new(stop);
        tokio::select! {
            biased;
            done = talk.as_mut() => return Ok(done?),
            () = stop => talk.as_mut().graceful_shutdown(),
        }
        Ok(talk.await?)
    }
}
