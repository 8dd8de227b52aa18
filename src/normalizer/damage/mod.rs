//! Damage inside one string, as paper and web pages leave it: URLs with spaces, times whose space went
//! elsewhere, tokens broken over lines. Pure text in, verdict out.
//!
//! Text comes as it stands in a JSON string, but with a bare line feed wherever the string was broken
//! over lines (with the white space around the break taken off behind it).

mod time;
mod token;
mod url;

pub(super) use time::{Agreement, Moment};

/// What a string is in its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Key,
    Value,
}

/// The verdict on a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mend {
    Sound,
    /// It has one plausible reading.
    Mended {
        text: String,
        why: String,
        /// The time it says, where it says one.
        moment: Option<Moment>,
    },
    /// It is damaged and has none.
    Hopeless {
        offset: Offset,
        message: String,
    },
}

/// Where in a string it is beyond repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offset {
    Start,
    FirstBreak,
}

/// Judges one string.
pub(super) fn mend(text: &str, part: Part) -> Mend {
    let verdict = match part {
        Part::Key => None,
        Part::Value => time::mend(text).or_else(|| url::mend(text)),
    };
    match verdict {
        Some(verdict) => verdict,
        None if text.contains('\n') => token::join(text, part),
        None => Mend::Sound,
    }
}
