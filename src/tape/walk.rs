//! A tape whose events are read one at a time: its content stays in its files, and of each event is kept what
//! finds it again and how it stands among the others.
//!
//! It reads all that [`Tape::load`] reads, in both layouts, torn and edited too, and by the same rules: they
//! are in `read` and `joined`, which do not ask what is kept of an event. Of a fault it knows only that there
//! is one. Then the tape is read into memory, which tells faults with their places.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::exchange::{Micros, NotificationId, OperationId, Session};

use super::error::TapeError;
use super::objects::Stopped;
use super::read;
use super::reel::{self, Lost, Source, Spot};
use super::trace::{Subject, Trace};
use super::{Event, Header, Loaded, Notice, Tape, joined, names};

/// A tape that was walked through.
#[derive(Debug)]
pub struct Walk<T> {
    /// What it says of itself.
    pub header: Header,
    /// Its events, in order.
    pub steps: Vec<Step<T>>,
    /// What was found beside it.
    pub notices: Vec<Notice>,
}

/// An event of a tape, without its content.
#[derive(Debug)]
pub struct Step<T> {
    /// What it is.
    pub subject: Subject,
    /// The session that it belongs to, by the name that it has in the end.
    pub session: Option<Session>,
    /// When it began, or arrived.
    pub at: Option<Micros>,
    /// What a notification is due after.
    pub after: Vec<OperationId>,
    /// What else was kept.
    pub kept: T,
    stream: Option<OperationId>,
    place: Place,
}

/// Where an event is.
#[derive(Debug)]
enum Place {
    File(Arc<Source>, Spot),
    Memory(Arc<Event>),
}

/// Why the files were not walked through.
enum Stumble {
    Unusual,
    Failed(TapeError),
}

impl From<TapeError> for Stumble {
    fn from(error: TapeError) -> Self {
        Stumble::Failed(error)
    }
}

impl<T> Walk<T> {
    /// Walks through the tape at a path: a file, what follows it, or a folder of segments. What is kept of
    /// each event is asked with the event as it stands there.
    ///
    /// # Errors
    /// As for [`Tape::load`].
    pub fn through(path: &Path, keep: &impl Fn(&Event) -> T) -> Result<Walk<T>, TapeError> {
        // What is neither may be a pipe, which can be read only once.
        if path.is_file() || path.is_dir() {
            match Self::filed(path, keep) {
                Ok(walk) => return Ok(walk),
                Err(Stumble::Failed(error)) => return Err(error),
                Err(Stumble::Unusual) => {}
            }
        }
        Ok(Self::held(Tape::load(path)?, keep))
    }

    /// The same for a tape that is in memory.
    pub fn held(loaded: Loaded, keep: &impl Fn(&Event) -> T) -> Walk<T> {
        let Loaded { tape, notices } = loaded;
        let renamed = names::renamed(tape.events.iter());
        let step = |event: Event| {
            let event = Arc::new(event);
            Step::of(&event, keep(&event), Place::Memory(Arc::clone(&event)))
        };
        let walk = Walk {
            header: tape.header,
            steps: tape.events.into_iter().map(step).collect(),
            notices,
        };
        walk.settled(&renamed)
    }

    fn filed(path: &Path, keep: &impl Fn(&Event) -> T) -> Result<Walk<T>, Stumble> {
        let mut renamed = BTreeMap::new();
        let part = joined::together(path, |path, causes| {
            let unreadable = |source| TapeError::Read {
                path: path.to_owned(),
                source,
            };
            let stopped = |stopped| match stopped {
                Stopped::Unusual => Stumble::Unusual,
                Stopped::Io(source) => Stumble::Failed(unreadable(source)),
            };
            let file = File::open(path).map_err(unreadable)?;
            let (file, torn) = reel::plain(file).map_err(stopped)?;
            let source = Arc::new(Source::new(file, path));
            let take = |event: Event, spot| {
                renamed.extend(names::renaming(&event));
                Step::of(&event, keep(&event), Place::File(Arc::clone(&source), spot))
            };
            let read = read::stream(source.file(), torn, causes, take);
            read.map(|(part, _)| part).map_err(stopped)
        })?;
        let walk = Walk {
            header: part.header,
            steps: part.events,
            notices: part.notices,
        };
        Ok(walk.settled(&renamed))
    }

    fn settled(mut self, renamed: &BTreeMap<Session, Session>) -> Self {
        let steps = self.steps.iter_mut();
        names::rename(renamed, steps.filter_map(|step| step.session.as_mut()));
        self
    }
}

impl<T> Step<T> {
    /// The event, in the session and with the causes that stand here.
    ///
    /// # Errors
    /// What stands in the file must be what stood there before.
    pub fn event(&self) -> Result<Event, Lost> {
        let mut event = match &self.place {
            Place::File(source, spot) => source.event(*spot)?,
            Place::Memory(event) => event.as_ref().clone(),
        };
        if let (Some(name), Some(session)) = (&self.session, event.session_mut()) {
            session.clone_from(name);
        }
        if let Some((_, after)) = event.due() {
            after.clone_from(&self.after);
        }
        Ok(event)
    }

    fn of(event: &Event, kept: T, place: Place) -> Step<T> {
        let after = match event {
            Event::Notification(notification) => notification.after.clone(),
            Event::Contract(_) | Event::Operation(_) | Event::Fact(_) | Event::Gap(_) => Vec::new(),
        };
        Step {
            subject: event.subject(),
            session: event.session().cloned(),
            at: event.at(),
            after,
            kept,
            stream: event.stream(),
            place,
        }
    }
}

impl<T> Trace for Step<T> {
    fn subject(&self) -> Subject {
        self.subject
    }

    fn stream(&self) -> Option<OperationId> {
        self.stream
    }

    fn due(&mut self) -> Option<(NotificationId, &mut Vec<OperationId>)> {
        self.subject.due(&mut self.after)
    }
}
