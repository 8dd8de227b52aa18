//! Informational responses (RFC 9110 §15.2): they reach the client before the response, in order.

use super::*;

const HINT: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n";

/// An upstream that hints twice, and answers when it may.
fn hinting(wait: impl Fn() + Send + Sync + 'static) -> Upstream {
    Upstream::start(move |mut client, _| {
        loop {
            let head = client.head();
            if head.is_empty() {
                return;
            }
            if head.contains("/large") {
                client.send(&ok(&"x".repeat(LARGE)));
                continue;
            }
            client.send("HTTP/1.1 102 Processing\r\nConnection: x-own\r\nX-Own: 1\r\n\r\n");
            client.send(HINT);
            wait();
            client.send(&ok("there"));
        }
    })
}

/// More than sockets hold between them.
const LARGE: usize = 16 << 20;

#[test]
fn a_hint_comes_before_the_response_and_does_not_wait_for_it() {
    let (open, wait) = gate();
    let upstream = hinting(wait);
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    for _ in 0..2 {
        client.send(&get("/"));
        assert_eq!(client.head(), "HTTP/1.1 102 Processing\r\n\r\n");
        assert_eq!(client.head(), HINT);
        open.send(()).unwrap();
        assert_eq!(client.message().1, "there");
    }
    let shown = recording.finish();
    assert_eq!(shown["operations"].as_array().unwrap().len(), 2);
    assert_eq!(shown["operations"][0]["status"], 200);
}

#[test]
fn hints_of_pipelined_requests_stand_each_before_its_own_response() {
    let upstream = hinting(|| {});
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&[get("/large"), get("/"), get("/large"), get("/")].concat());
    // The proxy has had the hints for long when the client begins to read.
    for _ in 0..2 {
        assert_eq!(client.message().1.len(), LARGE);
        assert_eq!(client.head(), "HTTP/1.1 102 Processing\r\n\r\n");
        assert_eq!(client.head(), HINT);
        assert_eq!(client.message().1, "there");
    }
}

#[test]
fn a_client_of_http_1_0_gets_no_hint() {
    let upstream = hinting(|| {});
    let recording = Recording::start(upstream.address, &[]);
    let answer = recording.exchange("GET / HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1").count(), 1, "{answer}");
}
