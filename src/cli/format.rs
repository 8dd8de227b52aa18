//! `antiphon format`: a tape in one of its two layouts, sealed.

use std::path::{Path, PathBuf};

use crate::tape::{Layout, State};

use super::exit::{Failure, Outcome};
use super::output;
use super::tapes;

/// Lay out a tape for people or for programs, and seal it again.
///
/// Both layouts hold the same tape. A tape that was edited, torn or not closed gets a trailer that
/// fits its events; no event is lost. The file is replaced in one step, and left alone where it is
/// already as asked.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Format {
    /// The tape, a file or a folder of segments; `-` reads stdin and writes stdout.
    tape: PathBuf,
    /// One object a line, as capture writes them.
    #[arg(long, conflicts_with = "pretty")]
    lines: bool,
    /// Laid out over many lines, as people review them (the default).
    #[arg(long)]
    pretty: bool,
    /// Write nothing; exit 1 and name the tape where it is not as asked.
    #[arg(long)]
    check: bool,
}

const EXAMPLES: &str = "\
Examples:
  antiphon format chat.tape            lay it out for review, and seal it after an edit
  antiphon format chat.tape --lines    one object a line, for grep and for programs
  antiphon format chat.tape --check    exit 1 unless it is laid out and sealed
  antiphon format - < chat.tape        leave the file alone";

impl Format {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let layout = if self.lines {
            Layout::Lines
        } else {
            Layout::Pretty
        };
        let mut outcome = Outcome::Done;
        for path in tapes::parts(&self.tape)? {
            if self.part(&path, layout)? == Outcome::Different {
                outcome = Outcome::Different;
            }
        }
        Ok(outcome)
    }

    /// Formats one file: the tape, or a segment.
    fn part(&self, path: &Path, layout: Layout) -> Result<Outcome, Failure> {
        let (name, laying) = tapes::laying(path, layout)?;
        if self.check {
            if laying.state == State::AsAsked {
                return Ok(Outcome::Done);
            }
            output::say(&format!("would change: {}", name.display()));
            return Ok(Outcome::Different);
        }
        if tapes::is_piped(path) {
            output::stream(|mut out| Ok(laying.write(&mut out)?))?;
        } else if laying.state == State::Other {
            tapes::save_laid(&laying, path)?;
        }
        Ok(Outcome::Done)
    }
}
