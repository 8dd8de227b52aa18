//! What `antiphon.json5` says of a recording, and that flags and the environment come before it.

use std::fs;
use std::process::Command;

use antiphon::tape::Packing;
use serde_json::json;
use tempfile::TempDir;

use super::*;

/// A settings file of its own.
struct Settings {
    folder: TempDir,
}

impl Settings {
    fn of(text: &str) -> Settings {
        let settings = Settings {
            folder: TempDir::new().unwrap(),
        };
        fs::write(settings.path(), text).unwrap();
        settings
    }

    fn path(&self) -> String {
        let path = self.folder.path().join("own.json5");
        path.to_str().unwrap().to_owned()
    }
}

fn service() -> Upstream {
    Upstream::start(|mut client, _| {
        loop {
            let head = client.head();
            let head = head.split(' ').nth(1).unwrap_or_default();
            match head {
                "" => return,
                "/feed" => {
                    client.send(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                         Connection: close\r\n\r\n{\"n\":1}\n",
                    );
                    return;
                }
                path => client.send(&ok(&format!("{path} {}", "x".repeat(300)))),
            }
        }
    })
}

fn call(recording: &Recording, paths: &[&str]) {
    let mut client = recording.connect();
    for path in paths {
        client.send(&get(path));
        assert!(client.message().1.starts_with(path));
    }
}

/// The segments of a recording that has some, each with how it is packed.
fn segments(recording: &Recording) -> Vec<(Packing, String)> {
    let found = secrets::segments(&recording.tape()).into_iter();
    found
        .map(|(bytes, text)| (Packing::of(&bytes), text))
        .collect()
}

#[test]
fn a_recording_takes_from_the_file_what_no_flag_says() {
    let service = service();
    let settings = Settings::of(
        "{ record: { rotate: '1KiB', keep: '2', compress: true, except: ['/out'],
           durability: 'synced', onFailure: 'stop', whenBehind: 'drop', patience: 0.5 } }",
    );
    let file = settings.path();
    let calls = [
        "/one", "/out", "/two", "/three", "/four", "/five", "/six", "/seven",
    ];
    let mut recording = Recording::start(service.address, &["--config", &file]);
    call(&recording, &calls);
    assert_eq!(recording.end(), Some(0));
    let found = segments(&recording);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|(packing, _)| *packing == Packing::Zstd));
    let text: String = found.into_iter().map(|(_, text)| text).collect();
    assert!(text.contains("/seven") && !text.contains("/one"), "{text}");

    let more = ["--config", &file, "--keep", "100", "--except", "/two"];
    let mut recording = Recording::start(service.address, &more);
    call(&recording, &calls);
    assert_eq!(recording.end(), Some(0));
    let found = segments(&recording);
    assert!(found.len() > 2, "{found:?}");
    let text: String = found.into_iter().map(|(_, text)| text).collect();
    // A flag takes the place of the whole list.
    for (path, stands) in [("/one", true), ("/out", true), ("/two", false)] {
        assert_eq!(text.contains(path), stands, "{path}: {text}");
    }
}

#[test]
fn what_the_file_switches_on_a_flag_switches_off() {
    let service = service();
    let settings = Settings::of(
        "{ record: { rotate: '1KiB', keep: '1', compress: true, only: ['/o*'], except: ['/out'],
           lines: ['/feed'] } }",
    );
    let file = settings.path();
    let calls = ["/one", "/out", "/one", "/one", "/one", "/one", "/one"];
    let record = |more: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        command.envs(variables.iter().copied());
        let arguments = [&["--config", &file], more].concat();
        let mut recording = Recording::start_by(command, service.address, &arguments);
        call(&recording, &calls);
        recording.exchange("GET /feed HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(recording.end(), Some(0));
        recording
    };
    let lists = ["--only", "", "--except=", "--lines", ""];
    let whole = ["--rotate", "never", "--compress=false"];
    for (more, variables) in [
        (&[&lists[..], &whole].concat(), &[][..]),
        (
            &lists.to_vec(),
            &[("ANTIPHON_ROTATE", "never"), ("ANTIPHON_COMPRESS", "false")],
        ),
    ] {
        let recording = record(more, variables);
        let tape = fs::read_to_string(recording.tape()).unwrap();
        assert!(tape.contains("/out"), "{tape}");
        assert!(
            tape.contains("/feed") && !tape.contains("\"lines\""),
            "{tape}"
        );
    }
    let recording = record(&["--keep", "all"], &[("ANTIPHON_COMPRESS", "false")]);
    let found = segments(&recording);
    assert!(found.len() > 1, "{found:?}");
    // A flag comes before the environment, and needs no value.
    let off = [("ANTIPHON_COMPRESS", "false")];
    let recording = record(&["--compress", "--keep=all"], &off);
    let found = segments(&recording);
    assert!(found.len() > 1, "{found:?}");
    assert!(found.iter().all(|(packing, _)| *packing == Packing::Zstd));
}

#[test]
fn streams_of_lines_and_clients_are_told_by_the_file_too() {
    let service = service();
    let settings =
        Settings::of("{ sessionBy: 'header:X-Who', record: { lines: ['/feed'], only: ['/f*'] } }");
    let recording = Recording::start(service.address, &["--config", &settings.path()]);
    recording.exchange("GET /out HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let heard = recording
        .exchange("GET /feed HTTP/1.1\r\nHost: a\r\nX-Who: ann\r\nConnection: close\r\n\r\n");
    assert!(heard.contains("{\"n\":1}"), "{heard}");
    let shown = recording.finish();
    let operations = shown["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 1, "{shown}");
    assert_eq!(operations[0]["form"], json!({ "opens": "lines" }));
    assert_eq!(operations[0]["session"], "ann", "{shown}");
}

#[test]
fn the_file_says_what_becomes_of_traffic_when_the_disk_is_full() {
    let service = service();
    let settings = Settings::of("{ record: { onFailure: 'stop' } }");
    let file = settings.path();
    for (more, refused) in [(&[][..], true), (&["--on-failure", "pass"], false)] {
        let mut command = Command::new("sh");
        let limit = "trap '' XFSZ; ulimit -f 4; exec \"$@\"";
        command.args(["-c", limit, "sh", env!("CARGO_BIN_EXE_antiphon")]);
        let arguments = [&["--config", &file][..], more].concat();
        let mut recording = Recording::start_by(command, service.address, &arguments);
        let mut client = recording.connect();
        let answers = (0..60).map(|_| {
            client.send(&get("/a"));
            client.message().0
        });
        let stopped = answers
            .filter(|head| head.starts_with("HTTP/1.1 503 "))
            .count();
        assert_eq!(stopped > 0, refused, "{stopped} of 60 with {more:?}");
        assert_eq!(recording.end(), Some(4));
    }
}

/// Starts a recording that is to be refused; what it says.
fn refused(file: &str, more: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(["record", "--upstream", "http://127.0.0.1:1"])
        .args(["--listen", "127.0.0.1:0", "-o", "t.tape", "--config", file])
        .args(more)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

#[test]
fn a_wrong_value_is_refused_with_file_and_key_unless_a_flag_comes_before_it() {
    let service = service();
    for (key, wrong, flag) in [
        ("durability", "'often'", &["--durability", "relaxed"][..]),
        ("onFailure", "'cry'", &["--on-failure", "pass"]),
        ("whenBehind", "'cry'", &["--when-behind", "wait"]),
        ("patience", "-1", &["--patience", "5"]),
        ("rotate", "'10'", &["--rotate", "1MiB"]),
        ("keep", "'some'", &["--keep", "10", "--rotate", "1MiB"]),
        ("only", "['/a', 'po st']", &["--only", "POST"]),
        ("except", "['po st']", &["--except", "POST"]),
        ("lines", "['feed']", &["--lines", "/feed"]),
    ] {
        let settings = Settings::of(&format!("{{ record: {{ {key}: {wrong} }} }}"));
        let file = settings.path();
        let said = refused(&file, &[]);
        assert!(said.contains(&format!("{file}: record.{key}")), "{said}");
        let more = [&["--config", &file][..], flag].concat();
        let mut recording = Recording::start(service.address, &more);
        assert_eq!(recording.end(), Some(0), "{key}");
        let variable = match key {
            "only" | "except" | "lines" | "keep" => continue,
            _ => flag[0].replace('-', "_").to_uppercase(),
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        command.env(variable.replacen("__", "ANTIPHON_", 1), flag[1]);
        let mut recording = Recording::start_by(command, service.address, &["--config", &file]);
        assert_eq!(recording.end(), Some(0), "{key}");
    }
}

#[test]
fn what_is_no_setting_and_what_is_of_another_type_are_named() {
    for (settings, fault) in [
        (
            "{ record: { rotat: '1h' } }",
            ": record.rotat: unknown field",
        ),
        ("{ record: { keep: 10 } }", ": record.keep: invalid type"),
        (
            "{ record: { compress: 'no' } }",
            ": record.compress: invalid",
        ),
        ("{ record: { only: '/a' } }", ": record.only: invalid type"),
        ("{ record: ['1h'] }", ": expected an object"),
        (
            "{ record: { keep: '3' } }",
            ": record.keep: only segments can be kept",
        ),
    ] {
        let settings = Settings::of(settings);
        let file = settings.path();
        let said = refused(&file, &[]);
        assert!(said.contains(&format!("{file}{fault}")), "{said}");
    }
    let none = Settings::of("{}");
    let said = refused(&none.path(), &["--keep", "3"]);
    assert!(said.contains("--keep (or ANTIPHON_KEEP): only"), "{said}");
}
