//! Streams: events and lines are the same however the bytes arrive, what is written of an event reads back as
//! that event, and a content coding means the same in pieces as in one.
//!
//! The first byte is how long a piece is, the second says which coding.

#![no_main]

use antiphon::exchange::Headers;
use antiphon::stream::{Event, Events, Item, Lines, Plain};
use libfuzzer_sys::fuzz_target;

/// More than an input of some kilobytes unpacks to, unless it was made for that.
const MUCH: usize = 32 * 1024 * 1024;

fuzz_target!(|data: &[u8]| {
    let [piece, coding, stream @ ..] = data else {
        return;
    };
    let piece = usize::from(*piece % 32) + 1;
    let items = events(stream, stream.len().max(1));
    assert_eq!(events(stream, piece), items);
    for item in items {
        if let Item::Event(event) = item {
            reads_back(&event);
        }
    }
    assert_eq!(lines(stream, piece), lines(stream, stream.len().max(1)));
    let coding = ["", "gzip", "deflate", "br"][usize::from(*coding % 4)];
    let whole = plain(coding, stream, stream.len().max(1));
    match (whole, plain(coding, stream, piece)) {
        // What is too much at once may come in pieces.
        (None, Some(much)) => assert!(much.len() > MUCH, "{coding:?} by {piece}"),
        (whole, pieces) => assert_eq!(pieces, whole, "{coding:?} by {piece}"),
    }
});

fn events(stream: &[u8], piece: usize) -> Vec<Item> {
    let mut events = Events::default();
    let pieces = stream.chunks(piece);
    pieces.flat_map(|piece| events.push(piece)).collect()
}

fn lines(stream: &[u8], piece: usize) -> Vec<Item> {
    let mut lines = Lines::default();
    let pieces = stream.chunks(piece);
    let mut items: Vec<Item> = pieces.flat_map(|piece| lines.push(piece)).collect();
    items.extend(lines.end());
    items
}

/// The event as it is written, and as it was written, is this event again.
fn reads_back(event: &Event) {
    let bare = |event: &Event| Event {
        written: None,
        ..event.clone()
    };
    let mut texts = Vec::from_iter(event.written.clone());
    if bare(event) != Event::default() {
        texts.push(event.write());
    }
    for text in texts {
        // Behind an empty line, so that no byte order mark begins the stream.
        let stream = format!("\n{text}");
        let read: Vec<Event> = events(stream.as_bytes(), stream.len())
            .into_iter()
            .filter_map(|item| match item {
                Item::Event(event) => Some(event),
                Item::Comment(_) | Item::Line(_) | Item::Lost => None,
            })
            .collect();
        let [read] = read.as_slice() else {
            panic!("{text:?} is read as {read:?}");
        };
        assert_eq!(bare(read), bare(event), "{text:?}");
    }
}

/// What is left without the coding; `None` where the stream is not in it.
fn plain(coding: &str, stream: &[u8], piece: usize) -> Option<Vec<u8>> {
    let headers: Headers = [("Content-Encoding", coding)].into_iter().collect();
    let mut plain = Plain::of(&headers).expect("a coding that is known");
    let mut read = Vec::new();
    for piece in stream.chunks(piece) {
        read.extend(plain.push(piece)?);
    }
    Some(read)
}
