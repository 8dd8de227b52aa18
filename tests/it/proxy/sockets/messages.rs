//! What passes.

use std::io::Write as _;
use std::net::Shutdown;

use serde_json::{Value, json};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use super::*;

/// An upstream that says back what it hears.
pub(super) fn echo() -> Upstream {
    Upstream::start(|client, _| {
        let mut socket = tungstenite::accept(client.into_stream()).unwrap();
        loop {
            match socket.read() {
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                    socket.send(message).unwrap();
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    })
}

pub(super) fn connect(recording: &Recording, path: &str) -> WebSocket<TcpStream> {
    let url = format!("ws://{}{path}", recording.address);
    let stream = recording.connect().into_stream();
    tungstenite::client(url, stream).unwrap().0
}

/// The next message that is text or binary.
pub(super) fn hear(socket: &mut WebSocket<TcpStream>) -> Message {
    loop {
        let message = socket.read().unwrap();
        if message.is_text() || message.is_binary() {
            return message;
        }
    }
}

/// The events without what differs from run to run.
fn timeless(events: &[Value]) -> Vec<Value> {
    let mut events = events.to_vec();
    for event in &mut events {
        let event = event.as_object_mut().unwrap();
        for name in [
            "at", "answered", "request", "response", "session", "cause_by",
        ] {
            event.remove(name);
        }
    }
    events
}

#[test]
fn messages_of_any_length_pass_both_ways_and_stand_on_the_tape() {
    let upstream = echo();
    let recording = Recording::start(upstream.address, &[]);
    let mut socket = connect(&recording, "/chat?room=1");
    let lengths = [0, 1, 125, 126, 65_535, 65_536, 1 << 20];
    for length in lengths {
        for message in [
            Message::text("é".repeat(length / 2)),
            Message::binary(vec![0xff; length]),
        ] {
            socket.send(message.clone()).unwrap();
            assert!(hear(&mut socket) == message, "{length}");
        }
    }
    let close = CloseFrame {
        code: CloseCode::Library(4001),
        reason: "bye".into(),
    };
    socket.close(Some(close)).unwrap();
    while socket.read().is_ok() {}
    let events = recording.events();
    let opening = &events[0];
    assert_eq!(opening["form"], json!({ "opens": "socket" }), "{opening}");
    assert_eq!(opening["request"]["method"], "GET");
    assert_eq!(opening["response"]["status"], 101);
    let stream = &opening["id"];
    let (mut said, mut heard) = (Vec::new(), Vec::new());
    for event in &events[1..events.len() - 1] {
        let on = match event["kind"].as_str() {
            Some("operation") => {
                assert_eq!(event["request"]["method"], "SEND");
                assert_eq!(event["request"]["target"], "/chat?room=1");
                said.push(&event["request"]["body"]);
                &event["form"]["message"]
            }
            Some("notification") => {
                assert_eq!(event["channel"], "/chat");
                heard.push(&event["data"]);
                &event["carrier"]["message"]
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(&on["stream"], stream, "{on}");
        let number = said.len() - 1;
        let kind = if number % 2 == 0 { "text" } else { "binary" };
        assert_eq!(on["kind"], kind);
    }
    assert_eq!(said.len(), 2 * lengths.len());
    assert_eq!(said, heard);
    assert_eq!(said[6]["text"], "é".repeat(63));
    let closed =
        json!({ "closed": { "stream": stream, "by": "client", "code": 4001, "reason": "bye" } });
    assert_eq!(events[events.len() - 1]["what"], closed);
}

#[test]
fn fragments_are_joined_on_the_tape_and_pass_as_they_are() {
    let fragments = [
        masked(0x01, "{\"é\":".as_bytes()),
        masked(0x89, b"there?"),
        masked(0x00, b""),
        masked(0x80, b" 1}"),
        masked(0x88, b"\x03\xe8done"),
    ]
    .concat();
    let expected = fragments.clone();
    let upstream = opening("", move |mut client| {
        assert_eq!(client.octets(expected.len()), expected);
        client.bytes(&bare(0x8a, b"there?")).unwrap();
        client.bytes(&bare(0x88, b"\x03\xe8done")).unwrap();
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = open(&recording);
    // A byte at a time, so that every frame comes in pieces.
    for byte in &fragments {
        client.bytes(&[*byte]).unwrap();
    }
    let answer = [bare(0x8a, b"there?"), bare(0x88, b"\x03\xe8done")].concat();
    assert_eq!(client.octets(answer.len()), answer);
    drop(client);
    let events = recording.events();
    assert_eq!(events[2]["request"]["body"]["json"], json!({ "é": 1 }));
    assert_eq!(
        timeless(&events),
        [
            json!({"kind": "operation", "id": 1, "form": {"opens": "socket"}}),
            json!({"kind": "fact", "what": {"ping": {"stream": 1, "by": "client", "payload": {"text": "there?"}}}}),
            json!({"kind": "operation", "id": 2, "form": {"message": {"stream": 1, "kind": "text"}}}),
            json!({"kind": "fact", "what": {"pong": {"stream": 1, "by": "service", "payload": {"text": "there?"}}}}),
            json!({"kind": "fact", "what": {"closed": {"stream": 1, "by": "client", "code": 1000, "reason": "done"}}}),
        ]
    );
}

/// The examples of RFC 7692 §7.2.3.1 and §7.2.3.2.
#[test]
fn compressed_messages_pass_as_they_are_and_stand_on_the_tape_in_plain() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
    let extension = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n";
    let sent = [bare(0xc1, &hello), bare(0xc1, &again)].concat();
    let answer = sent.clone();
    let said = [masked(0xc2, &hello), masked(0xc2, &hello)].concat();
    let expected = said.clone();
    let upstream = opening(extension, move |mut client| {
        assert_eq!(client.octets(expected.len()), expected);
        client.bytes(&answer).unwrap();
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&offer(
        "/",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
    ));
    let head = client.head();
    assert_eq!(
        field(&head, "sec-websocket-extensions").as_deref(),
        Some("permessage-deflate; client_no_context_takeover")
    );
    client.bytes(&said).unwrap();
    assert_eq!(client.octets(sent.len()), sent);
    // The service ends first.
    assert_eq!(client.drain().0, 0);
    drop(client);
    let events = recording.events();
    let texts: Vec<&Value> = events[1..5]
        .iter()
        .map(|event| match event["kind"].as_str() {
            Some("operation") => &event["request"]["body"]["text"],
            _ => &event["data"]["text"],
        })
        .collect();
    assert_eq!(texts, ["Hello"; 4], "{events:?}");
    let closed = json!({ "closed": { "stream": 1, "by": "service", "truncated": true } });
    assert_eq!(events[5]["what"], closed);
}

#[test]
fn what_breaks_the_rules_passes_and_the_tape_says_that_something_is_missing() {
    let broken = [
        masked(0x81, b"fine"),
        masked(0x83, b"odd"),
        masked(0x81, b"lost"),
    ]
    .concat();
    let expected = broken.clone();
    let upstream = opening("", move |mut client| {
        assert_eq!(client.octets(expected.len()), expected);
        client.bytes(&bare(0x81, b"still heard")).unwrap();
    });
    let mut recording = Recording::start(upstream.address, &[]);
    let mut client = open(&recording);
    client.bytes(&broken).unwrap();
    let heard = bare(0x81, b"still heard");
    assert_eq!(client.octets(heard.len()), heard);
    drop(client);
    assert_eq!(recording.end(), Some(4));
    let events = recording.written();
    let texts: Vec<&Value> = events[1..]
        .iter()
        .filter_map(|event| match event["kind"].as_str() {
            Some("operation") => Some(&event["request"]["body"]["text"]),
            Some("notification") => Some(&event["data"]["text"]),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["fine", "still heard"], "{events:?}");
}

#[test]
fn memory_does_not_grow_with_a_message_and_who_does_not_read_holds_the_sender_up() {
    const BIG: usize = 128 << 20;
    let (go, wait) = gate();
    let (sender, seen) = channel();
    let upstream = opening("", move |mut client| {
        wait();
        sender.send(client.drain().0).unwrap();
    });
    let recording = Recording::start(upstream.address, &["--max-body", "100"]);
    let mut client = open(&recording);
    let before = recording.peak();
    let mut head = vec![0x82, 0x80 | 0x7f];
    head.extend((BIG as u64).to_be_bytes());
    head.extend([0; 4]);
    client.bytes(&head).unwrap();
    let mut stream = client.into_stream();
    // Until nobody takes any more, which is when the buffers on the way are full.
    stream
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let zeros = vec![0; 1 << 16];
    let mut sent = 0;
    while let Ok(count) = stream.write(&zeros) {
        sent += count;
        assert!(sent < BIG / 2, "{sent} bytes went to nobody");
    }
    go.send(()).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    while sent < BIG {
        let rest = zeros.len().min(BIG - sent);
        sent += stream.write(&zeros[..rest]).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), head.len() + BIG);
    let grown = recording.peak() - before;
    assert!(grown < 32 << 10, "{grown} KiB");
    drop(stream);
    let events = recording.events();
    let body = &events[1]["request"]["body"];
    assert_eq!(body["cut"]["length"], BIG, "{body}");
    assert_eq!(body["base64"], "A".repeat(134) + "==");
}

#[test]
fn messages_that_an_unknown_extension_changes_are_kept_as_they_are_on_the_wire() {
    let sent = [bare(0xd1, b"\xffodd"), bare(0x81, b"even")].concat();
    let answer = sent.clone();
    let upstream = opening(
        "Sec-WebSocket-Extensions: x-mystery\r\n",
        move |mut client| {
            client.bytes(&answer).unwrap();
        },
    );
    let recording = Recording::start(upstream.address, &[]);
    let mut client = open(&recording);
    assert_eq!(client.octets(sent.len()), sent);
    drop(client);
    let events = recording.events();
    assert_eq!(events[1]["data"]["base64"], "/29kZA==", "{events:?}");
    assert_eq!(events[2]["data"]["text"], "even");
    assert_eq!(events[2]["carrier"]["message"]["kind"], "binary");
}

#[test]
fn of_messages_beyond_the_limit_the_beginning_stands_on_the_tape() {
    let upstream = echo();
    let recording = Recording::start(upstream.address, &["--max-body", "5"]);
    let mut socket = connect(&recording, "/");
    let message = Message::text("éééé");
    socket.send(message.clone()).unwrap();
    assert!(hear(&mut socket) == message);
    drop(socket);
    let events = recording.events();
    let digest = format!("blake3:{}", blake3::hash("éééé".as_bytes()).to_hex());
    let cut = json!({ "text": "éé", "cut": { "length": 8, "digest": digest } });
    assert_eq!(events[1]["request"]["body"], cut);
    assert_eq!(events[2]["data"], cut);
}
