//! The content of a message: bytes first, everything else a view of them.

use bytes::Bytes;
use serde_json::value::RawValue;

/// The content of a request, response or notification, byte for byte; of a large one perhaps only
/// the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    bytes: Bytes,
    cut: Option<Cut>,
}

/// What is known of a body of which only the beginning was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// All of it passed.
    Passed {
        /// Its length in bytes.
        length: u64,
        /// The BLAKE3 digest of all its bytes: `blake3:` and 64 hexadecimal digits.
        digest: String,
    },
    /// The rest was never seen: whoever sent it broke off, or was answered before.
    Unseen,
}

impl Body {
    /// A body of exactly these bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Body {
            bytes: bytes.into(),
            cut: None,
        }
    }

    /// The beginning of a body.
    pub fn beginning(bytes: impl Into<Bytes>, cut: Cut) -> Self {
        Body {
            bytes: bytes.into(),
            cut: Some(cut),
        }
    }

    /// The bytes: all of them, or the beginning where the body was cut.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What is known of the whole, where this is only its beginning.
    pub fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes as text, where they are UTF-8.
    pub fn text(&self) -> Option<&str> {
        simdutf8::basic::from_utf8(&self.bytes).ok()
    }

    /// The body as JSON with every token as it was written, where it is one JSON value. The
    /// beginning of a body is none, whatever it looks like.
    pub fn json(&self) -> Option<&RawValue> {
        match self.cut {
            None => serde_json::from_slice(&self.bytes).ok(),
            Some(_) => None,
        }
    }
}
