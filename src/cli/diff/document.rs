//! What two tapes differ in, as one JSON document for programs.

use std::io;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::compare::{Difference, Json};
use crate::diff::{Change, Outcome, Renaming, Told};
use crate::exchange::Session;

use super::Tell;
use crate::cli::output::Unwritten;

/// Writes the document, each change as it is found.
pub(super) fn write(
    [left, right]: &[String; 2],
    out: &mut dyn io::Write,
    diff: impl FnOnce(Tell<'_>) -> Result<Outcome, Unwritten>,
) -> Result<Outcome, Unwritten> {
    write!(
        out,
        "{{\"left\":{},\"right\":{},\"changes\":[",
        json(left)?,
        json(right)?
    )?;
    let mut between = "";
    let outcome = diff(&mut |change| {
        write!(out, "{between}{}", json(&ChangeView::of(change))?)?;
        between = ",";
        Ok(())
    })?;
    let end = json(&EndView::of(&outcome))?;
    let members = end.strip_prefix('{').unwrap_or(&end);
    writeln!(out, "],{members}")?;
    Ok(outcome)
}

fn json(value: &(impl Serialize + ?Sized)) -> io::Result<String> {
    Ok(serde_json::to_string(value)?)
}

#[derive(Serialize)]
struct ChangeView<'a> {
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<ToldView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<ToldView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<PlaceView<'a>>,
}

impl<'a> ChangeView<'a> {
    fn of(change: &'a Change) -> Self {
        let told = |told: &'a Option<Told>, session: &'a Option<Session>| {
            let told = told.as_ref()?;
            Some(ToldView {
                session: session.as_ref().map(Session::name),
                number: told.number,
                title: &told.title,
            })
        };
        ChangeView {
            kind: change.lane.to_string(),
            left: told(&change.left, &change.left_session),
            right: told(&change.right, &change.right_session),
            places: change.places.iter().map(PlaceView).collect(),
        }
    }
}

#[derive(Serialize)]
struct ToldView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    title: &'a str,
}

/// `{"at":"/response/statusCode","left":0,"right":2}`; a side that has nothing there is missing.
struct PlaceView<'a>(&'a Difference);

impl Serialize for PlaceView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = |json: &Option<Json>| {
            let raw = |json: &Json| RawValue::from_string(json.to_string());
            json.as_ref()
                .map(raw)
                .transpose()
                .map_err(serde::ser::Error::custom)
        };
        let Difference {
            pointer,
            recorded,
            live,
        } = self.0;
        PlaceMembers {
            at: pointer,
            left: raw(recorded)?,
            right: raw(live)?,
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
struct PlaceMembers<'a> {
    at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<Box<RawValue>>,
}

/// What stands behind the changes.
#[derive(Serialize)]
struct EndView<'a> {
    renamed: Vec<RenamingView<'a>>,
    pseudonyms: usize,
    same: u64,
    changed: u64,
    only_left: u64,
    only_right: u64,
}

impl<'a> EndView<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        EndView {
            renamed: outcome.renamed.iter().map(RenamingView::of).collect(),
            pseudonyms: outcome.pseudonyms,
            same: outcome.tally.same,
            changed: outcome.tally.changed,
            only_left: outcome.tally.left,
            only_right: outcome.tally.right,
        }
    }
}

#[derive(Serialize)]
struct RenamingView<'a> {
    left: &'a str,
    right: &'a str,
    places: u64,
}

impl<'a> RenamingView<'a> {
    fn of(renaming: &'a Renaming) -> Self {
        RenamingView {
            left: &renaming.left,
            right: &renaming.right,
            places: renaming.places,
        }
    }
}
