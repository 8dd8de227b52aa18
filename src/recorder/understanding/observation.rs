//! What is seen of exchanges while they pass, in the order in which it is seen.
//!
//! What it means is the business of [`super::Understanding`].

use crate::exchange::{End, Micros, Request, Response, Stream};

use super::{Ending, Item};

/// The number of a connection by a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection(pub u64);

/// The number of an exchange that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Passing(pub u64);

/// Something that was seen, in the order in which it was seen.
#[derive(Clone, Debug)]
pub enum Observation {
    /// A request is complete.
    Request {
        /// Which exchange.
        passing: Passing,
        /// On which of the clients' connections.
        connection: Connection,
        /// When its head arrived.
        at: Micros,
        /// The request, as the client sent it.
        request: Request,
    },
    /// A response has ended.
    Response {
        /// Which exchange.
        passing: Passing,
        /// When its last byte was there.
        at: Micros,
        /// The response, as the upstream sent it.
        response: Response,
        /// How it ended.
        end: End,
    },
    /// A response has begun that is a stream of messages.
    Opened {
        /// Which exchange.
        passing: Passing,
        /// When its head was there.
        at: Micros,
        /// Its head, as the upstream sent it.
        response: Response,
        /// What it opens.
        stream: Stream,
    },
    /// Something came on a stream.
    Passed {
        /// On that of which exchange.
        passing: Passing,
        /// When.
        at: Micros,
        /// What.
        item: Item,
    },
    /// A stream is over.
    Ended {
        /// That of which exchange.
        passing: Passing,
        /// When.
        at: Micros,
        /// How.
        ending: Ending,
    },
    /// An exchange is over, and no response came: the client or the upstream went away before.
    Gone {
        /// Which exchange.
        passing: Passing,
        /// When.
        at: Micros,
    },
    /// The recording is about to end: what gets no response from now on was cut by that.
    Ending {
        /// When.
        at: Micros,
    },
}

impl Observation {
    /// When it came.
    pub(in crate::recorder) fn at(&self) -> Micros {
        match self {
            Observation::Request { at, .. }
            | Observation::Response { at, .. }
            | Observation::Opened { at, .. }
            | Observation::Passed { at, .. }
            | Observation::Ended { at, .. }
            | Observation::Gone { at, .. }
            | Observation::Ending { at } => *at,
        }
    }

    /// When it came, if it is something that the service sent. A request is told of when it is complete,
    /// and timed by its head.
    pub(super) fn came(&mut self) -> Option<&mut Micros> {
        match self {
            Observation::Request { .. } | Observation::Ending { .. } => None,
            Observation::Response { at, .. }
            | Observation::Opened { at, .. }
            | Observation::Passed { at, .. }
            | Observation::Ended { at, .. }
            | Observation::Gone { at, .. } => Some(at),
        }
    }
}
