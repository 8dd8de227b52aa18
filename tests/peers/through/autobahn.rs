//! Autobahn's test suite, which does to a WebSocket service all that RFC 6455 speaks of, directly and
//! with `antiphon record` between: each case has the verdict through it that it has without.
//!
//! Of its groups it runs those on the protocol itself (1 to 7, and 10); 9 measures how fast a service is,
//! and 12 and 13 how it compresses.

mod wstest;

use std::path::Path;
use std::thread;

use antiphon::exchange::{Carrier, Form, OnSocket, OperationId};
use antiphon::tape::{Notice, Tape};
use bytes::Bytes;

use crate::server::Server;

use super::chromium::service;

/// How many cases the groups have.
const CASES: usize = 247;

/// How many messages come back at least: most cases of groups 1, 5 and 6 have one.
const MESSAGES: usize = 100;

/// What ends a recording of sides that break the protocol: its tape has not all that passed.
const NOT_WHOLE: i32 = 4;

/// A message on a socket.
type Message<'a> = (OnSocket, &'a Bytes);

/// The messages on one socket, in order.
fn on<'a>(socket: OperationId, messages: &[Message<'a>]) -> Vec<Message<'a>> {
    let of_it = messages.iter().filter(|(on, _)| on.stream == socket);
    of_it.copied().collect()
}

/// Checks that the tape has a socket for each case, and of each what the service said back: that, and no
/// more, is what it heard first.
fn holds_the_sockets(tape: &Path) {
    let loaded = Tape::load(tape).unwrap();
    // What the cases say that is no WebSocket message.
    assert!(
        matches!(loaded.notices[..], [Notice::Gaps(_)]),
        "{:?}",
        loaded.notices
    );
    let mut sockets = Vec::new();
    let mut said: Vec<Message> = Vec::new();
    for one in loaded.tape.operations() {
        match one.form {
            Form::Message(on) => said.push((on, one.request.body.bytes())),
            Form::Opens(_) => sockets.push(one.id),
            Form::Exchange => panic!("{one:?}"),
        }
    }
    let notifications = loaded.tape.notifications();
    let heard = notifications.map(|one| match &one.carrier {
        Carrier::Message(on) => (*on, one.data.bytes()),
        Carrier::Bayeux | Carrier::Event(_) | Carrier::Line(_) => panic!("{one:?}"),
    });
    let heard: Vec<Message> = heard.collect();
    assert_eq!(sockets.len(), CASES);
    assert!(heard.len() >= MESSAGES, "only {} messages", heard.len());
    for socket in sockets {
        let (said, heard) = (on(socket, &said), on(socket, &heard));
        assert!(said.starts_with(&heard), "{socket:?}: {said:?}: {heard:?}");
    }
}

#[test]
fn autobahn_has_the_same_verdicts_through_a_recorder() {
    let service = service("sockets.mjs");
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("autobahn.tape");
    let recording = Server::record(&service.origin, &tape);
    let (directly, recorded) = thread::scope(|scope| {
        let directly = scope.spawn(|| wstest::verdicts(&service.origin));
        let recorded = wstest::verdicts(&recording.origin);
        (directly.join().unwrap(), recorded)
    });
    let words = recording.end_with(NOT_WHOLE);
    assert_eq!(directly.len(), CASES);
    for (case, verdict) in &recorded {
        assert!(verdict.is_good(), "{case}: {verdict:?}\n{words}");
    }
    assert_eq!(recorded, directly, "{words}");
    holds_the_sockets(&tape);
    println!("autobahn: {CASES} cases passed directly and through a recorder");
}
