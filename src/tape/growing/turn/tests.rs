//! What becomes of a recording that goes on in another file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::exchange::{Fact, Micros, Session, What};
use crate::tape::{Event, Existing, Layout, Notice, SegmentState, Tape};

fn header(segment: Option<Segment>) -> Header {
    Header {
        title: "t".into(),
        source: "s".into(),
        segment,
        ..Header::default()
    }
}

fn first() -> Header {
    header(Some(Segment {
        recording: "r".into(),
        number: 1,
    }))
}

fn event(at: u64) -> Event {
    Event::Fact(Fact {
        session: Session::new("a"),
        at: Micros(at),
        what: What::Disconnect,
    })
}

/// Writes an event into each of three segments.
fn three(path: &Path, header: &Header, sealing: Sealing) -> Vec<PathBuf> {
    let (mut growing, _) = Growing::open(path, header, Existing::Refuse).unwrap();
    let mut paths = Vec::new();
    for at in 0..3 {
        growing.push(&event(at));
        growing.flush().unwrap();
        paths.push(growing.path().to_owned());
        if at < 2 {
            let turned = growing.turn(sealing).unwrap();
            assert_eq!(turned.path, paths[usize::try_from(at).unwrap()]);
            assert!(turned.trouble.is_none());
        }
    }
    assert_eq!(growing.close().unwrap(), Closed::Sealed);
    paths
}

#[test]
fn segments_in_a_folder_are_one_tape() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("desk.tape");
    let paths = three(&path, &first(), Sealing::Certain);
    let names = ["000001.tape", "000002.tape", "000003.tape"];
    assert_eq!(paths, names.map(|name| path.join(name)));
    let loaded = Tape::load(&path).unwrap();
    assert_eq!(loaded.notices, []);
    assert_eq!(loaded.tape.events, [event(0), event(1), event(2)]);
    assert_eq!(loaded.tape.header, header(None));
    for path in &paths {
        let part = Tape::read_part(&fs::read(path).unwrap(), path).unwrap();
        assert_eq!((part.tape.events.len(), part.notices), (1, vec![]));
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let refused = Growing::open(&path, &first(), Existing::Refuse);
    assert!(matches!(refused, Err(TapeError::Exists { .. })));
}

#[test]
fn a_file_goes_on_beside_itself() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("desk.tape");
    let paths = three(&path, &header(None), Sealing::Uncertain);
    let names = ["desk.tape", "desk.000002.tape", "desk.000003.tape"];
    assert_eq!(paths, names.map(|name| place.path().join(name)));
    let unclosed = |number| Notice::Segment {
        number,
        state: SegmentState::Unclosed,
    };
    let loaded = Tape::load(&path).unwrap();
    assert_eq!(loaded.notices, [unclosed(1), unclosed(2)]);
    assert_eq!(loaded.tape.events, [event(0), event(1), event(2)]);
    let (mut growing, before) = Growing::open(&path, &header(None), Existing::Append).unwrap();
    assert_eq!(before.unwrap().last_time, Micros(2));
    assert_eq!(growing.number(), 3);
    growing.push(&event(3));
    let busy = Growing::open(&path, &header(None), Existing::Append);
    assert!(matches!(busy, Err(TapeError::Busy { .. })));
    growing.close().unwrap();
    assert_eq!(Tape::load(&path).unwrap().tape.events.len(), 4);
}

#[test]
fn what_waits_goes_to_the_new_segment_where_the_old_one_is_uncertain() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("desk.tape");
    let (mut growing, _) = Growing::open(&path, &first(), Existing::Refuse).unwrap();
    growing.push(&event(0));
    let turned = growing.turn(Sealing::Uncertain).unwrap();
    assert_eq!(turned.closed, Closed::Unsealed);
    assert_eq!(growing.close().unwrap(), Closed::Sealed);
    let at = |name| {
        let path = path.join(name);
        Tape::read_part(&fs::read(&path).unwrap(), &path).unwrap()
    };
    let left = at("000001.tape");
    assert_eq!(
        (left.tape.events, left.notices),
        (vec![], vec![Notice::Unclosed])
    );
    let second = at("000002.tape");
    assert_eq!(
        (second.tape.events, second.notices),
        (vec![event(0)], vec![])
    );
}

#[test]
fn compressed_segments_are_one_tape_and_go_on() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("desk.tape");
    for (path, header) in [
        (folder.clone(), first()),
        (place.path().join("one.tape.zst"), header(None)),
    ] {
        for round in 0..3 {
            let existing = Existing::Append;
            let opened = Growing::open_packed(&path, &header, existing, Packing::Zstd);
            let (mut growing, before) = opened.unwrap();
            assert_eq!(before.map_or(0, |before| before.last_time.0), 2 * round);
            for at in [2 * round + 1, 2 * round + 2] {
                growing.push(&event(at));
                growing.flush().unwrap();
            }
            if round == 1 {
                growing.turn(Sealing::Certain).unwrap();
            }
            if round < 2 {
                // What was flushed is there whatever becomes of the writer.
                let loaded = Tape::load(&path).unwrap();
                let last = if round == 1 { 4 } else { 2 };
                assert_eq!(
                    loaded.tape.events,
                    (1..=last).map(event).collect::<Vec<_>>()
                );
                assert!(loaded.notices.contains(&Notice::Unclosed));
            }
            growing.close().unwrap();
        }
        let loaded = Tape::load(&path).unwrap();
        assert_eq!(loaded.notices, []);
        assert_eq!(loaded.tape.events, (1..=6).map(event).collect::<Vec<_>>());
    }
    let files = [
        folder.join("000001.tape.zst"),
        folder.join("000002.tape.zst"),
        place.path().join("one.tape.zst"),
        place.path().join("one.000002.tape.zst"),
    ];
    for path in files {
        let bytes = fs::read(&path).unwrap();
        assert_eq!(Packing::of(&bytes), Packing::Zstd);
        assert!(
            bytes.ends_with(&[0xb1, 0xea, 0x92, 0x8f]),
            "{path:?} has no seek table"
        );
        let part = Tape::read_part(&bytes, &path).unwrap();
        assert_eq!(part.notices, []);
        // A layout for people is one frame, and a recording goes on with it too.
        part.tape.save(&path, Layout::Pretty).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(Packing::of(&bytes), Packing::Zstd);
        assert_eq!(Tape::read_part(&bytes, &path).unwrap().tape, part.tape);
    }
    let (mut growing, _) = Growing::open(&folder, &first(), Existing::Append).unwrap();
    growing.push(&event(7));
    growing.close().unwrap();
    assert_eq!(Tape::load(&folder).unwrap().tape.events.len(), 7);
}

#[test]
fn nothing_changes_where_the_next_segment_cannot_be_made() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("desk.tape");
    let (mut growing, _) = Growing::open(&path, &first(), Existing::Refuse).unwrap();
    growing.push(&event(0));
    let next = path.join("000002.tape");
    fs::create_dir(&next).unwrap();
    assert!(growing.turn(Sealing::Certain).is_err());
    assert_eq!(growing.number(), 1);
    growing.push(&event(1));
    fs::remove_dir(&next).unwrap();
    assert_eq!(growing.close().unwrap(), Closed::Sealed);
    let loaded = Tape::load(&path).unwrap();
    assert_eq!((loaded.tape.events.len(), loaded.notices), (2, vec![]));
}

#[test]
fn a_file_that_was_given_another_name_is_left_and_one_that_was_not_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("desk.tape");
    let (mut growing, _) = Growing::open(&path, &header(None), Existing::Refuse).unwrap();
    growing.push(&event(0));
    assert!(matches!(growing.reopen().unwrap(), Reopened::Same));
    let old = place.path().join("desk.tape.1");
    fs::rename(&path, &old).unwrap();
    fs::write(&path, "").unwrap();
    assert!(matches!(growing.reopen().unwrap(), Reopened::Turned(_)));
    growing.push(&event(1));
    growing.close().unwrap();
    let old = Tape::load(&old).unwrap();
    assert_eq!((old.tape.events, old.notices), (vec![event(0)], vec![]));
    let new = Tape::load(&path).unwrap();
    assert_eq!(new.tape.events, [event(1)]);
    assert_eq!(new.notices, [Notice::Begins { segment: 2 }]);
}
