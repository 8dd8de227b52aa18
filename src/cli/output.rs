//! The two ways out of a command: data on stdout, words on stderr.

use std::io::{self, BufWriter, ErrorKind, Write as _};

use anyhow::Context as _;

use crate::tape::reel::Lost;

use super::exit::{Because as _, Failure, Trouble};

/// How much is written to stdout at once.
const BUFFER: usize = 64 * 1024;

/// Why data was not written to its end.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// Stdout does not take it.
    Stdout(io::Error),
    /// It cannot be had.
    Source(anyhow::Error),
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Self {
        Unwritten::Stdout(error)
    }
}

impl From<Lost> for Unwritten {
    fn from(lost: Lost) -> Self {
        Unwritten::Source(lost.into())
    }
}

/// Writes data to stdout. A reader that has gone away (`antiphon show … | head`) has had what it
/// wanted, so that is no failure.
pub(super) fn data(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error)
            .context("cannot write to stdout")
            .because(Trouble::Io),
        _ => Ok(()),
    }
}

/// Writes data to stdout as it comes to be. To whoever makes it, a reader that has gone away is an error like
/// any other, with which to end; here it is none.
pub(super) fn stream(
    write: impl FnOnce(&mut dyn io::Write) -> Result<(), Unwritten>,
) -> Result<(), Failure> {
    let mut stdout = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let written = write(&mut stdout).and_then(|()| Ok(stdout.flush()?));
    match written {
        Ok(()) => Ok(()),
        Err(Unwritten::Stdout(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(Unwritten::Stdout(error)) => Err(error)
            .context("cannot write to stdout")
            .because(Trouble::Io),
        Err(Unwritten::Source(error)) => Err(error).because(Trouble::Io),
    }
}

/// A word as a POSIX shell takes it literally.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Writes a line of words to stderr. Where even that fails, there is nobody to tell.
pub(super) fn say(words: &str) {
    let _ = writeln!(io::stderr().lock(), "{words}");
}
