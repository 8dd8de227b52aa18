//! How fast antiphon records and replays, beside what else could do the same: `cargo bench --bench
//! conversation` runs every row, and with names of rows after `--` those alone.
//!
//! It starts every party itself, on loopback, and takes turns between those that it compares. It does
//! not decide whether a build is good: bars are printed beside the ratios, and its exit code is 0.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)] // a benchmark may stop at a surprise

mod client;
mod generator;
mod party;
mod proxies;
mod rows;
mod servers;
mod table;
mod tapes;
mod work;

use std::time::Duration;

/// How long and how often each party is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) turn: Duration,
    pub(crate) size: Size,
}

/// How much the tapes of the largest rows hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// As the bars want it: a million exchanges.
    Whole,
    /// A sixteenth of that, to try the bench itself.
    Sixteenth,
}

const HELP: &str = "\
cargo bench --bench conversation -- [ROW…] [--json] [--quick] [--rounds N] [--turn MILLISECONDS]

Rows: pass-through capture replay push latency load normalize verify start; without one, all.
--json    one JSON document on stdout instead of the table
--quick   a sixteenth of the largest tapes and crowds, which no bar is held against
--rounds  how often each party is measured, in turns (at least 5, the default)
--turn    how long each measurement under load takes (1000)";

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "party") {
        return servers::run(&arguments[1..]);
    }
    arguments.retain(|word| word != "--bench"); // what cargo adds
    let mut plan = Plan {
        rounds: 5,
        turn: Duration::from_secs(1),
        size: Size::Whole,
    };
    let (mut json, mut names) = (false, Vec::new());
    let mut words = arguments.into_iter();
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|word| word.parse::<usize>().ok());
        match word.as_str() {
            "--json" => json = true,
            "--quick" => plan.size = Size::Sixteenth,
            "--rounds" => plan.rounds = number().expect("--rounds wants a number").max(5),
            "--turn" => {
                let turn = number().expect("--turn wants milliseconds");
                plan.turn = Duration::from_millis(turn as u64);
            }
            name if rows::NAMES.contains(&name) => names.push(word),
            _ => {
                eprintln!("{HELP}");
                std::process::exit(i32::from(word != "--help") * 2);
            }
        }
    }
    if cfg!(debug_assertions) {
        eprintln!("built without optimization: these figures say nothing but that the rows run");
    }
    let chosen = |name: &&&str| names.is_empty() || names.iter().any(|word| word == **name);
    let mut tables = Vec::new();
    for name in rows::NAMES.iter().filter(chosen) {
        eprintln!("{name} …");
        for table in rows::run(name, plan) {
            if !json {
                println!("{table}");
            }
            tables.push(table);
        }
    }
    if json {
        println!("{}", table::document(&tables, plan));
    }
}
