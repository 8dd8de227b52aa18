//! What it takes to show a tape, to compare it, to lay it out and to redact it: the memory of an event, however much
//! all bodies are.

use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use antiphon::tape::{Layout, Packing, Style, Tape};
use tempfile::TempDir;

use crate::tape::{stderr, stdout};

/// How many exchanges there are, and how long the body of each is.
const EXCHANGES: usize = 192;
const BODY: usize = 64 * 1024;

/// How many KiB a command may have of its own: less than the bodies take, and so much because what unpacks a
/// frame keeps a window.
const MOST: usize = 10 * 1024;

/// Text that packs to a part of its length, as what people say does.
fn body(seed: usize) -> String {
    let mut state = seed as u64;
    let mut text = String::with_capacity(BODY);
    while text.len() < BODY {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        text.push_str(
            [
                "ping ", "pong ", "call ", "chat ", "desk ", "note ", "\\n", "é ",
            ][(state >> 61) as usize],
        );
    }
    text
}

/// The lines of a segment with these exchanges, as capture writes them.
fn lines(number: usize, exchanges: Range<usize>) -> String {
    let mut text = format!(
        r#"{{"kind":"header","antiphon":1,"title":"t","source":"s","segment":{{"recording":"r","number":{number}}}}}"#
    );
    for id in exchanges {
        let body = body(id);
        let line = format!(
            "\n{{\"kind\":\"operation\",\"id\":{id},\"session\":\"a\",\"at\":{id},\"answered\":{id},\"request\":\
             {{\"method\":\"GET\",\"target\":\"/{id}\",\"headers\":[]}},\"response\":{{\"status\":200,\"headers\":[],\
             \"body\":{{\"json\":{{\"text\":\"{body}\"}}}}}}}}"
        );
        text.push_str(&line);
    }
    text.push('\n');
    text
}

/// Runs a command that can have no more memory than that: the kernel gives it none.
fn bounded(arguments: &[&str], tape: &Path, stdin: Stdio) -> Output {
    let limit = format!("ulimit -d {MOST}; exec \"$0\" \"$@\"");
    Command::new("sh")
        .args(["-c", &limit, env!("CARGO_BIN_EXE_antiphon")])
        .args(arguments)
        .arg(tape)
        .env_remove("RUST_BACKTRACE") // there may be no memory left for it
        .stdin(stdin)
        .output()
        .unwrap()
}

/// The same, where it must come to its end.
fn done(arguments: &[&str], tape: &Path) -> Output {
    let output = bounded(arguments, tape, Stdio::null());
    let words = format!("{arguments:?}: {}", stderr(&output));
    assert_eq!(output.status.code(), Some(0), "{words}");
    output
}

#[test]
fn bodies_of_a_folder_of_segments_take_no_memory() {
    let folder = TempDir::new().unwrap();
    let half = EXCHANGES / 2;
    for (number, exchanges) in [(1, 0..half), (2, half..EXCHANGES)] {
        let path = folder.path().join(format!("{number:06}.tape"));
        fs::write(path, lines(number, exchanges)).unwrap();
    }
    let shown = done(&["show", "--path", "/7*"], folder.path());
    assert!(stdout(&shown).contains("77 GET /77 → 200"));
    assert!(done(&["show", "--json"], folder.path()).stdout.len() > EXCHANGES * BODY);
    done(&["diff", folder.path().to_str().unwrap()], folder.path());
    done(&["format"], folder.path());
    done(&["format", "--check"], folder.path());
    done(&["redact"], folder.path());
    done(&["redact", "--check"], folder.path());
}

#[test]
fn bodies_of_a_compressed_tape_take_no_memory() {
    let folder = TempDir::new().unwrap();
    let [plain, packed] = ["t.tape", "t.tape.zst"].map(|name| folder.path().join(name));
    let text = lines(1, 0..EXCHANGES);
    fs::write(&plain, &text).unwrap();
    let style = Style {
        layout: Layout::Lines,
        packing: Packing::Zstd,
    };
    let tape = Tape::read(text.as_bytes()).unwrap().tape;
    tape.save_as(&packed, style).unwrap();
    done(&["show"], &packed);
    done(&["diff", plain.to_str().unwrap()], &packed);
    done(&["format"], &packed);
    // It is a bound: what comes through a pipe is held, and that is too much.
    let stdin = File::open(&plain).unwrap();
    let output = bounded(&["show"], Path::new("-"), stdin.into());
    assert!(!output.status.success());
}
