//! Normalize: a damaged sample to JSON, beside `serde_json`'s `Value` of the same data as JSON, and
//! what Python itself reads of the same text once it is mended.

use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use antiphon::normalizer::{Layout, Mending, Options, normalize};

use crate::party;
use crate::table::{Table, Wanted};
use crate::{Plan, Size};

const SAMPLE: &str = include_str!("../../../samples/first-notification.txt");

/// How much text each party reads in a turn, over and over where the sample is short.
const READ: usize = 10_000_000;

const VALUE: &str = "serde_json Value";
const NORMALIZE: &str = "normalize, damaged Python";
const CLEAN: &str = "normalize, JSON";
const PYTHON: &str = "CPython literal_eval";

/// Reads a text from stdin so often, and prints how many seconds that took.
const EVALUATE: &str = "import ast, sys, time\n\
    times = int(sys.argv[1]); text = sys.stdin.read(); begin = time.perf_counter()\n\
    for _ in range(times): ast.literal_eval(text)\n\
    print(time.perf_counter() - begin)";

pub(super) fn run(plan: Plan) -> Vec<Table> {
    vec![
        compare(plan, "2 KB", 1, 1.5),
        compare(plan, "10 MB", READ / SAMPLE.len(), 3.0),
    ]
}

fn compare(plan: Plan, name: &str, samples: usize, least: f64) -> Table {
    let work =
        format!("a sample of {name}; MB of the damaged text, which all parties mean, a second");
    let mut table = Table::new("normalize", work, "MB/s");
    let damaged = if samples == 1 {
        SAMPLE.to_owned()
    } else {
        format!("[{}]", vec![SAMPLE; samples].join(","))
    };
    let read = |text: &str, layout| {
        let mending = Mending::Repair;
        normalize(black_box(text), Options { mending, layout })
            .unwrap()
            .json
    };
    let json = read(&damaged, Layout::Indented);
    let times = (READ / damaged.len()).max(1);
    let rate = |seconds: f64| (damaged.len() * times) as f64 / 1e6 / seconds;
    let timed = |run: &dyn Fn()| {
        let begin = Instant::now();
        (0..times).for_each(|_| run());
        rate(begin.elapsed().as_secs_f64())
    };
    let python = party::installed("python3");
    if python.is_none() {
        table.not_run(PYTHON, "not installed");
    }
    for _ in 0..plan.rounds {
        table.add(
            VALUE,
            timed(&|| {
                let value: serde_json::Value =
                    serde_json::from_slice(black_box(json.as_bytes())).unwrap();
                black_box(value);
            }),
        );
        table.add(
            NORMALIZE,
            timed(&|| drop(black_box(read(&damaged, Layout::Compact)))),
        );
        table.add(
            CLEAN,
            timed(&|| drop(black_box(read(&json, Layout::Compact)))),
        );
        // CPython is some hundred times slower: it reads the short sample less often.
        if python.is_some() {
            let fewer = times.min(200);
            let seconds = evaluate(&json, fewer) * times as f64 / fewer as f64;
            table.add(PYTHON, rate(seconds));
        }
    }
    table.bar(
        format!("{NORMALIZE} / {VALUE}"),
        table.median(NORMALIZE) / table.median(VALUE),
        Wanted::AtLeast(least),
        Size::Whole,
    );
    table
}

/// How many seconds Python takes for the data, written as Python writes it.
fn evaluate(json: &str, times: usize) -> f64 {
    let python = json.replace(": null", ": None").replace(": true", ": True");
    let python = python.replace(": false", ": False");
    let mut child = Command::new("python3")
        .args(["-c", EVALUATE, &times.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(python.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "python3 could not read the sample");
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .unwrap()
}
