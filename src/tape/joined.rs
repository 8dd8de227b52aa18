//! Reads the segments of a recording as one tape.
//!
//! A cause counts wherever among the segments it stands. What is named and is nowhere was lost with the
//! segments that are gone, or with the end of one that was not closed; what is said then is a notice and no
//! error, since such a recording is to be played all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::exchange::{Form, NotificationId, OperationId};

use super::error::{FolderFault, Problem, TapeError};
use super::read::{self, Causes};
use super::segment::{self, Belongs};
use super::store::{self, MAX_TAPE_BYTES};
use super::{Event, Header, Loaded, Notice, SegmentState, Tape, Trust};

/// Reads the tape at a path: a file, what follows it, or a folder of segments.
pub(super) fn load(path: &Path) -> Result<Loaded, TapeError> {
    if path.is_dir() {
        let segments = segment::list(path)?;
        if segments.is_empty() {
            return Err(FolderFault::NoSegments.at(path));
        }
        return join(&segments);
    }
    let bytes = store::file(path)?;
    let loaded = read_named(&bytes, path)?;
    let mut segments = segment::followers(path, &loaded.tape.header)?;
    if segments.is_empty() {
        return Ok(played(loaded));
    }
    let own = loaded
        .tape
        .header
        .segment
        .map_or(1, |segment| segment.number);
    segments.insert(own, path.to_owned());
    join(&segments)
}

/// The files of the tape at a path, in their order: the segments in a folder, or the file itself.
pub fn parts(path: &Path) -> Result<Vec<PathBuf>, TapeError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let segments = segment::list(path)?;
    if segments.is_empty() {
        return Err(FolderFault::NoSegments.at(path));
    }
    Ok(segments.into_values().collect())
}

/// Reads a tape from the content of a file; of a segment, without what is missing because of those before
/// it.
pub(super) fn read_played(bytes: &[u8], path: &Path) -> Result<Loaded, TapeError> {
    read_named(bytes, path).map(played)
}

fn read_named(bytes: &[u8], path: &Path) -> Result<Loaded, TapeError> {
    Ok(read::read(bytes).map_err(|error| error.named(path))?)
}

/// A single file as it is played: a segment by itself lacks what stands in the others.
fn played(mut loaded: Loaded) -> Loaded {
    if let Some(segment) = loaded.tape.header.segment.take() {
        let mut notices = missing_before(segment.number);
        notices.append(&mut loaded.notices);
        loaded.notices = notices;
        strike(&mut loaded);
    }
    loaded
}

fn join(segments: &BTreeMap<u64, PathBuf>) -> Result<Loaded, TapeError> {
    let last = segments.keys().next_back().copied().unwrap_or_default();
    let mut joined: Option<Loaded> = None;
    let mut numbers = Numbers::default();
    let mut belongs = Belongs::default();
    let mut expected: Option<u64> = None;
    let mut bytes = 0_u64;
    for (&number, path) in segments {
        let content = store::file(path)?;
        bytes = bytes.saturating_add(content.len() as u64);
        if bytes > MAX_TAPE_BYTES {
            let error = Problem::TooLarge(MAX_TAPE_BYTES).at("", 0).named(path);
            return Err(error.into());
        }
        let resumed = read::resume(&content, Causes::Elsewhere);
        let Loaded { tape, notices } = resumed.map_err(|error| error.named(path))?.loaded;
        belongs.check(&tape.header, number, path)?;
        for event in &tape.events {
            numbers
                .add(event)
                .map_err(|problem| problem.at("", 0).named(path))?;
        }
        let whole = joined.get_or_insert_with(|| Loaded {
            tape: Tape {
                header: Header {
                    segment: None,
                    ..tape.header.clone()
                },
                events: Vec::new(),
            },
            notices: missing_before(number),
        });
        if tape.header.trust == Trust::Insecure {
            whole.tape.header.trust = Trust::Insecure;
        }
        if let Some(expected) = expected {
            whole
                .notices
                .extend((expected..number).map(|number| Notice::Segment {
                    number,
                    state: SegmentState::Missing,
                }));
        }
        // Those of all segments are said together.
        let notices = notices.into_iter();
        let notices = notices.filter(|notice| !matches!(notice, Notice::Gaps(_)));
        let of_segment = notices.map(|notice| match number {
            _ if number == last => notice,
            _ => notice.of_segment(number),
        });
        whole.notices.extend(of_segment);
        whole.tape.events.extend(tape.events);
        expected = Some(number.saturating_add(1));
    }
    let mut loaded = joined.ok_or_else(|| FolderFault::NoSegments.at(Path::new("")))?;
    let gaps = loaded.tape.gaps_in_all();
    if !gaps.is_empty() {
        loaded.notices.push(Notice::Gaps(gaps));
    }
    strike(&mut loaded);
    Ok(loaded)
}

/// That the segments before this one are gone.
fn missing_before(first: u64) -> Vec<Notice> {
    match first {
        0 | 1 => Vec::new(),
        _ => vec![Notice::Begins { segment: first }],
    }
}

/// The numbers that are given out already. Each is given once on the whole tape.
#[derive(Default)]
struct Numbers {
    operations: BTreeSet<OperationId>,
    notifications: BTreeSet<NotificationId>,
}

impl Numbers {
    fn add(&mut self, event: &Event) -> Result<(), Problem> {
        match event {
            Event::Operation(operation) if !self.operations.insert(operation.id) => {
                Err(Problem::SecondOperation(operation.id))
            }
            Event::Notification(notification) if !self.notifications.insert(notification.id) => {
                Err(Problem::SecondNotification(notification.id))
            }
            Event::Operation(_)
            | Event::Notification(_)
            | Event::Contract(_)
            | Event::Fact(_)
            | Event::Gap(_) => Ok(()),
        }
    }
}

/// Takes out what cannot be played without what is gone: messages of streams of which the beginning is not
/// there, and causes that are not. Both are reported.
fn strike(loaded: &mut Loaded) {
    let Loaded { tape, notices } = loaded;
    let opened: BTreeSet<OperationId> = tape.operations().map(|operation| operation.id).collect();
    let mut lost: BTreeMap<OperationId, u64> = BTreeMap::new();
    tape.events.retain(|event| match stream_of(event) {
        Some(stream) if !opened.contains(&stream) => {
            *lost.entry(stream).or_default() += 1;
            false
        }
        _ => true,
    });
    let streams = lost.into_iter();
    notices.extend(streams.map(|(stream, events)| Notice::StreamLost { stream, events }));
    let there: BTreeSet<OperationId> = tape.operations().map(|operation| operation.id).collect();
    for event in &mut tape.events {
        let Event::Notification(notification) = event else {
            continue;
        };
        let id = notification.id;
        notification.after.retain(|operation| {
            let kept = there.contains(operation);
            if !kept {
                notices.push(Notice::CauseLost {
                    notification: id,
                    operation: *operation,
                });
            }
            kept
        });
    }
}

/// The operation that opened the stream on which an event travelled.
fn stream_of(event: &Event) -> Option<OperationId> {
    match event {
        Event::Operation(operation) => match operation.form {
            Form::Message(message) => Some(message.stream),
            Form::Exchange | Form::Opens(_) => None,
        },
        Event::Notification(notification) => notification.carrier.stream(),
        Event::Fact(fact) => fact.what.stream(),
        Event::Contract(_) | Event::Gap(_) => None,
    }
}
