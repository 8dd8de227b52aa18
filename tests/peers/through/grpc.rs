//! gRPC's own client and server for Node.js, with a recorder between them: what the client hears is what
//! it hears without, and what a replay can answer it hears again when the service is gone.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;

use serde_json::Value;

use crate::programs;
use crate::server::{PATIENCE, PATIENT, Server};

/// How long a replay holds a poll, of which there are none here, in milliseconds.
const POLL: u32 = 500;

/// How many lines the client says of calls that are whole before they are answered.
const WHOLE: usize = 20;

/// The service, which ends with this value.
pub(super) struct Service {
    child: Child,
    pub(super) address: String,
    /// The calls whose client has gone.
    gone: Receiver<String>,
}

impl Service {
    /// Starts one, over TLS where there is a certificate and its key.
    pub(super) fn start(identity: &[&Path]) -> Service {
        let mut child = programs::node("grpc-server.mjs")
            .args(identity)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = programs::lines(child.stdout.take().unwrap());
        Service {
            child,
            address: lines.recv_timeout(PATIENCE).expect("the address"),
            gone: lines,
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a client hears that calls so much at this origin, a line for each call.
fn heard(origin: &str, which: &str, authority: Option<&Path>) -> Vec<Value> {
    heard_with(origin, which, authority.map(Path::as_os_str))
}

/// The same of one with this last argument.
pub(super) fn heard_with(origin: &str, which: &str, last: Option<&OsStr>) -> Vec<Value> {
    let (_, address) = origin.split_once("://").unwrap_or(("", origin));
    let output = programs::node("grpc-client.mjs")
        .args([address, which])
        .args(last)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Each call by itself, so that the first that differs is shown.
fn assert_equal(one: &[Value], other: &[Value]) {
    for (one, other) in one.iter().zip(other) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
}

/// The code of gRPC with which the call of this name ended.
fn code(heard: &[Value], name: &str) -> u64 {
    let call = heard.iter().find(|call| call["name"] == name);
    call.unwrap()["code"].as_u64().unwrap()
}

fn antiphon(command: &[&str], tape: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(command)
        .arg(tape)
        .output()
        .unwrap();
    let (said, told) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{command:?}: {said}{told}");
    said
}

#[test]
fn every_kind_of_call_passes_and_what_is_whole_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("tape");
    let alone = Service::start(&[]);
    let directly = heard(&alone.address, "all", None);
    let names = [
        "ask hello",
        "ask refuse",
        "talk at once",
        "talk",
        "cancel",
        "deadline",
    ];
    let codes = names.map(|name| code(&directly, name));
    assert_eq!(codes, [0, 5, 0, 0, 1, 4]);

    // Another one, so that nobody has told it yet to go on.
    let service = Service::start(&[]);
    let origin = format!("http://{}", service.address);
    let recording = Server::record_on(&origin, &tape, &["--upstream-http2"]);
    let through = heard(&recording.origin, "all", None);
    assert_equal(&through, &directly);
    for gone in ["gone: never cancelled", "gone: never mind"] {
        assert_eq!(service.gone.recv_timeout(PATIENCE).unwrap(), gone);
    }
    recording.end_well();
    drop(service);

    let shown: Value = serde_json::from_str(&antiphon(&["show", "--json"], &tape)).unwrap();
    let operations = shown["operations"].as_array().unwrap();
    let talks = operations.iter().filter(|operation| {
        let of = |trailer: &Value| trailer[0] == "x-took";
        let trailers = operation["response_trailers"].as_array();
        operation["target"] == "/desk.Desk/Talk" && trailers.unwrap().iter().any(of)
    });
    assert_eq!(talks.count(), 2);

    let replay = Server::replay_of(&tape, POLL);
    let replayed = heard(&replay.origin, "whole", None);
    assert_eq!(replayed.len(), WHOLE);
    assert_equal(&replayed, &directly[..WHOLE]);
    assert_eq!(replay.transcript().0.as_array().unwrap().len(), 2);
}

#[test]
fn a_tape_of_unary_calls_is_clean_again() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("tape");
    let service = Service::start(&[]);
    let origin = format!("http://{}", service.address);
    let directly = heard(&origin, "unary", None);
    let recording = Server::record_on(&origin, &tape, &["--upstream-http2"]);
    assert_equal(&heard(&recording.origin, "unary", None), &directly);
    recording.end_well();
    drop(service);
    antiphon(&["verify"], &tape);
    let replay = Server::replay_with(&tape, POLL, PATIENT);
    assert_equal(&heard(&replay.origin, "unary", None), &directly);
    replay.clean_report();
    replay.end_well();
}

#[test]
fn grpc_passes_over_tls_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("pem"), folder.path().join("key"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.as_path(), key.as_path());
    let alone = Service::start(&[certificate, key]);
    let directly = heard(&alone.address, "all", Some(certificate));
    let service = Service::start(&[certificate, key]);
    let origin = format!("https://{}", service.address);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (trusted, key) = (text(certificate), text(key));
    let trust = ["--upstream-ca", &trusted];
    let front = ["--tls-cert", &trusted, "--tls-key", &key];
    let tape = folder.path().join("tape");
    let arguments = [&trust[..], &front].concat();
    let recording = Server::record_on(&origin, &tape, &arguments);
    let through = heard(&recording.origin, "all", Some(certificate));
    assert_equal(&through, &directly);
    recording.end_well();
    drop(service);
    let arguments = [&front[..], PATIENT].concat();
    let replay = Server::replay_with(&tape, POLL, &arguments);
    let replayed = heard(&replay.origin, "whole", Some(certificate));
    assert_equal(&replayed, &directly[..WHOLE]);
}
