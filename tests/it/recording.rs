//! Tapes of recordings: what they hold beside operations and notifications, how they are shown, and
//! what is left of one that was cut; and the recorder that writes them, as the proxy uses it.

use antiphon::exchange::{
    Body, Carrier, CauseBy, End, Fact, Form, Headers, Micros, Notification, NotificationId,
    Operation, OperationId, Request, Response, Session, What,
};
use antiphon::recorder::{Clock, Connection, Recorder, Settings, Summary};
use antiphon::tape::{Event, Existing, Header, Layout, Notice, Tape};
use bytes::Bytes;

use crate::tape::{HEADER, piped, stderr, stdout};

/// A recording of two clients, of which one logged in after its first request.
const RECORDING: &str = r#"{"kind":"header","antiphon":1,"title":"t","source":"s"}
{"kind":"operation","id":1,"session":"client1","at":0,"answered":10,"request":{"method":"GET","target":"/start?lang=en","headers":[]},"response":{"status":200,"headers":[],"body":{"text":"<ht","cut":{"length":9000,"digest":"blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"}}}}
{"kind":"fact","session":"alice","at":20,"what":{"was":"client1"}}
{"kind":"fact","session":"alice","at":21,"what":{"handshake":{"endpoint":"/api/v2/notifications","client":"1n4"}}}
{"kind":"fact","session":"alice","at":22,"what":"acknowledge"}
{"kind":"fact","session":"alice","at":23,"what":{"subscribe":"/v2/me/*"}}
{"kind":"notification","id":3,"session":"alice","at":1500,"channel":"/v2/me/calls","after":[2],"cause_by":{"identifier":"0175"},"data":{"json":{"id":"0175"}}}
{"kind":"operation","id":2,"session":"bob","at":1000,"answered":2000,"request":{"method":"POST","target":"/calls","headers":[],"body":{"base64":"/w==","cut":{}}},"response":{"status":200,"headers":[]},"truncated":true}
{"kind":"notification","id":4,"session":"bob","at":5201000,"channel":"/v2/me/calls","after":[2],"cause_by":{"reference":"20"},"data":{"json":{"referenceId":20}}}
{"kind":"notification","id":5,"session":"bob","at":5201000,"channel":"/v2/me/chats","after":[2],"cause_by":"session","data":{"json":{}}}
{"kind":"notification","id":6,"session":"bob","at":5202000,"channel":"/v2/me/chats","after":[],"cause_by":"unsolicited","data":{"json":{}}}
{"kind":"fact","session":"bob","at":5203000,"what":{"unsubscribe":"/v2/me/chats"}}
{"kind":"fact","session":"bob","at":5204000,"what":"disconnect"}
"#;

#[test]
fn a_recording_is_written_as_it_was_read() {
    let tape = Tape::read(RECORDING.as_bytes()).unwrap().tape;
    let again = tape.write(Layout::Lines);
    assert!(again.starts_with(RECORDING), "{again}");
}

#[test]
fn a_session_counts_under_the_name_that_came_out_later() {
    let tape = Tape::read(RECORDING.as_bytes()).unwrap().tape;
    let names = |tape: &Tape| -> Vec<String> {
        let sessions = tape.sessions();
        sessions.map(|session| session.name().to_owned()).collect()
    };
    assert_eq!(names(&tape), ["client1", "alice", "bob"]);
    assert_eq!(names(&tape.settled()), ["alice", "bob"]);
    assert_eq!(tape.settled().settled(), tape.settled());
}

#[test]
fn names_that_go_in_a_ring_come_to_an_end() {
    let fact = |now: &str, before: &str| {
        format!(r#"{{"kind":"fact","session":"{now}","at":0,"what":{{"was":"{before}"}}}}"#)
    };
    let text = format!("{HEADER}\n{}\n{}\n", fact("a", "b"), fact("b", "a"));
    let tape = Tape::read(text.as_bytes()).unwrap().tape;
    assert_eq!(tape.settled().events.len(), 2);
}

#[test]
fn show_draws_a_recording() {
    let output = piped(&["show", "-", "--width", "120"], RECORDING.as_bytes());
    assert!(output.status.success(), "{}", stderr(&output));
    insta::assert_snapshot!("recording", stdout(&output));
}

#[test]
fn show_json_says_how_causes_were_found_and_what_was_cut() {
    let output = piped(&["show", "-", "--json"], RECORDING.as_bytes());
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |list: &str, field: &str| -> Vec<serde_json::Value> {
        let items = document[list].as_array().unwrap().iter();
        items.map(|item| item[field].clone()).collect()
    };
    let json = |text: &str| serde_json::from_str::<Vec<serde_json::Value>>(text).unwrap();
    let causes = json(r#"[{"identifier":"0175"},{"reference":"20"},"session","unsolicited"]"#);
    assert_eq!(of("notifications", "cause_by"), causes);
    assert_eq!(of("operations", "session"), json(r#"["alice","bob"]"#));
    assert_eq!(of("operations", "truncated"), json("[null,true]"));
    let cut = &document["operations"][0]["response"];
    assert_eq!(
        (cut["text"].as_str(), cut["cut"]["length"].as_u64()),
        (Some("<ht"), Some(9000))
    );
    assert_eq!(
        document["operations"][1]["request"],
        json(r#"[{"base64":"/w==","cut":{}}]"#)[0]
    );
    let what = json(
        r#"[{"was":"client1"},{"handshake":{"endpoint":"/api/v2/notifications","client":"1n4"}},
        "acknowledge",{"subscribe":"/v2/me/*"},{"unsubscribe":"/v2/me/chats"},"disconnect"]"#,
    );
    assert_eq!(of("facts", "what"), what);
}

#[test]
fn show_shows_what_was_asked_for() {
    for (arguments, operations, notifications, facts) in [
        (&[][..], "1 2", "3 4 5 6", 6),
        (&["--session", "alice"], "1", "3", 4),
        (
            &["--session", "alice", "--session", "bob"],
            "1 2",
            "3 4 5 6",
            6,
        ),
        (&["--channel", "/v2/me/calls"], "2", "3 4", 0),
        (&["--channel", "/v2/*/calls"], "", "", 0),
        (&["--channel", "/v2/**"], "2", "3 4 5 6", 0),
        (&["--path", "/start"], "1", "", 0),
        (&["--path", "/c*"], "2", "3 4 5", 0),
        (
            &["--path", "/calls", "--channel", "/v2/me/chats"],
            "2",
            "5",
            0,
        ),
        (&["--session", "alice", "--channel", "/v2/me/*"], "", "3", 0),
        (&["--session", "nobody"], "", "", 0),
    ] {
        let output = piped(
            &[&["show", "-", "--json"], arguments].concat(),
            RECORDING.as_bytes(),
        );
        if arguments.contains(&"/v2/*/calls") {
            assert_eq!(output.status.code(), Some(2), "a wildcard in the middle");
            continue;
        }
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let ids = |list: &str| {
            let items = document[list].as_array().unwrap().iter();
            let ids: Vec<String> = items.map(|item| item["id"].to_string()).collect();
            ids.join(" ")
        };
        assert_eq!(ids("operations"), operations, "{arguments:?}");
        assert_eq!(ids("notifications"), notifications, "{arguments:?}");
        let found = document["facts"].as_array().map_or(0, Vec::len);
        assert_eq!(found, facts, "{arguments:?}");
    }
}

#[test]
fn what_is_half_a_fact_is_refused() {
    for (from, to) in [
        (r#""truncated":true"#, r#""truncated":false"#),
        (r#""cut":{}"#, r#""cut":{"length":3}"#),
        ("blake3:af1", "blake3:zf1"),
        (r#""text":"<ht""#, r#""json":[]"#),
        (r#""cause_by":"session""#, r#""cause_by":"a hunch""#),
        (r#""what":"disconnect""#, r#""what":"left""#),
        (
            r#""what":"disconnect""#,
            r#""what":{"handshake":{"endpoint":"/"}}"#,
        ),
        (r#""cause_by":"session""#, r#""cause_by":null"#),
    ] {
        let text = RECORDING.replacen(from, to, 1);
        assert_ne!(text, RECORDING, "{from}");
        assert!(Tape::read(text.as_bytes()).is_err(), "{to}");
    }
}

/// A tape of at least this many bytes, with every kind of event that a recording makes.
fn recording_of(bytes: usize) -> Tape {
    let mut tape = Tape {
        header: Header {
            title: "t".into(),
            source: "http://127.0.0.1:1".into(),
            ..Header::default()
        },
        events: Vec::new(),
    };
    for number in 0.. {
        if tape.write(Layout::Lines).len() >= bytes {
            break;
        }
        let session = Session::new(format!("alice {}", number % 3));
        let id = OperationId(3 * number + 1);
        let body = |text: &str| Body::new(format!(r#"{{"{text}":"é {number} \"}}"}}"#));
        let notification = |id: u64, cause_by| {
            Event::Notification(Notification {
                id: NotificationId(id),
                session: session.clone(),
                at: Micros(number),
                channel: "/v2/me/chats".into(),
                carrier: Carrier::Bayeux,
                after: vec![OperationId(3 * number + 1)],
                cause_by: Some(cause_by),
                data: body("data"),
                repairs: Vec::new(),
            })
        };
        tape.events.extend([
            Event::Fact(Fact {
                session: session.clone(),
                at: Micros(number),
                what: What::Subscribe("/v2/me/*".into()),
            }),
            notification(3 * number + 2, CauseBy::Session),
            Event::Operation(Operation {
                id,
                session: session.clone(),
                at: Micros(number),
                answered: Micros(number + 1),
                request: Request {
                    method: "POST".into(),
                    target: format!("/calls/{number}"),
                    headers: [("Host", "127.0.0.1:1")].into_iter().collect(),
                    body: Body::new(vec![0xff; 70]),
                    trailers: Headers::new(),
                },
                response: Response {
                    status: 200,
                    headers: Headers::new(),
                    body: body("response"),
                    trailers: [("grpc-status", "0")].into_iter().collect(),
                },
                end: End::Complete,
                form: Form::Exchange,
                repairs: Vec::new(),
            }),
            notification(3 * number + 3, CauseBy::Reference("20".into())),
        ]);
    }
    tape
}

#[test]
fn a_recording_cut_at_every_byte_of_64_kib_loads() {
    // Unoptimized, reading a prefix for each byte takes minutes: then the bytes around the ends of
    // some lines, where an object becomes whole, and some of the others.
    const STRIDE: usize = if cfg!(debug_assertions) { 499 } else { 1 };
    const NEAR: usize = 1;
    const LINES: usize = 16;
    let tape = recording_of(64 * 1024);
    let text = tape.write(Layout::Lines);
    let bytes = text.as_bytes();
    let ends: Vec<usize> = text.match_indices('\n').map(|(end, _)| end).collect();
    let (header, trailer) = (ends[0], ends[ends.len() - 1]);
    let is_near = |cut: usize| {
        let mut some = ends.iter().step_by(LINES).chain([&trailer]);
        some.any(|end| end.abs_diff(cut) <= NEAR)
    };
    for cut in (header..bytes.len()).filter(|cut| cut % STRIDE == 0 || is_near(*cut)) {
        let loaded = Tape::read(&bytes[..cut]).unwrap_or_else(|error| panic!("{cut}: {error}"));
        // An object is whole with its brace, whether its line has an end or not.
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let events = &loaded.tape.events;
        let expected = (whole - 1).min(tape.events.len());
        assert_eq!(events.len(), expected, "{cut}");
        assert_eq!(
            loaded.notices.contains(&Notice::Unclosed),
            cut < trailer,
            "{cut}"
        );
        let differ = events
            .iter()
            .zip(&tape.events)
            .filter(|(a, b)| a != b)
            .count();
        // A cut may take the operation that the notification before it is due after.
        let struck = loaded
            .notices
            .iter()
            .filter(|notice| matches!(notice, Notice::CauseLost { .. }));
        assert_eq!(differ, struck.count(), "{cut}");
        assert!(differ <= 1, "{cut}");
    }
}

#[test]
fn a_recording_with_any_byte_flipped_loads_with_an_exact_account_or_not_at_all() {
    // Unoptimized, some of the bytes. A prime, so that over the lines it meets every part of them.
    const STRIDE: usize = if cfg!(debug_assertions) { 499 } else { 1 };
    let tape = recording_of(64 * 1024);
    let text = tape.write(Layout::Lines);
    let mut bytes = text.into_bytes();
    let (mut read, mut refused) = (0, 0);
    for place in (0..bytes.len()).step_by(STRIDE) {
        // Another bit each time; every byte has had each after eight places that lie so.
        let bit = 1 << ((place / STRIDE) % 8);
        bytes[place] ^= bit;
        match Tape::read(&bytes) {
            Ok(loaded) => {
                read += 1;
                // What is not as it was written is said, unless it is the header's own words.
                let same = loaded.tape.events == tape.events;
                assert!(same || !loaded.notices.is_empty(), "{place} {bit}");
                let torn = loaded
                    .notices
                    .iter()
                    .any(|notice| matches!(notice, Notice::Torn { .. }));
                let fewer = loaded.tape.events.len() < tape.events.len();
                assert!(torn || !fewer, "{place} {bit}: {:?}", loaded.notices);
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty(), "{place} {bit}");
            }
        }
        bytes[place] ^= bit;
    }
    // Most are in bodies, where any text is one.
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}

/// Passes one exchange through a recorder, and waits until it is written.
fn pass(recorder: &Recorder, target: &str, request: &'static str, response: &'static str) {
    let fields = [
        ("Content-Type", "application/json"),
        ("Authorization", "Basic YWxpY2U6eA=="),
    ];
    let headers: Headers = fields.into_iter().collect();
    let mut tap = recorder.begin(Connection(1), "POST", target, |_| headers.clone());
    tap.request_data(&Bytes::from_static(request.as_bytes()));
    tap.request_end();
    tap.response_head(200, headers);
    tap.response_data(&Bytes::from_static(response.as_bytes()));
    wait(tap.end(End::Complete));
}

fn wait<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

#[test]
fn what_passes_becomes_a_tape_that_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.tape");
    let header = Header {
        title: "calls".into(),
        source: "http://127.0.0.1:1".into(),
        started: Some("2026-01-01T00:00:00Z".into()),
        ..Header::default()
    };
    let record = |existing| -> Summary {
        let settings = Settings {
            existing,
            clock: Clock::new(|| Micros(5)),
            ..Settings::default()
        };
        let recorder = Recorder::start(settings, &header, &path).unwrap();
        let handshake = r#"[{"channel":"/meta/handshake","version":"1.0","id":"1"}]"#;
        let client =
            r#"[{"channel":"/meta/handshake","successful":true,"clientId":"1n4","id":"1"}]"#;
        pass(&recorder, "/events", handshake, client);
        let call = r#"{"operationName":"MakeCall","referenceId":20}"#;
        pass(&recorder, "/calls", call, r#"{"statusCode":0}"#);
        let connect = r#"[{"channel":"/meta/connect","clientId":"1n4","id":"2"}]"#;
        let rung = r#"[{"channel":"/v2/me/calls","data":{"referenceId":20, "state":"Ringing"}},{"channel":"/meta/connect","successful":true,"id":"2"}]"#;
        pass(&recorder, "/events", connect, rung);
        wait(recorder.close())
    };
    let summary = record(Existing::Refuse);
    assert!(summary.is_whole());
    assert_eq!(
        summary.to_string(),
        "1 operation, 1 notification, 1 session"
    );
    record(Existing::Append);
    let loaded = Tape::load(&path).unwrap();
    assert_eq!(loaded.notices, []);
    let tape = loaded.tape;
    assert_eq!(tape.header, header);
    assert_eq!(
        tape.sessions().map(Session::name).collect::<Vec<_>>(),
        ["alice"]
    );
    let operations: Vec<u64> = tape.operations().map(|operation| operation.id.0).collect();
    let causes: Vec<&[OperationId]> = tape
        .notifications()
        .map(|event| event.after.as_slice())
        .collect();
    assert_eq!(
        causes,
        [[OperationId(operations[0])], [OperationId(operations[1])]]
    );
    assert!(operations[0] < operations[1]);
    for notification in tape.notifications() {
        assert_eq!(notification.cause_by, Some(CauseBy::Reference("20".into())));
        assert_eq!(
            notification.data,
            Body::new(r#"{"referenceId":20, "state":"Ringing"}"#)
        );
    }
    assert!(
        tape.operations()
            .all(|operation| operation.request.target == "/calls")
    );
    let times: Vec<Micros> = tape.operations().map(|operation| operation.at).collect();
    // The clock stands still at 5, and yet each of the three things that came has a time of its own.
    assert_eq!(times, [Micros(5), Micros(7 + 5)]);
}
