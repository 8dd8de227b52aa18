//! Many clients and slow ones, the end of a recording, and who may use its admin port.

use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use serde_json::Value;

use super::*;

/// The preface of HTTP/2, settings that give a response no window, and a GET of `/` (RFC 9113 §3.4,
/// RFC 7541 §6).
const NO_WINDOW: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\
    \x00\x00\x06\x01\x05\x00\x00\x00\x01\x82\x86\x84\x41\x01a";

/// A ping of HTTP/2 (RFC 9113 §6.7).
const PING: &[u8] = b"\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678";

fn health(recording: &Recording) -> Value {
    support::get(&format!("{}/__admin/health", recording.admin)).json()
}

/// Waits until a number of the port's connections is this.
fn await_count(recording: &Recording, name: &str, count: u64) {
    let begin = Instant::now();
    loop {
        let connections = health(recording)["connections"].clone();
        if connections[name] == count {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{name}: {connections}");
    }
}

fn admin(recording: &Recording) -> SocketAddr {
    recording
        .admin
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn one_connection_too_many_is_told_so() {
    let upstream = Upstream::answering(|_, _| ok("x"));
    let recording = Recording::start(upstream.address, &["--max-connections", "2"]);
    let mut clients = [recording.connect(), recording.connect()];
    for client in &mut clients {
        client.send(&get("/"));
        assert_eq!(client.message().1, "x");
    }
    let answer = recording.exchange(&get("/"));
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("all 2 connections are taken"), "{answer}");
    let connections = health(&recording)["connections"].clone();
    assert_eq!(connections["refused"], 1, "{connections}");
    assert_eq!(connections["open"], 2, "{connections}");
    drop(clients);
    await_count(&recording, "open", 0);
    let mut client = recording.connect();
    client.send(&get("/"));
    assert_eq!(client.message().1, "x");
    let metrics = support::get(&format!("{}/metrics", recording.admin)).text;
    let wanted = "antiphon_connections_refused_total 1\n";
    assert!(metrics.contains(wanted), "{metrics}");
}

#[test]
fn content_that_does_not_go_on_is_answered_408() {
    let upstream = Upstream::answering(|_, content| ok(content));
    let recording = Recording::start(upstream.address, &["--body-timeout", "0.3"]);
    let slow = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe";
    let answer = recording.exchange(slow);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    // This upstream does not know chunks, and answers before the content.
    let chunked = recording.exchange(&format!("{CHUNKED}2\r\nhe\r\n"));
    assert!(chunked.starts_with("HTTP/1.1 200 "), "{chunked}");
    assert_eq!(health(&recording)["connections"]["slow_bodies"], 2);
}

#[test]
fn a_client_that_sends_a_byte_now_and_then_is_waited_for() {
    let upstream = Upstream::answering(|_, content| ok(content));
    let recording = Recording::start(upstream.address, &["--body-timeout", "1"]);
    let mut client = recording.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n");
    for byte in "steady".chars() {
        // What is tested is that time passes.
        std::thread::sleep(Duration::from_millis(250));
        client.send(&byte.to_string());
    }
    assert_eq!(client.message().1, "steady");
    assert_eq!(health(&recording)["connections"]["slow_bodies"], 0);
}

#[test]
fn a_client_that_waits_for_its_response_is_not_slow() {
    let (open, wait) = gate();
    let upstream = Upstream::answering(move |_, _| {
        wait();
        ok("held")
    });
    let limits = ["--body-timeout", "0.1", "--reader-timeout", "0.1"];
    let recording = Recording::start(upstream.address, &limits);
    let mut client = recording.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhe");
    // A slow one that began later has been answered by then.
    let slow = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe";
    assert!(recording.exchange(slow).starts_with("HTTP/1.1 408 "));
    open.send(()).unwrap();
    assert_eq!(client.message().1, "held");
    assert_eq!(health(&recording)["connections"]["slow_readers"], 0);
}

#[test]
fn a_client_that_takes_nothing_of_its_response_is_cut() {
    const LENGTH: usize = 64 * 1024 * 1024;
    let upstream = Upstream::start(|mut client, _| {
        client.head();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
        client.send(&head);
        let piece = vec![b'x'; 1 << 16];
        for _ in 0..LENGTH / piece.len() {
            if client.bytes(&piece).is_err() {
                return;
            }
        }
    });
    let limits = ["--reader-timeout", "0.3", "--max-body", "1024"];
    let recording = Recording::start(upstream.address, &limits);
    let mut client = recording.connect();
    client.send(&get("/"));
    await_count(&recording, "slow_readers", 1);
    await_count(&recording, "open", 0);
    let (count, _) = client.drain();
    assert!(count < LENGTH, "{count}");
    // It was held in the buffers of connections, and not by the proxy.
    assert!(recording.peak() < 48 * 1024, "{} KiB", recording.peak());
}

#[test]
fn a_client_of_http2_that_opens_no_window_is_cut() {
    let upstream = Upstream::answering(|_, _| ok(&"x".repeat(100_000)));
    let recording = Recording::start(upstream.address, &["--reader-timeout", "0.3"]);
    let mut client = recording.connect();
    client.bytes(NO_WINDOW).unwrap();
    await_count(&recording, "slow_readers", 1);
    await_count(&recording, "open", 0);
    let _ = client.drain();
}

#[test]
fn pings_do_not_keep_a_connection_of_http2_open() {
    let upstream = Upstream::answering(|_, _| ok("x"));
    let recording = Recording::start(upstream.address, &["--idle-timeout", "0.5"]);
    let mut client = recording.connect();
    client.bytes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    client
        .bytes(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        .unwrap();
    let begin = Instant::now();
    while client.bytes(PING).is_ok() {
        assert!(begin.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(begin.elapsed() >= Duration::from_millis(400));
}

#[test]
fn many_slow_clients_leave_the_others_alone() {
    let upstream = Upstream::answering(|_, _| ok("x"));
    let recording = Recording::start(upstream.address, &[]);
    let mut slow: Vec<Client> = (0..200).map(|_| recording.connect()).collect();
    for (number, client) in slow.iter_mut().enumerate() {
        client.send(match number % 2 {
            0 => "GET / HTTP/1.1\r\nHo",
            _ => "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe",
        });
    }
    await_count(&recording, "open", 200);
    let begin = Instant::now();
    let mut client = recording.connect();
    for _ in 0..200 {
        client.send(&get("/"));
        assert_eq!(client.message().1, "x");
    }
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn the_time_to_drain_is_the_user_s_to_choose() {
    let (open, wait) = gate();
    let upstream = Upstream::answering(move |_, _| {
        wait();
        ok("late")
    });
    let mut recording = Recording::start(upstream.address, &["--drain", "0.2"]);
    let mut client = recording.connect();
    client.send(&get("/"));
    await_count(&recording, "open", 1);
    let begin = Instant::now();
    recording.end();
    assert!(
        begin.elapsed() < Duration::from_secs(4),
        "{:?}",
        begin.elapsed()
    );
    let _ = client.drain();
    open.send(()).unwrap();
}

#[test]
fn what_was_cut_at_the_end_says_so_on_the_tape() {
    let (open, wait) = gate();
    let (sender, seen) = channel();
    let upstream = Upstream::start(move |mut client, _| {
        let head = client.head();
        if head.starts_with("GET /half ") {
            client.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
        }
        sender.send(()).unwrap();
        wait();
    });
    let recording = Recording::start(upstream.address, &["--drain", "0.2"]);
    let mut clients = [recording.connect(), recording.connect()];
    clients[0].send(&get("/half"));
    assert!(clients[0].head().starts_with("HTTP/1.1 200 "));
    assert_eq!(clients[0].content(4), "half");
    clients[1].send("POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nwork");
    for _ in &clients {
        seen.recv_timeout(PATIENCE).unwrap();
    }
    let mut found: Vec<Value> = recording
        .events()
        .into_iter()
        .filter(|event| event["kind"] == "operation")
        .map(|operation| {
            serde_json::json!([
                operation["request"]["target"],
                operation["request"]["body"]["text"],
                operation["response"]["status"],
                operation["response"]["body"]["text"],
                operation["truncated"],
            ])
        })
        .collect();
    found.sort_by_key(ToString::to_string);
    assert_eq!(
        found,
        [
            serde_json::json!(["/half", null, 200, "half", true]),
            serde_json::json!(["/none", "work", 499, null, true]),
        ]
    );
    for _ in clients {
        open.send(()).unwrap();
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let (open, wait) = gate();
    let (sender, seen) = channel();
    let upstream = Upstream::answering(move |_, _| {
        sender.send(()).unwrap();
        wait();
        ok("late")
    });
    let mut recording = Recording::start(upstream.address, &["--drain", "600"]);
    let mut client = recording.connect();
    client.send(&get("/"));
    seen.recv_timeout(PATIENCE).unwrap();
    recording.signal("-TERM");
    // It has heard the first when it takes no more clients.
    let begin = Instant::now();
    while TcpStream::connect(recording.address).is_ok() {
        assert!(begin.elapsed() < PATIENCE);
    }
    let begin = Instant::now();
    recording.signal("-TERM");
    let code = recording.wait();
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    let _ = client.drain();
    open.send(()).unwrap();
    // The tape is closed, and says nothing of what did not come to pass.
    assert!(matches!(code, Some(0 | 4)), "{code:?}");
    let shown = recording.show();
    assert!(
        shown["operations"].is_null() || shown.is_object(),
        "{shown}"
    );
}

#[test]
fn whoever_started_it_learns_when_it_is_ready() {
    let upstream = Upstream::answering(|_, _| ok("x"));
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("notify");
    let socket = UnixDatagram::bind(&place).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let hear = || {
        let mut words = [0; 1024];
        let length = socket.recv(&mut words).unwrap();
        String::from_utf8(words[..length].to_vec()).unwrap()
    };
    let file = folder.path().join("ready");
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
    command.env("NOTIFY_SOCKET", &place);
    let arguments = ["--ready-file", file.to_str().unwrap()];
    let mut recording = Recording::start_by(command, upstream.address, &arguments);
    let words = hear();
    let listening = format!("listening on http://{}", recording.address);
    assert_eq!(words, format!("READY=1\nSTATUS={listening}\n"));
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(
        written,
        format!("{listening}\nadmin on {}\n", recording.admin)
    );
    recording.signal("-TERM");
    assert_eq!(hear(), "STOPPING=1\n");
    assert_eq!(recording.wait(), Some(0));
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "only the socket of this test is left");
}

#[test]
fn the_admin_port_is_not_for_web_pages_of_other_places() {
    let upstream = Upstream::answering(|_, _| ok("x"));
    let recording = Recording::start(upstream.address, &["--admin-host", "desk.example"]);
    let address = admin(&recording);
    let status = |path: &str, fields: &str| {
        let mut client = Client::connect(address);
        client.send(&format!(
            "GET {path} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n"
        ));
        let answer = client.rest();
        assert!(
            !answer.to_lowercase().contains("access-control"),
            "{answer}"
        );
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    for path in ["/__admin/health", "/metrics", "/elsewhere"] {
        let good = if path == "/elsewhere" { "404" } else { "200" };
        assert_eq!(status(path, "Host: localhost\r\n"), good);
        assert_eq!(status(path, "Host: desk.example:1\r\n"), good);
        assert_eq!(status(path, "Host: rebound.example\r\n"), "403");
        let crossing = "Host: localhost\r\nOrigin: http://evil.example\r\n";
        assert_eq!(status(path, crossing), "403");
        assert_eq!(status(path, "Host: localhost\r\nOrigin: null\r\n"), "403");
    }
}

#[test]
fn an_admin_port_for_others_wants_a_token() {
    let command = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_antiphon"))
            .args(["replay", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .output()
            .unwrap()
    };
    let refused = command(&["--admin", "0.0.0.0:0"]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{words}");
    assert!(words.contains("--admin-token"), "{words}");
    let short = command(&["--admin-token", "short"]);
    assert_eq!(short.status.code(), Some(2));

    let token = "a-token-that-is-long-enough";
    let arguments = ["--admin", "0.0.0.0:0", "--admin-token", token];
    let replay = support::Replay::start(&arguments);
    let health = replay.admin.replace("0.0.0.0", "127.0.0.1") + "/__admin/health";
    assert_eq!(support::get(&health).status, 401);
    let bearer = format!("Bearer {token}");
    let (_, content) = support::fetch(&health, &[("Authorization", &bearer)]);
    let health: Value = serde_json::from_slice(&content).unwrap();
    assert_eq!(health["mode"], "replay");
}
