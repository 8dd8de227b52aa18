//! Walks down the lines of a page and sorts what stands there: the rows of its tables, and under
//! which heading each sample was found.
//!
//! Nothing is read here; a sample is still lines, and a heading has done no more than to say whose
//! it is. What it all becomes is decided in [`super::assemble`].

use super::Notice;
use super::block::{self, Block};
use super::heading::{self, Heading, Outcome, Part, Role};
use super::line::{Line, Place};
use super::request_line::{self, RequestLine};
use super::table::{self, Fact};

/// What a page holds.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Mostly one; a page may describe several operations one after the other.
    pub(super) sections: Vec<Section>,
    /// What was left out, and why.
    pub(super) notices: Vec<Notice>,
}

/// One operation as a page describes it, with its samples.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// The URL of its requests.
    pub(super) url: Option<String>,
    /// Their method.
    pub(super) method: Option<String>,
    /// The lines of the parameter table.
    pub(super) table: Vec<Line>,
    /// The samples, in order.
    pub(super) samples: Vec<Sample>,
}

/// A request with what came of it.
#[derive(Debug, Default)]
pub(super) struct Sample {
    /// The session whose request it is, where the heading says so.
    pub(super) session: Option<String>,
    pub(super) request: Option<RequestLine>,
    /// The header fields under the request line.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Block>,
    /// The status, where the page shows one.
    pub(super) status: Option<u16>,
    /// The header fields of the response.
    pub(super) response_headers: Vec<(String, String)>,
    pub(super) responses: Vec<Block>,
    pub(super) notifications: Vec<Pushed>,
}

/// The sample of a notification.
#[derive(Debug)]
pub(super) struct Pushed {
    pub(super) block: Block,
    /// The session of its heading.
    pub(super) actor: Option<String>,
    pub(super) ordinal: Option<usize>,
    /// How many samples stand before it under the same heading.
    pub(super) nth: usize,
}

/// The outline of a page whose furniture is gone.
pub(super) fn outline(lines: &[Line], title: &str) -> Outline {
    let mut walk = Walk::new(title);
    let mut next = 0;
    let mut rest: Option<Line> = None;
    while let Some(line) = rest.take().or_else(|| {
        let line = lines.get(next).cloned();
        next += 1;
        line
    }) {
        (rest, next) = walk.step(line, lines, next);
    }
    walk.finish()
}

impl Sample {
    fn is_empty(&self) -> bool {
        self.request.is_none() && self.body.is_none() && !self.is_answered()
    }

    fn is_answered(&self) -> bool {
        !self.responses.is_empty() || !self.notifications.is_empty()
    }

    /// Where it begins.
    pub(super) fn place(&self) -> Option<Place> {
        let blocks = self.body.iter().chain(&self.responses);
        self.request
            .as_ref()
            .map(|request| request.place)
            .or_else(|| blocks.map(|block| block.place).next())
            .or_else(|| self.notifications.first().map(|pushed| pushed.block.place))
    }
}

/// Words that stand where a sample should be.
const PLACEHOLDERS: &[&str] = &[
    "missing",
    "n/a",
    "na",
    "none",
    "tbd",
    "tba",
    "todo",
    "to do",
    "to be added",
    "to be defined",
    "to be provided",
    "to be done",
    "not available",
    "not applicable",
    "coming soon",
    "no sample",
    "no notification",
    "no notifications",
    "no response",
    "empty",
];

/// Which part of the page the walk is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zone {
    /// Before the tables and between them.
    Prose,
    /// In the parameter table.
    Table,
    /// Under a heading of the samples.
    Samples,
}

/// Whether a line is a heading.
enum Headed {
    /// With what follows on the line.
    Yes(Option<Line>),
    No,
}

/// Whether what comes next is the second of two requests that `or` joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alternative {
    No,
    /// The word `or` was read.
    Awaited,
    /// The request line of the alternative was read; its body is still to come.
    Begun,
}

struct Walk<'a> {
    title: &'a str,
    zone: Zone,
    role: Option<Role>,
    /// Whether a heading said the role, or only the request line did.
    headed: bool,
    outcome: Option<Outcome>,
    actor: Option<String>,
    ordinal: Option<usize>,
    /// How many notifications stand under the present heading.
    under_heading: usize,
    alternative: Alternative,
    sample: Sample,
    section: Section,
    outline: Outline,
}

impl<'a> Walk<'a> {
    fn new(title: &'a str) -> Self {
        Walk {
            title,
            zone: Zone::Prose,
            role: None,
            headed: false,
            outcome: None,
            actor: None,
            ordinal: None,
            under_heading: 0,
            alternative: Alternative::No,
            sample: Sample::default(),
            section: Section::default(),
            outline: Outline::default(),
        }
    }

    /// Takes a line, and with a sample the lines from `next` on that belong to it. Gives what is
    /// left of the line and where to go on.
    fn step(&mut self, line: Line, lines: &[Line], next: usize) -> (Option<Line>, usize) {
        if line.is_blank() {
            if self.zone == Zone::Table {
                self.section.table.push(line);
            }
            return (None, next);
        }
        if let Headed::Yes(rest) = self.heading(&line) {
            return (rest, next);
        }
        if let Some(request) = request_line::read(&line) {
            return (self.request(request), next);
        }
        if self.fact(&line, lines.get(next..).unwrap_or_default()) {
            return (None, next);
        }
        match self.zone {
            Zone::Prose => (None, next),
            Zone::Table => {
                self.section.table.push(line);
                (None, next)
            }
            Zone::Samples => self.sample_line(&line, lines, next),
        }
    }

    fn finish(mut self) -> Outline {
        self.end_section();
        self.outline
    }

    fn notice(&mut self, place: Place, message: impl Into<String>) {
        self.outline.notices.push(Notice {
            line: place.line,
            column: place.column,
            message: message.into(),
        });
    }

    fn end_sample(&mut self) {
        let sample = std::mem::take(&mut self.sample);
        if !sample.is_empty() {
            self.section.samples.push(sample);
        }
        self.alternative = Alternative::No;
    }

    fn end_section(&mut self) {
        self.end_sample();
        let section = std::mem::take(&mut self.section);
        let is_empty = section.url.is_none()
            && section.method.is_none()
            && section.samples.is_empty()
            && section.table.is_empty();
        if !is_empty {
            self.outline.sections.push(section);
        }
        self.role = None;
    }

    /// Reads a heading, with or without a sample, a request or a placeholder behind it.
    fn heading(&mut self, line: &Line) -> Headed {
        let text = line.text.as_str();
        if let Some(heading) = heading::recognise(text) {
            // In the table, `error` alone on a line is the name of a parameter.
            let is_row =
                self.zone == Zone::Table && text.trim_start().starts_with(char::is_lowercase);
            if is_row {
                return Headed::No;
            }
            self.enter(heading);
            return Headed::Yes(None);
        }
        if table::is_header(text.trim()) && text.trim().contains(char::is_whitespace) {
            self.enter(Heading::Parameters);
            return Headed::Yes(None);
        }
        if self.zone == Zone::Table {
            return Headed::No;
        }
        let brace = text.find(['{', '[']);
        let request = request_line::find(text);
        let colon = text.find(':').map(|colon| colon + 1);
        for at in [request, brace, colon].into_iter().flatten() {
            let (head, tail) = line.split(at);
            let Some(Heading::Part(part)) = heading::recognise(&head.text) else {
                continue;
            };
            // Behind the colon of `Response: The status is …` stands prose.
            if Some(at) == colon
                && !is_placeholder(tail.trimmed())
                && block::start(&tail.text).is_none()
            {
                continue;
            }
            self.enter(Heading::Part(part));
            return Headed::Yes(Some(tail));
        }
        Headed::No
    }

    fn enter(&mut self, heading: Heading) {
        match heading {
            Heading::Parameters => {
                if self.zone == Zone::Samples && !self.sample.is_empty() {
                    self.end_section();
                }
                self.zone = Zone::Table;
            }
            Heading::Sample => {
                self.end_sample();
                self.zone = Zone::Samples;
                self.role = None;
                self.outcome = None;
                self.actor = None;
                self.ordinal = None;
            }
            Heading::Part(part) => self.enter_part(part),
        }
    }

    fn enter_part(&mut self, part: Part) {
        self.zone = Zone::Samples;
        self.under_heading = 0;
        let Some(role) = part.role else {
            self.outcome = part.outcome;
            self.actor = part.actor.or(self.actor.take());
            // Only an answer succeeds or fails.
            if self.role == Some(Role::Request) && self.sample.request.is_some() {
                self.role = Some(Role::Response);
            }
            return;
        };
        let is_plain = part.actor.is_none() && part.ordinal.is_none();
        if part.outcome.is_some() || is_plain || self.role != Some(role) {
            self.outcome = part.outcome;
        }
        if role == Role::Request {
            if self.alternative == Alternative::No {
                if self.sample.is_answered() || self.sample.request.is_some() {
                    self.end_sample();
                }
                self.sample.session.clone_from(&part.actor);
            }
        } else {
            self.alternative = Alternative::No;
        }
        self.role = Some(role);
        self.headed = true;
        self.actor = part.actor;
        self.ordinal = part.ordinal;
    }

    /// Takes a request line; gives what follows on its line.
    fn request(&mut self, mut request: RequestLine) -> Option<Line> {
        let rest = request.rest.take();
        if self.alternative == Alternative::Awaited {
            self.leave_alternative(request.place);
            self.alternative = Alternative::Begun;
            return rest;
        }
        if self.sample.request.is_some() || self.sample.is_answered() {
            self.end_sample();
        }
        if self.role != Some(Role::Request) {
            self.headed = false;
            self.outcome = None;
        }
        self.zone = Zone::Samples;
        self.role = Some(Role::Request);
        self.alternative = Alternative::No;
        self.sample.headers = std::mem::take(&mut request.headers);
        self.sample.request = Some(request);
        rest
    }

    fn lacks_body(&self) -> bool {
        let request = self.sample.request.as_ref();
        let takes_one =
            |request: &RequestLine| matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
        self.sample.body.is_none() && request.is_some_and(takes_one)
    }

    fn leave_alternative(&mut self, place: Place) {
        self.notice(
            place,
            "the page offers this request instead of the one above; the tape holds the one above, \
             since only one of them is sent",
        );
    }

    /// Reads a row that names the URL or the method; whether the line is one.
    fn fact(&mut self, line: &Line, following: &[Line]) -> bool {
        let Some(fact) = table::fact(line, following) else {
            return false;
        };
        if !self.sample.is_empty() || !self.section.samples.is_empty() {
            self.end_section();
        }
        self.zone = Zone::Prose;
        match fact {
            Fact::Url(url) => {
                if self.section.url.is_some() {
                    self.end_section();
                }
                self.section.url = Some(url);
            }
            Fact::Method(method) => self.section.method = Some(method),
        }
        true
    }

    /// Takes a line among the samples that is neither heading nor request line.
    fn sample_line(&mut self, line: &Line, lines: &[Line], next: usize) -> (Option<Line>, usize) {
        let text = line.trimmed();
        let joins = self.role == Some(Role::Request) && !self.sample.is_empty();
        if let Some(rest) = behind_or(line).filter(|_| joins) {
            self.alternative = Alternative::Awaited;
            return (Some(rest), next);
        }
        if self.head_line(text) {
            return (None, next);
        }
        if is_placeholder(text) && self.role.is_some() {
            self.notice(line.start(), not_there(text));
            return (None, next);
        }
        let Some(at) = block::start(&line.text) else {
            return (None, next);
        };
        let first = next.saturating_sub(1);
        let cut = block::cut(line.split(at).1, lines, first, self.title);
        for footer in &cut.footers {
            let message = format!("`{}` is taken for a footer and left out", footer.trimmed());
            self.notice(footer.start(), message);
        }
        self.block(cut.block);
        (cut.rest, cut.next)
    }

    /// Takes a line of a message's head: a header field, a status line, the rest of a target.
    /// Whether it is one.
    fn head_line(&mut self, text: &str) -> bool {
        let header = request_line::header(text);
        if self.role == Some(Role::Request)
            && self.sample.request.is_some()
            && self.sample.body.is_none()
        {
            if let Some(header) = header {
                self.sample.headers.push(header);
                return true;
            }
            return self
                .sample
                .request
                .as_mut()
                .is_some_and(|request| request.go_on(text));
        }
        if self.role == Some(Role::Response) && self.sample.responses.is_empty() {
            if let Some(status) = status_line(text) {
                self.sample.status = Some(status);
                return true;
            }
            if let Some(header) = header.filter(|_| self.sample.status.is_some()) {
                self.sample.response_headers.push(header);
                return true;
            }
        }
        false
    }

    /// Files a sample under the present heading.
    fn block(&mut self, block: Block) {
        let place = block.place;
        if let Some(words) = block.words() {
            return self.notice(place, not_there(&words));
        }
        match std::mem::replace(&mut self.alternative, Alternative::No) {
            Alternative::No => {}
            Alternative::Awaited => return self.leave_alternative(place),
            // Two request lines may share one body.
            Alternative::Begun if self.lacks_body() => {}
            Alternative::Begun => return,
        }
        if self.outcome == Some(Outcome::Failure) {
            return self.notice(place, "this sample shows a failure and is left out");
        }
        match self.role {
            Some(Role::Request) if self.sample.body.is_none() => self.sample.body = Some(block),
            Some(Role::Request) if !self.headed && block.text().contains("statusCode") => {
                self.notice(
                    place,
                    "no heading stands above this sample; it is read as the response, since it holds a statusCode",
                );
                self.role = Some(Role::Response);
                self.sample.responses.push(block);
            }
            Some(Role::Request) => {
                self.notice(
                    place,
                    "a second sample stands under one request; it is left out",
                );
            }
            Some(Role::Response) => self.sample.responses.push(block),
            Some(Role::Notification) => {
                let pushed = Pushed {
                    block,
                    actor: self.actor.clone(),
                    ordinal: self.ordinal,
                    nth: self.under_heading,
                };
                self.under_heading += 1;
                self.sample.notifications.push(pushed);
            }
            None => self.notice(place, "this sample stands under no heading and is left out"),
        }
    }
}

fn not_there(words: &str) -> String {
    format!("`{words}` stands where a sample should be")
}

/// What follows the word `or` at the start of a line.
fn behind_or(line: &Line) -> Option<Line> {
    let first = line.trimmed().split([' ', '{']).next()?;
    let behind = line.text.find(first)? + first.len();
    request_line::is_or(first).then(|| line.split(behind).1)
}

fn is_placeholder(text: &str) -> bool {
    let bare = heading::undecorated(text)
        .trim_matches(|c: char| c.is_whitespace() || ".()[]<>*-".contains(c))
        .to_lowercase();
    PLACEHOLDERS.contains(&bare.as_str()) || (bare.is_empty() && text.contains("..."))
}

/// The status of a line such as `HTTP/1.1 202 Accepted`.
fn status_line(text: &str) -> Option<u16> {
    let lower = text.to_lowercase();
    let rest = [
        "http/1.1 ",
        "http/1.0 ",
        "http/2 ",
        "http status code",
        "http status",
        "status code:",
    ]
    .iter()
    .find_map(|start| lower.strip_prefix(start))?;
    let code = rest
        .trim_start_matches([':', ' '])
        .split([' ', '.'])
        .next()?;
    code.parse().ok().filter(|code| (100..600).contains(code))
}

#[cfg(test)]
mod tests {
    use super::super::line::lines;
    use super::*;

    /// What was found, in few words.
    fn drawn(text: &str) -> String {
        let outline = outline(&lines(text), "Mute");
        let mut drawn = Vec::new();
        for section in &outline.sections {
            let method = section.method.as_deref().unwrap_or("-");
            drawn.push(format!(
                "{method} {}",
                section.url.as_deref().unwrap_or("-")
            ));
            for sample in &section.samples {
                let request = sample.request.as_ref();
                let target = request.map_or("-", |request| &request.target);
                let body = sample.body.as_ref().map(Block::text).unwrap_or_default();
                drawn.push(format!(" > {target} {body}"));
                for response in &sample.responses {
                    drawn.push(format!(" < {}", response.text()));
                }
                for pushed in &sample.notifications {
                    let actor = pushed.actor.as_deref().unwrap_or("-");
                    let text = pushed.block.text();
                    drawn.push(format!(" ! {actor} {:?} {text}", pushed.ordinal));
                }
            }
        }
        for notice in &outline.notices {
            let Notice {
                line,
                column,
                message,
            } = notice;
            drawn.push(format!("{line}:{column} {message}"));
        }
        drawn.join("\n")
    }

    #[test]
    fn a_page_in_order() {
        insta::assert_snapshot!(drawn("Mute\nRequest URL /api/v2/me/calls/{id}\nHTTP Method POST\nParameters\nParameter Value\nerror\nOptional.\nSample\nRequest\nPOST api/v2/me/calls/7\n{'a': 1}\nResponse\n{'statusCode': 0}\nNotification\nSuccessful\nAgent1 First Notification\n{'b': 1}\nAgent2 First Notification\n{'b': 2}\n{'b': 3}"), @r"
        POST /api/v2/me/calls/{id}
         > /api/v2/me/calls/7 {'a': 1}
         < {'statusCode': 0}
         ! agent1 Some(1) {'b': 1}
         ! agent2 Some(1) {'b': 2}
         ! agent2 Some(1) {'b': 3}
        ");
    }

    #[test]
    fn glued_headings_and_one_line_samples() {
        insta::assert_snapshot!(drawn("Request\nPOST /x { \"a\": { \"b\": 1 } }Response\n{ \"statusCode\": 0 }Notification{ \"c\": 1 }\nSupervisor First Notification: { \"d\": 1 }"), @r#"
        - -
         > /x { "a": { "b": 1 } }
         < { "statusCode": 0 }
         ! - None { "c": 1 }
         ! supervisor Some(1) { "d": 1 }
        "#);
    }

    #[test]
    fn failures_placeholders_and_alternatives_are_left_out() {
        insta::assert_snapshot!(drawn("HTTP Request\nPOST on /me/chats/{id}\n{'a': 1}\nor\n{'a': 2}\nHTTP Response\nSuccess\n{'statusCode': 0}\nFailure\n{'statusCode': an integer value above 0}\nCometD Response\nMissing\nNotification\nFailure\nAgent1 First Notification\n{'lost': 1}\nSecond Notification: { Missing }\n"), @r"
        - -
         > /me/chats/{id} {'a': 1}
         < {'statusCode': 0}
        5:1 the page offers this request instead of the one above; the tape holds the one above, since only one of them is sent
        10:1 this sample shows a failure and is left out
        12:1 `Missing` stands where a sample should be
        16:1 this sample shows a failure and is left out
        17:22 `Missing` stands where a sample should be
        ");
        insta::assert_snapshot!(drawn("Request\nPOST /x\n{'a': 1} or {'a': 2}\nResponse\n{}\nRequest\nPOST /y or POST /z\n{'b': 1}"), @r"
        - -
         > /x {'a': 1}
         < {}
         > /y {'b': 1}
        3:13 the page offers this request instead of the one above; the tape holds the one above, since only one of them is sent
        7:12 the page offers this request instead of the one above; the tape holds the one above, since only one of them is sent
        ");
    }

    #[test]
    fn several_samples_and_sections() {
        insta::assert_snapshot!(drawn("Request URL /a\nSample #1\nRequest\nGET /a\nResponse\nHTTP/1.1 202 Accepted\nX: y\n{'n': 1}\nSample #2\nRequest\nDELETE /a\nRequest URL /b\nPOST /b\n{'c': 1}\n{'statusCode': 0}\n{'d': 1}"), @r"
        - /a
         > /a 
         < {'n': 1}
         > /a 
        - /b
         > /b {'c': 1}
         < {'statusCode': 0}
         < {'d': 1}
        15:1 no heading stands above this sample; it is read as the response, since it holds a statusCode
        ");
    }

    #[test]
    fn a_broken_target_goes_on() {
        assert!(
            drawn("Request\nPOST api/v2/me/chats/\n\n0001aF\n{'a': 1}")
                .contains(" > /api/v2/me/chats/0001aF {'a': 1}")
        );
        assert!(
            drawn("Request\nPOST api/v2/me/chats/\n{\n'a': 1}")
                .contains(" > /api/v2/me/chats/ {\n'a': 1}")
        );
    }
}
