//! Members of an office who hear each other by streams: by npm's `EventSource` and Chromium's from npm's
//! `better-sse`, and by lines of JSON. What they get through a recorder is what they get without it, and
//! a replay gives them the same.
//!
//! The office itself logs the truth, with the operation that each event came of.

mod chromium;
mod company;
mod copies;
mod guarded;
mod lost;
mod office;
mod runs;
mod script;

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{PATIENCE, PATIENT, Server};
use crate::tape::{shown, verified};
use crate::telling::Truth;

use company::{Company, Ear, Over, Told};
use office::Office;
use script::{Day, NAMES};

/// How long a replay holds a poll, in milliseconds; nobody polls here.
const POLL: u32 = 1_000;

/// How often a replay is asked how far it has come.
const GLANCE: Duration = Duration::from_millis(10);

/// A recorded day: the folder with the tape, what its members got, and the truth.
struct Recorded {
    folder: TempDir,
    day: Day,
    told: Vec<Told>,
    truth: Truth,
}

impl Recorded {
    /// A day through a recorder, with members who listen so.
    fn new(ear: Ear, over: Over) -> Recorded {
        Recorded::of(Day::of(ear), ear, over)
    }

    /// This day through a recorder.
    fn of(day: Day, ear: Ear, over: Over) -> Recorded {
        let office = Office::open();
        let folder = tempfile::tempdir().unwrap();
        let recording = Server::record(&office.origin, &folder.path().join("office.tape"));
        let told = Company::at(&recording.origin, ear, over).play(&day.in_turn());
        recording.end_well();
        let truth = office.close();
        Recorded {
            folder,
            day,
            told,
            truth,
        }
    }

    fn tape(&self) -> PathBuf {
        self.folder.path().join("office.tape")
    }

    /// The tape tells of each event what the office does, and because of what.
    fn tells_the_truth(&self, ear: Ear) {
        let (document, _) = shown(&self.tape());
        let list = |what: &str| document[what].as_array().unwrap().clone();
        let (operations, notifications) = (list("operations"), list("notifications"));
        for name in NAMES {
            let of = |one: &&Value| one["session"] == name;
            let taped: Vec<Value> = notifications
                .iter()
                .filter(of)
                .filter(|one| is_heard(one))
                .map(|one| json!([one["data"], one["after"]]))
                .collect();
            let number = |cause: &Value| {
                let place = self.truth.operations.iter();
                let mut place = place.filter(|one| one["member"] == cause["member"]);
                place.position(|one| one["number"] == cause["number"])
            };
            let cause = |event: &Value| {
                let mut all = self.truth.operations.iter();
                let cause = all.find(|one| one["number"] == event["cause"]).unwrap();
                let mut of = operations
                    .iter()
                    .filter(|one| one["session"] == cause["member"]);
                json!([of.nth(number(cause).unwrap()).unwrap()["id"]])
            };
            let truth = self.truth.events.iter();
            let truth: Vec<Value> = truth
                .filter(|event| event["member"] == name)
                .map(|event| json!([data(ear, event), cause(event)]))
                .collect();
            assert_eq!(taped, truth, "{name}");
        }
    }

    /// The same members get the same from a replay, as often as they like.
    fn replays(&self, ear: Ear, over: Over) -> String {
        let replay = Server::replay_with(&self.tape(), POLL, PATIENT);
        let mut company = Company::at(&replay.origin, ear, over);
        assert_eq!(company.play(&self.day.in_turn()), self.told);
        let first = replay.clean_report();
        replay.reset();
        assert_eq!(company.play(&self.day.in_turn()), self.told);
        let second = replay.clean_report();
        assert_eq!(second["digest"], first["digest"]);
        replay.end_well();
        first["digest"].as_str().unwrap().to_owned()
    }
}

/// Lets members play these parts at a replay until everything on the tape was played; what came of it,
/// and the digest. How often a client comes back that has heard everything, only the replay can say.
fn play_all(company: &mut Company, replay: &Server, parts: &Value) -> (Vec<Told>, Value) {
    let told = company
        .stay(parts)
        .unwrap_or_else(|words| panic!("{words}\n{}", replay.admin("report")));
    let end = Instant::now() + PATIENCE;
    while replay.admin("report")["clean"] != true && Instant::now() < end {
        thread::sleep(GLANCE);
    }
    let digest = replay.clean_report()["digest"].clone();
    company.leave();
    (told, digest)
}

/// Whether a client hears of a notification, and it does not only set the time of reconnection.
fn is_heard(notification: &Value) -> bool {
    !notification["data"].is_null()
}

/// What an event tells who listens so.
fn data(ear: Ear, event: &Value) -> Value {
    if ear == Ear::Lines {
        return event["line"].clone();
    }
    serde_json::from_str(event["data"].as_str().unwrap()).unwrap()
}

/// What members get of a day without a recorder.
fn directly(ear: Ear) -> Vec<Told> {
    let office = Office::open();
    Company::at(&office.origin, ear, Over::Http1).play(&Day::of(ear).in_turn())
}

/// What each member heard, as the office tells it.
fn sent(truth: &Truth, ear: Ear, name: &str) -> Vec<Value> {
    let all = truth.events.iter().filter(|event| event["member"] == name);
    all.map(|event| match ear {
        Ear::Events | Ear::Gzipped => json!([event["type"], event["id"], event["data"]]),
        Ear::Lines => event["line"].clone(),
    })
    .collect()
}

/// A day is recorded as it was, and played back.
fn recorded_and_replayed(ear: Ear, over: Over) {
    let directly = directly(ear);
    let recorded = Recorded::new(ear, over);
    assert_eq!(recorded.told, directly);
    for told in &recorded.told {
        assert_eq!(
            told.opened,
            recorded.day.opened(&told.name),
            "{}",
            told.name
        );
        assert!(!told.heard.is_empty(), "{}", told.name);
        let sent = sent(&recorded.truth, ear, &told.name);
        assert_eq!(told.heard, sent, "{}", told.name);
    }
    recorded.tells_the_truth(ear);
    verified(&recorded.tape());
    recorded.replays(ear, over);
}

#[test]
fn events_of_better_sse_are_recorded_and_replayed_to_eventsource() {
    recorded_and_replayed(Ear::Events, Over::Http1);
}

#[test]
fn lines_are_recorded_and_replayed() {
    recorded_and_replayed(Ear::Lines, Over::Http1);
}

#[test]
fn gzipped_events_stand_on_the_tape_in_plain_text_and_are_replayed_so() {
    recorded_and_replayed(Ear::Gzipped, Over::Http1);
    let recorded = Recorded::new(Ear::Gzipped, Over::Http1);
    let tape = fs::read_to_string(recorded.tape()).unwrap();
    assert!(tape.contains(r#"["content-encoding","gzip"]"#), "{tape}");
    assert!(tape.contains(r"event:receipt\nid:ann-2\n"), "{tape}");
}

#[test]
fn streams_over_http_2_are_recorded_and_replayed() {
    recorded_and_replayed(Ear::Events, Over::Http2);
    recorded_and_replayed(Ear::Lines, Over::Http2);
}
