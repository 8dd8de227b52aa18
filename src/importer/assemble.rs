//! What was found on a page becomes the events of a tape.
//!
//! Here is decided what a page leaves open: which session calls, which channel a notification comes
//! on, what stands for a response that was not shown. Each such decision that the page does not
//! make itself is a notice or a repair.

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::{
    Body, Carrier, End, Form, Headers, Micros, Notification, NotificationId, Operation,
    OperationId, Request, Response, Session,
};
use crate::tape::Event;

use super::line::Line;
use super::outline::{Outline, Pushed, Sample, Section};
use super::request::{missing, request};
use super::source::{Json, Source};
use super::table::Row;
use super::target::{self, Channel};
use super::{ImportError, Remarks, Settings, contract, envelope, table};

/// The session of the agent who calls, and of notifications whose heading names nobody.
const CALLER: &str = "agent1";

/// The status of a response whose page shows only its body.
pub(super) const OK: u16 = 200;

/// A tape in the making.
pub(super) struct Assembly<'a> {
    pub(super) events: Vec<Event>,
    pub(super) titles: Vec<String>,
    pub(super) remarks: Vec<Remarks>,
    settings: &'a Settings,
    /// Beside the first operation's target.
    endpoint: Option<String>,
    last_id: u64,
}

/// A message that a page shows, read.
struct Read<'a> {
    pushed: &'a Pushed,
    json: Json,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Assembly {
            events: Vec::new(),
            titles: Vec::new(),
            remarks: Vec::new(),
            settings,
            endpoint: None,
            last_id: 0,
        }
    }

    /// The path of the Bayeux endpoint.
    pub(super) fn endpoint(&self) -> String {
        let asked = self.settings.endpoint.clone();
        asked
            .or_else(|| self.endpoint.clone())
            .unwrap_or_else(|| target::endpoint(""))
    }

    /// Adds what one page holds.
    pub(super) fn add(
        &mut self,
        name: &str,
        text: &str,
        title: Option<String>,
        outline: Outline,
    ) -> Result<(), ImportError> {
        let mut source = Source {
            name,
            text,
            repairs: Vec::new(),
            notices: outline.notices,
        };
        let before = self.events.len();
        for section in &outline.sections {
            self.section(section, &mut source)?;
        }
        if self.events.len() == before {
            return Err(ImportError::NoRequest {
                page: name.to_owned(),
                missing: missing(outline.sections.first()),
            });
        }
        self.titles
            .push(title.unwrap_or_else(|| super::base_name(name).to_owned()));
        source.notices.sort();
        self.remarks.push(Remarks {
            page: name.to_owned(),
            repairs: source.repairs,
            notices: source.notices,
        });
        Ok(())
    }

    fn section(&mut self, section: &Section, source: &mut Source<'_>) -> Result<(), ImportError> {
        let mut events = Vec::new();
        let mut keys = BTreeSet::new();
        for sample in &section.samples {
            self.sample(section, sample, source, &mut events, &mut keys)?;
        }
        if section.samples.is_empty() && section.url.is_some() && section.method.is_some() {
            self.sample(section, &Sample::default(), source, &mut events, &mut keys)?;
        }
        if events.is_empty() {
            return Ok(());
        }
        let rows = table::rows(&section.table, &keys);
        if !rows.is_empty() {
            self.contract(section, &rows, &events, source);
        }
        self.events.append(&mut events);
        Ok(())
    }

    /// Adds the contract of a parameter table. What no row of the page names is taken from the
    /// request that it shows.
    fn contract(
        &mut self,
        section: &Section,
        rows: &[Row],
        events: &[Event],
        source: &mut Source<'_>,
    ) {
        let first = events.iter().find_map(|event| match event {
            Event::Operation(operation) => Some(&operation.request),
            Event::Contract(_) | Event::Notification(_) | Event::Fact(_) | Event::Gap(_) => None,
        });
        let Some(first) = first else { return };
        let method = section.method.as_ref().unwrap_or(&first.method);
        let path = section.url.clone().unwrap_or_else(|| {
            let path = shown_path(section, &first.target);
            let table = section.table.iter().find(|line| !line.is_blank());
            source.notice(
                table.map(Line::start),
                format!(
                    "no Request URL row tells whose parameters these are; `{method} {path}` is \
                     taken from the request"
                ),
            );
            path
        });
        let contract = contract::contract(method, &path, rows);
        self.events.push(Event::Contract(contract));
    }

    /// Adds a request with what came of it, and the keys of its body to `keys`.
    fn sample(
        &mut self,
        section: &Section,
        sample: &Sample,
        source: &mut Source<'_>,
        events: &mut Vec<Event>,
        keys: &mut BTreeSet<String>,
    ) -> Result<(), ImportError> {
        let body = sample
            .body
            .as_ref()
            .map(|body| source.read(body))
            .transpose()?;
        let response = source.response(sample)?;
        let mut pushed = Vec::new();
        for notification in &sample.notifications {
            pushed.push(Read {
                pushed: notification,
                json: source.read(&notification.block)?,
            });
        }
        let mut shown: Vec<&str> = pushed.iter().map(|read| read.json.text.as_str()).collect();
        shown.extend(response.as_ref().map(|json| json.text.as_str()));
        shown.extend(body.as_ref().map(|json| json.text.as_str()));
        let Some((method, target, mut repairs)) = request(section, sample, &shown, source) else {
            return Err(ImportError::NoRequest {
                page: source.name.to_owned(),
                missing: missing(Some(section)),
            });
        };
        if self.endpoint.is_none() {
            self.endpoint = Some(target::endpoint(&target));
        }
        if let Some(body) = &body {
            keys.extend(
                envelope::members(&body.text)
                    .into_iter()
                    .flatten()
                    .map(|(key, _)| key),
            );
        }
        if body.is_none() && matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
            let message = format!("the page shows no body for this {method}");
            source.notice(sample.place(), message);
        }
        let read = body.iter().chain(&response);
        repairs.extend(read.flat_map(|json| json.repairs.clone()));
        source.repairs.extend(repairs.iter().cloned());
        let id = OperationId(self.next_id());
        let channel = self.channel(&target, &pushed, sample, source);
        let operation = Operation {
            form: Form::Exchange,
            id,
            session: Session::new(sample.session.clone().unwrap_or_else(|| CALLER.to_owned())),
            at: Micros(0),
            answered: Micros(0),
            request: Request {
                method,
                target,
                headers: headers(&sample.headers),
                body: content(body),
                trailers: Headers::new(),
            },
            response: answer(sample, response),
            end: End::Complete,
            repairs,
        };
        events.push(Event::Operation(operation));
        self.notifications(pushed, id, &channel, source, events);
        Ok(())
    }

    fn notifications(
        &mut self,
        pushed: Vec<Read<'_>>,
        cause: OperationId,
        channel: &str,
        source: &mut Source<'_>,
        events: &mut Vec<Event>,
    ) {
        let mut ordinals: BTreeMap<String, usize> = BTreeMap::new();
        for Read { pushed, json } in pushed {
            let session = pushed.actor.clone().unwrap_or_else(|| CALLER.to_owned());
            if pushed.nth == 0 {
                let last = ordinals.entry(session.clone()).or_default();
                let due = *last + 1;
                let ordinal = pushed.ordinal.unwrap_or(due);
                *last = ordinal;
                if ordinal != due {
                    let message = format!(
                        "the heading makes this number {ordinal} of {session}, where number {due} \
                         is due; it stays where the page has it"
                    );
                    source.notice(Some(pushed.block.place), message);
                }
            }
            let unpacked = envelope::unpack(&json.text);
            if unpacked.replies > 0 {
                source.notice(
                    Some(pushed.block.place),
                    match unpacked.replies {
                        1 => "1 reply to the client's own Bayeux messages is left out".to_owned(),
                        many => {
                            format!(
                                "{many} replies to the client's own Bayeux messages are left out"
                            )
                        }
                    },
                );
            }
            source.repairs.extend(json.repairs.iter().cloned());
            // A sample's repairs stay together, with the first message that it holds.
            let mut repairs = json.repairs;
            for message in unpacked.messages {
                let notification = Notification {
                    carrier: Carrier::Bayeux,
                    id: NotificationId(self.next_id()),
                    session: Session::new(session.clone()),
                    at: Micros(0),
                    channel: message.channel.unwrap_or_else(|| channel.to_owned()),
                    after: vec![cause],
                    cause_by: None,
                    data: Body::new(message.data),
                    repairs: std::mem::take(&mut repairs),
                };
                events.push(Event::Notification(notification));
            }
        }
    }

    /// The channel of notifications whose sample names none.
    fn channel(
        &self,
        target: &str,
        pushed: &[Read<'_>],
        sample: &Sample,
        source: &mut Source<'_>,
    ) -> String {
        if let Some(channel) = &self.settings.channel {
            return channel.clone();
        }
        match target::channel(target) {
            Channel::Named(channel) => channel,
            Channel::Guessed(channel) => {
                let needed = pushed.iter().any(|read| {
                    let unpacked = envelope::unpack(&read.json.text);
                    unpacked
                        .messages
                        .iter()
                        .any(|message| message.channel.is_none())
                });
                if needed {
                    source.notice(
                        sample.place(),
                        format!(
                            "the URL names no channel; {channel} is taken (--channel says another)"
                        ),
                    );
                }
                channel
            }
        }
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

/// The path of the requests that a section shows: that of `target`, with names in braces where a
/// sample writes them.
fn shown_path(section: &Section, target: &str) -> String {
    let path = |target: &str| target.split('?').next().unwrap_or_default().to_owned();
    let exact = path(target);
    let mut shown = section
        .samples
        .iter()
        .filter_map(|sample| sample.request.as_ref())
        .map(|request| path(&request.target));
    shown
        .find(|shown| target::generalises(shown, &exact))
        .unwrap_or(exact)
}

/// The response that a sample shows, or an empty one in its place: a status line and header fields
/// are of the response that was left out.
fn answer(sample: &Sample, json: Option<Json>) -> Response {
    let is_left_out = json.is_none() && !sample.responses.is_empty();
    if is_left_out {
        return Response {
            status: OK,
            headers: Headers::default(),
            body: Body::default(),
            trailers: Headers::new(),
        };
    }
    let mut headers = headers(&sample.response_headers);
    if json.is_some() && headers.get("content-type").is_none() {
        headers.push("content-type", "application/json");
    }
    Response {
        status: sample.status.unwrap_or(OK),
        headers,
        body: content(json),
        trailers: Headers::new(),
    }
}

fn headers(fields: &[(String, String)]) -> Headers {
    fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn content(json: Option<Json>) -> Body {
    json.map_or_else(Body::default, |json| Body::new(json.text))
}
