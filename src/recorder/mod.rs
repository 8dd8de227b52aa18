//! Records what passes: bodies are teed, understood, and written to the tape by one writer.
//!
//! The proxy tells a [`Recorder`] of every exchange as it passes, through a [`Tap`]. What the
//! exchanges mean (sessions, Bayeux messages, causes) is worked out by an [`Understanding`]; one
//! thread feeds it and writes what comes of it. Nothing here waits for the network.

mod backlog;
mod capture;
mod filter;
mod pattern;
mod redacting;
mod settings;
mod socket;
mod stream;
mod summary;
mod tap;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout
)] // a test may stop at the first thing that is not as it should be
mod tests;
mod understanding;
mod writer;
mod written;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use tokio::sync::oneshot;

use crate::exchange::{Headers, Micros, Session};
use crate::tape::{Event, Growing, Header, Loaded, Notice, TapeError};

use backlog::{Backlog, Message};
use capture::Budget;
use tap::Head;
use writer::Writer;

pub use filter::{Filter, Rule, RuleError, Verdict};
pub use pattern::{PathPattern, PathPatternError};
pub use settings::{Clock, DEFAULT_MAX_BODY, Durability, DurabilityError, Heard, Settings};
pub use socket::SocketTap;
pub use summary::{Progress, Summary};
pub use tap::{RequestTap, ResponseTap, Tap};
pub use understanding::{
    Connection, Ending, Item, Observation, Passing, Settings as Known, Understanding,
};
pub use written::Written;

/// Why a recording cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The tape cannot be opened, or may not be written.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// The system gives no thread to write in.
    #[error("cannot start the writer's thread")]
    Thread(#[source] std::io::Error),
}

/// A recording under way. Clones are handles to the same one.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

/// What the handles, the taps and the writer share.
struct Shared {
    queue: mpsc::Sender<Message>,
    backlog: Arc<Backlog>,
    budget: Arc<Budget>,
    next: AtomicU64,
    durability: Durability,
    max_body: usize,
    lines: Vec<PathPattern>,
    clock: Clock,
    notices: Vec<Notice>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// Opens the tape at `path` and starts its writer. A tape that goes on keeps its own header.
    pub fn start(
        settings: Settings,
        header: &Header,
        path: &Path,
    ) -> Result<Recorder, RecorderError> {
        let understanding = |known| -> Understand { Box::new(Understanding::new(known)) };
        Self::start_with(settings, understanding, header, path)
    }

    /// As [`Recorder::start`], with whatever makes events of observations.
    fn start_with(
        settings: Settings,
        understand: impl FnOnce(Known) -> Understand,
        header: &Header,
        path: &Path,
    ) -> Result<Recorder, RecorderError> {
        let (growing, before) = Growing::open(path, header, settings.existing)?;
        let (events, notices) = match before {
            Some(Loaded { tape, notices }) => (tape.events, notices),
            None => (Vec::new(), Vec::new()),
        };
        let understand = understand(known(&settings, &events));
        let (queue, messages) = mpsc::channel();
        let backlog = Arc::new(Backlog::default());
        let shared = Shared {
            queue,
            backlog: Arc::clone(&backlog),
            budget: Arc::new(Budget::default()),
            next: AtomicU64::new(1),
            durability: settings.durability,
            max_body: settings.max_body,
            lines: settings.lines.clone(),
            clock: settings.clock.after(last_time(&events)),
            notices,
        };
        let writer = Writer::new(settings, understand, growing, backlog);
        std::thread::Builder::new()
            .name("tape writer".into())
            .spawn(move || writer.run(messages))
            .map_err(RecorderError::Thread)?;
        Ok(Recorder(Arc::new(shared)))
    }

    /// A recorder that keeps nothing.
    pub fn idle() -> Result<Recorder, RecorderError> {
        let settings = Settings::default();
        let (queue, messages) = mpsc::channel();
        let backlog = Arc::new(Backlog::default());
        let shared = Shared {
            queue,
            backlog: Arc::clone(&backlog),
            budget: Arc::new(Budget::default()),
            next: AtomicU64::new(1),
            durability: Durability::Relaxed,
            max_body: 0,
            lines: Vec::new(),
            clock: settings.clock,
            notices: Vec::new(),
        };
        std::thread::Builder::new()
            .name("no tape".into())
            .spawn(move || discard(&messages, &backlog))
            .map_err(RecorderError::Thread)?;
        Ok(Recorder(Arc::new(shared)))
    }

    /// What was found beside the tape that goes on: torn bytes, no trailer.
    pub fn notices(&self) -> &[Notice] {
        &self.0.notices
    }

    /// An exchange begins: the head of its request has arrived.
    pub fn begin(
        &self,
        connection: Connection,
        method: &str,
        target: &str,
        headers: Headers,
    ) -> Tap {
        let passing = Passing(self.0.next.fetch_add(1, Ordering::Relaxed));
        let head = Head {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
        };
        Tap::new(Arc::clone(&self.0), passing, connection, head)
    }

    /// What was recorded so far, and what waits to be written.
    pub fn progress(&self) -> Progress {
        self.0.backlog.progress()
    }

    /// Writes all that has passed, and closes the tape. What is still under way is counted as
    /// missing, so the exchanges are drained first.
    pub async fn close(&self) -> Summary {
        let (reply, summary) = oneshot::channel();
        let at = self.0.clock.now();
        let asked = self.0.queue.send(Message::Close { at, reply });
        let summary = match asked {
            Ok(()) => summary.await.ok(),
            Err(_) => None,
        };
        summary.unwrap_or_else(|| Summary {
            progress: self.progress(),
            closed: None,
        })
    }
}

/// Takes messages until the recording is closed, or nobody is left who could send any.
fn discard(messages: &mpsc::Receiver<Message>, backlog: &Backlog) {
    for message in messages {
        backlog.took(message.bytes());
        if let Message::Close { reply, .. } = message {
            let progress = backlog.progress();
            // Whoever asked may have gone.
            let _ = reply.send(Summary {
                progress,
                closed: None,
            });
            return;
        }
    }
}

/// The time of the last thing that is on a tape.
fn last_time(events: &[Event]) -> Micros {
    let times = events.iter().map(|event| match event {
        Event::Contract(_) => Micros(0),
        Event::Operation(operation) => operation.at.max(operation.answered),
        Event::Notification(notification) => notification.at,
        Event::Fact(fact) => fact.at,
    });
    times.max().unwrap_or_default()
}

/// What is known before anything passes: what the user chose, and what is on the tape that goes on.
fn known(settings: &Settings, events: &[Event]) -> Known {
    let number = |event: &Event| match event {
        Event::Contract(_) | Event::Fact(_) => 0,
        Event::Operation(operation) => operation.id.0,
        Event::Notification(notification) => notification.id.0,
    };
    let sessions: BTreeSet<&Session> = events.iter().filter_map(Event::session).collect();
    Known {
        session_by: settings.session_by.clone(),
        last_number: events.iter().map(number).max().unwrap_or_default(),
        sessions: sessions.into_iter().cloned().collect(),
    }
}

/// What makes events of observations.
trait Understands: Send {
    fn observe(&mut self, observation: Observation) -> Vec<Event>;

    /// What is to be written of the exchanges that are still under way.
    fn close(&mut self, at: Micros) -> Vec<Event>;
}

impl Understands for Understanding {
    fn observe(&mut self, observation: Observation) -> Vec<Event> {
        Understanding::observe(self, observation)
    }

    fn close(&mut self, at: Micros) -> Vec<Event> {
        Understanding::close(self, at)
    }
}

type Understand = Box<dyn Understands>;
