//! Where requests go that no recorded operation answers, if the user wants them sent on.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;

/// A response of the service that a request was sent on to, or why there is none.
pub type Forwarded = Pin<Box<dyn Future<Output = Result<Response<Incoming>, String>> + Send>>;

/// What sends a request on, in origin form and with the client's own header fields. It is said, too,
/// whose session the client has.
pub struct Forward(Box<Sender>);

type Sender = dyn Fn(Request<Full<Bytes>>, Option<&str>) -> Forwarded + Send + Sync;

impl Forward {
    /// Sends requests on with this function.
    pub fn new(
        send: impl Fn(Request<Full<Bytes>>, Option<&str>) -> Forwarded + Send + Sync + 'static,
    ) -> Self {
        Forward(Box::new(send))
    }

    pub(super) fn send(&self, request: Request<Full<Bytes>>, session: Option<&str>) -> Forwarded {
        (self.0)(request, session)
    }
}

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Forward")
    }
}
