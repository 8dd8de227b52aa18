//! Moves the times that stand in bodies, so that a tape seems to have been recorded just now.
//!
//! All times of a tape move by one span, in whole seconds, so that what is told of one moment in two
//! ways is still told of one moment. How a time is written stays.

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

use crate::exchange::{Body, Headers, Notification, Operation, coding};
use crate::matcher::{self, Field, Spelling};
use crate::tape::Event;

use super::settings::Present;

/// The times since 1970 that numbers are taken for, in seconds: from September 2001, when they came
/// to have ten digits, to the year 2100. What lies outside is a number of something else.
const SECONDS: std::ops::Range<i64> = 1_000_000_000..4_102_444_800;

/// Words in the names of fields that hold a time. A number of seconds counts as one only there: it
/// looks like many others.
const TIME_WORDS: &[&str] = &[
    "time", "date", "stamp", "created", "updated", "modified", "expires", "expiry", "since",
    "until",
];

/// By how much the times of a tape move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shift {
    seconds: i64,
}

/// A time in a body: in seconds since 1970, of which it tells also parts.
struct Found {
    seconds: i64,
    writing: Writing,
}

/// How a time is written.
enum Writing {
    /// As a number, so many to the second.
    Number { per_second: i64, rest: i64 },
    /// As a date and a time of day (ISO 8601), with what stands between and behind them.
    Date {
        at: DateTime,
        between: char,
        format: &'static str,
        digits: usize,
        zone: String,
    },
}

impl Shift {
    /// The shift that brings the beginning of a tape to the present: where its header does not tell
    /// when it began, the earliest time that stands in it counts.
    pub(super) fn since(started: Option<&str>, earliest: Option<i64>, present: Present) -> Shift {
        let Present::At(now) = present else {
            return Shift::default();
        };
        let began = started.and_then(seconds).or(earliest);
        Shift {
            seconds: began.map_or(0, |began| now.saturating_sub(began)),
        }
    }

    /// Whether a header tells when its tape began.
    pub(super) fn knows(started: Option<&str>) -> bool {
        started.and_then(seconds).is_some()
    }

    /// Whether it moves anything.
    pub(super) fn moves(self) -> bool {
        self.seconds != 0
    }

    /// Moves the times of an operation.
    pub(super) fn operation(self, operation: &mut Operation) {
        if !self.moves() {
            return; // before its response is decoded, which makes another of it
        }
        let request = &mut operation.request;
        if let Some(body) = self.body(&request.headers, &request.body) {
            request.body = body;
        }
        let plain = coding::plain(&operation.response);
        if let Some(body) = self.body(&plain.headers, &plain.body) {
            operation.response = plain;
            operation.response.body = body;
        }
    }

    /// Moves the times of a notification.
    pub(super) fn notification(self, notification: &mut Notification) {
        if let Some(data) = self.body(&Headers::new(), &notification.data) {
            notification.data = data;
        }
    }

    /// A body with its times moved; `None` where it has none, or they stay.
    fn body(self, headers: &Headers, body: &Body) -> Option<Body> {
        if self.seconds == 0 || body.cut().is_some() || coding::is_coded(headers) {
            return None;
        }
        let bytes = body.bytes();
        let (mut moved, mut done) = (Vec::new(), 0);
        for field in matcher::of_content(headers, bytes) {
            let Some(text) = found(&field).and_then(|found| found.moved(self.seconds)) else {
                continue;
            };
            moved.extend_from_slice(bytes.get(done..field.range.start)?);
            moved.extend_from_slice(field.spelling.of(&text)?.as_bytes());
            done = field.range.end;
        }
        if done == 0 {
            return None;
        }
        moved.extend_from_slice(bytes.get(done..)?);
        Some(Body::new(moved))
    }
}

impl Found {
    /// The time that lies so many seconds later, written in the same way.
    fn moved(&self, seconds: i64) -> Option<String> {
        match &self.writing {
            Writing::Number { per_second, rest } => {
                let later = self.seconds.checked_add(seconds)?;
                Some(
                    later
                        .checked_mul(*per_second)?
                        .checked_add(*rest)?
                        .to_string(),
                )
            }
            Writing::Date {
                at,
                between,
                format,
                digits,
                zone,
            } => {
                let later = at.checked_add(SignedDuration::from_secs(seconds)).ok()?;
                let fraction = match digits {
                    0 => String::new(),
                    digits => {
                        let all = format!("{:09}", later.subsec_nanosecond());
                        format!(".{}", all.get(..*digits)?)
                    }
                };
                let (date, time) = (later.strftime("%Y-%m-%d"), later.strftime(format));
                Some(format!("{date}{between}{time}{fraction}{zone}"))
            }
        }
    }
}

/// A time of day of a header, in seconds since 1970.
fn seconds(started: &str) -> Option<i64> {
    let started = started.parse::<Timestamp>().ok();
    started.map(Timestamp::as_second)
}

/// The earliest time that stands in an event, in seconds since 1970.
pub(super) fn earliest(event: &Event) -> Option<i64> {
    let of = |headers: &Headers, body: &Body| {
        let fields = matcher::of_content(headers, body.bytes());
        let found = fields.iter().filter_map(found);
        found.map(|found| found.seconds).min()
    };
    match event {
        Event::Operation(operation) => {
            let plain = coding::plain(&operation.response);
            of(&plain.headers, &plain.body)
        }
        Event::Notification(notification) => of(&Headers::new(), &notification.data),
        Event::Contract(_) | Event::Fact(_) | Event::Gap(_) => None,
    }
}

/// The time that a field is, if it looks like one.
fn found(field: &Field) -> Option<Found> {
    match field.spelling {
        Spelling::Number => number(field),
        Spelling::String | Spelling::Form => number(field).or_else(|| date(&field.text)),
        Spelling::Embedded | Spelling::Segment | Spelling::Plain | Spelling::Markup => None,
    }
}

fn number(field: &Field) -> Option<Found> {
    let per_second = match field.text.len() {
        10 if names_time(&field.pointer) => 1,
        13 => 1_000,
        16 => 1_000_000,
        _ => return None,
    };
    let all_digits = field.text.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = field.text.parse().ok().filter(|_| all_digits)?;
    let seconds = number / per_second;
    SECONDS.contains(&seconds).then_some(Found {
        seconds,
        writing: Writing::Number {
            per_second,
            rest: number % per_second,
        },
    })
}

fn names_time(pointer: &str) -> bool {
    let name = pointer.rsplit('/').next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    name.ends_with("At")
        || name.ends_with("_at")
        || TIME_WORDS.iter().any(|word| lower.contains(word))
}

/// A date and a time of day, with or without seconds, parts of them and a zone.
fn date(text: &str) -> Option<Found> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let between = rest.chars().next().filter(|c| matches!(c, 'T' | ' '))?;
    let time = rest.get(1..)?;
    let end = time.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.');
    let (time, zone) = time.split_at(end.unwrap_or(time.len()));
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let format = match clock.len() {
        5 => "%H:%M",
        8 => "%H:%M:%S",
        _ => return None,
    };
    let seconds_of_zone = offset(zone)?;
    if fraction.len() > 9 {
        return None;
    }
    let at: DateTime = format!("{date}T{time}").parse().ok()?;
    let utc = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Found {
        seconds: utc.timestamp().as_second() - seconds_of_zone,
        writing: Writing::Date {
            at,
            between,
            format,
            digits: fraction.len(),
            zone: zone.to_owned(),
        },
    })
}

/// The seconds by which a zone is ahead of UTC; that of none is UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z") {
        return Some(0);
    }
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let digits: String = zone.get(1..)?.replace(':', "");
    if digits.len() != 4 {
        return None;
    }
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 = digits.get(2..)?.parse().ok()?;
    Some(sign * (hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::tape;
    use super::*;

    const HOUR: i64 = 3_600;

    fn moved(json: &str, seconds: i64) -> String {
        let shift = Shift { seconds };
        let body = shift.body(&Headers::new(), &Body::new(json.to_owned()));
        body.map_or_else(|| json.to_owned(), |body| body.text().unwrap().to_owned())
    }

    #[test]
    fn times_move_and_keep_how_they_are_written() {
        for (json, expected) in [
            (
                r#"{"timestamp":1392308459123}"#,
                r#"{"timestamp":1392312059123}"#,
            ),
            (r#"{"x": 1392308459123456 }"#, r#"{"x": 1392312059123456 }"#),
            (r#"{"createdAt":1392308459}"#, r#"{"createdAt":1392312059}"#),
            (r#"{"time":"1392308459"}"#, r#"{"time":"1392312059"}"#),
            (
                r#"["2014-02-13T23:20:59.000-0800","2014-02-13 08:20Z"]"#,
                r#"["2014-02-14T00:20:59.000-0800","2014-02-13 09:20Z"]"#,
            ),
            (r#"["2014-02-13T08:20:59"]"#, r#"["2014-02-13T09:20:59"]"#),
        ] {
            assert_eq!(moved(json, HOUR), expected);
        }
    }

    #[test]
    fn other_numbers_and_texts_stay() {
        for json in [
            r#"{"phone":1392308459}"#,
            r#"{"time":17}"#,
            r#"{"id":"9999999999999"}"#,
            r#"["2014-02-13","2014-13-13T08:20:59","at 2014-02-13T08:20:59","13923084591234"]"#,
        ] {
            assert_eq!(moved(json, HOUR), json);
        }
        assert_eq!(
            moved(r#"{"timestamp":1392308459123}"#, 0),
            r#"{"timestamp":1392308459123}"#
        );
    }

    #[test]
    fn a_tape_begins_when_it_says_or_at_its_earliest_time() {
        let mut tape = tape("a:op1@0-0 a:n2@0<1");
        let present = Present::At(2_000_000_000);
        let shift = |tape: &crate::tape::Tape, present| {
            let earliest = tape.events.iter().filter_map(earliest).min();
            Shift::since(tape.header.started.as_deref(), earliest, present)
        };
        assert_eq!(shift(&tape, present), Shift { seconds: 0 });
        for (event, text) in tape.events.iter_mut().zip([
            r#"{"at":"2014-02-13T16:21:00Z"}"#,
            r#"{"timestamp":"2014-02-13T08:20:59.000-0800"}"#,
        ]) {
            match event {
                Event::Operation(operation) => operation.response.body = Body::new(text),
                Event::Notification(notification) => notification.data = Body::new(text),
                Event::Contract(_) | Event::Fact(_) | Event::Gap(_) => {}
            }
        }
        let seconds = 2_000_000_000 - 1_392_308_459;
        assert_eq!(shift(&tape, present), Shift { seconds });
        assert_eq!(shift(&tape, Present::Recorded), Shift::default());
        tape.header.started = Some("2033-05-18T03:33:10Z".into());
        assert_eq!(shift(&tape, present), Shift { seconds: 10 });
    }
}
