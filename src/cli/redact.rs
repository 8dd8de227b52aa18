//! `antiphon redact`: pseudonyms for the secrets of tapes that were recorded without, and a look at what
//! still seems secret.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::tape::redaction::{Redactor, Rules, check};
use crate::tape::{Layout, Redaction, Tape};

use super::config::ConfigFlag;
use super::exit::{Because as _, Failure, Outcome, Trouble};
use super::output;
use super::redaction::{self, Earlier, Keeping, RedactionFlags};
use super::tapes::{self, Source};

/// Replace the secrets of tapes by pseudonyms, or find what still looks secret.
///
/// Equal secrets get equal pseudonyms of the same shape, on one tape and wherever they stand on it, so
/// that it replays as before. A tape is replaced in one step, sealed, in the layout that it had. What
/// an earlier redaction replaced stays as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Redact {
    /// The tapes; `-` reads stdin and writes stdout.
    #[arg(required = true)]
    tapes: Vec<PathBuf>,

    /// Write here, and leave the tape alone.
    #[arg(short, long, value_name = "TAPE", conflicts_with = "check")]
    output: Option<PathBuf>,

    /// Write nothing; print a line for each thing that looks secret, and exit 1 if there is any.
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    redaction: RedactionFlags,

    /// Keep the key of the pseudonyms beside the tape (NAME.key). Who has it can try guesses at
    /// secrets.
    #[arg(long, help_heading = "Redaction", conflicts_with = "check")]
    keep_key: bool,

    #[command(flatten)]
    config: ConfigFlag,
}

const EXAMPLES: &str = "\
Examples:
  antiphon redact chat.tape                        replace its secrets
  antiphon redact chat.tape -o public.tape         into another tape
  antiphon redact chat.tape --redact 'customer*' --redact-personal
  antiphon redact --check recordings/*.tape        before a commit: exit 1 if anything looks secret";

impl Redact {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let file = self.config.read()?;
        let redaction = self.redaction.redaction(&file.redact, self.config.path());
        let Some(redaction) = redaction.because(Trouble::Usage)? else {
            return Err(anyhow!("every name is exempted: nothing is left to redact"))
                .because(Trouble::Usage);
        };
        if self.output.is_some() && self.tapes.len() > 1 {
            return Err(anyhow!(
                "--output takes one tape, and {} are given",
                self.tapes.len()
            ))
            .because(Trouble::Usage);
        }
        let mut outcome = Outcome::Done;
        for path in &self.tapes {
            if self.check {
                if looks_secret(path, &redaction)? == Outcome::Different {
                    outcome = Outcome::Different;
                }
            } else {
                self.redact(path, redaction.clone())?;
            }
        }
        Ok(outcome)
    }

    fn redact(&self, path: &Path, redaction: Redaction) -> Result<(), Failure> {
        let source = Source::open(path)?;
        let mut tape = source.tape()?;
        let to = self.output.as_deref().unwrap_or(path);
        let (mut redactor, key): (Redactor, _) = redaction::redactor(redaction, to, Earlier::Gone)?;
        redactor.tape(&mut tape);
        let layout = layout(&source.bytes);
        if tapes::is_piped(to) {
            return output::data(&tape.write(layout));
        }
        tapes::save(&tape, to, layout)?;
        if redactor.forgotten() > 0 {
            output::say(&format!(
                "notice: {}: {} secrets were too many to look for everywhere: they are replaced where their names stand",
                to.display(),
                redactor.forgotten()
            ));
        }
        if self.keep_key {
            redaction::keep(&key, to, Keeping::Kept, Earlier::Gone)?;
        }
        Ok(())
    }
}

/// Prints what looks secret on the tape at a path.
fn looks_secret(path: &Path, redaction: &Redaction) -> Result<Outcome, Failure> {
    let tape: Tape = tapes::load(path)?;
    let rules = Rules::new(redaction).because(Trouble::Usage)?;
    let findings = check(&tape, &rules);
    for finding in &findings {
        output::data(&format!("{}: {finding}\n", path.display()))?;
    }
    if findings.is_empty() {
        Ok(Outcome::Done)
    } else {
        Ok(Outcome::Different)
    }
}

/// The layout of a tape's text: pretty ones have their first object on several lines.
fn layout(bytes: &[u8]) -> Layout {
    let first = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    if first.trim_ascii_end().ends_with(b"}") {
        Layout::Lines
    } else {
        Layout::Pretty
    }
}
