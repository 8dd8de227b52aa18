//! The content of the upstream's answers, from whichever kind of connection it comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::BoxError;
use crate::proxy::upstream::{Lease, SocketContent};

/// Content as it comes from the upstream.
pub(in crate::proxy) enum UpstreamContent {
    /// On a connection of a pool. Where it carries one exchange at a time, it rests from then on.
    Pooled {
        content: Incoming,
        _lease: Option<Lease>,
    },
    /// On one for a socket, which the upstream declines.
    Declined(Box<SocketContent>),
}

impl Body for UpstreamContent {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            UpstreamContent::Pooled { content, .. } => Pin::new(content)
                .poll_frame(context)
                .map_err(BoxError::from),
            UpstreamContent::Declined(content) => Pin::new(content)
                .poll_frame(context)
                .map_err(BoxError::from),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            UpstreamContent::Pooled { content, .. } => content.is_end_stream(),
            UpstreamContent::Declined(content) => content.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            UpstreamContent::Pooled { content, .. } => content.size_hint(),
            UpstreamContent::Declined(content) => content.size_hint(),
        }
    }
}
