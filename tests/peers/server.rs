//! The built binary as a server on free ports, and what its admin port says.
//!
//! It never ends a process that it did not start.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::programs;

const BINARY: &str = env!("CARGO_BIN_EXE_antiphon");

/// Longer than anything here takes on a busy machine; reached only where something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How often a process is asked whether it has ended, while it is waited for.
const GLANCE: Duration = Duration::from_millis(10);

/// No session ever counts as absent: how fast the agents' processes start must not matter.
pub(crate) const PATIENT: &[&str] = &["--absent-after", "never"];

/// A running `antiphon replay` or `antiphon record`, which ends with this value.
pub(crate) struct Server {
    child: Child,
    /// `http://ADDR` of the proxied port.
    pub(crate) origin: String,
    admin: String,
    /// What it says on stderr, in full when it has ended.
    words: Option<JoinHandle<String>>,
    /// The same of stdout, behind the addresses.
    data: Option<JoinHandle<String>>,
}

impl Server {
    /// Starts a replay of the embedded tape.
    pub(crate) fn replay(poll: u32) -> Server {
        Server::replaying(&[], &[], poll, PATIENT)
    }

    /// Starts a replay of this tape.
    pub(crate) fn replay_of(tape: &Path, poll: u32) -> Server {
        Server::replay_with(tape, poll, PATIENT)
    }

    /// Starts a replay of this tape with these arguments.
    pub(crate) fn replay_with(tape: &Path, poll: u32, arguments: &[&str]) -> Server {
        Server::replaying(&[], &[tape], poll, arguments)
    }

    /// Starts a replay of this tape by another program, which becomes it.
    pub(crate) fn replay_by(by: &[&str], tape: &Path, poll: u32) -> Server {
        Server::replaying(by, &[tape], poll, PATIENT)
    }

    /// Starts a replay that holds a poll for so many milliseconds.
    pub(crate) fn replaying(by: &[&str], tapes: &[&Path], poll: u32, arguments: &[&str]) -> Server {
        let settings = tempfile::Builder::new()
            .suffix(".json5")
            .tempfile()
            .unwrap();
        fs::write(&settings, format!("{{ bayeux: {{ timeout: {poll} }} }}")).unwrap();
        let mut command = programs::command(by, BINARY);
        command.arg("replay").args(arguments);
        Server::start(command.arg("--config").arg(settings.path()).args(tapes))
    }

    /// Starts a recording of what passes to this origin, on this tape.
    pub(crate) fn record(upstream: &str, tape: &Path) -> Server {
        Server::record_by(&[], upstream, tape)
    }

    /// The same by another program, which becomes it.
    pub(crate) fn record_by(by: &[&str], upstream: &str, tape: &Path) -> Server {
        let mut command = programs::command(by, BINARY);
        command.args(["record", "--upstream", upstream, "--output"]);
        Server::start(command.arg(tape))
    }

    /// The same with these arguments besides.
    pub(crate) fn record_so(
        by: &[&str],
        upstream: &str,
        tape: &Path,
        arguments: &[&str],
    ) -> Server {
        let mut command = programs::command(by, BINARY);
        command.args(["record", "--upstream", upstream]);
        Server::start(command.args(arguments).arg("--output").arg(tape))
    }

    /// Starts a recording that speaks TLS to clients, by the authority of the installation at `home`.
    pub(crate) fn record_by_tls(upstream: &str, tape: &Path, home: &Path) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        command.args(["record", "--tls", "--upstream", upstream, "--output"]);
        Server::start(command.arg(tape).env("ANTIPHON_HOME", home))
    }

    /// Starts a recording, on a tape that may be there already, with these arguments besides.
    pub(crate) fn record_on(upstream: &str, tape: &Path, arguments: &[&str]) -> Server {
        let mut command = Command::new(BINARY);
        command.args(["record", "--append", "--upstream", upstream]);
        Server::start(command.args(arguments).arg("--output").arg(tape))
    }

    /// Ends it at once, as a power cut would, but for what the kernel has.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How many KiB of memory it has had at most.
    pub(crate) fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.unwrap().trim().trim_end_matches(" kB");
        number.parse().unwrap()
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn start(command: &mut Command) -> Server {
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .env("RUST_LOG", "antiphon=warn")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = child.stderr.take().unwrap();
        let words = thread::spawn(move || io::read_to_string(stderr).unwrap_or_default());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |prefix: &str| {
            let line = lines.next().expect("a line on stdout").unwrap();
            line.strip_prefix(prefix)
                .unwrap_or_else(|| panic!("{line}"))
                .to_owned()
        };
        let (origin, admin) = (address("listening on "), address("admin on "));
        let data = thread::spawn(move || lines.map_while(Result::ok).collect());
        Server {
            origin,
            admin,
            child,
            words: Some(words),
            data: Some(data),
        }
    }

    /// Starts the run over.
    pub(crate) fn reset(&self) {
        let url = format!("{}/__admin/reset", self.admin);
        ask(http().post(&url).send_empty());
    }

    /// The transcript's sessions without their digests, and the digest of all.
    pub(crate) fn transcript(&self) -> (Value, String) {
        let mut document = self.admin("transcript");
        assert_eq!(document["misses"], 0, "{document}");
        let digest = document["digest"].as_str().unwrap().to_owned();
        let mut sessions = document["sessions"].take();
        for session in sessions.as_array_mut().unwrap() {
            session.as_object_mut().unwrap().remove("digest").unwrap();
        }
        (sessions, digest)
    }

    /// The report of a run in which everything was played, and nothing missed.
    pub(crate) fn clean_report(&self) -> Value {
        let report = self.admin("report");
        assert_eq!(report["clean"], true, "{report}");
        report
    }

    /// What its admin port answers to a GET of this.
    pub(crate) fn admin(&self, what: &str) -> Value {
        let url = format!("{}/__admin/{what}", self.admin);
        ask(http().get(&url).call())
    }

    /// Sends SIGTERM, and waits for a good end.
    pub(crate) fn end_well(mut self) {
        let status = self.end();
        let words = self.words.take().map(JoinHandle::join);
        assert!(status.success(), "{status}: {words:?}");
    }

    /// Sends SIGTERM, and waits for an end with this exit code; what it has said.
    pub(crate) fn end_with(mut self, code: i32) -> String {
        let status = self.end();
        let words = self.words.take().map(|words| words.join().unwrap());
        assert_eq!(status.code(), Some(code), "{words:?}");
        words.unwrap_or_default()
    }

    /// Sends SIGTERM, and waits for the end: the exit code, and what was said on stderr.
    pub(crate) fn end_somehow(mut self) -> (Option<i32>, String) {
        let status = self.end();
        let words = self.words.take().unwrap().join().unwrap();
        (status.code(), words)
    }

    /// Ends it well; all that it has told, each with its name: these pages of its admin port, stdout and
    /// stderr.
    pub(crate) fn end_telling(mut self, pages: &[&str]) -> Vec<(String, String)> {
        let page = |name: &&str| ((*name).to_owned(), self.admin_text(name));
        let mut told: Vec<(String, String)> = pages.iter().map(page).collect();
        let status = self.end();
        for (name, said) in [("stdout", self.data.take()), ("stderr", self.words.take())] {
            told.push((name.to_owned(), said.unwrap().join().unwrap()));
        }
        assert!(status.success(), "{status}: {told:?}");
        told
    }

    /// The text that its admin port answers to a GET of this.
    pub(crate) fn admin_text(&self, what: &str) -> String {
        let url = format!("{}/__admin/{what}", self.admin);
        let answer = http().get(&url).call().unwrap();
        answer.into_body().read_to_string().unwrap()
    }

    fn end(&mut self) -> ExitStatus {
        let sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the server does not end");
            thread::sleep(GLANCE);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking()
            && let Some(Ok(words)) = self.words.take().map(JoinHandle::join)
        {
            println!("the server said:\n{words}");
        }
    }
}

fn http() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .proxy(None)
        .build()
        .into()
}

fn ask(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Value {
    let text = answer.unwrap().into_body().read_to_string().unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
