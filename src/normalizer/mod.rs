//! Loosely written samples (Python literals, JSON, JSON5, damaged pages) to exact JSON.
//!
//! (to be written)

/// How a sample is read and its JSON written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether damage is mended or refused.
    pub mending: Mending,
    /// How the JSON is laid out.
    pub layout: Layout,
}

/// What becomes of damage that has one plausible reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mending {
    /// It is repaired, and each repair reported.
    Repair,
    /// It is an error (`--strict`).
    Refuse,
}

/// How JSON is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// No white space.
    Compact,
    /// One member a line, by two spaces.
    Indented,
}

/// A sample as exact JSON, with everything that was changed on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalized {
    /// The JSON text, without a line end after it.
    pub json: String,
    /// What was repaired, in order of place.
    pub repairs: Vec<Repair>,
}

/// One repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
    /// What stood there.
    pub was: String,
    /// What it became.
    pub became: String,
    /// Why this is the one plausible reading.
    pub why: String,
}

/// Why a sample cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct Unreadable {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
    /// What is wrong there and what was expected.
    pub message: String,
}

/// Makes exact JSON of one sample.
///
/// # Errors
/// [`Unreadable`] where the sample cannot be read with confidence, or where it needs a repair that
/// `options` refuses.
pub fn normalize(_text: &str, _options: Options) -> Result<Normalized, Unreadable> {
    Err(Unreadable {
        line: 1,
        column: 1,
        message: "to be written".into(),
    })
}
