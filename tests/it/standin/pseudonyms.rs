//! Tapes whose secrets were replaced by pseudonyms when they were recorded: live clients have their own.

use std::fs;

use serde_json::{Value, json};

use super::{listed, login, read};
use crate::events::{notification, operation, pushed};
use crate::support::{Answer, Client, Replay, get, post, report, tape, verified};

/// What stands for alice's password on the tape.
const PASSWORD: &str = "Qx7mZp2LkW9a";

const KEYS: [&str; 2] = ["kA11aaaa22223333", "kB22bbbb44445555"];

/// A tape that says that its secrets are pseudonyms.
fn redacted(name: &str, events: &str) -> String {
    let path = tape(name, events);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replacen(r#""title":"#, r#""redacted":{},"title":"#, 1),
    )
    .unwrap();
    path
}

/// Alice logs in, hears her password again, and changes it.
fn desk() -> String {
    let body = |value: &Value| value.to_string();
    let kind = json!([["Content-Type", "application/json"]]);
    let given = json!([["Set-Cookie", "SID=9f3c2b1a7d5e4f60; Path=/"]]);
    let sent = json!([
        ["Content-Type", "application/json"],
        ["Cookie", "SID=9f3c2b1a7d5e4f60"]
    ]);
    [
        operation(
            1,
            "alice",
            "POST /login",
            &json!({
                "sent": kind, "given": given, "answer": format!(r#"{{ "password" : "{PASSWORD}" }}"#),
                "body": body(&json!({ "userName": "alice", "password": PASSWORD })),
            }),
        ),
        operation(
            2,
            "alice",
            &format!("POST /change?password={PASSWORD}"),
            &json!({ "sent": sent, "body": body(&json!({ "newPassword": "Zt4nBq8RsV1c" })) }),
        ),
        pushed(1, "alice", 2, "/v2/me/chats", &json!({ "password": "Zt4nBq8RsV1c" })),
    ]
    .concat()
}

/// Two programs that do the same, and differ in their keys alone.
fn programs() -> String {
    let mut events = String::new();
    for (number, (name, key)) in ["alice", "bob"].into_iter().zip(KEYS).enumerate() {
        let first = number as u64 * 10;
        let sent = json!([["Authorization", format!("Bearer {key}")]]);
        let fields = json!({ "sent": sent, "answer": name });
        events += &operation(first + 1, name, "GET /who", &fields);
        events += &operation(first + 2, name, "POST /act", &fields);
        events += &notification(first + 1, name, first + 2);
    }
    events
}

fn change(replay: &Replay, cookie: &str, old: &str, new: &str) -> Answer {
    post(
        &format!("{}/change?password={old}", replay.origin),
        &[("Cookie", cookie), ("Content-Type", "application/json")],
        &json!({ "newPassword": new }).to_string(),
    )
}

#[test]
fn a_live_secret_is_taken_for_its_pseudonym_everywhere_and_told_nowhere() {
    let path = redacted("pseudonyms", &desk());
    let mut replay = Replay::start(&[&path, "--absent-after", "never"]);
    let (old, new, wrong) = ("h0rse-battery", "staple-C0rrect", "tr0ub4dor-and-3");
    let answer = login(&replay.origin, "alice", old, &[]);
    assert_eq!(answer.text, format!(r#"{{ "password" : "{old}" }}"#));
    let cookie = answer.cookies().remove(0);
    assert_eq!(cookie, "SID=9f3c2b1a7d5e4f60");
    let alice = Client::new(&replay, &[("Cookie", &cookie)]);
    let missed = change(&replay, &cookie, wrong, new);
    assert_eq!(missed.status, 404);
    let differences = missed.json()["differences"].to_string();
    assert!(
        differences.contains("(another secret than before)"),
        "{differences}"
    );
    // It may come again; with another password it may not.
    assert_eq!(login(&replay.origin, "alice", old, &[]).status, 200);
    assert_eq!(login(&replay.origin, "alice", wrong, &[]).status, 404);
    assert_eq!(change(&replay, &cookie, PASSWORD, new).status, 404);
    assert_eq!(change(&replay, &cookie, old, new).status, 200);
    assert_eq!(alice.hear(1)[0]["data"]["password"], new);
    let report = report(&replay);
    assert_eq!(report["misses"]["total"], 3, "{report}");
    let secrets = listed(&report, "secrets").concat();
    assert!(
        secrets.contains("had a secret of its own in body /password"),
        "{secrets}"
    );
    let transcript = get(&format!("{}/__admin/transcript", replay.admin)).text;
    assert!(transcript.contains(PASSWORD), "{transcript}");
    replay.signal("-TERM");
    let mut words = vec![replay.says("transcript ")];
    words.extend([report.to_string(), transcript, missed.text]);
    for told in words {
        for secret in [old, new, wrong] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
    }
    assert_eq!(replay.wait().code(), Some(1));
}

#[test]
fn a_live_secret_within_what_a_client_says_is_told_in_no_transcript() {
    let say = |text: &str| json!({ "password": PASSWORD, "text": text }).to_string();
    let text = format!("it is {PASSWORD}, and 7");
    let events = [
        operation(1, "alice", "POST /say", &json!({ "body": say(&text) })),
        pushed(1, "alice", 1, "/v2/me/chats", &json!({ "text": text })),
    ];
    let path = redacted("within", &events.concat());
    let replay = Replay::start(&[&path, "--absent-after", "never"]);
    let alice = Client::new(&replay, &[]);
    let live = "h0rse-battery";
    let said = say(&text).replace(PASSWORD, live);
    let kind = [("Content-Type", "application/json")];
    let answer = post(&format!("{}/say", replay.origin), &kind, &said);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let heard = &alice.hear(1)[0]["data"]["text"];
    assert_eq!(*heard, format!("it is {live}, and 7"));
    for page in ["transcript", "report"] {
        let told = get(&format!("{}/__admin/{page}", replay.admin)).text;
        assert!(told.contains("it is (a secret), and 7"), "{told}");
        assert!(!told.contains(live), "{told}");
    }
}

#[test]
fn a_live_secret_comes_again_in_json_that_is_a_string() {
    let said = json!({ "password": PASSWORD }).to_string();
    let events = [
        operation(1, "alice", "POST /say", &json!({ "body": said })),
        pushed(1, "alice", 1, "/v2/me/chats", &json!({ "said": said })),
    ];
    let path = redacted("embedded", &events.concat());
    let replay = Replay::start(&[&path, "--absent-after", "never"]);
    let alice = Client::new(&replay, &[]);
    let live = json!({ "password": r#"h0rse-"battery""# }).to_string();
    let kind = [("Content-Type", "application/json")];
    let answer = post(&format!("{}/say", replay.origin), &kind, &live);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(alice.hear(1)[0]["data"]["said"], live);
}

#[test]
fn a_live_secret_is_taken_in_json_that_is_a_string() {
    let body = |password: &str| {
        let inner = json!({ "password": password, "n": 1 }).to_string();
        json!({ "inner": inner }).to_string()
    };
    let events = [
        operation(1, "alice", "POST /say", &json!({ "body": body(PASSWORD) })),
        operation(
            2,
            "alice",
            "POST /again",
            &json!({ "body": body(PASSWORD) }),
        ),
    ];
    let path = redacted("inner", &events.concat());
    let replay = Replay::start(&[&path, "--absent-after", "never"]);
    let say = |target: &str, password: &str| {
        let kind = [("Content-Type", "application/json")];
        post(
            &format!("{}{target}", replay.origin),
            &kind,
            &body(password),
        )
    };
    let live = r#"h0rse-"battery""#;
    let answer = say("/say", live);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let missed = say("/again", "tr0ub4dor-and-\"3\"");
    assert_eq!(missed.status, 404);
    assert_eq!(say("/again", live).status, 200);
    let report = report(&replay);
    let secrets = listed(&report, "secrets").concat();
    assert!(
        secrets.contains("had a secret of its own in body /inner/password"),
        "{secrets}"
    );
    for secret in ["h0rse", "tr0ub4dor"] {
        for told in [&report.to_string(), &missed.text] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[test]
fn a_spare_client_with_a_password_of_its_own_gets_a_copy_of_its_own() {
    let path = redacted("spare", &desk());
    let fork = ["--spare-sessions", "fork", "--absent-after", "never"];
    let replay = Replay::start(&[&[path.as_str()][..], &fork].concat());
    for password in ["h0rse-battery", "staple-C0rrect", "h0rse-battery"] {
        let answer = login(&replay.origin, "alice", password, &[]);
        assert_eq!(answer.text, format!(r#"{{ "password" : "{password}" }}"#));
    }
    assert_eq!(
        login(&replay.origin, "carol", "h0rse-battery", &[]).status,
        404
    );
    assert_eq!(
        get(&format!("{}/__admin/health", replay.admin)).json()["copies"],
        3
    );
}

#[test]
fn programs_that_differ_in_their_keys_alone_have_a_session_each() {
    let path = redacted("keys", &programs());
    let replay = Replay::start(&[&path, "--absent-after", "never"]);
    let [one, other] = ["Bearer live-key-of-the-one", "Bearer live-key-of-the-other"];
    let who = |key: &str| read(&replay.origin, &[("Authorization", key)]);
    let act = |key: &str| {
        let headers = [("Authorization", key)];
        post(&format!("{}/act", replay.origin), &headers, "").text
    };
    assert_eq!([who(one), who(other), who(one)], ["alice", "bob", "alice"]);
    let [hears, listens] = [other, one].map(|key| Client::new(&replay, &[("Authorization", key)]));
    assert_eq!([act(other), act(one)], ["bob", "alice"]);
    assert_eq!(hears.hear(1)[0]["data"]["n"], 11);
    assert_eq!(listens.hear(1)[0]["data"]["n"], 1);
    assert_eq!(report(&replay)["clean"], true);
}

#[test]
fn one_live_key_of_two_clients_does_not_make_them_one() {
    let path = redacted("one-key", &programs());
    let replay = Replay::start(&[&path, "--absent-after", "never"]);
    let act = |name: &str| {
        let headers = [
            ("X-Api-Key", "one-key-for-all-tests"),
            ("Antiphon-Session", name),
        ];
        post(&format!("{}/act", replay.origin), &headers, "").text
    };
    assert_eq!([act("alice"), act("bob")], ["alice", "bob"]);
    let both = |name: &str| {
        let headers = [
            ("X-Api-Key", "one-key-for-all-tests"),
            ("Antiphon-Session", name),
        ];
        Client::new(&replay, &headers)
    };
    assert_eq!(both("bob").hear(1)[0]["data"]["n"], 11);
    assert_eq!(both("alice").hear(1)[0]["data"]["n"], 1);
}

#[test]
fn tapes_with_pseudonyms_verify_with_one_digest() {
    for (name, events) in [("verified-desk", desk()), ("verified-keys", programs())] {
        let path = redacted(name, &events);
        let verify = || verified(&path, &[]);
        assert_eq!(verify(), verify());
    }
}
