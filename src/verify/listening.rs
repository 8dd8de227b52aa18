//! The streams that a verifying client has open.

use std::collections::{BTreeMap, VecDeque};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::exchange::{Carrier, Notification, OperationId, Stream};
use crate::stream::{Event, Events, Item, Lines};

/// The open streams, by the recorded operations that opened them.
#[derive(Default)]
pub(super) struct Listening(BTreeMap<OperationId, Open>);

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
    /// Takes the content of the response that opened a stream.
    pub(super) fn open(&mut self, operation: OperationId, stream: Stream, content: Incoming) {
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
        self.0.insert(operation, open);
    }

    /// Waits for the next message of the stream on which a notification came, and says what about it is
    /// not as recorded.
    pub(super) async fn hear(
        &mut self,
        notification: &Notification,
        stream: OperationId,
    ) -> Result<Option<String>, String> {
        let number = notification.id;
        let open = self.0.get_mut(&stream);
        let open = open.ok_or_else(|| {
            format!("notification {number} comes on the stream of operation {stream}, not open")
        })?;
        let item = open.next().await?;
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
