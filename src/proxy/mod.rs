//! Stands between clients and one upstream: passes every request on and its response back, as a good
//! intermediary does (RFC 9110 §7), and tells the recorder what passes.
//!
//! The recorder hears what the client sent and what the upstream sent, before anything is changed on
//! the way. What the traffic means is not looked at here, and requests that have no one meaning do
//! not come here: the listener refuses them.

mod admin;
mod exchange;
mod gate;
mod headers;
mod meter;
mod origin;
mod refusal;
mod relay;
mod tunnel;
mod turn;
mod upgrade;
mod upstream;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderValue;
use http::{Request, Response, uri};
use rustls::ClientConfig;
use rustls::pki_types::InvalidDnsNameError;
use thiserror::Error;

use crate::exchange::Ender;
use crate::recorder::{Admission, Recorder};
use upstream::Upstream;

pub use admin::{Connections, handle as administer};
pub use meter::{Count, Meter};
pub use origin::{Origin, OriginError, Scheme};
pub use relay::{Content, Download};
pub use upgrade::Socket;

/// How a proxy passes things on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The service behind the proxy.
    pub upstream: Origin,
    /// How it is spoken to.
    pub wire: Wire,
    /// Which `Host` it sees.
    pub host: Host,
    /// Whether it learns for whom the proxy speaks.
    pub forwarded: Forwarded,
    /// What becomes of absolute URLs in bodies.
    pub bodies: Bodies,
    /// How long a connection to it may take to come about.
    pub connect_timeout: Duration,
    /// How long an idle connection to it is kept; zero for not at all.
    pub idle: Duration,
}

/// How an upstream is spoken to.
#[derive(Clone, Debug, Default)]
pub enum Wire {
    /// By HTTP/1.1, without TLS.
    #[default]
    Http1,
    /// By HTTP/2 without TLS, by prior knowledge.
    Http2,
    /// Over TLS with these settings, by HTTP/2 or HTTP/1.1 as it chooses.
    Tls(Arc<ClientConfig>),
}

/// Which `Host` the upstream sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Host {
    /// Its own.
    #[default]
    Upstream,
    /// The client's.
    Keep,
}

/// Whether the upstream learns for whom the proxy speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarded {
    /// No.
    #[default]
    Silent,
    /// By `X-Forwarded-For`, `-Host` and `-Proto`.
    Named,
}

/// What becomes of absolute URLs in JSON and text bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bodies {
    /// They stay.
    #[default]
    Leave,
    /// The upstream's become the proxy's in responses, and the other way round in requests.
    Rewrite,
}

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The number of the connection that it came on.
    pub connection: u64,
    /// The client's address.
    pub address: IpAddr,
    /// What the proxy's URLs begin with, as the client knows them.
    pub scheme: Scheme,
}

/// Hears the informational responses of an exchange.
pub trait Tell: Fn(&Response<()>) + Send + Sync + 'static {}

impl<T: Fn(&Response<()>) + Send + Sync + 'static> Tell for T {}

/// Says whose doing it is when nobody takes a response to its end.
pub trait Breaker: Fn() -> Ender + Send + Sync + 'static {}

impl<B: Fn() -> Ender + Send + Sync + 'static> Breaker for B {}

/// What a client takes beside the response to its request.
pub struct Beside<T, B> {
    /// Takes the informational responses that come before it.
    pub tell: T,
    /// The client's end of the socket that the request offers to open, if it does.
    pub socket: Option<Socket>,
    /// Whose doing it is when nobody takes a response to its end.
    pub breaker: B,
}

/// Why there can be no proxy.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// The upstream's origin is no URI after all.
    #[error("{0}: no URI")]
    Upstream(Origin, #[source] uri::InvalidUri),
    /// The upstream's host is no name that a certificate may have.
    #[error("{0}: no name for a certificate")]
    Name(Origin, #[source] InvalidDnsNameError),
    /// The upstream's scheme is not that of the way in which it is to be spoken to.
    #[error("{0}: this takes another scheme")]
    Wire(Origin),
}

/// A proxy in front of one upstream: a service for hyper. Clones share it.
#[derive(Clone)]
pub struct Proxy(Arc<Shared>);

struct Shared {
    settings: Settings,
    /// The upstream's `Host`.
    host: HeaderValue,
    upstream: Upstream,
    recorder: Recorder,
    meter: Meter,
}

impl Proxy {
    /// A proxy that tells `recorder` what passes.
    pub fn new(settings: Settings, recorder: Recorder) -> Result<Proxy, ProxyError> {
        let name = settings.upstream.authority();
        let invalid = |error| ProxyError::Upstream(settings.upstream.clone(), error);
        name.parse::<uri::Authority>().map_err(invalid)?;
        let upstream = Upstream::new(&settings)?;
        // An authority has no byte that a field value may not have.
        let host = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static(""));
        Ok(Proxy(Arc::new(Shared {
            settings,
            host,
            upstream,
            recorder,
            meter: Meter::default(),
        })))
    }

    /// The numbers of what has passed.
    pub fn meter(&self) -> &Meter {
        &self.0.meter
    }

    /// Passes a request of this caller to the upstream, and the answer back. Where that opens a socket,
    /// what passes on it goes on until both sides have ended. Where nothing is to pass that cannot be
    /// recorded, and the recording fails, the answer is a 503.
    pub fn handle<T: Tell, B: Breaker>(
        self,
        caller: Caller,
        beside: Beside<T, B>,
        request: Request<Content>,
    ) -> impl Future<Output = Response<Download>> {
        let Beside {
            tell,
            socket,
            breaker,
        } = beside;
        async move {
            if self.0.recorder.admission() != Admission::Open
                && let Some(refusal) = refusal::refusal(&self.0.recorder.condition())
            {
                self.0.meter.refused(refusal.status().as_u16());
                return refusal;
            }
            match socket {
                Some(socket) => Box::pin(self.0.upgrade(caller, tell, socket, request)).await,
                None => {
                    self.0
                        .handle(caller, (tell, breaker), request.into_parts())
                        .await
                }
            }
        }
    }
}
