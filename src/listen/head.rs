//! The head of an HTTP/1.1 request: is there one way to read it, and what content follows it? Pure.
//!
//! It refuses what a lenient parser lets pass and two parsers would read differently (RFC 9112 §3.2,
//! §5, §6 and §11.2). What a request means is not looked at.

pub(super) mod bytes;
#[cfg(test)]
mod tests;

use std::fmt;

use http::StatusCode;

use super::authority::{Authority, Local};
use super::refusal::Refusal;
use bytes::{are_of_target, is_token, token};

/// How the content that follows a head is delimited (RFC 9112 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// By its length, which may be 0.
    Length(u64),
    /// By chunks.
    Chunked,
    /// There is none, and the client offers to go on with the WebSocket protocol (RFC 6455 §4.1).
    Offer,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

/// The header fields that decide what a request is.
#[derive(Default)]
struct Fields<'a> {
    host: Lines<'a>,
    length: Lines<'a>,
    coding: Lines<'a>,
    upgrade: Lines<'a>,
}

/// The lines of one field: more than one is as good as any number.
#[derive(Clone, Copy, Default)]
enum Lines<'a> {
    #[default]
    None,
    One(&'a [u8]),
    Several,
}

impl<'a> Lines<'a> {
    fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Lines::None => Lines::One(value),
            Lines::One(_) | Lines::Several => Lines::Several,
        };
    }
}

/// All that stood behind the request line in a good head of HTTP/1.1, and what content it tells of. A client sends the
/// same with one request after the other, and what is the same to the letter is as good as it was.
#[derive(Default)]
pub(super) struct Known(Option<(Vec<u8>, Content)>);

/// The longest fields that are known again. Each connection holds so many bytes, be it idle.
const MAX_KNOWN: usize = 512;

/// Reads a whole head, up to and with its empty line, of a request to the server at `local`, perhaps with fields that
/// are known. No LF in it stands without a CR before it: the framing has seen to it.
pub(super) fn check(head: &[u8], local: Local, known: &mut Known) -> Result<Content, Refusal> {
    let mut lines = Unread { head, read: 0 };
    let first = lines.next()?.unwrap_or_default();
    let version = request_line(first, local)?;
    let rest = head.get(lines.read..).unwrap_or_default();
    if let Some(content) = known.content(rest).filter(|_| version == Version::Http11) {
        return Ok(content);
    }
    let mut fields = Fields::default();
    while let Some(line) = lines.next()? {
        let (name, value) = field(line)?;
        if let Some(lines) = fields.of(name) {
            lines.add(value);
        }
    }
    host(fields.host, version, local)?;
    let content = content(&fields, version)?;
    if !matches!(fields.upgrade, Lines::None) {
        // What these mean is a matter of the method too.
        let may_offer = version == Version::Http11 && first.starts_with(b"GET ");
        let offers = may_offer && content == Content::Length(0) && offers_socket(head);
        return Ok(if offers { Content::Offer } else { content });
    }
    if version == Version::Http11 && rest.len() <= MAX_KNOWN {
        known.learn(rest, content);
    }
    Ok(content)
}

impl fmt::Debug for Known {
    /// Without the fields, since secrets are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

impl Known {
    /// What content follows these fields, if they are known.
    fn content(&self, fields: &[u8]) -> Option<Content> {
        let (known, content) = self.0.as_ref()?;
        (known == fields).then_some(*content)
    }

    /// Knows these from now on.
    fn learn(&mut self, fields: &[u8], content: Content) {
        let (known, of) = self.0.get_or_insert((Vec::new(), content));
        known.clear();
        known.extend_from_slice(fields);
        *of = content;
    }
}

/// What was not read yet of a head.
struct Unread<'a> {
    head: &'a [u8],
    read: usize,
}

impl<'a> Unread<'a> {
    /// The next line; `None` where it is empty, which ends the head.
    fn next(&mut self) -> Result<Option<&'a [u8]>, Refusal> {
        let rest = self.head.get(self.read..).unwrap_or_default();
        let end = memchr::memchr2(b'\r', 0, rest).unwrap_or(rest.len());
        let (line, rest) = rest.split_at_checked(end).unwrap_or_default();
        let place = self.read + end;
        match rest {
            [] | [b'\r', b'\n', ..] => {}
            [0, ..] => return Err(Refusal::bad("a NUL in the head")),
            _ => {
                let message = format!("a bare CR in the head, at byte {place}");
                return Err(Refusal::bad(message));
            }
        }
        self.read = place + 2;
        Ok((!line.is_empty()).then_some(line))
    }
}

/// Whether a request offers to go on with the WebSocket protocol; what else it offers does not matter.
fn offers_socket(head: &[u8]) -> bool {
    let has = |wanted: &[u8], member: &[u8]| {
        let lines = head.split(|byte| *byte == b'\n').skip(1);
        let fields = lines.filter_map(|line| field(line.trim_ascii_end()).ok());
        let values = fields.filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let mut members = values.flat_map(|(_, value)| value.split(|byte| *byte == b','));
        members.any(|one| one.trim_ascii().eq_ignore_ascii_case(member))
    };
    has(b"upgrade", b"websocket") && has(b"connection", b"upgrade")
}

/// Checks method, target and version.
fn request_line(line: &[u8], local: Local) -> Result<Version, Refusal> {
    let Some((method, target, version)) = words(line) else {
        return Err(Refusal::bad(
            "the request line is not a method, a target and a version",
        ));
    };
    if !is_token(method) {
        return Err(Refusal::bad("the method is no token"));
    }
    let version = match version {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        _ => {
            let version = String::from_utf8_lossy(version);
            return Err(Refusal::bad(format!(
                "the version {version:?} is not served"
            )));
        }
    };
    if method == b"CONNECT" {
        let message = "CONNECT is not served: this stands in front of one service only";
        return Err(Refusal::with(StatusCode::METHOD_NOT_ALLOWED, message));
    }
    target_form(method, target, local)?;
    Ok(version)
}

/// The first word of a line, the last, and what stands between them; `None` where there are less.
fn words(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (first, last) = (memchr::memchr(b' ', line)?, memchr::memrchr(b' ', line)?);
    let middle = line.get(first + 1..last)?;
    let last = line.get(last + 1..)?;
    (!last.is_empty()).then_some((line.get(..first)?, middle, last))
}

/// Checks that the target is in a form that a server gets (RFC 9112 §3.2), and names this one.
fn target_form(method: &[u8], target: &[u8], local: Local) -> Result<(), Refusal> {
    let shown = || String::from_utf8_lossy(target).into_owned();
    if !are_of_target(target) {
        return Err(Refusal::bad(format!(
            "the target {:?} holds what no target may",
            shown()
        )));
    }
    if target.starts_with(b"/") || (target == b"*" && method == b"OPTIONS") {
        return Ok(());
    }
    let prefix = local.scheme.prefix();
    let rest = target.split_at_checked(prefix.len());
    let rest = rest.filter(|(start, _)| start.eq_ignore_ascii_case(prefix));
    let Some((_, rest)) = rest else {
        return Err(Refusal::bad(format!("the target {:?} is no path", shown())));
    };
    let end = rest
        .iter()
        .position(|byte| b"/?".contains(byte))
        .unwrap_or(rest.len());
    let authority = rest.get(..end);
    let authority = authority.and_then(|text| Authority::read(text, local.scheme));
    if authority.is_some_and(|authority| authority.names(local.address)) {
        Ok(())
    } else {
        Err(Refusal::bad(format!(
            "the target {:?} names another server than this one",
            shown()
        )))
    }
}

/// Checks one field line: its name and its value.
fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    match line.split_at_checked(token(line)) {
        Some((name, [b':', value @ ..])) if !name.is_empty() => Ok((name, value.trim_ascii())),
        _ => Err(no_field(line)),
    }
}

/// Why a line is no field line.
fn no_field(line: &[u8]) -> Refusal {
    let mut parts = line.splitn(2, |byte| *byte == b':');
    match (parts.next(), parts.next()) {
        (Some(name), Some(_)) => {
            let name = String::from_utf8_lossy(name);
            Refusal::bad(format!("{name:?} is no name of a header field"))
        }
        _ => Refusal::bad("a line of the head has no colon"),
    }
}

impl<'a> Fields<'a> {
    /// The lines of the field of this name, where it matters.
    fn of(&mut self, name: &[u8]) -> Option<&mut Lines<'a>> {
        let (known, lines): (&[u8], _) = match name.len() {
            4 => (b"host", &mut self.host),
            7 => (b"upgrade", &mut self.upgrade),
            14 => (b"content-length", &mut self.length),
            17 => (b"transfer-encoding", &mut self.coding),
            _ => return None,
        };
        name.eq_ignore_ascii_case(known).then_some(lines)
    }
}

/// One well-formed `Host`, which only HTTP/1.0 may leave out (RFC 9112 §3.2).
fn host(host: Lines<'_>, version: Version, local: Local) -> Result<(), Refusal> {
    match host {
        Lines::None if version == Version::Http10 => Ok(()),
        Lines::None => Err(Refusal::bad("no Host")),
        Lines::One(host) => Authority::read(host, local.scheme)
            .map(|_| ())
            .ok_or_else(|| {
                let host = String::from_utf8_lossy(host);
                Refusal::bad(format!("the Host {host:?} is no host"))
            }),
        Lines::Several => Err(Refusal::bad("more than one Host")),
    }
}

/// How the content is delimited, where that is beyond doubt (RFC 9112 §6.3).
fn content(fields: &Fields<'_>, version: Version) -> Result<Content, Refusal> {
    match (fields.length, fields.coding) {
        (Lines::None, Lines::None) => Ok(Content::Length(0)),
        (Lines::One(length), Lines::None) => length_of(length).map(Content::Length),
        (Lines::Several, Lines::None) => Err(Refusal::bad("more than one Content-Length")),
        (Lines::None, Lines::One(coding)) if version == Version::Http11 => {
            if coding.eq_ignore_ascii_case(b"chunked") {
                Ok(Content::Chunked)
            } else {
                let coding = String::from_utf8_lossy(coding);
                Err(Refusal::bad(format!(
                    "the Transfer-Encoding {coding:?} is not chunked alone"
                )))
            }
        }
        (Lines::None, Lines::One(_)) => Err(Refusal::bad("a Transfer-Encoding in HTTP/1.0")),
        (Lines::None, Lines::Several) => Err(Refusal::bad("more than one Transfer-Encoding")),
        _ => Err(Refusal::bad("a Content-Length beside a Transfer-Encoding")),
    }
}

fn length_of(text: &[u8]) -> Result<u64, Refusal> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let length = std::str::from_utf8(text).ok().filter(|_| digits);
    length.and_then(|text| text.parse().ok()).ok_or_else(|| {
        let text = String::from_utf8_lossy(text);
        Refusal::bad(format!("the Content-Length {text:?} is no length"))
    })
}
