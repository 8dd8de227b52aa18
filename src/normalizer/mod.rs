//! Loosely written samples (Python literals, JSON, JSON5, damaged pages) to exact JSON.
//!
//! Text that is JSON keeps JSON's meaning; what else Python's `ast.literal_eval` reads has the meaning
//! that `json.dumps` would write; the rest is JSON5 or a mixture. Damage that has one plausible reading
//! is repaired and reported, other damage refused. Nothing is ever evaluated, and no page is taken
//! apart here: finding the samples in a page is the importer's work.

mod damage;
mod dialect;
mod finding;
mod json;
mod layout;
mod reader;
mod veil;

use finding::{Fault, into_repairs};

/// How large a sample may be, in bytes. Real ones have some kilobytes; the limit keeps a wrong file
/// from filling the memory.
pub const SAMPLE_LIMIT: usize = 64 << 20;

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
    /// What is Python's own meaning and yet may surprise (equal keys), in order of place. These are no
    /// repairs, and [`Mending::Refuse`] does not refuse them.
    pub notices: Vec<Repair>,
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

impl Repair {
    /// The change and its reason, on one line: `"was" -> "became": why`.
    pub fn change(&self) -> String {
        let quote = |text: &str| {
            let mut quoted = String::from("\"");
            for c in text.chars() {
                json::push_escaped(&mut quoted, c);
            }
            quoted.push('"');
            quoted
        };
        format!(
            "{} -> {}: {}",
            quote(&self.was),
            quote(&self.became),
            self.why
        )
    }
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
pub fn normalize(text: &str, options: Options) -> Result<Normalized, Unreadable> {
    if text.len() > SAMPLE_LIMIT {
        let message = format!(
            "the sample has {} bytes, and {SAMPLE_LIMIT} are the limit",
            text.len()
        );
        return Err(Fault::new(0, message).into_unreadable(text));
    }
    let reading = veil::read(text).map_err(|fault| fault.into_unreadable(text))?;
    let repairs = into_repairs(reading.repairs, text);
    if let (Mending::Refuse, Some(first)) = (options.mending, repairs.first()) {
        return Err(Unreadable {
            line: first.line,
            column: first.column,
            message: format!("this needs a repair: {}", first.change()),
        });
    }
    let json = match options.layout {
        Layout::Compact => reading.json,
        Layout::Indented => layout::indented(&reading.json).ok_or_else(|| {
            let message = "the JSON is too long to be laid out over lines: write it compact";
            Fault::new(0, message).into_unreadable(text)
        })?,
    };
    Ok(Normalized {
        json,
        repairs,
        notices: into_repairs(reading.notices, text),
    })
}

#[cfg(test)]
mod tests;
