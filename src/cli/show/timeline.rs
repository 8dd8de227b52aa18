//! A tape as a picture for people: time goes down, each session has a lane, and a notification
//! stands under the operation that it is due after.
//!
//! It shows what was said in a few words each; the whole of it is what `--json` is for. Text from
//! the tape is shown with its control characters escaped, so that no tape can steer a terminal.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::exchange::{Body, Micros, Notification, Operation, OperationId, Repair};
use crate::tape::{Event, Tape};

/// The narrowest lane that still says something. Where the sessions' lanes would be narrower, they
/// share one and each line names its session.
const MIN_LANE: usize = 26;

/// The widest that a session's name becomes where it stands on each line.
const MAX_NAME: usize = 24;

/// Draws the tape in at most `width` columns.
pub(super) fn draw(tape: &Tape, width: usize) -> String {
    let mut lines = vec![
        fit(&clean(&tape.header.title), width),
        fit(&summary(tape), width),
        String::new(),
    ];
    let grid = Grid::of(tape, width);
    lines.extend(grid.head());
    for row in rows(tape, grid.lane_width) {
        lines.push(grid.line(&row));
    }
    lines.extend(repairs(tape, width));
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// One line of the picture.
struct Row {
    /// Only on the first line of an event.
    at: Option<Micros>,
    session: String,
    text: String,
}

/// Where the columns are.
struct Grid {
    sessions: Vec<String>,
    lanes: Lanes,
    lane_width: usize,
    clock: Clock,
    clock_width: usize,
}

/// How the sessions share the width.
enum Lanes {
    /// Each has a lane.
    Apart,
    /// All share one, and a column of this width names the session.
    Shared(usize),
}

/// How times are written, in milliseconds.
#[derive(Clone, Copy)]
enum Clock {
    Whole,
    Thousandths,
}

impl Clock {
    fn show(self, at: Micros) -> String {
        match self {
            Clock::Whole => (at.0 / 1000).to_string(),
            Clock::Thousandths => format!("{}.{:03}", at.0 / 1000, at.0 % 1000),
        }
    }
}

impl Grid {
    fn of(tape: &Tape, width: usize) -> Self {
        let times = || {
            let operations = tape.operations().map(|operation| operation.at);
            operations.chain(tape.notifications().map(|notification| notification.at))
        };
        let clock = if times().all(|at| at.0 % 1000 == 0) {
            Clock::Whole
        } else {
            Clock::Thousandths
        };
        let clock_width = times()
            .map(|at| clock.show(at).len())
            .max()
            .unwrap_or_default()
            .max("ms".len());
        let sessions: Vec<String> = tape
            .sessions()
            .map(|session| clean(session.name()))
            .collect();
        let rule = " │ ".chars().count();
        let lane_width =
            (width.saturating_sub(clock_width) / sessions.len().max(1)).saturating_sub(rule);
        let (lanes, lane_width) = if lane_width >= MIN_LANE || sessions.len() < 2 {
            (Lanes::Apart, lane_width)
        } else {
            let longest = sessions.iter().map(|name| name.chars().count()).max();
            let names = longest.unwrap_or_default().clamp("session".len(), MAX_NAME);
            let rest = width.saturating_sub(clock_width + rule + names + rule);
            (Lanes::Shared(names), rest)
        };
        Grid {
            sessions,
            lanes,
            lane_width,
            clock,
            clock_width,
        }
    }

    /// The names of the columns, and the rule under them.
    fn head(&self) -> [String; 2] {
        let (cells, widths) = match self.lanes {
            Lanes::Apart => (
                self.sessions.clone(),
                vec![self.lane_width; self.sessions.len()],
            ),
            Lanes::Shared(names) => (
                vec!["session".into(), String::new()],
                vec![names, self.lane_width],
            ),
        };
        let mut rule = "─".repeat(self.clock_width + 1);
        for width in &widths {
            rule.push('┼');
            rule.push_str(&"─".repeat(width + 2));
        }
        rule.pop(); // the last column needs no room after it
        [self.cells("ms", &cells, &widths), rule]
    }

    fn line(&self, row: &Row) -> String {
        let time = row.at.map(|at| self.clock.show(at)).unwrap_or_default();
        match self.lanes {
            Lanes::Apart => {
                let cells: Vec<String> = self
                    .sessions
                    .iter()
                    .map(|session| match *session == row.session {
                        true => row.text.clone(),
                        false => String::new(),
                    })
                    .collect();
                self.cells(&time, &cells, &vec![self.lane_width; cells.len()])
            }
            Lanes::Shared(names) => {
                let session = row.at.map(|_| row.session.clone()).unwrap_or_default();
                self.cells(
                    &time,
                    &[session, row.text.clone()],
                    &[names, self.lane_width],
                )
            }
        }
    }

    fn cells(&self, time: &str, cells: &[String], widths: &[usize]) -> String {
        let mut line = format!("{time:>width$}", width = self.clock_width);
        for (cell, &width) in cells.iter().zip(widths) {
            line.push_str(&format!(" │ {:<width$}", fit(cell, width)));
        }
        line
    }
}

fn summary(tape: &Tape) -> String {
    let contracts = tape.contracts().count();
    let mut parts = vec![
        format!("from {}", clean(&tape.header.source)),
        count(tape.sessions().count(), "session"),
        count(tape.operations().count(), "operation"),
        count(tape.notifications().count(), "notification"),
    ];
    if contracts > 0 {
        parts.push(count(contracts, "contract"));
    }
    if let Some(started) = &tape.header.started {
        parts.push(format!("started {}", clean(started)));
    }
    parts.join(" · ")
}

/// The lines of all events, each notification under the last of its causes.
fn rows(tape: &Tape, lane_width: usize) -> Vec<Row> {
    let places: BTreeMap<OperationId, usize> = tape
        .operations()
        .enumerate()
        .map(|(place, operation)| (operation.id, place))
        .collect();
    let last_cause = |notification: &Notification| {
        let causes = notification.after.iter();
        causes.filter_map(|id| places.get(id)).max().copied()
    };
    let mut caused: BTreeMap<usize, Vec<&Notification>> = BTreeMap::new();
    for notification in tape.notifications() {
        if let Some(place) = last_cause(notification) {
            caused.entry(place).or_default().push(notification);
        }
    }
    let mut rows = Vec::new();
    for event in &tape.events {
        match event {
            Event::Contract(_) => {}
            Event::Operation(operation) => {
                rows.extend(operation_rows(operation, lane_width));
                let place = places.get(&operation.id);
                for notification in place
                    .and_then(|place| caused.get(place))
                    .into_iter()
                    .flatten()
                {
                    rows.extend(notification_rows(notification, "  ↳", lane_width));
                }
            }
            Event::Notification(notification) if last_cause(notification).is_some() => {}
            Event::Notification(notification) => {
                rows.extend(notification_rows(notification, "•", lane_width));
            }
        }
    }
    rows
}

fn operation_rows(operation: &Operation, lane_width: usize) -> Vec<Row> {
    let session = clean(operation.session.name());
    let before = format!("{} {} ", operation.id, clean(&operation.request.method));
    let after = format!(" → {}", operation.response.status);
    let room = lane_width.saturating_sub(before.chars().count() + after.chars().count());
    let target = fit(&clean(&operation.request.target), room);
    let mut rows = vec![Row {
        at: Some(operation.at),
        session: session.clone(),
        text: format!("{before}{target}{after}"),
    }];
    if let Some(name) = member(&operation.request.body, "operationName") {
        rows.push(Row {
            at: None,
            session,
            text: format!("  {}", clean(&name)),
        });
    }
    rows
}

fn notification_rows(notification: &Notification, mark: &str, lane_width: usize) -> Vec<Row> {
    let session = clean(notification.session.name());
    let indent = " ".repeat(mark.chars().count() + 1);
    let causes: Vec<String> = notification.after.iter().map(ToString::to_string).collect();
    let causes = match causes.len() {
        0 | 1 => String::new(),
        _ => format!(" (after {})", causes.join(", ")),
    };
    let channel = clean(&notification.channel);
    let mut rows = vec![Row {
        at: Some(notification.at),
        session: session.clone(),
        text: format!("{mark} {} {channel}{causes}", notification.id),
    }];
    let room = lane_width.saturating_sub(indent.len());
    rows.extend(
        description(&notification.data, room)
            .into_iter()
            .map(|line| Row {
                at: None,
                session: session.clone(),
                text: format!("{indent}{line}"),
            }),
    );
    rows
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

fn repairs(tape: &Tape, width: usize) -> Vec<String> {
    let repairs: Vec<(&Event, &Repair)> = tape
        .events
        .iter()
        .flat_map(|event| event.repairs().iter().map(move |repair| (event, repair)))
        .collect();
    if repairs.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![
        String::new(),
        format!(
            "{} of {}",
            count(repairs.len(), "repair"),
            clean(&tape.header.source)
        ),
    ];
    let place = |repair: &Repair| format!("{}:{}", repair.line, repair.column);
    let margin = repairs
        .iter()
        .map(|(_, repair)| place(repair).len())
        .max()
        .unwrap_or_default()
        + 2;
    let room = width.saturating_sub(margin + 2);
    for (event, repair) in repairs {
        let subject = match event {
            Event::Contract(_) => "contract".to_owned(),
            Event::Operation(operation) => format!("operation {}", operation.id),
            Event::Notification(notification) => format!("notification {}", notification.id),
        };
        let first = format!(
            "{:>margin$}  {subject}: {}",
            place(repair),
            clean(&repair.why)
        );
        lines.push(first);
        lines.push(format!("{:margin$}  {}", "", change(repair, room)));
    }
    lines.iter().map(|line| fit(line, width)).collect()
}

/// What stood there and what it became, side by side; where that is too wide, from shortly before
/// the first difference on.
fn change(repair: &Repair, room: usize) -> String {
    const CONTEXT: usize = 8;
    let (was, became) = (clean(&repair.was), clean(&repair.became));
    let whole = format!("\"{was}\" → \"{became}\"");
    if whole.chars().count() <= room {
        return whole;
    }
    let same = was
        .chars()
        .zip(became.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let half = room.saturating_sub("\"\" → \"\"".chars().count()) / 2;
    let part = |text: &str| match same.saturating_sub(CONTEXT) {
        0 => fit(text, half),
        skipped => {
            let rest: String = text.chars().skip(skipped).collect();
            format!("…{}", fit(&rest, half.saturating_sub(1)))
        }
    };
    format!("\"{}\" → \"{}\"", part(&was), part(&became))
}

fn count(number: usize, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    }
}

/// The text with every control character escaped.
fn clean(text: &str) -> String {
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

/// The text, or as much of its beginning as `width` columns hold with a `…` after it.
fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        out.push('…');
    }
    out
}
