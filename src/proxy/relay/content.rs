//! The content of the upstream's answers, from whichever kind of connection it comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::BoxError;
use crate::proxy::upstream::SocketContent;

/// Content as it comes from the upstream.
pub(in crate::proxy) enum Content {
    /// On a connection of a pool.
    Pooled(Incoming),
    /// On one for a socket, which the upstream declines.
    Declined(Box<SocketContent>),
}

impl Body for Content {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Content::Pooled(content) => Pin::new(content)
                .poll_frame(context)
                .map_err(BoxError::from),
            Content::Declined(content) => Pin::new(content)
                .poll_frame(context)
                .map_err(BoxError::from),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Content::Pooled(content) => content.is_end_stream(),
            Content::Declined(content) => content.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Content::Pooled(content) => content.size_hint(),
            Content::Declined(content) => content.size_hint(),
        }
    }
}
