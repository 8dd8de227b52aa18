//! Follows the messages in the bytes that a client sends, and finds the first byte that has no one
//! meaning (RFC 9112 §2.2, §6 and §7). Sans-I/O: bytes in, how many of them may go on out.
//!
//! It changes nothing and keeps nothing: who holds the bytes is the guard's business.

mod chunk;

use http::StatusCode;

use super::authority::Local;
use super::connection::Offer;
use super::head::{self, Content};
use super::refusal::Refusal;
use super::{Limits, Sockets};
use chunk::Chunk;

/// What a client that speaks HTTP/2 by prior knowledge begins with (RFC 9113 §3.4), as far as it
/// looks like a head.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";

/// What to do with the bytes that were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A head of this many bytes is good; its content, if any, comes next.
    Head(usize),
    /// This many bytes are content, and more is to come.
    Content(usize),
    /// This many bytes are the end of a message.
    End(usize),
    /// This many bytes are an empty line between messages, which nobody needs.
    Skip(usize),
    /// These are the start of a head: come again with more behind them.
    Wait,
}

/// Where in its messages a connection is.
#[derive(Debug)]
pub(super) struct Framing {
    local: Local,
    sockets: Sockets,
    /// The longest head.
    longest: usize,
    place: Place,
    messages: u64,
    known: head::Known,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a head, of which this many bytes have been looked at.
    Head { seen: usize },
    /// In content of which this many bytes are to come.
    Length(u64),
    /// In chunks.
    Chunks(Chunk),
    /// Behind a head that offers to go on with something else. What comes next has no meaning before
    /// that is answered.
    Offer,
    /// In HTTP/2, which frames itself.
    Through,
    /// In something else than HTTP.
    Socket,
}

impl Framing {
    /// A connection to this server, before its first byte.
    pub(super) fn new(local: Local, limits: Limits) -> Framing {
        Framing {
            local,
            sockets: limits.sockets,
            longest: limits.head_size,
            place: Place::Head { seen: 0 },
            messages: 0,
            known: head::Known::default(),
        }
    }

    /// Whether a message's content is under way. The bytes of a head are shown from its start each
    /// time; those of content only once.
    pub(super) fn in_content(&self) -> bool {
        !matches!(self.place, Place::Head { .. } | Place::Offer)
    }

    /// Whether HTTP/2 is spoken, or no HTTP at all.
    pub(super) fn is_through(&self) -> bool {
        matches!(self.place, Place::Through | Place::Socket)
    }

    /// Whether no HTTP is spoken.
    pub(super) fn is_socket(&self) -> bool {
        self.place == Place::Socket
    }

    /// Whether an offer waits for its answer.
    pub(super) fn awaits_answer(&self) -> bool {
        self.place == Place::Offer
    }

    /// The offer is answered.
    pub(super) fn answered(&mut self, answer: Offer) {
        self.place = match answer {
            Offer::Accepted => Place::Socket,
            Offer::None | Offer::Open(_) | Offer::Declined => Place::Head { seen: 0 },
        };
    }

    /// Looks at the bytes that come next.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        match self.place {
            Place::Head { seen } => self.head(bytes, seen),
            Place::Length(left) => {
                let count = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                Ok(self.count(left, count))
            }
            Place::Chunks(chunk) => self.chunks(chunk, bytes),
            Place::Offer => Ok(Step::Wait),
            Place::Through | Place::Socket => Ok(Step::Content(bytes.len())),
        }
    }

    fn head(&mut self, bytes: &[u8], seen: usize) -> Result<Step, Refusal> {
        let fresh = bytes.get(seen..).unwrap_or_default();
        for place in memchr::memchr_iter(b'\n', fresh).map(|place| seen + place) {
            let line = bytes.get(..place).unwrap_or_default();
            let Some(line) = line.strip_suffix(b"\r") else {
                let message = format!("a bare LF ends a line of the head, at byte {place}");
                return Err(Refusal::bad(message));
            };
            if line.is_empty() {
                self.place = Place::Head { seen: 0 };
                return Ok(Step::Skip(place + 1));
            }
            if line.ends_with(b"\r\n") {
                return self.whole_head(bytes.get(..=place).unwrap_or_default());
            }
        }
        if bytes.len() > self.longest {
            return Err(too_long(self.longest));
        }
        self.place = Place::Head { seen: bytes.len() };
        Ok(Step::Wait)
    }

    fn whole_head(&mut self, head: &[u8]) -> Result<Step, Refusal> {
        if head.len() > self.longest {
            return Err(too_long(self.longest));
        }
        if self.messages == 0 && head == PREFACE {
            self.place = Place::Through;
            return Ok(Step::Head(head.len()));
        }
        self.place = match head::check(head, self.local, &mut self.known)? {
            Content::Offer if self.sockets == Sockets::Passed => Place::Offer,
            Content::Length(0) | Content::Offer => Place::Head { seen: 0 },
            Content::Length(length) => Place::Length(length),
            Content::Chunked => Place::Chunks(Chunk::FIRST),
        };
        self.messages += 1;
        Ok(Step::Head(head.len()))
    }

    /// Takes `count` of the `left` bytes of content.
    fn count(&mut self, left: u64, count: usize) -> Step {
        match left.saturating_sub(count as u64) {
            0 => {
                self.place = Place::Head { seen: 0 };
                Step::End(count)
            }
            left => {
                self.place = Place::Length(left);
                Step::Content(count)
            }
        }
    }

    fn chunks(&mut self, mut chunk: Chunk, bytes: &[u8]) -> Result<Step, Refusal> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if let Chunk::Data(left) = chunk {
                let rest = bytes.len() - at;
                let count = usize::try_from(left).map_or(rest, |left| left.min(rest));
                at += count;
                chunk = match left.saturating_sub(count as u64) {
                    0 => Chunk::DataCr,
                    left => Chunk::Data(left),
                };
                continue;
            }
            chunk = chunk.after(*byte)?;
            at += 1;
            if chunk == Chunk::End {
                self.place = Place::Head { seen: 0 };
                return Ok(Step::End(at));
            }
        }
        self.place = Place::Chunks(chunk);
        Ok(Step::Content(at))
    }
}

fn too_long(longest: usize) -> Refusal {
    let message = format!("the head is longer than {longest} bytes");
    Refusal::with(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::chunk::{MAX_CHUNK_LINE, MAX_TRAILERS};
    use super::*;
    use crate::listen::MAX_HEAD;

    fn framing(local: Local, sockets: Sockets) -> Framing {
        let limits = Limits {
            sockets,
            ..Limits::default()
        };
        Framing::new(local, limits)
    }

    /// What becomes of a stream that arrives in pieces of this size: how many messages end, or why it
    /// is refused and how many bytes before that were good.
    fn follow(stream: &[u8], piece: usize) -> (usize, usize, Option<String>) {
        let mut framing = framing(Local::plain("127.0.0.1:8080"), Sockets::Passed);
        let (mut good, mut shown, mut ends) = (0, 0, 0);
        loop {
            match framing.step(&stream[good..shown]) {
                Err(refusal) => return (ends, good, Some(refusal.message)),
                Ok(Step::Head(count)) => {
                    good += count;
                    ends += usize::from(!framing.in_content());
                }
                Ok(Step::End(count)) => {
                    good += count;
                    ends += 1;
                }
                Ok(Step::Skip(count)) => good += count,
                Ok(Step::Content(count)) => {
                    good += count;
                    if shown == stream.len() && good == shown {
                        return (ends, good, None);
                    }
                    shown = (shown + piece).min(stream.len());
                }
                Ok(Step::Wait) => {
                    if shown == stream.len() {
                        return (ends, good, None);
                    }
                    shown = (shown + piece).min(stream.len());
                }
            }
        }
    }

    const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn messages_are_told_apart_however_they_arrive() {
        let stream = format!(
            "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n\
             POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /\
             {CHUNKED}4;x=\"y\"\r\n\r\n\r\n\r\nA\r\n0123456789\r\n0\r\nT: 1\r\nU: 2\r\n\r\n\
             {CHUNKED}0\r\n\r\nGET /last HTTP/1.0\r\n\r\n"
        );
        for piece in 1..stream.len() {
            assert_eq!(
                follow(stream.as_bytes(), piece),
                (5, stream.len(), None),
                "{piece}"
            );
        }
    }

    #[test]
    fn what_is_refused_is_refused_however_it_arrives() {
        let head = |text: &str| text.to_owned();
        let body = |text: &str| format!("{CHUNKED}{text}");
        let cases = [
            (head("GET / HTTP/1.1\nHost: a\n\n"), "bare LF"),
            (head("GET / HTTP/1.1\r\nHost: a\n\r\n"), "bare LF"),
            (head("GET / HTTP/1.1\r\nHost: a\r\n\n"), "bare LF"),
            (head("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), "bare LF"),
            (head("\r\n\r\n\n"), "bare LF"),
            (head("PRI * HTTP/2.0\r\nHost: a\r\n\r\n"), "version"),
            (body("0\n\r\n"), "bare LF"),
            (body("0\r\n\n"), "bare LF"),
            (body("0\r\nA: b\n\r\n"), "bare LF"),
            (body("1\nx\r\n0\r\n\r\n"), "bare LF"),
            (body("1;a\nx\r\n0\r\n\r\n"), "bare LF"),
            (body("1\r\nx\n0\r\n\r\n"), "no line end"),
            (body("1\r\nxy\r\n0\r\n\r\n"), "no line end"),
            (body("1\rx\r\n"), "bare CR"),
            (body("0\r\n\rx"), "bare CR"),
            (body("0x1\r\n"), "no number"),
            (body("1 \r\nx\r\n"), "no number"),
            (body("\r\n"), "no size"),
            (body("-1\r\n"), "no size"),
            (body("10000000000000000\r\n"), "too large"),
            (
                body(&format!("1;{}\r\n", "x".repeat(MAX_CHUNK_LINE))),
                "too long",
            ),
            (
                body(&format!("0\r\nA: {}\r\n", "x".repeat(MAX_TRAILERS))),
                "too long",
            ),
            (
                format!(
                    "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
                    "x".repeat(MAX_HEAD)
                ),
                "longer than",
            ),
        ];
        for (stream, why) in cases {
            for piece in [1, 2, 7, stream.len()] {
                let (ends, _, refused) = follow(stream.as_bytes(), piece);
                let refused = refused.unwrap_or_else(|| panic!("{stream:?} passes"));
                assert!(refused.contains(why), "{stream:?}: {refused}");
                assert_eq!(ends, 0, "{stream:?}");
            }
        }
    }

    #[test]
    fn the_head_that_is_as_long_as_allowed_passes() {
        let rest = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len();
        let filled = "x".repeat(MAX_HEAD - rest);
        let stream = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {filled}\r\n\r\n");
        assert_eq!(follow(stream.as_bytes(), 1000), (1, MAX_HEAD, None));
    }

    #[test]
    fn http2_passes_untouched() {
        let mut stream = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        stream.extend([0, 0, 0, 4, 0, b'\n', 0, 0, 0, b'\n']);
        assert_eq!(follow(&stream, 3), (0, stream.len(), None));
    }

    #[test]
    fn what_comes_behind_an_offer_waits_for_its_answer() {
        let head =
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        let local = Local::plain("127.0.0.1:8080");
        let odd = b"\x81\x01\n";
        for answer in [Offer::Accepted, Offer::Declined] {
            let mut framing = framing(local, Sockets::Passed);
            assert_eq!(framing.step(head), Ok(Step::Head(head.len())));
            assert!(framing.awaits_answer() && !framing.in_content());
            assert_eq!(framing.step(odd), Ok(Step::Wait));
            framing.answered(answer);
            assert!(!framing.awaits_answer());
            if answer == Offer::Accepted {
                assert!(framing.is_socket());
                assert_eq!(framing.step(odd), Ok(Step::Content(3)));
            } else {
                assert!(framing.step(odd).is_err());
            }
        }
        let mut framing = framing(local, Sockets::Ignored);
        assert_eq!(framing.step(head), Ok(Step::Head(head.len())));
        assert!(!framing.awaits_answer());
        assert!(framing.step(odd).is_err());
    }

    proptest! {
        #[test]
        fn pieces_never_matter(stream in "(GET |POST |/|\r\n|\n|Host: a|Content-Length: 3| HTTP/1.1|0|1|;|x){0,40}", piece in 1_usize..9) {
            let whole = follow(stream.as_bytes(), stream.len().max(1));
            prop_assert_eq!(follow(stream.as_bytes(), piece), whole);
        }
    }
}
