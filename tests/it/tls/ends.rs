//! Ends: which of them are clean, with TLS on either side.

use std::io::{Read as _, Write as _};

use super::harness::{
    Accepted, Installation, Maker, When, client, connect, head, raw, server, text,
};
use crate::support::PATIENCE;

fn say(stream: &mut Accepted, words: &str) {
    stream.get_mut().write_all(words.as_bytes()).unwrap();
    stream.get_mut().flush().unwrap();
}

#[test]
fn what_ends_without_the_end_of_tls_is_broken_off() {
    let maker = Maker::new("good");
    let settings = server(&maker.sign("127.0.0.1", When::Always), None);
    let origin = raw(settings, |stream, number| {
        assert!(head(stream));
        // Only the end of the connection ends this response.
        say(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf");
        if number == 0 {
            stream.get_mut().conn.send_close_notify();
            stream.get_mut().flush().unwrap();
        }
    });
    let installation = Installation::new();
    let ca = text(&installation.file("test-ca.pem", &maker.pem));
    let recording = installation.record(&origin, &["--tls", "--upstream-ca", &ca]);
    let mut ends = Vec::new();
    for _ in 0..2 {
        let settings = client(&installation.authority(), &["http/1.1"]);
        let mut connection = connect(recording.address, "localhost", settings).unwrap();
        connection.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut response = Vec::new();
        ends.push(connection.read_to_end(&mut response).is_ok());
        assert!(response.starts_with(b"HTTP/1.0 200 "), "{response:?}");
    }
    assert_eq!(ends, [true, false], "the client sees the same end");
    assert_eq!(recording.end().0, Some(0));
    let shown: serde_json::Value = serde_json::from_str(&installation.show(&["--json"])).unwrap();
    let truncated = |number: usize| shown["operations"][number]["truncated"] == true;
    assert_eq!([truncated(0), truncated(1)], [false, true], "{shown}");
}

#[test]
fn a_request_lost_with_an_idle_connection_over_tls_is_sent_again() {
    let maker = Maker::new("good");
    let settings = server(&maker.sign("127.0.0.1", When::Always), None);
    let (told, lost) = std::sync::mpsc::channel();
    let origin = raw(settings, move |stream, number| {
        while head(stream) {
            say(
                stream,
                &format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}"),
            );
            if number == 0 {
                // The second request on this connection is read and not answered.
                told.send(head(stream)).unwrap();
                return;
            }
        }
    });
    let installation = Installation::new();
    let ca = text(&installation.file("test-ca.pem", &maker.pem));
    let recording = installation.record(&origin, &["--upstream-ca", &ca]);
    assert!(recording.get("/").ends_with('0'));
    assert!(recording.get("/").ends_with('1'));
    assert!(lost.recv_timeout(PATIENCE).unwrap(), "it came there first");
}
