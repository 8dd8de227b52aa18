//! The content of a message: bytes first, everything else a view of them.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::json::Compact;

/// The content of a request, response or notification, byte for byte; of a large one perhaps only
/// the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    bytes: Bytes,
    cut: Option<Cut>,
    nesting: Nesting,
}

/// How deep the bytes nest as compact JSON, where somebody has found that out. It follows from them, so that it makes
/// no body another.
#[derive(Clone, Copy, Debug, Default)]
struct Nesting(Option<u8>);

impl PartialEq for Nesting {
    fn eq(&self, _: &Nesting) -> bool {
        true
    }
}

impl Eq for Nesting {}

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
            nesting: Nesting(None),
        }
    }

    /// The beginning of a body.
    pub fn beginning(bytes: impl Into<Bytes>, cut: Cut) -> Self {
        Body {
            bytes: bytes.into(),
            cut: Some(cut),
            nesting: Nesting(None),
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

    /// Notes what was found of the bytes when they were gone through, for whoever would have to do that again.
    pub fn found(&mut self, compact: Option<Compact>) {
        let whole = |compact: &Compact| compact.length == self.bytes.len() && self.cut.is_none();
        let depth = compact.filter(whole).map(|compact| compact.depth);
        self.nesting = Nesting(depth.and_then(|depth| depth.try_into().ok()));
    }

    /// How deep the body nests as JSON without white space between its tokens, where it was found to be that.
    pub fn nesting(&self) -> Option<usize> {
        self.nesting.0.map(usize::from)
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
