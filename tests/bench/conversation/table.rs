//! What was measured, as a table for people and as JSON for programs.

use std::fmt;

use serde_json::{Value, json};

use super::generator::Callers;
use super::{Plan, Size};

/// One comparison.
pub(crate) struct Table {
    pub(crate) row: &'static str,
    /// What was done.
    pub(crate) work: String,
    pub(crate) unit: &'static str,
    pub(crate) series: Vec<Series>,
    pub(crate) bars: Vec<Bar>,
    pub(crate) notes: Vec<String>,
}

/// What one party did, turn by turn.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
}

/// Something to reach.
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) wanted: Wanted,
    pub(crate) size: Size,
}

/// What a value must be.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

impl Table {
    pub(crate) fn new(row: &'static str, work: impl Into<String>, unit: &'static str) -> Table {
        Table {
            row,
            work: work.into(),
            unit,
            series: Vec::new(),
            bars: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The median of a party; NaN where it did not run.
    pub(crate) fn median(&self, name: &str) -> f64 {
        let series = self.series.iter().find(|series| series.name == name);
        series.map_or(f64::NAN, |series| median(&series.values))
    }

    /// Adds a value of a party.
    pub(crate) fn add(&mut self, name: &str, value: f64) {
        if let Some(series) = self.series.iter_mut().find(|series| series.name == name) {
            series.values.push(value);
        } else {
            self.series.push(Series {
                name: name.to_owned(),
                values: vec![value],
            });
        }
    }

    /// Says that a party did not run, and why.
    pub(crate) fn not_run(&mut self, name: &str, why: &str) {
        let note = format!("{name}: not run, {why}");
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Holds the ratio of two parties' medians against a bar; passes over one that did not run.
    pub(crate) fn ratio(&mut self, one: &str, other: &str, wanted: Wanted) {
        let value = self.median(one) / self.median(other);
        if value.is_finite() {
            self.bar(format!("{one} / {other}"), value, wanted, Size::Whole);
        }
    }

    /// Holds a value against a bar that is meant for tapes and crowds of this size.
    pub(crate) fn bar(&mut self, what: impl Into<String>, value: f64, wanted: Wanted, size: Size) {
        self.bars.push(Bar {
            what: what.into(),
            value,
            wanted,
            size,
        });
    }

    fn json(&self) -> Value {
        let series = |series: &Series| {
            let (low, high) = range(&series.values);
            json!({
                "party": series.name, "median": median(&series.values), "low": low, "high": high,
                "ratio": median(&series.values) / self.first(), "values": series.values,
            })
        };
        let bar = |bar: &Bar| json!({ "what": bar.what, "value": bar.value, "wanted": bar.wanted(), "verdict": bar.verdict() });
        json!({
            "row": self.row, "work": self.work, "unit": self.unit,
            "parties": self.series.iter().map(series).collect::<Vec<_>>(),
            "bars": self.bars.iter().map(bar).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }

    fn first(&self) -> f64 {
        let first = self.series.first();
        first.map_or(f64::NAN, |series| median(&series.values))
    }
}

impl Bar {
    fn wanted(&self) -> String {
        match self.wanted {
            Wanted::AtLeast(least) => format!("at least {least}"),
            Wanted::AtMost(most) => format!("at most {most}"),
        }
    }

    fn verdict(&self) -> &'static str {
        let met = match self.wanted {
            Wanted::AtLeast(least) => self.value >= least,
            Wanted::AtMost(most) => self.value <= most,
        };
        match (self.size, met) {
            (Size::Sixteenth, _) => "not held, with --quick",
            (Size::Whole, true) => "met",
            (Size::Whole, false) => "MISSED",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.row, self.work)?;
        let head = ["median", "lowest", "highest", "ratio"];
        writeln!(
            f,
            "  {:42} {:>12} {:>12} {:>12} {:>7}   {}",
            "", head[0], head[1], head[2], head[3], self.unit
        )?;
        for series in &self.series {
            let (low, high) = range(&series.values);
            let middle = median(&series.values);
            let digits = usize::from(middle < 1_000.0) * 2;
            writeln!(
                f,
                "  {:42} {middle:12.digits$} {low:12.digits$} {high:12.digits$} {:7.2}",
                series.name,
                middle / self.first()
            )?;
        }
        for bar in &self.bars {
            let (value, wanted, verdict) = (bar.value, bar.wanted(), bar.verdict());
            writeln!(f, "  bar: {}: {value:.2}, {wanted}: {verdict}", bar.what)?;
        }
        for note in &self.notes {
            writeln!(f, "  {note}")?;
        }
        Ok(())
    }
}

/// All tables as one document.
pub(crate) fn document(tables: &[Table], plan: Plan) -> Value {
    json!({
        "rounds": plan.rounds,
        "turn_milliseconds": plan.turn.as_millis() as u64,
        "load": Callers::Many.program(),
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "tables": tables.iter().map(Table::json).collect::<Vec<_>>(),
    })
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        _ if sorted.is_empty() => f64::NAN,
        0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

fn range(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    (
        low,
        values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    )
}
