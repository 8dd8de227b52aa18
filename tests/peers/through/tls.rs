//! Clients that reach a recorder over TLS, and trust it by nothing but the lines of `antiphon ca`.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::programs::{SOURCES, need};
use crate::server::Server;

use super::INSTALL;
use super::chromium;

/// Where a client could find trust that the test has not given it.
const TRUST: &[&str] = &[
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "JAVA_TOOL_OPTIONS",
];

/// Where a client could find a proxy.
const PROXIES: &[&str] = &["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"];

/// A recorder that speaks TLS, in front of the page's service.
struct Recorder {
    server: Server,
    service: chromium::Service,
    folder: TempDir,
    /// What `antiphon ca` has said.
    lines: String,
}

impl Recorder {
    fn start() -> Recorder {
        let service = chromium::service(chromium::PAGE);
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let server = Server::record_by_tls(&service.origin, &folder.path().join("tape"), &home);
        assert!(server.origin.starts_with("https://"), "{}", server.origin);
        let told = Command::new(env!("CARGO_BIN_EXE_antiphon"))
            .arg("ca")
            .env("ANTIPHON_HOME", &home)
            .output()
            .unwrap();
        Recorder {
            server,
            service,
            folder,
            lines: String::from_utf8(told.stderr).unwrap(),
        }
    }

    /// The lines for one client.
    fn lines(&self, client: &str) -> String {
        let mut lines = self.lines.lines().skip_while(|line| {
            let title = line.strip_prefix("# ");
            title.is_none_or(|title| !title.starts_with(client))
        });
        let title = lines.next();
        assert!(title.is_some(), "no lines for {client}: {}", self.lines);
        let lines = lines.take_while(|line| !line.starts_with('#'));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Runs these lines, and then a program in their place, in a home that is otherwise empty.
    fn run(&self, lines: &str, program: &[&str]) -> Output {
        let mut command = Command::new("sh");
        let script = format!("set -e\n{lines}\nexec \"$@\"");
        command.args(["-c", &script, "sh"]).args(program);
        for variable in TRUST.iter().chain(PROXIES) {
            command.env_remove(variable);
        }
        command
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What a program says, which trusts the recorder by the lines for `client`, and without them
    /// does not.
    fn heard(&self, client: &str, program: &[&str]) -> Vec<String> {
        let stranger = self.run("", program);
        assert!(!stranger.status.success(), "{client} trusts anybody");
        let output = self.run(&self.lines(client), program);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{client}: {said}");
        let heard = String::from_utf8(output.stdout).unwrap();
        heard.lines().map(str::to_owned).collect()
    }
}

/// A program that stands beside the tests.
fn source(name: &str) -> String {
    Path::new(SOURCES).join(name).to_str().unwrap().to_owned()
}

#[test]
fn curl_trusts_the_authority_under_any_name() {
    need("curl", INSTALL);
    let recorder = Recorder::start();
    let line = recorder.lines("curl");
    let address = recorder.server.origin.strip_prefix("https://").unwrap();
    let port = address.rsplit_once(':').unwrap().1;
    for (name, version) in [
        ("127.0.0.1", "--http1.1"),
        ("127.0.0.1", "--http2"),
        ("localhost", "--http2"),
        ("gws.example", "--http2"),
    ] {
        let line = line.replace(
            "https://127.0.0.1:8080/",
            &format!("https://{name}:{port}/echo"),
        );
        let options = format!(
            "{version} --resolve {name}:{port}:127.0.0.1 --silent --show-error --noproxy '*' \
             --max-time 60 --data 'ein Größenwert' --write-out ' %{{http_version}}'"
        );
        let line = line.replacen("curl ", &format!("curl {options} "), 1);
        let output = recorder.run(&line, &["true"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
        let expected = match version {
            "--http2" => "POST ein Größenwert 2",
            _ => "POST ein Größenwert 1.1",
        };
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
    let url = format!("{}/echo", recorder.server.origin);
    let stranger = recorder.run("", &["curl", "--silent", "--noproxy", "*", &url]);
    assert_eq!(stranger.status.code(), Some(60), "curl trusts anybody");
    recorder.server.end_well();
}

#[test]
fn node_trusts_the_authority() {
    need("node", INSTALL);
    let recorder = Recorder::start();
    let program = ["node", &source("tls.mjs"), &recorder.server.origin];
    assert_eq!(
        recorder.heard("Node.js", &program),
        [
            "fetch 200 POST ein Größenwert",
            "https 200 POST ein Größenwert",
            "h2 200 POST ein Größenwert"
        ]
    );
    recorder.server.end_well();
}

#[test]
fn python_trusts_the_authority() {
    need("python3", INSTALL);
    let recorder = Recorder::start();
    let program = ["python3", &source("tls.py"), &recorder.server.origin];
    assert_eq!(
        recorder.heard("Python", &program),
        [
            "urllib 200 POST ein Größenwert",
            "strict 200 POST ein Größenwert"
        ]
    );
    recorder.server.end_well();
}

#[test]
fn java_trusts_the_authority() {
    need("java", INSTALL);
    need("javac", INSTALL);
    let recorder = Recorder::start();
    let program = ["java", &source("Tls.java"), &recorder.server.origin];
    assert_eq!(
        recorder.heard("Java", &program),
        [
            "HTTP_2 200 POST ein Größenwert",
            "URLConnection 200 POST ein Größenwert"
        ]
    );
    recorder.server.end_well();
}

#[test]
fn a_page_in_chromium_does_the_same_over_tls() {
    need("chromium", INSTALL);
    let recorder = Recorder::start();
    let stranger = chromium::shown(recorder.folder.path(), &recorder.server.origin);
    assert!(
        stranger.contains("ERR_CERT_AUTHORITY_INVALID"),
        "Chromium trusts anybody: {stranger}"
    );
    let trusting = recorder.run(&recorder.lines("Chromium"), &["true"]);
    let said = String::from_utf8_lossy(&trusting.stderr);
    assert!(trusting.status.success(), "{INSTALL}: {said}");
    let directly = chromium::visit_from(None, &recorder.service.origin);
    assert_eq!(directly["error"], Value::Null, "{directly}");
    let home = Some(recorder.folder.path());
    let origin = &recorder.server.origin;
    assert_eq!(chromium::visit_from(home, origin), directly);
    recorder.server.end_well();
}
