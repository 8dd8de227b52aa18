//! The taps on one exchange: the proxy tells them what passes, as it passes.
//!
//! A request and its response pass at the same time, so each has a half of its own. Nothing here
//! waits, but for [`Written`], which the proxy awaits before it lets the last byte go.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::exchange::{End, Headers, Micros, Request, Response};

use super::backlog::{Message, Room};
use super::capture::{Capture, Ending};
use super::settings::Durability;
use super::{Connection, Observation, Passing, Shared};

/// The head of a request.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Headers,
}

/// The tap on one exchange. Dropping it means that the exchange broke off.
#[must_use = "an exchange whose tap is dropped counts as broken off"]
pub struct Tap {
    request: RequestTap,
    response: ResponseTap,
}

/// The half of a [`Tap`] that hears the request.
#[must_use = "a request whose tap is dropped counts as broken off"]
pub struct RequestTap(Arc<Exchange>);

/// The half of a [`Tap`] that hears the response.
#[must_use = "a response whose tap is dropped counts as broken off"]
pub struct ResponseTap {
    exchange: Arc<Exchange>,
    head: Option<(u16, Headers)>,
    capture: Capture,
    stage: Stage,
}

/// Resolves when the end of an exchange is as durable as the user asked for.
#[must_use = "the client may have the last byte only when this has resolved"]
#[derive(Debug)]
pub struct Written(Option<oneshot::Receiver<()>>);

impl Tap {
    pub(super) fn new(
        shared: Arc<Shared>,
        passing: Passing,
        connection: Connection,
        head: Head,
    ) -> Self {
        let capture = || Capture::new(shared.max_body, Arc::clone(&shared.budget));
        let at = shared.clock.now();
        shared.backlog.begin();
        let sending = Sending {
            head,
            capture: capture(),
            at,
        };
        let response = capture();
        let exchange = Arc::new(Exchange {
            passing,
            connection,
            sending: Mutex::new(Some(sending)),
            shared,
        });
        Tap {
            request: RequestTap(Arc::clone(&exchange)),
            response: ResponseTap {
                exchange,
                head: None,
                capture: response,
                stage: Stage::UnderWay,
            },
        }
    }

    /// The two halves, for request and response that pass in different tasks.
    pub fn split(self) -> (RequestTap, ResponseTap) {
        (self.request, self.response)
    }

    /// See [`RequestTap::data`].
    pub fn request_data(&mut self, data: &Bytes) {
        self.request.data(data);
    }

    /// See [`RequestTap::end`].
    pub fn request_end(&mut self) {
        self.request.0.send_request(Ending::Whole);
    }

    /// See [`ResponseTap::head`].
    pub fn response_head(&mut self, status: u16, headers: Headers) {
        self.response.head(status, headers);
    }

    /// See [`ResponseTap::data`].
    pub fn response_data(&mut self, data: &Bytes) {
        self.response.data(data);
    }

    /// See [`ResponseTap::end`].
    pub fn end(self, end: End) -> Written {
        self.response.end(end)
    }
}

impl RequestTap {
    /// More of the request's content passed.
    pub fn data(&mut self, data: &Bytes) {
        if let Some(sending) = self.0.sending().as_mut() {
            sending.capture.push(data);
        }
    }

    /// The request is complete.
    pub fn end(self) {
        self.0.send_request(Ending::Whole);
    }
}

impl Drop for RequestTap {
    fn drop(&mut self) {
        self.0.send_request(Ending::Broken);
    }
}

impl ResponseTap {
    /// The head of the response arrived; not of an interim one (RFC 9110 §15.2).
    pub fn head(&mut self, status: u16, headers: Headers) {
        self.head = Some((status, headers));
    }

    /// More of the response's content passed.
    pub fn data(&mut self, data: &Bytes) {
        self.capture.push(data);
    }

    /// The response is over.
    pub fn end(mut self, end: End) -> Written {
        let shared = Arc::clone(&self.exchange.shared);
        let (done, written) = oneshot::channel();
        let room = self.finish(end, done);
        match (shared.durability, room) {
            (Durability::Relaxed, Room::Enough) => Written(None),
            (Durability::Relaxed, Room::None)
            | (Durability::Written | Durability::Synced, Room::Enough | Room::None) => {
                Written(Some(written))
            }
        }
    }

    fn finish(&mut self, end: End, done: oneshot::Sender<()>) -> Room {
        self.stage = Stage::Over;
        self.exchange.shared.backlog.over();
        // The service may answer before it has the whole request, and the writer must know of the
        // request first.
        self.exchange.send_request(Ending::Broken);
        let shared = &self.exchange.shared;
        let (passing, at) = (self.exchange.passing, shared.clock.now());
        let observation = match self.head.take() {
            Some((status, headers)) => Observation::Response {
                passing,
                at,
                response: Response {
                    status,
                    headers,
                    body: self.capture.finish(Ending::Whole),
                },
                end,
            },
            None => Observation::Gone { passing, at },
        };
        shared.send(Message::Over { observation, done })
    }
}

impl Drop for ResponseTap {
    fn drop(&mut self) {
        if self.stage == Stage::UnderWay {
            let (done, _) = oneshot::channel();
            let _ = self.finish(End::Truncated, done);
        }
    }
}

impl Written {
    /// Whether nothing is waited for.
    #[cfg(test)]
    pub(super) fn is_immediate(&self) -> bool {
        self.0.is_none()
    }
}

impl Future for Written {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(receiver) = &mut self.0 else {
            return Poll::Ready(());
        };
        // A writer that has gone answers with an error. It has said why, and the client must not
        // wait for ever.
        let answer = Pin::new(receiver).poll(context);
        if answer.is_ready() {
            self.0 = None;
        }
        answer.map(|_| ())
    }
}

impl Shared {
    fn send(&self, message: Message) -> Room {
        let room = self.backlog.put(message.bytes());
        if self.queue.send(message).is_err() {
            self.backlog.missed();
        }
        room
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    UnderWay,
    Over,
}

/// What the two halves share.
struct Exchange {
    passing: Passing,
    connection: Connection,
    /// The request, until the writer has it.
    sending: Mutex<Option<Sending>>,
    shared: Arc<Shared>,
}

/// A request while it arrives.
struct Sending {
    head: Head,
    capture: Capture,
    at: Micros,
}

impl Exchange {
    fn sending(&self) -> MutexGuard<'_, Option<Sending>> {
        // Whoever panicked with it in hand left it whole: every change is one assignment.
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the request to the writer, once.
    fn send_request(&self, ending: Ending) {
        // The lock is held while it is sent, so that a response cannot overtake it.
        let mut sending = self.sending();
        let Some(mut request) = sending.take() else {
            return;
        };
        let observation = Observation::Request {
            passing: self.passing,
            connection: self.connection,
            at: request.at,
            request: Request {
                method: request.head.method,
                target: request.head.target,
                headers: request.head.headers,
                body: request.capture.finish(ending),
            },
        };
        self.shared.send(Message::Began(observation));
    }
}
