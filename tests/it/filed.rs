//! Tapes whose operations stay in their files while they are replayed or verified.

mod pushed;

use std::fs::{self, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use antiphon::exchange::{
    Body, End, Form, Headers, Micros, Operation, OperationId, Request, Response, Session,
};
use antiphon::tape::{Event, Header, Layout, Packing, Segment, Style, Tape, Trust};

use crate::support::{Replay, fetch, get, peak, report};

/// A folder of a test's own.
fn folder(name: &str) -> PathBuf {
    let name = format!("filed-{name}-{}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A tape of reads, one for each of these bodies: the first is at `/1`.
fn tape(first: u64, bodies: &[Vec<u8>], segment: Option<u64>) -> Tape {
    let event = |(body, id): (&Vec<u8>, u64)| {
        let request = Request {
            method: "GET".into(),
            target: format!("/{id}"),
            headers: Headers::new(),
            body: Body::default(),
            trailers: Headers::new(),
        };
        let response = Response {
            status: 200,
            headers: [("x-number", id.to_string())].into_iter().collect(),
            body: Body::new(body.clone()),
            trailers: Headers::new(),
        };
        Event::Operation(Operation {
            id: OperationId(id),
            session: Session::new("a"),
            at: Micros(id),
            answered: Micros(id),
            request,
            response,
            end: End::Complete,
            form: Form::Exchange,
            repairs: Vec::new(),
        })
    };
    Tape {
        header: Header {
            title: "t".into(),
            source: "s".into(),
            started: None,
            endpoint: None,
            trust: Trust::Checked,
            segment: segment.map(|number| Segment {
                recording: "r".into(),
                number,
            }),
            redaction: None,
        },
        events: bodies.iter().zip(first..).map(event).collect(),
    }
}

/// Bodies in every form that a tape has for them, and one that is longer than what is read at once.
fn bodies() -> Vec<Vec<u8>> {
    let octets: Vec<u8> = (0..=255).chain(0..=255).collect();
    vec![
        br#"{"a":[1,-2.50,"\u00e9\n"]}"#.to_vec(),
        b"{\"a\": [1, 2], \"b\": null}".to_vec(),
        b"[\n  {\n    \"a\": \"b\"\n  }\n]".to_vec(),
        "text \u{e9} {\"\n".into(),
        octets,
        Vec::new(),
        format!("{{\"long\":\"{}\"}}", "x".repeat(3 << 20)).into_bytes(),
        b"\"the last\"".to_vec(),
    ]
}

fn save(tape: &Tape, path: &Path, packing: Packing) {
    let layout = Layout::Lines;
    tape.save_as(path, Style { layout, packing }).unwrap();
}

/// Asks for every body, and must get each to the byte.
fn is_served(path: &Path, bodies: &[Vec<u8>]) {
    let replay = Replay::start(&[path.to_str().unwrap()]);
    // The last first: the order of the tape does not help.
    for (number, body) in (1..).zip(bodies).collect::<Vec<_>>().into_iter().rev() {
        let (headers, got) = fetch(&format!("{}/{number}", replay.origin), &[]);
        assert_eq!(headers["x-number"], number.to_string());
        assert!(got == *body, "/{number} of {}", path.display());
    }
    assert_eq!(report(&replay)["clean"], true);
}

#[test]
fn every_body_is_served_to_the_byte_from_files_of_each_kind() {
    let (folder, bodies) = (folder("kinds"), bodies());
    for (name, packing) in [
        ("plain.tape", Packing::Plain),
        ("packed.tape", Packing::Zstd),
    ] {
        let path = folder.join(name);
        save(&tape(1, &bodies, None), &path, packing);
        is_served(&path, &bodies);
    }
    let path = folder.join("laid-out.tape");
    tape(1, &bodies, None).save(&path, Layout::Pretty).unwrap();
    is_served(&path, &bodies);
    let segments = folder.join("segments.tape");
    fs::create_dir(&segments).unwrap();
    let (first, second) = bodies.split_at(3);
    let one = segments.join("000001.tape");
    save(&tape(1, first, Some(1)), &one, Packing::Plain);
    let two = segments.join("000002.tape.zst");
    save(&tape(4, second, Some(2)), &two, Packing::Zstd);
    is_served(&segments, &bodies);
}

#[test]
fn a_torn_tape_is_served_without_its_last_object() {
    let path = folder("torn").join("t.tape");
    let bodies: Vec<Vec<u8>> = bodies().into_iter().take(4).collect();
    let text = tape(1, &bodies, None).write(Layout::Lines);
    let lines: Vec<&str> = text.lines().collect();
    let whole = lines[..4].join("\n");
    fs::write(&path, format!("{whole}\n{}", &lines[4][..60])).unwrap();
    let replay = Replay::start(&[path.to_str().unwrap()]);
    replay.says("the last object is torn: 60 bytes were dropped");
    assert_eq!(get(&format!("{}/3", replay.origin)).status, 200);
    assert_eq!(get(&format!("{}/4", replay.origin)).status, 404);
}

#[test]
fn a_tape_that_is_changed_while_it_is_replayed_plays_no_more() {
    let bodies = [b"\"first\"".to_vec(), b"\"second\"".to_vec()];
    let text = tape(1, &bodies, None).write(Layout::Lines);
    let place = text.find("second").unwrap() as u64;
    for (name, change) in [("edited", true), ("cut", false)] {
        let path = folder(name).join("t.tape");
        fs::write(&path, &text).unwrap();
        let replay = Replay::start(&[path.to_str().unwrap()]);
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        if change {
            file.seek(SeekFrom::Start(place)).unwrap();
            file.write_all(b"S").unwrap();
        } else {
            file.set_len(place).unwrap();
        }
        let answer = get(&format!("{}/2", replay.origin));
        assert_eq!(answer.status, 500, "{}", answer.text);
        assert_eq!(answer.json()["error"], "tape");
        assert!(
            answer.text.contains("was changed after it was loaded"),
            "{}",
            answer.text
        );
        // Who knows what else was changed: nothing is answered any more.
        assert_eq!(get(&format!("{}/1", replay.origin)).status, 500);
    }
}

#[test]
fn a_tape_that_is_replaced_while_it_is_replayed_plays_as_it_was() {
    let path = folder("replaced").join("t.tape");
    let bodies = [b"\"first\"".to_vec(), b"\"second\"".to_vec()];
    save(&tape(1, &bodies, None), &path, Packing::Plain);
    let replay = Replay::start(&[path.to_str().unwrap()]);
    save(&tape(1, &[b"1".to_vec()], None), &path, Packing::Plain);
    assert_eq!(get(&format!("{}/2", replay.origin)).text, "\"second\"");
}

/// So many bodies of 256 KiB.
fn large(count: usize) -> Vec<Vec<u8>> {
    let more = "x".repeat(256 << 10);
    let body = |number: usize| format!("{{\"number\":{number},\"x\":\"{more}\"}}").into_bytes();
    (0..count).map(body).collect()
}

#[test]
fn a_replay_does_not_hold_the_bodies_of_its_tape() {
    let path = folder("large").join("t.tape");
    let bodies = large(512);
    save(&tape(1, &bodies, None), &path, Packing::Plain);
    let size = fs::metadata(&path).unwrap().len();
    let replay = Replay::start(&[path.to_str().unwrap()]);
    for number in [1, 200, 512] {
        let answer = get(&format!("{}/{number}", replay.origin));
        assert!(answer.text.as_bytes() == bodies[number - 1]);
    }
    let most = replay.most_memory();
    assert!(most < size / 2, "{most} bytes for a tape of {size}");
}

#[test]
fn a_replay_does_not_hold_the_bodies_of_a_tape_that_stands_otherwise_than_it_is_played() {
    let (folder, bodies) = (folder("otherwise"), large(128));
    let small = folder.join("small.tape");
    save(&tape(1, &bodies[..1], None), &small, Packing::Plain);
    let little = Replay::start(&[small.to_str().unwrap()]).most_memory();
    let mut tape = tape(1, &bodies, None);
    let laid_out = folder.join("laid-out.tape");
    tape.save(&laid_out, Layout::Pretty).unwrap();
    for event in &mut tape.events {
        let Event::Operation(operation) = event else {
            continue;
        };
        let blotted = [("cookie", "SID=***")].into_iter();
        operation.request.headers = blotted.collect();
    }
    let blotted_out = folder.join("blotted-out.tape");
    save(&tape, &blotted_out, Packing::Plain);
    for path in [laid_out, blotted_out] {
        let size = fs::metadata(&path).unwrap().len();
        let replay = Replay::start(&[path.to_str().unwrap()]);
        for number in [1, 64, 128] {
            let url = format!("{}/{number}", replay.origin);
            let (_, content) = fetch(&url, &[("Cookie", "SID=mine")]);
            assert!(content == bodies[number - 1]);
        }
        let most = replay.most_memory();
        let of = path.display();
        assert!(most < little + size / 2, "{most} bytes for {of} of {size}");
    }
}

#[test]
fn a_tape_is_played_where_there_is_no_folder_for_what_is_written_meanwhile() {
    let path = folder("no-room").join("t.tape");
    tape(1, &bodies(), None)
        .save(&path, Layout::Pretty)
        .unwrap();
    let verify = |temporary: &str| {
        let mut verify = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        let output = verify.args(["verify", "--runs", "1"]).arg(&path);
        let output = output.env("TMPDIR", temporary).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let digest = text
            .split_whitespace()
            .find(|word| word.starts_with("blake3:"));
        digest.unwrap().to_owned()
    };
    assert_eq!(verify("/no/such/folder"), verify("/tmp"));
}

#[test]
fn a_tape_is_verified_without_holding_its_bodies() {
    let path = folder("verified").join("t.tape");
    save(&tape(1, &large(400), None), &path, Packing::Plain);
    let size = fs::metadata(&path).unwrap().len();
    let mut verify = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(["verify", "--runs", "1"])
        .arg(&path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // When it has ended nobody can tell any more.
    let mut most = 0;
    let status = loop {
        most = peak(&verify).map_or(most, |kilobytes| kilobytes * 1024);
        if let Some(status) = verify.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success(), "{status}");
    assert!(
        0 < most && most < size * 2 / 3,
        "{most} bytes for a tape of {size}"
    );
}
