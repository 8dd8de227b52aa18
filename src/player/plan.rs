//! What a run needs of its tapes, worked out once: who plays, what answers what, and what waits for
//! what. It does not change while a run goes on.

mod adding;
mod carried;
mod due;
mod lanes;
mod learned;
mod noting;
mod paths;
mod planned;
mod pushed;
mod recorded;
mod recording;
mod shelf;
mod strands;
mod streams;
mod subscribed;
#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, OnceLock};

use crate::exchange::secret::Names;
use crate::exchange::{
    Closed, Contract, Form, Micros, Notification, Operation, Request, Session, Stream,
};
use crate::journal::Way;
use crate::tape::Gaps;
use crate::tape::reel::Lost;

use super::publish;
use super::settings::Reading;
use super::standin::StandIns;
use super::ties::Ties;
pub(super) use carried::{Wording, carried};
pub(super) use lanes::Events;
pub use lanes::{Happening, Part};
use learned::{Conversation, Learned};
use paths::Paths;
pub(super) use paths::{Here, path};
pub(super) use planned::{Planned, Times, Travels, narrow, wide};
use pushed::Said;
pub(super) use pushed::{Pushed, message};
pub(super) use recorded::{Content, Recorded};
pub use recording::Recording;
use shelf::Shelf;
pub(super) use subscribed::Right;

/// The tapes of a replay. Several tapes are independent conversations of the same sessions: what
/// one session hears comes in the recorded order of each tape.
#[derive(Debug)]
pub struct Plan {
    pub(super) sessions: Vec<Session>,
    /// The number of each of them.
    seats: BTreeMap<Session, usize>,
    pub(super) operations: Vec<Planned>,
    /// The operations that open streams, in order.
    openings: Vec<usize>,
    /// The streams that operations opened and the tapes tell of.
    pub(super) opened: BTreeMap<usize, Opened>,
    pub(super) notifications: Vec<Due>,
    pub(super) lanes: Vec<Lane>,
    pub(super) contracts: Vec<Contract>,
    /// What the tapes lack.
    pub(super) gaps: Gaps,
    pub(super) endpoints: Vec<String>,
    pub(super) ties: Ties,
    pub(super) reading: Reading,
    /// The notifications that name an operation as a cause.
    pub(super) releases: BTreeMap<usize, Vec<usize>>,
    conversations: Vec<Conversation>,
    learned: OnceLock<Learned>,
    shelf: Shelf,
    /// What stands in the places of placeholders.
    pub(super) stand_ins: StandIns,
    /// The names of secrets, if a tape was rid of them.
    names: Option<Names>,
    pub(super) paths: Paths,
    /// The operations that go on with a stream that was lost, or had ended.
    pub(super) resuming: Vec<usize>,
}

/// A stream. Those that a client opened one after the other are a strand.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) stream: Stream,
    /// The operation that opened the first of its strand.
    pub(super) strand: usize,
    /// Which strand of its session that is, from 1.
    pub(super) number: usize,
    /// The operation whose stream it goes on with, where its client had lost that, or it had ended.
    pub(super) resumes: Option<usize>,
    pub(super) ending: Option<Ending>,
}

/// How a stream ended.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) closed: Closed,
    at: Micros,
    /// How many events of its lane come before.
    pub(super) events: usize,
    /// The operations of its lane that had begun by then, and were answered later.
    pub(super) begun: Vec<usize>,
}

/// A notification with what it waits for.
#[derive(Debug)]
pub(super) struct Due {
    /// Without its data and how that was written, where that stays in its file: see [`Plan::pushed`].
    pub(super) notification: Notification,
    pub(super) lane: usize,
    /// How many operations of the plan stand before it.
    before: usize,
    pub(super) causes: Vec<Cause>,
    /// The recorded time from its last cause, or from its predecessor where it has none.
    pub(super) gap: Micros,
    /// The operation that opened the stream on which it travelled; `None` for Bayeux.
    pub(super) stream: Option<usize>,
    /// By which right its session hears it, where it came by Bayeux.
    pub(super) right: Right,
    said: Said,
}

/// An operation that a notification waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) operation: usize,
    pub(super) by: By,
}

/// How far an operation must have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Its request is here: on the tape the notification came before the answer.
    Received,
    /// It is answered.
    Answered,
}

/// What one session did and heard on one tape, in order.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) session: usize,
    pub(super) events: Events,
    /// The places of the events in the order in which the session began them. A captured operation
    /// stands where it was answered, so what came meanwhile stands before it.
    begun: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneEvent {
    Operation(usize),
    Notification(usize),
}

/// Why tapes cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Nothing happens on any of them.
    #[error("there is no operation and no notification to replay")]
    Nothing,
    /// The payload of a notification cannot travel in a Bayeux message.
    #[error("notification {0}: its data is not JSON, so no Bayeux message can carry it")]
    NotJson(u64),
    /// No Bayeux client can hear this channel.
    #[error(
        "notification {0}: {1:?} is no channel: it must begin with a slash and hold no wildcard"
    )]
    Channel(u64, String),
    /// A part of an operation that HTTP does not allow.
    #[error("operation {0}: {1:?} is no {2}")]
    Http(u64, String, &'static str),
    /// A notification travelled on a stream that nothing opens.
    #[error("notification {0}: operation {1}, which opened its stream, is not on the tape")]
    NoStream(u64, u64),
    /// A notification waits for an operation that is not there.
    #[error("notification {0}: operation {1} in its `after` is not on the tape")]
    NoCause(u64, u64),
    /// The tape is another than it was a moment ago, or cannot be read again.
    #[error("the tape {0}")]
    Lost(#[from] Lost),
    /// What stands in another way than capture writes it, or has placeholders, is written anew to be played, and that
    /// cannot be.
    #[error("cannot write what is to be played to a temporary file: {0}")]
    Write(#[from] io::Error),
    /// The same was found while it was added.
    #[error("{0}")]
    Changed(String),
}

impl Plan {
    /// Plans the replay of these recordings, whose requests are read so.
    pub fn play(recordings: Vec<Recording>, reading: Reading) -> Result<Plan, PlanError> {
        let mut plan = Plan::empty(reading);
        for recording in recordings {
            plan.add_recording(recording)?;
        }
        plan.complete()
    }

    fn empty(reading: Reading) -> Plan {
        Plan {
            sessions: Vec::new(),
            seats: BTreeMap::new(),
            operations: Vec::new(),
            openings: Vec::new(),
            opened: BTreeMap::new(),
            notifications: Vec::new(),
            lanes: Vec::new(),
            contracts: Vec::new(),
            gaps: Gaps::default(),
            endpoints: Vec::new(),
            ties: Ties::default(),
            reading,
            releases: BTreeMap::new(),
            conversations: Vec::new(),
            learned: OnceLock::new(),
            shelf: Shelf::default(),
            stand_ins: StandIns::default(),
            names: None,
            paths: Paths::default(),
            resuming: Vec::new(),
        }
    }

    fn complete(mut self) -> Result<Plan, PlanError> {
        if self.lanes.is_empty() {
            return Err(PlanError::Nothing);
        }
        self.shelf.measure(&self.operations);
        if self.have_secrets() {
            for (session, credential) in self.values().brought().collect::<Vec<_>>() {
                self.ties.learn_brought(session, credential);
            }
        }
        match self.fault() {
            Some(fault) => Err(PlanError::Changed(fault.to_owned())),
            None => Ok(self),
        }
    }

    /// The sessions, in order of appearance.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// The recorded operations that are HTTP requests of their own, in order: nothing that a Bayeux client
    /// publishes, and nothing of sockets.
    pub fn operations(&self) -> impl Iterator<Item = Arc<Operation>> {
        let by_http = |(_, planned): &(usize, &Planned)| match planned.travels {
            Travels::Exchange | Travels::Opens(Stream::Events | Stream::Lines) => true,
            Travels::Opens(Stream::Socket) | Travels::Message => false,
        };
        let all = self.operations.iter().enumerate().filter(by_http);
        all.filter_map(|(place, _)| self.operation(place))
            .filter(|operation| operation.request.method != publish::METHOD)
    }

    /// Whether Bayeux was spoken over a socket.
    pub(super) fn speaks_bayeux_on_sockets(&self) -> bool {
        self.openings.iter().any(|place| self.is_transport(*place))
    }

    /// Whether an operation opens a socket on which Bayeux is spoken.
    fn is_transport(&self, place: usize) -> bool {
        let socket = |planned: &Planned| planned.travels.opens() == Some(Stream::Socket);
        self.operations.get(place).is_some_and(socket)
            && self.operation(place).is_some_and(|operation| {
                is_transport(&operation.request, operation.form, &self.endpoints)
            })
    }

    /// What the tapes lack.
    pub fn gaps(&self) -> Gaps {
        self.gaps
    }

    /// The Bayeux endpoints that the tapes name, each once.
    pub fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    /// By what names secrets are known that live clients send, if the tapes were rid of theirs.
    pub(super) fn secret_names(&self) -> Option<Names> {
        self.names.clone()
    }

    /// By which way a notification came.
    pub(super) fn way(&self, due: &Due) -> Way {
        let opened = due.stream.and_then(|stream| self.opened.get(&stream));
        opened.map_or(Way::Bayeux, |opened| Way::Stream(opened.number))
    }

    /// Works out how often each operation of these lanes may come, and what comes before it.
    fn count(&mut self, lanes: impl Iterator<Item = usize>) {
        for lane in lanes {
            let events = self.lanes.get(lane).map(|lane| &lane.events);
            let mut epoch = 0;
            for place in 0..events.map_or(0, Events::len) {
                let event = self.lanes.get(lane).and_then(|lane| lane.events.get(place));
                let Some(LaneEvent::Operation(place)) = event else {
                    continue;
                };
                let times = self.times(place);
                if let Some(planned) = self.operations.get_mut(place) {
                    planned.times = times;
                    planned.epoch = narrow(epoch);
                    epoch += usize::from(times.is_change());
                }
            }
        }
    }

    /// How often an operation may come: a read is one only if it notified nobody.
    fn times(&self, place: usize) -> Times {
        let Some(planned) = self.operations.get(place) else {
            return Times::default();
        };
        if self.is_transport(place) {
            Times::Any
        } else if planned.travels.opens().is_some() {
            Times::Stream
        } else if self.releases.contains_key(&place) {
            Times::Exactly
        } else {
            planned.times
        }
    }
}

/// Whether an operation opens a socket on which Bayeux is spoken: one way of several to connect, and
/// no step of the conversation.
pub(super) fn is_transport(request: &Request, form: Form, endpoints: &[String]) -> bool {
    let path = paths::path(&request.target);
    form.opens() == Some(Stream::Socket)
        && endpoints
            .iter()
            .any(|endpoint| publish::is_below(path, endpoint))
}
