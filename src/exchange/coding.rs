//! Content codings (RFC 9110 §8.4): what a body means without them, and whether a client takes them.

use std::borrow::Cow;
use std::io::Read;

use brotli_decompressor::Decompressor;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;

use super::{Body, Headers, Response};

/// How much decoded content is read. A poll's reply of a busy service stays far below; a body that
/// unpacks to more is not worth the memory.
const MAX_DECODED: u64 = 64 * 1024 * 1024;

/// How much brotli's decoder reads at once, as its authors suggest.
const BROTLI_BUFFER: usize = 4_096;

/// How many codings are taken off one body: one is usual, more than a few is an attack.
const MAX_CODINGS: usize = 4;

/// The content without its codings (RFC 9110 §8.4); `None` where a coding is unknown or broken.
pub fn decoded<'a>(headers: &Headers, body: &'a Body) -> Option<Cow<'a, [u8]>> {
    let mut content = Cow::Borrowed(body.bytes().as_ref());
    let Some(codings) = headers.get("content-encoding") else {
        return Some(content);
    };
    let codings = String::from_utf8_lossy(codings);
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

/// The content without its codings, as far as it can be read: of a body that was cut or damaged the
/// beginning. `None` where nothing of it can be.
pub fn decoded_beginning(headers: &Headers, body: &Body) -> Option<Vec<u8>> {
    if let Some(content) = decoded(headers, body) {
        return Some(content.into_owned());
    }
    let codings = headers.get("content-encoding")?;
    let packed = body.bytes().as_ref();
    let mut content = Vec::new();
    let coding = codings.trim_ascii().to_ascii_lowercase();
    // What was read before the damage is in `content`, whatever the reader says of the rest.
    let _ = match coding.as_slice() {
        b"gzip" | b"x-gzip" => limit(MultiGzDecoder::new(packed)).read_to_end(&mut content),
        b"deflate" => limit(ZlibDecoder::new(packed)).read_to_end(&mut content),
        b"br" => limit(Decompressor::new(packed, BROTLI_BUFFER)).read_to_end(&mut content),
        b"zstd" => limit(StreamingDecoder::new(packed).ok()?).read_to_end(&mut content),
        _ => return None,
    };
    (!content.is_empty()).then_some(content)
}

/// A response without the codings of its content; as it is, where it has none or they cannot be taken
/// off.
pub fn plain(response: &Response) -> Response {
    let coded = is_coded(&response.headers) && response.body.cut().is_none();
    let content = coded
        .then(|| decoded(&response.headers, &response.body))
        .flatten();
    let Some(content) = content else {
        return response.clone();
    };
    let fields = response.headers.iter();
    let others = fields.filter(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    Response {
        status: response.status,
        headers: others.collect(),
        body: Body::new(content.into_owned()),
        trailers: response.trailers.clone(),
    }
}

/// Whether content with these header fields has codings.
pub fn is_coded(headers: &Headers) -> bool {
    let codings = headers.get("content-encoding").unwrap_or_default();
    let mut codings = codings.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// Whether a client that sends these `Accept-Encoding` fields takes every coding of content with
/// these header fields (RFC 9110 §12.5.3). One that sends none is taken to want none, as servers do.
pub fn is_accepted(accept: &[&str], headers: &Headers) -> bool {
    let codings = headers
        .get("content-encoding")
        .map(String::from_utf8_lossy)
        .unwrap_or_default();
    let mut codings = codings.split(',').map(str::trim);
    codings.all(|coding| {
        coding.is_empty() || coding.eq_ignore_ascii_case("identity") || takes(accept, coding)
    })
}

/// Whether one coding is accepted: by its name, else by `*`, with any weight but 0.
fn takes(accept: &[&str], coding: &str) -> bool {
    let weight = |name: &str| {
        let members = accept.iter().flat_map(|line| line.split(','));
        members
            .filter_map(|member| {
                let (given, parameters) = member.split_once(';').unwrap_or((member, ""));
                let given = given.trim();
                let alias = given.strip_prefix("x-").unwrap_or(given);
                let wanted = name.strip_prefix("x-").unwrap_or(name);
                alias.eq_ignore_ascii_case(wanted).then_some(parameters)
            })
            .map(|parameters| {
                let weight = parameters.trim().strip_prefix("q=");
                weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0))
            })
            .next()
    };
    let weight: Option<f32> = weight(coding).or_else(|| weight("*"));
    weight.is_some_and(|weight| weight > 0.0)
}

fn limit(reader: impl Read) -> impl Read {
    reader.take(MAX_DECODED)
}

fn unpack(reader: impl Read) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let read = reader
        .take(MAX_DECODED + 1)
        .read_to_end(&mut content)
        .ok()?;
    (u64::try_from(read).ok()? <= MAX_DECODED).then_some(content)
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
    fn a_client_takes_the_codings_that_it_says() {
        for (accept, coding, expected) in [
            (&["gzip, deflate, br"][..], "gzip", true),
            (&["gzip"], "GZIP", true),
            (&["gzip"], "x-gzip", true),
            (&["deflate", "gzip;q=0.5"], "gzip", true),
            (&["gzip;q=0"], "gzip", false),
            (&["gzip;q=0, *"], "gzip", false),
            (&["*"], "br", true),
            (&["*;q=0"], "br", false),
            (&["gzip"], "gzip, br", false),
            (&["gzip, br"], "gzip, br", true),
            (&["br"], "gzip", false),
            (&[], "gzip", false),
            (&[], "identity", true),
            (&[], "", true),
        ] {
            let headers: Headers = [("content-encoding", coding)].into_iter().collect();
            assert_eq!(
                is_accepted(accept, &headers),
                expected,
                "{accept:?} {coding}"
            );
        }
    }
}
