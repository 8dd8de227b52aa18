//! One file of a tape, laid out anew and sealed: an event is read, and written, before the next one is.
//!
//! The file is read twice, since what its end says may concern every event. What cannot be read so is read
//! into memory, which tells what is wrong with it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::exchange::{NotificationId, OperationId};

use super::error::TapeError;
use super::layout::{compact, review};
use super::objects::{self, Stopped};
use super::packing::{self, Packed};
use super::read::{self, Causes};
use super::trace::{Subject, Trace};
use super::wire::{self, Entry, Seal, Trailer};
use super::{Event, Header, Layout, Loaded, Notice, Tape, reel, store};

/// One file of a tape, with the layout that it is to have.
#[derive(Debug)]
pub struct Laying {
    /// What was found beside it.
    pub notices: Vec<Notice>,
    /// How it stands.
    pub state: State,
    layout: Layout,
    from: From,
}

/// How a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is what it would become.
    AsAsked,
    /// Another layout, an edit, or no end.
    Other,
}

/// Where the events are.
#[derive(Debug)]
enum From {
    File(Filed),
    Memory(Tape),
}

/// A file whose text stands as it is, as it was found when it was read for the first time.
#[derive(Debug)]
struct Filed {
    file: File,
    header: Header,
    /// The trailer that fits what stands there.
    seal: Trailer,
    /// The causes that are named and are not there.
    lost: BTreeSet<(NotificationId, OperationId)>,
}

impl Laying {
    /// Reads a file of a tape; a segment as it stands, without what is in the others.
    ///
    /// # Errors
    /// As for [`Tape::read_part`].
    pub fn of_file(path: &Path, layout: Layout) -> Result<Laying, TapeError> {
        // What is none may be a pipe, which can be read only once.
        if path.is_file() {
            let unreadable = |source| TapeError::Read {
                path: path.to_owned(),
                source,
            };
            let file = File::open(path).map_err(unreadable)?;
            match Self::filed(file, layout) {
                Ok(laying) => return Ok(laying),
                Err(Stopped::Io(source)) => return Err(unreadable(source)),
                Err(Stopped::Unusual) => {}
            }
        }
        Self::of_content(&store::file(path)?, path, layout)
    }

    /// The same of a file's content, which errors call `name`.
    pub fn of_content(bytes: &[u8], name: &Path, layout: Layout) -> Result<Laying, TapeError> {
        let Loaded { tape, notices } = Tape::read_part(bytes, name)?;
        let state = if packing::is_text(bytes, &tape.write(layout)) {
            State::AsAsked
        } else {
            State::Other
        };
        Ok(Laying {
            notices,
            state,
            layout,
            from: From::Memory(tape),
        })
    }

    /// Writes the text.
    ///
    /// # Errors
    /// What `out` has, and where the file was changed meanwhile.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match &self.from {
            From::Memory(tape) => out.write_all(tape.write(self.layout).as_bytes()),
            From::File(filed) => filed
                .write(self.layout, out)
                .map_err(|stopped| match stopped {
                    Stopped::Io(error) => error,
                    Stopped::Unusual => io::Error::other("the tape was changed while it was read"),
                }),
        }
    }

    /// Saves it in a file, which is replaced in one step, and stays compressed if it is.
    ///
    /// # Errors
    /// As for [`Tape::save`], and where the file was changed meanwhile.
    pub fn save(&self, path: &Path) -> Result<(), TapeError> {
        store::save_with(path, |packing, file| {
            let mut packed = Packed::new(packing, file);
            self.write(&mut packed)?;
            packed.seal()
        })
    }

    fn filed(file: File, layout: Layout) -> Result<Laying, Stopped> {
        let (file, torn) = reel::plain(file)?;
        let (part, seal) = read::stream(&file, torn, Causes::Here, |event, _| Due::of(event))?;
        let lost = part.notices.iter().filter_map(|notice| {
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
            file,
            header: part.header,
            seal: seal.trailer(),
            lost: lost.collect(),
        };
        let state = match torn {
            0 => filed.state(layout)?,
            _ => State::Other,
        };
        Ok(Laying {
            notices: part.notices,
            state,
            layout,
            from: From::File(filed),
        })
    }
}

impl Filed {
    /// Whether writing it would change anything; no more is written than shows that.
    fn state(&self, layout: Layout) -> Result<State, Stopped> {
        let mut against = Against {
            file: &self.file,
            at: 0,
            state: State::AsAsked,
        };
        let written = self.write(layout, &mut against);
        if against.state == State::Other {
            return Ok(State::Other);
        }
        written?;
        let length = self.file.metadata().map_err(Stopped::Io)?.len();
        Ok(if against.at == length {
            State::AsAsked
        } else {
            State::Other
        })
    }

    fn write(&self, layout: Layout, out: &mut impl Write) -> Result<(), Stopped> {
        let (mut stands, mut seal) = (Seal::default(), Seal::default());
        put(wire::write_header(&self.header), layout, out)?;
        objects::each(&self.file, |object, _| {
            let event = match wire::read(object) {
                Ok((_, Entry::Event(event))) => *event,
                Ok((_, Entry::Header(_) | Entry::Trailer(_))) => return Ok(()),
                Err(_) => return Err(Stopped::Unusual),
            };
            stands.add(&compact(object));
            let text = wire::write_event(&self.struck(event));
            seal.add(&text);
            put(text, layout, out)
        })?;
        if stands.trailer() != self.seal {
            return Err(Stopped::Unusual);
        }
        put(wire::write_trailer(&seal.trailer()), layout, out)
    }

    /// The event without the causes that are lost.
    fn struck(&self, mut event: Event) -> Event {
        if let Some((notification, after)) = event.due() {
            after.retain(|operation| !self.lost.contains(&(notification, *operation)));
        }
        event
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

/// Compares what is written with what stands in a file, and takes no more after the first difference.
struct Against<'f> {
    file: &'f File,
    at: u64,
    state: State,
}

impl Write for Against<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut there = vec![0; bytes.len()];
        let read = self.file.read_exact_at(&mut there, self.at);
        if read.is_err() || there != bytes {
            self.state = State::Other;
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::tape::{Packing, Style};

    /// A tape that was not closed, of which a cause is not there.
    const TAPE: &str = r#"{"kind":"header","antiphon":1,"title":"t","source":"s"}
{"kind":"operation","id":1,"session":"a","at":1,"answered":2,"request":{"method":"GET","target":"/a","headers":[["A","é"]]},"response":{"status":200,"headers":[],"body":{"json":{"a":[1,-2.5e3,"x\n"]}}}}
{"kind":"notification","id":1,"session":"a","at":4,"channel":"/c","after":[1,7],"data":{"text":"é {\" }"}}
{"kind":"fact","session":"a","at":5,"what":"disconnect"}
"#;

    const LAYOUTS: [Layout; 2] = [Layout::Lines, Layout::Pretty];

    /// What is made of a file, and of its content.
    fn check(path: &Path, from: Layout) {
        for layout in LAYOUTS {
            let held = Laying::of_content(&fs::read(path).unwrap(), path, layout);
            match (held, Laying::of_file(path, layout)) {
                (Ok(held), Ok(filed)) => {
                    assert_eq!(filed.notices, held.notices);
                    assert_eq!(filed.state, held.state, "{from:?} to {layout:?}");
                    let [mut one, mut other] = [Vec::new(), Vec::new()];
                    held.write(&mut one).unwrap();
                    filed.write(&mut other).unwrap();
                    assert_eq!(one, other);
                }
                (Err(held), Err(filed)) => assert_eq!(held.to_string(), filed.to_string()),
                (held, filed) => panic!("{held:?} and {filed:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn a_file_becomes_what_its_content_becomes(
            layout in prop::sample::select(LAYOUTS.to_vec()),
            place in any::<prop::sample::Index>(),
            taken in prop::sample::select(vec![0, 1, 30, usize::MAX]),
            put in prop::sample::select(vec!["", " ", "\n", "\0", "x", "{}", "é", "\""]),
        ) {
            let text = Tape::read(TAPE.as_bytes()).unwrap().tape.write(layout).into_bytes();
            let place = place.index(text.len());
            let end = place.saturating_add(taken).min(text.len());
            let text = [text.get(..place).unwrap(), put.as_bytes(), text.get(end..).unwrap()].concat();
            let folder = TempDir::new().unwrap();
            let path = folder.path().join("t.tape");
            fs::write(&path, text).unwrap();
            check(&path, layout);
        }
    }

    #[test]
    fn a_file_keeps_its_packing_and_loses_what_is_not_there() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("t.tape");
        fs::write(&path, TAPE).unwrap();
        check(&path, Layout::Lines);
        let tape = Tape::read(TAPE.as_bytes()).unwrap().tape;
        for packing in [Packing::Plain, Packing::Zstd] {
            for (before, layout) in LAYOUTS.into_iter().zip([Layout::Pretty, Layout::Lines]) {
                let style = Style {
                    layout: before,
                    packing,
                };
                tape.save_as(&path, style).unwrap();
                let laying = Laying::of_file(&path, layout).unwrap();
                assert_eq!(laying.state, State::Other);
                laying.save(&path).unwrap();
                let saved = fs::read(&path).unwrap();
                assert_eq!(Style::of(&saved), Style { layout, packing });
                // Byte for byte as it is saved from memory.
                tape.save_as(&path, Style { layout, packing }).unwrap();
                assert_eq!(fs::read(&path).unwrap(), saved);
                assert_eq!(
                    Laying::of_file(&path, layout).unwrap().state,
                    State::AsAsked
                );
            }
        }
    }

    #[test]
    fn a_file_that_was_changed_meanwhile_is_left_alone() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("t.tape");
        fs::write(&path, TAPE).unwrap();
        let laying = Laying::of_file(&path, Layout::Pretty).unwrap();
        let changed = TAPE.replace("/a", "/b");
        fs::write(&path, &changed).unwrap();
        let error = laying.save(&path).unwrap_err();
        assert!(matches!(error, TapeError::Write { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), changed);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
