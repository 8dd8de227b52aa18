//! A tape whose operations stay in its file, and of its notifications what a reader takes out of them: it is
//! read where it stands when it is needed, and the reader keeps of each what finds it again.
//!
//! It is for tapes as capture writes them, one object a line. Anything else, be it an edit, a layout for
//! people or a fault, is to be [walked](super::Walk) through, and what is to be played of it written to a [`Spool`].

mod digest;
mod ends;
mod lines;
mod source;
mod spool;

use std::fs::File;
use std::path::Path;

use crate::exchange::{Notification, NotificationId, OperationId, Session};

use super::error::TapeError;
use super::objects::Stopped;
use super::packing::{self, Packing};
use super::segment::Belongs;
use super::wire::Glance;
use super::{Event, Gaps, Header, Notice, SegmentState, joined, names, store};
use digest::Joined;
use ends::Ends;
use lines::{Digests, Piece};
pub use source::{Lost, Source, Spot, sum};
pub use spool::{Spool, Wound};

/// What takes note of events where they stand.
pub trait Reader: Send {
    /// Takes note of one; `None` where the tape cannot be played as it stands because of it. What it says to be the
    /// same is so in the one of which was taken note before.
    fn operation(&mut self, glance: &Glance<'_>, spot: Spot) -> Option<()>;

    /// Takes note of a notification, of which what is left in it stays in memory; `None` as above.
    fn notification(&mut self, notification: &mut Notification, spot: Spot) -> Option<()>;
}

/// A tape whose operations were taken note of.
#[derive(Debug)]
pub struct Reel {
    /// What it says of itself.
    pub header: Header,
    /// The events that are no operations, each with how many operations stand before it; of notifications what
    /// the reader has left in them.
    pub events: Vec<(usize, Event)>,
    /// The files in which they stand.
    pub sources: Vec<Source>,
    /// What was found beside it.
    pub notices: Vec<Notice>,
}

/// Reads the tape at a path: a file, what follows it, or a folder of segments. A reader is made for each
/// piece of it, by the number of the source, and handed back when it has read that, in the order of the tape.
/// `None` where it does not stand there as capture writes it.
///
/// # Errors
/// Where a file cannot be read, or segments do not belong together.
pub fn load<R: Reader>(
    path: &Path,
    reader: &(impl Fn(usize) -> R + Sync),
    mut take: impl FnMut(R),
) -> Result<Option<Reel>, TapeError> {
    if !path.is_file() && !path.is_dir() {
        return Ok(None); // a pipe, which can be read only once
    }
    let files = joined::files(path)?;
    let (first, last) = (
        files.keys().next().copied(),
        files.keys().next_back().copied(),
    );
    let mut reel: Option<Reel> = None;
    let mut known = Known::default();
    let mut belongs = Belongs::default();
    let mut expected = None;
    for (&number, path) in &files {
        let file = File::open(path).map_err(|source| TapeError::Read {
            path: path.clone(),
            source,
        })?;
        let number_of_source = reel.as_ref().map_or(0, |reel| reel.sources.len());
        let make = || reader(number_of_source);
        let part = match part(file, path, &make, &mut known, &mut take) {
            Ok(part) => part,
            Err(Stopped::Unusual) => return Ok(None),
            Err(Stopped::Io(source)) => {
                let path = path.clone();
                return Err(TapeError::Read { path, source });
            }
        };
        if files.len() > 1 {
            belongs.check(&part.header, number, path)?;
        }
        let mut notices = part.notices;
        if last != Some(number) {
            notices = notices
                .into_iter()
                .map(|notice| notice.of_segment(number))
                .collect();
        }
        let missing = expected.unwrap_or(number)..number;
        let state = SegmentState::Missing;
        let missing = missing.map(|number| Notice::Segment { number, state });
        match &mut reel {
            None => reel = Some(Reel { notices, ..part }),
            Some(reel) => {
                reel.header.join(&part.header);
                reel.notices.extend(missing.chain(notices));
                reel.sources.extend(part.sources);
            }
        }
        expected = Some(number.saturating_add(1));
    }
    Ok(reel.and_then(|reel| reel.with(known, first.filter(|_| files.len() > 1))))
}

/// What the tape at a path says of itself, where that can be told before all of it is read.
pub fn header(path: &Path) -> Option<Header> {
    let first = joined::files(path).ok()?.into_values().next()?;
    store::header(&first).ok()?
}

/// What is known of the parts of a tape together.
#[derive(Default)]
struct Known {
    ids: Vec<OperationId>,
    sockets: Vec<OperationId>,
    events: Vec<(usize, Event)>,
}

/// Reads one file of a tape.
fn part<R: Reader>(
    file: File,
    path: &Path,
    reader: &(impl Fn() -> R + Sync),
    known: &mut Known,
    take: &mut impl FnMut(R),
) -> Result<Reel, Stopped> {
    let (file, torn) = plain(file)?;
    if torn > 0 {
        return Err(Stopped::Unusual);
    }
    let ends = Ends::of(&file)?;
    let wanted = match &ends.trailer {
        Some(_) => Digests::Wanted,
        None => Digests::Idle,
    };
    let mut digest = Joined::default();
    let mut count = 0;
    lines::read(&file, &ends.events, wanted, reader, |piece: Piece<R>| {
        if let Some(part) = piece.digest {
            digest.add(part);
        }
        count += piece.ids.len() + piece.events.len();
        let before = known.ids.len();
        known.ids.extend(piece.ids);
        known.sockets.extend(piece.sockets);
        let events = piece.events.into_iter();
        known
            .events
            .extend(events.map(|(place, event)| (before + place, event)));
        take(piece.reader);
    })?;
    let fit = ends
        .fit(&file, count as u64, digest.digest())
        .map_err(Stopped::Io)?;
    let mut notices = Vec::new();
    if ends.torn > 0 {
        notices.push(Notice::Torn { bytes: ends.torn });
    }
    if ends.trailer.is_none() {
        notices.push(Notice::Unclosed);
    } else if fit == ends::Fit::Edited {
        notices.push(Notice::Edited);
    }
    Ok(Reel {
        header: ends.header,
        events: Vec::new(),
        sources: vec![Source::new(file, path)],
        notices,
    })
}

/// A file in which the text stands as it is: of a compressed one, another to which it is unpacked. That has
/// no name, and is gone with the program; to unpack a frame for each operation would make the speed of an
/// answer a matter of luck. With it, how many bytes at its end could not be unpacked.
pub(super) fn plain(file: File) -> Result<(File, usize), Stopped> {
    match packing::of_file(&file).map_err(Stopped::Io)? {
        Packing::Plain => Ok((file, 0)),
        Packing::Zstd => {
            let spilled = source::nameless().map_err(|_| Stopped::Unusual)?;
            match packing::unpack_to(&file, &spilled) {
                Ok(Some(torn)) => Ok((spilled, torn)),
                // Where there is no room for it, the memory may have some.
                Ok(None) | Err(_) => Err(Stopped::Unusual),
            }
        }
    }
}

impl Reel {
    /// Gives every session the name that it has in the end: in the events here, and these of the operations.
    pub fn settle(&mut self, sessions: &mut [Session]) {
        let renamed = names::renamed(self.events.iter().map(|(_, event)| event));
        let events = self.events.iter_mut();
        let of_events = events.filter_map(|(_, event)| event.session_mut());
        names::rename(&renamed, of_events.chain(sessions));
    }

    /// The whole tape; `None` where its events do not fit together.
    fn with(mut self, known: Known, first: Option<u64>) -> Option<Reel> {
        let Known {
            mut ids,
            sockets,
            events,
        } = known;
        let segment = self.header.segment.take();
        let first = first.or(segment.as_ref().map(|segment| segment.number));
        ids.sort_unstable();
        let notified = |(_, event): &(usize, Event)| match event {
            Event::Notification(notification) => Some(notification.id),
            Event::Contract(_) | Event::Operation(_) | Event::Fact(_) | Event::Gap(_) => None,
        };
        let mut notified: Vec<NotificationId> = events.iter().filter_map(notified).collect();
        notified.sort_unstable();
        let is_there = |id: &OperationId| ids.binary_search(id).is_ok();
        let travelled = events
            .iter()
            .filter_map(|(_, event)| joined::stream_of(event));
        let lost = sockets
            .iter()
            .copied()
            .chain(travelled)
            .any(|id| !is_there(&id));
        let twice = !ids.is_sorted_by(|one, other| one < other)
            || !notified.is_sorted_by(|one, other| one < other);
        if twice || (lost && first.is_some()) {
            return None;
        }
        let mut notices = joined::missing_before(first.unwrap_or_default());
        let gaps = Gaps::of(events.iter().filter_map(|(_, event)| event.gap()));
        notices.append(&mut self.notices);
        if !gaps.is_empty() {
            notices.push(Notice::Gaps(gaps));
        }
        self.notices = notices;
        self.events = events;
        let may_lack = first.is_some() || gaps.is_loss() || self.is_unclosed();
        self.strike(&is_there, may_lack)
    }

    fn is_unclosed(&self) -> bool {
        self.notices.contains(&Notice::Unclosed)
    }

    /// Takes out the causes that are not there; `None` where they should be.
    fn strike(mut self, is_there: &impl Fn(&OperationId) -> bool, may_lack: bool) -> Option<Reel> {
        for (_, event) in &mut self.events {
            let Event::Notification(notification) = event else {
                continue;
            };
            let causes = notification.after.iter().copied();
            let lost: Vec<OperationId> = causes.filter(|cause| !is_there(cause)).collect();
            if lost.is_empty() {
                continue;
            }
            if !may_lack {
                return None;
            }
            notification.after.retain(is_there);
            let id = notification.id;
            self.notices
                .extend(lost.into_iter().map(|operation| Notice::CauseLost {
                    notification: id,
                    operation,
                }));
        }
        Some(self)
    }
}
