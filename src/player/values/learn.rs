//! Reads a tape in the order of time, and finds what clients chose and where it comes again.
//!
//! A value is chosen where a request has it, its session has not seen it before, and the service has
//! not said it to anybody.

mod asked;
mod texts;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::exchange::{Headers, Notification, Operation};
use crate::matcher::{self, Field, Part, Spelling};

use super::super::plan::narrow;
use super::super::standin::StandIn;
use super::digests::Digests;
use super::echoes::{Echo, Message};
use super::searched::{content, digests, header};
use super::secret::{Nature, Secrets};
use super::within::{self, Found};
use super::{Choice, Reach, Values};
use texts::{Sought, Texts};

/// Reads one tape into the values of a plan.
pub(in crate::player) struct Learner<'a> {
    values: &'a mut Values,
    /// The choices of this tape by their text.
    by_text: Texts,
    /// Where choices stand: many stand at places of the same name.
    pointers: BTreeSet<Arc<str>>,
    /// Which session has sent or heard what.
    seen: Digests,
    /// What the service has said.
    said: Digests,
    secrets: &'a Secrets,
}

/// The digest of a value with who has sent or heard it.
fn by(session: usize, digest: u64) -> u64 {
    // Any odd number would do that leaves no two sessions close to each other.
    let session = (session as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (digest ^ session).rotate_left(17)
}

/// Where a value comes from: whose message it is, what that came of, and who sent it.
struct Source<'a> {
    session: usize,
    causes: &'a [usize],
    reach: Reach,
}

impl<'a> Learner<'a> {
    pub(in crate::player) fn new(
        values: &'a mut Values,
        secrets: &'a Secrets,
        given: &[StandIn],
    ) -> Self {
        let mut learner = Learner {
            values,
            by_text: Texts::default(),
            pointers: BTreeSet::new(),
            seen: Digests::default(),
            said: Digests::default(),
            secrets,
        };
        for stand_in in given {
            learner.give(stand_in);
        }
        learner
    }

    /// Reads the response of an operation.
    pub(in crate::player) fn response(
        &mut self,
        place: usize,
        session: usize,
        operation: &Operation,
    ) {
        let response = &operation.response;
        let mut message = Message::default();
        let (body, bytes) = content(&response.headers, &response.body);
        let source = Source {
            session,
            causes: &[place],
            reach: Reach::Service,
        };
        for field in &body {
            self.meet(field, &bytes, &source, &mut message.body);
        }
        let mut seen = body;
        for (fields, found) in [
            (&response.headers, &mut message.headers),
            (&response.trailers, &mut message.trailers),
        ] {
            for (number, (name, value)) in fields.iter().enumerate() {
                let Some(field) = header(name, value) else {
                    continue;
                };
                let mut echoes = Vec::new();
                self.meet(&field, value, &source, &mut echoes);
                if !echoes.is_empty() {
                    found.push((number, echoes));
                }
                seen.push(field);
            }
        }
        self.see(session, seen.iter());
        self.say(seen.iter());
        self.values.responses.note(place, &message);
    }

    /// Reads a notification, which came of these operations.
    pub(in crate::player) fn notification(
        &mut self,
        place: usize,
        session: usize,
        causes: &[usize],
        notification: &Notification,
    ) {
        let (channel, data) = (&notification.channel, &notification.data);
        let mut message = Message::default();
        let mut seen = Vec::new();
        let source = Source {
            session,
            causes,
            reach: Reach::Service,
        };
        let target = (
            matcher::of_target(channel),
            Cow::Borrowed(channel.as_bytes()),
        );
        for ((fields, bytes), echoes) in [
            (target, &mut message.target),
            (content(&Headers::new(), data), &mut message.body),
        ] {
            for field in &fields {
                self.meet(field, &bytes, &source, echoes);
            }
            seen.extend(fields);
        }
        self.see(session, seen.iter());
        self.say(seen.iter());
        self.values.notifications.note(place, &message);
    }

    /// Notes what the service gives in place of a placeholder.
    fn give(&mut self, stand_in: &StandIn) {
        let text = stand_in.text(0);
        let choice = self.values.choices.len();
        self.values.choices.push(Choice {
            operation: u32::MAX,
            session: u32::MAX,
            pointer: "".into(),
            start: 0,
            length: narrow(text.len()),
            text: text.into(),
            part: Part::Body,
            spelling: Spelling::Plain,
            reach: Reach::Service,
            nature: Nature::Given,
        });
        self.by_text.note(choice, &self.values.choices);
        self.values.note_given(choice, stand_in.clone());
    }

    /// Notes where choices come again in a value of these bytes: as the whole of it, which is returned, or
    /// within it.
    fn meet(
        &mut self,
        field: &Field,
        bytes: &[u8],
        source: &Source<'_>,
        echoes: &mut Vec<Echo>,
    ) -> Option<usize> {
        let mut met = Vec::new();
        let mut spelling = field.spelling;
        let mut whole = None;
        let origin = self.origin(&field.text, &field.pointer, spelling, source);
        if let Some(choice) = origin {
            whole = Some(choice);
            // A whole document that comes back is the client's own, marks and all.
            if spelling == Spelling::Markup {
                spelling = Spelling::Plain;
            }
            met.push((field.range.clone(), choice, spelling));
        } else {
            within::look(field, bytes, &mut |inner| {
                let origin = self.origin(inner.text, inner.pointer, inner.spelling, source);
                let Some(choice) = origin else {
                    return Found::No;
                };
                met.push((inner.range, choice, inner.spelling));
                Found::Yes
            });
        }
        for (range, choice, spelling) in met {
            if let Some(choice) = self.values.choices.get_mut(choice) {
                choice.reach = choice.reach.max(source.reach);
            }
            echoes.push(Echo {
                range,
                choice,
                spelling,
            });
        }
        whole
    }

    /// Which choice a value is that comes again.
    fn origin(
        &self,
        text: &str,
        pointer: &str,
        spelling: Spelling,
        source: &Source<'_>,
    ) -> Option<usize> {
        let sought = Sought {
            text,
            pointer,
            spelling,
            source,
        };
        self.by_text.best(sought, &self.values.choices)
    }

    /// Notes what a session has sent or heard.
    fn see<'f>(&mut self, session: usize, fields: impl Iterator<Item = &'f Field>) {
        for digest in fields.flat_map(digests) {
            self.seen.insert(by(session, digest));
            self.values.known.add(digest);
        }
    }

    /// Notes what the service has said.
    fn say<'f>(&mut self, fields: impl Iterator<Item = &'f Field>) {
        self.said.extend(fields.flat_map(digests));
    }
}
