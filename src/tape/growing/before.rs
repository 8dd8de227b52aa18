//! Going on with a tape that is there already: in its one file, or in the last of its segments.
//!
//! Earlier segments are read one after the other and not kept, so that a long recording goes on without
//! having all of it in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use crate::exchange::{Micros, OperationId, Session};
use crate::tape::error::{FolderFault, TapeError};
use crate::tape::packing::{self, Packer, Packing};
use crate::tape::read::{self, Causes, Resumed};
use crate::tape::redaction::{Extent, Redaction};
use crate::tape::segment::{self, Belongs, Segment};
use crate::tape::store::{self, Locked};
use crate::tape::wire::{self, Seal};
use crate::tape::{Event, Gaps, Header, Loaded, Notice, Numbers, Tape, Trust};

use super::turn::Home;
use super::{Existing, Growing, cannot_write};

/// What is on a tape that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The highest number of an operation or a notification.
    pub last_number: u64,
    /// The time of the last thing on it.
    pub last_time: Micros,
    /// The sessions.
    pub sessions: BTreeSet<Session>,
    /// What was found beside it.
    pub notices: Vec<Notice>,
}

impl Before {
    pub(super) fn add(&mut self, events: &[Event]) {
        for event in events {
            let (number, time) = match event {
                Event::Contract(_) => continue,
                Event::Operation(operation) => {
                    (operation.id.0, operation.at.max(operation.answered))
                }
                Event::Notification(notification) => (notification.id.0, notification.at),
                Event::Fact(fact) => (0, fact.at),
                Event::Gap(gap) => (0, gap.until),
            };
            self.last_number = self.last_number.max(number);
            self.last_time = self.last_time.max(time);
            if let Some(session) = event.session()
                && !self.sessions.contains(session)
            {
                self.sessions.insert(session.clone());
            }
        }
    }
}

/// Which operations are there, and which are only named.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// The operations that are on the tape, in whichever segment.
    pub(super) operations: Numbers,
    /// Those that are not, and that a notification on the tape names as its cause.
    pub(super) owed: BTreeSet<OperationId>,
    /// What the tape says that it lacks.
    pub(super) gaps: Gaps,
}

impl Account {
    pub(super) fn note<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) {
        for event in events {
            match event {
                Event::Contract(_) | Event::Fact(_) => {}
                Event::Gap(gap) => self.gaps.join(&Gaps::of([gap])),
                Event::Operation(operation) => {
                    self.operations.insert(operation.id.0);
                    self.owed.remove(&operation.id);
                }
                Event::Notification(notification) => {
                    let named = notification.after.iter();
                    let missing = named.filter(|cause| !self.operations.contains(cause.0));
                    self.owed.extend(missing);
                }
            }
        }
    }
}

impl Growing {
    /// Opens the last segment in a folder, or the first of a new recording.
    pub(super) fn open_folder(
        path: &Path,
        header: &Header,
        existing: Existing,
        packing: Packing,
    ) -> Result<(Growing, Option<Before>), TapeError> {
        let lock = segment::folder(path)?;
        let there = segment::list(path)?;
        let home = Home::Folder {
            folder: path.to_owned(),
            _lock: lock,
        };
        match existing {
            Existing::Append if !there.is_empty() => {
                return Self::go_on(home, there, header)
                    .map(|(growing, before)| (growing, Some(before)));
            }
            Existing::Refuse if !there.is_empty() => {
                return Err(TapeError::Exists {
                    path: path.to_owned(),
                });
            }
            Existing::Replace => remove(&there)?,
            Existing::Append | Existing::Refuse => {}
        }
        let recording = segment::recording(header);
        let header = Header {
            segment: Some(Segment {
                recording,
                number: 1,
            }),
            ..header.clone()
        };
        let first = segment::within(path, 1, packing);
        let text = format!("{}\n", wire::write_header(&header));
        let (content, packer) = packing::packed(&text, packing);
        let file = segment::begin(&first, &content)?;
        let mut growing = Self::of(file, &first, header, Seal::default(), packer);
        growing.whole = content.len() as u64;
        growing.grown = text.len() as u64;
        Ok((Growing { home, ..growing }, None))
    }

    /// Goes on in the last of these segments.
    pub(super) fn go_on(
        home: Home,
        mut there: BTreeMap<u64, PathBuf>,
        header: &Header,
    ) -> Result<(Growing, Before), TapeError> {
        let Some((last_number, path)) = there.pop_last() else {
            return Err(FolderFault::NoSegments.at(home.place()));
        };
        let mut before = Before::default();
        let mut account = Account::default();
        let mut belongs = Belongs::default();
        for (number, path) in &there {
            let read = read::resume(&store::file(path)?, Causes::Elsewhere);
            let part = read.map_err(|error| error.named(path))?.part;
            belongs.check(&part.header, *number, path)?;
            account.note(&part.events);
            before.add(&part.events);
        }
        let file = open(&path)?;
        let bytes = store::content(file.file(), &path)?;
        let (mut growing, last) = Self::resume(file, &path, &bytes, Causes::Elsewhere, header)?;
        belongs.check(&growing.header, last_number, &path)?;
        account.note(&last.tape.events);
        before.add(&last.tape.events);
        before.notices.extend(last.notices);
        // What is named and is not on any segment was lost with one that is gone, or with the end of one.
        account.owed.clear();
        growing.account = account;
        growing.home = home;
        Ok((growing, before))
    }

    /// Goes on with the tape in a file, or in what follows it.
    pub(super) fn go_on_in(
        file: Locked,
        path: &Path,
        bytes: &[u8],
        header: &Header,
    ) -> Result<(Growing, Before), TapeError> {
        let first = store::header(path)?;
        let mut there = match &first {
            Some(first) => segment::followers(path, first)?,
            None => BTreeMap::new(), // reading it will say what is wrong with it
        };
        if there.is_empty() {
            let (growing, loaded) = Self::resume(file, path, bytes, Causes::Here, header)?;
            let mut before = Before::default();
            before.add(&loaded.tape.events);
            before.notices = loaded.notices;
            return Ok((growing, before));
        }
        let number = first
            .and_then(|first| first.segment)
            .map_or(1, |segment| segment.number);
        there.insert(number, path.to_owned());
        let (growing, before) = Self::go_on(Home::Beside(path.to_owned()), there, header)?;
        Ok((
            Growing {
                replaced: Some(file),
                ..growing
            },
            before,
        ))
    }

    /// Goes on with a tape that was read from the file: its trailer and what is torn go away. Its
    /// header gets the mark of what comes from nobody knows whom.
    pub(super) fn resume(
        file: Locked,
        path: &Path,
        bytes: &[u8],
        causes: Causes,
        header: &Header,
    ) -> Result<(Growing, Loaded), TapeError> {
        let read = read::resume(bytes, causes);
        let Resumed {
            part,
            seal,
            packing,
            end,
        } = read.map_err(|error| error.named(path))?;
        let mut loaded = Loaded::from(part);
        let struck = |notice: &Notice| matches!(notice, Notice::CauseLost { .. });
        let marked = mark(&mut loaded, header);
        let changed = marked == Marks::Changed || loaded.notices.iter().any(struck);
        let mut growing = match end {
            Some(end) if !changed => {
                file.file()
                    .set_len(end.file)
                    .map_err(|source| cannot_write(path, source))?;
                let header = loaded.tape.header.clone();
                let packer = Packer::new(packing, end.frames);
                let mut growing = Self::of(file, path, header, seal, packer);
                growing.whole = end.file;
                growing.grown = end.text;
                if packing == Packing::Plain {
                    growing.waiting.push('\n'); // a frame ends with its own
                }
                growing
            }
            _ => Self::rewritten(file, path, &loaded.tape, packing)?,
        };
        growing.account.note(&loaded.tape.events);
        growing
            .flush()
            .map_err(|source| cannot_write(path, source))?;
        Ok((growing, loaded))
    }

    /// Goes on with a tape whose events the reader had to change, or whose header changes: it is
    /// written anew, so that the trailer will fit.
    fn rewritten(
        old: Locked,
        path: &Path,
        tape: &Tape,
        packing: Packing,
    ) -> Result<Growing, TapeError> {
        let mut seal = Seal::default();
        let mut text = wire::write_header(&tape.header);
        text.push('\n');
        for event in &tape.events {
            let object = wire::write_event(event);
            seal.add(&object);
            text.push_str(&object);
            text.push('\n');
        }
        let (content, packer) = packing::packed(&text, packing);
        store::replace(path, &content).map_err(|source| cannot_write(path, source))?;
        let header = tape.header.clone();
        Ok(Growing {
            replaced: Some(old),
            whole: content.len() as u64,
            grown: text.len() as u64,
            ..Self::of(open(path)?, path, header, seal, packer)
        })
    }
}

/// Whether the header of a tape that goes on says something else than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marks {
    Same,
    Changed,
}

/// Has the header say what holds for all of the tape: that some of it comes from nobody knows whom, and
/// whether all of its secrets are pseudonyms.
fn mark(loaded: &mut Loaded, header: &Header) -> Marks {
    let is_empty = loaded.tape.events.is_empty();
    let ours = &mut loaded.tape.header;
    let before = ours.clone();
    if header.trust == Trust::Insecure {
        ours.trust = header.trust;
    }
    ours.redaction = match (&before.redaction, &header.redaction) {
        (_, redaction) if is_empty => redaction.clone(),
        (Some(earlier), Some(now)) => Some(earlier.and(now)),
        (None, None) => None,
        (Some(redaction), None) | (None, Some(redaction)) => {
            loaded.notices.push(match before.redaction {
                Some(_) => Notice::SecretsFollow,
                None => Notice::SecretsBefore,
            });
            Some(Redaction {
                extent: Extent::Part,
                ..redaction.clone()
            })
        }
    };
    if *ours == before {
        Marks::Same
    } else {
        Marks::Changed
    }
}

/// Opens a file that is there, and locks it.
fn open(path: &Path) -> Result<Locked, TapeError> {
    let mut options = OpenOptions::new();
    let opened = store::no_link(options.read(true).append(true)).open(path);
    store::lock(opened.map_err(|source| cannot_write(path, source))?, path)
}

/// Deletes the segments of a recording that is to be lost, once it is clear that all of them are some.
fn remove(there: &BTreeMap<u64, PathBuf>) -> Result<(), TapeError> {
    for path in there.values() {
        let header = store::header(path)?;
        if header.is_none_or(|header| header.segment.is_none()) {
            return Err(FolderFault::Stranger.at(path));
        }
    }
    for path in there.values() {
        fs::remove_file(path).map_err(|source| cannot_write(path, source))?;
    }
    Ok(())
}
