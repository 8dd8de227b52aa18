//! How a socket ends.

use serde_json::json;

use super::*;

/// How the last event on the tape says that the stream of the first operation ended.
fn closed(recording: Recording) -> serde_json::Value {
    let events = recording.events();
    events[events.len() - 1]["what"]["closed"].clone()
}

#[test]
fn one_side_may_end_before_the_other() {
    let upstream = opening("", |mut client| {
        assert_eq!(client.drain().0, 9);
        client.bytes(&bare(0x81, b"last words")).unwrap();
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = open(&recording);
    client.bytes(&masked(0x81, b"bye")).unwrap();
    client.end();
    let (count, end) = client.drain();
    assert_eq!((count, end.is_ok()), (12, true));
    let expected = json!({ "stream": 1, "by": "client", "truncated": true });
    assert_eq!(closed(recording), expected);
}

#[test]
fn a_client_that_breaks_off_is_passed_on() {
    let (sender, seen) = channel();
    let upstream = opening("", move |mut client| {
        sender
            .send(client.drain().1.map_err(|error| error.kind()))
            .unwrap();
    });
    let recording = Recording::start(upstream.address, &[]);
    open(&recording).reset();
    let end = seen.recv_timeout(PATIENCE).unwrap();
    assert_eq!(end, Err(std::io::ErrorKind::ConnectionReset));
    let expected = json!({ "stream": 1, "by": "client", "truncated": true });
    assert_eq!(closed(recording), expected);
}

#[test]
fn an_upstream_that_breaks_off_is_passed_on() {
    let (go, wait) = gate();
    let upstream = opening("", move |client| {
        wait();
        client.reset();
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = open(&recording);
    go.send(()).unwrap();
    let (_, end) = client.drain();
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let expected = json!({ "stream": 1, "by": "service", "truncated": true });
    assert_eq!(closed(recording), expected);
}

#[test]
fn a_client_that_goes_before_the_answer_ends_its_offer() {
    let (sender, seen) = channel();
    let upstream = Upstream::start(move |mut client, _| {
        sender.send(client.head()).unwrap();
        client.drain().1.ok();
        sender.send("gone".to_owned()).unwrap();
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&offer("/", ""));
    assert!(seen.recv_timeout(PATIENCE).unwrap().starts_with("GET / "));
    drop(client);
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), "gone");
}

#[test]
fn no_silence_ends_an_open_socket() {
    let (go, wait) = gate();
    let upstream = opening("", move |mut client| {
        wait();
        client.bytes(&bare(0x81, b"still here")).unwrap();
        assert_eq!(client.octets(8), masked(0x81, b"so"));
    });
    let limits = [
        "--idle-timeout",
        "0.3",
        "--head-timeout",
        "0.3",
        "--upstream-idle",
        "0.3",
    ];
    let recording = Recording::start(upstream.address, &limits);
    let mut client = open(&recording);
    // It ends when it was idle for as long as one may be, and the socket was silent for longer.
    assert_eq!(recording.connect().rest(), "");
    go.send(()).unwrap();
    assert_eq!(client.octets(12), bare(0x81, b"still here"));
    client.bytes(&masked(0x81, b"so")).unwrap();
    assert_eq!(client.drain().0, 0);
}

#[test]
fn a_recording_that_ends_cuts_what_is_open_after_a_while() {
    let (sender, seen) = channel();
    let upstream = opening("", move |mut client| {
        client.bytes(&bare(0x81, b"hello")).unwrap();
        sender.send(client.drain().0).unwrap();
    });
    let mut recording = Recording::start(upstream.address, &[]);
    let mut client = open(&recording);
    assert_eq!(client.octets(7), bare(0x81, b"hello"));
    let began = Instant::now();
    assert_eq!(recording.end(), Some(0));
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(4), "{took:?}");
    assert!(took < PATIENCE, "{took:?}");
    assert_eq!(client.drain().0, 0);
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), 0);
    let events = recording.written();
    assert_eq!(events[1]["data"]["text"], "hello");
    let closed = json!({ "stream": 1, "by": "recorder", "truncated": true });
    assert_eq!(events[2]["what"]["closed"], closed);
}

#[test]
fn a_socket_that_ends_in_time_is_waited_for() {
    let (go, wait) = gate();
    let upstream = opening("", move |mut client| {
        wait();
        client.bytes(&bare(0x88, b"\x03\xe9")).unwrap();
        client.drain().1.ok();
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = open(&recording);
    let address = recording.address;
    let ending = std::thread::spawn(move || closed(recording));
    while TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
    go.send(()).unwrap();
    assert_eq!(client.octets(4), bare(0x88, b"\x03\xe9"));
    client.bytes(&masked(0x88, b"\x03\xe9")).unwrap();
    drop(client);
    let expected = json!({ "stream": 1, "by": "service", "code": 1001 });
    assert_eq!(ending.join().unwrap(), expected);
}
