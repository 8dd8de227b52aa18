//! What is secret, as flags and settings say it, and the key of the pseudonyms.
//!
//! How secrets are found and replaced stands in [`crate::tape::redaction`].

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde::Deserialize;

use crate::tape::redaction::{Extent, KEY_BYTES, Key, Personal, Redactor, Rules};
use crate::tape::{Header, Redaction};

use super::exit::{Because as _, Failure, Trouble};
use super::output;

/// The pattern that exempts every name, and so turns redaction off.
const ALL: &str = "*";

/// The longest file that is read as a key: its digits, and room for the end of a line.
const MAX_KEY_FILE: u64 = 256;

/// What is said where nothing is replaced.
pub(super) const OFF: &str =
    "nothing is redacted: passwords, cookies and tokens stand on the tape as they passed";

/// What is secret beside the usual.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Redaction")]
pub(super) struct RedactionFlags {
    /// Take the values of fields, cookies, parameters and members of this name for secrets too; `*`
    /// stands for anything, case and punctuation for nothing. May be given more than once.
    #[arg(long, value_name = "NAME")]
    redact: Vec<String>,

    /// Leave the values of this name as they are; `*` alone turns redaction off.
    #[arg(long, value_name = "NAME")]
    no_redact: Vec<String>,

    /// Take what stands at this place in JSON for a secret: a JSON Pointer (/users/*/name), where `*`
    /// is any one step.
    #[arg(long, value_name = "POINTER")]
    redact_at: Vec<String>,

    /// Take what this regular expression matches for a secret, or its first group where it has one.
    #[arg(long, value_name = "REGEX")]
    redact_matching: Vec<String>,

    /// Take e-mail addresses, telephone numbers and card numbers for secrets.
    #[arg(long)]
    redact_personal: bool,
}

/// What is secret beside the usual, in the settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RedactionSettings {
    names: Vec<String>,
    keep: Vec<String>,
    at: Vec<String>,
    matching: Vec<String>,
    personal: bool,
}

/// Whether the key stays when the command is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Beside the tape.
    Kept,
    /// Nowhere: nobody can tell afterwards which secret a pseudonym stands for.
    Dropped,
}

/// What becomes of a tape that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Earlier {
    /// The pseudonyms on it should go on.
    GoesOn,
    /// They are over.
    Gone,
}

impl RedactionFlags {
    /// The rules: of flags and settings together. `None` where redaction is off.
    pub(super) fn redaction(
        &self,
        settings: &RedactionSettings,
        file: &Path,
    ) -> anyhow::Result<Option<Redaction>> {
        let here = |name: &str| format!("{}: redact.{name}", file.display());
        for (texts, place, rule) in [
            (&self.redact, "--redact".into(), Rule::Added),
            (&settings.names, here("names"), Rule::Added),
            (&self.no_redact, "--no-redact".into(), Rule::Exempted),
            (&settings.keep, here("keep"), Rule::Exempted),
            (&self.redact_at, "--redact-at".into(), Rule::Pointer),
            (&settings.at, here("at"), Rule::Pointer),
            (
                &self.redact_matching,
                "--redact-matching".into(),
                Rule::Pattern,
            ),
            (&settings.matching, here("matching"), Rule::Pattern),
        ] {
            for text in texts {
                Rules::new(&rule.alone(text)).with_context(|| format!("{place}: {text:?}"))?;
            }
        }
        let both = |flags: &[String], settings: &[String]| [flags, settings].concat();
        let exempted = both(&self.no_redact, &settings.keep);
        if exempted.iter().any(|name| name == ALL) {
            return Ok(None);
        }
        Ok(Some(Redaction {
            added: both(&self.redact, &settings.names),
            exempted,
            pointers: both(&self.redact_at, &settings.at),
            patterns: both(&self.redact_matching, &settings.matching),
            personal: if self.redact_personal || settings.personal {
                Personal::Replaced
            } else {
                Personal::Kept
            },
            extent: Extent::Whole,
        }))
    }
}

/// A kind of rule.
#[derive(Clone, Copy)]
enum Rule {
    Added,
    Exempted,
    Pointer,
    Pattern,
}

impl Rule {
    /// This rule and no other, to see whether it is one.
    fn alone(self, text: &str) -> Redaction {
        let mut redaction = Redaction::default();
        let list = match self {
            Rule::Added => &mut redaction.added,
            Rule::Exempted => &mut redaction.exempted,
            Rule::Pointer => &mut redaction.pointers,
            Rule::Pattern => &mut redaction.patterns,
        };
        list.push(text.to_owned());
        redaction
    }
}

/// The rules for what is added to a tape: its own, and those of the project. `None` where redaction is off
/// in both.
pub(super) fn added_to(
    header: &Header,
    settings: &RedactionSettings,
    file: &Path,
) -> anyhow::Result<Option<Redaction>> {
    let project = RedactionFlags::default().redaction(settings, file)?;
    Ok(match (&header.redaction, project) {
        (Some(own), Some(project)) => Some(own.and(&project)),
        (Some(own), None) => Some(own.clone()),
        (None, project) => project,
    })
}

/// What replaces secrets on the tape at `path`, with the key that is kept beside it where the tape goes
/// on, else with a new one.
pub(super) fn redactor(
    redaction: Redaction,
    path: &Path,
    earlier: Earlier,
) -> Result<(Redactor, Key), Failure> {
    let kept = match earlier {
        Earlier::GoesOn => kept_key(path)?,
        Earlier::Gone => None,
    };
    if kept.is_none() && earlier == Earlier::GoesOn && path.exists() {
        output::say(&format!(
            "notice: {}: its key was not kept (--keep-key): secrets get other pseudonyms from here on",
            path.display()
        ));
    }
    let key = match kept {
        Some(key) => key,
        None => new_key()?,
    };
    let redactor = Redactor::new(redaction, key.clone());
    Ok((redactor.because(Trouble::Usage)?, key))
}

/// Keeps the key of a tape beside it, for its owner alone; or takes away the one of a tape that was
/// overwritten.
pub(super) fn keep(
    key: &Key,
    path: &Path,
    keeping: Keeping,
    earlier: Earlier,
) -> Result<(), Failure> {
    let file = key_file(path);
    let done = match (keeping, earlier) {
        (Keeping::Kept, _) => write_key(&file, key),
        (Keeping::Dropped, Earlier::GoesOn) => Ok(()),
        (Keeping::Dropped, Earlier::Gone) => match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    };
    done.with_context(|| format!("cannot keep the key {}", file.display()))
        .because(Trouble::Io)
}

fn key_file(tape: &Path) -> PathBuf {
    tape.with_extension("key")
}

fn kept_key(tape: &Path) -> Result<Option<Key>, Failure> {
    let file = key_file(tape);
    let read = fs::metadata(&file).and_then(|found| {
        if found.len() > MAX_KEY_FILE {
            return Ok(String::new());
        }
        fs::read_to_string(&file)
    });
    match read {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error)
            .with_context(|| format!("cannot read the key {}", file.display()))
            .because(Trouble::Io),
        Ok(text) => match Key::from_hex(text.trim()) {
            Some(key) => Ok(Some(key)),
            None => Err(anyhow!(
                "{}: expected {} hexadecimal digits",
                file.display(),
                2 * KEY_BYTES
            ))
            .because(Trouble::Usage),
        },
    }
}

fn new_key() -> Result<Key, Failure> {
    let mut bytes = [0; KEY_BYTES];
    let source = rustls::crypto::ring::default_provider().secure_random;
    match source.fill(&mut bytes) {
        Ok(()) => Ok(Key::new(bytes)),
        Err(_) => Err(anyhow!("the system gives no random numbers for a key")).because(Trouble::Io),
    }
}

/// Writes a new file in the place of an old one, so that none that others may read is written into.
fn write_key(file: &Path, key: &Key) -> io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let _ = fs::remove_file(&new); // of a run that was killed
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut handle = options.open(&new)?;
    handle.write_all(format!("{}\n", key.to_hex()).as_bytes())?;
    handle.sync_all()?;
    fs::rename(&new, file)
}
