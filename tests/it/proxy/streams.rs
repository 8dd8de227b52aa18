//! What streams: halves, early and large content.

use super::*;

#[test]
fn a_client_that_sends_no_more_still_gets_its_response() {
    let (open, wait) = gate();
    let upstream = Upstream::answering(move |_, _| {
        wait();
        ok("late")
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&get("/"));
    client.end();
    open.send(()).unwrap();
    assert!(client.rest().ends_with("late"));
}

#[test]
fn a_client_that_goes_away_ends_its_upstream_request() {
    let (sender, seen) = channel();
    let upstream = Upstream::start(move |mut client, _| {
        let head = client.head();
        sender.send(head).unwrap();
        client.drain().1.ok();
        sender.send("gone".to_owned()).unwrap();
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&get("/held"));
    assert!(
        seen.recv_timeout(PATIENCE)
            .unwrap()
            .starts_with("GET /held")
    );
    drop(client);
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), "gone");
}

#[test]
fn content_is_asked_for_when_the_upstream_asks() {
    let (sender, seen) = channel();
    let upstream = Upstream::start(move |mut client, _| {
        let head = client.head();
        assert_eq!(field(&head, "expect").as_deref(), Some("100-continue"));
        if head.starts_with("POST /no") {
            client.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
            return;
        }
        client.send("HTTP/1.1 100 Continue\r\n\r\n");
        sender.send(client.content(5)).unwrap();
        // It closes the connection, and the next request must not come on that.
        client.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nthanks");
    });
    let recording = Recording::start(upstream.address, &[]);
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let mut client = recording.connect();
    client.send(&head("/yes"));
    assert!(client.head().starts_with("HTTP/1.1 100 "));
    client.send("hello");
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), "hello");
    let (answer, content) = client.message();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(content, "thanks");

    let mut client = recording.connect();
    client.send(&head("/no"));
    assert!(client.head().starts_with("HTTP/1.1 417 "));
}

#[test]
fn a_response_may_come_before_the_request_is_whole() {
    let upstream = Upstream::start(|mut client, _| {
        client.head();
        client.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
        client.drain().1.ok();
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome");
    let (head, content) = client.message();
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    assert_eq!(content, "big");
}

#[test]
fn an_upstream_that_answers_and_reads_no_further_is_heard() {
    let upstream = Upstream::start(|mut client, _| {
        client.head();
        client.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
        // Closed on what it has not read, the connection is reset.
    });
    let recording = Recording::start(upstream.address, &[]);
    for _ in 0..5 {
        let mut client = recording.connect();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n");
        let piece = vec![b'x'; 100_000];
        // The proxy may stop reading at any time, too.
        let _ = (0..80).try_for_each(|_| client.bytes(&piece));
        let (head, content) = client.message();
        assert!(head.starts_with("HTTP/1.1 413 "), "{head}{content}");
        assert_eq!(content, "big");
    }
}

#[test]
fn responses_without_content_stay_without() {
    let upstream = Upstream::answering(|head, _| {
        let status = match head.split(' ').nth(1).unwrap() {
            "/204" => "204 No Content\r\n",
            "/304" => "304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 5\r\n",
            _ => "200 Fine Indeed\r\nContent-Length: 5\r\n",
        };
        format!("HTTP/1.1 {status}\r\n")
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 200 Fine Indeed\r\n"), "{head}");
    assert_eq!(field(&head, "content-length").as_deref(), Some("5"));
    client.send(&get("/204"));
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 204 "), "{head}");
    assert_eq!(field(&head, "content-length"), None, "{head}");
    client.send(&get("/304"));
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 304 "), "{head}");
    client.send("HEAD /again HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    assert_eq!(upstream.connections(), 1);
}

/// Large enough that holding it would show.
const BIG: usize = 64 << 20;

#[test]
fn memory_does_not_grow_with_bodies() {
    let upstream = Upstream::start(|mut client, _| {
        loop {
            let head = client.head();
            let piece = vec![b'x'; 1 << 16];
            if head.starts_with("GET") {
                client.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n"));
                for _ in 0..BIG / piece.len() {
                    client.bytes(&piece).unwrap();
                }
            } else if head.starts_with("POST") {
                for _ in 0..BIG / piece.len() {
                    client.content(piece.len());
                }
                client.send(&ok("taken"));
            } else {
                return;
            }
        }
    });
    let recording = Recording::start(upstream.address, &[]);
    recording.exchange(&format!(
        "{}x",
        get("/").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
    ));
    let before = recording.peak();
    let mut client = recording.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client.head();
    assert_eq!(client.drain().0, BIG);
    let mut client = recording.connect();
    client.send(&format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BIG}\r\n\r\n"
    ));
    let piece = vec![b'y'; 1 << 16];
    for _ in 0..BIG / piece.len() {
        client.bytes(&piece).unwrap();
    }
    assert_eq!(client.message().1, "taken");
    let grown = recording.peak() - before;
    assert!(grown < 32 << 10, "{grown} KiB");
}
