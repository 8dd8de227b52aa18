//! Tapes as the commands meet them: loaded from a path that a person gave, with notices on stderr.

use std::path::Path;

use crate::tape::{Loaded, Tape, TapeError};

use super::exit::{Because as _, Failure, Trouble};
use super::output;

/// Loads a tape, and says what its reader should know of its state.
pub(super) fn load(path: &Path) -> Result<Loaded, Failure> {
    let loaded = explained(Tape::load(path))?;
    notify(&path.display().to_string(), &loaded);
    Ok(loaded)
}

/// Says what was found beside a tape called `name`.
pub(super) fn notify(name: &str, loaded: &Loaded) {
    for notice in &loaded.notices {
        output::say(&format!("notice: {name}: {notice}"));
    }
}

/// Tells a tape that cannot be read from a file that cannot.
pub(super) fn explained<T>(result: Result<T, TapeError>) -> Result<T, Failure> {
    result.map_err(|error| match error {
        TapeError::Read { .. } | TapeError::Write { .. } => (error, Trouble::Io),
        TapeError::Unreadable(_) => (error, Trouble::Tape),
    })
    .or_else(|(error, trouble)| Err(error).because(trouble))
}
