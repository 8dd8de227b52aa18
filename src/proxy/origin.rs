//! The origin of a service (RFC 6454), and what names it in header fields and texts. Pure.
//!
//! That its scheme calls for TLS is for those to know who connect.

use std::fmt;
use std::str::FromStr;

use bytes::{Bytes, BytesMut};
use http::Uri;
use thiserror::Error;

/// Fields of a Set-Cookie whose name promises a secure origin (RFC 6265bis §4.1.3): without `Secure`
/// a client would drop them everywhere.
const SECURE_NAMES: [&str; 2] = ["__Secure-", "__Host-"];

/// What a URL begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`.
    Http,
    /// `https`.
    Https,
}

/// `http://HOST[:PORT]`, or `https`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    /// In lower case; an IPv6 address in brackets.
    host: String,
    port: u16,
}

/// Why a text is no origin of an upstream.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum OriginError {
    /// It is no URL.
    #[error("{0:?} is no URL such as http://127.0.0.1:9090")]
    Url(String),
    /// It is of another scheme.
    #[error("{url:?}: the scheme {scheme} is neither http nor https")]
    Scheme {
        /// The URL.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// It goes on behind the authority.
    #[error("{0:?} has more than a host and a port")]
    More(String),
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Origin, OriginError> {
        let url = || OriginError::Url(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| url())?;
        let scheme = uri.scheme_str().ok_or_else(url)?;
        let scheme = Scheme::of(scheme).ok_or_else(|| OriginError::Scheme {
            url: text.to_owned(),
            scheme: scheme.to_owned(),
        })?;
        let authority = uri.authority().ok_or_else(url)?;
        let more = authority.as_str().contains('@')
            || uri.query().is_some()
            || !matches!(uri.path(), "" | "/");
        if more || text.contains('#') {
            return Err(OriginError::More(text.to_owned()));
        }
        Origin::of_authority(scheme, authority.as_str()).ok_or_else(url)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.authority())
    }
}

impl Scheme {
    /// The scheme of this name.
    fn of(name: &str) -> Option<Scheme> {
        [Scheme::Http, Scheme::Https]
            .into_iter()
            .find(|scheme| scheme.name() == name)
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The port that a URL means which names none (RFC 9110 §4.2).
    fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }

    /// What stands before an authority: plain, and with the slashes that a JSON string has escaped.
    fn starts(self) -> [&'static [u8]; 2] {
        match self {
            Scheme::Http => [b"http://", br"http:\/\/"],
            Scheme::Https => [b"https://", br"https:\/\/"],
        }
    }
}

impl Origin {
    /// What its URLs begin with.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its host: a name, or an address without brackets.
    pub(super) fn host(&self) -> &str {
        let inner = self.host.strip_prefix('[');
        let inner = inner.and_then(|rest| rest.strip_suffix(']'));
        inner.unwrap_or(&self.host)
    }

    /// The origin of `HOST[:PORT]`, as a `Host` field has it.
    pub(super) fn of_authority(scheme: Scheme, authority: &str) -> Option<Origin> {
        let authority: http::uri::Authority = authority.parse().ok()?;
        // The type itself takes a port that is no number for none at all.
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" => scheme.port(),
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        Some(Origin {
            scheme,
            host: authority.host().to_ascii_lowercase(),
            port,
        })
        .filter(|origin| !origin.host.is_empty() && port != 0)
    }

    /// `HOST[:PORT]`, without a port that goes without saying.
    pub(super) fn authority(&self) -> String {
        match self.port {
            port if port == self.scheme.port() => self.host.clone(),
            port => format!("{}:{port}", self.host),
        }
    }

    /// How many bytes of `text`, which follow its scheme, name this origin; `None` where they name
    /// another one, or more than it.
    fn named_by(&self, text: &[u8]) -> Option<usize> {
        let host = text.get(..self.host.len())?;
        if !host.eq_ignore_ascii_case(self.host.as_bytes()) {
            return None;
        }
        let port = format!(":{}", self.port);
        let rest = text.get(host.len()..)?;
        let (length, rest) = match rest.strip_prefix(port.as_bytes()) {
            Some(rest) => (host.len() + port.len(), rest),
            None if self.port == self.scheme.port() => (host.len(), rest),
            None => return None,
        };
        let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_~%@:".contains(byte);
        // A full stop may end a sentence, and not the name.
        let next = rest.strip_prefix(b".").unwrap_or(rest).first();
        let longer = next.is_some_and(goes_on);
        (!longer).then_some(length)
    }

    /// A URL reference of this origin as one of `other`; `None` where it is relative, or not of this
    /// origin.
    pub(super) fn reference(&self, reference: &[u8], other: &Origin) -> Option<Vec<u8>> {
        let [plain, _] = self.scheme.starts();
        let start = reference.get(..plain.len());
        let absolute = start.filter(|start| start.eq_ignore_ascii_case(plain));
        let start = absolute.or_else(|| reference.get(..2).filter(|start| start == b"//"))?;
        let rest = reference.get(start.len()..)?;
        let length = self.named_by(rest)?;
        let mut moved = match absolute {
            Some(_) if self.scheme != other.scheme => {
                let [plain, _] = other.scheme.starts();
                plain.to_vec()
            }
            _ => start.to_vec(),
        };
        moved.extend_from_slice(other.authority().as_bytes());
        moved.extend_from_slice(rest.get(length..)?);
        Some(moved)
    }

    /// A text with every absolute URL of this origin made one of `other`, also those whose slashes a
    /// JSON string has escaped; `None` where there is none.
    pub(super) fn text(&self, text: &[u8], other: &Origin) -> Option<Bytes> {
        let authority = other.authority();
        let mut moved = BytesMut::new();
        let mut done = 0;
        let colon = format!("{}:", self.scheme.name());
        for place in memchr::memmem::find_iter(text, colon.as_bytes()) {
            let rest = text.get(place..).unwrap_or_default();
            let mut starts = self.scheme.starts().into_iter().zip(other.scheme.starts());
            let Some((start, new)) = starts.find(|(start, _)| rest.starts_with(start)) else {
                continue;
            };
            let named = rest.get(start.len()..);
            let Some(length) = named.and_then(|rest| self.named_by(rest)) else {
                continue;
            };
            moved.extend_from_slice(text.get(done..place).unwrap_or_default());
            moved.extend_from_slice(new);
            moved.extend_from_slice(authority.as_bytes());
            done = place + start.len() + length;
        }
        if done == 0 {
            return None;
        }
        moved.extend_from_slice(text.get(done..).unwrap_or_default());
        Some(moved.freeze())
    }

    /// A `Set-Cookie` of this origin as one that a client takes from `other`; `None` where it is as
    /// good as it is.
    ///
    /// A `Domain` that covers this origin is left out, which makes the cookie one of the other origin
    /// alone. For an `http` origin `Secure` is left out, and `SameSite=None` with it, which needs it. A
    /// cookie that is none without `Secure`, by its name or because it is `Partitioned`, keeps it.
    pub(super) fn cookie(&self, cookie: &[u8], other: &Origin) -> Option<Vec<u8>> {
        let mut parts = cookie.split(|byte| *byte == b';');
        let pair = parts.next().unwrap_or_default();
        let name = pair.trim_ascii_start();
        let attributes: Vec<&[u8]> = parts.collect();
        let has = |attribute: &[u8]| {
            let mut parts = attributes.iter().map(|part| part.trim_ascii());
            parts.any(|part| part.eq_ignore_ascii_case(attribute))
        };
        let secure = has(b"secure");
        let secure_name = |prefix: &&str| name.starts_with(prefix.as_bytes());
        let keeps_it = other.scheme == Scheme::Https
            || SECURE_NAMES.iter().any(secure_name)
            || has(b"partitioned");
        let mut moved = pair.to_vec();
        for part in &attributes {
            let mut halves = part.splitn(2, |byte| *byte == b'=');
            let name = halves.next().unwrap_or_default().trim_ascii();
            let value = halves.next().unwrap_or_default().trim_ascii();
            let drop = if name.eq_ignore_ascii_case(b"domain") {
                self.is_within(value)
            } else if name.eq_ignore_ascii_case(b"samesite") {
                secure && !keeps_it && value.eq_ignore_ascii_case(b"none")
            } else {
                name.eq_ignore_ascii_case(b"secure") && !keeps_it
            };
            if !drop {
                moved.push(b';');
                moved.extend_from_slice(part);
            }
        }
        (moved != cookie).then_some(moved)
    }

    /// Whether this origin's host is, or is below, the domain of a cookie (RFC 6265 §5.1.3).
    fn is_within(&self, domain: &[u8]) -> bool {
        let domain = domain.strip_prefix(b".").unwrap_or(domain);
        let host = self.host.as_bytes();
        let start = host.len().checked_sub(domain.len());
        let Some((before, end)) = start.and_then(|start| host.split_at_checked(start)) else {
            return false;
        };
        !domain.is_empty()
            && end.eq_ignore_ascii_case(domain)
            && (before.is_empty() || before.ends_with(b"."))
    }
}

#[cfg(test)]
mod tests;
