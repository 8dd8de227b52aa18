//! A page in Chromium: fetch, XHR, a form with cookies and a redirect, and cometd.js by long polling
//! and by callback polling; from its service, through a recorder, and from a replay.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::programs::{self, need};
use crate::server::{PATIENCE, PATIENT, Server};
use crate::wire;

use super::INSTALL;

const TAPE: &str = "page.tape";

/// The program of the service with the page.
pub(super) const PAGE: &str = "page.mjs";

/// How long a replay holds a poll, in milliseconds.
const POLL: u32 = 500;

/// How many browsers are open at once.
const BROWSERS: usize = 3;

/// What makes Chromium run without a screen, as any user, and leave the world outside alone.
const QUIET: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
];

/// What keeps it from ending when the page is loaded, and has only begun.
const STAY: &str = "--remote-debugging-port=0";

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A service with a page.
pub(super) struct Service {
    _running: Running,
    pub(super) origin: String,
}

/// Starts the service that this program is.
pub(super) fn service(program: &str) -> Service {
    service_by(program, &[])
}

/// The same with these arguments.
pub(super) fn service_by(program: &str, arguments: &[&str]) -> Service {
    let mut child = programs::node(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = programs::lines(child.stdout.take().unwrap());
    let running = Running(child);
    let port = lines.recv_timeout(PATIENCE).expect("the port");
    Service {
        _running: running,
        origin: format!("http://127.0.0.1:{port}"),
    }
}

/// Where a page sends what came of it: the origin, and what arrives there.
fn ear() -> (String, Receiver<String>) {
    let (sender, told) = mpsc::channel();
    let origin = wire::upstream(move |wire| {
        let request = wire.head()?;
        let content = wire.content(request.length)?;
        wire.send(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
        // Who sends more than it is asked for tells nobody.
        let _ = sender.send(content);
        Ok(())
    });
    (origin, told)
}

/// Opens the page at `origin` in a Chromium of its own; what came of it.
pub(crate) fn visit(origin: &str) -> Value {
    visit_from(None, origin)
}

/// Opens it in one whose user has this home.
pub(super) fn visit_from(home: Option<&Path>, origin: &str) -> Value {
    let (ear, told) = ear();
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new("chromium");
    if let Some(home) = home {
        command.env("HOME", home);
    }
    let browser = command
        .args(QUIET)
        .arg(STAY)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("{origin}/#{ear}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let browser = Running(browser);
    let told = told.recv_timeout(PATIENCE).expect("what the page tells");
    drop(browser);
    serde_json::from_str(&told).unwrap()
}

/// What Chromium shows of a page to somebody with this home, or says where it cannot.
pub(super) fn shown(home: &Path, url: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .env("HOME", home)
        .args(QUIET)
        .arg("--dump-dom")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    // Of a page that cannot be loaded some versions show why, and others say it.
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

/// Records the page, and lets its service end: the folder with the tape, and what came of the page.
fn recorded() -> (TempDir, Value) {
    let folder = tempfile::tempdir().unwrap();
    let service = service(PAGE);
    let recording = Server::record(&service.origin, &folder.path().join(TAPE));
    let told = visit(&recording.origin);
    assert_eq!(told.get("error"), None, "{told}");
    recording.end_well();
    (folder, told)
}

#[test]
fn a_page_in_chromium_does_the_same_through_a_recorder() {
    need("chromium", INSTALL);
    let service = service(PAGE);
    let directly = visit(&service.origin);
    assert_eq!(
        directly,
        json!({
            "fetch": [200, "POST ein Größenwert"],
            "login": [true, "/home", "LOGIN=of-ann"],
            "xhr": [200, r#"PUT {"n":1392308459000}"#],
            "polling": ["long-polling", { "by": "cometd" }, 1, 2, 3, 4, 5],
            "callback": ["callback-polling", { "by": "faye" }, 1, 2, 3, 4, 5],
        })
    );
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join(TAPE);
    let recording = Server::record(&service.origin, &tape);
    assert_eq!(visit(&recording.origin), directly);
    recording.end_well();
}

#[test]
fn a_page_in_chromium_cannot_tell_a_replay_from_its_service() {
    need("chromium", INSTALL);
    let (folder, recorded) = recorded();
    let tape = folder.path().join(TAPE);
    let replay = Server::replay_of(&tape, POLL);
    assert_eq!(visit(&replay.origin), recorded);
    let first = replay.clean_report();
    replay.reset();
    assert_eq!(visit(&replay.origin), recorded);
    assert_eq!(replay.clean_report()["digest"], first["digest"]);
    replay.end_well();
}

#[test]
fn pages_in_several_chromiums_at_once_have_a_replay_each() {
    need("chromium", INSTALL);
    let (folder, recorded) = recorded();
    let tape = folder.path().join(TAPE);
    let arguments = [PATIENT, &["--spare-sessions", "fork"]].concat();
    let replay = Server::replay_with(&tape, POLL, &arguments);
    thread::scope(|scope| {
        let visits = [(); BROWSERS].map(|()| scope.spawn(|| visit(&replay.origin)));
        for visit in visits {
            assert_eq!(visit.join().unwrap(), recorded);
        }
    });
    let report = replay.clean_report();
    let copies = report["copies"].as_array().unwrap();
    assert_eq!(copies.len(), BROWSERS - 1, "{report}");
    for copy in copies {
        assert_eq!(copy["clean"], true, "{copy}");
        assert_eq!(copy["digest"], report["digest"]);
    }
    replay.end_well();
}
