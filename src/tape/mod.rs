//! One recording: a header, events in order, and a trailer that seals them.
//!
//! Here is what a tape is for the rest of the program, and how it comes from a file and goes to
//! one. How it is written stands in `wire`. What its events mean for a replay is not its business.

mod error;
mod gaps;
mod growing;
mod joined;
mod json;
mod laying;
mod layout;
mod names;
mod notice;
mod numbers;
mod objects;
mod packing;
mod read;
pub mod redaction;
pub mod reel;
mod rewriting;
mod scroll;
mod segment;
mod store;
mod trace;
mod walk;
mod window;
mod wire;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use crate::exchange::{Contract, Fact, Gap, Micros, Notification, Operation, Repair, Session};

pub use error::{FolderFault, Problem, TapeError, Unreadable};
pub use gaps::Gaps;
pub use growing::{Before, Closed, Existing, Growing, Keep, Reopened, Sealing, Turned};
pub use joined::parts;
pub use laying::{Laying, State};
pub use notice::{Notice, SegmentState};
pub use numbers::Numbers;
pub use packing::Packing;
pub use redaction::Redaction;
pub use rewriting::{Style, Whole, files};
pub use scroll::Scroll;
pub use segment::Segment;
pub use store::{content, file, is_link, no_link};
pub use trace::Subject;
pub use walk::{Step, Walk};
pub use wire::{Content, Fields, Glance, Likeness, Same, Slate};

/// One recording, in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tape {
    /// What it is and where it came from.
    pub header: Header,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// What a tape says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// A title for people.
    pub title: String,
    /// Where it came from: a page's file name, an upstream's URL.
    pub source: String,
    /// The wall-clock time of its start (RFC 3339), where it was captured live.
    pub started: Option<String>,
    /// The path of the Bayeux endpoint whose notifications it holds: `/api/v2/notifications`.
    pub endpoint: Option<String>,
    /// Whether it is known to be from there.
    pub trust: Trust,
    /// Which part of a long recording it is, where that has several.
    pub segment: Option<Segment>,
    /// Where its secrets are pseudonyms: by which rules, beyond the usual ones.
    pub redaction: Option<Redaction>,
}

/// Whether the one behind a recording was who it was taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Its certificate was checked; or it had none to show, or was a page.
    #[default]
    Checked,
    /// It was not checked, because the user would not have it: it may have been anybody.
    Insecure,
}

/// One entry of a tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The rules that a page states for an operation.
    Contract(Contract),
    /// A request and its response.
    Operation(Operation),
    /// A message that the service pushed.
    Notification(Notification),
    /// Something else that a session did or was told.
    Fact(Fact),
    /// What the recording lacks.
    Gap(Gap),
}

/// How the objects of a tape are laid out. Both layouts read the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One object a line, as capture writes them.
    Lines,
    /// Laid out over many lines, as people review them.
    Pretty,
}

/// A tape as it was found, with what its reader should know of its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The tape.
    pub tape: Tape,
    /// What was found beside it.
    pub notices: Vec<Notice>,
}

impl Tape {
    /// Reads a tape from a file, or from a folder of segments.
    pub fn load(path: &Path) -> Result<Loaded, TapeError> {
        joined::load(path)
    }

    /// Reads a tape from the content of a file at `path`, which errors name. Of a segment it is what can
    /// be played without the others.
    pub fn read_named(bytes: &[u8], path: &Path) -> Result<Loaded, TapeError> {
        joined::read_played(bytes, path)
    }

    /// Reads one file of a tape from its content, to be written again: a segment keeps what it says of
    /// the others.
    pub fn read_part(bytes: &[u8], path: &Path) -> Result<Loaded, TapeError> {
        Ok(read::read(bytes).map_err(|error| error.named(path))?)
    }

    /// Reads a tape from its text, in either layout.
    pub fn read(bytes: &[u8]) -> Result<Loaded, TapeError> {
        Ok(read::read(bytes)?)
    }

    /// The tape's text, sealed with its trailer.
    pub fn write(&self, layout: Layout) -> String {
        let mut seal = wire::Seal::default();
        let mut text = String::new();
        let mut push = |object: &str| {
            match layout {
                Layout::Lines => text.push_str(object),
                Layout::Pretty => text.push_str(&layout::review(object)),
            }
            text.push('\n');
        };
        push(&wire::write_header(&self.header));
        for event in &self.events {
            let object = wire::write_event(event);
            seal.add(&object);
            push(&object);
        }
        push(&wire::write_trailer(&seal.trailer()));
        text
    }

    /// Writes the tape to a file, sealed. A file that is there is replaced in one step, and stays
    /// compressed if it is.
    pub fn save(&self, path: &Path, layout: Layout) -> Result<(), TapeError> {
        let text = self.write(layout);
        store::save(path, |packing| packing::sealed(&text, packing))
    }

    /// The tape with every session under the name that it has in the end.
    ///
    /// A recording may have written what a client did before it knew who the client was; a later
    /// fact ([`crate::exchange::What::Was`]) gives those events, wherever they stand, to the session
    /// that came of it. Loading keeps the events as they stand, so that writing the tape again
    /// loses nothing; whoever wants to know who did what asks here.
    pub fn settled(&self) -> Cow<'_, Tape> {
        names::settled(self)
    }

    /// The contracts, in order.
    pub fn contracts(&self) -> impl Iterator<Item = &Contract> {
        self.events.iter().filter_map(|event| match event {
            Event::Contract(contract) => Some(contract),
            Event::Operation(_) | Event::Notification(_) | Event::Fact(_) | Event::Gap(_) => None,
        })
    }

    /// The operations, in order.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.events.iter().filter_map(|event| match event {
            Event::Operation(operation) => Some(operation),
            Event::Contract(_) | Event::Notification(_) | Event::Fact(_) | Event::Gap(_) => None,
        })
    }

    /// The notifications, in order.
    pub fn notifications(&self) -> impl Iterator<Item = &Notification> {
        self.events.iter().filter_map(|event| match event {
            Event::Notification(notification) => Some(notification),
            Event::Contract(_) | Event::Operation(_) | Event::Fact(_) | Event::Gap(_) => None,
        })
    }

    /// The facts, in order.
    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.events.iter().filter_map(Event::fact)
    }

    /// What the recording lacks, in order.
    pub fn gaps(&self) -> impl Iterator<Item = &Gap> {
        self.events.iter().filter_map(Event::gap)
    }

    /// What the recording lacks, all together.
    pub fn gaps_in_all(&self) -> Gaps {
        Gaps::of(self.gaps())
    }

    /// The sessions, each once, in order of first appearance.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        let mut seen = BTreeSet::new();
        self.events
            .iter()
            .filter_map(Event::session)
            .filter(move |session| seen.insert(*session))
    }
}

impl Event {
    /// The session that it belongs to; a contract and a gap belong to none.
    pub fn session(&self) -> Option<&Session> {
        match self {
            Event::Contract(_) | Event::Gap(_) => None,
            Event::Operation(operation) => Some(&operation.session),
            Event::Notification(notification) => Some(&notification.session),
            Event::Fact(fact) => Some(&fact.session),
        }
    }

    /// When it began, or arrived; a contract never did.
    pub fn at(&self) -> Option<Micros> {
        match self {
            Event::Contract(_) => None,
            Event::Operation(operation) => Some(operation.at),
            Event::Notification(notification) => Some(notification.at),
            Event::Fact(fact) => Some(fact.at),
            Event::Gap(gap) => Some(gap.at),
        }
    }

    /// What a session did beside calling and hearing, if it tells that.
    pub fn fact(&self) -> Option<&Fact> {
        match self {
            Event::Fact(fact) => Some(fact),
            Event::Contract(_) | Event::Operation(_) | Event::Notification(_) | Event::Gap(_) => {
                None
            }
        }
    }

    /// What the recording lacks, if it says that.
    fn gap(&self) -> Option<&Gap> {
        match self {
            Event::Gap(gap) => Some(gap),
            Event::Contract(_) | Event::Operation(_) | Event::Notification(_) | Event::Fact(_) => {
                None
            }
        }
    }

    fn session_mut(&mut self) -> Option<&mut Session> {
        match self {
            Event::Contract(_) | Event::Gap(_) => None,
            Event::Operation(operation) => Some(&mut operation.session),
            Event::Notification(notification) => Some(&mut notification.session),
            Event::Fact(fact) => Some(&mut fact.session),
        }
    }

    /// What was mended in the text that it was read from.
    pub fn repairs(&self) -> &[Repair] {
        match self {
            Event::Contract(_) | Event::Fact(_) | Event::Gap(_) => &[],
            Event::Operation(operation) => &operation.repairs,
            Event::Notification(notification) => &notification.repairs,
        }
    }
}
