//! What the guard would let pass of a client's bytes, for the fuzz target that asks: only built for that.
//!
//! An offer to open a socket is always declined, so that HTTP goes on behind it.

use super::authority::{Local, Scheme};
use super::connection::Offer;
use super::framing::{Framing, Step};
use super::{Limits, Sockets};

/// What came of a client's bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// The requests that are whole.
    pub requests: Vec<Whole>,
    /// All bytes that go on, also of a request that is not whole.
    pub bytes: Vec<u8>,
    /// Why no more is read.
    pub refused: Option<String>,
}

/// A request that is whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its head, with the empty line.
    pub head: Vec<u8>,
    /// What follows, with what delimits chunks.
    pub content: Vec<u8>,
}

/// Shows the bytes of a client, so many more each time; what passes. Of HTTP/2 nothing does.
pub fn follow(stream: &[u8], piece: usize) -> Passed {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 8080));
    let scheme = Scheme::Http;
    let limits = Limits {
        sockets: Sockets::Passed,
        ..Limits::default()
    };
    let mut framing = Framing::new(Local { address, scheme }, limits);
    let mut passed = Passed::default();
    let mut request: Option<Whole> = None;
    let (mut at, mut shown) = (0, 0);
    loop {
        let bytes = stream.get(at..shown).unwrap_or_default();
        let step = match framing.step(bytes) {
            Ok(step) => step,
            Err(refusal) => {
                passed.refused = Some(refusal.message);
                return passed;
            }
        };
        let (Step::Head(count) | Step::Content(count) | Step::End(count) | Step::Skip(count)) =
            step
        else {
            if shown == stream.len() {
                return passed;
            }
            shown = shown.saturating_add(piece).min(stream.len());
            continue;
        };
        let bytes = bytes.get(..count).unwrap_or_default();
        at += count;
        if framing.is_through() {
            return passed;
        }
        match step {
            Step::Head(_) => {
                let (head, content) = (bytes.to_vec(), Vec::new());
                request = Some(Whole { head, content });
            }
            Step::Content(_) | Step::End(_) => {
                if let Some(request) = &mut request {
                    request.content.extend_from_slice(bytes);
                }
            }
            Step::Skip(_) | Step::Wait => continue,
        }
        passed.bytes.extend_from_slice(bytes);
        if framing.awaits_answer() {
            framing.answered(Offer::Declined);
        }
        if !framing.in_content() {
            passed.requests.extend(request.take());
        } else if at == shown && matches!(step, Step::Content(_)) {
            if shown == stream.len() {
                return passed;
            }
            shown = shown.saturating_add(piece).min(stream.len());
        }
    }
}
