//! `kill -9` of a recorder under load: what a client has had whole is on the tape, each tape loads, and
//! the next recorder goes on with it.

use std::collections::BTreeSet;
use std::env;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::random::Random;
use crate::server::Server;
use crate::wire::{self, Wire};

/// How many times a recorder is killed, unless `ANTIPHON_KILLS` says otherwise (`.ci/kills`: 1,000).
const KILLS: usize = 60;

/// How many of them one tape lives through.
const KILLS_A_TAPE: usize = 20;

/// How many clients call operations; one more polls.
const CALLERS: usize = 3;

/// The longest life under load, in milliseconds.
const LONGEST: u64 = 80;

/// What clients have had whole.
#[derive(Default)]
pub(crate) struct Had {
    /// Targets of operations.
    pub(crate) operations: BTreeSet<String>,
    /// Numbers of events.
    pub(crate) events: BTreeSet<u64>,
}

/// A service that answers each operation with its target and some more, and each poll with an event.
pub(crate) fn service() -> String {
    let events = AtomicU64::new(0);
    wire::upstream(move |wire| {
        loop {
            let request = wire.head()?;
            wire.content(request.length)?;
            let target = request.line.split(' ').nth(1).unwrap();
            let content = if target == "/cometd" {
                let number = events.fetch_add(1, Ordering::Relaxed);
                format!(
                    r#"[{{"channel":"/n","data":{{"number":{number}}}}},{{"channel":"/meta/connect","successful":true,"id":"1"}}]"#
                )
            } else {
                let number: u64 = target.rsplit('-').next().unwrap().parse().unwrap();
                let more = "x".repeat(usize::try_from(number * 37 % 4_000).unwrap());
                format!(r#"{{"target":"{target}","more":"{more}"}}"#)
            };
            let length = content.len();
            let kind = "application/json";
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
            );
            wire.send(format!("{head}{content}").as_bytes())?;
        }
    })
}

/// Posts this content; the answer's, when all of it is there.
pub(crate) fn post(wire: &mut Wire, target: &str, content: &str) -> io::Result<Value> {
    let length = content.len();
    let head = "Host: a\r\nContent-Type: application/json";
    wire.send(
        format!("POST {target} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{content}")
            .as_bytes(),
    )?;
    let answer = wire.head()?;
    let content = wire.content(answer.length)?;
    assert!(
        answer.line.ends_with(" 200 OK"),
        "{}: {content}",
        answer.line
    );
    Ok(serde_json::from_str(&content)?)
}

/// Calls one operation after the other, until the recorder is gone.
pub(crate) fn call(origin: &str, name: &str, had: &Mutex<Had>) -> io::Result<()> {
    let mut wire = Wire::connect(origin)?;
    for number in 0_u64.. {
        let target = format!("/op/{name}-{number}");
        let answer = post(&mut wire, &target, r#"{"operationName":"Do"}"#)?;
        assert_eq!(answer["target"], target);
        had.lock().unwrap().operations.insert(target);
    }
    Ok(())
}

/// Polls, until the recorder is gone.
fn poll(origin: &str, had: &Mutex<Had>) -> io::Result<()> {
    let mut wire = Wire::connect(origin)?;
    let poll =
        r#"[{"channel":"/meta/connect","connectionType":"long-polling","clientId":"c1","id":"1"}]"#;
    loop {
        let answer = post(&mut wire, "/cometd", poll)?;
        let number = answer[0]["data"]["number"].as_u64().unwrap();
        had.lock().unwrap().events.insert(number);
    }
}

/// Puts a recorder under load and kills it after so long.
fn live_and_die(
    upstream: &str,
    tape: &Path,
    durability: &str,
    life: u64,
    name: &str,
    had: &Mutex<Had>,
) {
    let mut recorder = Server::record_on(upstream, tape, &["--durability", durability]);
    let origin = recorder.origin.clone();
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (origin, name) = (&origin, format!("{name}-{caller}"));
            // Each ends with an error when the recorder is killed.
            scope.spawn(move || call(origin, &name, had));
        }
        scope.spawn(|| poll(&origin, had));
        thread::sleep(Duration::from_millis(life));
        recorder.kill();
    });
}

/// Checks that a tape holds all that clients have had.
pub(crate) fn check(tape: &Path, had: &Had, after: &str) {
    let shown = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(["show", "--json"])
        .arg(tape)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&shown.stderr);
    assert!(shown.status.success(), "{after}: {words}");
    let document: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let operations = document["operations"].as_array().unwrap().iter();
    let answered =
        operations.filter(|operation| operation["response"]["target"] == operation["target"]);
    let kept: BTreeSet<String> = answered
        .map(|operation| operation["target"].as_str().unwrap().to_owned())
        .collect();
    let lost: Vec<&String> = had.operations.difference(&kept).collect();
    assert!(lost.is_empty(), "{after}: lost {lost:?}");
    let notifications = document["notifications"].as_array().unwrap().iter();
    let kept: BTreeSet<u64> = notifications
        .map(|notification| notification["data"]["number"].as_u64().unwrap())
        .collect();
    let lost: Vec<&u64> = had.events.difference(&kept).collect();
    assert!(lost.is_empty(), "{after}: lost events {lost:?}");
}

/// How many times a recorder is killed.
fn kills() -> usize {
    let Ok(chosen) = env::var("ANTIPHON_KILLS") else {
        return KILLS;
    };
    let kills: usize = chosen.parse().expect("ANTIPHON_KILLS: a number");
    assert!(
        kills >= KILLS_A_TAPE,
        "ANTIPHON_KILLS: at least {KILLS_A_TAPE}"
    );
    kills
}

#[test]
fn nothing_that_a_client_had_is_lost_when_the_recorder_is_killed() {
    let mut random = Random::seeded();
    let upstream = service();
    let (mut operations, mut events) = (0, 0);
    let kills = kills();
    for tape in 0..kills / KILLS_A_TAPE {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("killed.tape");
        let durability = ["written", "synced"][tape % 2];
        let had = Mutex::new(Had::default());
        for kill in 0..KILLS_A_TAPE {
            let name = format!("{tape}-{kill}");
            let life = random.below(LONGEST + 1);
            live_and_die(&upstream, &path, durability, life, &name, &had);
            check(
                &path,
                &had.lock().unwrap(),
                &format!("{durability}, kill {name}"),
            );
        }
        // And it ends well once nobody kills it.
        Server::record_on(&upstream, &path, &[]).end_well();
        let had = had.into_inner().unwrap();
        check(&path, &had, durability);
        operations += had.operations.len();
        events += had.events.len();
    }
    println!(
        "{kills} kills: {operations} operations and {events} events were had, and none is lost"
    );
    assert!(operations > kills && events > kills);
}
