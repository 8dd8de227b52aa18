//! The property of the player: whatever its clients do and whenever, a tape comes to the same
//! transcript, or to the same point from which nothing goes on.
//!
//! A seed makes a tape ([`tapes`]), another makes the clients of one run ([`schedule`]); what must
//! come of the tape is worked out by rules that know no time and no protocol ([`model`]). What this
//! has found stands by itself in [`found`], unless it was at home elsewhere.

mod answers;
mod client;
mod found;
mod model;
mod random;
mod schedule;
mod streams;
mod tapes;

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use client::Deed;
use model::Outcome;
use random::Random;
use schedule::{Fault, Tally};
use tapes::Case;

/// How many tapes are played, and by how many schedules each.
const TAPES: u64 = 700;
const SCHEDULES: u64 = 20;

/// How many of them are played without their secrets.
const REDACTED: u64 = 150;

/// Names the one tape and schedule to play: `17:923`.
const SEED: &str = "ANTIPHON_SEED";

/// Plays this many tapes instead, for a search that takes longer than a test may.
const MORE: &str = "ANTIPHON_TAPES";

/// What was played: how many tapes of each kind, and how often the clients did what.
#[derive(Debug, Default)]
struct Played {
    kinds: BTreeMap<&'static str, usize>,
    deeds: Tally,
}

/// A schedule that went wrong. The first of several is told.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Failed {
    tape: u64,
    schedule: u64,
    fault: Fault,
}

#[test]
fn every_schedule_of_a_tape_comes_to_the_same_transcript_or_the_same_stuck_point() {
    if repeated(Case::of) {
        return;
    }
    let tapes = std::env::var(MORE).map_or(TAPES, |tapes| tapes.parse().unwrap());
    let played = or_panic(play(tapes, Case::of));
    // A generator that makes only plain tapes and plain clients would prove nothing.
    for kind in [
        "whole",
        "stuck",
        "absent",
        "captured early",
        "absent and stuck",
        "streams",
        "stuck streams",
    ] {
        let enough = played.kinds.get(kind).is_some_and(|count| *count >= 10);
        assert!(enough, "{kind}: {played:?}");
    }
    for deed in [
        Deed::Subscribe,
        Deed::Batch,
        Deed::PollBriefly,
        Deed::Unsubscribe,
        Deed::Disconnect,
        Deed::Lose,
        Deed::Sleep,
        Deed::MissReply,
        Deed::LoseStream,
        Deed::MissEvent,
        Deed::MissSentEvent,
        Deed::Reopen,
    ] {
        let enough = played.deeds.get(&deed).is_some_and(|count| *count >= 500);
        assert!(enough, "{deed:?}: {played:?}");
    }
}

#[test]
fn tapes_without_their_secrets_come_to_the_same_with_clients_that_have_them() {
    if repeated(Case::redacted) {
        return;
    }
    let played = or_panic(play(REDACTED, Case::redacted));
    for kind in ["whole", "stuck", "absent", "streams"] {
        let enough = played.kinds.get(kind).is_some_and(|count| *count >= 10);
        assert!(enough, "{kind}: {played:?}");
    }
}

/// Plays the one tape and schedule that the environment names, if it names one.
fn repeated(case: fn(u64) -> Case) -> bool {
    let Ok(seed) = std::env::var(SEED) else {
        return false;
    };
    let (tape, schedule) = seed.split_once(':').unwrap();
    let (tape, schedule) = (tape.parse().unwrap(), schedule.parse().unwrap());
    let case = case(tape);
    println!("absent: {:?}; tape: {}", case.absent, case.shorthand);
    or_panic(run(
        tape,
        &case,
        schedule..schedule + 1,
        &mut Played::default(),
    ));
    true
}

/// Plays so many tapes, on as many threads as the machine has for them.
fn play(tapes: u64, case: fn(u64) -> Case) -> Result<Played, Failed> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let some = |first: usize| {
        let mut played = Played::default();
        for tape in (0..tapes).skip(first).step_by(threads) {
            run(tape, &case(tape), 0..SCHEDULES, &mut played)?;
        }
        Ok(played)
    };
    let all: Vec<Result<Played, Failed>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || some(first)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut sum = Played::default();
    let mut failed = None;
    for played in all {
        match played {
            Ok(played) => sum.add(played),
            Err(other) => failed = failed.into_iter().chain([other]).min(),
        }
    }
    failed.map_or(Ok(sum), Err)
}

/// Plays a tape by these schedules.
fn run(tape: u64, case: &Case, schedules: Range<u64>, played: &mut Played) -> Result<(), Failed> {
    let outcome = Outcome::of(case);
    for kind in kinds(case, &outcome) {
        *played.kinds.entry(kind).or_default() += 1;
    }
    for schedule in schedules {
        let random = Random::new(tape, schedule + 1);
        let play = || schedule::play(case, &outcome, random, &mut played.deeds);
        let result = catch_unwind(AssertUnwindSafe(play));
        let result = result.unwrap_or_else(|_| Err("it panics".into()));
        result.map_err(|fault| Failed {
            tape,
            schedule,
            fault,
        })?;
    }
    Ok(())
}

fn kinds(case: &Case, outcome: &Outcome) -> impl Iterator<Item = &'static str> {
    let (absent, whole) = (case.absent.is_some(), outcome.is_whole());
    let kinds = [
        ("whole", whole),
        ("stuck", !whole),
        ("absent", absent),
        ("absent and stuck", absent && !whole),
        ("streams", case.traits.streams),
        ("stuck streams", case.traits.streams && !whole),
        ("captured early", case.traits.captured && case.traits.early),
    ];
    let kinds = kinds.into_iter().filter(|(_, is)| *is);
    kinds.map(|(kind, _)| kind)
}

/// Says in one line what went wrong and how to repeat it.
fn or_panic<T>(played: Result<T, Failed>) -> T {
    played.unwrap_or_else(|failed| {
        let Failed {
            tape,
            schedule,
            fault,
        } = failed;
        panic!(
            "antiphon stage property: tape {tape} schedule {schedule}: {fault}; repeat with \
             {SEED}={tape}:{schedule} cargo test -p antiphon --lib stage::tests"
        )
    })
}

impl Played {
    fn add(&mut self, other: Played) {
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        for (deed, count) in other.deeds {
            *self.deeds.entry(deed).or_default() += count;
        }
    }
}
