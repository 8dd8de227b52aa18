//! What `antiphon record` does to traffic: raw sockets on both sides of the built binary.

mod harness;

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use harness::{Client, Recording, Upstream, field, get, ok};

use crate::support::{self, PATIENCE};

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

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
        long,
    ];
    for case in &cases {
        let answer = recording.exchange(case);
        let status = if case.starts_with("CONNECT") {
            "405"
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

#[test]
fn a_client_that_sends_no_more_still_gets_its_response() {
    let upstream = Upstream::answering(|_, _| {
        std::thread::sleep(Duration::from_millis(300));
        ok("late")
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&get("/"));
    client.end();
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
        client.send(&ok("thanks"));
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
fn trailers_pass_both_ways() {
    let (sender, seen) = channel();
    let upstream = Upstream::start(move |mut client, _| {
        let head = client.head();
        sender
            .send((
                head,
                client.content("2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n".len()),
            ))
            .unwrap();
        client.send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n\
             3\r\nbye\r\n0\r\nX-End: 2\r\n\r\n",
        );
    });
    let recording = Recording::start(upstream.address, &[]);
    let answer = recording.exchange(
        "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, close\r\nTrailer: X-Sum\r\n\
         Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n",
    );
    let (head, body) = seen.recv_timeout(PATIENCE).unwrap();
    assert_eq!(field(&head, "te").as_deref(), Some("trailers"), "{head}");
    assert!(
        body.to_lowercase().ends_with("0\r\nx-sum: 1\r\n\r\n"),
        "{body}"
    );
    assert!(
        answer.to_lowercase().ends_with("0\r\nx-end: 2\r\n\r\n"),
        "{answer}"
    );
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

#[test]
fn what_the_upstream_breaks_off_is_never_a_clean_end() {
    let upstream = Upstream::start(|mut client, _| {
        let head = client.head();
        client.send(if head.contains("/length") {
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
        } else {
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
        });
        // The client has this before the end comes.
        std::thread::sleep(Duration::from_millis(100));
    });
    let recording = Recording::start(upstream.address, &[]);
    for path in ["/length", "/chunks"] {
        let mut client = recording.connect();
        client.send(&get(path));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let (count, _) = client.drain();
        let half = if path == "/length" {
            "half"
        } else {
            "4\r\nhalf\r\n"
        };
        assert_eq!(count, half.len(), "{path}");
    }
    // Only the end of the connection ends this response.
    let mut client = recording.connect();
    client.send("GET /old HTTP/1.0\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.0 200 "));
    let (count, end) = client.drain();
    assert_eq!(count, "half".len());
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let shown = recording.finish();
    let operations = shown["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 3, "{shown}");
    for operation in operations {
        assert_eq!(operation["truncated"], true, "{operation}");
    }
}

#[test]
fn what_is_under_way_may_end_before_the_recording_does() {
    let (sender, seen) = channel();
    let upstream = Upstream::answering(move |_, _| {
        sender.send(()).unwrap();
        std::thread::sleep(Duration::from_millis(400));
        ok("drained")
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&get("/"));
    seen.recv_timeout(PATIENCE).unwrap();
    let shown = recording.finish();
    assert_eq!(shown["operations"].as_array().unwrap().len(), 1, "{shown}");
    assert!(client.rest().ends_with("drained"));
}

#[test]
fn trouble_with_the_upstream_is_named() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let upstream = Upstream::start(|mut client, _| {
        let head = client.head();
        if head.contains("/broken") {
            client.send("220 smtp.example ESMTP\r\n\r\n");
        }
    });
    let (full, _crowd) = harness::crowded();
    let slow = ["--connect-timeout", "0.3"];
    let cases: [(_, &[&str], _, _, _); 4] = [
        (nobody, &[], "/", "502", "refused"),
        (full, &slow, "/", "504", "timeout"),
        (upstream.address, &[], "/closed", "502", "closed"),
        (upstream.address, &[], "/broken", "502", "broken"),
    ];
    for (address, arguments, path, status, cause) in cases {
        let recording = Recording::start(address, arguments);
        let mut client = recording.connect();
        client.send(&get(path));
        let (head, content) = client.message();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{head}{content}"
        );
        let document: serde_json::Value = serde_json::from_str(&content).unwrap();
        assert_eq!(document["error"], "upstream", "{content}");
        assert_eq!(document["cause"], cause, "{content}");
        // The connection goes on.
        client.send(&get(path));
        assert!(client.head().starts_with(&format!("HTTP/1.1 {status} ")));
    }
}

#[test]
fn connections_to_the_upstream_are_used_again_unless_that_is_off() {
    for (arguments, connections) in [(&[][..], 1), (&["--upstream-idle", "0"][..], 3)] {
        let upstream = Upstream::answering(|_, _| ok("x"));
        let recording = Recording::start(upstream.address, arguments);
        for _ in 0..3 {
            let mut client = recording.connect();
            client.send(&get("/"));
            assert_eq!(client.message().1, "x");
        }
        assert_eq!(upstream.connections(), connections, "{arguments:?}");
    }
}

#[test]
fn a_request_lost_with_an_idle_connection_is_sent_again_only_where_that_is_safe() {
    let upstream = Upstream::start(|mut client, number| {
        let (head, _) = client.message();
        if number == 0 {
            client.send(&ok(""));
            // The second request on this connection is read and not answered.
            client.message();
        } else if !head.is_empty() {
            client.send(&ok("again"));
        }
    });
    for (method, status) in [("GET", "200"), ("POST", "502")] {
        let upstream = if method == "GET" {
            &upstream
        } else {
            &Upstream::start(|mut client, _| {
                client.message();
                client.send(&ok(""));
                client.message();
            })
        };
        let recording = Recording::start(upstream.address, &[]);
        let mut client = recording.connect();
        let request = format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        client.send(&request);
        assert!(client.message().0.starts_with("HTTP/1.1 200 "));
        client.send(&request);
        let (head, _) = client.message();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{method}: {head}"
        );
    }
}

#[test]
fn header_fields_change_as_an_intermediary_changes_them() {
    let upstream = Upstream::answering(|head, _| {
        let host = field(head, "host").unwrap();
        format!(
            "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://{host}/next?x\r\n\
             Content-Location: http://{host}/here\r\nX-Odd-Case: kept\r\nConnection: X-Mine\r\n\
             X-Mine: 1\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a=1; Domain=127.0.0.1; Path=/\r\n\
             Set-Cookie: b=2; Secure; HttpOnly\r\n\r\n"
        )
    });
    let recording = Recording::start(upstream.address, &["--forwarded"]);
    let mut client = recording.connect();
    client.send(
        "GET /a%20b?q=%2F&r HTTP/1.1\r\nHost: front.example:81\r\nConnection: keep-alive, X-Drop\r\n\
         X-Drop: 1\r\nX-KEEP: 2\r\nKeep-Alive: 1\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nVia: 1.0 fred\r\n\
         X-Forwarded-For: 10.0.0.1\r\nCookie: a=1; b=2\r\n\r\n",
    );
    let (answer, _) = client.message();
    let head = upstream.heads().remove(0);
    assert!(
        head.starts_with("GET /a%20b?q=%2F&r HTTP/1.1\r\n"),
        "{head}"
    );
    let sent = |name: &str| field(&head, name);
    assert_eq!(sent("host"), Some(upstream.address.to_string()));
    for gone in [
        "connection",
        "x-drop",
        "keep-alive",
        "proxy-connection",
        "upgrade",
    ] {
        assert_eq!(sent(gone), None, "{head}");
    }
    assert!(head.contains("X-KEEP: 2\r\n"), "{head}");
    assert!(head.to_lowercase().contains("via: 1.0 fred\r\n"), "{head}");
    assert!(
        head.to_lowercase().contains("via: 1.1 antiphon\r\n"),
        "{head}"
    );
    assert_eq!(sent("cookie").as_deref(), Some("a=1; b=2"));
    assert_eq!(
        sent("x-forwarded-for").as_deref(),
        Some("10.0.0.1, 127.0.0.1")
    );
    assert_eq!(
        sent("x-forwarded-host").as_deref(),
        Some("front.example:81")
    );
    assert_eq!(sent("x-forwarded-proto").as_deref(), Some("http"));

    let got = |name: &str| field(&answer, name);
    assert_eq!(
        got("location").as_deref(),
        Some("http://front.example:81/next?x")
    );
    assert_eq!(
        got("content-location").as_deref(),
        Some("http://front.example:81/here")
    );
    assert_eq!(got("x-mine"), None, "{answer}");
    assert_eq!(got("keep-alive"), None, "{answer}");
    assert_eq!(got("via").as_deref(), Some("1.1 antiphon"));
    assert!(answer.contains("X-Odd-Case: kept\r\n"), "{answer}");
    assert!(answer.contains("a=1; Path=/\r\n"), "{answer}");
    assert!(answer.contains("b=2; HttpOnly\r\n"), "{answer}");

    let recording = Recording::start(upstream.address, &["--keep-host"]);
    let mut client = recording.connect();
    client.send(&get("/"));
    client.message();
    let head = upstream.heads().remove(1);
    assert_eq!(field(&head, "host").as_deref(), Some("front:1"));
    assert_eq!(field(&head, "x-forwarded-for"), None);
}

#[test]
fn urls_in_bodies_move_where_that_is_asked_for() {
    let upstream = Upstream::answering(|head, content| {
        let host = field(head, "host").unwrap();
        let answer = format!(r#"{{"self":"http://{host}/me","echo":{content}}}"#);
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Took: {}\r\n\
             Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{answer}\r\n0\r\n\r\n",
            field(head, "accept-encoding").unwrap_or_default(),
            answer.len()
        )
    });
    let body = r#"{"uri":"http://front:1/x"}"#;
    let request = format!(
        "POST / HTTP/1.1\r\nHost: front:1\r\nAccept-Encoding: gzip\r\n\
         Content-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let recording = Recording::start(upstream.address, &["--rewrite-bodies"]);
    let mut client = recording.connect();
    client.send(&request);
    let (head, content) = client.message();
    assert_eq!(
        field(&head, "x-took").as_deref(),
        Some("identity"),
        "{head}"
    );
    assert_eq!(
        content,
        r#"{"self":"http://front:1/me","echo":{"uri":"http://front:1/x"}}"#
    );
    let sent = upstream.heads().remove(0);
    let length = body
        .replace("front:1", &upstream.address.to_string())
        .len()
        .to_string();
    assert_eq!(field(&sent, "content-length"), Some(length), "{sent}");

    let recording = Recording::start(upstream.address, &[]);
    let answer =
        recording.exchange(&request.replace("\r\nAccept", "\r\nConnection: close\r\nAccept"));
    assert!(
        answer.contains(&format!("http://{}/me", upstream.address)),
        "{answer}"
    );
    assert!(answer.contains("http://front:1/x"), "{answer}");
}

#[test]
fn slow_heads_and_idle_connections_end() {
    let upstream = Upstream::answering(|_, _| ok("x"));
    let limits = ["--head-timeout", "0.2", "--idle-timeout", "0.3"];
    let recording = Recording::start(upstream.address, &limits);
    let answer = recording.exchange("GET / HTTP/1.1\r\nHo");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let begin = Instant::now();
    assert_eq!(recording.connect().rest(), "");
    assert!(begin.elapsed() >= Duration::from_millis(250));
    let mut client = recording.connect();
    client.send(&get("/"));
    assert_eq!(client.message().1, "x");
    assert_eq!(client.rest(), "");
    assert_eq!(upstream.heads().len(), 1);
}

#[test]
fn a_held_response_is_not_an_idle_connection() {
    let upstream = Upstream::answering(|_, _| {
        std::thread::sleep(Duration::from_millis(600));
        ok("held")
    });
    let limits = ["--head-timeout", "0.1", "--idle-timeout", "0.1"];
    let recording = Recording::start(upstream.address, &limits);
    assert!(recording.exchange(&get("/")).ends_with("held"));
}

#[test]
fn http2_without_tls_passes_on_both_sides() {
    let upstream = Upstream::answering(|head, content| ok(&format!("{head}{content}")));
    let second = Recording::start(upstream.address, &[]);
    // The first speaks HTTP/2 to the second.
    let first = Recording::start(second.address, &["--upstream-http2"]);
    let mut client = first.connect();
    client.send("POST /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nCookie: a=1\r\n\r\nhello");
    let (_, content) = client.message();
    assert!(content.starts_with("POST /x?y HTTP/1.1\r\n"), "{content}");
    assert!(content.ends_with("\r\n\r\nhello"), "{content}");
    let heads = content.to_lowercase();
    assert!(heads.contains("via: 1.1 antiphon\r\n"), "{content}");
    assert!(heads.contains("via: 2.0 antiphon\r\n"), "{content}");
}

#[test]
fn the_admin_port_tells_how_it_goes() {
    let upstream = Upstream::answering(|_, _| ok("x"));
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&get("/"));
    client.message();
    let health = support::get(&format!("{}/__admin/health", recording.admin)).json();
    assert_eq!(health["status"], "ok", "{health}");
    assert_eq!(health["mode"], "record", "{health}");
    assert_eq!(health["answered"], 1, "{health}");
    let metrics = support::get(&format!("{}/metrics", recording.admin)).text;
    assert!(
        metrics.contains("antiphon_requests_total{status=\"200\"} 1\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("antiphon_operations_total 1\n"),
        "{metrics}"
    );
    assert_eq!(health["recorded"]["operations"], 1, "{health}");
    assert_eq!(support::get(&format!("{}/x", recording.admin)).status, 404);
}

#[test]
fn what_a_client_saw_answered_is_on_the_tape() {
    let upstream = Upstream::answering(|_, _| ok("x"));
    let recording = Recording::start(upstream.address, &[]);
    let mut client: Client = recording.connect();
    for path in ["/one", "/two"] {
        client.send(&get(path));
        assert_eq!(client.message().1, "x");
        let tape = std::fs::read_to_string(recording.tape()).unwrap();
        assert!(tape.contains(&format!("\"{path}\"")), "{tape}");
    }
    let shown = recording.finish();
    assert_eq!(shown["operations"].as_array().unwrap().len(), 2, "{shown}");
}

#[test]
fn wrong_usage_is_told_before_anything_is_served() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("there.tape"), "not empty").unwrap();
    let up = ["--upstream", "http://127.0.0.1:9"];
    let cases: [(&[&str], &str); 9] = [
        (&[], "--upstream"),
        (&["--upstream", "https://a"], "only http is"),
        (
            &["--upstream", "http://a/path"],
            "more than a host and a port",
        ),
        (&[up[0], up[1], "-o", "there.tape"], "there.tape"),
        (
            &[up[0], up[1], "--append", "--force"],
            "cannot be used with",
        ),
        (&[up[0], up[1], "--durability", "hard"], "hard"),
        (&[up[0], up[1], "--session-by", "moon"], "moon"),
        (&[up[0], up[1], "--head-timeout", "soon"], "--head-timeout"),
        (&[up[0], up[1], "--admin", "8081"], "no HOST:PORT"),
    ];
    for (arguments, words) in cases {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_antiphon"))
            .args(["record", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
