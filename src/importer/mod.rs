//! Pages of documentation to tapes: the samples of an API page become the conversation that they
//! show.
//!
//! A page is made lines ([`mod@line`], [`html`]), its furniture goes ([`furniture`]), the lines are
//! sorted by headings and tables ([`outline`]), and what was found becomes events ([`assemble`]).
//! What a sample's text means is the normalizer's business, and how a tape is written the tape's.
//!
//! Nothing is taken from a page silently changed: repairs ride on the events that they made, and
//! what was left out is a [`Notice`].

mod assemble;
mod block;
mod contract;
mod envelope;
mod furniture;
mod heading;
mod html;
mod line;
mod outline;
mod request;
mod request_line;
mod source;
mod table;
mod target;

use crate::exchange::Repair;
use crate::tape::{Header, Tape, Trust};

use assemble::Assembly;
use line::Line;

/// A page as it was found.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// What to call it in messages: its path.
    pub name: &'a str,
    /// Its content, plain text or HTML, in UTF-8.
    pub bytes: &'a [u8],
}

/// What a page cannot tell, or tells wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The channel of notifications whose sample names none, in place of the URL's `/v2/me/…`.
    pub channel: Option<String>,
    /// The path of the Bayeux endpoint, in place of `notifications` below the API root.
    pub endpoint: Option<String>,
    /// The title of the tape, in place of the pages' own.
    pub title: Option<String>,
    /// Where the tape says that it came from, in place of the pages' names.
    pub source: Option<String>,
}

/// A tape, and what was said about the pages that it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The tape.
    pub tape: Tape,
    /// One for each page, in order.
    pub remarks: Vec<Remarks>,
}

/// What there is to say about one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remarks {
    /// The page's name.
    pub page: String,
    /// What was repaired on it, in the order of the events.
    pub repairs: Vec<Repair>,
    /// What was left out or could not be told, in the order of the page.
    pub notices: Vec<Notice>,
}

/// Something that a reader of the tape should know about its page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// The page's line, from 1.
    pub line: usize,
    /// The column in that line, in characters, from 1.
    pub column: usize,
    /// What it is.
    pub message: String,
}

/// Why pages cannot become a tape.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A sample that cannot be read with confidence.
    #[error("{page}:{line}:{column}: {message}")]
    Unreadable {
        /// The page's name.
        page: String,
        /// The page's line, from 1.
        line: usize,
        /// The column in that line, in characters, from 1.
        column: usize,
        /// What is wrong there and what was expected.
        message: String,
        /// The page's line as it stands there.
        text: String,
    },
    /// A page without a request, and without the rows of which one could be made.
    #[error("{page}: no request was found, and no {missing} to make one of")]
    NoRequest {
        /// The page's name.
        page: String,
        /// The rows that are not there.
        missing: &'static str,
    },
    /// A page over [`MOST_BYTES`].
    #[error("{page}: it has {bytes} bytes, and {MOST_BYTES} is the most that is read")]
    TooLarge {
        /// The page's name.
        page: String,
        /// How many bytes it has.
        bytes: usize,
    },
    /// A page that is not UTF-8.
    #[error("{page}:{line}: byte {byte:#04x} is not UTF-8; save the page as UTF-8 text")]
    NotText {
        /// The page's name.
        page: String,
        /// The line of the first such byte, from 1.
        line: usize,
        /// That byte.
        byte: u8,
    },
    /// Markup that cannot be read.
    #[error("{page}: cannot read the HTML: {message}")]
    Html {
        /// The page's name.
        page: String,
        /// What the HTML reader says.
        message: String,
    },
}

/// The most bytes of a page: as much as the normalizer takes for one sample, and a thousand times
/// what any page of documentation has.
pub const MOST_BYTES: usize = 64 << 20;

/// Makes one tape of pages, in their order.
///
/// # Errors
/// [`ImportError`] for the first page that cannot be read; no part of a tape is made then.
pub fn import(pages: &[Page<'_>], settings: &Settings) -> Result<Imported, ImportError> {
    let mut assembly = Assembly::new(settings);
    for page in pages {
        read(*page, &mut assembly)?;
    }
    let title = settings
        .title
        .clone()
        .unwrap_or_else(|| assembly.titles.join(", "));
    let names: Vec<&str> = pages.iter().map(|page| base_name(page.name)).collect();
    let source = settings.source.clone().unwrap_or_else(|| names.join(", "));
    let header = Header {
        title,
        source,
        started: None,
        endpoint: Some(assembly.endpoint()),
        trust: Trust::Checked,
        segment: None,
        redaction: None,
    };
    Ok(Imported {
        tape: Tape {
            header,
            events: assembly.events,
        },
        remarks: assembly.remarks,
    })
}

fn read(page: Page<'_>, assembly: &mut Assembly<'_>) -> Result<(), ImportError> {
    let name = || page.name.to_owned();
    if page.bytes.len() > MOST_BYTES {
        return Err(ImportError::TooLarge {
            page: name(),
            bytes: page.bytes.len(),
        });
    }
    let text = std::str::from_utf8(page.bytes).map_err(|error| {
        let (good, bad) = page
            .bytes
            .split_at_checked(error.valid_up_to())
            .unwrap_or((page.bytes, &[]));
        ImportError::NotText {
            page: name(),
            line: good.split(|byte| *byte == b'\n').count(),
            byte: bad.first().copied().unwrap_or_default(),
        }
    })?;
    let lines = if html::is_html(page.name, text) {
        html::lines(text).map_err(|message| ImportError::Html {
            page: name(),
            message,
        })?
    } else {
        line::lines(text)
    };
    let (lines, changes) = last_revision(lines);
    let title = furniture::title(&lines);
    let lines = furniture::strip(lines, title.as_deref().unwrap_or_default());
    let mut outline = outline::outline(&lines, title.as_deref().unwrap_or_default());
    outline.notices.extend(changes);
    assembly.add(page.name, text, title, outline)
}

/// The page below the list of changes that a wiki prints above it, which repeats the page's text
/// line by line in two columns.
fn last_revision(mut lines: Vec<Line>) -> (Vec<Line>, Option<Notice>) {
    let is_revision = |line: &Line| {
        [
            "Revision as of",
            "Latest revision as of",
            "Current revision as of",
        ]
        .iter()
        .any(|start| line.trimmed().starts_with(start))
    };
    let has_changes = lines.iter().any(|line| {
        let words = line.trimmed().strip_prefix("Line ");
        words.is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains(':')
        })
    });
    let Some(last) = lines.iter().rposition(is_revision).filter(|_| has_changes) else {
        return (lines, None);
    };
    let page = lines.split_off(last + 1);
    let notice = lines.first().map(|line| Notice {
        line: line.start().line,
        column: 1,
        message: format!("a list of changes stands above the page; its {last} lines are left out"),
    });
    (page, notice)
}

/// A page's name without its folders, which say nothing on another machine.
fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}
