//! Sockets over TLS, on both sides.

use std::net::{TcpListener, TcpStream};
use std::thread;

use tungstenite::Message;

use super::harness::{Installation, Maker, When, client, connect, patient, raw, server, text};

#[test]
fn a_socket_passes_over_tls_by_http_1_1_whatever_else_the_service_speaks() {
    let maker = Maker::new("good");
    let mut settings = server(&maker.sign("127.0.0.1", When::Always), None);
    settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let origin = raw(settings, |stream, _| {
        let mut socket = tungstenite::accept(stream.get_mut()).unwrap();
        while let Ok(message) = socket.read() {
            if message.is_text() {
                socket.send(message).unwrap();
            }
        }
    });
    let installation = Installation::new();
    let ca = text(&installation.file("test-ca.pem", &maker.pem));
    let recording = installation.record(&origin, &["--tls", "--upstream-ca", &ca]);
    let settings = client(&installation.authority(), &["http/1.1"]);
    let connection = connect(recording.address, "localhost", settings).unwrap();
    let (mut socket, _) = tungstenite::client("wss://localhost/chat", connection).unwrap();
    for length in [1, 1 << 20] {
        let message = Message::text("x".repeat(length));
        socket.send(message.clone()).unwrap();
        assert!(socket.read().unwrap() == message);
    }
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    drop(socket);
    let tape = recording.folder.path().join("t.tape");
    assert_eq!(recording.end().0, Some(0));
    let tape = std::fs::read_to_string(tape).unwrap();
    let kinds: Vec<String> = tape
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        kinds,
        [
            "header",
            "operation",
            "operation",
            "notification",
            "operation",
            "notification",
            "fact",
            "trailer"
        ]
    );
}

#[test]
fn a_socket_passes_by_http_2_where_the_service_chooses_that_and_opens_sockets_on_it() {
    let echo = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = echo.local_addr().unwrap();
    thread::spawn(move || {
        let (stream, _) = echo.accept().unwrap();
        let mut socket = tungstenite::accept(stream).unwrap();
        while let Ok(message) = socket.read() {
            if message.is_text() {
                socket.send(message).unwrap();
            }
        }
    });
    let (inner, outer) = (Installation::new(), Installation::new());
    // It speaks TLS and chooses HTTP/2, on which it opens sockets.
    let service = inner.record(&format!("http://{address}"), &["--tls"]);
    let origin = format!("https://localhost:{}", service.address.port());
    let ca = text(&outer.file("inner.pem", &inner.authority()));
    let recording = outer.record(&origin, &["--upstream-ca", &ca]);
    let stream = patient(TcpStream::connect(recording.address).unwrap());
    let (mut socket, _) = tungstenite::client("ws://localhost/chat", stream).unwrap();
    let message = Message::text("x".repeat(1 << 20));
    socket.send(message.clone()).unwrap();
    assert!(socket.read().unwrap() == message);
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    drop(socket);
    assert_eq!(recording.end().0, Some(0));
    let tape = service.folder.path().join("t.tape");
    assert_eq!(service.end().0, Some(0));
    let tape = std::fs::read_to_string(tape).unwrap();
    let opening = tape.lines().nth(1).unwrap();
    assert!(
        opening.contains(r#""form":{"opens":"socket"}"#),
        "{opening}"
    );
    // A client of HTTP/2 sends no key.
    assert!(!opening.contains("sec-websocket-key"), "{opening}");
}
