//! Two shifts of the same work, recorded one after the other: what `antiphon diff` says of their tapes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::agent::Library;
use crate::server::Server;

use super::service::Desk;
use super::shift::{Presses, Shift};

fn diff(left: &Path, right: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .arg("diff")
        .args([left, right])
        .args(more)
        .output()
        .unwrap()
}

/// Records a shift in which nobody does anything while another does.
fn shift(tape: &Path) {
    let mut desk = Desk::start();
    let recording = Server::record(&desk.origin, tape);
    let mut shift = Shift::begin(Some(&mut desk), &recording.origin, &Library::PLAIN);
    shift.talk(Presses::InTurn);
    shift.chat();
    shift.end();
    recording.end_well();
}

#[test]
fn two_shifts_differ_in_what_the_desk_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let [yesterday, today] = ["yesterday.tape", "today.tape"].map(|name| folder.path().join(name));
    shift(&yesterday);
    shift(&today);
    let output = diff(&yesterday, &today, &["--renamed"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    // One answer of the service is another.
    let tape = fs::read_to_string(&today).unwrap();
    let other = tape.replacen(r#""statusCode":0"#, r#""statusCode":6"#, 1);
    fs::write(&today, other).unwrap();
    let output = diff(&yesterday, &today, &["--renamed"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.matches("  ~ ").count(), 1, "{text}");
    assert!(
        text.contains("      /response/statusCode: 0 → 6\n"),
        "{text}"
    );
}
