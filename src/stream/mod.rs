//! Streams of messages in the content of a response, sans-I/O: bytes in at any boundary, messages out;
//! and messages as the bytes that carry them.
//!
//! It knows neither who sends them nor why. Content codings are taken off by [`Plain`].

mod events;
mod lines;
mod plain;

pub use events::{Event, Events};
pub use lines::Lines;
pub use plain::Plain;

use bytes::Bytes;

/// The longest message that is read: as much as any sample may have, and little enough to hold for each
/// stream.
pub const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// Something that came on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A server-sent event.
    Event(Event),
    /// A comment between or within events, without its colon; or an empty line between lines.
    Comment(String),
    /// A line, without what ends it.
    Line(Bytes),
    /// A message that is longer than [`MAX_MESSAGE`], or cannot be read: it was passed over.
    Lost,
}
