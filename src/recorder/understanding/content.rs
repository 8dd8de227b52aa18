//! Content as it is meant: content codings taken off, and the values that stand in it.
//!
//! What is made here is for reading only; the tape keeps the bytes as they passed. Content that
//! cannot be read has no values, which is all that is said of it.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use brotli_decompressor::Decompressor;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::exchange::{Body, Headers};

/// How much decoded content is read. A poll's reply of a busy service stays far below; a body that
/// unpacks to more is not worth the memory.
const MAX_DECODED: u64 = 64 * 1024 * 1024;

/// How much brotli's decoder reads at once, as its authors suggest.
const BROTLI_BUFFER: usize = 4_096;

/// How many codings are taken off one body: one is usual, more than a few is an attack.
const MAX_CODINGS: usize = 4;

/// How many values of one body are looked at. Identifiers stand near the front, and a list of a
/// thousand contacts tells no more than its first hundred.
const MAX_PARTS: usize = 4_096;

/// A value that stands in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Where: the names on the way to it, without places in arrays, joined by dots.
    pub(super) place: String,
    /// The value.
    pub(super) text: String,
    /// How it was written.
    pub(super) kind: Kind,
}

/// How a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As text.
    Text,
    /// As a whole number.
    Number,
}

impl Part {
    /// The last of the names on the way to the value.
    pub(super) fn key(&self) -> &str {
        self.place.rsplit('.').next().unwrap_or_default()
    }
}

/// The first value of a field, as text.
pub(super) fn field<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    std::str::from_utf8(headers.get(name)?).ok()
}

/// The content without its codings (RFC 9110 §8.4); `None` where a coding is unknown or broken.
pub(super) fn decoded<'a>(headers: &Headers, body: &'a Body) -> Option<Cow<'a, [u8]>> {
    let mut content = Cow::Borrowed(body.bytes().as_ref());
    let codings = field(headers, "content-encoding").unwrap_or_default();
    let codings: Vec<&str> = codings.split(',').map(str::trim).collect();
    if codings.len() > MAX_CODINGS || content.is_empty() {
        return content.is_empty().then_some(content);
    }
    for coding in codings.iter().rev() {
        content = match coding.to_ascii_lowercase().as_str() {
            "" | "identity" => content,
            "gzip" | "x-gzip" => Cow::Owned(unpack(MultiGzDecoder::new(content.as_ref()))?),
            // The name means zlib's format (RFC 9110 §8.4.1.2), and many servers send bare deflate.
            "deflate" => Cow::Owned(
                unpack(ZlibDecoder::new(content.as_ref()))
                    .or_else(|| unpack(DeflateDecoder::new(content.as_ref())))?,
            ),
            "br" => Cow::Owned(unpack(Decompressor::new(content.as_ref(), BROTLI_BUFFER))?),
            "zstd" => Cow::Owned(unpack(StreamingDecoder::new(content.as_ref()).ok()?)?),
            _ => return None,
        };
    }
    Some(content)
}

/// The values of a message's content: JSON, or a form.
pub(super) fn parts(headers: &Headers, body: &Body) -> Vec<Part> {
    let Some(content) = decoded(headers, body) else {
        return Vec::new();
    };
    let kind = field(headers, "content-type").unwrap_or_default();
    let form = "application/x-www-form-urlencoded";
    let begins = content.iter().find(|byte| !byte.is_ascii_whitespace());
    if matches!(begins, Some(b'{' | b'[')) {
        json_parts(&content)
    } else if kind
        .get(..form.len())
        .is_some_and(|kind| kind.eq_ignore_ascii_case(form))
    {
        form_parts(&content)
    } else {
        Vec::new()
    }
}

/// The values in JSON; what stands before damage is kept.
pub(super) fn json_parts(json: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let walk = Walk {
        place: String::new(),
        parts: &mut parts,
    };
    // Where the JSON breaks off, what was read up to there still stands in the message.
    drop(walk.deserialize(&mut deserializer));
    parts
}

/// The fields of a form or a query.
pub(super) fn form_parts(fields: &[u8]) -> Vec<Part> {
    form_urlencoded::parse(fields)
        .take(MAX_PARTS)
        .map(|(name, value)| Part {
            place: name.into_owned(),
            text: value.into_owned(),
            kind: Kind::Text,
        })
        .collect()
}

fn unpack(reader: impl Read) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let read = reader
        .take(MAX_DECODED + 1)
        .read_to_end(&mut content)
        .ok()?;
    (u64::try_from(read).ok()? <= MAX_DECODED).then_some(content)
}

/// Walks a JSON value and keeps its strings and whole numbers.
struct Walk<'a> {
    place: String,
    parts: &'a mut Vec<Part>,
}

impl Walk<'_> {
    fn keep(self, text: String, kind: Kind) {
        if self.parts.len() < MAX_PARTS {
            self.parts.push(Part {
                place: self.place,
                text,
                kind,
            });
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.keep(text.to_owned(), Kind::Text);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.keep(number.to_string(), Kind::Number);
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while self.parts.len() < MAX_PARTS {
            let item = Walk {
                place: self.place.clone(),
                parts: &mut *self.parts,
            };
            if items.next_element_seed(item)?.is_none() {
                return Ok(());
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            let place = if self.place.is_empty() {
                name
            } else {
                format!("{}.{name}", self.place)
            };
            members.next_value_seed(Walk {
                place,
                parts: &mut *self.parts,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn packed(coding: &str, content: &[u8]) -> Vec<u8> {
        let level = Compression::default();
        match coding {
            "gzip" => {
                let mut writer = GzEncoder::new(Vec::new(), level);
                writer.write_all(content).unwrap();
                writer.finish().unwrap()
            }
            "zlib" => {
                let mut writer = ZlibEncoder::new(Vec::new(), level);
                writer.write_all(content).unwrap();
                writer.finish().unwrap()
            }
            _ => {
                let mut writer = DeflateEncoder::new(Vec::new(), level);
                writer.write_all(content).unwrap();
                writer.finish().unwrap()
            }
        }
    }

    /// `{"id":"00010a9F"}` as Node.js packs it.
    const BROTLI: &[u8] = &[
        0x0b, 0x08, 0x80, 0x7b, 0x22, 0x69, 0x64, 0x22, 0x3a, 0x22, 0x30, 0x30, 0x30, 0x31, 0x30,
        0x61, 0x39, 0x46, 0x22, 0x7d, 0x03,
    ];

    /// The same as the `zstd` program packs it.
    const ZSTD: &[u8] = &[
        0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x11, 0x89, 0x00, 0x00, 0x7b, 0x22, 0x69, 0x64, 0x22, 0x3a,
        0x22, 0x30, 0x30, 0x30, 0x31, 0x30, 0x61, 0x39, 0x46, 0x22, 0x7d, 0x53, 0x60, 0xeb, 0x02,
    ];

    #[test]
    fn codings_are_taken_off_in_reverse_order() {
        let content = br#"{"id":"00010a9F"}"#;
        for (coding, body) in [
            ("", content.to_vec()),
            ("GZIP", packed("gzip", content)),
            ("br", BROTLI.to_vec()),
            ("zstd", ZSTD.to_vec()),
            ("br, gzip", packed("gzip", BROTLI)),
            ("deflate", packed("zlib", content)),
            ("deflate", packed("bare", content)),
            (
                "identity, deflate, x-gzip",
                packed("gzip", &packed("zlib", content)),
            ),
        ] {
            let headers: Headers = [("Content-Encoding", coding)].into_iter().collect();
            let body = Body::new(body);
            assert_eq!(
                decoded(&headers, &body).as_deref(),
                Some(&content[..]),
                "{coding}"
            );
        }
        for (coding, body) in [
            ("compress", content.to_vec()),
            ("gzip", content.to_vec()),
            ("br", content.to_vec()),
            ("zstd", content.to_vec()),
            ("zstd", ZSTD[..ZSTD.len() - 6].to_vec()),
        ] {
            let headers: Headers = [("Content-Encoding", coding)].into_iter().collect();
            assert_eq!(decoded(&headers, &Body::new(body)), None, "{coding}");
        }
    }

    #[test]
    fn values_are_found_with_their_places() {
        let found = |parts: Vec<Part>| -> Vec<String> {
            let line = |part: Part| format!("{}={}", part.place, part.text);
            parts.into_iter().map(line).collect()
        };
        let json = br#"{"a":{"b":["x",{"c":7}],"d":null,"e":-1,"f":1.5},"g":true,"h":"\u00e9"}"#;
        assert_eq!(found(json_parts(json)), ["a.b=x", "a.b.c=7", "h=é"]);
        assert_eq!(found(json_parts(br#"{"a":"x","b":"#)), ["a=x"]);
        assert_eq!(found(form_parts(b"user=a%20b&x=1")), ["user=a b", "x=1"]);
        let many = format!("[{}1]", "1,".repeat(MAX_PARTS + 10));
        assert_eq!(json_parts(many.as_bytes()).len(), MAX_PARTS);
    }
}
