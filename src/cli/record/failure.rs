//! The flags that say what happens when a recording fails.

use crate::cli::config::ConfigFlag;
use crate::cli::serve::{
    self,
    limits::{LimitSettings, Range, count},
};
use crate::recorder::{DEFAULT_MAX_QUEUE, DEFAULT_PATIENCE, Failure};

use super::settings::{RecordSettings, chosen};

/// The shortest queue, in bytes: with room for a small exchange.
const SHORTEST_QUEUE: usize = 1024;

/// What becomes of the traffic when it cannot be recorded.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "When recording fails")]
pub(super) struct FailureFlags {
    /// What becomes of the traffic when the disk is full, fails or hangs: it goes on, and the tape says
    /// in gaps what it lacks (pass); or new requests get a 503 while it lasts, and for good once something
    /// is lost (stop). In both cases the exit code is 4 if something is lost [default: pass].
    #[arg(long, value_name = "pass|stop", env = "ANTIPHON_ON_FAILURE")]
    on_failure: Option<String>,

    /// What becomes of exchanges when the disk is slower than they are: they wait for it, up to
    /// --patience (wait); or what finds the queue full is not recorded (drop) [default: wait].
    #[arg(long, value_name = "wait|drop", env = "ANTIPHON_WHEN_BEHIND")]
    when_behind: Option<String>,

    /// How long an exchange waits for the disk before that counts as a failure [default: 5].
    #[arg(long, value_name = "SECONDS", env = "ANTIPHON_PATIENCE")]
    patience: Option<String>,

    /// How many bytes may wait to be written, and as many again for a disk that takes nothing
    /// (1024 or more) [default: 67108864].
    #[arg(long, value_name = "BYTES", env = "ANTIPHON_MAX_QUEUE")]
    max_queue: Option<usize>,
}

impl FailureFlags {
    /// What they and the file say.
    pub(super) fn failure(
        &self,
        config: &ConfigFlag,
        file: &RecordSettings,
        limits: &LimitSettings,
    ) -> anyhow::Result<Failure> {
        let on_failure = ("record.onFailure", file.on_failure.as_ref());
        let when_behind = ("record.whenBehind", file.when_behind.as_ref());
        let patience = file.patience.map(|seconds| seconds.to_string());
        let patience = config.pick(
            ("--patience", self.patience.as_ref()),
            ("record.patience", patience),
        );
        let queue = count(
            config,
            (self.max_queue, "--max-queue"),
            (limits.max_queue, "limits.maxQueue"),
            Range::from(SHORTEST_QUEUE),
        )?;
        Ok(Failure {
            on_failure: chosen(
                config,
                ("--on-failure", self.on_failure.as_ref()),
                on_failure,
            )?
            .unwrap_or_default(),
            when_behind: chosen(
                config,
                ("--when-behind", self.when_behind.as_ref()),
                when_behind,
            )?
            .unwrap_or_default(),
            patience: patience.map_or(Ok(DEFAULT_PATIENCE), |setting| {
                serve::seconds(&setting.origin, &setting.value)
            })?,
            max_queue: queue.unwrap_or(DEFAULT_MAX_QUEUE),
        })
    }
}
