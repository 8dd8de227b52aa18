//! What each session does when a tape is played to itself.

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::bayeux::reply::{self, Role, Sent};
use crate::bayeux::{Message, message, recorded};
use crate::exchange::{
    Carrier, Fact, Micros, Notification, Operation, OperationId, Response, Session, What, coding,
};
use crate::player::{Happening, PUBLISH, Plan, PlanError};
use crate::tape::Tape;

use super::Settings;

/// What one session does, in order: on the first tape, then on the next.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) session: Session,
    /// The endpoint that it connects to where no step names another.
    pub(super) endpoint: String,
    /// The channels that it must subscribe to for what it hears, where its tape does not say.
    pub(super) channels: Vec<String>,
    pub(super) steps: Arc<Vec<Step>>,
}

/// One thing that a session does.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// It calls an operation over HTTP.
    Call(Operation),
    /// It calls one that opens a stream.
    Open(Operation, Strand),
    /// It publishes.
    Publish(Published),
    /// It waits for a notification.
    Hear(Notification),
    /// It waits for one on a stream.
    HearOn(Notification, Strand),
    /// It shakes hands with this endpoint.
    Shake(String),
    /// It subscribes to a channel or pattern.
    Subscribe(String),
    /// It ends a subscription.
    Unsubscribe(String),
    /// It disconnects.
    Disconnect,
}

/// Streams that were opened one after the other: the place of the tape, and the operation that opened
/// the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Strand(usize, OperationId);

/// Messages that were published together, and how the service replied.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) operation: OperationId,
    /// Each with its channel and its data, if it has any.
    pub(super) messages: Vec<(String, Option<Box<RawValue>>)>,
    /// What lasts of the reply to each. What got none is taken in a replay.
    pub(super) replies: Vec<String>,
}

/// What a replay replies where the tape has no reply.
const TAKEN: &str = r#"{"successful":true}"#;

impl Script {
    pub(super) fn operations(&self) -> usize {
        self.count(|step| matches!(step, Step::Call(_) | Step::Open(..) | Step::Publish(_)))
    }

    pub(super) fn notifications(&self) -> usize {
        self.count(|step| matches!(step, Step::Hear(_) | Step::HearOn(..)))
    }

    fn count(&self, which: impl Fn(&Step) -> bool) -> usize {
        self.steps.iter().filter(|step| which(step)).count()
    }
}

/// The scripts of all sessions of these tapes.
pub(super) fn of(tapes: &[Tape], settings: &Settings) -> Result<Vec<Script>, PlanError> {
    let mut scripts: Vec<(Session, Vec<Step>)> = Vec::new();
    for (place, tape) in tapes.iter().enumerate() {
        let plan = Plan::of(slice::from_ref(tape), settings.reading.clone())?;
        let tape = tape.settled();
        let recorded: BTreeMap<OperationId, &Operation> = tape
            .operations()
            .map(|operation| (operation.id, operation))
            .collect();
        for (session, happenings) in plan.conversations() {
            let facts = tape.facts().filter(|fact| fact.session == *session);
            let strand = |stream| Some(Strand(place, plan.strand(stream)?));
            let facts: Vec<&Fact> = facts.collect();
            let steps = steps(&happenings, &facts, &recorded, &strand);
            match scripts.iter_mut().find(|(other, _)| other == session) {
                Some((_, before)) => before.extend(steps),
                None => scripts.push((session.clone(), steps)),
            }
        }
    }
    let endpoint = settings.endpoints.first().cloned().unwrap_or_default();
    let script = |(session, steps): (Session, Vec<Step>)| Script {
        session,
        endpoint: endpoint.clone(),
        channels: undeclared(&steps),
        steps: Arc::new(steps),
    };
    Ok(scripts.into_iter().map(script).collect())
}

/// The steps of one session on one tape: a fact comes before the first thing that began after it.
fn steps(
    happenings: &[Happening<'_>],
    facts: &[&Fact],
    recorded: &BTreeMap<OperationId, &Operation>,
    strand: &dyn Fn(OperationId) -> Option<Strand>,
) -> Vec<Step> {
    let mut facts = facts.iter().peekable();
    let mut steps = Vec::new();
    for happening in happenings {
        let at = match happening {
            Happening::Called(operation) => operation.at,
            Happening::Heard(notification) => notification.at,
        };
        steps.extend(until(&mut facts, Some(at)));
        steps.push(match happening {
            Happening::Called(operation) if operation.request.method == PUBLISH => Step::Publish(
                Published::of(recorded.get(&operation.id).copied().unwrap_or(operation)),
            ),
            Happening::Called(operation) => match strand(operation.id) {
                Some(strand) => Step::Open((**operation).clone(), strand),
                None => Step::Call((**operation).clone()),
            },
            Happening::Heard(notification) => {
                match notification.carrier.stream().and_then(strand) {
                    Some(strand) => Step::HearOn((*notification).clone(), strand),
                    None => Step::Hear((*notification).clone()),
                }
            }
        });
    }
    steps.extend(until(&mut facts, None));
    steps
}

/// The steps that the facts up to a time tell of; all that are left where there is no time.
fn until<'a>(
    facts: &mut std::iter::Peekable<impl Iterator<Item = &'a &'a Fact>>,
    at: Option<Micros>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    while let Some(fact) = facts.next_if(|fact| at.is_none_or(|at| fact.at <= at)) {
        match &fact.what {
            What::Handshake { endpoint, .. } => steps.push(Step::Shake(endpoint.clone())),
            What::Subscribe(channel) => steps.push(Step::Subscribe(channel.clone())),
            What::Unsubscribe(channel) => steps.push(Step::Unsubscribe(channel.clone())),
            What::Disconnect => steps.push(Step::Disconnect),
            What::Acknowledge
            | What::Comment { .. }
            | What::Ping(_)
            | What::Pong(_)
            | What::Closed(_)
            | What::Was(_) => {}
        }
    }
    steps
}

/// The channels on which a session hears something, where nothing says what it subscribed to.
fn undeclared(steps: &[Step]) -> Vec<String> {
    let mut channels = Vec::new();
    for step in steps {
        match step {
            Step::Subscribe(_) => return Vec::new(),
            Step::Hear(notification)
                if notification.carrier == Carrier::Bayeux
                    && !channels.contains(&notification.channel) =>
            {
                channels.push(notification.channel.clone());
            }
            Step::Call(_)
            | Step::Open(..)
            | Step::Publish(_)
            | Step::Hear(_)
            | Step::HearOn(..)
            | Step::Shake(_)
            | Step::Unsubscribe(_)
            | Step::Disconnect => {}
        }
    }
    channels
}

impl Published {
    fn of(operation: &Operation) -> Published {
        let request = &operation.request;
        let query = request.target.split_once('?').map(|(_, query)| query);
        let read = match query {
            Some(query) if request.method == "GET" => {
                message::read_query(query).map(|(messages, _)| messages)
            }
            _ => {
                let kind = request.headers.get("content-type");
                let kind = kind.and_then(|kind| std::str::from_utf8(kind).ok());
                message::read(kind, request.body.bytes())
            }
        };
        let mut published = read.unwrap_or_default();
        published.retain(|message| !message.is_meta());
        let replies = replies(&published, &operation.response);
        let part = |message: Message| (message.channel, message.data);
        Published {
            operation: operation.id,
            messages: published.into_iter().map(part).collect(),
            replies,
        }
    }
}

/// What lasts of the replies to these messages.
fn replies(published: &[Message], response: &Response) -> Vec<String> {
    let content = coding::decoded(&response.headers, &response.body).unwrap_or_default();
    let sent = reply::read(&content).unwrap_or_default();
    let texts = reply::texts(&content).unwrap_or_default();
    let reply = |message: &Message| {
        let mut replies = sent.iter().zip(&texts);
        let published = |sent: &Sent| sent.role() == Role::Published && sent.answers(message);
        let (_, text) = replies.find(|(sent, _)| published(sent))?;
        recorded::lasting(text)
    };
    let replies = published.iter().map(reply);
    replies
        .map(|reply| reply.unwrap_or_else(|| TAKEN.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Body, End, Form, Headers, Kind, OnSocket, Request};

    fn published(form: Form, answer: &'static str) -> Published {
        let content = r#"[{"channel":"/a","data":1},{"channel":"/b","data":2}]"#;
        Published::of(&Operation {
            id: OperationId(2),
            session: Session::new("alice"),
            at: Micros(0),
            answered: Micros(0),
            request: Request {
                method: "POST".to_owned(),
                target: "/cometd".to_owned(),
                headers: Headers::new(),
                body: Body::new(content),
                trailers: Headers::new(),
            },
            response: Response {
                status: 200,
                headers: Headers::new(),
                body: Body::new(answer),
                trailers: Headers::new(),
            },
            end: End::Complete,
            form,
            repairs: Vec::new(),
        })
    }

    #[test]
    fn what_got_no_reply_on_a_socket_is_taken() {
        let on = Form::Message(OnSocket {
            stream: OperationId(1),
            kind: Kind::Text,
        });
        assert_eq!(published(on, "").replies, [TAKEN, TAKEN]);
        let answer = r#"[{"channel":"/b","successful":false,"error":"403::no","n":1.0},{"channel":"/a","successful":true}]"#;
        let refused = r#"{"successful":false,"error":"403::no","n":1.0}"#;
        assert_eq!(published(on, answer).replies, [TAKEN, refused]);
        assert_eq!(published(Form::Exchange, answer).replies, [TAKEN, refused]);
    }
}
