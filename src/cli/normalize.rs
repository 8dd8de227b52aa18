//! `antiphon normalize`.

use super::exit::{Failure, Outcome};

/// (to be written)
#[derive(Debug, clap::Args)]
pub(super) struct Normalize {}

impl Normalize {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        Ok(Outcome::Done)
    }
}
