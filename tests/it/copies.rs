//! Copies of a conversation side by side (`--spare-sessions fork`): each of several tests that run at
//! once has one of its own.

use serde_json::{Value, json};

use crate::events::{notification, operation};
use crate::support::{Answer, Client, Replay, get, post, report, tape};

/// One agent who sees a form, logs in, acts and hears of it.
fn desk() -> String {
    let given = json!([["Set-Cookie", "SID=aaaa0000aaaa; Path=/"]]);
    let sent = json!([["Cookie", "SID=aaaa0000aaaa"]]);
    [
        operation(1, "alice", "GET /form", &json!({ "answer": "a form" })),
        operation(
            2,
            "alice",
            "POST /login",
            &json!({ "body": r#"{"userName":"alice"}"#, "given": given }),
        ),
        operation(3, "alice", "POST /act", &json!({ "sent": sent })),
        notification(1, "alice", 3),
    ]
    .concat()
}

/// A client with a jar of cookies.
struct Browser<'a> {
    replay: &'a Replay,
    jar: Vec<String>,
}

impl Browser<'_> {
    fn headers(&self) -> Vec<(&str, &str)> {
        let cookies = self.jar.iter();
        cookies.map(|cookie| ("Cookie", cookie.as_str())).collect()
    }

    fn post(&mut self, path: &str, body: &str) -> Answer {
        let url = format!("{}{path}", self.replay.origin);
        let answer = post(&url, &self.headers(), body);
        for cookie in answer.cookies() {
            let name = cookie.split('=').next().unwrap().to_owned();
            self.jar
                .retain(|kept| !kept.starts_with(&format!("{name}=")));
            self.jar.push(cookie);
        }
        answer
    }

    fn log_in(replay: &Replay) -> Browser<'_> {
        let jar = Vec::new();
        let mut browser = Browser { replay, jar };
        let answer = browser.post("/login", r#"{"userName":"alice"}"#);
        assert_eq!(answer.status, 200, "{}", answer.text);
        browser
    }
}

fn numbers(events: &[Value]) -> Vec<u64> {
    let number = |event: &Value| event["data"]["n"].as_u64().unwrap();
    events.iter().map(number).collect()
}

#[test]
fn each_of_several_clients_of_one_name_gets_a_conversation_of_its_own() {
    let path = tape("copies", &desk());
    let mut replay = Replay::start(&[&path, "--spare-sessions", "fork"]);
    let mut browsers: Vec<Browser> = (0..3).map(|_| Browser::log_in(&replay)).collect();
    let clients: Vec<Client> = browsers
        .iter()
        .map(|browser| Client::new(&replay, &browser.headers()))
        .collect();
    for browser in &mut browsers {
        assert_eq!(browser.post("/act", "").status, 200);
    }
    for client in &clients {
        assert_eq!(numbers(&client.hear(1)), [1]);
    }
    // Who comes back is in its own copy still.
    let again = browsers[1].post("/login", r#"{"userName":"alice"}"#);
    assert_eq!(again.status, 200);
    let report = report(&replay);
    let copies = report["copies"].as_array().unwrap();
    assert_eq!(copies.len(), 2, "{report}");
    for copy in copies {
        assert_eq!(copy["clean"], true, "{copy}");
    }
    assert_eq!(copies[0]["repeats"]["total"], 1, "{report}");
    assert_eq!(copies[1]["digest"], report["digest"]);
    let transcript = get(&format!("{}/__admin/transcript?copy=3", replay.admin)).json();
    assert_eq!(transcript["digest"], report["digest"]);
    let none = get(&format!("{}/__admin/transcript?copy=4", replay.admin));
    assert_eq!(none.status, 404);
    replay.signal("-TERM");
    assert_eq!(replay.wait().code(), Some(0));
    replay.says("copy 3: played 2 operations and 1 notifications");
}

#[test]
fn a_client_may_name_its_copy() {
    let path = tape("named-copies", &desk());
    let replay = Replay::start(&[&path, "--spare-sessions", "fork"]);
    for name in ["one test", "another"] {
        let headers = [("Antiphon-Copy", name), ("Antiphon-Session", "alice")];
        let client = Client::new(&replay, &headers);
        let act = || post(&format!("{}/act", replay.origin), &headers, "");
        assert_eq!(act().status, 200);
        assert!(act().cookies().is_empty());
        assert_eq!(act().json()["error"], "exhausted");
        assert_eq!(numbers(&client.hear(1)), [1]);
    }
    assert_eq!(report(&replay)["copies"].as_array().unwrap().len(), 1);
}

#[test]
fn a_form_that_is_read_first_does_not_bind_a_client_to_a_copy_whose_agent_is_taken() {
    let path = tape("form-first", &desk());
    let replay = Replay::start(&[&path, "--spare-sessions", "fork"]);
    let read_and_log_in = || {
        let answer = get(&format!("{}/form", replay.origin));
        let mut browser = Browser {
            replay: &replay,
            jar: answer.cookies(),
        };
        browser.post("/login", r#"{"userName":"alice"}"#);
        browser
    };
    let (mut one, mut other) = (read_and_log_in(), read_and_log_in());
    assert_eq!(one.post("/act", "").status, 200);
    assert_eq!(other.post("/act", "").status, 200);
}

#[test]
fn without_spare_sessions_a_client_beyond_the_tape_is_told_so() {
    let path = tape("no-copies", &desk());
    let replay = Replay::start(&[&path]);
    let _alice = Client::new(&replay, &[]);
    let handshake = r#"[{"channel":"/meta/handshake"}]"#;
    let url = format!("{}/api/v2/notifications", replay.origin);
    let reply = post(&url, &[], handshake).json()[0].clone();
    assert_eq!(
        reply["error"],
        "403::every session has its client already: alice"
    );
}
