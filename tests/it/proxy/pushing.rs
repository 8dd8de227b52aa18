//! Streams through `antiphon record`, and the same from its replay: server-sent events and lines.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Client, Recording, Upstream, ok};
use crate::support::{PATIENCE, Replay, report, verified};

/// An office whose members hear what each of them says, on streams of this type of content.
fn office(kind: &'static str) -> Upstream {
    let hearing: Arc<Mutex<Vec<Client>>> = Arc::default();
    Upstream::start(move |mut client, _| {
        loop {
            let (head, content) = client.message();
            let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
            match head.split(' ').nth(1) {
                Some("/hear") => {
                    // Whoever has the head hears what is said next.
                    let mut hearing = hearing.lock().unwrap();
                    client.send(&format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
                    ));
                    if kind.starts_with("text/event-stream") {
                        client.send(&chunk(": welcome\n\nretry: 50\n\n"));
                    }
                    hearing.push(client);
                    return;
                }
                Some("/say") => {
                    let said: Value = serde_json::from_str(&content).unwrap();
                    for client in hearing.lock().unwrap().iter_mut() {
                        // In pieces that no message begins or ends with.
                        for piece in message(kind, &said).as_bytes().chunks(7) {
                            client.send(&chunk(std::str::from_utf8(piece).unwrap()));
                        }
                    }
                    client.send(&ok("{\"statusCode\":0}"));
                }
                Some("/close") => {
                    for client in hearing.lock().unwrap().iter_mut() {
                        client.send("0\r\n\r\n");
                    }
                    client.send(&ok("{\"statusCode\":0}"));
                }
                _ => return,
            }
        }
    })
}

/// What members hear of what was said.
fn message(kind: &str, said: &Value) -> String {
    if kind.starts_with("text/event-stream") {
        let number = &said["n"];
        format!("event: said\r\nid: {number}\r\ndata: {said}\r\ndata: twice\r\n\r\n")
    } else {
        format!("{said}\n")
    }
}

/// A member of the office.
struct Member {
    address: SocketAddr,
    name: &'static str,
    stream: Client,
}

impl Member {
    fn join(address: SocketAddr, name: &'static str) -> Member {
        Member::join_after(address, name, "")
    }

    fn join_after(address: SocketAddr, name: &'static str, fields: &str) -> Member {
        let mut stream = Client::connect(address);
        stream.send(&format!(
            "GET /hear HTTP/1.1\r\nHost: a\r\nX-Member: {name}\r\n{fields}\r\n"
        ));
        let head = stream.head();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        Member {
            address,
            name,
            stream,
        }
    }

    fn call(&self, path: &str, content: &str) -> String {
        let mut client = Client::connect(self.address);
        let length = content.len();
        let name = self.name;
        client.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nX-Member: {name}\r\nContent-Length: {length}\r\n\r\n{content}"
        ));
        client.message().1
    }

    fn say(&self, number: u32) {
        let content = json!({ "n": number, "by": self.name }).to_string();
        assert_eq!(self.call("/say", &content), "{\"statusCode\":0}");
    }

    /// What comes until its stream holds this text so many times.
    fn hear(&mut self, end: &str, times: usize) -> String {
        let mut heard = String::new();
        while heard.matches(end).count() < times {
            let chunk = self.chunk();
            assert_ne!(chunk, ":\n\n", "nothing comes");
            heard.push_str(&chunk);
        }
        heard
    }

    /// The next chunk of its stream; empty at its end.
    fn chunk(&mut self) -> String {
        let size = self.stream.line();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let content = self.stream.content(size);
        assert_eq!(self.stream.line(), "\r\n");
        content
    }

    /// Everything up to the end of its stream.
    fn rest(&mut self) -> String {
        let mut heard = String::new();
        loop {
            let chunk = self.chunk();
            if chunk.is_empty() {
                return heard;
            }
            heard.push_str(&chunk);
        }
    }
}

/// Two members talk, and the office closes: what each hears.
fn talk(address: SocketAddr, kind: &str) -> [String; 2] {
    let ends = |number: u32, name: &str| {
        let said = json!({ "n": number, "by": name });
        message(kind, &said)
    };
    let mut alice = Member::join(address, "alice");
    let mut bob = Member::join(address, "bob");
    let mut heard = [String::new(), String::new()];
    for number in 1..=3 {
        let speaker = if number == 2 { &bob } else { &alice };
        speaker.say(number);
        // Both hear it before the next acts: what is on its way then may come of that.
        let end = ends(number, speaker.name);
        heard[0].push_str(&alice.hear(&end, 1));
        heard[1].push_str(&bob.hear(&end, 1));
    }
    assert_eq!(alice.call("/close", ""), "{\"statusCode\":0}");
    heard[0].push_str(&alice.rest());
    heard[1].push_str(&bob.rest());
    heard
}

/// Everything but comments, which are no part of the conversation.
fn without_comments(heard: [String; 2]) -> [String; 2] {
    heard.map(|heard| heard.replace(": welcome\n\n", ""))
}

fn recorded_and_replayed(kind: &'static str, arguments: &[&str]) {
    let upstream = office(kind);
    let by = ["--session-by", "header:X-Member"];
    let arguments = [&by, arguments].concat();
    let mut recording = Recording::start(upstream.address, &arguments);
    let directly = talk(upstream.address, kind);
    // Those of before are gone, and hear no more.
    let upstream = office(kind);
    drop(recording);
    recording = Recording::start(upstream.address, &arguments);
    let recorded = talk(recording.address, kind);
    assert_eq!(recorded, directly);
    assert_eq!(recording.end(), Some(0));
    let shown = recording.show();
    let causes: Vec<(&str, u64)> = shown["notifications"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| Some((one["session"].as_str()?, one["after"][0].as_u64()?)))
        .collect();
    let of = |session: &str| {
        let mut after: Vec<u64> = Vec::new();
        after.extend(
            causes
                .iter()
                .filter(|(name, _)| *name == session)
                .map(|(_, after)| after),
        );
        after
    };
    assert_eq!(of("alice").len(), 3, "{shown}");
    assert_eq!(of("alice"), of("bob"), "{shown}");
    let opened = if kind.starts_with("text") {
        "events"
    } else {
        "lines"
    };
    let opening = &shown["operations"][0];
    assert_eq!(opening["form"], json!({ "opens": opened }));
    let last = shown["notifications"].as_array().unwrap().last().unwrap();
    let carrier = &last["carrier"];
    match opened {
        "lines" => assert!(carrier["line"].is_u64(), "{last}"),
        _ => assert_eq!(carrier["event"]["event"], "said", "{last}"),
    }
    let facts = shown["facts"].to_string();
    assert_eq!(facts.matches("\"closed\"").count(), 2, "{facts}");

    let tape = recording.tape();
    verified(&tape, &["--runs", "5"]);
    let mut replay = Replay::start(&[tape.to_str().unwrap(), by[0], by[1]]);
    let address = replay
        .origin
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    let replayed = talk(address, kind);
    assert_eq!(replayed, without_comments(recorded));
    replay.signal("-TERM");
    assert_eq!(replay.wait().code(), Some(0));
}

#[test]
fn events_are_recorded_with_their_causes_and_replayed() {
    recorded_and_replayed("text/event-stream; charset=utf-8", &[]);
}

#[test]
fn lines_are_recorded_with_their_causes_and_replayed() {
    recorded_and_replayed("application/x-ndjson", &[]);
}

#[test]
fn lines_of_another_type_are_recorded_where_the_user_says_so() {
    recorded_and_replayed("application/json", &["--lines", "/h*"]);
}

#[test]
fn a_client_that_comes_back_gets_what_it_has_not_seen() {
    let upstream = office("text/event-stream");
    let mut recording = Recording::start(upstream.address, &["--session-by", "header:X-Member"]);
    let mut alice = Member::join(recording.address, "alice");
    for number in 1..=4 {
        alice.say(number);
        // Before it acts again: what is on its way then may come of that.
        alice.hear("data: twice\r\n\r\n", 1);
    }
    assert_eq!(alice.call("/close", ""), "{\"statusCode\":0}");
    drop(alice);
    assert_eq!(recording.end(), Some(0));

    let tape = recording.tape();
    let replay = Replay::start(&[tape.to_str().unwrap()]);
    let address = replay
        .origin
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    let mut alice = Member::join(address, "alice");
    alice.say(1);
    alice.say(2);
    alice.say(3);
    let third = "id: 3\r\ndata: {\"by\":\"alice\",\"n\":3}\r\ndata: twice\r\n\r\n";
    alice.hear(third, 1);
    // It lost what came after the first.
    let mut again = Member::join_after(address, "alice", "Last-Event-ID: 1\r\n");
    let heard = again.hear(third, 1);
    assert!(
        heard.contains("id: 2\r\n") && !heard.contains("id: 1\r\n"),
        "{heard}"
    );
    // Its first stream was given up.
    assert_eq!(alice.rest(), "");
    again.say(4);
    assert_eq!(again.call("/close", ""), "{\"statusCode\":0}");
    let rest = again.rest();
    assert_eq!(rest.matches("id: ").count(), 1, "{rest}");
    let report = report(&replay);
    assert_eq!(report["clean"], true, "{report}");
    assert_eq!(report["played"]["notifications"], 5, "{report}");
}

#[test]
fn who_ended_a_stream_is_recorded_be_it_the_recorder() {
    for kind in ["text/event-stream", "application/x-ndjson"] {
        let upstream = office(kind);
        let arguments = ["--session-by", "header:X-Member", "--drain", "0"];
        let mut recording = Recording::start(upstream.address, &arguments);
        let alice = Member::join(recording.address, "alice");
        let bob = Member::join(recording.address, "bob");
        drop(alice);
        let closed = |recording: &Recording| {
            let events = recording.written().into_iter();
            let facts = events.map(|event| event["what"]["closed"].clone());
            facts.filter(Value::is_object).collect::<Vec<Value>>()
        };
        let began = Instant::now();
        while closed(&recording).is_empty() {
            assert!(began.elapsed() < PATIENCE, "nobody saw the client go");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(recording.end(), Some(0));
        let by: Vec<Value> = closed(&recording)
            .into_iter()
            .map(|closed| closed["by"].clone())
            .collect();
        assert_eq!(by, ["client", "recorder"], "{kind}");
        drop(bob);
    }
}
