//! The content of a request, which is not waited for without end.
//!
//! Only a pause that somebody waits through counts: where the service does not ask for more, the client
//! may not be able to send it. What the content means, and who reads it, is not looked at.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::counts::{Counter, Counts};

/// The content of a request, as the service gets it.
#[derive(Debug)]
pub struct Content {
    content: Incoming,
    /// How long it is waited for, where that has an end.
    patience: Option<Patience>,
}

#[derive(Debug)]
struct Patience {
    span: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the timer runs.
    waiting: bool,
    progress: Progress,
    counts: Arc<Counts>,
}

/// How far an exchange is: what its content's silence means depends on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<Mutex<Stage>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// The service has not answered.
    #[default]
    Asked,
    /// Its response is on its way, and content that still comes goes on beside it.
    Answered,
    /// The response is out.
    Over,
    /// The content was given up.
    Slow,
}

/// A response that is on its way as long as this lives.
#[derive(Debug)]
pub(super) struct Answering(Progress);

impl Progress {
    /// The service has answered; `None` where the content was given up before.
    pub(super) fn answered(&self) -> Option<Answering> {
        let mut stage = self.stage();
        if *stage == Stage::Slow {
            return None;
        }
        *stage = Stage::Answered;
        Some(Answering(self.clone()))
    }

    /// Gives the content up, unless a response is on its way.
    fn give_up(&self) -> bool {
        let mut stage = self.stage();
        let silent = *stage != Stage::Answered;
        if silent {
            *stage = Stage::Slow;
        }
        silent
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        *self.0.stage() = Stage::Over;
    }
}

/// Content that has paused for too long.
#[derive(Debug)]
struct TooSlow(Duration);

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.0.as_secs_f64();
        write!(f, "the content brought no byte for {span} seconds")
    }
}

impl Error for TooSlow {}

/// Has the service wait for a request's content no longer than `patience` at a time.
pub(super) fn patient(
    request: Request<Incoming>,
    patience: Duration,
    progress: Progress,
    counts: &Arc<Counts>,
) -> Request<Content> {
    let (head, content) = request.into_parts();
    let timed = !content.is_end_stream() && !may_pause(&head.headers);
    let patience = timed.then(|| Patience {
        span: patience,
        timer: None,
        waiting: false,
        progress,
        counts: Arc::clone(counts),
    });
    Request::from_parts(head, Content { content, patience })
}

/// A stream of gRPC may be silent for as long as its two sides like, and has pings of its own.
fn may_pause(headers: &HeaderMap) -> bool {
    // Going through the few fields of a request is less work than to look a name up.
    let mut fields = headers.iter();
    let kind = fields.find(|(name, _)| **name == header::CONTENT_TYPE);
    kind.is_some_and(|(_, kind)| kind.as_bytes().starts_with(b"application/grpc"))
}

impl Patience {
    /// Ready when it is over; the content brings nothing.
    fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<TooSlow> {
        let span = self.span;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(span)));
        if !std::mem::replace(&mut self.waiting, true) {
            timer.as_mut().reset(Instant::now() + span);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if self.progress.give_up() {
                break;
            }
            timer.as_mut().reset(Instant::now() + span);
        }
        self.counts.count(Counter::SlowBody);
        Poll::Ready(TooSlow(span))
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.content).poll_frame(context) {
            if let Some(patience) = &mut this.patience {
                patience.waiting = false;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let Some(patience) = &mut this.patience else {
            return Poll::Pending;
        };
        let over = ready!(patience.poll_over(context));
        Poll::Ready(Some(Err(over.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}
