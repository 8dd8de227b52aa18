//! The content of a response, on its way to the client.
//!
//! Its last byte waits until the recorder has the exchange as safe as was asked for; so a client that
//! saw an exchange completed finds it on the tape, whatever happens then.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};

use crate::exchange::End;
use crate::proxy::gate::Keeper;
use crate::proxy::headers;
use crate::proxy::meter::Span;
use crate::recorder::{ResponseTap, Written};

use super::{BoxError, Collected, UpstreamContent, exact, joined};

/// The content of a response, on its way to the client.
pub struct Download(Stage);

enum Stage {
    /// It comes from the upstream.
    Passing(Box<Passing>),
    /// Its last frame waits for the recorder; none where the end itself is what waits. How long the rest is
    /// the upstream has said, or has not.
    Holding(Option<Last>, Held, SizeHint),
    /// It is there.
    Whole(Option<Bytes>, Option<Held>),
    /// The upstream broke off. What came before goes out before the client hears of it.
    Breaking(Option<BoxError>),
    /// It has gone out, as far as the client takes it.
    Broken(Option<BoxError>),
    Over,
}

/// The last frame of a response. Nearly all are data, and it is handed on often.
enum Last {
    Data(Bytes),
    Other(Box<Frame<Bytes>>),
}

impl Last {
    fn of(frame: Frame<Bytes>) -> Last {
        match frame.into_data() {
            Ok(data) => Last::Data(data),
            Err(other) => Last::Other(Box::new(other)),
        }
    }

    fn length(&self) -> usize {
        match self {
            Last::Data(data) => data.len(),
            Last::Other(_) => 0,
        }
    }

    fn into_frame(self) -> Frame<Bytes> {
        match self {
            Last::Data(data) => Frame::data(data),
            Last::Other(other) => *other,
        }
    }
}

/// The word of the recorder that is waited for, and what is to be told when the response is out.
struct Held {
    written: Written,
    _span: Span,
}

/// A response while it comes from the upstream.
pub(in crate::proxy) struct Passing {
    content: UpstreamContent,
    /// What was read from the content, and teed, before it was known that it has to stream.
    front: VecDeque<Bytes>,
    tap: Option<ResponseTap>,
    keeper: Option<Keeper>,
    span: Option<Span>,
    /// A frame that completes a message of a stream, and waits for the recorder.
    waiting: Option<Box<(Frame<Bytes>, Written)>>,
}

impl Passing {
    /// A response of which the head has been told to `tap`.
    pub(in crate::proxy) fn new(
        content: UpstreamContent,
        tap: ResponseTap,
        keeper: Option<Keeper>,
        span: Span,
    ) -> Passing {
        Passing {
            content,
            front: VecDeque::new(),
            tap: Some(tap),
            keeper,
            span: Some(span),
            waiting: None,
        }
    }

    /// Whether there is no content at all.
    pub(in crate::proxy) fn is_empty(&self) -> bool {
        self.content.is_end_stream()
    }

    /// The rest is not passed on: what the recorder has to say when the exchange ends so, and the
    /// span of the exchange.
    pub(in crate::proxy) fn finish(mut self, end: End) -> Option<(Written, Span)> {
        let written = self.tap.take()?.end(end);
        Some((written, self.span.take()?))
    }

    /// Reads the whole content, up to `cap`; what was read goes first if it has to stream after all.
    pub(in crate::proxy) async fn collect(&mut self, cap: usize) -> Collected {
        let mut length = 0;
        while let Some(frame) = self.content.frame().await {
            let Ok(frame) = frame else {
                return Collected::Broken;
            };
            // Whoever waits for the whole waits for the recorder in the end.
            let _ = self.saw(&frame);
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

    fn size_hint(&self) -> SizeHint {
        let hint = self.content.size_hint();
        let waiting = self
            .waiting
            .as_ref()
            .and_then(|waiting| waiting.0.data_ref());
        let read: usize = self.front.iter().chain(waiting).map(Bytes::len).sum();
        match (read, hint.exact(), u64::try_from(read)) {
            (0, _, _) => hint,
            (_, Some(rest), Ok(read)) => SizeHint::with_exact(rest.saturating_add(read)),
            _ => SizeHint::default(),
        }
    }

    /// Tees a frame, and tells whether it is the last, and what it has to wait for.
    fn saw(&mut self, frame: &Frame<Bytes>) -> (bool, Option<Written>) {
        if let (Some(tap), Some(trailers)) = (&mut self.tap, frame.trailers_ref()) {
            tap.trailers(headers::recorded(trailers));
        }
        let Some(data) = frame.data_ref() else {
            return (true, None);
        };
        let written = self.tap.as_mut().and_then(|tap| tap.data(data));
        if let Some(span) = &self.span {
            span.received(data.len());
        }
        (self.content.is_end_stream(), written)
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if let Some(keeper) = &self.keeper {
            keeper.over();
        }
    }
}

impl Download {
    /// Content that comes from the upstream.
    pub(in crate::proxy) fn live(passing: Passing) -> Download {
        Download(Stage::Passing(Box::new(passing)))
    }

    /// The same. Where all of it has come along with its head, the head waits for the recorder too: then both
    /// go out at once.
    pub(in crate::proxy) async fn settled(mut passing: Passing) -> Download {
        let first = poll_fn(|context| Poll::Ready(passing.read(context))).await;
        match first {
            Poll::Pending | Poll::Ready(Read::Waiting) => Download::live(passing),
            Poll::Ready(Read::Frame(frame)) => {
                passing.front.extend(frame.into_data());
                Download::live(passing)
            }
            Poll::Ready(Read::Last(last)) => {
                let mut stage = passing.hold(last);
                if let Stage::Holding(_, held, _) = &mut stage {
                    (&mut held.written).await;
                }
                Download(stage)
            }
            Poll::Ready(Read::Broken(error)) => Download(Stage::Breaking(Some(error))),
        }
    }

    /// Content that is there, and of which the recorder knows nothing.
    pub(in crate::proxy) fn whole(content: Bytes) -> Download {
        Download(Stage::Whole(Some(content), None))
    }

    /// Content that is there, when the recorder has the exchange.
    pub(in crate::proxy) fn recorded(content: Bytes, written: Written, span: Span) -> Download {
        let held = Held {
            written,
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
                Stage::Breaking(error) => {
                    self.0 = Stage::Broken(error.take());
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Stage::Broken(error) => {
                    let error = error.take();
                    self.0 = Stage::Over;
                    return Poll::Ready(error.map(Err));
                }
                Stage::Whole(content, held) => {
                    if let Some(held) = held {
                        ready!(Pin::new(&mut held.written).poll(context));
                    }
                    let content = content.take().filter(|content| !content.is_empty());
                    self.0 = Stage::Over;
                    return Poll::Ready(content.map(|content| Ok(Frame::data(content))));
                }
                Stage::Holding(frame, held, _) => {
                    ready!(Pin::new(&mut held.written).poll(context));
                    let frame = frame.take().map(Last::into_frame);
                    self.0 = Stage::Over;
                    return Poll::Ready(frame.map(Ok));
                }
                Stage::Passing(passing) => {
                    if let Some(data) = passing.front.pop_front() {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                    if let Some(waiting) = &mut passing.waiting {
                        ready!(Pin::new(&mut waiting.1).poll(context));
                        let frame = passing.waiting.take().map(|waiting| waiting.0);
                        return Poll::Ready(frame.map(Ok));
                    }
                    match ready!(passing.read(context)) {
                        Read::Frame(frame) => return Poll::Ready(Some(Ok(frame))),
                        Read::Waiting => {}
                        Read::Broken(error) => self.0 = Stage::Breaking(Some(error)),
                        Read::Last(last) => {
                            if let Stage::Passing(passing) =
                                std::mem::replace(&mut self.0, Stage::Over)
                            {
                                self.0 = passing.hold(last);
                            }
                        }
                    }
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
            Stage::Passing(_) | Stage::Holding(..) | Stage::Breaking(_) | Stage::Broken(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Stage::Passing(passing) => passing.size_hint(),
            Stage::Breaking(_) | Stage::Broken(_) => SizeHint::default(),
            Stage::Whole(content, _) => exact(content.as_ref()),
            Stage::Holding(_, _, hint) => *hint,
            Stage::Over => SizeHint::with_exact(0),
        }
    }
}

/// What the upstream has sent.
enum Read {
    /// A frame for the client.
    Frame(Frame<Bytes>),
    /// One that waits for the recorder.
    Waiting,
    /// The end, with the last frame if there is one.
    Last(Option<Last>),
    /// It broke off.
    Broken(BoxError),
}

impl Passing {
    /// Reads from the upstream what comes next.
    fn read(&mut self, context: &mut Context<'_>) -> Poll<Read> {
        Poll::Ready(
            match ready!(Pin::new(&mut self.content).poll_frame(context)) {
                Some(Err(error)) => {
                    // It was the upstream that broke off, which its stream remembers.
                    if let Some(tap) = self.tap.take() {
                        drop(tap.end(End::Truncated));
                    }
                    Read::Broken(error)
                }
                None => Read::Last(None),
                Some(Ok(frame)) => match self.saw(&frame) {
                    (true, _) => Read::Last(Some(Last::of(frame))),
                    (false, None) => Read::Frame(frame),
                    (false, Some(written)) => {
                        self.waiting = Some(Box::new((frame, written)));
                        Read::Waiting
                    }
                },
            },
        )
    }

    /// Tells the recorder that the response is complete, and keeps its last frame until it answers.
    fn hold(self, last: Option<Last>) -> Stage {
        let read = last.as_ref().map_or(0, Last::length);
        let hint = behind(read, &self.content.size_hint());
        let Some((written, span)) = self.finish(End::Complete) else {
            return Stage::Over;
        };
        let held = Held {
            written,
            _span: span,
        };
        Stage::Holding(last, held, hint)
    }
}

/// How long content is of which so much was read, where its sender says it of the rest.
fn behind(read: usize, rest: &SizeHint) -> SizeHint {
    match (rest.exact(), u64::try_from(read)) {
        (Some(rest), Ok(read)) => SizeHint::with_exact(rest.saturating_add(read)),
        _ => SizeHint::default(),
    }
}
