//! Streams that are lost and opened again, by hand: which recorded operation answers, what goes out
//! again, and what happens without a reconnection.

use std::sync::Arc;

use crate::exchange::{
    Carrier, Closed, End, Ender, Fact, Form, LAST_EVENT, Micros, OperationId, ServerSent, Stream,
    What,
};
use crate::player::cast::Identity;
use crate::player::plan::Plan;
use crate::player::plan::tests::{plan, tape};
use crate::player::settings::{Reconnections, Settings};
use crate::tape::{Event, Tape};

use super::super::outlets::{OutletId, Parcel};
use super::super::{Answer, Stage};
use super::schedule::live;

/// A tape in shorthand whose operations of these numbers open streams of events at one path: each of
/// these streams with what its client had seen last when it opened it.
fn streams(shorthand: &str, streams: &[(u64, Option<&str>)]) -> Tape {
    let mut tape = tape(shorthand);
    for event in &mut tape.events {
        if let Event::Operation(operation) = event
            && let Some((_, seen)) = streams.iter().find(|(id, _)| *id == operation.id.0)
        {
            operation.form = Form::Opens(Stream::Events);
            let request = &mut operation.request;
            (request.method, request.target) = ("GET".into(), "/events".into());
            request.body = crate::exchange::Body::default();
            let seen = seen.iter().map(|seen| (LAST_EVENT, seen.as_bytes()));
            request.headers = seen.collect();
        }
    }
    tape
}

/// Lets these notifications be events of a stream, each with its number for an identifier.
fn carried(mut tape: Tape, stream: u64, numbers: &[u64]) -> Tape {
    for event in &mut tape.events {
        if let Event::Notification(notification) = event
            && numbers.contains(&notification.id.0)
        {
            let number = notification.id.0;
            notification.carrier = Carrier::Event(ServerSent {
                stream: OperationId(stream),
                event: None,
                id: Some(number.to_string()),
                retry: None,
                written: None,
            });
        }
    }
    tape
}

/// Lets a stream end at this time.
fn closed(mut tape: Tape, stream: u64, by: Ender, at: u64) -> Tape {
    let closed = Closed {
        stream: OperationId(stream),
        by,
        code: None,
        reason: String::new(),
        end: End::Complete,
    };
    let time = |event: &Event| match event {
        Event::Operation(operation) => operation.answered,
        Event::Notification(notification) => notification.at,
        Event::Fact(fact) => fact.at,
        Event::Contract(_) | Event::Gap(_) => Micros(0),
    };
    let place = tape
        .events
        .partition_point(|event| time(event) <= Micros(at));
    let session = tape.events[0].session().unwrap().clone();
    let fact = Fact {
        session,
        at: Micros(at),
        what: What::Closed(closed),
    };
    tape.events.insert(place, Event::Fact(fact));
    tape
}

/// A run, with what its client does.
struct Table {
    plan: Arc<Plan>,
    stage: Stage,
}

impl Table {
    fn of(tape: Tape, settings: Settings) -> Table {
        let plan = Arc::new(plan(&[tape]));
        let stage = Stage::new(Arc::clone(&plan), settings, 0);
        Table { plan, stage }
    }

    /// Calls the operation of this number, or another that has the same request, after having seen
    /// this event last: the number of the one that answers, and its stream.
    fn call(&mut self, number: u64, seen: Option<&str>) -> (u64, Option<OutletId>) {
        let mut all = self.plan.operations.iter();
        let planned = all.find(|planned| planned.id.0 == number);
        let mut live = live(&self.plan, planned.unwrap());
        let seen = seen.iter().map(|seen| (LAST_EVENT, seen.as_bytes()));
        live.headers = seen.collect();
        let (answer, _) = self.stage.operation(Micros(0), &Identity::default(), &live);
        let Answer::Recorded {
            operation, outlet, ..
        } = answer
        else {
            panic!("{answer:?}")
        };
        self.stage.answered(Micros(0), operation);
        let number = self.plan.operations[operation].id.0;
        (number, outlet.map(|(outlet, _)| outlet))
    }

    /// What comes on streams now, all of which gets out: each with its stream, and the data of an event
    /// or how the stream ends.
    fn hear(&mut self) -> Vec<(u64, String)> {
        let all = self.stage.outgoing().into_iter();
        all.map(|outgoing| {
            let what = match outgoing.what {
                Parcel::Notification { token, bytes, .. } => {
                    self.stage.went_out(Micros(0), outgoing.outlet, token);
                    let text = String::from_utf8(bytes.to_vec()).unwrap();
                    let data = text.split_once("data: ").unwrap().1;
                    data.trim_end().to_owned()
                }
                Parcel::End(_) => "end".to_owned(),
                Parcel::Replaced => "replaced".to_owned(),
            };
            (outgoing.outlet.0, what)
        })
        .collect()
    }

    fn uncalled(&self) -> Vec<u64> {
        let all = self.stage.uncalled();
        all.map(|place| self.plan.operations[place].id.0).collect()
    }
}

fn n(outlet: u64, number: u64) -> (u64, String) {
    (outlet, format!(r#"{{"n":{number}}}"#))
}

/// A stream that its client lost after its first event, another on which it got the next.
fn lost() -> Tape {
    let tape = "a:op1@0-1 a:op2@2-3 a:n1@4<2 a:op3@10-11 a:n2@15<3 a:op4@20-21 a:n3@25<4";
    let tape = streams(tape, &[(1, None), (3, Some("1"))]);
    let tape = carried(carried(tape, 1, &[1]), 3, &[2, 3]);
    closed(tape, 1, Ender::Client, 6)
}

#[test]
fn a_reconnection_that_is_not_needed_happens_by_itself() {
    let mut table = Table::of(lost(), Settings::default());
    assert_eq!(table.call(1, None).0, 1);
    assert_eq!(table.hear(), []);
    table.call(2, None);
    // The second is because of the reconnection.
    assert_eq!(table.hear(), [n(0, 1), n(0, 2)]);
    table.call(4, None);
    assert_eq!(table.hear(), [n(0, 3)]);
    assert_eq!(table.uncalled(), [0; 0]);
    assert_eq!(table.stage.played().by_themselves, 1);
}

#[test]
fn a_reconnection_is_waited_for_where_clients_must_do_as_recorded() {
    let settings = Settings {
        reconnections: Reconnections::AsRecorded,
        ..Settings::default()
    };
    let mut table = Table::of(lost(), settings);
    table.call(1, None);
    table.call(2, None);
    assert_eq!(table.hear(), [n(0, 1)]);
    assert_eq!(table.call(3, Some("1")).0, 3);
    let replaced = (0, "replaced".to_owned());
    assert_eq!(table.hear(), [replaced, n(1, 2)]);
}

#[test]
fn a_client_that_comes_back_too_early_goes_on_with_the_stream_that_it_lost() {
    let mut table = Table::of(lost(), Settings::default());
    let (_, outlet) = table.call(1, None);
    table.stage.hung_up(Micros(0), outlet.unwrap());
    assert_eq!(table.call(1, Some("0")).0, 1);
    table.call(2, None);
    assert_eq!(table.hear(), [n(1, 1), n(1, 2)]);
    // Now whatever it does, everything is played.
    for stream in 2..5 {
        assert_eq!(table.call(1, Some("1")).0, 3);
        let replaced = (stream - 1, "replaced".to_owned());
        assert_eq!(table.hear(), [replaced, n(stream, 2)]);
    }
    assert_eq!(table.stage.journal().repeats().total(), 0);
    assert_eq!(table.stage.played().notifications, 2);
}

#[test]
fn the_service_ends_a_stream_when_what_its_client_had_begun_is_called() {
    // Operation 2 was under way when the stream ended.
    let tape = streams("a:op1@0-1 a:op2@10-20 a:op3@30-31", &[(1, None), (3, None)]);
    let mut table = Table::of(closed(tape, 1, Ender::Service, 15), Settings::default());
    table.call(1, None);
    assert_eq!(table.hear(), []);
    table.call(2, None);
    assert_eq!(table.hear(), [(0, "end".to_owned())]);
    assert_eq!(table.call(3, None).0, 3);
    assert_eq!(table.uncalled(), [0; 0]);
}

#[test]
fn what_passed_without_being_seen_comes_once() {
    // Event 2 went out on the lost stream, and on the next.
    let mut tape = streams(
        "a:op1@0-1 a:op2@2-3 a:n1@4<2 a:n2@5<2 a:op3@10-11 a:n3@15<2",
        &[(1, None), (3, Some("1"))],
    );
    for event in &mut tape.events {
        if let Event::Notification(notification) = event
            && notification.id.0 == 3
        {
            notification.data = crate::exchange::Body::new(r#"{"n":2}"#);
        }
    }
    tape = carried(carried(tape, 1, &[1, 2]), 3, &[3]);
    for event in &mut tape.events {
        if let Event::Notification(notification) = event
            && let Carrier::Event(event) = &mut notification.carrier
            && notification.id.0 == 3
        {
            event.id = Some("2".into());
        }
    }
    let mut table = Table::of(closed(tape, 1, Ender::Client, 12), Settings::default());
    table.call(1, None);
    table.call(2, None);
    assert_eq!(table.hear(), [n(0, 1), n(0, 2)]);
    assert_eq!(table.stage.pending(Micros(0)).count(), 0);
}

#[test]
fn two_streams_of_one_client_at_one_path_are_not_mixed_up() {
    let tape = "a:op1@0-1 a:op2@2-3 a:op3@4-5 a:n1@6<3 a:n2@7<3 a:op4@8-9 a:n3@10<4 a:n4@11<4";
    let tape = streams(tape, &[(1, None), (2, None)]);
    let tape = carried(carried(tape, 1, &[1, 3]), 2, &[2, 4]);
    let mut table = Table::of(tape, Settings::default());
    let (_, first) = table.call(1, None);
    table.call(3, None);
    // The second is not open yet.
    assert_eq!(table.hear(), [n(0, 1)]);
    assert_eq!(table.call(1, None).0, 2);
    assert_eq!(table.hear(), [n(1, 2)]);
    table.stage.hung_up(Micros(0), first.unwrap());
    // The one that comes back is the first, by what it has seen.
    assert_eq!(table.call(1, Some("1")).0, 1);
    table.call(4, None);
    assert_eq!(table.hear(), [n(2, 3), n(1, 4)]);
}

#[test]
fn the_order_in_which_two_streams_get_out_does_not_matter() {
    let tape = "a:op1@0-1 a:op2@2-3 a:op3@4-5 a:n1@6<3 a:n2@7<3";
    let tape = streams(tape, &[(1, None), (2, None)]);
    let tape = carried(carried(tape, 1, &[1]), 2, &[2]);
    let digest = |turned: bool| {
        let mut table = Table::of(tape.clone(), Settings::default());
        table.call(1, None);
        table.call(1, None);
        table.call(3, None);
        let mut outgoing = table.stage.outgoing();
        if turned {
            outgoing.reverse();
        }
        for one in outgoing {
            let Parcel::Notification { token, .. } = one.what else {
                panic!("{one:?}")
            };
            table.stage.went_out(Micros(0), one.outlet, token);
        }
        assert_eq!(table.stage.played().notifications, 2);
        table.stage.journal().digest()
    };
    assert_eq!(digest(false), digest(true));
}
