//! The state of every client of a Bayeux server: inputs in, [`Effect`]s out.
//!
//! It never looks at a clock or a socket: the time is an argument, a request is an [`Exchange`]
//! number, and who may shake hands is asked of the caller.

mod answers;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::exchange::Micros;

use super::client::{Client, Event, Phase, Poll};
use super::message::{Message, Reply};
use answers::{Answer, told_taken_over};

/// How many clients that were taken over are remembered, so that they are told so. An older one is
/// told that it is unknown, and shakes hands again.
const MAX_TAKEN_OVER: usize = 256;

/// The times of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a poll is held when there is nothing to say.
    pub timeout: Micros,
    /// How long a client may be silent between polls before it is forgotten.
    pub max_interval: Micros,
    /// Whether clients are offered a WebSocket.
    pub sockets: Sockets,
}

impl Default for Settings {
    /// The poll is held for `CometD`'s 30 seconds. Its 10 seconds of silence would forget a client
    /// that stands at a breakpoint, or a person who types; here it is a minute.
    fn default() -> Self {
        Settings {
            timeout: Micros(30_000_000),
            max_interval: Micros(60_000_000),
            sockets: Sockets::default(),
        }
    }
}

/// Whether clients are offered to speak over a WebSocket, where each message is a batch as in a POST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sockets {
    /// They are not.
    #[default]
    NotOffered,
    /// They are.
    Offered,
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

/// The caller's answer to what a request publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Taken,
    /// It is answered as it was when it was recorded: each message that publishes with the reply at its
    /// place, a JSON object. One that has none is taken.
    Recorded(Vec<Option<String>>),
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

impl Server {
    /// A server without clients.
    pub fn new(settings: Settings) -> Self {
        Server {
            settings,
            clients: BTreeMap::new(),
            taken_over: VecDeque::new(),
        }
    }

    /// Takes the messages of one request. What they publish is answered by the caller's verdict on
    /// it; `admit` is asked for each handshake.
    pub fn receive(
        &mut self,
        now: Micros,
        exchange: Exchange,
        messages: &[Message],
        published: &Verdict,
        admit: &mut dyn FnMut() -> Admission,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut replies = Vec::new();
        let mut publishes = 0..;
        for message in messages {
            let answer = match message.channel.as_str() {
                "/meta/handshake" => self.handshake(now, message, admit),
                "/meta/connect" => {
                    self.connect(now, exchange, message, messages.len(), &mut effects)
                }
                "/meta/subscribe" => self.subscribe(now, message, &mut effects),
                "/meta/unsubscribe" => self.unsubscribe(now, message),
                "/meta/disconnect" => self.disconnect(message, &mut effects),
                _ if message.is_meta() => self.unknown_meta(now, message),
                _ => self.publish(now, message, (published, publishes.next())),
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

    /// Whether this client is there.
    pub fn knows(&self, client: &ClientId) -> bool {
        self.clients.contains_key(client)
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

    /// How many polls are held.
    pub fn held(&self) -> usize {
        let held = |client: &&Client| matches!(client.phase, Phase::Held(_));
        self.clients.values().filter(held).count()
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
                before @ (Phase::Shaken | Phase::Away | Phase::Held(_)) => client.phase = before,
            }
        }
        effects
    }
}
