//! What a port allows its clients: how many there may be, how much they may send, and how long they are
//! waited for. It holds choices and decides nothing.

use std::time::Duration;

/// The longest head of a request, which is eight times what common servers take, and little enough to
/// hold for each connection.
pub const MAX_HEAD: usize = 64 * 1024;

/// How many connections may be open at once: what a thousand agents with four each need, and at a head
/// of the longest kind each no more than 256 MiB.
pub const MAX_CONNECTIONS: usize = 4_096;

/// How many connections an admin port has: persons, monitors and tests, of whom few are there at once.
/// It counts for itself, so that the port answers when the other is full.
const MAX_ADMIN_CONNECTIONS: usize = 256;

/// How long content may pause before its client counts as gone: a phone that changes its network is
/// back by then.
const BODY: Duration = Duration::from_secs(60);

/// How long connections that are at work may go on when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// How long a client that has sent its last byte is waited for without a byte being sent to it. It
/// may have gone: the two look the same until something is sent.
const HALF_CLOSED: Duration = Duration::from_secs(2);

/// How many clients there may be, how long they are waited for, what their last byte means, and whether
/// they may open sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many connections may be open. One more is answered 503 and closed.
    pub connections: usize,
    /// How many bytes the head of a request may have.
    pub head_size: usize,
    /// How long a client may take to send the head of a request, from its first byte on; and to
    /// shake hands, from the connection on.
    pub head: Duration,
    /// How long the content of a request may bring no byte while somebody waits for it.
    pub body: Duration,
    /// How long a client may take no byte of what it is sent.
    pub reader: Duration,
    /// How long a connection may be open with nothing under way.
    pub idle: Duration,
    /// How long what is under way may go on when the server stops.
    pub drain: Duration,
    /// What a client's last byte means while its request is under way.
    pub on_fin: OnFin,
    /// Whether the service learns that a client offers to open a socket.
    pub sockets: Sockets,
    /// Whether the service learns how the names of fields were written.
    pub names: Names,
}

/// What becomes of capitals in the names of the fields of HTTP/1.1, which mean nothing (RFC 9110 §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// They are lost, which is quicker.
    #[default]
    Lowered,
    /// They go with a request, and with a response back, for a service that passes messages on.
    Kept,
}

/// What becomes of a client's offer to go on with the WebSocket protocol (RFC 6455 §4, RFC 8441).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sockets {
    /// It counts for nothing: the request is one of HTTP/1.1, and HTTP/2 knows no such request.
    #[default]
    Ignored,
    /// The service is told of it, and accepts it by a response of 101, over HTTP/2 of 200 to 299.
    Passed,
}

/// What it means that a client has closed its side of the connection while its request is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFin {
    /// It is gone, and its request is given up.
    Gone,
    /// It wants the response still; given up only where none begins for two seconds.
    Answer,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: MAX_CONNECTIONS,
            head_size: MAX_HEAD,
            head: Duration::from_secs(60),
            body: BODY,
            reader: BODY,
            idle: Duration::from_secs(60),
            drain: DRAIN,
            on_fin: OnFin::Gone,
            sockets: Sockets::Ignored,
            names: Names::Lowered,
        }
    }
}

impl Limits {
    /// Those of an admin port.
    pub fn admin() -> Limits {
        Limits {
            connections: MAX_ADMIN_CONNECTIONS,
            ..Limits::default()
        }
    }

    pub(super) fn half_closed(&self) -> Duration {
        match self.on_fin {
            OnFin::Gone => Duration::ZERO,
            OnFin::Answer => HALF_CLOSED,
        }
    }
}
