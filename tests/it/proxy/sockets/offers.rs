//! How a socket is opened, or not.

use super::*;

#[test]
fn an_offer_passes_with_its_fields_and_the_answer_with_its_own() {
    let (sender, seen) = channel();
    let upstream = Upstream::start(move |mut client, _| {
        sender.send(client.head()).unwrap();
        client.send(&agreed(
            "Sec-WebSocket-Protocol: chat\r\nSet-Cookie: a=1\r\n",
        ));
        client.drain().1.ok();
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&offer(
        "/chat?a=1",
        "Sec-WebSocket-Protocol: chat, talk\r\nOrigin: http://front:1\r\nKeep-Alive: 1\r\nTE: trailers\r\n",
    ));
    let asked = seen.recv_timeout(PATIENCE).unwrap();
    assert!(asked.starts_with("GET /chat?a=1 HTTP/1.1\r\n"), "{asked}");
    let host = upstream.address.to_string();
    for (name, value) in [
        ("host", Some(host.as_str())),
        ("connection", Some("Upgrade")),
        ("upgrade", Some("websocket")),
        ("sec-websocket-version", Some("13")),
        ("sec-websocket-key", Some(KEY)),
        ("sec-websocket-protocol", Some("chat, talk")),
        ("origin", Some("http://front:1")),
        ("via", Some("1.1 antiphon")),
        ("keep-alive", None),
        ("te", None),
        ("content-length", None),
        ("transfer-encoding", None),
    ] {
        assert_eq!(field(&asked, name).as_deref(), value, "{name}: {asked}");
    }
    let head = client.head();
    assert!(
        head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{head}"
    );
    for (name, value) in [
        ("connection", Some("Upgrade")),
        ("upgrade", Some("websocket")),
        ("sec-websocket-accept", Some(ACCEPT)),
        ("sec-websocket-protocol", Some("chat")),
        ("set-cookie", Some("a=1")),
        ("content-length", None),
        ("transfer-encoding", None),
    ] {
        assert_eq!(field(&head, name).as_deref(), value, "{name}: {head}");
    }
}

#[test]
fn an_upstream_that_declines_is_heard_and_http_goes_on() {
    let upstream = Upstream::answering(|head, _| {
        if is_offer(head) {
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".to_owned()
        } else {
            ok("http")
        }
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    // What comes behind the offer has a meaning only when that is answered.
    client.send(&format!("{}{}", offer("/a", ""), get("/b")));
    let (head, content) = client.message();
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    assert_eq!(field(&head, "upgrade"), None);
    assert_eq!(content, "no");
    assert_eq!(client.message().1, "http");
    client.send(&format!("{}{}", get("/c"), offer("/d", "")));
    assert_eq!(client.message().1, "http");
    assert_eq!(client.message().1, "no");
    client.send(&get("/e"));
    assert_eq!(client.message().1, "http");
    drop(client);
    let events = recording.events();
    let statuses: Vec<_> = events
        .iter()
        .map(|event| &event["response"]["status"])
        .collect();
    assert_eq!(statuses, [403, 200, 200, 403, 200]);
    assert!(events.iter().all(|event| event.get("form").is_none()));
}

#[test]
fn what_is_no_http_behind_a_declined_offer_is_refused() {
    let upstream = Upstream::answering(|_, _| ok("http"));
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&offer("/", ""));
    client.bytes(&bare(0x81, b"early\r\n\r\n")).unwrap();
    assert_eq!(client.message().1, "http");
    assert!(client.head().starts_with("HTTP/1.1 400 "));
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn what_a_client_sends_before_the_answer_passes_after_it() {
    let (go, wait) = gate();
    let early = [
        masked(0x82, b"GET / HTTP/1.1\r\n\r\n"),
        masked(0x81, &[b'x'; 100]).repeat(1_000),
    ]
    .concat();
    let expected = early.clone();
    let upstream = Upstream::start(move |mut client, _| {
        client.head();
        wait();
        client.send(&agreed(""));
        assert_eq!(client.octets(expected.len()), expected);
        client.bytes(&bare(0x81, b"all")).unwrap();
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&offer("/", ""));
    client.bytes(&early).unwrap();
    go.send(()).unwrap();
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    assert_eq!(client.octets(5), bare(0x81, b"all"));
    drop(client);
    assert_eq!(recording.events().len(), 1 + 1_001 + 1 + 1);
}

#[test]
fn an_upstream_that_cannot_be_reached_is_said_so() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let recording = Recording::start(address, &[]);
    let mut client = recording.connect();
    client.send(&offer("/", ""));
    let (head, content) = client.message();
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    assert!(content.contains("\"cause\":\"refused\""), "{content}");
}

#[test]
fn what_nobody_offered_is_not_agreed_on() {
    let upstream = Upstream::answering(|head, _| {
        let with = |name: &str| agreed("").replace("websocket", name);
        with(if head.starts_with("GET /other") {
            "h2c"
        } else {
            "websocket"
        })
    });
    let recording = Recording::start(upstream.address, &[]);
    for request in [
        offer("/other", ""),
        get("/"),
        offer("/post", "Content-Length: 0\r\n").replacen("GET", "POST", 1),
        offer("/body", "Content-Length: 1\r\n") + "x",
        offer("/h2c", "").replace("websocket", "h2c"),
        offer("/alone", "").replace("keep-alive, Upgrade", "keep-alive"),
    ] {
        let mut client = recording.connect();
        client.send(&request);
        let (head, content) = client.message();
        assert!(head.starts_with("HTTP/1.1 502 "), "{request}: {head}");
        assert!(content.contains("\"cause\":\"failed\""), "{content}");
    }
}
