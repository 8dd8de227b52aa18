//! Connections by HTTP/2 for sockets (RFC 8441), each for one: the bytes of one stream, and how it ended.
//!
//! A client may only ask for a socket when the upstream has said that it opens any (RFC 8441 §3), which
//! hyper's client does not wait for; and it takes a stream that was cancelled for one that has ended.
//! So this speaks to the library beneath.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use h2::client::SendRequest;
use h2::{Ping, RecvStream, SendStream};
use http::{Request, Response};
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::cause::Failure;
use super::wire::Wire;

/// How long the upstream may take to say what it can do. It does so in its first frame (RFC 9113 §3.4),
/// and answers a ping behind that.
const SETTINGS: Duration = Duration::from_secs(10);

/// How much the upstream may send before somebody has taken it: enough for a fast line, and so little that
/// all of it may come in frames of a byte.
const WINDOW: u32 = 256 * 1024;

/// What frames may cost beyond their content, as the library counts it: 256 bytes for each. So the window
/// alone is what limits them: on a socket many short messages are usual, and no attack.
const FRAMES: usize = WINDOW as usize * 256;

/// How much is given to the connection at once.
const MAX_WRITE: usize = 64 * 1024;

/// A connection by HTTP/2 to an upstream that opens sockets.
pub(in crate::proxy) struct Ready(SendRequest<Bytes>);

/// The upstream's end of a socket on it.
pub(in crate::proxy) struct Socket {
    sender: SendStream<Bytes>,
    content: Content,
}

/// The content of the answer to a request for a socket.
pub(in crate::proxy) struct Content {
    receiver: RecvStream,
    /// What has come and was not taken.
    rest: Bytes,
}

/// Makes HTTP/2 of a connection; `None` where the upstream opens no sockets on it.
pub(super) async fn agree(wire: Wire) -> Result<Option<Ready>, Failure> {
    let mut builder = h2::client::Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .data_frame_budget(FRAMES);
    let (sender, mut connection) = builder.handshake(wire).await?;
    let ping = connection.ping_pong();
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("a connection to the upstream for a socket: {error}");
        }
    });
    if let Some(mut ping) = ping {
        let pong = timeout(SETTINGS, ping.ping(Ping::opaque())).await;
        pong.map_err(|_| Failure::Connect(io::Error::from(io::ErrorKind::TimedOut).into()))??;
    }
    let offered = sender.is_extended_connect_protocol_enabled();
    Ok(offered.then_some(Ready(sender)))
}

impl Ready {
    /// Asks for a socket. Where the answer is one of success, it is open.
    pub(in crate::proxy) async fn ask(
        self,
        request: Request<()>,
    ) -> Result<Response<Socket>, Failure> {
        let mut sender = self.0.ready().await?;
        let (response, sender) = sender.send_request(request, false)?;
        let socket = |receiver| Socket {
            sender,
            content: Content {
                receiver,
                rest: Bytes::new(),
            },
        };
        Ok(response.await?.map(socket))
    }
}

impl Socket {
    /// What an upstream says that opens none.
    pub(in crate::proxy) fn declined(mut self) -> Content {
        // It has all of the request; where it does not care any more, that is as well.
        let _ = self.sender.send_data(Bytes::new(), true);
        self.content
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let content = &mut self.get_mut().content;
        while content.rest.is_empty() {
            match ready!(content.receiver.poll_data(context)) {
                None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                Some(Ok(more)) => content.rest = more,
            }
        }
        let count = content.rest.len().min(buffer.remaining());
        buffer.put_slice(content.rest.get(..count).unwrap_or_default());
        content.rest.advance(count);
        let taken = content.receiver.flow_control().release_capacity(count);
        Poll::Ready(taken.map_err(io::Error::other))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sender = &mut self.get_mut().sender;
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let broken = || Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        sender.reserve_capacity(bytes.len().min(MAX_WRITE));
        while sender.capacity() == 0 {
            match ready!(sender.poll_capacity(context)) {
                None => return broken(),
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                Some(Ok(_)) => {}
            }
        }
        let count = sender.capacity().min(bytes.len()).min(MAX_WRITE);
        let part = Bytes::copy_from_slice(bytes.get(..count).unwrap_or_default());
        match sender.send_data(part, false) {
            Ok(()) => Poll::Ready(Ok(count)),
            Err(_) => broken(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = self.get_mut().sender.send_data(Bytes::new(), true);
        Poll::Ready(ended.map_err(io::Error::other))
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let receiver = &mut self.get_mut().receiver;
        match ready!(receiver.poll_data(context)) {
            Some(Ok(data)) => {
                let taken = receiver.flow_control().release_capacity(data.len());
                Poll::Ready(Some(taken.map(|()| Frame::data(data))))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => {
                let trailers = ready!(receiver.poll_trailers(context)).transpose();
                Poll::Ready(trailers.map(|fields| fields.map(Frame::trailers)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.receiver.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
