//! The recorder from tap to tape, with an understanding as plain as can be.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use bytes::Bytes;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::exchange::{
    Body, CauseBy, Cut, End, Notification, NotificationId, Operation, OperationId, Request, Session,
};
use crate::tape::Tape;
use crate::tape::{Closed, Existing};

/// Every exchange is an operation of alice's; each `/push` in its target is a notification that comes
/// as soon as the request is complete.
struct Plain {
    requests: BTreeMap<Passing, (OperationId, Micros, Request)>,
    last: u64,
}

impl Plain {
    fn boxed(last: u64) -> Understand {
        Box::new(Plain {
            requests: BTreeMap::new(),
            last,
        })
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn requested(&mut self, passing: Passing, at: Micros, request: Request) -> Vec<Event> {
        let id = OperationId(self.number());
        let pushed = request.target.matches("/push").count();
        self.requests.insert(passing, (id, at, request));
        let push = |_| {
            Event::Notification(Notification {
                id: NotificationId(self.number()),
                session: Session::new("alice"),
                at,
                channel: "/c".into(),
                after: vec![id],
                cause_by: Some(CauseBy::Session),
                data: Body::new("{}"),
                repairs: Vec::new(),
            })
        };
        (0..pushed).map(push).collect()
    }
}

impl Understands for Plain {
    fn observe(&mut self, observation: Observation) -> Vec<Event> {
        match observation {
            Observation::Request {
                passing,
                at,
                request,
                ..
            } => self.requested(passing, at, request),
            Observation::Response {
                passing,
                at,
                response,
                end,
            } => {
                let (id, began, request) = self.requests.remove(&passing).unwrap();
                vec![Event::Operation(Operation {
                    id,
                    session: Session::new("alice"),
                    at: began,
                    answered: at,
                    request,
                    response,
                    end,
                    repairs: Vec::new(),
                })]
            }
            Observation::Gone { passing, .. } => {
                self.requests.remove(&passing).unwrap();
                Vec::new()
            }
        }
    }

    fn close(&mut self, _: Micros) -> Vec<Event> {
        Vec::new()
    }
}

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        Place {
            folder: TempDir::new().unwrap(),
        }
    }

    fn tape(&self) -> PathBuf {
        self.folder.path().join("a.tape")
    }

    fn start(&self, settings: Settings) -> Result<Recorder, RecorderError> {
        Recorder::start_with(
            settings,
            |known| Plain::boxed(known.last_number),
            &header(),
            &self.tape(),
        )
    }

    fn load(&self) -> Loaded {
        Tape::load(&self.tape()).unwrap()
    }
}

fn header() -> Header {
    Header {
        title: "a recording".into(),
        source: "http://127.0.0.1:1".into(),
        started: None,
        endpoint: None,
    }
}

/// Settings with a clock that goes one step a look.
fn settings() -> Settings {
    let time = Mutex::new(0);
    Settings {
        clock: Clock::new(move || {
            let mut time = time.lock().unwrap();
            *time += 1;
            Micros(*time)
        }),
        ..Settings::default()
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

fn begin(recorder: &Recorder, target: &str) -> Tap {
    recorder.begin(Connection(1), "POST", target, Headers::new())
}

fn answer(mut tap: Tap, content: &str) -> Written {
    tap.request_end();
    tap.response_head(200, Headers::new());
    tap.response_data(&Bytes::copy_from_slice(content.as_bytes()));
    tap.end(End::Complete)
}

fn targets(tape: &Tape) -> Vec<&str> {
    tape.operations()
        .map(|operation| operation.request.target.as_str())
        .collect()
}

#[test]
fn what_was_acknowledged_is_in_the_file() {
    for durability in [Durability::Written, Durability::Synced] {
        let place = Place::new();
        let recorder = place
            .start(Settings {
                durability,
                ..settings()
            })
            .unwrap();
        for number in 1..4 {
            wait(answer(begin(&recorder, &format!("/{number}")), "x"));
            let loaded = place.load();
            assert_eq!(loaded.notices, [Notice::Unclosed]);
            assert_eq!(loaded.tape.operations().count(), number);
        }
        let summary = wait(recorder.close());
        assert!(summary.is_whole(), "{summary}");
        assert_eq!(
            summary.to_string(),
            "3 operations, 0 notifications, 1 session"
        );
        assert_eq!(place.load().notices, []);
    }
}

#[test]
fn relaxed_does_not_wait_and_is_written_all_the_same() {
    let place = Place::new();
    let recorder = place
        .start(Settings {
            durability: Durability::Relaxed,
            ..settings()
        })
        .unwrap();
    for _ in 0..100 {
        let written = answer(begin(&recorder, "/1"), "x");
        assert!(written.is_immediate());
    }
    assert!(wait(recorder.close()).is_whole());
    assert_eq!(place.load().tape.operations().count(), 100);
}

#[test]
fn an_operation_is_kept_as_it_passed() {
    let place = Place::new();
    let recorder = place.start(settings()).unwrap();
    let headers: Headers = [("A", "1"), ("a", "2")].into_iter().collect();
    let tap = recorder.begin(Connection(7), "PUT", "/x?y=1", headers.clone());
    let (mut request, mut response) = tap.split();
    request.data(&Bytes::from_static(b"{\"a\":"));
    request.data(&Bytes::from_static(b"1}"));
    request.end();
    response.head(201, headers.clone());
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

/// The name under which the test below runs itself as the program that is killed.
const KILLED: &str = "ANTIPHON_TEST_KILLED_TAPE";

/// Records until it is killed, and says on stdout which exchanges were acknowledged.
#[test]
#[ignore = "it is the program that the test of kill -9 kills"]
fn records_until_killed() {
    let path = PathBuf::from(std::env::var_os(KILLED).unwrap());
    let settings = Settings {
        existing: Existing::Append,
        ..Settings::default()
    };
    let recorder = Recorder::start_with(
        settings,
        |known| Plain::boxed(known.last_number),
        &header(),
        &path,
    )
    .unwrap();
    let worker = |worker: u32| {
        let recorder = recorder.clone();
        move || {
            for number in 0.. {
                let target = format!("/{}-{worker}-{number}/push", std::process::id());
                let mut tap = begin(&recorder, &target);
                tap.request_data(&Bytes::from(vec![b'x'; 300]));
                wait(answer(tap, "[1,2,3]"));
                println!("\nacknowledged {target}");
            }
        }
    };
    std::thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(worker(number));
        }
    });
}

/// Records more than fits into a file, and says what the summary says.
#[test]
#[ignore = "it is the program that the test of a full disk runs"]
fn records_more_than_fits() {
    let path = PathBuf::from(std::env::var_os(KILLED).unwrap());
    let recorder = Recorder::start_with(
        settings(),
        |known| Plain::boxed(known.last_number),
        &header(),
        &path,
    )
    .unwrap();
    for number in 0..100 {
        wait(answer(
            begin(&recorder, &format!("/{number}")),
            &"x".repeat(1000),
        ));
    }
    let summary = wait(recorder.close());
    assert!(!summary.is_whole());
    assert_eq!(summary.closed, None);
    println!("\nlost {}", summary.progress.lost);
    println!("{summary}");
}

#[test]
fn a_full_disk_is_reported_and_leaves_a_tape_that_loads() {
    let place = Place::new();
    let output = Command::new("sh")
        // A file that may not grow fails as a disk that is full does; 64 blocks are 32 or 64 KiB.
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("recorder::tests::records_more_than_fits")
        .env(KILLED, place.tape())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let lost = said.lines().find_map(|line| line.strip_prefix("lost "));
    let lost: usize = lost.unwrap().parse().unwrap();
    assert!(said.contains("trouble: cannot write"), "{said}");
    let loaded = place.load();
    assert_eq!(loaded.notices, [Notice::Unclosed]);
    let kept = targets(&loaded.tape);
    assert!(kept.len() > 10, "{}", kept.len());
    assert_eq!(kept.len() + lost, 100);
    let expected: Vec<String> = (0..kept.len()).map(|number| format!("/{number}")).collect();
    assert_eq!(kept, expected);
}

#[test]
fn nothing_acknowledged_is_lost_when_the_recorder_is_killed() {
    const KILLS: usize = 20;
    let place = Place::new();
    let mut acknowledged: Vec<String> = Vec::new();
    for round in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture"])
            .arg("recorder::tests::records_until_killed")
            .env(KILLED, place.tape())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The moment is as random as the scheduling of five threads; the count only spreads it.
        let mut heard = 0;
        while heard <= round * 7 {
            let line = lines.next().expect("an acknowledgement").unwrap();
            if let Some(target) = line.strip_prefix("acknowledged ") {
                acknowledged.push(target.to_owned());
                heard += 1;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had said before it was killed is still in the pipe; the last line may be half.
        let rest: Vec<String> = lines.map_while(Result::ok).collect();
        let whole = rest.iter().filter(|line| line.ends_with("/push"));
        let said = whole.filter_map(|line| line.strip_prefix("acknowledged "));
        acknowledged.extend(said.map(str::to_owned));

        let tape = place.load().tape;
        let kept: std::collections::BTreeSet<&str> = targets(&tape).into_iter().collect();
        let lost: Vec<&String> = acknowledged
            .iter()
            .filter(|target| !kept.contains(target.as_str()))
            .collect();
        assert!(lost.is_empty(), "kill {round}: lost {lost:?}");
    }
    let settings = Settings {
        existing: Existing::Append,
        ..settings()
    };
    let recorder = place.start(settings).unwrap();
    assert!(wait(recorder.close()).is_whole());
    assert_eq!(place.load().notices, []);
}

/// How many kilobytes of memory this process has had at most.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse().unwrap()
}

#[test]
#[ignore = "it measures the memory of the process, so it must be the only test in it"]
fn a_body_of_a_gibibyte_takes_little_memory() {
    const CHUNK: usize = 64 * 1024;
    let place = Place::new();
    let recorder = place.start(settings()).unwrap();
    let chunk = Bytes::from(vec![0xff; CHUNK]);
    let before = peak();
    let mut tap = begin(&recorder, "/large");
    tap.request_end();
    tap.response_head(200, Headers::new());
    for _ in 0..(1 << 30) / CHUNK {
        tap.response_data(&chunk);
    }
    wait(tap.end(End::Complete));
    wait(recorder.close());
    let grown = peak() - before;
    println!("grown by {grown} kB");
    assert!(grown < 32 * 1024, "{grown} kB");
    let tape = place.load().tape;
    let body = &tape.operations().next().unwrap().response.body;
    assert_eq!(body.bytes().len(), DEFAULT_MAX_BODY);
    assert!(matches!(body.cut(), Some(Cut::Passed { length, .. }) if *length == 1 << 30));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn taps_in_any_order_make_a_tape_that_loads(steps in prop::collection::vec((0_usize..6, 0..5), 1..60)) {
        let place = Place::new();
        let recorder = place.start(Settings { durability: Durability::Relaxed, ..settings() }).unwrap();
        let mut taps: BTreeMap<usize, Tap> = BTreeMap::new();
        let mut written = Vec::new();
        for (name, step) in steps {
            let tap = taps.entry(name).or_insert_with(|| begin(&recorder, "/a/push"));
            match step {
                0 => tap.request_data(&Bytes::from_static(b"q")),
                1 => tap.request_end(),
                2 => tap.response_head(200, Headers::new()),
                3 => written.extend(taps.remove(&name).map(|tap| tap.end(End::Complete))),
                _ => drop(taps.remove(&name)),
            }
        }
        taps.clear();
        for written in written {
            wait(written);
        }
        let summary = wait(recorder.close());
        prop_assert!(summary.is_whole(), "{}", summary);
        let loaded = place.load();
        prop_assert_eq!(&loaded.notices, &[]);
        prop_assert_eq!(loaded.tape.operations().count() as u64, summary.progress.operations);
    }
}
