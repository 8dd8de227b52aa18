//! Sockets on services that speak HTTP/2 (RFC 8441).

use std::net::SocketAddr;

use bytes::Bytes;
use h2::Reason;
use http::{Request, Response};
use serde_json::{Value, json};
use tungstenite::Message;

use super::messages::{connect, echo, hear};
use super::*;
use crate::support::verified;

const HTTP2: &[&str] = &["--upstream-http2"];

type Asked = Request<h2::RecvStream>;
type Respond = h2::server::SendResponse<Bytes>;

/// Whether a service says that it opens sockets.
#[derive(Clone, Copy, PartialEq)]
enum Sockets {
    Offered,
    NotOffered,
}

/// A service by HTTP/2 without TLS, which does with each request what a function says.
fn service(sockets: Sockets, serve: impl Fn(Asked, Respond) + Send + Sync + 'static) -> SocketAddr {
    let serve = Arc::new(serve);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let serve = Arc::clone(&serve);
                tokio::spawn(async move {
                    let mut builder = h2::server::Builder::new();
                    if sockets == Sockets::Offered {
                        builder.enable_connect_protocol();
                    }
                    let mut connection = builder.handshake(stream).await.unwrap();
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        serve(request, respond);
                    }
                });
            }
        });
    });
    address
}

/// Opens the socket, and says `hello`.
fn open_and_greet(mut respond: Respond) -> h2::SendStream<Bytes> {
    let mut sender = respond.send_response(Response::new(()), false).unwrap();
    sender
        .send_data(Bytes::from(bare(0x81, b"hello")), false)
        .unwrap();
    sender
}

#[test]
fn an_offer_becomes_an_extended_connect_and_messages_pass_both_ways() {
    let upstream = echo();
    // The first speaks HTTP/2 to the second, which opens sockets on it.
    let second = Recording::start(upstream.address, &[]);
    let mut first = Recording::start(second.address, HTTP2);
    let mut socket = connect(&first, "/chat?a=1");
    for length in [1, 1 << 20, 3] {
        let message = Message::text("x".repeat(length));
        socket.send(message.clone()).unwrap();
        assert!(hear(&mut socket) == message);
    }
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    drop(socket);
    assert_eq!(first.end(), Some(0));
    let (ours, theirs) = (first.written(), second.events());
    let fields = theirs[0]["request"]["headers"].to_string();
    assert!(fields.contains(r#"["via","1.1 antiphon"]"#), "{fields}");
    assert!(!fields.contains("sec-websocket-key"), "{fields}");
    for events in [&ours, &theirs] {
        assert_eq!(events[0]["form"], json!({ "opens": "socket" }));
        assert_eq!(events[0]["request"]["target"], "/chat?a=1");
        assert_eq!(events[0]["response"]["status"], 101);
        let kinds: Vec<&Value> = events[1..].iter().map(|event| &event["kind"]).collect();
        let [said, heard] = ["operation", "notification"];
        assert_eq!(kinds, [said, heard, said, heard, said, heard, "fact"]);
    }
    verified(first.tape(), &[]);
}

#[test]
fn what_is_agreed_on_passes_over_http_2_and_compressed_messages_are_read() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let upstream = Upstream::start(move |mut client, _| {
        let head = client.head();
        let extensions = field(&head, "sec-websocket-extensions");
        assert_eq!(extensions.as_deref(), Some("permessage-deflate"));
        let key = field(&head, "sec-websocket-key").unwrap();
        let answer = agreed("Sec-WebSocket-Extensions: permessage-deflate\r\n");
        client.send(&answer.replace(ACCEPT, &antiphon::websocket::accept(&key)));
        assert_eq!(client.octets(13), masked(0xc1, &hello));
        client.bytes(&bare(0xc1, &hello)).unwrap();
        client.drain().1.ok();
    });
    let second = Recording::start(upstream.address, &[]);
    let mut first = Recording::start(second.address, HTTP2);
    let mut client = first.connect();
    client.send(&offer(
        "/",
        "Sec-WebSocket-Extensions: permessage-deflate\r\n",
    ));
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let value = |name: &str| field(&head, name);
    assert_eq!(value("sec-websocket-accept").as_deref(), Some(ACCEPT));
    assert_eq!(
        value("sec-websocket-extensions").as_deref(),
        Some("permessage-deflate")
    );
    client.bytes(&masked(0xc1, &hello)).unwrap();
    assert_eq!(client.octets(9), bare(0xc1, &hello));
    client.end();
    assert_eq!(client.drain().0, 0);
    drop(client);
    assert_eq!(first.end(), Some(0));
    let events = first.written();
    assert_eq!(events[1]["request"]["body"]["text"], "Hello");
    assert_eq!(events[2]["data"]["text"], "Hello");
    let closed = json!({ "stream": 1, "by": "client", "truncated": true });
    assert_eq!(events[3]["what"]["closed"], closed);
}

#[test]
fn a_service_that_opens_no_sockets_over_http_2_is_not_asked() {
    let address = service(Sockets::NotOffered, |request, _| panic!("{request:?}"));
    let recording = Recording::start(address, HTTP2);
    let mut client = recording.connect();
    client.send(&offer("/chat", ""));
    let (head, content) = client.message();
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    let document: Value = serde_json::from_str(&content).unwrap();
    assert_eq!(document["cause"], "no-sockets");
    let message = document["message"].as_str().unwrap();
    assert!(message.contains("RFC 8441"), "{message}");
}

#[test]
fn a_service_that_declines_is_heard() {
    let address = service(Sockets::Offered, |request, mut respond| {
        assert_eq!(request.method(), "CONNECT");
        let protocol = request.extensions().get::<h2::ext::Protocol>();
        assert_eq!(protocol.map(h2::ext::Protocol::as_str), Some("websocket"));
        let response = Response::builder()
            .status(403)
            .header("content-type", "text/plain")
            .header("content-length", "9");
        let response = response.body(()).unwrap();
        let mut sender = respond.send_response(response, false).unwrap();
        sender
            .send_data(Bytes::from_static(b"not today"), true)
            .unwrap();
    });
    let mut recording = Recording::start(address, HTTP2);
    let mut client = recording.connect();
    client.send(&offer("/chat", ""));
    let (head, content) = client.message();
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    assert_eq!(content, "not today");
    assert_eq!(recording.end(), Some(0));
    let events = recording.written();
    assert_eq!(events[0]["request"]["method"], "GET");
    assert_eq!(events[0]["response"]["status"], 403);
    assert_eq!(events[0]["response"]["body"]["text"], "not today");
}

#[test]
fn a_stream_that_the_service_cancels_breaks_off() {
    let address = service(Sockets::Offered, |request, respond| {
        let mut sender = open_and_greet(respond);
        tokio::spawn(async move {
            // A reset overtakes what is not out yet, so the client says when it has the greeting.
            request.into_body().data().await.unwrap().unwrap();
            sender.send_reset(Reason::CANCEL);
        });
    });
    let recording = Recording::start(address, HTTP2);
    let mut client = open(&recording);
    assert_eq!(client.octets(7), bare(0x81, b"hello"));
    client.bytes(&masked(0x81, b"go")).unwrap();
    let (_, end) = client.drain();
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let events = recording.events();
    let closed = json!({ "stream": 1, "by": "service", "truncated": true });
    assert_eq!(events[events.len() - 1]["what"]["closed"], closed);
}

#[test]
fn a_client_that_breaks_off_cancels_the_stream() {
    let (sender, seen) = channel();
    let address = service(Sockets::Offered, move |request, respond| {
        let seen = sender.clone();
        let sender = open_and_greet(respond);
        tokio::spawn(async move {
            let _sender = sender;
            let end = request.into_body().data().await;
            let reason = end.and_then(|end| end.unwrap_err().reason());
            seen.send(reason).unwrap();
        });
    });
    let recording = Recording::start(address, HTTP2);
    let mut client = open(&recording);
    assert_eq!(client.octets(7), bare(0x81, b"hello"));
    client.reset();
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), Some(Reason::CANCEL));
    let events = recording.events();
    let closed = json!({ "stream": 1, "by": "client", "truncated": true });
    assert_eq!(events[events.len() - 1]["what"]["closed"], closed);
}
