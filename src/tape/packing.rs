//! Tapes that are compressed: zstd frames (RFC 8878) one after the other, each of which unpacks by itself.
//!
//! What is written at once is a frame of its own, so that it can be read whatever becomes of what follows; and
//! what is sealed ends with a seek table (the skippable frame of zstd's seekable format), by which a program
//! finds any place without unpacking what comes before. A tape is known by its first bytes and not by its name.
//! What is read may be hostile: there are limits on what it unpacks to.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::panic::catch_unwind;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder, StreamingDecoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::error::{Problem, Unreadable};
use super::store::MAX_TAPE_BYTES;
use super::window::{Rest, Window};

/// The bytes that a zstd frame begins with (RFC 8878 §3.1.1).
const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What a skippable frame begins with, but for the lowest four bits (RFC 8878 §3.1.2).
const SKIPPABLE: u32 = 0x184d_2a50;

/// What the skippable frame of a seek table begins with, and what it ends with.
const SEEK_TABLE: u32 = 0x184d_2a5e;
const SEEKABLE: u32 = 0x8f92_eab1;

/// How much text is one frame at most: enough to pack well, and little enough to unpack for one place in it.
const MAX_FRAME: usize = 1024 * 1024;

/// How many frames a seek table tells of. It is kept in memory while the tape is written; one with more frames
/// has none, and is read from its beginning.
const MAX_TABLE: usize = 1024 * 1024;

/// How much a tape may unpack to whatever its size.
const FREE: u64 = 64 * 1024 * 1024;

/// Beyond that, how many times its size it may unpack to. What people say packs to a tenth or a fiftieth.
const MAX_RATIO: u64 = 1_000;

/// How much is unpacked between two looks at the limits.
const STEP: usize = 1024 * 1024;

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
            let frame = frame(part);
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

/// What is read of a file.
#[derive(Debug)]
pub(super) struct Unpacked<'a> {
    pub(super) text: Cow<'a, [u8]>,
    /// How many bytes at its end are no whole frame.
    pub(super) torn: usize,
    pub(super) packing: Packing,
    frames: Vec<Frame>,
}

impl Unpacked<'_> {
    /// Where in the file the text up to `end` ends; of frames with the white space behind it, and `None`
    /// where it ends within one.
    pub(super) fn place(&self, end: usize) -> Option<Place> {
        if self.packing == Packing::Plain {
            return Some(Place {
                file: end as u64,
                text: end as u64,
                frames: Vec::new(),
            });
        }
        let (mut file, mut text) = (0_usize, 0_usize);
        for (index, frame) in self.frames.iter().enumerate() {
            file = file.checked_add(usize::try_from(frame.packed).ok()?)?;
            text = text.checked_add(usize::try_from(frame.text).ok()?)?;
            if text >= end {
                let blank = self.text.get(end..text)?.trim_ascii().is_empty();
                return blank.then_some(Place {
                    file: file as u64,
                    text: text as u64,
                    frames: self.frames.get(..=index)?.to_vec(),
                });
            }
        }
        None
    }
}

/// A place in a tape's file, at the end of an object.
#[derive(Debug)]
pub(super) struct Place {
    /// How many bytes of the file are before it.
    pub(super) file: u64,
    /// How many of the text.
    pub(super) text: u64,
    /// In which frames.
    pub(super) frames: Vec<Frame>,
}

/// The text in the content of a file.
pub(super) fn text(bytes: &[u8]) -> Result<Unpacked<'_>, Unreadable> {
    if Packing::of(bytes) == Packing::Plain {
        return Ok(Unpacked {
            text: Cow::Borrowed(bytes),
            torn: 0,
            packing: Packing::Plain,
            frames: Vec::new(),
        });
    }
    let limit = most(bytes.len() as u64);
    let mut text = Vec::new();
    let mut frames = Vec::new();
    let mut place = 0;
    let mut torn = 0;
    while let Some(rest) = bytes.get(place..)
        && !rest.is_empty()
    {
        let end = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        let Some(length) = length_of(rest) else {
            torn = rest.len();
            break;
        };
        let Some(one) = length.and_then(|length| rest.get(..length)) else {
            let text = end(&text);
            return Err(Problem::NoFrame(place).at(&text, text.len()));
        };
        let from = text.len();
        if one.starts_with(&FRAME) {
            match unpack(one, &mut text, limit - from as u64) {
                Ok(_) => {}
                Err(Fault::TooMuch) => return Err(Problem::Dense(limit).at("", 0)),
                // What a power cut leaves may be as long as a frame, and none.
                Err(Fault::Broken) if is_last(bytes, place + one.len()) => {
                    text.truncate(from);
                    torn = rest.len();
                    break;
                }
                Err(Fault::Broken | Fault::Write(_)) => {
                    text.truncate(from);
                    let text = end(&text);
                    return Err(Problem::BrokenFrame(place).at(&text, text.len()));
                }
            }
            let packed = u32::try_from(one.len()).unwrap_or(u32::MAX);
            let text = u32::try_from(text.len() - from).unwrap_or(u32::MAX);
            frames.push(Frame { packed, text });
        }
        place += one.len();
    }
    Ok(Unpacked {
        text: Cow::Owned(text),
        torn,
        packing: Packing::Zstd,
        frames,
    })
}

/// How a file is packed.
pub(super) fn of_file(file: &File) -> io::Result<Packing> {
    let mut magic = [0; FRAME.len()];
    match file.read_exact_at(&mut magic, 0) {
        Ok(()) => Ok(Packing::of(&magic)),
        // Nothing that is shorter is packed.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Packing::Plain),
        Err(error) => Err(error),
    }
}

/// Unpacks a file to another, a frame at a time. How many bytes at its end are no whole frame; `None` where a
/// frame is broken, or unpacks to too much.
pub(super) fn unpack_to(packed: &File, mut plain: &File) -> io::Result<Option<usize>> {
    let mut window = Window::new(packed)?;
    let limit = most(window.length());
    let mut written = 0;
    let mut used = 0;
    loop {
        let rest = window.advance(used)?;
        used = 0;
        let bytes = window.bytes();
        while let Some(others) = bytes.get(used..)
            && !others.is_empty()
        {
            let Some(length) = length_of(others) else {
                break;
            };
            let Some(one) = length.and_then(|length| others.get(..length)) else {
                return Ok(None);
            };
            if one.starts_with(&FRAME) {
                match unpack(one, &mut plain, limit - written) {
                    Ok(length) => written += length,
                    Err(Fault::Broken) if rest == Rest::Nothing && is_last(others, one.len()) => {
                        plain.set_len(written)?;
                        break;
                    }
                    Err(Fault::Broken | Fault::TooMuch) => return Ok(None),
                    Err(Fault::Write(error)) => return Err(error),
                }
            }
            used += one.len();
        }
        if rest == Rest::Nothing {
            return Ok(Some(bytes.len() - used));
        }
    }
}

/// What a file of so many bytes may unpack to.
fn most(length: u64) -> u64 {
    let most = length.saturating_mul(MAX_RATIO);
    most.clamp(FREE, MAX_TAPE_BYTES)
}

/// Whether the content of a file is this text, and nothing else.
pub(super) fn is_text(bytes: &[u8], expected: &str) -> bool {
    text(bytes).is_ok_and(|read| read.torn == 0 && read.text.as_ref() == expected.as_bytes())
}

/// As much of the beginning of a text as can be had, up to so many bytes.
pub(super) fn beginning(bytes: &[u8], most: u64) -> Cow<'_, [u8]> {
    if Packing::of(bytes) == Packing::Plain {
        return Cow::Borrowed(bytes);
    }
    let mut text = Vec::new();
    if let Ok(decoder) = StreamingDecoder::new(bytes) {
        // What came before an error is what can be had.
        let _ = decoder.take(most).read_to_end(&mut text);
    }
    Cow::Owned(text)
}

/// A text as one frame. What the encoder makes is trusted when it has been unpacked again.
fn frame(text: &[u8]) -> Vec<u8> {
    let packed = catch_unwind(|| compress_to_vec(text, CompressionLevel::Fastest));
    let dense =
        |packed: &Vec<u8>| (packed.len() as u64).saturating_mul(MAX_RATIO) < text.len() as u64;
    if let Ok(packed) = packed
        && !dense(&packed)
    {
        let mut back = Vec::with_capacity(text.len());
        if unpack(&packed, &mut back, MAX_TAPE_BYTES).is_ok() && back == text {
            return packed;
        }
    }
    compress_to_vec(text, CompressionLevel::Uncompressed)
}

/// Why a frame cannot be unpacked.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("it is broken")]
    Broken,
    #[error("there is too much in it")]
    TooMuch,
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Writes what a frame unpacks to, a window at a time; how many bytes that are, of which there may be so many. Where
/// it turns out to be broken, some of it is written.
fn unpack(frame: &[u8], out: &mut impl io::Write, limit: u64) -> Result<u64, Fault> {
    let mut rest = frame;
    let mut length = 0;
    let mut decoder = FrameDecoder::new();
    decoder.init(&mut rest).map_err(|_| Fault::Broken)?;
    while !decoder.is_finished() {
        let step = BlockDecodingStrategy::UptoBytes(STEP);
        decoder
            .decode_blocks(&mut rest, step)
            .map_err(|_| Fault::Broken)?;
        length += decoder.collect_to_writer(&mut *out)? as u64;
        if length + decoder.can_collect() as u64 > limit {
            return Err(Fault::TooMuch);
        }
    }
    length += decoder.collect_to_writer(&mut *out)? as u64;
    let (told, found) = (
        decoder.get_checksum_from_data(),
        decoder.get_calculated_checksum(),
    );
    match told {
        Some(told) if Some(told) != found => Err(Fault::Broken),
        _ => Ok(length),
    }
}

/// How long the frame is that `bytes` begin with, by its own account (RFC 8878 §3.1.1): `None` where it goes
/// beyond their end, or only zeros are left; an inner `None` where no frame begins there.
#[allow(clippy::option_option)] // the two have different consequences, and both end here
fn length_of(bytes: &[u8]) -> Option<Option<usize>> {
    if bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    let magic = u32::from_le_bytes(*bytes.first_chunk()?);
    if is_skippable(magic) {
        let length = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?);
        let length = usize::try_from(length).ok()?.checked_add(8)?;
        return (length <= bytes.len()).then_some(Some(length));
    }
    if magic.to_le_bytes() != FRAME {
        return Some(None);
    }
    let descriptor = *bytes.get(4)?;
    let single = descriptor & 0x20 != 0;
    let of_content = match (descriptor >> 6, single) {
        (0, false) => 0,
        (0, true) => 1,
        (1, _) => 2,
        (2, _) => 4,
        _ => 8,
    };
    let of_dictionary = match descriptor & 3 {
        0 => 0,
        1 => 1,
        2 => 2,
        _ => 4,
    };
    let mut place = 5 + usize::from(!single) + of_dictionary + of_content;
    loop {
        let &[low, middle, high] = bytes.get(place..)?.first_chunk()?;
        let header = u32::from_le_bytes([low, middle, high, 0]);
        let size = match (header >> 1) & 3 {
            1 => 1, // one byte, repeated
            _ => usize::try_from(header >> 3).ok()?,
        };
        place = place.checked_add(3 + size)?;
        if header & 1 == 1 {
            break;
        }
    }
    place += if descriptor & 4 == 0 { 0 } else { 4 };
    (place <= bytes.len()).then_some(Some(place))
}

/// Whether no frame begins at this place or after it.
fn is_last(bytes: &[u8], place: usize) -> bool {
    let rest = bytes.get(place..).unwrap_or_default();
    rest.iter().all(|byte| *byte == 0)
}

fn is_skippable(magic: u32) -> bool {
    magic & !0xf == SKIPPABLE
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may stop at the first thing that is not as it should be
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sealed(parts: &[&[u8]]) -> Vec<u8> {
        let mut packer = Packer::new(Packing::Zstd, Vec::new());
        let mut bytes = Vec::new();
        for part in parts {
            let (packed, frames) = packer.pack(part);
            bytes.extend_from_slice(&packed);
            packer.wrote(frames);
        }
        bytes.extend(packer.table());
        bytes
    }

    #[test]
    fn a_seek_table_tells_of_each_frame() {
        let bytes = sealed(&[b"one\n", b"and two\n"]);
        let footer = &bytes[bytes.len() - 9..];
        assert_eq!(footer, [2, 0, 0, 0, 0, 0xb1, 0xea, 0x92, 0x8f]);
        let table = bytes.len() - 9 - 2 * 8 - 8;
        assert_eq!(
            bytes[table..table + 8],
            [0x5e, 0x2a, 0x4d, 0x18, 25, 0, 0, 0]
        );
        let number = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap()) as usize;
        let (first, second) = (number(table + 8), number(table + 16));
        assert_eq!(first + second, table);
        assert_eq!((number(table + 12), number(table + 20)), (4, 8));
        let text = text(&bytes[first..table]).unwrap();
        assert_eq!(text.text.as_ref(), b"and two\n");
    }

    #[test]
    fn a_packed_text_that_is_cut_or_flipped_is_told_of() {
        let parts: [&[u8]; 3] = [
            b"the first line\n",
            b"the second line\n",
            b"the third line\n",
        ];
        let bytes = sealed(&parts);
        let whole = text(&bytes).unwrap();
        assert_eq!(
            (whole.text.as_ref(), whole.torn),
            (parts.concat().as_slice(), 0)
        );
        let mut ends = vec![0];
        for frame in &whole.frames {
            ends.push(ends[ends.len() - 1] + frame.packed as usize);
        }
        for cut in 4..bytes.len() {
            let read = text(&bytes[..cut]).unwrap();
            let frames = ends.iter().filter(|end| **end <= cut).count() - 1;
            assert_eq!(read.text.as_ref(), parts[..frames].concat(), "cut at {cut}");
            assert_eq!(read.torn, cut - ends[frames], "cut at {cut}");
        }
        for place in 0..ends[3] {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0x10;
            match text(&bytes) {
                Ok(read) if read.torn > 0 => assert!(parts.concat().starts_with(&read.text)),
                Ok(read) if read.packing == Packing::Plain => assert!(place < 4),
                Ok(read) => assert_eq!(read.text.as_ref(), parts.concat(), "{place}"),
                Err(_) => {}
            }
        }
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        // A hundred blocks of one byte each, repeated 128 KiB times.
        let mut bomb = FRAME.to_vec();
        bomb.extend([0x00, 0x58]); // a window of 2 MiB
        for last in (0..1_000).map(|block| u32::from(block == 999)) {
            let header = (128 << 10 << 3) | (1 << 1) | last;
            bomb.extend(&header.to_le_bytes()[..3]);
            bomb.push(b'a');
        }
        let error = text(&bomb).unwrap_err();
        assert!(matches!(error.problem, Problem::Dense(_)), "{error}");
        // And what is written is never so dense that it is not read.
        let zeros = vec![b'0'; 3 * MAX_FRAME];
        assert_eq!(text(&sealed(&[&zeros])).unwrap().text.len(), zeros.len());
    }

    proptest! {
        #[test]
        fn every_text_comes_back(parts in prop::collection::vec(any::<String>(), 0..5), times in 1..2_000_usize) {
            let parts: Vec<String> = parts.into_iter().map(|part| part.repeat(times)).collect();
            let slices: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
            let bytes = sealed(&slices);
            let read = text(&bytes).unwrap();
            prop_assert_eq!(read.text.as_ref(), slices.concat());
            prop_assert_eq!(read.torn, 0);
        }

        #[test]
        fn no_bytes_make_it_fall_over(bytes in any::<Vec<u8>>()) {
            let bytes = [FRAME.as_slice(), &bytes].concat();
            let _ = text(&bytes);
            let _ = beginning(&bytes, 100);
        }
    }
}
