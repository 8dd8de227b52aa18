//! The names that a request may call a server by. Pure.
//!
//! Whether a well-formed `Host` is a known one is nobody's business here: a server is reached under
//! many names. Only a target in absolute form must name this server (RFC 9112 §3.2.2).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::head::bytes::are_of_host;

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
    host: &'a [u8],
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
        let split = |end: u8| text.iter().position(|byte| *byte == end);
        let (host, port) = if let [b'[', ..] = text {
            let (address, port) = text.split_at_checked(split(b']')?)?;
            let address = address.get(1..)?;
            std::str::from_utf8(address)
                .ok()?
                .parse::<Ipv6Addr>()
                .ok()?;
            (address, port.get(1..)?)
        } else {
            let end = split(b':').unwrap_or(text.len());
            let (name, port) = text.split_at_checked(end)?;
            if name.is_empty() || !are_of_host(name) {
                return None;
            }
            (name, port)
        };
        let port = match port {
            [] | [b':'] => scheme.port(),
            [b':', digits @ ..] => digits.iter().try_fold(0_u16, |port, digit| {
                let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
                port.checked_mul(10)?.checked_add(u16::from(digit))
            })?,
            _ => return None,
        };
        Some(Authority { host, port })
    }

    /// Whether this names the server at `local`: its address, or `localhost` where that is it.
    pub(super) fn names(&self, local: SocketAddr) -> bool {
        let ip = local.ip().to_canonical();
        let named = std::str::from_utf8(self.host).ok();
        let host = match named.and_then(|host| host.parse::<IpAddr>().ok()) {
            Some(named) => named.to_canonical() == ip,
            None => self.host.eq_ignore_ascii_case(b"localhost") && ip.is_loopback(),
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
