//! Turning to the next segment: the file that was written is left with its trailer, and another goes on.
//!
//! The new file is there before the old one is left. So nothing is lost where the program is killed in
//! between, or the new file cannot be made.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::tape::error::TapeError;
use crate::tape::packing::{self, Packing};
use crate::tape::segment::{self, Segment};
use crate::tape::store::Locked;
use crate::tape::wire::{self, Seal};
use crate::tape::{Closed, Header};

use super::{FULL, FileEnd, Growing, cannot_write};

/// What is known of the segment that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// It holds what was flushed.
    Certain,
    /// The disk may have lost what it was given: the segment is left as it stands and gets no trailer.
    Uncertain,
}

/// What became of the segment that was left.
#[derive(Debug)]
pub struct Turned {
    /// The segment's file.
    pub path: PathBuf,
    /// How it was left.
    pub closed: Closed,
    /// Why it has no trailer, where it should have one.
    pub trouble: Option<io::Error>,
}

/// What there was to do about a file whose name may have been given to another.
#[derive(Debug)]
pub enum Reopened {
    /// Nothing: it is still called so.
    Same,
    /// It was left, and another is written under its name.
    Turned(Turned),
}

/// Where the segments of a recording stand.
#[derive(Debug)]
pub(super) enum Home {
    /// Beside this file, which is the first.
    Beside(PathBuf),
    /// In this folder, which is locked against other writers.
    Folder { folder: PathBuf, _lock: Locked },
}

impl Home {
    pub(super) fn place(&self) -> &Path {
        match self {
            Home::Beside(path) | Home::Folder { folder: path, .. } => path,
        }
    }

    fn path(&self, number: u64, packing: Packing) -> PathBuf {
        match self {
            Home::Beside(first) => segment::beside(first, number),
            Home::Folder { folder, .. } => segment::within(folder, number, packing),
        }
    }
}

impl Growing {
    /// Leaves the file and goes on in the next segment. What waits is written to the old file if that is
    /// certain, and else to the new one.
    ///
    /// Where this fails nothing has changed, and the old file is still the one that is written.
    pub fn turn(&mut self, sealing: Sealing) -> Result<Turned, TapeError> {
        let path = self.home.path(self.number() + 1, self.packing);
        self.turn_to(path, sealing)
    }

    /// Goes on in another file under the same name, where the file that is written was given a new name or
    /// deleted: as programs are asked to that rotate logs. Segments in a folder turn.
    pub fn reopen(&mut self) -> Result<Reopened, TapeError> {
        match &self.home {
            Home::Folder { .. } => self.turn(Sealing::Certain).map(Reopened::Turned),
            Home::Beside(_) if self.is_at_its_path() => Ok(Reopened::Same),
            Home::Beside(_) => {
                let path = self.path.clone();
                // Whoever renamed the file may have put an empty one in its place.
                if std::fs::metadata(&path).is_ok_and(|file| file.len() == 0) {
                    std::fs::remove_file(&path).map_err(|source| cannot_write(&path, source))?;
                }
                self.turn_to(path, Sealing::Certain).map(Reopened::Turned)
            }
        }
    }

    /// The number of the segment that is written.
    pub fn number(&self) -> u64 {
        let segment = self.header.segment.as_ref();
        segment.map_or(1, |segment| segment.number)
    }

    /// The file that is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes are in it.
    pub fn size(&self) -> u64 {
        self.whole
    }

    /// Whether what comes belongs into another segment, whatever was chosen: a tape has a largest size, which is
    /// that of its text where it is packed.
    pub fn is_full(&self) -> bool {
        self.grown >= FULL
    }

    /// Has it be taken for full.
    #[cfg(test)]
    pub(crate) fn fill(&mut self) {
        self.grown = FULL;
    }

    /// How many events are in it or wait to be.
    pub fn events(&self) -> u64 {
        self.seal.events() + self.events_waiting
    }

    fn is_at_its_path(&self) -> bool {
        let there = std::fs::metadata(&self.path);
        let ours = self.file.file().metadata();
        matches!((there, ours), (Ok(there), Ok(ours))
            if (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
    }

    fn turn_to(&mut self, path: PathBuf, sealing: Sealing) -> Result<Turned, TapeError> {
        if sealing == Sealing::Certain {
            self.flush()
                .map_err(|source| cannot_write(&self.path, source))?;
        }
        let header = self.next_header();
        let first = format!("{}\n", wire::write_header(&header));
        let (content, packer) = packing::packed(&first, self.packing);
        let file = segment::begin(&path, &content)?;
        let (closed, trouble) = self.leave(sealing);
        let old = std::mem::replace(&mut self.file, file);
        if self.replaced.is_none() && matches!(self.home, Home::Beside(_)) {
            // Whoever looks whether the tape is being written looks at the first file.
            self.replaced = Some(old);
        }
        let left = std::mem::replace(&mut self.path, path);
        self.header = header;
        self.whole = content.len() as u64;
        self.grown = first.len() as u64;
        self.packer = packer;
        self.end = FileEnd::Clean;
        self.unsynced = 0;
        self.seal = Seal::default();
        Ok(Turned {
            path: left,
            closed,
            trouble,
        })
    }

    fn next_header(&self) -> Header {
        let recording = segment::recording(&self.header);
        let number = self.number() + 1;
        Header {
            segment: Some(Segment { recording, number }),
            ..self.header.clone()
        }
    }

    /// Leaves the file, with its trailer if nothing speaks against it. A trailer that may not have reached
    /// the disk is taken off again.
    fn leave(&mut self, sealing: Sealing) -> (Closed, Option<io::Error>) {
        if sealing == Sealing::Uncertain {
            return (Closed::Unsealed, None);
        }
        let whole = self.whole;
        match self.seal() {
            Ok(()) => (Closed::Sealed, None),
            Err(error) => {
                self.waiting.clear();
                // Where this fails too, the trailer that stands there is one that fits.
                let _ = self.file.file().set_len(whole);
                (Closed::Unsealed, Some(error))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may stop at the first thing that is not as it should be
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::exchange::{Fact, Micros, Session, What};
    use crate::tape::{Event, Existing, Layout, Notice, SegmentState, Tape};

    fn header(segment: Option<Segment>) -> Header {
        Header {
            title: "t".into(),
            source: "s".into(),
            segment,
            ..Header::default()
        }
    }

    fn first() -> Header {
        header(Some(Segment {
            recording: "r".into(),
            number: 1,
        }))
    }

    fn event(at: u64) -> Event {
        Event::Fact(Fact {
            session: Session::new("a"),
            at: Micros(at),
            what: What::Disconnect,
        })
    }

    /// Writes an event into each of three segments.
    fn three(path: &Path, header: &Header, sealing: Sealing) -> Vec<PathBuf> {
        let (mut growing, _) = Growing::open(path, header, Existing::Refuse).unwrap();
        let mut paths = Vec::new();
        for at in 0..3 {
            growing.push(&event(at));
            growing.flush().unwrap();
            paths.push(growing.path().to_owned());
            if at < 2 {
                let turned = growing.turn(sealing).unwrap();
                assert_eq!(turned.path, paths[usize::try_from(at).unwrap()]);
                assert!(turned.trouble.is_none());
            }
        }
        assert_eq!(growing.close().unwrap(), Closed::Sealed);
        paths
    }

    #[test]
    fn segments_in_a_folder_are_one_tape() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("desk.tape");
        let paths = three(&path, &first(), Sealing::Certain);
        let names = ["000001.tape", "000002.tape", "000003.tape"];
        assert_eq!(paths, names.map(|name| path.join(name)));
        let loaded = Tape::load(&path).unwrap();
        assert_eq!(loaded.notices, []);
        assert_eq!(loaded.tape.events, [event(0), event(1), event(2)]);
        assert_eq!(loaded.tape.header, header(None));
        for path in &paths {
            let part = Tape::read_part(&fs::read(path).unwrap(), path).unwrap();
            assert_eq!((part.tape.events.len(), part.notices), (1, vec![]));
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
        let refused = Growing::open(&path, &first(), Existing::Refuse);
        assert!(matches!(refused, Err(TapeError::Exists { .. })));
    }

    #[test]
    fn a_file_goes_on_beside_itself() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("desk.tape");
        let paths = three(&path, &header(None), Sealing::Uncertain);
        let names = ["desk.tape", "desk.000002.tape", "desk.000003.tape"];
        assert_eq!(paths, names.map(|name| place.path().join(name)));
        let unclosed = |number| Notice::Segment {
            number,
            state: SegmentState::Unclosed,
        };
        let loaded = Tape::load(&path).unwrap();
        assert_eq!(loaded.notices, [unclosed(1), unclosed(2)]);
        assert_eq!(loaded.tape.events, [event(0), event(1), event(2)]);
        let (mut growing, before) = Growing::open(&path, &header(None), Existing::Append).unwrap();
        assert_eq!(before.unwrap().last_time, Micros(2));
        assert_eq!(growing.number(), 3);
        growing.push(&event(3));
        let busy = Growing::open(&path, &header(None), Existing::Append);
        assert!(matches!(busy, Err(TapeError::Busy { .. })));
        growing.close().unwrap();
        assert_eq!(Tape::load(&path).unwrap().tape.events.len(), 4);
    }

    #[test]
    fn what_waits_goes_to_the_new_segment_where_the_old_one_is_uncertain() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("desk.tape");
        let (mut growing, _) = Growing::open(&path, &first(), Existing::Refuse).unwrap();
        growing.push(&event(0));
        let turned = growing.turn(Sealing::Uncertain).unwrap();
        assert_eq!(turned.closed, Closed::Unsealed);
        assert_eq!(growing.close().unwrap(), Closed::Sealed);
        let at = |name| {
            let path = path.join(name);
            Tape::read_part(&fs::read(&path).unwrap(), &path).unwrap()
        };
        let left = at("000001.tape");
        assert_eq!(
            (left.tape.events, left.notices),
            (vec![], vec![Notice::Unclosed])
        );
        let second = at("000002.tape");
        assert_eq!(
            (second.tape.events, second.notices),
            (vec![event(0)], vec![])
        );
    }

    #[test]
    fn compressed_segments_are_one_tape_and_go_on() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("desk.tape");
        for (path, header) in [
            (folder.clone(), first()),
            (place.path().join("one.tape.zst"), header(None)),
        ] {
            for round in 0..3 {
                let existing = Existing::Append;
                let opened = Growing::open_packed(&path, &header, existing, Packing::Zstd);
                let (mut growing, before) = opened.unwrap();
                assert_eq!(before.map_or(0, |before| before.last_time.0), 2 * round);
                for at in [2 * round + 1, 2 * round + 2] {
                    growing.push(&event(at));
                    growing.flush().unwrap();
                }
                if round == 1 {
                    growing.turn(Sealing::Certain).unwrap();
                }
                if round < 2 {
                    // What was flushed is there whatever becomes of the writer.
                    let loaded = Tape::load(&path).unwrap();
                    let last = if round == 1 { 4 } else { 2 };
                    assert_eq!(
                        loaded.tape.events,
                        (1..=last).map(event).collect::<Vec<_>>()
                    );
                    assert!(loaded.notices.contains(&Notice::Unclosed));
                }
                growing.close().unwrap();
            }
            let loaded = Tape::load(&path).unwrap();
            assert_eq!(loaded.notices, []);
            assert_eq!(loaded.tape.events, (1..=6).map(event).collect::<Vec<_>>());
        }
        let files = [
            folder.join("000001.tape.zst"),
            folder.join("000002.tape.zst"),
            place.path().join("one.tape.zst"),
            place.path().join("one.000002.tape.zst"),
        ];
        for path in files {
            let bytes = fs::read(&path).unwrap();
            assert_eq!(Packing::of(&bytes), Packing::Zstd);
            assert!(
                bytes.ends_with(&[0xb1, 0xea, 0x92, 0x8f]),
                "{path:?} has no seek table"
            );
            let part = Tape::read_part(&bytes, &path).unwrap();
            assert_eq!(part.notices, []);
            // A layout for people is one frame, and a recording goes on with it too.
            part.tape.save(&path, Layout::Pretty).unwrap();
            let bytes = fs::read(&path).unwrap();
            assert_eq!(Packing::of(&bytes), Packing::Zstd);
            assert_eq!(Tape::read_part(&bytes, &path).unwrap().tape, part.tape);
        }
        let (mut growing, _) = Growing::open(&folder, &first(), Existing::Append).unwrap();
        growing.push(&event(7));
        growing.close().unwrap();
        assert_eq!(Tape::load(&folder).unwrap().tape.events.len(), 7);
    }

    #[test]
    fn nothing_changes_where_the_next_segment_cannot_be_made() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("desk.tape");
        let (mut growing, _) = Growing::open(&path, &first(), Existing::Refuse).unwrap();
        growing.push(&event(0));
        let next = path.join("000002.tape");
        fs::create_dir(&next).unwrap();
        assert!(growing.turn(Sealing::Certain).is_err());
        assert_eq!(growing.number(), 1);
        growing.push(&event(1));
        fs::remove_dir(&next).unwrap();
        assert_eq!(growing.close().unwrap(), Closed::Sealed);
        let loaded = Tape::load(&path).unwrap();
        assert_eq!((loaded.tape.events.len(), loaded.notices), (2, vec![]));
    }

    #[test]
    fn a_file_that_was_given_another_name_is_left_and_one_that_was_not_goes_on() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("desk.tape");
        let (mut growing, _) = Growing::open(&path, &header(None), Existing::Refuse).unwrap();
        growing.push(&event(0));
        assert!(matches!(growing.reopen().unwrap(), Reopened::Same));
        let old = place.path().join("desk.tape.1");
        fs::rename(&path, &old).unwrap();
        fs::write(&path, "").unwrap();
        assert!(matches!(growing.reopen().unwrap(), Reopened::Turned(_)));
        growing.push(&event(1));
        growing.close().unwrap();
        let old = Tape::load(&old).unwrap();
        assert_eq!((old.tape.events, old.notices), (vec![event(0)], vec![]));
        let new = Tape::load(&path).unwrap();
        assert_eq!(new.tape.events, [event(1)]);
        assert_eq!(new.notices, [Notice::Begins { segment: 2 }]);
    }
}
