//! What a run needs of its tapes, worked out once: who plays, what answers what, and what waits for
//! what. It does not change while a run goes on.

mod carried;
mod follow;
mod lanes;
mod paths;
mod strands;
mod streams;
#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::bayeux::Pattern;
use crate::exchange::credentials;
use crate::exchange::secret::Names;
use crate::exchange::{
    Closed, Contract, Fact, Form, Micros, Notification, Operation, OperationId, Request, Session,
    Stream, What,
};
use crate::journal::{Identity, Way};
use crate::matcher::{Key, Rules};
use crate::tape::{Event, Gaps, Tape};

use super::publish;
use super::settings::Reading;
use super::shift::Shift;
use super::standin::{self, StandIns};
use super::ties::{Ears, Ties};
use super::values::Values;
use super::values::secret::Secrets;
pub(super) use carried::{Wording, carried};
use follow::Moment;
pub use lanes::Happening;
use paths::Paths;
use strands::Strands;

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

/// The statuses that a response can have that is the last word on its request (RFC 9110 §15).
const FINAL_STATUSES: std::ops::RangeInclusive<u16> = 200..=599;

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

    fn add(&mut self, tape: &Tape) -> Result<(), PlanError> {
        let (tape, stand_ins) = standin::put_in(tape.settled());
        if let Some(endpoint) = &tape.header.endpoint
            && !self.endpoints.contains(endpoint)
        {
            self.endpoints.push(endpoint.clone());
        }
        for fact in tape.facts() {
            self.learn(fact);
        }
        // Numbers first: a captured operation is written when it is complete, so a notification
        // may stand before the operation that caused it.
        let numbers: BTreeMap<OperationId, usize> = tape
            .operations()
            .enumerate()
            .map(|(place, operation)| (operation.id, self.operations.len() + place))
            .collect();
        let first = self.operations.len();
        let strands = Strands::of(&tape);
        let shift = Shift::of(&tape, self.reading.present);
        let rules = &self.reading.rules;
        let planned = |operation: &Operation| planned(operation, &self.endpoints, rules, shift);
        self.operations.extend(tape.operations().map(planned));
        self.learn_strands(&strands, &numbers);
        let mut lanes = BTreeMap::new();
        let mut moments = Vec::new();
        for event in &tape.events {
            match event {
                Event::Contract(contract) => self.contracts.push(contract.clone()),
                Event::Gap(gap) => self.gaps.join(&Gaps::of([gap])),
                Event::Fact(fact) => {
                    if let What::Closed(closed) = &fact.what {
                        self.ends(fact, closed, &numbers, &mut lanes);
                    }
                    if matches!(fact.what, What::Handshake { .. }) {
                        let (session, _) = self.lane(&fact.session, &mut lanes);
                        self.ties.learn_fact(session, fact);
                    }
                }
                Event::Operation(operation) => {
                    check(operation)?;
                    let (session, lane) = self.lane(&operation.session, &mut lanes);
                    if let Some(&place) = numbers.get(&operation.id) {
                        self.append(lane, LaneEvent::Operation(place));
                        moments.push((operation.at, Moment::Request(place)));
                        moments.push((operation.answered, Moment::Response(place)));
                        if let Some(planned) = self.operations.get_mut(place) {
                            (planned.session, planned.lane) = (session, lane);
                        }
                        self.ties.learn(session, operation);
                        if let Some(client) = self.reading.client(&operation.request) {
                            self.ties.learn_named(session, client);
                        }
                    }
                }
                Event::Notification(notification) if strands.is_unheard(notification.id) => {}
                Event::Notification(notification) => {
                    let (_, lane) = self.lane(&notification.session, &mut lanes);
                    let due = self.due(notification, lane, &numbers, shift)?;
                    let place = self.notifications.len();
                    for cause in &due.causes {
                        if let Some(planned) = self.operations.get_mut(cause.operation) {
                            planned.releases.push(place);
                        }
                    }
                    self.notifications.push(due);
                    moments.push((notification.at, Moment::Notification(place)));
                    self.append(lane, LaneEvent::Notification(place));
                }
            }
        }
        self.count(lanes.values().copied());
        self.complete_endings(first);
        self.learn_ears(&tape, &lanes);
        self.learn_stand_ins(&stand_ins);
        let secrets = Secrets::of(&tape, &stand_ins);
        self.names = secrets.names().or(self.names.take());
        self.follow(moments, &secrets, &stand_ins);
        self.learn_brought();
        self.stand_ins.extend(stand_ins);
        let operations = self.operations.get(first..).unwrap_or_default();
        self.values.compare_repeats(first, operations);
        Ok(())
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

    /// Learns which sessions of a tape listened. A tape without handshakes, such as that of a page,
    /// does not say.
    fn learn_ears(&mut self, tape: &Tape, lanes: &BTreeMap<usize, usize>) {
        let shook_hands = |fact: &&Fact| matches!(fact.what, What::Handshake { .. });
        let facts: Vec<&Fact> = tape.facts().filter(shook_hands).collect();
        for (&seat, &lane) in lanes {
            let session = self.sessions.get(seat);
            let greeted = facts.iter().any(|fact| Some(&fact.session) == session);
            let heard = self.heard_last(lane).is_some();
            let ears = if facts.is_empty() || greeted || heard {
                Ears::Some
            } else {
                Ears::None
            };
            self.ties.learn_ears(seat, ears);
        }
    }

    /// Takes from a fact what a replay needs: a recording finds its endpoint after its header was
    /// written.
    fn learn(&mut self, fact: &Fact) {
        if let What::Handshake { endpoint, .. } = &fact.what
            && !self.endpoints.contains(endpoint)
        {
            self.endpoints.push(endpoint.clone());
        }
    }

    fn due(
        &self,
        notification: &Notification,
        lane: usize,
        numbers: &BTreeMap<OperationId, usize>,
        shift: Shift,
    ) -> Result<Due, PlanError> {
        let identity = Identity::of_notification(notification);
        let mut notification = notification.clone();
        let before = notification.data.clone();
        shift.notification(&mut notification);
        let as_written = if before == notification.data {
            Wording::Recorded
        } else {
            Wording::Anew
        };
        let id = notification.id.0;
        let stream = match notification.carrier.stream() {
            None => None,
            Some(stream) => {
                let missing = PlanError::NoStream(id, stream.0);
                Some(*numbers.get(&stream).ok_or(missing)?)
            }
        };
        let message = if stream.is_some() {
            carried(&notification.carrier, notification.data.bytes(), as_written)
        } else {
            bayeux(&notification)?
        };
        let mut causes = Vec::new();
        let mut since = None;
        for cause in &notification.after {
            let missing = || PlanError::NoCause(id, cause.0);
            let operation = *numbers.get(cause).ok_or_else(missing)?;
            let recorded = &self
                .operations
                .get(operation)
                .ok_or_else(missing)?
                .operation;
            let (by, at) = if notification.at < recorded.answered {
                (By::Received, recorded.at)
            } else {
                (By::Answered, recorded.answered)
            };
            causes.push(Cause { operation, by });
            since = since.max(Some(at));
        }
        let since = since.or_else(|| self.heard_last(lane)).unwrap_or_default();
        Ok(Due {
            identity,
            gap: notification.at.since(since),
            notification,
            lane,
            causes,
            stream,
            message,
        })
    }
}

/// An operation as it is planned, before its place in its session is known.
fn planned(operation: &Operation, endpoints: &[String], rules: &Rules, shift: Shift) -> Planned {
    let mut operation = operation.clone();
    let mut replies = Vec::new();
    if let Some(published) = publish::recorded(&operation, endpoints) {
        operation.request = published.request;
        replies = published.replies;
    }
    let identity = Identity::of_operation(&operation);
    shift.operation(&mut operation);
    Planned {
        identity,
        key: Key::of(&operation.request, rules),
        operation,
        replies,
        session: 0,
        lane: 0,
        releases: Vec::new(),
        times: Times::default(),
        opened: None,
        epoch: 0,
    }
}

/// The Bayeux message that carries a notification.
fn bayeux(notification: &Notification) -> Result<Bytes, PlanError> {
    let id = notification.id.0;
    let data = notification.data.json().ok_or(PlanError::NotJson(id))?;
    let plain = Pattern::parse(&notification.channel).filter(|pattern| !pattern.is_wild());
    if plain.is_none() {
        return Err(PlanError::Channel(id, notification.channel.clone()));
    }
    Ok(message(&notification.channel, data.get().as_bytes()))
}

/// The Bayeux message that carries this data, which is JSON.
pub(super) fn message(channel: &str, data: &[u8]) -> Bytes {
    let channel = serde_json::Value::from(channel).to_string();
    let parts = [
        b"{\"channel\":",
        channel.as_bytes(),
        b",\"data\":",
        data,
        b"}",
    ];
    parts.concat().into()
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

/// Whether live requests can match this operation, and whether its response can be sent.
fn check(operation: &Operation) -> Result<(), PlanError> {
    let (request, response) = (&operation.request, &operation.response);
    let no = |what, text: String| Err(PlanError::Http(operation.id.0, text, what));
    if http::Method::from_bytes(request.method.as_bytes()).is_err() {
        return no("method", request.method.clone());
    }
    if !request.target.starts_with('/')
        || request.target.parse::<http::uri::PathAndQuery>().is_err()
    {
        return no("path to match", request.target.clone());
    }
    let switched = response.status == 101 && operation.form.opens() == Some(Stream::Socket);
    if !switched && !FINAL_STATUSES.contains(&response.status) {
        return no("final status", response.status.to_string());
    }
    for (name, value) in response.headers.iter().chain(response.trailers.iter()) {
        if http::HeaderName::try_from(name).is_err() {
            return no("field name", name.to_owned());
        }
        if http::HeaderValue::from_bytes(value).is_err() {
            return no("field value", String::from_utf8_lossy(value).into_owned());
        }
    }
    Ok(())
}
