//! What a run needs of its tapes, worked out once: who plays, what answers what, and what waits for
//! what. It does not change while a run goes on.

mod adding;
mod carried;
mod due;
mod follow;
mod lanes;
mod paths;
mod strands;
mod streams;
#[cfg(test)]
pub(super) mod tests;

use bytes::Bytes;

use crate::exchange::credentials;
use crate::exchange::secret::Names;
use crate::exchange::{
    Closed, Contract, Form, Micros, Notification, Operation, Request, Session, Stream,
};
use crate::journal::{Identity, Way};
use crate::matcher::Key;
use crate::tape::{Gaps, Tape};

use super::publish;
use super::settings::Reading;
use super::standin::StandIns;
use super::ties::Ties;
use super::values::Values;
pub(super) use carried::{Wording, carried};
pub(super) use due::message;
pub use lanes::Happening;
use paths::Paths;

/// The tapes of a replay. Several tapes are independent conversations of the same sessions: what
/// one session hears comes in the recorded order of each tape.
#[derive(Debug)]
pub struct Plan {
    pub(super) sessions: Vec<Session>,
    pub(super) operations: Vec<Planned>,
    pub(super) notifications: Vec<Due>,
    pub(super) lanes: Vec<Lane>,
    pub(super) contracts: Vec<Contract>,
    /// What the tapes lack.
    pub(super) gaps: Gaps,
    pub(super) endpoints: Vec<String>,
    pub(super) ties: Ties,
    pub(super) reading: Reading,
    pub(super) values: Values,
    /// What stands in the places of placeholders.
    pub(super) stand_ins: StandIns,
    /// The names of secrets, if a tape was rid of them.
    names: Option<Names>,
    pub(super) paths: Paths,
    /// The operations that go on with a stream that was lost, or had ended.
    pub(super) resuming: Vec<usize>,
}

/// An operation with its request taken apart for comparing.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) operation: Operation,
    pub(super) session: usize,
    pub(super) lane: usize,
    pub(super) key: Key,
    /// Where it is messages that a Bayeux client published: which of the messages of its response is the
    /// reply to each.
    pub(super) replies: Vec<Option<usize>>,
    /// What it was on the tape.
    pub(super) identity: Identity,
    /// The notifications that name it as a cause.
    pub(super) releases: Vec<usize>,
    pub(super) times: Times,
    /// The stream that it opened, if it opened one.
    pub(super) opened: Option<Opened>,
    /// How many operations of its lane that change something come before it.
    pub(super) epoch: usize,
}

/// How often an operation may come, for each time that it was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Times {
    /// It changes something: exactly as often.
    #[default]
    Exactly,
    /// It gives a client its credentials: a client that comes back logs in again.
    AtLeast,
    /// It opens a stream: a client that lost it opens it again.
    Stream,
    /// It only reads: as often as one likes, or never.
    Any,
}

impl Times {
    /// Whether an operation that may come so often changes something that reads tell of.
    pub(super) fn is_change(self) -> bool {
        match self {
            Times::Exactly | Times::AtLeast => true,
            Times::Stream | Times::Any => false,
        }
    }
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
    pub(super) notification: Notification,
    pub(super) lane: usize,
    pub(super) causes: Vec<Cause>,
    /// The recorded time from its last cause, or from its predecessor where it has none.
    pub(super) gap: Micros,
    /// What it was on the tape.
    pub(super) identity: Identity,
    /// The operation that opened the stream on which it travelled; `None` for Bayeux.
    pub(super) stream: Option<usize>,
    /// The bytes that carry it: a Bayeux message, or what goes on its stream.
    pub(super) message: Bytes,
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
    pub(super) events: Vec<LaneEvent>,
    /// The places of the events in the order in which the session began them. A captured operation
    /// stands where it was answered, so what came meanwhile stands before it.
    pub(super) begun: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneEvent {
    Operation(usize),
    Notification(usize),
}

/// The methods that change nothing, of those that clients call (RFC 9110 §9.2.1).
const SAFE_METHODS: &[&str] = &["GET", "HEAD", "OPTIONS"];

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
}

impl Plan {
    /// Plans the replay of these tapes, whose requests are read so.
    pub fn of(tapes: &[Tape], reading: Reading) -> Result<Plan, PlanError> {
        let mut plan = Plan {
            sessions: Vec::new(),
            operations: Vec::new(),
            notifications: Vec::new(),
            lanes: Vec::new(),
            contracts: Vec::new(),
            gaps: Gaps::default(),
            endpoints: Vec::new(),
            ties: Ties::default(),
            reading,
            values: Values::default(),
            stand_ins: StandIns::default(),
            names: None,
            paths: Paths::default(),
            resuming: Vec::new(),
        };
        for tape in tapes {
            plan.add(tape)?;
        }
        plan.paths = Paths::of(&plan.operations, &plan.values, &plan.reading.rules);
        if plan.lanes.is_empty() {
            Err(PlanError::Nothing)
        } else {
            Ok(plan)
        }
    }

    /// The sessions, in order of appearance.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// The recorded operations that are HTTP requests of their own, in order: nothing that a Bayeux client
    /// publishes, and nothing of sockets.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        let all = self.operations.iter().map(|planned| &planned.operation);
        all.filter(|operation| {
            let by_http = match operation.form {
                Form::Exchange | Form::Opens(Stream::Events | Stream::Lines) => true,
                Form::Opens(Stream::Socket) | Form::Message(_) => false,
            };
            by_http && operation.request.method != publish::METHOD
        })
    }

    /// Whether Bayeux was spoken over a socket.
    pub(super) fn speaks_bayeux_on_sockets(&self) -> bool {
        let mut all = self.operations.iter().map(|planned| &planned.operation);
        all.any(|operation| is_transport(&operation.request, operation.form, &self.endpoints))
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
        let stream = due.stream.and_then(|stream| self.operations.get(stream));
        let opened = stream.and_then(|stream| stream.opened.as_ref());
        opened.map_or(Way::Bayeux, |opened| Way::Stream(opened.number))
    }

    /// Works out how often each operation of these lanes may come, and what comes before it.
    fn count(&mut self, lanes: impl Iterator<Item = usize>) {
        for lane in lanes {
            let events = self.lanes.get(lane).map(|lane| &lane.events[..]);
            let mut epoch = 0;
            for event in events.unwrap_or_default() {
                if let LaneEvent::Operation(place) = event
                    && let Some(planned) = self.operations.get_mut(*place)
                {
                    planned.times = times(planned, &self.endpoints);
                    planned.epoch = epoch;
                    epoch += usize::from(planned.times.is_change());
                }
            }
        }
    }
}

/// How often an operation may come: a read is what has a safe method (RFC 9110 §9.2.1) and notified
/// nobody.
fn times(planned: &Planned, endpoints: &[String]) -> Times {
    let Operation {
        request,
        response,
        form,
        ..
    } = &planned.operation;
    if is_transport(request, *form, endpoints) {
        Times::Any
    } else if form.opens().is_some() {
        Times::Stream
    } else if !planned.releases.is_empty() {
        Times::Exactly
    } else if SAFE_METHODS.contains(&request.method.as_str()) {
        Times::Any
    } else if !credentials::given(response.headers.iter()).is_empty() {
        Times::AtLeast
    } else {
        Times::Exactly
    }
}

/// Whether an operation opens a socket on which Bayeux is spoken: one way of several to connect, and
/// no step of the conversation.
pub(super) fn is_transport(request: &Request, form: Form, endpoints: &[String]) -> bool {
    let path = request.target.split('?').next().unwrap_or_default();
    form.opens() == Some(Stream::Socket)
        && endpoints
            .iter()
            .any(|endpoint| publish::is_below(path, endpoint))
}
