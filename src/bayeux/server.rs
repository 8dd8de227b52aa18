//! The state of every client of a Bayeux server: inputs in, [`Effect`]s out.
//!
//! It never looks at a clock or a socket: the time is an argument, a request is an [`Exchange`]
//! number, and who may shake hands is asked of the caller.

mod answers;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::exchange::Micros;

use super::client::{Client, Event, Noted, Phase};
use super::message::Message;
use super::replying::Reply;
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

/// The identifier that a handshake gave to a client. An event on its way is noted of many times, so that a copy
/// costs nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(pub Arc<str>);

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
///
/// Thousands may have their polls held, so that none is looked at whom nothing concerns.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    clients: BTreeMap<ClientId, Client>,
    taken_over: VecDeque<ClientId>,
    /// When time alone does something to which client; of each client there is one.
    timers: BTreeSet<(Micros, ClientId)>,
    /// Whose each poll is that is held.
    held: BTreeMap<Exchange, ClientId>,
    /// Whose held polls have something to carry.
    waited_for: BTreeSet<ClientId>,
}

impl Server {
    /// A server without clients.
    pub fn new(settings: Settings) -> Self {
        Server {
            settings,
            clients: BTreeMap::new(),
            taken_over: VecDeque::new(),
            timers: BTreeSet::new(),
            held: BTreeMap::new(),
            waited_for: BTreeSet::new(),
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
            if let Some(id) = &message.client_id {
                self.note(&ClientId(id.as_str().into()));
            }
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
        let Some(waiting) = self.clients.get_mut(client) else {
            return false;
        };
        waiting.enqueue(event);
        if matches!(waiting.phase, Phase::Held(_)) {
            self.waited_for.insert(client.clone());
        }
        true
    }

    /// Answers every held poll that has something to carry.
    pub fn flush(&mut self, now: Micros) -> Vec<Effect> {
        if self.waited_for.is_empty() {
            return Vec::new(); // as after most operations
        }
        let waited_for = std::mem::take(&mut self.waited_for);
        self.answer_held(now, waited_for)
    }

    /// Answers the polls that were held long enough, and forgets the clients that were silent too
    /// long.
    pub fn tick(&mut self, now: Micros) -> Vec<Effect> {
        let due = self.timers.iter().take_while(|(at, _)| *at <= now);
        let due: BTreeSet<ClientId> = due.map(|(_, id)| id.clone()).collect();
        let holds = |id: &ClientId| {
            let client = self.clients.get(id);
            client.is_some_and(|client| matches!(client.phase, Phase::Held(_)))
        };
        let (held, silent): (BTreeSet<_>, BTreeSet<_>) = due.into_iter().partition(holds);
        let mut effects = self.answer_held(now, held);
        effects.extend(silent.into_iter().filter_map(|id| self.forget(id)));
        effects
    }

    /// How many polls are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// When [`Server::tick`] next has something to do.
    pub fn deadline(&self) -> Option<Micros> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The caller's connection for a held poll is gone: there is nobody to answer.
    pub fn cancel(&mut self, now: Micros, exchange: Exchange) {
        let Some(id) = self.held.get(&exchange).cloned() else {
            return;
        };
        if let Some(client) = self.clients.get_mut(&id) {
            client.phase = Phase::Away;
            client.last_heard = now;
        }
        self.note(&id);
    }

    /// Another client takes the place of this one, which is told so and not to come back.
    pub fn take_over(&mut self, client: &ClientId) -> Vec<Effect> {
        let Some(mut gone) = self.clients.remove(client) else {
            return Vec::new();
        };
        self.drop_notes(client, &gone);
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
        let held = self.held.values().cloned().collect();
        self.answer_held(now, held)
    }

    fn forget(&mut self, id: ClientId) -> Option<Effect> {
        let client = self.clients.remove(&id)?;
        self.drop_notes(&id, &client);
        Some(Effect::Left {
            client: id,
            undelivered: client.undelivered(),
        })
    }

    /// Answers the polls that are held for these clients.
    fn answer_held(&mut self, now: Micros, clients: BTreeSet<ClientId>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for id in clients {
            let Some(client) = self.clients.get_mut(&id) else {
                continue;
            };
            match std::mem::replace(&mut client.phase, Phase::Away) {
                Phase::Held(poll) => {
                    client.last_heard = now;
                    let messages = client.connect_reply(&id, &poll.message, None, &mut effects);
                    effects.push(Effect::Reply {
                        exchange: poll.exchange,
                        messages,
                    });
                }
                before @ (Phase::Shaken | Phase::Away) => client.phase = before,
            }
            self.note(&id);
        }
        effects
    }

    /// Notes what has become of a client's poll and times, where it is still there. To be called whenever
    /// one of them has changed.
    fn note(&mut self, id: &ClientId) {
        let max_interval = self.settings.max_interval;
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        let (poll, until) = match &client.phase {
            Phase::Held(poll) => (Some(poll.exchange), poll.until),
            Phase::Shaken | Phase::Away => (None, client.last_heard.after(max_interval)),
        };
        let noted = Noted {
            poll,
            until: Some(until),
        };
        let before = std::mem::replace(&mut client.noted, noted);
        if before.poll != poll {
            if let Some(before) = before.poll {
                self.held.remove(&before);
                self.waited_for.remove(id);
            }
            if let Some(poll) = poll {
                self.held.insert(poll, id.clone());
            }
        }
        if before.until != noted.until {
            self.forget_time(id, before);
            self.timers.insert((until, id.clone()));
        }
    }

    fn forget_time(&mut self, id: &ClientId, noted: Noted) {
        if let Some(until) = noted.until {
            self.timers.remove(&(until, id.clone()));
        }
    }

    /// Drops what was noted of a client that is gone.
    fn drop_notes(&mut self, id: &ClientId, client: &Client) {
        self.forget_time(id, client.noted);
        self.waited_for.remove(id);
        if let Some(poll) = client.noted.poll {
            self.held.remove(&poll);
        }
    }
}
