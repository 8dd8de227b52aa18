//! The content of a request, on its way to the upstream.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};

use crate::proxy::gate::{Gate, Passage};
use crate::proxy::headers;
use crate::proxy::meter::Meter;
use crate::recorder::RequestTap;

use super::{BoxError, Collected, Content, exact, joined};

/// The upstream has answered without the content that the client offered.
#[derive(Debug)]
struct NotWanted;

impl fmt::Display for NotWanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the upstream does not want the content")
    }
}

impl StdError for NotWanted {}

/// Whether the client failed to deliver its request.
#[derive(Clone, Debug, Default)]
pub(in crate::proxy) struct Delivery(Arc<AtomicBool>);

impl Delivery {
    /// Whether it failed.
    pub(in crate::proxy) fn failed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The content of a request, on its way to the upstream.
pub(in crate::proxy) struct Upload(Source);

/// There is none.
impl Default for Upload {
    fn default() -> Upload {
        Upload(Source::Whole(None))
    }
}

enum Source {
    /// As it comes from the client.
    Live(Box<Sending>),
    /// As it was changed.
    Whole(Option<Bytes>),
}

/// A request's content while it comes from the client.
pub(in crate::proxy) struct Sending {
    content: Content,
    /// What was read from the content, and teed, before it was known that it has to stream.
    front: VecDeque<Bytes>,
    tap: Option<RequestTap>,
    gate: Option<Gate>,
    delivery: Delivery,
    meter: Meter,
}

impl Sending {
    /// Content that comes from the client, through the gate where there is one.
    pub(in crate::proxy) fn new(
        content: Content,
        tap: RequestTap,
        gate: Option<Gate>,
        delivery: Delivery,
        meter: Meter,
    ) -> Sending {
        let mut sending = Sending {
            content,
            front: VecDeque::new(),
            tap: Some(tap),
            gate,
            delivery,
            meter,
        };
        if sending.content.is_end_stream() {
            sending.end();
        }
        sending
    }

    /// Whether there is no content at all.
    pub(in crate::proxy) fn is_empty(&self) -> bool {
        self.content.is_end_stream()
    }

    /// Reads the whole content, up to `cap`; what was read goes first if it has to stream after all.
    pub(in crate::proxy) async fn collect(&mut self, cap: usize) -> Collected {
        let mut length = 0;
        loop {
            let frame = self.content.frame().await;
            self.saw(frame.as_ref());
            match frame {
                None => return Collected::Whole(joined(self.front.drain(..))),
                Some(Err(_)) => return Collected::Broken,
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        length += data.len();
                        self.front.push_back(data);
                    }
                }
            }
            if length > cap {
                return Collected::TooLong;
            }
        }
    }

    /// Tees what came.
    fn saw(&mut self, frame: Option<&Result<Frame<Bytes>, BoxError>>) {
        match frame {
            Some(Ok(frame)) => {
                if let (Some(tap), Some(data)) = (&mut self.tap, frame.data_ref()) {
                    tap.data(data);
                    self.meter.sent(data.len());
                }
                if let (Some(tap), Some(trailers)) = (&mut self.tap, frame.trailers_ref()) {
                    tap.trailers(headers::recorded(trailers));
                }
                // Nothing comes after trailers, and who sends them on may not ask.
                if frame.is_trailers() || self.content.is_end_stream() {
                    self.end();
                }
            }
            Some(Err(_)) => {
                self.delivery.0.store(true, Ordering::Relaxed);
                // Dropped without its end: it broke off.
                self.tap = None;
            }
            None => self.end(),
        }
    }

    fn end(&mut self) {
        if let Some(tap) = self.tap.take() {
            tap.end();
        }
    }
}

impl Upload {
    /// Content that comes from the client.
    pub(in crate::proxy) fn live(sending: Sending) -> Upload {
        Upload(Source::Live(Box::new(sending)))
    }

    /// Content that is there.
    pub(in crate::proxy) fn whole(content: Bytes) -> Upload {
        Upload(Source::Whole(
            Some(content).filter(|content| !content.is_empty()),
        ))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let sending = match &mut self.0 {
            Source::Whole(content) => {
                return Poll::Ready(content.take().map(|content| Ok(Frame::data(content))));
            }
            Source::Live(sending) => sending,
        };
        if let Some(waiting) = &mut sending.gate {
            let passage = ready!(waiting.as_mut().poll(context));
            sending.gate = None;
            if passage == Passage::Closed {
                return Poll::Ready(Some(Err(Box::new(NotWanted))));
            }
        }
        if let Some(data) = sending.front.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let frame = ready!(Pin::new(&mut sending.content).poll_frame(context));
        sending.saw(frame.as_ref());
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Whole(content) => content.is_none(),
            Source::Live(sending) => sending.front.is_empty() && sending.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Whole(content) => exact(content.as_ref()),
            // What has been read of it already is not in the content's own hint.
            Source::Live(sending) if !sending.front.is_empty() => SizeHint::default(),
            Source::Live(sending) => sending.content.size_hint(),
        }
    }
}
