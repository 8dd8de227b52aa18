//! The flags that say how much a replay holds in memory.

use crate::cli::config::ConfigFlag;
use crate::cli::serve::limits::{LimitSettings, Range, count};
use crate::player::Caps;

/// How much is held.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
#[allow(clippy::struct_field_names)] // they are named as the flags are
pub(super) struct CapFlags {
    /// How many sessions may be played at once, in all copies of the conversation together; a copy that
    /// would have more is not begun, and its client is refused [default: those of 1000 copies].
    #[arg(long, value_name = "N", env = "ANTIPHON_MAX_SESSIONS")]
    max_sessions: Option<usize>,

    /// How many entries each list of the journal keeps, and of notifications never more than 64 MiB; counts
    /// and digests are of all [default: 100000, and 1000 of misses and remarks at most].
    #[arg(long, value_name = "N", env = "ANTIPHON_MAX_JOURNAL")]
    max_journal: Option<usize>,

    /// How many bytes the content of a request may have; a longer one is answered 413
    /// [default: 67108864].
    #[arg(long, value_name = "BYTES", env = "ANTIPHON_MAX_CONTENT")]
    max_content: Option<usize>,
}

impl CapFlags {
    /// What they and the file make.
    pub(super) fn caps(&self, config: &ConfigFlag, file: &LimitSettings) -> anyhow::Result<Caps> {
        let default = Caps::default();
        let sessions = (self.max_sessions, "--max-sessions");
        let sessions_in_file = (file.max_sessions, "limits.maxSessions");
        let journal = (self.max_journal, "--max-journal");
        let journal_in_file = (file.max_journal, "limits.maxJournal");
        let content = (self.max_content, "--max-content");
        let content_in_file = (file.max_content, "limits.maxContent");
        Ok(Caps {
            sessions: count(config, sessions, sessions_in_file, Range::from(1))?,
            journal: count(config, journal, journal_in_file, Range::ANY)?
                .unwrap_or(default.journal),
            content: count(config, content, content_in_file, Range::ANY)?
                .unwrap_or(default.content),
        })
    }
}
