//! The client's end of a socket that it offers to open: by an upgrade of HTTP/1.1 (RFC 6455 §4), or by
//! an extended CONNECT of HTTP/2 (RFC 8441).
//!
//! What passes on it is the service's business, which takes the connection over from hyper.

use std::sync::Arc;

use http::{Request, Version};
use hyper::ext::Protocol;
use tokio::sync::watch;

use super::connection::Connection;
use super::{response, stopped};

/// The `:protocol` of a WebSocket (RFC 8441 §5.1).
pub(super) const SOCKET: &str = "websocket";

/// A socket that is offered or open. Its connection counts as at work as long as this lives.
#[derive(Debug)]
pub struct Socket {
    connection: Arc<Connection>,
    version: Version,
    working: Working,
    _flight: response::Flight,
}

/// What tells the server that somebody is at work, and whoever is at work that it is over.
#[derive(Clone, Debug)]
pub(super) struct Working {
    pub(super) cuts: watch::Receiver<bool>,
    _open: watch::Receiver<()>,
}

impl Working {
    /// Something to clone for each who is at work, and what tells when all are gone.
    pub(super) fn new(cuts: &watch::Receiver<bool>) -> (watch::Sender<()>, Working) {
        let (open, opened) = watch::channel(());
        let working = Working {
            cuts: cuts.clone(),
            _open: opened,
        };
        (open, working)
    }
}

impl Socket {
    /// The socket that this request offers to open, if it does.
    pub(super) fn offered<B>(
        request: &Request<B>,
        connection: &Arc<Connection>,
        working: &Working,
    ) -> Option<Socket> {
        let version = request.version();
        let offers = match version {
            Version::HTTP_2 => {
                let protocol = request.extensions().get::<Protocol>();
                protocol.is_some_and(|protocol| protocol.as_str() == SOCKET)
            }
            _ => connection.arrived(),
        };
        offers.then(|| {
            connection.begun();
            Socket {
                connection: Arc::clone(connection),
                version,
                working: working.clone(),
                _flight: response::Flight::of_socket(Arc::clone(connection)),
            }
        })
    }

    /// Returns when the server cuts what is still open.
    pub async fn cut(&self) {
        stopped(self.working.cuts.clone()).await;
    }

    /// Has the client see a broken connection, and not the end of one, when it is dropped. On HTTP/2 the
    /// others on the connection go on, and the client sees an end.
    pub fn reset(&self) {
        if self.version != Version::HTTP_2 {
            self.connection.tear();
        }
    }
}
