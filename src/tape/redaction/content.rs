//! The content of messages, edited by what its header says that it is: forms of several kinds, text, and octets
//! that nobody looks into.
//!
//! How texts are gone through stands in [`super::text`].

use std::borrow::Cow;
use std::fmt;

use crate::exchange::coding;
use crate::exchange::{Body, Cut, Headers};

use super::seen::{MAX_CONTENT, Piece};
use super::walk::{Known, Walk};

/// What the content of a message is, by what its header says.
pub(super) enum Content<'a> {
    Form,
    Parts(&'a str),
    Octets,
    Text,
}

impl Walk<'_> {
    /// The content of a message, and its header fields where they change with it. Where its coding had to be
    /// taken off, it stays off.
    pub(super) fn body(
        &mut self,
        headers: &Headers,
        body: &Body,
    ) -> Option<(Option<Headers>, Body)> {
        if body.is_empty() {
            return None;
        }
        let named = headers.get("content-type").unwrap_or_default();
        let said;
        let content = if named.eq_ignore_ascii_case(b"application/json") {
            Content::Text // as nearly all content is
        } else {
            said = String::from_utf8_lossy(named);
            Content::of(&said)
        };
        let coded = coding::is_coded(headers);
        let plain = match coded
            .then(|| coding::decoded_beginning(headers, body))
            .flatten()
        {
            Some(plain) => Cow::Owned(plain),
            None => Cow::Borrowed(body.bytes().as_ref()),
        };
        let piece = Piece::Content {
            kind: named,
            octets: &plain,
        };
        let look = |walk: &mut Self| walk.octets(&"body", &content, &plain);
        let new = if plain.len() <= MAX_CONTENT {
            self.again(piece, look)
        } else {
            look(self)
        }?;
        let fields = if coded && matches!(plain, Cow::Owned(_)) {
            Some(without_coding(headers, new.len(), body.cut().is_none()))
        } else if plain.len() != new.len() {
            Some(with_length(headers, new.len()))
        } else {
            None
        };
        let body = match body.cut() {
            None => Body::new(new),
            Some(cut) => Body::beginning(new, self.cut(cut.clone())),
        };
        Some((fields, body))
    }

    /// What is known of the whole of a body whose beginning was changed: not its digest, by which a
    /// guess at what stood there could be tried.
    fn cut(&mut self, cut: Cut) -> Cut {
        match cut {
            Cut::Unseen => Cut::Unseen,
            Cut::Passed { length, digest } => {
                let (name, hex) = digest.split_once(':').unwrap_or(("blake3", &digest));
                let new = self.edit.secret(self.at(&"body digest"), hex);
                let digest = format!("{name}:{}", new.as_deref().unwrap_or(hex));
                Cut::Passed { length, digest }
            }
        }
    }

    /// Content of any kind. What is no UTF-8 is read octet by octet where it should be text.
    pub(super) fn octets(
        &mut self,
        path: &dyn fmt::Display,
        content: &Content<'_>,
        octets: &[u8],
    ) -> Option<Vec<u8>> {
        let whole = self.edit.other(octets);
        let text = simdutf8::basic::from_utf8(octets);
        let new = match (content, text) {
            (Content::Octets, _) => None,
            // No text in an encoding of octets has one.
            (_, Err(_)) if octets.contains(&0) => None,
            (_, Ok(text)) => {
                if whole.is_none() {
                    self.known = Known::Nowhere;
                }
                let new = self.content(path, content, text);
                self.known = Known::Anywhere;
                new.map(String::into_bytes)
            }
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
        match new {
            None => whole,
            Some(new) => Some(self.edit.other(&new).unwrap_or(new)),
        }
    }

    fn content(
        &mut self,
        path: &dyn fmt::Display,
        content: &Content<'_>,
        text: &str,
    ) -> Option<String> {
        match content {
            Content::Form => self.form(&format_args!("{path} /"), text),
            Content::Parts(boundary) => self.parts(path, boundary, text),
            Content::Text | Content::Octets => self.text(path, text),
        }
    }

    /// The parts of a form (RFC 7578).
    fn parts(&mut self, path: &dyn fmt::Display, boundary: &str, text: &str) -> Option<String> {
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

    fn part_of_form(&mut self, path: &dyn fmt::Display, part: &str) -> Option<String> {
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
        let new = self.named(&format_args!("{path} /{name}"), name, value)?;
        let rest = part.get(head.len() + gap.len() + value.len()..)?;
        Some(format!("{head}{gap}{new}{rest}"))
    }
}

impl Content<'_> {
    fn of(kind: &str) -> Content<'_> {
        let (name, parameters) = kind.split_once(';').unwrap_or((kind, ""));
        let name = name.trim();
        let binary = ["image/", "audio/", "video/", "font/", "application/grpc"];
        let octets = [
            "application/octet-stream",
            "application/pdf",
            "application/zip",
            "application/wasm",
        ];
        let begins = |with: &str| {
            let head = name.get(..with.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(with))
        };
        if name.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Content::Form;
        }
        if begins("multipart/")
            && let Some((_, boundary)) = parameters.split_once("boundary=")
        {
            let boundary = boundary.trim_start_matches('"');
            return Content::Parts(boundary.split(['"', ';']).next().unwrap_or_default().trim());
        }
        if !begins("image/svg") && binary.iter().any(|kind| begins(kind))
            || octets.iter().any(|kind| name.eq_ignore_ascii_case(kind))
        {
            return Content::Octets;
        }
        Content::Text
    }
}

/// The fields of content whose coding was taken off, and which has so many bytes now.
fn without_coding(headers: &Headers, length: usize, is_whole: bool) -> Headers {
    let fields = headers
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    let fields: Headers = fields.collect();
    if is_whole {
        with_length(&fields, length)
    } else {
        fields
    }
}

/// Gives the length that the content has now, where one stands there.
fn with_length(headers: &Headers, length: usize) -> Headers {
    let fields = headers.iter().map(|(name, value)| {
        let is_length = name.eq_ignore_ascii_case("content-length");
        let value = if is_length {
            length.to_string().into_bytes()
        } else {
            value.to_owned()
        };
        (name.to_owned(), value)
    });
    fields.collect()
}
