//! What waits for the writer: the messages of its queue, counted and bounded, and how far it has come.
//!
//! It decides who finds room. What becomes of whoever does not is the tap's business, and how it is
//! said on the tape the writer's.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::exchange::{Gap, Micros, Request, Response};
use crate::stream;

use super::dealt::{Asks, Dealt, Number};
use super::failure::{Failure, WhenBehind};
use super::health::{Health, Waiting};
use super::summary::{Progress, Summary};
use super::{Item, Observation, Passing};

/// How many messages may wait, however small they are: what a busy service says in some seconds.
const MAX_ITEMS: usize = 100_000;

/// How far beyond its caps the queue may grow by those who wait for it to become shorter, as a factor:
/// each of them adds but a message or two.
const HARD: usize = 2;

/// How long messages may be dropped before the tape says so, where that does not end: one gap for each
/// moment, and not one for each message.
const GAP: Micros = Micros(1_000_000);

/// What a message takes beside its content: the queue's own place, and the names of fields.
const OVERHEAD: usize = 256;

/// A message to the writer.
#[derive(Debug)]
pub(super) enum Message {
    /// Something for which nobody waits.
    Seen(Observation),
    /// An exchange is over, or something else was seen for which somebody may wait.
    Over(Observation),
    /// The rest of this exchange will not be told, since it found no room.
    Forget { passing: Passing, at: Micros },
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
                Message::Seen(observation) | Message::Over(observation) => match observation {
                    Observation::Request { request, .. } => of_request(request),
                    Observation::Response { response, .. }
                    | Observation::Opened { response, .. } => of_response(response),
                    Observation::Passed { item, .. } => of_item(item),
                    Observation::Ended { .. }
                    | Observation::Gone { .. }
                    | Observation::Ending { .. } => 0,
                },
                Message::Forget { .. } | Message::Turn | Message::Close { .. } => 0,
            }
    }
}

/// How much room the queue has that took something in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Enough,
    /// Too little: whoever put something in waits until it is dealt with.
    Little,
}

/// Whether a message may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// It may: it brings content, and the tape can say that it is missing.
    Optional,
    /// It ends what the writer knows of, and is small.
    Mandatory,
}

/// What waits, and how far the writer has come.
#[derive(Debug)]
pub(super) struct Backlog {
    when_behind: WhenBehind,
    patience: Duration,
    max_bytes: usize,
    health: Health,
    bytes: AtomicUsize,
    items: AtomicUsize,
    /// Since when the oldest message waits that the writer has in hand.
    oldest: Mutex<Option<Instant>>,
    dropped: Mutex<Dropped>,
    under_way: AtomicU64,
    missed: AtomicU64,
    progress: Mutex<Progress>,
    upto: Dealt,
}

/// What found no room.
#[derive(Debug, Default)]
struct Dropped {
    all: Gap,
    /// As much of it as the tape does not say yet.
    untold: Gap,
    /// What that was when it was last looked at.
    before: Gap,
}

impl Backlog {
    pub(super) fn new(failure: &Failure) -> Backlog {
        Backlog {
            when_behind: failure.when_behind,
            patience: failure.patience,
            max_bytes: failure.max_queue,
            health: Health::new(failure.on_failure),
            bytes: AtomicUsize::default(),
            items: AtomicUsize::default(),
            oldest: Mutex::default(),
            dropped: Mutex::default(),
            under_way: AtomicU64::default(),
            missed: AtomicU64::default(),
            progress: Mutex::default(),
            upto: Dealt::new(),
        }
    }

    /// Whether what passes can be recorded.
    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// An exchange begins.
    pub(super) fn begin(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// An exchange is over.
    pub(super) fn over(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// A message goes into the queue; `None` where it has no room.
    pub(super) fn put(&self, bytes: usize, need: Need) -> Option<Room> {
        let all = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let all = all.saturating_add(bytes);
        let items = self.items.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let within = |factor: usize| {
            all <= self.max_bytes.saturating_mul(factor) && items <= MAX_ITEMS * factor
        };
        if within(1) {
            return Some(Room::Enough);
        }
        let waits =
            self.when_behind == WhenBehind::Wait && self.health.waiting() == Waiting::Useful;
        if need == Need::Mandatory || (waits && within(HARD)) {
            return Some(Room::Little);
        }
        self.took(bytes, 1);
        self.falls_behind(&format!(
            "the disk is slower than the traffic: {} bytes wait",
            all - bytes
        ));
        None
    }

    /// So many messages were taken out of the queue and dealt with.
    pub(super) fn took(&self, bytes: usize, items: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.items.fetch_sub(items, Ordering::Relaxed);
    }

    /// The writer begins to deal with messages of which the oldest waits since then.
    pub(super) fn begins(&self, since: Instant) {
        *unpoisoned(&self.oldest) = Some(since);
    }

    /// Whether the writer has something in hand.
    #[cfg(test)]
    pub(super) fn is_at_work(&self) -> bool {
        unpoisoned(&self.oldest).is_some()
    }

    /// The writer has dealt with what it had in hand.
    pub(super) fn dealt(&self) {
        let since = unpoisoned(&self.oldest).take();
        let late = since.is_some_and(|since| since.elapsed() > self.patience);
        if late && self.items.load(Ordering::Relaxed) > 0 {
            return; // what comes next has waited about as long
        }
        let half = |waiting: &AtomicUsize, most: usize| waiting.load(Ordering::Relaxed) <= most / 2;
        if half(&self.bytes, self.max_bytes) && half(&self.items, MAX_ITEMS) {
            self.health.caught_up();
        }
    }

    /// Ready when the message of this number was dealt with, or when nobody shall wait for that.
    pub(super) fn poll_dealt(&self, number: Number, asks: Asks, context: &Context<'_>) -> Poll<()> {
        let dealt = self.upto.poll(number, asks, context);
        // Asked behind that: whoever does not hear of it here waits by now, and is let go.
        match self.health.waiting() {
            Waiting::Pointless => Poll::Ready(()),
            Waiting::Useful => dealt,
        }
    }

    /// The writer has dealt with all messages up to this one.
    pub(super) fn dealt_upto(&self, number: Number) {
        self.upto.upto(number);
    }

    /// The writer deals with nothing any more.
    pub(super) fn ends(&self) {
        self.upto.ends();
    }

    /// These messages found room, and the writer ends without them.
    pub(super) fn refuses(&self, messages: impl IntoIterator<Item = Message>) {
        for message in messages {
            self.took(message.bytes(), 1);
            match message {
                Message::Seen(_) | Message::Over(_) | Message::Forget { .. } => self.missed(),
                Message::Turn | Message::Close { .. } => {} // they tell of no exchange
            }
        }
        self.ends();
    }

    /// The writer is so far behind that nobody shall wait for it.
    fn falls_behind(&self, why: &str) {
        self.health.falls_behind(why);
        self.upto.let_go();
    }

    /// Looks whether somebody waits too long, and says again what has been wrong for long.
    pub(super) fn look(&self) {
        let since = *unpoisoned(&self.oldest);
        if let Some(since) = since
            && since.elapsed() > self.patience
        {
            let seconds = self.patience.as_secs_f64();
            let why = format!("the disk has not taken in {seconds} s what it was given");
            self.falls_behind(&why);
        }
        self.health.remind(|| {
            let progress = self.progress();
            format!(
                "{} events and {} exchanges are lost so far",
                progress.lost, progress.dropped
            )
        });
    }

    /// This passed and found no room.
    pub(super) fn drops(&self, gap: &Gap) {
        self.health.loses();
        let mut dropped = unpoisoned(&self.dropped);
        dropped.all.join(gap);
        dropped.untold.join(gap);
    }

    /// Whether the tape does not say yet what found no room.
    pub(super) fn has_dropped(&self) -> bool {
        !unpoisoned(&self.dropped).untold.is_empty()
    }

    /// What found no room, when that is over or lasts for long; at once where the recording ends.
    pub(super) fn dropped(&self, over: Over) -> Option<Gap> {
        let mut dropped = unpoisoned(&self.dropped);
        let untold = &dropped.untold;
        let due =
            over == Over::Yes || *untold == dropped.before || untold.until.since(untold.at) >= GAP;
        if due {
            dropped.before = Gap::default();
            let told = std::mem::take(&mut dropped.untold);
            return (!told.is_empty()).then_some(told);
        }
        dropped.before = untold.clone();
        None
    }

    /// Something of an exchange passed that the writer did not live to see.
    pub(super) fn missed(&self) {
        let before = self.missed.fetch_add(1, Ordering::Relaxed);
        if before == 0 {
            tracing::error!("traffic passes, and the recording is closed: it is not recorded");
        }
    }

    /// How far the writer has come.
    pub(super) fn progress(&self) -> Progress {
        let dropped = unpoisoned(&self.dropped).all.clone();
        let last = unpoisoned(&self.progress).clone();
        Progress {
            waiting: self.bytes.load(Ordering::Relaxed),
            waiting_items: self.items.load(Ordering::Relaxed),
            under_way: self.under_way.load(Ordering::Relaxed),
            missed: self.missed.load(Ordering::Relaxed),
            lost: last.lost + dropped.events,
            lost_bytes: last.lost_bytes + dropped.bytes,
            dropped: dropped.exchanges,
            ..last
        }
    }

    /// Notes how far the writer has come.
    pub(super) fn reached(&self, progress: &Progress) {
        unpoisoned(&self.progress).clone_from(progress);
    }
}

/// Whether the recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Yes,
    No,
}

/// What stands behind a lock. Every change of it is one that cannot be seen half.
fn unpoisoned<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
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
    let fields = request.headers.length() + request.trailers.length();
    request.target.len() + fields + request.body.bytes().len()
}

fn of_response(response: &Response) -> usize {
    let fields = response.headers.length() + response.trailers.length();
    fields + response.body.bytes().len()
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt as _;

    use super::*;

    async fn waits(backlog: &Backlog, number: u64) {
        let mut asks = Asks::First;
        poll_fn(|context| {
            let asks = std::mem::replace(&mut asks, Asks::Again);
            backlog.poll_dealt(Number(number), asks, context)
        })
        .await;
    }

    #[test]
    fn whoever_waits_is_let_go_though_the_writer_has_caught_up_since() {
        let backlog = Backlog::new(&Failure::default());
        let mut before = Box::pin(waits(&backlog, 1));
        assert_eq!(before.as_mut().now_or_never(), None);
        backlog.falls_behind("it hangs");
        assert_eq!(waits(&backlog, 2).now_or_never(), Some(()));
        backlog.dealt();
        assert_eq!(backlog.health().waiting(), Waiting::Useful);
        assert_eq!(before.now_or_never(), Some(()));
        let mut after = Box::pin(waits(&backlog, 3));
        assert_eq!(after.as_mut().now_or_never(), None);
        backlog.dealt_upto(Number(3));
        assert_eq!(after.now_or_never(), Some(()));
    }
}
