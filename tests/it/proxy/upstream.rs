//! The upstream: its trouble, its connections, its end.

use super::*;

#[test]
fn what_the_upstream_breaks_off_is_never_a_clean_end() {
    let (open, wait) = gate();
    let upstream = Upstream::start(move |mut client, _| {
        let head = client.head();
        client.send(if head.contains("/length") {
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
        } else {
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
        });
        // The client has this before the end comes.
        wait();
    });
    let recording = Recording::start(upstream.address, &[]);
    for path in ["/length", "/chunks"] {
        let mut client = recording.connect();
        client.send(&get(path));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        open.send(()).unwrap();
        let (count, _) = client.drain();
        let half = if path == "/length" {
            "half"
        } else {
            "4\r\nhalf\r\n"
        };
        assert_eq!(count, half.len(), "{path}");
    }
    // Only the end of the connection ends this response.
    let mut client = recording.connect();
    client.send("GET /old HTTP/1.0\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.0 200 "));
    open.send(()).unwrap();
    let (count, end) = client.drain();
    assert_eq!(count, "half".len());
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let shown = recording.finish();
    let operations = shown["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 3, "{shown}");
    for operation in operations {
        assert_eq!(operation["truncated"], true, "{operation}");
    }
}

#[test]
fn what_came_before_a_break_goes_out_first_though_both_come_at_once() {
    let upstream = Upstream::start(|mut client, _| {
        client.head();
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    });
    let recording = Recording::start(upstream.address, &[]);
    for _ in 0..20 {
        let mut client = recording.connect();
        client.send(&get("/"));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert_eq!(client.drain().0, "half".len());
    }
}

#[test]
fn how_a_response_is_framed_does_not_depend_on_how_fast_it_comes() {
    let upstream = Upstream::answering(|head, _| {
        if head.contains("/chunks") {
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n"
                .to_owned()
        } else if head.contains("/empty") {
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned()
        } else {
            ok("whole")
        }
    });
    let recording = Recording::start(upstream.address, &[]);
    for (path, framing) in [
        ("/chunks", "transfer-encoding: chunked"),
        ("/empty", "transfer-encoding: chunked"),
        ("/length", "content-length: 5"),
    ] {
        let mut client = recording.connect();
        client.send(&get(path));
        let head = client.head().to_ascii_lowercase();
        let framed: Vec<&str> = head
            .lines()
            .filter(|line| line.contains("-encoding:") || line.contains("-length:"))
            .collect();
        assert_eq!(framed, [framing], "{path}");
    }
}

#[test]
fn what_is_under_way_may_end_before_the_recording_does() {
    let (sender, seen) = channel();
    let recorder = Arc::new(OnceLock::new());
    let there = Arc::clone(&recorder);
    let upstream = Upstream::answering(move |_, _| {
        sender.send(()).unwrap();
        // It drains when nobody can connect any more.
        while TcpStream::connect(there.wait()).is_ok() {
            std::thread::yield_now();
        }
        ok("drained")
    });
    let recording = Recording::start(upstream.address, &[]);
    recorder.set(recording.address).unwrap();
    let mut client = recording.connect();
    client.send(&get("/"));
    seen.recv_timeout(PATIENCE).unwrap();
    let shown = recording.finish();
    assert_eq!(shown["operations"].as_array().unwrap().len(), 1, "{shown}");
    assert!(client.rest().ends_with("drained"));
}

#[test]
fn trouble_with_the_upstream_is_named() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let upstream = Upstream::start(|mut client, _| {
        let head = client.head();
        if head.contains("/broken") {
            client.send("220 smtp.example ESMTP\r\n\r\n");
        }
    });
    let (full, _crowd) = harness::crowded();
    let slow = ["--connect-timeout", "0.3"];
    let cases: [(_, &[&str], _, _, _); 4] = [
        (nobody, &[], "/", "502", "refused"),
        (full, &slow, "/", "504", "timeout"),
        (upstream.address, &[], "/closed", "502", "closed"),
        (upstream.address, &[], "/broken", "502", "broken"),
    ];
    for (address, arguments, path, status, cause) in cases {
        let recording = Recording::start(address, arguments);
        let mut client = recording.connect();
        client.send(&get(path));
        let (head, content) = client.message();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{head}{content}"
        );
        let document: serde_json::Value = serde_json::from_str(&content).unwrap();
        assert_eq!(document["error"], "upstream", "{content}");
        assert_eq!(document["cause"], cause, "{content}");
        // The connection goes on.
        client.send(&get(path));
        assert!(client.head().starts_with(&format!("HTTP/1.1 {status} ")));
    }
}

#[test]
fn connections_to_the_upstream_are_used_again_unless_that_is_off() {
    for (arguments, connections) in [(&[][..], 1), (&["--upstream-idle", "0"][..], 3)] {
        let upstream = Upstream::answering(|_, _| ok("x"));
        let recording = Recording::start(upstream.address, arguments);
        for _ in 0..3 {
            let mut client = recording.connect();
            client.send(&get("/"));
            assert_eq!(client.message().1, "x");
        }
        assert_eq!(upstream.connections(), connections, "{arguments:?}");
    }
}

#[test]
fn connections_to_the_upstream_rest_no_longer_than_they_may() {
    let (sender, ended) = channel();
    let upstream = Upstream::start(move |mut client, _| {
        client.message();
        client.send(&ok("x"));
        let (_, end) = client.drain();
        sender.send(end.is_ok()).unwrap();
    });
    let recording = Recording::start(upstream.address, &["--upstream-idle", "0.2"]);
    // They rest at the same time, and one after the other.
    for together in [2, 1] {
        let mut clients: Vec<_> = (0..together).map(|_| recording.connect()).collect();
        for client in &mut clients {
            client.send(&get("/"));
        }
        for client in &mut clients {
            assert_eq!(client.message().1, "x");
        }
        for _ in 0..together {
            assert!(ended.recv_timeout(PATIENCE).unwrap());
        }
    }
}

#[test]
fn a_request_lost_with_an_idle_connection_is_sent_again_only_where_that_is_safe() {
    let upstream = Upstream::start(|mut client, number| {
        let (head, _) = client.message();
        if number == 0 {
            client.send(&ok(""));
            // The second request on this connection is read and not answered.
            client.message();
        } else if !head.is_empty() {
            client.send(&ok("again"));
        }
    });
    for (method, status) in [("GET", "200"), ("POST", "502")] {
        let upstream = if method == "GET" {
            &upstream
        } else {
            &Upstream::start(|mut client, _| {
                client.message();
                client.send(&ok(""));
                client.message();
            })
        };
        let recording = Recording::start(upstream.address, &[]);
        let mut client = recording.connect();
        let request = format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        client.send(&request);
        assert!(client.message().0.starts_with("HTTP/1.1 200 "));
        client.send(&request);
        let (head, _) = client.message();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{method}: {head}"
        );
    }
}
