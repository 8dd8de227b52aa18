//! What is compared of an event, as one JSON value, and how the event is called.
//!
//! Members that have nothing to say are not there. What may differ is left out on both sides: of an array, and of
//! the segments of a path, `null` stands in its place.

use crate::compare::{Json, Number, token};
use crate::exchange::{
    Body, Carrier, Closed, Contract, Cut, End, Fact, Form, Headers, Notification, Operation,
    Presence, What,
};
use crate::matcher::{Content, Part, parameters};
use crate::tape::Event;

use super::settings::{Said, Settings};

/// What is compared of an event; nothing of one that is not.
pub(super) fn of(event: &Event, settings: &Settings) -> Option<Json> {
    let mut members = Members(Vec::new());
    match event {
        Event::Contract(contract) => members.contract(contract),
        Event::Operation(operation) => members.operation(operation, settings),
        Event::Notification(notification) => members.notification(notification, settings),
        Event::Fact(fact) => members.fact(fact),
        Event::Gap(_) => return None,
    }
    Some(Json::Object(members.0))
}

/// What kind of event it is: those of one kind are the first to be compared where none is alike. Of a path the
/// segments with a digit count as any.
pub(super) fn kind(event: &Event) -> Option<Json> {
    let mut members = Members(Vec::new());
    match event {
        Event::Contract(contract) => members.text("contract", &contract.path),
        Event::Operation(operation) => {
            let request = &operation.request;
            members.text("method", &request.method);
            let path = request.target.split('?').next().unwrap_or_default();
            let segment = |segment: &str| {
                let has_digit = segment.bytes().any(|byte| byte.is_ascii_digit());
                if has_digit {
                    Json::Null
                } else {
                    Json::String(segment.to_owned())
                }
            };
            members.put("path", Json::Array(path.split('/').map(segment).collect()));
        }
        Event::Notification(notification) => {
            members.text("channel", &notification.channel);
            members.carrier(&notification.carrier);
            members
                .0
                .retain(|(name, _)| name != "event_id" && name != "retry");
        }
        Event::Fact(fact) => members.text("fact", name(&fact.what)),
        Event::Gap(_) => return None,
    }
    Some(Json::Object(members.0))
}

/// What an event is called.
pub(super) fn title(event: &Event) -> String {
    match event {
        Event::Contract(Contract { method, path, .. }) => format!("{method} {path}"),
        Event::Operation(operation) => {
            let request = &operation.request;
            format!("{} {}", request.method, request.target)
        }
        Event::Notification(notification) => notification.channel.clone(),
        Event::Fact(fact) => {
            let name = name(&fact.what);
            match &fact.what {
                What::Handshake { endpoint, .. } => format!("{name} {endpoint}"),
                What::Subscribe(channel) | What::Unsubscribe(channel) => {
                    format!("{name} {channel}")
                }
                What::Closed(closed) => format!("{name} by {}", closed.by.name()),
                What::Disconnect
                | What::Acknowledge
                | What::Comment { .. }
                | What::Ping(_)
                | What::Pong(_)
                | What::Was(_) => name.to_owned(),
            }
        }
        Event::Gap(_) => String::new(),
    }
}

fn name(what: &What) -> &'static str {
    match what {
        What::Handshake { .. } => "handshake",
        What::Subscribe(_) => "subscribe",
        What::Unsubscribe(_) => "unsubscribe",
        What::Disconnect => "disconnect",
        What::Acknowledge => "acknowledge",
        What::Comment { .. } => "comment",
        What::Ping(_) => "ping",
        What::Pong(_) => "pong",
        What::Closed(_) => "closed",
        What::Was(_) => "was",
    }
}

fn presence(presence: &Presence) -> String {
    match presence {
        Presence::Mandatory => "mandatory".to_owned(),
        Presence::Optional => "optional".to_owned(),
        Presence::Unless(other) => format!("unless {other}"),
        Presence::OnlyWith(other) => format!("only with {other}"),
        Presence::Unstated => "unstated".to_owned(),
    }
}

/// The members of an object that is made.
struct Members(Vec<(String, Json)>);

impl Members {
    fn put(&mut self, name: &str, value: Json) {
        self.0.push((name.to_owned(), value));
    }

    fn text(&mut self, name: &str, text: &str) {
        self.put(name, Json::String(text.to_owned()));
    }

    fn number(&mut self, name: &str, number: impl Into<u64>) {
        self.put(name, Json::Number(Number::from(number.into())));
    }

    fn contract(&mut self, contract: &Contract) {
        self.text("method", &contract.method);
        self.text("path", &contract.path);
        if let Some(operation) = &contract.operation {
            self.text("operation", operation);
        }
        let parameters = contract.parameters.iter().map(|parameter| {
            let mut row = Members(Vec::new());
            row.text("presence", &presence(&parameter.presence));
            if let Some(default) = &parameter.default {
                row.text("default", default);
            }
            let allowed = parameter.allowed.iter().cloned().map(Json::String);
            row.put("allowed", Json::Array(allowed.collect()));
            row.text("text", &parameter.text);
            (parameter.name.clone(), Json::Object(row.0))
        });
        self.put("parameters", Json::Object(parameters.collect()));
    }

    fn operation(&mut self, operation: &Operation, settings: &Settings) {
        let (request, response) = (&operation.request, &operation.response);
        self.text("method", &request.method);
        let (path, query) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        let segments = path.split('/').map(|text| Json::String(text.to_owned()));
        let asked = Pruned {
            settings,
            said: Said::Request,
        };
        self.pruned(
            &asked,
            "path",
            Part::Path,
            Some(Json::Array(segments.collect())),
        );
        self.pruned(&asked, "query", Part::Query, parameters(query));
        self.headers(&asked, "request_headers", &request.headers);
        self.content(&asked, "request", &request.headers, &request.body);
        self.fields("request_trailers", &request.trailers);
        let answered = Pruned {
            settings,
            said: Said::Back,
        };
        self.number("status", response.status);
        self.headers(&answered, "response_headers", &response.headers);
        self.content(&answered, "response", &response.headers, &response.body);
        self.fields("response_trailers", &response.trailers);
        match operation.form {
            Form::Exchange => {}
            Form::Opens(stream) => self.text("opens", stream.name()),
            Form::Message(on) => self.text("message", on.kind.name()),
        }
        self.end(operation.end);
    }

    fn notification(&mut self, notification: &Notification, settings: &Settings) {
        let pushed = Pruned {
            settings,
            said: Said::Back,
        };
        self.text("channel", &notification.channel);
        self.carrier(&notification.carrier);
        self.content(&pushed, "data", &Headers::new(), &notification.data);
    }

    fn carrier(&mut self, carrier: &Carrier) {
        match carrier {
            Carrier::Bayeux => {}
            Carrier::Event(event) => {
                self.text("event", event.event.as_deref().unwrap_or_default());
                if let Some(id) = &event.id {
                    self.text("event_id", id);
                }
                if let Some(retry) = event.retry {
                    self.number("retry", retry);
                }
            }
            Carrier::Line(_) => self.text("message", "line"),
            Carrier::Message(on) => self.text("message", on.kind.name()),
        }
    }

    fn fact(&mut self, fact: &Fact) {
        let name = name(&fact.what);
        match &fact.what {
            // The identifier of a client is another each time.
            What::Handshake { endpoint, .. } => self.text(name, endpoint),
            What::Subscribe(channel) | What::Unsubscribe(channel) => self.text(name, channel),
            What::Closed(closed) => self.closed(closed),
            What::Disconnect
            | What::Acknowledge
            | What::Comment { .. }
            | What::Ping(_)
            | What::Pong(_)
            | What::Was(_) => self.put(name, Json::Bool(true)),
        }
    }

    fn closed(&mut self, closed: &Closed) {
        self.text("closed", closed.by.name());
        if let Some(code) = closed.code {
            self.number("code", code);
        }
        if !closed.reason.is_empty() {
            self.text("reason", &closed.reason);
        }
        self.end(closed.end);
    }

    fn end(&mut self, end: End) {
        match end {
            End::Complete => {}
            End::Truncated => self.put("truncated", Json::Bool(true)),
        }
    }

    fn content(&mut self, pruned: &Pruned<'_>, name: &str, headers: &Headers, body: &Body) {
        let value = Content::of(headers, body.bytes()).into_value();
        self.pruned(pruned, name, Part::Body, value);
        if let Some(cut) = body.cut() {
            let mut whole = Members(Vec::new());
            if let Cut::Passed { length, digest } = cut {
                whole.number("length", *length);
                whole.text("digest", digest);
            }
            self.put(&format!("{name}_cut"), Json::Object(whole.0));
        }
    }

    /// The header fields that are to be compared.
    fn headers(&mut self, pruned: &Pruned<'_>, name: &str, headers: &Headers) {
        let chosen = &pruned.settings.requests.headers;
        let fields = headers.iter().filter_map(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let value = String::from_utf8_lossy(value).into_owned();
            chosen
                .contains(&name)
                .then_some((name, Json::String(value)))
        });
        let fields: Vec<(String, Json)> = fields.collect();
        let fields = (!fields.is_empty()).then_some(Json::Object(fields));
        self.pruned(pruned, name, Part::Header, fields);
    }

    /// Fields in order, each as `[name, value]`.
    fn fields(&mut self, name: &str, fields: &Headers) {
        if fields.is_empty() {
            return;
        }
        let fields = fields.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value).into_owned();
            Json::Array(vec![Json::String(name.to_owned()), Json::String(value)])
        });
        self.put(name, Json::Array(fields.collect()));
    }

    fn pruned(&mut self, pruned: &Pruned<'_>, name: &str, part: Part, value: Option<Json>) {
        if let Some(value) = value
            && let Some(value) = pruned.value(part, &mut String::new(), value)
        {
            self.put(name, value);
        }
    }
}

/// Values without what may differ in them.
struct Pruned<'a> {
    settings: &'a Settings,
    said: Said,
}

impl Pruned<'_> {
    /// What is left of the value at a place; nothing where it may differ as a whole.
    fn value(&self, part: Part, pointer: &mut String, value: Json) -> Option<Json> {
        if self.settings.ignores(self.said, part, pointer) {
            return None;
        }
        Some(match value {
            Json::Object(members) => {
                let members = members.into_iter().filter_map(|(name, value)| {
                    if self.settings.ignores_name(&name) {
                        return None;
                    }
                    let value = self.below(part, pointer, &name, value)?;
                    Some((name, value))
                });
                Json::Object(members.collect())
            }
            Json::Array(items) => {
                let items = items.into_iter().enumerate().map(|(place, item)| {
                    let item = self.below(part, pointer, &place.to_string(), item);
                    item.unwrap_or(Json::Null)
                });
                Json::Array(items.collect())
            }
            leaf @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_)) => leaf,
        })
    }

    fn below(&self, part: Part, pointer: &mut String, step: &str, value: Json) -> Option<Json> {
        let above = pointer.len();
        pointer.push_str(&token(step));
        let value = self.value(part, pointer, value);
        pointer.truncate(above);
        value
    }
}
