//! `antiphon redact`: pseudonyms for the secrets of tapes that were recorded without, and a look at what
//! still seems secret.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::tape::Redaction;
use crate::tape::redaction::{Check, MAX_FINDINGS, Redactor, Rules};

use super::config::ConfigFlag;
use super::exit::{Because as _, Failure, Outcome, Trouble};
use super::output;
use super::redaction::{self, Earlier, Keeping, RedactionFlags};
use super::tapes::{self, Notices, Scroll};

/// Replace the secrets of tapes by pseudonyms, or find what still looks secret.
///
/// Equal secrets get equal pseudonyms of the same shape, on one tape and wherever they stand on it, so
/// that it replays as before. A tape is replaced in one step, sealed, in the layout that it had, and
/// compressed if it was. The segments of a recording are redacted as the one tape that they are, and replaced
/// one by one. What an earlier redaction replaced stays as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Redact {
    /// The tapes, files or folders of segments; `-` reads stdin and writes stdout.
    #[arg(required = true)]
    tapes: Vec<PathBuf>,

    /// Write here, and leave the tape alone.
    #[arg(short, long, value_name = "TAPE", conflicts_with = "check")]
    output: Option<PathBuf>,

    /// Replace a file that is there already, with --output.
    #[arg(long, requires = "output")]
    force: bool,

    /// Write nothing; print a line for each thing that looks secret, and exit 1 if there is any. What stands
    /// under a name that `--no-redact` or `redact.keep` exempts is none.
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
  antiphon redact recordings/desk.tape/            all segments of a long recording
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
        if let Some(to) = &self.output {
            self.may_replace(to).because(Trouble::Usage)?;
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

    /// Whether a tape may come to a path. A file may be a recording of which there is no other copy, and what is
    /// written takes the place of what is there: of a pipe or a device too.
    fn may_replace(&self, to: &Path) -> anyhow::Result<()> {
        let name = to.display();
        match fs::metadata(to).map(|there| there.file_type()) {
            Ok(there) if there.is_file() && !self.force => {
                Err(anyhow!("{name} is already there; --force replaces it"))
            }
            Ok(there) if !there.is_file() && !there.is_dir() => {
                Err(anyhow!("{name} is no file; `-` writes to stdout"))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn redact(&self, path: &Path, redaction: Redaction) -> Result<(), Failure> {
        let to = self.output.as_deref().unwrap_or(path);
        let (redactor, key) = redaction::redactor(redaction, to, Earlier::Gone)?;
        let is_read_once = tapes::is_piped(path) || (!path.is_file() && !path.is_dir());
        if is_read_once || tapes::is_piped(to) {
            one(path, to, redactor)?;
        } else {
            self.files(path, redactor)?;
        }
        if self.keep_key {
            redaction::keep(&key, to, Keeping::Kept, Earlier::Gone)?;
        }
        Ok(())
    }

    /// Redacts the files of a recording as the one tape that they are, each in its turn: a secret is replaced
    /// also in the files before the one that says what it is.
    fn files(&self, path: &Path, mut redactor: Redactor) -> Result<(), Failure> {
        let whole = tapes::whole(path)?;
        let targets = match &self.output {
            Some(to) => {
                // What goes on beside the tape goes on beside the new one.
                let targets = tapes::elsewhere(&whole, to)?;
                let may_replace = |to: &PathBuf| self.may_replace(to);
                targets
                    .iter()
                    .try_for_each(may_replace)
                    .because(Trouble::Usage)?;
                targets
            }
            None => whole.files().to_vec(),
        };
        for file in whole.files() {
            settle(&tapes::scroll(file, Notices::Said)?, &mut redactor)?;
        }
        for file in whole.files() {
            tapes::scroll(file, Notices::Unsaid)?.each(|event| redactor.learn(event))?;
        }
        // The last first: if that is being written, nothing has been changed.
        for (file, to) in whole.files().iter().zip(&targets).rev() {
            let scroll = tapes::scroll(file, Notices::Unsaid)?;
            let mut header = scroll.header().clone();
            whole.name(&mut header);
            redactor.header(&mut header);
            scroll.save(&header, |event| redactor.replace(event), to)?;
        }
        say_forgotten(self.output.as_deref().unwrap_or(path), &redactor);
        Ok(())
    }
}

/// Redacts a tape that is one stream of bytes, or becomes one.
fn one(path: &Path, to: &Path, mut redactor: Redactor) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(anyhow!(
            "{}: a folder of segments cannot go to stdout",
            path.display()
        ))
        .because(Trouble::Usage);
    }
    let scroll = tapes::scroll(path, Notices::Said)?;
    settle(&scroll, &mut redactor)?;
    scroll.each(|event| redactor.learn(event))?;
    let mut header = scroll.header().clone();
    redactor.header(&mut header);
    say_forgotten(to, &redactor);
    if tapes::is_piped(to) {
        scroll.print(&header, |event| redactor.replace(event))
    } else {
        scroll.save(&header, |event| redactor.replace(event), to)
    }
}

/// Notes what an earlier redaction put onto a tape.
fn settle(scroll: &Scroll, redactor: &mut Redactor) -> Result<(), Failure> {
    match Rules::that_hold(scroll.header()) {
        Some(earlier) => scroll.each(|event| redactor.settle(&earlier, event)),
        None => Ok(()),
    }
}

fn say_forgotten(path: &Path, redactor: &Redactor) {
    if redactor.forgotten() > 0 {
        output::say(&format!(
            "notice: {}: {} secrets were too many to look for everywhere: they are replaced where their names stand",
            path.display(),
            redactor.forgotten()
        ));
    }
}

/// Prints what looks secret on the tape at a path, file by file.
fn looks_secret(path: &Path, redaction: &Redaction) -> Result<Outcome, Failure> {
    let rules = Rules::new(redaction).because(Trouble::Usage)?;
    let mut check = Check::default();
    let files = if tapes::is_piped(path) {
        vec![path.to_owned()]
    } else {
        tapes::files(path)?
    };
    // What comes through a pipe can be had only once.
    if let [file] = files.as_slice() {
        let scroll = tapes::scroll(file, Notices::Said)?;
        trust(&scroll, &mut check)?;
        return print(&scroll, file, &check, &rules);
    }
    for file in &files {
        trust(&tapes::scroll(file, Notices::Said)?, &mut check)?;
    }
    let mut outcome = Outcome::Done;
    for file in &files {
        let scroll = tapes::scroll(file, Notices::Unsaid)?;
        if print(&scroll, file, &check, &rules)? == Outcome::Different {
            outcome = Outcome::Different;
        }
    }
    Ok(outcome)
}

/// Believes what a tape says are pseudonyms.
fn trust(scroll: &Scroll, check: &mut Check) -> Result<(), Failure> {
    match Rules::that_hold(scroll.header()) {
        Some(said) => scroll.each(|event| check.trust(&said, event)),
        None => Ok(()),
    }
}

/// Prints what looks secret in one file.
fn print(scroll: &Scroll, file: &Path, check: &Check, rules: &Rules) -> Result<Outcome, Failure> {
    let (mut number, mut found) = (0, 0);
    let mut printed = Ok(());
    scroll.each(|event| {
        number += 1;
        if printed.is_err() || found == MAX_FINDINGS {
            return;
        }
        for finding in check.findings(number, event, rules) {
            if found < MAX_FINDINGS && printed.is_ok() {
                found += 1;
                printed = output::data(&format!("{}: {finding}\n", file.display()));
            }
        }
    })?;
    printed?;
    Ok(if found == 0 {
        Outcome::Done
    } else {
        Outcome::Different
    })
}
