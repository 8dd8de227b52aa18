//! The content of a message: bytes first, everything else a view of them.

use bytes::Bytes;
use serde_json::value::RawValue;

/// The content of a request, response or notification, byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body(Bytes);

impl Body {
    /// A body of exactly these bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Body(bytes.into())
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes as text, where they are UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The body as JSON with every token as it was written, where it is one JSON value.
    pub fn json(&self) -> Option<&RawValue> {
        serde_json::from_slice(&self.0).ok()
    }
}
