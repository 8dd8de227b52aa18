//! Values that clients choose themselves, in a replay: which may differ from the recorded ones, and
//! where they come again.

use std::fs;

use serde_json::{Value, json};

use crate::events::{operation, pushed};
use crate::support::{Answer, Client, Replay, get, post, report, tape};

const ID: &str = "6f1d2c3b-0001";
const OWN: &str = "77aa88bb-9999";

/// A chat whose identifier and nickname its creator makes up, and of which bob hears.
fn chat() -> String {
    let made = format!("/v2/me/{ID}");
    let sent = json!([["X-Request-Id", "rq-000111222"]]);
    let given = json!([
        ["Location", format!("/chats/{ID}")],
        ["X-Request-Id", "rq-000111222"]
    ]);
    let body = json!({ "operationName": "Create", "id": ID, "nickname": "Kate", "at": 1_392_308_459_000_u64 });
    let answer = format!(r#"{{ "uri":"http://h/chats/{ID}",  "by" : "Kate", "at":1392308459000}}"#);
    let said = json!({ "text": "Kate created it", "chat": { "id": ID, "state": "Create" } });
    [
        operation(
            1,
            "alice",
            "POST /chats",
            &json!({ "sent": sent, "body": body.to_string(), "given": given, "answer": answer }),
        ),
        pushed(1, "alice", 1, "/v2/me/chats", &said),
        pushed(2, "bob", 1, &made, &said),
        operation(
            2,
            "bob",
            &format!("POST /chats/{ID}/join?as={ID}"),
            &json!({ "answer": "joined" }),
        ),
        operation(
            3,
            "alice",
            &format!("GET /chats/{ID}"),
            &json!({ "answer": "it is there" }),
        ),
    ]
    .concat()
}

fn call(replay: &Replay, session: &str, target: &str, body: &Value) -> Answer {
    let headers = [
        ("Antiphon-Session", session),
        ("X-Request-Id", "rq-999888777"),
    ];
    post(
        &format!("{}{target}", replay.origin),
        &headers,
        &body.to_string(),
    )
}

fn create(id: &str, nickname: &str, at: u64) -> Value {
    json!({ "operationName": "Create", "id": id, "nickname": nickname, "at": at })
}

#[test]
fn what_a_client_chose_stands_wherever_the_service_repeated_it() {
    let path = tape("chosen", &chat());
    let mut replay = Replay::start(&[&path, "--absent-after", "never"]);
    let [alice, bob] =
        ["alice", "bob"].map(|name| Client::new(&replay, &[("Antiphon-Session", name)]));
    let answer = call(
        &replay,
        "alice",
        "/chats",
        &create(OWN, "B\"o", 1_700_000_000_123),
    );
    assert_eq!(answer.status, 200, "{}", answer.text);
    let expected =
        format!(r#"{{ "uri":"http://h/chats/{OWN}",  "by" : "B\"o", "at":1700000000123}}"#);
    assert_eq!(answer.text, expected);
    assert_eq!(answer.headers["location"], format!("/chats/{OWN}"));
    assert_eq!(answer.headers["x-request-id"], "rq-999888777");
    let heard = alice.hear(1);
    assert_eq!(
        heard[0]["data"],
        json!({ "text": "B\"o created it", "chat": { "id": OWN, "state": "Create" } })
    );
    assert_eq!(bob.hear(1)[0]["channel"], format!("/v2/me/{OWN}"));
    // What was recorded is not what is meant any more.
    let join = |id: &str| {
        call(
            &replay,
            "bob",
            &format!("/chats/{id}/join?as={id}"),
            &json!(""),
        )
    };
    let old = join(ID);
    assert_eq!(old.status, 404, "{}", old.text);
    assert_eq!(
        post(
            &format!("{}/chats/{OWN}/join?as={OWN}", replay.origin),
            &[("Antiphon-Session", "bob")],
            ""
        )
        .text,
        "joined"
    );
    let read = format!("{}/chats/{OWN}", replay.origin);
    assert_eq!(get(&read).text, "it is there");
    let report = report(&replay);
    let chosen = report["chosen"]["list"].as_array().unwrap();
    let said: Vec<&str> = chosen
        .iter()
        .map(|one| one["what"].as_str().unwrap())
        .collect();
    assert_eq!(
        said,
        [
            r#"had "1700000000123" instead of "1392308459000" in body /at"#,
            format!("had {OWN:?} instead of {ID:?} in body /id").as_str(),
            r#"had "B\"o" instead of "Kate" in body /nickname"#,
            r#"had "rq-999888777" instead of "rq-000111222" in header x-request-id"#,
        ]
    );
    replay.signal("-TERM");
    replay.wait();
    replay.says("chosen by clients (4):");
}

#[test]
fn what_a_client_chose_stands_also_where_something_is_escaped() {
    let inner = |name: &str| json!({ "name": name, "of": "chat" }).to_string();
    let answer = |name: &str| {
        format!(
            r#"{{"says":"caf\u00e9:\n\"{name}\"","inner":{}}}"#,
            json!(inner(name))
        )
    };
    let body = json!({ "nickname": "Kate" }).to_string();
    let hello = operation(
        1,
        "a",
        "POST /hello",
        &json!({ "body": body, "answer": answer("Kate") }),
    );
    let path = tape("escaped", &hello);
    let replay = Replay::start(&[&path]);
    let hello = |name: &str| call(&replay, "a", "/hello", &json!({ "nickname": name }));
    assert_eq!(hello("Barbara").text, answer("Barbara"));
    post(&format!("{}/__admin/reset", replay.admin), &[], "");
    let heard = hello(r#"B"o"#).json();
    assert_eq!(heard["says"], "café:\n\"B\"o\"");
    assert_eq!(heard["inner"], inner(r#"B"o"#));
}

#[test]
fn the_digest_is_of_the_conversation_whatever_clients_chose() {
    let path = tape("digest", &chat());
    let digest = |id: &str, nickname: &str| {
        let replay = Replay::start(&[&path, "--absent-after", "never"]);
        let alice = Client::new(&replay, &[("Antiphon-Session", "alice")]);
        let answer = call(
            &replay,
            "alice",
            "/chats",
            &create(id, nickname, 1_392_308_459_000),
        );
        assert_eq!(answer.status, 200);
        alice.hear(1);
        report(&replay)["digest"].clone()
    };
    assert_eq!(digest(ID, "Kate"), digest(OWN, "Bo Diddley"));
}

#[test]
fn what_says_what_shall_be_done_is_no_choice() {
    let path = tape("selectors", &chat());
    let replay = Replay::start(&[&path]);
    let answer = call(
        &replay,
        "alice",
        "/chats",
        &json!({ "operationName": "Destroy", "id": ID, "nickname": "Kate", "at": 1_392_308_459_000_u64 }),
    );
    assert_eq!(answer.status, 404);
    let differences = answer.json()["differences"].clone();
    assert_eq!(differences[0]["pointer"], "/operationName", "{differences}");
    assert_eq!(differences.as_array().unwrap().len(), 1);
}

#[test]
fn a_value_that_the_tape_knows_as_something_else_is_not_taken_for_a_choice() {
    let second =
        json!({ "body": json!({ "name": "Zoë" }).to_string(), "answer": r#"{"hello":"Zoë"}"# });
    let first =
        json!({ "body": json!({ "name": "Kate" }).to_string(), "answer": r#"{"hello":"Kate"}"# });
    let events = [
        operation(1, "a", "POST /hello", &first),
        operation(2, "a", "POST /done", &json!({})),
        operation(3, "a", "POST /hello", &second),
    ];
    let path = tape("known", &events.concat());
    let replay = Replay::start(&[&path]);
    let hello = |name: &str| call(&replay, "a", "/hello", &json!({ "name": name }));
    assert_eq!(hello("Zoë").json(), json!({ "hello": "Zoë" }));
    assert_eq!(hello("Zoë").json()["error"], "exhausted");
    assert_eq!(hello("Ann").json(), json!({ "hello": "Ann" }));
    assert_eq!(hello("Kate").status, 404);
}

#[test]
fn a_made_up_value_that_differs_in_each_repeat_may_differ_again() {
    let ping = |id, nonce: &str| {
        let body = json!({ "ping": true, "nonce": nonce }).to_string();
        operation(
            id,
            "a",
            "POST /ping",
            &json!({ "body": body, "answer": id.to_string() }),
        )
    };
    let lone = json!({ "body": json!({ "nonce": "q7w8e9r0" }).to_string() });
    let events = [
        ping(1, "a1b2c3d4"),
        ping(2, "e5f6a7b8"),
        operation(3, "a", "POST /lone", &lone),
    ];
    let path = tape("repeats", &events.concat());
    let replay = Replay::start(&[&path]);
    let ping = |nonce: &str| {
        call(
            &replay,
            "a",
            "/ping",
            &json!({ "ping": true, "nonce": nonce }),
        )
    };
    assert_eq!(ping("x0x1x2x3").text, "1");
    assert_eq!(ping("x4x5x6x7").text, "2");
    assert_eq!(ping("x8x9x0x1").json()["error"], "exhausted");
    let lone = || call(&replay, "a", "/lone", &json!({ "nonce": "x8x9x0x1" })).status;
    assert_eq!(lone(), 404, "nothing says that it may differ");
    let tolerances = report(&replay)["tolerances"].clone();
    assert_eq!(tolerances["total"], 2);
    assert_eq!(
        tolerances["list"][0]["what"],
        r#"had "x0x1x2x3" instead of "a1b2c3d4" in body /nonce, which differs each time on the tape"#
    );
    let lenient = Replay::start(&[&path, "--lenient"]);
    let lone = call(&lenient, "a", "/lone", &json!({ "nonce": "x8x9x0x1" }));
    assert_eq!(lone.status, 200);
    assert_eq!(report(&lenient)["tolerances"]["total"], 1);
    assert_eq!(
        call(&lenient, "a", "/lone", &json!({ "nonce": 1 })).status,
        404
    );
}

#[test]
fn rules_say_what_may_differ_and_what_must_not() {
    let path = tape("ruled", &chat());
    let settings = |text: &str| {
        let file = tempfile::Builder::new()
            .suffix(".json5")
            .tempfile()
            .unwrap();
        fs::write(file.path(), text).unwrap();
        file
    };
    let file = settings(
        "{ match: { fixed: ['body /nickname'], ignore: ['body /seen'], headers: ['X-Request-Id'] } }",
    );
    let replay = Replay::start(&[&path, "--config", file.path().to_str().unwrap()]);
    let differ = |request: &str, body: &Value| {
        let headers = [("Antiphon-Session", "alice"), ("X-Request-Id", request)];
        let answer = post(
            &format!("{}/chats", replay.origin),
            &headers,
            &body.to_string(),
        );
        let differences = answer.json()["differences"].clone();
        let differences = differences.as_array().cloned().unwrap_or_default();
        let places = differences.iter().map(|one| {
            let pointer = one["pointer"].as_str().unwrap();
            format!("{} {pointer}", one["in"].as_str().unwrap())
        });
        (answer.status, places.collect::<Vec<_>>())
    };
    let mut body = create(OWN, "Bo", 1_392_308_459_000);
    body["seen"] = json!(["anything"]);
    let (status, places) = differ("rq-000111222", &body);
    assert_eq!(
        (status, places),
        (
            404,
            ["body /id", "body /nickname", "body /seen"]
                .map(str::to_owned)
                .to_vec()
        )
    );
    body["nickname"] = json!("Kate");
    assert_eq!(differ("rq-000111222", &body), (200, vec![]));
    let tolerances = report(&replay)["tolerances"].clone();
    assert_eq!(
        tolerances["list"][0]["what"],
        r#"had "[\"anything\"]" instead of "nothing" in body /seen, by rule"#
    );
    let wrong = settings("{ match: { ignore: ['nickname'] } }");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(["replay", "--config", wrong.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains(r#"match.ignore: "nickname" is no place in a request"#),
        "{words}"
    );
}

#[test]
fn a_form_and_a_path_may_hold_choices_too() {
    let kind = json!([["Content-Type", "application/x-www-form-urlencoded"]]);
    let events = [
        operation(
            1,
            "a",
            "POST /form",
            &json!({ "sent": kind, "body": "name=Kate+Moss&id=k-4711-x", "answer": "Hello Kate Moss of k-4711-x" }),
        ),
        operation(
            2,
            "a",
            "POST /things/t-8899-y",
            &json!({ "answer": r#"{"id":"t-8899-y"}"# }),
        ),
    ];
    let path = tape("forms", &events.concat());
    let replay = Replay::start(&[&path]);
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let answer = post(
        &format!("{}/form", replay.origin),
        &headers,
        "id=z-1234-w&name=Kate+Moss",
    );
    assert_eq!(answer.text, "Hello Kate Moss of z-1234-w");
    let url = format!("{}/things/q%20-55-66", replay.origin);
    assert_eq!(post(&url, &[], "").text, r#"{"id":"q -55-66"}"#);
}
