//! What is read of a packed tape: its text, in memory or in another file, and where a place of the text is in
//! the file.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;

use ruzstd::decoding::StreamingDecoder;

use crate::tape::error::{Problem, Unreadable};
use crate::tape::store::MAX_TAPE_BYTES;
use crate::tape::window::{Rest, Window};

use super::frame::{Fault, is_last, length_of, unpack};
use super::{FRAME, Frame, MAX_RATIO, Packing};

/// How much a tape may unpack to whatever its size. Beyond that it is as many times its size as that of a frame.
const FREE: u64 = 64 * 1024 * 1024;

/// What is read of a file.
#[derive(Debug)]
pub(in crate::tape) struct Unpacked<'a> {
    pub(in crate::tape) text: Cow<'a, [u8]>,
    /// How many bytes at its end are no whole frame.
    pub(in crate::tape) torn: usize,
    pub(in crate::tape) packing: Packing,
    pub(super) frames: Vec<Frame>,
}

impl Unpacked<'_> {
    /// Where in the file the text up to `end` ends; of frames with the white space behind it, and `None`
    /// where it ends within one.
    pub(in crate::tape) fn place(&self, end: usize) -> Option<Place> {
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
pub(in crate::tape) struct Place {
    /// How many bytes of the file are before it.
    pub(in crate::tape) file: u64,
    /// How many of the text.
    pub(in crate::tape) text: u64,
    /// In which frames.
    pub(in crate::tape) frames: Vec<Frame>,
}

/// The text in the content of a file.
pub(in crate::tape) fn text(bytes: &[u8]) -> Result<Unpacked<'_>, Unreadable> {
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
pub(in crate::tape) fn of_file(file: &File) -> io::Result<Packing> {
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
pub(in crate::tape) fn unpack_to(packed: &File, mut plain: &File) -> io::Result<Option<usize>> {
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
pub(in crate::tape) fn is_text(bytes: &[u8], expected: &str) -> bool {
    text(bytes).is_ok_and(|read| read.torn == 0 && read.text.as_ref() == expected.as_bytes())
}

/// As much of the beginning of a text as can be had, up to so many bytes.
pub(in crate::tape) fn beginning(bytes: &[u8], most: u64) -> Cow<'_, [u8]> {
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
