//! Tapes whose secrets somebody has blotted out, and tapes without them from the start: a replay gives
//! values that work, and takes those that live clients have.

mod pseudonyms;

use std::fs;

use serde_json::{Value, json};

use crate::events::{notification, operation};
use crate::support::{Answer, Client, Replay, fetch, get, post, report, tape, verified};

/// Two agents whose cookies, tokens and passwords are stars.
fn desk() -> String {
    let mut events = String::new();
    for (number, name) in ["alice", "bob"].into_iter().enumerate() {
        let first = number as u64 * 10;
        let login = format!(r#"{{"userName":"{name}","password":"***"}}"#);
        let given = json!([
            ["Set-Cookie", "SID=***; Path=/; HttpOnly; SameSite=Lax"],
            ["X-CSRF-TOKEN", "[REDACTED]"],
        ]);
        let sent = json!([["Cookie", "SID=***"], ["X-CSRF-TOKEN", "[REDACTED]"]]);
        events += &operation(
            first + 1,
            name,
            "POST /login",
            &json!({
                "sent": [["Content-Type", "application/json"]], "body": login, "given": given,
                "answer": format!(r#"{{ "hello": "{name}", "accessToken" : "***", "n": 1 }}"#),
            }),
        );
        events += &operation(
            first + 2,
            name,
            "POST /act?access_token=***",
            &json!({ "sent": sent, "body": r#"{"do":"it","csrfToken":"[REDACTED]"}"#, "answer": name }),
        );
        events += &notification(first + 1, name, first + 2);
        events += &operation(
            first + 3,
            name,
            "GET /who",
            &json!({ "sent": sent, "answer": name }),
        );
    }
    events
}

fn login(origin: &str, name: &str, password: &str, headers: &[(&str, &str)]) -> Answer {
    let body = json!({ "userName": name, "password": password }).to_string();
    let mut fields = vec![("Content-Type", "application/json")];
    fields.extend(headers);
    post(&format!("{origin}/login"), &fields, &body)
}

/// What a login gave: the cookie, the token against forgery, and the token in the body.
fn secrets(answer: &Answer) -> [String; 3] {
    [
        answer.cookies().remove(0),
        answer.headers["x-csrf-token"].to_str().unwrap().to_owned(),
        answer.json()["accessToken"].as_str().unwrap().to_owned(),
    ]
}

fn act(origin: &str, cookie: &str, csrf: &str, token: &str) -> Answer {
    post(
        &format!("{origin}/act?access_token={token}"),
        &[("Cookie", cookie)],
        &json!({ "do": "it", "csrfToken": csrf }).to_string(),
    )
}

fn read(origin: &str, headers: &[(&str, &str)]) -> String {
    let (_, content) = fetch(&format!("{origin}/who"), headers);
    String::from_utf8(content).unwrap()
}

fn listed(report: &Value, list: &str) -> Vec<String> {
    let list = report[list]["list"].as_array().unwrap();
    list.iter().map(Value::to_string).collect()
}

#[test]
fn each_session_gets_values_of_its_own_where_the_tape_has_placeholders() {
    let path = tape("stars", &desk());
    let mut replay = Replay::start(&[&path, "--absent-after", "never"]);
    let origin = replay.origin.clone();
    let bobs = login(&origin, "bob", "b0b-Secret-77", &[]);
    let alices = login(&origin, "alice", "al1ce-Secret-11", &[]);
    let attributes = |answer: &Answer| {
        let line = answer.headers["set-cookie"].to_str().unwrap();
        line.split_once(';').unwrap().1.to_owned()
    };
    assert_eq!(attributes(&bobs), " Path=/; HttpOnly; SameSite=Lax");
    assert!(
        bobs.text
            .starts_with(r#"{ "hello": "bob", "accessToken" : ""#)
    );
    let (b, a) = (secrets(&bobs), secrets(&alices));
    let mut all: Vec<&String> = a.iter().chain(&b).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 6, "{all:?}");
    // The cookie alone tells who listens and who asks, and so does the token.
    let bob = Client::new(&replay, &[("Cookie", &b[0])]);
    let alice = Client::new(&replay, &[("Authorization", &format!("Bearer {}", a[2]))]);
    let who = |header: (&str, &str)| read(&origin, &[header]);
    assert_eq!(who(("Cookie", &b[0])), "bob");
    assert_eq!(who(("Cookie", &a[0])), "alice");
    assert_eq!(who(("X-CSRF-TOKEN", &b[1])), "bob");
    // Another session's values are refused, and so is what nobody was given.
    assert_eq!(act(&origin, &b[0], &b[1], &a[2]).status, 404);
    assert_eq!(act(&origin, &b[0], &a[1], &b[2]).status, 404);
    assert_eq!(act(&origin, &b[0], &b[1], "made-up").status, 404);
    assert_eq!(act(&origin, &b[0], "***", &b[2]).status, 404);
    let acted = act(&origin, &b[0], &b[1], &b[2]);
    assert_eq!(
        (acted.status, acted.text.as_str()),
        (200, "bob"),
        "{}",
        acted.text
    );
    assert_eq!(act(&origin, &a[0], &a[1], &a[2]).text, "alice");
    assert_eq!(bob.hear(1)[0]["data"]["n"], 11);
    assert_eq!(alice.hear(1)[0]["data"]["n"], 1);
    let report = report(&replay);
    assert_eq!(report["unplayed"]["notifications"]["total"], 0, "{report}");
    let taken = listed(&report, "placeholders");
    assert_eq!(taken.len(), 20, "{taken:#?}");
    for place in [
        "operation 1, request body /password",
        "operation 11, response header set-cookie SID",
    ] {
        assert!(taken.iter().any(|one| one.contains(place)), "{place}");
    }
    let transcript = get(&format!("{}/__admin/transcript", replay.admin)).text;
    for told in [report.to_string(), transcript] {
        for secret in ["b0b-Secret-77", "al1ce-Secret-11"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
    replay.signal("-TERM");
    assert_eq!(replay.wait().code(), Some(1));
    replay.says("taken for placeholders (20):");
}

#[test]
fn a_tape_with_placeholders_verifies_with_one_digest() {
    let path = tape("stars-verified", &desk());
    let digest = || verified(&path, &[]);
    assert_eq!(digest(), digest());
    fs::remove_file(path).unwrap();
}

#[test]
fn a_client_that_comes_back_after_a_reset_or_in_a_copy_has_its_own_session() {
    let path = tape("stars-copies", &desk());
    let replay = Replay::start(&[&path, "--spare-sessions", "fork", "--absent-after", "never"]);
    let origin = replay.origin.clone();
    // Clients that keep no cookie but the session's: the value tells the copy too.
    let first = secrets(&login(&origin, "bob", "one", &[("Antiphon-Copy", "a")]));
    let second = secrets(&login(&origin, "bob", "two", &[("Antiphon-Copy", "b")]));
    assert!(first.iter().zip(&second).all(|(one, other)| one != other));
    assert_eq!(act(&origin, &second[0], &second[1], &first[2]).status, 404);
    for [cookie, csrf, token] in [&second, &first] {
        let acted = act(&origin, cookie, csrf, token);
        assert_eq!(acted.text, "bob", "{}", acted.text);
    }
    let who = |cookie: &str| read(&origin, &[("Cookie", cookie)]);
    assert_eq!([who(&second[0]), who(&first[0])], ["bob", "bob"]);
    post(&format!("{}/__admin/reset", replay.admin), &[], "");
    let again = secrets(&login(&origin, "bob", "three", &[("Antiphon-Copy", "a")]));
    assert_eq!(again, first);
    assert_eq!(who(&first[0]), "bob");
}

#[test]
fn a_value_that_two_sessions_got_tells_neither_and_becomes_two() {
    let events = desk().replace("SID=***", "SID=same-for-everybody");
    let path = tape("same", &events);
    let replay = Replay::start(&[&path]);
    let [alice, bob] = ["alice", "bob"].map(|name| secrets(&login(&replay.origin, name, "x", &[])));
    assert_ne!(alice[0], bob[0]);
    assert_eq!(act(&replay.origin, &bob[0], &bob[1], &bob[2]).text, "bob");
    let taken = listed(&report(&replay), "placeholders");
    assert!(
        taken
            .iter()
            .any(|one| one.contains("set-cookie SID") && !one.contains("text")),
        "{taken:#?}"
    );
    assert!(taken.iter().all(|one| !one.contains("same-for-everybody")));
}

#[test]
fn a_resource_that_is_called_like_a_placeholder_is_none() {
    let events = [
        operation(1, "alice", "GET /secret", &json!({ "answer": "mine" })),
        operation(2, "alice", "GET /calls/hidden", &json!({ "answer": "too" })),
        operation(
            3,
            "alice",
            "POST /calls",
            &json!({ "body": r#"{"state":"REMOVED"}"#, "answer": "gone" }),
        ),
    ];
    let replay = Replay::start(&[&tape("resources", &events.concat())]);
    let origin = &replay.origin;
    let session = [("Antiphon-Session", "alice")];
    let set = |state: &str| {
        let body = json!({ "state": state }).to_string();
        post(&format!("{origin}/calls"), &session, &body)
    };
    assert_eq!(get(&format!("{origin}/anything")).status, 404);
    assert_eq!(get(&format!("{origin}/calls/7")).status, 404);
    assert_eq!(set("HELD").status, 404);
    assert_eq!(get(&format!("{origin}/secret")).text, "mine");
    assert_eq!(get(&format!("{origin}/calls/hidden")).text, "too");
    assert_eq!(set("REMOVED").text, "gone");
    assert_eq!(report(&replay)["placeholders"]["total"], 0);
}
