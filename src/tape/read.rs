//! Reads a tape from its text: one object after the other, in either layout, with what a crash left
//! of the last one.
//!
//! It forgives what a crash or an editor leaves, and says so in notices; anything else that is not
//! as it should be is an error with its place.

use std::collections::BTreeSet;

use serde_json::Deserializer;
use serde_json::value::RawValue;

use crate::exchange::{NotificationId, OperationId};

use super::error::{Problem, Unreadable};
use super::layout::compact;
use super::packing::{self, Packing, Place};
use super::wire::{self, Entry, Fault, Seal, Trailer};
use super::{Event, Gaps, Header, Loaded, Notice, Tape};

/// A tape that was read, with what is needed to go on writing it.
pub(super) struct Resumed {
    pub(super) loaded: Loaded,
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
    resume(bytes, Causes::Here).map(|resumed| resumed.loaded)
}

/// Reads a tape from the bytes of its file, to go on writing it.
pub(super) fn resume(bytes: &[u8], causes: Causes) -> Result<Resumed, Unreadable> {
    let unpacked = packing::text(bytes)?;
    let bytes = unpacked.text.as_ref();
    let text = intact(bytes)?;
    let mut objects = Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut reading = Reading::default();
    let mut end = 0;
    while let Some(next) = objects.next() {
        match next {
            Ok(object) => {
                end = objects.byte_offset();
                let start = end - object.get().len();
                reading
                    .take(object.get(), start)
                    .map_err(|fault| locate(fault, object.get(), text, start))?;
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
    let end = unpacked.place(reading.end);
    let resumed = reading.finish(text, torn, causes)?;
    Ok(Resumed {
        packing: unpacked.packing,
        end,
        ..resumed
    })
}

/// The text of the tape, without what a crash can leave at its end: half a character, or zeros
/// where the file had grown and its content had not yet reached the disk.
fn intact(bytes: &[u8]) -> Result<&str, Unreadable> {
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
fn start_of_rest(bytes: &[u8], end: usize) -> usize {
    let rest = bytes.get(end..).unwrap_or_default();
    end + rest.len() - rest.trim_ascii_start().len()
}

/// Whether the last object ends with the text before it is whole.
fn is_torn(error: &serde_json::Error, text: &str) -> bool {
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
#[derive(Default)]
struct Reading {
    header: Option<Header>,
    events: Vec<Event>,
    /// Where each event begins.
    starts: Vec<usize>,
    operations: BTreeSet<OperationId>,
    notifications: BTreeSet<NotificationId>,
    seal: Seal,
    trailer: Option<Trailer>,
    /// Where the last object before the trailer ends.
    end: usize,
}

impl Reading {
    fn take(&mut self, object: &str, start: usize) -> Result<(), Fault> {
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
                self.number(&event).map_err(Fault::Problem)?;
                self.seal.add(&compact(object));
                self.events.push(*event);
                self.starts.push(start);
            }
            (Entry::Trailer(trailer), Some(_)) => self.trailer = Some(trailer),
        }
        if self.trailer.is_none() {
            self.end = start + object.len();
        }
        Ok(())
    }

    /// Notes an event's number, which no other of its kind may have.
    fn number(&mut self, event: &Event) -> Result<(), Problem> {
        match event {
            Event::Contract(_) | Event::Fact(_) | Event::Gap(_) => Ok(()),
            Event::Operation(operation) if self.operations.insert(operation.id) => Ok(()),
            Event::Operation(operation) => Err(Problem::SecondOperation(operation.id)),
            Event::Notification(notification) if self.notifications.insert(notification.id) => {
                Ok(())
            }
            Event::Notification(notification) => Err(Problem::SecondNotification(notification.id)),
        }
    }

    fn finish(mut self, text: &str, torn: usize, causes: Causes) -> Result<Resumed, Unreadable> {
        let mut notices = Vec::new();
        if torn > 0 {
            notices.push(Notice::Torn { bytes: torn });
        }
        let Some(header) = self.header.take() else {
            return Err(match torn {
                0 => Problem::Empty.at(text, 0),
                _ => Problem::TornHeader.at(text, text.len()),
            });
        };
        match &self.trailer {
            None => notices.push(Notice::Unclosed),
            Some(trailer) if *trailer != self.seal.trailer() => notices.push(Notice::Edited),
            Some(_) => {}
        }
        let gaps = Gaps::of(self.events.iter().filter_map(Event::gap));
        if !gaps.is_empty() {
            notices.push(Notice::Gaps(gaps));
        }
        if causes == Causes::Here && header.segment.is_none() {
            self.check_causes(text, &gaps, &mut notices)?;
        }
        Ok(Resumed {
            loaded: Loaded {
                tape: Tape {
                    header,
                    events: self.events,
                },
                notices,
            },
            seal: self.seal,
            packing: Packing::Plain,
            end: None,
        })
    }

    /// Every cause must be on the tape. Only where the tape's end is missing may the cause have
    /// been lost with it (an operation is written when it is complete, which may be after what it
    /// caused), or in a gap: then it is struck out, and reported.
    fn check_causes(
        &mut self,
        text: &str,
        gaps: &Gaps,
        notices: &mut Vec<Notice>,
    ) -> Result<(), Unreadable> {
        for (event, start) in self.events.iter_mut().zip(&self.starts) {
            let Event::Notification(notification) = event else {
                continue;
            };
            let (there, missing) = notification
                .after
                .iter()
                .partition(|operation| self.operations.contains(operation));
            let missing: Vec<OperationId> = missing;
            for &operation in &missing {
                if self.trailer.is_some() && !gaps.is_loss() {
                    let problem = Problem::NoSuchOperation {
                        notification: notification.id,
                        operation,
                    };
                    return Err(problem.at(text, *start));
                }
                notices.push(Notice::CauseLost {
                    notification: notification.id,
                    operation,
                });
            }
            notification.after = there;
        }
        Ok(())
    }
}
