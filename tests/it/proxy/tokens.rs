//! Clients that show their token in the query, as `EventSource` and the sockets of browsers must.

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::Message;

use super::harness::{Client, Recording, Upstream, ok};
use crate::support::{Replay, report};

/// Logs in as `name`, and is given a token.
fn log_in(address: std::net::SocketAddr, name: &str) -> String {
    let content = json!({ "userName": name, "password": "x7-none" }).to_string();
    let length = content.len();
    let mut client = Client::connect(address);
    client.send(&format!(
        "POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{content}"
    ));
    let given: Value = serde_json::from_str(&client.message().1).unwrap();
    given["access_token"].as_str().unwrap().to_owned()
}

/// What the stream says that is opened with a token.
fn hear(address: std::net::SocketAddr, token: &str) -> String {
    let mut client = Client::connect(address);
    client.send(&format!(
        "GET /events?access_token={token} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    ));
    client.rest()
}

#[test]
fn a_token_in_the_query_of_a_stream_tells_whose_it_is() {
    let upstream = Upstream::start(|mut client, _| {
        loop {
            let (head, content) = client.message();
            let name = if content.contains("bob") {
                "bob"
            } else {
                "ann"
            };
            let token = format!("4cdee3cfe4103ff091514773b3756e-{name}");
            match head.split(' ').nth(1) {
                Some("/login") => {
                    let given = ok(&json!({ "access_token": token }).to_string());
                    client.send(&given.replace(
                        "Content-Length",
                        "Content-Type: application/json\r\nContent-Length",
                    ));
                }
                Some(target) => {
                    let whose = if target.ends_with("bob") {
                        "bob"
                    } else {
                        "ann"
                    };
                    client.send(&format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n\
                         data: for {whose}\n\n"
                    ));
                    return;
                }
                None => return,
            }
        }
    });
    let mut recording = Recording::start(upstream.address, &[]);
    let tokens = ["ann", "bob"].map(|name| log_in(recording.address, name));
    for (token, name) in tokens.iter().zip(["ann", "bob"]) {
        assert!(hear(recording.address, token).contains(&format!("data: for {name}\n")));
    }
    assert_eq!(recording.end(), Some(0));
    for event in recording.written() {
        let session = event["session"].as_str().unwrap();
        assert!(matches!(session, "ann" | "bob"), "{event}");
    }

    let tape = recording.tape();
    let replay = Replay::start(&[tape.to_str().unwrap()]);
    let address = replay.origin.strip_prefix("http://").unwrap();
    let address = address.parse().unwrap();
    // In another order than they were recorded.
    let tokens = ["bob", "ann"].map(|name| log_in(address, name));
    for (token, name) in tokens.iter().zip(["bob", "ann"]) {
        let heard = hear(address, token);
        assert!(heard.contains(&format!("data: for {name}\n")), "{heard}");
    }
    let report = report(&replay);
    assert_eq!(report["clean"], true, "{report}");
}

/// A client's own token, in the query of a socket and in a message on it.
const OWN_TOKEN: &str = r#"
{"kind":"header","antiphon":1,"title":"t","source":"s","redacted":{}}
{"kind":"operation","id":1,"session":"a","at":0,"answered":1,"form":{"opens":"socket"},"request":{"method":"GET","target":"/s?access_token=uhts-hdlajy-4635-wcs","headers":[]},"response":{"status":101,"headers":[["upgrade","websocket"]]}}
{"kind":"operation","id":2,"session":"a","at":2,"answered":2,"form":{"message":{"stream":1,"kind":"text"}},"request":{"method":"SEND","target":"/s?access_token=uhts-hdlajy-4635-wcs","headers":[],"body":{"json":{"token":"uhts-hdlajy-4635-wcs"}}}}
{"kind":"notification","id":3,"session":"a","at":3,"channel":"/s","carrier":{"message":{"stream":1,"kind":"text"}},"after":[2],"data":{"json":{"ok":"uhts-hdlajy-4635-wcs"}}}
"#;

#[test]
fn a_live_token_in_the_query_of_a_socket_is_known_to_its_messages() {
    let folder = TempDir::new().unwrap();
    let tape = folder.path().join("t.tape");
    std::fs::write(&tape, OWN_TOKEN.trim_start()).unwrap();
    let replay = Replay::start(&[tape.to_str().unwrap()]);
    let token = "another-secret-0815-xyz";
    let origin = replay.origin.replacen("http", "ws", 1);
    let (mut socket, _) = tungstenite::connect(format!("{origin}/s?access_token={token}")).unwrap();
    let said = json!({ "token": token }).to_string();
    socket.send(Message::text(said)).unwrap();
    let heard = socket.read().unwrap().into_text().unwrap();
    assert_eq!(heard.as_str(), json!({ "ok": token }).to_string());
    let report = report(&replay);
    assert_eq!(report["clean"], true, "{report}");
    assert!(!report.to_string().contains(token), "{report}");
}
