//! One zstd frame: made of a text, unpacked, and measured where it stands among others.
//!
//! How frames follow one another in a tape is not known here.

use std::io;
use std::panic::catch_unwind;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::tape::store::MAX_TAPE_BYTES;

use super::{FRAME, MAX_RATIO};

/// What a skippable frame begins with, but for the lowest four bits (RFC 8878 §3.1.2).
const SKIPPABLE: u32 = 0x184d_2a50;

/// How much is unpacked between two looks at the limits.
const STEP: usize = 1024 * 1024;

/// A text as one frame. What the encoder makes is trusted when it has been unpacked again.
pub(super) fn packed(text: &[u8]) -> Vec<u8> {
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
pub(super) enum Fault {
    #[error("it is broken")]
    Broken,
    #[error("there is too much in it")]
    TooMuch,
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Writes what a frame unpacks to, a window at a time; how many bytes that are, of which there may be so many. Where
/// it turns out to be broken, some of it is written.
pub(super) fn unpack(frame: &[u8], out: &mut impl io::Write, limit: u64) -> Result<u64, Fault> {
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
pub(super) fn length_of(bytes: &[u8]) -> Option<Option<usize>> {
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
pub(super) fn is_last(bytes: &[u8], place: usize) -> bool {
    let rest = bytes.get(place..).unwrap_or_default();
    rest.iter().all(|byte| *byte == 0)
}

pub(super) fn is_skippable(magic: u32) -> bool {
    magic & !0xf == SKIPPABLE
}
