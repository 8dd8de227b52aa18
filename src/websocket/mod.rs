//! Reads what passes on a WebSocket (RFC 6455), also where it is compressed (RFC 7692). Sans-I/O:
//! the bytes of one direction in, messages and control frames out.
//!
//! It only watches: it holds nothing up, answers no ping, and what it finds faulty passes all the
//! same. A [`Decoder`] stops at the first fault, since what follows can no longer be told apart.

mod agreement;
mod frame;
mod gather;
mod handshake;
mod inflate;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)] // a test may stop at the first thing that is not as it should be
mod tests;
mod utf8;

use bytes::{Bytes, BytesMut};

use crate::exchange::{Body, Kind, Side};

pub use agreement::{Agreement, Takeover};
use frame::{Frame, Head, Opcode};
use gather::Gather;
pub use handshake::accept;
use inflate::Inflate;

/// The most of a message that is kept, however much a caller wants: a message is held in memory until
/// its last byte. Of a longer one the beginning is kept, with the length and digest of the whole.
pub const MAX_KEPT: usize = 64 * 1024 * 1024;

/// The most that one message may inflate to. Deflate makes a thousandfold of its input at best, so that
/// a small message could cost much time; nobody sends so large a one.
pub const MAX_INFLATED: u64 = 1024 * 1024 * 1024;

/// The longest payload of a control frame (RFC 6455 §5.5).
const MAX_CONTROL: usize = 125;

/// How much of a payload is unmasked at once.
const PIECE: usize = 8 * 1024;

/// Something that passed in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A message came to its end.
    Message(Message),
    /// A ping with this payload.
    Ping(Bytes),
    /// A pong with this payload.
    Pong(Bytes),
    /// The close frame, after which nothing may follow.
    Close(Close),
    /// The sender broke the rules: nothing more will be seen of this direction.
    Fault(Fault),
}

/// A message: its fragments joined, unmasked and inflated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it says it is. A message that an unknown extension may have changed is binary.
    pub kind: Kind,
    /// Its content; of a long one the beginning.
    pub data: Body,
}

/// What a close frame says (RFC 6455 §5.5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    /// The status code, if it has one.
    pub code: Option<u16>,
    /// The reason; empty where it has none.
    pub reason: String,
}

/// A rule that a sender broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Reserved bits are set that no extension gives a meaning here (RFC 6455 §5.2).
    #[error("the reserved bits {0:03b} of a frame have no meaning here")]
    Reserved(u8),
    /// An opcode that has no meaning (RFC 6455 §5.2).
    #[error("the opcode {0:#x} is reserved")]
    Opcode(u8),
    /// A control frame that is not the last of its message (RFC 6455 §5.5).
    #[error("a control frame is a fragment")]
    Fragment,
    /// A control frame with a payload of more than 125 bytes (RFC 6455 §5.5).
    #[error("the payload of a control frame is longer than {MAX_CONTROL} bytes")]
    LongControl,
    /// A continuation without a message to continue (RFC 6455 §5.4).
    #[error("a continuation continues no message")]
    Continuation,
    /// A message begins inside of another (RFC 6455 §5.4).
    #[error("a message begins inside of another")]
    Interleaved,
    /// A frame of the client without a mask (RFC 6455 §5.1).
    #[error("a frame of the client is not masked")]
    Unmasked,
    /// A frame of the service with a mask (RFC 6455 §5.1).
    #[error("a frame of the service is masked")]
    Masked,
    /// A length that takes more bytes than it needs (RFC 6455 §5.2).
    #[error("the length {0} takes more bytes than it needs")]
    LongLength(u64),
    /// A length of more than 63 bits (RFC 6455 §5.2).
    #[error("a length has more than 63 bits")]
    Length,
    /// Text that is not UTF-8 (RFC 6455 §8.1).
    #[error("a text message is not UTF-8")]
    Text,
    /// A close frame with half a code (RFC 6455 §5.5.1).
    #[error("a close frame has a payload of one byte")]
    HalfCode,
    /// A code that may not stand in a close frame (RFC 6455 §7.4).
    #[error("the code {0} may not stand in a close frame")]
    Code(u16),
    /// A reason that is not UTF-8 (RFC 6455 §5.5.1).
    #[error("the reason of a close frame is not UTF-8")]
    Reason,
    /// Content that is no deflate stream (RFC 7692 §7.2.2).
    #[error("a message cannot be inflated")]
    Deflate,
    /// Content that inflates to more than [`MAX_INFLATED`].
    #[error("a message inflates to more than {MAX_INFLATED} bytes")]
    Bomb,
    /// Bytes behind the close frame (RFC 6455 §5.5.1).
    #[error("bytes follow the close frame")]
    AfterClose,
    /// The direction ended inside of a frame or a message.
    #[error("it ended inside of a message")]
    Torn,
}

/// Reads one direction of a socket.
#[derive(Debug)]
pub struct Decoder {
    sender: Side,
    keep: usize,
    place: Place,
    message: Option<Underway>,
    /// The payload of the control frame under way.
    control: BytesMut,
    compression: Compression,
}

/// Where in the frames the next byte stands.
#[derive(Debug)]
enum Place {
    Head(Head),
    Payload(Frame),
    Closed,
    Stopped,
}

/// A message of which the last frame has not ended.
#[derive(Debug)]
struct Underway {
    kind: Kind,
    packed: Packed,
    gather: Gather,
}

/// Whether a message is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packed {
    Deflated,
    Plain,
}

/// What the reserved bits and the content of this direction may be.
#[derive(Debug)]
enum Compression {
    None,
    Deflate(Box<Inflate>),
    /// Nobody knows: the content is kept as it is.
    Unknown,
}

impl Decoder {
    /// For what `sender` sends on a socket on which this was agreed. Of each message at most `keep`
    /// bytes are kept, and never more than [`MAX_KEPT`].
    pub fn new(sender: Side, agreement: &Agreement, keep: usize) -> Decoder {
        let compression = match (agreement, sender) {
            (Agreement::Plain, _) => Compression::None,
            (Agreement::Deflate { client, .. }, Side::Client) => {
                Compression::Deflate(Box::new(Inflate::new(*client, MAX_INFLATED)))
            }
            (Agreement::Deflate { service, .. }, Side::Service) => {
                Compression::Deflate(Box::new(Inflate::new(*service, MAX_INFLATED)))
            }
            (Agreement::Unknown(_), _) => Compression::Unknown,
        };
        Decoder {
            sender,
            keep: keep.min(MAX_KEPT),
            place: Place::Head(Head::default()),
            message: None,
            control: BytesMut::new(),
            compression,
        }
    }

    /// The next thing that is whole in `bytes`, which is moved behind it; `None` when they are used up.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Option<Seen> {
        loop {
            let step = match &mut self.place {
                Place::Stopped => {
                    *bytes = &[];
                    return None;
                }
                Place::Closed if bytes.is_empty() => return None,
                Place::Closed => Err(Fault::AfterClose),
                Place::Head(head) => match head.take(bytes, self.sender) {
                    Ok(Some(frame)) => self.begin(frame).map(|()| None),
                    Ok(None) => return None,
                    Err(fault) => Err(fault),
                },
                Place::Payload(frame) if frame.left > 0 && bytes.is_empty() => return None,
                Place::Payload(frame) => {
                    let frame = *frame;
                    self.payload(frame, bytes)
                }
            };
            match step {
                Ok(Some(seen)) => return Some(seen),
                Ok(None) => {}
                Err(fault) => {
                    self.stop();
                    *bytes = &[];
                    return Some(Seen::Fault(fault));
                }
            }
        }
    }

    /// The direction has ended: the fault, if that was inside of something.
    pub fn end(&mut self) -> Option<Fault> {
        let torn = match &self.place {
            Place::Head(head) => head.has_begun() || self.message.is_some(),
            Place::Payload(_) => true,
            Place::Closed | Place::Stopped => false,
        };
        self.stop();
        torn.then_some(Fault::Torn)
    }

    /// How many bytes of a message are held that has not come to its end.
    pub fn held(&self) -> usize {
        self.message
            .as_ref()
            .map_or(0, |message| message.gather.held())
    }

    /// Keeps no more of the message under way than what is held of it, and not even that beyond `most`.
    pub fn cut(&mut self, most: usize) {
        if let Some(message) = &mut self.message {
            message.gather.cut(most);
        }
    }

    /// Keeps nothing any more.
    fn stop(&mut self) {
        self.place = Place::Stopped;
        self.message = None;
        self.control = BytesMut::new();
        self.compression = Compression::None;
    }

    /// Checks a frame against what was before it.
    fn begin(&mut self, frame: Frame) -> Result<(), Fault> {
        let packed = self.packed(&frame)?;
        match (frame.opcode, &self.message) {
            (Opcode::Data(_), Some(_)) => return Err(Fault::Interleaved),
            (Opcode::Continuation, None) => return Err(Fault::Continuation),
            (Opcode::Data(kind), None) => {
                let kind = match self.compression {
                    Compression::Unknown => Kind::Binary,
                    Compression::None | Compression::Deflate(_) => kind,
                };
                self.message = Some(Underway {
                    kind,
                    packed,
                    gather: Gather::new(kind, self.keep),
                });
            }
            (Opcode::Continuation, Some(_)) | (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => {}
        }
        self.place = Place::Payload(frame);
        Ok(())
    }

    /// Whether a frame begins a compressed message; a fault where its reserved bits have no meaning.
    fn packed(&self, frame: &Frame) -> Result<Packed, Fault> {
        match (&self.compression, frame.reserved, frame.opcode) {
            (_, 0, _) | (Compression::Unknown, ..) => Ok(Packed::Plain),
            (Compression::Deflate(_), frame::RSV1, Opcode::Data(_)) => Ok(Packed::Deflated),
            (_, reserved, _) => Err(Fault::Reserved(reserved)),
        }
    }

    /// Takes some of a frame's payload, and ends the frame where that was all.
    fn payload(&mut self, mut frame: Frame, bytes: &mut &[u8]) -> Result<Option<Seen>, Fault> {
        let left = usize::try_from(frame.left).unwrap_or(usize::MAX);
        let mut space = [0; PIECE];
        let count = left.min(bytes.len()).min(PIECE);
        let (piece, rest) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
        *bytes = rest;
        let piece = frame.unmask(piece, &mut space);
        match frame.opcode {
            Opcode::Data(_) | Opcode::Continuation => self.content(piece)?,
            // The head's check has seen to it that this is short.
            Opcode::Close | Opcode::Ping | Opcode::Pong => self.control.extend_from_slice(piece),
        }
        frame.left -= count as u64;
        if frame.left > 0 {
            self.place = Place::Payload(frame);
            return Ok(None);
        }
        self.place = Place::Head(Head::default());
        self.finish(&frame)
    }

    /// More of the content of the message under way.
    fn content(&mut self, piece: &[u8]) -> Result<(), Fault> {
        let Some(message) = &mut self.message else {
            return Ok(());
        };
        match (message.packed, &mut self.compression) {
            (Packed::Deflated, Compression::Deflate(inflate)) => {
                inflate.push(piece, &mut message.gather)
            }
            _ => message.gather.push(piece),
        }
    }

    /// A frame is over.
    fn finish(&mut self, frame: &Frame) -> Result<Option<Seen>, Fault> {
        match frame.opcode {
            Opcode::Ping => Ok(Some(Seen::Ping(self.control.split().freeze()))),
            Opcode::Pong => Ok(Some(Seen::Pong(self.control.split().freeze()))),
            Opcode::Close => {
                let close = close(&self.control)?;
                self.stop();
                self.place = Place::Closed;
                Ok(Some(Seen::Close(close)))
            }
            Opcode::Data(_) | Opcode::Continuation if !frame.is_last() => Ok(None),
            Opcode::Data(_) | Opcode::Continuation => {
                let Some(mut message) = self.message.take() else {
                    return Ok(None);
                };
                if let (Packed::Deflated, Compression::Deflate(inflate)) =
                    (message.packed, &mut self.compression)
                {
                    inflate.end(&mut message.gather)?;
                }
                Ok(Some(Seen::Message(Message {
                    kind: message.kind,
                    data: message.gather.finish()?,
                })))
            }
        }
    }
}

/// Reads the payload of a close frame.
fn close(payload: &[u8]) -> Result<Close, Fault> {
    match payload {
        [] => Ok(Close::default()),
        [_] => Err(Fault::HalfCode),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            // 1004 has no meaning; 1005, 1006 and 1015 never go on a wire; 1016 to 2999 are for what
            // is to come; those below 1000 for nothing. 1012 to 1014 are registered with IANA.
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(Fault::Code(code));
            }
            let reason = std::str::from_utf8(reason).map_err(|_| Fault::Reason)?;
            Ok(Close {
                code: Some(code),
                reason: reason.to_owned(),
            })
        }
    }
}
