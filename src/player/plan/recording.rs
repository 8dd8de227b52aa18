//! A tape as it comes to a plan: from memory, or noted where it stands in its files.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::noting::{Heads, Notes, Noting};
use super::shelf::{Manner, Place, Recorded};
use super::{Plan, PlanError, Planned, Times, Travels, adding, narrow, paths};
use crate::exchange::{Fact, Operation, What, credentials};
use crate::player::settings::{Present, Reading};
use crate::player::shift::Shift;
use crate::player::standin::{self, Finder, StandIns};
use crate::player::values::secret::Secrets;
use crate::tape::reel::{self, Found, Reel};
use crate::tape::{Event, Header, Notice, Tape, TapeError};

/// A tape that is to be played.
#[derive(Debug)]
pub struct Recording {
    tape: Kept,
    notices: Vec<Notice>,
}

#[derive(Debug)]
enum Kept {
    /// In memory.
    Held(Tape),
    /// In its files.
    Filed(Box<Reel>, Notes, Arc<[String]>),
}

/// What a plan takes from a tape.
pub(super) struct Roll {
    pub(super) notes: Notes,
    /// The events that are no operations, each with how many operations stand before it.
    pub(super) events: Vec<(usize, Event)>,
    pub(super) stand_ins: StandIns,
    pub(super) secrets: Secrets,
    pub(super) shift: Shift,
}

impl Recording {
    /// Loads the tape at a path: a file, what follows it, or a folder of segments. Its operations and
    /// what is long of its notifications stay in its files where they stand there as capture writes them, and
    /// nothing has to be put in their places.
    ///
    /// # Errors
    /// As for [`Tape::load`].
    pub fn load(path: &Path, reading: &Reading) -> Result<Recording, TapeError> {
        // Where Bayeux is spoken may come out after the header was written; then what was noted without that
        // is noted again.
        let said = reel::header(path).and_then(|header| header.endpoint);
        let mut endpoints: Arc<[String]> = said.into_iter().collect();
        loop {
            let manner = Manner {
                endpoints: Arc::clone(&endpoints),
                shift: Shift::default(),
            };
            let mut notes = Notes::default();
            let reader = |file: usize| {
                Noting::new(u32::try_from(file).unwrap_or(u32::MAX), &manner, reading)
            };
            let found = reel::load(path, &reader, |noting: Noting<'_>| notes.add(noting.notes))?;
            let mut reel = match found {
                Found::Held(loaded) => return Ok(Recording::held(loaded.tape, loaded.notices)),
                Found::Filed(reel) => reel,
            };
            let found = endpoints_of(&reel.header, reel.events.iter().map(|(_, event)| event));
            if *found != *endpoints {
                endpoints = found.into();
                continue;
            }
            reel.settle(&mut notes.sessions);
            if !notes.can_be_filed() || reading.needs_all(&reel.header) {
                let loaded = Tape::load(path)?;
                return Ok(Recording::held(loaded.tape, loaded.notices));
            }
            return Ok(Recording {
                notices: reel.notices.clone(),
                tape: Kept::Filed(Box::new(reel), notes, endpoints),
            });
        }
    }

    /// A tape that is in memory.
    pub fn held(tape: Tape, notices: Vec<Notice>) -> Recording {
        Recording {
            tape: Kept::Held(tape),
            notices,
        }
    }

    /// What it says of itself.
    pub fn header(&self) -> &Header {
        match &self.tape {
            Kept::Held(tape) => &tape.header,
            Kept::Filed(reel, ..) => &reel.header,
        }
    }

    /// What its sessions did beside calling and hearing, in order, each under the name that its session has in the
    /// end.
    pub fn facts(&self) -> Vec<Fact> {
        match &self.tape {
            Kept::Held(tape) => tape.settled().facts().cloned().collect(),
            Kept::Filed(reel, ..) => {
                let facts = reel.events.iter().filter_map(|(_, event)| event.fact());
                facts.cloned().collect()
            }
        }
    }

    /// What its reader should know of its state.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }
}

impl Reading {
    /// Whether all of a tape must be looked at before it can be played: to find its earliest time.
    fn needs_all(&self, header: &Header) -> bool {
        matches!(self.present, Present::At(_)) && !Shift::knows(header.started.as_deref())
    }
}

impl Plan {
    /// Adds a tape that is in memory.
    fn add_held(&mut self, tape: &Tape) -> Result<(), PlanError> {
        let (tape, stand_ins) = standin::put_in(tape.settled());
        let found = endpoints_of(&tape.header, tape.events.iter());
        self.learn_endpoints(&found);
        let manner = Manner {
            endpoints: self.endpoints.clone().into(),
            shift: Shift::of(&tape, self.reading.present),
        };
        let mut notes = Notes::default();
        let mut events = Vec::new();
        for event in &tape.events {
            match event {
                Event::Operation(operation) => {
                    adding::check(operation)?;
                    let recorded = Recorded::of(operation.clone(), &manner);
                    notes.hold(operation, recorded, &self.reading);
                }
                Event::Contract(_) | Event::Notification(_) | Event::Fact(_) | Event::Gap(_) => {
                    events.push((notes.operations.len(), event.clone()));
                }
            }
        }
        let secrets = Secrets::of(
            &tape.header,
            tape.events.iter().map(Cow::Borrowed),
            &stand_ins,
        );
        self.add(Roll {
            notes,
            events,
            secrets,
            stand_ins,
            shift: manner.shift,
        })
    }

    /// Adds a tape whose operations stay in its files.
    fn add_filed(
        &mut self,
        reel: Reel,
        mut notes: Notes,
        endpoints: &[String],
    ) -> Result<(), PlanError> {
        let Reel {
            header,
            events,
            sources,
            ..
        } = reel;
        self.learn_endpoints(endpoints);
        let manner = Manner {
            endpoints: endpoints.into(),
            shift: Shift::since(header.started.as_deref(), self.reading.present),
        };
        let first = self.shelf.len();
        for source in sources {
            self.shelf.add(source, manner.clone());
        }
        notes.move_files(first);
        let others = events.iter();
        let others = others.filter_map(|(_, event)| self.whole(event, &notes.filed));
        let operations = notes
            .operations
            .iter()
            .filter_map(|planned| self.as_it_stands(planned));
        let operations = operations.map(|operation| Cow::Owned(Event::Operation(operation)));
        let stand_ins = StandIns::default();
        let secrets = Secrets::of(&header, operations.chain(others), &stand_ins);
        self.add(Roll {
            notes,
            events,
            stand_ins,
            secrets,
            shift: manner.shift,
        })
    }

    pub(super) fn add_recording(&mut self, recording: Recording) -> Result<(), PlanError> {
        match recording.tape {
            Kept::Held(tape) => self.add_held(&tape),
            Kept::Filed(reel, notes, endpoints) => self.add_filed(*reel, notes, &endpoints),
        }
    }

    /// Learns where Bayeux is spoken.
    fn learn_endpoints(&mut self, found: &[String]) {
        for endpoint in found {
            if !self.endpoints.contains(endpoint) {
                self.endpoints.push(endpoint.clone());
            }
        }
    }
}

/// Where Bayeux is spoken on a tape, each once. A recording finds that after its header was written.
fn endpoints_of<'a>(header: &Header, events: impl Iterator<Item = &'a Event>) -> Vec<String> {
    let shaken = events.filter_map(|event| match event {
        Event::Fact(fact) => {
            if let What::Handshake { endpoint, .. } = &fact.what {
                Some(endpoint)
            } else {
                None
            }
        }
        Event::Contract(_) | Event::Operation(_) | Event::Notification(_) | Event::Gap(_) => None,
    });
    let mut found: Vec<String> = Vec::new();
    for endpoint in header.endpoint.iter().chain(shaken) {
        if !found.contains(endpoint) {
            found.push(endpoint.clone());
        }
    }
    found
}

impl Notes {
    /// Adds what was noted of the next piece of a tape.
    fn add(&mut self, next: Notes) {
        let first = self.operations.len();
        let named: Vec<usize> = next
            .sessions
            .iter()
            .map(|name| self.session(name.name()))
            .collect();
        let number = |session: usize| narrow(named.get(session).copied().unwrap_or_default());
        self.paths.extend(next.paths);
        let openings = next.openings.into_iter();
        self.openings.extend(openings.map(|place| first + place));
        self.operations
            .extend(next.operations.into_iter().map(|planned| Planned {
                session: number(planned.session()),
                ..planned
            }));
        let heads = next.heads.into_iter();
        self.heads
            .extend(heads.map(|(place, heads)| (first + place, heads)));
        let asked = next.asked.into_iter();
        self.asked
            .extend(asked.map(|(place, asked)| (first + place, asked)));
        let named = next.named.into_iter();
        self.named
            .extend(named.map(|(place, client)| (first + place, client)));
        self.filed.extend(next.filed);
    }

    /// Notes an operation that is in memory.
    fn hold(&mut self, operation: &Operation, recorded: Recorded, reading: &Reading) {
        let place = self.operations.len();
        let request = &recorded.operation.request;
        self.paths.push(paths::digest(paths::path(&request.target)));
        let session = self.session(operation.session.name());
        let heads = Heads::of(&operation.request.headers, &operation.response.headers);
        let times = Times::of(&request.method, &heads.given);
        let travels = Travels::of(operation.form);
        self.openings.extend(travels.opens().map(|_| place));
        self.heads.push((place, Arc::new(heads)));
        let asked = credentials::in_query(&operation.request.target);
        self.asked
            .extend((!asked.is_empty()).then_some((place, asked)));
        let client = reading.client(&operation.request);
        self.named.extend(client.map(|client| (place, client)));
        self.operations.push(Planned {
            id: operation.id,
            at: operation.at,
            answered: operation.answered,
            place: Place::Held(Arc::new(recorded)),
            session: narrow(session),
            lane: 0,
            epoch: 0,
            times,
            travels,
        });
    }

    /// Whether nothing has to be put in the place of what the service gave to several sessions.
    fn can_be_filed(&self) -> bool {
        let mut finder = Finder::default();
        let mut last = None;
        for (place, heads) in &self.heads {
            let session = self.operations.get(*place).map(Planned::session);
            let this = (session, Arc::as_ptr(heads));
            if last.replace(this) != Some(this)
                && let Some(session) = session.and_then(|session| self.sessions.get(session))
            {
                finder.add(session, &heads.shown, &heads.own);
            }
        }
        finder.end().is_empty()
    }

    /// Gives the files other numbers: those that they have on the shelf of a plan.
    fn move_files(&mut self, first: usize) {
        let first = u32::try_from(first).unwrap_or(u32::MAX);
        for planned in self.operations.iter_mut().filter(|_| first > 0) {
            if let Place::Filed(file, _) = &mut planned.place {
                *file = file.saturating_add(first);
            }
        }
        for (file, _) in self.filed.values_mut() {
            *file = file.saturating_add(first);
        }
    }
}
