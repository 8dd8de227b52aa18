//! The names that a request may call a server by. Pure.
//!
//! Whether a well-formed `Host` is a known one is nobody's business here: a server is reached under
//! many names. Only a target in absolute form must name this server (RFC 9112 §3.2.2).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// A server as its own connections know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Local {
    /// Its address.
    pub(super) address: SocketAddr,
    /// What it speaks.
    pub(super) scheme: Scheme,
}

#[cfg(test)]
impl Local {
    /// A server without TLS at this address.
    pub(super) fn plain(address: &str) -> Local {
        Local {
            address: address.parse().unwrap(),
            scheme: Scheme::Http,
        }
    }
}

/// What URLs of a server begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`: without TLS.
    Http,
    /// `https`: with it.
    Https,
}

impl Scheme {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// What URLs of it begin with.
    pub(super) fn prefix(self) -> &'static [u8] {
        match self {
            Scheme::Http => b"http://",
            Scheme::Https => b"https://",
        }
    }

    /// The port that an authority means when it names none (RFC 9110 §4.2).
    fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// A host and a port, as a request names them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Authority<'a> {
    host: &'a str,
    port: u16,
}

impl PartialEq for Authority<'_> {
    /// Hosts are the same in capitals (RFC 9110 §4.2.3).
    fn eq(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(other.host) && self.port == other.port
    }
}

impl Eq for Authority<'_> {}

impl<'a> Authority<'a> {
    /// Reads `host[:port]` (RFC 9110 §7.2). Narrower than the grammar: a name has the letters, digits
    /// and marks that names have in practice, and is not empty.
    pub(super) fn read(text: &'a [u8], scheme: Scheme) -> Option<Authority<'a>> {
        let text = std::str::from_utf8(text).ok()?;
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            (address, port)
        } else {
            let end = text.find(':').unwrap_or(text.len());
            let (name, port) = text.split_at_checked(end)?;
            let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            if name.is_empty() || !name.bytes().all(good) {
                return None;
            }
            (name, port)
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => scheme.port(),
            Some("") => scheme.port(),
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok()?
            }
            _ => return None,
        };
        Some(Authority { host, port })
    }

    /// Whether this names the server at `local`: its address, or `localhost` where that is it.
    pub(super) fn names(&self, local: SocketAddr) -> bool {
        let ip = local.ip().to_canonical();
        let host = match self.host.parse::<IpAddr>() {
            Ok(named) => named.to_canonical() == ip,
            Err(_) => self.host.eq_ignore_ascii_case("localhost") && ip.is_loopback(),
        };
        host && self.port == local.port()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_may_be() {
        for good in [
            "a",
            "a.example:8080",
            "127.0.0.1:1",
            "[::1]:80",
            "[::1]",
            "a_b:",
            "A-1",
        ] {
            assert!(
                Authority::read(good.as_bytes(), Scheme::Http).is_some(),
                "{good}"
            );
        }
        for bad in [
            "", ":80", "a b", "a,b", "a@b", "a/b", "a:b", "a:80:81", "a:99999", "a:+1", "[::1",
            "[x]", "[::1]x", "a\0", "é", "http://a",
        ] {
            assert_eq!(Authority::read(bad.as_bytes(), Scheme::Http), None, "{bad}");
        }
    }

    #[test]
    fn which_names_are_the_server_s_own() {
        let local: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let read = |text: &'static str| Authority::read(text.as_bytes(), Scheme::Http).unwrap();
        let names = |text: &'static str| read(text).names(local);
        assert!(names("127.0.0.1:8080"));
        assert!(names("LocalHost:8080"));
        assert!(names("[::ffff:127.0.0.1]:8080"));
        assert!(!names("127.0.0.1"));
        assert!(!names("127.0.0.2:8080"));
        assert!(!names("evil.example:8080"));
        assert!(!names("169.254.169.254"));
        let secure = |text: &'static str| Authority::read(text.as_bytes(), Scheme::Https).unwrap();
        assert_eq!(secure("a"), secure("A:443"));
        assert_ne!(secure("a"), read("a"));
    }
}
