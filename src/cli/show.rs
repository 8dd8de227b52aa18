//! `antiphon show` and `antiphon format`: a tape for people, and a tape in its two layouts.

use super::exit::{Failure, Outcome};

/// (to be written)
#[derive(Debug, clap::Args)]
pub(super) struct Show {}

impl Show {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        Ok(Outcome::Done)
    }
}

/// (to be written)
#[derive(Debug, clap::Args)]
pub(super) struct Format {}

impl Format {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        Ok(Outcome::Done)
    }
}
