//! What was found on a page becomes the events of a tape.
//!
//! Here is decided what a page leaves open: which session calls, which channel a notification comes
//! on, what stands for a response that was not shown. Each such decision that the page does not
//! make itself is a notice or a repair.

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::{
    Body, End, Headers, Micros, Notification, NotificationId, Operation, OperationId, Repair,
    Request, Response, Session,
};
use crate::normalizer::{self, Layout, Mending, Options};
use crate::tape::Event;

use super::block::Block;
use super::line::Place;
use super::outline::{Outline, Pushed, Sample, Section};
use super::target::{self, Channel};
use super::{ImportError, Notice, Remarks, Settings, contract, envelope, table};

/// The session of the agent who calls, and of notifications whose heading names nobody.
const CALLER: &str = "agent1";

/// The status of a response whose page shows only its body.
const OK: u16 = 200;

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

/// The page that is being read.
struct Source<'a> {
    name: &'a str,
    text: &'a str,
    repairs: Vec<Repair>,
    notices: Vec<Notice>,
}

/// A sample that was read.
struct Json {
    text: String,
    repairs: Vec<Repair>,
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
            let sampled = events.iter().find_map(|event| match event {
                Event::Operation(operation) => Some(operation.request.method.clone()),
                Event::Contract(_) | Event::Notification(_) | Event::Fact(_) => None,
            });
            if let (Some(url), Some(method)) = (&section.url, section.method.clone().or(sampled)) {
                let contract = contract::contract(&method, url, &rows);
                self.events.push(Event::Contract(contract));
            } else {
                let place = section.table.first().map(super::line::Line::start);
                source.notice(
                    place,
                    "no Request URL stands above this table, so it becomes no contract",
                );
            }
        }
        self.events.append(&mut events);
        Ok(())
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
        let pushed = sample
            .notifications
            .iter()
            .map(|pushed| {
                let json = source.read(&pushed.block)?;
                Ok(Read { pushed, json })
            })
            .collect::<Result<Vec<_>, ImportError>>()?;
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
            source.notice(
                sample.place(),
                format!("the page shows no body for this {method}"),
            );
        }
        repairs.extend(body.iter().flat_map(|json| json.repairs.clone()));
        repairs.extend(response.iter().flat_map(|json| json.repairs.clone()));
        source.repairs.extend(repairs.iter().cloned());
        let id = OperationId(self.next_id());
        let channel = self.channel(&target, &pushed, sample, source);
        let operation = Operation {
            id,
            session: Session::new(sample.session.clone().unwrap_or_else(|| CALLER.to_owned())),
            at: Micros(0),
            answered: Micros(0),
            request: Request {
                method,
                target,
                headers: headers(&sample.headers),
                body: content(body),
            },
            response: answer(sample, response, source),
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
            if let Some(ordinal) = pushed.ordinal.filter(|_| pushed.nth == 0) {
                let last = ordinals
                    .insert(session.clone(), ordinal)
                    .unwrap_or_default();
                if ordinal != last + 1 {
                    source.notice(
                        Some(pushed.block.place),
                        format!("the heading counts this as number {ordinal} of {session}, behind number {last}; it stays where the page has it"),
                    );
                }
            }
            let unpacked = envelope::unpack(&json.text);
            if unpacked.replies > 0 {
                source.notice(
                    Some(pushed.block.place),
                    format!(
                        "{} replies to the client's own Bayeux messages are left out",
                        unpacked.replies
                    ),
                );
            }
            source.repairs.extend(json.repairs.iter().cloned());
            // A sample's repairs stay together, with the first message that it holds.
            let mut repairs = json.repairs;
            for message in unpacked.messages {
                let notification = Notification {
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

impl Source<'_> {
    fn notice(&mut self, place: Option<Place>, message: impl Into<String>) {
        let place = place.unwrap_or(Place { line: 1, column: 1 });
        self.notices.push(Notice {
            line: place.line,
            column: place.column,
            message: message.into(),
        });
    }

    /// Reads a sample, with every place moved to where it stands on the page.
    fn read(&mut self, block: &Block) -> Result<Json, ImportError> {
        let options = Options {
            mending: Mending::Repair,
            layout: Layout::Compact,
        };
        match normalizer::normalize(&block.text(), options) {
            Ok(normalized) => {
                for notice in &normalized.notices {
                    let place = block.place(notice.line, notice.column);
                    self.notice(Some(place), notice.change());
                }
                let repairs = normalized.repairs.into_iter().map(|repair| {
                    let place = block.place(repair.line, repair.column);
                    Repair {
                        line: place.line,
                        column: place.column,
                        was: repair.was,
                        became: repair.became,
                        why: repair.why,
                    }
                });
                Ok(Json {
                    repairs: repairs.collect(),
                    text: normalized.json,
                })
            }
            Err(unreadable) => {
                let place = block.place(unreadable.line, unreadable.column);
                let text = self.text.lines().nth(place.line.saturating_sub(1));
                Err(ImportError::Unreadable {
                    page: self.name.to_owned(),
                    line: place.line,
                    column: place.column,
                    message: unreadable.message,
                    text: text.unwrap_or_default().to_owned(),
                })
            }
        }
    }

    /// The response that a sample shows: the first that tells of success, or else the first.
    fn response(&mut self, sample: &Sample) -> Result<Option<Json>, ImportError> {
        let mut read = Vec::new();
        for block in &sample.responses {
            read.push((block.place, self.read(block)?));
        }
        let chosen = read.iter().position(|(_, json)| succeeds(&json.text));
        let chosen = chosen.unwrap_or_default();
        for (place, _) in read
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != chosen)
            .map(|(_, read)| read)
        {
            self.notices.push(Notice {
                line: place.line,
                column: place.column,
                message: "a request has one response; this sample is left out".to_owned(),
            });
        }
        Ok(read.into_iter().nth(chosen).map(|(_, json)| json))
    }
}

/// Whether a response's `statusCode`, if it has one, says that all went well.
fn succeeds(json: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Status {
        #[serde(rename = "statusCode")]
        code: Option<u64>,
    }
    serde_json::from_str::<Status>(json).is_ok_and(|status| status.code.unwrap_or_default() == 0)
}

/// The rows that a page lacks to make a request of.
fn missing(section: Option<&Section>) -> &'static str {
    let has = |found: fn(&Section) -> bool| section.is_some_and(found);
    match (
        has(|section| section.url.is_some()),
        has(|section| section.method.is_some()),
    ) {
        (true, _) => "`HTTP Method` row",
        (_, true) => "`Request URL` row",
        _ => "`Request URL` and `HTTP Method` rows",
    }
}

/// The method and the target of a sample's request, and what was mended to have them. `shown` are
/// the samples around it.
fn request(
    section: &Section,
    sample: &Sample,
    shown: &[&str],
    source: &mut Source<'_>,
) -> Option<(String, String, Vec<Repair>)> {
    let mut repairs = Vec::new();
    let (method, mut target, place) = if let Some(request) = &sample.request {
        let place = request.target_place;
        if let Some((was, why)) = &request.mended {
            repairs.push(repair(place, was, &request.target, why));
        }
        (request.method.clone(), request.target.clone(), place)
    } else {
        let (method, url) = (section.method.clone()?, section.url.clone()?);
        let place = sample.place().unwrap_or(Place { line: 1, column: 1 });
        source.notice(
            Some(place),
            format!("the page shows no request line; `{method} {url}` is taken from its table"),
        );
        (method, url, place)
    };
    if let Some(whole) = target::with_root(&target, section.url.as_deref()) {
        let why = "the page's Request URL has this API root";
        repairs.push(repair(place, &target, &whole, why));
        target = whole;
    }
    for (collection, placeholder) in target::placeholders(&target) {
        let found = target::identifiers(&collection, shown);
        let mut found = found.iter();
        match (found.next(), found.next()) {
            (Some(only), None) => {
                let was = format!("/{collection}/{placeholder}");
                let became = format!("/{collection}/{only}");
                let why = format!("the only member of {collection} in the samples");
                target = target.replacen(&was, &became, 1);
                repairs.push(repair(place, &was, &became, &why));
            }
            (None, _) => source.notice(
                Some(place),
                format!("no sample tells what {placeholder} stands for; it is kept as it is"),
            ),
            (Some(one), Some(other)) => source.notice(
                Some(place),
                format!(
                    "{placeholder} may stand for {one}, {other} or another; it is kept as it is"
                ),
            ),
        }
    }
    Some((method, target, repairs))
}

fn repair(place: Place, was: &str, became: &str, why: &str) -> Repair {
    Repair {
        line: place.line,
        column: place.column,
        was: was.to_owned(),
        became: became.to_owned(),
        why: why.to_owned(),
    }
}

fn answer(sample: &Sample, json: Option<Json>, source: &mut Source<'_>) -> Response {
    let mut headers = headers(&sample.response_headers);
    if json.is_none() {
        source.notice(
            sample.place(),
            "the page shows no response; an empty one with status 200 stands for it",
        );
    } else if headers.get("content-type").is_none() {
        headers.push("content-type", "application/json");
    }
    Response {
        status: sample.status.unwrap_or(OK),
        headers,
        body: content(json),
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
