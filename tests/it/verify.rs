//! `antiphon verify`: tapes that play to their end, and those that cannot.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::events::{handshake, notification, operation, pushed};
use crate::support::tape;

fn verify(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .arg("verify")
        .args(arguments)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Something else that a session did, at this time.
fn fact(session: &str, at: u64, what: &Value) -> String {
    let event = json!({ "kind": "fact", "session": session, "at": at, "what": what });
    format!("{event}\n")
}

#[test]
fn the_embedded_tape_is_the_same_each_time() {
    let one = verify(&["--runs", "5"]);
    assert_eq!(one.status.code(), Some(0), "{}", stderr(&one));
    let digest = String::from_utf8(one.stdout).unwrap();
    assert!(
        digest.starts_with("blake3:") && digest.ends_with('\n'),
        "{digest}"
    );
    let again = verify(&["--json", "--seed", "7"]);
    let document = document(&again);
    assert_eq!(document["verified"], true);
    assert_eq!(document["digest"], digest.trim_end());
    assert_eq!(document["seed"], 7);
    assert_eq!(document["differences"], json!([]));
    let words = "2 sessions, 1 operation and 6 notifications: as recorded, 2 times in";
    assert!(stderr(&again).starts_with(words), "{}", stderr(&again));
}

#[test]
fn a_session_that_subscribed_before_the_tape_begins_goes_on_where_it_was() {
    let subscribe = |at: u64, channel: &str| fact("alice", at, &json!({ "subscribe": channel }));
    let call = |id: u64| operation(id, "alice", &format!("POST /calls/{id}"), &json!({}));
    let chat = |id: u64, after: u64| notification(id, "alice", after);
    let call_state =
        |id: u64, after: u64| pushed(id, "alice", after, "/v2/me/calls", &json!({ "n": id }));
    let first = call(1) + &chat(2, 1);
    // It goes on without a word on the channel, and subscribes to another.
    let device = pushed(9, "alice", 3, "/v2/me/devices", &json!({}));
    let other =
        subscribe(2_500, "/v2/me/calls") + &call(3) + &chat(4, 3) + &call_state(5, 3) + &device;
    // It comes again.
    let again = handshake("alice", 5_500, "c2")
        + &subscribe(5_600, "/v2/me/*")
        + &call(6)
        + &chat(7, 6)
        + &call_state(8, 6);
    for (name, events) in [
        ("went-on", first.clone() + &other),
        ("came-again", first.clone() + &again),
        ("both", first + &other + &again),
    ] {
        let output = verify(&[&tape(name, &events)]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
    }
}

#[test]
fn tapes_are_played_once_or_more() {
    let none = verify(&["--runs", "0"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(stderr(&none).contains("--runs"), "{}", stderr(&none));
}

#[test]
fn a_conversation_of_ten_minutes_takes_no_time() {
    let events = |number: u64| {
        let session = if number.is_multiple_of(2) {
            "bob"
        } else {
            "alice"
        };
        let other = if number.is_multiple_of(2) {
            "alice"
        } else {
            "bob"
        };
        let body = json!({ "body": format!("{{\"turn\":{number}}}"), "answer": "done" });
        operation(
            number * 1_000,
            session,
            &format!("POST /calls/{number}"),
            &body,
        ) + &notification(number, other, number * 1_000)
    };
    // An operation a second, and what it notified.
    let tape = tape("ten-minutes", &(1..=600).map(events).collect::<String>());
    let output = verify(&[&tape, "--json"]);
    let document = document(&output);
    assert_eq!(document["verified"], true, "{document}");
    assert_eq!(document["operations"], 600);
    assert_eq!(document["notifications"], 600);
    let took = document["microseconds"].as_u64().unwrap();
    assert!(took < 20_000_000, "{took} µs");
}

#[test]
fn a_session_connects_and_publishes_as_its_tape_shows() {
    let published =
        r#"[{"id":"9","clientId":"old","channel":"/service/say","data":{"word": "hi"}}]"#;
    let answer = r#"[{"id":"9","channel":"/service/say","successful":true}]"#;
    let endpoint = "/api/v2/notifications";
    let tape = tape(
        "publishes",
        &[
            operation(1, "alice", "POST /login", &json!({ "body": "{}" })),
            fact(
                "alice",
                1_800,
                &json!({ "handshake": { "endpoint": endpoint, "client": "old" } }),
            ),
            fact("alice", 1_900, &json!({ "subscribe": "/v2/**" })),
            operation(
                2,
                "alice",
                &format!("POST {endpoint}"),
                &json!({ "body": published, "answer": answer }),
            ),
            notification(1, "alice", 2),
            fact("alice", 2_800, &json!({ "unsubscribe": "/v2/**" })),
            fact("alice", 2_900, &json!("disconnect")),
        ]
        .concat(),
    );
    let output = verify(&[&tape, "--json", "--runs", "4"]);
    let document = document(&output);
    assert_eq!(document["verified"], true, "{document}");
    assert_eq!(document["operations"], 2);
}

#[test]
fn a_tape_that_cannot_go_on_is_told_with_what_waits_for_what() {
    // Each waits for what the other does only after it has heard that.
    let tape = tape(
        "deadlock",
        &[
            notification(1, "alice", 2),
            operation(1, "alice", "POST /one", &json!({})),
            notification(2, "bob", 1),
            operation(2, "bob", "POST /two", &json!({})),
        ]
        .concat(),
    );
    let output = verify(&[&tape]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let words = stderr(&output);
    for part in [
        "it cannot go on",
        "alice waits for notification 1 on /v2/me/chats",
        "bob waits for notification 2 on /v2/me/chats",
        "waits for operation 2 of bob, POST /two to be answered",
        "--seed",
    ] {
        assert!(words.contains(part), "{part:?} in {words}");
    }
}

#[test]
fn what_is_not_whole_on_a_tape_cannot_be_played() {
    let mut cut: Value = serde_json::from_str(&operation(
        1,
        "a",
        "GET /big",
        &json!({ "answer": "begin" }),
    ))
    .unwrap();
    cut["truncated"] = json!(true);
    let tape = tape("cut", &format!("{cut}\n"));
    let output = verify(&[&tape, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let differences = document(&output)["differences"].to_string();
    let part = "run 1: a: operation 1 cannot be played: its answer broke off";
    assert!(differences.contains(part), "{differences}");
}

#[test]
fn several_tapes_of_the_same_sessions_are_played_at_once() {
    let of = |name: &str, path: &str| {
        let answer = json!({ "answer": path });
        let first = operation(1, "alice", &format!("POST /{path}"), &answer);
        tape(name, &(first + &pushed(1, "bob", 1, "/c", &json!(path))))
    };
    let (one, other) = (of("one", "first"), of("other", "second"));
    let output = verify(&[&one, &other, "--json"]);
    let document = document(&output);
    assert_eq!(document["verified"], true, "{document}");
    assert_eq!(document["sessions"], 2);
    assert_eq!(document["operations"], 2);
}

#[test]
fn equal_requests_under_way_at_once_are_answered_in_the_order_in_which_they_were_called() {
    for method in ["POST", "GET"] {
        let called = |id: u64, answered: u64| {
            let line = operation(
                id,
                "alice",
                &format!("{method} /count"),
                &json!({ "answer": id.to_string() }),
            );
            let mut event: Value = serde_json::from_str(&line).unwrap();
            event["answered"] = json!(answered);
            format!("{event}\n")
        };
        // The first call was answered last, and stands last.
        let events = [called(2, 2_500), called(3, 3_500), called(1, 9_000)];
        let output = verify(&[&tape("at-once", &events.concat()), "--json"]);
        let document = document(&output);
        assert_eq!(document["verified"], true, "{method}: {document}");
        assert_eq!(document["operations"], 3);
    }
}

#[test]
fn a_tape_that_cannot_be_read_or_planned_exits_with_3() {
    let missing = verify(&["no-such.tape"]);
    assert_eq!(missing.status.code(), Some(4), "{}", stderr(&missing));
    let nothing = tape("nothing", "");
    let output = verify(&[&nothing]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("nothing to replay") || stderr(&output).contains("no operation")
    );
}
