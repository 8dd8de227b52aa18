//! Reads requests: what each brings into the conversation, and where its client sent secrets.

use std::sync::Arc;

use crate::exchange::{Headers, Operation, coding};
use crate::matcher::{self, Field};

use super::super::super::plan::narrow;
use super::super::digests::digest;
use super::super::echoes::{Echo, Message};
use super::super::searched::{chosen_headers, content, is_telling, may_come_again};
use super::super::secret::{self, Nature, Seat};
use super::super::{Choice, ChoiceId, Reach};
use super::{Learner, Source, by};

impl Learner<'_> {
    /// Reads the request of an operation.
    pub(in crate::player) fn request(
        &mut self,
        place: usize,
        session: usize,
        operation: &Operation,
    ) {
        let request = &operation.request;
        let mut message = Message::default();
        let target = matcher::of_target(&request.target);
        // What is coded in a request is compared as it is.
        let (body, bytes) = if coding::is_coded(&request.headers) {
            Default::default()
        } else {
            content(&request.headers, &request.body)
        };
        let headers = self.headers(&request.headers);
        let first = self.values.choices.len();
        let source = Source {
            session,
            causes: &[],
            reach: Reach::Requests,
        };
        let asked = request.target.as_bytes();
        let mut inside = Vec::new();
        for (fields, spelled, echoes) in [
            (&target, asked, &mut message.target),
            (&body, &bytes, &mut message.body),
        ] {
            for field in fields {
                inside.extend(self.bring_within(place, field, spelled, &source, echoes));
            }
        }
        for field in &headers {
            let choice = if self.is_new(field, session) {
                self.choose(place, session, field)
            } else {
                self.origin(&field.text, &field.pointer, field.spelling, &source)
            };
            if let Some(choice) = choice {
                self.seat(place, choice, field, None);
            }
        }
        let made = first..self.values.choices.len();
        if !made.is_empty() {
            self.values.made.note(place, &made);
        }
        self.remember(first, &inside);
        let values = target.iter().chain(&body).chain(&headers).chain(&inside);
        self.see(session, values);
        self.values.requests.note(place, &message);
    }

    /// Looks from now on for the choices from this one on, whose text may come again. One in which others stand
    /// is not looked for as a whole.
    fn remember(&mut self, first: usize, inside: &[Field]) {
        for (number, choice) in self.values.choices.iter().enumerate().skip(first) {
            let whole = choice.range();
            let parted = inside.iter().any(|Field { part, range, .. }| {
                *part == choice.part && whole.start < range.start && range.end < whole.end
            });
            let Choice {
                text,
                spelling,
                pointer,
                nature,
                ..
            } = choice;
            let comes = *nature != Nature::Own || may_come_again(*spelling, pointer, text);
            if comes && !parted {
                self.by_text.note(number, &self.values.choices);
            }
        }
    }

    /// Takes a value of a request; or, where that is a string that is JSON with secrets, each value in it, which
    /// are returned.
    fn bring_within(
        &mut self,
        place: usize,
        field: &Field,
        bytes: &[u8],
        source: &Source<'_>,
        echoes: &mut Vec<Echo>,
    ) -> Vec<Field> {
        let inner = self.secrets.beside_secrets(field, bytes);
        if inner.is_empty() {
            self.bring(place, field, bytes, source, echoes);
            return inner;
        }
        if self.is_new(field, source.session) {
            self.choose(place, source.session, field);
        }
        for value in &inner {
            if self.secrets.nature(value) == Nature::Own {
                self.meet(value, bytes, source, echoes);
            } else {
                self.bring(place, value, bytes, source, echoes);
            }
        }
        inner
    }

    /// Takes a value of a request: a new one, or one that comes again.
    fn bring(
        &mut self,
        place: usize,
        field: &Field,
        bytes: &[u8],
        source: &Source<'_>,
        echoes: &mut Vec<Echo>,
    ) {
        if self.is_new(field, source.session) {
            if let Some(choice) = self.choose(place, source.session, field) {
                self.seat(place, choice, field, Some(echoes));
            }
        } else if let Some(choice) = self.meet(field, bytes, source, echoes) {
            self.seat(place, choice, field, None);
        }
    }

    /// Whether nobody can have told a session this value of its request.
    fn is_new(&self, field: &Field, session: usize) -> bool {
        let digest = digest(&field.text);
        !self.seen.contains(&by(session, digest)) && !self.said.contains(&digest)
    }

    /// Notes a value that a request of this operation brings into the conversation; `None` for one from
    /// which nothing can follow, such as a number in a path: there are more of them than of all others.
    fn choose(&mut self, operation: usize, session: usize, field: &Field) -> Option<usize> {
        let nature = self.secrets.nature(field);
        if nature == Nature::Own && !is_telling(field) {
            return None;
        }
        let pointer = self.pointer(&field.pointer);
        self.values.choices.push(Choice {
            operation: narrow(operation),
            session: narrow(session),
            pointer,
            text: field.text.as_str().into(),
            start: narrow(field.range.start),
            length: narrow(field.range.len()),
            part: field.part,
            spelling: field.spelling,
            reach: Reach::Nowhere,
            nature,
        });
        Some(self.values.choices.len() - 1)
    }

    /// The name of a place, which choices at others of the same name share.
    fn pointer(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.pointers.get(name) {
            return Arc::clone(known);
        }
        let pointer: Arc<str> = name.into();
        self.pointers.insert(Arc::clone(&pointer));
        pointer
    }

    /// Notes that a client sent a secret at this place, for which this choice stands. Where it is a new
    /// one, the live secret takes its place in the very request that brings it.
    fn seat(
        &mut self,
        operation: usize,
        choice: usize,
        field: &Field,
        echoes: Option<&mut Vec<Echo>>,
    ) {
        let Nature::Secret(constancy) = self.secrets.nature(field) else {
            return;
        };
        let (part, pointer, text) = (field.part, field.pointer.clone(), field.text.clone());
        if let Some(echoes) = echoes {
            let (range, spelling) = (field.range.clone(), field.spelling);
            echoes.push(Echo {
                range,
                choice,
                spelling,
            });
        }
        let seat = Seat {
            choice: ChoiceId(choice),
            constancy,
            part,
            pointer,
            text,
        };
        self.values.note_seat(operation, seat);
    }

    /// The header fields of a request whose values a client may have made up, or brought with it.
    fn headers(&self, headers: &Headers) -> Vec<Field> {
        let mut fields = chosen_headers(headers);
        fields.retain(|field| self.secrets.nature(field) == Nature::Own);
        let brought = secret::of_headers(headers).into_iter();
        fields.extend(brought.filter(|field| self.secrets.nature(field) != Nature::Own));
        fields
    }
}
