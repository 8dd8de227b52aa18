//! The state of every client of a Bayeux server: inputs in, [`Effect`]s out.
//!
//! It never looks at a clock or a socket: the time is an argument, a request is an [`Exchange`]
//! number, and who may shake hands is asked of the caller.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::exchange::Micros;

use super::channel::Pattern;
use super::client::{Client, Event, Phase, Poll};
use super::message::{Acknowledgement, Advice, META, Message, Reply};

/// How many clients that were taken over are remembered, so that they are told so. An older one is
/// told that it is unknown, and shakes hands again.
const MAX_TAKEN_OVER: usize = 256;

/// What a handshake offers, and what at least one of must be asked for.
const CONNECTION_TYPES: &[&str] = &["long-polling", "callback-polling"];

/// The times of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a poll is held when there is nothing to say.
    pub timeout: Micros,
    /// How long a client may be silent between polls before it is forgotten.
    pub max_interval: Micros,
}

impl Default for Settings {
    /// The poll is held for `CometD`'s 30 seconds. Its 10 seconds of silence would forget a client
    /// that stands at a breakpoint, or a person who types; here it is a minute.
    fn default() -> Self {
        Settings {
            timeout: Micros(30_000_000),
            max_interval: Micros(60_000_000),
        }
    }
}

/// The identifier that a handshake gave to a client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(pub String);

/// The number by which the caller knows a request that waits for its [`Effect::Reply`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exchange(pub u64);

/// The caller's answer to a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The client is let in under this new identifier.
    Granted(ClientId),
    /// It is not, for this reason.
    Refused(String),
}

/// What the caller must do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Answer this request with these messages, each a JSON object.
    Reply {
        /// The request.
        exchange: Exchange,
        /// The messages, in order.
        messages: Vec<Bytes>,
    },
    /// An event is on its way to a client, for the first time.
    Delivered {
        /// The client.
        client: ClientId,
        /// The event's number.
        token: usize,
    },
    /// A client has new subscriptions.
    Subscribed {
        /// The client.
        client: ClientId,
    },
    /// A client has published: nobody hears it, but the run should know.
    Published {
        /// The client.
        client: ClientId,
        /// The channel.
        channel: String,
    },
    /// A client is gone, by its own word or by silence. It never got these events.
    Left {
        /// The client.
        client: ClientId,
        /// The numbers of the events.
        undelivered: Vec<usize>,
    },
}

/// The clients of one endpoint.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    clients: BTreeMap<ClientId, Client>,
    taken_over: VecDeque<ClientId>,
}

/// What becomes of one message of a request.
enum Answer {
    Messages(Vec<Bytes>),
    Later,
}

impl Server {
    /// A server without clients.
    pub fn new(settings: Settings) -> Self {
        Server {
            settings,
            clients: BTreeMap::new(),
            taken_over: VecDeque::new(),
        }
    }

    /// Takes the messages of one request. `admit` is asked for each handshake.
    pub fn receive(
        &mut self,
        now: Micros,
        exchange: Exchange,
        messages: &[Message],
        admit: &mut dyn FnMut() -> Admission,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut replies = Vec::new();
        for message in messages {
            let answer = match message.channel.as_str() {
                "/meta/handshake" => self.handshake(now, message, admit),
                "/meta/connect" => {
                    self.connect(now, exchange, message, messages.len(), &mut effects)
                }
                "/meta/subscribe" => self.subscribe(now, message, &mut effects),
                "/meta/unsubscribe" => self.unsubscribe(now, message),
                "/meta/disconnect" => self.disconnect(message, &mut effects),
                _ => self.publish(now, message, &mut effects),
            };
            match answer {
                Answer::Messages(answers) => replies.extend(answers),
                Answer::Later => return effects,
            }
        }
        effects.push(Effect::Reply {
            exchange,
            messages: replies,
        });
        effects
    }

    /// Whether a client has a subscription for this channel.
    pub fn hears(&self, client: &ClientId, channel: &str) -> bool {
        self.clients.get(client).is_some_and(|client| {
            client
                .subscriptions
                .iter()
                .any(|pattern| pattern.matches(channel))
        })
    }

    /// Queues an event for a client, whatever its subscriptions. It travels with the next
    /// [`Server::flush`] or poll. False where there is no such client.
    pub fn enqueue(&mut self, client: &ClientId, event: Event) -> bool {
        self.clients
            .get_mut(client)
            .map(|client| client.enqueue(event))
            .is_some()
    }

    /// Answers every held poll that has something to carry.
    pub fn flush(&mut self, now: Micros) -> Vec<Effect> {
        self.answer_held(now, |client, _| client.is_waited_for())
    }

    /// Answers the polls that were held long enough, and forgets the clients that were silent too
    /// long.
    pub fn tick(&mut self, now: Micros) -> Vec<Effect> {
        let mut effects = self.answer_held(now, |_, poll| poll.until <= now);
        let max_interval = self.settings.max_interval;
        let silent: Vec<ClientId> = self
            .clients
            .iter()
            .filter(|(_, client)| client.silent_at(max_interval).is_some_and(|end| end <= now))
            .map(|(id, _)| id.clone())
            .collect();
        effects.extend(silent.into_iter().filter_map(|id| self.forget(id)));
        effects
    }

    /// When [`Server::tick`] next has something to do.
    pub fn deadline(&self) -> Option<Micros> {
        let max_interval = self.settings.max_interval;
        self.clients
            .values()
            .filter_map(|client| match &client.phase {
                Phase::Held(poll) => Some(poll.until),
                Phase::Shaken | Phase::Away => client.silent_at(max_interval),
            })
            .min()
    }

    /// The caller's connection for a held poll is gone: there is nobody to answer.
    pub fn cancel(&mut self, now: Micros, exchange: Exchange) {
        for client in self.clients.values_mut() {
            if matches!(&client.phase, Phase::Held(poll) if poll.exchange == exchange) {
                client.phase = Phase::Away;
                client.last_heard = now;
            }
        }
    }

    /// Another client takes the place of this one, which is told so and not to come back.
    pub fn take_over(&mut self, client: &ClientId) -> Vec<Effect> {
        let Some(mut gone) = self.clients.remove(client) else {
            return Vec::new();
        };
        let mut effects = Vec::new();
        if let Phase::Held(poll) = std::mem::replace(&mut gone.phase, Phase::Away) {
            let messages = vec![told_taken_over(Reply::to(&poll.message)).json()];
            effects.push(Effect::Reply {
                exchange: poll.exchange,
                messages,
            });
        }
        self.taken_over.push_back(client.clone());
        if self.taken_over.len() > MAX_TAKEN_OVER {
            self.taken_over.pop_front();
        }
        effects.push(Effect::Left {
            client: client.clone(),
            undelivered: gone.undelivered(),
        });
        effects
    }

    /// Answers every held poll: the server is about to stop, or to start over.
    pub fn release_all(&mut self, now: Micros) -> Vec<Effect> {
        self.answer_held(now, |_, _| true)
    }

    fn handshake(
        &mut self,
        now: Micros,
        message: &Message,
        admit: &mut dyn FnMut() -> Admission,
    ) -> Answer {
        let offered = message
            .supported_connection_types
            .as_deref()
            .unwrap_or_default();
        if !offered.is_empty()
            && !offered
                .iter()
                .any(|kind| CONNECTION_TYPES.contains(&kind.as_str()))
        {
            let error = format!("412:{}:no common connection type", offered.join(","));
            let mut reply = Reply::to(message).refused(error);
            reply.supported_connection_types = Some(CONNECTION_TYPES);
            reply.advice = Some(NEVER);
            return Answer::Messages(vec![reply.json()]);
        }
        let id = match admit() {
            Admission::Granted(id) => id,
            Admission::Refused(reason) => {
                let mut reply = Reply::to(message).refused(format!("403::{reason}"));
                reply.advice = Some(NEVER);
                return Answer::Messages(vec![reply.json()]);
            }
        };
        let wants_ack = message.wants_ack();
        let mut reply = Reply::to(message);
        reply.client_id = Some(&id.0);
        reply.version = Some("1.0");
        reply.supported_connection_types = Some(CONNECTION_TYPES);
        reply.advice = Some(self.advice());
        reply.ext = wants_ack.then_some(Acknowledgement::Granted);
        let reply = reply.json();
        self.clients.insert(id, Client::new(now, wants_ack));
        Answer::Messages(vec![reply])
    }

    fn connect(
        &mut self,
        now: Micros,
        exchange: Exchange,
        message: &Message,
        batch: usize,
        effects: &mut Vec<Effect>,
    ) -> Answer {
        let advice = self.advice();
        let asked = message.advice.as_ref().and_then(|advice| advice.timeout);
        let timeout = asked.map_or(self.settings.timeout, |milliseconds| {
            Micros(milliseconds.saturating_mul(1_000)).min(self.settings.timeout)
        });
        let Some((id, client)) = self.known(now, message) else {
            return self.unknown(message);
        };
        client.acknowledge(message.acknowledged());
        let before = std::mem::replace(&mut client.phase, Phase::Away);
        let first = matches!(before, Phase::Shaken);
        if let Phase::Held(poll) = before {
            let messages = vec![Reply::to(&poll.message).json()];
            effects.push(Effect::Reply {
                exchange: poll.exchange,
                messages,
            });
        }
        if first || batch > 1 || timeout == Micros(0) || client.is_waited_for() {
            let advice = first.then_some(advice);
            return Answer::Messages(client.connect_reply(&id, message, advice, effects));
        }
        let until = now.after(timeout);
        client.phase = Phase::Held(Poll {
            exchange,
            message: message.clone(),
            until,
        });
        Answer::Later
    }

    fn subscribe(&mut self, now: Micros, message: &Message, effects: &mut Vec<Effect>) -> Answer {
        let Some((id, client)) = self.known(now, message) else {
            return self.unknown(message);
        };
        let reply = Reply::to(message);
        let reply = match patterns(message) {
            Ok(patterns) => {
                client.subscriptions.extend(patterns);
                effects.push(Effect::Subscribed { client: id });
                reply
            }
            Err(error) => reply.refused(error),
        };
        Answer::Messages(vec![reply.json()])
    }

    fn unsubscribe(&mut self, now: Micros, message: &Message) -> Answer {
        let Some((_, client)) = self.known(now, message) else {
            return self.unknown(message);
        };
        let reply = Reply::to(message);
        let reply = match patterns(message) {
            Ok(patterns) => {
                for pattern in patterns {
                    client.subscriptions.remove(&pattern);
                }
                reply
            }
            Err(error) => reply.refused(error),
        };
        Answer::Messages(vec![reply.json()])
    }

    /// A held poll is released first, then the disconnect is answered.
    fn disconnect(&mut self, message: &Message, effects: &mut Vec<Effect>) -> Answer {
        let Some((id, client)) = self.known(Micros::default(), message) else {
            return self.unknown(message);
        };
        if let Phase::Held(poll) = std::mem::replace(&mut client.phase, Phase::Away) {
            let messages = client.connect_reply(&id, &poll.message, None, effects);
            effects.push(Effect::Reply {
                exchange: poll.exchange,
                messages,
            });
        }
        effects.extend(self.forget(id));
        Answer::Messages(vec![Reply::to(message).json()])
    }

    fn publish(&mut self, now: Micros, message: &Message, effects: &mut Vec<Effect>) -> Answer {
        let Some((client, _)) = self.known(now, message) else {
            return self.unknown(message);
        };
        let channel = &message.channel;
        let reply = Reply::to(message);
        let plain = Pattern::parse(channel).is_some() && !channel.contains('*');
        let reply = if channel.starts_with(META) {
            reply.refused(format!("404:{channel}:unknown meta channel"))
        } else if !plain {
            reply.refused(format!("400:{channel}:no channel to publish to"))
        } else {
            effects.push(Effect::Published {
                client,
                channel: channel.clone(),
            });
            reply
        };
        Answer::Messages(vec![reply.json()])
    }

    /// The client that sends a message, heard at `now`.
    fn known(&mut self, now: Micros, message: &Message) -> Option<(ClientId, &mut Client)> {
        let id = ClientId(message.client_id.clone()?);
        let client = self.clients.get_mut(&id)?;
        client.last_heard = client.last_heard.max(now);
        Some((id, client))
    }

    fn unknown(&self, message: &Message) -> Answer {
        let sender = message.client_id.as_deref();
        let reply = Reply::to(message);
        let reply = if self
            .taken_over
            .iter()
            .any(|id| Some(id.0.as_str()) == sender)
        {
            told_taken_over(reply)
        } else {
            let mut reply = reply.refused("402::Unknown client");
            reply.advice = Some(Advice {
                reconnect: "handshake",
                timeout: None,
                interval: 0,
            });
            reply
        };
        Answer::Messages(vec![reply.json()])
    }

    fn forget(&mut self, id: ClientId) -> Option<Effect> {
        let client = self.clients.remove(&id)?;
        Some(Effect::Left {
            client: id,
            undelivered: client.undelivered(),
        })
    }

    fn answer_held(&mut self, now: Micros, which: impl Fn(&Client, &Poll) -> bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (id, client) in &mut self.clients {
            match std::mem::replace(&mut client.phase, Phase::Away) {
                Phase::Held(poll) if which(client, &poll) => {
                    client.last_heard = now;
                    let messages = client.connect_reply(id, &poll.message, None, &mut effects);
                    effects.push(Effect::Reply {
                        exchange: poll.exchange,
                        messages,
                    });
                }
                before => client.phase = before,
            }
        }
        effects
    }

    fn advice(&self) -> Advice {
        Advice {
            reconnect: "retry",
            timeout: Some(self.settings.timeout.0 / 1_000),
            interval: 0,
        }
    }
}

/// The advice to a client that must not try again.
const NEVER: Advice = Advice {
    reconnect: "none",
    timeout: None,
    interval: 0,
};

fn told_taken_over(reply: Reply<'_>) -> Reply<'_> {
    let mut reply = reply.refused("403::another client has taken over this session");
    reply.advice = Some(NEVER);
    reply
}

/// The patterns of a subscription, or why it is refused.
fn patterns(message: &Message) -> Result<Vec<Pattern>, String> {
    let field = message.subscription.as_deref().map_or("", RawValue::get);
    let texts = message
        .subscriptions()
        .ok_or_else(|| format!("400:{field}:no subscription"))?;
    texts
        .iter()
        .map(|text| match Pattern::parse(text) {
            Some(_) if text.starts_with(META) => Err(format!("403:{text}:a meta channel")),
            Some(pattern) => Ok(pattern),
            None => Err(format!("400:{text}:no channel")),
        })
        .collect()
}
