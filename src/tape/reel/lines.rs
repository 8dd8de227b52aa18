//! Reads the lines of a tape in pieces, several at a time, and hands on what came of them in their order.
//!
//! It knows lines and events. What holds for the tape as a whole is not its business.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use memchr::{memchr, memchr_iter};

use super::Reader;
use super::digest::Part;
use super::source::Spot;
use crate::exchange::{Form, OperationId};
use crate::tape::Event;
use crate::tape::objects::Stopped;
use crate::tape::wire::{self, Before, Entry, Glance};

/// How much is read at once: it fits in the cache of a core, and what is made of it is worth handing on.
const PIECE: u64 = 256 * 1024;

/// How many threads read at most: beyond that the memory is the limit, and a test run on a large machine
/// starts many replays.
const MAX_THREADS: usize = 8;

/// How many pieces of each thread wait at most for whoever takes them. What is made of a piece is kept in any case, so to
/// have many of them costs nothing, and nobody stands still while the other is slow.
const MAX_WAITING: usize = 64;

/// Whether anybody asks for the digest of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digests {
    Wanted,
    Idle,
}

/// What came of a piece of a tape.
pub(super) struct Piece<R> {
    /// The operations, as the reader took them.
    pub(super) reader: R,
    /// Their numbers.
    pub(super) ids: Vec<OperationId>,
    /// The operations that opened the sockets on which others of them travelled.
    pub(super) sockets: Vec<OperationId>,
    /// The other events, each with how many operations of the piece stand before it.
    pub(super) events: Vec<(usize, Event)>,
    /// The digest of the bytes of the piece, where it is wanted. Its lines end behind them.
    pub(super) digest: Option<Part>,
}

/// Where lines are read from.
struct Reading<'a> {
    file: &'a File,
    range: &'a Range<u64>,
    digests: Digests,
}

/// The lines that begin in a piece.
struct Lines<'a> {
    text: &'a [u8],
    /// Where the first of them stands.
    offset: u64,
    digest: Option<Part>,
}

/// Reads the lines in this range of a file, and hands on each piece.
pub(super) fn read<R: Reader>(
    file: &File,
    range: &Range<u64>,
    digests: Digests,
    reader: &(impl Fn() -> R + Sync),
    mut take: impl FnMut(Piece<R>),
) -> Result<(), Stopped> {
    let pieces = range.end.saturating_sub(range.start).div_ceil(PIECE);
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = threads
        .min(MAX_THREADS)
        .min(usize::try_from(pieces).unwrap_or(MAX_THREADS));
    let next = AtomicU64::new(0);
    let from = Reading {
        file,
        range,
        digests,
    };
    thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel(threads * MAX_WAITING);
        for _ in 0..threads {
            let (send, next, from) = (send.clone(), &next, &from);
            scope.spawn(move || work(from, reader, next, &send));
        }
        drop(send);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (number, piece) in receive {
            // Those who still send find nobody, and end.
            early.insert(number, piece?);
            while let Some(piece) = early.remove(&due) {
                take(piece);
                due += 1;
            }
        }
        Ok(())
    })
}

/// Reads one piece after the other, until there is none or nobody wants more.
fn work<R: Reader>(
    from: &Reading<'_>,
    reader: &impl Fn() -> R,
    next: &AtomicU64,
    send: &SyncSender<(u64, Result<Piece<R>, Stopped>)>,
) {
    let mut bytes = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let start = number.saturating_mul(PIECE);
        let start = from.range.start.saturating_add(start);
        if start >= from.range.end {
            return;
        }
        let piece = lines(from, start, &mut bytes)
            .map_err(Stopped::Io)
            .and_then(|lines| piece(&lines, reader()).ok_or(Stopped::Unusual));
        if send.send((number, piece)).is_err() {
            return;
        }
    }
}

/// The lines that begin in the piece which starts here.
fn lines<'a>(
    &Reading {
        file,
        range,
        digests,
    }: &Reading<'_>,
    start: u64,
    bytes: &'a mut Vec<u8>,
) -> io::Result<Lines<'a>> {
    let end = start.saturating_add(PIECE).min(range.end);
    // A line begins here if one ends right before.
    let from = start.saturating_sub(1).max(range.start);
    let length = usize::try_from(end - from).map_err(|_| io::ErrorKind::FileTooLarge)?;
    bytes.resize(length, 0);
    file.read_exact_at(bytes, from)?;
    let digest = match digests {
        Digests::Wanted => {
            let before = usize::from(from < start);
            let piece = bytes.get(before..).unwrap_or_default();
            Some(Part::of(
                piece,
                start - range.start,
                range.end - range.start,
            ))
        }
        Digests::Idle => None,
    };
    let first = if from == start {
        0
    } else {
        memchr(b'\n', bytes).map_or(length, |place| place + 1)
    };
    // The last line may go on behind the piece.
    let mut read = end;
    while bytes.last() != Some(&b'\n') && first < bytes.len() && read < range.end {
        let more = range.end.min(read.saturating_add(PIECE / 4));
        let before = bytes.len();
        let length = usize::try_from(more - read).map_err(|_| io::ErrorKind::FileTooLarge)?;
        bytes.resize(before + length, 0);
        let added = bytes.get_mut(before..).unwrap_or_default();
        file.read_exact_at(added, read)?;
        if let Some(place) = memchr(b'\n', added) {
            bytes.truncate(before + place + 1);
        }
        read = more;
    }
    Ok(Lines {
        text: bytes.get(first..).unwrap_or_default(),
        offset: from + first as u64,
        digest,
    })
}

/// Reads these lines; `None` where one is not as capture writes it.
fn piece<R: Reader>(lines: &Lines<'_>, reader: R) -> Option<Piece<R>> {
    let text = simdutf8::basic::from_utf8(lines.text).ok()?;
    let mut piece = Piece {
        digest: lines.digest,
        ..Piece::of(reader)
    };
    let mut from = 0;
    let mut before = None;
    let ends = memchr_iter(b'\n', lines.text).chain((!text.ends_with('\n')).then_some(text.len()));
    for end in ends.filter(|_| !text.is_empty()) {
        piece.line(
            text.get(from..end)?,
            lines.offset + from as u64,
            &mut before,
        )?;
        from = end + 1;
    }
    Some(piece)
}

impl<R: Reader> Piece<R> {
    /// One of which this reader is to take note.
    pub(super) fn of(reader: R) -> Piece<R> {
        Piece {
            reader,
            ids: Vec::new(),
            sockets: Vec::new(),
            events: Vec::new(),
            digest: None,
        }
    }

    /// Reads a line; `before` is the operation before it.
    pub(super) fn line<'a>(
        &mut self,
        line: &'a str,
        offset: u64,
        before: &mut Option<Before<'a>>,
    ) -> Option<()> {
        if line.starts_with(wire::OPERATION) {
            let glance = Glance::at(line, before.as_ref())?;
            self.ids.push(glance.id);
            if let Form::Message(message) = glance.form {
                self.sockets.push(message.stream);
            }
            *before = glance.before();
            return self.reader.operation(&glance, Spot::of(line, offset)?);
        }
        let Entry::Event(event) = wire::read(line).ok()?.1 else {
            return None;
        };
        let mut event = *event;
        match &mut event {
            Event::Operation(_) => return None,
            Event::Notification(notification) => {
                self.reader
                    .notification(notification, Spot::of(line, offset)?)?;
            }
            Event::Contract(_) | Event::Fact(_) | Event::Gap(_) => {}
        }
        self.events.push((self.ids.len(), event));
        Some(())
    }
}
