//! Conversations in shorthand, and what they are understood to mean.
//!
//! A line is a request or a response of one exchange, which its number names:
//!
//! ```text
//! 1 c1 POST /login +Cookie:SID=a user=alice&password=x    a request on connection c1
//! 1 302 +Set-Cookie:SID=b +Location:/                     its response
//! 2 c2 shake            a handshake;             2 shaken K       its answer
//! 3 c2 sub K /v2/me/*   a subscription;          3 subbed /v2/me/*
//! 4 c2 poll K           a poll;                  4 push /a {"n":1} & /b {"n":2}
//! 4 forget              402;                     4 gone           no response came
//! ending                the recording is about to end
//! ```
//!
//! In a field `~` stands for a space. Every line is a millisecond after the one before; `…` passes
//! two seconds.

mod causes;
mod desk;
mod sessions;
mod sockets;
mod wire;

use super::*;
use crate::exchange::{
    Body, CauseBy, End, Headers, Notification, Operation, Request, Response, Session,
};

/// What the recorder writes of a conversation, a line each.
fn understood(conversation: &str) -> Vec<String> {
    understood_with(Settings::default(), conversation)
}

fn understood_with(settings: Settings, conversation: &str) -> Vec<String> {
    let mut understanding = Understanding::new(settings);
    let mut lines = Vec::new();
    let mut at = 0;
    for line in conversation
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        if line == "…" {
            at += 2_000_000;
            continue;
        }
        at += 1_000;
        if line == "ending" {
            understanding.observe(Observation::Ending { at: Micros(at) });
            continue;
        }
        let events = understanding.observe(observation(line, Micros(at)));
        lines.extend(events.iter().map(told));
    }
    lines.extend(understanding.close(Micros(at + 1_000)).iter().map(told));
    lines
}

#[track_caller]
fn expect(conversation: &str, expected: &str) {
    let expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(understood(conversation), expected, "\n{conversation}");
}

#[test]
fn whoever_writes_a_body_need_not_find_out_again_that_it_is_json() {
    let mut understanding = Understanding::new(Settings::default());
    let mut written = |line: &str, at| understanding.observe(observation(line, Micros(at)));
    for (body, nesting) in [
        (r#"{"a":[1]}"#, Some(2)),
        (r#"{"a": [1]}"#, None),
        ("a=1", None),
    ] {
        assert!(written(&format!("1 c1 POST /a {body}"), 1).is_empty());
        let events = written(&format!("1 200 {body}"), 2);
        let [Event::Operation(operation)] = events.as_slice() else {
            panic!("{events:?}");
        };
        for body in [&operation.request.body, &operation.response.body] {
            assert_eq!(body.nesting(), nesting, "{body:?}");
        }
    }
}

fn observation(line: &str, at: Micros) -> Observation {
    let (exchange, rest) = line.split_once(' ').unwrap();
    let passing = Passing(exchange.parse().unwrap());
    if let Some((connection, rest)) = rest.strip_prefix('c').and_then(|rest| rest.split_once(' ')) {
        return Observation::Request {
            passing,
            connection: Connection(connection.parse().unwrap()),
            at,
            request: request(rest),
        };
    }
    match rest {
        "gone" => Observation::Gone { passing, at },
        rest => Observation::Response {
            passing,
            at,
            response: response(rest),
            end: End::Complete,
        },
    }
}

fn request(text: &str) -> Request {
    let (head, headers, body) = fields(text);
    let words: Vec<&str> = head.split(' ').collect();
    let endpoint = "/api/v2/notifications".to_owned();
    let (method, target, body) = match words[..] {
        ["shake"] => (
            "POST",
            endpoint,
            r#"[{"id":"1","channel":"/meta/handshake"}]"#.to_owned(),
        ),
        ["poll", id] => (
            "POST",
            endpoint + "/connect",
            format!(r#"[{{"id":"2","channel":"/meta/connect","clientId":"{id}"}}]"#),
        ),
        ["sub", id, channel] => (
            "POST",
            endpoint + "/",
            format!(
                r#"[{{"id":"3","channel":"/meta/subscribe","clientId":"{id}","subscription":"{channel}"}}]"#
            ),
        ),
        [method, target] => (method, target.to_owned(), body),
        _ => panic!("no request: {text}"),
    };
    let mut headers = headers;
    if !body.is_empty() && !body.starts_with(['[', '{']) {
        headers.push("Content-Type", "application/x-www-form-urlencoded");
    }
    Request {
        method: method.to_owned(),
        target,
        headers,
        body: Body::new(body),
        trailers: Headers::new(),
    }
}

fn response(text: &str) -> Response {
    let of = |status, headers, body: String| Response {
        status,
        headers,
        body: Body::new(body),
        trailers: Headers::new(),
    };
    if let Some(events) = text.strip_prefix("push ") {
        let mut messages: Vec<String> = events.split(" & ").map(event).collect();
        messages.push(r#"{"channel":"/meta/connect","successful":true,"id":"2"}"#.to_owned());
        return of(200, Headers::new(), format!("[{}]", messages.join(",")));
    }
    let (head, headers, body) = fields(text);
    let words: Vec<&str> = head.split(' ').collect();
    match words[..] {
        ["shaken", id] => of(
            200,
            headers,
            format!(r#"[{{"id":"1","channel":"/meta/handshake","successful":true,"clientId":"{id}"}}]"#),
        ),
        ["subbed", channel] => of(
            200,
            headers,
            format!(r#"[{{"id":"3","channel":"/meta/subscribe","successful":true,"subscription":"{channel}"}}]"#),
        ),
        ["forget"] => of(
            200,
            headers,
            r#"[{"id":"2","channel":"/meta/connect","successful":false,"error":"402::Unknown client"}]"#.to_owned(),
        ),
        [status] => of(status.parse().unwrap(), headers, body),
        _ => panic!("no response: {text}"),
    }
}

/// The words before a body, the header fields among them, and the body.
fn fields(text: &str) -> (String, Headers, String) {
    let (mut head, mut headers, mut body) = (Vec::new(), Headers::new(), Vec::new());
    for word in text.split(' ') {
        match word
            .strip_prefix('+')
            .and_then(|field| field.split_once(':'))
        {
            Some((name, value)) if body.is_empty() => headers.push(name, value.replace('~', " ")),
            _ if !body.is_empty()
                || word.starts_with(['{', '['])
                || word.contains('=') && !word.starts_with('/') =>
            {
                body.push(word);
            }
            _ => head.push(word),
        }
    }
    (head.join(" "), headers, body.join(" "))
}

fn event(text: &str) -> String {
    let (channel, data) = text.split_once(' ').unwrap();
    format!(r#"{{"channel":"{channel}","data":{data}}}"#)
}

fn told(event: &Event) -> String {
    match event {
        Event::Operation(operation) => {
            let Operation {
                id,
                session,
                request,
                response,
                ..
            } = operation;
            let end = if operation.end == End::Truncated {
                " broken off"
            } else {
                ""
            };
            let (method, target) = (&request.method, &request.target);
            format!(
                "{session}: #{id} {method} {target} {}{end}",
                response.status
            )
        }
        Event::Notification(notification) => {
            let Notification {
                session,
                channel,
                after,
                cause_by,
                ..
            } = notification;
            let data = notification.data.text().unwrap();
            let after: Vec<String> = after.iter().map(|id| format!("#{id}")).collect();
            let by = match cause_by.as_ref().unwrap() {
                CauseBy::Reference(value) => format!("{} reference {value}", after.join(" ")),
                CauseBy::Identifier(value) => format!("{} {value}", after.join(" ")),
                CauseBy::Session => format!("{} session", after.join(" ")),
                CauseBy::Unsolicited => "unsolicited".to_owned(),
            };
            format!("{session}: {channel} {data} <- {by}")
        }
        Event::Fact(fact) => {
            let session = &fact.session;
            match &fact.what {
                What::Handshake { endpoint, client } => {
                    format!("{session}: handshake {endpoint} {client}")
                }
                What::Subscribe(channel) => format!("{session}: subscribe {channel}"),
                What::Unsubscribe(channel) => format!("{session}: unsubscribe {channel}"),
                What::Disconnect => format!("{session}: disconnect"),
                What::Acknowledge => format!("{session}: acknowledge"),
                What::Comment { text, .. } => format!("{session}: comment {text}"),
                What::Ping(_) => format!("{session}: ping"),
                What::Pong(_) => format!("{session}: pong"),
                What::Closed(_) => format!("{session}: closed"),
                What::Was(was) => format!("{session}: was {was}"),
            }
        }
        Event::Contract(_) | Event::Gap(_) => panic!("no contract passes, and no gap"),
    }
}
