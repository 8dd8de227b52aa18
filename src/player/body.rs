//! The bodies of responses: a whole one that says when it is out, and what comes bit by bit.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;

use super::streaming::Streaming;

/// The body of a response.
pub struct ReplayBody(Kind);

enum Kind {
    Whole {
        content: Option<Bytes>,
        /// What comes after the content; an empty section where the client takes none, and is told no
        /// length all the same. Few have any, and a body is moved often.
        trailers: Option<Box<HeaderMap>>,
        out: Option<Out>,
    },
    Lines(mpsc::Receiver<Bytes>),
    /// A stream of a live client.
    Stream(Box<Streaming>),
    /// It comes from the service.
    Forwarded(Incoming),
}

/// Why a body could not be sent.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What to do when a body is out, or can't be any more.
type Out = Box<dyn FnOnce() + Send>;

impl ReplayBody {
    /// A body of these bytes.
    pub(super) fn whole(content: impl Into<Bytes>) -> Self {
        ReplayBody(Kind::Whole {
            content: Some(content.into()),
            trailers: None,
            out: None,
        })
    }

    /// A body of these bytes and trailers.
    pub(super) fn with_trailers(content: Bytes, trailers: Option<HeaderMap>) -> Self {
        ReplayBody(Kind::Whole {
            content: Some(content),
            trailers: trailers.map(Box::new),
            out: None,
        })
    }

    /// A body of these bytes and trailers; `out` is called once, when hyper has taken them or given up.
    pub(super) fn telling(
        content: Bytes,
        trailers: Option<HeaderMap>,
        out: impl FnOnce() + Send + 'static,
    ) -> Self {
        ReplayBody(Kind::Whole {
            content: Some(content),
            trailers: trailers.map(Box::new),
            out: Some(Box::new(out)),
        })
    }

    /// A stream of a live client.
    pub(super) fn stream(stream: Streaming) -> Self {
        ReplayBody(Kind::Stream(Box::new(stream)))
    }

    /// A body as it comes from the service.
    pub(super) fn forwarded(content: Incoming) -> Self {
        ReplayBody(Kind::Forwarded(content))
    }

    /// A body that goes on as long as there may come more from `lines`.
    pub(super) fn lines(lines: mpsc::Receiver<Bytes>) -> Self {
        ReplayBody(Kind::Lines(lines))
    }
}

impl Body for ReplayBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Kind::Whole {
                content, trailers, ..
            } => {
                let content = content.take().filter(|content| !content.is_empty());
                let frame = content.map(Frame::data).or_else(|| {
                    let trailers = trailers.take().filter(|trailers| !trailers.is_empty());
                    trailers.map(|trailers| Frame::trailers(*trailers))
                });
                Poll::Ready(frame.map(Ok))
            }
            Kind::Lines(lines) => lines
                .poll_recv(context)
                .map(|line| line.map(|line| Ok(Frame::data(line)))),
            Kind::Stream(stream) => stream.poll_next(context),
            Kind::Forwarded(content) => {
                let frame = Pin::new(content).poll_frame(context);
                frame.map_err(BoxError::from)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole {
                content, trailers, ..
            } => trailers.is_none() && content.as_ref().is_none_or(Bytes::is_empty),
            Kind::Lines(_) | Kind::Stream(_) => false,
            Kind::Forwarded(content) => content.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole {
                content,
                trailers: None,
                ..
            } => {
                let length = content.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Kind::Whole { .. } | Kind::Lines(_) | Kind::Stream(_) => SizeHint::default(),
            Kind::Forwarded(content) => content.size_hint(),
        }
    }
}

impl Drop for ReplayBody {
    /// hyper drops a body when it has written it, and when it never will.
    fn drop(&mut self) {
        if let Kind::Whole { out, .. } = &mut self.0
            && let Some(out) = out.take()
        {
            out();
        }
    }
}
