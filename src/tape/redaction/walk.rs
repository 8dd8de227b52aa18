//! An event, gone through message by message: what stands in each is edited in its place.
//!
//! How content, texts and header fields are gone through stands in [`super::content`], [`super::text`] and
//! [`super::fields`].

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::exchange::{
    Body, Carrier, CauseBy, Contract, Fact, Headers, Notification, Operation, Repair, Request,
    Response, ServerSent, Session, What,
};
use crate::tape::Event;

use super::content::Content;
use super::edits::{Edits, Said, put};
use super::seen::{Outcome, Piece};
use super::spelling::Spelling;
use super::{Edit, Part, Rules, Where};

/// What is gone through, and by which rules.
pub(super) struct Walk<'a> {
    pub(super) rules: &'a Rules,
    pub(super) edit: &'a mut dyn Edit,
    pub(super) depth: usize,
    pub(super) known: Known,
    part: Part,
}

/// Where what is known already may stand in the text at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nobody has looked.
    Anywhere,
    /// The whole of which the text is a piece was looked through, and nothing was found.
    Nowhere,
}

impl<'a> Walk<'a> {
    pub(super) fn new(rules: &'a Rules, edit: &'a mut dyn Edit) -> Self {
        Walk {
            rules,
            edit,
            depth: 0,
            known: Known::Anywhere,
            part: Part::Fact,
        }
    }

    pub(super) fn at<'p>(&self, path: &'p dyn fmt::Display) -> Where<'p> {
        Where {
            part: self.part,
            path,
        }
    }

    /// What is put into an event.
    pub(super) fn event(&mut self, event: &Event) -> Edits {
        let mut new = match event {
            Event::Operation(operation) => return self.operation(operation),
            Event::Gap(_) => return Edits::Nothing, // the recorder's own words
            Event::Contract(_) | Event::Notification(_) | Event::Fact(_) => event.clone(),
        };
        match &mut new {
            Event::Contract(contract) => self.contract(contract),
            Event::Notification(notification) => self.notification(notification),
            Event::Fact(fact) => self.fact(fact),
            Event::Operation(_) | Event::Gap(_) => {}
        }
        Edits::Whole(new)
    }

    /// A text that stands alone.
    pub(super) fn alone(&mut self, text: &mut String) {
        let new = self.whole(text, |walk| walk.text(&"text", text));
        put(text, new);
    }

    /// Edits a whole text, and puts in what is known already, wherever that stands.
    pub(super) fn whole(
        &mut self,
        text: &str,
        go: impl FnOnce(&mut Self) -> Option<String>,
    ) -> Option<String> {
        if self.edit.other(text.as_bytes()).is_none() {
            self.known = Known::Nowhere;
        }
        let found = self.known;
        let new = go(self);
        self.known = Known::Anywhere;
        match (new, found) {
            (None, Known::Nowhere) => None,
            (None, Known::Anywhere) => self.rest(text),
            (Some(new), _) => Some(self.rest(&new).unwrap_or(new)),
        }
    }

    /// Goes through what a text says that may be spelled otherwise where it stands.
    #[allow(clippy::ptr_arg)] // whether a text is owned tells whether it is spelled otherwise
    pub(super) fn read<T>(
        &mut self,
        text: &Cow<'_, str>,
        go: impl FnOnce(&mut Self, &str) -> T,
    ) -> T {
        match text {
            Cow::Borrowed(text) => go(self, text),
            Cow::Owned(text) => self.apart(|walk| go(walk, text)),
        }
    }

    /// What takes the place of a piece: what did before, where that holds still, or what `look` finds.
    pub(super) fn again(
        &mut self,
        piece: Piece<'_>,
        look: impl FnOnce(&mut Self) -> Option<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        let Some(knowledge) = self.edit.knowledge() else {
            return look(self);
        };
        if let Some(outcome) = self.edit.seen(piece, knowledge) {
            return match outcome {
                Outcome::Stays => None,
                Outcome::Becomes(new) => Some(new.to_owned()),
            };
        }
        let new = look(self);
        // Where a secret was learned meanwhile, it may stand further up.
        if self.edit.knowledge() == Some(knowledge) {
            self.edit.note(piece, new.as_deref(), knowledge);
        }
        new
    }

    /// Goes through something that does not stand so in what was looked through.
    pub(super) fn apart<T>(&mut self, go: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.known, Known::Anywhere);
        let done = go(self);
        self.known = before;
        done
    }

    fn contract(&mut self, contract: &mut Contract) {
        self.part = Part::Fact;
        self.known(&mut contract.path);
        for parameter in &mut contract.parameters {
            self.known(&mut parameter.text);
            let values = parameter.default.iter_mut().chain(&mut parameter.allowed);
            for value in values {
                self.known(value);
            }
        }
    }

    fn operation(&mut self, operation: &Operation) -> Edits {
        let session = self.edit.name(operation.session.name()).map(Session::new);
        self.part = Part::Request;
        let Request {
            target,
            headers,
            body,
            trailers,
            ..
        } = &operation.request;
        let target = self.target(target);
        let request = self.said(headers, trailers, body);
        self.part = Part::Response;
        let Response {
            headers,
            body,
            trailers,
            ..
        } = &operation.response;
        let response = self.said(headers, trailers, body);
        let repairs = (!operation.repairs.is_empty()).then(|| {
            let mut repairs = operation.repairs.clone();
            self.repairs(&mut repairs);
            repairs
        });
        Edits::Operation {
            session,
            target,
            request,
            response,
            repairs,
        }
    }

    fn said(&mut self, headers: &Headers, trailers: &Headers, body: &Body) -> Said {
        let mut edited = self.headers(headers);
        let trailers = self.headers(trailers);
        let (fields, body) = self
            .body(edited.as_ref().unwrap_or(headers), body)
            .map_or((None, None), |(fields, body)| (fields, Some(body)));
        edited = fields.or(edited);
        Said {
            headers: edited,
            trailers,
            body,
        }
    }

    fn notification(&mut self, notification: &mut Notification) {
        self.session(&mut notification.session);
        self.part = Part::Notification;
        self.target_of(&mut notification.channel);
        let new = self.body(&Headers::new(), &notification.data);
        put(&mut notification.data, new.map(|(_, body)| body));
        match &mut notification.carrier {
            Carrier::Event(event) => self.server_sent(event, &notification.data),
            Carrier::Bayeux | Carrier::Line(_) | Carrier::Message(_) => {}
        }
        match &mut notification.cause_by {
            Some(CauseBy::Reference(value) | CauseBy::Identifier(value)) => self.known(value),
            Some(CauseBy::Session | CauseBy::Unsolicited) | None => {}
        }
        self.repairs(&mut notification.repairs);
    }

    /// What a server-sent event has beside its data, which was edited before.
    fn server_sent(&mut self, event: &mut ServerSent, data: &Body) {
        for text in [&mut event.event, &mut event.id].into_iter().flatten() {
            self.alone(text);
        }
        let Some(written) = &event.written else {
            return;
        };
        let data = String::from_utf8_lossy(data.bytes()).into_owned();
        let mut lines = data.split(['\n', '\r']);
        let mut out = String::new();
        for whole in written.split_inclusive(['\n', '\r']) {
            let line = whole.trim_end_matches(['\n', '\r']);
            let end = whole.get(line.len()..).unwrap_or_default();
            if let Some(rest) = line.strip_prefix("data:") {
                out.push_str("data:");
                out.push_str(if rest.starts_with(' ') { " " } else { "" });
                out.push_str(lines.next().unwrap_or_default());
            } else {
                let mut line = line.to_owned();
                self.alone(&mut line);
                out.push_str(&line);
            }
            out.push_str(end);
        }
        event.written = Some(out);
    }

    fn fact(&mut self, fact: &mut Fact) {
        self.session(&mut fact.session);
        self.part = Part::Fact;
        match &mut fact.what {
            What::Handshake { endpoint, client } => {
                self.target_of(endpoint);
                self.known(client);
            }
            What::Subscribe(channel) | What::Unsubscribe(channel) => self.target_of(channel),
            What::Disconnect | What::Acknowledge => {}
            What::Comment { text, .. } => self.alone(text),
            What::Ping(control) | What::Pong(control) => {
                if let Some(new) = self.octets(&"body", &Content::Text, &control.payload) {
                    control.payload = Bytes::from(new);
                }
            }
            What::Closed(closed) => self.alone(&mut closed.reason),
            What::Was(session) => self.session(session),
        }
    }

    fn session(&mut self, session: &mut Session) {
        if let Some(new) = self.edit.name(session.name()) {
            *session = Session::new(new);
        }
    }

    fn repairs(&mut self, repairs: &mut [Repair]) {
        for repair in repairs {
            self.known(&mut repair.was);
            self.known(&mut repair.became);
        }
    }

    fn target_of(&mut self, target: &mut String) {
        let new = self.target(target);
        put(target, new);
    }

    /// A target, or what is like one: a path, and a query.
    fn target(&mut self, target: &str) -> Option<String> {
        self.whole(target, |walk| {
            let (path, query) = target
                .split_once('?')
                .map_or((target, None), |(path, query)| (path, Some(query)));
            let segments = walk.segments(path);
            let edited = query.and_then(|query| walk.form(&"query ", query));
            if edited.is_none() && segments.is_none() {
                return None;
            }
            let mut new = segments.unwrap_or_else(|| path.to_owned());
            if let Some(query) = query {
                new.push('?');
                new.push_str(edited.as_deref().unwrap_or(query));
            }
            Some(new)
        })
    }

    /// The segments of a path, edited; `None` where all stay.
    fn segments(&mut self, path: &str) -> Option<String> {
        if self.known == Known::Nowhere && self.is_plain_path(path) {
            return None;
        }
        let mut edited: Option<String> = None;
        let mut begins = 0;
        for segment in path.split('/') {
            let new = self.segment(segment);
            if edited.is_none() && matches!(new, Cow::Owned(_)) {
                edited = path.get(..begins).map(str::to_owned);
            }
            begins += segment.len() + 1;
            if let Some(edited) = &mut edited {
                edited.push_str(&new);
                edited.push_str(path.get(begins - 1..begins).unwrap_or_default());
            }
        }
        edited
    }

    fn segment<'t>(&mut self, segment: &'t str) -> Cow<'t, str> {
        let Some(new) = self.text(&"path", segment) else {
            let read = Spelling::Percent.read(segment);
            let known = self.read(&read, Walk::rest);
            return known.map_or(Cow::Borrowed(segment), |known| {
                Cow::Owned(Spelling::Percent.write(segment, &known))
            });
        };
        let known = self.apart(|walk| walk.rest(&Spelling::Percent.read(&new)));
        Cow::Owned(match known {
            Some(known) => Spelling::Percent.write(&new, &known),
            None => new,
        })
    }

    /// Puts in what is known already.
    fn known(&mut self, text: &mut String) {
        if let Some(new) = self.rest(text) {
            *text = new;
        }
    }
}
