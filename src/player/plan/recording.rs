//! A tape as it comes to a plan: noted where it stands in its files, or walked through and then written as capture
//! writes it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::noting::{Notes, Noting, Placeholders};
use super::shelf::Manner;
use super::{Plan, PlanError, Planned, adding, narrow, pushed};
use crate::exchange::{Fact, What};
use crate::player::settings::{Present, Reading};
use crate::player::shift::{self, Shift};
use crate::player::standin::{self, Finder, Look, StandIns};
use crate::player::values::secret::Secrets;
use crate::tape::reel::{self, Reel, Spool};
use crate::tape::{Event, Header, Loaded, Notice, TapeError, Walk};

/// A tape that is to be played.
#[derive(Debug)]
pub struct Recording(Kept);

#[derive(Debug)]
enum Kept {
    /// It stands in its files as it is played, and was noted there.
    Noted {
        reel: Box<Reel>,
        notes: Notes,
        endpoints: Arc<[String]>,
    },
    /// It stands in another way, or something is to stand in the places of something else.
    Walked(Walk<(Look, Beside)>),
}

/// What else is kept of an event of a tape that was walked through.
#[derive(Debug)]
struct Beside {
    fact: Option<Box<Fact>>,
    /// The earliest time that stands in it, where that is asked for.
    earliest: Option<i64>,
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
    /// Loads the tape at a path: a file, what follows it, or a folder of segments. Its operations and what is long of
    /// its notifications stay in its files.
    ///
    /// # Errors
    /// As for [`Tape::load`](crate::tape::Tape::load).
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
            let reader =
                |file: usize| Noting::new(narrow(file), &manner, reading, Placeholders::Sought);
            let found = reel::load(path, &reader, |noting: Noting<'_>| notes.add(noting.notes))?;
            let Some(mut reel) = found else {
                return walked(path, reading);
            };
            let facts = reel.events.iter().filter_map(|(_, event)| event.fact());
            let found = endpoints_of(&reel.header, facts);
            if *found != *endpoints {
                endpoints = found.into();
                continue;
            }
            reel.settle(&mut notes.sessions);
            if notes.share_values() || reading.needs_all(&reel.header) {
                return walked(path, reading);
            }
            return Ok(Recording(Kept::Noted {
                reel: Box::new(reel),
                notes,
                endpoints,
            }));
        }
    }

    /// A tape that is in memory.
    pub fn held(loaded: Loaded, reading: &Reading) -> Recording {
        let keep = |event: &Event| kept(event, reading);
        Recording(Kept::Walked(Walk::held(loaded, &keep)))
    }

    /// What it says of itself.
    pub fn header(&self) -> &Header {
        match &self.0 {
            Kept::Noted { reel, .. } => &reel.header,
            Kept::Walked(walk) => &walk.header,
        }
    }

    /// What its sessions did beside calling and hearing, in order, each under the name that its session has in the
    /// end.
    pub fn facts(&self) -> Vec<Fact> {
        match &self.0 {
            Kept::Noted { reel, .. } => {
                let facts = reel.events.iter().filter_map(|(_, event)| event.fact());
                facts.cloned().collect()
            }
            Kept::Walked(walk) => facts(walk).collect(),
        }
    }

    /// What its reader should know of its state.
    pub fn notices(&self) -> &[Notice] {
        match &self.0 {
            Kept::Noted { reel, .. } => &reel.notices,
            Kept::Walked(walk) => &walk.notices,
        }
    }
}

fn walked(path: &Path, reading: &Reading) -> Result<Recording, TapeError> {
    let keep = |event: &Event| kept(event, reading);
    Ok(Recording(Kept::Walked(Walk::through(path, &keep)?)))
}

/// What is kept of an event of a tape that is walked through.
fn kept(event: &Event, reading: &Reading) -> (Look, Beside) {
    let beside = Beside {
        fact: event.fact().cloned().map(Box::new),
        earliest: match reading.present {
            Present::At(_) => shift::earliest(event),
            Present::Recorded => None,
        },
    };
    (Look::at(event), beside)
}

/// The facts of a tape, each under the name that its session has in the end.
fn facts(walk: &Walk<(Look, Beside)>) -> impl Iterator<Item = Fact> {
    walk.steps.iter().filter_map(|step| {
        let (_, beside) = &step.kept;
        let fact = beside.fact.as_deref()?.clone();
        let session = step.session.clone().unwrap_or(fact.session);
        Some(Fact { session, ..fact })
    })
}

impl Reading {
    /// Whether all of a tape must be looked at before it can be played: to find its earliest time.
    fn needs_all(&self, header: &Header) -> bool {
        matches!(self.present, Present::At(_)) && !Shift::knows(header.started.as_deref())
    }
}

impl Plan {
    pub(super) fn add_recording(&mut self, Recording(kept): Recording) -> Result<(), PlanError> {
        match kept {
            Kept::Noted {
                reel,
                notes,
                endpoints,
            } => {
                self.learn_endpoints(&endpoints);
                let started = reel.header.started.as_deref();
                let manner = Manner {
                    shift: Shift::since(started, None, self.reading.present),
                    endpoints,
                };
                self.add_filed(*reel, notes, &manner, StandIns::default())
            }
            Kept::Walked(walk) => self.add_walked(&walk),
        }
    }

    /// Adds a tape that was walked through: what is played of it is written to a file first.
    fn add_walked(&mut self, walk: &Walk<(Look, Beside)>) -> Result<(), PlanError> {
        let said: Vec<Fact> = facts(walk).collect();
        self.learn_endpoints(&endpoints_of(&walk.header, said.iter()));
        let earliest = walk.steps.iter().filter_map(|step| step.kept.1.earliest);
        let started = walk.header.started.as_deref();
        let manner = Manner {
            endpoints: self.endpoints.clone().into(),
            shift: Shift::since(started, earliest.min(), self.reading.present),
        };
        let (spool, (spots, stand_ins)) = Spool::filled(|spool| {
            let mut spots = BTreeMap::new();
            let stand_ins = standin::put_in(walk, |place, event| {
                check(event)?;
                spots.insert(place, spool.add(event)?);
                Ok::<_, PlanError>(())
            })?;
            Ok::<_, PlanError>((spots, stand_ins))
        })?;
        let noting = Noting::new(0, &manner, &self.reading, Placeholders::Replaced);
        let (wound, Noting { notes, .. }) = spool.wind(spots.into_values(), noting)?;
        let reel = Reel {
            header: walk.header.clone(),
            events: wound.events,
            sources: vec![wound.source],
            notices: Vec::new(),
        };
        self.add_filed(reel, notes, &manner, stand_ins)
    }

    /// Adds a tape whose operations stay in its files.
    fn add_filed(
        &mut self,
        reel: Reel,
        mut notes: Notes,
        manner: &Manner,
        mut stand_ins: StandIns,
    ) -> Result<(), PlanError> {
        let Reel {
            header,
            events,
            sources,
            ..
        } = reel;
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
        let secrets = Secrets::of(&header, operations.chain(others), &mut stand_ins);
        self.add(Roll {
            notes,
            events,
            stand_ins,
            secrets,
            shift: manner.shift,
        })
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

/// Whether an event can be played.
fn check(event: &Event) -> Result<(), PlanError> {
    match event {
        Event::Operation(operation) => adding::check(operation),
        Event::Notification(notification) => pushed::check(notification),
        Event::Contract(_) | Event::Fact(_) | Event::Gap(_) => Ok(()),
    }
}

/// Where Bayeux is spoken on a tape, each once. A recording finds that after its header was written.
fn endpoints_of<'a>(header: &Header, facts: impl Iterator<Item = &'a Fact>) -> Vec<String> {
    let shaken = facts.filter_map(|fact| {
        if let What::Handshake { endpoint, .. } = &fact.what {
            Some(endpoint)
        } else {
            None
        }
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

    /// Whether the service gave one value to several sessions, in whose place others are to stand.
    fn share_values(&self) -> bool {
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
        !finder.end().is_empty()
    }

    /// Gives the files other numbers: those that they have on the shelf of a plan.
    fn move_files(&mut self, first: usize) {
        let first = narrow(first);
        for planned in self.operations.iter_mut().filter(|_| first > 0) {
            planned.file = planned.file.saturating_add(first);
        }
        for (file, _) in self.filed.values_mut() {
            *file = file.saturating_add(first);
        }
    }
}
