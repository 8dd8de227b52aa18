//! A page in Chromium: fetch, XHR, a form with cookies and a redirect, and cometd.js by long polling
//! and by callback polling.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;

use serde_json::{Value, json};

use crate::programs::{self, need};
use crate::server::{PATIENCE, Server};

use super::INSTALL;

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

/// The service with the page.
pub(super) struct Service {
    _running: Running,
    /// What the pages tell.
    lines: Receiver<String>,
    pub(super) origin: String,
}

/// Starts the service.
pub(super) fn service() -> Service {
    let mut child = programs::node("page.mjs")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = programs::lines(child.stdout.take().unwrap());
    let running = Running(child);
    let port = lines.recv_timeout(PATIENCE).expect("the port");
    Service {
        _running: running,
        lines,
        origin: format!("http://127.0.0.1:{port}"),
    }
}

impl Service {
    /// Opens the page at `origin` in a Chromium of its own; what came of it.
    pub(super) fn visit(&self, origin: &str) -> Value {
        self.visit_from(None, origin)
    }

    /// Opens it in one whose user has this home.
    pub(super) fn visit_from(&self, home: Option<&Path>, origin: &str) -> Value {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromium");
        if let Some(home) = home {
            command.env("HOME", home);
        }
        let browser = command
            .args(QUIET)
            .arg(STAY)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("{origin}/"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let browser = Running(browser);
        let told = self.lines.recv_timeout(PATIENCE);
        let told = told.expect("what the page tells");
        drop(browser);
        serde_json::from_str(&told).unwrap()
    }
}

/// What Chromium shows of a page to somebody with this home, when it is loaded.
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
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_page_in_chromium_does_the_same_through_a_recorder() {
    need("chromium", INSTALL);
    let service = service();
    let directly = service.visit(&service.origin);
    assert_eq!(
        directly,
        json!({
            "fetch": [200, "POST ein Größenwert"],
            "login": [true, "/home", "LOGIN=of-ann"],
            "xhr": [200, r#"PUT {"n":1392308459000}"#],
            "polling": ["long-polling", 1, 2, 3, 4, 5],
            "callback": ["callback-polling", 1, 2, 3, 4, 5],
        })
    );
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("page.tape");
    let recording = Server::record(&service.origin, &tape);
    assert_eq!(service.visit(&recording.origin), directly);
    recording.end_well();
}
