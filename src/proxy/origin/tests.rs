//! Tables of origins, and of what names them.

use super::*;

fn origin(text: &str) -> Origin {
    text.parse().unwrap()
}

#[test]
fn what_an_upstream_may_be() {
    for (text, shown) in [
        ("http://127.0.0.1:9090", "http://127.0.0.1:9090"),
        ("http://A.example:80/", "http://a.example"),
        ("http://[::1]:1", "http://[::1]:1"),
        ("https://a:443", "https://a"),
        ("https://a:80", "https://a:80"),
    ] {
        assert_eq!(origin(text).to_string(), shown);
    }
    for bad in [
        "127.0.0.1:9090",
        "http://",
        "http://a:0",
        "http://a/b",
        "http://a?b",
        "http://u@a",
        "http://a#b",
        "ftp://a",
        "http://a:x",
        "http://a:",
        "/a",
        "",
    ] {
        assert!(bad.parse::<Origin>().is_err(), "{bad}");
    }
    let error = "wss://a".parse::<Origin>().unwrap_err();
    assert!(
        error.to_string().contains("wss is neither http nor https"),
        "{error}"
    );
}

#[test]
fn references_move_only_from_their_own_origin() {
    let (upstream, proxy) = (
        origin("http://up.example:9090"),
        origin("http://localhost:8080"),
    );
    let cases = [
        (
            "http://up.example:9090/a?b#c",
            Some("http://localhost:8080/a?b#c"),
        ),
        ("HTTP://UP.example:9090", Some("HTTP://localhost:8080")),
        ("//up.example:9090/a", Some("//localhost:8080/a")),
        ("/a", None),
        ("a", None),
        ("https://up.example:9090/", None),
        ("http://up.example:90901/", None),
        ("http://up.example:9090@evil.example/", None),
        ("http://up.example/", None),
        ("http://other.example:9090/", None),
    ];
    for (from, to) in cases {
        let moved = upstream.reference(from.as_bytes(), &proxy);
        assert_eq!(moved.as_deref(), to.map(str::as_bytes), "{from}");
    }
    let plain = origin("http://up.example");
    let moved = |text: &str| plain.reference(text.as_bytes(), &proxy);
    assert_eq!(
        moved("http://up.example:80/a").unwrap(),
        b"http://localhost:8080/a"
    );
    assert_eq!(
        moved("http://up.example/a").unwrap(),
        b"http://localhost:8080/a"
    );
    assert_eq!(moved("http://up.example.org/a"), None);
    assert_eq!(moved("http://up.example:8/a"), None);
    let secure = origin("https://up.example");
    let cases = [
        (
            &secure,
            "https://up.example/a",
            &proxy,
            Some("http://localhost:8080/a"),
        ),
        (
            &secure,
            "https://up.example:443",
            &plain,
            Some("http://up.example"),
        ),
        (
            &secure,
            "//up.example/a",
            &proxy,
            Some("//localhost:8080/a"),
        ),
        (&secure, "http://up.example/a", &proxy, None),
        (
            &secure,
            "HTTPS://up.example/a",
            &secure,
            Some("HTTPS://up.example/a"),
        ),
        (
            &plain,
            "http://up.example/a",
            &secure,
            Some("https://up.example/a"),
        ),
    ];
    for (from, reference, to, moved) in cases {
        let found = from.reference(reference.as_bytes(), to);
        assert_eq!(found.as_deref(), moved.map(str::as_bytes), "{reference}");
    }
}

#[test]
fn every_absolute_url_in_a_text_moves() {
    let (upstream, proxy) = (origin("http://up:9090"), origin("http://p"));
    let text = br#"{"a":"http://up:9090/x","b":"http:\/\/up:9090\/y","c":"http://up:90901/","d":"http://up:9090"} http://up:9090."#;
    let moved = upstream.text(text, &proxy).unwrap();
    assert_eq!(
        std::str::from_utf8(&moved).unwrap(),
        r#"{"a":"http://p/x","b":"http:\/\/p\/y","c":"http://up:90901/","d":"http://p"} http://p."#
    );
    assert_eq!(
        upstream.text(b"http://other http: https://up:9090", &proxy),
        None
    );
    let secure = origin("https://s");
    assert_eq!(
        upstream.text(text, &secure).unwrap(),
        &br#"{"a":"https://s/x","b":"https:\/\/s\/y","c":"http://up:90901/","d":"https://s"} https://s."#[..]
    );
    assert_eq!(
        secure
            .text(br"https:\/\/s/a http://s/ https://s", &upstream)
            .unwrap(),
        &br"http:\/\/up:9090/a http://s/ http://up:9090"[..]
    );
}

#[test]
fn cookies_lose_what_ties_them_to_the_upstream() {
    let upstream = origin("http://gws.up.example:9090");
    let cases = [
        ("a=b; Path=/; HttpOnly", None),
        ("a=b; Domain=gws.up.example; Path=/", Some("a=b; Path=/")),
        ("a=b; domain=.up.example", Some("a=b")),
        ("a=b; Domain=other.example", None),
        ("a=b; Domain=ws.up.example", None),
        ("a=b; Secure; SameSite=Lax", Some("a=b; SameSite=Lax")),
        ("a=b;Secure;SameSite=None;Path=/x", Some("a=b;Path=/x")),
        ("secure=domain; Path=/", None),
        ("__Host-a=b; Secure; Path=/", None),
        ("a=b; Secure; SameSite=None; Partitioned", None),
    ];
    for (from, to) in cases {
        let moved = upstream.cookie(from.as_bytes(), &origin("http://p"));
        assert_eq!(moved.as_deref(), to.map(str::as_bytes), "{from}");
    }
    let secure = |cookie: &[u8]| upstream.cookie(cookie, &origin("https://p"));
    assert_eq!(secure(b"a=b;Secure;SameSite=None;Path=/x"), None);
    let moved = secure(b"a=b; Secure; Domain=up.example").unwrap();
    assert_eq!(moved, b"a=b; Secure");
}
