//! Secrets in the traffic of real peers: that they stand in nothing that antiphon writes or says, and that a
//! replay gives clients what the service did though its tape does not have them.
//!
//! What the traffic is, each scene says itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::server::{PATIENT, Server};
use crate::spellings::holds;
use crate::tape::verified;

/// What the secrets that clients bring to the recording have in them, and what those of others have later.
const MARKS: [&str; 2] = ["one", "two"];

/// Has everything said that can be.
const LOUD: &[&str] = &["env", "RUST_LOG=trace"];

/// How long a replay holds a poll, in milliseconds.
const POLL: u32 = 200;

/// A service and its clients, with secrets in all that they say.
pub(crate) trait Scene {
    type Service;

    /// Starts the service; its origin too.
    fn start(&self) -> (Self::Service, String);

    /// What clients get at this origin whose secrets have this mark: by the measure of its kind of peers.
    fn play(&self, origin: &str, mark: &'static str) -> Value;

    /// The same at the service itself, which may speak less than a recorder does.
    fn directly(&self, origin: &str, mark: &'static str) -> Value {
        self.play(origin, mark)
    }

    /// Ends the service; the secrets that it made, where clients got this.
    fn minted(&self, service: Self::Service, heard: &Value) -> BTreeSet<String>;

    /// The secrets with this mark.
    fn brought(&self, mark: &'static str) -> BTreeSet<String>;

    /// How many of both kinds no tape would have.
    fn unkept(&self) -> usize {
        0
    }

    /// The arguments of recorder and replay.
    fn both(&self) -> &'static [&'static str] {
        &[]
    }

    /// More arguments of the recorder.
    fn recording(&self) -> &'static [&'static str] {
        &[]
    }
}

/// A secret that a client brings.
pub(crate) fn own(mark: &str, who: &str, what: &str) -> String {
    format!("cnry-{mark}-{who}-{what}-7Qx1")
}

/// No secret of the scene leaves a recorder but to the service, or a replay but to its client, and replays of
/// the tapes with pseudonyms are to clients what the service was: to the recorded ones, and to others.
pub(crate) fn prove(scene: &impl Scene) {
    let folder = tempfile::tempdir().unwrap();
    let (service, origin) = scene.start();
    let directly = scene.directly(&origin, MARKS[0]);
    let minted = scene.minted(service, &directly);
    let canaries = &minted | &scene.brought(MARKS[0]);
    assert!(!canaries.is_empty());

    let [plain, redacted] = ["plain", "redacted"].map(|name| folder.path().join(name));
    let plain = record(scene, &plain, &["--no-redact", "*"], &directly).0;
    let unkept = |canary: &&String| holds(&fs::read(&plain).unwrap(), canary).is_none();
    let unkept: Vec<&String> = canaries.iter().filter(unkept).collect();
    // The others come by: what is asserted below is no accident.
    assert_eq!(unkept.len(), scene.unkept(), "{unkept:?}");
    let replay = replay(scene, &plain);
    assert_eq!(scene.play(&replay.origin, MARKS[0]), directly);
    replay.clean_report();
    replay.end_well();

    let (redacted, told) = record(scene, &redacted, &[], &directly);
    assert_unsaid(
        &canaries,
        &[told, files(redacted.parent().unwrap())].concat(),
    );
    antiphon(&["redact"], &plain);
    assert_unsaid(&canaries, &files(plain.parent().unwrap()));
    for tape in [redacted, plain] {
        antiphon(&["redact", "--check"], &tape);
        verified(&tape);
        replayed(scene, &tape, &directly, &minted);
    }
}

/// Records the scene in a folder of its own, whose clients get what they get directly; the tape, and what was
/// told meanwhile.
fn record(
    scene: &impl Scene,
    folder: &Path,
    arguments: &[&str],
    directly: &Value,
) -> (PathBuf, Vec<(String, String)>) {
    fs::create_dir(folder).unwrap();
    let tape = folder.join("scene.tape");
    let (service, origin) = scene.start();
    let arguments = [scene.both(), scene.recording(), arguments].concat();
    let recording = Server::record_so(LOUD, &origin, &tape, &arguments);
    assert_eq!(scene.play(&recording.origin, MARKS[0]), *directly);
    let told = recording.end_telling(&["health", "metrics"]);
    drop(service);
    (tape, told)
}

fn replay(scene: &impl Scene, tape: &Path) -> Server {
    let arguments = [scene.both(), PATIENT].concat();
    Server::replaying(LOUD, &[tape], POLL, &arguments)
}

/// Plays a tape with pseudonyms to clients with the recorded secrets and with others.
fn replayed(scene: &impl Scene, tape: &Path, directly: &Value, minted: &BTreeSet<String>) {
    let replay = replay(scene, tape);
    let mut digests = BTreeSet::new();
    for mark in MARKS {
        replay.reset();
        let heard = scene.play(&replay.origin, mark);
        assert_alike(&heard, &directly.to_string(), mark, minted);
        let report = replay.clean_report();
        digests.insert(report["digest"].as_str().unwrap().to_owned());
    }
    assert_eq!(digests.len(), 1, "{digests:?}");
    let pages = ["health", "metrics", "report", "transcript", "pending"];
    let told = replay.end_telling(&pages);
    for mark in MARKS {
        assert_unsaid(&scene.brought(mark), &told);
    }
}

/// What a replay gives is what the service gave, but for the mark of the clients' secrets, and a pseudonym for
/// each of the service's, which is the same everywhere and as long.
fn assert_alike(replayed: &Value, real: &str, mark: &str, minted: &BTreeSet<String>) {
    let mut real = real.replace(&own(MARKS[0], "", "")[..8], &own(mark, "", "")[..8]);
    let text = replayed.to_string();
    let mut pseudonyms = BTreeMap::new();
    for secret in minted {
        let Some(place) = real.find(secret.as_str()) else {
            continue; // which its client keeps to itself
        };
        let pseudonym = text.get(place..place + secret.len());
        let pseudonym = pseudonym.unwrap_or_else(|| panic!("{secret}: {text}\n{real}"));
        assert_ne!(pseudonym, secret);
        assert_eq!(pseudonyms.insert(pseudonym, secret), None, "{secret}");
    }
    for (pseudonym, secret) in pseudonyms {
        real = real.replace(secret.as_str(), pseudonym);
    }
    assert_eq!(*replayed, serde_json::from_str::<Value>(&real).unwrap());
}

/// No canary stands in any of these texts.
fn assert_unsaid(canaries: &BTreeSet<String>, told: &[(String, String)]) {
    assert!(!canaries.is_empty() && !told.is_empty());
    for (name, text) in told {
        for canary in canaries {
            if let Some(spelled) = holds(text.as_bytes(), canary) {
                let line = text.lines().find(|line| line.contains(&spelled));
                panic!("{name} has {canary}: {line:?}");
            }
        }
    }
}

/// The files in a folder, by name.
fn files(folder: &Path) -> Vec<(String, String)> {
    let read = |path: PathBuf| {
        let content = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&content).into_owned();
        (path.display().to_string(), text)
    };
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| read(entry.unwrap().path())).collect()
}

/// Runs it well.
fn antiphon(arguments: &[&str], tape: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
    let output = command.args(arguments).arg(tape).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
