//! Hears the bytes of a socket in both directions, and tells its tap what they say.
//!
//! It decides nothing about the wire: what cannot be read passes all the same, and is missing on the
//! tape, which says so.

use crate::exchange::{End, Ender, Side};
use crate::stream;
use crate::websocket::{Agreement, Close, Decoder, Fault, Seen};

use super::capture::{Grant, READ_WHOLE};
use super::tap::StreamTap;
use super::written::Written;
use super::{Ending, Item};

/// The tap on a socket. Dropping it means that the socket broke off.
#[must_use = "a socket whose tap is dropped counts as broken off"]
pub struct SocketTap(Option<Hearing>);

/// What a [`SocketTap`] has heard, where it is not deaf.
struct Hearing {
    tap: StreamTap,
    client: Ear,
    service: Ear,
    /// The first close frame, and who sent it.
    close: Option<(Side, Close)>,
}

/// What hears one direction.
struct Ear {
    decoder: Decoder,
    /// How much of the budget for what is under way it has.
    granted: usize,
}

impl SocketTap {
    /// The tap on a socket on which this was agreed.
    pub(super) fn new(tap: StreamTap, agreement: &Agreement) -> SocketTap {
        if let Agreement::Unknown(extension) = agreement {
            tracing::warn!(
                "a socket has the extension {extension:?}, which is not known: its messages are kept as they are on the wire"
            );
        }
        let keep = tap.shared().max_body.max(READ_WHOLE);
        let ear = |by| Ear {
            decoder: Decoder::new(by, agreement, keep),
            granted: 0,
        };
        SocketTap(Some(Hearing {
            client: ear(Side::Client),
            service: ear(Side::Service),
            tap,
            close: None,
        }))
    }

    /// One that hears nothing.
    pub(super) fn deaf() -> SocketTap {
        SocketTap(None)
    }

    /// Bytes passed: what to wait for before the other side may have them, if they complete something.
    pub fn data(&mut self, by: Side, bytes: &[u8]) -> Option<Written> {
        self.0.as_mut()?.data(by, bytes)
    }

    /// The socket is over; `by` ended the connection first.
    pub fn end(mut self, by: Ender) {
        if let Some(hearing) = &mut self.0 {
            hearing.end(by);
        }
    }
}

impl Hearing {
    fn data(&mut self, by: Side, mut bytes: &[u8]) -> Option<Written> {
        let mut written = None;
        while let Some(seen) = self.ear(by).decoder.next(&mut bytes) {
            let item = match seen {
                Seen::Message(message) => Item::Message {
                    by,
                    kind: message.kind,
                    data: message.data,
                },
                Seen::Ping(payload) => Item::Ping(by, payload),
                Seen::Pong(payload) => Item::Pong(by, payload),
                Seen::Close(close) => {
                    self.close.get_or_insert((by, close));
                    continue;
                }
                Seen::Fault(fault) => match lost(by, fault) {
                    Some(item) => item,
                    None => continue,
                },
            };
            written = self.tap.pass(item).or(written);
        }
        self.account(by);
        written
    }

    fn end(&mut self, by: Ender) {
        for side in [Side::Client, Side::Service] {
            if let Some(fault) = self.ear(side).decoder.end() {
                lost(side, fault);
            }
            self.account(side);
        }
        let ending = match self.close.take() {
            Some((by, close)) => Ending {
                by: by.into(),
                close: close.code.map(|code| (code, close.reason)),
                end: End::Complete,
            },
            None => Ending {
                by,
                close: None,
                end: End::Truncated,
            },
        };
        self.tap.finish(ending);
    }

    fn ear(&mut self, by: Side) -> &mut Ear {
        match by {
            Side::Client => &mut self.client,
            Side::Service => &mut self.service,
        }
    }

    /// Takes from the budget, or gives back, what is held of the message under way; cuts that where
    /// the budget is used up.
    fn account(&mut self, by: Side) {
        let ear = match by {
            Side::Client => &mut self.client,
            Side::Service => &mut self.service,
        };
        let budget = &self.tap.shared().budget;
        let held = ear.decoder.held();
        if held <= ear.granted {
            budget.give_back(ear.granted - held);
            ear.granted = held;
        } else if budget.take(held - ear.granted) == Grant::Given {
            ear.granted = held;
        } else {
            ear.decoder.cut(ear.granted);
        }
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        let granted = self.client.granted + self.service.granted;
        self.tap.shared().budget.give_back(granted);
    }
}

/// Says that a side broke the rules; what tells the tape, where something is missing on it.
fn lost(by: Side, fault: Fault) -> Option<Item> {
    let who = by.name();
    match fault {
        // A message that did not come to its end is none.
        Fault::Torn | Fault::AfterClose => {
            tracing::debug!("what the {who} sends on a socket: {fault}");
            None
        }
        Fault::Reserved(_)
        | Fault::Opcode(_)
        | Fault::Fragment
        | Fault::LongControl
        | Fault::Continuation
        | Fault::Interleaved
        | Fault::Unmasked
        | Fault::Masked
        | Fault::LongLength(_)
        | Fault::Length
        | Fault::Text
        | Fault::HalfCode
        | Fault::Code(_)
        | Fault::Reason
        | Fault::Deflate
        | Fault::Bomb => {
            tracing::error!(
                "what the {who} sends on a socket is not recorded from now on: {fault}"
            );
            Some(Item::Said(stream::Item::Lost))
        }
    }
}
