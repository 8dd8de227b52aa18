//! Puts values that work in the places where a tape has placeholders: where the recorded service set a
//! cookie or a token that somebody has blotted out since, each session gets a value of its own, the
//! same in every run; and where a client sent one, a mark that says that any value may stand there.
//!
//! It makes a tape of a tape. What a live client sends is compared in [`super::stage`].

mod edit;
mod placeholder;
mod shared;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::{Headers, Micros, Notification, Operation, OperationId, Session, coding};
use crate::matcher::{self, Field};
use crate::tape::{Event, Tape};

use super::cast::minted;
use placeholder::{Certainty, Kind};
use shared::Shared;
pub(super) use shared::{Finder, Given, given};

/// How the mark begins that stands for a value which clients bring with them.
const ANY: &str = "any-value-";

/// How many hexadecimal digits follow.
const ANY_DIGITS: usize = 16;

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

/// What one walk through a tape knows.
struct Walk<'a> {
    shared: &'a Shared,
    /// The latest value of each field of a session.
    held: BTreeMap<(Session, Slot), String>,
    /// The stand-ins of a session, by kind.
    kinds: BTreeMap<(Session, Kind), BTreeSet<String>>,
    /// What a session got in place of a shared value.
    apart: BTreeMap<(Session, String), String>,
    done: StandIns,
}

/// A value in a message, with what it is called and where it stands.
struct Seen<'a> {
    session: &'a Session,
    slot: Slot,
    name: &'a str,
    place: String,
    text: &'a str,
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
    let mut walk = Walk {
        shared: &shared,
        held: BTreeMap::new(),
        kinds: BTreeMap::new(),
        apart: BTreeMap::new(),
        done: StandIns::default(),
    };
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
    (Cow::Owned(tape), walk.done)
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
    let mut rest = json;
    while let Some((_, begun)) = rest.split_once('"') {
        let Some(end) = memchr::memchr2(b'"', b'\\', begun.as_bytes()) else {
            return false;
        };
        let (text, after) = begun.split_at(end);
        let Some(after) = after.strip_prefix('"') else {
            // What is escaped may be anything, and strings that hold something escaped are rare.
            return true;
        };
        if placeholder::may_be_one(text) {
            return true;
        }
        rest = after;
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

impl Walk<'_> {
    fn request(&mut self, operation: &mut Operation) {
        let (session, id) = (operation.session.clone(), operation.id);
        let request = &mut operation.request;
        request.headers = edit::headers(&request.headers, |field, cookie, text| {
            let (slot, name) = expected(field, cookie)?;
            let place = format!("operation {id}, request header {field}{}", of(cookie));
            let seen = Seen {
                session: &session,
                slot,
                name,
                place,
                text,
            };
            self.sent(&seen, id)
        });
        let mut of_field = |field: &Field| {
            let name = edit::name(field);
            let place = format!(
                "operation {id}, request {} {}",
                field.part.name(),
                field.pointer
            );
            let slot = Slot::of(name);
            let text = &field.text;
            self.sent(
                &Seen {
                    session: &session,
                    slot,
                    name,
                    place,
                    text,
                },
                id,
            )
        };
        let target = matcher::of_target(&request.target);
        if let Some(target) = edit::text(&request.target, &target, &mut of_field) {
            request.target = target;
        }
        if request.body.cut().is_none() && !coding::is_coded(&request.headers) {
            let fields = matcher::of_content(&request.headers, request.body.bytes());
            edit::body(&mut request.body, &fields, &mut of_field);
        }
    }

    fn response(&mut self, operation: &mut Operation) {
        let (session, id) = (operation.session.clone(), operation.id);
        let plain = coding::plain(&operation.response);
        let response = &mut operation.response;
        response.headers = edit::headers(&response.headers, |field, cookie, text| {
            let (slot, name) = expected(field, cookie)?;
            let place = format!("operation {id}, response header {field}{}", of(cookie));
            let seen = Seen {
                session: &session,
                slot,
                name,
                place,
                text,
            };
            self.given(&seen)
        });
        if response.body.cut().is_some() {
            return;
        }
        let fields = matcher::of_content(&plain.headers, plain.body.bytes());
        let mut body = plain.body.clone();
        let changed = edit::body(&mut body, &fields, &mut |field| {
            let place = format!("operation {id}, response body {}", field.pointer);
            self.in_content(&session, field, place)
        });
        if changed == edit::Changed::Yes {
            if coding::is_coded(&response.headers) {
                let coded = |(name, _): &(&str, &[u8])| {
                    name.eq_ignore_ascii_case("content-encoding")
                        || name.eq_ignore_ascii_case("content-length")
                };
                let fields = response.headers.iter().filter(|field| !coded(field));
                response.headers = fields.collect();
            }
            response.body = body;
        }
    }

    fn notification(&mut self, notification: &mut Notification) {
        let (session, id) = (notification.session.clone(), notification.id);
        if notification.data.cut().is_some() {
            return;
        }
        let none = crate::exchange::Headers::new();
        let fields = matcher::of_content(&none, notification.data.bytes());
        edit::body(&mut notification.data, &fields, &mut |field| {
            let place = format!("notification {id}, {}", field.pointer);
            self.in_content(&session, field, place)
        });
    }

    /// What stands in place of a value in what the service says.
    fn in_content(&mut self, session: &Session, field: &Field, place: String) -> Option<String> {
        let name = edit::name(field);
        let seen = Seen {
            session,
            slot: Slot::of(name),
            name,
            place,
            text: &field.text,
        };
        placeholder::classify(name)?;
        self.given(&seen)
    }

    /// What stands in place of a value that the service gives.
    fn given(&mut self, seen: &Seen<'_>) -> Option<String> {
        let Seen {
            session,
            slot,
            name,
            text,
            ..
        } = seen;
        let kind = placeholder::classify(name);
        let (range, why) = match placeholder::find(text) {
            Some((range, _)) => (range, Why::Looks((*text).to_owned())),
            None if self.shared.holds(slot, text) => (0..text.len(), Why::Shared),
            None => return None,
        };
        let key = ((*session).clone(), slot.clone());
        let known = self.held.get(&key).cloned();
        let value = match known {
            Some(value) => value,
            // Nobody hands out passwords; what a client has said comes by the way above.
            None if kind == Some(Kind::Password) => return None,
            None => {
                let what = format!("stand-in {slot}");
                let stand_in = StandIn {
                    session: (*session).clone(),
                    what,
                };
                let value = stand_in.text(0);
                self.held.insert(key, value.clone());
                self.done.given.push(stand_in);
                value
            }
        };
        if let Some(kind) = kind {
            let values = self.kinds.entry(((*session).clone(), kind)).or_default();
            values.insert(value.clone());
        }
        if why == Why::Shared {
            let key = ((*session).clone(), (*text).to_owned());
            self.apart.insert(key, value.clone());
        }
        self.take(seen, why, Instead::StandIn);
        Some(edit::with(text, range, &value))
    }

    /// What stands in place of a value that a client sent.
    fn sent(&mut self, seen: &Seen<'_>, id: OperationId) -> Option<String> {
        let Seen {
            session,
            slot,
            name,
            text,
            place,
        } = seen;
        let bare = text.split_once(' ').map_or(*text, |(_, rest)| rest);
        let apart = self.apart.get(&((*session).clone(), bare.to_owned()));
        if let Some(value) = apart.cloned() {
            return Some(edit::with(
                text,
                text.len() - bare.len()..text.len(),
                &value,
            ));
        }
        let (range, certainty) = placeholder::find(text)?;
        let kind = placeholder::classify(name);
        let cookie = matches!(slot, Slot::Cookie(_));
        let expected = kind.is_some()
            || cookie
            || match certainty {
                Certainty::Word => false,
                Certainty::Perhaps => edit::is_segment(place),
                Certainty::Surely => true,
            };
        if !expected {
            return None;
        }
        let key = ((*session).clone(), slot.clone());
        let held = self
            .held
            .get(&key)
            .filter(|value| !self.done.any.contains(*value));
        let of_kind = || {
            let values = self.kinds.get(&((*session).clone(), kind?))?;
            values.first().filter(|_| values.len() == 1)
        };
        let why = Why::Looks((*text).to_owned());
        if let Some(value) = held.or_else(of_kind).cloned() {
            self.take(seen, why, Instead::StandIn);
            return Some(edit::with(text, range, &value));
        }
        let digest = blake3::hash(format!("{session} {id} {place}").as_bytes()).to_hex();
        let digits: String = digest.chars().take(ANY_DIGITS).collect();
        let value = format!("{ANY}{digits}");
        self.done.any.insert(value.clone());
        self.held.insert(key, value.clone());
        self.take(seen, why, Instead::Anything);
        Some(edit::with(text, range, &value))
    }

    fn take(&mut self, seen: &Seen<'_>, why: Why, instead: Instead) {
        self.done.taken.push(Taken {
            session: seen.session.clone(),
            place: seen.place.clone(),
            why,
            instead,
        });
    }
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

/// What a header field, or a cookie in it, is known as; `None` where no secret is expected there.
fn expected<'a>(field: &'a str, cookie: Option<&'a str>) -> Option<(Slot, &'a str)> {
    match cookie {
        Some(cookie) if OWN_COOKIES.contains(&cookie) => None,
        Some(cookie) => Some((Slot::Cookie(cookie.to_owned()), cookie)),
        None => placeholder::classify(field).map(|_| (Slot::of(field), field)),
    }
}

fn of(cookie: Option<&str>) -> String {
    cookie
        .map(|cookie| format!(" {cookie}"))
        .unwrap_or_default()
}
