//! Requests to the Bayeux endpoint, as the service sees them: their messages in, and the answers when the
//! server has them.

use bytes::Bytes;
use http::{Method, Response, header};
use tokio::sync::oneshot;

use crate::bayeux::{Carrier, Exchange, Message, message};
use crate::player::body::ReplayBody;
use crate::player::cast::{Identity, Role};
use crate::player::copies::{Ask, CopyId};
use crate::player::fields::{self, refused};
use crate::player::publish;
use crate::player::refusal::{Kind, Refusal};

use super::Replay;
use super::state::{Phase, Waiter};

/// What the Bayeux server answered to one request.
pub(in crate::player) struct Replies {
    pub(in crate::player) messages: Vec<Bytes>,
    pub(in crate::player) cookie: Option<String>,
    copy: CopyId,
}

/// A request that waits for the Bayeux server. When it is given up, so is its poll.
pub(in crate::player) struct Waiting {
    /// Where it waits; `None` when it has its answer.
    replay: Option<Replay>,
    copy: CopyId,
    pub(in crate::player) exchange: Exchange,
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
    ) -> Replies {
        let (sender, receiver) = oneshot::channel();
        let (mut waiting, cookie) = self.ask(identity, role, messages, Waiter::Request(sender));
        let answer = receiver.await;
        if answer.is_ok() {
            waiting.answered();
        }
        Replies {
            messages: answer.unwrap_or_default(),
            cookie,
            copy: waiting.copy,
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

    pub(super) async fn bayeux(
        &self,
        head: &http::request::Parts,
        identity: &Identity,
        content: &[u8],
    ) -> Response<ReplayBody> {
        let read = if head.method == Method::GET {
            message::read_query(head.uri.query().unwrap_or_default())
        } else {
            let kind = head
                .headers
                .get(header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok());
            message::read(kind, content).map(|messages| (messages, Carrier::Json))
        };
        let (messages, carrier) = match read {
            Ok(read) => read,
            Err(error) => {
                return refused(&Refusal::plain(
                    Kind::Malformed,
                    format!("{}: {error}", head.uri.path()),
                ));
            }
        };
        let answer = self.say(identity, Role::Player, &messages).await;
        let (kind, content) = carrier.response(&answer.messages);
        let mut response = fields::bayeux(kind, content, answer.cookie);
        self.mark(&mut response, identity, answer.copy);
        response
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
