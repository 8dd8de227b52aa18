//! What a request that must not be served is answered: a status and why, as JSON. The connection is
//! closed after it.

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use super::interim;

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The status code.
    pub(super) status: StatusCode,
    /// What is wrong, in words.
    pub(super) message: String,
}

impl Refusal {
    /// A request that is broken, or that two readers would read in two ways: 400.
    pub(super) fn bad(message: impl Into<String>) -> Refusal {
        Refusal::with(StatusCode::BAD_REQUEST, message)
    }

    /// A refusal with a status of its own.
    pub(super) fn with(status: StatusCode, message: impl Into<String>) -> Refusal {
        Refusal {
            status,
            message: message.into(),
        }
    }

    /// The answer.
    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        self.head().map(|()| Full::from(self.document()))
    }

    /// The answer as it stands on an HTTP/1.1 wire.
    pub(super) fn written(&self) -> Bytes {
        let document = self.document();
        let mut head = self.head();
        let length = HeaderValue::from(document.len());
        head.headers_mut().insert(header::CONTENT_LENGTH, length);
        let mut bytes = BytesMut::from(interim::written(&head));
        bytes.extend_from_slice(document.as_bytes());
        bytes.freeze()
    }

    fn document(&self) -> String {
        serde_json::json!({ "error": "malformed", "message": self.message }).to_string()
    }

    fn head(&self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
            headers.insert(header::ALLOW, methods);
        }
        response
    }
}
