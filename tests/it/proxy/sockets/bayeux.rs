//! Bayeux clients on sockets, recorded and replayed.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use super::messages::hear;
use super::*;
use crate::support::{Replay, report, verified};

/// How often it is tried: what may come in either order comes in one order by chance.
const TIMES: usize = 50;

fn say(socket: &mut WebSocket<TcpStream>, message: &Value) {
    let batch = json!([message]).to_string();
    socket.send(Message::text(batch)).unwrap();
}

/// The replies in the next message.
fn replies(socket: &mut WebSocket<TcpStream>) -> Vec<Value> {
    let message = hear(socket);
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

#[test]
fn a_poll_is_answered_before_the_disconnect_that_releases_it() {
    let replay = Replay::start(&["--offer-websocket", "--spare-sessions", "fork"]);
    let address = replay.origin.strip_prefix("http://").unwrap();
    for time in 0..TIMES {
        let stream = Client::connect(address.parse().unwrap()).into_stream();
        let url = format!("ws://{address}/api/v2/notifications");
        let (mut socket, _) = tungstenite::client(url, stream).unwrap();
        let handshake = json!({
            "channel": "/meta/handshake",
            "version": "1.0",
            "supportedConnectionTypes": ["websocket"],
        });
        say(&mut socket, &handshake);
        let client = replies(&mut socket)[0]["clientId"].clone();
        let message = |channel: &str, id: &str| {
            json!({
                "channel": channel, "clientId": client, "id": id, "connectionType": "websocket",
            })
        };
        say(&mut socket, &message("/meta/connect", "first"));
        assert_eq!(replies(&mut socket)[0]["id"], "first");
        // All that is said comes in the order in which it is said.
        say(&mut socket, &message("/meta/connect", "held"));
        say(&mut socket, &message("/meta/disconnect", "last"));
        let order: Vec<Value> = [(); 2]
            .map(|()| replies(&mut socket)[0]["id"].clone())
            .into();
        assert_eq!(order, ["held", "last"], "the {time}th time");
    }
    // The tape has no sockets, and they are offered all the same.
    let report = report(&replay);
    assert_eq!(report["misses"]["total"], 0, "{report}");
}

/// A service that knows one client, takes what is published on `/open`, and tells of it before it replies;
/// and refuses what is published elsewhere.
fn moderated() -> Upstream {
    Upstream::start(|client, _| {
        let mut socket = tungstenite::accept(client.into_stream()).unwrap();
        while let Ok(message) = socket.read() {
            let Ok(Value::Array(batch)) = serde_json::from_str(message.to_text().unwrap()) else {
                continue;
            };
            for message in batch {
                let mut reply = json!({
                    "channel": message["channel"], "id": message["id"], "successful": true,
                });
                match message["channel"].as_str().unwrap() {
                    "/meta/handshake" => reply["clientId"] = json!("3kq8x0client"),
                    "/meta/subscribe" => reply["subscription"] = message["subscription"].clone(),
                    "/open" => {
                        let event = json!({ "channel": "/open", "data": message["data"] });
                        say(&mut socket, &event);
                    }
                    channel if !channel.starts_with("/meta/") => {
                        reply["successful"] = json!(false);
                        reply["error"] = json!(format!("403:{channel}:not here"));
                        reply["ext"] = json!({ "moderator": [1.50, null] });
                    }
                    _ => {}
                }
                say(&mut socket, &reply);
            }
        }
    })
}

/// What a client gets for what it publishes, message by message.
fn publish(address: SocketAddr) -> Vec<Value> {
    let stream = Client::connect(address).into_stream();
    let url = format!("ws://{address}/cometd");
    let (mut socket, _) = tungstenite::client(url, stream).unwrap();
    say(
        &mut socket,
        &json!({ "channel": "/meta/handshake", "supportedConnectionTypes": ["websocket"] }),
    );
    let client = replies(&mut socket)[0]["clientId"].clone();
    say(
        &mut socket,
        &json!({ "channel": "/meta/subscribe", "clientId": client, "id": "s", "subscription": "/open" }),
    );
    replies(&mut socket);
    let mut got = Vec::new();
    for (id, channel) in [("1", "/closed"), ("2", "/open"), ("3", "/closed")] {
        let data = json!({ "said": format!("the {id}th") });
        say(
            &mut socket,
            &json!({ "channel": channel, "clientId": client, "id": id, "data": data }),
        );
        if channel == "/open" {
            // What it hears needs a poll where a replay sends it, which sends the reply first.
            got.extend(replies(&mut socket));
            say(
                &mut socket,
                &json!({ "channel": "/meta/connect", "clientId": client, "id": "c", "connectionType": "websocket" }),
            );
        }
        while got.iter().all(|message| message["id"] != id) {
            got.extend(replies(&mut socket));
        }
    }
    got.retain(|message| !message["channel"].as_str().unwrap().starts_with("/meta/"));
    got.sort_by_key(ToString::to_string);
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    got
}

#[test]
fn what_a_service_refuses_on_a_socket_is_refused_by_the_replay() {
    let upstream = moderated();
    let mut recording = Recording::start(upstream.address, &["--durability", "written"]);
    let got = publish(recording.address);
    assert_eq!(recording.end(), Some(0));
    assert_eq!(got.len(), 4, "{got:?}");
    let events = recording.written();
    let said: Vec<&Value> = events
        .iter()
        .filter(|event| event["request"]["method"] == "SEND")
        .collect();
    let accepted = said
        .iter()
        .map(|said| said["response"]["body"]["json"][0]["successful"].clone());
    assert_eq!(accepted.collect::<Vec<_>>(), [false, true, false]);
    let heard = events
        .iter()
        .find(|event| event["kind"] == "notification")
        .unwrap();
    assert_eq!(heard["after"], json!([said[1]["id"]]));
    let tape = recording.tape();
    verified(&tape, &["--runs", "5"]);
    let replay = Replay::start(&[tape.to_str().unwrap()]);
    let address = replay.origin.strip_prefix("http://").unwrap();
    assert_eq!(publish(address.parse().unwrap()), got);
    let report = report(&replay);
    assert_eq!(report["misses"]["total"], 0, "{report}");
}
