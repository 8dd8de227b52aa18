//! The flags that say how much a recording holds in memory.

use crate::cli::config::ConfigFlag;
use crate::cli::serve::limits::{LimitSettings, Range, count};
use crate::recorder::Settings;

/// How much is held.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct CapFlags {
    /// How many clients are told apart at a time; the one that was silent the longest is forgotten for one
    /// more, and is another session when it comes back [default: 16384].
    #[arg(long, value_name = "N", env = "ANTIPHON_MAX_SESSIONS")]
    max_sessions: Option<usize>,

    /// How many bytes of the bodies under way are kept, all together, until they are understood; beyond
    /// that a body stands on the tape with its beginning only [default: 268435456].
    #[arg(long, value_name = "BYTES", env = "ANTIPHON_MAX_HELD")]
    max_held: Option<usize>,
}

impl CapFlags {
    /// Settles what they and the file say; `body` is what --max-body does.
    pub(super) fn settle(
        &self,
        config: &ConfigFlag,
        file: &LimitSettings,
        body: Option<usize>,
        settings: &mut Settings,
    ) -> anyhow::Result<()> {
        let sessions = (self.max_sessions, "--max-sessions");
        let in_file = (file.max_sessions, "limits.maxSessions");
        if let Some(most) = count(config, sessions, in_file, Range::from(1))? {
            settings.max_sessions = most;
        }
        let in_file = (file.max_held, "limits.maxHeld");
        if let Some(most) = count(config, (self.max_held, "--max-held"), in_file, Range::ANY)? {
            settings.max_held = most;
        }
        let in_file = (file.max_body, "limits.maxBody");
        if let Some(most) = count(config, (body, "--max-body"), in_file, Range::ANY)? {
            settings.max_body = most;
        }
        Ok(())
    }
}
