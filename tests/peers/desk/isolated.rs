//! A replay opens no connection to anybody: not to the service that was recorded, and to nobody else.
//!
//! The service is watched through a canary, which the recorder had to pass; the replay's process is
//! watched by strace, which must have seen the recorder connect; and a replay plays where the network
//! ends at the machine itself.

use std::fs;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::agent::{Agent, Library};
use crate::programs::need;
use crate::server::{PATIENCE, Server};

use super::part::{self, Part, Tempo};
use super::recorded::play;
use super::service::Desk;
use super::talk_and_chat;

/// How long a replay holds a poll, in milliseconds.
const POLL: u32 = 100;

/// How often a trace is looked at, while its end is waited for.
const GLANCE: Duration = Duration::from_millis(10);

/// What installs the programs on Debian.
const INSTALL: &str = "apt-get install strace util-linux iproute2";

/// Starts a program in a network of its own, which has nothing but the loopback.
const ALONE: &[&str] = &[
    "unshare",
    "-rn",
    "sh",
    "-c",
    "ip link set lo up && exec \"$@\"",
    "sh",
];

/// Passes connections on to a service, and counts them.
struct Canary {
    address: String,
    connections: Arc<AtomicUsize>,
}

impl Canary {
    /// Its threads end with the tests.
    fn before(service: &str) -> Canary {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let (service, counter) = (
            service.strip_prefix("http://").unwrap().to_owned(),
            Arc::clone(&connections),
        );
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                counter.fetch_add(1, Ordering::SeqCst);
                // Where the service has gone home, the connection just ends.
                let _ = pass_on(client, &service);
            }
        });
        Canary {
            address,
            connections,
        }
    }

    fn seen(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn pass_on(client: TcpStream, service: &str) -> io::Result<()> {
    let service = TcpStream::connect(service)?;
    for (mut from, mut to) in [
        (client.try_clone()?, service.try_clone()?),
        (service, client),
    ] {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}

/// The connections that a traced process has made or tried, once it has ended.
fn connections(trace: &Path) -> Vec<String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(trace).unwrap();
        if text.contains("+++ exited with") && text.ends_with("+++\n") {
            let lines = text.lines().filter(|line| line.contains("connect("));
            return lines.map(str::to_owned).collect();
        }
        assert!(Instant::now() < end, "the trace does not end: {text}");
        thread::sleep(GLANCE);
    }
}

/// Starts a program and writes its connections to this file; what traces is a process beside it.
fn traced(trace: &Path) -> [&str; 7] {
    let trace = trace.to_str().unwrap();
    ["strace", "-D", "-f", "-e", "trace=connect", "-o", trace]
}

/// Lets agents that another program starts play their parts at a replay.
fn replay(parts: &[Part], replay: Server, by: &[&str]) {
    let start = |(part, library): (&Part, &Library)| -> Agent {
        part::agent_by(by, *library, &replay.origin, part.name)
    };
    let mut agents: Vec<Agent> = parts.iter().zip(&Library::PLAIN).map(start).collect();
    play(parts, &mut agents, &vec![Tempo::plain(); parts.len()]);
    // Which says that everything was played.
    replay.end_well();
}

/// Plays where there is no way out of the machine, if the machine lets us have such a place.
fn replay_alone(parts: &[Part], tape: &Path, canary: &Canary) {
    need("unshare", INSTALL);
    need("nsenter", INSTALL);
    need("curl", "apt-get install curl");
    let tried = Command::new("unshare").args(["-rn", "true"]).output();
    let tried = tried.unwrap();
    if !tried.status.success() {
        let words = String::from_utf8_lossy(&tried.stderr);
        println!("no network of its own for a replay, only the canary and strace: {words}");
        return;
    }
    let server = Server::replay_by(ALONE, tape, POLL);
    let process = server.id().to_string();
    let enter = [
        "nsenter",
        "--target",
        &process,
        "--user",
        "--net",
        "--preserve-credentials",
    ];
    let seen = canary.seen();
    let way_out = Command::new(enter[0])
        .args(&enter[1..])
        .args(["curl", "--silent", "--noproxy", "*", &canary.address])
        .status()
        .unwrap();
    // curl cannot connect.
    assert_eq!(way_out.code(), Some(7));
    assert_eq!(canary.seen(), seen);
    replay(parts, server, &enter);
}

#[test]
fn a_replay_connects_to_nobody() {
    need("strace", INSTALL);
    let folder = tempfile::tempdir().unwrap();
    let [tape, recorder, replayer] =
        ["desk.tape", "record.trace", "replay.trace"].map(|name| folder.path().join(name));
    let mut desk = Desk::start();
    let canary = Canary::before(&desk.origin);
    let upstream = format!("http://{}", canary.address);
    let recording = Server::record_by(&traced(&recorder), &upstream, &tape);
    let parts = talk_and_chat(Some(&mut desk), &recording.origin, &Library::PLAIN);
    recording.end_well();
    drop(desk);
    let seen = canary.seen();
    assert!(seen > 0);
    let (_, port) = canary.address.split_once(':').unwrap();
    let made = connections(&recorder);
    assert_eq!(
        made.iter()
            .filter(|line| line.contains(&format!("htons({port})")))
            .count(),
        seen,
        "{made:?}"
    );

    replay(
        &parts,
        Server::replay_by(&traced(&replayer), &tape, POLL),
        &[],
    );
    assert_eq!(connections(&replayer), Vec::<String>::new());
    assert_eq!(canary.seen(), seen);
    replay_alone(&parts, &tape, &canary);
    assert_eq!(canary.seen(), seen);
}
