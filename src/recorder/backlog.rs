//! What waits for the writer: the messages of its queue, counted in bytes, and how far it has come.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::exchange::{Headers, Micros, Request, Response};
use crate::stream;

use super::summary::{Progress, Summary};
use super::{Item, Observation};

/// How many bytes may wait before exchanges that would not wait for the writer must. It is room for
/// some seconds of a slow disk, and bounds what a crash can lose.
const MAX_WAITING: usize = 64 * 1024 * 1024;

/// What a message takes beside its content: the queue's own place, and the names of fields.
const OVERHEAD: usize = 256;

/// A message to the writer.
#[derive(Debug)]
pub(super) enum Message {
    /// Something for which nobody waits.
    Seen(Observation),
    /// An exchange is over, or something else was seen for which somebody may wait.
    Over {
        observation: Observation,
        /// Told when it is written.
        done: oneshot::Sender<()>,
    },
    /// Another segment is to begin.
    Turn,
    /// The recording ends.
    Close {
        at: Micros,
        reply: oneshot::Sender<Summary>,
    },
}

impl Message {
    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        OVERHEAD
            + match self {
                Message::Seen(observation) | Message::Over { observation, .. } => match observation
                {
                    Observation::Request { request, .. } => of_request(request),
                    Observation::Response { response, .. }
                    | Observation::Opened { response, .. } => of_response(response),
                    Observation::Passed { item, .. } => of_item(item),
                    Observation::Ended { .. } | Observation::Gone { .. } => 0,
                },
                Message::Turn | Message::Close { .. } => 0,
            }
    }
}

/// Whether the queue has room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Enough,
    None,
}

/// What waits, and how far the writer has come.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    bytes: AtomicUsize,
    under_way: AtomicU64,
    missed: AtomicU64,
    progress: Mutex<Progress>,
}

impl Backlog {
    /// An exchange begins.
    pub(super) fn begin(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// An exchange is over.
    pub(super) fn over(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// A message goes into the queue.
    pub(super) fn put(&self, bytes: usize) -> Room {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= MAX_WAITING {
            Room::Enough
        } else {
            Room::None
        }
    }

    /// A message was taken out of the queue and dealt with.
    pub(super) fn took(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// An exchange passed that the writer did not live to see.
    pub(super) fn missed(&self) {
        let before = self.missed.fetch_add(1, Ordering::Relaxed);
        if before == 0 {
            tracing::error!("traffic passes, and the recording is closed: it is not recorded");
        }
    }

    /// How far the writer has come.
    pub(super) fn progress(&self) -> Progress {
        Progress {
            waiting: self.bytes.load(Ordering::Relaxed),
            under_way: self.under_way.load(Ordering::Relaxed),
            missed: self.missed.load(Ordering::Relaxed),
            ..self.last().clone()
        }
    }

    /// Notes how far the writer has come.
    pub(super) fn reached(&self, progress: &Progress) {
        self.last().clone_from(progress);
    }

    fn last(&self) -> MutexGuard<'_, Progress> {
        // It is a copy of the writer's own count, replaced as a whole.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of_item(item: &Item) -> usize {
    match item {
        Item::Said(stream::Item::Event(event)) => {
            let texts = [&event.event, &event.id, &event.data, &event.written];
            texts.into_iter().flatten().map(String::len).sum()
        }
        Item::Said(stream::Item::Comment(text)) => text.len(),
        Item::Said(stream::Item::Line(line)) => line.len(),
        Item::Said(stream::Item::Lost) => 0,
        Item::Message { data, .. } => data.bytes().len(),
        Item::Ping(_, payload) | Item::Pong(_, payload) => payload.len(),
    }
}

fn of_request(request: &Request) -> usize {
    let fields = of_headers(&request.headers) + of_headers(&request.trailers);
    request.target.len() + fields + request.body.bytes().len()
}

fn of_response(response: &Response) -> usize {
    let fields = of_headers(&response.headers) + of_headers(&response.trailers);
    fields + response.body.bytes().len()
}

fn of_headers(headers: &Headers) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}
