//! Records what passes: bodies are teed, understood, and written to the tape by one writer.
//!
//! The proxy tells a [`Recorder`] of every exchange as it passes, through a [`Tap`]. What the
//! exchanges mean (sessions, Bayeux messages, causes) is worked out by an [`Understanding`]; one
//! writer feeds it and writes what comes of it. Nothing here waits for the network.

mod backlog;
mod capture;
mod dealt;
mod failure;
mod filter;
mod gap;
mod handing;
mod health;
mod pattern;
mod queue;
mod redacting;
mod rotation;
mod settings;
mod socket;
mod spare;
mod stream;
mod summary;
mod tap;
mod telling;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout
)] // a test may stop at the first thing that is not as it should be
mod tests;
mod understanding;
mod watch;
mod writer;
mod written;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::sync::oneshot;

use crate::exchange::{Headers, Micros};
use crate::tape::{Event, Growing, Header, Notice, TapeError};

use backlog::{Backlog, Message, Need};
use capture::Budget;
use spare::Spares;
use writer::Writer;

pub use capture::DEFAULT_MAX_HELD;
pub use failure::{
    Admission, Condition, DEFAULT_MAX_QUEUE, DEFAULT_PATIENCE, Failure, FailureError, Loss,
    OnFailure, Trouble, WhenBehind,
};
pub use filter::{Filter, Reach, Rule, RuleError, Verdict};
pub use pattern::{PathPattern, PathPatternError};
pub use rotation::{Rotate, Rotation, RotationError};
pub use settings::{Clock, DEFAULT_MAX_BODY, Durability, DurabilityError, Heard, Settings};
pub use socket::SocketTap;
pub use summary::{Disk, Progress, Summary};
pub use tap::{RequestTap, ResponseTap, Tap};
pub use understanding::{
    Connection, DEFAULT_MAX_SESSIONS, Ending, Item, Observation, Passing, Settings as Known,
    Understanding,
};
pub use written::Written;

/// Why a recording cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The tape cannot be opened, or may not be written.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// The system gives no thread to write in.
    #[error("cannot start the writer")]
    Thread(#[source] std::io::Error),
}

/// A recording under way. Clones are handles to the same one.
#[derive(Clone)]
pub struct Recorder(Arc<Shared>);

/// What the handles, the taps and the writer share.
struct Shared {
    queue: queue::Sender<Message>,
    backlog: Arc<Backlog>,
    budget: Arc<Budget>,
    /// Where the memory of heads comes from.
    spares: Arc<Spares>,
    next: AtomicU64,
    durability: Durability,
    max_body: usize,
    lines: Vec<PathPattern>,
    clock: Clock,
    notices: Vec<Notice>,
    /// Where nothing can come on the tape, nothing is looked at.
    reach: Reach,
    /// The exchanges that passed and were not looked at.
    passed_over: AtomicU64,
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
        let (growing, before) =
            Growing::open_packed(path, header, settings.existing, settings.packing)?;
        let before = before.unwrap_or_default();
        let understand = understand(Known {
            session_by: settings.session_by.clone(),
            max_sessions: settings.max_sessions,
            last_number: before.last_number,
            sessions: before.sessions.into_iter().collect(),
        });
        let (queue, messages) = queue::queue();
        let mut shared = Shared::new(queue, &settings);
        shared.clock = settings.clock.after(before.last_time);
        shared.notices = before.notices;
        let shared = Arc::new(shared);
        let watched = watch::begin(&shared)?;
        let (backlog, spares) = (Arc::clone(&shared.backlog), Arc::clone(&shared.spares));
        let clock = shared.clock.clone();
        let ours = (backlog, spares, watched);
        let writer = Writer::new(settings, clock, understand, growing, ours);
        begin("tape writer", move || writer.run(messages))?;
        Ok(Recorder(shared))
    }

    /// A recorder that keeps nothing.
    pub fn idle() -> Result<Recorder, RecorderError> {
        let settings = Settings {
            durability: Durability::Relaxed,
            max_body: 0,
            ..Settings::default()
        };
        let (queue, messages) = queue::queue();
        let mut shared = Shared::new(queue, &settings);
        shared.reach = Reach::Nothing;
        let backlog = Arc::clone(&shared.backlog);
        begin("no tape", move || discard(messages, &backlog))?;
        Ok(Recorder(Arc::new(shared)))
    }

    /// What was found beside the tape that goes on: torn bytes, no trailer.
    pub fn notices(&self) -> &[Notice] {
        &self.0.notices
    }

    /// An exchange begins: the head of its request has arrived. Its fields are asked for where they are
    /// recorded, in the memory of others.
    pub fn begin(
        &self,
        connection: Connection,
        method: &str,
        target: &str,
        headers: impl FnOnce(Headers) -> Headers,
    ) -> Tap {
        if self.0.reach == Reach::Nothing {
            self.0.passed_over.fetch_add(1, Ordering::Relaxed);
            return Tap::deaf();
        }
        let passing = Passing(self.0.next.fetch_add(1, Ordering::Relaxed));
        let mut head = self.0.spares.request(method, target);
        head.headers = headers(head.headers);
        Tap::new(Arc::clone(&self.0), passing, connection, head)
    }

    /// Turns to another segment; a tape in one file is opened anew, if another file has its name now.
    pub fn reopen(&self) {
        self.0.send(Message::Turn, Need::Mandatory);
    }

    /// Says that the recording is about to end: an operation that gets no response any more stands on
    /// the tape all the same, truncated, and not only in the count.
    pub fn ends(&self) {
        let at = self.0.clock.now();
        let message = Message::Seen(Observation::Ending { at });
        self.0.send(message, Need::Mandatory);
    }

    /// What was recorded so far, and what waits to be written.
    pub fn progress(&self) -> Progress {
        let written = self.0.backlog.progress();
        Progress {
            held: self.0.budget.held(),
            left_out: written.left_out + self.0.passed_over.load(Ordering::Relaxed),
            ..written
        }
    }

    /// Whether new requests are to be let in.
    pub fn admission(&self) -> Admission {
        self.0.backlog.health().admission()
    }

    /// Whether what passes can be recorded, and new requests are to be let in.
    pub fn condition(&self) -> Condition {
        self.0.backlog.health().condition()
    }

    /// Writes all that has passed, and closes the tape. What is still under way is counted as
    /// missing, so the exchanges are drained first.
    pub async fn close(&self) -> Summary {
        let (reply, summary) = oneshot::channel();
        let at = self.0.clock.now();
        self.0.send(Message::Close { at, reply }, Need::Mandatory);
        match summary.await {
            Ok(mut summary) => {
                summary.progress.left_out += self.0.passed_over.load(Ordering::Relaxed);
                summary
            }
            // A writer that has gone drops what would answer.
            Err(_) => Summary {
                progress: self.progress(),
                closed: None,
            },
        }
    }
}

impl Shared {
    /// What is shared of a recording that begins now.
    fn new(queue: queue::Sender<Message>, settings: &Settings) -> Shared {
        Shared {
            queue,
            backlog: Arc::new(Backlog::new(&settings.failure)),
            budget: Arc::new(Budget::new(settings.max_held)),
            spares: Arc::default(),
            next: AtomicU64::new(1),
            durability: settings.durability,
            max_body: settings.max_body,
            lines: settings.lines.clone(),
            clock: settings.clock.clone(),
            notices: Vec::new(),
            reach: settings.filter.reach(),
            passed_over: AtomicU64::default(),
        }
    }
}

/// Has a thread of this name work.
fn begin(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), RecorderError> {
    let thread = thread::Builder::new().name(name.into());
    thread.spawn(work).map_err(RecorderError::Thread)?;
    Ok(())
}

/// Takes messages until the recording is closed, or nobody is left who could send any.
fn discard(mut messages: queue::Receiver<Message>, backlog: &Backlog) {
    while let Ok(next) = messages.next(None) {
        let Some(message) = next else {
            continue;
        };
        backlog.took(message.bytes(), 1);
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
