//! How fast a damaged sample becomes JSON, beside `serde_json`'s `Value` on the same data as JSON.
//! Rounds of all contestants alternate, so that a noisy machine is noisy for each of them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss
)] // a benchmark may stop at a surprise

use std::hint::black_box;
use std::time::{Duration, Instant};

use antiphon::normalizer::{Layout, Mending, Options, normalize};

const SAMPLE: &str = include_str!("../samples/first-notification.txt");

/// How much text each contestant reads in a round.
const BYTES: usize = 10_000_000;

const ROUNDS: usize = 15;

struct Contestant<'t> {
    name: &'t str,
    bytes: usize,
    run: Box<dyn Fn() + 't>,
    times: Vec<Duration>,
}

impl Contestant<'_> {
    /// The median of its times, in seconds.
    fn median(&mut self) -> f64 {
        self.times.sort();
        self.times[self.times.len() / 2].as_secs_f64()
    }
}

fn main() {
    let options = |layout| Options {
        mending: Mending::Repair,
        layout,
    };
    let count = BYTES / SAMPLE.len();
    let damaged = format!("[{}]", vec![SAMPLE; count].join(","));
    let json = normalize(&damaged, options(Layout::Indented)).unwrap().json;
    let compact = normalize(&damaged, options(Layout::Compact)).unwrap().json;
    let reader = |text: &'static str, layout| -> Box<dyn Fn()> {
        Box::new(move || {
            black_box(normalize(black_box(text), options(layout)).unwrap());
        })
    };
    let value = |text: &'static str| -> Box<dyn Fn()> {
        Box::new(move || {
            let value: serde_json::Value =
                serde_json::from_slice(black_box(text).as_bytes()).unwrap();
            black_box(value);
        })
    };
    let (damaged, json, compact): (&str, &str, &str) =
        (damaged.leak(), json.leak(), compact.leak());
    let contestant = |name, text: &str, run| Contestant {
        name,
        bytes: text.len(),
        run,
        times: Vec::new(),
    };
    let mut contestants = vec![
        contestant("serde_json Value, indented JSON", json, value(json)),
        contestant("serde_json Value, compact JSON", compact, value(compact)),
        contestant(
            "normalize, damaged Python -> compact",
            damaged,
            reader(damaged, Layout::Compact),
        ),
        contestant(
            "normalize, damaged Python -> indented",
            damaged,
            reader(damaged, Layout::Indented),
        ),
        contestant(
            "normalize, indented JSON -> compact",
            json,
            reader(json, Layout::Compact),
        ),
        contestant(
            "normalize, compact JSON -> compact",
            compact,
            reader(compact, Layout::Compact),
        ),
    ];
    // `cargo bench --bench normalize -- damaged` runs only those whose names have the word.
    if let Some(word) = std::env::args().skip(1).find(|word| !word.starts_with('-')) {
        contestants.retain(|contestant| contestant.name.contains(&word));
    }
    for _ in 0..ROUNDS {
        for contestant in &mut contestants {
            let start = Instant::now();
            (contestant.run)();
            contestant.times.push(start.elapsed());
        }
    }
    // All contestants read the same data, so that their times tell how much faster one is.
    let unit = contestants[0].median();
    println!(
        "{:38} {:>7} {:>8} {:>10} {:>13}",
        "", "MB in", "ms", "MB/s", "x serde_json"
    );
    for contestant in &mut contestants {
        let seconds = contestant.median();
        let megabytes = contestant.bytes as f64 / 1e6;
        println!(
            "{:38} {megabytes:7.1} {:8.1} {:10.0} {:13.2}",
            contestant.name,
            seconds * 1e3,
            megabytes / seconds,
            unit / seconds
        );
    }
}
