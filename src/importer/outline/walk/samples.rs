//! The lines under the headings of the samples: cuts the samples out and files each under its heading.
//!
//! Headings and request lines have been read before; here is what is left.

use crate::importer::block::{self, Block};
use crate::importer::heading::{Outcome, Role};
use crate::importer::line::Line;
use crate::importer::request_line::{self, RequestLine};

use super::super::Pushed;
use super::super::marks::{
    behind_or, is_placeholder, is_scalar, not_a_sample, not_there, status_line,
};
use super::{Alternative, Walk};

impl Walk<'_> {
    /// Takes a line among the samples that is neither heading nor request line.
    pub(super) fn sample_line(
        &mut self,
        line: &Line,
        lines: &[Line],
        next: usize,
    ) -> (Option<Line>, usize) {
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
            if is_scalar(text) && self.role.is_some() {
                self.notice(line.start(), not_a_sample(text));
            }
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

    fn lacks_body(&self) -> bool {
        let request = self.sample.request.as_ref();
        let takes_one =
            |request: &RequestLine| matches!(request.method.as_str(), "POST" | "PUT" | "PATCH");
        self.sample.body.is_none() && request.is_some_and(takes_one)
    }
}
