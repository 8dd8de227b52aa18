//! Conversations with the server, each step a request and what comes of it.

#![allow(clippy::wildcard_enum_match_arm)] // a test looks for one effect among many

use super::*;
use crate::bayeux::message;

const SECOND: u64 = 1_000_000;

/// A server with one clock, whose clients are called `c1`, `c2` …
struct Table {
    server: Server,
    now: Micros,
    requests: u64,
    clients: usize,
    effects: Vec<Effect>,
    verdict: Verdict,
}

impl Table {
    fn new() -> Table {
        let server = Server::new(Settings::default());
        Table {
            server,
            now: Micros(0),
            requests: 0,
            clients: 0,
            effects: Vec::new(),
            verdict: Verdict::Taken,
        }
    }

    /// Sends a request and returns its number.
    fn send(&mut self, body: &str) -> Exchange {
        self.requests += 1;
        let exchange = Exchange(self.requests);
        let messages = message::read(None, body.as_bytes()).unwrap();
        let clients = &mut self.clients;
        let mut admit = || {
            *clients += 1;
            Admission::Granted(ClientId(format!("c{clients}").into()))
        };
        let effects = self
            .server
            .receive(self.now, exchange, &messages, &self.verdict, &mut admit);
        self.effects.extend(effects);
        exchange
    }

    /// The answer to a request, as one JSON text; `None` while it is held.
    fn answer(&self, exchange: Exchange) -> Option<String> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Reply {
                exchange: of,
                messages,
            } if *of == exchange => Some(String::from_utf8(messages.join(&b","[..])).unwrap()),
            _ => None,
        })
    }

    fn ask(&mut self, body: &str) -> String {
        let exchange = self.send(body);
        self.answer(exchange).expect("an answer at once")
    }

    /// A client that has shaken hands, connected once, and hears `/v2/me/*`.
    fn client(&mut self) -> ClientId {
        self.ask(r#"{"channel":"/meta/handshake"}"#);
        let id = format!("c{}", self.clients);
        self.ask(&connect(&id, ""));
        self.ask(&format!(
            r#"{{"channel":"/meta/subscribe","clientId":"{id}","subscription":"/v2/me/*"}}"#
        ));
        ClientId(id.into())
    }

    fn push(&mut self, client: &ClientId, token: usize) {
        let json = format!(r#"{{"n":{token}}}"#).into();
        assert!(self.server.enqueue(client, Event { token, json }));
        let effects = self.server.flush(self.now);
        self.effects.extend(effects);
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Micros(seconds * SECOND));
        let effects = self.server.tick(self.now);
        self.effects.extend(effects);
    }
}

fn connect(id: &str, more: &str) -> String {
    format!(
        r#"{{"channel":"/meta/connect","clientId":"{id}","connectionType":"long-polling","id":"9"{more}}}"#
    )
}

const CONNECTED: &str = r#"{"id":"9","channel":"/meta/connect","successful":true}"#;
const UNKNOWN: &str = r#""successful":false,"error":"402::Unknown client","advice":{"reconnect":"handshake","interval":0}}"#;

#[test]
fn a_handshake_hands_out_an_identifier_and_advice() {
    let mut table = Table::new();
    assert_eq!(
        table.ask(r#"[{"channel":"/meta/handshake","id":1,"version":"1.0","supportedConnectionTypes":["websocket","long-polling"]}]"#),
        r#"{"id":1,"channel":"/meta/handshake","successful":true,"clientId":"c1","version":"1.0","supportedConnectionTypes":["long-polling","callback-polling"],"advice":{"reconnect":"retry","timeout":30000,"interval":0}}"#
    );
}

#[test]
fn a_handshake_without_a_common_transport_or_place_is_refused() {
    let mut table = Table::new();
    let answer =
        table.ask(r#"{"channel":"/meta/handshake","supportedConnectionTypes":["websocket"]}"#);
    assert!(
        answer.contains(r#""error":"412:websocket:no common connection type""#),
        "{answer}"
    );
    let messages = message::read(None, br#"{"channel":"/meta/handshake"}"#).unwrap();
    let mut refuse = || Admission::Refused("full".into());
    let effects = table.server.receive(
        Micros(0),
        Exchange(99),
        &messages,
        &Verdict::Taken,
        &mut refuse,
    );
    let Some(Effect::Reply { messages, .. }) = effects.first() else {
        panic!("{effects:?}")
    };
    assert_eq!(
        messages[0],
        r#"{"channel":"/meta/handshake","successful":false,"error":"403::full","advice":{"reconnect":"none","interval":0}}"#
    );
}

#[test]
fn the_first_connect_is_answered_at_once_and_the_second_held_until_an_event() {
    let mut table = Table::new();
    table.ask(r#"{"channel":"/meta/handshake"}"#);
    let first = table.ask(&connect("c1", ""));
    assert!(
        first.contains(r#""advice":{"reconnect":"retry","timeout":30000,"interval":0}"#),
        "{first}"
    );
    let held = table.send(&connect("c1", ""));
    assert_eq!(table.answer(held), None);
    table.push(&ClientId("c1".into()), 4);
    assert_eq!(
        table.answer(held).unwrap(),
        format!(r#"{{"n":4}},{CONNECTED}"#)
    );
    assert!(table.effects.contains(&Effect::Delivered {
        client: ClientId("c1".into()),
        token: 4
    }));
}

#[test]
fn a_poll_is_held_no_longer_than_the_timeout_and_what_the_client_asks() {
    let mut table = Table::new();
    let client = table.client();
    let held = table.send(&connect(&client.0, ""));
    assert_eq!(table.server.deadline(), Some(Micros(30 * SECOND)));
    table.pass(29);
    assert_eq!(table.answer(held), None);
    table.pass(1);
    assert_eq!(table.answer(held).as_deref(), Some(CONNECTED));
    let shorter = table.send(&connect(&client.0, r#","advice":{"timeout":5000}"#));
    table.pass(5);
    assert_eq!(table.answer(shorter).as_deref(), Some(CONNECTED));
    assert_eq!(
        table.ask(&connect(&client.0, r#","advice":{"timeout":0}"#)),
        CONNECTED
    );
    let odd = table.send(&connect(
        &client.0,
        r#","advice":{"timeout":-1,"interval":null}"#,
    ));
    assert_eq!(table.answer(odd), None);
}

#[test]
fn a_connect_in_a_batch_is_not_held() {
    let mut table = Table::new();
    let ClientId(id) = table.client();
    let batch = format!(
        r#"[{},{{"channel":"/meta/subscribe","clientId":"{id}","id":"3","subscription":["/a","/b"]}}]"#,
        connect(&id, "")
    );
    assert_eq!(
        table.ask(&batch),
        format!(
            r#"{CONNECTED},{{"id":"3","channel":"/meta/subscribe","successful":true,"subscription":["/a","/b"]}}"#
        )
    );
    assert!(table.server.hears(&ClientId(id), "/b"));
}

#[test]
fn a_second_connect_cancels_the_first() {
    let mut table = Table::new();
    let client = table.client();
    let first = table.send(&connect(&client.0, ""));
    let second = table.send(&connect(&client.0, ""));
    assert_eq!(table.answer(first).as_deref(), Some(CONNECTED));
    table.push(&client, 1);
    assert_eq!(
        table.answer(second).unwrap(),
        format!(r#"{{"n":1}},{CONNECTED}"#)
    );
}

#[test]
fn a_disconnect_releases_the_poll_and_then_is_answered() {
    let mut table = Table::new();
    let client = table.client();
    let held = table.send(&connect(&client.0, ""));
    let answer = table.ask(r#"{"channel":"/meta/disconnect","clientId":"c1","id":"8"}"#);
    assert_eq!(
        answer,
        r#"{"id":"8","channel":"/meta/disconnect","successful":true}"#
    );
    let order: Vec<_> = table
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Reply { exchange, .. } => Some(*exchange),
            _ => None,
        })
        .collect();
    assert_eq!(order[order.len() - 2], held);
    assert!(table.ask(&connect("c1", "")).ends_with(UNKNOWN));
}

#[test]
fn an_unknown_client_is_told_to_shake_hands_on_every_channel() {
    let mut table = Table::new();
    for channel in [
        "/meta/connect",
        "/meta/subscribe",
        "/meta/unsubscribe",
        "/meta/disconnect",
        "/chat",
    ] {
        let answer = table.ask(&format!(r#"{{"channel":"{channel}","clientId":"nobody"}}"#));
        assert!(answer.ends_with(UNKNOWN), "{answer}");
        let answer = table.ask(&format!(r#"{{"channel":"{channel}"}}"#));
        assert!(answer.ends_with(UNKNOWN), "{answer}");
    }
}

#[test]
fn a_silent_client_is_forgotten_with_what_it_never_got() {
    let mut table = Table::new();
    let client = table.client();
    table.push(&client, 7);
    table.pass(59);
    assert!(table.server.hears(&client, "/v2/me/chats"));
    table.pass(1);
    assert!(table.effects.contains(&Effect::Left {
        client: client.clone(),
        undelivered: vec![7]
    }));
    assert!(!table.server.hears(&client, "/v2/me/chats"));
    assert!(table.ask(&connect(&client.0, "")).ends_with(UNKNOWN));
}

#[test]
fn a_poll_whose_connection_is_gone_loses_nothing() {
    let mut table = Table::new();
    let client = table.client();
    let held = table.send(&connect(&client.0, ""));
    table.server.cancel(table.now, held);
    table.push(&client, 3);
    assert_eq!(table.answer(held), None);
    assert_eq!(
        table.ask(&connect(&client.0, "")),
        format!(r#"{{"n":3}},{CONNECTED}"#)
    );
}

#[test]
fn a_client_that_is_taken_over_is_told_not_to_come_back() {
    let mut table = Table::new();
    let client = table.client();
    let held = table.send(&connect(&client.0, ""));
    let effects = table.server.take_over(&client);
    table.effects.extend(effects);
    assert!(
        table
            .answer(held)
            .unwrap()
            .contains(r#""advice":{"reconnect":"none""#)
    );
    assert!(
        table
            .ask(&connect(&client.0, ""))
            .contains(r#""error":"403::another client"#)
    );
}

#[test]
fn acknowledged_events_are_dropped_and_others_come_again() {
    let mut table = Table::new();
    let answer = table.ask(r#"{"channel":"/meta/handshake","ext":{"ack":true}}"#);
    assert!(answer.contains(r#""ext":{"ack":true}"#), "{answer}");
    let client = ClientId("c1".into());
    assert!(
        table
            .ask(&connect("c1", r#","ext":{"ack":-1}"#))
            .contains(r#""ext":{"ack":1}"#)
    );
    table.push(&client, 5);
    table.push(&client, 6);
    let carried = table.ask(&connect("c1", r#","ext":{"ack":1}"#));
    assert!(carried.starts_with(r#"{"n":5},{"n":6},"#) && carried.contains(r#""ext":{"ack":2}"#));
    let again = table.ask(&connect("c1", r#","ext":{"ack":1}"#));
    assert!(
        again.starts_with(r#"{"n":5},{"n":6},"#) && again.contains(r#""ext":{"ack":3}"#),
        "{again}"
    );
    let held = table.send(&connect("c1", r#","ext":{"ack":3}"#));
    assert_eq!(table.answer(held), None);
    let delivered = table
        .effects
        .iter()
        .filter(|e| matches!(e, Effect::Delivered { .. }))
        .count();
    assert_eq!(delivered, 2);
}

#[test]
fn subscriptions_are_checked_and_can_be_given_up() {
    let mut table = Table::new();
    let client = table.client();
    let mut subscribe = |verb: &str, field: &str| {
        table.ask(&format!(
            r#"{{"channel":"/meta/{verb}","clientId":"c1","subscription":{field}}}"#
        ))
    };
    assert!(
        subscribe("subscribe", "\"/meta/connect\"").contains("403:/meta/connect:a meta channel")
    );
    assert!(subscribe("subscribe", "\"/a*\"").contains("400:/a*:no channel"));
    assert!(subscribe("subscribe", "7").contains("400:7:no subscription"));
    assert!(subscribe("unsubscribe", "\"/v2/me/*\"").contains(r#""successful":true"#));
    assert!(!table.server.hears(&client, "/v2/me/chats"));
}

#[test]
fn a_publish_gets_the_answer_of_the_protocol() {
    let mut table = Table::new();
    table.client();
    let mut publish = |channel: &str| {
        table.ask(&format!(
            r#"{{"channel":"{channel}","clientId":"c1","id":"5","data":{{}}}}"#
        ))
    };
    assert_eq!(
        publish("/chat/1"),
        r#"{"id":"5","channel":"/chat/1","successful":true}"#
    );
    assert!(publish("/meta/other").contains("404:/meta/other:unknown meta channel"));
    assert!(publish("/chat/*").contains("400:/chat/*:no channel to publish to"));
    table.verdict = Verdict::Refused("why".into());
    assert_eq!(
        table.ask(r#"{"channel":"/chat/1","clientId":"c1"}"#),
        r#"{"channel":"/chat/1","successful":false,"error":"404:/chat/1:why"}"#
    );
}

#[test]
fn what_is_published_gets_the_recorded_replies() {
    let mut table = Table::new();
    table.client();
    let refused = r#"{"clientId":"old","id":"1","channel":"/a/*","successful":false,"error":"403::no","n":1.0}"#;
    table.verdict = Verdict::Recorded(vec![None, Some(refused.to_owned())]);
    let message = |id: u8, channel: &str| {
        format!(r#"{{"channel":"{channel}","clientId":"c1","id":{id},"data":{{}}}}"#)
    };
    let (poll, taken, other) = (
        message(6, "/meta/other"),
        message(7, "/a"),
        message(8, "/a/*"),
    );
    assert_eq!(
        table.ask(&format!("[{poll},{taken},{other},{taken}]")),
        r#"{"id":6,"channel":"/meta/other","successful":false,"error":"404:/meta/other:unknown meta channel"},{"id":7,"channel":"/a","successful":true},{"clientId":"c1","id":8,"channel":"/a/*","successful":false,"error":"403::no","n":1.0},{"id":7,"channel":"/a","successful":true}"#
    );
    let stranger = message(9, "/a").replace("c1", "c9");
    assert!(table.ask(&stranger).contains("402::Unknown client"));
}

#[test]
fn stopping_answers_every_held_poll() {
    let mut table = Table::new();
    let (one, other) = (table.client(), table.client());
    let held = [
        table.send(&connect(&one.0, "")),
        table.send(&connect(&other.0, "")),
    ];
    let effects = table.server.release_all(table.now);
    table.effects.extend(effects);
    assert_eq!(
        held.map(|exchange| table.answer(exchange)),
        [Some(CONNECTED.into()), Some(CONNECTED.into())]
    );
}

#[test]
fn a_poll_that_is_over_leaves_nothing_behind_that_would_be_answered_or_waited_for() {
    let mut table = Table::new();
    let client = table.client();
    let early = table.send(&connect(&client.0, r#","advice":{"timeout":1000}"#));
    assert_eq!(table.server.deadline(), Some(Micros(SECOND)));
    table.server.cancel(table.now, early);
    assert_eq!(table.server.held(), 0);
    assert_eq!(table.server.deadline(), Some(Micros(60 * SECOND)));
    let again = table.send(&connect(&client.0, ""));
    table.pass(1);
    assert_eq!((table.answer(early), table.answer(again)), (None, None));
    table.push(&client, 1);
    assert_eq!(
        table.answer(again).unwrap(),
        format!(r#"{{"n":1}},{CONNECTED}"#)
    );
    assert_eq!(table.server.held(), 0);
    table.push(&client, 2);
    table.pass(60);
    assert!(!table.server.knows(&client));
    assert_eq!(table.server.deadline(), None);
    assert!(table.server.flush(table.now).is_empty());
}
