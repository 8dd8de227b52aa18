//! One file of a tape, laid out anew and sealed.
//!
//! How its events are gone through is the business of [`super::scroll`].

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::error::TapeError;
use super::objects::Stopped;
use super::packing;
use super::scroll::Scroll;
use super::{Layout, Notice, Style};

/// One file of a tape, with the layout that it is to have.
#[derive(Debug)]
pub struct Laying {
    /// How it stands.
    pub state: State,
    layout: Layout,
    scroll: Scroll,
}

/// How a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is what it would become.
    AsAsked,
    /// Another layout, an edit, or no end.
    Other,
}

impl Laying {
    /// Reads a file of a tape; a segment as it stands, without what is in the others.
    ///
    /// # Errors
    /// As for [`super::Tape::read_part`].
    pub fn of_file(path: &Path, layout: Layout) -> Result<Laying, TapeError> {
        let unreadable = |source| TapeError::Read {
            path: path.to_owned(),
            source,
        };
        if !path.is_file() {
            let bytes = super::file(path)?; // of a pipe, which can be read only once
            return Laying::of_content(&bytes, path, layout);
        }
        let scroll = Scroll::of_file(path)?;
        if scroll.is_held() {
            let bytes = super::file(path)?;
            return Laying::of(scroll, &bytes, layout).map_err(unreadable);
        }
        let state = match scroll.plain_file() {
            Some(file) => standing(&scroll, file, layout).map_err(unreadable)?,
            None => State::Other,
        };
        Ok(Laying {
            state,
            layout,
            scroll,
        })
    }

    /// The same of a file's content, which errors call `name`.
    ///
    /// # Errors
    /// As for [`super::Tape::read_part`].
    pub fn of_content(bytes: &[u8], name: &Path, layout: Layout) -> Result<Laying, TapeError> {
        let scroll = Scroll::of_content(bytes, name)?;
        Laying::of(scroll, bytes, layout).map_err(|source| TapeError::Read {
            path: name.to_owned(),
            source,
        })
    }

    fn of(scroll: Scroll, bytes: &[u8], layout: Layout) -> io::Result<Laying> {
        let mut text = Vec::new();
        scroll.write(&scroll.header, layout, |_| (), &mut text)?;
        let text = String::from_utf8_lossy(&text);
        let state = if packing::is_text(bytes, &text) {
            State::AsAsked
        } else {
            State::Other
        };
        Ok(Laying {
            state,
            layout,
            scroll,
        })
    }

    /// What was found beside it.
    pub fn notices(&self) -> &[Notice] {
        &self.scroll.notices
    }

    /// Writes the text.
    ///
    /// # Errors
    /// What `out` has, and where the file was changed meanwhile.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let scroll = &self.scroll;
        scroll.write(&scroll.header, self.layout, |_| (), out)
    }

    /// Saves it in its file, which is replaced in one step, and stays compressed if it is.
    ///
    /// # Errors
    /// As for [`super::Tape::save`], and where the file was changed meanwhile.
    pub fn save(&self, path: &Path) -> Result<(), TapeError> {
        let style = Style {
            layout: self.layout,
            packing: self.scroll.style.packing,
        };
        self.scroll.save(&self.scroll.header, style, |_| (), path)
    }
}

/// Whether writing it would change anything; no more is written than shows that.
fn standing(scroll: &Scroll, file: &File, layout: Layout) -> io::Result<State> {
    let mut against = Against {
        file,
        at: 0,
        state: State::AsAsked,
    };
    let written = scroll.put(&scroll.header, layout, |_| (), &mut against);
    if against.state == State::Other {
        return Ok(State::Other);
    }
    match written {
        Ok(()) if against.at == file.metadata()?.len() => Ok(State::AsAsked),
        Ok(()) | Err(Stopped::Unusual) => Ok(State::Other),
        Err(Stopped::Io(error)) => Err(error),
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
    use crate::tape::{Packing, Tape};

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
                    assert_eq!(filed.notices(), held.notices());
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
