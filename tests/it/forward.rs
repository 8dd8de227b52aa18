//! What a replay does not know goes on to the real service (`--on-miss forward=URL`), and onto the
//! tape, if that is wanted.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use serde_json::json;

use crate::events::{notification, operation};
use crate::support::{Replay, get, post, report, tape};

/// A service that says what it was asked, to each connection once.
fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            answer(stream);
        }
    });
    origin
}

fn answer(stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line).unwrap();
    let asked = line.trim_end().to_owned();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let said = format!("{asked} {}", String::from_utf8(body).unwrap());
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Real: yes\r\nContent-Length: {}\r\n\r\n",
        said.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(said.as_bytes()).unwrap();
}

fn desk() -> String {
    [
        operation(
            1,
            "alice",
            "POST /known",
            &json!({ "body": "{}", "answer": "from the tape" }),
        ),
        notification(1, "alice", 1),
        operation(
            2,
            "client1",
            "POST /other",
            &json!({ "body": "{}", "answer": "from the tape too" }),
        ),
    ]
    .concat()
}

fn ask(replay: &Replay, session: &str, path: &str) -> String {
    let headers = [("Antiphon-Session", session)];
    post(&format!("{}{path}", replay.origin), &headers, "{}").text
}

#[test]
fn a_miss_goes_on_to_the_service_and_onto_the_tape() {
    let path = tape("forwarded", &desk());
    let on_miss = format!("forward={}", service());
    let arguments = [
        &path,
        "--on-miss",
        &on_miss,
        "--record-misses",
        "--allow-unplayed",
    ];
    let mut replay = Replay::start(&arguments);
    assert_eq!(ask(&replay, "alice", "/known"), "from the tape");
    assert_eq!(
        ask(&replay, "alice", "/new?x=1"),
        "POST /new?x=1 HTTP/1.1 {}"
    );
    assert_eq!(ask(&replay, "client1", "/newer"), "POST /newer HTTP/1.1 {}");
    let plain = get(&format!("{}/page", replay.origin));
    assert_eq!(plain.text, "GET /page HTTP/1.1 ");
    assert_eq!(plain.headers["x-real"], "yes");
    let report = report(&replay);
    assert_eq!(report["forwarded"]["total"], 3, "{report}");
    assert_eq!(report["misses"]["total"], 0, "{report}");
    assert_eq!(report["clean"], false, "{report}");
    replay.signal("-TERM");
    assert_eq!(replay.wait().code(), Some(0));
    replay.says("3 operations");
    replay.says("forwarded (3):");

    // What was learned is played the next time, without the service.
    let replay = Replay::start(&[&path]);
    assert_eq!(
        ask(&replay, "alice", "/new?x=1"),
        "POST /new?x=1 HTTP/1.1 {}"
    );
    assert_eq!(ask(&replay, "client1", "/newer"), "POST /newer HTTP/1.1 {}");
    assert!(ask(&replay, "alice", "/newer").contains("\"miss\""));
    assert_eq!(get(&format!("{}/page", replay.origin)).status, 200);
}

#[test]
fn misses_go_onto_the_tape_without_what_its_rules_and_the_settings_call_secret() {
    let header = json!({
        "kind": "header", "antiphon": 1, "title": "t", "source": "s",
        "redacted": { "added": ["customer*"], "patterns": ["CUST-[0-9]+"] },
    });
    let path = tape("forwarded-secrets", &desk());
    std::fs::write(&path, format!("{header}\n{}", desk())).unwrap();
    let settings = format!("{path}.json5");
    std::fs::write(&settings, "{ redact: { at: ['/pin'] } }").unwrap();
    let on_miss = format!("forward={}", service());
    let mut replay = Replay::start(&[
        &path,
        "--config",
        &settings,
        "--on-miss",
        &on_miss,
        "--record-misses",
        "--allow-unplayed",
    ]);
    let secret = r#"{"customerName":"Erika Mustermann","pin":"0815-4711","see":"CUST-123456","password":"geheim-77"}"#;
    let answer = post(&format!("{}/new", replay.origin), &[], secret);
    assert_eq!(answer.status, 200);
    replay.signal("-TERM");
    assert_eq!(replay.wait().code(), Some(0));
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("/new"), "{written}");
    for secret in ["Erika Mustermann", "0815-4711", "CUST-123456", "geheim-77"] {
        assert!(!written.contains(secret), "{secret}: {written}");
    }
}

#[test]
fn a_miss_that_the_service_does_not_answer_either_says_so() {
    let path = tape("dead-end", &desk());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let on_miss = format!("forward=http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut replay = Replay::start(&[&path, "--on-miss", &on_miss]);
    let answer = get(&format!("{}/page", replay.origin));
    assert_eq!(answer.status, 502, "{}", answer.text);
    replay.signal("-TERM");
    assert_eq!(
        replay.wait().code(),
        Some(1),
        "a run that needed the service is not clean"
    );
}

#[test]
fn wrong_wishes_are_refused() {
    let path = tape("wishes", &desk());
    for (arguments, words) in [
        (
            vec!["--on-miss", "elsewhere"],
            "is none of refuse, stop and forward=URL",
        ),
        (vec!["--on-miss", "forward=nowhere"], "--on-miss"),
        (
            vec!["--record-misses"],
            "--record-misses needs --on-miss forward=URL",
        ),
        (
            vec!["--on-miss", "forward=http://127.0.0.1:9", "--record-misses"],
            "--record-misses adds to one tape",
        ),
    ] {
        let named = if words.contains("one tape") {
            vec![]
        } else {
            vec![path.as_str()]
        };
        let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
            .arg("replay")
            .args(named)
            .args(&arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}
