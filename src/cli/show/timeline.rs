//! A tape as a picture for people: time goes down, each session has a lane, and a notification
//! stands under the operation that it is due after.
//!
//! It shows what was said in a few words each; the whole of it is what `--json` is for. Text from
//! the tape is shown with its control characters escaped, so that no tape can steer a terminal.

use std::collections::BTreeMap;
use std::io;

use serde_json::value::RawValue;

use crate::exchange::{
    Body, Carrier, CauseBy, Closed, Cut, End, Fact, Form, Micros, Notification, Operation,
    OperationId, ServerSent, Stream, What, counted,
};
use crate::tape::{Event, Step, Subject, Trust, Walk};

use super::gap::gap_row;
use super::grid::{Grid, Row, fit};
use super::{Seen, repairs, sessions};
use crate::cli::output::Unwritten;

/// Draws the tape in at most `width` columns. Each event is read when it is its turn.
pub(super) fn draw(
    tape: &Walk<Seen>,
    width: usize,
    out: &mut dyn io::Write,
) -> Result<(), Unwritten> {
    let mut write = |line: &str| writeln!(out, "{}", line.trim_end());
    write(&fit(&clean(&tape.header.title), width))?;
    write(&fit(&summary(tape), width))?;
    write("")?;
    let sessions = sessions(tape).map(|session| clean(session.name()));
    let times = tape.steps.iter().filter_map(|step| step.at);
    let grid = Grid::new(sessions.collect(), times, width);
    for line in grid.head() {
        write(&line)?;
    }
    rows(tape, grid.lane_width(), &mut |row| write(&grid.line(&row)))?;
    for line in repairs::lines(tape, width)? {
        write(&line)?;
    }
    Ok(())
}

fn summary(tape: &Walk<Seen>) -> String {
    let count = |is: fn(Subject) -> bool| tape.steps.iter().filter(|step| is(step.subject)).count();
    let contracts = count(|subject| subject == Subject::Contract);
    let mut parts = vec![
        format!("from {}", clean(&tape.header.source)),
        counted(sessions(tape).count(), "session"),
        counted(
            count(|subject| matches!(subject, Subject::Operation(_))),
            "operation",
        ),
        counted(
            count(|subject| matches!(subject, Subject::Notification(_))),
            "notification",
        ),
    ];
    if contracts > 0 {
        parts.push(counted(contracts, "contract"));
    }
    if let Some(started) = &tape.header.started {
        parts.push(format!("started {}", clean(started)));
    }
    let gaps = count(|subject| subject == Subject::Gap);
    if gaps > 0 {
        parts.push(counted(gaps, "gap"));
    }
    if tape.header.trust == Trust::Insecure {
        parts.insert(1, "certificate not checked".to_owned());
    }
    parts.join(" · ")
}

/// Draws the lines of all events, each notification under the last of its causes.
fn rows(
    tape: &Walk<Seen>,
    lane_width: usize,
    draw: &mut impl FnMut(Row) -> io::Result<()>,
) -> Result<(), Unwritten> {
    let operations = tape
        .steps
        .iter()
        .filter_map(|step| step.subject.operation());
    let places: BTreeMap<OperationId, usize> = operations
        .enumerate()
        .map(|(place, id)| (id, place))
        .collect();
    let last_cause = |step: &Step<Seen>| {
        let causes = step.after.iter();
        causes.filter_map(|id| places.get(id)).max().copied()
    };
    let mut caused: BTreeMap<usize, Vec<&Step<Seen>>> = BTreeMap::new();
    for step in &tape.steps {
        if let Some(place) = last_cause(step) {
            caused.entry(place).or_default().push(step);
        }
    }
    for step in tape.steps.iter().filter(|step| last_cause(step).is_none()) {
        let rows = event_rows(step, Cause::NotShown, lane_width)?;
        rows.into_iter().try_for_each(&mut *draw)?;
        let place = step.subject.operation().and_then(|id| places.get(&id));
        for notification in place
            .and_then(|place| caused.get(place))
            .into_iter()
            .flatten()
        {
            let cause = step.at.map_or(Cause::NotShown, Cause::Above);
            let rows = event_rows(notification, cause, lane_width)?;
            rows.into_iter().try_for_each(&mut *draw)?;
        }
    }
    Ok(())
}

/// The lines of an event.
fn event_rows(step: &Step<Seen>, cause: Cause, lane_width: usize) -> Result<Vec<Row>, Unwritten> {
    Ok(match &step.event()? {
        Event::Contract(_) => Vec::new(),
        Event::Fact(fact) => vec![fact_row(fact)],
        Event::Gap(gap) => vec![gap_row(gap)],
        Event::Operation(operation) => operation_rows(operation, lane_width),
        Event::Notification(notification) => notification_rows(notification, cause, lane_width),
    })
}

fn operation_rows(operation: &Operation, lane_width: usize) -> Vec<Row> {
    let session = clean(operation.session.name());
    let before = format!("{} {} ", operation.id, clean(&operation.request.method));
    let end = match operation.end {
        End::Complete => "",
        End::Truncated => ", broken off",
    };
    let opened = match operation.form {
        Form::Opens(Stream::Events) => ", events",
        Form::Opens(Stream::Lines) => ", lines",
        Form::Opens(Stream::Socket) => ", a socket",
        Form::Exchange | Form::Message(_) => "",
    };
    let after = match operation.form {
        // Nobody answers it.
        Form::Message(on) => format!(" on {}", on.stream),
        Form::Exchange | Form::Opens(_) => {
            format!(" → {}{opened}{end}", operation.response.status)
        }
    };
    let room = lane_width.saturating_sub(before.chars().count() + after.chars().count());
    let target = fit(&clean(&operation.request.target), room);
    let mut rows = vec![Row {
        at: Some(operation.at),
        session: Some(session.clone()),
        text: format!("{before}{target}{after}"),
    }];
    if let Some(name) = member(&operation.request.body, "operationName") {
        rows.push(Row {
            at: None,
            session: Some(session.clone()),
            text: format!("  {}", clean(&name)),
        });
    }
    let (request, response) = (&operation.request, &operation.response);
    let sides = [
        ("request", &request.body, &request.trailers),
        ("response", &response.body, &response.trailers),
    ];
    for (what, body, trailers) in sides {
        let cut = body.cut().map(|cut| beginning(body, cut));
        let more = trailers.iter().map(trailer);
        rows.extend(cut.into_iter().chain(more).map(|text| Row {
            at: None,
            session: Some(session.clone()),
            text: format!("  {what}: {text}"),
        }));
    }
    rows
}

/// A trailer field, in words.
fn trailer((name, value): (&str, &[u8])) -> String {
    let value = String::from_utf8_lossy(value);
    format!("trailer {}: {}", clean(name), clean(&value))
}

/// How much of a body was kept.
fn beginning(body: &Body, cut: &Cut) -> String {
    let kept = body.bytes().len();
    match cut {
        Cut::Passed { length, .. } => format!("the first {kept} of {length} bytes were kept"),
        Cut::Unseen => format!("broken off after {}", counted(kept, "byte")),
    }
}

fn fact_row(fact: &Fact) -> Row {
    let words = match &fact.what {
        What::Handshake { endpoint, client } => {
            format!("shook hands at {endpoint} as client {client}")
        }
        What::Subscribe(channel) => format!("subscribed to {channel}"),
        What::Unsubscribe(channel) => format!("unsubscribed from {channel}"),
        What::Disconnect => "disconnected".into(),
        What::Acknowledge => "acknowledges what it receives".into(),
        What::Comment { stream, text } => format!("comment on {stream}: {text}"),
        What::Ping(control) => format!("ping on {} by the {}", control.stream, control.by.name()),
        What::Pong(control) => format!("pong on {} by the {}", control.stream, control.by.name()),
        What::Closed(closed) => ended(closed),
        What::Was(before) => format!("was called {before} before"),
    };
    Row {
        at: Some(fact.at),
        session: Some(clean(fact.session.name())),
        text: format!("∘ {}", clean(&words)),
    }
}

/// How a stream ended, in words.
fn ended(closed: &Closed) -> String {
    let by = closed.by.name();
    let how = match closed.end {
        End::Complete => format!("{} ended by the {by}", closed.stream),
        End::Truncated => format!("{} broken off by the {by}", closed.stream),
    };
    match (closed.code, closed.reason.as_str()) {
        (None, _) => how,
        (Some(code), "") => format!("{how}: {code}"),
        (Some(code), reason) => format!("{how}: {code} {reason}"),
    }
}

/// Where the last cause of a notification stands in the picture.
#[derive(Clone, Copy)]
enum Cause {
    /// Right above; the request came at this time.
    Above(Micros),
    /// Nowhere: it has none, or its causes are not shown.
    NotShown,
}

fn notification_rows(notification: &Notification, cause: Cause, lane_width: usize) -> Vec<Row> {
    let session = clean(notification.session.name());
    let mark = match cause {
        Cause::Above(_) => "  ↳",
        Cause::NotShown => "•",
    };
    let indent = " ".repeat(mark.chars().count() + 1);
    let causes: Vec<String> = notification.after.iter().map(ToString::to_string).collect();
    let causes = match (cause, causes.as_slice()) {
        (_, []) | (Cause::Above(_), [_]) => String::new(),
        (_, _) => format!(" (after {})", causes.join(", ")),
    };
    let gap = match cause {
        Cause::Above(at) => gap(notification.at.since(at)),
        Cause::NotShown => String::new(),
    };
    let channel = clean(&notification.channel);
    let named = match &notification.carrier {
        Carrier::Event(ServerSent {
            event: Some(event), ..
        }) => format!(" {}", clean(event)),
        Carrier::Event(_) | Carrier::Bayeux | Carrier::Line(_) | Carrier::Message(_) => {
            String::new()
        }
    };
    let mut rows = vec![Row {
        at: Some(notification.at),
        session: Some(session.clone()),
        text: format!("{mark} {} {channel}{named}{causes}{gap}", notification.id),
    }];
    rows.extend(notification.cause_by.as_ref().map(|cause_by| Row {
        at: None,
        session: Some(session.clone()),
        text: format!("{indent}{}", found(cause_by)),
    }));
    let room = lane_width.saturating_sub(indent.len());
    rows.extend(
        description(&notification.data, room)
            .into_iter()
            .map(|line| Row {
                at: None,
                session: Some(session.clone()),
                text: format!("{indent}{line}"),
            }),
    );
    rows
}

/// How long after its cause a notification came, for people; nothing where it came at once, as on a
/// tape that was made of a page.
fn gap(gap: Micros) -> String {
    match gap.0 {
        0 => String::new(),
        1..1_000 => format!(" +{} µs", gap.0),
        1_000..1_000_000 => format!(" +{} ms", gap.0 / 1_000),
        _ => format!(" +{}.{} s", gap.0 / 1_000_000, gap.0 / 100_000 % 10),
    }
}

/// How a cause was found, in words.
fn found(cause_by: &CauseBy) -> String {
    match cause_by {
        CauseBy::Reference(value) => format!("by reference {}", clean(value)),
        CauseBy::Identifier(value) => format!("by identifier {}", clean(value)),
        CauseBy::Session => "by its session".into(),
        CauseBy::Unsolicited => "unsolicited".into(),
    }
}

/// What a notification is about: its type where it names one, on two lines where `room` is too
/// little for one; else how it begins.
fn description(data: &Body, room: usize) -> Vec<String> {
    let types: Vec<String> = ["messageType", "notificationType"]
        .into_iter()
        .filter_map(|name| member(data, name))
        .map(|value| clean(&value))
        .collect();
    let joined = types.join(" / ");
    match data.text() {
        _ if !types.is_empty() && joined.chars().count() > room => types,
        _ if !types.is_empty() => vec![joined],
        _ if data.is_empty() => vec!["(no data)".into()],
        Some(text) => {
            let words: Vec<&str> = text.split_whitespace().collect();
            vec![clean(&words.join(" "))]
        }
        None => vec![format!("({} bytes, not UTF-8)", data.bytes().len())],
    }
}

/// A member of a body that is a JSON object, where it is there and a string.
fn member(body: &Body, name: &str) -> Option<String> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(body.bytes()).ok()?;
    serde_json::from_str(members.get(name)?.get()).ok()
}

/// The text with every control character escaped.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
