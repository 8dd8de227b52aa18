//! What the reader of a tape should know of its state, and how that is said. It is found out elsewhere.

use std::fmt;

use crate::exchange::{NotificationId, OperationId};

use super::Gaps;

/// Something about a tape that can be read, and is not quite as it was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The last object was torn, and dropped: so many bytes.
    Torn {
        /// How many bytes were dropped.
        bytes: usize,
    },
    /// There is no trailer: the recording was not closed.
    Unclosed,
    /// The trailer does not match the events: somebody edited them.
    Edited,
    /// The recording was not closed, and a notification named a cause that is not on it: that cause
    /// was struck out.
    CauseLost {
        /// The notification.
        notification: NotificationId,
        /// The operation that it named.
        operation: OperationId,
    },
    /// The tape goes on, and its secrets are pseudonyms from here on only.
    SecretsBefore,
    /// The tape goes on, and its secrets were pseudonyms up to here.
    SecretsFollow,
    /// The recording does not hold all that passed.
    Gaps(Gaps),
    /// The first segments are gone: the oldest are deleted where a recording keeps only so many.
    Begins {
        /// The first that is there.
        segment: u64,
    },
    /// Something about a segment that is not the last.
    Segment {
        /// Its number.
        number: u64,
        /// What.
        state: SegmentState,
    },
    /// The operation that opened a stream is gone with its segment: what travelled on the stream later is
    /// left out.
    StreamLost {
        /// The operation.
        stream: OperationId,
        /// How many events were left out.
        events: u64,
    },
}

/// What a segment among others can be that it should not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentState {
    /// It is not there.
    Missing,
    /// Its last object was torn, and dropped: so many bytes.
    Torn {
        /// How many bytes were dropped.
        bytes: usize,
    },
    /// It has no trailer: what its end held may be lost.
    Unclosed,
    /// Its trailer does not match its events.
    Edited,
}

impl Notice {
    /// The same, said of a segment that others follow.
    pub(super) fn of_segment(self, number: u64) -> Notice {
        let state = match self {
            Notice::Torn { bytes } => SegmentState::Torn { bytes },
            Notice::Unclosed => SegmentState::Unclosed,
            Notice::Edited => SegmentState::Edited,
            Notice::CauseLost { .. }
            | Notice::Gaps(_)
            | Notice::SecretsBefore
            | Notice::SecretsFollow
            | Notice::Begins { .. }
            | Notice::Segment { .. }
            | Notice::StreamLost { .. } => return self,
        };
        Notice::Segment { number, state }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Torn { bytes } => write!(
                f,
                "the last object is torn: {bytes} {} dropped",
                if *bytes == 1 {
                    "byte was"
                } else {
                    "bytes were"
                }
            ),
            Notice::Unclosed => f.write_str("there is no trailer: the recording was not closed"),
            Notice::Edited => f.write_str(
                "the trailer does not match the events: they were edited after the tape was sealed",
            ),
            Notice::CauseLost {
                notification,
                operation,
            } => write!(
                f,
                "notification {notification} was due after operation {operation}, which is not on the \
                 tape: it no longer waits for it"
            ),
            Notice::Gaps(gaps) => gaps.fmt(f),
            Notice::Begins { segment } => write!(
                f,
                "it begins with segment {segment}: what the segments before held is not on the tape"
            ),
            Notice::Segment { number, state } => {
                write!(f, "segment {number} ")?;
                match state {
                    SegmentState::Missing => f.write_str("is missing: there is a hole in the tape"),
                    SegmentState::Torn { bytes } => {
                        write!(f, "is torn at its end: {bytes} bytes were dropped")
                    }
                    SegmentState::Unclosed => {
                        f.write_str("has no trailer: what its end held may be lost")
                    }
                    SegmentState::Edited => {
                        f.write_str("was edited after it was sealed: its trailer does not match")
                    }
                }
            }
            Notice::StreamLost { stream, events } => write!(
                f,
                "operation {stream} opened a stream and is not on the tape: {events} later events of that \
                 stream are left out"
            ),
            Notice::SecretsBefore => f.write_str(
                "secrets stand on it from before, and only new ones are replaced: `antiphon redact` \
                 replaces all",
            ),
            Notice::SecretsFollow => {
                f.write_str("it was redacted, and is no more: secrets are written from here on")
            }
        }
    }
}
