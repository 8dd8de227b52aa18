//! Bayeux clients on the sockets of a replay.

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use super::messages::hear;
use super::*;
use crate::support::{Replay, report};

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
