//! The streams that a verifying client has open.

use std::collections::{BTreeMap, VecDeque};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::exchange::{Carrier, Headers, LAST_EVENT, Notification, Request, Stream};
use crate::stream::{Event, Events, Item, Lines};

use super::script::Strand;

/// The open streams, those of a strand in the order in which they were opened: what has come on one is
/// heard before what comes on the next.
#[derive(Default)]
pub(super) struct Listening(BTreeMap<Strand, Listened>);

#[derive(Default)]
struct Listened {
    streams: VecDeque<Open>,
    /// The identifier of the last event that had one.
    last: Option<String>,
}

struct Open {
    content: Incoming,
    reader: Reader,
    items: VecDeque<Item>,
}

enum Reader {
    Events(Events),
    Lines(Lines),
}

impl Listening {
    /// Makes a request that says what its client has seen last say what this one has, as a client that
    /// has lost its stream does; and so it loses it.
    pub(super) fn lose(&mut self, strand: Strand, mut request: Request) -> Request {
        let listened = self.0.entry(strand).or_default();
        if request.headers.get(LAST_EVENT).is_some() {
            listened.streams.clear();
            let last = listened.last.as_deref();
            request.headers = said(&request.headers, last);
        }
        request
    }

    /// Takes the content of the response that opened a stream.
    pub(super) fn open(&mut self, strand: Strand, stream: Stream, content: Incoming) {
        let reader = match stream {
            Stream::Events => Reader::Events(Events::default()),
            Stream::Lines => Reader::Lines(Lines::default()),
            Stream::Socket => return,
        };
        let open = Open {
            content,
            reader,
            items: VecDeque::new(),
        };
        let listened = self.0.entry(strand).or_default();
        listened.streams.push_back(open);
    }

    /// Waits for the next message of the strand on which a notification came, and says what about it
    /// is not as recorded.
    pub(super) async fn hear(
        &mut self,
        notification: &Notification,
        strand: Strand,
    ) -> Result<Option<String>, String> {
        let number = notification.id;
        let Listened { streams, last } = self.0.entry(strand).or_default();
        let mut ended = format!("notification {number} comes on a stream that is not open");
        let item = loop {
            let Some(open) = streams.front_mut() else {
                return Err(ended);
            };
            match open.next().await {
                Ok(item) => break item,
                Err(end) => {
                    ended = end;
                    streams.pop_front();
                }
            }
        };
        if let Item::Event(Event { id: Some(id), .. }) = &item {
            *last = Some(id.clone());
        }
        let expected = expected(notification);
        Ok((expected.as_ref() != Some(&item))
            .then(|| format!("notification {number}: {item:?} comes instead of {expected:?}")))
    }
}

impl Open {
    /// The next message; what only keeps the stream alive is passed over.
    async fn next(&mut self) -> Result<Item, String> {
        loop {
            while let Some(item) = self.items.pop_front() {
                if !matches!(item, Item::Comment(_)) {
                    return Ok(item);
                }
            }
            let frame = self.content.frame().await;
            let frame = frame.ok_or("the stream ends before it")?;
            let frame = frame.map_err(|error| error.to_string())?;
            let bytes = frame.data_ref().map_or(&[][..], |data| data.as_ref());
            self.items.extend(match &mut self.reader {
                Reader::Events(events) => events.push(bytes),
                Reader::Lines(lines) => lines.push(bytes),
            });
        }
    }
}

/// The same header, which says that this was seen last, if anything was.
fn said(headers: &Headers, last: Option<&str>) -> Headers {
    let live = |(name, value)| match last {
        Some(last) if LAST_EVENT.eq_ignore_ascii_case(name) => (name, last.as_bytes()),
        Some(_) | None => (name, value),
    };
    headers.iter().map(live).collect()
}

/// The message as it must come.
fn expected(notification: &Notification) -> Option<Item> {
    let data = notification.data.bytes();
    match &notification.carrier {
        Carrier::Event(sent) => {
            if let Some(written) = &sent.written {
                return Events::default().push(written.as_bytes()).pop();
            }
            Some(Item::Event(Event {
                event: sent.event.clone(),
                id: sent.id.clone(),
                retry: sent.retry,
                data: Some(String::from_utf8_lossy(data).into_owned()),
                written: None,
            }))
        }
        Carrier::Line(_) => Some(Item::Line(data.clone())),
        Carrier::Message(_) | Carrier::Bayeux => None,
    }
}
