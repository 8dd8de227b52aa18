//! Streams: what their messages are, whose, and because of what. On a socket clients speak too, be it
//! in messages that are operations, or in Bayeux.
//!
//! How bytes become messages is the business of whoever taps them.

use bytes::Bytes;

use crate::bayeux::reply::{self, Role};
use crate::bayeux::{Message, message};
use crate::exchange::{
    self, Body, Carrier, Closed, Control, End, Ender, Fact, Form, Headers, Kind, Micros, OnSocket,
    Operation, OperationId, Request, Response, SEND, ServerSent, Side, Stream, What,
};
use crate::stream;
use crate::tape::Event;

use super::causes::{Call, Effect, Outcome};
use super::clients::Who;
use super::exchanges::{Passed, says};
use super::published::Waiting;
use super::{Passing, Understanding, content, polling};

/// How many messages of a Bayeux client about its connection may wait for their replies. It has a poll and
/// a handful of others under way.
const MAX_ASKED: usize = 1_000;

/// Something that came on a stream.
#[derive(Clone, Debug)]
pub enum Item {
    /// On a stream in a response.
    Said(stream::Item),
    /// A message on a socket.
    Message {
        /// Who sent it.
        by: Side,
        /// What it says of itself.
        kind: Kind,
        /// Its data.
        data: Body,
    },
    /// A ping on a socket.
    Ping(Side, Bytes),
    /// A pong on a socket.
    Pong(Side, Bytes),
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Who ended it first.
    pub by: Ender,
    /// The code and the reason of a socket's close frame, where there was one.
    pub close: Option<(u16, String)>,
    /// Whether it ended as its protocol wants.
    pub end: End,
}

/// A stream that is open.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) operation: OperationId,
    pub(super) who: Who,
    pub(super) target: String,
    /// The messages of a Bayeux client about its connection that wait for their replies, if it is one's.
    asked: Option<Vec<Message>>,
    /// What such a client has published that waits for its replies.
    pub(super) waiting: Waiting,
}

impl Understanding {
    /// Takes the head of a response that opens a stream.
    pub(super) fn opened(
        &mut self,
        passing: Passing,
        passed: Passed,
        at: Micros,
        response: Response,
        stream: Stream,
    ) -> Vec<Event> {
        let who = passed.arrival.who;
        let target = passed.request.target.clone();
        let operation = passed.operation.map(|(operation, _)| operation);
        let events = self.responded_as(passed, at, response, End::Complete, Form::Opens(stream));
        if let Some(operation) = operation {
            let open = Open {
                operation,
                who: self.clients.current(who),
                target,
                asked: None,
                waiting: Waiting::default(),
            };
            self.streams.insert(passing, open);
        }
        events
    }

    /// Takes what came on a stream.
    pub(super) fn passed(&mut self, passing: Passing, at: Micros, item: Item) -> Vec<Event> {
        let Some(mut open) = self.streams.remove(&passing) else {
            return Vec::new();
        };
        let mut events = self.let_go(&mut open, at);
        events.extend(self.take(&mut open, at, item));
        self.streams.insert(passing, open);
        events
    }

    /// Takes the end of a stream.
    pub(super) fn ended(&mut self, passing: Passing, at: Micros, ending: Ending) -> Vec<Event> {
        let Some(mut open) = self.streams.remove(&passing) else {
            return Vec::new();
        };
        let mut events = self.give_up(&mut open, at);
        let (code, reason) = ending.close.unzip();
        let closed = Closed {
            stream: open.operation,
            by: ending.by,
            code,
            reason: reason.unwrap_or_default(),
            end: ending.end,
        };
        events.push(self.fact(&open, at, What::Closed(closed)));
        events
    }

    /// Ends the recording while streams are open: returns what must be written of what waits on them.
    pub(super) fn close_streams(&mut self, at: Micros) -> Vec<Event> {
        let at = self.latest.after(Micros(1)).max(at);
        let streams = std::mem::take(&mut self.streams).into_values();
        streams
            .flat_map(|mut open| self.give_up(&mut open, at))
            .collect()
    }

    fn take(&mut self, open: &mut Open, at: Micros, item: Item) -> Vec<Event> {
        let stream = open.operation;
        match item {
            Item::Said(stream::Item::Event(event)) => {
                let carrier = Carrier::Event(ServerSent {
                    stream,
                    event: event.event,
                    id: event.id,
                    retry: event.retry,
                    written: event.written,
                });
                let data = Body::new(event.data.unwrap_or_default());
                vec![self.pushed(open, at, carrier, data)]
            }
            Item::Said(stream::Item::Line(line)) => {
                vec![self.pushed(open, at, Carrier::Line(stream), Body::new(line))]
            }
            Item::Said(stream::Item::Comment(text)) => {
                vec![self.fact(open, at, What::Comment { stream, text })]
            }
            // Nothing is left of it; the writer counts it.
            Item::Said(stream::Item::Lost) => Vec::new(),
            Item::Ping(by, payload) => {
                let what = What::Ping(control(stream, by, payload));
                vec![self.fact(open, at, what)]
            }
            Item::Pong(by, payload) => {
                let what = What::Pong(control(stream, by, payload));
                vec![self.fact(open, at, what)]
            }
            Item::Message { by, kind, data } => match by {
                Side::Client => self.sent_by_client(open, at, kind, data),
                Side::Service => self.sent_by_service(open, at, kind, data),
            },
        }
    }

    fn sent_by_client(
        &mut self,
        open: &mut Open,
        at: Micros,
        kind: Kind,
        data: Body,
    ) -> Vec<Event> {
        let Some(messages) = spoken(open, &data) else {
            return vec![self.sent_on(open, at, kind, data)];
        };
        if says(&messages, polling::CONNECT) {
            self.clients.poll_begins(open.who);
        }
        let events = self.publishes(open, at, (kind, data), &messages);
        let asked = open.asked.get_or_insert_default();
        asked.extend(messages.into_iter().filter(Message::is_meta));
        let surplus = asked.len().saturating_sub(MAX_ASKED);
        asked.drain(..surplus);
        events
    }

    fn sent_by_service(
        &mut self,
        open: &mut Open,
        at: Micros,
        kind: Kind,
        data: Body,
    ) -> Vec<Event> {
        let on = OnSocket {
            stream: open.operation,
            kind,
        };
        let replies = match &open.asked {
            Some(_) => reply::read(data.bytes()).ok(),
            None => None,
        };
        let Some(replies) = replies else {
            return vec![self.pushed(open, at, Carrier::Message(on), data)];
        };
        let endpoint = polling::endpoint(&open.target).to_owned();
        let mut events = self.replied(open, at, &replies, data.bytes());
        for sent in replies {
            if sent.role() == Role::Meta && sent.channel == polling::CONNECT {
                self.clients.poll_ends(open.who);
            }
            let asked = open.asked.get_or_insert_default();
            let (answered, waiting): (Vec<Message>, Vec<Message>) = std::mem::take(asked)
                .into_iter()
                .partition(|message| sent.answers(message));
            *asked = waiting;
            events.extend(self.sent(open.who, at, &endpoint, &answered, sent));
        }
        events
    }

    /// A message of a client as an operation, which is over as soon as it is sent.
    fn sent_on(&mut self, open: &Open, at: Micros, kind: Kind, data: Body) -> Event {
        let parts = content::json_parts(data.bytes());
        let operation = self.number();
        let call = Call {
            operation,
            who: open.who,
            effect: Effect::Changes,
            target: &open.target,
            parts: &parts,
        };
        self.causes.called(&call);
        let answer = Call { parts: &[], ..call };
        self.causes.answered(at, &answer, Outcome::Fine);
        Event::Operation(Operation {
            id: operation,
            session: self.clients.session(open.who),
            at,
            answered: at,
            request: Request {
                method: SEND.to_owned(),
                target: open.target.clone(),
                headers: Headers::new(),
                body: data,
                trailers: Headers::new(),
            },
            response: Response::none(),
            end: exchange::End::Complete,
            form: Form::Message(OnSocket {
                stream: open.operation,
                kind,
            }),
            repairs: Vec::new(),
        })
    }

    fn pushed(&mut self, open: &Open, at: Micros, carrier: Carrier, data: Body) -> Event {
        let path = open.target.split('?').next().unwrap_or_default().to_owned();
        self.notify(open.who, at, path, carrier, data)
    }

    fn fact(&mut self, open: &Open, at: Micros, what: What) -> Event {
        let session = self.clients.session(open.who);
        Event::Fact(Fact { session, at, what })
    }
}

fn control(stream: OperationId, by: Side, payload: Bytes) -> Control {
    Control {
        stream,
        by,
        payload,
    }
}

/// The Bayeux messages that a client says on a socket, if it speaks Bayeux: its first message is on a
/// meta channel.
fn spoken(open: &Open, data: &Body) -> Option<Vec<Message>> {
    polling::CHANNEL.find(data.bytes())?;
    let messages = message::read(None, data.bytes()).ok()?;
    let channels = messages
        .iter()
        .all(|message| message.channel.starts_with('/'));
    let speaks = open.asked.is_some() || messages.iter().any(Message::is_meta);
    (channels && speaks).then_some(messages)
}
