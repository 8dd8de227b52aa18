//! Opening the tape of a recording, with its header and the key of its pseudonyms. What becomes of the traffic
//! is not known here.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::segments;
use crate::cli::exit::{Because as _, Failure, Trouble};
use crate::cli::output;
use crate::cli::redaction::{self, Earlier, Keeping};
use crate::proxy::Origin;
use crate::recorder::{self, Recorder, RecorderError};
use crate::tape::{Existing, Header, Redaction, TapeError, Trust};

/// The tape where none is named.
pub(super) const DEFAULT_TAPE: &str = "recordings/recording.tape";

/// Who may look into a folder of tapes that is made here: whoever runs the program.
const FOLDER_MODE: u32 = 0o700;

/// Opens the tape, in a folder that is made for it where there is none.
pub(in crate::cli) fn start(
    mut settings: recorder::Settings,
    (redaction, keeping): (Option<Redaction>, Keeping),
    (upstream, trust): (&Origin, Trust),
    path: &Path,
) -> Result<Recorder, Failure> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))
            .because(Trouble::Io)?;
    }
    let earlier = match settings.existing {
        Existing::Append => Earlier::GoesOn,
        Existing::Refuse | Existing::Replace => Earlier::Gone,
    };
    let made = redaction.map(|redaction| redaction::redactor(redaction, path, earlier));
    let (redactor, key) = made.transpose()?.unzip();
    let mut header = Header {
        title: format!("recorded from {upstream}"),
        source: upstream.to_string(),
        started: Some(
            jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
        ),
        endpoint: None,
        trust,
        segment: segments::first(settings.rotation),
        redaction: None,
    };
    settings.redactor = redactor.map(|mut redactor| {
        redactor.header(&mut header);
        redactor
    });
    let started = Recorder::start(settings, &header, path);
    if let Err(error @ RecorderError::Tape(TapeError::Exists { .. })) = &started {
        return Err(anyhow!(
            "{error}: --append goes on with it, --force overwrites it"
        ))
        .because(Trouble::Usage);
    }
    let trouble = match &started {
        Err(RecorderError::Tape(TapeError::Link { .. })) => Trouble::Usage,
        Err(RecorderError::Tape(TapeError::Unreadable(_) | TapeError::Folder { .. })) => {
            Trouble::Tape
        }
        _ => Trouble::Io,
    };
    let recorder = started.because(trouble)?;
    if let Some(key) = key {
        redaction::keep(&key, path, keeping, earlier)?;
    }
    for notice in recorder.notices() {
        output::say(&format!("notice: {}: {notice}", path.display()));
    }
    Ok(recorder)
}
