//! Sends the misses of a replay on to a real service, through a proxy like that of `antiphon record`;
//! it puts them on the tape, if that is wanted.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Request, Uri, Version};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::exchange::SessionBy;
use crate::listen::{self, Limits, Peer};
use crate::player::{Forward, Forwarded};
use crate::proxy::{self, Proxy};
use crate::recorder::{self, Recorder};
use crate::tape::{Existing, Redaction, Trust};

use super::exit::{Because as _, Failure, Trouble};
use super::redaction::Keeping;
use super::tls::{self, Service};
use super::{output, record, serve};

/// The header that tells the recorder whose session a request belongs to.
const SESSION: HeaderName = HeaderName::from_static("antiphon-session");

/// The proxy to which misses go.
pub(super) struct Forwarding {
    address: SocketAddr,
    recorder: Recorder,
    trust: Trust,
    tape: Option<PathBuf>,
    task: JoinHandle<()>,
}

impl Forwarding {
    /// Starts the proxy in front of a service, on a free port of this machine, for clients that come
    /// in by `scheme`; what passes goes on the tape, if one is given, without what its rules and those
    /// of the project call secret.
    pub(super) async fn start(
        service: Service,
        scheme: proxy::Scheme,
        tape: Option<(&Path, Option<Redaction>)>,
        stop: watch::Receiver<bool>,
    ) -> Result<Forwarding, Failure> {
        let on = tape.as_ref().map(|(tape, _)| *tape);
        let recorder = match tape {
            None => Recorder::idle().because(Trouble::Io)?,
            Some((tape, redaction)) => {
                let settings = recorder::Settings {
                    existing: Existing::Append,
                    session_by: Some(SessionBy::Header(SESSION.as_str().to_owned())),
                    ..recorder::Settings::default()
                };
                let rules = (redaction, Keeping::Dropped);
                let from = (&service.origin, service.trust);
                record::start(settings, rules, from, tape)?
            }
        };
        let seconds = |flag, text| serve::seconds(flag, text).because(Trouble::Usage);
        let settings = proxy::Settings {
            upstream: service.origin,
            wire: service.wire,
            host: proxy::Host::default(),
            forwarded: proxy::Forwarded::default(),
            bodies: proxy::Bodies::default(),
            connect_timeout: seconds("--connect-timeout", record::CONNECT_TIMEOUT)?,
            idle: seconds("--upstream-idle", record::UPSTREAM_IDLE)?,
        };
        let proxy = Proxy::new(settings, recorder.clone()).because(Trouble::Usage)?;
        let inner = "cannot open a port for the misses";
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.context(inner).because(Trouble::Io)?;
        let address = listener.local_addr().context(inner).because(Trouble::Io)?;
        let pass = move |peer: Peer, request| {
            let caller = proxy::Caller {
                scheme,
                ..tls::caller(&peer)
            };
            proxy
                .clone()
                .handle(caller, serve::beside(peer), serve::passed(request))
        };
        Ok(Forwarding {
            address,
            recorder,
            trust: service.trust,
            tape: on.map(Path::to_owned),
            task: tokio::spawn(listen::serve(listener, stop, Limits::default(), pass)),
        })
    }

    /// What sends a request on, by the version of HTTP that its client speaks: over HTTP/1.1 trailers
    /// that nobody announced would get lost.
    pub(super) fn forward(&self) -> Forward {
        let client = |version| -> Client<To, Full<Bytes>> {
            Client::builder(TokioExecutor::new())
                .http2_only(version == Version::HTTP_2)
                .build(To(self.address))
        };
        let http1 = client(Version::HTTP_11);
        let http2 = client(Version::HTTP_2);
        let address = self.address;
        Forward::new(move |request, session| -> Forwarded {
            let client = match request.version() {
                Version::HTTP_2 => http2.clone(),
                _ => http1.clone(),
            };
            let request = addressed(request, address, session);
            Box::pin(async move {
                let request = request.ok_or("it is no request to send on")?;
                let answer = client.request(request).await;
                answer.map_err(|error| error.to_string())
            })
        })
    }

    /// Waits for what is under way, closes the tape, and says what is on it.
    pub(super) async fn end(self) -> Result<(), Failure> {
        self.task
            .await
            .context("a server task ended badly")
            .because(Trouble::Io)?;
        let summary = self.recorder.close().await;
        if self.trust == Trust::Insecure {
            output::say(tls::INSECURE);
        }
        let Some(tape) = self.tape else {
            return Ok(());
        };
        output::say(&format!("misses added to {}: {summary}", tape.display()));
        if summary.is_whole() {
            Ok(())
        } else {
            Err(anyhow!("{}: the tape is not whole", tape.display())).because(Trouble::Io)
        }
    }
}

/// Connects to this address, whatever a request names.
#[derive(Clone)]
struct To(SocketAddr);

impl tower_service::Service<Uri> for To {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _named: Uri) -> Self::Future {
        let address = self.0;
        Box::pin(async move {
            let tcp = TcpStream::connect(address).await?;
            tcp.set_nodelay(true)?;
            Ok(TokioIo::new(tcp))
        })
    }
}

/// A request to the proxy at this address, of which the client knows nothing.
fn addressed(
    request: Request<Full<Bytes>>,
    address: SocketAddr,
    session: Option<&str>,
) -> Option<Request<Full<Bytes>>> {
    let (mut head, content) = request.into_parts();
    let named = head.uri.authority().cloned();
    let host = head.headers.get(HOST).cloned();
    let authority = if head.version == Version::HTTP_2 {
        // Here the authority is the Host (RFC 9113 §8.3.1).
        head.headers.remove(HOST);
        let host = || Authority::try_from(host?.as_bytes()).ok();
        named.or_else(host)?
    } else {
        head.version = Version::HTTP_11;
        if let (None, Some(named)) = (host, named) {
            let host = HeaderValue::from_str(named.as_str()).ok()?;
            head.headers.insert(HOST, host);
        }
        address.to_string().parse().ok()?
    };
    head.headers.remove(http::header::TRANSFER_ENCODING);
    head.headers.remove(&SESSION);
    if let Some(session) = session.and_then(|name| HeaderValue::from_str(name).ok()) {
        head.headers.insert(SESSION, session);
    }
    let target = head.uri.path_and_query().cloned();
    head.uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(authority)
        .path_and_query(target.unwrap_or(PathAndQuery::from_static("/")))
        .build()
        .ok()?;
    Some(Request::from_parts(head, content))
}
