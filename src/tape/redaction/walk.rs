//! An event, gone through message by message: what stands in each is edited in its place.
//!
//! How texts and header fields are gone through stands in [`super::text`] and [`super::fields`].

use std::borrow::Cow;

use bytes::Bytes;

use crate::exchange::coding;
use crate::exchange::{
    Body, Carrier, CauseBy, Contract, Cut, Fact, Headers, Notification, Operation, Repair,
    ServerSent, Session, What,
};
use crate::tape::Event;

use super::spelling::Spelling;
use super::{Edit, Part, Place, Rules};

/// What is gone through, and by which rules.
pub(super) struct Walk<'a> {
    pub(super) rules: &'a Rules,
    pub(super) edit: &'a mut dyn Edit,
    pub(super) depth: usize,
    part: Part,
}

/// What the content of a message is, by what its header says.
enum Content<'a> {
    Form,
    Parts(&'a str),
    Octets,
    Text,
}

impl<'a> Walk<'a> {
    pub(super) fn new(rules: &'a Rules, edit: &'a mut dyn Edit) -> Self {
        Walk {
            rules,
            edit,
            depth: 0,
            part: Part::Fact,
        }
    }

    pub(super) fn place(&self, path: &str) -> Place {
        Place {
            part: self.part,
            path: path.to_owned(),
        }
    }

    pub(super) fn event(&mut self, event: &mut Event) {
        match event {
            Event::Contract(contract) => self.contract(contract),
            Event::Operation(operation) => self.operation(operation),
            Event::Notification(notification) => self.notification(notification),
            Event::Fact(fact) => self.fact(fact),
            Event::Gap(_) => {} // the recorder's own words
        }
    }

    /// A text that stands alone.
    pub(super) fn alone(&mut self, text: &mut String) {
        if let Some(new) = self.text("text", text) {
            *text = new;
        }
        self.known(text);
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

    fn operation(&mut self, operation: &mut Operation) {
        self.session(&mut operation.session);
        self.part = Part::Request;
        let request = &mut operation.request;
        self.target(&mut request.target);
        self.headers(&mut request.headers);
        self.headers(&mut request.trailers);
        self.body(&mut request.headers, &mut request.body);
        self.part = Part::Response;
        let response = &mut operation.response;
        self.headers(&mut response.headers);
        self.headers(&mut response.trailers);
        self.body(&mut response.headers, &mut response.body);
        self.repairs(&mut operation.repairs);
    }

    fn notification(&mut self, notification: &mut Notification) {
        self.session(&mut notification.session);
        self.part = Part::Notification;
        self.target(&mut notification.channel);
        self.body(&mut Headers::new(), &mut notification.data);
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
                self.target(endpoint);
                self.known(client);
            }
            What::Subscribe(channel) | What::Unsubscribe(channel) => self.target(channel),
            What::Disconnect | What::Acknowledge => {}
            What::Comment { text, .. } => self.alone(text),
            What::Ping(control) | What::Pong(control) => {
                if let Some(new) = self.octets("body", &Content::Text, &control.payload) {
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

    /// A target, or what is like one: a path, and a query.
    fn target(&mut self, target: &mut String) {
        let (path, query) = target
            .split_once('?')
            .map_or((target.as_str(), None), |(path, query)| (path, Some(query)));
        let segments: Vec<String> = path
            .split('/')
            .map(|segment| self.segment(segment))
            .collect();
        let mut new = segments.join("/");
        if let Some(query) = query {
            new.push('?');
            let edited = self.form("query ", query);
            new.push_str(edited.as_deref().unwrap_or(query));
        }
        self.known(&mut new);
        *target = new;
    }

    fn segment(&mut self, segment: &str) -> String {
        let new = self.text("path", segment);
        let source = new.as_deref().unwrap_or(segment);
        match self.rest(&Spelling::Percent.read(source)) {
            Some(known) => Spelling::Percent.write(source, &known),
            None => source.to_owned(),
        }
    }

    /// The content of a message. Where its coding had to be taken off, it stays off.
    fn body(&mut self, headers: &mut Headers, body: &mut Body) {
        if body.is_empty() {
            return;
        }
        let named = headers.get("content-type").unwrap_or_default();
        let named = String::from_utf8_lossy(named).into_owned();
        let content = Content::of(&named);
        let coded = coding::is_coded(headers);
        let plain = match coded
            .then(|| coding::decoded_beginning(headers, body))
            .flatten()
        {
            Some(plain) => Cow::Owned(plain),
            None => Cow::Borrowed(body.bytes().as_ref()),
        };
        let Some(new) = self.octets("body", &content, &plain) else {
            return;
        };
        let was = plain.len();
        if coded && matches!(plain, Cow::Owned(_)) {
            strip_coding(headers, new.len(), body.cut().is_none());
        } else if was != new.len() {
            strip_length(headers, new.len());
        }
        *body = match body.cut() {
            None => Body::new(new),
            Some(cut) => Body::beginning(new, self.cut(cut.clone())),
        };
    }

    /// What is known of the whole of a body whose beginning was changed: not its digest, by which a
    /// guess at what stood there could be tried.
    fn cut(&mut self, cut: Cut) -> Cut {
        match cut {
            Cut::Unseen => Cut::Unseen,
            Cut::Passed { length, digest } => {
                let place = self.place("body digest");
                let (name, hex) = digest.split_once(':').unwrap_or(("blake3", &digest));
                let new = self.edit.secret(&place, hex);
                let digest = format!("{name}:{}", new.as_deref().unwrap_or(hex));
                Cut::Passed { length, digest }
            }
        }
    }

    /// Content of any kind. What is no UTF-8 is read octet by octet where it should be text.
    fn octets(&mut self, path: &str, content: &Content<'_>, octets: &[u8]) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(octets);
        let new = match (content, text) {
            (Content::Octets, _) => None,
            // No text in an encoding of octets has one.
            (_, Err(_)) if octets.contains(&0) => None,
            (_, Ok(text)) => self.content(path, content, text).map(String::into_bytes),
            (_, Err(_)) => {
                let text: String = octets.iter().copied().map(char::from).collect();
                let new = self.content(path, content, &text);
                new.map(|new| {
                    new.chars()
                        .map(|c| u8::try_from(c).unwrap_or(b'?'))
                        .collect()
                })
            }
        };
        let known = self.edit.other(new.as_deref().unwrap_or(octets));
        known.or(new)
    }

    fn content(&mut self, path: &str, content: &Content<'_>, text: &str) -> Option<String> {
        match content {
            Content::Form => self.form(&format!("{path} /"), text),
            Content::Parts(boundary) => self.parts(path, boundary, text),
            Content::Text | Content::Octets => self.text(path, text),
        }
    }

    /// The parts of a form (RFC 7578).
    fn parts(&mut self, path: &str, boundary: &str, text: &str) -> Option<String> {
        let mark = format!("--{boundary}");
        let mut changed = false;
        let parts: Vec<String> = text
            .split(&mark)
            .map(|part| match self.part_of_form(path, part) {
                Some(new) => {
                    changed = true;
                    new
                }
                None => part.to_owned(),
            })
            .collect();
        changed.then(|| parts.join(&mark))
    }

    fn part_of_form(&mut self, path: &str, part: &str) -> Option<String> {
        let gap = if part.contains("\r\n\r\n") {
            "\r\n\r\n"
        } else {
            "\n\n"
        };
        let (head, value) = part.split_once(gap)?;
        let value = value.strip_suffix('\n').unwrap_or(value);
        let value = value.strip_suffix('\r').unwrap_or(value);
        let lower = head.to_ascii_lowercase();
        let field = lower
            .lines()
            .find_map(|line| line.strip_prefix("content-type:"));
        let content = Content::of(field.unwrap_or_default().trim());
        if matches!(content, Content::Octets) {
            return None;
        }
        let start = lower
            .find("name=\"")
            .map_or(head.len(), |at| at + "name=\"".len());
        let name = head.get(start..)?.split('"').next().unwrap_or_default();
        let new = self.named(&format!("{path} /{name}"), name, value)?;
        let rest = part.get(head.len() + gap.len() + value.len()..)?;
        Some(format!("{head}{gap}{new}{rest}"))
    }

    /// Puts in what is known already.
    fn known(&mut self, text: &mut String) {
        if let Some(new) = self.rest(text) {
            *text = new;
        }
    }
}

impl Content<'_> {
    fn of(kind: &str) -> Content<'_> {
        let (name, parameters) = kind.split_once(';').unwrap_or((kind, ""));
        let name = name.trim().to_ascii_lowercase();
        let binary = ["image/", "audio/", "video/", "font/", "application/grpc"];
        let octets = [
            "application/octet-stream",
            "application/pdf",
            "application/zip",
            "application/wasm",
        ];
        if name == "application/x-www-form-urlencoded" {
            return Content::Form;
        }
        if name.starts_with("multipart/")
            && let Some((_, boundary)) = parameters.split_once("boundary=")
        {
            let boundary = boundary.trim_start_matches('"');
            return Content::Parts(boundary.split(['"', ';']).next().unwrap_or_default().trim());
        }
        let svg = name.starts_with("image/svg");
        if !svg && binary.iter().any(|kind| name.starts_with(kind))
            || octets.contains(&name.as_str())
        {
            return Content::Octets;
        }
        Content::Text
    }
}

fn strip_coding(headers: &mut Headers, length: usize, is_whole: bool) {
    let fields = headers
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    let mut new: Headers = fields.collect();
    std::mem::swap(headers, &mut new);
    if is_whole {
        strip_length(headers, length);
    }
}

/// Gives the length that the content has now, where one stands there.
fn strip_length(headers: &mut Headers, length: usize) {
    let fields = headers.iter().map(|(name, value)| {
        let is_length = name.eq_ignore_ascii_case("content-length");
        let value = if is_length {
            length.to_string().into_bytes()
        } else {
            value.to_owned()
        };
        (name.to_owned(), value)
    });
    *headers = fields.collect();
}
