//! What changes on the way: header fields, and URLs where that is asked for.

use super::*;

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

/// What was read of it before was lost where all of it had come by then.
#[test]
fn a_response_a_little_too_long_to_move_its_urls_passes_whole() {
    const LENGTH: usize = 8 * 1024 * 1024 + 1;
    let upstream = Upstream::answering(|_, _| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {LENGTH}\r\n\r\n{}",
            "t".repeat(LENGTH)
        )
    });
    let recording = Recording::start(upstream.address, &["--rewrite-bodies"]);
    let mut client = recording.connect();
    client.send(&get("/"));
    let (_, content) = client.message();
    assert_eq!(content.len(), LENGTH);
}
