//! How much a replay holds for its clients, and the numbers that it tells of itself.

use std::fs;
use std::process::Command;

use crate::support::{Answer, Replay, fetch, get, post, report};

const CHAT: &str = "/api/v2/me/chats/00010a9FSGFP001F";
const RECORDED: &str = r#"{"operationName":"RemoveParticipantFromConference","targetUri":"http://10.10.15.212:9090/api/v2/users/c30d06daa1ea43b8be79f9b071f30d70"}"#;

fn call(replay: &Replay, headers: &[(&str, &str)]) -> Answer {
    post(&format!("{}{CHAT}", replay.origin), headers, RECORDED)
}

/// A number that the replay tells; it must be one of these lines, whole.
#[track_caller]
fn expect(replay: &Replay, lines: &[&str]) {
    let (headers, text) = fetch(&format!("{}/__admin/metrics", replay.admin), &[]);
    let kind = headers.get("content-type").unwrap();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let text = String::from_utf8(text).unwrap();
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "{line}\n{text}");
    }
}

#[test]
fn a_replay_tells_its_numbers() {
    let replay = Replay::start(&[]);
    expect(
        &replay,
        &[
            "antiphon_runs_total 1",
            "antiphon_sessions 2",
            "antiphon_sessions_claimed 0",
            "antiphon_operations_played_total 0",
        ],
    );
    let lines = replay.listen("agent2");
    assert_eq!(call(&replay, &[("Antiphon-Session", "agent1")]).status, 200);
    assert_eq!(get(&format!("{}/nothing", replay.origin)).status, 404);
    for _ in 0..4 {
        lines.next();
    }
    replay.await_polls(1);
    expect(
        &replay,
        &[
            "antiphon_operations_played_total 1",
            "antiphon_notifications_delivered_total 4",
            "antiphon_misses_total 1",
            "antiphon_copies 1",
            "antiphon_sessions_claimed 2",
            "antiphon_polls_held 1",
            "antiphon_streams_open 0",
            "antiphon_journal_entries 6",
            "antiphon_contents_refused_total 0",
            "antiphon_connections_refused_total 0",
            "# TYPE antiphon_connections_open gauge",
        ],
    );
    post(&format!("{}/__admin/reset", replay.admin), &[], "");
    expect(
        &replay,
        &["antiphon_runs_total 2", "antiphon_misses_total 0"],
    );
}

#[test]
fn content_beyond_what_is_held_is_refused() {
    let length = RECORDED.len();
    let fits = Replay::start(&["--max-content", &length.to_string()]);
    assert_eq!(call(&fits, &[]).status, 200);
    let less = Replay::start(&["--max-content", &(length - 1).to_string()]);
    assert_eq!(call(&less, &[]).status, 413);
    expect(&less, &["antiphon_contents_refused_total 1"]);
}

#[test]
fn no_copy_is_begun_beyond_the_sessions_that_there_may_be() {
    for (most, copies) in [("3", 1), ("4", 2), ("5", 2)] {
        let replay = Replay::start(&["--spare-sessions", "fork", "--max-sessions", most]);
        for name in ["one", "two", "three"] {
            call(&replay, &[("Antiphon-Copy", name)]);
        }
        expect(&replay, &[&format!("antiphon_copies {copies}")]);
    }
}

#[test]
fn the_journal_keeps_what_the_user_wants_and_counts_all() {
    let replay = Replay::start(&["--max-journal", "1"]);
    for path in ["/one", "/two", "/three"] {
        get(&format!("{}{path}", replay.origin));
    }
    expect(
        &replay,
        &["antiphon_journal_entries 1", "antiphon_misses_total 3"],
    );
    let misses = report(&replay)["misses"].clone();
    assert_eq!(misses["total"], 3, "{misses}");
    assert_eq!(misses["list"].as_array().unwrap().len(), 1, "{misses}");
    assert_eq!(misses["list"][0]["target"], "/three");
}

#[test]
fn limits_stand_in_the_settings_file_and_flags_come_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("limits.json5");
    let file = file.to_str().unwrap();
    fs::write(file, "{ limits: { maxContent: 10, drain: 0.5 } }").unwrap();
    let replay = Replay::start(&["--config", file]);
    assert_eq!(call(&replay, &[]).status, 413);
    let replay = Replay::start(&["--config", file, "--max-content", "1000"]);
    assert_eq!(call(&replay, &[]).status, 200);
    for (settings, fault) in [
        ("{ limits: { maxHead: 999999 } }", "limits.maxHead"),
        ("{ limits: { maxConnections: 0 } }", "limits.maxConnections"),
        ("{ limits: { maxHead: 255 } }", "limits.maxHead"),
        ("{ limits: { drain: -1 } }", "limits.drain"),
        ("{ limits: { maxWishes: 3 } }", "maxWishes"),
        ("{ limits: [3] }", "expected an object"),
    ] {
        fs::write(file, settings).unwrap();
        for mode in [
            &["replay"][..],
            &["record", "--upstream", "http://localhost:1"],
        ] {
            let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
                .args(mode)
                .args(["--listen", "127.0.0.1:0", "--config", file])
                .current_dir(folder.path())
                .output()
                .unwrap();
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{settings}: {words}");
            assert!(words.contains(fault), "{settings}: {words}");
        }
    }
}

#[test]
fn a_wrong_value_names_where_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("none/ready");
    let nowhere = nowhere.to_str().unwrap();
    let twice = folder.path().join("twice.json5");
    fs::write(&twice, "{\n  pace: '2x',\n  pace: 'instant',\n}").unwrap();
    let twice = twice.to_str().unwrap();
    let none: [(&str, &str); 0] = [];
    for (variables, arguments, code, fault) in [
        (
            &[("ANTIPHON_TLS", "maybe")][..],
            &["replay"][..],
            2,
            "the value comes from ANTIPHON_TLS\n",
        ),
        (
            &[("ANTIPHON_MAX_HEAD", "x")],
            &["replay"],
            2,
            "the value comes from ANTIPHON_MAX_HEAD\n",
        ),
        (
            &none,
            &["replay", "--max-head", "0"],
            2,
            "0 is less than 256",
        ),
        (
            &none,
            &["replay", "--admin-host", "a b"],
            2,
            "--admin-host (or ANTIPHON_ADMIN_HOST): \"a b\" is no name",
        ),
        (
            &none,
            &["replay", "--admin-host", "a:80"],
            2,
            "\"a:80\" is no name",
        ),
        (
            &none,
            &["replay", "--config", twice],
            2,
            "3:3: pace: an equal key stands before it in the object\n",
        ),
        (
            &none,
            &["record", "--upstream", "http://a", "--max-queue", "0"],
            2,
            "0 is less than 1024",
        ),
        (
            &none,
            &["record", "--upstream", "http://a", "--redact-at", "x"],
            2,
            "--redact-at: \"x\": no JSON Pointer",
        ),
        (&none, &["replay", "--ready-file", nowhere], 4, nowhere),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
            .args(arguments)
            .envs(variables.iter().copied())
            .envs([
                ("ANTIPHON_LISTEN", "127.0.0.1:0"),
                ("ANTIPHON_ADMIN", "127.0.0.1:0"),
            ])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {words}");
        assert!(words.contains(fault), "{arguments:?}: {words}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
    // A flag comes before the variable, and is to blame itself.
    let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(["replay", "--max-head=y"])
        .env("ANTIPHON_MAX_HEAD", "4096")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!words.contains("comes from"), "{words}");
}
