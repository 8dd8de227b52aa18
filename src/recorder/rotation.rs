//! When a recording turns to its next segment, and what it keeps: what the user may choose, and when it is
//! time.
//!
//! How segments are turned and deleted is the tape's business.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use crate::exchange::Micros;
use crate::tape::{Growing, Keep, Reopened, TapeError, Turned};

use super::settings::Clock;

/// The smallest segment that may be asked for: a few events. Smaller ones would be all header and trailer.
const MIN_SEGMENT: u64 = 1024;

/// The largest: a tape of more cannot be read at once. Some room is left for the last batch.
const MAX_SEGMENT: u64 = 960 * 1024 * 1024;

/// The shortest time that a segment may last: each costs some waits for the disk.
const MIN_LIFE: Duration = Duration::from_millis(100);

/// How long after a turn that failed the next is tried.
const RETRY: Micros = Micros(1_000_000);

/// The units of sizes, in bytes.
const SIZES: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// The units of times, in milliseconds.
const TIMES: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// When a segment is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotate {
    /// Never, unless somebody asks or the tape is full.
    #[default]
    Never,
    /// When it has so many bytes.
    Bytes(u64),
    /// When it is so old and has anything in it.
    Every(Duration),
}

/// What was chosen of segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// When one is full.
    pub rotate: Rotate,
    /// Which stay.
    pub keep: Keep,
}

/// A text that says neither a size nor a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// No number with a unit that is known.
    #[error("{0:?}: expected a size such as 64MiB, a time such as 1h, or never")]
    Unknown(String),
    /// No number with a unit that is known, and no number.
    #[error(
        "{0:?}: expected a number of segments, a size such as 10GiB, a time such as 7d, or all"
    )]
    UnknownKeep(String),
    /// A segment of that size makes no sense.
    #[error("{0:?}: expected a size from 1KiB to 960MiB")]
    Size(String),
    /// A segment of that time makes no sense.
    #[error("{0:?}: expected a time of at least 100ms")]
    Time(String),
    /// Nothing would be kept.
    #[error("{0:?}: the segment that is being written is always kept, so expected 1 or more")]
    Nothing(String),
}

impl FromStr for Rotate {
    type Err = RotationError;

    fn from_str(text: &str) -> Result<Self, RotationError> {
        match amount(text) {
            None if text == "never" => Ok(Rotate::Never),
            Some(Amount::Bytes(bytes)) if (MIN_SEGMENT..=MAX_SEGMENT).contains(&bytes) => {
                Ok(Rotate::Bytes(bytes))
            }
            Some(Amount::Bytes(_)) => Err(RotationError::Size(text.to_owned())),
            Some(Amount::Time(time)) if time >= MIN_LIFE => Ok(Rotate::Every(time)),
            Some(Amount::Time(_)) => Err(RotationError::Time(text.to_owned())),
            Some(Amount::Number(_)) | None => Err(RotationError::Unknown(text.to_owned())),
        }
    }
}

impl FromStr for Keep {
    type Err = RotationError;

    fn from_str(text: &str) -> Result<Self, RotationError> {
        match amount(text) {
            None if text == "all" => Ok(Keep::All),
            Some(Amount::Number(0)) => Err(RotationError::Nothing(text.to_owned())),
            Some(Amount::Number(number)) => Ok(Keep::Segments(number)),
            Some(Amount::Bytes(bytes)) => Ok(Keep::Bytes(bytes)),
            Some(Amount::Time(time)) => Ok(Keep::For(time)),
            None => Err(RotationError::UnknownKeep(text.to_owned())),
        }
    }
}

/// Turns to the next segment when it is time.
#[derive(Debug)]
pub(super) struct Turning {
    rotation: Rotation,
    clock: Clock,
    /// When the segment began that is written.
    began: Micros,
    asked: Asked,
    /// When a turn failed; the next waits a while.
    failed: Option<Micros>,
}

/// Whether somebody asked for the next segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    No,
    Yes,
}

/// What came of a look at the segment.
#[derive(Debug)]
pub(super) enum Look {
    /// It is not time.
    Stays,
    /// Another segment goes on.
    Turned {
        /// Why the one that was left has no trailer, where it should have one.
        unsealed: Option<String>,
        /// Why the oldest are still there, where they should not be.
        kept: Option<String>,
    },
    /// It is time, and there is no other segment.
    Failed(String),
}

impl Turning {
    pub(super) fn new(rotation: Rotation, clock: Clock) -> Self {
        let began = clock.now();
        Turning {
            rotation,
            clock,
            began,
            asked: Asked::No,
            failed: None,
        }
    }

    /// Somebody asks for the next segment.
    pub(super) fn ask(&mut self) {
        self.asked = Asked::Yes;
    }

    /// How long it may take until the next look, where nothing is written meanwhile.
    pub(super) fn patience(&self, growing: &Growing) -> Option<Duration> {
        let now = self.clock.now();
        let due = match (self.failed, self.rotation.rotate) {
            (Some(failed), _) => failed.after(RETRY),
            (None, Rotate::Every(time)) if growing.events() > 0 => self.began.after(micros(time)),
            (None, _) => return None,
        };
        Some(Duration::from_micros(due.since(now).0))
    }

    /// Whether it is time to turn.
    pub(super) fn is_time(&self, growing: &Growing) -> bool {
        let now = self.clock.now();
        let waits = self.failed.is_some_and(|failed| now < failed.after(RETRY));
        !waits && (self.asked == Asked::Yes || self.is_due(growing, now))
    }

    /// Turns, where it is time.
    pub(super) fn look(&mut self, growing: &mut Growing) -> Look {
        if !self.is_time(growing) {
            return Look::Stays;
        }
        let now = self.clock.now();
        let full = growing.is_full();
        let turned = match self.asked {
            Asked::Yes => growing.reopen(),
            Asked::No => growing
                .turn(crate::tape::Sealing::Certain)
                .map(Reopened::Turned),
        };
        match turned {
            Err(error) => {
                self.failed = Some(now);
                Look::Failed(format!(
                    "cannot turn to the next segment: {}",
                    words(&error)
                ))
            }
            Ok(reopened) => {
                self.asked = Asked::No;
                self.failed = None;
                match reopened {
                    Reopened::Same => Look::Stays,
                    Reopened::Turned(turned) => {
                        self.began = now;
                        if full && self.rotation.rotate == Rotate::Never {
                            let (full, next) = (turned.path.display(), growing.path().display());
                            tracing::warn!("{full} is full; the recording goes on in {next}");
                        }
                        Look::Turned {
                            unsealed: not_sealed(&turned),
                            kept: self.prune(growing),
                        }
                    }
                }
            }
        }
    }

    fn is_due(&self, growing: &Growing, now: Micros) -> bool {
        if growing.is_full() {
            return true;
        }
        match self.rotation.rotate {
            Rotate::Bytes(bytes) => growing.size() >= bytes && growing.events() > 0,
            Rotate::Every(time) => growing.events() > 0 && now.since(self.began) >= micros(time),
            Rotate::Never => false,
        }
    }

    /// Deletes what is not to be kept; why that did not work.
    fn prune(&self, growing: &Growing) -> Option<String> {
        let pruned = growing.prune(self.rotation.keep, SystemTime::now());
        match pruned {
            Ok(deleted) => {
                for path in deleted {
                    tracing::info!("{} is deleted, as --keep says", path.display());
                }
                None
            }
            Err(error) => Some(format!("cannot delete old segments: {}", words(&error))),
        }
    }
}

/// Why a segment was not sealed, where it should have been.
fn not_sealed(turned: &Turned) -> Option<String> {
    let trouble = turned.trouble.as_ref()?;
    Some(format!("cannot seal {}: {trouble}", turned.path.display()))
}

fn words(error: &TapeError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn micros(time: Duration) -> Micros {
    Micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

/// What a number with a unit says.
enum Amount {
    Number(u64),
    Bytes(u64),
    Time(Duration),
}

fn amount(text: &str) -> Option<Amount> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    if unit.is_empty() {
        return Some(Amount::Number(number));
    }
    let of = |units: &[(&str, u64)]| {
        let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
        number.checked_mul(*factor)
    };
    let time = || of(&TIMES).map(|time| Amount::Time(Duration::from_millis(time)));
    of(&SIZES).map(Amount::Bytes).or_else(time)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use super::*;
    use crate::exchange::{Fact, Session, What};
    use crate::tape::{Event, Existing, Header, Tape};

    #[test]
    fn a_full_tape_goes_on_in_another_file_whatever_was_chosen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.tape");
        let header = Header {
            title: "t".into(),
            source: "s".into(),
            ..Header::default()
        };
        let event = |at| {
            Event::Fact(Fact {
                session: Session::new("a"),
                at: Micros(at),
                what: What::Disconnect,
            })
        };
        let open = |existing| Growing::open(&path, &header, existing).unwrap().0;
        let mut growing = open(Existing::Refuse);
        let mut turning = Turning::new(Rotation::default(), Clock::starting_now());
        growing.push(&event(1));
        growing.flush().unwrap();
        assert!(matches!(turning.look(&mut growing), Look::Stays));
        growing.fill();
        let turned = turning.look(&mut growing);
        assert!(matches!(
            turned,
            Look::Turned {
                unsealed: None,
                kept: None
            }
        ));
        growing.push(&event(2));
        growing.close().unwrap();
        let mut growing = open(Existing::Append);
        growing.push(&event(3));
        growing.close().unwrap();
        let loaded = Tape::load(&path).unwrap();
        assert_eq!(loaded.notices, []);
        assert_eq!(loaded.tape.events, [1, 2, 3].map(event));
    }

    #[test]
    fn sizes_times_and_numbers_are_told_apart_by_their_units() {
        let hour = Duration::from_secs(3_600);
        assert_eq!("64MiB".parse(), Ok(Rotate::Bytes(64 << 20)));
        assert_eq!("1MB".parse(), Ok(Rotate::Bytes(1_000_000)));
        assert_eq!("1h".parse(), Ok(Rotate::Every(hour)));
        assert_eq!("never".parse(), Ok(Rotate::Never));
        assert_eq!("all".parse(), Ok(Keep::All));
        assert_eq!("10".parse(), Ok(Keep::Segments(10)));
        assert_eq!("10GiB".parse(), Ok(Keep::Bytes(10 << 30)));
        assert_eq!("7d".parse(), Ok(Keep::For(24 * 7 * hour)));
        for text in [
            "", "all", "64", "MiB", "64mib", "1.5h", "1 h", "-1h", "2GiB", "10B", "1ms",
        ] {
            assert!(text.parse::<Rotate>().is_err(), "{text}");
        }
        for text in [
            "",
            "0",
            "never",
            "99999999999999999999",
            "99999999999999TiB",
        ] {
            assert!(text.parse::<Keep>().is_err(), "{text}");
        }
    }
}
