//! Content as it is compared: JSON as JSON, a form by its fields, and the rest as it stands.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::compare::Json;
use crate::exchange::{Headers, credentials};

use super::field::{is_form, media_type};

/// How many octets of content are told of in a report.
const MAX_TOLD: usize = 16;

/// How the types of content that has several parts begin.
const MULTIPART: &str = "multipart/";

/// The content of a message, taken apart once for comparing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// JSON.
    Json(Json),
    /// The fields of a form, sorted.
    Form(Vec<(String, String)>),
    /// Anything else; of several parts with another delimiter between them.
    Other(Vec<u8>),
}

impl Content {
    /// Takes the content of a message with these header fields apart.
    pub fn of(headers: &Headers, bytes: &[u8]) -> Content {
        if let Some(json) = Json::parse(bytes) {
            Content::Json(json)
        } else if is_form(headers) && !bytes.is_empty() {
            Content::Form(form(bytes))
        } else {
            Content::Other(with_plain_boundary(headers, bytes))
        }
    }

    /// The content as one value that tells all of it: JSON, the fields of a form as an object, a text as a string,
    /// octets as `{"base64":…}`; nothing if empty.
    pub fn into_value(self) -> Option<Json> {
        match self {
            Content::Json(json) => Some(json),
            Content::Form(fields) => Some(as_json(&fields)),
            Content::Other(bytes) if bytes.is_empty() => None,
            Content::Other(bytes) => Some(match String::from_utf8(bytes) {
                Ok(text) => Json::String(text),
                Err(octets) => {
                    let base64 = Json::String(BASE64.encode(octets.as_bytes()));
                    Json::Object(vec![("base64".to_owned(), base64)])
                }
            }),
        }
    }

    /// The content as it stands in a report: JSON, text, or for octets how many and the first of those
    /// that the other's are not; nothing if empty.
    pub(super) fn shown(&self, other: &Content) -> Option<Json> {
        match self {
            Content::Json(json) => Some(json.clone()),
            Content::Form(fields) => Some(as_json(fields)),
            Content::Other(bytes) if bytes.is_empty() => None,
            Content::Other(bytes) => Some(Json::String(match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => text.to_owned(),
                Ok(_) | Err(_) => told(bytes, other),
            })),
        }
    }
}

/// Octets in words: how many, and some from the first on that the other content does not have there.
fn told(bytes: &[u8], other: &Content) -> String {
    let length = bytes.len();
    let Content::Other(other) = other else {
        return format!("{length} bytes that are not text");
    };
    let pairs = bytes.iter().zip(other);
    let same = pairs.take_while(|(one, other)| one == other).count();
    let rest = bytes.get(same..).unwrap_or_default();
    let mut hex = String::new();
    for byte in rest.iter().take(MAX_TOLD) {
        // A String takes all that it is given, so there is no error to report.
        let _ = write!(hex, "{byte:02x}");
    }
    let more = if rest.len() > MAX_TOLD { "…" } else { "" };
    format!("{length} bytes that are not text, from byte {same} on {hex}{more}")
}

/// The parameters of a query as an object; nothing where there is none.
pub fn parameters(query: &str) -> Option<Json> {
    (!query.is_empty()).then(|| as_json(&form(query.as_bytes())))
}

/// The fields of a form or a query, sorted.
pub(super) fn form(bytes: &[u8]) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = form_urlencoded::parse(bytes).into_owned().collect();
    fields.sort();
    fields
}

/// Content of several parts with another delimiter between them, the same for all: clients make
/// one up for each request (RFC 2046 §5.1).
fn with_plain_boundary(headers: &Headers, bytes: &[u8]) -> Vec<u8> {
    let boundary = || {
        let several = media_type(headers)?.get(..MULTIPART.len())?;
        let several = several.eq_ignore_ascii_case(MULTIPART);
        let value = std::str::from_utf8(headers.get("content-type")?).ok()?;
        let parameters = value.split(';').skip(1);
        let named = parameters.filter_map(|parameter| parameter.trim().split_once('='));
        let mut boundary = named.filter(|(name, _)| name.eq_ignore_ascii_case("boundary"));
        let (_, value) = boundary.next().filter(|_| several)?;
        Some(format!("--{}", credentials::unquoted(value)))
    };
    let Some(delimiter) = boundary().filter(|delimiter| delimiter.len() > 2) else {
        return bytes.to_vec();
    };
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(place) = memchr::memmem::find(rest, delimiter.as_bytes()) {
        plain.extend_from_slice(rest.get(..place).unwrap_or_default());
        plain.extend_from_slice(b"--");
        rest = rest.get(place + delimiter.len()..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    plain
}

/// A query as an object: one member a name, whose value is a string, or an array where it repeats.
pub(super) fn as_json(query: &[(String, String)]) -> Json {
    let mut members: Vec<(String, Json)> = Vec::new();
    for (name, value) in query {
        let value = Json::String(value.clone());
        match members.last_mut() {
            Some((last, Json::Array(values))) if last == name => values.push(value),
            Some((last, first)) if last == name => *first = Json::Array(vec![first.clone(), value]),
            _ => members.push((name.clone(), value)),
        }
    }
    Json::Object(members)
}
