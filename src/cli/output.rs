//! The two ways out of a command: data on stdout, words on stderr.

use std::io::{self, ErrorKind, Write as _};

use anyhow::Context as _;

use super::exit::{Because as _, Failure, Trouble};

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

/// A word as a POSIX shell takes it literally.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Writes a line of words to stderr. Where even that fails, there is nobody to tell.
pub(super) fn say(words: &str) {
    let _ = writeln!(io::stderr().lock(), "{words}");
}
