//! The walk down the lines of a page: where it is, and what it has found so far.

mod samples;

use crate::importer::Notice;
use crate::importer::block;
use crate::importer::heading::{self, Heading, Outcome, Part, Role};
use crate::importer::line::{Line, Place};
use crate::importer::request_line::{self, RequestLine, Setting};
use crate::importer::table::{self, Fact};

use super::marks::is_placeholder;
use super::{Outline, Sample, Section};

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

pub(super) struct Walk<'a> {
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
    pub(super) fn new(title: &'a str) -> Self {
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
    pub(super) fn step(
        &mut self,
        line: Line,
        lines: &[Line],
        next: usize,
    ) -> (Option<Line>, usize) {
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
            if self.is_request(&request) {
                return (self.request(request), next);
            }
            if request.setting == Setting::Worded && self.zone != Zone::Table {
                let (method, target) = (&request.method, &request.target);
                let message = format!("`{method} {target}` stands in words and is no sample");
                self.notice(request.place, message);
            }
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

    pub(super) fn finish(mut self) -> Outline {
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

    /// Whether a request line is one, and not only spoken of: it stands alone on its line, or in
    /// words under a heading that says so.
    fn is_request(&self, request: &RequestLine) -> bool {
        let is_headed =
            self.zone == Zone::Samples && self.role == Some(Role::Request) && self.headed;
        match request.setting {
            Setting::Alone => true,
            Setting::Worded => is_headed,
            Setting::Cell => false,
        }
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
}
