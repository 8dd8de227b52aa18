//! Exchanges: whose they are, which operation each is, and what came of it.
//!
//! Who the clients are, and what caused what, is found out by others; what a reply carries is taken by
//! [`super::pushed`].

use crate::bayeux::Message;
use crate::bayeux::reply::{self, Role, Sent};
use crate::exchange::coding::decoded;
use crate::exchange::{
    Body, End, Form, Headers, Micros, Operation, OperationId, Request, Response,
};
use crate::tape::Event;

use super::causes::{Call, Effect, Outcome};
use super::clients::{Arrival, Purpose, Who};
use super::credentials::{self, Evidence};
use super::{Connection, Passing, Phase, Understanding, content, identifier, polling};

/// The status that stands on the tape for an operation to which no response came, and which a
/// notification needs: the one by which servers log that a client went away.
const NO_RESPONSE: u16 = 499;

/// A request that is complete, and waits for its response.
#[derive(Debug)]
pub(super) struct Passed {
    connection: Connection,
    at: Micros,
    pub(super) request: Request,
    pub(super) arrival: Arrival,
    evidence: Evidence,
    /// The Bayeux messages that it carries, if it does.
    messages: Option<Vec<Message>>,
    /// The operation that it is; polls and the like are none.
    pub(super) operation: Option<(OperationId, Effect)>,
}

impl Understanding {
    /// Takes a request that is complete.
    pub(super) fn requested(
        &mut self,
        passing: Passing,
        connection: Connection,
        at: Micros,
        mut request: Request,
    ) -> Vec<Event> {
        let content = decoded(&request.headers, &request.body).unwrap_or_default();
        let (parts, compact) = content::read(&request.headers, &content);
        let messages = polling::messages(&request, &content, |id| self.clients.has_bayeux(id));
        let mut evidence = credentials::evidence(&request, &parts, self.session_by.as_ref());
        let mut purpose = Purpose::Other;
        if let Some(messages) = &messages {
            evidence.bayeux = messages
                .iter()
                .find_map(|message| message.client_id.clone());
            if says(messages, polling::HANDSHAKE) {
                purpose = Purpose::Handshake;
            } else {
                evidence.login = None;
            }
        }
        let arrival = self.clients.arrive(connection, &evidence, purpose);
        let events = self.discovered(arrival.who, at);
        let operation = match &messages {
            None => {
                let effect = effect(&request, &evidence);
                let operation = self.number();
                let call = Call {
                    operation,
                    who: arrival.who,
                    effect,
                    target: &request.target,
                    parts: &parts,
                };
                self.causes.called(&call);
                Some((operation, effect))
            }
            Some(messages) => self.published(arrival.who, messages),
        };
        if messages
            .as_ref()
            .is_some_and(|messages| says(messages, polling::CONNECT))
        {
            self.clients.poll_begins(arrival.who);
        }
        request.body.found(compact);
        let passed = Passed {
            connection,
            at,
            request,
            arrival,
            evidence,
            messages,
            operation,
        };
        self.under_way.insert(passing, Box::new(passed));
        events
    }

    /// Takes the publishes of a request: together they are one operation.
    pub(super) fn published(
        &mut self,
        who: Who,
        messages: &[Message],
    ) -> Option<(OperationId, Effect)> {
        let publishes = messages.iter().filter(|message| !message.is_meta());
        let data = publishes
            .clone()
            .filter_map(|message| message.data.as_ref());
        let parts: Vec<_> = data
            .flat_map(|data| content::json_parts(data.get().as_bytes()))
            .collect();
        let target = publishes.map(|message| message.channel.clone()).next()?;
        let operation = self.number();
        self.causes.called(&Call {
            operation,
            who,
            effect: Effect::Changes,
            target: &target,
            parts: &parts,
        });
        Some((operation, Effect::Changes))
    }

    /// Takes the response that ends an exchange.
    pub(super) fn responded(
        &mut self,
        passed: Passed,
        at: Micros,
        response: Response,
        end: End,
    ) -> Vec<Event> {
        self.responded_as(passed, at, response, end, Form::Exchange)
    }

    /// Takes a response, to an operation of this form.
    pub(super) fn responded_as(
        &mut self,
        passed: Passed,
        at: Micros,
        mut response: Response,
        end: End,
        form: Form,
    ) -> Vec<Event> {
        let content = decoded(&response.headers, &response.body).unwrap_or_default();
        let (parts, compact) = content::read(&response.headers, &content);
        let replies = passed
            .messages
            .as_ref()
            .and_then(|_| reply::read(&content).ok());
        let let_in = passed.evidence.login.is_some() && credentials::let_in(&response, &parts);
        let mut given = credentials::given(&response, &parts);
        match (&replies, let_in) {
            // What stands in events is not given to the client to show.
            (Some(_), _) => given.tokens.clear(),
            (None, true) => given.tokens.extend(minted(&parts)),
            (None, false) => {}
        }
        let was = self.clients.current(passed.arrival.who);
        self.poll_is_over(&passed);
        let who = self.clients.answered(
            passed.arrival,
            passed.connection,
            &passed.evidence,
            &given,
            let_in,
        );
        let mut events = self.discovered(who, at);
        events.reserve_exact(1); // few exchanges bring more, and an event is large
        if let Some((operation, effect)) = passed.operation {
            if who != was {
                self.causes.reassign(operation, was, who);
            }
            let outcome = match &replies {
                _ if response.status >= 400 => Outcome::Refused,
                Some(replies) => outcome(replies.iter()),
                None => Outcome::Fine,
            };
            let call = Call {
                operation,
                who,
                effect,
                target: &passed.request.target,
                parts: if replies.is_some() { &[] } else { &parts },
            };
            self.causes.answered(at, &call, outcome);
        }
        response.body.found(compact);
        let kept = is_kept(&passed, replies.is_some(), &response, end);
        let polled = replies.map(|replies| {
            let endpoint = polling::endpoint(&passed.request.target).to_owned();
            let messages = passed.messages.clone().unwrap_or_default();
            (endpoint, messages, replies)
        });
        if kept {
            events.push(self.operation(passed, who, at, response, (end, form)));
        }
        if let Some((endpoint, messages, replies)) = polled {
            let sent = replies.into_iter();
            events.extend(sent.flat_map(|sent| self.sent(who, at, &endpoint, &messages, sent)));
        }
        events
    }

    /// Takes the end of an exchange to which no response came.
    pub(super) fn gone(&mut self, passed: Passed, at: Micros) -> Vec<Event> {
        self.poll_is_over(&passed);
        let Some((operation, _)) = passed.operation else {
            return Vec::new();
        };
        // A notification names it as its cause, or the service may have done it though the recording's
        // end cut it off: so it must be on the tape.
        if !self.awaited.contains(&operation) && self.phase == Phase::GoesOn {
            return Vec::new();
        }
        let response = Response {
            status: NO_RESPONSE,
            headers: Headers::new(),
            body: Body::default(),
            trailers: Headers::new(),
        };
        let who = passed.arrival.who;
        let ended = (End::Truncated, Form::Exchange);
        vec![self.operation(passed, who, at, response, ended)]
    }

    fn poll_is_over(&mut self, passed: &Passed) {
        if passed
            .messages
            .as_ref()
            .is_some_and(|messages| says(messages, polling::CONNECT))
        {
            self.clients.poll_ends(passed.arrival.who);
        }
    }

    fn operation(
        &mut self,
        passed: Passed,
        who: Who,
        answered: Micros,
        response: Response,
        (end, form): (End, Form),
    ) -> Event {
        let id = match passed.operation {
            Some((id, _)) => id,
            None => self.number(),
        };
        self.awaited.remove(&id);
        Event::Operation(Operation {
            form,
            id,
            session: self.clients.session(who),
            at: passed.at,
            answered,
            request: passed.request,
            response,
            end,
            repairs: Vec::new(),
        })
    }
}

/// Whether the exchange itself is for the tape: an operation, or a poll whose answer nobody can
/// read, so that dropping it might lose events.
fn is_kept(passed: &Passed, read: bool, response: &Response, end: End) -> bool {
    let whole = end == End::Complete && (200..300).contains(&response.status);
    passed.operation.is_some() || !read && whole && !response.body.is_empty()
}

/// What a service gave that let a client in: anything in the content that is minted may be a token.
fn minted(parts: &[content::Part<'_>]) -> impl Iterator<Item = String> {
    let minted = |part: &&content::Part<'_>| identifier::is_minted(&part.text);
    parts
        .iter()
        .filter(minted)
        .map(|part| part.text.to_string())
}

/// What came of the publishes that these replies answer, among other things: they are refused where all
/// are.
pub(super) fn outcome<'a>(replies: impl Iterator<Item = &'a Sent>) -> Outcome {
    let mut answers = replies
        .filter(|sent| sent.role() == Role::Published)
        .peekable();
    let refused = answers.peek().is_some() && answers.all(|sent| sent.successful == Some(false));
    if refused {
        Outcome::Refused
    } else {
        Outcome::Fine
    }
}

/// Whether one of the messages is on this channel.
pub(super) fn says(messages: &[Message], channel: &str) -> bool {
    messages.iter().any(|message| message.channel == channel)
}

/// What a request does, by its method (RFC 9110 §9.2.1).
fn effect(request: &Request, evidence: &Evidence) -> Effect {
    match request.method.as_str() {
        "GET" | "HEAD" | "OPTIONS" | "TRACE" => Effect::Reads,
        _ if evidence.login.is_some() => Effect::LogsIn,
        _ => Effect::Changes,
    }
}
