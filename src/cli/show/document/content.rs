//! A body in the document, as what it is: JSON, text or bytes; and how much of it was kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::exchange::{Body, Cut};

/// A body: `null` where it is empty; its own JSON, token for token; its text; else its bytes as
/// `{"base64":…}`. One that was cut is `{"text":…,"cut":{…}}`, or with `base64`.
pub(super) struct Content<'a>(pub(super) &'a Body);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(cut) = self.0.cut() {
            return self.beginning(cut, serializer);
        }
        if self.0.is_empty() {
            return serializer.serialize_none();
        }
        match (self.0.json(), self.0.text()) {
            (Some(json), _) => json.serialize(serializer),
            (None, Some(text)) => serializer.serialize_str(text),
            (None, None) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("base64", &BASE64.encode(self.0.bytes()))?;
                map.end()
            }
        }
    }
}

impl Content<'_> {
    fn beginning<S: Serializer>(&self, cut: &Cut, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        match self.0.text() {
            Some(text) => map.serialize_entry("text", text)?,
            None => map.serialize_entry("base64", &BASE64.encode(self.0.bytes()))?,
        }
        let whole = match cut {
            Cut::Passed { length, digest } => Whole {
                length: Some(*length),
                digest: Some(digest),
            },
            Cut::Unseen => Whole::default(),
        };
        map.serialize_entry("cut", &whole)?;
        map.end()
    }
}

/// What is known of the whole of a body that was cut; nothing where the rest was never seen.
#[derive(Default, Serialize)]
struct Whole<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
}
