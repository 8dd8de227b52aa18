//! Sockets over TLS, on both sides.

use tungstenite::Message;

use super::harness::{Installation, Maker, When, client, connect, raw, server, text};

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
