//! Reads the segments of a recording as one tape.
//!
//! A cause counts wherever among the segments it stands. What is named and is nowhere was lost with the
//! segments that are gone, or with the end of one that was not closed; what is said then is a notice and no
//! error, since such a recording is to be played all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::exchange::{Form, OperationId};

use super::error::{FolderFault, Problem, TapeError};
use super::read::{self, Causes, Given, Part};
use super::redaction;
use super::segment::{self, Belongs};
use super::store::{self, MAX_TAPE_BYTES};
use super::trace::{Subject, Trace};
use super::{Event, Gaps, Header, Loaded, Notice, SegmentState, Trust};

/// Reads the tape at a path: a file, what follows it, or a folder of segments.
pub(super) fn load(path: &Path) -> Result<Loaded, TapeError> {
    let mut bytes = 0_u64;
    let read = |path: &Path, causes| {
        let content = store::file(path)?;
        bytes = bytes.saturating_add(content.len() as u64);
        if bytes > MAX_TAPE_BYTES {
            let error = Problem::TooLarge(MAX_TAPE_BYTES).at("", 0).named(path);
            return Err(TapeError::from(error));
        }
        let resumed = read::resume(&content, causes);
        Ok(resumed.map_err(|error| error.named(path))?.part)
    };
    together(path, read).map(Loaded::from)
}

/// The same with whatever is kept of the events, and however a file is read.
pub(super) fn together<E: Trace, F: From<TapeError>>(
    path: &Path,
    mut read: impl FnMut(&Path, Causes) -> Result<Part<E>, F>,
) -> Result<Part<E>, F> {
    let files = files(path)?;
    if files.len() > 1 || path.is_dir() {
        return join(&files, read);
    }
    read(path, Causes::Here).map(played)
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
/// file whose header cannot be read is alone, and so is what can be read only once, such as a pipe.
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
    let resumed = read::resume(bytes, Causes::Here).map_err(|error| error.named(path))?;
    Ok(played(resumed.part).into())
}

/// A single file as it is played: a segment by itself lacks what stands in the others.
fn played<E: Trace>(mut part: Part<E>) -> Part<E> {
    if let Some(segment) = part.header.segment.take() {
        let mut notices = missing_before(segment.number);
        notices.append(&mut part.notices);
        part.notices = notices;
        strike(&mut part);
    }
    part
}

fn join<E: Trace, F: From<TapeError>>(
    segments: &BTreeMap<u64, PathBuf>,
    mut read: impl FnMut(&Path, Causes) -> Result<Part<E>, F>,
) -> Result<Part<E>, F> {
    let last = segments.keys().next_back().copied().unwrap_or_default();
    let mut joined: Option<Part<E>> = None;
    let mut given = Given::default();
    let mut belongs = Belongs::default();
    let mut expected: Option<u64> = None;
    for (&number, path) in segments {
        let part = read(path, Causes::Elsewhere)?;
        belongs.check(&part.header, number, path)?;
        for event in &part.events {
            given
                .add(event.subject())
                .map_err(|problem| TapeError::from(problem.at("", 0).named(path)))?;
        }
        let missing = expected.unwrap_or(number)..number;
        let whole = joined.get_or_insert_with(|| Part::nothing(&part.header, number));
        whole.header.join(&part.header);
        whole.notices.extend(missing.map(|number| Notice::Segment {
            number,
            state: SegmentState::Missing,
        }));
        // Those of all segments are said together.
        let notices = part.notices.into_iter();
        let notices = notices.filter(|notice| !matches!(notice, Notice::Gaps(_)));
        let of_segment = notices.map(|notice| match number {
            _ if number == last => notice,
            _ => notice.of_segment(number),
        });
        whole.notices.extend(of_segment);
        whole.events.extend(part.events);
        whole.gaps.join(&part.gaps);
        expected = Some(number.saturating_add(1));
    }
    let mut part = joined.ok_or_else(|| FolderFault::NoSegments.at(Path::new("")))?;
    if !part.gaps.is_empty() {
        part.notices.push(Notice::Gaps(part.gaps));
    }
    strike(&mut part);
    Ok(part)
}

impl<E> Part<E> {
    /// What a tape begins with whose first segment has this header and this number.
    fn nothing(header: &Header, number: u64) -> Part<E> {
        Part {
            header: Header {
                segment: None,
                ..header.clone()
            },
            events: Vec::new(),
            notices: missing_before(number),
            gaps: Gaps::default(),
        }
    }
}

impl Header {
    /// Takes what the header of a further segment says.
    pub(super) fn join(&mut self, further: &Header) {
        if further.trust == Trust::Insecure {
            self.trust = Trust::Insecure;
        }
        let redaction = &mut self.redaction;
        *redaction = redaction::together(redaction.as_ref(), further.redaction.as_ref());
    }
}

/// That the segments before this one are gone.
pub(super) fn missing_before(first: u64) -> Vec<Notice> {
    match first {
        0 | 1 => Vec::new(),
        _ => vec![Notice::Begins { segment: first }],
    }
}

/// Takes out what cannot be played without what is gone: messages of streams of which the beginning is not
/// there, and causes that are not. Both are reported.
fn strike<E: Trace>(part: &mut Part<E>) {
    let Part {
        events, notices, ..
    } = part;
    let opened = operations(events);
    let mut lost: BTreeMap<OperationId, u64> = BTreeMap::new();
    events.retain(|event| match event.stream() {
        Some(stream) if !opened.contains(&stream) => {
            *lost.entry(stream).or_default() += 1;
            false
        }
        _ => true,
    });
    let streams = lost.into_iter();
    notices.extend(streams.map(|(stream, events)| Notice::StreamLost { stream, events }));
    let there = operations(events);
    for (notification, after) in events.iter_mut().filter_map(Trace::due) {
        after.retain(|operation| {
            let kept = there.contains(operation);
            if !kept {
                notices.push(Notice::CauseLost {
                    notification,
                    operation: *operation,
                });
            }
            kept
        });
    }
}

/// The numbers of the operations among these events.
fn operations<E: Trace>(events: &[E]) -> BTreeSet<OperationId> {
    let subjects = events.iter().map(Trace::subject);
    subjects.filter_map(Subject::operation).collect()
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
        Body, Carrier, Closed, End, Ender, Fact, Headers, Kind, Micros, Notification,
        NotificationId, OnSocket, Operation, Request, Response, Session, What,
    };
    use crate::tape::{Layout, Segment, Tape};

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

    fn header(segment: Option<Segment>) -> Header {
        Header {
            title: "t".into(),
            source: "s".into(),
            segment,
            ..Header::default()
        }
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
            header: header(Some(Segment {
                recording: "r".into(),
                number: 3,
            })),
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

    #[test]
    fn a_cause_may_stand_in_what_follows_a_closed_file() {
        let header = header(None);
        let further = Header {
            segment: Some(Segment {
                recording: segment::recording(&header),
                number: 2,
            }),
            ..header.clone()
        };
        let folder = tempfile::tempdir().unwrap();
        let first = folder.path().join("t.tape");
        let save = |path: &Path, header: &Header, event| {
            let (header, events) = (header.clone(), vec![event]);
            Tape { header, events }.save(path, Layout::Lines).unwrap();
        };
        save(&first, &header, notification(1, Carrier::Bayeux, &[2]));
        load(&first).unwrap_err();
        let second = segment::beside(&first, 2);
        save(&second, &further, operation(2, Form::Exchange));
        let loaded = load(&first).unwrap();
        assert_eq!((loaded.tape.events.len(), loaded.notices), (2, vec![]));
    }
}
