//! What passing exchanges mean: whose they are, which notifications they carry, and which operation
//! caused each. Sans-I/O: observations in, tape events out.

use crate::exchange::{End, Headers, Micros, Request, Response};
use crate::tape::Event;

/// The number of a connection by a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// An exchange is over, and no response came: the client or the upstream went away before.
    Gone {
        /// Which exchange.
        passing: Passing,
        /// When.
        at: Micros,
    },
}

/// What was learned so far.
#[derive(Debug, Default)]
pub struct Understanding {}

impl Understanding {
    /// Takes what was seen, and returns what is to be written, in order.
    pub fn observe(&mut self, _observation: Observation) -> Vec<Event> {
        let _ = Headers::new();
        Vec::new()
    }
}
