//! Requests to the Bayeux endpoint, as the service sees them: their messages in, and the answers when the
//! server has them.

use bytes::Bytes;
use http::{Method, Response, header};
use tokio::sync::oneshot;

use crate::bayeux::{Carrier, Exchange, Message, message};
use crate::player::body::ReplayBody;
use crate::player::cast::{Identity, Role};
use crate::player::copies::{Ask, CopyId};
use crate::player::fields;
use crate::player::publish;
use crate::player::refusal::{Kind, Refusal};

use super::Replay;
use super::requests::marked;
use super::state::{Phase, Waiter};

/// A request to the Bayeux endpoint that may wait: all that is left of it.
pub(super) struct Poll {
    asked: Asked,
    carrier: Carrier,
    mark: Option<CopyId>,
}

struct Asked {
    waiting: Waiting,
    receiver: oneshot::Receiver<Vec<Bytes>>,
    cookie: Option<String>,
}

/// A request that waits for the Bayeux server. When it is given up, so is its poll.
pub(in crate::player) struct Waiting {
    /// Where it waits; `None` when it has its answer.
    replay: Option<Replay>,
    copy: CopyId,
    pub(in crate::player) exchange: Exchange,
}

impl Poll {
    /// The response, when there is one.
    pub(super) async fn answered(self) -> Response<ReplayBody> {
        let cookie = self.asked.cookie.clone();
        let response = match self.asked.replies().await {
            Ok(replies) => {
                let (kind, content) = self.carrier.response(&replies);
                fields::bayeux(kind, content, cookie)
            }
            Err(refusal) => fields::refused(&refusal),
        };
        marked(response, self.mark)
    }
}

impl Asked {
    /// The messages of the answer, when it is there; why there is none, if a tape was changed.
    async fn replies(mut self) -> Result<Vec<Bytes>, Refusal> {
        let answer = self.receiver.await;
        let fault = self.waiting.replay.as_ref().and_then(Replay::fault);
        if answer.is_ok() {
            self.waiting.answered();
        }
        match fault {
            Some(refusal) => Err(refusal),
            None => Ok(answer.unwrap_or_default()),
        }
    }
}

impl Waiting {
    /// The request has its answer, and there is nothing to give up.
    pub(in crate::player) fn answered(&mut self) {
        self.replay = None;
    }
}

impl Replay {
    /// Sends messages to the Bayeux server, and waits for its answer.
    pub(in crate::player) async fn say(
        &self,
        identity: &Identity,
        role: Role,
        messages: &[Message],
    ) -> Vec<Bytes> {
        let replies = self.asked(identity, role, messages).replies().await;
        replies.unwrap_or_default()
    }

    fn asked(&self, identity: &Identity, role: Role, messages: &[Message]) -> Asked {
        let (sender, receiver) = oneshot::channel();
        let (waiting, cookie) = self.ask(identity, role, messages, Waiter::Request(sender));
        Asked {
            waiting,
            receiver,
            cookie,
        }
    }

    /// Sends messages to the Bayeux server, which answers to the one who waits. That one keeps what is
    /// returned until then.
    pub(in crate::player) fn ask(
        &self,
        identity: &Identity,
        role: Role,
        messages: &[Message],
        waiter: Waiter,
    ) -> (Waiting, Option<String>) {
        self.change(|state, now| {
            state.next += 1;
            let exchange = Exchange(state.next);
            state.waiting.insert(exchange, waiter);
            let copy = state.copies.of(identity, Ask::Messages(messages));
            let stage = state.stage(copy);
            let misses = stage.journal().misses().total();
            let (mut sends, cookie) = stage.messages(now, exchange, identity, role, messages);
            if stage.journal().misses().total() > misses {
                self.0.missed.notify_one();
            }
            if state.phase == Phase::Stopping {
                sends.extend(state.copies.get(copy).release_all(now));
            }
            state.dispatch(sends);
            let replay = Some(self.clone());
            let waiting = Waiting {
                replay,
                copy,
                exchange,
            };
            (waiting, cookie)
        })
    }

    /// Whether a request is to the Bayeux endpoint, by one of the methods that carry messages.
    pub(super) fn is_bayeux(&self, head: &http::request::Parts) -> bool {
        self.is_endpoint(head.uri.path())
            && (head.method == Method::POST || head.method == Method::GET)
    }

    pub(super) fn is_endpoint(&self, path: &str) -> bool {
        let mut endpoints = self.0.endpoints.iter();
        endpoints.any(|endpoint| publish::is_below(path, endpoint))
    }

    /// Hands the messages of a request to the Bayeux server.
    pub(super) fn poll(
        &self,
        head: &http::request::Parts,
        identity: &Identity,
        content: &[u8],
    ) -> Result<Poll, Refusal> {
        let read = if head.method == Method::GET {
            message::read_query(head.uri.query().unwrap_or_default())
        } else {
            let kind = head
                .headers
                .get(header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok());
            message::read(kind, content).map(|messages| (messages, Carrier::Json))
        };
        let (messages, carrier) = read.map_err(|error| {
            let message = format!("{}: {error}", head.uri.path());
            Refusal::plain(Kind::Malformed, message)
        })?;
        let asked = self.asked(identity, Role::Player, &messages);
        let mark = self.mark(identity, asked.waiting.copy);
        Ok(Poll {
            asked,
            carrier,
            mark,
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(replay) = &self.replay else {
            return;
        };
        replay.change(|state, now| {
            if state.waiting.remove(&self.exchange).is_some() {
                state.stage(self.copy).cancel(now, self.exchange);
            }
        });
    }
}
