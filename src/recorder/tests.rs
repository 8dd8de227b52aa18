//! The recorder from tap to tape, with an understanding as plain as can be.

mod failing;
mod file;
mod kept;
mod socket;
mod waiting;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, mpsc};

use bytes::Bytes;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::exchange::{
    Body, Carrier, CauseBy, Cut, End, Form, Notification, NotificationId, Operation, OperationId,
    Request, Session,
};
use crate::tape::{Closed, Existing, Gaps, Loaded, Tape};

/// Every exchange is an operation of alice's; each `/push` in its target is a notification that comes
/// as soon as the request is complete.
struct Plain {
    requests: BTreeMap<Passing, (OperationId, Micros, Request)>,
    last: u64,
}

/// The target of a request on which the understanding panics.
const BEYOND: &str = "/beyond";

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
                carrier: Carrier::Bayeux,
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
            Observation::Request { request, .. } if request.target == BEYOND => {
                panic!("this cannot be understood")
            }
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
                let Some((id, began, request)) = self.requests.remove(&passing) else {
                    return Vec::new();
                };
                vec![Event::Operation(Operation {
                    form: Form::Exchange,
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
            Observation::Opened { .. }
            | Observation::Passed { .. }
            | Observation::Ended { .. }
            | Observation::Ending { .. } => Vec::new(),
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
        ..Header::default()
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
    recorder.begin(Connection(1), "POST", target, |_| Headers::new())
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
