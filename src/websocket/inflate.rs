//! Takes the compression off messages (RFC 7692 §7.2.2), with or without the context of those before.
//!
//! The window is always the largest there is, which reads what any smaller one wrote.

use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};

use super::agreement::Takeover;
use super::gather::Gather;
use super::{Fault, PIECE};

/// What a sender leaves out at the end of a message: an empty block (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Inflates the messages of one direction.
pub(super) struct Inflate {
    stream: Decompress,
    takeover: Takeover,
    /// How long a message may be.
    limit: u64,
    /// How much of the message under way has come, as it is on the wire.
    packed: u64,
}

impl fmt::Debug for Inflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflate")
            .field("takeover", &self.takeover)
            .finish_non_exhaustive()
    }
}

impl Inflate {
    /// For messages of no more than `limit` bytes.
    pub(super) fn new(takeover: Takeover, limit: u64) -> Inflate {
        Inflate {
            stream: Decompress::new(false),
            takeover,
            limit,
            packed: 0,
        }
    }

    /// Inflates more of a message.
    pub(super) fn push(&mut self, packed: &[u8], message: &mut Gather) -> Result<(), Fault> {
        self.packed = self.packed.saturating_add(packed.len() as u64);
        self.inflate(packed, message)
    }

    /// Ends a message.
    pub(super) fn end(&mut self, message: &mut Gather) -> Result<(), Fault> {
        // zlib says nothing where it is to flush nothing, and senders pass that on: not even a block.
        if std::mem::take(&mut self.packed) > 0 {
            self.inflate(&TAIL, message)?;
        }
        if self.takeover == Takeover::No {
            self.stream.reset(false);
        }
        Ok(())
    }

    fn inflate(&mut self, mut packed: &[u8], message: &mut Gather) -> Result<(), Fault> {
        let mut space = [0; PIECE];
        loop {
            let (taken, made) = (self.stream.total_in(), self.stream.total_out());
            let status = self
                .stream
                .decompress(packed, &mut space, FlushDecompress::None)
                .map_err(|_| Fault::Deflate)?;
            // What is more than an address is more than what was given.
            let taken = usize::try_from(self.stream.total_in() - taken).unwrap_or(usize::MAX);
            let made = usize::try_from(self.stream.total_out() - made).unwrap_or(usize::MAX);
            packed = packed.get(taken..).unwrap_or_default();
            message.push(space.get(..made).unwrap_or_default())?;
            if message.length() > self.limit {
                return Err(Fault::Bomb);
            }
            match status {
                // A sender may end its blocks where a message ends (RFC 7692 §7.2.3.5).
                Status::StreamEnd => self.stream.reset(false),
                // Where the space was filled there may be more to come of what was taken.
                Status::Ok | Status::BufError if made == space.len() => {}
                Status::Ok | Status::BufError if packed.is_empty() => return Ok(()),
                Status::Ok | Status::BufError if taken == 0 && made == 0 => {
                    return Err(Fault::Deflate);
                }
                Status::Ok | Status::BufError => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use crate::exchange::Kind;

    use super::*;

    #[test]
    fn a_message_longer_than_the_limit_is_a_fault_before_all_of_it_is_inflated() {
        let mut packed = Vec::with_capacity(10_000);
        Compress::new(Compression::best(), false)
            .compress_vec(&vec![0; 1 << 20], &mut packed, FlushCompress::Sync)
            .unwrap();
        for (limit, expected) in [
            (1 << 20, Ok(())),
            ((1 << 20) - 1, Err(Fault::Bomb)),
            (9, Err(Fault::Bomb)),
        ] {
            let mut message = Gather::new(Kind::Binary, 10);
            let mut inflate = Inflate::new(Takeover::Yes, limit);
            assert_eq!(inflate.push(&packed, &mut message), expected, "{limit}");
            assert!(message.length() <= limit + PIECE as u64);
        }
    }
}
