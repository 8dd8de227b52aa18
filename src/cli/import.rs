//! `antiphon import`.

use super::exit::{Failure, Outcome};

/// (to be written)
#[derive(Debug, clap::Args)]
pub(super) struct Import {}

impl Import {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        Ok(Outcome::Done)
    }
}
