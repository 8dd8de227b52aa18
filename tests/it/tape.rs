//! Tapes: the wire form, what is left of a torn one, and the commands that show and format them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use antiphon::exchange::{
    Body, Carrier, CauseBy, Closed, Contract, Control, End, Ender, Fact, Form, Gap, Headers, Kind,
    Micros, Notification, NotificationId, OnSocket, Operation, OperationId, Parameter, Presence,
    Repair, Request, Response, ServerSent, Session, Side, Stream, What,
};
use antiphon::tape::{Event, Header, Layout, Notice, Segment, Tape, TapeError, Trust, Unreadable};
use proptest::prelude::*;

pub(crate) const HEADER: &str = r#"{"kind":"header","antiphon":1,"title":"t","source":"s"}"#;
const OPERATION: &str = r#"{"kind":"operation","id":1,"session":"a","at":0,"answered":0,"request":{"method":"POST","target":"/","headers":[]},"response":{"status":200,"headers":[]}}"#;
const NOTIFICATION: &str = r#"{"kind":"notification","id":2,"session":"b","at":0,"channel":"/c","after":[1],"data":{"json":{"é":1}}}"#;
const TRAILER: &str = r#"{"kind":"trailer","events":0,"digest":"blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"}"#;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/two-agents.tape")
}

fn sample_tape() -> Tape {
    Tape::load(&sample()).unwrap().tape
}

fn antiphon(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(arguments)
        .output()
        .unwrap()
}

pub(crate) fn piped(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// A tape of one notification for each of these bodies.
fn tape_of(bodies: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Tape {
    let events = bodies.into_iter().zip(1..).map(|(body, id)| {
        Event::Notification(Notification {
            carrier: Carrier::Bayeux,
            id: NotificationId(id),
            session: Session::new("a"),
            at: Micros(0),
            channel: "/c".into(),
            after: Vec::new(),
            cause_by: None,
            data: Body::new(body.into()),
            repairs: Vec::new(),
        })
    });
    Tape {
        header: Header {
            title: "t".into(),
            source: "s".into(),
            ..Header::default()
        },
        events: events.collect(),
    }
}

// The wire form.

#[test]
fn each_body_has_the_simplest_form_that_gives_its_bytes_back() {
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let too_deep = deep(101);
    let cases: &[(&[u8], &str)] = &[
        (b"", r#""after":[]}"#),
        (br#"{"a":1.10,"a":1E5}"#, r#"{"json":{"a":1.10,"a":1E5}}"#),
        (b"null", r#"{"json":null}"#),
        (
            br#"{"a": 12345678901234567890123, "b": []}"#,
            r#"{"json":{"a":12345678901234567890123,"b":[]},"layout":"spaced"}"#,
        ),
        (
            b"{\n    \"a\": \"\\u00e9\"\n}",
            r#"{"json":{"a":"\u00e9"},"layout":"indent 4"}"#,
        ),
        (br#""\ud800""#, r#"{"json":"\ud800"}"#),
        (b"{\"a\":1}\n", r#"{"text":"{\"a\":1}\n"}"#),
        (br#"{"a" : 1}"#, r#"{"text":"{\"a\" : 1}"}"#),
        (b"a=1&b=2", r#"{"text":"a=1&b=2"}"#),
        (b"\xff\xfe", r#"{"base64":"//4="}"#),
        (b"[\"\xff\"]", r#"{"base64":"WyL/Il0="}"#),
        (too_deep.as_bytes(), r#"{"text":"[[[["#),
    ];
    for (bytes, form) in cases {
        let tape = tape_of([*bytes]);
        let text = tape.write(Layout::Lines);
        let line = text.lines().nth(1).unwrap();
        assert!(line.contains(form), "{form} is not in {line}");
        assert_eq!(Tape::read(text.as_bytes()).unwrap().tape, tape, "{line}");
    }
    assert!(
        tape_of([deep(100)])
            .write(Layout::Lines)
            .contains(r#"{"json":[[[["#)
    );
}

#[test]
fn a_hundred_thousand_levels_are_text_and_no_crash() {
    let tape = tape_of(["[".repeat(100_000) + &"]".repeat(100_000)]);
    for layout in [Layout::Lines, Layout::Pretty] {
        assert_eq!(
            Tape::read(tape.write(layout).as_bytes()).unwrap().tape,
            tape
        );
    }
}

#[test]
fn both_layouts_carry_the_digest_of_the_compact_events() {
    let tape = sample_tape();
    let lines = tape.write(Layout::Lines);
    let lines: Vec<&str> = lines.split_inclusive('\n').collect();
    let (trailer, rest) = lines.split_last().unwrap();
    let events = rest[1..].concat();
    let digest = blake3::hash(events.as_bytes()).to_hex();
    let count = rest.len() - 1;
    assert_eq!(
        *trailer,
        format!("{{\"kind\":\"trailer\",\"events\":{count},\"digest\":\"blake3:{digest}\"}}\n")
    );
    let pretty = tape.write(Layout::Pretty);
    assert!(pretty.contains(&format!("\"digest\": \"blake3:{digest}\"\n")));
    assert!(Tape::read(pretty.as_bytes()).unwrap().notices.is_empty());
}

#[test]
fn the_digest_of_no_events_is_that_of_no_bytes() {
    // BLAKE3's own test vector for empty input.
    let loaded = Tape::read(format!("{HEADER}\n{TRAILER}").as_bytes()).unwrap();
    assert_eq!(loaded.notices, []);
    assert_eq!(
        loaded.tape.write(Layout::Lines),
        format!("{HEADER}\n{TRAILER}\n")
    );
}

#[test]
fn a_tape_names_its_sessions_in_order_of_appearance() {
    let tape = sample_tape();
    let names: Vec<&str> = tape.sessions().map(Session::name).collect();
    assert_eq!(names, ["agent1", "agent2"]);
    assert_eq!(tape.contracts().count(), 1);
    assert_eq!(tape.operations().count(), 2);
    assert_eq!(tape.notifications().count(), 4);
}

prop_compose! {
    /// Bytes of every sort that a body may be: JSON in some program's layout, JSON that is damaged
    /// or laid out by nobody, text, and octets.
    fn any_body()(
        value in any_value(),
        layout in 0..8,
        text in any::<String>(),
        octets in any::<Vec<u8>>(),
    ) -> Body {
        Body::new(match layout {
            0 => Vec::new(),
            1 => octets,
            2 => text.into_bytes(),
            3 => [value.as_bytes(), b" "].concat(),
            4 => serde_json::to_vec_pretty(&value_of(&value)).unwrap(),
            5 => value.replace(',', ", ").replace(':', ": ").into_bytes(),
            6 => value.replace(',', "\n,").into_bytes(),
            _ => value.into_bytes(),
        })
    }
}

fn value_of(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap_or_default()
}

/// The text of a JSON value, with numbers that no float holds and keys that repeat.
fn any_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("1.10".to_owned()),
        Just("-1E+5".to_owned()),
        Just("1392308459000000000000001".to_owned()),
        Just(r#""\u00e9\ud800\/""#.to_owned()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(("[a-c]", inner), 0..4).prop_map(|members| {
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn any_headers() -> impl Strategy<Value = Headers> {
    let value = prop_oneof![
        any::<String>().prop_map(String::into_bytes),
        any::<Vec<u8>>()
    ];
    prop::collection::vec((any::<String>(), value), 0..4).prop_map(Headers::from_iter)
}

fn any_repairs() -> impl Strategy<Value = Vec<Repair>> {
    let repair = (any::<usize>(), any::<usize>(), any::<[String; 3]>()).prop_map(
        |(line, column, [was, became, why])| Repair {
            line,
            column,
            was,
            became,
            why,
        },
    );
    prop::collection::vec(repair, 0..3)
}

prop_compose! {
    fn any_operation()(
        [session, method, target] in any::<[String; 3]>(),
        [at, answered] in any::<[u64; 2]>(),
        status in 100_u16..600,
        [sent, sent_last, got, got_last] in [any_headers(), any_headers(), any_headers(), any_headers()],
        [asked, told] in [any_body(), any_body()],
        end in any_end(),
        (form, silent, repairs) in (any_form(), any::<bool>(), any_repairs()),
    ) -> Event {
        let response = match form {
            Form::Message(_) if silent => Response::none(),
            Form::Exchange | Form::Opens(_) | Form::Message(_) => Response { status, headers: got, body: told, trailers: got_last },
        };
        Event::Operation(Operation {
            form,
            id: OperationId(0),
            session: Session::new(session),
            at: Micros(at),
            answered: Micros(answered),
            request: Request { method, target, headers: sent, body: asked, trailers: sent_last },
            response,
            end,
            repairs,
        })
    }
}

prop_compose! {
    fn any_notification()(
        [session, channel] in any::<[String; 2]>(),
        at in any::<u64>(),
        cause_by in any_cause_by(),
        carrier in any_carrier(),
        data in any_body(),
        repairs in any_repairs(),
    ) -> Event {
        Event::Notification(Notification {
            carrier,
            id: NotificationId(0),
            session: Session::new(session),
            at: Micros(at),
            channel,
            after: Vec::new(),
            cause_by,
            data,
            repairs,
        })
    }
}

fn any_stream() -> impl Strategy<Value = OperationId> {
    any::<u64>().prop_map(OperationId)
}

fn any_message() -> impl Strategy<Value = OnSocket> {
    let kind = prop_oneof![Just(Kind::Text), Just(Kind::Binary)];
    (any_stream(), kind).prop_map(|(stream, kind)| OnSocket { stream, kind })
}

fn any_form() -> impl Strategy<Value = Form> {
    prop_oneof![
        Just(Form::Exchange),
        Just(Form::Opens(Stream::Events)),
        Just(Form::Opens(Stream::Lines)),
        Just(Form::Opens(Stream::Socket)),
        any_message().prop_map(Form::Message),
    ]
}

fn any_carrier() -> impl Strategy<Value = Carrier> {
    let fields = any::<[Option<String>; 3]>();
    let event = (any_stream(), fields, any::<Option<u64>>());
    let event = event.prop_map(|(stream, [event, id, written], retry)| {
        Carrier::Event(ServerSent {
            stream,
            event,
            id,
            retry,
            written,
        })
    });
    prop_oneof![
        Just(Carrier::Bayeux),
        event,
        any_stream().prop_map(Carrier::Line),
        any_message().prop_map(Carrier::Message),
    ]
}

fn any_control() -> impl Strategy<Value = Control> {
    (any_stream(), any_side(), any::<Vec<u8>>()).prop_map(|(stream, by, payload)| Control {
        stream,
        by,
        payload: payload.into(),
    })
}

fn any_side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Client), Just(Side::Service)]
}

fn any_end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Complete), Just(End::Truncated)]
}

fn any_closed() -> impl Strategy<Value = Closed> {
    let fields = (any::<Option<u16>>(), any::<String>());
    let by = prop_oneof![any_side().prop_map(Ender::from), Just(Ender::Recorder)];
    (any_stream(), by, fields, any_end()).prop_map(|(stream, by, (code, reason), end)| Closed {
        stream,
        by,
        code,
        reason,
        end,
    })
}

fn any_cause_by() -> impl Strategy<Value = Option<CauseBy>> {
    prop_oneof![
        Just(None),
        any::<String>().prop_map(|value| Some(CauseBy::Reference(value))),
        any::<String>().prop_map(|value| Some(CauseBy::Identifier(value))),
        Just(Some(CauseBy::Session)),
        Just(Some(CauseBy::Unsolicited)),
    ]
}

fn any_fact() -> impl Strategy<Value = Event> {
    let what = prop_oneof![
        any::<[String; 2]>().prop_map(|[endpoint, client]| What::Handshake { endpoint, client }),
        any::<String>().prop_map(What::Subscribe),
        any::<String>().prop_map(What::Unsubscribe),
        Just(What::Disconnect),
        Just(What::Acknowledge),
        (any_stream(), any::<String>()).prop_map(|(stream, text)| What::Comment { stream, text }),
        any_control().prop_map(What::Ping),
        any_control().prop_map(What::Pong),
        any_closed().prop_map(What::Closed),
        any::<String>().prop_map(|name| What::Was(Session::new(name))),
    ];
    (any::<String>(), any::<u64>(), what).prop_map(|(session, at, what)| {
        Event::Fact(Fact {
            session: Session::new(session),
            at: Micros(at),
            what,
        })
    })
}

fn any_contract() -> impl Strategy<Value = Event> {
    let presence = prop_oneof![
        Just(Presence::Mandatory),
        Just(Presence::Optional),
        Just(Presence::Unstated),
        any::<String>().prop_map(Presence::Unless),
        any::<String>().prop_map(Presence::OnlyWith),
    ];
    let parameter = (
        any::<[String; 2]>(),
        presence,
        any::<Option<String>>(),
        prop::collection::vec(any::<String>(), 0..3),
    )
        .prop_map(|([name, text], presence, default, allowed)| Parameter {
            name,
            presence,
            default,
            allowed,
            text,
        });
    (
        any::<[String; 2]>(),
        any::<Option<String>>(),
        prop::collection::vec(parameter, 0..4),
    )
        .prop_map(|([method, path], operation, parameters)| {
            Event::Contract(Contract {
                method,
                path,
                operation,
                parameters,
            })
        })
}

prop_compose! {
    fn any_gap()(
        [at, until, events, exchanges, bytes, uncertain] in any::<[u64; 6]>(),
        why in any::<String>(),
    ) -> Event {
        Event::Gap(Gap {
            at: Micros(at),
            until: Micros(until),
            events,
            exchanges,
            bytes,
            uncertain,
            why,
        })
    }
}

prop_compose! {
    fn any_tape()(
        [title, source] in any::<[String; 2]>(),
        [started, endpoint] in any::<[Option<String>; 2]>(),
        insecure in any::<bool>(),
        segment in any::<Option<(String, u64)>>(),
        mut events in prop::collection::vec(
            prop_oneof![any_contract(), any_operation(), any_notification(), any_fact(), any_gap()],
            0..8,
        ),
    ) -> Tape {
        // Every notification is due after every operation, also those that stand after it.
        let mut operations = Vec::new();
        for (event, id) in events.iter_mut().zip(1..) {
            match event {
                Event::Contract(_) | Event::Fact(_) | Event::Gap(_) => {}
                Event::Operation(operation) => {
                    operation.id = OperationId(id);
                    operations.push(operation.id);
                }
                Event::Notification(notification) => notification.id = NotificationId(id),
            }
        }
        for event in &mut events {
            if let Event::Notification(notification) = event {
                notification.after.clone_from(&operations);
            }
        }
        let trust = if insecure { Trust::Insecure } else { Trust::Checked };
        let segment = segment.map(|(recording, number)| Segment { recording, number });
        let header = Header { title, source, started, endpoint, trust, segment, redaction: None };
        Tape { header, events }
    }
}

proptest! {
    #[test]
    fn every_tape_reads_back_from_both_layouts(tape in any_tape()) {
        for layout in [Layout::Lines, Layout::Pretty] {
            let text = tape.write(layout);
            let loaded = Tape::read(text.as_bytes()).unwrap();
            prop_assert_eq!(&loaded.tape, &tape);
            let gaps = tape.gaps_in_all();
            let notices: Vec<Notice> = Some(Notice::Gaps(gaps))
                .filter(|_| !gaps.is_empty())
                .into_iter()
                .collect();
            prop_assert_eq!(loaded.notices, notices);
            prop_assert_eq!(loaded.tape.write(layout), text);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(
        tape in any_tape(),
        place in any::<prop::sample::Index>(),
        piece in prop_oneof![any::<Vec<u8>>(), any_value().prop_map(String::into_bytes)],
    ) {
        let mut bytes = tape.write(Layout::Lines).into_bytes();
        let place = place.index(bytes.len());
        bytes.splice(place..(place + piece.len()).min(bytes.len()), piece);
        if let Err(error) = Tape::read(&bytes) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

// Recovery.

/// Where each object of a tape ends. In both layouts an object ends with its line, and where it is
/// laid out over many, that line is a brace alone.
fn object_ends(text: &str, layout: Layout) -> Vec<usize> {
    let mut end = 0;
    let mut ends = Vec::new();
    for line in text.split_inclusive('\n') {
        end += line.len();
        if layout == Layout::Lines || line == "}\n" {
            ends.push(end - 1);
        }
    }
    ends
}

#[test]
fn a_tape_cut_at_any_byte_keeps_every_whole_event() {
    let mut tape = sample_tape();
    tape.events
        .extend(tape_of([r#"[-1.5E+5, true, "\u00e9 𝄞", {}]"#]).events);
    for layout in [Layout::Lines, Layout::Pretty] {
        let text = tape.write(layout);
        let ends = object_ends(&text, layout);
        assert_eq!(ends.len(), tape.events.len() + 2);
        for cut in 0..text.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let read = Tape::read(&text.as_bytes()[..cut]);
            if whole == 0 {
                let error = read.unwrap_err().to_string();
                let expected = match cut {
                    0 => "the tape is empty",
                    _ => "the tape ends within its header",
                };
                assert!(error.contains(expected), "cut at {cut}: {error}");
                continue;
            }
            let loaded = read.unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
            let events = (whole - 1).min(tape.events.len());
            assert_eq!(loaded.tape.header, tape.header);
            assert_eq!(loaded.tape.events, tape.events[..events], "cut at {cut}");
            let begun = ends[whole - 1] + 1; // where the next object begins
            let mut notices = Vec::new();
            if cut > begun {
                notices.push(Notice::Torn { bytes: cut - begun });
            }
            if whole < ends.len() {
                notices.push(Notice::Unclosed);
            }
            assert_eq!(loaded.notices, notices, "cut at {cut}");
        }
    }
}

#[test]
fn zeros_that_a_power_cut_left_are_torn_bytes() {
    for (tail, torn) in [("", 4), ("{\"kind\":\"oper", 17)] {
        let text = format!("{HEADER}\n{OPERATION}\n{tail}\0\0\0\0");
        let loaded = Tape::read(text.as_bytes()).unwrap();
        assert_eq!(loaded.tape.events.len(), 1);
        assert_eq!(
            loaded.notices,
            [Notice::Torn { bytes: torn }, Notice::Unclosed]
        );
    }
}

#[test]
fn a_cause_that_the_cut_took_is_struck_out_and_reported() {
    let cut = format!("{HEADER}\n{NOTIFICATION}\n{}", &OPERATION[..40]);
    let loaded = Tape::read(cut.as_bytes()).unwrap();
    assert_eq!(
        loaded.notices,
        [
            Notice::Torn { bytes: 40 },
            Notice::Unclosed,
            Notice::CauseLost {
                notification: NotificationId(2),
                operation: OperationId(1)
            }
        ]
    );
    assert_eq!(loaded.tape.notifications().next().unwrap().after, []);
    let sealed = loaded.tape.write(Layout::Lines);
    assert_eq!(Tape::read(sealed.as_bytes()).unwrap().notices, []);
}

#[test]
fn an_edited_tape_is_read_with_a_notice_and_sealed_again() {
    let text = sample_tape().write(Layout::Pretty);
    for edited in [
        text.replace("Leave", "Stay"),
        text.replace("\"events\": 7", "\"events\": 6"),
        text.replace("blake3:", "blake3:0"),
    ] {
        assert_ne!(edited, text);
        let loaded = Tape::read(edited.as_bytes()).unwrap();
        assert_eq!(loaded.notices, [Notice::Edited]);
        let sealed = loaded.tape.write(Layout::Pretty);
        assert_eq!(Tape::read(sealed.as_bytes()).unwrap().notices, []);
    }
    let laid_out = text.replace("\n  ", "\r\n\t").replace("}\n{", "} {");
    assert_eq!(Tape::read(laid_out.as_bytes()).unwrap().notices, []);
}

// Errors.

fn unreadable(text: &[u8]) -> Unreadable {
    match Tape::read(text) {
        Err(TapeError::Unreadable(error)) => error,
        other => panic!("expected an unreadable tape, got {other:?}"),
    }
}

/// A tape's header, and then this object on line 2.
fn after_header(object: &str) -> String {
    format!("{HEADER}\n{object}\n")
}

fn assert_unreadable(text: &str, line: usize, message: &str) {
    let error = unreadable(text.as_bytes());
    assert!(error.to_string().contains(message), "{error}\n{text}");
    assert_eq!(error.line, line, "{error}\n{text}");
}

#[test]
fn what_does_not_begin_as_a_tape_is_refused() {
    for (text, message) in [
        ("", "the tape is empty"),
        ("\n \n", "the tape is empty"),
        ("RemoveParticipant\n", "expected an object"),
        ("\"a", "expected an object"),
        ("[]", "expected an object"),
        (OPERATION, "expected the tape's header, found `operation`"),
        (TRAILER, "expected the tape's header, found `trailer`"),
    ] {
        assert_unreadable(text, 1, message);
    }
    let newer = HEADER.replace("\"antiphon\":1", "\"antiphon\":2,\"mood\":\"new\"");
    assert_unreadable(&newer, 1, "format 2; this antiphon reads format 1");
    let unversioned = HEADER.replace("\"antiphon\":1,", "");
    assert_unreadable(&unversioned, 1, "missing field `antiphon`");
}

#[test]
fn what_cannot_stand_on_a_tape_is_an_error_with_its_line() {
    let third = format!("{HEADER}\n{OPERATION}\n{OPERATION}");
    assert_unreadable(&third, 3, "operation 1 is already on the tape");
    let fourth = format!("{HEADER}\n{OPERATION}\n{NOTIFICATION}\n{NOTIFICATION}");
    assert_unreadable(&fourth, 4, "notification 2 is already on the tape");
    let uncaused = format!("{HEADER}\n{NOTIFICATION}\n{TRAILER}");
    assert_unreadable(
        &uncaused,
        2,
        "due after operation 1, which is not on the tape",
    );
    let late = format!("{HEADER}\n{TRAILER}\n{OPERATION}");
    assert_unreadable(&late, 3, "`operation` after the trailer");
    assert_unreadable(&after_header(HEADER), 2, "a second header");
    assert_unreadable(
        &after_header("{\"kind\":\"poem\"}"),
        2,
        "unknown kind `poem`",
    );
    assert_unreadable(&after_header("{}"), 2, "missing field `kind`");
    assert_unreadable(&after_header("12"), 2, "expected an object");
    for (was, becomes, message) in [
        ("\"at\"", "\"mood\":1,\"at\"", "unknown field `mood`"),
        ("\"at\"", "\"id\":1,\"at\"", "duplicate field `id`"),
        ("200", "42", "status 42: expected 100 to 599"),
        (",\"at\"", " \"at\"", "expected `,` or `}`"),
        (
            "\"id\":1",
            "\"id\":1.0",
            "invalid type: floating point `1.0`",
        ),
    ] {
        assert!(OPERATION.contains(was));
        assert_unreadable(&after_header(&OPERATION.replace(was, becomes)), 2, message);
    }
}

#[test]
fn a_body_in_no_known_form_is_refused() {
    let deep = format!(
        "{{\"json\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for (body, message) in [
        ("[1]", "expected an object"),
        ("null", "expected an object"),
        ("{}", "expected one of `json`"),
        (r#"{"json":1,"text":"1"}"#, "expected one of `json`"),
        (
            r#"{"text":"1","layout":"spaced"}"#,
            "expected one of `json`",
        ),
        (r#"{"json":1,"layout":"wide"}"#, "unknown layout `wide`"),
        (
            r#"{"json":1,"layout":"indent 11"}"#,
            "unknown layout `indent 11`",
        ),
        (r#"{"base64":"a"}"#, "not base64"),
        (deep.as_str(), "nested deeper than 100"),
    ] {
        let headers = r#""headers":[]},"response""#;
        let with_body = format!(r#""headers":[],"body":{body}}},"response""#);
        let object = OPERATION.replace(headers, &with_body);
        assert_unreadable(&after_header(&object), 2, message);
    }
}

#[test]
fn an_error_counts_characters_to_its_column() {
    let text = format!("{HEADER}\n  {}", NOTIFICATION.replace(":1}}", "x:1}}"));
    let error = unreadable(text.as_bytes());
    let line = text.lines().nth(1).unwrap();
    let byte = line.find("x:1").unwrap();
    assert_eq!(error.line, 2);
    assert_eq!(error.column, line[..byte].chars().count() + 1);
    assert!(
        error
            .to_string()
            .starts_with(&format!("2:{}: expected `:`", error.column))
    );

    let text = NOTIFICATION.replace(",\"at\"", ",\n\n  \"mood\":1,\"at\"");
    let error = unreadable(format!("{HEADER}\n{text}").as_bytes());
    assert_eq!((error.line, error.column), (4, 8), "{error}");
}

#[test]
fn bytes_that_are_not_utf8_are_damage_unless_they_are_the_cut() {
    let mut bytes = format!("{HEADER}\n{OPERATION}\n{NOTIFICATION}\n").into_bytes();
    let place = bytes.iter().rposition(|byte| *byte == 0xc3).unwrap();
    bytes[place + 1] = b'x';
    let error = unreadable(&bytes);
    assert_eq!(error.line, 3);
    assert!(error.to_string().contains("not UTF-8"), "{error}");
    let loaded = Tape::read(&bytes[..=place]).unwrap();
    assert_eq!(loaded.tape.events.len(), 1);
}

// The commands.

#[test]
fn show_draws_the_timeline() {
    let path = sample();
    let path = path.to_str().unwrap();
    for width in ["80", "120"] {
        let output = antiphon(&["show", path, "--width", width]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
        let widest = stdout(&output).lines().map(|line| line.chars().count());
        assert!(widest.max().unwrap() <= width.parse().unwrap());
        insta::assert_snapshot!(format!("two_agents_{width}"), stdout(&output));
    }
}

#[test]
fn show_names_the_session_where_lanes_would_be_too_narrow() {
    let mut tape = sample_tape();
    for (event, number) in tape.events.iter_mut().zip(0..) {
        if let Event::Notification(notification) = event {
            notification.session = Session::new(format!("supervisor of team {number}"));
            notification.at = Micros(notification.at.0 + 250);
        }
    }
    let output = piped(
        &["show", "-", "--width", "80"],
        tape.write(Layout::Lines).as_bytes(),
    );
    let widest = stdout(&output).lines().map(|line| line.chars().count());
    assert!(widest.max().unwrap() <= 80);
    insta::assert_snapshot!("many_sessions", stdout(&output));
}

#[test]
fn show_json_is_one_document_with_every_token_kept() {
    let output = antiphon(&["show", sample().to_str().unwrap(), "--json"]);
    assert!(output.status.success());
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(
        keys(&document),
        [
            "notifications",
            "operations",
            "repairs",
            "sessions",
            "title"
        ]
    );
    assert_eq!(
        keys(&document["operations"][0]),
        [
            "id", "method", "request", "response", "session", "status", "target"
        ]
    );
    assert_eq!(
        keys(&document["notifications"][0]),
        ["after", "channel", "data", "id", "session"]
    );
    assert_eq!(
        document["sessions"],
        serde_json::json!(["agent1", "agent2"])
    );
    assert_eq!(document["operations"][0]["response"]["statusCode"], 0);
    assert_eq!(
        document["operations"][1]["request"],
        serde_json::Value::Null
    );
    assert_eq!(
        document["notifications"][2]["data"],
        "ringing, \u{1b}[31mred\n"
    );
    assert_eq!(document["notifications"][3]["data"]["base64"], "//4=");
    assert_eq!(
        document["notifications"][3]["after"],
        serde_json::json!([1, 5])
    );
    assert_eq!(document["repairs"][0]["line"], 40);
    assert!(
        stdout(&output).contains(r#""price":1.10,"big":1392308459000000000000001,"none":null"#)
    );
}

#[test]
fn notices_go_to_stderr_and_the_tape_is_shown() {
    let text = format!("{HEADER}\n{OPERATION}\n{{\"kind\"");
    let output = piped(&["show", "-"], text.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        stderr(&output),
        "notice: stdin: the last object is torn: 7 bytes were dropped\n\
         notice: stdin: there is no trailer: the recording was not closed\n"
    );
    assert!(stdout(&output).contains("1 POST / → 200"));
}

#[test]
fn exit_codes_tell_a_bad_tape_from_a_missing_file() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.tape");
    fs::write(&bad, format!("{HEADER}\n{{]\n")).unwrap();
    let missing = folder.path().join("missing.tape");
    for command in ["show", "format"] {
        let output = antiphon(&[command, bad.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(stdout(&output), "");
        let place = format!("error: {}:2:2: ", bad.display());
        assert!(stderr(&output).starts_with(&place), "{}", stderr(&output));

        let output = antiphon(&[command, missing.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(4));
        let words = format!("error: cannot read {}: ", missing.display());
        assert!(stderr(&output).starts_with(&words), "{}", stderr(&output));

        // A folder is a recording in segments, and this one holds none.
        let output = antiphon(&[command, folder.path().to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(3));
        let words = stderr(&output);
        assert!(words.contains("bad.tape: it is no segment"), "{words}");
        assert_eq!(antiphon(&[command]).status.code(), Some(2));
    }
    assert_eq!(
        fs::read_to_string(&bad).unwrap(),
        format!("{HEADER}\n{{]\n")
    );
}

#[test]
fn format_turns_one_layout_into_the_other_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tape");
    let name = path.to_str().unwrap();
    let pretty = fs::read_to_string(sample()).unwrap();
    fs::write(&path, &pretty).unwrap();

    assert_eq!(
        antiphon(&["format", name, "--check"]).status.code(),
        Some(0)
    );
    let output = antiphon(&["format", name, "--lines", "--check"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), format!("would change: {name}\n"));
    assert_eq!(fs::read_to_string(&path).unwrap(), pretty);

    assert_eq!(
        antiphon(&["format", name, "--lines"]).status.code(),
        Some(0)
    );
    let lines = fs::read_to_string(&path).unwrap();
    assert_eq!(lines.lines().count(), 9);
    assert_eq!(antiphon(&["format", name]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), pretty);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let output = piped(&["format", "-", "--lines"], pretty.as_bytes());
    assert_eq!(stdout(&output), lines);
    let both = antiphon(&["format", name, "--lines", "--pretty"]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn format_seals_a_torn_tape_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tape");
    let name = path.to_str().unwrap();
    let pretty = fs::read_to_string(sample()).unwrap();
    let cut = pretty.find("\"kind\": \"trailer\"").unwrap() + 5;
    fs::write(&path, &pretty[..cut]).unwrap();
    assert_eq!(
        antiphon(&["format", name, "--check"]).status.code(),
        Some(1)
    );
    let output = antiphon(&["format", name]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("the last object is torn"));
    assert_eq!(fs::read_to_string(&path).unwrap(), pretty);
}

#[cfg(unix)]
#[test]
fn format_keeps_permissions_and_links() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tape");
    let link = folder.path().join("link.tape");
    fs::copy(sample(), &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("a.tape", &link).unwrap();
    let output = antiphon(&["format", link.to_str().unwrap(), "--lines"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 9);
}

#[test]
fn what_is_no_file_is_neither_replaced_nor_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket.tape");
    let _bound = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let error = sample_tape().save(&path, Layout::Lines).unwrap_err();
    assert!(matches!(error, TapeError::Write { .. }), "{error}");
    assert!(!fs::metadata(&path).unwrap().is_file());
}

#[test]
fn nothing_is_recorded_or_imported_through_a_link() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let precious = folder.path().join("precious");
    fs::write(&precious, "keep").unwrap();
    let link = folder.path().join("link.tape");
    symlink("precious", &link).unwrap();
    let dangling = folder.path().join("dangling.tape");
    symlink("elsewhere", &dangling).unwrap();
    let page = format!(
        "{}/tests/samples/pages/remove-participant.txt",
        env!("CARGO_MANIFEST_DIR")
    );
    for name in [&link, &dangling] {
        let name = name.to_str().unwrap();
        for mode in ["--force", "--append"] {
            let recorded = antiphon(&[
                "record",
                "--upstream",
                "http://127.0.0.1:1",
                "--listen",
                "127.0.0.1:0",
                mode,
                "-o",
                name,
            ]);
            let words = stderr(&recorded);
            assert_eq!(recorded.status.code(), Some(2), "{words}");
            assert!(words.contains("is a symbolic link"), "{words}");
        }
        let imported = antiphon(&["import", &page, "--force", "-o", name]);
        let words = stderr(&imported);
        assert_eq!(imported.status.code(), Some(4), "{words}");
        assert!(words.contains("is a symbolic link"), "{words}");
    }
    assert_eq!(fs::read_to_string(&precious).unwrap(), "keep");
    assert!(!folder.path().join("elsewhere").exists());
    // A folder that its owner linked is as good as any.
    symlink(".", folder.path().join("recordings")).unwrap();
    let inside = folder.path().join("recordings/new.tape");
    let imported = antiphon(&["import", &page, "-o", inside.to_str().unwrap()]);
    assert_eq!(imported.status.code(), Some(0), "{}", stderr(&imported));
}

#[test]
fn a_body_with_a_nul_is_no_text() {
    let mut tape = sample_tape();
    let Some(Event::Operation(operation)) = tape
        .events
        .iter_mut()
        .find(|event| matches!(event, Event::Operation(_)))
    else {
        panic!("the sample has an operation");
    };
    operation.response.body = Body::new("a\0b");
    let text = tape.write(Layout::Lines);
    assert!(text.contains(r#"{"base64":"YQBi"}"#), "{text}");
    assert_eq!(Tape::read(text.as_bytes()).unwrap().tape, tape);
}

#[test]
fn a_tape_that_comes_through_a_pipe_is_read_once() {
    let recording = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("recordings/remove-participant-from-conference.tape");
    let recorded = Tape::load(&recording).unwrap().tape;
    let tape = recorded.write(Layout::Lines);
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.tape");
    let copy = copy.to_str().unwrap();
    let pipe = "/dev/stdin";
    for arguments in [
        &["verify", pipe][..],
        &["show", pipe],
        &["diff", pipe, recording.to_str().unwrap()],
        &["format", "--check", "--lines", pipe],
        &["redact", "--check", pipe],
        &["redact", pipe, "-o", copy],
    ] {
        let output = piped(arguments, tape.as_bytes());
        let words = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {words}");
    }
    let copied = Tape::load(Path::new(copy)).unwrap().tape;
    assert_eq!(copied.events, recorded.events);
    // In place of a pipe nothing can be written.
    for arguments in [&["redact", pipe][..], &["format", pipe]] {
        let output = piped(arguments, tape.as_bytes());
        assert_eq!(output.status.code(), Some(4), "{arguments:?}");
        let words = stderr(&output);
        assert!(words.contains("it is there, and no file"), "{words}");
    }
}

#[test]
fn a_session_that_is_not_on_the_tape_is_not_shown_in_silence() {
    let tape = sample();
    let shown = antiphon(&[
        "show",
        tape.to_str().unwrap(),
        "--session",
        "agent1",
        "--session",
        "nobody",
    ]);
    assert_eq!(shown.status.code(), Some(0));
    let expected = format!("notice: {} has no session nobody\n", tape.display());
    assert_eq!(stderr(&shown), expected);
}
