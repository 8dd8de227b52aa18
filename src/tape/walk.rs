//! A tape whose events are read one at a time: its content stays in its files, and of each event is kept what
//! finds it again and how it stands among the others.
//!
//! It reads all that [`Tape::load`] reads, in both layouts, torn and edited too, and by the same rules: they
//! are in `read` and `joined`, which do not ask what is kept of an event. Of a fault it knows only that there
//! is one. Then the tape is read into memory, which tells faults with their places.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::exchange::{Micros, NotificationId, OperationId, Session};

use super::error::TapeError;
use super::objects::Stopped;
use super::read;
use super::reel::{self, Lost, Source, Spot};
use super::trace::{Subject, Trace};
use super::{Event, Header, Loaded, Notice, Tape, joined, names};

/// A tape that was walked through.
#[derive(Debug)]
pub struct Walk<T> {
    /// What it says of itself.
    pub header: Header,
    /// Its events, in order.
    pub steps: Vec<Step<T>>,
    /// What was found beside it.
    pub notices: Vec<Notice>,
}

/// An event of a tape, without its content.
#[derive(Debug)]
pub struct Step<T> {
    /// What it is.
    pub subject: Subject,
    /// The session that it belongs to, by the name that it has in the end.
    pub session: Option<Session>,
    /// When it began, or arrived.
    pub at: Option<Micros>,
    /// What a notification is due after.
    pub after: Vec<OperationId>,
    /// What else was kept.
    pub kept: T,
    stream: Option<OperationId>,
    place: Place,
}

/// Where an event is.
#[derive(Debug)]
enum Place {
    File(Arc<Source>, Spot),
    Memory(Arc<Event>),
}

/// Why the files were not walked through.
enum Stumble {
    Unusual,
    Failed(TapeError),
}

impl From<TapeError> for Stumble {
    fn from(error: TapeError) -> Self {
        Stumble::Failed(error)
    }
}

impl<T> Walk<T> {
    /// Walks through the tape at a path: a file, what follows it, or a folder of segments. What is kept of
    /// each event is asked with the event as it stands there.
    ///
    /// # Errors
    /// As for [`Tape::load`].
    pub fn through(path: &Path, keep: &impl Fn(&Event) -> T) -> Result<Walk<T>, TapeError> {
        // What is neither may be a pipe, which can be read only once.
        if path.is_file() || path.is_dir() {
            match Self::filed(path, keep) {
                Ok(walk) => return Ok(walk),
                Err(Stumble::Failed(error)) => return Err(error),
                Err(Stumble::Unusual) => {}
            }
        }
        Ok(Self::held(Tape::load(path)?, keep))
    }

    /// The same for a tape that is in memory.
    pub fn held(loaded: Loaded, keep: &impl Fn(&Event) -> T) -> Walk<T> {
        let Loaded { tape, notices } = loaded;
        let renamed = names::renamed(tape.events.iter());
        let step = |event: Event| {
            let event = Arc::new(event);
            Step::of(&event, keep(&event), Place::Memory(Arc::clone(&event)))
        };
        let walk = Walk {
            header: tape.header,
            steps: tape.events.into_iter().map(step).collect(),
            notices,
        };
        walk.settled(&renamed)
    }

    fn filed(path: &Path, keep: &impl Fn(&Event) -> T) -> Result<Walk<T>, Stumble> {
        let mut renamed = BTreeMap::new();
        let part = joined::together(path, |path, causes| {
            let unreadable = |source| TapeError::Read {
                path: path.to_owned(),
                source,
            };
            let stopped = |stopped| match stopped {
                Stopped::Unusual => Stumble::Unusual,
                Stopped::Io(source) => Stumble::Failed(unreadable(source)),
            };
            let file = File::open(path).map_err(unreadable)?;
            let (file, torn) = reel::plain(file).map_err(stopped)?;
            let source = Arc::new(Source::new(file, path));
            let take = |event: Event, spot| {
                renamed.extend(names::renaming(&event));
                Step::of(&event, keep(&event), Place::File(Arc::clone(&source), spot))
            };
            let read = read::stream(source.file(), torn, causes, take);
            read.map(|(part, _)| part).map_err(stopped)
        })?;
        let walk = Walk {
            header: part.header,
            steps: part.events,
            notices: part.notices,
        };
        Ok(walk.settled(&renamed))
    }

    fn settled(mut self, renamed: &BTreeMap<Session, Session>) -> Self {
        let steps = self.steps.iter_mut();
        names::rename(renamed, steps.filter_map(|step| step.session.as_mut()));
        self
    }
}

impl<T> Step<T> {
    /// The event, in the session and with the causes that stand here.
    ///
    /// # Errors
    /// What stands in the file must be what stood there before.
    pub fn event(&self) -> Result<Event, Lost> {
        let mut event = match &self.place {
            Place::File(source, spot) => source.event(*spot)?,
            Place::Memory(event) => event.as_ref().clone(),
        };
        if let (Some(name), Some(session)) = (&self.session, event.session_mut()) {
            session.clone_from(name);
        }
        if let Some((_, after)) = event.due() {
            after.clone_from(&self.after);
        }
        Ok(event)
    }

    fn of(event: &Event, kept: T, place: Place) -> Step<T> {
        let after = match event {
            Event::Notification(notification) => notification.after.clone(),
            Event::Contract(_) | Event::Operation(_) | Event::Fact(_) | Event::Gap(_) => Vec::new(),
        };
        Step {
            subject: event.subject(),
            session: event.session().cloned(),
            at: event.at(),
            after,
            kept,
            stream: event.stream(),
            place,
        }
    }
}

impl<T> Trace for Step<T> {
    fn subject(&self) -> Subject {
        self.subject
    }

    fn stream(&self) -> Option<OperationId> {
        self.stream
    }

    fn due(&mut self) -> Option<(NotificationId, &mut Vec<OperationId>)> {
        self.subject.due(&mut self.after)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use std::fs;
    use std::os::unix::fs::FileExt as _;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::tape::{Layout, Packing, Style, packing};

    /// A tape with something of each kind: a session that is renamed, a stream, a cause that comes later.
    const TAPE: &str = concat!(
        r#"{"kind":"header","antiphon":1,"title":"t","source":"s","endpoint":"/e"}
{"kind":"contract","method":"GET","path":"/a","parameters":[]}
{"kind":"operation","id":1,"session":"c1","at":1,"answered":2,"request":{"method":"GET","target":"/a","headers":[["A","\u00e9é"]]},"response":{"status":200,"headers":[],"body":{"json":{"a":[1,-2.5e3,"x\n"]}}}}
{"kind":"fact","session":"alice","at":3,"what":{"was":"c1"}}
{"kind":"notification","id":1,"session":"c1","at":4,"channel":"/c","after":[2,1],"data":{"text":"é {\" }"}}
{"kind":"operation","id":2,"session":"b","at":5,"answered":6,"form":{"opens":"socket"},"request":{"method":"GET","target":"/s","headers":[]},"response":{"status":101,"headers":[]}}
{"kind":"operation","id":3,"session":"b","at":7,"answered":7,"form":{"message":{"stream":2,"kind":"binary"}},"request":{"method":"SEND","target":"/s","headers":[],"body":{"base64":"/w=="}}}
"#,
        r#"{"kind":"notification","id":2,"session":"b","at":8,"channel":"/s","carrier":{"message":{"stream":2,"kind":"text"}},"after":[3],"data":{"json":null}}
"#
    );

    fn sealed() -> Tape {
        Tape::read(TAPE.as_bytes()).unwrap().tape
    }

    /// Events that are walked through are those that are loaded, with the same words.
    fn check(path: &Path) {
        let walked = Walk::through(path, &|_| ());
        match (Tape::load(path), walked) {
            (Ok(loaded), Ok(walk)) => {
                let settled = loaded.tape.settled();
                let events: Vec<Event> = walk
                    .steps
                    .iter()
                    .map(|step| step.event().unwrap())
                    .collect();
                assert_eq!(
                    (&walk.header, events),
                    (&settled.header, settled.events.clone())
                );
                assert_eq!(walk.notices, loaded.notices);
                for (step, event) in walk.steps.iter().zip(&settled.events) {
                    assert_eq!((step.subject, step.at), (event.subject(), event.at()));
                    assert_eq!(step.session.as_ref(), event.session());
                }
            }
            (Err(loaded), Err(walked)) => assert_eq!(loaded.to_string(), walked.to_string()),
            (loaded, walked) => panic!("{loaded:?} and {walked:?}"),
        }
    }

    proptest! {
        #[test]
        fn whatever_is_loaded_is_walked_through(
            layout in prop::sample::select(vec![Layout::Lines, Layout::Pretty]),
            packing in prop::sample::select(vec![Packing::Plain, Packing::Zstd]),
            place in any::<prop::sample::Index>(),
            taken in prop::sample::select(vec![0, 1, 40, usize::MAX]),
            put in prop::sample::select(vec![
                "", " ", "\n", "\0\0", "x", "12", "{}", "[]", "é", "\"", "{\"kind\":\"gap\"", "\r\n",
            ]),
        ) {
            let text = sealed().write(layout).into_bytes();
            let place = place.index(text.len());
            let end = place.saturating_add(taken).min(text.len());
            // Bytes, and so parts of characters too.
            let text = [text.get(..place).unwrap(), put.as_bytes(), text.get(end..).unwrap()].concat();
            let folder = TempDir::new().unwrap();
            let path = folder.path().join("t.tape");
            let mut packed = packing::Packed::new(packing, fs::File::create(&path).unwrap());
            std::io::Write::write_all(&mut packed, &text).unwrap();
            packed.seal().unwrap();
            check(&path);
        }
    }

    #[test]
    fn tapes_stay_in_their_files_whatever_became_of_them() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("t.tape");
        let filed = |what: &str| {
            check(&path);
            assert!(Walk::filed(&path, &|_| ()).is_ok(), "{what}");
        };
        for layout in [Layout::Lines, Layout::Pretty] {
            for packing in [Packing::Plain, Packing::Zstd] {
                sealed().save_as(&path, Style { layout, packing }).unwrap();
                filed("sealed");
                let bytes = fs::read(&path).unwrap();
                fs::write(&path, bytes.get(..bytes.len() - 5).unwrap()).unwrap();
                filed("torn");
                fs::write(&path, [&bytes, [0; 9].as_slice()].concat()).unwrap();
                filed("zeros at its end");
            }
            let text = sealed().write(layout);
            fs::write(&path, text.replace("/a", "/another")).unwrap();
            filed("edited");
            fs::write(&path, text.replace('\n', "\r\n")).unwrap();
            filed("edited on another system");
        }
    }

    #[test]
    fn a_hole_in_a_folder_of_segments_is_walked_over() {
        let folder = TempDir::new().unwrap();
        let tape = sealed();
        for (number, events) in [(2, 3..7), (4, 7..8)] {
            let mut part = tape.clone();
            part.header.segment = Some(crate::tape::Segment {
                recording: "r".into(),
                number,
            });
            part.events = tape.events.get(events).unwrap_or_default().to_vec();
            let path = folder.path().join(format!("{number:06}.tape"));
            part.save(&path, Layout::Lines).unwrap();
        }
        check(folder.path());
        let walk = Walk::through(folder.path(), &|_| ()).unwrap();
        assert!(
            walk.notices
                .iter()
                .any(|notice| matches!(notice, Notice::CauseLost { .. }))
        );
        assert!(Walk::filed(folder.path(), &|_| ()).is_ok());
    }

    #[test]
    fn an_event_that_was_changed_meanwhile_is_not_handed_out() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("t.tape");
        sealed().save(&path, Layout::Lines).unwrap();
        let walk = Walk::through(&path, &|_| ()).unwrap();
        let at = TAPE.find("alice").unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(b"clara", at as u64).unwrap();
        let lost: Vec<_> = walk
            .steps
            .iter()
            .filter(|step| step.event().is_err())
            .collect();
        assert_eq!(lost.len(), 1);
        assert!(lost.iter().all(|step| step.subject == Subject::Fact));
    }
}
