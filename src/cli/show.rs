//! `antiphon show`: a tape for people, or as one JSON document for programs.

mod document;
mod gap;
mod grid;
mod repairs;
mod selection;
mod timeline;
mod travel;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::exchange::Session;
use crate::tape::{Event, Walk};

use super::exit::{Failure, Outcome};
use super::{output, tapes};
use selection::{Fit, Selection};

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
        let see = |event: &Event| Seen {
            fit: self.selection.fit(event),
            repairs: event.repairs().len(),
        };
        let mut tape = tapes::walk(&self.tape, &see)?;
        tapes::say_unknown(&tapes::name(&self.tape), &tape, self.selection.sessions());
        self.selection.of(&mut tape);
        output::stream(|out| {
            if self.json {
                document::write(&tape, out)
            } else {
                timeline::draw(&tape, usize::from(self.width), out)
            }
        })?;
        Ok(Outcome::Done)
    }
}

/// What is kept of an event until it is shown.
#[derive(Debug)]
struct Seen {
    fit: Fit,
    /// How many repairs it has.
    repairs: usize,
}

/// The sessions of what is shown, each once, in order of first appearance.
fn sessions(tape: &Walk<Seen>) -> impl Iterator<Item = &Session> {
    let mut seen = BTreeSet::new();
    let sessions = tape.steps.iter().filter_map(|step| step.session.as_ref());
    sessions.filter(move |session| seen.insert(*session))
}
