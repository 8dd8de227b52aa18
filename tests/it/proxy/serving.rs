//! Timeouts, HTTP/2, the admin port, and usage.

use super::*;

#[test]
fn slow_heads_and_idle_connections_end() {
    let upstream = Upstream::answering(|_, _| ok("x"));
    let limits = ["--head-timeout", "0.2", "--idle-timeout", "0.3"];
    let recording = Recording::start(upstream.address, &limits);
    let answer = recording.exchange("GET / HTTP/1.1\r\nHo");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let begin = Instant::now();
    assert_eq!(recording.connect().rest(), "");
    assert!(begin.elapsed() >= Duration::from_millis(250));
    let mut client = recording.connect();
    client.send(&get("/"));
    assert_eq!(client.message().1, "x");
    assert_eq!(client.rest(), "");
    assert_eq!(upstream.heads().len(), 1);
}

#[test]
fn a_held_response_is_not_an_idle_connection() {
    let (open, wait) = gate();
    let (sender, seen) = channel();
    let upstream = Upstream::answering(move |_, _| {
        sender.send(()).unwrap();
        wait();
        ok("held")
    });
    let limits = ["--head-timeout", "0.1", "--idle-timeout", "0.1"];
    let recording = Recording::start(upstream.address, &limits);
    let mut client = recording.connect();
    client.send(&get("/"));
    seen.recv_timeout(PATIENCE).unwrap();
    // An idle connection that began later has ended by now.
    assert_eq!(recording.connect().rest(), "");
    open.send(()).unwrap();
    assert!(client.rest().ends_with("held"));
}

#[test]
fn http2_without_tls_passes_on_both_sides() {
    let upstream = Upstream::answering(|head, content| ok(&format!("{head}{content}")));
    let second = Recording::start(upstream.address, &[]);
    // The first speaks HTTP/2 to the second.
    let first = Recording::start(second.address, &["--upstream-http2"]);
    let mut client = first.connect();
    client.send("POST /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nCookie: a=1\r\n\r\nhello");
    let (_, content) = client.message();
    assert!(content.starts_with("POST /x?y HTTP/1.1\r\n"), "{content}");
    assert!(content.ends_with("\r\n\r\nhello"), "{content}");
    let heads = content.to_lowercase();
    assert!(heads.contains("via: 1.1 antiphon\r\n"), "{content}");
    assert!(heads.contains("via: 2.0 antiphon\r\n"), "{content}");
}

#[test]
fn the_admin_port_tells_how_it_goes() {
    let upstream = Upstream::answering(|_, _| ok("x"));
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&get("/"));
    client.message();
    let health = support::get(&format!("{}/__admin/health", recording.admin)).json();
    assert_eq!(health["status"], "ok", "{health}");
    assert_eq!(health["mode"], "record", "{health}");
    assert_eq!(health["answered"], 1, "{health}");
    let metrics = support::get(&format!("{}/metrics", recording.admin)).text;
    assert!(
        metrics.contains("antiphon_requests_total{status=\"200\"} 1\n"),
        "{metrics}"
    );
    assert!(
        metrics.contains("antiphon_operations_total 1\n"),
        "{metrics}"
    );
    assert_eq!(health["recorded"]["operations"], 1, "{health}");
    assert_eq!(support::get(&format!("{}/x", recording.admin)).status, 404);
}

#[test]
fn what_a_client_saw_answered_is_on_the_tape() {
    let upstream = Upstream::answering(|_, _| ok("x"));
    let recording = Recording::start(upstream.address, &[]);
    let mut client: Client = recording.connect();
    for path in ["/one", "/two"] {
        client.send(&get(path));
        assert_eq!(client.message().1, "x");
        let tape = std::fs::read_to_string(recording.tape()).unwrap();
        assert!(tape.contains(&format!("\"{path}\"")), "{tape}");
    }
    let shown = recording.finish();
    assert_eq!(shown["operations"].as_array().unwrap().len(), 2, "{shown}");
}

#[test]
fn an_exception_for_every_path_has_everything_pass_and_nothing_on_the_tape() {
    let upstream = Upstream::start(|mut client, _| {
        let head = client.head();
        if field(&head, "upgrade").is_some() {
            client.send(&sockets::agreed(""));
            client.send("from the service");
            assert_eq!(client.content(3), "hey");
        } else if head.starts_with("GET /events ") {
            client.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
        } else {
            client.send(&ok("[{\"channel\":\"/a\",\"data\":1}]"));
        }
    });
    let mut recording = Recording::start(upstream.address, &["--except", "/**"]);
    let closing =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let polled = recording.exchange(&closing("/api/v2/notifications"));
    assert!(polled.ends_with("\"data\":1}]"), "{polled}");
    let streamed = recording.exchange(&closing("/events"));
    assert!(streamed.contains("data: 1\n\n"), "{streamed}");
    let mut socket = recording.connect();
    socket.send(&sockets::offer("/chat", ""));
    assert!(socket.head().starts_with("HTTP/1.1 101 "));
    assert_eq!(socket.content(16), "from the service");
    socket.send("hey");
    assert_eq!(socket.rest(), "");
    let health = support::get(&format!("{}/__admin/health", recording.admin)).json();
    assert_eq!(health["recorded"]["left_out"], 3, "{health}");
    assert_eq!(recording.end(), Some(0));
    assert!(recording.written().is_empty());
}

#[test]
fn the_names_of_fields_pass_as_they_are_written() {
    let upstream = Upstream::answering(|_, _| {
        "HTTP/1.1 200 OK\r\nX-aNsWeR: 1\r\nContent-Length: 1\r\n\r\nx".into()
    });
    let recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-qUeStIoN: 1\r\n\r\n");
    let (head, _) = client.message();
    assert!(head.contains("\r\nX-aNsWeR: 1\r\n"), "{head}");
    let asked = upstream.heads().concat();
    assert!(asked.contains("\r\nX-qUeStIoN: 1\r\n"), "{asked}");
}

#[test]
fn wrong_usage_is_told_before_anything_is_served() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("there.tape"), "not empty").unwrap();
    let up = ["--upstream", "http://127.0.0.1:9"];
    let cases: [(&[&str], &str); 9] = [
        (&[], "--upstream"),
        (&["--upstream", "ftp://a"], "neither http nor https"),
        (
            &["--upstream", "http://a/path"],
            "more than a host and a port",
        ),
        (&[up[0], up[1], "-o", "there.tape"], "there.tape"),
        (
            &[up[0], up[1], "--append", "--force"],
            "cannot be used with",
        ),
        (&[up[0], up[1], "--durability", "hard"], "hard"),
        (&[up[0], up[1], "--session-by", "moon"], "moon"),
        (&[up[0], up[1], "--head-timeout", "soon"], "--head-timeout"),
        (&[up[0], up[1], "--admin", "8081"], "no HOST:PORT"),
    ];
    for (arguments, words) in cases {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_antiphon"))
            .args(["record", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
