//! The head of a frame (RFC 6455 §5.2), however its bytes arrive, and the mask of its payload.
//!
//! What a frame means for the message that it belongs to is not looked at.

use crate::exchange::{Kind, Side};

use super::{Fault, MAX_CONTROL, PIECE};

/// The reserved bit that marks a compressed message (RFC 7692 §6).
pub(super) const RSV1: u8 = 0b100;

/// The longest head: two bytes, eight of a length, four of a mask.
const MAX_HEAD: usize = 14;

/// A head of which some bytes are there.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: [u8; MAX_HEAD],
    count: usize,
}

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Data(Kind),
    Close,
    Ping,
    Pong,
}

/// A frame whose payload comes next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) opcode: Opcode,
    /// The three reserved bits.
    pub(super) reserved: u8,
    /// How many bytes of its payload are to come.
    pub(super) left: u64,
    last: Last,
    mask: Option<Mask>,
}

/// Whether a frame is the last of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Yes,
    No,
}

/// A mask, turned to where the next byte of the payload is.
#[derive(Clone, Copy, Debug)]
struct Mask([u8; 4]);

impl Head {
    /// Whether a byte of it is there.
    pub(super) fn has_begun(&self) -> bool {
        self.count > 0
    }

    /// Takes bytes up to the end of the head; the frame, when all of it is there.
    pub(super) fn take(&mut self, bytes: &mut &[u8], sender: Side) -> Result<Option<Frame>, Fault> {
        while let Some((byte, rest)) = bytes.split_first() {
            if let Some(place) = self.bytes.get_mut(self.count) {
                *place = *byte;
            }
            self.count += 1;
            *bytes = rest;
            let [first, second, after @ ..] = &self.bytes;
            if self.count == 2 {
                check(*first, *second, sender)?;
            }
            let (extra, mask) = widths(*second);
            if self.count < 2 + extra + mask {
                continue;
            }
            let (digits, mask_bytes) = after.split_at_checked(extra).unwrap_or_default();
            return Ok(Some(Frame {
                opcode: opcode(*first)?,
                reserved: reserved(*first),
                left: length(*second, digits)?,
                last: last(*first),
                mask: mask_bytes
                    .first_chunk()
                    .copied()
                    .map(Mask)
                    .filter(|_| mask > 0),
            }));
        }
        Ok(None)
    }
}

impl Frame {
    /// Whether it is the last of its message.
    pub(super) fn is_last(&self) -> bool {
        self.last == Last::Yes
    }

    /// The next bytes of the payload without the mask; in `space`, where there is one.
    pub(super) fn unmask<'a>(&mut self, piece: &'a [u8], space: &'a mut [u8; PIECE]) -> &'a [u8] {
        let Some(Mask(mask)) = &mut self.mask else {
            return piece;
        };
        let (words, rest) = piece.as_chunks::<4>();
        let (places, _) = space.as_chunks_mut::<4>();
        let key = u32::from_ne_bytes(*mask);
        for (place, word) in places.iter_mut().zip(words) {
            *place = (u32::from_ne_bytes(*word) ^ key).to_ne_bytes();
        }
        let places = space.iter_mut().skip(piece.len() - rest.len());
        for (place, (byte, key)) in places.zip(rest.iter().zip(*mask)) {
            *place = byte ^ key;
        }
        mask.rotate_left(rest.len());
        space.get(..piece.len()).unwrap_or_default()
    }
}

/// Checks what the first two bytes tell.
fn check(first: u8, second: u8, sender: Side) -> Result<(), Fault> {
    let opcode = opcode(first)?;
    if matches!(opcode, Opcode::Close | Opcode::Ping | Opcode::Pong) {
        if last(first) == Last::No {
            return Err(Fault::Fragment);
        }
        if usize::from(second & 0x7f) > MAX_CONTROL {
            return Err(Fault::LongControl);
        }
    }
    match (sender, second & 0x80) {
        (Side::Client, 0) => Err(Fault::Unmasked),
        (Side::Service, 0x80) => Err(Fault::Masked),
        _ => Ok(()),
    }
}

/// How many bytes the length has behind the second byte, and the mask.
fn widths(second: u8) -> (usize, usize) {
    let extra = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    (extra, if second & 0x80 == 0 { 0 } else { 4 })
}

fn length(second: u8, digits: &[u8]) -> Result<u64, Fault> {
    let length = digits
        .iter()
        .fold(0, |length: u64, digit| length << 8 | u64::from(*digit));
    match digits.len() {
        0 => Ok(u64::from(second & 0x7f)),
        2 if length < 126 => Err(Fault::LongLength(length)),
        8 if u16::try_from(length).is_ok() => Err(Fault::LongLength(length)),
        8 if length >> 63 == 1 => Err(Fault::Length),
        _ => Ok(length),
    }
}

fn opcode(first: u8) -> Result<Opcode, Fault> {
    match first & 0xf {
        0x0 => Ok(Opcode::Continuation),
        0x1 => Ok(Opcode::Data(Kind::Text)),
        0x2 => Ok(Opcode::Data(Kind::Binary)),
        0x8 => Ok(Opcode::Close),
        0x9 => Ok(Opcode::Ping),
        0xa => Ok(Opcode::Pong),
        other => Err(Fault::Opcode(other)),
    }
}

fn reserved(first: u8) -> u8 {
    first >> 4 & 0b111
}

fn last(first: u8) -> Last {
    if first & 0x80 == 0 {
        Last::No
    } else {
        Last::Yes
    }
}
