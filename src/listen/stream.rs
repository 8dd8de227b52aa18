//! The bytes of a connection, with TLS or without.

use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// A connection that is open.
pub(super) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// The connection beneath.
pub(super) fn tcp(stream: &Stream) -> &TcpStream {
    match stream {
        Either::Left(tcp) => tcp,
        Either::Right(tls) => tls.get_ref().0,
    }
}
