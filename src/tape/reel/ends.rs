//! What stands at the two ends of a tape's file: its header, and the trailer or what a crash left of the last
//! line; and whether the trailer fits what stands between.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use blake3::Hash;
use memchr::{memchr, memrchr};

use crate::tape::Header;
use crate::tape::layout::compact;
use crate::tape::objects::Stopped;
use crate::tape::wire::{self, Entry, Seal, Trailer};

/// How much is read at once where the lines are not taken apart.
const PIECE: usize = 1024 * 1024;

/// The longest header and the longest last line that are looked for: what is longer is read into memory.
const MAX_LINE: usize = 4 * 1024 * 1024;

/// What stands at the ends of a tape.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) header: Header,
    /// Where the events stand.
    pub(super) events: Range<u64>,
    pub(super) trailer: Option<Trailer>,
    /// How many bytes of a torn last line there are.
    pub(super) torn: usize,
}

/// Whether a trailer fits the events before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Fits,
    Edited,
}

impl Ends {
    /// Finds the ends of a tape.
    pub(super) fn of(file: &File) -> Result<Ends, Stopped> {
        let length = file.metadata().map_err(Stopped::Io)?.len();
        let (header, begin) = header(file, length)?;
        let (start, last) = last_line(file, begin..length)?;
        let mut ends = Ends {
            header,
            events: begin..length,
            trailer: None,
            torn: 0,
        };
        let Ok(line) = std::str::from_utf8(&last) else {
            return Err(Stopped::Unusual);
        };
        if line.trim_ascii().is_empty() {
            return Ok(ends);
        }
        if line.starts_with(r#"{"kind":"trailer""#)
            && let Ok((_, Entry::Trailer(trailer))) = wire::read(line)
        {
            ends.trailer = Some(trailer);
            ends.events.end = start;
        } else if !line.ends_with('\n') {
            // A line that is whole is an event, and the rest of what can be there is for others to tell.
            match serde_json::from_str::<serde::de::IgnoredAny>(line) {
                Ok(_) => {}
                Err(error) if error.is_eof() && line.starts_with('{') => {
                    ends.torn = last.len();
                    ends.events.end = start;
                }
                Err(_) => return Err(Stopped::Unusual),
            }
        }
        Ok(ends)
    }

    /// Whether the trailer fits, if there is one, where so many events stand on lines of this digest.
    pub(super) fn fit(&self, file: &File, events: u64, lines: Hash) -> io::Result<Fit> {
        let Some(trailer) = &self.trailer else {
            return Ok(Fit::Fits);
        };
        // As capture writes them the lines are what is digested. To take them apart costs more.
        let fits = Trailer::of(events, lines) == *trailer || self.taken_apart(file)? == *trailer;
        Ok(if fits { Fit::Fits } else { Fit::Edited })
    }

    /// The trailer for the events as they are digested, whatever white space stands on their lines.
    fn taken_apart(&self, file: &File) -> io::Result<Trailer> {
        let mut seal = Seal::default();
        let mut at = self.events.start;
        let mut bytes = Vec::new();
        while at < self.events.end {
            let kept = bytes.len();
            let rest = usize::try_from(self.events.end - at).unwrap_or(PIECE);
            let more = rest.min(PIECE);
            bytes.resize(kept + more, 0);
            file.read_exact_at(bytes.get_mut(kept..).unwrap_or_default(), at)?;
            at += more as u64;
            let whole = memrchr(b'\n', &bytes).map_or(0, |place| place + 1);
            let whole = if at == self.events.end {
                bytes.len()
            } else {
                whole
            };
            let lines = String::from_utf8_lossy(bytes.get(..whole).unwrap_or_default());
            for line in lines.lines() {
                seal.add(&compact(line));
            }
            bytes.drain(..whole);
        }
        Ok(seal.trailer())
    }
}

/// The header of a tape, and where the first event begins.
fn header(file: &File, length: u64) -> Result<(Header, u64), Stopped> {
    let most = usize::try_from(length).unwrap_or(MAX_LINE).min(MAX_LINE);
    let mut bytes = vec![0; most.min(PIECE / 16)];
    file.read_exact_at(&mut bytes, 0).map_err(Stopped::Io)?;
    if memchr(b'\n', &bytes).is_none() {
        bytes.resize(most, 0);
        file.read_exact_at(&mut bytes, 0).map_err(Stopped::Io)?;
    }
    let end = memchr(b'\n', &bytes).ok_or(Stopped::Unusual)?;
    let line = bytes
        .get(..end)
        .and_then(|line| std::str::from_utf8(line).ok());
    match line.map(wire::read) {
        Some(Ok((_, Entry::Header(header)))) => Ok((*header, end as u64 + 1)),
        _ => Err(Stopped::Unusual),
    }
}

/// The last line in a range of a file, and where it begins.
fn last_line(file: &File, range: Range<u64>) -> Result<(u64, Vec<u8>), Stopped> {
    let mut length = PIECE / 16;
    loop {
        let from = range.end.saturating_sub(length as u64).max(range.start);
        let all = usize::try_from(range.end - from).map_err(|_| Stopped::Unusual)?;
        let mut bytes = vec![0; all];
        file.read_exact_at(&mut bytes, from).map_err(Stopped::Io)?;
        let within = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let begin = match memrchr(b'\n', within) {
            Some(place) => place + 1,
            None if from == range.start => 0,
            None if length < MAX_LINE => {
                length = MAX_LINE;
                continue;
            }
            None => return Err(Stopped::Unusual),
        };
        return Ok((from + begin as u64, bytes.split_off(begin)));
    }
}
