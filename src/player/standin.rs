//! Puts values that work in the places where a tape has placeholders: where the recorded service set a
//! cookie or a token that somebody has blotted out since, each session gets a value of its own, the
//! same in every run; and where a client sent one, a mark that says that any value may stand there.
//!
//! It goes through a tape, and hands on what is to be played of it. What a live client sends is compared in
//! [`super::stage`].

mod edit;
mod placeholder;
mod shared;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::{Headers, Micros, Operation, Request, Session, coding};
use crate::matcher::{self, Field};
use crate::tape::reel::Lost;
use crate::tape::{self, Event, Subject};

use super::cast::minted;
use shared::Shared;
pub(super) use shared::{Finder, Given, given};
use walk::Walk;

/// The cookies that a replay sets itself.
pub(super) const OWN_COOKIES: &[&str] = &["ANTIPHON_COPY", "BAYEUX_BROWSER"];

/// What was put into a tape.
#[derive(Clone, Debug, Default)]
pub(super) struct StandIns {
    /// The values that the service gives in place of placeholders.
    pub(super) given: Vec<StandIn>,
    /// The marks that stand where any value may.
    pub(super) any: BTreeSet<String>,
    pub(super) taken: Vec<Taken>,
}

/// A value that works, in place of one that nobody knows any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StandIn {
    pub(super) session: Session,
    what: String,
}

/// A place that was taken for a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(super) session: Session,
    /// Where: `operation 3, response header set-cookie SID`.
    pub(super) place: String,
    pub(super) why: Why,
    pub(super) instead: Instead,
}

/// Why a value was taken for a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It looks like this one.
    Looks(String),
    /// Several sessions were given it, and it cannot tell them apart.
    Shared,
}

/// What stands there instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    /// A value of the session's own.
    StandIn,
    /// Whatever a client sends.
    Anything,
}

/// A field by which values are found again: a cookie, or any other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    Cookie(String),
    Field(String),
}

impl StandIns {
    /// Adds those of another tape, whose marks its secrets have.
    pub(super) fn extend(&mut self, other: StandIns) {
        self.given.extend(other.given);
        self.taken.extend(other.taken);
    }
}

impl StandIn {
    /// The value in the copy of the conversation that has this number.
    pub(super) fn text(&self, copy: usize) -> String {
        minted(&self.what, &self.session, copy, 0)
    }
}

/// What is known of an event before it is looked at more closely.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    answered: Micros,
    suspicion: Suspicion,
}

/// Whether a placeholder may stand in an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suspicion {
    None,
    Some,
}

impl Look {
    pub(super) fn at(event: &Event) -> Look {
        let (answered, may) = match event {
            Event::Operation(operation) => (operation.answered, may_hold_one(operation)),
            Event::Contract(_) | Event::Notification(_) | Event::Fact(_) | Event::Gap(_) => {
                (Micros::default(), false)
            }
        };
        let suspicion = if may {
            Suspicion::Some
        } else {
            Suspicion::None
        };
        Look {
            answered,
            suspicion,
        }
    }
}

/// Hands on each event of a tape with its place there, and with values that work in the places of its placeholders.
/// What was put in is returned.
///
/// # Errors
/// What `hand_on` has, and where an event cannot be read again.
pub(super) fn put_in<O, E: From<Lost>>(
    tape: &tape::Walk<(Look, O)>,
    mut hand_on: impl FnMut(usize, &Event) -> Result<(), E>,
) -> Result<StandIns, E> {
    let shared = Shared::of(tape)?;
    let mut looks = tape.steps.iter().map(|step| step.kept.0);
    if shared.is_empty() && looks.all(|look| look.suspicion == Suspicion::None) {
        for (place, step) in tape.steps.iter().enumerate() {
            hand_on(place, &step.event()?)?;
        }
        return Ok(StandIns::default());
    }
    let mut walk = Walk::begin(&shared);
    // Of what is under way: so little of the tape is in memory.
    let mut begun: BTreeMap<usize, Request> = BTreeMap::new();
    for (place, side) in moments(tape) {
        let Some(step) = tape.steps.get(place) else {
            continue;
        };
        let mut event = step.event()?;
        match (&mut event, side) {
            (Event::Operation(operation), Side::Request) => {
                walk.request(operation);
                begun.insert(place, operation.request.clone());
                continue;
            }
            (Event::Operation(operation), Side::Response) => {
                if let Some(request) = begun.remove(&place) {
                    operation.request = request;
                }
                walk.response(operation);
            }
            (Event::Notification(notification), _) => walk.notification(notification),
            (Event::Contract(_) | Event::Fact(_) | Event::Gap(_), _) => {}
        }
        hand_on(place, &event)?;
    }
    Ok(walk.end())
}

/// The events of a tape in the order of time: of an operation first the request. What has no time comes first.
fn moments<O>(tape: &tape::Walk<(Look, O)>) -> impl Iterator<Item = (usize, Side)> {
    let mut moments: Vec<(Micros, usize, Side)> = Vec::new();
    for (place, step) in tape.steps.iter().enumerate() {
        let at = step.at.unwrap_or_default();
        let over = match step.subject {
            Subject::Operation(_) => {
                moments.push((at, place, Side::Request));
                step.kept.0.answered.max(at)
            }
            Subject::Notification(_) | Subject::Contract | Subject::Fact | Subject::Gap => at,
        };
        moments.push((over, place, Side::Response));
    }
    moments.sort_by_key(|(at, ..)| *at);
    moments.into_iter().map(|(_, place, side)| (place, side))
}

/// A side of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Request,
    Response,
}

/// Whether these header fields may hold a placeholder.
pub(super) fn may_hold(headers: &Headers) -> bool {
    headers
        .iter()
        .filter_map(|(_, value)| std::str::from_utf8(value).ok())
        .any(|value| edit::pieces(value).any(|piece| placeholder::find(piece).is_some()))
}

/// Whether one may stand in a target. It looks at its letters only, so that some are none after all.
pub(super) fn may_stand_in_target(target: &str) -> bool {
    let mut rest = target;
    while !rest.is_empty() {
        let ends = |byte: &u8| matches!(byte, b'/' | b'?' | b'&' | b'=' | b'%' | b'+');
        let end = rest.as_bytes().iter().position(ends).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        // What is escaped may be anything.
        if after.starts_with(['%', '+']) || placeholder::may_be_one(piece) {
            return true;
        }
        rest = after.get(1..).unwrap_or_default();
    }
    false
}

/// Whether one may stand in a JSON text. It looks at its strings only, so that some are none after all.
pub(super) fn may_stand_in_json(json: &str) -> bool {
    let mut marks = memchr::memchr2_iter(b'"', b'\\', json.as_bytes());
    while let (Some(begin), Some(end)) = (marks.next(), marks.next()) {
        let Some((text, after)) = json
            .get(begin + 1..)
            .and_then(|rest| rest.split_at_checked(end - begin - 1))
        else {
            return true;
        };
        // What is escaped may be anything, and strings that hold something escaped are rare.
        if !after.starts_with('"') {
            return true;
        }
        // A name is no value.
        if !after.starts_with("\":") && placeholder::may_be_one(text) {
            return true;
        }
    }
    false
}

/// Whether an operation may hold a placeholder, so that a closer look is worth it.
pub(super) fn may_hold_one(operation: &Operation) -> bool {
    let (request, response) = (&operation.request, &operation.response);
    let in_headers = may_hold(&request.headers) || may_hold(&response.headers);
    let held = |fields: Vec<Field>| {
        fields
            .iter()
            .any(|field| placeholder::find(&field.text).is_some())
    };
    let of_response = || {
        let content = coding::decoded(&response.headers, &response.body);
        content.is_some_and(|content| held(matcher::of_content(&response.headers, &content)))
    };
    in_headers
        || held(matcher::of_target(&request.target))
        || held(matcher::of_content(&request.headers, request.body.bytes()))
        || of_response()
}

impl Slot {
    fn of(name: &str) -> Slot {
        Slot::Field(placeholder::squeezed(name))
    }
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Slot::Cookie(name) => write!(f, "cookie {name}"),
            Slot::Field(name) => write!(f, "field {name}"),
        }
    }
}
