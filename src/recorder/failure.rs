//! What becomes of the traffic when it cannot be recorded: the user's choice, and how it stands.
//!
//! It holds choices and words. Who fails, and who waits for whom, is decided in `health`, `backlog` and
//! the writer.

use std::str::FromStr;
use std::time::Duration;

/// How long exchanges wait for a disk that takes nothing, unless the user chooses: longer than a disk
/// takes that is only busy, shorter than clients wait for an answer.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(5);

/// How many bytes may wait for the writer, and as many again for a file that takes nothing, unless
/// the user chooses: room for some seconds of a slow disk, and what a crash can lose at most.
pub const DEFAULT_MAX_QUEUE: usize = 64 * 1024 * 1024;

/// What happens when recording fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What becomes of the traffic.
    pub on_failure: OnFailure,
    /// What becomes of exchanges when the disk is slower than they are.
    pub when_behind: WhenBehind,
    /// How long an exchange waits for the disk before that counts as a failure.
    pub patience: Duration,
    /// How many bytes may wait for the writer.
    pub max_queue: usize,
}

impl Default for Failure {
    fn default() -> Self {
        Failure {
            on_failure: OnFailure::default(),
            when_behind: WhenBehind::default(),
            patience: DEFAULT_PATIENCE,
            max_queue: DEFAULT_MAX_QUEUE,
        }
    }
}

/// What becomes of the traffic when it cannot be recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It goes on, and the tape says what it lacks.
    #[default]
    Pass,
    /// New requests are refused: while the disk fails, and for good once something is lost.
    Stop,
}

/// What becomes of exchanges that come faster than the disk takes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenBehind {
    /// They wait, up to the patience; then it counts as a failure.
    #[default]
    Wait,
    /// What finds the queue full is not recorded.
    Drop,
}

/// A text that names no such choice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?}: expected {expected}")]
pub struct FailureError {
    given: String,
    expected: &'static str,
}

impl FromStr for OnFailure {
    type Err = FailureError;

    fn from_str(text: &str) -> Result<Self, FailureError> {
        match text {
            "pass" => Ok(OnFailure::Pass),
            "stop" => Ok(OnFailure::Stop),
            _ => Err(unknown(text, "pass or stop")),
        }
    }
}

impl FromStr for WhenBehind {
    type Err = FailureError;

    fn from_str(text: &str) -> Result<Self, FailureError> {
        match text {
            "wait" => Ok(WhenBehind::Wait),
            "drop" => Ok(WhenBehind::Drop),
            _ => Err(unknown(text, "wait or drop")),
        }
    }
}

/// How the recording stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// What is wrong now.
    pub trouble: Option<Trouble>,
    /// Whether something is missing on the tape.
    pub loss: Loss,
    /// Whether new requests are let in.
    pub admission: Admission,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// In words.
    pub why: String,
    /// For how long.
    pub lasting: Duration,
}

/// Whether something is missing on the tape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loss {
    /// Nothing.
    #[default]
    None,
    /// Something, and it will not come back.
    Some,
}

/// Whether new requests are let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// They are.
    #[default]
    Open,
    /// Not before the disk is well again.
    Paused,
    /// Not by this recorder, since its tape is not whole.
    Ended,
}

fn unknown(given: &str, expected: &'static str) -> FailureError {
    FailureError {
        given: given.to_owned(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read() {
        assert_eq!("pass".parse(), Ok(OnFailure::Pass));
        assert_eq!("stop".parse(), Ok(OnFailure::Stop));
        assert_eq!("wait".parse(), Ok(WhenBehind::Wait));
        assert_eq!("drop".parse(), Ok(WhenBehind::Drop));
        let error = "Stop"
            .parse::<OnFailure>()
            .map_err(|error| error.to_string());
        assert_eq!(error, Err("\"Stop\": expected pass or stop".to_owned()));
        assert!("".parse::<WhenBehind>().is_err());
    }
}
