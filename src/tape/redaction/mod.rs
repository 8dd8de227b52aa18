//! Secrets on a tape: where they stand in an event, and what takes their place there.
//!
//! [`Rules`] find them, a [`Redactor`] puts pseudonyms in their places. When that happens, and what a
//! replay makes of pseudonyms, is the business of others.

mod check;
mod content;
mod edits;
mod encoded;
mod fields;
mod fitting;
mod json;
mod looks;
mod marks;
mod markup;
mod memory;
mod naming;
mod personal;
mod redactor;
mod seen;
mod shape;
mod sieve;
mod spans;
mod spelling;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
mod tests;
mod text;
mod walk;

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::exchange::Headers;
use crate::exchange::secret::{Names, NoPattern};

use super::{Event, Header};
pub use check::{Check, Finding, MAX_FINDINGS};
use edits::Edits;
pub use memory::MIN_KNOWN;
pub use redactor::Redactor;
use seen::{Knowledge, Outcome, Piece};
pub use shape::{KEY_BYTES, Key};
use spans::Pointer;
use walk::Walk;

/// How large a regular expression may become when it is made ready: as much as takes milliseconds.
const MAX_EXPRESSION: usize = 1024 * 1024;

/// How many rules of a kind there may be: more than people write, and few enough to try them all on
/// each value.
const MAX_RULES: usize = 1_000;

/// What a tape says of its redaction: the rules beyond the usual ones. Where a tape says it, its secrets
/// by these rules are pseudonyms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redaction {
    /// Patterns of names that are secret too.
    pub added: Vec<String>,
    /// Patterns of names that are none.
    pub exempted: Vec<String>,
    /// Places in JSON whose values are secret, as JSON Pointers (RFC 6901); `*` stands for any one step.
    pub pointers: Vec<String>,
    /// Regular expressions: what they match is secret, or their first group where they have one.
    pub patterns: Vec<String>,
    /// Whether what looks like somebody's address or number is.
    pub personal: Personal,
    /// Whether all secrets are pseudonyms.
    pub extent: Extent,
}

/// How much of a tape is redacted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    #[default]
    Whole,
    /// A part: a recording went on that was not redacted before, or is no more.
    Part,
}

impl Redaction {
    /// The rules of a tape of which one part follows these and another those: what either calls a secret
    /// may be a pseudonym, and what either exempts may be a secret.
    #[must_use]
    pub fn and(&self, other: &Redaction) -> Redaction {
        let joined = |ours: &[String], others: &[String]| {
            let mut all = ours.to_vec();
            all.extend(others.iter().filter(|text| !ours.contains(text)).cloned());
            all
        };
        Redaction {
            added: joined(&self.added, &other.added),
            exempted: joined(&self.exempted, &other.exempted),
            pointers: joined(&self.pointers, &other.pointers),
            patterns: joined(&self.patterns, &other.patterns),
            personal: match (self.personal, other.personal) {
                (Personal::Kept, Personal::Kept) => Personal::Kept,
                _ => Personal::Replaced,
            },
            extent: match (self.extent, other.extent) {
                (Extent::Whole, Extent::Whole) => Extent::Whole,
                _ => Extent::Part,
            },
        }
    }
}

/// What a tape says of its redaction of which one part says this and another that: where only one is
/// redacted, the whole is in part.
pub(super) fn together(one: Option<&Redaction>, other: Option<&Redaction>) -> Option<Redaction> {
    match (one, other) {
        (None, None) => None,
        (Some(one), Some(other)) => Some(one.and(other)),
        (Some(redaction), None) | (None, Some(redaction)) => Some(Redaction {
            extent: Extent::Part,
            ..redaction.clone()
        }),
    }
}

/// What becomes of e-mail addresses, telephone numbers and card numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Personal {
    /// They stay.
    #[default]
    Kept,
    /// They are taken for secrets.
    Replaced,
}

/// Why a rule is none.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// It is no pattern of names.
    #[error(transparent)]
    Name(#[from] NoPattern),
    /// It is no pointer.
    #[error("no JSON Pointer: expected `/` before each step")]
    Pointer,
    /// It is no regular expression.
    #[error("no regular expression")]
    Pattern(#[from] Box<regex::Error>),
    /// It matches where nothing stands.
    #[error("the regular expression matches the empty text")]
    Empty,
    /// There are too many.
    #[error("{0} rules of a kind: expected at most {MAX_RULES}")]
    TooMany(usize),
}

/// What is secret, made ready.
#[derive(Clone, Debug)]
pub struct Rules {
    names: Names,
    pointers: Vec<Pointer>,
    patterns: Vec<Regex>,
    personal: Personal,
}

/// A secret, with its place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret {
    /// Where it stands.
    pub place: Place,
    /// What it is, without the spelling of its place.
    pub value: String,
}

/// The value is not shown.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}, …)", self.place)
    }
}

/// Where something stands in an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// In which of its messages.
    pub part: Part,
    /// Where in that: `header authorization`, `cookie SID`, `query token`, `path`, `body /user/password`.
    pub path: String,
}

/// A message of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The request of an operation, or what a client said on a socket.
    Request,
    /// Its response.
    Response,
    /// A notification.
    Notification,
    /// A fact or a contract.
    Fact,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Request => "request",
            Part::Response => "response",
            Part::Notification => "notification",
            Part::Fact => "fact",
        };
        write!(f, "{part} {}", self.path)
    }
}

/// Where something stands in an event, not yet written out: most who go through one never ask.
#[derive(Clone, Copy)]
struct Where<'a> {
    part: Part,
    path: &'a dyn fmt::Display,
}

impl Where<'_> {
    /// The place, written out.
    fn place(self) -> Place {
        Place {
            part: self.part,
            path: self.path.to_string(),
        }
    }
}

/// What may be put in the place of what an event says.
trait Edit {
    /// What takes the place of a secret; `None` where it stays.
    fn secret(&mut self, at: Where<'_>, value: &str) -> Option<String>;

    /// What takes the place of anything else: a text, or octets.
    fn other(&mut self, octets: &[u8]) -> Option<Vec<u8>>;

    /// What takes the place of a whole name.
    fn name(&mut self, name: &str) -> Option<String>;

    /// What is known of secrets, if what becomes of a piece is remembered while that stays so.
    fn knowledge(&self) -> Option<Knowledge> {
        None
    }

    /// What became of a piece when as much was known, if it was gone through then.
    fn seen(&self, _: Piece<'_>, _: Knowledge) -> Option<Outcome<&[u8]>> {
        None
    }

    /// Notes what takes the place of a piece.
    fn note(&mut self, _: Piece<'_>, _: Option<&[u8]>, _: Knowledge) {}

    /// What became of all header fields of a message when as much was known, if they were gone through then.
    fn seen_head(&self, _: &Headers, _: Knowledge) -> Option<Outcome<&Headers>> {
        None
    }

    /// Notes what takes the place of all header fields of a message.
    fn note_head(&mut self, _: &Headers, _: Option<&Headers>, _: Knowledge) {}
}

impl Rules {
    /// The rules that a tape, or a person, names.
    pub fn new(redaction: &Redaction) -> Result<Rules, RuleError> {
        let counts = [
            redaction.added.len(),
            redaction.exempted.len(),
            redaction.pointers.len(),
            redaction.patterns.len(),
        ];
        if let Some(count) = counts.into_iter().find(|count| *count > MAX_RULES) {
            return Err(RuleError::TooMany(count));
        }
        let names = |texts: &[String]| texts.iter().map(|text| text.parse()).collect();
        let added: Result<_, NoPattern> = names(&redaction.added);
        let exempted: Result<_, NoPattern> = names(&redaction.exempted);
        let pointers = redaction.pointers.iter().map(|text| Pointer::new(text));
        let patterns = redaction.patterns.iter().map(|text| pattern(text));
        Ok(Rules {
            names: Names::new(added?, exempted?),
            pointers: pointers.collect::<Result<_, _>>()?,
            patterns: patterns.collect::<Result<_, _>>()?,
            personal: redaction.personal,
        })
    }

    /// The rules by which all secrets of the tape with this header are pseudonyms; none where some are not.
    pub fn that_hold(header: &Header) -> Option<Rules> {
        let said = header.redaction.as_ref()?;
        (said.extent == Extent::Whole).then(|| Rules::new(said).ok())?
    }

    /// Which names are those of secrets.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The secrets of an event, in their order, each with its place.
    pub fn secrets(&self, event: &Event) -> Vec<Secret> {
        let mut found = Found(Vec::new());
        self.edits(event, &mut found);
        found.0
    }

    /// Whether some secrets are found by their looks alone, so that any text may hold one.
    fn goes_by_looks(&self) -> bool {
        !self.patterns.is_empty() || self.personal == Personal::Replaced
    }

    /// Whether a pointer of the rules names the place.
    fn points(&self, place: impl FnOnce() -> String) -> bool {
        if self.pointers.is_empty() {
            return false;
        }
        let place = place();
        self.pointers.iter().any(|pointer| pointer.fits(&place))
    }

    /// What `edit` puts into an event, which stays as it is meanwhile.
    fn edits(&self, event: &Event, edit: &mut dyn Edit) -> Edits {
        Walk::new(self, edit).event(event)
    }

    /// Puts into a text that stands alone, such as a URL, what `edit` says.
    fn edit_text(&self, text: &mut String, edit: &mut dyn Edit) {
        Walk::new(self, edit).alone(text);
    }
}

/// Collects secrets, and changes nothing.
struct Found(Vec<Secret>);

impl Edit for Found {
    fn secret(&mut self, at: Where<'_>, value: &str) -> Option<String> {
        self.0.push(Secret {
            place: at.place(),
            value: value.to_owned(),
        });
        None
    }

    fn other(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn name(&mut self, _: &str) -> Option<String> {
        None
    }
}

fn pattern(text: &str) -> Result<Regex, RuleError> {
    let mut builder = RegexBuilder::new(text);
    let regex = builder
        .size_limit(MAX_EXPRESSION)
        .build()
        .map_err(Box::new)?;
    if regex.is_match("") {
        return Err(RuleError::Empty);
    }
    Ok(regex)
}
