//! What Bayeux clients publish on sockets, and what the service replies.
//!
//! `>` is a message of the client, `<` one of the service, `…` a minute in which nothing passes, `end` the
//! end of the socket. Every line is a millisecond after the one before.

use crate::exchange::{Carrier, Ender, Form, Kind, OnSocket, Side, Stream};

use super::*;

const SOCKET: Passing = Passing(1);

/// A client that has shaken hands on its socket, and what comes of what is said after that.
struct Talk {
    understanding: Understanding,
    at: u64,
}

impl Talk {
    fn new() -> Talk {
        let mut talk = Talk {
            understanding: Understanding::default(),
            at: 0,
        };
        let at = Micros(talk.at);
        talk.observe(Observation::Request {
            passing: SOCKET,
            connection: Connection(1),
            at,
            request: request("GET /cometd"),
        });
        let opened = talk.observe(Observation::Opened {
            passing: SOCKET,
            at,
            response: response("101"),
            stream: Stream::Socket,
        });
        assert_eq!(opened.len(), 1);
        let shaken = talk.say(
            r#"
            > [{"channel":"/meta/handshake","id":"1"}]
            < [{"channel":"/meta/handshake","id":"1","successful":true,"clientId":"K"}]
            "#,
        );
        assert_eq!(shaken.len(), 1);
        talk
    }

    fn observe(&mut self, observation: Observation) -> Vec<Event> {
        self.understanding.observe(observation)
    }

    fn say(&mut self, lines: &str) -> Vec<Event> {
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.flat_map(|line| self.line(line)).collect()
    }

    fn line(&mut self, line: &str) -> Vec<Event> {
        self.at += 1_000;
        let at = Micros(self.at);
        let (by, text) = match line.split_once(' ') {
            Some((">", text)) => (Side::Client, text),
            Some(("<", text)) => (Side::Service, text),
            _ if line == "…" => {
                self.at += 60_000_000;
                return Vec::new();
            }
            _ => {
                assert_eq!(line, "end");
                let ending = Ending {
                    by: Ender::Client,
                    close: None,
                    end: End::Complete,
                };
                return self.observe(Observation::Ended {
                    passing: SOCKET,
                    at,
                    ending,
                });
            }
        };
        let item = Item::Message {
            by,
            kind: Kind::Text,
            data: Body::new(text.to_owned()),
        };
        self.observe(Observation::Passed {
            passing: SOCKET,
            at,
            item,
        })
    }
}

/// What is said after a handshake, and what is written of it: of an operation also the content of its
/// response.
#[track_caller]
fn expect(said: &str, expected: &str) {
    let expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let written: Vec<String> = Talk::new().say(said).iter().map(with_content).collect();
    assert_eq!(written, expected, "\n{said}");
}

fn with_content(event: &Event) -> String {
    match event {
        Event::Operation(operation) => {
            let content = operation.response.body.text().unwrap_or_default();
            format!("{} {content}", told(event)).trim_end().to_owned()
        }
        Event::Notification(_) | Event::Fact(_) | Event::Contract(_) | Event::Gap(_) => told(event),
    }
}

#[test]
fn a_publish_waits_for_its_reply_and_keeps_it() {
    expect(
        r#"
        > [{"channel":"/chat","id":"2","clientId":"K","data":{"text":"hi"}}]
        < [{"channel":"/meta/connect","id":"3","successful":true}]
        < [{"channel":"/chat","id":"9","successful":true}]
        < [{"id":"2","channel":"/chat","successful":false, "error":"403::not yours","n":1.10}]
        "#,
        r#"client1: #2 SEND /cometd 200 [{"id":"2","channel":"/chat","successful":false, "error":"403::not yours","n":1.10}]"#,
    );
}

#[test]
fn a_batch_is_an_operation_when_all_it_publishes_is_replied_to() {
    expect(
        r#"
        > [{"channel":"/meta/connect","id":"2"},{"channel":"/a","id":3,"data":1},{"channel":"/a","id":4,"data":2}]
        < {"channel":"/a","id":4,"successful":true}
        < [{"channel":"/a","id":3,"successful":false,"error":"no"}]
        "#,
        r#"client1: #2 SEND /cometd 200 [{"channel":"/a","id":4,"successful":true},{"channel":"/a","id":3,"successful":false,"error":"no"}]"#,
    );
}

#[test]
fn an_event_may_come_before_the_reply_and_knows_its_cause() {
    let mut talk = Talk::new();
    let events = talk.say(
        r#"
        > [{"channel":"/chat","id":"2","data":{"chatId":"00010a9FSGFP001F"}}]
        < [{"channel":"/chat","data":{"chatId":"00010a9FSGFP001F"}}]
        < [{"channel":"/chat","id":"2","successful":true}]
        "#,
    );
    let [Event::Notification(event), Event::Operation(operation)] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(event.carrier, Carrier::Bayeux);
    assert_eq!(event.after, [operation.id]);
    assert!(operation.at < event.at && event.at < operation.answered);
    assert!(operation.id.0 < event.id.0);
    let on = OnSocket {
        stream: OperationId(1),
        kind: Kind::Text,
    };
    assert_eq!(operation.form, Form::Message(on));
}

#[test]
fn an_event_in_one_message_with_the_reply_stands_behind_the_operation() {
    expect(
        r#"
        > [{"channel":"/chat","id":"2","data":{"chatId":"00010a9FSGFP001F"}}]
        < [{"channel":"/chat","data":{"chatId":"00010a9FSGFP001F"}},{"channel":"/chat","id":"2","successful":true}]
        "#,
        r#"
        client1: #2 SEND /cometd 200 [{"channel":"/chat","id":"2","successful":true}]
        client1: /chat {"chatId":"00010a9FSGFP001F"} <- #2 00010a9FSGFP001F
        "#,
    );
}

#[test]
fn what_was_refused_causes_nothing() {
    expect(
        r#"
        > [{"channel":"/chat","id":"2","data":{"chatId":"00010a9FSGFP001F"}}]
        < [{"channel":"/chat","id":"2","successful":false}]
        < [{"channel":"/chat","data":{"chatId":"00010a9FSGFP001F"}}]
        "#,
        r#"
        client1: #2 SEND /cometd 200 [{"channel":"/chat","id":"2","successful":false}]
        client1: /chat {"chatId":"00010a9FSGFP001F"} <- unsolicited
        "#,
    );
}

#[test]
fn what_gets_no_reply_is_written_when_its_socket_ends() {
    expect(
        r#"
        > [{"channel":"/a","id":"2","data":1},{"channel":"/b","id":"3","data":1}]
        > [{"channel":"/a","id":"4","data":2}]
        < [{"channel":"/b","id":"3","successful":true}]
        end
        "#,
        r#"
        client1: #2 SEND /cometd 200 [{"channel":"/b","id":"3","successful":true}]
        client1: #3 SEND /cometd 204
        client1: closed
        "#,
    );
}

#[test]
fn what_gets_no_reply_is_written_when_the_recording_ends() {
    let mut talk = Talk::new();
    assert!(
        talk.say(r#"> [{"channel":"/a","id":"2","data":1}]"#)
            .is_empty()
    );
    let written = talk.understanding.close(Micros(0));
    let [Event::Operation(operation)] = &written[..] else {
        panic!("{written:?}");
    };
    assert_eq!(operation.response, Response::none());
    assert!(operation.answered > operation.at);
}

#[test]
fn a_reply_that_is_overdue_is_not_waited_for() {
    expect(
        r#"
        > [{"channel":"/a","id":"2","data":1}]
        …
        < [{"channel":"/b","data":1}]
        < [{"channel":"/a","id":"2","successful":true}]
        "#,
        "
        client1: #2 SEND /cometd 204
        client1: /b 1 <- #2 session
        ",
    );
}

#[test]
fn so_many_replies_are_waited_for() {
    let mut talk = Talk::new();
    let publish = |id: usize| format!(r#"> [{{"channel":"/a","id":{id},"data":1}}]"#);
    let first: Vec<Event> = (0..100).flat_map(|id| talk.line(&publish(id))).collect();
    assert_eq!(first, []);
    let surplus = talk.line(&publish(100));
    assert_eq!(
        surplus.iter().map(told).collect::<Vec<_>>(),
        ["client1: #2 SEND /cometd 204"]
    );
    let held = talk.understanding.held;
    talk.line("end");
    assert_eq!((held > 0, talk.understanding.held), (true, 0));
}

#[test]
fn so_much_waits_for_replies() {
    let mut talk = Talk::new();
    let long = "x".repeat(24 * 1024 * 1024);
    let publish = |id: usize| format!(r#"> [{{"channel":"/a","id":{id},"data":"{long}"}}]"#);
    let written: Vec<usize> = (0..3).map(|id| talk.line(&publish(id)).len()).collect();
    assert_eq!(written, [0, 0, 1]);
}
