//! Goes through the messages of a tape in the order of time, and puts values that work into each.
//!
//! What looks like a placeholder is told in [`super::placeholder`].

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::{Notification, Operation, OperationId, Session, coding};
use crate::matcher::{self, Field};

use super::placeholder::{self, Certainty, Kind};
use super::shared::Shared;
use super::{Instead, OWN_COOKIES, Slot, StandIn, StandIns, Taken, Why, edit};

/// How the mark begins that stands for a value which clients bring with them.
const ANY: &str = "any-value-";

/// How many hexadecimal digits follow.
const ANY_DIGITS: usize = 16;

/// What one walk through a tape knows.
pub(super) struct Walk<'a> {
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

impl<'a> Seen<'a> {
    /// A value in a header field of a message, or in a cookie of that; `None` where none is expected there.
    fn in_header(
        session: &'a Session,
        (id, message): (OperationId, &str),
        (field, cookie): (&'a str, Option<&'a str>),
        text: &'a str,
    ) -> Option<Seen<'a>> {
        let (slot, name) = expected(field, cookie)?;
        let place = format!("operation {id}, {message} header {field}{}", of(cookie));
        Some(Seen {
            session,
            slot,
            name,
            place,
            text,
        })
    }
}

impl Walk<'_> {
    /// One that has seen nothing yet of a tape that shares these values.
    pub(super) fn begin(shared: &Shared) -> Walk<'_> {
        Walk {
            shared,
            held: BTreeMap::new(),
            kinds: BTreeMap::new(),
            apart: BTreeMap::new(),
            done: StandIns::default(),
        }
    }

    /// What was put in.
    pub(super) fn end(self) -> StandIns {
        self.done
    }

    pub(super) fn request(&mut self, operation: &mut Operation) {
        let (session, id) = (operation.session.clone(), operation.id);
        let request = &mut operation.request;
        request.headers = edit::headers(&request.headers, |field, cookie, text| {
            let seen = Seen::in_header(&session, (id, "request"), (field, cookie), text)?;
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

    pub(super) fn response(&mut self, operation: &mut Operation) {
        let (session, id) = (operation.session.clone(), operation.id);
        let plain = coding::plain(&operation.response);
        let response = &mut operation.response;
        response.headers = edit::headers(&response.headers, |field, cookie, text| {
            let seen = Seen::in_header(&session, (id, "response"), (field, cookie), text)?;
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

    pub(super) fn notification(&mut self, notification: &mut Notification) {
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
