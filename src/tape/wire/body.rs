//! The wire form of a body: which of `json`, `text` and `base64` gives its bytes back exactly, and
//! what is known of the whole (`cut`) where only its beginning was kept.
//!
//! It does not look into the JSON; what a message means is the business of whoever reads it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use memchr::{memchr, memchr3};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::value::RawValue;

use crate::exchange::json::{Scanner, Space};
use crate::exchange::{Body, Cut};
use crate::tape::json::{Object, Writer, present};
use crate::tape::layout::{self, MAX_INDENT, Spacing};

/// How deep the JSON of an embedded body may nest; a deeper one stands as text. With the tape's own
/// levels around it, this stays below the 128 at which common JSON readers give up, and it bounds
/// what indentation can add.
pub(super) const MAX_EMBEDDED_DEPTH: usize = 100;

/// The largest body that stands as embedded JSON; a larger one stands as text. A few bytes and a
/// wide indentation could otherwise make a body that fills the memory.
pub(super) const MAX_EMBEDDED_BYTES: usize = 64 * 1024 * 1024;

/// The content of a message; absent where it is empty.
#[derive(Default)]
pub(in crate::tape) struct WireBody(pub(in crate::tape) Body);

impl<'de> Deserialize<'de> for WireBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(form) = Object::<BodyForm>::deserialize(deserializer)?;
        form.body().map(WireBody).map_err(D::Error::custom)
    }
}

/// What the digest of a whole body begins with; 64 hexadecimal digits follow.
const DIGEST: &str = "blake3:";

/// Writes a body into the object that has it; an empty one is left out.
pub(in crate::tape) fn write(object: Writer, name: &str, body: &Body) -> Writer {
    if body.is_empty() && body.cut().is_none() {
        return object;
    }
    object.object(name, |form| {
        let text = body.text();
        let json = text.and_then(|text| Some((text, embeddable(text, body)?)));
        let form = match (json, text) {
            (Some((json, Spacing::Compact)), _) => form.raw("json", json),
            (Some((json, spacing)), _) => form
                .raw("json", &layout::compact(json))
                .string("layout", &spacing_name(spacing)),
            // What has a NUL is no text for people, and its escapes would take six bytes each.
            (None, Some(text)) if memchr(0, text.as_bytes()).is_none() => form.string("text", text),
            (None, _) => form.string("base64", &BASE64.encode(body.bytes())),
        };
        form.optional_raw("cut", body.cut().map(write_cut))
    })
}

/// The bytes that a base64 text stands for.
pub(in crate::tape) fn decode(base64: &str) -> Result<Vec<u8>, String> {
    BASE64
        .decode(base64)
        .map_err(|error| format!("not base64: {error}"))
}

/// The forms that a body can have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BodyForm<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    json: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "present")]
    layout: Option<String>,
    #[serde(default, deserialize_with = "present")]
    text: Option<String>,
    #[serde(default, deserialize_with = "present")]
    base64: Option<String>,
    #[serde(default, deserialize_with = "present")]
    cut: Option<Object<WireCut>>,
}

/// What is known of the whole: its length and digest, or nothing where the rest was never seen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCut {
    #[serde(default, deserialize_with = "present")]
    length: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    digest: Option<String>,
}

impl WireCut {
    fn cut(self) -> Result<Cut, String> {
        match (self.length, self.digest) {
            (Some(length), Some(digest)) if is_digest(&digest) => {
                Ok(Cut::Passed { length, digest })
            }
            (Some(_), Some(digest)) => Err(format!(
                "digest `{digest}`: expected {DIGEST} and 64 hexadecimal digits"
            )),
            (None, None) => Ok(Cut::Unseen),
            _ => Err("expected both `length` and `digest` of a cut body, or neither".into()),
        }
    }
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix(DIGEST).is_some_and(|hex| {
        hex.len() == 2 * blake3::OUT_LEN && hex.bytes().all(|c| c.is_ascii_hexdigit())
    })
}

fn write_cut(cut: &Cut) -> String {
    match cut {
        Cut::Passed { length, digest } => Writer::new()
            .number("length", *length)
            .string("digest", digest)
            .end(),
        Cut::Unseen => Writer::new().end(),
    }
}

impl<'a> BodyForm<'a> {
    /// The JSON that is the body, where it stands as such without a layout.
    pub(super) fn plain_json(&self) -> Option<&'a str> {
        let BodyForm {
            json,
            layout,
            text,
            base64,
            cut,
        } = self;
        let plain = layout.is_none() && text.is_none() && base64.is_none() && cut.is_none();
        json.filter(|_| plain).map(RawValue::get)
    }

    pub(super) fn body(mut self) -> Result<Body, String> {
        match (self.cut.take(), &self.json) {
            (None, _) => self.whole(),
            (Some(_), Some(_)) => {
                Err("a cut body as `json`: expected its beginning as `text` or `base64`".into())
            }
            (Some(Object(cut)), None) => {
                let beginning = self.whole()?;
                Ok(Body::beginning(beginning.bytes().clone(), cut.cut()?))
            }
        }
    }

    fn whole(self) -> Result<Body, String> {
        match (self.json, self.layout, self.text, self.base64) {
            (Some(json), layout, None, None) => {
                let spacing = layout.as_deref().map_or(Ok(Spacing::Compact), spacing)?;
                if !is_shallow(json.get()) {
                    return Err(format!(
                        "`json` nested deeper than {MAX_EMBEDDED_DEPTH}: expected it as `text`"
                    ));
                }
                if spacing == Spacing::Compact && is_dense(json.get()) {
                    return Ok(Body::new(Bytes::copy_from_slice(json.get().as_bytes())));
                }
                let bytes = layout::lay_out(json.get(), spacing, MAX_EMBEDDED_BYTES);
                bytes.map(Body::new).ok_or_else(|| {
                    format!("a `json` body above {MAX_EMBEDDED_BYTES} bytes: expected it as `text`")
                })
            }
            (None, None, Some(text), None) => Ok(Body::new(text)),
            (None, None, None, Some(base64)) => decode(&base64).map(Body::new),
            _ => Err(
                "expected one of `json` (which may have a `layout`), `text` and `base64`".into(),
            ),
        }
    }
}

/// Whether JSON nests no deeper than what is embedded may. To count brackets is quicker than to follow them, and
/// nearly always says enough.
pub(super) fn is_shallow(json: &str) -> bool {
    // The two differ in one bit. So many bytes at a time can be counted in one.
    let opens = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| u8::from(byte | 0x20 == b'{'))
            .sum::<u8>()
    };
    let pieces = json.as_bytes().chunks(128);
    let open: usize = pieces.map(|bytes| usize::from(opens(bytes))).sum();
    open <= MAX_EMBEDDED_DEPTH || layout::depth(json) <= MAX_EMBEDDED_DEPTH
}

/// Whether JSON is short enough to be embedded and surely compact: no white space stands in it at all.
fn is_dense(json: &str) -> bool {
    let bytes = json.as_bytes();
    bytes.len() <= MAX_EMBEDDED_BYTES
        && memchr3(b' ', b'\n', b'\t', bytes).is_none()
        && memchr(b'\r', bytes).is_none()
}

/// The spacing with a name that gives a body back byte for byte, where it is JSON and there is one.
fn embeddable(text: &str, body: &Body) -> Option<Spacing> {
    if text.len() > MAX_EMBEDDED_BYTES || body.cut().is_some() || !text.starts_with(begins_json) {
        return None;
    }
    if let Some(depth) = body.nesting() {
        return (depth <= MAX_EMBEDDED_DEPTH).then_some(Spacing::Compact);
    }
    let mut scanner = Scanner::new(text, MAX_EMBEDDED_DEPTH);
    scanner.by_ref().for_each(drop);
    // The JSON leaves out white space around it, the body does not.
    (scanner.length() == Some(text.len())).then_some(())?;
    match scanner.space() {
        Space::None => Some(Spacing::Compact),
        Space::Some => layout::spacing(text),
    }
}

/// Whether JSON may begin so. Nothing is gone through that shows in its first character that it is none.
fn begins_json(c: char) -> bool {
    matches!(c, '{' | '[' | '"' | '-' | 't' | 'f' | 'n') || c.is_ascii_digit()
}

fn spacing_name(spacing: Spacing) -> String {
    match spacing {
        Spacing::Compact => "compact".into(),
        Spacing::Spaced => "spaced".into(),
        Spacing::Indent(width) => format!("indent {width}"),
    }
}

/// The spacing that a body's `layout` names.
fn spacing(name: &str) -> Result<Spacing, String> {
    let indent = name
        .strip_prefix("indent ")
        .and_then(|width| width.parse().ok())
        .filter(|width| *width <= MAX_INDENT)
        .map(Spacing::Indent);
    match name {
        "compact" => Ok(Spacing::Compact),
        "spaced" => Ok(Spacing::Spaced),
        _ => indent.ok_or_else(|| {
            format!(
                "unknown layout `{name}`: expected compact, spaced, or indent 0 to {MAX_INDENT}"
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A body as it is written, and whether it was known to be compact JSON before.
    fn written(mut body: Body, found_in: &str) -> (String, bool) {
        let mut scanner = Scanner::new(found_in, usize::MAX);
        scanner.by_ref().for_each(drop);
        body.found(scanner.compact());
        let is_known = body.nesting().is_some();
        (write(Writer::new(), "body", &body).end(), is_known)
    }

    proptest! {
        #[test]
        fn a_body_is_written_alike_whether_it_is_known_to_be_json_or_not(
            pieces in prop::collection::vec("[{}\\[\\]]|\"[ab]\":|[,:1 ]|\"[a é]{0,9}\"", 0..9),
            deep in prop_oneof![Just(0), 98_usize..103],
        ) {
            let text = format!("{}{}{}", "[".repeat(deep), pieces.concat(), "]".repeat(deep));
            let (known, is_known) = written(Body::new(text.clone()), &text);
            let (unknown, _) = written(Body::new(text.clone()), "");
            prop_assert_eq!(known, unknown);
            let is_json = serde_json::from_str::<&RawValue>(&text).is_ok();
            prop_assert!(!is_json || text.contains(' ') || is_known, "{}", text);
        }
    }

    #[test]
    fn what_was_found_of_another_text_says_nothing() {
        for (body, found_in) in [
            (Body::new("[1]"), "[12]"),
            (Body::beginning("[1]", Cut::Unseen), "[1]"),
        ] {
            let (_, is_known) = written(body, found_in);
            assert!(!is_known, "{found_in}");
        }
        assert!(written(Body::new("[1]"), "[1]").1);
    }
}
