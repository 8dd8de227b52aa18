//! One connection to the upstream, with TLS or without.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

/// What is known of a connection by whoever uses it.
#[derive(Clone, Debug, Default)]
pub(in crate::proxy) struct Line(Arc<State>);

#[derive(Debug, Default)]
struct State {
    used: AtomicBool,
    torn: AtomicBool,
}

impl Line {
    /// Whether it has carried a request before: something was written on it behind something that was
    /// read. Over HTTP/2 that may be the first request, behind the settings.
    pub(in crate::proxy) fn was_used(&self) -> bool {
        self.0.used.load(Ordering::Relaxed)
    }

    fn use_again(&self) {
        self.0.used.store(true, Ordering::Relaxed);
    }

    /// Has the upstream see a broken connection, and not the end of one, when it is dropped.
    pub(in crate::proxy) fn tear(&self) {
        self.0.torn.store(true, Ordering::Relaxed);
    }

    fn is_torn(&self) -> bool {
        self.0.torn.load(Ordering::Relaxed)
    }
}

/// A connection to the upstream.
///
/// An upstream may answer a request that it will not read, and close: then writing fails while the
/// answer is there to be read. So a failure to write is told only after the last byte was read.
pub(in crate::proxy) struct Wire {
    stream: Either<TcpStream, Box<TlsStream<TcpStream>>>,
    heard: Heard,
    line: Line,
    writing: Writing,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.line.is_torn() {
            let _ = self.tcp().set_zero_linger();
        }
    }
}

/// Whether the upstream has said anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Nothing,
    Something,
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
    /// A connection that carries HTTP.
    pub(super) fn new(stream: Either<TcpStream, Box<TlsStream<TcpStream>>>) -> Wire {
        Wire {
            stream,
            heard: Heard::Nothing,
            line: Line::default(),
            writing: Writing::Open,
        }
    }

    /// What is known of it.
    pub(super) fn line(&self) -> Line {
        self.line.clone()
    }

    /// The connection beneath.
    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Either::Left(tcp) => tcp,
            Either::Right(tls) => tls.get_ref().0,
        }
    }

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
        if self.heard == Heard::Something {
            self.line.use_again();
        }
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
        let connected = self.tcp().connected();
        connected.extra(self.line.clone())
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
        } else {
            this.heard = Heard::Something;
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
