//! The file of a tape: whose it is, and how a recording goes on with one that is there.

use super::*;

#[test]
fn a_tape_that_is_there_is_refused_continued_or_replaced() {
    let place = Place::new();
    let with = |existing| Settings {
        existing,
        ..settings()
    };
    let record = |existing, target: &str| {
        let recorder = place.start(with(existing)).unwrap();
        wait(answer(begin(&recorder, target), ""));
        assert!(wait(recorder.close()).is_whole());
        recorder.notices().to_vec()
    };
    record(Existing::Refuse, "/1/push");
    let before = fs::read(place.tape()).unwrap();
    let refused = place.start(with(Existing::Refuse)).unwrap_err();
    assert!(matches!(
        refused,
        RecorderError::Tape(TapeError::Exists { .. })
    ));
    assert_eq!(fs::read(place.tape()).unwrap(), before);

    assert_eq!(record(Existing::Append, "/2/push"), []);
    let tape = place.load().tape;
    assert_eq!(targets(&tape), ["/1/push", "/2/push"]);
    let ids: Vec<u64> = tape.operations().map(|operation| operation.id.0).collect();
    assert_eq!(ids, [1, 3]);
    let second = tape.notifications().nth(1).unwrap();
    assert_eq!(
        (second.id.0, second.after.as_slice()),
        (4, &[OperationId(3)][..])
    );
    let times: Vec<Micros> = tape
        .operations()
        .map(|operation| operation.answered)
        .collect();
    assert!(times[0] < times[1], "{times:?}");

    record(Existing::Replace, "/3");
    assert_eq!(targets(&place.load().tape), ["/3"]);
}

#[test]
fn a_recording_goes_on_after_a_tape_laid_out_for_people() {
    let place = Place::new();
    let record = |existing| {
        let settings = Settings {
            existing,
            ..settings()
        };
        let recorder = place.start(settings).unwrap();
        wait(answer(begin(&recorder, "/1/push"), ""));
        wait(recorder.close());
    };
    record(Existing::Refuse);
    let tape = place.load().tape;
    tape.save(&place.tape(), crate::tape::Layout::Pretty)
        .unwrap();
    record(Existing::Append);
    let loaded = place.load();
    assert_eq!(loaded.notices, []);
    assert_eq!(loaded.tape.operations().count(), 2);
}

#[test]
fn a_tape_cut_anywhere_goes_on() {
    let place = Place::new();
    let recorder = place.start(settings()).unwrap();
    for _ in 0..2 {
        wait(answer(begin(&recorder, "/1/push"), "{\"a\": \"é\"}"));
    }
    wait(recorder.close());
    let whole = fs::read(place.tape()).unwrap();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for end in header..=whole.len() {
        fs::write(place.tape(), &whole[..end]).unwrap();
        let before = place.load().tape;
        let settings = Settings {
            existing: Existing::Append,
            ..settings()
        };
        let recorder = place.start(settings).unwrap();
        wait(answer(begin(&recorder, "/2"), ""));
        assert!(wait(recorder.close()).is_whole());
        let loaded = place.load();
        assert_eq!(loaded.notices, [], "{end}");
        let (last, rest) = loaded.tape.events.split_last().unwrap();
        assert_eq!(rest, before.events, "{end}");
        assert!(matches!(last, Event::Operation(operation) if operation.request.target == "/2"));
    }
}

#[test]
fn an_empty_file_is_a_recording_killed_before_its_first_write() {
    let place = Place::new();
    fs::write(place.tape(), "").unwrap();
    let settings = Settings {
        existing: Existing::Append,
        ..settings()
    };
    wait(place.start(settings).unwrap().close());
    assert_eq!(place.load().notices, []);
}

#[test]
fn what_is_no_tape_is_not_appended_to() {
    let place = Place::new();
    fs::write(place.tape(), "notes\n").unwrap();
    let settings = Settings {
        existing: Existing::Append,
        ..settings()
    };
    let error = place.start(settings).unwrap_err();
    assert!(matches!(
        error,
        RecorderError::Tape(TapeError::Unreadable(_))
    ));
    assert_eq!(fs::read(place.tape()).unwrap(), b"notes\n");
}

#[test]
fn one_program_writes_a_tape_at_a_time() {
    let place = Place::new();
    let recorder = place.start(settings()).unwrap();
    wait(answer(begin(&recorder, "/1"), ""));
    let busy = |error: &RecorderError| matches!(error, RecorderError::Tape(TapeError::Busy { .. }));
    for existing in [Existing::Append, Existing::Replace] {
        let settings = Settings {
            existing,
            ..settings()
        };
        assert!(busy(&place.start(settings).unwrap_err()));
    }
    let tape = place.load().tape; // reading is free
    let save = tape.save(&place.tape(), crate::tape::Layout::Lines);
    assert!(matches!(save, Err(TapeError::Busy { .. })));
    wait(recorder.close());
    tape.save(&place.tape(), crate::tape::Layout::Lines)
        .unwrap();
}
