//! Puts values that work in the places where a tape has placeholders: where the recorded service set a
//! cookie or a token that somebody has blotted out since, each session gets a value of its own, the
//! same in every run; and where a client sent one, a mark that says that any value may stand there.
//!
//! It makes a tape of a tape. What a live client sends is compared in [`super::stage`].

mod edit;
mod placeholder;
mod shared;
mod walk;

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::exchange::{Headers, Micros, Operation, Session, coding};
use crate::matcher::{self, Field};
use crate::tape::{Event, Tape};

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
    /// Adds those of another tape.
    pub(super) fn extend(&mut self, other: StandIns) {
        self.given.extend(other.given);
        self.any.extend(other.any);
        self.taken.extend(other.taken);
    }
}

impl StandIn {
    /// The value in the copy of the conversation that has this number.
    pub(super) fn text(&self, copy: usize) -> String {
        minted(&self.what, &self.session, copy, 0)
    }
}

/// The tape with values that work in the places of its placeholders.
pub(super) fn put_in(tape: Cow<'_, Tape>) -> (Cow<'_, Tape>, StandIns) {
    let shared = Shared::of(&tape);
    if shared.is_empty() && !tape.operations().any(may_hold_one) {
        return (tape, StandIns::default());
    }
    let mut walk = Walk::begin(&shared);
    let mut tape = tape.into_owned();
    let mut moments: Vec<(Micros, usize, Side)> = Vec::new();
    for (place, event) in tape.events.iter().enumerate() {
        match event {
            Event::Operation(operation) => {
                moments.push((operation.at, place, Side::Request));
                moments.push((operation.answered, place, Side::Response));
            }
            Event::Notification(notification) => {
                moments.push((notification.at, place, Side::Response));
            }
            Event::Contract(_) | Event::Fact(_) | Event::Gap(_) => {}
        }
    }
    moments.sort_by_key(|(at, ..)| *at);
    for (_, place, side) in moments {
        match (tape.events.get_mut(place), side) {
            (Some(Event::Operation(operation)), Side::Request) => walk.request(operation),
            (Some(Event::Operation(operation)), Side::Response) => walk.response(operation),
            (Some(Event::Notification(notification)), _) => walk.notification(notification),
            _ => {}
        }
    }
    (Cow::Owned(tape), walk.end())
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
