//! Server-sent events (WHATWG HTML §9.2.5 and §9.2.6): read as they come, and written.
//!
//! What a page does with them, reconnecting above all, is another's business.

use super::{Item, MAX_MESSAGE};

/// One event, up to its empty line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its type, where it names one.
    pub event: Option<String>,
    /// Its identifier, where it names one; one with a NUL names none.
    pub id: Option<String>,
    /// How long to wait before a reconnection, in milliseconds, where it says so.
    pub retry: Option<u64>,
    /// Its data; `None` where it has none, and so only sets the other fields.
    pub data: Option<String>,
    /// The event as it was written, where [`Event::write`] would write it otherwise, or it has no data.
    pub written: Option<String>,
}

impl Event {
    /// The event as it travels: `event`, `id`, `retry`, then a `data` field for each line.
    pub fn write(&self) -> String {
        let mut text = String::new();
        let mut field = |name: &str, value: &str| {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push('\n');
        };
        if let Some(event) = &self.event {
            field("event", event);
        }
        if let Some(id) = &self.id {
            field("id", id);
        }
        if let Some(retry) = self.retry {
            field("retry", &retry.to_string());
        }
        if let Some(data) = &self.data {
            // What stands as one line here must not become several fields there.
            let data = data.replace("\r\n", "\n");
            for line in data.split(['\n', '\r']) {
                field("data", line);
            }
        }
        text.push('\n');
        text
    }
}

/// Reads a stream of events.
#[derive(Debug, Default)]
pub struct Events {
    line: Vec<u8>,
    last: Last,
    begun: Begun,
    event: Event,
    raw: Vec<u8>,
    room: Room,
}

/// The byte before the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Other,
    /// A CR, which ends a line; an LF right behind it belongs to it.
    Cr,
}

/// Whether the stream has begun: a byte order mark before it means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Begun {
    #[default]
    No,
    Yes,
}

/// Whether an event is still short enough to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Room {
    #[default]
    Enough,
    /// It was too long; everything up to its end is passed over.
    None,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Events {
    /// Reads the next bytes, and returns what they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        for &byte in bytes {
            let last = std::mem::take(&mut self.last);
            match byte {
                b'\n' if last == Last::Cr => self.keep(byte),
                b'\n' => self.end_line(byte, &mut items),
                b'\r' => {
                    self.last = Last::Cr;
                    self.end_line(byte, &mut items);
                }
                _ => {
                    if self.room == Room::Enough {
                        self.line.push(byte);
                        if self.line.len() + self.raw.len() > MAX_MESSAGE {
                            self.give_up();
                        }
                    } else if self.line.is_empty() {
                        // Only whether the line is empty counts.
                        self.line.push(byte);
                    }
                }
            }
        }
        items
    }

    /// The LF of a CRLF: it belongs to the event that it ends a line of, if that goes on.
    fn keep(&mut self, byte: u8) {
        if !self.raw.is_empty() {
            self.raw.push(byte);
        }
    }

    fn give_up(&mut self) {
        self.room = Room::None;
        self.event = Event::default();
        self.raw.clear();
        self.line.clear();
        self.line.push(b'x');
    }

    fn end_line(&mut self, end: u8, items: &mut Vec<Item>) {
        let mut line = std::mem::take(&mut self.line);
        if std::mem::replace(&mut self.begun, Begun::Yes) == Begun::No
            && line.starts_with(BYTE_ORDER_MARK)
        {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        if self.room == Room::None {
            if line.is_empty() {
                self.room = Room::Enough;
                items.push(Item::Lost);
            }
            return;
        }
        if line.is_empty() {
            self.end_event(end, items);
            return;
        }
        let text = String::from_utf8_lossy(&line);
        if let Some(comment) = text.strip_prefix(':') {
            items.push(Item::Comment(comment.to_owned()));
            if self.raw.is_empty() {
                return; // it stands before the event, and is none of it
            }
        } else {
            let (name, value) = text.split_once(':').unwrap_or((&text, ""));
            self.field(name, value.strip_prefix(' ').unwrap_or(value));
        }
        self.raw.extend_from_slice(&line);
        self.raw.push(end);
    }

    fn field(&mut self, name: &str, value: &str) {
        match name {
            "event" => self.event.event = Some(value.to_owned()),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                // A time that is no number of 64 bits will not pass.
                self.event.retry = Some(value.parse().unwrap_or(u64::MAX));
            }
            "data" => match &mut self.event.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.event.data = Some(value.to_owned()),
            },
            _ => {}
        }
    }

    /// An empty line ends an event, if one was begun.
    fn end_event(&mut self, end: u8, items: &mut Vec<Item>) {
        let mut raw = std::mem::take(&mut self.raw);
        let mut event = std::mem::take(&mut self.event);
        if raw.is_empty() {
            return;
        }
        raw.push(end);
        if end == b'\r' && raw.ends_with(b"\r\n\r") {
            raw.push(b'\n'); // its other lines end so, and this one is about to
        }
        if event.data.is_none() || raw != event.write().as_bytes() {
            event.written = Some(String::from_utf8_lossy(&raw).into_owned());
        }
        items.push(Item::Event(event));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(stream: &[u8], piece: usize) -> Vec<Item> {
        let mut events = Events::default();
        let pieces = stream.chunks(piece.max(1));
        pieces.flat_map(|piece| events.push(piece)).collect()
    }

    fn data(data: &str) -> Event {
        Event {
            data: Some(data.into()),
            ..Event::default()
        }
    }

    /// The events of a stream without how they were written, however it arrives.
    fn events(stream: &[u8]) -> Vec<Event> {
        let whole = read(stream, stream.len());
        for piece in 1..6 {
            assert_eq!(read(stream, piece), whole, "{stream:?} by {piece}");
        }
        let event = |item| match item {
            Item::Event(event) => Some(Event {
                written: None,
                ..event
            }),
            Item::Comment(_) | Item::Line(_) | Item::Lost => None,
        };
        whole.into_iter().filter_map(event).collect()
    }

    /// The cases of the standard, §9.2.6, and the corners of its grammar.
    #[test]
    fn streams_are_read_as_the_standard_says() {
        let typed = |name: &str, text: &str| Event {
            event: Some(name.into()),
            ..data(text)
        };
        let with_id = |id: &str, text: &str| Event {
            id: Some(id.into()),
            ..data(text)
        };
        let retry = |retry: u64| Event {
            retry: Some(retry),
            ..Event::default()
        };
        let cases: Vec<(&str, Vec<Event>)> = vec![
            (
                "data: YHOO\ndata: +2\ndata: 10\n\n",
                vec![data("YHOO\n+2\n10")],
            ),
            (
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
                vec![
                    with_id("1", "first event"),
                    with_id("", "second event"),
                    data(" third event"),
                ],
            ),
            ("data\n\ndata\ndata\n\ndata:", vec![data(""), data("\n")]),
            (
                "data:test\n\ndata: test\n\n",
                vec![data("test"), data("test")],
            ),
            (
                "event: add\ndata: 73857293\n\n",
                vec![typed("add", "73857293")],
            ),
            ("\u{feff}data: a\n\n", vec![data("a")]),
            (
                "\u{feff}\u{feff}data: a\n\ndata: b\n\n",
                vec![Event::default(), data("b")],
            ),
            (
                "data: a\r\n\r\ndata: b\r\rdata: c\n\n",
                vec![data("a"), data("b"), data("c")],
            ),
            ("data: a\r\n\ndata: b\n\r\n", vec![data("a"), data("b")]),
            ("\n\n\ndata: a\n\n\n\n", vec![data("a")]),
            ("data: not yet\n", vec![]),
            ("data: not yet", vec![]),
            ("retry: 3000\n\n", vec![retry(3000)]),
            (
                "retry: 3s\n\nretry:\n\n",
                vec![Event::default(), Event::default()],
            ),
            ("id: a\0b\ndata: x\n\n", vec![data("x")]),
            (
                "id: 1\n\n",
                vec![Event {
                    id: Some("1".into()),
                    ..Event::default()
                }],
            ),
            ("event: a\nevent: b\ndata: x\n\n", vec![typed("b", "x")]),
            ("event:\ndata: x\n\n", vec![typed("", "x")]),
            (
                " data: x\n\nDATA: x\n\n",
                vec![Event::default(), Event::default()],
            ),
            ("data: a:b: c\n\n", vec![data("a:b: c")]),
            ("data:\ta\n\n", vec![data("\ta")]),
            ("data: x\n:between\ndata: y\n\n", vec![data("x\ny")]),
            ("unknown: x\ndata: y\n\n", vec![data("y")]),
            ("data: ümläut €\n\n", vec![data("ümläut €")]),
        ];
        for (stream, expected) in cases {
            assert_eq!(events(stream.as_bytes()), expected, "{stream:?}");
        }
        assert_eq!(events(b"data: \xff\n\n"), [data("\u{fffd}")]);
    }

    #[test]
    fn comments_are_told_wherever_they_stand() {
        let comments = |stream: &str| -> Vec<String> {
            let comment = |item| match item {
                Item::Comment(comment) => Some(comment),
                Item::Event(_) | Item::Line(_) | Item::Lost => None,
            };
            let items = read(stream.as_bytes(), 3).into_iter();
            items.filter_map(comment).collect()
        };
        assert_eq!(comments(":\n\n: beat\n:x\n\n"), ["", " beat", "x"]);
        assert_eq!(comments("data: a\n:in it\n\n"), ["in it"]);
    }

    #[test]
    fn an_event_that_its_fields_do_not_tell_is_kept_as_it_was_written() {
        let written = |stream: &str| match &read(stream.as_bytes(), 1)[..] {
            [.., Item::Event(event)] => event.written.clone(),
            other => panic!("{other:?}"),
        };
        for stream in [
            "data: a\n\n",
            "event: e\nid: 1\nretry: 5\ndata: a\ndata: b\n\n",
        ] {
            assert_eq!(written(stream), None);
        }
        for stream in [
            "data:a\n\n",
            "id: 1\nevent: e\ndata: a\n\n",
            "data: a\r\n\r\n",
            "data: a\r\r",
            "data: a\n: c\n\n",
            "x: y\n\n",
            "retry: 5\n\n",
        ] {
            assert_eq!(written(stream).as_deref(), Some(stream));
        }
        assert_eq!(written(": before\ndata: a\n\n"), None);
    }

    #[test]
    fn an_event_that_is_too_long_is_passed_over_and_said() {
        let long = format!("data: {}\n\n: c\ndata: next\n\n", "x".repeat(MAX_MESSAGE));
        let items = read(long.as_bytes(), 65_536);
        let expected = [
            Item::Lost,
            Item::Comment(" c".into()),
            Item::Event(data("next")),
        ];
        assert_eq!(items, expected);
        let many = "data: y\n".repeat(MAX_MESSAGE / 8 + 2);
        assert_eq!(read(format!("{many}\n").as_bytes(), 65_536), [Item::Lost]);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            event in proptest::option::of("[^\r\n\0]{0,9}"),
            id in proptest::option::of("[^\r\n\0]{0,9}"),
            retry in proptest::option::of(any::<u64>()),
            data in proptest::option::of("[^\r\0]{0,30}"),
        ) {
            let event = Event { event, id, retry, data, written: None };
            prop_assume!(event != Event::default());
            let written = event.data.is_none().then(|| event.write());
            let expected = Event { written, ..event.clone() };
            prop_assert_eq!(read(event.write().as_bytes(), 4), [Item::Event(expected)]);
        }

        #[test]
        fn pieces_never_matter(stream in "(data|id|:|: |\r|\n|\r\n|\n\n|é|\u{feff}|x){0,30}", piece in 1_usize..7) {
            let stream = stream.as_bytes();
            prop_assert_eq!(read(stream, piece), read(stream, stream.len()));
        }

        #[test]
        fn what_was_written_is_said_exactly(stream in "((data|id|event|x)(:|: )[a-z]{0,3}(\n|\r\n|\r)){1,4}(\n|\r\n|\r)") {
            // However its lines end: but that a lone CR at the very end may be half of a CRLF.
            let items = read(stream.as_bytes(), 2);
            if let [Item::Event(event)] = &items[..] {
                let text = event.written.clone().unwrap_or_else(|| event.write());
                prop_assert_eq!(text.trim_end_matches(['\r', '\n']), stream.trim_end_matches(['\r', '\n']));
            }
        }
    }
}
