//! The words for what goes wrong with the upstream, before it has begun to answer.

use std::error::Error as StdError;
use std::io;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use hyper_util::client::legacy;
use rustls::{AlertDescription, CertificateError};
use thiserror::Error;

use crate::proxy::origin::Origin;

/// What went wrong with the upstream, before it had begun to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Cause {
    /// Nobody listens there.
    Refused,
    /// No connection came about in time.
    Timeout,
    /// Its name has no address.
    Unresolved,
    /// No connection came about for another reason.
    Unreachable,
    /// It closed the connection instead of answering.
    Closed,
    /// It reset the connection instead of answering.
    Reset,
    /// It does not speak TLS.
    NoTls,
    /// TLS did not come about for another reason.
    Handshake,
    /// Its certificate is no longer valid.
    Expired,
    /// Its certificate is not valid yet.
    NotYetValid,
    /// Its certificate is another one's.
    WrongName,
    /// Nobody who is trusted has signed its certificate.
    UnknownIssuer,
    /// Its certificate is no good for another reason.
    BadCertificate,
    /// It wants a certificate of the client, or another one.
    ClientCertificate,
    /// It speaks HTTP/2, and opens no sockets on it.
    NoSockets,
    /// Its answer is not HTTP.
    Broken,
    /// Its answer is not HTTP/1.1 or HTTP/2 as it should be, or another fault of the exchange.
    Failed,
}

/// Any error.
pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// An exchange that has failed.
#[derive(Debug, Error)]
pub(in crate::proxy) enum Failure {
    /// While the first connection was made.
    #[error("cannot connect")]
    Connect(#[source] BoxError),
    /// On a connection by HTTP/1.1.
    #[error("no answer came")]
    Answer(#[source] hyper::Error),
    /// By HTTP/2: while a further connection was made, or on one.
    #[error(transparent)]
    Exchange(#[from] legacy::Error),
    /// On a connection by HTTP/2 for a socket.
    #[error(transparent)]
    Socket(#[from] h2::Error),
    /// It opens no sockets on such a connection.
    #[error("it has not offered SETTINGS_ENABLE_CONNECT_PROTOCOL")]
    NoSockets,
}

/// No TLS came about on a connection.
#[derive(Debug, Error)]
#[error("the TLS handshake failed")]
pub(super) struct Handshake(#[source] pub(super) io::Error);

impl Failure {
    /// Whether it was before any byte of a request was sent.
    pub(in crate::proxy) fn is_connect(&self) -> bool {
        match self {
            Failure::Connect(_) => true,
            Failure::Exchange(error) => error.is_connect(),
            Failure::Answer(_) | Failure::Socket(_) | Failure::NoSockets => false,
        }
    }
}

impl Cause {
    /// Finds the cause in an error.
    pub(in crate::proxy) fn of(failure: &Failure) -> Cause {
        let kind = find::<io::Error>(failure).map(io::Error::kind);
        if let Some(error) = find::<rustls::Error>(failure) {
            return Cause::of_tls(error);
        }
        if failure.is_connect() {
            return match kind {
                Some(io::ErrorKind::TimedOut) => Cause::Timeout,
                _ if find::<Handshake>(failure).is_some() => Cause::Handshake,
                Some(io::ErrorKind::ConnectionRefused) => Cause::Refused,
                _ if error_text(failure).contains("dns error") => Cause::Unresolved,
                _ => Cause::Unreachable,
            };
        }
        if let Failure::NoSockets = failure {
            return Cause::NoSockets;
        }
        match (find::<hyper::Error>(failure), kind) {
            (_, Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)) => Cause::Reset,
            // The end of a TCP connection beneath TLS that goes on.
            (_, Some(io::ErrorKind::UnexpectedEof)) => Cause::Closed,
            (Some(error), _) if error.is_parse() => Cause::Broken,
            (Some(error), _) if error.is_incomplete_message() || error.is_canceled() => {
                Cause::Closed
            }
            _ => Cause::Failed,
        }
    }

    #[allow(clippy::wildcard_enum_match_arm)] // the library may know more of them at any time
    fn of_tls(error: &rustls::Error) -> Cause {
        use AlertDescription as Alert;
        match error {
            rustls::Error::InvalidCertificate(error) => Cause::of_certificate(error),
            rustls::Error::InvalidMessage(_) => Cause::NoTls,
            // The client's certificate is seen after its side of the handshake is done.
            rustls::Error::AlertReceived(
                Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied,
            ) => Cause::ClientCertificate,
            _ => Cause::Handshake,
        }
    }

    #[allow(clippy::wildcard_enum_match_arm)] // the library may know more of them at any time
    fn of_certificate(error: &CertificateError) -> Cause {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Cause::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Cause::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Cause::WrongName
            }
            CertificateError::UnknownIssuer => Cause::UnknownIssuer,
            // It has signed itself, as an authority would: what `openssl req -x509` makes.
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                Cause::UnknownIssuer
            }
            _ => Cause::BadCertificate,
        }
    }

    /// The word for programs.
    pub(in crate::proxy) fn name(self) -> &'static str {
        match self {
            Cause::Refused => "refused",
            Cause::Timeout => "timeout",
            Cause::Unresolved => "unresolved",
            Cause::Unreachable => "unreachable",
            Cause::Closed => "closed",
            Cause::Reset => "reset",
            Cause::NoTls => "no-tls",
            Cause::Handshake => "handshake",
            Cause::Expired => "expired",
            Cause::NotYetValid => "not-yet-valid",
            Cause::WrongName => "wrong-name",
            Cause::UnknownIssuer => "unknown-issuer",
            Cause::BadCertificate => "bad-certificate",
            Cause::ClientCertificate => "client-certificate",
            Cause::NoSockets => "no-sockets",
            Cause::Broken => "broken",
            Cause::Failed => "failed",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Cause::Refused => "it refuses connections",
            Cause::Timeout => "no connection came about in time",
            Cause::Unresolved => "its name has no address",
            Cause::Unreachable => "it cannot be connected to",
            Cause::Closed => "it closed the connection before it answered",
            Cause::Reset => "it reset the connection before it answered",
            Cause::NoTls => "it does not speak TLS on this port",
            Cause::Handshake => "the TLS handshake with it failed",
            Cause::Expired => "its certificate has expired",
            Cause::NotYetValid => "its certificate is not valid yet",
            Cause::WrongName => "its certificate is for another name",
            Cause::UnknownIssuer => {
                "its certificate is signed by nobody who is trusted; --upstream-ca names whom to trust"
            }
            Cause::BadCertificate => "its certificate is not acceptable",
            Cause::ClientCertificate => {
                "it does not take the client's certificate, or wants one (--upstream-cert)"
            }
            Cause::NoSockets => "it opens no sockets over HTTP/2 (RFC 8441)",
            Cause::Broken => "its answer is not HTTP",
            Cause::Failed => "the exchange with it failed",
        }
    }

    /// Whether a connection that had been idle may have ended before the upstream saw the request.
    pub(in crate::proxy) fn may_be_stale(self) -> bool {
        matches!(self, Cause::Closed | Cause::Reset)
    }

    /// The answer to the client: 504 where time ran out, else 502.
    pub(in crate::proxy) fn response(
        self,
        upstream: &Origin,
        error: Option<&Failure>,
    ) -> Response<Bytes> {
        let detail = error.map(|error| error_text(error));
        let message = format!("{upstream}: {}", self.words());
        let document = serde_json::json!({
            "error": "upstream", "cause": self.name(), "message": message, "detail": detail,
        });
        let mut response = Response::new(Bytes::from(document.to_string()));
        *response.status_mut() = if self == Cause::Timeout {
            StatusCode::GATEWAY_TIMEOUT
        } else {
            StatusCode::BAD_GATEWAY
        };
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

/// The first error of this type in a chain of sources.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = inner(error);
    }
    None
}

/// What an error is because of.
fn inner<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    // An I/O error shows the source of the error within it, and not that error.
    let io = error.downcast_ref::<io::Error>();
    match io.and_then(io::Error::get_ref) {
        Some(within) => Some(within),
        None => error.source(),
    }
}

/// An error with its sources, in words. One that says the same as the one above it is left out.
fn error_text(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = inner(error);
    while let Some(error) = next {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        next = inner(error);
    }
    text
}
