//! The taps on one exchange: the proxy tells them what passes, as it passes.
//!
//! A request and its response pass at the same time, so each has a half of its own. Nothing here
//! waits, but for [`Written`], which the proxy awaits before it lets the last byte go. What finds no
//! room in the writer's queue is left out by whole exchanges, and counted (`telling`). Where the
//! recording is off, a tap is deaf: it keeps nothing and tells nothing.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::exchange::{End, Ender, Headers, Response, Stream};
use crate::websocket::Agreement;

use super::capture::{self, Capture};
use super::handing::Given;
use super::socket::SocketTap;
use super::stream::{self, Reader};
use super::telling::{Exchange, Sending, Telling};
use super::written::Written;
use super::{Connection, Ending, Item, Observation, Passing, Shared};

/// The field by which a service says what it agreed to (RFC 6455 §11.3.2).
const EXTENSIONS: &str = "sec-websocket-extensions";

/// The head of a request.
#[derive(Debug, Default)]
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
pub struct RequestTap(Option<Arc<Exchange>>);

/// The half of a [`Tap`] that hears the response.
#[must_use = "a response whose tap is dropped counts as broken off"]
pub struct ResponseTap(Option<Box<Hearing>>); // most of what is handed on with a response, where it is not deaf

/// What a [`ResponseTap`] has heard, where it is not deaf.
struct Hearing {
    exchange: Arc<Exchange>,
    head: Option<(u16, Headers)>,
    capture: Capture,
    trailers: Headers,
    /// What reads the messages of a stream.
    reader: Option<Box<Reader>>,
    content: Content,
    stage: Stage,
    breaker: Breaker,
}

/// Tells who it was where a response is dropped before its end.
type Breaker = Box<dyn Fn() -> Ender + Send + Sync>;

/// The tap on what a socket says, for both directions. Dropping it means that the socket broke off.
#[must_use = "a socket whose tap is dropped counts as broken off"]
pub(super) struct StreamTap {
    exchange: Arc<Exchange>,
    stage: Mutex<Stage>,
}

/// Whether a response has the content that its head describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Sent,
    /// It has, and the user says that it is lines of JSON.
    Lines,
    /// It answers HEAD (RFC 9110 §9.3.2).
    None,
}

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
            trailers: Headers::new(),
            at,
        };
        let response = capture();
        let path = || sending.head.target.split('?').next().unwrap_or_default();
        let content = match sending.head.method.as_str() {
            "HEAD" => Content::None,
            _ if shared.lines.iter().any(|lines| lines.matches(path())) => Content::Lines,
            _ => Content::Sent,
        };
        let exchange = Arc::new(Exchange {
            passing,
            connection,
            telling: Mutex::new(Telling::Arriving(sending)),
            shared,
        });
        Tap {
            request: RequestTap(Some(Arc::clone(&exchange))),
            response: ResponseTap(Some(Box::new(Hearing {
                exchange,
                head: None,
                capture: response,
                trailers: Headers::new(),
                reader: None,
                content,
                stage: Stage::UnderWay,
                breaker: Box::new(|| Ender::Client),
            }))),
        }
    }

    /// One that hears nothing.
    pub(super) fn deaf() -> Self {
        Tap {
            request: RequestTap(None),
            response: ResponseTap(None),
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
        self.request.send(capture::Ending::Whole);
    }

    /// See [`ResponseTap::head`].
    pub fn response_head(&mut self, status: u16, headers: Headers) {
        self.response.head(status, |_| headers);
    }

    /// See [`ResponseTap::data`].
    pub fn response_data(&mut self, data: &Bytes) -> Option<Written> {
        self.response.data(data)
    }

    /// See [`ResponseTap::end`].
    pub fn end(self, end: End) -> Written {
        self.response.end(end)
    }
}

impl RequestTap {
    /// More of the request's content passed.
    pub fn data(&mut self, data: &Bytes) {
        self.while_arriving(|sending| sending.capture.push_of(&sending.head.headers, data));
    }

    /// Its trailer fields came (RFC 9110 §6.5).
    pub fn trailers(&mut self, fields: Headers) {
        self.while_arriving(|sending| sending.trailers = fields);
    }

    /// The request is complete.
    pub fn end(self) {
        self.send(capture::Ending::Whole);
    }

    fn while_arriving(&self, change: impl FnOnce(&mut Sending)) {
        if let Some(exchange) = &self.0
            && let Telling::Arriving(sending) = &mut *exchange.telling()
        {
            change(sending);
        }
    }

    fn send(&self, ending: capture::Ending) {
        if let Some(exchange) = &self.0 {
            exchange.send_request(ending);
        }
    }
}

impl Drop for RequestTap {
    fn drop(&mut self) {
        self.send(capture::Ending::Broken);
    }
}

impl ResponseTap {
    /// Has `breaker` tell who it was if this is dropped before the end of the response; else it was the
    /// client.
    pub fn broken_by(&mut self, breaker: impl Fn() -> Ender + Send + Sync + 'static) {
        if let Some(hearing) = &mut self.0 {
            hearing.breaker = Box::new(breaker);
        }
    }

    /// The head of the response arrived; not of an interim one (RFC 9110 §15.2). Its fields are asked for
    /// where they are recorded, in the memory of others.
    pub fn head(&mut self, status: u16, headers: impl FnOnce(Headers) -> Headers) {
        if let Some(hearing) = &mut self.0 {
            let spare = hearing.exchange.shared.spares.response();
            hearing.head(status, headers(spare));
        }
    }

    /// More of the response's content passed. Where it completes a message of a stream, it returns what
    /// to wait for before the client may have that.
    pub fn data(&mut self, data: &Bytes) -> Option<Written> {
        self.0.as_mut()?.data(data)
    }

    /// Its trailer fields came (RFC 9110 §6.5). Of a stream, whose head is on the tape long since, they
    /// are not kept.
    pub fn trailers(&mut self, fields: Headers) {
        if let Some(hearing) = &mut self.0 {
            hearing.trailers = fields;
        }
    }

    /// The response agreed to a socket: what passes on it from now on is told to what this returns.
    pub fn socket(mut self, status: u16, headers: Headers) -> SocketTap {
        match &mut self.0 {
            Some(hearing) => hearing.socket(status, headers),
            None => SocketTap::deaf(),
        }
    }

    /// The response is over.
    pub fn end(mut self, end: End) -> Written {
        match &mut self.0 {
            Some(hearing) => hearing.end(end),
            None => Written::at_once(),
        }
    }
}

impl Hearing {
    fn head(&mut self, status: u16, headers: Headers) {
        if let Some((stream, reader)) = Reader::of(self.content, status, &headers) {
            self.reader = Some(Box::new(reader));
            self.exchange.opened(stream::head(status, headers), stream);
        } else {
            self.head = Some((status, headers));
        }
    }

    fn data(&mut self, data: &Bytes) -> Option<Written> {
        let Some(reader) = &mut self.reader else {
            match &self.head {
                Some((_, headers)) => self.capture.push_of(headers, data),
                None => self.capture.push(data),
            }
            return None;
        };
        let items = reader.push(data).into_iter();
        let waits = items.filter_map(|item| self.exchange.passed(Item::Said(item)));
        // The last is written after all before it.
        waits.last()
    }

    fn socket(&mut self, status: u16, headers: Headers) -> SocketTap {
        self.stage = Stage::Over;
        let fields = headers.iter();
        let extensions = fields.filter(|(name, _)| name.eq_ignore_ascii_case(EXTENSIONS));
        let agreement = Agreement::read(extensions.map(|(_, value)| value));
        let head = stream::head(status, headers);
        self.exchange.opened(head, Stream::Socket);
        let tap = StreamTap {
            exchange: Arc::clone(&self.exchange),
            stage: Mutex::new(Stage::UnderWay),
        };
        SocketTap::new(tap, &agreement)
    }

    fn end(&mut self, end: End) -> Written {
        let given = self.finish(end, Ender::Service);
        self.exchange.shared.written(given)
    }

    fn finish(&mut self, end: End, by: Ender) -> Option<Given> {
        self.stage = Stage::Over;
        if let Some(mut reader) = self.reader.take() {
            let rest = reader.end();
            if let Some(item) = rest.filter(|_| end == End::Complete) {
                // The end is waited for, and comes after it.
                let _ = self.exchange.passed(Item::Said(item));
            }
            let ending = Ending {
                by,
                close: None,
                end,
            };
            return self.exchange.ended(ending);
        }
        self.exchange.shared.backlog.over();
        // The service may answer before it has the whole request, and the writer must know of the
        // request first.
        self.exchange.send_request(capture::Ending::Broken);
        let (passing, at) = (self.exchange.passing, self.exchange.shared.clock.now());
        let observation = match self.head.take() {
            Some((status, headers)) => Observation::Response {
                passing,
                at,
                response: Response {
                    status,
                    headers,
                    body: self.capture.finish(capture::Ending::Whole),
                    trailers: std::mem::take(&mut self.trailers),
                },
                end,
            },
            None => Observation::Gone { passing, at },
        };
        self.exchange.answered(observation)
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        if self.stage == Stage::UnderWay {
            let by = (self.breaker)();
            let _ = self.finish(End::Truncated, by);
        }
    }
}

impl StreamTap {
    /// Something passed: what to wait for before the other side may have it.
    pub(super) fn pass(&self, item: Item) -> Option<Written> {
        self.exchange.passed(item)
    }

    /// What all taps share.
    pub(super) fn shared(&self) -> &Shared {
        &self.exchange.shared
    }

    /// The socket is over.
    pub(super) fn finish(&self, ending: Ending) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *stage, Stage::Over) == Stage::UnderWay {
            let _ = self.exchange.ended(ending);
        }
    }
}

impl Drop for StreamTap {
    fn drop(&mut self) {
        self.finish(Ending {
            by: Ender::Client,
            close: None,
            end: End::Truncated,
        });
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    UnderWay,
    Over,
}
