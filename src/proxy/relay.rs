//! The bodies on their way through: teed to the recorder, never held but for the last byte.
//!
//! The last byte of a response waits until the recorder has the exchange as safe as was asked for;
//! so a client that saw an exchange completed finds it on the tape, whatever happens then.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::exchange::End;

use super::gate::{Gate, Keeper, Passage};
use super::meter::{Meter, Span};
use crate::recorder::{RequestTap, ResponseTap, Written};

/// Any error of a body.
type BoxError = Box<dyn StdError + Send + Sync>;

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
pub(super) struct Delivery(Arc<AtomicBool>);

impl Delivery {
    /// Whether it failed.
    pub(super) fn failed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The content of a request, on its way to the upstream.
pub(super) struct Upload(Source);

enum Source {
    /// As it comes from the client.
    Live(Box<Sending>),
    /// As it was changed.
    Whole(Option<Bytes>),
}

/// A request's content while it comes from the client.
pub(super) struct Sending {
    content: Incoming,
    /// What was read from the content, and teed, before it was known that it has to stream.
    front: VecDeque<Bytes>,
    tap: Option<RequestTap>,
    gate: Option<Gate>,
    delivery: Delivery,
    meter: Meter,
}

impl Sending {
    /// Content that comes from the client, through the gate where there is one.
    pub(super) fn new(
        content: Incoming,
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
    pub(super) fn is_empty(&self) -> bool {
        self.content.is_end_stream()
    }

    /// Reads the whole content, up to `cap`; what was read goes first if it has to stream after all.
    pub(super) async fn collect(&mut self, cap: usize) -> Collected {
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
    fn saw(&mut self, frame: Option<&Result<Frame<Bytes>, hyper::Error>>) {
        match frame {
            Some(Ok(frame)) => {
                if let (Some(tap), Some(data)) = (&mut self.tap, frame.data_ref()) {
                    tap.data(data);
                    self.meter.sent(data.len());
                }
                if self.content.is_end_stream() {
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
    pub(super) fn live(sending: Sending) -> Upload {
        Upload(Source::Live(Box::new(sending)))
    }

    /// Content that is there.
    pub(super) fn whole(content: Bytes) -> Upload {
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
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
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

/// The content of a response, on its way to the client.
pub struct Download(Stage);

enum Stage {
    /// It comes from the upstream.
    Passing(Box<Passing>),
    /// Its last frame waits for the recorder; none where the end itself is what waits.
    Holding(Option<Frame<Bytes>>, Held),
    /// It is there.
    Whole(Option<Bytes>, Option<Held>),
    Over,
}

/// The word of the recorder that is waited for, and what is to be told when the response is out.
struct Held {
    written: Pin<Box<Written>>,
    _span: Span,
}

/// A response while it comes from the upstream.
pub(super) struct Passing {
    content: Incoming,
    /// What was read from the content, and teed, before it was known that it has to stream.
    front: VecDeque<Bytes>,
    tap: Option<ResponseTap>,
    keeper: Option<Keeper>,
    meter: Meter,
    span: Option<Span>,
}

impl Passing {
    /// A response of which the head has been told to `tap`.
    pub(super) fn new(
        content: Incoming,
        tap: ResponseTap,
        keeper: Option<Keeper>,
        meter: Meter,
        span: Span,
    ) -> Passing {
        Passing {
            content,
            front: VecDeque::new(),
            tap: Some(tap),
            keeper,
            meter,
            span: Some(span),
        }
    }

    /// Whether there is no content at all.
    pub(super) fn is_empty(&self) -> bool {
        self.content.is_end_stream()
    }

    /// The rest is not passed on: what the recorder has to say when the exchange ends so, and the
    /// span of the exchange.
    pub(super) fn finish(mut self, end: End) -> Option<(Written, Span)> {
        let written = self.tap.take()?.end(end);
        Some((written, self.span.take()?))
    }

    /// Reads the whole content, up to `cap`; what was read goes first if it has to stream after all.
    pub(super) async fn collect(&mut self, cap: usize) -> Collected {
        let mut length = 0;
        while let Some(frame) = self.content.frame().await {
            let Ok(frame) = frame else {
                return Collected::Broken;
            };
            self.saw(&frame);
            if let Ok(data) = frame.into_data() {
                length += data.len();
                self.front.push_back(data);
            }
            if length > cap {
                return Collected::TooLong;
            }
        }
        Collected::Whole(joined(self.front.drain(..)))
    }

    /// Tees a frame, and tells whether it is the last.
    fn saw(&mut self, frame: &Frame<Bytes>) -> bool {
        let Some(data) = frame.data_ref() else {
            return true;
        };
        if let Some(tap) = &mut self.tap {
            tap.data(data);
        }
        self.meter.received(data.len());
        self.content.is_end_stream()
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if let Some(keeper) = &self.keeper {
            keeper.over();
        }
    }
}

/// What became of content that was to be read whole.
#[derive(Debug)]
pub(super) enum Collected {
    /// Here it is.
    Whole(Bytes),
    /// There is more of it than may be held.
    TooLong,
    /// It broke off.
    Broken,
}

fn joined(parts: impl Iterator<Item = Bytes>) -> Bytes {
    let mut all = BytesMut::new();
    for part in parts {
        all.extend_from_slice(&part);
    }
    all.freeze()
}

impl Download {
    /// Content that comes from the upstream.
    pub(super) fn live(passing: Passing) -> Download {
        Download(Stage::Passing(Box::new(passing)))
    }

    /// Content that is there, and of which the recorder knows nothing.
    pub(super) fn whole(content: Bytes) -> Download {
        Download(Stage::Whole(Some(content), None))
    }

    /// Content that is there, when the recorder has the exchange.
    pub(super) fn recorded(content: Bytes, written: Written, span: Span) -> Download {
        let held = Held {
            written: Box::pin(written),
            _span: span,
        };
        Download(Stage::Whole(Some(content), Some(held)))
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            match &mut self.0 {
                Stage::Over => return Poll::Ready(None),
                Stage::Whole(content, held) => {
                    if let Some(held) = held {
                        ready!(held.written.as_mut().poll(context));
                    }
                    let content = content.take().filter(|content| !content.is_empty());
                    self.0 = Stage::Over;
                    return Poll::Ready(content.map(|content| Ok(Frame::data(content))));
                }
                Stage::Holding(frame, held) => {
                    ready!(held.written.as_mut().poll(context));
                    let frame = frame.take();
                    self.0 = Stage::Over;
                    return Poll::Ready(frame.map(Ok));
                }
                Stage::Passing(passing) => {
                    if let Some(data) = passing.front.pop_front() {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                    let frame = ready!(Pin::new(&mut passing.content).poll_frame(context));
                    let last = match frame {
                        Some(Err(error)) => {
                            self.0 = Stage::Over;
                            return Poll::Ready(Some(Err(error.into())));
                        }
                        None => None,
                        Some(Ok(frame)) => {
                            let is_last = passing.saw(&frame);
                            if !is_last {
                                return Poll::Ready(Some(Ok(frame)));
                            }
                            Some(frame)
                        }
                    };
                    self.hold(last);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Stage::Over => true,
            Stage::Whole(content, held) => {
                held.is_none() && content.as_ref().is_none_or(Bytes::is_empty)
            }
            Stage::Passing(_) | Stage::Holding(..) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Stage::Passing(passing) if !passing.front.is_empty() => SizeHint::default(),
            Stage::Passing(passing) => passing.content.size_hint(),
            Stage::Whole(content, _) => exact(content.as_ref()),
            Stage::Holding(frame, _) => exact(frame.as_ref().and_then(|frame| frame.data_ref())),
            Stage::Over => SizeHint::with_exact(0),
        }
    }
}

impl Download {
    /// Tells the recorder that the response is complete, and keeps its last frame until it answers.
    fn hold(&mut self, last: Option<Frame<Bytes>>) {
        if let Stage::Passing(passing) = std::mem::replace(&mut self.0, Stage::Over) {
            let Some((written, span)) = passing.finish(End::Complete) else {
                return;
            };
            let held = Held {
                written: Box::pin(written),
                _span: span,
            };
            self.0 = Stage::Holding(last, held);
        }
    }
}

fn exact(content: Option<&Bytes>) -> SizeHint {
    let length = content.map_or(0, Bytes::len);
    SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
}
