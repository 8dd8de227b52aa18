//! Sockets through `antiphon record`, and the same from its replay.

use std::net::{Shutdown, SocketAddr};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::http::HeaderValue;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use super::*;
use crate::support::{Replay, post, report, verified};

const BY: [&str; 2] = ["--session-by", "header:X-Member"];

/// A room: what a member says on its socket all hear with a number, what is posted too; `bye` closes.
fn room() -> Upstream {
    let members: Arc<Mutex<Vec<WebSocket<TcpStream>>>> = Arc::default();
    let said = Arc::new(Mutex::new(0));
    Upstream::start(move |client, _| {
        let tell = |members: &mut Vec<WebSocket<TcpStream>>, text: &str| {
            let mut number = said.lock().unwrap();
            *number += 1;
            let said: Value = serde_json::from_str(text).unwrap();
            let message = json!({ "number": *number, "message": said["id"] }).to_string();
            for member in members {
                member.send(Message::text(message.clone())).unwrap();
                member.send(Message::binary(vec![0xff, *number])).unwrap();
            }
        };
        let mut stream = client.into_stream();
        let mut start = [0; 4];
        stream.peek(&mut start).unwrap();
        if &start != b"GET " {
            let mut client = Client::on(stream);
            loop {
                let (head, content) = client.message();
                if head.is_empty() {
                    return;
                }
                tell(&mut members.lock().unwrap(), &content);
                client.send(&ok("{}"));
            }
        }
        let mut members_now = members.lock().unwrap();
        let ours = stream.try_clone().unwrap();
        #[allow(clippy::result_large_err)] // the library's own
        let protocol = |_: &_, mut response: tungstenite::handshake::server::Response| {
            let name = HeaderValue::from_static("room.v1");
            response
                .headers_mut()
                .insert("Sec-WebSocket-Protocol", name);
            Ok(response)
        };
        members_now.push(tungstenite::accept_hdr(ours, protocol).unwrap());
        drop(members_now);
        let role = tungstenite::protocol::Role::Server;
        let mut socket = WebSocket::from_raw_socket(&mut stream, role, None);
        while let Ok(message) = socket.read() {
            let Ok(text) = message.to_text() else {
                continue;
            };
            if text.contains("bye") {
                let close = CloseFrame {
                    code: CloseCode::Library(4005),
                    reason: "the room closes".into(),
                };
                for mut member in members.lock().unwrap().drain(..) {
                    let _ = member.close(Some(close.clone()));
                    member.get_ref().shutdown(Shutdown::Write).unwrap();
                }
                return;
            }
            if message.is_text() {
                tell(&mut members.lock().unwrap(), text);
            }
        }
    })
}

struct Member(WebSocket<TcpStream>);

impl Member {
    fn join(address: SocketAddr, name: &'static str) -> Member {
        let mut request = format!("ws://{address}/room?as={name}")
            .into_client_request()
            .unwrap();
        let headers = request.headers_mut();
        headers.insert("X-Member", HeaderValue::from_static(name));
        let offered = HeaderValue::from_static("room.v2, room.v1");
        headers.insert("Sec-WebSocket-Protocol", offered);
        let stream = Client::connect(address).into_stream();
        let (socket, response) = tungstenite::client(request, stream).unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "room.v1");
        Member(socket)
    }

    fn say(&mut self, id: &str) {
        let message = json!({ "id": id }).to_string();
        self.0.send(Message::text(message)).unwrap();
    }

    /// So many messages, and no more.
    fn hear(&mut self, count: usize) -> Vec<Message> {
        let mut heard = Vec::new();
        while heard.len() < count {
            let message = self.0.read().unwrap();
            if message.is_text() || message.is_binary() {
                heard.push(message);
            }
        }
        heard
    }

    /// The close frame with which it ends.
    fn end(mut self) -> CloseFrame {
        let last = self.0.read().unwrap();
        let Message::Close(frame) = last else {
            panic!("{last:?}");
        };
        frame.unwrap()
    }
}

/// Two members talk, on their sockets and by an operation: what both hear, and how it ends.
fn talk(address: SocketAddr) -> (Vec<Message>, [CloseFrame; 2]) {
    let mut alice = Member::join(address, "alice");
    let mut bob = Member::join(address, "bob");
    let mut heard = Vec::new();
    let mut both = |alice: &mut Member, bob: &mut Member| {
        heard.extend(alice.hear(2));
        heard.extend(bob.hear(2));
    };
    alice.say("4f2a81c9d0aa");
    both(&mut alice, &mut bob);
    bob.say("b7c3e51f02bb");
    both(&mut alice, &mut bob);
    let posted = post(
        &format!("http://{address}/say"),
        &[("X-Member", "bob")],
        r#"{"id":"90d1f7a3c6cc"}"#,
    );
    assert_eq!(posted.status, 200);
    both(&mut alice, &mut bob);
    alice.say("bye");
    (heard, [alice.end(), bob.end()])
}

fn address(replay: &Replay) -> SocketAddr {
    let address = replay.origin.strip_prefix("http://").unwrap();
    address.parse().unwrap()
}

/// A recorded talk: the folder of its tape ends with the recording.
fn recorded() -> (Recording, (Vec<Message>, [CloseFrame; 2])) {
    let upstream = room();
    let mut recording = Recording::start(upstream.address, &BY);
    let talked = talk(recording.address);
    assert_eq!(recording.end(), Some(0));
    (recording, talked)
}

#[test]
fn members_cannot_tell_a_replay_from_their_room() {
    let directly = talk(room().address);
    let (recording, talked) = recorded();
    assert_eq!(talked, directly);
    let tape = recording.tape();
    verified(&tape, &["--runs", "5"]);
    let mut replay = Replay::start(&[tape.to_str().unwrap(), BY[0], BY[1]]);
    assert_eq!(talk(address(&replay)), talked);
    replay.signal("-TERM");
    assert_eq!(replay.wait().code(), Some(0));
}

#[test]
fn a_message_that_is_not_on_the_tape_is_a_miss_with_what_comes_near() {
    let (recording, _) = recorded();
    let replay = Replay::start(&[recording.tape().to_str().unwrap(), BY[0], BY[1]]);
    let mut alice = Member::join(address(&replay), "alice");
    let mut bob = Member::join(address(&replay), "bob");
    alice.0.send(Message::text(r#"{"unheard":"of"}"#)).unwrap();
    alice.say("4f2a81c9d0aa");
    assert_eq!(alice.hear(2).len(), 2);
    assert_eq!(bob.hear(2).len(), 2);
    let report = report(&replay);
    assert_eq!(report["misses"]["total"], 1, "{report}");
    let miss = &report["misses"]["list"][0];
    assert_eq!(miss["method"], "SEND", "{miss}");
    let reason = miss["reason"].as_str().unwrap();
    assert!(reason.contains("SEND /room?as=alice"), "{reason}");
}

#[test]
fn a_member_that_comes_back_gets_the_rest_on_its_new_socket() {
    let (recording, (heard, _)) = recorded();
    let replay = Replay::start(&[recording.tape().to_str().unwrap(), BY[0], BY[1]]);
    let mut alice = Member::join(address(&replay), "alice");
    let mut bob = Member::join(address(&replay), "bob");
    alice.say("4f2a81c9d0aa");
    assert_eq!(alice.hear(2), heard[..2]);
    assert_eq!(bob.hear(2), heard[2..4]);
    drop(bob);
    let mut bob = Member::join(address(&replay), "bob");
    bob.say("b7c3e51f02bb");
    assert_eq!(alice.hear(2), heard[4..6]);
    assert_eq!(bob.hear(2), heard[6..8]);
}

#[test]
fn a_socket_that_is_not_on_the_tape_is_refused() {
    let (recording, _) = recorded();
    let replay = Replay::start(&[recording.tape().to_str().unwrap()]);
    let stream = Client::connect(address(&replay)).into_stream();
    let url = format!("ws://{}/elsewhere", address(&replay));
    match tungstenite::client(url, stream) {
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
            assert_eq!(response.status(), 404);
            let body = response.body().clone().unwrap_or_default();
            let document: Value = serde_json::from_slice(&body).unwrap_or_default();
            assert!(
                document.is_null() || document["error"] == "miss",
                "{document}"
            );
        }
        other => panic!("{other:?}"),
    }
}
