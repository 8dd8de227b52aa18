//! Sockets of clients that speak HTTP/2 (RFC 8441).

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// A runtime for a client that speaks HTTP/2.
fn block<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, future)
            .await
            .expect("in time")
    })
}

/// A connection on which the server has said what it can do.
async fn connect(recording: &Recording) -> SendRequest<Empty<Bytes>> {
    let stream = tokio::net::TcpStream::connect(recording.address)
        .await
        .unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let plain = Request::get("http://front:1/plain")
        .body(Empty::new())
        .unwrap();
    sender
        .send_request(plain)
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    sender
}

fn extended(path: &str, protocol: &'static str) -> Request<Empty<Bytes>> {
    Request::connect(format!("http://front:1{path}"))
        .extension(Protocol::from_static(protocol))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "chat")
        .body(Empty::new())
        .unwrap()
}

/// An upstream that does with an offer what a function says, and answers other requests.
fn offered(serve: impl Fn(&mut Client, &str) + Send + Sync + 'static) -> Upstream {
    Upstream::start(move |mut client, _| {
        loop {
            let head = client.head();
            if head.is_empty() {
                return;
            } else if is_offer(&head) {
                serve(&mut client, &head);
            } else {
                client.send(&ok("plain"));
            }
        }
    })
}

fn agreed_for(head: &str) -> String {
    let key = field(head, "sec-websocket-key").unwrap();
    agreed("").replace(ACCEPT, &antiphon::websocket::accept(&key))
}

async fn content(response: Response<Incoming>) -> (StatusCode, String) {
    let status = response.status();
    let content = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(content.to_vec()).unwrap())
}

#[test]
fn an_extended_connect_becomes_an_upgrade_and_bytes_pass_both_ways() {
    const ROUNDS: usize = 1_000;
    let (sender, seen) = channel();
    let upstream = offered(move |client, head| {
        sender.send(head.to_owned()).unwrap();
        client.send(&agreed_for(head));
        for _ in 0..ROUNDS {
            assert_eq!(client.octets(106), masked(0x82, &[3; 100]));
            client.bytes(&bare(0x82, &[4; 100])).unwrap();
        }
        assert_eq!(client.octets(8), masked(0x88, b"\x03\xe8"));
        client.bytes(&bare(0x88, b"\x03\xe8")).unwrap();
        client.drain().1.ok();
    });
    let recording = Recording::start(upstream.address, &["--except", "/plain"]);
    block(async {
        let mut sender = connect(&recording).await;
        let response = sender
            .send_request(extended("/chat?a=1", "websocket"))
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        for name in [
            "upgrade",
            "connection",
            "sec-websocket-accept",
            "content-length",
        ] {
            assert_eq!(response.headers().get(name), None, "{name}");
        }
        let mut socket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
        let mut answer = vec![0; 102];
        for _ in 0..ROUNDS {
            socket.write_all(&masked(0x82, &[3; 100])).await.unwrap();
            socket.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, bare(0x82, &[4; 100]));
        }
        socket.write_all(&masked(0x88, b"\x03\xe8")).await.unwrap();
        socket.read_exact(&mut answer[..4]).await.unwrap();
        assert_eq!(answer[..4], bare(0x88, b"\x03\xe8"));
        // The connection goes on beside the socket.
        let plain = Request::get("http://front:1/plain")
            .body(Empty::new())
            .unwrap();
        let plain = content(sender.send_request(plain).await.unwrap()).await;
        assert_eq!(plain, (StatusCode::OK, "plain".to_owned()));
        socket.shutdown().await.unwrap();
        assert_eq!(socket.read(&mut answer).await.unwrap(), 0);
    });
    let asked = seen.recv_timeout(PATIENCE).unwrap();
    assert!(asked.starts_with("GET /chat?a=1 HTTP/1.1\r\n"), "{asked}");
    for (name, value) in [
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat"),
        ("via", "2.0 antiphon"),
    ] {
        assert_eq!(field(&asked, name).as_deref(), Some(value), "{asked}");
    }
    let events = recording.events();
    let opening = &events[0];
    assert_eq!(opening["form"], json!({ "opens": "socket" }));
    assert_eq!(opening["request"]["method"], "GET");
    assert_eq!(opening["response"]["status"], 101);
    assert_eq!(events.len(), 1 + 2 * ROUNDS + 1);
    let closed = &events[events.len() - 1]["what"]["closed"];
    assert_eq!(
        *closed,
        json!({ "stream": opening["id"], "by": "client", "code": 1000 })
    );
}

#[test]
fn what_is_no_agreement_is_none_for_a_client_either() {
    let upstream = offered(|client, head| {
        let answer = match head.split(' ').nth(1) {
            Some("/no") => "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".to_owned(),
            Some("/page") => ok("a page"),
            // For another key than that of the request.
            _ => agreed(""),
        };
        client.send(&answer);
    });
    let recording = Recording::start(upstream.address, &[]);
    block(async {
        let mut sender = connect(&recording).await;
        for (path, protocol, status, text) in [
            ("/no", "websocket", 403, "no"),
            ("/page", "websocket", 502, "\"cause\":\"failed\""),
            ("/key", "websocket", 502, "\"cause\":\"failed\""),
            ("/", "connect-udp", 501, "connect-udp"),
        ] {
            let response = sender.send_request(extended(path, protocol)).await.unwrap();
            let (answered, content) = content(response).await;
            assert_eq!(answered, status, "{path}: {content}");
            assert!(content.contains(text), "{path}: {content}");
        }
        let tunnel = Request::connect("front:1").body(Empty::new()).unwrap();
        let response = sender.send_request(tunnel).await.unwrap();
        assert_eq!(response.status(), 405);
    });
}

#[test]
fn a_client_that_drops_its_socket_ends_the_upstream_s() {
    let (sender, seen) = channel();
    let upstream = offered(move |client, head| {
        client.send(&agreed_for(head));
        assert_eq!(client.octets(10), masked(0x81, b"here"));
        client.bytes(&bare(0x81, b"too")).unwrap();
        sender.send(client.drain().0).unwrap();
    });
    let recording = Recording::start(upstream.address, &["--idle-timeout", "0.3"]);
    block(async {
        let mut sender = connect(&recording).await;
        let response = sender
            .send_request(extended("/", "websocket"))
            .await
            .unwrap();
        let mut socket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
        // A connection without anything on it ends, and the one with the socket does not.
        let idle = tokio::net::TcpStream::connect(recording.address);
        assert_eq!(idle.await.unwrap().read(&mut [0]).await.unwrap(), 0);
        socket.write_all(&masked(0x81, b"here")).await.unwrap();
        socket.read_exact(&mut [0; 5]).await.unwrap();
        drop(socket);
        let seen = tokio::task::spawn_blocking(move || seen.recv_timeout(PATIENCE));
        assert_eq!(seen.await.unwrap(), Ok(0));
    });
}

#[test]
fn a_recording_that_ends_cuts_what_is_open_on_http2_too() {
    let (sender, seen) = channel();
    let upstream = offered(move |client, head| {
        client.send(&agreed_for(head));
        client.bytes(&bare(0x81, b"hello")).unwrap();
        sender.send(client.drain().0).unwrap();
    });
    let mut recording = Recording::start(upstream.address, &["--except", "/plain"]);
    block(async {
        let mut sender = connect(&recording).await;
        let response = sender
            .send_request(extended("/", "websocket"))
            .await
            .unwrap();
        let mut socket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
        socket.read_exact(&mut [0; 7]).await.unwrap();
        let ended = tokio::task::spawn_blocking(move || (recording.end(), recording.written()));
        // However it ends, it does.
        let _ = socket.read(&mut [0]).await;
        let (code, events) = ended.await.unwrap();
        assert_eq!(code, Some(0));
        assert_eq!(events[1]["data"]["text"], "hello");
        assert_eq!(events[2]["what"]["closed"]["truncated"], true, "{events:?}");
    });
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), 0);
}
