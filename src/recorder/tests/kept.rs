//! What is kept of what passes.

use super::*;

#[test]
fn an_operation_is_kept_as_it_passed() {
    let place = Place::new();
    let recorder = place.start(settings()).unwrap();
    let headers: Headers = [("A", "1"), ("a", "2")].into_iter().collect();
    let tap = recorder.begin(Connection(7), "PUT", "/x?y=1", |_| headers.clone());
    let (mut request, mut response) = tap.split();
    request.data(&Bytes::from_static(b"{\"a\":"));
    request.data(&Bytes::from_static(b"1}"));
    request.end();
    response.head(201, |_| headers.clone());
    response.data(&Bytes::from_static(b"\xff"));
    wait(response.end(End::Complete));
    wait(recorder.close());
    let tape = place.load().tape;
    let operation = tape.operations().next().unwrap();
    assert_eq!(operation.request.method, "PUT");
    assert_eq!(operation.request.target, "/x?y=1");
    assert_eq!(operation.request.headers, headers);
    assert_eq!(operation.request.body, Body::new("{\"a\":1}"));
    assert_eq!(operation.response.status, 201);
    assert_eq!(operation.response.headers, headers);
    assert_eq!(operation.response.body, Body::new(vec![0xff]));
    assert_eq!(operation.end, End::Complete);
    assert!(operation.at < operation.answered);
}

#[test]
fn what_breaks_off_is_marked() {
    let place = Place::new();
    let recorder = place.start(settings()).unwrap();
    // The upstream broke off.
    let mut tap = begin(&recorder, "/reset");
    tap.request_end();
    tap.response_head(200, Headers::new());
    tap.response_data(&Bytes::from_static(b"half"));
    wait(tap.end(End::Truncated));
    // The client went away while the response passed.
    let mut tap = begin(&recorder, "/dropped");
    tap.request_end();
    tap.response_head(200, Headers::new());
    tap.response_data(&Bytes::from_static(b"ha"));
    drop(tap);
    // The service answered before it had the whole request.
    let mut tap = begin(&recorder, "/early");
    tap.request_data(&Bytes::from_static(b"be"));
    tap.response_head(413, Headers::new());
    wait(tap.end(End::Complete));
    // The client went away before there was a response.
    let mut tap = begin(&recorder, "/gone");
    tap.request_end();
    drop(tap);
    let summary = wait(recorder.close());
    assert_eq!(summary.progress.unanswered, 1);
    assert!(summary.is_whole());
    let tape = place.load().tape;
    let found: Vec<(&str, End, &Body)> = tape
        .operations()
        .map(|operation| {
            let target = operation.request.target.as_str();
            (target, operation.end, &operation.response.body)
        })
        .collect();
    let (half, ha) = (Body::new("half"), Body::new("ha"));
    let expected = [
        ("/reset", End::Truncated, &half),
        ("/dropped", End::Truncated, &ha),
        ("/early", End::Complete, &Body::default()),
    ];
    assert_eq!(found, expected);
    let early = tape.operations().nth(2).unwrap();
    assert_eq!(early.request.body, Body::beginning("be", Cut::Unseen));
}

#[test]
fn a_notification_may_stand_before_its_operation() {
    let place = Place::new();
    let recorder = place.start(settings()).unwrap();
    wait(answer(begin(&recorder, "/a/push/push"), ""));
    let summary = wait(recorder.close());
    assert_eq!(summary.progress.notifications, 2);
    let loaded = place.load();
    assert_eq!(loaded.notices, []);
    let causes: Vec<&[OperationId]> = loaded
        .tape
        .notifications()
        .map(|notification| notification.after.as_slice())
        .collect();
    assert_eq!(causes, [[OperationId(1)], [OperationId(1)]]);
    assert!(matches!(
        loaded.tape.events.last(),
        Some(Event::Operation(_))
    ));
}

#[test]
fn a_cause_that_never_ended_is_struck_out_when_the_tape_is_closed() {
    let place = Place::new();
    let recorder = place.start(settings()).unwrap();
    let mut tap = begin(&recorder, "/gone/push");
    tap.request_end();
    drop(tap);
    wait(answer(begin(&recorder, "/b/push"), ""));
    let summary = wait(recorder.close());
    assert_eq!(summary.closed, Some(Closed::Sealed));
    let loaded = place.load();
    assert_eq!(loaded.notices, []);
    let causes: Vec<usize> = loaded
        .tape
        .notifications()
        .map(|notification| notification.after.len())
        .collect();
    assert_eq!(causes, [0, 1]);
}

#[test]
fn exchanges_under_way_at_the_end_are_counted() {
    let place = Place::new();
    let recorder = place.start(settings()).unwrap();
    let mut tap = begin(&recorder, "/held");
    tap.request_end();
    let summary = wait(recorder.close());
    assert_eq!(summary.progress.under_way, 1);
    assert!(!summary.is_whole());
    tap.response_head(200, Headers::new());
    wait(tap.end(End::Complete)); // it must not wait for a writer that has gone
    assert_eq!(recorder.progress().missed, 1);
    assert_eq!(wait(recorder.close()).closed, None);
}

#[test]
fn of_a_large_body_the_tape_keeps_the_beginning_and_the_digest() {
    let place = Place::new();
    let recorder = place
        .start(Settings {
            max_body: 4,
            ..settings()
        })
        .unwrap();
    wait(answer(begin(&recorder, "/1"), "[1, 2]"));
    wait(answer(begin(&recorder, "/2"), "[12]"));
    let summary = wait(recorder.close());
    assert_eq!(summary.progress.cut, 1);
    let tape = place.load().tape;
    let bodies: Vec<&Body> = tape
        .operations()
        .map(|operation| &operation.response.body)
        .collect();
    let cut = Cut::Passed {
        length: 6,
        digest: format!("blake3:{}", blake3::hash(b"[1, 2]").to_hex()),
    };
    assert_eq!(bodies, [&Body::beginning("[1, ", cut), &Body::new("[12]")]);
}

#[test]
fn a_filter_leaves_operations_out_and_never_a_cause_on_the_tape() {
    let place = Place::new();
    let filter = Filter {
        except: vec!["/static/**".parse().unwrap()],
        ..Filter::default()
    };
    let recorder = place
        .start(Settings {
            filter,
            ..settings()
        })
        .unwrap();
    for target in ["/static/a", "/b", "/static/c/push"] {
        wait(answer(begin(&recorder, target), ""));
    }
    let summary = wait(recorder.close());
    assert_eq!(summary.progress.left_out, 1);
    assert_eq!(summary.closed, Some(Closed::Sealed));
    let loaded = place.load();
    assert_eq!(loaded.notices, []);
    assert_eq!(targets(&loaded.tape), ["/b", "/static/c/push"]);
}

#[test]
fn whoever_listens_hears_each_event_as_it_stands_in_the_file() {
    let place = Place::new();
    let (sender, heard) = mpsc::channel();
    let hear = move |line: &str| sender.send(line.to_owned()).unwrap();
    let recorder = place
        .start(Settings {
            heard: Some(Heard(Box::new(hear))),
            ..settings()
        })
        .unwrap();
    wait(answer(begin(&recorder, "/1/push"), ""));
    wait(recorder.close());
    drop(recorder);
    let heard: Vec<String> = heard.iter().collect();
    let text = fs::read_to_string(place.tape()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(heard, lines[1..lines.len() - 1]);
}

#[test]
fn what_cannot_be_understood_is_missing_and_all_else_is_kept() {
    let place = Place::new();
    let recorder = place.start(settings()).unwrap();
    for target in ["/before", BEYOND, "/after"] {
        wait(answer(begin(&recorder, target), "{}"));
    }
    let summary = wait(recorder.close());
    assert!(!summary.is_whole());
    assert_eq!(summary.progress.lost, 1);
    assert_eq!(summary.closed, Some(Closed::Sealed));
    let loaded = place.load();
    assert_eq!(targets(&loaded.tape), ["/before", "/after"]);
    let gaps = Gaps {
        gaps: 1,
        events: 1,
        ..Gaps::default()
    };
    assert_eq!(loaded.notices, [Notice::Gaps(gaps)]);
}

#[test]
fn what_comes_after_the_end_takes_no_room_and_is_not_for_a_slow_disk() {
    let place = Place::new();
    let failure = Failure {
        max_queue: 4096,
        ..Failure::default()
    };
    let recorder = place
        .start(Settings {
            failure,
            ..settings()
        })
        .unwrap();
    wait(recorder.close());
    for _ in 0..100 {
        wait(answer(begin(&recorder, "/late"), "x"));
    }
    let progress = recorder.progress();
    assert_eq!((progress.waiting, progress.waiting_items), (0, 0));
    assert_eq!((progress.missed, progress.dropped), (200, 0));
    assert_eq!(recorder.condition(), Condition::default());
}
