//! The time of a replay: steps that a test takes one by one, times in bodies that move to the
//! present, and content codings, which a body wears as long as its client takes them.

use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::events::{notification, operation, pushed};
use crate::support::{Answer, Client, PATIENCE, Replay, get, post, report, tape};

fn step(replay: &Replay, query: &str) -> Answer {
    post(&format!("{}/__admin/step{query}", replay.admin), &[], "")
}

fn released(answer: &Answer) -> Vec<u64> {
    let numbers = answer.json()["released"].as_array().unwrap().clone();
    numbers.iter().map(|one| one.as_u64().unwrap()).collect()
}

#[test]
fn each_notification_waits_for_a_step() {
    let events = [
        operation(1, "a", "POST /act", &json!({})),
        notification(1, "b", 1),
        notification(2, "a", 1),
        notification(3, "a", 1),
    ];
    let path = tape("steps", &events.concat());
    let replay = Replay::start(&[&path, "--pace", "step", "--absent-after", "never"]);
    let [a, b] = ["a", "b"].map(|name| Client::new(&replay, &[("Antiphon-Session", name)]));
    assert_eq!(
        released(&step(&replay, "")),
        [0; 0],
        "nothing has caused any"
    );
    let act = post(
        &format!("{}/act", replay.origin),
        &[("Antiphon-Session", "a")],
        "",
    );
    assert_eq!(act.status, 200);
    b.connect_now();
    assert_eq!(replay.heard("b"), [0; 0]);
    assert_eq!(released(&step(&replay, "")), [1]);
    assert_eq!(b.hear(1)[0]["data"]["n"], 1);
    assert_eq!(released(&step(&replay, "?count=5")), [2, 3]);
    let heard: Vec<Value> = a
        .hear(2)
        .iter()
        .map(|event| event["data"]["n"].clone())
        .collect();
    assert_eq!(heard, [2, 3]);
    assert_eq!(released(&step(&replay, "")), [0; 0]);
    assert_eq!(report(&replay)["clean"], true);
    assert_eq!(step(&replay, "?count=x").status, 400);
    assert_eq!(step(&replay, "?copy=2").status, 404);
    let instant = Replay::start(&[&path]);
    assert_eq!(step(&instant, "").status, 400);
}

#[test]
fn times_in_bodies_move_to_the_present() {
    let answer = r#"{"at":1392308459000,"text":"2014-02-13T08:20:59.000-0800"}"#;
    let events = [
        operation(1, "a", "POST /act", &json!({ "answer": answer })),
        pushed(
            1,
            "a",
            1,
            "/v2/me/calls",
            &json!({ "timestampSeconds": 1_392_308_462_500_u64 }),
        ),
    ];
    let path = tape("now", &events.concat());
    let play = |arguments: &[&str]| {
        let replay = Replay::start(&[&[path.as_str()], arguments].concat());
        let client = Client::new(&replay, &[]);
        let answer = post(&format!("{}/act", replay.origin), &[], "").json();
        let heard = client.hear(1)[0]["data"]["timestampSeconds"]
            .as_u64()
            .unwrap();
        (answer, heard, report(&replay)["digest"].clone())
    };
    let (_, recorded, digest) = play(&[]);
    assert_eq!(recorded, 1_392_308_462_500);
    let began = jiff::Timestamp::now().as_second().unsigned_abs();
    let (answer, heard, same) = play(&["--now"]);
    let at = answer["at"].as_u64().unwrap();
    assert!((began..began + 60).contains(&(at / 1_000)), "{at}");
    assert_eq!(heard - at, 3_500);
    let text = answer["text"].as_str().unwrap();
    let read = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", text).unwrap();
    let read = read.to_timestamp().unwrap().as_millisecond();
    assert_eq!(read.unsigned_abs(), at);
    assert_eq!(same, digest, "it is the same conversation");
}

#[test]
fn a_recorded_coding_is_kept_for_who_takes_it() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(br#"{"hello":"world"}"#).unwrap();
    let packed = gzip.finish().unwrap();
    let event = json!({
        "kind": "operation", "id": 1, "session": "a", "at": 0, "answered": 1,
        "request": { "method": "GET", "target": "/page", "headers": [], "body": { "text": "" } },
        "response": {
            "status": 200,
            "headers": [["Content-Encoding", "gzip"], ["Content-Type", "application/json"]],
            "body": { "base64": base64(&packed) },
        },
    });
    let path = tape("codings", &format!("{event}\n"));
    let replay = Replay::start(&[&path]);
    let url = format!("{}/page", replay.origin);
    let plain = get(&url);
    assert_eq!(plain.text, r#"{"hello":"world"}"#);
    assert_eq!(plain.headers.get("content-encoding"), None);
    assert_eq!(plain.headers["content-length"], "17");
    let coded = crate::support::fetch(&url, &[("Accept-Encoding", "br, gzip;q=0.8")]);
    assert_eq!(coded.0["content-encoding"], "gzip");
    assert_eq!(coded.1, packed);
    let refused = crate::support::fetch(&url, &[("Accept-Encoding", "gzip;q=0")]);
    assert_eq!(refused.1, br#"{"hello":"world"}"#);
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Waits until so many streams are open.
fn await_streams(replay: &Replay, count: u64) {
    let began = Instant::now();
    while get(&format!("{}/__admin/health", replay.admin)).json()["streams_open"] != count {
        assert!(began.elapsed() < PATIENCE, "there are not {count}");
        thread::yield_now();
    }
}

#[test]
fn a_client_that_does_not_wait_for_its_socket_has_asked_for_it_all_the_same() {
    let mut opens: Value =
        serde_json::from_str(&operation(1, "a", "GET /socket", &json!({ "status": 101 }))).unwrap();
    opens["form"] = json!({ "opens": "socket" });
    opens["answered"] = 600_000_000.into();
    let mut heard: Value = serde_json::from_str(&notification(1, "b", 1)).unwrap();
    heard["at"] = 600_000_000.into();
    let path = tape("impatient-socket", &format!("{opens}\n{heard}\n"));
    let replay = Replay::start(&[&path, "--pace", "recorded"]);
    let other = Client::new(&replay, &[("Antiphon-Session", "b")]);
    let address = replay.origin.strip_prefix("http://").unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    let ask = "GET /socket HTTP/1.1\r\nHost: a\r\nAntiphon-Session: a\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.write_all(ask.as_bytes()).unwrap();
    await_streams(&replay, 1);
    drop(client);
    await_streams(&replay, 0);
    assert_eq!(other.hear(1)[0]["data"]["n"], 1);
}
