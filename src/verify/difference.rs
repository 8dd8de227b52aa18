//! How what a client got differs from what its session got on the tape, in words.

use crate::compare::{self, Json};
use crate::exchange::{Body, Headers, Notification, OperationId, Response, is_made_anew};

use super::script::Published;
use super::subscriber::Heard;

/// How many places of a body that differ are named.
const MAX_PLACES: usize = 3;

/// The most characters of a value that are quoted.
const MAX_QUOTED: usize = 80;

/// What is different about the answer to a call.
pub(super) fn of_answer(
    operation: OperationId,
    recorded: &Response,
    live: &Response,
) -> Option<String> {
    let of = |what: String| Some(format!("operation {operation}: {what}"));
    if recorded.status != live.status {
        let said = quoted(live.body.text().unwrap_or_default());
        let (recorded, live) = (recorded.status, live.status);
        return of(format!("it is answered {live} and not {recorded}: {said}"));
    }
    for (kind, ours, theirs) in [
        ("header", &recorded.headers, &live.headers),
        ("trailer", &recorded.trailers, &live.trailers),
    ] {
        let (ours, theirs) = (fields(ours), fields(theirs));
        if let Some(field) = ours.iter().find(|field| !theirs.contains(field)) {
            return of(format!("its answer lacks the {kind} field {field:?}"));
        }
        if let Some(field) = theirs.iter().find(|field| !ours.contains(field)) {
            return of(format!("its answer has the {kind} field {field:?} more"));
        }
    }
    of_bodies(&recorded.body, &live.body).and_then(|what| of(format!("its answer {what}")))
}

/// What is different about a notification.
pub(super) fn of_notification(recorded: &Notification, live: &Heard) -> Option<String> {
    let number = recorded.id;
    if recorded.channel != live.channel {
        let (channel, data) = (&live.channel, quoted(&live.data));
        return Some(format!(
            "notification {number}, on {}: instead of it comes one on {channel}: {data}",
            recorded.channel
        ));
    }
    let json = recorded.data.json()?.get();
    (json != live.data).then(|| {
        let what = of_bodies(&Body::new(json.to_owned()), &Body::new(live.data.clone()));
        let what = what.unwrap_or_else(|| "differs".to_owned());
        format!("notification {number}: its data {what}")
    })
}

/// What is different about the replies to a publish, of which what lasts is given.
pub(super) fn of_publish(published: &Published, live: &[String]) -> Option<String> {
    let (number, recorded) = (published.operation, &published.replies);
    if recorded.len() != live.len() {
        return Some(format!(
            "operation {number}: what it published gets {} replies and not {}",
            live.len(),
            recorded.len()
        ));
    }
    let (recorded, live) = recorded.iter().zip(live).find(|(one, two)| one != two)?;
    let what = of_bodies(&Body::new(recorded.clone()), &Body::new(live.clone()));
    let what = what.unwrap_or_else(|| "differs".to_owned());
    Some(format!(
        "operation {number}: the reply to what it published {what}"
    ))
}

/// A header for a person, and for comparing: the order of lines with other names means nothing.
fn fields(headers: &Headers) -> Vec<String> {
    let mut fields: Vec<String> = headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| !is_made_anew(name))
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
        .collect();
    fields.sort();
    fields
}

pub(super) fn of_bodies(recorded: &Body, live: &Body) -> Option<String> {
    let (ours, theirs) = (recorded.bytes(), live.bytes());
    if ours == theirs {
        return None;
    }
    if let (Some(ours), Some(theirs)) = (Json::parse(ours), Json::parse(theirs)) {
        let differences = compare::differences(&ours, &theirs);
        let place = |difference: &compare::Difference| {
            let value = |value: &Option<Json>| match value {
                Some(json) => quoted(&json.to_string()),
                None => "nothing".to_owned(),
            };
            let (recorded, live) = (value(&difference.recorded), value(&difference.live));
            format!("has {live} at {:?} and not {recorded}", difference.pointer)
        };
        let places: Vec<String> = differences.iter().take(MAX_PLACES).map(place).collect();
        if !places.is_empty() {
            return Some(places.join("; "));
        }
    }
    let same = ours
        .iter()
        .zip(theirs)
        .take_while(|(one, other)| one == other);
    let (place, length, recorded) = (same.count(), theirs.len(), ours.len());
    Some(format!(
        "differs from byte {place} on; it has {length} bytes, and {recorded} on the tape"
    ))
}

pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::exchange::{Carrier, Micros, NotificationId, Session};

    use super::*;

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let fields = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()));
        Response {
            status,
            headers: fields.collect(),
            body: Body::new(body.to_owned()),
            trailers: Headers::new(),
        }
    }

    #[test]
    fn an_answer_differs_in_its_status_its_header_or_its_content() {
        let kind = ("content-type", "text/plain");
        let recorded = response(
            200,
            &[kind, ("date", "then"), ("set-cookie", "a=1")],
            "[1, 2]",
        );
        let same = [
            ("Date", "now"),
            ("Set-Cookie", "a=1"),
            ("Content-Type", "text/plain"),
        ];
        for (live, expected) in [
            (response(200, &same, "[1, 2]"), None),
            (
                response(404, &same, "no"),
                Some("it is answered 404 and not 200: no"),
            ),
            (
                response(200, &[kind], "[1, 2]"),
                Some("its answer lacks the header field \"set-cookie: a=1\""),
            ),
            (
                response(200, &[kind, ("set-cookie", "a=1"), ("x", "y")], "[1, 2]"),
                Some("its answer has the header field \"x: y\" more"),
            ),
            (
                response(200, &same, "[1, 3]"),
                Some("its answer has 3 at \"/1\" and not 2"),
            ),
            (
                response(200, &same, "[1,2]"),
                Some("its answer differs from byte 3 on; it has 5 bytes, and 6 on the tape"),
            ),
        ] {
            let expected = expected.map(|expected| format!("operation 4: {expected}"));
            assert_eq!(of_answer(OperationId(4), &recorded, &live), expected);
        }
    }

    #[test]
    fn an_answer_differs_in_its_trailers() {
        let with = |trailers: &[(&str, &str)]| Response {
            trailers: trailers.iter().copied().collect(),
            ..response(200, &[], "")
        };
        let status = ("grpc-status", "0");
        let recorded = with(&[status, ("x-took", "3")]);
        let of = |live: &[(&str, &str)]| of_answer(OperationId(4), &recorded, &with(live));
        assert_eq!(of(&[("X-Took", "3"), status]), None);
        assert_eq!(
            of(&[status]).unwrap(),
            "operation 4: its answer lacks the trailer field \"x-took: 3\""
        );
        assert_eq!(
            of(&[status, ("x-took", "3"), ("x-took", "4")]).unwrap(),
            "operation 4: its answer has the trailer field \"x-took: 4\" more"
        );
    }

    #[test]
    fn a_notification_differs_in_its_channel_or_its_data() {
        let recorded = Notification {
            carrier: Carrier::Bayeux,
            id: NotificationId(3),
            session: Session::new("a"),
            at: Micros(0),
            channel: "/c".into(),
            after: Vec::new(),
            cause_by: None,
            data: Body::new(r#"{"x":1}"#),
            repairs: Vec::new(),
        };
        let heard = |channel: &str, data: &str| Heard {
            channel: channel.into(),
            data: data.into(),
        };
        let of = |live| of_notification(&recorded, &live);
        assert_eq!(of(heard("/c", r#"{"x":1}"#)), None);
        assert_eq!(
            of(heard("/d", "1")).unwrap(),
            "notification 3, on /c: instead of it comes one on /d: 1"
        );
        assert_eq!(
            of(heard("/c", "{}")).unwrap(),
            "notification 3: its data has nothing at \"/x\" and not 1"
        );
    }

    #[test]
    fn a_publish_differs_in_what_is_replied() {
        let refused = r#"{"successful":false,"error":"403::no"}"#.to_owned();
        let published = Published {
            operation: OperationId(1),
            messages: Vec::new(),
            replies: vec![refused.clone()],
        };
        assert_eq!(of_publish(&published, &[refused]), None);
        assert!(of_publish(&published, &[]).is_some());
        assert_eq!(
            of_publish(&published, &[r#"{"successful":true}"#.to_owned()]).unwrap(),
            "operation 1: the reply to what it published has true at \"/successful\" and not false; \
             has nothing at \"/error\" and not \"403::no\""
        );
    }

    #[test]
    fn a_long_value_is_quoted_in_part() {
        assert_eq!(quoted("short"), "short");
        assert_eq!(
            quoted(&"ü".repeat(100)),
            format!("{}…", "ü".repeat(MAX_QUOTED))
        );
    }
}
