//! Opens a connection that was accepted: shakes hands where TLS is spoken.
//!
//! Which certificate a client is shown is for the settings to say, and they come from outside.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::authority::Scheme;
use super::crew::Crew;
use super::refusal::Refusal;
use super::stream::Stream;

/// How long a client that spoke plainly may take to read that this is not the place for it.
const LINGER: Duration = Duration::from_secs(1);

/// Makes the settings for a connection that came in at a local address.
type Settings = dyn Fn(IpAddr) -> io::Result<Arc<ServerConfig>> + Send + Sync;

/// Where clients come in.
#[derive(Debug)]
pub struct Door {
    /// The port.
    pub listener: TcpListener,
    /// What is spoken on it.
    pub wire: Wire,
    /// Who carries its connections; without any, the runtime that serves it does.
    pub crew: Option<Crew>,
}

/// What is spoken on a port, beneath HTTP.
#[derive(Clone, Debug)]
pub enum Wire {
    /// Nothing.
    Plain,
    /// TLS.
    Tls(Tls),
}

/// How TLS is spoken.
#[derive(Clone)]
pub struct Tls(Arc<Settings>);

impl Tls {
    /// With the settings that `settings` makes for the local address of a connection.
    pub fn new(
        settings: impl Fn(IpAddr) -> io::Result<Arc<ServerConfig>> + Send + Sync + 'static,
    ) -> Tls {
        Tls(Arc::new(settings))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl From<TcpListener> for Door {
    fn from(listener: TcpListener) -> Door {
        Door {
            listener,
            wire: Wire::Plain,
            crew: None,
        }
    }
}

impl Wire {
    /// What URLs of the port begin with.
    pub fn scheme(&self) -> Scheme {
        match self {
            Wire::Plain => Scheme::Http,
            Wire::Tls(_) => Scheme::Https,
        }
    }

    /// Opens a connection, within `patience`.
    pub(super) async fn open(&self, tcp: TcpStream, patience: Duration) -> io::Result<Stream> {
        // A notification is small and waited for: it must not wait for more to send (RFC 896).
        let _ = tcp.set_nodelay(true);
        match self {
            Wire::Plain => Ok(Stream::Left(tcp)),
            Wire::Tls(tls) => timeout(patience, tls.open(tcp))
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl Tls {
    async fn open(&self, tcp: TcpStream) -> io::Result<Stream> {
        let mut first = [0];
        tcp.peek(&mut first).await?;
        // A method begins with a letter, and a handshake with 22 (RFC 8446 §5.1).
        if first.iter().all(u8::is_ascii_uppercase) {
            return Err(refuse(tcp).await);
        }
        let local = tcp.local_addr()?.ip();
        let acceptor = TlsAcceptor::from((self.0)(local)?);
        let stream = acceptor.accept(tcp).await?;
        Ok(Stream::Right(Box::new(stream)))
    }
}

/// Tells a client that speaks plainly what it should do instead.
async fn refuse(mut tcp: TcpStream) -> io::Error {
    let address = tcp.local_addr();
    let address = address.map_or_else(|_| "HOST".to_owned(), |address| address.to_string());
    let refusal = Refusal::bad(format!("this port speaks TLS: call https://{address}"));
    let told = async {
        tcp.write_all(&refusal.written()).await?;
        tcp.shutdown().await?;
        // Closed on unread bytes, the connection would take the answer with it.
        let mut space = [0; 1024];
        while tcp.read(&mut space).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = timeout(LINGER, told).await;
    io::Error::new(io::ErrorKind::InvalidData, "HTTP without TLS")
}
