//! What was recorded of sockets, played again.

use tungstenite::Message;

use super::messages::{connect, echo, hear};
use super::*;
use crate::support::{Replay, verified};

/// A recording of a conversation on a socket; it has ended, and its tape is there.
fn recorded() -> Recording {
    let upstream = echo();
    let mut recording = Recording::start(upstream.address, &[]);
    let mut socket = connect(&recording, "/chat");
    for message in ["one", "two", "{\"n\":3}"] {
        socket.send(Message::text(message)).unwrap();
        assert_eq!(hear(&mut socket), Message::text(message));
    }
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    assert_eq!(recording.end(), Some(0));
    recording
}

#[test]
fn a_recorded_socket_can_be_verified() {
    let recording = recorded();
    verified(recording.tape(), &[]);
}

#[test]
fn a_socket_that_a_bayeux_service_declined_can_be_verified() {
    let upstream = Upstream::start(|mut client, _| {
        while !client.message().0.is_empty() {
            client.send("HTTP/1.1 501 Not Implemented\r\nContent-Length: 4\r\n\r\nnone");
        }
    });
    let mut recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&offer("/api/v2/notifications", ""));
    let (head, content) = client.message();
    assert!(head.starts_with("HTTP/1.1 501 "), "{head}");
    assert_eq!(content, "none");
    assert_eq!(recording.end(), Some(0));
    verified(recording.tape(), &[]);
}

#[test]
fn a_replay_ends_with_a_socket_whose_client_does_nothing() {
    let recording = recorded();
    let tape = recording.tape();
    let mut replay = Replay::start(&["--allow-unplayed", tape.to_str().unwrap()]);
    let address = replay.origin.strip_prefix("http://").unwrap();
    let mut client = Client::connect(address.parse().unwrap());
    client.send(&offer("/chat", ""));
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(
        field(&head, "sec-websocket-accept").as_deref(),
        Some(ACCEPT)
    );
    replay.signal("-TERM");
    assert_eq!(replay.wait().code(), Some(0));
}

#[test]
fn a_replay_opens_no_socket_for_half_an_offer() {
    let recording = recorded();
    let tape = recording.tape();
    let replay = Replay::start(&[tape.to_str().unwrap()]);
    let address = replay.origin.strip_prefix("http://").unwrap();
    let mut client = Client::connect(address.parse().unwrap());
    client.send(&offer("/chat", "").replace("keep-alive, Upgrade", "keep-alive"));
    let (head, content) = client.message();
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert!(content.contains("Connection: Upgrade"), "{content}");
}
