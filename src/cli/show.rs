//! `antiphon show`: a tape for people, or as one JSON document for programs.

mod document;
mod gap;
mod grid;
mod selection;
mod timeline;
mod travel;

use std::path::PathBuf;

use anyhow::Context as _;

use super::exit::{Because as _, Failure, Outcome, Trouble};
use super::{output, tapes};
use selection::Selection;

/// Show who said what on a tape, and because of what.
///
/// A column is a session, time goes down, and each notification stands under the operation that it
/// is due after. What was repaired in the source comes last.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Show {
    /// The tape; `-` reads stdin.
    tape: PathBuf,
    #[command(flatten)]
    selection: Selection,
    /// Write one JSON document for programs.
    #[arg(long)]
    json: bool,
    /// How many columns the picture may take.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(40..))]
    width: u16,
}

const EXAMPLES: &str = "\
Examples:
  antiphon show chat.tape
  antiphon show chat.tape --width 80 | less
  antiphon show chat.tape --session agent2 --channel '/v2/me/*'
  antiphon show chat.tape --path '/api/v2/me/chats/**'
  antiphon show chat.tape --json | jq '.notifications[] | select(.session == \"agent2\") | .data'";

impl Show {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let tape = tapes::load(&self.tape)?;
        let tape = self.selection.of(tape.settled().into_owned());
        let text = if self.json {
            document::write(&tape)
                .context("cannot write the tape as JSON")
                .because(Trouble::Tape)?
        } else {
            timeline::draw(&tape, usize::from(self.width))
        };
        output::data(&text)?;
        Ok(Outcome::Done)
    }
}
