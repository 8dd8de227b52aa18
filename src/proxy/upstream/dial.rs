//! Makes a connection to the upstream: TCP, and TLS where its origin says so.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use tower_service::Service as _;

use super::Protocol;
use super::cause::{BoxError, Handshake};
use super::wire::Wire;
use crate::proxy::{self, ProxyError, Settings};

/// How the upstream is connected to.
#[derive(Clone)]
pub(super) struct Dial {
    tcp: HttpConnector,
    upstream: Uri,
    tls: Option<Tls>,
    offered: Vec<Protocol>,
    patience: Duration,
}

#[derive(Clone)]
struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Protocol {
    /// Its name in a handshake (RFC 7301 §6).
    fn alpn(self) -> &'static [u8] {
        match self {
            Protocol::Http1 => b"http/1.1",
            Protocol::Http2 => b"h2",
        }
    }
}

impl Dial {
    /// To the upstream of these settings. Over TLS these protocols are offered, the best first.
    pub(super) fn new(settings: &Settings, offered: &[Protocol]) -> Result<Dial, ProxyError> {
        let upstream = &settings.upstream;
        let uri = upstream.to_string().parse();
        let uri = uri.map_err(|error| ProxyError::Upstream(upstream.clone(), error))?;
        let tls = match (&settings.wire, upstream.scheme()) {
            (proxy::Wire::Tls(config), proxy::Scheme::Https) => {
                let name = ServerName::try_from(upstream.host().to_owned());
                let name = name.map_err(|error| ProxyError::Name(upstream.clone(), error))?;
                let mut config = ClientConfig::clone(config);
                config.alpn_protocols = offered.iter().map(|one| one.alpn().to_vec()).collect();
                let connector = TlsConnector::from(Arc::new(config));
                Some(Tls { connector, name })
            }
            (proxy::Wire::Http1 | proxy::Wire::Http2, proxy::Scheme::Http) => None,
            _ => return Err(ProxyError::Wire(upstream.clone())),
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        Ok(Dial {
            tcp,
            upstream: uri,
            tls,
            offered: offered.to_vec(),
            patience: settings.connect_timeout,
        })
    }

    /// Connects; a connection, and what is spoken on it.
    pub(super) async fn connect(&self) -> Result<(Wire, Protocol), BoxError> {
        let connected = timeout(self.patience, self.open()).await;
        let (stream, protocol) =
            connected.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))?;
        if self.offered.contains(&protocol) {
            Ok((Wire::new(stream), protocol))
        } else {
            let error = io::Error::other("it chose a protocol that was not offered");
            Err(Handshake(error).into())
        }
    }

    async fn open(
        &self,
    ) -> Result<(Either<TcpStream, Box<TlsStream<TcpStream>>>, Protocol), BoxError> {
        let stream = self.tcp.clone().call(self.upstream.clone()).await?;
        let stream = stream.into_inner();
        let Some(tls) = &self.tls else {
            let fixed = self.offered.first().copied().unwrap_or(Protocol::Http1);
            return Ok((Either::Left(stream), fixed));
        };
        let shaken = tls.connector.connect(tls.name.clone(), stream).await;
        let stream = shaken.map_err(Handshake)?;
        // A server that knows nothing of such a choice speaks HTTP/1.1.
        let chosen = stream.get_ref().1.alpn_protocol();
        let protocol = if chosen == Some(Protocol::Http2.alpn()) {
            Protocol::Http2
        } else {
            Protocol::Http1
        };
        Ok((Either::Right(Box::new(stream)), protocol))
    }
}
