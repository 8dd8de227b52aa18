//! A Bayeux client that does one thing at a time: while it says something, no poll of its is held, so
//! what it hears has one order.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::bayeux::recorded;
use crate::bayeux::reply::{self, Role, Sent};

use super::wire::Wire;

/// A client of Bayeux endpoints.
#[derive(Debug, Default)]
pub(super) struct Subscriber {
    known: Option<Known>,
    heard: VecDeque<Heard>,
    next: u64,
}

/// What a handshake agreed on.
#[derive(Debug)]
struct Known {
    endpoint: String,
    client: String,
}

/// A notification as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) channel: String,
    /// Its JSON, as it was written.
    pub(super) data: String,
}

/// A message to the server. Fields that it does not need are left out.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    channel: &'a str,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supported_connection_types: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<Advice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

/// A message of the server, and how it is written.
type Reply = (Sent, Box<RawValue>);

/// How long a poll is to be held, in milliseconds.
#[derive(Debug, Serialize)]
struct Advice {
    timeout: u64,
}

const LONG_POLLING: &str = "long-polling";

impl Subscriber {
    pub(super) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// Shakes hands, as a new client.
    pub(super) async fn shake(&mut self, wire: &Wire, endpoint: &str) -> Result<(), String> {
        self.disconnect(wire).await?;
        let message = Said {
            channel: "/meta/handshake",
            version: Some("1.0"),
            supported_connection_types: Some([LONG_POLLING]),
            ..Said::default()
        };
        let replies = self.send(wire, endpoint, &mut [message]).await?;
        let client = replies.into_iter().find_map(|(sent, _)| sent.client_id);
        self.known = Some(Known {
            endpoint: endpoint.to_owned(),
            client: client.ok_or("the handshake gives no clientId")?,
        });
        Ok(())
    }

    pub(super) async fn subscribe(&mut self, wire: &Wire, channel: &str) -> Result<(), String> {
        self.about(wire, "/meta/subscribe", channel).await
    }

    pub(super) async fn unsubscribe(&mut self, wire: &Wire, channel: &str) -> Result<(), String> {
        self.about(wire, "/meta/unsubscribe", channel).await
    }

    /// Ends the connection, if there is one.
    pub(super) async fn disconnect(&mut self, wire: &Wire) -> Result<(), String> {
        if self.is_known() {
            let channel = "/meta/disconnect";
            let message = Said {
                channel,
                ..Said::default()
            };
            self.say(wire, vec![message]).await?;
        }
        self.known = None;
        Ok(())
    }

    /// Publishes messages, each with its channel and its data, and returns what lasts of the replies.
    pub(super) async fn publish(
        &mut self,
        wire: &Wire,
        messages: &[(String, Option<Box<RawValue>>)],
    ) -> Result<Vec<String>, String> {
        let said = messages.iter().map(|(channel, data)| Said {
            channel,
            data: data.as_deref(),
            ..Said::default()
        });
        let replies = self.say(wire, said.collect()).await?;
        let answers = replies
            .iter()
            .filter(|(sent, _)| sent.role() == Role::Published);
        let lasting = |(_, text): &Reply| recorded::lasting(text);
        Ok(answers.filter_map(lasting).collect())
    }

    /// The next notification, if a poll brings one. The server holds the poll for so many milliseconds,
    /// or as long as it likes.
    pub(super) async fn hear(
        &mut self,
        wire: &Wire,
        hold: Option<u64>,
    ) -> Result<Option<Heard>, String> {
        if self.heard.is_empty() && self.is_known() {
            let message = Said {
                channel: "/meta/connect",
                connection_type: Some(LONG_POLLING),
                advice: hold.map(|timeout| Advice { timeout }),
                ..Said::default()
            };
            self.say(wire, vec![message]).await?;
        }
        Ok(self.heard.pop_front())
    }

    async fn about(&mut self, wire: &Wire, meta: &str, channel: &str) -> Result<(), String> {
        let message = Said {
            channel: meta,
            subscription: Some(channel),
            ..Said::default()
        };
        self.say(wire, vec![message]).await.map(drop)
    }

    /// Sends messages as the client that the last handshake made.
    async fn say(
        &mut self,
        wire: &Wire,
        mut messages: Vec<Said<'_>>,
    ) -> Result<Vec<Reply>, String> {
        let Some(known) = self.known.take() else {
            return Err("it has not shaken hands".to_owned());
        };
        for message in &mut messages {
            message.client_id = Some(&known.client);
        }
        let replies = self.send(wire, &known.endpoint, &mut messages).await;
        self.known = Some(known);
        let replies = replies?;
        let refused = |sent: &&Sent| sent.role() == Role::Meta && sent.successful != Some(true);
        match replies.iter().map(|(sent, _)| sent).find(refused) {
            Some(Sent { channel, error, .. }) => {
                let why = error.as_deref().unwrap_or("without a reason");
                Err(format!("{channel} is refused: {why}"))
            }
            None => Ok(replies),
        }
    }

    /// Sends messages, and keeps the notifications that come with the replies.
    async fn send(
        &mut self,
        wire: &Wire,
        endpoint: &str,
        messages: &mut [Said<'_>],
    ) -> Result<Vec<Reply>, String> {
        for message in messages.iter_mut() {
            self.next += 1;
            message.id = self.next.to_string();
        }
        let content = serde_json::to_string(messages).map_err(|error| error.to_string())?;
        let content = wire.post(endpoint, content).await?;
        let text = |error: serde_json::Error| error.to_string();
        let replies = reply::read(&content).map_err(text)?;
        let texts = reply::texts(&content).map_err(text)?;
        for sent in &replies {
            if let (Role::Event, Some(data)) = (sent.role(), &sent.data) {
                self.heard.push_back(Heard {
                    channel: sent.channel.clone(),
                    data: data.get().to_owned(),
                });
            }
        }
        Ok(replies.into_iter().zip(texts).collect())
    }
}
