//! Tapes as the commands meet them: read from a path that a person gave, with notices on stderr.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::player::{Plan, PlanError, Reading, Recording};
use crate::tape::{
    self, Event, Header, Laying, Layout, Loaded, Notice, Tape, TapeError, Walk, Whole,
};

use super::exit::{Because as _, Failure, Trouble};
use super::output;

/// The tape that is played where none is named.
const EMBEDDED: &[u8] = include_bytes!("../../recordings/remove-participant-from-conference.tape");

/// The endpoint of a tape that names none.
const DEFAULT_ENDPOINT: &str = "/api/v2/notifications";

/// The content of a tape's file, and what to call it.
pub(super) struct Source {
    pub(super) name: PathBuf,
    pub(super) bytes: Vec<u8>,
}

impl Source {
    /// Reads the file; `-` is stdin.
    pub(super) fn open(path: &Path) -> Result<Source, Failure> {
        let (name, bytes) = if is_piped(path) {
            let name = PathBuf::from("stdin");
            let bytes = tape::content(io::stdin().lock(), &name);
            (name, bytes)
        } else {
            (path.to_owned(), tape::file(path))
        };
        let bytes = explained(bytes)?;
        Ok(Source { name, bytes })
    }
}

/// One file of a tape, gone through event by event.
pub(super) struct Scroll {
    name: PathBuf,
    scroll: tape::Scroll,
}

/// What to call a tape or a page that is read from a path.
pub(super) fn name(path: &Path) -> String {
    if is_piped(path) {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Says which of the sessions that a user named are not on a tape: a name may be misspelt.
pub(super) fn say_unknown<'a, K>(tape: &str, walk: &Walk<K>, named: impl Iterator<Item = &'a str>) {
    for name in named {
        let mut known = walk.steps.iter().filter_map(|step| step.session.as_ref());
        if !known.any(|session| session.name() == name) {
            output::say(&format!("notice: {tape} has no session {name}"));
        }
    }
}

/// Whether what the reader of a tape should know of its state is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notices {
    Said,
    /// It was before.
    Unsaid,
}

/// Opens a file of a tape to go through it (`-` is stdin). A segment is read as it stands, without what is in the
/// others.
pub(super) fn scroll(path: &Path, notices: Notices) -> Result<Scroll, Failure> {
    let (name, scroll) = if is_piped(path) {
        let Source { name, bytes } = Source::open(path)?;
        let scroll = tape::Scroll::of_content(&bytes, &name);
        (name, scroll)
    } else {
        (path.to_owned(), tape::Scroll::of_file(path))
    };
    let scroll = explained(scroll)?;
    if notices == Notices::Said {
        say(&scroll.notices, &name);
    }
    Ok(Scroll { name, scroll })
}

impl Scroll {
    /// What it says of itself.
    pub(super) fn header(&self) -> &Header {
        &self.scroll.header
    }

    /// Hands out each event, in order.
    pub(super) fn each(&self, look: impl FnMut(&Event)) -> Result<(), Failure> {
        let looked = self.scroll.each(look);
        looked
            .with_context(|| self.name.display().to_string())
            .because(Trouble::Io)
    }

    /// Saves it elsewhere, or in its place, in the style that it has: with this header, each event as `edit` leaves
    /// it.
    pub(super) fn save(
        &self,
        header: &Header,
        edit: impl FnMut(&mut Event),
        path: &Path,
    ) -> Result<(), Failure> {
        explained(self.scroll.save(header, self.scroll.style, edit, path))
    }

    /// The same to stdout, where it is not packed.
    pub(super) fn print(
        &self,
        header: &Header,
        edit: impl FnMut(&mut Event),
    ) -> Result<(), Failure> {
        let layout = self.scroll.style.layout;
        output::stream(|mut out| Ok(self.scroll.write(header, layout, edit, &mut out)?))
    }
}

fn say(notices: &[Notice], name: &Path) {
    for notice in notices {
        output::say(&format!("notice: {}: {notice}", name.display()));
    }
}

/// Whether a path means stdin, or stdout.
pub(super) fn is_piped(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads a tape from stdin. With it, what to call it.
fn piped(path: &Path) -> Result<(Loaded, PathBuf), Failure> {
    let Source { name, bytes } = Source::open(path)?;
    let loaded = explained(Tape::read_named(&bytes, &name))?;
    Ok((loaded, name))
}

/// Walks through the tape at a path (`-` is stdin; a folder is one of segments), and says what its reader
/// should know of its state. What comes through a pipe is in memory.
pub(super) fn walk<T>(path: &Path, keep: &impl Fn(&Event) -> T) -> Result<Walk<T>, Failure> {
    if is_piped(path) {
        let (loaded, name) = piped(path)?;
        say(&loaded.notices, &name);
        return Ok(Walk::held(loaded, keep));
    }
    let walk = explained(Walk::through(path, keep))?;
    say(&walk.notices, path);
    Ok(walk)
}

/// Reads a file of a tape to lay it out anew (`-` is stdin), and says what its reader should know of its
/// state. With it, what to call it.
pub(super) fn laying(path: &Path, layout: Layout) -> Result<(PathBuf, Laying), Failure> {
    let (name, laying) = if is_piped(path) {
        let Source { name, bytes } = Source::open(path)?;
        let laying = Laying::of_content(&bytes, &name, layout);
        (name, laying)
    } else {
        (path.to_owned(), Laying::of_file(path, layout))
    };
    let laying = explained(laying)?;
    say(laying.notices(), &name);
    Ok((name, laying))
}

/// Saves a file of a tape that was laid out anew.
pub(super) fn save_laid(laying: &Laying, path: &Path) -> Result<(), Failure> {
    explained(laying.save(path))
}

/// The files of the tape at a path: the segments in a folder, or the file itself.
pub(super) fn parts(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    explained(tape::parts(path))
}

/// All files of the recording at a path, which nobody else goes on with.
pub(super) fn whole(path: &Path) -> Result<Whole, Failure> {
    explained(Whole::open(path))
}

/// All files of the recording at a path, to be read.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    explained(tape::files(path))
}

/// Where the files of a recording are to go for one at another path.
pub(super) fn elsewhere(whole: &Whole, path: &Path) -> Result<Vec<PathBuf>, Failure> {
    explained(whole.elsewhere(path))
}

/// Loads the tapes that are to be played: the embedded one where none is named.
pub(super) fn to_play(paths: &[PathBuf], reading: &Reading) -> Result<Vec<Recording>, Failure> {
    if paths.is_empty() {
        let embedded = Tape::read(EMBEDDED)
            .context("the embedded tape")
            .because(Trouble::Tape)?;
        return Ok(vec![Recording::held(embedded, reading)]);
    }
    let load = |path: &PathBuf| {
        let (recording, name) = if is_piped(path) {
            let (loaded, name) = piped(path)?;
            (Recording::held(loaded, reading), name)
        } else {
            (explained(Recording::load(path, reading))?, path.clone())
        };
        say(recording.notices(), &name);
        Ok(recording)
    };
    paths.iter().map(load).collect()
}

/// Tells a tape that cannot be played from a file that cannot be written.
pub(super) fn planned<T>(result: Result<T, PlanError>) -> Result<T, Failure> {
    let trouble = match &result {
        Err(PlanError::Write(_)) => Trouble::Io,
        Err(_) | Ok(_) => Trouble::Tape,
    };
    result.because(trouble)
}

/// The paths at which Bayeux clients find what is played: the one that the user chose, else those that
/// the tapes name.
pub(super) fn endpoints(plan: &Plan, chosen: Option<String>) -> Vec<String> {
    match (chosen, plan.endpoints()) {
        (Some(endpoint), _) => vec![endpoint],
        (None, []) => vec![DEFAULT_ENDPOINT.to_owned()],
        (None, endpoints) => endpoints.to_vec(),
    }
}

/// Tells a tape that cannot be read from a file that cannot.
fn explained<T>(result: Result<T, TapeError>) -> Result<T, Failure> {
    let trouble = match &result {
        Err(
            TapeError::Read { .. }
            | TapeError::Write { .. }
            | TapeError::Link { .. }
            | TapeError::Busy { .. },
        ) => Trouble::Io,
        Err(TapeError::Exists { .. }) => Trouble::Usage,
        Err(TapeError::Unreadable(_) | TapeError::Folder { .. }) | Ok(_) => Trouble::Tape,
    };
    result.because(trouble)
}
