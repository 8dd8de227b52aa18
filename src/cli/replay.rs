//! `antiphon replay`.

use super::exit::{Failure, Outcome};

/// (to be written)
#[derive(Debug, clap::Args)]
pub(super) struct Replay {}

impl Replay {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        Ok(Outcome::Done)
    }
}
