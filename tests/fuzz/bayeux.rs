//! Bayeux: a line of the input is the content of a request. Each request is answered once, by messages that
//! are JSON and carry the identifiers of those that they answer; a service's replies are read in each form.

#![no_main]

use std::collections::BTreeMap;

use antiphon::bayeux::{Admission, ClientId, Effect, Exchange, Server, Settings, Verdict};
use antiphon::bayeux::{message, reply};
use antiphon::exchange::Micros;
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

const FORM: &str = "application/x-www-form-urlencoded";

fuzz_target!(|text: &str| {
    let mut server = Server::new(Settings::default());
    let mut answered = BTreeMap::new();
    let mut clients = 0_usize;
    for (number, content) in text.lines().enumerate() {
        sent_by_a_service(content);
        let _ = message::read_query(content);
        let messages = message::read(None, content.as_bytes());
        let Ok(messages) = messages.or_else(|_| message::read(Some(FORM), content.as_bytes()))
        else {
            continue;
        };
        let exchange = Exchange(number as u64);
        let now = Micros(number as u64 * 1_000_000);
        let mut admit = || {
            clients += 1;
            Admission::Granted(ClientId(format!("c{clients}").into()))
        };
        let published = Verdict::Taken;
        let effects = server.receive(now, exchange, &messages, &published, &mut admit);
        let ids = messages.iter().filter_map(|one| one.id.as_deref());
        let ids = ids.map(|id| id.get().to_owned()).collect();
        answered.insert(exchange, (0_usize, ids));
        note(&effects, &mut answered);
        let waiting = answered.values().filter(|(count, _)| *count == 0).count();
        assert_eq!(waiting, server.held(), "requests wait that nobody holds");
    }
    note(&server.release_all(Micros(u64::MAX)), &mut answered);
    for (exchange, (count, _)) in answered {
        assert_eq!(count, 1, "{exchange:?}");
    }
});

/// Notes who was answered, and checks the answers.
fn note(effects: &[Effect], answered: &mut BTreeMap<Exchange, (usize, Vec<String>)>) {
    for effect in effects {
        let Effect::Reply { exchange, messages } = effect else {
            continue;
        };
        let (count, ids) = answered.get_mut(exchange).expect("a request that was made");
        *count += 1;
        for message in messages {
            let read = reply::read(message).expect("a reply is a message");
            let [read] = read.as_slice() else {
                panic!("{message:?} is no one message");
            };
            if let Some(id) = &read.id {
                assert!(ids.iter().any(|one| one == id.get()), "{message:?}");
            }
        }
    }
}

/// A reply means the same by itself and as the argument of a function.
fn sent_by_a_service(content: &str) {
    let Ok(sent) = reply::read(content.as_bytes()) else {
        return;
    };
    for message in &sent {
        let _ = (
            message.role(),
            message.forgets_client(),
            message.acknowledges(),
        );
        let _ = message.subscription.as_deref().map(reply::channels);
    }
    if serde_json::from_str::<&RawValue>(content).is_ok() {
        let called = reply::read(format!("/**/f({content});").as_bytes());
        assert_eq!(called.expect("the same in a call").len(), sent.len());
    }
}
