//! Tapes that are compressed: zstd frames (RFC 8878) one after the other, each of which unpacks by itself.
//!
//! What is written at once is a frame of its own, so that it can be read whatever becomes of what follows; and
//! what is sealed ends with a seek table (the skippable frame of zstd's seekable format), by which a program
//! finds any place without unpacking what comes before. A tape is known by its first bytes and not by its name.
//! What is read may be hostile: there are limits on what it unpacks to.

mod frame;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
// a test may stop at the first thing that is not as it should be
mod tests;
mod unpacking;

use std::borrow::Cow;
use std::io::{self, Write as _};

use frame::is_skippable;
pub(super) use unpacking::{Place, beginning, is_text, of_file, text, unpack_to};

/// The bytes that a zstd frame begins with (RFC 8878 §3.1.1).
const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What the skippable frame of a seek table begins with, and what it ends with.
const SEEK_TABLE: u32 = 0x184d_2a5e;
const SEEKABLE: u32 = 0x8f92_eab1;

/// How much text is one frame at most: enough to pack well, and little enough to unpack for one place in it.
const MAX_FRAME: usize = 1024 * 1024;

/// How many frames a seek table tells of. It is kept in memory while the tape is written; one with more frames
/// has none, and is read from its beginning.
const MAX_TABLE: usize = 1024 * 1024;

/// How many times its size a frame may unpack to. What people say packs to a tenth or a fiftieth.
const MAX_RATIO: u64 = 1_000;

/// How a tape's text stands in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    /// As it is.
    #[default]
    Plain,
    /// In zstd frames.
    Zstd,
}

impl Packing {
    /// How this content of a file is packed.
    pub fn of(bytes: &[u8]) -> Packing {
        let magic = bytes.first_chunk().map(|magic| u32::from_le_bytes(*magic));
        match magic {
            Some(magic) if magic.to_le_bytes() == FRAME || is_skippable(magic) => Packing::Zstd,
            _ => Packing::Plain,
        }
    }
}

/// A frame: how long it is in the file, and what it unpacks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    packed: u32,
    text: u32,
}

/// Packs a tape as it is written.
#[derive(Debug, Default)]
pub(super) struct Packer {
    pub(super) packing: Packing,
    frames: Vec<Frame>,
}

impl Packer {
    pub(super) fn new(packing: Packing, frames: Vec<Frame>) -> Packer {
        Packer { packing, frames }
    }

    /// How this text stands in the file, and in which frames.
    pub(super) fn pack<'a>(&self, text: &'a [u8]) -> (Cow<'a, [u8]>, Vec<Frame>) {
        if self.packing == Packing::Plain {
            return (Cow::Borrowed(text), Vec::new());
        }
        let mut bytes = Vec::new();
        let mut frames = Vec::new();
        for part in text.chunks(MAX_FRAME) {
            let frame = frame::packed(part);
            if let (Ok(packed), Ok(text)) = (u32::try_from(frame.len()), u32::try_from(part.len()))
            {
                frames.push(Frame { packed, text });
            }
            bytes.extend_from_slice(&frame);
        }
        (Cow::Owned(bytes), frames)
    }

    /// Takes note of frames that are in the file.
    pub(super) fn wrote(&mut self, frames: Vec<Frame>) {
        if self.frames.len() <= MAX_TABLE {
            self.frames.extend(frames);
        }
    }

    /// What is to stand after the last frame of what is sealed.
    pub(super) fn table(&self) -> Vec<u8> {
        if self.packing == Packing::Plain || self.frames.len() > MAX_TABLE {
            return Vec::new();
        }
        let number = u32::try_from(self.frames.len()).unwrap_or_default();
        let mut table = Vec::new();
        for frame in &self.frames {
            table.extend(frame.packed.to_le_bytes());
            table.extend(frame.text.to_le_bytes());
        }
        table.extend(number.to_le_bytes());
        table.push(0); // no checksums: each frame has its own
        table.extend(SEEKABLE.to_le_bytes());
        let length = u32::try_from(table.len()).unwrap_or_default();
        [
            SEEK_TABLE.to_le_bytes().as_slice(),
            length.to_le_bytes().as_slice(),
            &table,
        ]
        .concat()
    }
}

/// A whole tape's text as it stands in a file.
pub(super) fn packed(text: &str, packing: Packing) -> (Vec<u8>, Packer) {
    let mut packer = Packer::new(packing, Vec::new());
    let (bytes, frames) = packer.pack(text.as_bytes());
    let bytes = bytes.into_owned();
    packer.wrote(frames);
    (bytes, packer)
}

/// A whole tape's text as it stands in a file that nothing is to be added to: with the seek table.
pub(super) fn sealed(text: &str, packing: Packing) -> Vec<u8> {
    let (mut bytes, packer) = packed(text, packing);
    bytes.extend(packer.table());
    bytes
}

/// Packs a tape's text as it comes, into the frames in which [`sealed`] has it.
pub(super) struct Packed<W> {
    packer: Packer,
    /// What is not yet enough for a frame.
    text: Vec<u8>,
    out: W,
}

impl<W: io::Write> Packed<W> {
    pub(super) fn new(packing: Packing, out: W) -> Packed<W> {
        Packed {
            packer: Packer::new(packing, Vec::new()),
            text: Vec::new(),
            out,
        }
    }

    /// Writes what is left, and the seek table.
    pub(super) fn seal(mut self) -> io::Result<()> {
        self.flush()?;
        self.out.write_all(&self.packer.table())
    }
}

impl<W: io::Write> io::Write for Packed<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let room = MAX_FRAME.saturating_sub(self.text.len());
        let taken = text.get(..room).unwrap_or(text);
        self.text.extend_from_slice(taken);
        if self.text.len() == MAX_FRAME {
            self.flush()?;
        }
        Ok(taken.len())
    }

    /// Makes a frame of what is there.
    fn flush(&mut self) -> io::Result<()> {
        let (bytes, frames) = self.packer.pack(&self.text);
        self.out.write_all(&bytes)?;
        self.packer.wrote(frames);
        self.text.clear();
        Ok(())
    }
}
