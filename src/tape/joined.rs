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
use super::redaction;
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

/// The files of the tape at a path with their numbers: a folder's segments, or a file and what follows it. A
/// file whose header cannot be read is alone.
pub(super) fn files(path: &Path) -> Result<BTreeMap<u64, PathBuf>, TapeError> {
    if path.is_dir() {
        let segments = segment::list(path)?;
        if segments.is_empty() {
            return Err(FolderFault::NoSegments.at(path));
        }
        return Ok(segments);
    }
    let header = store::header(path)?;
    let mut files = match &header {
        Some(header) => segment::followers(path, header)?,
        None => BTreeMap::new(),
    };
    let own = header.and_then(|header| header.segment);
    files.insert(own.map_or(1, |segment| segment.number), path.to_owned());
    Ok(files)
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
        let redaction = &mut whole.tape.header.redaction;
        *redaction = redaction::together(redaction.as_ref(), tape.header.redaction.as_ref());
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
pub(super) fn missing_before(first: u64) -> Vec<Notice> {
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
pub(super) fn stream_of(event: &Event) -> Option<OperationId> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use super::*;
    use crate::exchange::{
        Body, Carrier, Closed, End, Ender, Fact, Headers, Kind, Micros, Notification, OnSocket,
        Operation, Request, Response, Session, What,
    };
    use crate::tape::{Layout, Segment};

    fn operation(id: u64, form: Form) -> Event {
        Event::Operation(Operation {
            id: OperationId(id),
            session: Session::new("a"),
            at: Micros(id),
            answered: Micros(id),
            request: Request {
                method: "POST".into(),
                target: "/".into(),
                headers: Headers::new(),
                body: Body::default(),
                trailers: Headers::new(),
            },
            response: Response {
                status: 204,
                headers: Headers::new(),
                body: Body::default(),
                trailers: Headers::new(),
            },
            end: End::Complete,
            form,
            repairs: Vec::new(),
        })
    }

    fn notification(id: u64, carrier: Carrier, after: &[u64]) -> Event {
        Event::Notification(Notification {
            id: NotificationId(id),
            session: Session::new("a"),
            at: Micros(id),
            channel: "/c".into(),
            carrier,
            after: after.iter().copied().map(OperationId).collect(),
            cause_by: None,
            data: Body::default(),
            repairs: Vec::new(),
        })
    }

    #[test]
    fn a_segment_whose_predecessors_are_gone_is_played_without_what_hangs_on_them() {
        let on_socket = OnSocket {
            stream: OperationId(1),
            kind: Kind::Text,
        };
        let closed = Event::Fact(Fact {
            session: Session::new("a"),
            at: Micros(9),
            what: What::Closed(Closed {
                stream: OperationId(1),
                by: Ender::Client,
                code: None,
                reason: String::new(),
                end: End::Complete,
            }),
        });
        let tape = Tape {
            header: Header {
                title: "t".into(),
                source: "s".into(),
                started: None,
                endpoint: None,
                trust: Trust::Checked,
                segment: Some(Segment {
                    recording: "r".into(),
                    number: 3,
                }),
                redaction: None,
            },
            events: vec![
                operation(5, Form::Message(on_socket)),
                notification(6, Carrier::Message(on_socket), &[]),
                operation(7, Form::Exchange),
                notification(8, Carrier::Bayeux, &[2, 5, 7]),
                closed,
            ],
        };
        let text = tape.write(Layout::Lines);
        let path = Path::new("000003.tape");
        let part = Tape::read_part(text.as_bytes(), path).unwrap();
        assert_eq!((part.tape, part.notices), (tape, vec![]));
        let played = Tape::read_named(text.as_bytes(), path).unwrap();
        let lost = |operation| Notice::CauseLost {
            notification: NotificationId(8),
            operation: OperationId(operation),
        };
        let stream = Notice::StreamLost {
            stream: OperationId(1),
            events: 3,
        };
        let begins = Notice::Begins { segment: 3 };
        assert_eq!(played.notices, [begins, stream, lost(2), lost(5)]);
        assert_eq!(
            played.tape.events,
            [
                operation(7, Form::Exchange),
                notification(8, Carrier::Bayeux, &[7])
            ]
        );
    }
}
