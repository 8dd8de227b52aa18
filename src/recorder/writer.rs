//! The one writer: it has observations understood, in their order, and writes the events that come
//! of them.
//!
//! It groups what has come meanwhile, so that under load a write (and a wait for the disk) serves
//! many exchanges. A disk that takes nothing is tried again, and never in silence.

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::exchange::{Body, Carrier, Form, Notification, Operation, OperationId, Session, What};
use crate::stream;
use crate::tape::{Event, Growing, Numbers};

use super::backlog::{Backlog, Message};
use super::capture::limited;
use super::filter::{Filter, Verdict};
use super::redacting::Redacting;
use super::settings::{Durability, Heard, Settings};
use super::summary::{Progress, Summary};
use super::{Item, Observation, Understand};

/// How many messages are written at once: enough that a slow disk serves all who wait, few enough
/// that nobody waits for a long row of others.
const MAX_BATCH: usize = 256;

/// How much text is gathered for one write.
const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// How much may wait for a disk that takes nothing. Beyond it events are lost, and counted.
const MAX_UNWRITTEN: usize = 64 * 1024 * 1024;

/// How long after a failed write the next is tried where no traffic asks for one before.
const RETRY: Duration = Duration::from_secs(1);

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
    backlog: Arc<Backlog>,
    /// The operations that the filter left out.
    left_out: Numbers,
    sessions: BTreeSet<Session>,
    progress: Progress,
    health: Health,
    /// Who waits for the current batch, and how many bytes its messages took.
    waiting: Vec<oneshot::Sender<()>>,
    taken: usize,
    /// The lines of the current batch, where somebody hears them.
    lines: Vec<String>,
}

/// Whether the file takes what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Well,
    Failing,
}

/// What a message asks for.
enum Next {
    GoOn,
    Close(oneshot::Sender<Summary>),
}

impl Writer {
    pub(super) fn new(
        settings: Settings,
        understand: Understand,
        growing: Growing,
        backlog: Arc<Backlog>,
    ) -> Self {
        Writer {
            understand,
            growing,
            durability: settings.durability,
            max_body: settings.max_body,
            filter: settings.filter,
            redacting: Redacting::new(settings.redactor),
            heard: settings.heard,
            backlog,
            left_out: Numbers::default(),
            sessions: BTreeSet::new(),
            progress: Progress::default(),
            health: Health::Well,
            waiting: Vec::new(),
            taken: 0,
            lines: Vec::new(),
        }
    }

    /// Writes until the recording is closed, or nobody is left who could tell of anything.
    pub(super) fn run(mut self, messages: mpsc::Receiver<Message>) {
        loop {
            let next = match self.wait(&messages) {
                Ok(Some(first)) => self.batch(first, &messages),
                Ok(None) => Next::GoOn,
                Err(mpsc::RecvError) => {
                    self.close();
                    return;
                }
            };
            self.store();
            if let Next::Close(reply) = next {
                let summary = self.close();
                // What is sent from now on must be seen to be missing, and not wait for nobody.
                drop(messages);
                // Whoever asked may have gone; the tape is closed in either case.
                let _ = reply.send(summary);
                return;
            }
        }
    }

    /// The next message; `None` where it is time to try the file again.
    fn wait(&self, messages: &mpsc::Receiver<Message>) -> Result<Option<Message>, mpsc::RecvError> {
        if self.health == Health::Well {
            return messages.recv().map(Some);
        }
        match messages.recv_timeout(RETRY) {
            Ok(message) => Ok(Some(message)),
            Err(mpsc::RecvTimeoutError::Timeout) => Ok(None),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(mpsc::RecvError),
        }
    }

    fn batch(&mut self, first: Message, messages: &mpsc::Receiver<Message>) -> Next {
        let mut next = self.take(first);
        for _ in 1..MAX_BATCH {
            if matches!(next, Next::Close(_)) || self.growing.waiting() >= MAX_BATCH_BYTES {
                break;
            }
            match messages.try_recv() {
                Ok(message) => next = self.take(message),
                Err(_) => break,
            }
        }
        next
    }

    fn take(&mut self, message: Message) -> Next {
        self.taken += message.bytes();
        let observation = match message {
            Message::Seen(observation) => observation,
            Message::Over { observation, done } => {
                self.waiting.push(done);
                observation
            }
            Message::Close { at, reply } => {
                self.understood(|understand| understand.close(at));
                return Next::Close(reply);
            }
        };
        if matches!(observation, Observation::Gone { .. }) {
            self.progress.unanswered += 1;
        }
        if let Observation::Passed {
            item: Item::Said(stream::Item::Lost),
            ..
        } = observation
        {
            let trouble = "a message of a stream could not be read, and is not on the tape";
            tracing::error!("{trouble}");
            self.progress.trouble = Some(trouble.to_owned());
            self.progress.lost += 1;
            self.growing.miss();
        }
        self.understood(|understand| understand.observe(observation));
        Next::GoOn
    }

    /// Records what comes of an observation. Understanding reads what strangers wrote: should it
    /// fail on something, that is missing, and everything else goes on.
    fn understood(&mut self, understand: impl FnOnce(&mut Understand) -> Vec<Event>) {
        let ours = &mut self.understand;
        let Ok(events) = catch_unwind(AssertUnwindSafe(move || understand(ours))) else {
            let trouble = "an exchange could not be understood, and is not on the tape".to_owned();
            tracing::error!("{trouble}");
            self.progress.trouble = Some(trouble);
            self.progress.lost += 1;
            self.growing.miss();
            return;
        };
        for event in events {
            self.record(event);
        }
    }

    /// Adds an event to the batch, in the form in which the tape keeps it.
    fn record(&mut self, event: Event) {
        if stream_of(&event).is_some_and(|stream| self.left_out.contains(stream.0)) {
            if let Event::Operation(operation) = &event {
                self.left_out.insert(operation.id.0);
            }
            self.progress.left_out += u64::from(!matches!(event, Event::Fact(_)));
            return;
        }
        let Some(event) = self.redacting.redacted(event, &mut self.progress) else {
            self.growing.miss();
            return;
        };
        let event = match event {
            Event::Contract(contract) => Event::Contract(contract),
            Event::Operation(operation) => match self.operation(operation) {
                Some(operation) => Event::Operation(operation),
                None => return,
            },
            Event::Notification(notification) => {
                Event::Notification(self.notification(notification))
            }
            Event::Fact(fact) => {
                if let What::Was(before) = &fact.what {
                    self.sessions.remove(before);
                }
                Event::Fact(fact)
            }
        };
        if let Some(session) = event.session()
            && self.sessions.len() < MAX_SESSIONS
            && !self.sessions.contains(session)
        {
            self.sessions.insert(session.clone());
        }
        let line = self.growing.push(&event);
        if self.heard.is_some() {
            self.lines.push(line);
        }
    }

    fn operation(&mut self, mut operation: Operation) -> Option<Operation> {
        // What a notification on the tape names as its cause stays, whatever the filter says:
        // without it the notification would be due after nothing.
        if self.filter.judge(&operation) == Verdict::LeaveOut && !self.growing.owes(operation.id) {
            self.left_out.insert(operation.id.0);
            self.progress.left_out += 1;
            return None;
        }
        let mut kept = |body: &mut Body| {
            *body = limited(std::mem::take(body), self.max_body);
            self.progress.bytes += body.bytes().len() as u64;
            self.progress.cut += u64::from(body.cut().is_some());
        };
        kept(&mut operation.request.body);
        kept(&mut operation.response.body);
        self.progress.operations += 1;
        Some(operation)
    }

    fn notification(&mut self, mut notification: Notification) -> Notification {
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
            notification.data = limited(notification.data, self.max_body);
            self.progress.cut += u64::from(notification.data.cut().is_some());
        }
        self.progress.notifications += 1;
        self.progress.bytes += notification.data.bytes().len() as u64;
        notification
    }

    /// Writes the batch, and tells those who wait for it.
    fn store(&mut self) {
        let mut stored = self.growing.flush();
        if stored.is_ok() && self.durability == Durability::Synced && !self.waiting.is_empty() {
            stored = self.growing.sync();
        }
        match stored {
            Ok(()) => self.well(),
            Err(error) => self.failing(&error),
        }
        self.progress.sessions = self.sessions.len();
        self.backlog.reached(&self.progress);
        self.backlog.took(std::mem::take(&mut self.taken));
        // Also where the disk failed: the traffic must go on, and the trouble was reported.
        for done in self.waiting.drain(..) {
            let _ = done.send(()); // an exchange that broke off waits for nothing
        }
        if let Some(Heard(hear)) = &mut self.heard {
            for line in self.lines.drain(..) {
                hear(&line);
            }
        }
    }

    fn well(&mut self) {
        if self.health == Health::Failing {
            tracing::warn!("the tape can be written again");
            self.health = Health::Well;
        }
    }

    fn failing(&mut self, error: &io::Error) {
        let trouble = format!("cannot write the tape: {error}");
        if self.health == Health::Well {
            tracing::error!("{trouble}; what passes is kept in memory meanwhile");
            self.health = Health::Failing;
        }
        self.progress.trouble = Some(trouble);
        if self.growing.waiting() > MAX_UNWRITTEN {
            let lost = self.growing.give_up();
            self.progress.lost += lost;
            tracing::error!("{lost} events could not be written and are lost");
        }
    }

    fn close(mut self) -> Summary {
        let waiting = self.growing.events_waiting();
        let closed = match self.growing.close() {
            Ok(closed) => Some(closed),
            Err(error) => {
                self.progress.lost += waiting;
                let source = std::error::Error::source(&error).map(ToString::to_string);
                let trouble = match source {
                    Some(source) => format!("{error}: {source}"),
                    None => error.to_string(),
                };
                tracing::error!("{trouble}");
                self.progress.trouble = Some(trouble);
                None
            }
        };
        self.backlog.reached(&self.progress);
        Summary {
            progress: self.backlog.progress(),
            closed,
        }
    }
}

/// The operation that opened the stream to which an event belongs: what it is left out with.
fn stream_of(event: &Event) -> Option<OperationId> {
    match event {
        Event::Operation(Operation {
            form: Form::Message(message),
            ..
        }) => Some(message.stream),
        Event::Notification(notification) => notification.carrier.stream(),
        Event::Fact(fact) => fact.what.stream(),
        Event::Operation(_) | Event::Contract(_) => None,
    }
}
