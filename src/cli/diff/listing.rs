//! What two tapes differ in, a line each, for people.

use std::io;

use crate::compare::{Difference, Json};
use crate::diff::{CAUSES, Change, Outcome, Told};
use crate::exchange::Session;

use super::Tell;
use crate::cli::output::Unwritten;

/// How many characters of a value are shown.
const MAX_SHOWN: usize = 160;

/// Writes each change as it is found, under the name of its session. Nothing where nothing differs.
pub(super) fn write(
    [left, right]: &[String; 2],
    out: &mut dyn io::Write,
    diff: impl FnOnce(Tell<'_>) -> Result<Outcome, Unwritten>,
) -> Result<Outcome, Unwritten> {
    let mut under: Option<(Option<Session>, Option<Session>)> = None;
    let outcome = diff(&mut |change| {
        if under.is_none() {
            writeln!(out, "--- {left}\n+++ {right}")?;
        }
        let sessions = (change.left_session.clone(), change.right_session.clone());
        if under.as_ref() != Some(&sessions) {
            writeln!(out, "{}", heading(&sessions))?;
            under = Some(sessions);
        }
        Ok(write_change(change, out)?)
    })?;
    for renaming in &outcome.renamed {
        let (left, right) = (quoted(&renaming.left), quoted(&renaming.right));
        let times = match renaming.places {
            1 => "at 1 place".to_owned(),
            places => format!("at {places} places"),
        };
        writeln!(out, "= {left} is {right} {times}")?;
    }
    Ok(outcome)
}

fn heading((left, right): &(Option<Session>, Option<Session>)) -> String {
    match (left, right) {
        (None, None) => "of no session".to_owned(),
        (Some(left), Some(right)) if left == right => format!("session {left}"),
        (Some(left), Some(right)) => format!("session {left} is {right}"),
        (Some(one), None) | (None, Some(one)) => format!("session {one}"),
    }
}

fn write_change(change: &Change, out: &mut dyn io::Write) -> io::Result<()> {
    let kind = change.lane;
    let number = |told: &Told| {
        told.number
            .map(|number| format!(" {number}"))
            .unwrap_or_default()
    };
    match (&change.left, &change.right) {
        (Some(left), Some(right)) => {
            let (ours, theirs) = (number(left), number(right));
            let numbers = if ours == theirs {
                ours
            } else {
                format!("{ours} is{theirs}")
            };
            writeln!(out, "  ~ {kind}{numbers}: {}", shown(&left.title))?;
        }
        (Some(left), None) => writeln!(out, "  - {kind}{}: {}", number(left), shown(&left.title))?,
        (None, Some(right)) => {
            writeln!(out, "  + {kind}{}: {}", number(right), shown(&right.title))?;
        }
        (None, None) => {}
    }
    change
        .places
        .iter()
        .try_for_each(|place| write_place(place, out))
}

fn write_place(place: &Difference, out: &mut dyn io::Write) -> io::Result<()> {
    let value = |value: &Option<Json>| match value {
        None => "nothing".to_owned(),
        Some(value) => shown(&value.to_string()),
    };
    let (left, right) = (value(&place.recorded), value(&place.live));
    let pointer = place.pointer.as_str();
    let how = match (left == right, pointer) {
        (false, _) => "",
        (true, CAUSES) => " (where these are other operations)",
        (true, _) => " (they differ further on)",
    };
    writeln!(out, "      {}: {left} → {right}{how}", shown(pointer))
}

fn quoted(text: &str) -> String {
    shown(&Json::String(text.to_owned()).to_string())
}

/// A text on one line, of a long one the beginning. What a terminal would take for a command is escaped.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (place, c) in text.chars().enumerate() {
        if place == MAX_SHOWN {
            let more = text.chars().count() - MAX_SHOWN;
            return format!("{shown}… ({more} more)");
        }
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}
