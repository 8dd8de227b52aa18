//! The values that clients chose themselves, such as an identifier or a nickname: where on the tapes
//! each was chosen, where it comes again, and what a live client chose in its place.
//!
//! What a live value is compared with, and whether it may stand for the recorded one, is decided in
//! [`super::stage`].

mod digests;
mod echoes;
mod learn;
mod places;
mod repeats;
mod searched;
pub(super) mod secret;
mod shape;
mod splice;
mod within;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::exchange::{Body, Headers, Notification, Request, Response, coding};
use crate::matcher::{Part, Spelling};

use super::plan::wide;
use digests::{Known, digest};
use echoes::{Echo, Echoes};
use places::Spans;

pub(super) use learn::Learner;
pub(super) use searched::{brings_choices, may_bring_choices};

/// The values of a plan's tapes. They do not change while a run goes on.
#[derive(Debug, Default)]
pub(super) struct Values {
    choices: Vec<Choice>,
    /// The choices that an operation's request makes.
    made: Spans,
    requests: Echoes,
    responses: Echoes,
    /// The target of a notification is its channel.
    notifications: Echoes,
    known: Known,
    /// The choices that differ between repeats of one operation.
    varied: BTreeSet<usize>,
    /// Where clients sent secrets, and what the service gives in place of placeholders.
    seats: secret::Seats,
}

/// A value that a request brought into the conversation. There may be one for every request of a long tape: what
/// is never large is small, and what many have is shared.
#[derive(Debug)]
pub(super) struct Choice {
    operation: u32,
    session: u32,
    pointer: Arc<str>,
    text: Box<str>,
    start: u32,
    length: u32,
    part: Part,
    spelling: Spelling,
    reach: Reach,
    nature: secret::Nature,
}

/// Where a choice comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Nowhere.
    Nowhere,
    /// In later requests only.
    Requests,
    /// In what the service says.
    Service,
}

/// The number of a choice among the values of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChoiceId(usize);

/// What live clients chose in a run, by what was chosen on the tape.
#[derive(Clone, Debug, Default)]
pub(super) struct Bound(BTreeMap<usize, String>);

impl Choice {
    /// Its bytes in its part of the request.
    fn range(&self) -> Range<usize> {
        let start = wide(self.start);
        start..start + wide(self.length)
    }
}

impl Bound {
    /// Whether there is no live value.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The live value of a choice.
    pub(super) fn get(&self, ChoiceId(choice): ChoiceId) -> Option<&str> {
        self.0.get(&choice).map(String::as_str)
    }

    /// Binds a choice to its live value.
    pub(super) fn bind(&mut self, ChoiceId(choice): ChoiceId, live: String) {
        self.0.insert(choice, live);
    }
}

impl Values {
    /// The choice that an operation's request makes at this place.
    pub(super) fn choice(&self, operation: usize, part: Part, pointer: &str) -> Option<ChoiceId> {
        self.of_operation(operation)
            .find(|(_, choice)| choice.part == part && &*choice.pointer == pointer)
            .map(|(id, _)| id)
    }

    /// The header fields of an operation's request whose values come again, with those values.
    pub(super) fn header_choices(
        &self,
        operation: usize,
    ) -> impl Iterator<Item = (ChoiceId, &str, &str)> {
        let of_header = |(id, choice): (ChoiceId, &'_ Choice)| {
            let own = choice.nature == secret::Nature::Own;
            let there = own && choice.part == Part::Header && self.comes_again(id);
            there.then_some(id)
        };
        self.of_operation(operation)
            .filter_map(of_header)
            .filter_map(|id| {
                let choice = self.choices.get(id.0)?;
                let name = choice.pointer.strip_prefix('/')?;
                Some((id, name, &*choice.text))
            })
    }

    /// Whether a choice comes again, so that a live value must take its place there.
    pub(super) fn comes_again(&self, ChoiceId(choice): ChoiceId) -> bool {
        self.choices
            .get(choice)
            .is_some_and(|choice| match choice.reach {
                Reach::Nowhere => false,
                Reach::Requests => shape::is_made(&choice.text),
                Reach::Service => true,
            })
    }

    /// Whether a choice differs between the recorded repeats of its operation, and never comes again.
    pub(super) fn varies(&self, ChoiceId(choice): ChoiceId) -> bool {
        self.varied.contains(&choice)
    }

    /// Whether a choice that never comes again says with what something shall be done, and not what.
    pub(super) fn is_free(&self, ChoiceId(choice): ChoiceId) -> bool {
        self.choices.get(choice).is_some_and(|choice| {
            let names = choice.part != Part::Path && !shape::selects(&choice.pointer);
            names || shape::is_made(&choice.text)
        })
    }

    /// Whether an operation may be called at another path than the recorded one: if a client may choose
    /// a value in it or has a secret there, or what was chosen elsewhere comes again there.
    pub(super) fn may_move(&self, operation: usize) -> bool {
        let repeats = self.requests.at(operation);
        let repeats = repeats.is_some_and(|message| !message.target.is_empty());
        let chosen = |(id, choice): (ChoiceId, &Choice)| {
            let open = self.comes_again(id) || self.varies(id) || self.is_free(id);
            choice.part == Part::Path && open
        };
        let mut choices = self.of_operation(operation);
        let secret = self.seats(operation).iter();
        let mut secret = secret.filter(|seat| seat.part == Part::Path);
        // What is free may differ with `--lenient` alone, which a plan does not know.
        repeats || choices.any(chosen) || secret.next().is_some()
    }

    /// Whether this value stands anywhere on the tapes.
    pub(super) fn knows(&self, text: &str) -> bool {
        self.known.contains(digest(text))
    }

    /// The recorded request with the live values in it; `None` where none is.
    pub(super) fn request(
        &self,
        operation: usize,
        recorded: &Request,
        bound: &Bound,
    ) -> Option<Request> {
        let message = self.requests.at(operation)?;
        let target = splice::text(&recorded.target, &message.target, bound);
        let body = splice::bytes(recorded.body.bytes(), &message.body, bound);
        if target.is_none() && body.is_none() {
            return None;
        }
        Some(Request {
            target: target.unwrap_or_else(|| recorded.target.clone()),
            body: body.map_or_else(|| recorded.body.clone(), Body::new),
            ..recorded.clone()
        })
    }

    /// The recorded response with the live values in it; `None` where there is no place for any.
    pub(super) fn response(
        &self,
        operation: usize,
        recorded: &Response,
        bound: &Bound,
    ) -> Option<Response> {
        let message = self.responses.at(operation)?;
        let mut response = recorded.clone();
        if !message.headers.is_empty() {
            response.headers = splice_headers(&recorded.headers, &message.headers, bound);
        }
        if !message.trailers.is_empty() {
            response.trailers = splice_headers(&recorded.trailers, &message.trailers, bound);
        }
        if splice::is_any_bound(&message.body, bound) {
            let plain = coding::plain(&response);
            if let Some(body) = splice::bytes(plain.body.bytes(), &message.body, bound) {
                response = Response {
                    body: Body::new(body),
                    ..plain
                };
            }
        }
        Some(response)
    }

    /// The channel of a notification with the live values in it; `None` where none is.
    pub(super) fn channel(
        &self,
        notification: usize,
        recorded: &str,
        bound: &Bound,
    ) -> Option<String> {
        let message = self.notifications.at(notification)?;
        splice::text(recorded, &message.target, bound)
    }

    /// The channel and the data of a notification with the live values in them; `None` where none is.
    pub(super) fn notification<'a>(
        &self,
        notification: usize,
        recorded: &'a Notification,
        bound: &Bound,
    ) -> Option<(Cow<'a, str>, Bytes)> {
        let message = self.notifications.at(notification)?;
        let channel = self.channel(notification, &recorded.channel, bound);
        let data = splice::bytes(recorded.data.bytes(), &message.body, bound);
        (channel.is_some() || data.is_some()).then(|| {
            let channel = channel.map_or(Cow::Borrowed(recorded.channel.as_str()), Cow::Owned);
            let data = data.unwrap_or_else(|| recorded.data.bytes().clone());
            (channel, data)
        })
    }

    /// Must be called when all tapes were read. Forgets the echoes of choices for which no live value can ever
    /// stand: of those there are as many as messages, where clients say the same over and over.
    pub(super) fn tidy(&mut self) {
        let can_be_bound = |(place, choice): (usize, &Choice)| {
            choice.nature != secret::Nature::Own || self.comes_again(ChoiceId(place))
        };
        let bindable: Vec<bool> = self.choices.iter().enumerate().map(can_be_bound).collect();
        let is_kept = |choice: usize| bindable.get(choice).copied().unwrap_or_default();
        for messages in [
            &mut self.requests,
            &mut self.responses,
            &mut self.notifications,
        ] {
            messages.tidy(&is_kept);
        }
        self.choices.shrink_to_fit();
        self.made.sort();
        self.known.sort();
    }

    fn of_operation(&self, operation: usize) -> impl Iterator<Item = (ChoiceId, &Choice)> {
        let range = self.made.at(operation);
        let first = range.start;
        let choices = self.choices.get(range).unwrap_or_default();
        let numbered = choices.iter().enumerate();
        numbered.map(move |(place, choice)| (ChoiceId(first + place), choice))
    }
}

fn splice_headers(recorded: &Headers, echoes: &[(usize, Vec<Echo>)], bound: &Bound) -> Headers {
    let field = |(number, (name, value)): (usize, (&str, &[u8]))| {
        let here = echoes.iter().find(|(field, _)| *field == number);
        let spliced = here
            .and_then(|(_, echoes)| splice::bytes(&Bytes::copy_from_slice(value), echoes, bound))
            // What can't travel in a header field stays as it was recorded.
            .filter(|value| http::HeaderValue::from_bytes(value).is_ok());
        let value = spliced.map_or_else(|| value.to_vec(), |spliced| spliced.to_vec());
        (name.to_owned(), value)
    };
    recorded.iter().enumerate().map(field).collect()
}
