//! A page in Chromium: fetch, XHR, a form with cookies and a redirect, and cometd.js by long polling
//! and by callback polling.

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
    // Else Chromium ends when the page is loaded, and the page has only begun.
    "--remote-debugging-port=0",
];

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The service with the page, and the lines that it says.
fn service() -> (Running, Receiver<String>, String) {
    let mut child = programs::node("page.mjs")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = programs::lines(child.stdout.take().unwrap());
    let child = Running(child);
    let port = lines.recv_timeout(PATIENCE).expect("the port");
    (child, lines, format!("http://127.0.0.1:{port}"))
}

/// Opens the page at `origin` in a Chromium of its own; what came of it.
fn visit(origin: &str, lines: &Receiver<String>) -> Value {
    let profile = tempfile::tempdir().unwrap();
    let browser = Command::new("chromium")
        .args(QUIET)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("{origin}/"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let browser = Running(browser);
    let told = lines.recv_timeout(PATIENCE).expect("what the page tells");
    drop(browser);
    serde_json::from_str(&told).unwrap()
}

#[test]
fn a_page_in_chromium_does_the_same_through_a_recorder() {
    need("chromium", INSTALL);
    let (_service, lines, origin) = service();
    let directly = visit(&origin, &lines);
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
    let recording = Server::record(&origin, &tape);
    assert_eq!(visit(&recording.origin, &lines), directly);
    recording.end_well();
}
