//! Reads a tape from its text: one object after the other, in either layout, with what a crash left
//! of the last one.
//!
//! It forgives what a crash or an editor leaves, and says so in notices; anything else that is not
//! as it should be is an error with its place. What is kept of an event is for the caller to say.

use std::collections::BTreeSet;
use std::fs::File;

use serde_json::Deserializer;
use serde_json::value::RawValue;

use crate::exchange::{NotificationId, OperationId};

use super::error::{Problem, Unreadable};
use super::layout::compact;
use super::objects::{self, Stopped};
use super::packing::{self, Packing, Place};
use super::reel::Spot;
use super::trace::{Subject, Trace};
use super::wire::{self, Entry, Fault, Seal, Trailer};
use super::{Event, Gaps, Header, Loaded, Notice, Tape};

/// A file of a tape that was read, with what was kept of its events.
pub(super) struct Part<E> {
    pub(super) header: Header,
    pub(super) events: Vec<E>,
    pub(super) notices: Vec<Notice>,
    /// What it lacks.
    pub(super) gaps: Gaps,
}

impl From<Part<Event>> for Loaded {
    fn from(part: Part<Event>) -> Self {
        Loaded {
            tape: Tape {
                header: part.header,
                events: part.events,
            },
            notices: part.notices,
        }
    }
}

/// A tape that was read, with what is needed to go on writing it.
pub(super) struct Resumed {
    pub(super) part: Part<Event>,
    /// The seal of the events so far.
    pub(super) seal: Seal,
    /// How the text stands in the file.
    pub(super) packing: Packing,
    /// Where the last event ends, or the header where there is none; `None` where it ends within a frame.
    pub(super) end: Option<Place>,
}

/// Where the causes are that the notifications in a file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Causes {
    /// In the file itself; but of a segment they may be anywhere.
    Here,
    /// In whichever segment.
    Elsewhere,
}

/// Reads a tape from the bytes of its file.
pub(super) fn read(bytes: &[u8]) -> Result<Loaded, Unreadable> {
    resume(bytes, Causes::Here).map(|resumed| resumed.part.into())
}

/// Reads a tape from the bytes of its file, to go on writing it.
pub(super) fn resume(bytes: &[u8], causes: Causes) -> Result<Resumed, Unreadable> {
    let unpacked = packing::text(bytes)?;
    let bytes = unpacked.text.as_ref();
    let text = intact(bytes)?;
    let mut objects = Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut reading = Reading::default();
    let mut starts = Vec::new();
    let mut end = 0;
    let mut end_of_events = 0;
    while let Some(next) = objects.next() {
        match next {
            Ok(object) => {
                end = objects.byte_offset();
                let start = end - object.get().len();
                let keep = |event| {
                    starts.push(start);
                    event
                };
                reading
                    .take(object.get(), keep)
                    .map_err(|fault| locate(fault, object.get(), text, start))?;
                if reading.trailer.is_none() {
                    end_of_events = end;
                }
            }
            Err(error) => {
                let start = start_of_rest(text.as_bytes(), end);
                if !text.get(start..).is_some_and(|rest| rest.starts_with('{')) {
                    return Err(Problem::NotAnObject.at(text, start));
                }
                if is_torn(&error, text) {
                    break;
                }
                return Err(locate(Fault::Shape(error), text, text, 0));
            }
        }
    }
    let torn = bytes.len() - start_of_rest(bytes, end) + unpacked.torn;
    let (part, seal) = reading.finish(torn, causes).map_err(|misfit| {
        let place = match misfit.event {
            Some(index) => starts.get(index).copied().unwrap_or_default(),
            None if torn == 0 => 0,
            None => text.len(),
        };
        misfit.problem.at(text, place)
    })?;
    Ok(Resumed {
        part,
        seal,
        packing: unpacked.packing,
        end: unpacked.place(end_of_events),
    })
}

/// Reads a tape from a file in which its text stands as it is, an event at a time; `torn` bytes are missing
/// at its end. Of what [`resume`] would not read it says that it is unusual, and no more.
pub(super) fn stream<E: Trace>(
    file: &File,
    torn: usize,
    causes: Causes,
    mut keep: impl FnMut(Event, Spot) -> E,
) -> Result<(Part<E>, Seal), Stopped> {
    let mut reading = Reading::default();
    let left = objects::each(file, |object, start| {
        let spot = Spot::of(object, start).ok_or(Stopped::Unusual)?;
        reading
            .take(object, |event| keep(event, spot))
            .map_err(|_| Stopped::Unusual)
    })?;
    reading
        .finish(left + torn, causes)
        .map_err(|_| Stopped::Unusual)
}

/// The text of the tape, without what a crash can leave at its end: half a character, or zeros
/// where the file had grown and its content had not yet reached the disk.
pub(super) fn intact(bytes: &[u8]) -> Result<&str, Unreadable> {
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let bytes = bytes.get(..bytes.len() - zeros).unwrap_or(bytes);
    std::str::from_utf8(bytes).or_else(|error| {
        let valid = bytes.utf8_chunks().next().map_or("", |first| first.valid());
        match error.error_len() {
            None => Ok(valid),
            Some(_) => Err(Problem::NotUtf8.at(valid, valid.len())),
        }
    })
}

/// Where the next object would begin after the one that ends at `end`.
pub(super) fn start_of_rest(bytes: &[u8], end: usize) -> usize {
    let rest = bytes.get(end..).unwrap_or_default();
    end + rest.len() - rest.trim_ascii_start().len()
}

/// Whether the last object ends with the text before it is whole.
pub(super) fn is_torn(error: &serde_json::Error, text: &str) -> bool {
    // A number that is cut after its sign, point or exponent counts as invalid, not as ended.
    let in_number = text.ends_with(['-', '+', '.', 'e', 'E']);
    error.is_eof() || (in_number && offset(error, text) + 1 == text.len())
}

/// Where in `text` an error was found.
fn offset(error: &serde_json::Error, text: &str) -> usize {
    let lines_before = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1));
    lines_before.map(str::len).sum::<usize>() + error.column().saturating_sub(1)
}

/// Gives a fault its place: `start` is where in the tape's `text` the object begins.
fn locate(fault: Fault, object: &str, text: &str, start: usize) -> Unreadable {
    match fault {
        Fault::Problem(problem) => problem.at(text, start),
        Fault::Shape(error) => {
            let words = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            let words = words.strip_suffix(&place).unwrap_or(&words);
            Problem::Malformed(words.to_owned()).at(text, start + offset(&error, object))
        }
    }
}

/// What has been read so far.
struct Reading<E> {
    header: Option<Header>,
    events: Vec<E>,
    given: Given,
    gaps: Gaps,
    seal: Seal,
    trailer: Option<Trailer>,
}

/// What does not fit the rest of a tape: an event, or that there is no header.
struct Misfit {
    problem: Problem,
    /// Which of the events.
    event: Option<usize>,
}

impl<E> Default for Reading<E> {
    fn default() -> Self {
        Reading {
            header: None,
            events: Vec::new(),
            given: Given::default(),
            gaps: Gaps::default(),
            seal: Seal::default(),
            trailer: None,
        }
    }
}

impl<E: Trace> Reading<E> {
    fn take(&mut self, object: &str, keep: impl FnOnce(Event) -> E) -> Result<(), Fault> {
        if !object.starts_with('{') {
            return Err(Fault::Problem(Problem::NotAnObject));
        }
        let (kind, entry) = wire::read(object)?;
        if self.trailer.is_some() {
            return Err(Fault::Problem(Problem::AfterTrailer(kind)));
        }
        match (entry, &self.header) {
            (Entry::Header(header), None) => self.header = Some(*header),
            (Entry::Header(_), Some(_)) => return Err(Fault::Problem(Problem::SecondHeader)),
            (Entry::Event(_) | Entry::Trailer(_), None) => {
                return Err(Fault::Problem(Problem::NoHeader(kind)));
            }
            (Entry::Event(event), Some(_)) => {
                self.given.add(event.subject()).map_err(Fault::Problem)?;
                self.seal.add(&compact(object));
                self.gaps.join(&Gaps::of(event.gap()));
                self.events.push(keep(*event));
            }
            (Entry::Trailer(trailer), Some(_)) => self.trailer = Some(trailer),
        }
        Ok(())
    }

    fn finish(mut self, torn: usize, causes: Causes) -> Result<(Part<E>, Seal), Misfit> {
        let mut notices = Vec::new();
        if torn > 0 {
            notices.push(Notice::Torn { bytes: torn });
        }
        let Some(header) = self.header.take() else {
            let problem = match torn {
                0 => Problem::Empty,
                _ => Problem::TornHeader,
            };
            let event = None;
            return Err(Misfit { problem, event });
        };
        match &self.trailer {
            None => notices.push(Notice::Unclosed),
            Some(trailer) if *trailer != self.seal.trailer() => notices.push(Notice::Edited),
            Some(_) => {}
        }
        if !self.gaps.is_empty() {
            notices.push(Notice::Gaps(self.gaps));
        }
        if causes == Causes::Here && header.segment.is_none() {
            self.check_causes(&mut notices)?;
        }
        let part = Part {
            header,
            events: self.events,
            notices,
            gaps: self.gaps,
        };
        Ok((part, self.seal))
    }

    /// Every cause must be on the tape. Only where the tape's end is missing may the cause have
    /// been lost with it (an operation is written when it is complete, which may be after what it
    /// caused), or in a gap: then it is struck out, and reported.
    fn check_causes(&mut self, notices: &mut Vec<Notice>) -> Result<(), Misfit> {
        let may_lack = self.trailer.is_none() || self.gaps.is_loss();
        for (index, event) in self.events.iter_mut().enumerate() {
            let Some((notification, after)) = event.due() else {
                continue;
            };
            let (there, missing) = after
                .iter()
                .partition(|operation| self.given.operations.contains(operation));
            let missing: Vec<OperationId> = missing;
            for operation in missing {
                if !may_lack {
                    return Err(Misfit {
                        problem: Problem::NoSuchOperation {
                            notification,
                            operation,
                        },
                        event: Some(index),
                    });
                }
                notices.push(Notice::CauseLost {
                    notification,
                    operation,
                });
            }
            *after = there;
        }
        Ok(())
    }
}

/// The numbers that are given out already. Each is given once on the whole tape.
#[derive(Default)]
pub(super) struct Given {
    operations: BTreeSet<OperationId>,
    notifications: BTreeSet<NotificationId>,
}

impl Given {
    /// Notes the number of an event, which no other of its kind may have.
    pub(super) fn add(&mut self, subject: Subject) -> Result<(), Problem> {
        match subject {
            Subject::Operation(id) if !self.operations.insert(id) => {
                Err(Problem::SecondOperation(id))
            }
            Subject::Notification(id) if !self.notifications.insert(id) => {
                Err(Problem::SecondNotification(id))
            }
            Subject::Operation(_)
            | Subject::Notification(_)
            | Subject::Contract
            | Subject::Fact
            | Subject::Gap => Ok(()),
        }
    }
}
