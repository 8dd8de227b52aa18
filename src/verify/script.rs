//! What each session does when a tape is played to itself.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::bayeux::{Pattern, recorded};
use crate::exchange::{Fact, Micros, OperationId, Session, What};
use crate::player::{self, Happening, Part, Plan};

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

/// One thing that a session does. Operations and notifications are named by their places in the plan, from which
/// each is read when its time has come.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// It calls an operation over HTTP, or publishes.
    Call(usize),
    /// It calls one that opens a stream.
    Open(usize, Strand),
    /// It waits for a notification.
    Hear(usize),
    /// It waits for one on a stream.
    HearOn(usize, Strand),
    /// It shakes hands with this endpoint.
    Shake(String),
    /// It subscribes to a channel or pattern.
    Subscribe(String),
    /// It ends a subscription.
    Unsubscribe(String),
    /// It disconnects.
    Disconnect,
}

/// Streams that were opened one after the other: the operation that opened the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Strand(usize);

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
        self.count(|step| matches!(step, Step::Call(_) | Step::Open(..)))
    }

    pub(super) fn notifications(&self) -> usize {
        self.count(|step| matches!(step, Step::Hear(_) | Step::HearOn(..)))
    }

    fn count(&self, which: impl Fn(&Step) -> bool) -> usize {
        self.steps.iter().filter(|step| which(step)).count()
    }
}

/// The scripts of all sessions of these tapes, of which the facts of each are given.
pub(super) fn of(plan: &Plan, facts: &[Vec<Fact>], settings: &Settings) -> Vec<Script> {
    let mut scripts: Vec<(Session, Vec<Step>)> = Vec::new();
    for part in plan.parts() {
        let facts = facts.get(part.tape).into_iter().flatten();
        let facts: Vec<&Fact> = facts.filter(|fact| fact.session == *part.session).collect();
        let steps = steps(plan, &part, &facts);
        match scripts.iter_mut().find(|(other, _)| other == part.session) {
            Some((_, before)) => before.extend(steps),
            None => scripts.push((part.session.clone(), steps)),
        }
    }
    let endpoint = settings.endpoints.first().cloned().unwrap_or_default();
    let script = |(session, steps): (Session, Vec<Step>)| Script {
        session,
        endpoint: endpoint.clone(),
        channels: undeclared(plan, &steps),
        steps: Arc::new(steps),
    };
    scripts.into_iter().map(script).collect()
}

/// The steps of one session on one tape: a fact comes before the first thing that began after it.
fn steps(plan: &Plan, part: &Part<'_>, facts: &[&Fact]) -> Vec<Step> {
    let mut facts = facts.iter().peekable();
    let mut steps = Vec::new();
    for happening in &part.happenings {
        steps.extend(until(&mut facts, Some(plan.began(*happening))));
        let strand = plan.strand(*happening).map(Strand);
        steps.push(match (*happening, strand) {
            (Happening::Called(place), Some(strand)) => Step::Open(place, strand),
            (Happening::Called(place), None) => Step::Call(place),
            (Happening::Heard(place), Some(strand)) => Step::HearOn(place, strand),
            (Happening::Heard(place), None) => Step::Hear(place),
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

/// The channels on which a session hears something of which nothing says that it subscribed to it: on a tape without
/// subscriptions all, and else those that it heard before it shook hands, since it had been there before the tape.
/// What it never subscribes to otherwise, it hears without.
fn undeclared(plan: &Plan, steps: &[Step]) -> Vec<String> {
    let is_declared = steps.iter().any(|step| matches!(step, Step::Subscribe(_)));
    let mut subscribed: Vec<Pattern> = Vec::new();
    let mut channels: Vec<String> = Vec::new();
    for step in steps {
        match step {
            Step::Shake(_) if is_declared => break,
            Step::Subscribe(channel) => subscribed.extend(Pattern::parse(channel)),
            Step::Hear(place) if plan.wants_subscription(*place) => {
                let channel = plan.channel_at(*place).filter(|channel| {
                    let is_known = channels.iter().any(|known| known == channel);
                    !is_known && !subscribed.iter().any(|pattern| pattern.matches(channel))
                });
                channels.extend(channel.map(str::to_owned));
            }
            Step::Call(_)
            | Step::Open(..)
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
    /// What this operation published.
    pub(super) fn of(operation: OperationId, published: player::Published) -> Published {
        let lasting = |reply: Option<String>| {
            let reply = RawValue::from_string(reply?).ok()?;
            recorded::lasting(&reply)
        };
        let replies = published.replies.into_iter().map(lasting);
        Published {
            operation,
            messages: published.messages,
            replies: replies
                .map(|reply| reply.unwrap_or_else(|| TAKEN.to_owned()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Body, End, Form, Headers, Kind, OnSocket, Operation, Request, Response};
    use crate::player::Reading;
    use crate::tape::{Event, Header, Tape};

    fn published(form: Form, answer: &'static str) -> Vec<String> {
        let content = r#"[{"channel":"/a","data":1},{"channel":"/b","data":2}]"#;
        let operation = Operation {
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
        };
        let tape = Tape {
            header: Header {
                title: "t".into(),
                source: "s".into(),
                endpoint: Some("/cometd".into()),
                ..Header::default()
            },
            events: vec![Event::Operation(operation)],
        };
        let plan = Plan::of(&[tape], Reading::default()).unwrap();
        let published = Published::of(OperationId(2), plan.published(0).unwrap());
        let data = published.messages.iter();
        let data = data.map(|(channel, data)| (channel.as_str(), data.as_ref().unwrap().get()));
        assert_eq!(data.collect::<Vec<_>>(), [("/a", "1"), ("/b", "2")]);
        published.replies
    }

    #[test]
    fn what_got_no_reply_on_a_socket_is_taken() {
        let on = Form::Message(OnSocket {
            stream: OperationId(1),
            kind: Kind::Text,
        });
        assert_eq!(published(on, ""), [TAKEN, TAKEN]);
        let answer = r#"[{"channel":"/b","successful":false,"error":"403::no","n":1.0},{"channel":"/a","successful":true}]"#;
        let refused = r#"{"successful":false,"error":"403::no","n":1.0}"#;
        assert_eq!(published(on, answer), [TAKEN, refused]);
        assert_eq!(published(Form::Exchange, answer), [TAKEN, refused]);
    }
}
