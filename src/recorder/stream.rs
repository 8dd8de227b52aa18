//! Reads the messages out of a response that is a stream, while it passes.

use crate::exchange::{Headers, Response, Stream};
use crate::stream::{Events, Item, Lines, Plain};

use super::tap::Content;

/// A reader of one stream.
pub(super) struct Reader {
    plain: Plain,
    form: Form,
}

enum Form {
    Events(Events),
    Lines(Lines),
    /// What came is not in its content coding: the rest cannot be read.
    Broken,
}

impl Reader {
    /// The reader of a response with this head, and what that opens; `None` where it is whole content,
    /// or has a coding that cannot be taken off as it passes.
    pub(super) fn of(content: Content, status: u16, headers: &Headers) -> Option<(Stream, Reader)> {
        let stream = match content {
            Content::None => None,
            Content::Sent => Stream::of(status, headers),
            Content::Lines => {
                let lines = status == 200 && headers.get("content-length").is_none();
                Stream::of(status, headers).or(lines.then_some(Stream::Lines))
            }
        }?;
        let plain = Plain::of(headers)?;
        let form = match stream {
            Stream::Events => Form::Events(Events::default()),
            Stream::Lines => Form::Lines(Lines::default()),
            Stream::Socket => return None,
        };
        Some((stream, Reader { plain, form }))
    }

    /// What the next bytes complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Item> {
        if matches!(self.form, Form::Broken) {
            return Vec::new();
        }
        let Some(bytes) = self.plain.push(bytes) else {
            tracing::error!("a stream is not in its content coding: the rest is not recorded");
            self.form = Form::Broken;
            return vec![Item::Lost];
        };
        match &mut self.form {
            Form::Events(events) => events.push(&bytes),
            Form::Lines(lines) => lines.push(&bytes),
            Form::Broken => Vec::new(),
        }
    }

    /// What is left when it is over.
    pub(super) fn end(&mut self) -> Option<Item> {
        match &mut self.form {
            Form::Lines(lines) => lines.end(),
            // An event that was not ended is none (WHATWG HTML §9.2.6).
            Form::Events(_) | Form::Broken => None,
        }
    }
}

/// The response of which this is the head, without content.
pub(super) fn head(status: u16, headers: Headers) -> Response {
    Response {
        status,
        headers,
        body: crate::exchange::Body::default(),
        trailers: Headers::new(),
    }
}
