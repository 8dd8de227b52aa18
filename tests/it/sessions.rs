//! `antiphon replay` of captured traffic: whose a client is by what the service gave it, what may
//! come again, and what the report says of a run.

use serde_json::{Value, json};

use crate::events::{handshake, notification, operation, pushed};
use crate::support::{Answer, Client, Replay, get, post, report, tape, verified};

const ALICE: &str = r#"{"userName":"alice","password":"a"}"#;
const BOB: &str = r#"{"userName":"bob","password":"b"}"#;

/// Two agents who see the form, log in, and act: bob's action notifies both.
fn desk() -> String {
    let cookie = |value: &str| json!([["Set-Cookie", format!("SID={value}; Path=/")]]);
    let sent = |value: &str| json!([["Cookie", format!("SID={value}")]]);
    let (a, b) = ("aaaa0000aaaa", "bbbb1111bbbb");
    [
        operation(1, "alice", "GET /form", &json!({ "given": cookie(a) })),
        operation(2, "bob", "GET /form", &json!({ "given": cookie(b) })),
        operation(
            3,
            "alice",
            "POST /login",
            &json!({ "sent": sent(a), "body": ALICE, "answer": "hello alice" }),
        ),
        operation(
            4,
            "bob",
            "POST /login",
            &json!({ "sent": sent(b), "body": BOB, "answer": "hello bob" }),
        ),
        operation(
            5,
            "bob",
            "POST /act",
            &json!({ "sent": sent(b), "body": r#"{"do":"it"}"# }),
        ),
        notification(1, "alice", 5),
        notification(2, "bob", 5),
    ]
    .concat()
}

fn cookie(answer: &Answer) -> String {
    answer.cookies().remove(0)
}

fn numbers(events: &[Value]) -> Vec<u64> {
    let number = |event: &Value| event["data"]["n"].as_u64().unwrap();
    events.iter().map(number).collect()
}

#[test]
fn a_client_is_whom_it_logs_in_as_whatever_cookie_it_got_before() {
    let path = tape("logins", &desk());
    let mut replay = Replay::start(&[&path]);
    // The first to come gets the first cookie, which was alice's, and is bob.
    let form = || cookie(&get(&format!("{}/form", replay.origin)));
    let (of_bob, of_alice) = (form(), form());
    assert_ne!(of_bob, of_alice);
    let call = |cookie: &str, path: &str, body: &str| {
        post(
            &format!("{}{path}", replay.origin),
            &[("Cookie", cookie)],
            body,
        )
    };
    assert_eq!(call(&of_bob, "/login", BOB).text, "hello bob");
    assert_eq!(call(&of_alice, "/login", ALICE).text, "hello alice");
    let bob = Client::new(&replay, &[("Cookie", &of_bob)]);
    let alice = Client::new(&replay, &[("Cookie", &of_alice)]);
    assert_eq!(call(&of_alice, "/act", r#"{"do":"it"}"#).status, 404);
    assert_eq!(call(&of_bob, "/act", r#"{"do":"it"}"#).status, 200);
    assert_eq!(numbers(&alice.hear(1)), [1]);
    assert_eq!(numbers(&bob.hear(1)), [2]);
    let report = report(&replay);
    assert_eq!(report["played"]["operations"], 5, "{report}");
    assert_eq!(report["misses"]["total"], 1, "{report}");
    assert_eq!(report["clean"], false, "{report}");
    replay.signal("-TERM");
    assert_eq!(replay.wait().code(), Some(1));
}

#[test]
fn a_run_that_played_everything_exits_with_0_and_one_that_did_not_says_what_waits_for_what() {
    let path = tape("whole", &desk());
    let mut replay = Replay::start(&[&path, "--absent-after", "never"]);
    let alice = Client::new(&replay, &[("Antiphon-Session", "alice")]);
    let bob = Client::new(&replay, &[("Antiphon-Session", "bob")]);
    let pending = || get(&format!("{}/__admin/pending", replay.admin)).json();
    let waits = pending()["notifications"].clone();
    assert_eq!(waits["total"], 2);
    assert_eq!(
        waits["list"][0],
        json!({
            "notification": 1, "session": "alice", "channel": "/v2/me/chats",
            "waits_for": { "operations": [{
                "until": "answered", "operation": 5, "session": "bob",
                "method": "POST", "target": "/act",
            }] },
        })
    );
    for (session, path, body) in [
        ("alice", "/login", ALICE),
        ("bob", "/login", BOB),
        ("bob", "/act", r#"{"do":"it"}"#),
    ] {
        let headers = [("Antiphon-Session", session)];
        let answer = post(&format!("{}{path}", replay.origin), &headers, body);
        assert_eq!(answer.status, 200);
    }
    alice.hear(1);
    assert_eq!(report(&replay)["clean"], false);
    bob.hear(1);
    assert_eq!(pending()["notifications"]["total"], 0);
    // The form was never read, and needs not be.
    assert_eq!(report(&replay)["clean"], true);
    replay.signal("-TERM");
    assert_eq!(replay.wait().code(), Some(0));
    replay.says("played 3 operations and 2 notifications");
}

#[test]
fn a_run_in_which_nothing_happened_is_not_green() {
    let path = tape("nothing", &desk());
    let mut replay = Replay::start(&[&path]);
    replay.signal("-TERM");
    assert_eq!(replay.wait().code(), Some(1));
    replay.says("not called (3):");
    replay.says("not heard (2):");
    replay.says("waits for operation 5 of bob, POST /act to be answered");
}

#[test]
fn reads_come_as_often_as_one_likes_and_follow_the_conversation() {
    let read = |id, answer| operation(id, "a", "GET /state", &json!({ "answer": answer }));
    let events = [
        read(1, "new"),
        read(2, "ringing"),
        operation(3, "a", "POST /answer", &json!({})),
        read(4, "talking"),
    ];
    let path = tape("reads", &events.concat());
    let replay = Replay::start(&[&path]);
    let state = || get(&format!("{}/state", replay.origin)).text;
    assert_eq!([state(), state(), state()], ["new", "ringing", "ringing"]);
    let answer = || post(&format!("{}/answer", replay.origin), &[], "").status;
    assert_eq!(answer(), 200);
    let digest = |report: Value| report["digest"].clone();
    let before = digest(report(&replay));
    assert_eq!([state(), state()], ["talking", "talking"]);
    assert_eq!(digest(report(&replay)), before, "reads are not counted");
    assert_eq!(report(&replay)["clean"], true);
    assert_eq!(answer(), 404, "a change happens as often as recorded");
}

#[test]
fn a_read_before_its_change_is_answered_and_told() {
    let events = [
        operation(1, "a", "POST /answer", &json!({})),
        operation(2, "a", "GET /state", &json!({ "answer": "talking" })),
    ];
    let path = tape("early", &events.concat());
    let replay = Replay::start(&[&path]);
    assert_eq!(get(&format!("{}/state", replay.origin)).text, "talking");
    let tolerances = report(&replay)["tolerances"].clone();
    assert_eq!(tolerances["total"], 1);
    assert_eq!(tolerances["list"][0]["operation"], 2);
}

#[test]
fn a_login_may_come_again_and_gives_the_same_session() {
    let given = json!([["Set-Cookie", "SID=cccc2222cccc; Path=/"]]);
    let events = [
        operation(
            1,
            "alice",
            "POST /login",
            &json!({ "body": ALICE, "given": given }),
        ),
        operation(2, "alice", "POST /act", &json!({})),
        notification(1, "alice", 2),
    ];
    let path = tape("again", &events.concat());
    let replay = Replay::start(&[&path]);
    let login = || cookie(&post(&format!("{}/login", replay.origin), &[], ALICE));
    let first = login();
    assert_eq!(login(), first);
    let alice = Client::new(&replay, &[("Cookie", &first)]);
    let act = post(&format!("{}/act", replay.origin), &[("Cookie", &first)], "");
    assert_eq!(act.status, 200);
    assert_eq!(numbers(&alice.hear(1)), [1]);
    let report = report(&replay);
    assert_eq!(report["repeats"]["list"][0]["operation"], 1, "{report}");
    assert_eq!(report["clean"], true, "{report}");
}

#[test]
fn a_handshake_gives_the_recorded_identifier() {
    let handshake = json!({ "endpoint": "/api/v2/notifications", "client": "1ab2recorded" });
    let handshake = json!({
        "kind": "fact", "session": "alice", "at": 1, "what": { "handshake": handshake },
    });
    let events = format!("{handshake}\n{}", desk());
    let path = tape("client", &events);
    let replay = Replay::start(&[&path]);
    let mut alice = Client::new(&replay, &[("Antiphon-Session", "alice")]);
    assert_eq!(alice.id, "1ab2recorded");
    alice.shake_hands();
    assert_ne!(alice.id, "1ab2recorded");
}

#[test]
fn what_a_client_publishes_is_an_operation_like_any_other() {
    let publish = |id: u64, channel: &str, data: Value| {
        let message = json!([{
            "id": "31", "clientId": "recorded", "channel": channel, "data": data,
        }]);
        let answer = json!([{ "id": "31", "channel": channel, "successful": true }]);
        let fields = json!({ "body": message.to_string(), "answer": answer.to_string() });
        operation(id, "alice", "POST /api/v2/notifications", &fields)
    };
    let events = [
        publish(
            1,
            "/service/chat",
            json!({ "text": "hello you", "key": "k-1122-x" }),
        ),
        pushed(
            1,
            "bob",
            1,
            "/v2/me/chats",
            &json!({ "n": 1, "said": "hello you", "key": "k-1122-x" }),
        ),
        publish(2, "/service/end", json!({})),
        notification(2, "alice", 2),
    ];
    let path = tape("publish", &events.concat());
    let mut replay = Replay::start(&[&path, "--absent-after", "never"]);
    let [alice, bob] =
        ["alice", "bob"].map(|name| Client::new(&replay, &[("Antiphon-Session", name)]));
    let publish = |channel: &str, data: &str| {
        let message = format!(
            r#"[{{"id":"5","clientId":"{}","channel":"{channel}","data":{data}}}]"#,
            alice.id
        );
        post(
            &format!("{}/api/v2/notifications", replay.origin),
            &[],
            &message,
        )
        .json()[0]
            .clone()
    };
    let reply = publish("/service/chat", r#"{"key":"k-9988-y","text":"hello you"}"#);
    assert_eq!(reply["successful"], true, "{reply}");
    let heard = bob.hear(1);
    assert_eq!(heard[0]["data"]["key"], "k-9988-y");
    let reply = publish("/service/other", "{}");
    assert_eq!(reply["successful"], false);
    assert_eq!(
        reply["error"],
        "404:/service/other:no recorded operation answers PUBLISH /service/other"
    );
    assert_eq!(publish("/service/end", "{}")["successful"], true);
    assert_eq!(numbers(&alice.hear(1)), [2]);
    let report = report(&replay);
    assert_eq!(report["played"]["operations"], 2, "{report}");
    assert_eq!(report["misses"]["total"], 1, "{report}");
    replay.signal("-TERM");
    assert_eq!(replay.wait().code(), Some(1));
}

#[test]
fn clients_are_told_apart_as_the_user_wants() {
    let act = |id, session: &str, agent: &str| {
        let fields = json!({ "sent": [["X-Agent", agent]], "answer": session });
        operation(id, session, "POST /act", &fields)
    };
    let events = [
        act(1, "client1", "17"),
        act(2, "client2", "18"),
        notification(1, "client2", 2),
    ];
    let path = tape("told-apart", &events.concat());
    let replay = Replay::start(&[&path, "--session-by", "header:X-Agent"]);
    let act = |agent: &str| post(&format!("{}/act", replay.origin), &[("X-Agent", agent)], "").text;
    let second = Client::new(&replay, &[("X-Agent", "18")]);
    // An agent that the tape does not know gets the session that is free, and keeps it.
    let other = Client::new(&replay, &[("X-Agent", "99")]);
    assert_eq!(act("18"), "client2");
    assert_eq!(numbers(&second.hear(1)), [1]);
    assert_eq!(act("99"), "client1");
    drop(other);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(["replay", "--session-by", "agent"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains("--session-by (or ANTIPHON_SESSION_BY): \"agent\" is none of"),
        "{words}"
    );
}

#[test]
fn a_client_that_nothing_ties_gets_no_session_that_never_listened() {
    // A browser loads the parts of a page without cookies, on connections of their own.
    let page = [
        operation(1, "client1", "GET /page", &json!({ "answer": "a page" })),
        operation(
            2,
            "client2",
            "GET /script",
            &json!({ "answer": "a script" }),
        ),
        handshake("client3", 2_900, "0123456789abcdef"),
        operation(3, "client3", "POST /act", &json!({})),
        notification(1, "client3", 3),
    ];
    let path = tape("page", &page.concat());
    let replay = Replay::start(&[&path, "--absent-after", "never"]);
    assert_eq!(get(&format!("{}/page", replay.origin)).text, "a page");
    let client = Client::new(&replay, &[]);
    let act = post(&format!("{}/act", replay.origin), &[], "");
    assert_eq!(act.status, 200, "{}", act.text);
    assert_eq!(numbers(&client.hear(1)), [1]);
    assert_eq!(report(&replay)["clean"], true);
    let url = format!("{}/api/v2/notifications", replay.origin);
    let second = post(&url, &[], r#"[{"channel":"/meta/handshake"}]"#).json()[0].clone();
    assert_eq!(second["successful"], false, "{second}");

    // Where there are spare sessions it gets one that listens.
    let replay = Replay::start(&[&path, "--spare-sessions", "fork"]);
    let clients = [(); 2].map(|()| Client::new(&replay, &[]));
    for client in &clients {
        let act = post(&format!("{}/act", replay.origin), &client.headers(), "");
        assert_eq!(act.status, 200, "{}", act.text);
        assert_eq!(numbers(&client.hear(1)), [1]);
    }
}

#[test]
fn what_a_session_heard_without_a_subscription_comes_without_one() {
    let subscribed = json!({
        "kind": "fact", "session": "alice", "at": 100, "what": { "subscribe": "/v2/me/*" },
    });
    let events = handshake("alice", 0, "c1")
        + &format!("{subscribed}\n")
        + &operation(1, "alice", "POST /ask", &json!({}))
        + &pushed(2, "alice", 1, "/service/answers", &json!({ "n": 2 }))
        + &notification(3, "alice", 1);
    let path = tape("direct", &events);
    verified(&path, &[]);
    let ask = |replay: &Replay, alice: &Client| {
        let asked = post(&format!("{}/ask", replay.origin), &alice.headers(), "");
        assert_eq!(asked.status, 200);
    };
    let mut replay = Replay::start(&[&path]);
    let alice = Client::new(&replay, &[("Antiphon-Session", "alice")]);
    ask(&replay, &alice);
    let heard = alice.hear(2);
    let channels: Vec<&Value> = heard.iter().map(|event| &event["channel"]).collect();
    assert_eq!(channels, ["/service/answers", "/v2/me/chats"]);
    replay.signal("-TERM");
    assert_eq!(replay.wait().code(), Some(0));
    // Who is gone is waited for, and needs only to come back.
    let replay = Replay::start(&[&path]);
    let alice = Client::new(&replay, &[("Antiphon-Session", "alice")]);
    alice.tell("disconnect", "");
    ask(&replay, &alice);
    let pending = get(&format!("{}/__admin/pending", replay.admin)).json();
    assert_eq!(pending["notifications"]["list"][0]["waits_for"], "poll");
}

#[test]
fn what_a_tape_does_not_tell_of_subscriptions_is_no_word_that_there_was_none() {
    let subscribed = json!({
        "kind": "fact", "session": "alice", "at": 100, "what": { "subscribe": "/v2/me/*" },
    });
    let gap = json!({
        "kind": "gap", "at": 200, "until": 300, "events": 1, "why": "full",
    });
    let heard = handshake("alice", 0, "c1")
        + &operation(1, "alice", "POST /ask", &json!({}))
        + &pushed(2, "alice", 1, "/other", &json!({}));
    let whole = format!("{subscribed}\n");
    let lacking = format!("{subscribed}\n{gap}\n");
    for (name, more, waits) in [
        ("whole", whole, false),
        ("silent", String::new(), true),
        ("lacking", lacking, true),
    ] {
        let replay = Replay::start(&[&tape(name, &(heard.clone() + &more))]);
        let alice = Client::new(&replay, &[("Antiphon-Session", "alice")]);
        let asked = post(&format!("{}/ask", replay.origin), &alice.headers(), "");
        assert_eq!(asked.status, 200);
        let pending = get(&format!("{}/__admin/pending", replay.admin)).json();
        let first = &pending["notifications"]["list"][0];
        assert_eq!(first["waits_for"] == "client", waits, "{name}: {pending}");
    }
}
