//! The bytes that carry a notification on a stream.

use bytes::Bytes;

use crate::exchange::Carrier;
use crate::stream::Event;

/// Whether a notification is worded as on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::player) enum Wording {
    /// To the byte.
    Recorded,
    /// Its data is another.
    Anew,
}

/// What goes on a stream for a notification of this data.
pub(in crate::player) fn carried(carrier: &Carrier, data: &[u8], wording: Wording) -> Bytes {
    match carrier {
        Carrier::Event(recorded) => {
            if let (Wording::Recorded, Some(written)) = (wording, &recorded.written) {
                return Bytes::from(written.clone());
            }
            let event = Event {
                event: recorded.event.clone(),
                id: recorded.id.clone(),
                retry: recorded.retry,
                data: Some(String::from_utf8_lossy(data).into_owned()),
                written: None,
            };
            Bytes::from(event.write())
        }
        Carrier::Line(_) => Bytes::from([data, b"\n"].concat()),
        Carrier::Message(_) | Carrier::Bayeux => Bytes::copy_from_slice(data),
    }
}
