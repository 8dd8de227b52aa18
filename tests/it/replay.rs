//! `antiphon replay`, seen from the clients' side: the embedded conversation, and small tapes.

use std::fs;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

use crate::support::{Client, Replay, curl, get, post, tape};

const CHAT: &str = "/api/v2/me/chats/00010a9FSGFP001F";
const USER: &str = "/users/c30d06daa1ea43b8be79f9b071f30d70";
const AGENT1: (&str, &str) = ("Antiphon-Session", "agent1");
const AGENT2: (&str, &str) = ("Antiphon-Session", "agent2");

/// The recorded request, with these fields besides.
fn removal(fields: &Value) -> String {
    let mut body = json!({ "operationName": "RemoveParticipantFromConference" });
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    body.to_string()
}

fn recorded() -> String {
    removal(&json!({ "targetUri": format!("http://10.10.15.212:9090/api/v2{USER}") }))
}

fn operation(number: u64, session: &str, at: u64, answered: u64) -> String {
    format!(
        r#"{{"kind":"operation","id":{number},"session":"{session}","at":{at},"answered":{answered},"request":{{"method":"POST","target":"/op/{number}?b=2&a=1","headers":[]}},"response":{{"status":201,"headers":[["X-One","1"],["X-One","2"],["Connection","close"],["Content-Length","999"]],"body":{{"text":"answer {number}"}}}}}}
"#
    )
}

fn notification(number: u64, session: &str, at: u64, after: &str) -> String {
    format!(
        r#"{{"kind":"notification","id":{number},"session":"{session}","at":{at},"channel":"/v2/me/chats","after":[{after}],"data":{{"json":{{"n":{number}}}}}}}
"#
    )
}

fn numbers(events: &[Value]) -> Vec<u64> {
    events
        .iter()
        .map(|event| event["data"]["n"].as_u64().unwrap())
        .collect()
}

#[test]
fn the_operation_releases_each_agents_own_notifications() {
    let replay = Replay::start(&[]);
    let (one, two) = (
        Client::new(&replay, &[AGENT1]),
        Client::new(&replay, &[AGENT2]),
    );
    let two_hears = thread::spawn(move || two.hear(4));
    assert_eq!(replay.heard("agent2").len(), 0);
    let answer = post(&format!("{}{CHAT}", replay.origin), &[AGENT1], &recorded());
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (200, r#"{"statusCode":0}"#)
    );
    assert_eq!(answer.headers["content-type"], "application/json");
    let kinds = |events: &[Value]| -> Vec<String> {
        let kind = |event: &Value| {
            event["data"]["notificationType"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert!(
            events
                .iter()
                .all(|event| event["channel"] == "/v2/me/chats")
        );
        events.iter().map(kind).collect()
    };
    assert_eq!(kinds(&one.hear(2)), ["ParticipantsUpdated", "NewMessages"]);
    let two = two_hears.join().unwrap();
    assert_eq!(
        kinds(&two),
        [
            "ParticipantsUpdated",
            "NewMessages",
            "StatusChange",
            "StatusChange"
        ]
    );
    assert_eq!(two[3]["data"]["referenceId"], 20);
}

#[test]
fn a_session_that_subscribes_late_gets_what_waits_for_it() {
    let replay = Replay::start(&[]);
    assert_eq!(
        post(&format!("{}{CHAT}", replay.origin), &[], &recorded()).status,
        200
    );
    assert_eq!(Client::new(&replay, &[AGENT2]).hear(4).len(), 4);
    assert_eq!(Client::new(&replay, &[AGENT1]).hear(2).len(), 2);
}

#[test]
fn clients_are_tied_by_basic_user_and_by_cookie_and_else_in_order() {
    let replay = Replay::start(&[]);
    let basic = ("Authorization", "Basic YWdlbnQyOnNlY3JldA=="); // agent2:secret
    let two = Client::new(&replay, &[basic]);
    let mut one = Client::new(&replay, &[]);
    let refused = post(
        &format!("{}/api/v2/notifications", replay.origin),
        &[],
        r#"[{"channel":"/meta/handshake"}]"#,
    );
    let reply = &refused.json()[0];
    assert_eq!(
        reply["error"],
        "403::every session has its client already: agent1, agent2"
    );
    assert_eq!(
        post(&format!("{}{CHAT}", replay.origin), &[], &recorded()).status,
        200
    );
    assert_eq!(two.hear(4).len(), 4);
    // It comes back by its cookie alone, under another identifier, and gets what it has not had.
    let before = one.id.clone();
    one.shake_hands();
    assert_ne!(one.id, before);
    assert_eq!(one.hear(2).len(), 2);
}

#[test]
fn a_user_may_be_named_by_path() {
    let replay = Replay::start(&[]);
    let body = removal(&json!({ "targetPath": USER }));
    let answer = post(&format!("{}{CHAT}", replay.origin), &[AGENT1], &body);
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (200, r#"{"statusCode":0}"#)
    );
}

#[test]
fn a_request_that_breaks_the_contract_is_refused_with_the_rule() {
    let replay = Replay::start(&[]);
    for (fields, field, rule) in [
        (
            json!({}),
            "targetUri",
            "targetUri is mandatory if targetPath is not specified",
        ),
        (
            json!({ "targetPath": USER, "messageType": "Text" }),
            "messageType",
            "messageType must be provided together with text",
        ),
        (
            json!({ "targetPath": USER, "treatAs": "System" }),
            "treatAs",
            "treatAs must be provided together with text",
        ),
        (
            json!({ "targetPath": USER, "text": "bye", "treatAs": "Loud" }),
            "treatAs",
            "treatAs must be Normal or System, not \"Loud\"",
        ),
    ] {
        let answer = post(
            &format!("{}{CHAT}", replay.origin),
            &[AGENT1],
            &removal(&fields),
        );
        let refusal = answer.json();
        assert_eq!(answer.status, 400, "{refusal}");
        assert_eq!(refusal["error"], "contract");
        assert_eq!(
            (refusal["field"].as_str(), refusal["rule"].as_str()),
            (Some(field), Some(rule))
        );
    }
    assert_eq!(replay.transcript()["misses"], 4);
}

#[test]
fn a_miss_names_the_near_miss_and_each_difference() {
    let replay = Replay::start(&[]);
    let body = removal(&json!({ "targetUri": "http://10.10.15.212:9090/api/v2/users/other" }));
    let answer = post(&format!("{}{CHAT}", replay.origin), &[AGENT2], &body);
    assert_eq!(answer.status, 404);
    assert_eq!(answer.headers["content-type"], "application/json");
    let refusal = answer.json();
    assert_eq!(refusal["error"], "miss");
    assert_eq!(refusal["near_miss"]["operation"], 1);
    assert_eq!(
        refusal["differences"],
        json!([
            {
                "in": "body", "pointer": "/targetUri", "kind": "changed",
                "recorded": format!("http://10.10.15.212:9090/api/v2{USER}"),
                "live": "http://10.10.15.212:9090/api/v2/users/other",
            },
            { "in": "session", "pointer": "", "kind": "changed", "recorded": "agent1", "live": "agent2" },
        ])
    );
    let unknown = post(
        &format!("{}{CHAT}", replay.origin),
        &[("Antiphon-Session", "agent9")],
        &body,
    );
    assert_eq!(
        unknown.json()["message"],
        r#"there is no session "agent9"; the sessions are agent1, agent2"#
    );
}

#[test]
fn a_repeat_beyond_the_tape_is_refused_unless_asked_for() {
    let call = |replay: &Replay| post(&format!("{}{CHAT}", replay.origin), &[AGENT1], &recorded());
    let replay = Replay::start(&[]);
    assert_eq!(call(&replay).status, 200);
    let refused = call(&replay);
    assert_eq!(
        (refused.status, refused.json()["error"].as_str()),
        (404, Some("exhausted"))
    );

    let replay = Replay::start(&["--on-exhausted", "last"]);
    let client = Client::new(&replay, &[AGENT1]);
    assert_eq!((call(&replay).status, call(&replay).status), (200, 200));
    assert_eq!(client.hear(2).len(), 2);

    let replay = Replay::start(&["--on-exhausted", "loop"]);
    let client = Client::new(&replay, &[AGENT1]);
    assert_eq!((call(&replay).status, call(&replay).status), (200, 200));
    assert_eq!(client.hear(4).len(), 4);
}

#[test]
fn one_line_of_curl_hears_a_session_and_a_reset_begins_again() {
    let replay = Replay::start(&[]);
    let lines = replay.listen("agent2");
    assert!(lines.is_silent());
    let call = || post(&format!("{}{CHAT}", replay.origin), &[AGENT1], &recorded()).status;
    assert_eq!(call(), 200);
    let heard: Vec<Value> = (0..4).map(|_| lines.next()).collect();
    assert!(heard.iter().all(|line| line["channel"] == "/v2/me/chats"));
    let digest = replay.transcript()["digest"].clone();
    assert_eq!(call(), 404);
    assert_eq!(
        post(&format!("{}/__admin/reset", replay.admin), &[], "").json()["run"],
        2
    );
    assert_eq!(replay.transcript()["sessions"], json!([]));
    assert_eq!(call(), 200);
    let again: Vec<Value> = (0..4).map(|_| lines.next()).collect();
    assert_eq!(again, heard);
    assert_eq!(replay.transcript()["digest"], digest);
    let nobody = get(&format!(
        "{}/__try/notifications?session=agent7",
        replay.admin
    ));
    assert_eq!(nobody.status, 404);
    assert_eq!(
        get(&format!("{}/__try/notifications", replay.admin)).status,
        400
    );
}

#[test]
fn the_printed_curl_lines_play_the_conversation() {
    let replay = Replay::start(&[]);
    let call = curl(&replay.says("curl -X POST"));
    assert_eq!(call.text, r#"{"statusCode":0}"#);
    let reset = curl(&replay.says("curl -X POST"));
    assert_eq!(reset.json(), json!({ "run": 2 }));
}

#[test]
fn a_response_has_its_status_and_its_own_fields_alone() {
    let path = tape("fields", &operation(1, "a", 0, 0));
    let replay = Replay::start(&[&path]);
    let answer = post(&format!("{}/op/1?a=1&b=2", replay.origin), &[], "");
    assert_eq!((answer.status, answer.text.as_str()), (201, "answer 1"));
    let ones: Vec<_> = answer.headers.get_all("x-one").iter().collect();
    assert_eq!(ones, ["1", "2"]);
    assert_eq!(answer.headers["content-length"], "8");
    assert!(!answer.headers.contains_key("connection"));
    assert_eq!(
        post(&format!("{}/op/1?a=1", replay.origin), &[], "").status,
        404
    );
}

#[test]
fn an_absent_session_goes_on_by_itself_and_a_spectator_makes_nobody_absent() {
    let events = [
        operation(1, "a", 0, 0),
        notification(2, "b", 0, "1"),
        operation(3, "b", 0, 0),
        notification(4, "b", 0, "3"),
    ];
    let path = tape("absent", &events.concat());
    let replay = Replay::start(&[&path, "--absent-after", "0"]);
    let spectator = replay.listen("b");
    let b = [("Antiphon-Session", "b")];
    let client = Client::new(&replay, &b);
    assert_eq!(numbers(&client.hear(1)), [2]);
    replay.says("operation 1 of a, who is absent, has happened by itself");
    assert_eq!(
        post(&format!("{}/op/3?a=1&b=2", replay.origin), &b, "").status,
        201
    );
    assert_eq!(numbers(&client.hear(1)), [4]);
    assert!(spectator.is_silent());
    // Who comes late still finds its operation.
    assert_eq!(
        post(
            &format!("{}/op/1?a=1&b=2", replay.origin),
            &[("Antiphon-Session", "a")],
            ""
        )
        .status,
        201
    );
}

#[test]
fn several_tapes_are_played_at_once() {
    let paths = [
        tape(
            "one-of-two",
            &(operation(1, "a", 0, 0) + &notification(2, "a", 0, "1")),
        ),
        tape(
            "two-of-two",
            &(operation(7, "a", 0, 0) + &notification(8, "a", 0, "7")),
        ),
    ];
    let replay = Replay::start(&[&paths[0], &paths[1]]);
    let client = Client::new(&replay, &[]);
    for (target, expected) in [("/op/7?a=1&b=2", 8), ("/op/1?a=1&b=2", 2)] {
        assert_eq!(
            post(&format!("{}{target}", replay.origin), &[], "").status,
            201
        );
        assert_eq!(numbers(&client.hear(1)), [expected]);
    }
}

#[test]
fn recorded_gaps_pass_when_asked_for() {
    let events = operation(1, "a", 0, 100_000) + &notification(2, "a", 300_000, "1");
    let path = tape("pace", &events);
    let replay = Replay::start(&[&path, "--pace", "2x"]);
    let client = Client::new(&replay, &[]);
    let start = std::time::Instant::now();
    assert_eq!(
        post(&format!("{}/op/1?a=1&b=2", replay.origin), &[], "").status,
        201
    );
    assert!(start.elapsed().as_millis() >= 50);
    client.hear(1);
    assert!(start.elapsed().as_millis() >= 150);
}

#[test]
fn an_unknown_client_is_told_to_shake_hands_and_loses_nothing() {
    let replay = Replay::start(&[]);
    let mut client = Client::new(&replay, &[AGENT1]);
    assert_eq!(
        post(&format!("{}/__admin/reset", replay.admin), &[], "").status,
        200
    );
    let reply = client.tell("connect", "").remove(0);
    assert_eq!(
        (&reply["error"], &reply["advice"]["reconnect"]),
        (&json!("402::Unknown client"), &json!("handshake"))
    );
    assert_eq!(
        post(&format!("{}{CHAT}", replay.origin), &[], &recorded()).status,
        200
    );
    client.shake_hands();
    assert_eq!(client.hear(2).len(), 2);
}

#[test]
fn every_form_of_a_bayeux_request_is_answered() {
    let replay = Replay::start(&[]);
    let message = r#"{"channel":"/meta/handshake","id":"7"}"#;
    let endpoint = format!("{}/api/v2/notifications", replay.origin);
    for path in ["", "/", "/handshake"] {
        let answer = post(&format!("{endpoint}{path}"), &[AGENT1], message);
        assert_eq!(answer.json()[0]["id"], "7");
        assert!(
            answer.headers["set-cookie"]
                .to_str()
                .unwrap()
                .starts_with("BAYEUX_BROWSER=")
        );
    }
    let jsonp = get(&format!(
        "{endpoint}?jsonp=call&message=%5B{}%5D",
        message.replace('"', "%22")
    ));
    assert!(
        jsonp.text.starts_with("call([{\"id\":\"7\""),
        "{}",
        jsonp.text
    );
    assert!(jsonp.text.ends_with("])"), "{}", jsonp.text);
    let refused = post(&endpoint, &[], "[");
    assert_eq!(
        (refused.status, refused.json()["error"].as_str()),
        (400, Some("malformed"))
    );
}

#[test]
fn both_signals_drain_and_exit_0() {
    for signal in ["-INT", "-TERM"] {
        let mut replay = Replay::start(&["--allow-unplayed"]);
        let client = Client::new(&replay, &[AGENT1]);
        let poll = thread::spawn(move || client.connect());
        let spectator = replay.listen("agent2");
        replay.await_polls(2);
        replay.signal(signal);
        assert!(replay.wait().success());
        assert_eq!(poll.join().unwrap(), Vec::<Value>::new());
        assert!(spectator.is_silent());
    }
}

#[test]
fn a_miss_may_stop_the_replay() {
    let mut replay = Replay::start(&["--on-miss", "stop"]);
    assert_eq!(
        post(&format!("{}/nowhere", replay.origin), &[], "").status,
        404
    );
    assert_eq!(replay.wait().code(), Some(1));
}

#[test]
fn wrong_usage_is_named_and_ends_with_its_own_exit_code() {
    let settings = format!(
        "{}/settings-{}.json5",
        env!("CARGO_TARGET_TMPDIR"),
        std::process::id()
    );
    fs::write(&settings, "{ pase: 'instant' }").unwrap();
    let written = |name: &str, text: &str| {
        let path = format!(
            "{}/{}-{name}",
            env!("CARGO_TARGET_TMPDIR"),
            std::process::id()
        );
        fs::write(&path, text).unwrap();
        path
    };
    let listed = written("listed.json5", "['127.0.0.1:0']");
    let twice = written("twice.json5", "{ pace: '10x', pace: 'instant' }");
    let fast = written("fast.json5", "{ pace: 'fast' }");
    let broken = format!(
        "{}/broken-{}.tape",
        env!("CARGO_TARGET_TMPDIR"),
        std::process::id()
    );
    fs::write(&broken, "no tape").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (arguments, code, words) in [
        (vec!["--pace", "fast"], 2, r#""fast" is no pace"#),
        (
            vec!["--on-miss", "guess"],
            2,
            r#""guess" is none of refuse, stop and forward=URL"#,
        ),
        (vec!["--on-exhausted", "again"], 2, r#""again" is none of"#),
        (vec!["--absent-after", "soon"], 2, r#""soon" is neither"#),
        (vec!["--endpoint", "api"], 2, r#""api" is no path"#),
        (vec!["--config", &settings], 2, "unknown field `pase`"),
        (vec!["--config", "nowhere.json5"], 2, "nowhere.json5"),
        (vec![broken.as_str()], 3, "broken"),
        (vec!["nowhere.tape"], 4, "nowhere.tape"),
        (vec!["--listen", &address], 4, &address),
        (
            vec!["--listen", "127.0.0.1"],
            2,
            r#""127.0.0.1" is no HOST:PORT"#,
        ),
        (vec!["--admin", "127.0.0.1:99999"], 2, "--admin"),
        (vec!["--config", &listed], 2, "expected an object"),
        (vec!["--config", &twice], 2, "an equal key"),
        (vec!["--config", &fast], 2, "fast.json5: pace"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
            .arg("replay")
            .args(&arguments)
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn the_settings_file_is_read_and_flags_override_it() {
    let settings = format!(
        "{}/all-{}.json5",
        env!("CARGO_TARGET_TMPDIR"),
        std::process::id()
    );
    fs::write(
        &settings,
        "{ // comments are fine\n endpoint: '/push', onExhausted: 'last', bayeux: { timeout: 1234, maxInterval: 5000, }, }",
    )
    .unwrap();
    let replay = Replay::start(&["--config", &settings, "--endpoint", "/elsewhere"]);
    let message = r#"{"channel":"/meta/handshake"}"#;
    assert_eq!(
        post(&format!("{}/push", replay.origin), &[], message).status,
        404
    );
    let answer = post(&format!("{}/elsewhere", replay.origin), &[], message);
    assert_eq!(answer.json()[0]["advice"]["timeout"], 1234);
}

#[test]
fn a_spectator_does_not_throw_a_client_out() {
    let replay = Replay::start(&[]);
    let client = Client::new(&replay, &[AGENT2]);
    let refused = get(&format!(
        "{}/__try/notifications?session=agent2",
        replay.admin
    ));
    let words = "agent2 has its client already, and only that one hears its notifications";
    assert_eq!(
        (refused.status, refused.json()["message"].as_str()),
        (404, Some(words))
    );
    assert_eq!(
        post(&format!("{}{CHAT}", replay.origin), &[], &recorded()).status,
        200
    );
    assert_eq!(client.hear(4).len(), 4);
}

#[test]
fn a_client_with_the_cookie_of_another_server_is_unknown() {
    let replay = Replay::start(&[]);
    let client = Client::new(&replay, &[]);
    let message = format!(
        r#"{{"channel":"/meta/connect","clientId":"{}"}}"#,
        client.id
    );
    let endpoint = format!("{}/api/v2/notifications", replay.origin);
    let stranger = post(&endpoint, &[("Cookie", "BAYEUX_BROWSER=other")], &message);
    assert_eq!(stranger.json()[0]["error"], "402::Unknown client");
    client.connect_now();
}

#[test]
fn a_tape_that_cannot_be_served_is_refused() {
    let path = tape(
        "odd-channel",
        &notification(1, "a", 0, "").replace("/v2/me/chats", "chats"),
    );
    let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(["replay", &path])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains(r#"notification 1: "chats" is no channel"#),
        "{said}"
    );
}

#[test]
fn a_response_that_the_tape_has_only_the_beginning_of_is_refused() {
    let cut = operation(1, "a", 0, 0)
        .replace(r#"{"text":"answer 1"}"#, r#"{"text":"answer 1","cut":{}}"#);
    let broken =
        operation(2, "a", 0, 0).replace(r#""answered":0,"#, r#""answered":0,"truncated":true,"#);
    assert!(cut.contains("cut") && broken.contains("truncated"));
    let replay = Replay::start(&[&tape("cut", &(cut + &broken))]);
    for number in [1, 2] {
        let answer = post(&format!("{}/op/{number}?a=1&b=2", replay.origin), &[], "");
        assert_eq!(
            (answer.status, answer.json()["error"].as_str()),
            (404, Some("cut"))
        );
    }
}
