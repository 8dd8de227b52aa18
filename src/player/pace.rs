//! How recorded gaps become real time.

use std::fmt;
use std::str::FromStr;

use crate::exchange::Micros;

/// The pace of a replay. It never changes an order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pace {
    /// No gap at all.
    #[default]
    Instant,
    /// The recorded gaps.
    Recorded,
    /// The recorded gaps, so many times as fast.
    Times(f64),
    /// No gap, and each notification waits for the word to go on.
    Step,
}

/// A text that is no pace.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no pace: expected instant, recorded, step, or a factor such as 2x or 0.5x")]
pub struct PaceError(String);

impl Pace {
    /// The real time of a recorded gap.
    // The product of a gap and a factor needs no more exactness than a float of 53 bits has, and
    // the cast back saturates.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    pub fn real(self, gap: Micros) -> Micros {
        match self {
            Pace::Instant | Pace::Step => Micros(0),
            Pace::Recorded => gap,
            Pace::Times(factor) => Micros((gap.0 as f64 / factor) as u64),
        }
    }
}

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, PaceError> {
        let error = || PaceError(text.to_owned());
        match text {
            "instant" => Ok(Pace::Instant),
            "recorded" => Ok(Pace::Recorded),
            "step" => Ok(Pace::Step),
            _ => {
                let factor: f64 = text
                    .strip_suffix('x')
                    .ok_or_else(error)?
                    .parse()
                    .map_err(|_| error())?;
                (factor.is_finite() && factor > 0.0)
                    .then_some(Pace::Times(factor))
                    .ok_or_else(error)
            }
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pace::Instant => f.write_str("instant"),
            Pace::Recorded => f.write_str("recorded"),
            Pace::Step => f.write_str("step"),
            Pace::Times(factor) => write!(f, "{factor}x"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_read_and_applied() {
        for (text, expected) in [
            ("instant", 0),
            ("recorded", 1000),
            ("step", 0),
            ("2x", 500),
            ("0.5x", 2000),
        ] {
            let pace: Pace = text.parse().unwrap();
            assert_eq!(pace.real(Micros(1000)), Micros(expected), "{text}");
            assert_eq!(pace.to_string(), text);
        }
        for text in ["", "x", "0x", "-1x", "2", "infx", "nanx", "fast"] {
            assert!(text.parse::<Pace>().is_err(), "{text}");
        }
    }
}
