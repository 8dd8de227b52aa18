//! What one exchange tells the writer, and what becomes of it where the queue has no room.
//!
//! An exchange is told whole or not at all: the writer must never meet a response without its request,
//! nor wait for one that does not come. Of a stream that is told, single messages may be left out. What
//! is left out is counted, so that the tape can say so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::exchange::{Gap, Headers, Micros, Request, Response, Stream};

use super::backlog::{Message, Need};
use super::capture::{self, Capture};
use super::handing::Given;
use super::tap::Head;
use super::written::Written;
use super::{Connection, Ending, Item, Observation, Passing, Shared};

/// Why something is left out.
const WHY: &str = "the disk is slower than the traffic";

/// What the two halves of a tap share.
pub(super) struct Exchange {
    pub(super) passing: Passing,
    pub(super) connection: Connection,
    pub(super) telling: Mutex<Telling>,
    pub(super) shared: Arc<Shared>,
}

/// How far the writer has been told of an exchange.
#[allow(clippy::large_enum_variant)] // each is in its place from the beginning, and is never moved
pub(super) enum Telling {
    /// Not yet.
    Arriving(Sending),
    /// It has the request.
    Told,
    /// It is not told of it: the request came then, and took so many bytes.
    Missed { at: Micros, bytes: usize },
}

/// A request while it arrives.
pub(super) struct Sending {
    pub(super) head: Head,
    pub(super) capture: Capture,
    pub(super) trailers: Headers,
    pub(super) at: Micros,
}

/// Whether the writer knows of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Yes,
    No,
}

impl Exchange {
    pub(super) fn telling(&self) -> MutexGuard<'_, Telling> {
        // Whoever panicked with it in hand left it whole: every change is one assignment.
        self.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the request to the writer, once.
    pub(super) fn send_request(&self, ending: capture::Ending) {
        // The lock is held while it is sent, so that a response cannot overtake it.
        let mut telling = self.telling();
        let Telling::Arriving(sending) = &mut *telling else {
            return;
        };
        let at = sending.at;
        let observation = Observation::Request {
            passing: self.passing,
            connection: self.connection,
            at,
            request: Request {
                method: std::mem::take(&mut sending.head.method),
                target: std::mem::take(&mut sending.head.target),
                headers: std::mem::take(&mut sending.head.headers),
                body: sending.capture.finish(ending),
                trailers: std::mem::take(&mut sending.trailers),
            },
        };
        let message = Message::Seen(observation);
        let bytes = message.bytes();
        *telling = if self.shared.send(message, Need::Optional).is_some() {
            Telling::Told
        } else {
            self.shared.backlog.health().loses();
            Telling::Missed { at, bytes }
        };
    }

    /// The exchange is over, and this is what came of it; `None` where that found no room.
    pub(super) fn answered(&self, observation: Observation) -> Option<Given> {
        let gone = matches!(observation, Observation::Gone { .. });
        let need = if gone {
            Need::Mandatory
        } else {
            Need::Optional
        };
        let message = Message::Over(observation);
        let bytes = message.bytes();
        if self.known(bytes) == Known::No {
            return None;
        }
        let given = self.shared.send(message, need);
        if given.is_none() {
            let at = self.shared.clock.now();
            self.exchange_lost(at, bytes);
            let passing = self.passing;
            self.shared
                .send(Message::Forget { passing, at }, Need::Mandatory);
        }
        given
    }

    /// The response has opened a stream.
    pub(super) fn opened(&self, response: Response, stream: Stream) {
        // The service may answer before it has the whole request.
        self.send_request(capture::Ending::Broken);
        let message = Message::Seen(Observation::Opened {
            passing: self.passing,
            at: self.shared.clock.now(),
            response,
            stream,
        });
        if self.known(message.bytes()) == Known::Yes {
            // It has no content; without it nothing that the stream brings could be told.
            self.shared.send(message, Need::Mandatory);
        }
    }

    /// Something came on the stream: what to wait for before the other side may have it.
    pub(super) fn passed(&self, item: Item) -> Option<Written> {
        let at = self.shared.clock.now();
        let observation = Observation::Passed {
            passing: self.passing,
            at,
            item,
        };
        let message = Message::Over(observation);
        let bytes = message.bytes();
        let given = match *self.telling() {
            Telling::Missed { .. } => None,
            Telling::Arriving(_) | Telling::Told => self.shared.send(message, Need::Optional),
        };
        if given.is_none() {
            self.shared.backlog.drops(&Gap {
                at,
                until: at,
                events: 1,
                bytes: bytes as u64,
                why: WHY.to_owned(),
                ..Gap::default()
            });
            return None;
        }
        let written = self.shared.written(given);
        (!written.is_immediate()).then_some(written)
    }

    /// The stream is over; `None` where the writer does not know of it.
    pub(super) fn ended(&self, ending: Ending) -> Option<Given> {
        self.shared.backlog.over();
        if matches!(*self.telling(), Telling::Missed { .. }) {
            return None;
        }
        let observation = Observation::Ended {
            passing: self.passing,
            at: self.shared.clock.now(),
            ending,
        };
        self.shared
            .send(Message::Over(observation), Need::Mandatory)
    }

    /// Whether the writer knows of the exchange, which has so many bytes more; counts it where not.
    fn known(&self, more: usize) -> Known {
        match *self.telling() {
            Telling::Missed { at, bytes } => {
                self.exchange_lost(at, bytes + more);
                Known::No
            }
            Telling::Arriving(_) | Telling::Told => Known::Yes,
        }
    }

    fn exchange_lost(&self, at: Micros, bytes: usize) {
        self.shared.backlog.drops(&Gap {
            at,
            until: self.shared.clock.now(),
            exchanges: 1,
            bytes: bytes as u64,
            why: WHY.to_owned(),
            ..Gap::default()
        });
    }
}
