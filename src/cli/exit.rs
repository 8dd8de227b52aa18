//! How a command ends, and the exit code for it.

use std::fmt;
use std::process::ExitCode;

/// A command that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All is as it should be: exit 0.
    Done,
    /// It found a difference, a miss or an unreadable sample, and has said so: exit 1.
    Different,
}

impl Outcome {
    pub(super) fn code(self) -> ExitCode {
        match self {
            Outcome::Done => ExitCode::SUCCESS,
            Outcome::Different => ExitCode::from(1),
        }
    }
}

/// The kinds of failure that have an exit code of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Wrong usage or configuration: exit 2.
    Usage,
    /// A tape that cannot be read: exit 3.
    Tape,
    /// I/O, bind or upstream trouble: exit 4.
    Io,
}

/// A command that could not run to its end.
#[derive(Debug)]
pub(super) struct Failure {
    trouble: Trouble,
    error: anyhow::Error,
}

impl Failure {
    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(match self.trouble {
            Trouble::Usage => 2,
            Trouble::Tape => 3,
            Trouble::Io => 4,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

/// Says which trouble an error is, where it leaves the command.
pub(super) trait Because<T> {
    fn because(self, trouble: Trouble) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> Because<T> for Result<T, E> {
    fn because(self, trouble: Trouble) -> Result<T, Failure> {
        self.map_err(|error| Failure {
            trouble,
            error: error.into(),
        })
    }
}
