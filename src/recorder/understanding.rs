//! What passing exchanges mean: whose they are, which notifications they carry, and which operation
//! caused each. Sans-I/O: observations in, tape events out.
//!
//! It has no clock, and is the same for the same observations. It neither delays nor changes what
//! passes, and what it cannot read it keeps as it was.
//!
//! Here stands what is learned, and who takes an observation: [`exchanges`] or [`streams`].

mod causes;
mod clients;
mod content;
mod credentials;
mod exchanges;
mod identifier;
mod observation;
mod polling;
mod published;
mod pushed;
mod recent;
mod settings;
mod streams;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::{Fact, Micros, OperationId, SessionBy, What};
use crate::tape::Event;

use causes::Causes;
use clients::{Clients, Discovery, Who};
use exchanges::Passed;
pub use observation::{Connection, Observation, Passing};
pub use settings::{DEFAULT_MAX_SESSIONS, Settings};
pub use streams::{Ending, Item};

/// What was learned so far.
#[derive(Debug)]
pub struct Understanding {
    session_by: Option<SessionBy>,
    last_number: u64,
    clients: Clients,
    causes: Causes,
    /// The exchanges that pass. There are as many as the proxy has open.
    under_way: BTreeMap<Passing, Box<Passed>>,
    /// When the latest thing came that the service sent.
    latest: Micros,
    /// The streams that are open.
    streams: BTreeMap<Passing, streams::Open>,
    /// How much content waits on them for the replies to it.
    held: usize,
    /// Operations under way that a notification names as its cause.
    awaited: BTreeSet<OperationId>,
    phase: Phase,
}

/// Whether the recording goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    GoesOn,
    Ends,
}

impl Default for Understanding {
    fn default() -> Self {
        Understanding::new(Settings::default())
    }
}

impl Understanding {
    /// Nothing was seen yet.
    pub fn new(settings: Settings) -> Self {
        Understanding {
            session_by: settings.session_by,
            last_number: settings.last_number,
            clients: Clients::new(&settings.sessions, settings.max_sessions),
            causes: Causes::new(),
            under_way: BTreeMap::new(),
            latest: Micros::default(),
            streams: BTreeMap::new(),
            held: 0,
            awaited: BTreeSet::new(),
            phase: Phase::GoesOn,
        }
    }

    /// Takes what was seen, and returns what is to be written, in order.
    pub fn observe(&mut self, mut observation: Observation) -> Vec<Event> {
        if let Some(at) = observation.came() {
            // Of two things on two connections, the one that was told first may be timed last. On the
            // tape both orders must be one.
            self.latest = self.latest.after(Micros(1)).max(*at);
            *at = self.latest;
        }
        match observation {
            Observation::Request {
                passing,
                connection,
                at,
                request,
            } => self.requested(passing, connection, at, request),
            Observation::Response {
                passing,
                at,
                response,
                end,
            } => match self.under_way.remove(&passing) {
                Some(passed) => self.responded(*passed, at, response, end),
                // Its request never came to its end: there is no operation without one.
                None => Vec::new(),
            },
            Observation::Opened {
                passing,
                at,
                response,
                stream,
            } => match self.under_way.remove(&passing) {
                Some(passed) => self.opened(passing, *passed, at, response, stream),
                None => Vec::new(),
            },
            Observation::Passed { passing, at, item } => self.passed(passing, at, item),
            Observation::Ended {
                passing,
                at,
                ending,
            } => self.ended(passing, at, ending),
            Observation::Gone { passing, at } => match self.under_way.remove(&passing) {
                Some(passed) => self.gone(*passed, at),
                None => Vec::new(),
            },
            Observation::Ending { .. } => {
                self.phase = Phase::Ends;
                Vec::new()
            }
        }
    }

    /// Ends the recording: returns what must be written of the exchanges that are still under way.
    pub fn close(&mut self, at: Micros) -> Vec<Event> {
        let mut events = self.close_streams(at);
        let open = std::mem::take(&mut self.under_way).into_values();
        events.extend(open.flat_map(|passed| self.gone(*passed, at)));
        events
    }

    /// Takes up what came out about clients, of whom `who` is the one at hand.
    fn discovered(&mut self, who: Who, at: Micros) -> Vec<Event> {
        if let Some(login) = self.clients.login(who) {
            self.causes.name(login);
        }
        let mut events = Vec::new();
        for discovery in self.clients.discoveries() {
            match discovery {
                Discovery::Same { from, to } => self.causes.merge(from, to),
                Discovery::Was { session, was } => events.push(Event::Fact(Fact {
                    session,
                    at,
                    what: What::Was(was),
                })),
            }
        }
        events
    }

    fn number(&mut self) -> OperationId {
        self.last_number = self.last_number.saturating_add(1);
        OperationId(self.last_number)
    }
}
