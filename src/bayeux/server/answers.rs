//! What each message of a client is answered, by the channel that it is on (Bayeux 1.0 §4 and §5).

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::exchange::Micros;

use super::super::channel::Pattern;
use super::super::client::{Client, Phase, Poll};
use super::super::message::{META, Message};
use super::super::recorded;
use super::super::replying::{Acknowledgement, Advice, Reply};
use super::{Admission, ClientId, Effect, Exchange, Server, Sockets, Verdict};

/// What a handshake offers, and what at least one of must be asked for.
const CONNECTION_TYPES: &[&str] = &["long-polling", "callback-polling"];

/// The same where a WebSocket is offered.
const WITH_SOCKETS: &[&str] = &["websocket", "long-polling", "callback-polling"];

/// What becomes of one message of a request.
pub(super) enum Answer {
    Messages(Vec<Bytes>),
    Later,
}

impl Server {
    pub(super) fn handshake(
        &mut self,
        now: Micros,
        message: &Message,
        admit: &mut dyn FnMut() -> Admission,
    ) -> Answer {
        let offered = message
            .supported_connection_types
            .as_deref()
            .unwrap_or_default();
        let types = match self.settings.sockets {
            Sockets::NotOffered => CONNECTION_TYPES,
            Sockets::Offered => WITH_SOCKETS,
        };
        if !offered.is_empty() && !offered.iter().any(|kind| types.contains(&kind.as_str())) {
            let error = format!("412:{}:no common connection type", offered.join(","));
            let mut reply = Reply::to(message).refused(error);
            reply.supported_connection_types = Some(types);
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
        reply.supported_connection_types = Some(types);
        reply.advice = Some(self.advice());
        reply.ext = wants_ack.then_some(Acknowledgement::Granted);
        let reply = reply.json();
        self.clients.insert(id.clone(), Client::new(now, wants_ack));
        self.note(&id);
        Answer::Messages(vec![reply])
    }

    pub(super) fn connect(
        &mut self,
        now: Micros,
        exchange: Exchange,
        message: &Message,
        batch: usize,
        effects: &mut Vec<Effect>,
    ) -> Answer {
        let advice = self.advice();
        let timeout = message
            .timeout()
            .map_or(self.settings.timeout, |milliseconds| {
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

    pub(super) fn subscribe(
        &mut self,
        now: Micros,
        message: &Message,
        effects: &mut Vec<Effect>,
    ) -> Answer {
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

    pub(super) fn unsubscribe(&mut self, now: Micros, message: &Message) -> Answer {
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
    pub(super) fn disconnect(&mut self, message: &Message, effects: &mut Vec<Effect>) -> Answer {
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

    pub(super) fn unknown_meta(&mut self, now: Micros, message: &Message) -> Answer {
        if self.known(now, message).is_none() {
            return self.unknown(message);
        }
        let error = format!("404:{}:unknown meta channel", message.channel);
        Answer::Messages(vec![Reply::to(message).refused(error).json()])
    }

    /// The message is at this place among those that publish.
    pub(super) fn publish(
        &mut self,
        now: Micros,
        message: &Message,
        (published, place): (&Verdict, Option<usize>),
    ) -> Answer {
        if self.known(now, message).is_none() {
            return self.unknown(message);
        }
        if let (Verdict::Recorded(replies), Some(place)) = (published, place)
            && let Some(Some(recorded)) = replies.get(place)
            && let Some(reply) = recorded::again(recorded, message)
        {
            return Answer::Messages(vec![reply]);
        }
        let channel = &message.channel;
        let reply = Reply::to(message);
        let plain = Pattern::parse(channel).is_some_and(|pattern| !pattern.is_wild());
        let reply = if plain {
            match published {
                Verdict::Taken | Verdict::Recorded(_) => reply,
                Verdict::Refused(reason) => reply.refused(format!("404:{channel}:{reason}")),
            }
        } else {
            reply.refused(format!("400:{channel}:no channel to publish to"))
        };
        Answer::Messages(vec![reply.json()])
    }

    /// The client that sends a message, heard at `now`.
    fn known(&mut self, now: Micros, message: &Message) -> Option<(ClientId, &mut Client)> {
        let id = ClientId(message.client_id.as_deref()?.into());
        let client = self.clients.get_mut(&id)?;
        client.last_heard = client.last_heard.max(now);
        Some((id, client))
    }

    fn unknown(&self, message: &Message) -> Answer {
        let sender = message.client_id.as_deref();
        let reply = Reply::to(message);
        let reply = if self.taken_over.iter().any(|id| Some(&*id.0) == sender) {
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

pub(super) fn told_taken_over(reply: Reply<'_>) -> Reply<'_> {
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
