//! What the server knows of one client: its subscriptions, what waits for it, and its poll.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

use crate::exchange::Micros;

use super::channel::Pattern;
use super::message::Message;
use super::replying::{Acknowledgement, Advice, Reply};
use super::server::{ClientId, Effect, Exchange};

/// An event to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The caller's own number for it.
    pub token: usize,
    /// The message as it goes over the wire: a JSON object with `channel` and `data`.
    pub json: Bytes,
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) subscriptions: BTreeSet<Pattern>,
    pub(super) phase: Phase,
    pub(super) last_heard: Micros,
    /// What the server's lists have of it.
    pub(super) noted: Noted,
    queue: VecDeque<Queued>,
    acknowledgement: Acknowledging,
    /// The number of the last reply to a connect.
    reply: u64,
}

/// What is noted of a client in the lists of the server, so that it is found there again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Noted {
    /// The poll that is held.
    pub(super) poll: Option<Exchange>,
    /// When that has been held long enough, or the client was silent too long.
    pub(super) until: Option<Micros>,
}

/// Where a client is between two of its polls.
#[derive(Debug)]
pub(super) enum Phase {
    /// It has not connected yet; the first connect is never held.
    Shaken,
    /// It has, and has no poll here now.
    Away,
    /// Its poll is held.
    Held(Poll),
}

/// A poll that is held.
#[derive(Debug)]
pub(super) struct Poll {
    pub(super) exchange: Exchange,
    pub(super) message: Message,
    pub(super) until: Micros,
}

#[derive(Debug)]
enum Acknowledging {
    Off,
    /// Events that were sent and may have been lost, each with the number of its reply.
    On(VecDeque<(u64, Event)>),
}

#[derive(Debug)]
struct Queued {
    event: Event,
    tries: Tries,
}

/// Whether an event that waits has been on its way before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tries {
    None,
    Some,
}

impl Client {
    pub(super) fn new(now: Micros, wants_ack: bool) -> Client {
        let acknowledgement = if wants_ack {
            Acknowledging::On(VecDeque::new())
        } else {
            Acknowledging::Off
        };
        Client {
            subscriptions: BTreeSet::new(),
            phase: Phase::Shaken,
            last_heard: now,
            noted: Noted::default(),
            queue: VecDeque::new(),
            acknowledgement,
            reply: 0,
        }
    }

    pub(super) fn enqueue(&mut self, event: Event) {
        self.queue.push_back(Queued {
            event,
            tries: Tries::None,
        });
    }

    /// Whether something waits for its next poll.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Takes what the client says it has: what it did not get is queued again, in front.
    pub(super) fn acknowledge(&mut self, number: Option<i64>) {
        let Acknowledging::On(sent) = &mut self.acknowledgement else {
            return;
        };
        let Some(number) = number else { return };
        for (reply, event) in sent.drain(..).rev() {
            if i64::try_from(reply).is_ok_and(|reply| reply > number) {
                self.queue.push_front(Queued {
                    event,
                    tries: Tries::Some,
                });
            }
        }
    }

    /// The events that wait, then the reply to a connect.
    pub(super) fn connect_reply(
        &mut self,
        id: &ClientId,
        message: &Message,
        advice: Option<Advice>,
        effects: &mut Vec<Effect>,
    ) -> Vec<Bytes> {
        self.reply += 1;
        let mut messages = Vec::with_capacity(self.queue.len() + 1);
        for Queued { event, tries } in std::mem::take(&mut self.queue) {
            messages.push(event.json.clone());
            if tries == Tries::None {
                effects.push(Effect::Delivered {
                    client: id.clone(),
                    token: event.token,
                });
            }
            if let Acknowledging::On(sent) = &mut self.acknowledgement {
                sent.push_back((self.reply, event));
            }
        }
        let mut reply = Reply::to(message);
        reply.advice = advice;
        reply.ext = match self.acknowledgement {
            Acknowledging::Off => None,
            Acknowledging::On(_) => Some(Acknowledgement::Number(self.reply)),
        };
        messages.push(reply.json());
        messages
    }

    /// The numbers of the events that never went out.
    pub(super) fn undelivered(self) -> Vec<usize> {
        let fresh = self
            .queue
            .into_iter()
            .filter(|queued| queued.tries == Tries::None);
        fresh.map(|queued| queued.event.token).collect()
    }
}
