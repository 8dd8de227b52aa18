//! Tapes in shorthand, and what is planned of them.

use super::*;
use crate::exchange::{
    Body, Carrier, End, Fact, Form, Headers, NotificationId, OperationId, Request, Response, What,
};
use crate::tape::{Event, Header, Loaded, Tape};

impl Plan {
    /// The plan of tapes that are in memory.
    pub(crate) fn of(tapes: &[Tape], reading: Reading) -> Result<Plan, PlanError> {
        let held = |tape: &Tape| {
            let (tape, notices) = (tape.clone(), Vec::new());
            Recording::held(Loaded { tape, notices }, &reading)
        };
        let recordings: Vec<Recording> = tapes.iter().map(held).collect();
        Plan::play(recordings, reading)
    }

    /// An operation of it as it is played.
    pub(in crate::player) fn played(&self, planned: &Planned) -> Arc<Operation> {
        let mut all = self.operations.iter();
        let place = all.position(|other| std::ptr::eq(other, planned));
        Arc::new(self.recorded(place.unwrap()).unwrap().operation().clone())
    }
}

pub(in crate::player) fn plan(tapes: &[Tape]) -> Plan {
    Plan::of(tapes, Reading::default()).unwrap()
}

/// The plan of these tapes, by no rules, or why there is none.
fn planned(tapes: &[Tape]) -> Result<Plan, PlanError> {
    Plan::of(tapes, Reading::default())
}

/// A tape in shorthand: `a:op1@10-90` is operation 1 of session `a`, from 10 to 90 µs;
/// `b:n2@50<1,3` is notification 2 for session `b` at 50 µs because of operations 1 and 3.
pub(in crate::player) fn tape(shorthand: &str) -> Tape {
    let events = shorthand.split_whitespace().map(event).collect();
    let header = Header {
        title: "shorthand".into(),
        source: "a test".into(),
        endpoint: Some("/notifications".into()),
        ..Header::default()
    };
    Tape { header, events }
}

fn event(word: &str) -> Event {
    let (session, rest) = word.split_once(':').unwrap();
    let session = Session::new(session);
    let (name, times) = rest.split_once('@').unwrap();
    if let Some(number) = name.strip_prefix("op") {
        let (at, answered) = times.split_once('-').unwrap();
        Event::Operation(Operation {
            form: Form::Exchange,
            id: OperationId(number.parse().unwrap()),
            session,
            at: Micros(at.parse().unwrap()),
            answered: Micros(answered.parse().unwrap()),
            request: Request {
                method: "POST".into(),
                target: format!("/op/{number}"),
                headers: Headers::new(),
                body: Body::new(format!(r#"{{"operationName":"op{number}"}}"#)),
                trailers: Headers::new(),
            },
            response: Response {
                status: 200,
                headers: Headers::new(),
                body: Body::new(format!(r#"{{"answer":{number}}}"#)),
                trailers: Headers::new(),
            },
            end: End::default(),
            repairs: Vec::new(),
        })
    } else {
        let (at, causes) = times.split_once('<').unwrap_or((times, ""));
        let causes = causes.split(',').filter(|cause| !cause.is_empty());
        let number = name.strip_prefix('n').unwrap();
        Event::Notification(Notification {
            carrier: Carrier::Bayeux,
            id: NotificationId(number.parse().unwrap()),
            session,
            at: Micros(at.parse().unwrap()),
            channel: "/v2/me/chats".into(),
            after: causes
                .map(|cause| OperationId(cause.parse().unwrap()))
                .collect(),
            cause_by: None,
            data: Body::new(format!(r#"{{"n":{number}}}"#)),
            repairs: Vec::new(),
        })
    }
}

type Change = fn(&mut Operation);

#[test]
fn a_recording_plays_under_its_last_names_and_at_the_endpoint_it_found() {
    let fact = |what| {
        Event::Fact(Fact {
            session: Session::new("alice"),
            at: Micros(0),
            what,
        })
    };
    let mut tape = tape("client1:op1@0-9 alice:n2@9<1");
    tape.header.endpoint = None;
    tape.events.push(fact(What::Handshake {
        endpoint: "/cometd".into(),
        client: "1n4".into(),
    }));
    tape.events.push(fact(What::Was(Session::new("client1"))));
    let plan = plan(&[tape]);
    assert_eq!(plan.sessions(), [Session::new("alice")]);
    assert_eq!(plan.endpoints(), ["/cometd"]);
}

#[test]
fn what_cannot_be_played_is_refused() {
    assert!(matches!(planned(&[tape("")]), Err(PlanError::Nothing)));
    assert!(matches!(
        planned(&[tape("a:n1@0<7")]),
        Err(PlanError::NoCause(1, 7))
    ));
    let mut odd = tape("a:n1@0");
    if let Some(Event::Notification(notification)) = odd.events.first_mut() {
        notification.data = Body::new("not JSON");
    }
    assert!(matches!(planned(&[odd]), Err(PlanError::NotJson(1))));
    for channel in ["x", "/a/*", ""] {
        let mut odd = tape("a:n1@0");
        if let Some(Event::Notification(notification)) = odd.events.first_mut() {
            notification.channel = channel.into();
        }
        assert!(
            matches!(planned(&[odd]), Err(PlanError::Channel(1, _))),
            "{channel}"
        );
    }
    let changes: [(Change, &str); 5] = [
        (|o| o.request.method = "PO ST".into(), "method"),
        (|o| o.request.target = "no/slash".into(), "path to match"),
        (|o| o.response.status = 100, "final status"),
        (|o| o.response.headers.push("bad name", "v"), "field name"),
        (|o| o.response.headers.push("x", "a\nb"), "field value"),
    ];
    for (change, expected) in changes {
        let mut odd = tape("a:op1@0-0");
        if let Some(Event::Operation(operation)) = odd.events.first_mut() {
            change(operation);
        }
        assert!(matches!(planned(&[odd]), Err(PlanError::Http(1, _, what)) if what == expected));
    }
}
