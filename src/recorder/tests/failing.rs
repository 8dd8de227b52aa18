//! A writer that hangs or is too slow: who waits for how long, what is left out, and what says so.

use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use futures_util::FutureExt as _;

use super::*;

/// Nothing here takes so long; reached only where something is wrong.
const NEVER: Duration = Duration::from_secs(60);

/// What holds a recorder's writer behind a batch.
struct Held {
    go: Sender<()>,
    holds: Receiver<()>,
}

/// A recorder whose writer hangs as soon as it has written something, until it is let go.
fn held(place: &Place, failure: Failure) -> (Recorder, Held) {
    held_behind(place, failure, &["/first"])
}

/// A recorder whose writer hangs when it has written one of these, of which the first is written here.
fn held_behind(place: &Place, failure: Failure, targets: &'static [&str]) -> (Recorder, Held) {
    let (go, going) = mpsc::channel();
    let (hold, holds) = mpsc::channel();
    let hear = move |line: &str| {
        if targets.iter().any(|target| line.contains(target)) {
            hold.send(()).unwrap();
            going.recv().unwrap();
        }
    };
    let settings = Settings {
        failure,
        heard: Some(Heard(Box::new(hear))),
        ..settings()
    };
    let recorder = place.start(settings).unwrap();
    wait(answer(begin(&recorder, "/first"), ""));
    let held = Held { go, holds };
    held.holds.recv_timeout(NEVER).unwrap();
    (recorder, held)
}

/// Waits until a writer that was let go has caught up.
fn caught_up(recorder: &Recorder) {
    while recorder.condition().trouble.is_some() {
        std::thread::yield_now();
    }
}

#[test]
fn nobody_waits_for_a_writer_that_hangs_longer_than_the_patience() {
    for on_failure in [OnFailure::Pass, OnFailure::Stop] {
        let place = Place::new();
        let (recorder, held) = held(
            &place,
            Failure {
                on_failure,
                patience: Duration::from_millis(50),
                ..Failure::default()
            },
        );
        let written = answer(begin(&recorder, "/second"), "");
        assert!(!written.is_immediate());
        wait(written); // though the writer hangs
        let condition = recorder.condition();
        let trouble = condition.trouble.unwrap();
        assert_eq!(
            trouble.why,
            "the disk has not taken in 0.05 s what it was given"
        );
        assert_eq!(condition.loss, Loss::None);
        let expected = match on_failure {
            OnFailure::Pass => Admission::Open,
            OnFailure::Stop => Admission::Paused,
        };
        assert_eq!(condition.admission, expected);
        held.go.send(()).unwrap();
        caught_up(&recorder);
        // Nothing was lost, so it goes on as before.
        assert_eq!(recorder.condition(), Condition::default());
        wait(answer(begin(&recorder, "/third"), ""));
        let summary = wait(recorder.close());
        assert!(summary.is_whole(), "{summary}");
        assert_eq!(targets(&place.load().tape), ["/first", "/second", "/third"]);
    }
}

#[test]
fn what_finds_the_queue_full_is_left_out_and_the_tape_says_how_much() {
    let place = Place::new();
    let failure = Failure {
        on_failure: OnFailure::Stop,
        when_behind: WhenBehind::Drop,
        max_queue: 16 * 1024,
        patience: NEVER,
    };
    let (recorder, held) = held(&place, failure);
    let content = "x".repeat(1000);
    let passed: Vec<Written> = (0..100)
        .map(|number| answer(begin(&recorder, &format!("/{number}")), &content))
        .collect();
    let progress = recorder.progress();
    assert!(progress.waiting < 20 * 1024, "{progress:?}");
    assert!(progress.dropped > 50, "{progress:?}");
    let condition = recorder.condition();
    assert_eq!(condition.loss, Loss::Some);
    assert_eq!(condition.admission, Admission::Ended);
    // Nobody waits: not who is left out, and not who is behind.
    for written in passed {
        wait(written);
    }
    held.go.send(()).unwrap();
    caught_up(&recorder);
    assert_eq!(recorder.condition().admission, Admission::Ended);
    wait(answer(begin(&recorder, "/last/push"), ""));
    let summary = wait(recorder.close());
    assert!(!summary.is_whole());
    assert_eq!(summary.closed, Some(Closed::Sealed));
    let progress = summary.progress;
    let loaded = place.load();
    let gaps = loaded.tape.gaps_in_all();
    assert_eq!(gaps.exchanges, progress.dropped);
    assert_eq!(progress.gaps, gaps.gaps);
    assert_eq!(loaded.notices, [Notice::Gaps(gaps)]);
    assert_eq!(progress.operations + progress.dropped, 102);
    assert_eq!(loaded.tape.operations().count() as u64, progress.operations);
    let gap = loaded.tape.gaps().next().unwrap();
    assert!(gap.at < gap.until && gap.bytes > 50_000, "{gap:?}");
    assert_eq!(targets(&loaded.tape).last(), Some(&"/last/push"));
    assert_eq!(recorder.progress().waiting, 0);
}

#[test]
fn an_exchange_whose_response_finds_no_room_is_left_out_whole() {
    let place = Place::new();
    let failure = Failure {
        when_behind: WhenBehind::Drop,
        max_queue: 16 * 1024,
        patience: NEVER,
        ..Failure::default()
    };
    let (recorder, held) = held(&place, failure);
    let mut tap = begin(&recorder, "/large");
    tap.request_end();
    wait(answer(tap, &"x".repeat(20_000)));
    wait(answer(begin(&recorder, "/small"), ""));
    held.go.send(()).unwrap();
    let summary = wait(recorder.close());
    assert_eq!(summary.progress.dropped, 1);
    assert_eq!(summary.progress.unanswered, 0);
    assert_eq!(summary.progress.under_way, 0);
    let tape = place.load().tape;
    assert_eq!(targets(&tape), ["/first", "/small"]);
    assert_eq!(tape.gaps_in_all().exchanges, 1);
}

#[test]
fn who_finds_little_room_waits_where_that_was_chosen() {
    let place = Place::new();
    let failure = Failure {
        max_queue: 1024,
        patience: NEVER,
        ..Failure::default()
    };
    let (recorder, held) = held(&place, failure);
    let before = answer(begin(&recorder, "/1"), &"x".repeat(700));
    assert!(!before.is_immediate());
    // Far beyond the cap nothing is taken in any more.
    let beyond = answer(begin(&recorder, "/2"), &"x".repeat(700));
    assert!(beyond.is_immediate());
    assert_eq!(recorder.progress().dropped, 1);
    held.go.send(()).unwrap();
    wait(before);
    wait(recorder.close());
    assert_eq!(targets(&place.load().tape), ["/first", "/1"]);
}

#[test]
fn what_is_missing_is_told_in_its_place_among_what_is_written_at_once() {
    let place = Place::new();
    let failure = Failure {
        patience: NEVER,
        ..Failure::default()
    };
    let (recorder, held) = held(&place, failure);
    let passed: Vec<Written> = ["/before", BEYOND, "/after"]
        .into_iter()
        .map(|target| answer(begin(&recorder, target), ""))
        .collect();
    held.go.send(()).unwrap();
    for written in passed {
        wait(written);
    }
    wait(recorder.close());
    let tape = place.load().tape;
    let told = |event: &Event| match event {
        Event::Operation(operation) => operation.request.target.clone(),
        Event::Gap(_) => "a gap".to_owned(),
        Event::Contract(_) | Event::Notification(_) | Event::Fact(_) => unreachable!(),
    };
    let told: Vec<String> = tape.events.iter().map(told).collect();
    assert_eq!(told, ["/first", "/before", "a gap", "/after"]);
}

#[test]
fn nobody_waits_longer_than_the_patience_while_a_segment_is_turned() {
    let place = Place::new();
    let (go, going) = mpsc::channel::<()>();
    let (hold, holds) = mpsc::channel();
    let (going, plain) = (Mutex::new(going), settings().clock);
    let backlog = Arc::new(OnceLock::<Arc<Backlog>>::new());
    let ours = Arc::clone(&backlog);
    let clock = Clock::new(move || {
        // While the writer has something in hand it looks only where it turns.
        let is_writer = std::thread::current().name() == Some("tape writer");
        if is_writer && ours.get().is_some_and(|backlog| backlog.is_at_work()) {
            hold.send(()).unwrap();
            let _ = going.lock().unwrap().recv(); // let go for good
        }
        plain.now()
    });
    let failure = Failure {
        patience: Duration::from_millis(50),
        ..Failure::default()
    };
    let settings = Settings {
        clock,
        failure,
        ..settings()
    };
    let recorder = place.start(settings).unwrap();
    backlog.set(Arc::clone(&recorder.0.backlog)).unwrap();
    wait(answer(begin(&recorder, "/first"), ""));
    recorder.reopen();
    holds.recv_timeout(NEVER).unwrap();
    wait(answer(begin(&recorder, "/second"), "")); // though the writer hangs
    assert!(recorder.condition().trouble.is_some());
    drop(go);
    caught_up(&recorder);
    assert!(wait(recorder.close()).is_whole());
    assert_eq!(targets(&place.load().tape), ["/first", "/second"]);
}

#[test]
fn what_ends_while_the_tape_is_closed_is_seen_to_be_missing() {
    let place = Place::new();
    let behind = &["/first", "/early"];
    let (recorder, held) = held_behind(&place, Failure::default(), behind);
    let (mut late, early) = (begin(&recorder, "/late"), begin(&recorder, "/early"));
    late.request_end();
    let last = answer(early, "");
    let mut closing = Box::pin(recorder.close());
    assert_eq!(closing.as_mut().now_or_never(), None);
    // The writer is held where it has the end in hand.
    held.go.send(()).unwrap();
    held.holds.recv_timeout(NEVER).unwrap();
    drop(last);
    let mut late = answer(late, "");
    held.go.send(()).unwrap();
    let summary = wait(closing);
    assert!(!summary.is_whole(), "{summary}");
    assert_eq!(summary.progress.missed, 1);
    assert_eq!((&mut late).now_or_never(), Some(()));
    assert_eq!(targets(&place.load().tape), ["/first", "/early"]);
    assert_eq!(recorder.progress().waiting, 0);
}
