//! A small HTTP client on one connection, for what the bench asks one by one.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::work::{TARGET, content};

/// One connection, kept alive.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Client {
    pub(crate) async fn connect(address: &str) -> Client {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client {
            sender,
            host: address.to_owned(),
        }
    }

    /// Sends a request and reads its answer: the status and the content.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        target: &str,
        session: &str,
        content: Bytes,
    ) -> Result<(u16, Bytes), String> {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", &self.host)
            .header("content-type", "application/json");
        if !session.is_empty() {
            request = request.header("antiphon-session", session);
        }
        let request = request.body(Full::new(content)).unwrap();
        self.sender.ready().await.map_err(|e| e.to_string())?;
        let sent = self.sender.send_request(request).await;
        let response = sent.map_err(|e| e.to_string())?;
        let status = response.status().as_u16();
        let content = response.into_body().collect().await;
        Ok((status, content.map_err(|e| e.to_string())?.to_bytes()))
    }
}

/// Asks a replay twice for the first operation of its tape: the second answer waits until everything is
/// learned of the tape. How long both take.
pub(crate) fn learned(address: &str) -> Duration {
    let begin = Instant::now();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for _ in 0..2 {
            let content = Bytes::from(content());
            let (status, _) = once(address, "POST", &format!("{TARGET}0"), content).await;
            assert_eq!(status, 200);
        }
    });
    begin.elapsed()
}

/// What a program is answered that it is told something.
pub(crate) fn post(address: &str, target: &str, content: String) -> (u16, Bytes) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(once(address, "POST", target, content.into()))
}

/// What one request is answered with, on a connection of its own.
pub(crate) async fn once(
    address: &str,
    method: &str,
    target: &str,
    content: Bytes,
) -> (u16, Bytes) {
    let mut client = Client::connect(address).await;
    client.send(method, target, "", content).await.unwrap()
}
