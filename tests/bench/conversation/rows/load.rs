//! Load: time and memory until a tape of 1 GiB is ready, beside reading the file once.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Instant;

use super::folder;
use crate::party::Party;
use crate::table::{Table, Wanted, median};
use crate::{Plan, Size, client, tapes};

/// How many bytes an answer has, so that a million exchanges make 1 GiB.
const ANSWER: usize = 530;

/// As much as is read at once.
const CHUNK: usize = 1 << 20;

const READING: &str = "reading the file once";
const ANTIPHON: &str = "antiphon replay, until it listens";

pub(super) fn run(plan: Plan) -> Vec<Table> {
    let count = match plan.size {
        Size::Whole => 1_000_000,
        Size::Sixteenth => 62_500,
    };
    let folder = folder();
    let tape = folder.path().join("large.tape");
    let bytes = tapes::operations(&tape, count, ANSWER);
    let work = format!("a tape of {count} exchanges, {} MiB", bytes >> 20);
    let mut table = Table::new("load", work, "ms");
    let (mut memory, mut settled, mut learning) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let begin = Instant::now();
        read(&tape);
        table.add(READING, begin.elapsed().as_secs_f64() * 1e3);
        let begin = Instant::now();
        match Party::antiphon(&["replay", tape.to_str().unwrap(), "--on-exhausted", "last"]) {
            Ok(party) => {
                table.add(ANTIPHON, begin.elapsed().as_secs_f64() * 1e3);
                memory.push(party.memory() as f64 / bytes as f64);
                learning.push(client::learned(&party.address).as_secs_f64());
                settled.push(party.memory() as f64 / bytes as f64);
            }
            Err(why) => {
                table.not_run(ANTIPHON, &why);
                return vec![table];
            }
        }
    }
    let ratio = table.median(ANTIPHON) / table.median(READING);
    let what = format!("{ANTIPHON} / {READING}");
    table.bar(what, ratio, Wanted::AtMost(2.0), plan.size);
    for (when, held) in [("it listens", &memory), ("all is learned", &settled)] {
        let what = format!("memory / size of the tape when {when}");
        table.bar(what, median(held), Wanted::AtMost(0.15), plan.size);
    }
    table.notes.push(format!(
        "all is learned of the tape {:.2} s after it listens",
        median(&learning)
    ));
    vec![table]
}

fn read(file: &Path) {
    let mut file = File::open(file).unwrap();
    let mut chunk = vec![0; CHUNK];
    while file.read(&mut chunk).unwrap() > 0 {}
    std::hint::black_box(chunk);
}
