//! The HTTP of a verifying client: recorded requests out, whole responses in.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::exchange::{self, Body, Headers, Response, Session};

/// The most content of a response that is read: as much as the longest tape holds.
const MAX_CONTENT: usize = 1 << 30;

/// The header by which a client asks for a session.
const SESSION: HeaderName = HeaderName::from_static("antiphon-session");

/// Fields of a recorded request that a client of our own says for itself, beside those that every message
/// has anew.
const NOT_SENT: [&str; 4] = ["antiphon-copy", "antiphon-session", "expect", "host"];

/// The connections of one client.
#[derive(Debug)]
pub(super) struct Wire {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    session: HeaderValue,
}

impl Wire {
    pub(super) fn new(address: SocketAddr, session: &Session) -> Result<Wire, String> {
        let named = HeaderValue::from_bytes(session.name().as_bytes());
        Ok(Wire {
            client: Client::builder(TokioExecutor::new()).build_http(),
            address,
            session: named.map_err(|_| "its name cannot stand in a header field".to_owned())?,
        })
    }

    /// Sends a recorded request, and reads its response.
    pub(super) async fn call(&self, recorded: &exchange::Request) -> Result<Response, String> {
        let (mut head, content) = self.open(recorded).await?;
        let content = Limited::new(content, MAX_CONTENT).collect().await;
        let content = content.map_err(|error| error.to_string())?;
        head.trailers = content.trailers().map(fields).unwrap_or_default();
        head.body = Body::new(content.to_bytes());
        Ok(head)
    }

    /// Sends a recorded request: the head of the response, and its content to be read.
    pub(super) async fn open(
        &self,
        recorded: &exchange::Request,
    ) -> Result<(Response, Incoming), String> {
        let content = Full::new(recorded.body.bytes().clone());
        let mut request = Request::new(content);
        *request.method_mut() = recorded.method.parse().map_err(text)?;
        *request.uri_mut() = self.uri(&recorded.target)?;
        self.dress(&mut request, &recorded.headers)?;
        self.send(request).await
    }

    /// Where the replay listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives a request the recorded header fields that are not its connection's, and its session.
    pub(super) fn dress<B>(
        &self,
        request: &mut Request<B>,
        recorded: &Headers,
    ) -> Result<(), String> {
        let headers = request.headers_mut();
        for (name, value) in recorded.iter() {
            let own = NOT_SENT
                .iter()
                .any(|other| name.eq_ignore_ascii_case(other));
            if own || exchange::is_made_anew(name) {
                continue;
            }
            let name = HeaderName::try_from(name).map_err(text)?;
            let value = HeaderValue::from_bytes(value).map_err(text)?;
            headers.append(name, value);
        }
        headers.insert(SESSION, self.session.clone());
        Ok(())
    }

    /// Sends messages to a Bayeux endpoint, and returns the content of the response.
    pub(super) async fn post(&self, path: &str, messages: String) -> Result<Bytes, String> {
        let mut request = Request::new(Full::from(messages));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.uri(path)?;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        let (response, content) = self.send(request).await?;
        match response.status {
            200 => {
                let content = Limited::new(content, MAX_CONTENT).collect().await;
                Ok(content.map_err(|error| error.to_string())?.to_bytes())
            }
            status => Err(format!("the endpoint answers {status}")),
        }
    }

    async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response, Incoming), String> {
        let headers = request.headers_mut();
        headers.insert(SESSION, self.session.clone());
        // The player leaves out trailers for whom it does not hear that they are wanted.
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
        headers.remove(CONTENT_LENGTH);
        headers.remove(HOST);
        let response = self.client.request(request).await.map_err(text)?;
        let (head, content) = response.into_parts();
        let response = Response {
            status: head.status.as_u16(),
            headers: fields(&head.headers),
            body: Body::default(),
            trailers: Headers::new(),
        };
        Ok((response, content))
    }

    fn uri(&self, target: &str) -> Result<Uri, String> {
        let uri = format!("http://{}{target}", self.address);
        uri.parse().map_err(text)
    }
}

fn fields(live: &HeaderMap) -> Headers {
    let fields = live.iter();
    fields
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect()
}

fn text(error: impl std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
