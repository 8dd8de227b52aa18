//! What is refused, and never passed on.

use super::*;

#[test]
fn what_has_no_one_meaning_is_refused_and_never_forwarded() {
    let upstream = Upstream::answering(|_, _| ok("forwarded"));
    let recording = Recording::start(upstream.address, &[]);
    let long = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(70_000)
    );
    let chunked = |body: &str| format!("{CHUNKED}{body}");
    let cases = [
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: \r\n\r\n".to_owned(),
        format!("GET http://{}/ HTTP/1.1\r\nHost: a\r\n\r\n", upstream.address),
        "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(),
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello".to_owned(),
        "GET / HTTP/1.1\nHost: a\n\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\n\n".to_owned(),
        chunked("0\r\n\n"),
        chunked("0\n\r\n"),
        chunked("1\r\nx\n0\r\n\r\n"),
        long.clone(),
    ];
    for case in &cases {
        let answer = recording.exchange(case);
        let status = if case.starts_with("CONNECT") {
            "405"
        } else if *case == long {
            "431"
        } else {
            "400"
        };
        let start = case.get(..case.len().min(90)).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{start:?}: {answer}"
        );
        assert_eq!(
            field(&answer, "connection").as_deref(),
            Some("close"),
            "{start:?}"
        );
        assert!(
            answer.contains(r#"{"error":"malformed","message":""#),
            "{start:?}: {answer}"
        );
        // Nothing else is on the connection.
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{start:?}: {answer}");
    }
    assert_eq!(upstream.connections(), 0);
    assert!(
        recording
            .exchange(&format!(
                "GET http://{}/x HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n",
                recording.address
            ))
            .ends_with("forwarded")
    );
}

#[test]
fn content_that_breaks_after_it_has_begun_is_never_forwarded_whole() {
    let (heads, head) = channel();
    let (rests, rest) = channel();
    let upstream = Upstream::start(move |mut client, _| {
        heads.send(client.head()).unwrap();
        rests.send(client.drain().0).unwrap();
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(CHUNKED);
    client.send("5\r\nhello\r\n");
    let head = head.recv_timeout(PATIENCE).unwrap();
    client.send("0\r\n\n");
    let answer = client.rest();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("bare LF"), "{answer}");
    let rest = rest.recv_timeout(PATIENCE).unwrap();
    assert!(head.starts_with("POST / "), "{head}");
    assert!(rest <= "5\r\nhello\r\n".len(), "{rest}");
}

#[test]
fn pipelined_requests_are_answered_in_order_and_before_a_refusal() {
    let upstream = Upstream::answering(|head, _| ok(head.split(' ').nth(1).unwrap()));
    let recording = Recording::start(upstream.address, &[]);
    let post = "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    let pipeline = format!(
        "{}{post}{}GET /d HTTP/1.1\r\n\r\n{}",
        get("/a"),
        get("/c"),
        get("/e")
    );
    let answer = recording.exchange(&pipeline);
    let places = ["/a", "/b", "/c", "HTTP/1.1 400"].map(|text| answer.find(text).expect(text));
    assert!(places.is_sorted(), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 4, "{answer}");
    assert_eq!(upstream.heads().len(), 3);
}
