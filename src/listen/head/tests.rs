//! What heads are served and refused, and that it does not matter what stood before them.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

fn read(head: &str) -> Result<Content, Refusal> {
    read_behind(head, &mut Known::default())
}

fn read_behind(head: &str, known: &mut Known) -> Result<Content, Refusal> {
    check(head.as_bytes(), Local::plain("127.0.0.1:8080"), known)
}

/// Heads of which some have the same fields, and some none that are good.
fn head() -> impl Strategy<Value = String> {
    let first = select(vec![
        "GET / HTTP/1.1",
        "POST /a HTTP/1.1",
        "GET / HTTP/1.0",
        "GET a HTTP/1.1",
    ]);
    let fields = vec![
        "Host: a\r\n",
        "Content-Length: 2\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
        "X: a\rb\r\n",
        "Host: b\r\n",
    ];
    (first, subsequence(fields, 0..4))
        .prop_map(|(first, fields)| format!("{first}\r\n{}\r\n", fields.concat()))
}

proptest! {
    #[test]
    fn a_head_means_the_same_whatever_stood_before_it(
        heads in proptest::collection::vec(head(), 2..20),
    ) {
        let mut known = Known::default();
        for head in heads {
            prop_assert_eq!(read_behind(&head, &mut known), read(&head), "{:?}", head);
        }
    }
}

#[test]
fn fields_are_known_again_and_long_ones_are_not_kept() {
    let mut known = Known::default();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n";
    assert_eq!(read_behind(head, &mut known), Ok(Content::Length(7)));
    if let Known(Some((_, content))) = &mut known {
        *content = Content::Length(8);
    }
    let again = head.replace("POST /", "PUT /else");
    assert_eq!(read_behind(&again, &mut known), Ok(Content::Length(8)));
    let long = head.replace("Host", &format!("X: {}\r\nHost", "x".repeat(MAX_KNOWN)));
    assert_eq!(read_behind(&long, &mut known), Ok(Content::Length(7)));
    assert_eq!(read_behind(head, &mut known), Ok(Content::Length(8)));
}

#[test]
fn what_is_served() {
    let cases = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Content::Length(0)),
        ("GET / HTTP/1.0\r\n\r\n", Content::Length(0)),
        (
            "OPTIONS * HTTP/1.1\r\nHost:a:80 \r\n\r\n",
            Content::Length(0),
        ),
        (
            "GET http://localhost:8080/a?b HTTP/1.1\r\nHost: other\r\n\r\n",
            Content::Length(0),
        ),
        (
            "POST /?q HTTP/1.1\r\nHOST: a\r\ncontent-length: 12\r\n\r\n",
            Content::Length(12),
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: Chunked\r\nX:\r\n\r\n",
            Content::Chunked,
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n",
            Content::Offer,
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: upgrade\r\nUpgrade: h2c,websocket\r\nContent-Length: 0\r\n\r\n",
            Content::Offer,
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
            Content::Length(0),
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c, websocket/13\r\n\r\n",
            Content::Length(0),
        ),
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            Content::Length(0),
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n",
            Content::Length(2),
        ),
        (
            "GET /a HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            Content::Length(0),
        ),
    ];
    for (head, content) in cases {
        assert_eq!(read(head), Ok(content), "{head:?}");
    }
}

#[test]
fn what_is_refused_and_why() {
    let cases = [
        ("GET / HTTP/1.1\r\n\r\n", "no Host"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
            "more than one Host",
        ),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "is no host"),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "is no host"),
        (
            "GET http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "another server",
        ),
        (
            "GET http://127.0.0.1:8080@evil/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "another server",
        ),
        (
            "GET https://127.0.0.1:8080/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "is no path",
        ),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", "is no path"),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", "is no path"),
        ("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", "no target may"),
        ("GET /\tx HTTP/1.1\r\nHost: a\r\n\r\n", "no target may"),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "no target may"),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "request line"),
        ("GET /\r\nHost: a\r\n\r\n", "request line"),
        ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "no token"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "version"),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "no colon"),
        ("GET / HTTP/1.1\r\nHost: a\r\n a: folded\r\n\r\n", "no name"),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "no name"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "bare CR"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", "NUL"),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
            "not chunked alone",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "not chunked alone",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "more than one Transfer-Encoding",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "beside",
        ),
        (
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            "in HTTP/1.0",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "more than one Content-Length",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
            "no length",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n",
            "no length",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "no length",
        ),
    ];
    for (head, why) in cases {
        let refusal = read(head).expect_err(head);
        assert!(
            refusal.message.contains(why),
            "{head:?}: {}",
            refusal.message
        );
        let status = if head.starts_with("CONNECT") {
            405
        } else {
            400
        };
        assert_eq!(refusal.status.as_u16(), status, "{head:?}");
    }
}
