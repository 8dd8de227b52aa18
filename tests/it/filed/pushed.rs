//! Notifications whose data stays in its file, on every way that they travel.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;

use antiphon::tape::{Layout, Packing, Segment, Tape};
use serde_json::{Value, json};

use super::{folder, save};
use crate::events::{handshake, operation, pushed};
use crate::support::{Client, PATIENCE, Replay, fetch, post, report, tape, verified};

const CHATS: &str = "/v2/me/chats";

/// A tape of these events as capture writes them: of others nothing stays in their file.
fn captured(name: &str, events: &str) -> String {
    let path = tape(name, events);
    let loaded = Tape::read(&fs::read(&path).unwrap()).unwrap();
    fs::write(&path, loaded.tape.write(Layout::Lines)).unwrap();
    path
}

/// Data that is too long to be held in memory.
fn long(text: &str) -> Value {
    json!({ "text": text, "more": "x".repeat(3_000) })
}

/// An operation that travels so.
fn formed(id: u64, line: &str, form: &Value) -> String {
    let mut event: Value = serde_json::from_str(&operation(id, "a", line, &json!({}))).unwrap();
    event["form"] = form.clone();
    format!("{event}\n")
}

/// A notification that came so, because of this operation.
fn carried(id: u64, after: u64, path: &str, carrier: &Value, data: &Value) -> String {
    let event = json!({
        "kind": "notification", "id": id, "session": "a", "at": after * 1_000 + 700,
        "channel": path, "carrier": carrier, "after": [after], "data": data,
    });
    format!("{event}\n")
}

/// The end of a stream of events or lines, by the service.
fn closed(stream: u64, at: u64) -> String {
    let what = json!({ "closed": { "stream": stream, "by": "service" } });
    let event = json!({ "kind": "fact", "session": "a", "at": at, "what": what });
    format!("{event}\n")
}

/// A conversation in which something long comes on every way, and something short on some.
fn conversation() -> String {
    let text = |text: &str| json!({ "text": text });
    let more = "y".repeat(2_000);
    let written = format!(": why\r\ndata:{more}\r\nid: 2\r\n\r\n");
    let event = |id: &str| json!({ "event": { "stream": 3, "id": id } });
    let mut on_socket = formed(
        9,
        "SEND /socket",
        &json!({ "message": { "stream": 8, "kind": "text" } }),
    );
    on_socket = on_socket.replace(r#""body":{"text":""}"#, r#""body":{"text":"say"}"#);
    let socket = json!({ "message": { "stream": 8, "kind": "binary" } });
    let mut switched: Value =
        serde_json::from_str(&formed(8, "GET /socket", &json!({ "opens": "socket" }))).unwrap();
    switched["response"]["status"] = 101.into();
    switched["request"]["headers"] = json!([["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="]]);
    [
        handshake("a", 0, "one"),
        operation(1, "a", "POST /1", &json!({})),
        pushed(1, "a", 1, CHATS, &long("first")),
        pushed(2, "a", 1, CHATS, &json!({ "short": true })),
        formed(3, "GET /events", &json!({ "opens": "events" })),
        carried(3, 3, "/events", &event("1"), &text(&format!("one\n{more}"))),
        carried(
            4,
            3,
            "/events",
            &json!({ "event": { "stream": 3, "id": "2", "written": written } }),
            &text(&more),
        ),
        closed(3, 3_900),
        formed(5, "GET /lines", &json!({ "opens": "lines" })),
        carried(
            5,
            5,
            "/lines",
            &json!({ "line": 5 }),
            &json!({ "json": long("line") }),
        ),
        closed(5, 5_900),
        format!("{switched}\n"),
        on_socket,
        carried(6, 9, "/socket", &socket, &text(&more)),
    ]
    .concat()
}

#[test]
fn what_stays_in_files_of_each_kind_is_the_conversation_that_is_in_memory() {
    let plain = captured("pushed-kinds", &conversation());
    let whole = Tape::read(&fs::read(&plain).unwrap()).unwrap().tape;
    let folder = folder("pushed-kinds");
    let laid_out = folder.join("laid-out.tape");
    whole.save(&laid_out, Layout::Pretty).unwrap();
    let expected = verified(&laid_out, &[]);
    assert_eq!(verified(&plain, &[]), expected);
    let packed = folder.join("packed.tape");
    save(&whole, &packed, Packing::Zstd);
    assert_eq!(verified(&packed, &[]), expected);
    let segments = folder.join("segments.tape");
    fs::create_dir(&segments).unwrap();
    for (number, (name, packing)) in (1..).zip([
        ("000001.tape.zst", Packing::Zstd),
        ("000002.tape", Packing::Plain),
    ]) {
        let mut part = whole.clone();
        let half = part.events.len() / 2;
        part.events = match number {
            1 => part.events[..half].to_vec(),
            _ => part.events[half..].to_vec(),
        };
        part.header.segment = Some(Segment {
            recording: "r".into(),
            number,
        });
        save(&part, &segments.join(name), packing);
    }
    assert_eq!(verified(&segments, &[]), expected);
}

#[test]
fn what_stays_in_a_file_comes_to_the_byte() {
    let path = captured("pushed-bytes", &conversation());
    let replay = Replay::start(&[&path]);
    let client = Client::new(&replay, &[]);
    post(&format!("{}/1", replay.origin), &client.headers(), "");
    let data: Vec<Value> = client
        .hear(2)
        .iter()
        .map(|event| event["data"].clone())
        .collect();
    assert_eq!(data, [long("first"), json!({ "short": true })]);
    let (_, events) = fetch(&format!("{}/events", replay.origin), &client.headers());
    let more = "y".repeat(2_000);
    let first = format!("id: 1\ndata: one\ndata: {more}\n\n");
    let second = format!(": why\r\ndata:{more}\r\nid: 2\r\n\r\n");
    assert_eq!(String::from_utf8(events).unwrap(), first + &second);
    let (_, lines) = fetch(&format!("{}/lines", replay.origin), &client.headers());
    assert_eq!(
        String::from_utf8(lines).unwrap(),
        format!("{}\n", long("line"))
    );
    let transcript = replay.transcript();
    let heard = transcript["sessions"][0]["notifications"]
        .as_array()
        .unwrap();
    assert_eq!(heard[0]["data"], long("first"));
}

#[test]
fn what_a_client_chose_stands_in_what_stays_in_a_file() {
    let (recorded, live) = (
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    );
    let body = |call: &str| json!({ "operationName": "Call", "callId": call }).to_string();
    let events = operation(1, "a", "POST /calls", &json!({ "body": body(recorded) }))
        + &pushed(1, "a", 1, CHATS, &long(recorded));
    let replay = Replay::start(&[&captured("pushed-chosen", &events)]);
    let client = Client::new(&replay, &[]);
    let url = format!("{}/calls", replay.origin);
    assert_eq!(post(&url, &client.headers(), &body(live)).status, 200);
    assert_eq!(client.hear(1)[0]["data"], long(live));
}

/// Writes another word for `first` into a tape: in place, since a file that is replaced plays as it was.
fn change(path: &str) {
    let text = fs::read_to_string(path).unwrap();
    let changed = text.replace("\"first\"", "\"other\"");
    assert!(changed != text && changed.len() == text.len());
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all(changed.as_bytes()).unwrap();
}

#[test]
fn a_poll_is_refused_where_what_it_is_to_bring_was_changed() {
    let event = pushed(1, "a", 1, CHATS, &long("first"));
    let events = operation(1, "a", "POST /1", &json!({})) + &event;
    let path = captured("pushed-changed", &events);
    let replay = Replay::start(&[&path]);
    let client = Client::new(&replay, &[]);
    let url = format!("{}/api/v2/notifications", replay.origin);
    let ask = format!(
        r#"{{"channel":"/meta/connect","clientId":"{}","connectionType":"long-polling"}}"#,
        client.id
    );
    let poll = || post(&url, &client.headers(), &ask);
    let answer = thread::scope(|scope| {
        let held = scope.spawn(poll);
        replay.await_polls(1);
        change(&path);
        post(&format!("{}/1", replay.origin), &client.headers(), "");
        held.join().unwrap()
    });
    // And so is every other.
    for answer in [answer, poll()] {
        assert_eq!(answer.status, 500, "{}", answer.text);
        assert_eq!(answer.json()["error"], "tape");
        let why = "was changed after it was loaded";
        assert!(answer.text.contains(why), "{}", answer.text);
    }
}

#[test]
fn a_stream_breaks_off_where_what_it_is_to_bring_was_changed() {
    let opens = formed(1, "GET /lines", &json!({ "opens": "lines" }));
    let line = json!({ "json": long("first") });
    let events = opens
        + &operation(2, "a", "POST /2", &json!({}))
        + &carried(1, 2, "/lines", &json!({ "line": 1 }), &line);
    let path = captured("pushed-broken", &events);
    let replay = Replay::start(&[&path]);
    let address = replay.origin.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(b"GET /lines HTTP/1.1\r\nHost: a\r\nAntiphon-Session: a\r\n\r\n")
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 200 "));
    change(&path);
    let session = [("Antiphon-Session", "a")];
    post(&format!("{}/2", replay.origin), &session, "");
    // Not even the last chunk comes, which would say that this is all.
    let mut rest = Vec::new();
    let end = stream.read_to_end(&mut rest);
    let reset = |error: io::Error| error.kind() == io::ErrorKind::ConnectionReset;
    assert!(end.map_or_else(reset, |_| true), "it goes on");
    assert_eq!(String::from_utf8(rest).unwrap(), "");
}

/// A notification of a quarter of a MiB that came so, because of this operation.
fn large(id: u64, after: u64, carrier: &str) -> String {
    let (at, more) = (after * 1_000 + id, "x".repeat(256 << 10));
    format!(
        r#"{{"kind":"notification","id":{id},"session":"a","at":{at},"channel":"{CHATS}"{carrier},"after":[{after}],"data":{{"json":{{"n":{id},"more":"{more}"}}}}}}
"#
    )
}

#[test]
fn a_replay_does_not_hold_the_notifications_of_its_tape() {
    let event = |id: u64| {
        let at = id * 1_000;
        format!(
            r#"{{"kind":"operation","id":{id},"session":"a","at":{at},"answered":{at},"request":{{"method":"POST","target":"/{id}","headers":[]}},"response":{{"status":204,"headers":[]}}}}
{}"#,
            large(id, id, "")
        )
    };
    let path = tape("pushed-large", &(1..=300).map(event).collect::<String>());
    let size = fs::metadata(&path).unwrap().len();
    let replay = Replay::start(&[&path]);
    let client = Client::new(&replay, &[]);
    for id in 1..=9 {
        post(&format!("{}/{id}", replay.origin), &client.headers(), "");
        assert_eq!(client.hear(1)[0]["data"]["n"], id);
    }
    let most = replay.most_memory();
    assert!(most < size * 2 / 3, "{most} bytes for a tape of {size}");
}

#[test]
fn a_client_gets_a_part_of_what_is_due_at_once_and_asks_for_the_rest() {
    const ALL: u64 = 300;
    let events = (1..=ALL).map(|id| large(id, 1, ""));
    let called = r#"{"kind":"operation","id":1,"session":"a","at":1000,"answered":1000,"request":{"method":"POST","target":"/1","headers":[]},"response":{"status":204,"headers":[]}}
"#;
    let path = tape(
        "pushed-at-once",
        &(called.to_owned() + &events.collect::<String>()),
    );
    let size = fs::metadata(&path).unwrap().len();
    let replay = Replay::start(&[&path, "--max-journal", "9"]);
    let client = Client::new(&replay, &[]);
    post(&format!("{}/1", replay.origin), &client.headers(), "");
    let (mut heard, mut polls) = (Vec::new(), 0);
    while heard.len() < 300 {
        let events = client.connect();
        assert!((1..=4).contains(&events.len()), "{} at once", events.len());
        heard.extend(events.iter().map(|event| event["data"]["n"].as_u64()));
        polls += 1;
    }
    assert!((1..=ALL).map(Some).eq(heard));
    assert_eq!(polls, ALL / 4);
    let most = replay.most_memory();
    assert!(most < size * 2 / 3, "{most} bytes for a tape of {size}");
    assert_eq!(report(&replay)["clean"], true);
}

#[test]
fn a_stream_goes_on_with_what_is_due_at_once_as_its_client_takes_it() {
    const ALL: u64 = 300;
    let opened = r#"{"kind":"operation","id":1,"session":"a","at":1000,"answered":1000,"form":{"opens":"lines"},"request":{"method":"GET","target":"/lines","headers":[]},"response":{"status":200,"headers":[]}}
"#;
    let lines = (1..=ALL).map(|id| large(id, 1, r#","carrier":{"line":1}"#));
    let events = opened.to_owned() + &lines.collect::<String>() + &closed(1, 9_000);
    let path = tape("pushed-stream", &events);
    let size = fs::metadata(&path).unwrap().len();
    let replay = Replay::start(&[&path, "--max-journal", "9"]);
    let (_, lines) = fetch(&format!("{}/lines", replay.origin), &[]);
    let lines = String::from_utf8(lines).unwrap();
    let numbers = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["n"].as_u64());
    assert!((1..=ALL).map(Some).eq(numbers));
    let most = replay.most_memory();
    assert!(most < size * 2 / 3, "{most} bytes for a tape of {size}");
    assert_eq!(report(&replay)["clean"], true);
}
