//! One file of a tape, gone through event by event, as often as need be, and written again: an event is read, and
//! written, before the next one is.
//!
//! The file is read once more at the beginning, since what its end says may concern every event. What cannot be read
//! so is read into memory, which tells what is wrong with it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::exchange::{NotificationId, OperationId};

use super::error::TapeError;
use super::layout::{compact, review};
use super::objects::{self, Stopped};
use super::packing::Packed;
use super::read::{self, Causes, Part};
use super::trace::{Subject, Trace};
use super::wire::{self, Entry, Seal, Trailer};
use super::{Event, Header, Layout, Loaded, Notice, Style, reel, segment, store};

/// One file of a tape.
#[derive(Debug)]
pub struct Scroll {
    /// What it says of itself.
    pub header: Header,
    /// What was found beside it.
    pub notices: Vec<Notice>,
    /// How it stands in its file.
    pub style: Style,
    from: From,
}

/// Where the events are.
#[derive(Debug)]
enum From {
    File(Filed),
    Memory(Vec<Event>),
}

/// A file whose text stands as it is, as it was found when it was read for the first time.
#[derive(Debug)]
struct Filed {
    file: File,
    /// How many bytes at the end of the original are no text.
    torn: usize,
    /// The trailer that fits what stands there.
    seal: Trailer,
    /// The causes that are named and are not there.
    lost: BTreeSet<(NotificationId, OperationId)>,
}

impl Scroll {
    /// Reads a file of a tape; one that others go on with as it stands, without what is in those.
    ///
    /// # Errors
    /// As for [`super::Tape::read_part`].
    pub fn of_file(path: &Path) -> Result<Scroll, TapeError> {
        // What is none may be a pipe, which can be read only once.
        if !path.is_file() {
            return Self::of_bytes(&store::file(path)?, path, Causes::Here);
        }
        let unreadable = |source| TapeError::Read {
            path: path.to_owned(),
            source,
        };
        let causes = match store::header(path)? {
            Some(header) if !segment::followers(path, &header)?.is_empty() => Causes::Elsewhere,
            Some(_) | None => Causes::Here,
        };
        let style = Style::of_file(path)?;
        let file = File::open(path).map_err(unreadable)?;
        match Self::filed(file, style, causes) {
            Ok(scroll) => Ok(scroll),
            Err(Stopped::Io(source)) => Err(unreadable(source)),
            Err(Stopped::Unusual) => Self::of_bytes(&store::file(path)?, path, causes),
        }
    }

    /// The same of a file's content, which errors call `name`.
    ///
    /// # Errors
    /// As for [`super::Tape::read_part`].
    pub fn of_content(bytes: &[u8], name: &Path) -> Result<Scroll, TapeError> {
        Self::of_bytes(bytes, name, Causes::Here)
    }

    fn of_bytes(bytes: &[u8], name: &Path, causes: Causes) -> Result<Scroll, TapeError> {
        let resumed = read::resume(bytes, causes).map_err(|error| error.named(name))?;
        let Loaded { tape, notices } = Loaded::from(resumed.part);
        Ok(Scroll {
            header: tape.header,
            notices,
            style: Style::of(bytes),
            from: From::Memory(tape.events),
        })
    }

    fn filed(file: File, style: Style, causes: Causes) -> Result<Scroll, Stopped> {
        let (file, torn) = reel::plain(file)?;
        let (part, seal) = read::stream(&file, torn, causes, |event, _| Due::of(event))?;
        let Part {
            header, notices, ..
        } = part;
        let lost = notices.iter().filter_map(|notice| {
            let Notice::CauseLost {
                notification,
                operation,
            } = *notice
            else {
                return None;
            };
            Some((notification, operation))
        });
        let filed = Filed {
            torn,
            seal: seal.trailer(),
            lost: lost.collect(),
            file,
        };
        Ok(Scroll {
            header,
            notices,
            style,
            from: From::File(filed),
        })
    }

    /// Hands out each event, in order.
    ///
    /// # Errors
    /// Where the file cannot be read again, or was changed meanwhile.
    pub fn each(&self, mut look: impl FnMut(&Event)) -> io::Result<()> {
        let looked = self.events(|event| {
            look(&event);
            Ok(())
        });
        looked.map_err(failed)
    }

    /// Writes it with this header, each event as `edit` leaves it, and the trailer that fits them.
    ///
    /// # Errors
    /// What `out` has, and where the file was changed meanwhile.
    pub fn write(
        &self,
        header: &Header,
        layout: Layout,
        edit: impl FnMut(&mut Event),
        out: &mut impl Write,
    ) -> io::Result<()> {
        self.put(header, layout, edit, out).map_err(failed)
    }

    /// The same to a file, which is replaced in one step.
    ///
    /// # Errors
    /// As for [`super::Tape::save`], and where the file was changed meanwhile.
    pub fn save(
        &self,
        header: &Header,
        style: Style,
        edit: impl FnMut(&mut Event),
        path: &Path,
    ) -> Result<(), TapeError> {
        store::save_with(path, |_, file| {
            let mut packed = Packed::new(style.packing, file);
            self.write(header, style.layout, edit, &mut packed)?;
            packed.seal()
        })
    }

    /// The file in which the text stands, if it does and nothing else stands there.
    pub(super) fn plain_file(&self) -> Option<&File> {
        match &self.from {
            From::File(filed) if filed.torn == 0 => Some(&filed.file),
            From::File(_) | From::Memory(_) => None,
        }
    }

    /// Whether the events are in memory.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.from, From::Memory(_))
    }

    pub(super) fn put(
        &self,
        header: &Header,
        layout: Layout,
        mut edit: impl FnMut(&mut Event),
        out: &mut impl Write,
    ) -> Result<(), Stopped> {
        let mut seal = Seal::default();
        put(wire::write_header(header), layout, out)?;
        self.events(|mut event| {
            edit(&mut event);
            let text = wire::write_event(&event);
            seal.add(&text);
            put(text, layout, out)
        })?;
        put(wire::write_trailer(&seal.trailer()), layout, out)
    }

    fn events(&self, mut take: impl FnMut(Event) -> Result<(), Stopped>) -> Result<(), Stopped> {
        match &self.from {
            From::File(filed) => filed.events(take),
            From::Memory(events) => events.iter().try_for_each(|event| take(event.clone())),
        }
    }
}

impl Filed {
    fn events(&self, mut take: impl FnMut(Event) -> Result<(), Stopped>) -> Result<(), Stopped> {
        let mut stands = Seal::default();
        objects::each(&self.file, |object, _| {
            let event = match wire::read(object) {
                Ok((_, Entry::Event(event))) => *event,
                Ok((_, Entry::Header(_) | Entry::Trailer(_))) => return Ok(()),
                Err(_) => return Err(Stopped::Unusual),
            };
            stands.add(&compact(object));
            take(self.struck(event))
        })?;
        if stands.trailer() == self.seal {
            Ok(())
        } else {
            Err(Stopped::Unusual)
        }
    }

    /// The event without the causes that are lost.
    fn struck(&self, mut event: Event) -> Event {
        if let Some((notification, after)) = event.due() {
            after.retain(|operation| !self.lost.contains(&(notification, *operation)));
        }
        event
    }
}

fn failed(stopped: Stopped) -> io::Error {
    match stopped {
        Stopped::Io(error) => error,
        Stopped::Unusual => io::Error::other("the tape was changed while it was read"),
    }
}

/// Writes an object that is given in compact form.
fn put(object: String, layout: Layout, out: &mut impl Write) -> Result<(), Stopped> {
    let mut text = match layout {
        Layout::Lines => object,
        Layout::Pretty => review(&object),
    };
    text.push('\n');
    out.write_all(text.as_bytes()).map_err(Stopped::Io)
}

/// What must be known of an event for the causes to be checked.
struct Due {
    subject: Subject,
    after: Vec<OperationId>,
}

impl Due {
    fn of(mut event: Event) -> Due {
        let subject = event.subject();
        let after = event.due().map(|(_, after)| std::mem::take(after));
        Due {
            subject,
            after: after.unwrap_or_default(),
        }
    }
}

impl Trace for Due {
    fn subject(&self) -> Subject {
        self.subject
    }

    fn stream(&self) -> Option<OperationId> {
        None
    }

    fn due(&mut self) -> Option<(NotificationId, &mut Vec<OperationId>)> {
        self.subject.due(&mut self.after)
    }
}
