//! The test suite that npm ships with its `CometD` server, directly and with `antiphon record` between
//! its clients and its servers: a test that passes without the recorder passes with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::programs;

/// What one run of the suite came to.
struct Outcome {
    passed: BTreeSet<String>,
    failed: Vec<String>,
}

/// Runs the suite; `between` puts something between.
fn run(report: &Path, between: impl FnOnce(&mut Command)) -> Outcome {
    let folder = programs::suite();
    let modules = folder.join("node_modules");
    let mut command = Command::new("node");
    command
        .arg(modules.join("mocha/bin/mocha.js"))
        .args(["--exit", "--extension", "ts", "--reporter", "json"])
        .arg("--reporter-option")
        .arg(format!("output={}", report.display()))
        .current_dir(modules.join("cometd-nodejs-server"));
    between(&mut command);
    // The runner's own code only says how many have failed.
    let output = command
        .args(["--require", "ts-node/register", "test"])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = fs::read(report).unwrap_or_else(|error| panic!("no report: {error}: {words}"));
    let report: Value = serde_json::from_slice(&report).unwrap();
    let titles = |list: &str| -> Vec<String> {
        let tests = report[list].as_array().unwrap().iter();
        let title = |test: &Value| {
            let message = test["err"]["message"].as_str().unwrap_or_default();
            format!("{} {message}", test["fullTitle"].as_str().unwrap())
        };
        tests.map(title).collect()
    };
    Outcome {
        passed: titles("passes").into_iter().collect(),
        failed: titles("failures"),
    }
}

#[test]
fn the_suite_of_npms_server_passes_through_a_recorder_as_it_does_directly() {
    let folder = tempfile::tempdir().unwrap();
    let directly = run(&folder.path().join("directly.json"), |_| {});
    assert!(!directly.passed.is_empty());
    let recorded = run(&folder.path().join("recorded.json"), |command| {
        command
            .arg("--require")
            .arg(programs::suite().join("between.cjs"))
            .env("ANTIPHON", env!("CARGO_BIN_EXE_antiphon"))
            .env("TAPES", folder.path());
    });
    assert_eq!(recorded.failed, directly.failed);
    assert_eq!(recorded.passed, directly.passed);
    let tapes = fs::read_dir(folder.path()).unwrap();
    let tapes = tapes.filter(|entry| {
        let path = entry.as_ref().unwrap().path();
        path.extension()
            .is_some_and(|extension| extension == "tape")
    });
    println!(
        "the suite: {} passed directly and through {} recorders",
        directly.passed.len(),
        tapes.count()
    );
}
