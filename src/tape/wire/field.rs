//! The values that are narrower than their JSON types: a flag, a status code, a header field's value.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use crate::exchange::Headers;

use super::body::decode;

/// The value `true`; what is not so is left out.
pub(super) struct True;

impl<'de> Deserialize<'de> for True {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if bool::deserialize(deserializer)? {
            Ok(True)
        } else {
            Err(D::Error::custom("false: expected true, or no such field"))
        }
    }
}

/// A status code.
pub(super) struct WireStatus(pub(super) u16);

impl<'de> Deserialize<'de> for WireStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u16::deserialize(deserializer)? {
            status @ 100..=599 => Ok(WireStatus(status)),
            other => Err(D::Error::custom(format!(
                "status {other}: expected 100 to 599"
            ))),
        }
    }
}

/// The value of a header field: a string where it is UTF-8, else `{"base64":…}`.
pub(super) struct WireValue(Vec<u8>);

impl<'de> Deserialize<'de> for WireValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;

        impl<'de> Visitor<'de> for Value {
            type Value = WireValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or {\"base64\":…}")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<WireValue, E> {
                Ok(WireValue(text.as_bytes().to_vec()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WireValue, A::Error> {
                let octets = Octets::deserialize(MapAccessDeserializer::new(map))?;
                decode(&octets.base64)
                    .map(WireValue)
                    .map_err(A::Error::custom)
            }
        }

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Octets {
            base64: String,
        }

        deserializer.deserialize_any(Value)
    }
}

/// The header fields, in order.
pub(super) fn headers(wire: &[(String, WireValue)]) -> Headers {
    Headers::exactly(|| {
        let fields = wire.iter();
        fields.map(|(name, WireValue(value))| (name.as_str(), value.as_slice()))
    })
}
