//! The README's commands, run as they are written, with free ports in place of the default ones.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Replay, curl};

/// The commands that set things up: they build, install or run these very tests, and are the
/// business of `.ci/run`.
const SETUP: &[&str] = &["cargo test", "cargo install --path . --locked"];

/// What the README has of the command that `Replay` starts.
const SERVER: &str = "cargo run --release -- replay";

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The lines of every `sh` block.
fn commands(readme: &str) -> Vec<&str> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in readme.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => found.push(line),
            _ => {}
        }
    }
    found
}

#[test]
fn every_command_of_the_readme_works() {
    let readme = readme();
    let commands = commands(&readme);
    for expected in SETUP.iter().chain([&SERVER]) {
        assert!(
            commands.contains(expected),
            "the README has lost {expected}"
        );
    }
    let replay = Replay::start(&[]);
    let folder = Path::new(env!("CARGO_BIN_EXE_antiphon")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let home = tempfile::tempdir().unwrap();
    let mut stream = None;
    for command in commands
        .iter()
        .filter(|command| !SETUP.contains(command) && **command != SERVER)
    {
        let command = command
            .replace("http://127.0.0.1:8080", &replay.origin)
            .replace("http://127.0.0.1:8081", &replay.admin);
        if command.contains("/__try/notifications?session=agent2") {
            stream = Some(replay.listen("agent2"));
            continue;
        }
        if command.starts_with("curl ") {
            assert_eq!(curl(&command).text, r#"{"statusCode":0}"#);
            continue;
        }
        let output = Command::new("sh")
            .args(["-ec", &command])
            .env("PATH", &path)
            .env("ANTIPHON_HOME", home.path())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        if command.contains("normalize") {
            let json: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(json["uri"], "http://10.10.15.212:9090/api/v2");
            assert_eq!(json["at"], 1_392_308_459_000_u64);
        }
    }
    let stream = stream.expect("the README's stream");
    for _ in 0..4 {
        assert_eq!(stream.next()["channel"], "/v2/me/chats");
    }
}

#[test]
fn the_settings_of_the_readme_are_read() {
    let readme = readme();
    let (_, rest) = readme.split_once("```json5\n").unwrap();
    let (settings, _) = rest.split_once("```").unwrap();
    let path = format!(
        "{}/readme-{}.json5",
        env!("CARGO_TARGET_TMPDIR"),
        std::process::id()
    );
    fs::write(&path, settings).unwrap();
    let admin = ["--config", &path, "--admin", "127.0.0.1:0"];
    assert!(Replay::start(&admin).heard("agent2").is_empty());
}
