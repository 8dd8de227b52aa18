//! What client and service agreed on: the `Sec-WebSocket-Extensions` of the response (RFC 6455 §9.1,
//! RFC 7692 §7.1).
//!
//! Whether the client had offered it is the client's business.

/// The extensions of a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Agreement {
    /// None.
    #[default]
    Plain,
    /// `permessage-deflate` (RFC 7692).
    Deflate {
        /// Whether the client's messages are compressed with the context of those before.
        client: Takeover,
        /// Whether the service's are.
        service: Takeover,
    },
    /// One that is not known here, or in a way that is not: as it was written.
    Unknown(String),
}

/// Whether a compressed message builds on those before it (RFC 7692 §7.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Takeover {
    /// It may.
    #[default]
    Yes,
    /// It does not.
    No,
}

impl Agreement {
    /// Reads the values of the response's `Sec-WebSocket-Extensions` fields.
    pub fn read<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Agreement {
        let fields: Vec<_> = fields.map(String::from_utf8_lossy).collect();
        let written = fields.join(", ");
        let mut extensions = written.split(',').map(str::trim);
        let mut extensions = extensions.by_ref().filter(|name| !name.is_empty());
        let read = match (extensions.next(), extensions.next()) {
            (None, _) => Some(Agreement::Plain),
            (Some(extension), None) => deflate(extension),
            (Some(_), Some(_)) => None,
        };
        read.unwrap_or(Agreement::Unknown(written))
    }
}

/// Reads `permessage-deflate` with its parameters (RFC 7692 §7.1); `None` for anything else, and for
/// what a client would have to refuse.
fn deflate(extension: &str) -> Option<Agreement> {
    let mut parts = extension.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("permessage-deflate") {
        return None;
    }
    let (mut client, mut service) = (Takeover::Yes, Takeover::Yes);
    let mut seen = Vec::new();
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (part, None),
        };
        let name = name.to_ascii_lowercase();
        match (name.as_str(), value) {
            ("client_no_context_takeover", None) => client = Takeover::No,
            ("server_no_context_takeover", None) => service = Takeover::No,
            (
                "client_max_window_bits" | "server_max_window_bits",
                Some("8" | "9" | "10" | "11" | "12" | "13" | "14" | "15"),
            ) => {}
            _ => return None,
        }
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
    }
    Some(Agreement::Deflate { client, service })
}

#[cfg(test)]
mod tests {
    use super::Takeover::{No, Yes};
    use super::*;

    fn read(fields: &[&str]) -> Agreement {
        Agreement::read(fields.iter().map(|field| field.as_bytes()))
    }

    #[test]
    fn what_was_agreed_on() {
        let deflate = |client, service| Agreement::Deflate { client, service };
        for (fields, expected) in [
            (&[][..], Agreement::Plain),
            (&["", " , "], Agreement::Plain),
            (&["permessage-deflate"], deflate(Yes, Yes)),
            (&["", "Permessage-Deflate"], deflate(Yes, Yes)),
            (
                &["permessage-deflate; server_no_context_takeover"],
                deflate(Yes, No),
            ),
            (
                &["permessage-deflate;client_no_context_takeover ; server_max_window_bits=10"],
                deflate(No, Yes),
            ),
            (
                &[
                    "permessage-deflate; client_max_window_bits=\"8\"; server_no_context_takeover; client_no_context_takeover",
                ],
                deflate(No, No),
            ),
        ] {
            assert_eq!(read(fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_told_as_it_was_written() {
        for field in [
            "x-webkit-deflate-frame",
            "permessage-deflate, permessage-deflate",
            "permessage-deflate, x-other",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=08",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; mystery",
            "permessage-deflate;",
        ] {
            assert_eq!(read(&[field]), Agreement::Unknown(field.to_owned()));
        }
        let two = Agreement::Unknown("a, b".to_owned());
        assert_eq!(read(&["a", "b"]), two);
    }
}
