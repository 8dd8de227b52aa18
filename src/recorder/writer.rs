//! The one writer: it has observations understood, in their order, and writes the events that come
//! of them.
//!
//! It groups what has come meanwhile, so that under load a write (and a wait for the disk) serves
//! many exchanges. What a disk that takes nothing means stands in `writer/storing`.

mod ahead;
mod storing;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::exchange::{Body, Carrier, Micros, Notification, Operation, Session, What};
use crate::stream;
use crate::tape::{Event, Growing, Numbers};

use super::backlog::{Backlog, Message};
use super::capture::limit;
use super::dealt::Number;
use super::filter::{Filter, Verdict, stream_of};
use super::gap::Account;
use super::queue::Receiver;
use super::redacting::Redacting;
use super::rotation::Turning;
use super::settings::{Clock, Durability, Heard, Settings};
use super::spare::{Heads, Spares};
use super::summary::{Progress, Summary};
use super::watch::Watched;
use super::{Item, Observation, Understand};
use ahead::Ahead;
use storing::{File, Segment};

/// How many messages are written at once: enough that a slow disk serves all who wait, few enough
/// that nobody waits for a long row of others.
const MAX_BATCH: usize = 256;

/// How much text is gathered for one write.
const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// How many events are understood before they are recorded, and of how many bytes at most. To understand and to
/// record are both so much code that a processor forgets the one over the other.
const MAX_UNDERSTOOD: usize = 32;
const MAX_UNDERSTOOD_BYTES: usize = 64 * 1024;

/// How long after a failed write the next is tried where no traffic asks for one before.
const RETRY: Duration = Duration::from_secs(1);

/// How much of a body behind the part that is kept is looked through for secrets: one that the cut
/// goes through must be known as a whole.
const MARGIN: usize = 64 * 1024;

/// How many sessions are told apart for the count. Beyond it the count stands still.
const MAX_SESSIONS: usize = 100_000;

/// The writer.
pub(super) struct Writer {
    understand: Understand,
    growing: Growing,
    durability: Durability,
    max_body: usize,
    filter: Filter,
    redacting: Redacting,
    heard: Option<Heard>,
    turning: Turning,
    backlog: Arc<Backlog>,
    /// The operations that the filter left out.
    left_out: Numbers,
    sessions: BTreeSet<Session>,
    progress: Progress,
    file: File,
    segment: Segment,
    /// What the disk was asked to take of the segment.
    ahead: Ahead,
    account: Account,
    /// What was counted when all of it was in the file.
    kept: Progress,
    /// How much may wait for a disk that takes nothing. Beyond it events are lost, and counted.
    max_unwritten: usize,
    /// Whether somebody may wait for the current batch, the number of its last message, how many bytes its
    /// messages took, and how many they are.
    is_waited_for: bool,
    last: Number,
    taken: (usize, usize),
    /// The events of the current batch that are not recorded yet, each with the time of what it comes of.
    understood: Vec<(Micros, Event)>,
    /// Heads of the current batch that are on the tape, and where they go.
    over: Heads,
    spares: Arc<Spares>,
    /// The lines of the current batch, where somebody hears them.
    lines: Vec<String>,
    _watched: Watched,
}

/// Lets all go who wait for the writer, when it is gone for whatever reason.
struct Ends(Arc<Backlog>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.ends();
    }
}

/// What a message asks for.
enum Next {
    GoOn,
    Close(oneshot::Sender<Summary>),
}

impl Writer {
    pub(super) fn new(
        settings: Settings,
        clock: Clock,
        understand: Understand,
        growing: Growing,
        (backlog, spares, watched): (Arc<Backlog>, Arc<Spares>, Watched),
    ) -> Self {
        Writer {
            understand,
            growing,
            durability: settings.durability,
            max_body: settings.max_body,
            filter: settings.filter,
            redacting: Redacting::new(settings.redactor),
            heard: settings.heard,
            turning: Turning::new(settings.rotation, clock),
            backlog,
            left_out: Numbers::default(),
            sessions: BTreeSet::new(),
            progress: Progress::default(),
            file: File::Well,
            segment: Segment::Trusted,
            ahead: Ahead::default(),
            account: Account::default(),
            kept: Progress::default(),
            max_unwritten: settings.failure.max_queue,
            is_waited_for: false,
            last: Number::NONE,
            taken: (0, 0),
            understood: Vec::new(),
            over: Heads::default(),
            spares,
            lines: Vec::new(),
            _watched: watched,
        }
    }

    /// Writes until the recording is closed, or nobody is left who could tell of anything.
    pub(super) fn run(mut self, mut messages: Receiver<Message>) {
        let _ends = Ends(Arc::clone(&self.backlog));
        while let Ok(first) = messages.next(self.patience()) {
            let next = first.map_or(Next::GoOn, |first| self.batch(first, &mut messages));
            self.store();
            if self.is_turn() {
                // Whoever comes meanwhile waits for the disk, too, and no longer than for a batch.
                self.backlog.begins(Instant::now());
                self.turn();
                self.backlog.dealt();
            }
            if let Next::Close(reply) = next {
                // What is sent from now on must be seen to be missing, and not wait for nobody.
                self.backlog.refuses(messages.shut());
                // Whoever asked may have gone; the tape is closed in either case.
                let _ = reply.send(self.close());
                return;
            }
        }
        self.close();
    }

    /// How long it waits for a message before it is time to try the file again, or to turn to another.
    fn patience(&self) -> Option<Duration> {
        if self.file == File::Well && !self.backlog.has_dropped() {
            self.turning.patience(&self.growing)
        } else {
            Some(RETRY)
        }
    }

    fn batch(&mut self, first: Message, messages: &mut Receiver<Message>) -> Next {
        self.backlog.begins(messages.since());
        let mut next = self.take(first);
        let mut recorded = 0;
        for _ in 1..MAX_BATCH {
            let (taken, _) = self.taken;
            if self.understood.len() >= MAX_UNDERSTOOD || taken - recorded >= MAX_UNDERSTOOD_BYTES {
                self.record_understood();
                recorded = taken;
            }
            if matches!(next, Next::Close(_)) || self.growing.waiting() >= MAX_BATCH_BYTES {
                break;
            }
            match messages.try_next() {
                Some(message) => next = self.take(message),
                None => break,
            }
        }
        self.record_understood();
        self.spares.take(&mut self.over);
        self.last = messages.last();
        next
    }

    fn take(&mut self, message: Message) -> Next {
        let (bytes, items) = self.taken;
        self.taken = (bytes + message.bytes(), items + 1);
        let observation = match message {
            Message::Seen(observation) => observation,
            Message::Over(observation) => {
                self.is_waited_for = true;
                observation
            }
            Message::Forget { passing, at } => {
                let gone = Observation::Gone { passing, at };
                self.understood(at, |understand| understand.observe(gone));
                return Next::GoOn;
            }
            Message::Turn => {
                self.turning.ask();
                return Next::GoOn;
            }
            Message::Close { at, reply } => {
                self.understood(at, |understand| understand.close(at));
                return Next::Close(reply);
            }
        };
        if matches!(observation, Observation::Gone { .. }) {
            self.progress.unanswered += 1;
        }
        if let Observation::Passed {
            item: Item::Said(stream::Item::Lost),
            at,
            ..
        } = observation
        {
            self.progress.unread += 1;
            self.record_understood();
            self.leave_out(
                at,
                "a message of a stream could not be read, and is not on the tape",
            );
        }
        let at = observation.at();
        self.understood(at, |understand| understand.observe(observation));
        Next::GoOn
    }

    /// Takes what comes of an observation. Understanding reads what strangers wrote: should it
    /// fail on something, that is missing, and everything else goes on.
    fn understood(&mut self, at: Micros, understand: impl FnOnce(&mut Understand) -> Vec<Event>) {
        let ours = &mut self.understand;
        let Ok(events) = catch_unwind(AssertUnwindSafe(move || understand(ours))) else {
            self.progress.lost += 1;
            self.record_understood();
            self.leave_out(
                at,
                "an exchange could not be understood, and is not on the tape",
            );
            return;
        };
        let events = events.into_iter().map(|event| (at, event));
        self.understood.extend(events);
    }

    /// Records what was understood.
    fn record_understood(&mut self) {
        let mut understood = std::mem::take(&mut self.understood);
        for (at, event) in understood.drain(..) {
            self.record(at, event);
        }
        self.understood = understood; // with the room that it has
    }

    /// Adds an event that comes of what happened at this time to the batch, in the form in which the tape
    /// keeps it.
    fn record(&mut self, at: Micros, mut event: Event) {
        if stream_of(&event).is_some_and(|stream| self.left_out.contains(stream.0)) {
            if let Event::Operation(operation) = &event {
                self.left_out.insert(operation.id.0);
            }
            self.progress.left_out += u64::from(!matches!(event, Event::Fact(_)));
            return;
        }
        self.shorten(&mut event);
        if let Err(why) = self.redacting.redact(&mut event, &mut self.progress) {
            self.progress.lost += 1;
            return self.leave_out(at, why);
        }
        // An event is large, so that it is changed in its place.
        match &mut event {
            Event::Operation(operation) => {
                if self.operation(operation) == Verdict::LeaveOut {
                    return;
                }
            }
            Event::Notification(notification) => self.notification(notification),
            Event::Fact(fact) => {
                if let What::Was(before) = &fact.what {
                    self.sessions.remove(before);
                }
            }
            Event::Contract(_) | Event::Gap(_) => {}
        }
        if let Some(session) = event.session()
            && self.sessions.len() < MAX_SESSIONS
            && !self.sessions.contains(session)
        {
            self.sessions.insert(session.clone());
        }
        self.account.wait(&event);
        let line = self.growing.push(&event);
        if self.heard.is_some() {
            self.lines.push(line.to_owned());
        }
        if let Event::Operation(operation) = event {
            self.over.add(operation);
        }
    }

    /// Takes from an event what no tape keeps of its bodies, so that nobody looks for secrets in that.
    fn shorten(&self, event: &mut Event) {
        let most = self.max_body.saturating_add(MARGIN);
        if let Event::Operation(operation) = event {
            for body in [&mut operation.request.body, &mut operation.response.body] {
                limit(body, most);
            }
        }
    }

    /// Gives an operation the form in which the tape keeps it, if it does.
    fn operation(&mut self, operation: &mut Operation) -> Verdict {
        // What a notification on the tape names as its cause stays, whatever the filter says:
        // without it the notification would be due after nothing.
        if self.filter.judge(operation) == Verdict::LeaveOut && !self.growing.owes(operation.id) {
            self.left_out.insert(operation.id.0);
            self.progress.left_out += 1;
            return Verdict::LeaveOut;
        }
        let mut kept = |body: &mut Body| {
            limit(body, self.max_body);
            self.progress.bytes += body.bytes().len() as u64;
            self.progress.cut += u64::from(body.cut().is_some());
        };
        kept(&mut operation.request.body);
        kept(&mut operation.response.body);
        self.progress.operations += 1;
        Verdict::Keep
    }

    /// Gives a notification the form in which the tape keeps it.
    fn notification(&mut self, notification: &mut Notification) {
        let named = notification.after.len();
        notification
            .after
            .retain(|cause| !self.left_out.contains(cause.0));
        if notification.after.is_empty() {
            self.progress.uncaused += 1;
            if named > 0 {
                notification.cause_by = None; // how it was found says nothing without it
            }
        }
        if let Carrier::Message(_) = notification.carrier {
            limit(&mut notification.data, self.max_body);
            self.progress.cut += u64::from(notification.data.cut().is_some());
        }
        self.progress.notifications += 1;
        self.progress.bytes += notification.data.bytes().len() as u64;
    }
}
