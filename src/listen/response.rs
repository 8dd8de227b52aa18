//! The responses of a server: the service's own, or a refusal; and what HTTP/2 requests are refused
//! for, which the guard does not see.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version, header};
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use hyper::ext::Protocol;

use super::authority::{Authority, Scheme};
use super::connection::{Connection, Offer};
use super::content::Answering;
use super::guard;
use super::reader::Reader;
use super::refusal::Refusal;
use super::socket::SOCKET;

/// A request that is under way as long as this lives.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) connection: Arc<Connection>,
    home: Home,
}

/// Where a request that is under way lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    /// In the task of its connection, where the guard sees for itself that the response is out.
    Connection,
    /// In another task, so that the guard must be told.
    Elsewhere,
}

impl Flight {
    /// For a request of this version that has been counted.
    pub(super) fn new(connection: Arc<Connection>, version: Version) -> Flight {
        let home = match version {
            Version::HTTP_2 => Home::Elsewhere,
            _ => Home::Connection,
        };
        Flight { connection, home }
    }

    /// For a socket that has been counted, whatever it is opened by.
    pub(super) fn of_socket(connection: Arc<Connection>) -> Flight {
        Flight {
            connection,
            home: Home::Elsewhere,
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.connection.done();
        if self.home == Home::Elsewhere {
            self.connection.wake();
        }
    }
}

/// Whether a request offers to go on with something else than HTTP/1.1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Upgrade {
    Offered,
    None,
}

/// The body of a response.
pub(super) struct Out<B> {
    body: Which<B>,
    version: Version,
    flight: Flight,
    /// Who takes it, where only HTTP/2 itself can tell.
    reader: Option<Reader>,
    _answering: Option<Answering>,
}

enum Which<B> {
    Served(B),
    Refusal(Full<Bytes>),
}

impl<B> Out<B> {
    /// The service's, for a request of this version.
    pub(super) fn served(
        body: B,
        version: Version,
        flight: Flight,
        answering: Answering,
    ) -> Out<B> {
        let reader =
            (version == Version::HTTP_2).then(|| Reader::new(Arc::clone(&flight.connection)));
        Out {
            body: Which::Served(body),
            version,
            flight,
            reader,
            _answering: Some(answering),
        }
    }

    /// A refusal.
    pub(super) fn refusal(refusal: &Refusal, version: Version, flight: Flight) -> Response<Self> {
        let mut response = refusal.response();
        if version == Version::HTTP_2 {
            response.headers_mut().remove(header::CONNECTION);
        }
        response.map(|body| Out {
            body: Which::Refusal(body),
            version,
            flight,
            reader: None,
            _answering: None,
        })
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Out<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        if let Some(reader) = &mut this.reader {
            reader.asked();
        }
        match &mut this.body {
            Which::Served(body) => {
                let frame = Pin::new(body).poll_frame(context);
                if let (Some(reader), Poll::Ready(Some(Ok(_)))) = (&mut this.reader, &frame) {
                    reader.handed();
                }
                if matches!(frame, Poll::Ready(Some(Err(_)))) && this.version == Version::HTTP_10 {
                    this.flight.connection.tear();
                }
                frame
            }
            Which::Refusal(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Which::Served(body) => body.is_end_stream(),
            Which::Refusal(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Which::Served(body) => body.size_hint(),
            Which::Refusal(body) => body.size_hint(),
        }
    }
}

/// Why a request is not given to the service: the guard, or HTTP/2, has found a reason.
pub(super) fn refusal<B>(
    request: &Request<B>,
    known: &Connection,
    scheme: Scheme,
) -> Option<Refusal> {
    let own = known.refusal().filter(|_| guard::is_own(request));
    own.cloned().or_else(|| http2_refusal(request, scheme))
}

/// What the answer of the service becomes on its way to the client, if it came in time: nothing stands before it any
/// more that is to be written.
pub(super) fn answered<B>(
    response: Response<B>,
    answering: Option<Answering>,
    (version, upgrade): (Version, Upgrade),
    flight: Flight,
) -> Response<Out<B>> {
    let Some(answering) = answering else {
        let message = "the content of the request did not go on";
        let refusal = Refusal::with(StatusCode::REQUEST_TIMEOUT, message);
        return Out::refusal(&refusal, version, flight);
    };
    // Nothing of the response is out yet.
    if response.status() == StatusCode::SWITCHING_PROTOCOLS && upgrade == Upgrade::None {
        let message = "a socket is asked for by a GET without content, with Connection: Upgrade";
        return Out::refusal(&Refusal::bad(message), version, flight);
    }
    if upgrade == Upgrade::Offered {
        flight.connection.answer(match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => Offer::Accepted,
            _ => Offer::Declined,
        });
    }
    let connection = &flight.connection;
    let broken = connection.refusal().filter(|_| connection.is_broken());
    match broken.cloned() {
        Some(refusal) => Out::refusal(&refusal, version, flight),
        None => response.map(|body| Out::served(body, version, flight, answering)),
    }
}

/// Why a request of HTTP/2 is refused, if it is (RFC 9113 §8.3.1 and §8.5).
fn http2_refusal<B>(request: &Request<B>, scheme: Scheme) -> Option<Refusal> {
    if request.version() != Version::HTTP_2 {
        return None;
    }
    let protocol = request.extensions().get::<Protocol>();
    if let Some(protocol) = protocol
        .map(Protocol::as_str)
        .filter(|name| *name != SOCKET)
    {
        let message = format!("the protocol {protocol:?} is not served");
        return Some(Refusal::with(StatusCode::NOT_IMPLEMENTED, message));
    }
    if request.method() == Method::CONNECT && protocol.is_none() {
        let message = "CONNECT is not served: this stands in front of one service only";
        return Some(Refusal::with(StatusCode::METHOD_NOT_ALLOWED, message));
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let named = request.uri().authority();
    let named = named.map(|named| Authority::read(named.as_str().as_bytes(), scheme));
    let host = hosts.next();
    let host = host.map(|host| Authority::read(host.as_bytes(), scheme));
    let reason = match (named, host, hosts.next()) {
        (_, _, Some(_)) => "more than one Host",
        (Some(None), _, _) => "the :authority is no host",
        (_, Some(None), _) => "the Host is no host",
        (None, None, None) => "neither :authority nor Host",
        (Some(named), Some(host), None) if named != host => "the Host is not the :authority",
        _ => return None,
    };
    Some(Refusal::bad(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_http2_requests_are_refused_for() {
        let cases: [(&str, &str, &[&str], Option<u16>); 8] = [
            ("GET", "http://a:1/", &[], None),
            ("GET", "http://a:1/", &["A:1"], None),
            ("GET", "/", &["a"], None),
            ("GET", "/", &[], Some(400)),
            ("GET", "http://a:1/", &["b"], Some(400)),
            ("GET", "http://a:1/", &["a:1", "a:1"], Some(400)),
            ("GET", "/", &["a/b"], Some(400)),
            ("CONNECT", "a:1", &[], Some(405)),
        ];
        for (method, uri, hosts, status) in cases {
            let mut request = Request::builder().method(method).uri(uri);
            for host in hosts {
                request = request.header("host", *host);
            }
            let request = request.version(Version::HTTP_2).body(()).unwrap();
            let refused =
                http2_refusal(&request, Scheme::Http).map(|refusal| refusal.status.as_u16());
            assert_eq!(refused, status, "{method} {uri} {hosts:?}");
        }
    }
}
