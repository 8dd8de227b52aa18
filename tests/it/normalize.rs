//! `antiphon normalize` as people and scripts call it.

use std::io::Write;
use std::process::{Command, Output, Stdio};

const FIRST: &str = include_str!("../samples/first-notification.txt");
const MESSAGES: &str = include_str!("../samples/new-messages.txt");

/// Runs `antiphon normalize` with arguments and an input.
fn normalize(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .arg("normalize")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A thread of its own: the program may write before it has read everything.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_sample_becomes_json_laid_out_over_lines() {
    let output = normalize(&[], b"{'a': [1L, None]}");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output.stdout),
        "{\n  \"a\": [\n    1,\n    null\n  ]\n}\n"
    );
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn the_notification_from_paper_is_whole_again() {
    let output = normalize(&["--compact", "-"], FIRST.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        json["chat"]["participants"][0]["uri"],
        "http://10.10.15.212:9090/api/v2/users/914165a5841348aa94ccfccd56917443"
    );
    assert_eq!(json["chat"]["userData"].as_object().unwrap().len(), 34);
    assert_eq!(
        json["chat"]["userData"]["RRequestedSkills"],
        serde_json::Value::Null
    );
    assert_eq!(json["chat"]["capabilities"].as_array().unwrap().len(), 13);
    assert_eq!(text(&output.stderr).lines().count(), 2);
    assert_eq!(
        normalize(&["--strict"], FIRST.as_bytes()).status.code(),
        Some(1)
    );
}

#[test]
fn a_time_from_paper_is_confirmed_by_its_sibling() {
    let output = normalize(&["--compact"], MESSAGES.as_bytes());
    let said = text(&output.stderr);
    let line = said.lines().find(|line| line.contains("2014")).unwrap();
    assert_eq!(
        line,
        "17:15: \"2014-02-1308: 20: 59.000-0800\" -> \"2014-02-13 08:20:59.000-0800\": a time has \
         one space, between day and hour; `timestampSeconds` 1392308459000 confirms it"
    );
}

#[test]
fn an_unreadable_sample_is_shown_with_a_caret_and_gives_no_data() {
    let output = normalize(&[], "{'ä': [1, foo]}".as_bytes());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        text(&output.stderr),
        "1:11: `foo` is a name, and names have no value: expected a value\n  \
         {'ä': [1, foo]}\n  \
         \u{20}         ^\n"
    );
}

#[test]
fn strict_names_the_repair_that_it_refuses() {
    let output = normalize(&["--strict"], b"{'a': 1\n'b': 2}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).starts_with("1:8: this needs a repair: \"\" -> \",\""));
    let equal = normalize(&["--strict", "--compact"], b"{'a': 1, 'a': 2}");
    assert_eq!(equal.status.code(), Some(0));
    assert_eq!(text(&equal.stdout), "{\"a\":2}\n");
    assert!(text(&equal.stderr).starts_with("1:10: "));
}

#[test]
fn every_line_gets_a_line() {
    let output = normalize(&["--lines"], b"{'a': 1}\r\nfoo\n\n[http]\n(2,)");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "{\"a\":1}\n\n\n\n[2]\n");
    let said: Vec<&str> = text(&output.stderr).lines().collect();
    let places: Vec<&str> = said.iter().map(|line| &line[..4]).collect();
    assert_eq!(places, ["2:1:", "3:1:", "4:2:"]);

    let many = "{'n': None}\n".repeat(100_000);
    let output = normalize(&["--lines"], many.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "{\"n\":null}\n".repeat(100_000));
}

#[test]
fn a_line_that_is_not_utf_8_does_not_stop_the_others() {
    let output = normalize(&["--lines"], b"1\n'\xff'\n2\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "1\n\n2\n");
    assert_eq!(text(&output.stderr), "2:2: this is not UTF-8\n");
}

#[test]
fn input_that_is_no_text_or_too_long_is_refused() {
    let output = normalize(&[], b"{'a':\n '\xff'}");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("2:3: this is not UTF-8"));

    let long = [b" ".repeat(64 << 20), b"1".to_vec()].concat();
    let output = normalize(&[], &long);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("67108864"));
    assert_eq!(normalize(&["--compact"], &long[1..]).stdout, b"1\n");
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    let output = normalize(&[], "[".repeat(100_000).as_bytes());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("1:512: "));
}

#[test]
fn a_missing_file_is_trouble_with_its_path() {
    let output = normalize(&["no/such/sample.txt"], b"");
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("no/such/sample.txt"));
}

#[test]
fn the_help_has_examples() {
    let output = normalize(&["--help"], b"");
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("Examples:"));
}

#[test]
fn a_path_that_is_not_utf_8_is_a_path() {
    use std::os::unix::ffi::OsStrExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder
        .path()
        .join(std::ffi::OsStr::from_bytes(b"sample-\xff"));
    std::fs::write(&path, "{'a': 1L}").unwrap();
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        let command = command.args(["normalize", "--compact"]).arg(&path);
        command.output().unwrap()
    };
    assert_eq!(text(&run().stdout), "{\"a\":1}\n");
    std::fs::remove_file(&path).unwrap();
    let gone = run();
    assert_eq!(gone.status.code(), Some(4));
    assert!(text(&gone.stderr).contains("/sample-\u{fffd}:"));
}
