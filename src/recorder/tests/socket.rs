//! Sockets, from their bytes to the tape.

use crate::exchange::{Ender, Side, What};

use super::*;
use crate::recorder::capture::Grant;

/// More than bodies under way may take together, and than may wait for the writer.
const ALL: usize = 256 * 1024 * 1024;

/// A recording with the real understanding, and an open socket.
fn opened(place: &Place, durability: Durability) -> (Recorder, SocketTap) {
    let settings = Settings {
        durability,
        ..settings()
    };
    let recorder = Recorder::start(settings, &header(), &place.tape()).unwrap();
    let (request, response) = begin(&recorder, "/chat").split();
    request.end();
    (recorder, response.socket(101, Headers::new()))
}

/// A frame of the service.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[first, length], payload].concat()
}

fn data(place: &Place) -> Vec<Body> {
    let tape = place.load().tape;
    tape.notifications()
        .map(|event| event.data.clone())
        .collect()
}

#[test]
fn who_speaks_on_a_socket_waits_for_a_writer_that_is_far_behind() {
    let place = Place::new();
    let (recorder, mut socket) = opened(&place, Durability::Relaxed);
    assert!(
        socket
            .data(Side::Service, &frame(0x81, b"at ease"))
            .is_none()
    );
    let _ = recorder.0.backlog.put(DEFAULT_MAX_QUEUE, Need::Mandatory);
    assert!(socket.data(Side::Service, &[0x81, 4]).is_none());
    let written = socket.data(Side::Service, b"busy").expect("it waits");
    wait(written);
    assert_eq!(data(&place), [Body::new("at ease"), Body::new("busy")]);
    recorder.0.backlog.took(DEFAULT_MAX_QUEUE, 1);
    socket.end(Ender::Service);
    assert!(wait(recorder.close()).is_whole());
}

#[test]
fn of_a_message_that_is_too_much_with_all_the_others_the_beginning_is_kept() {
    let place = Place::new();
    let (recorder, mut socket) = opened(&place, Durability::Written);
    let budget = &recorder.0.budget;
    let rest = |bytes| {
        let grant = budget.take(bytes);
        budget.give_back(bytes * usize::from(grant == Grant::Given));
        grant
    };
    assert_eq!(budget.take(ALL - 8), Grant::Given);
    let message = frame(0x82, b"0123456789");
    socket.data(Side::Service, &message[..8]);
    assert_eq!((rest(2), rest(3)), (Grant::Given, Grant::Refused));
    socket.data(Side::Service, &message[8..11]);
    socket.data(Side::Service, &message[11..]);
    assert_eq!(rest(8), Grant::Given);
    // And what breaks off gives back what it had.
    socket.data(Side::Service, &message[..8]);
    assert_eq!(rest(8), Grant::Refused);
    drop(socket);
    assert_eq!(rest(8), Grant::Given);
    wait(recorder.close());
    let cut = Cut::Passed {
        length: 10,
        digest: format!("blake3:{}", blake3::hash(b"0123456789").to_hex()),
    };
    assert_eq!(data(&place), [Body::beginning("012345", cut)]);
}

#[test]
fn a_message_is_in_the_file_before_the_other_side_has_it() {
    let place = Place::new();
    let (recorder, mut socket) = opened(&place, Durability::Written);
    for (by, frame) in [
        (Side::Service, frame(0x81, b"heard")),
        (
            Side::Client,
            [&[0x81, 0x84, 0, 0, 0, 0], &b"said"[..]].concat(),
        ),
    ] {
        wait(socket.data(by, &frame).expect("it waits"));
    }
    let tape = place.load().tape;
    assert_eq!(tape.notifications().count(), 1);
    assert_eq!(tape.operations().count(), 2);
    socket.end(Ender::Service);
    assert!(wait(recorder.close()).is_whole());
}

#[test]
fn so_is_an_event_of_a_stream() {
    let place = Place::new();
    let recorder = Recorder::start(settings(), &header(), &place.tape()).unwrap();
    let (request, mut response) = begin(&recorder, "/events").split();
    request.end();
    let kind = [("content-type", "text/event-stream")];
    response.head(200, |_| kind.into_iter().collect());
    assert!(response.data(&Bytes::from_static(b"data: hea")).is_none());
    let written = response.data(&Bytes::from_static(b"rd\n\ndata: mo"));
    wait(written.expect("it waits"));
    assert_eq!(data(&place), [Body::new("heard")]);
    wait(response.end(End::Complete));
    assert!(wait(recorder.close()).is_whole());
}

#[test]
fn what_breaks_the_rules_was_not_read_and_the_summary_says_so() {
    let place = Place::new();
    let (recorder, mut socket) = opened(&place, Durability::Relaxed);
    let _ = socket.data(Side::Service, &frame(0x83, b"odd"));
    socket.end(Ender::Recorder);
    let summary = wait(recorder.close());
    assert_eq!((summary.progress.lost, summary.progress.unread), (0, 1));
    let text = summary.to_string();
    assert!(text.contains("1 message that could not be read"), "{text}");
    assert!(!text.contains("written"), "{text}");
    let facts = place.load().tape;
    let closed = facts.facts().find_map(|fact| {
        if let What::Closed(closed) = &fact.what {
            Some((closed.by, closed.end))
        } else {
            None
        }
    });
    assert_eq!(closed, Some((Ender::Recorder, End::Truncated)));
}
