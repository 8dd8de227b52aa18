//! What Bayeux clients publish on sockets, while it waits for the service's replies: it is an operation,
//! and they are its response, as they are where clients poll.
//!
//! It passes at once; only its place on the tape waits. A service need not reply (Bayeux 1.0 §5.1.2), so
//! nothing waits for long, and what got no reply goes to the tape without one.

use std::collections::VecDeque;

use serde_json::value::RawValue;

use crate::bayeux::Message;
use crate::bayeux::reply::{self, Role, Sent};
use crate::exchange::{
    Body, End, Form, Headers, Kind, Micros, OnSocket, Operation, OperationId, Request, Response,
    SEND,
};
use crate::tape::Event;

use super::Understanding;
use super::causes::{Call, Effect, Outcome};
use super::exchanges::outcome;
use super::streams::Open;

/// How many operations of one socket may wait. A client that publishes waits for a handful of replies.
const MAX_WAITING: usize = 100;

/// How much content may wait, on all sockets together: as much as may wait for the writer.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How long one may wait while something passes on its socket. A reply that takes longer is later than
/// any client waits for it.
const PATIENCE: Micros = Micros(60_000_000);

/// The status of the response that the replies are: the one by which they come where clients poll.
const REPLIED: u16 = 200;

/// The operations of one socket that wait for replies, in the order in which they were sent.
#[derive(Debug, Default)]
pub(super) struct Waiting(VecDeque<Publish>);

/// A batch in which a client publishes.
#[derive(Debug)]
struct Publish {
    operation: OperationId,
    at: Micros,
    kind: Kind,
    data: Body,
    /// The channel of the first message that it publishes.
    channel: String,
    /// The messages that have no reply yet.
    unanswered: Vec<Message>,
    replies: Vec<(Sent, Box<RawValue>)>,
}

impl Publish {
    /// How much content it holds.
    fn bytes(&self) -> usize {
        let replies = self.replies.iter().map(|(_, text)| text.get().len());
        self.data.bytes().len() + replies.sum::<usize>()
    }

    /// What stands on the tape as its response.
    fn response(&self) -> Response {
        if self.replies.is_empty() {
            return Response::none();
        }
        let texts: Vec<&str> = self.replies.iter().map(|(_, text)| text.get()).collect();
        Response {
            status: REPLIED,
            headers: Headers::new(),
            body: Body::new(format!("[{}]", texts.join(","))),
            trailers: Headers::new(),
        }
    }
}

impl Understanding {
    /// Takes a batch of these messages that a client has sent on a socket. Where it publishes
    /// in it, that waits from now on. Returns what is to be written of older ones.
    pub(super) fn publishes(
        &mut self,
        open: &mut Open,
        at: Micros,
        (kind, data): (Kind, Body),
        messages: &[Message],
    ) -> Vec<Event> {
        let Some((operation, _)) = self.published(open.who, messages) else {
            return Vec::new();
        };
        let publishes = messages.iter().filter(|message| !message.is_meta());
        // What it says stands in the batch.
        let named = |message: &Message| Message {
            data: None,
            ..message.clone()
        };
        let publishes: Vec<Message> = publishes.map(named).collect();
        let first = publishes.first();
        let publish = Publish {
            operation,
            at,
            kind,
            data,
            channel: first.map(|first| first.channel.clone()).unwrap_or_default(),
            unanswered: publishes,
            replies: Vec::new(),
        };
        self.held = self.held.saturating_add(publish.bytes());
        open.waiting.0.push_back(publish);
        self.let_go(open, at)
    }

    /// Takes what of a service's message answers publishes on a socket, and returns the operations that
    /// have all their replies.
    pub(super) fn replied(
        &mut self,
        open: &mut Open,
        at: Micros,
        sent: &[Sent],
        content: &[u8],
    ) -> Vec<Event> {
        if open.waiting.0.is_empty() || !sent.iter().any(|sent| sent.role() == Role::Published) {
            return Vec::new();
        }
        let texts = reply::texts(content).unwrap_or_default();
        let mut events = Vec::new();
        for (sent, text) in sent.iter().zip(texts) {
            let answers = |message: &Message| sent.answers(message);
            let waiting = open.waiting.0.iter();
            let place = waiting.map(|publish| publish.unanswered.iter().position(answers));
            let found = place
                .enumerate()
                .find_map(|(publish, it)| Some((publish, it?)));
            let Some((place, message)) = found.filter(|_| sent.role() == Role::Published) else {
                continue;
            };
            if let Some(publish) = open.waiting.0.get_mut(place) {
                self.held = self.held.saturating_add(text.get().len());
                publish.unanswered.remove(message);
                publish.replies.push((sent.clone(), text));
                if publish.unanswered.is_empty() {
                    let publish = open.waiting.0.remove(place);
                    events.extend(publish.map(|publish| self.complete(open, at, publish)));
                }
            }
        }
        events.extend(self.let_go(open, at));
        events
    }

    /// Gives up on the replies that a socket, which is over, still owes.
    pub(super) fn give_up(&mut self, open: &mut Open, at: Micros) -> Vec<Event> {
        let waiting = std::mem::take(&mut open.waiting.0).into_iter();
        waiting
            .map(|publish| self.complete(open, at, publish))
            .collect()
    }

    /// Gives up on the replies that are overdue, and on the oldest where too much waits.
    pub(super) fn let_go(&mut self, open: &mut Open, at: Micros) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(oldest) = open.waiting.0.front() {
            let overdue = oldest.at.after(PATIENCE) <= at;
            if !overdue && open.waiting.0.len() <= MAX_WAITING && self.held <= MAX_BYTES {
                break;
            }
            let oldest = open.waiting.0.pop_front();
            events.extend(oldest.map(|publish| self.complete(open, at, publish)));
        }
        events
    }

    /// The operation, with the replies that have come by now.
    fn complete(&mut self, open: &Open, at: Micros, publish: Publish) -> Event {
        self.held = self.held.saturating_sub(publish.bytes());
        let answered = publish.replies.iter().map(|(sent, _)| sent);
        let answer = Call {
            operation: publish.operation,
            who: open.who,
            effect: Effect::Changes,
            target: &publish.channel,
            parts: &[],
        };
        let outcome = if publish.unanswered.is_empty() {
            outcome(answered)
        } else {
            Outcome::Fine
        };
        self.causes.answered(at, &answer, outcome);
        Event::Operation(Operation {
            id: publish.operation,
            session: self.clients.session(open.who),
            at: publish.at,
            answered: at,
            response: publish.response(),
            request: Request {
                method: SEND.to_owned(),
                target: open.target.clone(),
                headers: Headers::new(),
                body: publish.data,
                trailers: Headers::new(),
            },
            end: End::Complete,
            form: Form::Message(OnSocket {
                stream: open.operation,
                kind: publish.kind,
            }),
            repairs: Vec::new(),
        })
    }
}
