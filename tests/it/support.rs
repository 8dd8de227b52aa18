//! The built binary as a server, and a small blocking client for it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// Longer than anything here takes; reached only where something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running `antiphon replay` on free ports, which ends with this value.
pub(crate) struct Replay {
    child: Child,
    /// `http://ADDR` of the proxied port.
    pub(crate) origin: String,
    /// `http://ADDR` of the admin port.
    pub(crate) admin: String,
    words: Receiver<String>,
}

/// A response with its content read.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The cookies that it sets, each as name and value.
    pub(crate) fn cookies(&self) -> Vec<String> {
        let lines = self.headers.get_all("set-cookie").into_iter();
        let pair = |line: &ureq::http::HeaderValue| {
            let pair = line.to_str().unwrap().split(';').next();
            pair.unwrap().to_owned()
        };
        lines.map(pair).collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Replay {
    /// Starts a replay with these arguments beside `--listen`.
    pub(crate) fn start(arguments: &[&str]) -> Replay {
        let mut child = Command::new(env!("CARGO_BIN_EXE_antiphon"))
            .args(["replay", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut origin = |prefix: &str| {
            let line = stdout.next().expect("a line on stdout").unwrap();
            line.strip_prefix(prefix)
                .unwrap_or_else(|| panic!("{line}"))
                .to_owned()
        };
        let (origin, admin) = (origin("listening on "), origin("admin on "));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, words) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Replay {
            child,
            origin,
            admin,
            words,
        }
    }

    /// Waits for a line on stderr that contains this text.
    pub(crate) fn says(&self, text: &str) -> String {
        loop {
            let line = self.words.recv_timeout(PATIENCE).expect("a line on stderr");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// What it has had in memory at most so far, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        peak(&self.child).unwrap()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// The most memory that it had so far, in bytes.
    pub(crate) fn most_memory(&self) -> u64 {
        self.peak() * 1024
    }

    /// Waits for the end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Waits until so many polls are held.
    pub(crate) fn await_polls(&self, count: u64) {
        let began = std::time::Instant::now();
        while get(&format!("{}/__admin/health", self.admin)).json()["polls_held"] != count {
            assert!(began.elapsed() < PATIENCE, "the polls have not come");
            thread::yield_now();
        }
    }

    /// The transcript so far.
    pub(crate) fn transcript(&self) -> Value {
        get(&format!("{}/__admin/transcript", self.admin)).json()
    }

    /// The numbers of the notifications that a session has got.
    pub(crate) fn heard(&self, session: &str) -> Vec<u64> {
        let transcript = self.transcript();
        let sessions = transcript["sessions"].as_array().unwrap();
        let lane = sessions.iter().find(|lane| lane["session"] == session);
        let entries = lane.map(|lane| lane["notifications"].as_array().unwrap().clone());
        entries
            .unwrap_or_default()
            .iter()
            .map(|entry| entry["notification"].as_u64().unwrap())
            .collect()
    }

    /// A reader of one session's notifications, which is listening when this returns.
    pub(crate) fn listen(&self, session: &str) -> Lines {
        let url = format!("{}/__try/notifications?session={session}", self.admin);
        let response = agent().get(&url).call().unwrap();
        assert_eq!(response.status(), 200);
        let reader = BufReader::new(response.into_body().into_reader());
        let (sender, receiver) = channel();
        thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Lines(receiver)
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a response that goes on.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    pub(crate) fn next(&self) -> Value {
        let line = self.0.recv_timeout(PATIENCE).expect("a line");
        serde_json::from_str(&line).unwrap()
    }

    /// Whether the response has ended, or goes on without a line so far.
    pub(crate) fn is_silent(&self) -> bool {
        self.0.try_recv().is_err()
    }
}

/// A tape in a file of its own, of these events.
pub(crate) fn tape(name: &str, events: &str) -> String {
    let header = r#"{"kind":"header","antiphon":1,"title":"t","source":"s","endpoint":"/api/v2/notifications"}"#;
    let path = format!(
        "{}/{name}-{}.tape",
        env!("CARGO_TARGET_TMPDIR"),
        std::process::id()
    );
    fs::write(&path, format!("{header}\n{events}")).unwrap();
    path
}

/// What `verify` prints of a tape, which must play to its end by itself.
pub(crate) fn verified(tape: impl AsRef<Path>, more: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .arg("verify")
        .arg(tape.as_ref())
        .args(more)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The report of a run so far.
pub(crate) fn report(replay: &Replay) -> Value {
    get(&format!("{}/__admin/report", replay.admin)).json()
}

/// What a child has had in memory at most so far, in KiB; `None` where it has ended.
pub(crate) fn peak(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line?.split_whitespace().nth(1)?.parse().ok()
}

/// Sends a signal to a child, by the shell's own `kill`.
pub(crate) fn signal(child: &Child, name: &str) {
    let kill = format!("kill {name} {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(sent.success());
}

/// Does what a line of curl says, so that a machine without curl passes the tests too. It knows the
/// options that antiphon prints and its README has.
pub(crate) fn curl(line: &str) -> Answer {
    let words = shell_words(line);
    let mut words = words.iter().map(String::as_str);
    assert_eq!(words.next(), Some("curl"), "{line}");
    let (mut method, mut url, mut body, mut headers) = (None, None, None, Vec::new());
    while let Some(word) = words.next() {
        match word {
            "-X" => method = words.next(),
            "-d" => body = words.next(),
            "-H" => headers.push(words.next().unwrap().split_once(": ").unwrap()),
            other => assert!(
                url.replace(other).is_none() && !other.starts_with('-'),
                "{line}"
            ),
        }
    }
    assert_eq!(method, Some("POST"), "{line}");
    post(url.unwrap(), &headers, body.unwrap_or_default())
}

/// The words of a line as a POSIX shell reads them: white space parts them, single quotes keep it,
/// a backslash outside of them keeps the next character.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if !quoted => word.get_or_insert_default().extend(characters.next()),
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    assert!(!quoted, "{line}");
    words.extend(word);
    words
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .proxy(None)
        .build()
        .into()
}

pub(crate) fn get(url: &str) -> Answer {
    read(agent().get(url).call().unwrap())
}

/// POSTs content with these headers; JSON, where they do not say what it is.
pub(crate) fn post(url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = agent().post(url);
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    read(request.send(body).unwrap())
}

/// GETs with these headers; the response's own and its bytes as they came.
pub(crate) fn fetch(url: &str, headers: &[(&str, &str)]) -> (ureq::http::HeaderMap, Vec<u8>) {
    let mut request = agent().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, body) = request.call().unwrap().into_parts();
    let mut bytes = Vec::new();
    body.into_reader().read_to_end(&mut bytes).unwrap();
    (head.headers, bytes)
}

fn read(response: ureq::http::Response<ureq::Body>) -> Answer {
    let (head, body) = response.into_parts();
    let mut text = String::new();
    body.into_reader().read_to_string(&mut text).unwrap();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        text,
    }
}

/// A Bayeux client that does what it is told, one message at a time.
pub(crate) struct Client {
    endpoint: String,
    headers: Vec<(String, String)>,
    pub(crate) id: String,
}

impl Client {
    /// Shakes hands with these headers, and subscribes to `/v2/me/*`.
    pub(crate) fn new(replay: &Replay, headers: &[(&str, &str)]) -> Client {
        let endpoint = format!("{}/api/v2/notifications", replay.origin);
        let headers = headers
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut client = Client {
            endpoint,
            headers,
            id: String::new(),
        };
        client.shake_hands();
        client
    }

    /// Shakes hands anew, and subscribes.
    pub(crate) fn shake_hands(&mut self) {
        let answer = self
            .send(r#"{"channel":"/meta/handshake","supportedConnectionTypes":["long-polling"]}"#);
        let reply = &answer.json()[0];
        assert_eq!(reply["successful"], true, "{reply}");
        reply["clientId"].as_str().unwrap().clone_into(&mut self.id);
        let cookies = answer.cookies();
        let cookies = cookies.into_iter();
        self.headers
            .extend(cookies.map(|cookie| ("cookie".into(), cookie)));
        self.connect();
        let reply = &self.tell("subscribe", r#","subscription":"/v2/me/*""#)[0];
        assert_eq!(reply["successful"], true, "{reply}");
    }

    /// The headers that its requests carry, for a request to the service itself.
    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        let headers = self.headers.iter();
        headers
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// One poll; its events.
    pub(crate) fn connect(&self) -> Vec<Value> {
        let mut messages = self.tell("connect", r#","connectionType":"long-polling""#);
        let reply = messages.pop().unwrap();
        assert_eq!(
            (&reply["channel"], &reply["successful"]),
            (&"/meta/connect".into(), &true.into()),
            "{reply}"
        );
        messages
    }

    /// One poll that asks to be answered at once.
    pub(crate) fn connect_now(&self) {
        let reply = self.tell("connect", r#","advice":{"timeout":0}"#).remove(0);
        assert_eq!(reply["successful"], true, "{reply}");
    }

    /// Polls until so many events are there.
    pub(crate) fn hear(&self, count: usize) -> Vec<Value> {
        let mut events = Vec::new();
        while events.len() < count {
            events.extend(self.connect());
        }
        assert_eq!(events.len(), count);
        events
    }

    /// Sends a message on a meta channel; the messages of the answer.
    pub(crate) fn tell(&self, verb: &str, more: &str) -> Vec<Value> {
        let message = format!(
            r#"{{"channel":"/meta/{verb}","clientId":"{}"{more}}}"#,
            self.id
        );
        self.send(&message).json().as_array().unwrap().clone()
    }

    fn send(&self, message: &str) -> Answer {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        post(&self.endpoint, &headers, message)
    }
}
