//! The flags that say what happens when a recording fails.

use anyhow::Context as _;

use crate::recorder::{DEFAULT_MAX_QUEUE, Failure};

use crate::cli::serve;

/// What becomes of the traffic when it cannot be recorded.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "When recording fails")]
pub(super) struct FailureFlags {
    /// What becomes of the traffic when the disk is full, fails or hangs: it goes on, and the tape says
    /// in gaps what it lacks (pass); or new requests get a 503 while it lasts, and for good once something
    /// is lost (stop). In both cases the exit code is 4 if something is lost.
    #[arg(
        long,
        value_name = "pass|stop",
        default_value = "pass",
        env = "ANTIPHON_ON_FAILURE"
    )]
    on_failure: String,

    /// What becomes of exchanges when the disk is slower than they are: they wait for it, up to
    /// --patience (wait); or what finds the queue full is not recorded (drop).
    #[arg(
        long,
        value_name = "wait|drop",
        default_value = "wait",
        env = "ANTIPHON_WHEN_BEHIND"
    )]
    when_behind: String,

    /// How long an exchange waits for the disk before that counts as a failure.
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    patience: String,

    /// How many bytes may wait to be written, and as many again for a disk that takes nothing
    /// [default: 67108864].
    #[arg(long, value_name = "BYTES", env = "ANTIPHON_MAX_QUEUE")]
    max_queue: Option<usize>,
}

impl FailureFlags {
    /// What they mean; `queue` is what the settings file says of the queue.
    pub(super) fn failure(&self, queue: Option<usize>) -> anyhow::Result<Failure> {
        Ok(Failure {
            on_failure: self.on_failure.parse().context("--on-failure")?,
            when_behind: self.when_behind.parse().context("--when-behind")?,
            patience: serve::seconds("--patience", &self.patience)?,
            max_queue: self.max_queue.or(queue).unwrap_or(DEFAULT_MAX_QUEUE),
        })
    }
}
