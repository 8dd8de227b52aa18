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
    /// At the line with this number, from 0 and without empty lines.
    Line(usize),
}

/// Judges a value in which control characters stand where line breaks would: only a URL is broken there.
pub(super) fn mend_url(text: &str) -> Mend {
    match url::mend(text) {
        Some(verdict) => verdict,
        None => Mend::Sound,
    }
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
