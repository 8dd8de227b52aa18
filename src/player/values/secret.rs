//! The secrets that clients bring with them: passwords, keys and cookies from before the recording, for
//! which something else stands on the tape. A live client sends its own, and that is accepted there.
//!
//! Which secrets a tape has, others say; whether a live one is accepted is decided in
//! [`super::super::stage`].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::exchange::credentials::{self, Credential};
use crate::exchange::secret::Names;
use crate::exchange::{Headers, Request, coding};
use crate::matcher::{self, Field, Part, Spelling};
use crate::tape::redaction::{MIN_KNOWN, Rules};
use crate::tape::{Event, Header};

use super::super::plan::wide;
use super::super::standin::{OWN_COOKIES, StandIn, StandIns};
use super::{Bound, ChoiceId, Values, within};

/// Where the password of Basic authentication stands.
const BASIC_PASSWORD: &str = "/authorization/password";

/// What is known of the secrets of a tape.
#[derive(Debug, Default)]
pub(in crate::player) struct Secrets {
    /// What stands for each, the same wherever the same secret stood.
    pseudonyms: BTreeSet<String>,
    /// The names of secrets, on a tape that was rid of some.
    names: Option<Names>,
    /// What stands where any value may.
    open: BTreeSet<String>,
}

/// What a choice is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Nature {
    /// A value that a client made up.
    #[default]
    Own,
    /// A secret that a client brought with it.
    Secret(Constancy),
    /// What the service gives in place of a placeholder.
    Given,
}

/// Whether what stands for a secret tells that it is the same each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::player) enum Constancy {
    /// It is.
    Same,
    /// Nobody knows.
    Unknown,
}

/// A place in a request at which a client sent a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::player) struct Seat {
    pub(in crate::player) choice: ChoiceId,
    pub(in crate::player) constancy: Constancy,
    pub(in crate::player) part: Part,
    pub(in crate::player) pointer: String,
    /// What stands there on the tape.
    pub(in crate::player) text: String,
}

/// The seats of each operation, and what the service gives.
#[derive(Debug, Default)]
pub(super) struct Seats {
    of_operations: BTreeMap<usize, Vec<Seat>>,
    given: Vec<(usize, StandIn)>,
    texts: BTreeSet<String>,
}

impl Secrets {
    /// The secrets of a tape with these events, for which pseudonyms stand as its header says, or marks of these
    /// stand-ins, which are taken.
    pub(in crate::player) fn of<'a>(
        header: &Header,
        events: impl Iterator<Item = Cow<'a, Event>>,
        stand_ins: &mut StandIns,
    ) -> Secrets {
        let redaction = header.redaction.as_ref();
        // A tape whose rules are none cannot be read at all.
        let rules = redaction.and_then(|redaction| Rules::new(redaction).ok());
        let mut pseudonyms = BTreeSet::new();
        if let Some(rules) = &rules {
            for event in events {
                let secrets = rules.secrets(&event).into_iter();
                pseudonyms.extend(secrets.map(|secret| secret.value));
            }
        }
        let blotted = (!stand_ins.taken.is_empty()).then(Names::default);
        Secrets {
            pseudonyms,
            names: rules
                .as_ref()
                .map(|rules| rules.names().clone())
                .or(blotted),
            open: std::mem::take(&mut stand_ins.any),
        }
    }

    /// Whether there are any.
    pub(in crate::player) fn are_there(&self) -> bool {
        !self.pseudonyms.is_empty() || !self.open.is_empty()
    }

    /// The names of secrets, where there are any.
    pub(in crate::player) fn names(&self) -> Option<Names> {
        self.names.clone()
    }

    /// The values in a string that is JSON, where one of them is a secret; else none.
    pub(super) fn beside_secrets(&self, field: &Field, bytes: &[u8]) -> Vec<Field> {
        if !self.are_there() {
            return Vec::new();
        }
        let mut values = within::values(field, bytes);
        if values.iter().all(|value| self.nature(value) == Nature::Own) {
            values.clear();
        }
        values
    }

    pub(super) fn nature(&self, field: &Field) -> Nature {
        let text = &field.text;
        // A short one stands elsewhere by chance.
        let named = || {
            let mut steps = field.pointer.split('/');
            let names = self.names.as_ref();
            let named = names.is_some_and(|names| steps.any(|step| names.is_secret(step)));
            text.len() >= MIN_KNOWN || field.part == Part::Header || named
        };
        if self.open.contains(text) {
            Nature::Secret(Constancy::Unknown)
        } else if self.pseudonyms.contains(text) && named() {
            Nature::Secret(Constancy::Same)
        } else {
            Nature::Own
        }
    }
}

impl Values {
    /// The places at which the client of an operation sent secrets.
    pub(in crate::player) fn seats(&self, operation: usize) -> &[Seat] {
        let seats = self.seats.of_operations.get(&operation);
        seats.map_or(&[], Vec::as_slice)
    }

    /// Whether a choice is no choice, but a secret.
    pub(in crate::player) fn stands_for_secret(&self, ChoiceId(choice): ChoiceId) -> bool {
        let choice = self.choices.get(choice);
        choice.is_some_and(|choice| matches!(choice.nature, Nature::Secret(_)))
    }

    /// Whether this stands for a secret on the tapes.
    pub(in crate::player) fn is_secret(&self, text: &str) -> bool {
        self.seats.texts.contains(text)
    }

    /// The choices of the same session that stand for secrets.
    pub(in crate::player) fn secrets_beside(
        &self,
        ChoiceId(choice): ChoiceId,
    ) -> impl Iterator<Item = ChoiceId> {
        let session = self.choices.get(choice).map(|choice| choice.session);
        let all = self.choices.iter().enumerate();
        let of_session = all.filter(move |(place, other)| {
            let same = other.nature == Nature::Secret(Constancy::Same);
            same && Some(other.session) == session && *place != choice
        });
        of_session.map(|(place, _)| ChoiceId(place))
    }

    /// What is chosen in a copy of the conversation before it begins: its own stand-ins.
    pub(in crate::player) fn given(&self, copy: usize) -> Bound {
        let mut bound = Bound::default();
        if copy > 0 {
            for (choice, stand_in) in &self.seats.given {
                bound.bind(ChoiceId(*choice), stand_in.text(copy));
            }
        }
        bound
    }

    /// The credentials that clients brought with them, each with its session.
    pub(in crate::player) fn brought(&self) -> impl Iterator<Item = (usize, Credential)> {
        let seats = self.seats.of_operations.values().flatten();
        seats.filter_map(|seat| {
            let session = wide(self.choices.get(seat.choice.0)?.session);
            Some((session, seat.credential()?))
        })
    }

    pub(super) fn note_seat(&mut self, operation: usize, seat: Seat) {
        self.seats.texts.insert(seat.text.clone());
        let seats = self.seats.of_operations.entry(operation).or_default();
        seats.push(seat);
    }

    pub(super) fn note_given(&mut self, choice: usize, stand_in: StandIn) {
        self.seats.given.push((choice, stand_in));
    }
}

impl Seat {
    /// The credential that stands here, in a header field.
    fn credential(&self) -> Option<Credential> {
        if self.part != Part::Header || self.pointer == BASIC_PASSWORD {
            return None;
        }
        let text = self.text.clone();
        Some(match self.pointer.strip_prefix("/cookie/") {
            Some(name) => Credential::Cookie(name.to_owned(), text),
            None => Credential::Token(text),
        })
    }
}

/// The values in a request, also those of its credentials, and those of JSON in a string.
pub(in crate::player) fn fields(request: &Request) -> Vec<Field> {
    let mut found = matcher::of_target(&request.target);
    if !coding::is_coded(&request.headers) && request.body.cut().is_none() {
        let bytes = request.body.bytes();
        let content = matcher::of_content(&request.headers, bytes);
        let inner = content
            .iter()
            .flat_map(|field| within::values(field, bytes));
        let inner: Vec<Field> = inner.collect();
        found.extend(content);
        found.extend(inner);
    }
    found.extend(of_headers(&request.headers));
    found
}

/// The credentials in the header of a request.
pub(super) fn of_headers(headers: &Headers) -> Vec<Field> {
    let field = |pointer: String, text: String| Field {
        part: Part::Header,
        pointer,
        spelling: Spelling::Plain,
        range: 0..text.len(),
        text,
    };
    let mut found = Vec::new();
    for (name, value) in headers.iter() {
        let lower = name.to_ascii_lowercase();
        let shown = credentials::shown(std::iter::once((name, value)));
        for credential in shown {
            found.extend(match credential {
                Credential::Cookie(name, _) if OWN_COOKIES.contains(&name.as_str()) => None,
                Credential::Cookie(name, value) => Some(field(format!("/cookie/{name}"), value)),
                Credential::Token(value) => Some(field(format!("/{lower}"), value)),
                Credential::User(_) => {
                    let value = std::str::from_utf8(value).unwrap_or_default();
                    password(value).map(|text| field(BASIC_PASSWORD.to_owned(), text))
                }
            });
        }
    }
    found
}

/// The password in a field of Basic authentication (RFC 7617).
fn password(value: &str) -> Option<String> {
    let (_, encoded) = value.trim().split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':')
        .map(|(_, password)| password.to_owned())
}
