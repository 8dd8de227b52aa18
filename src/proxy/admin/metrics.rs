//! The numbers of a recording, as Prometheus reads them (text exposition format 0.0.4).
//!
//! Those of the traffic stand in the meter; these are of the tape and the disk.

use std::fmt::Write as _;

use crate::recorder::{Condition, Loss, Progress};

/// A number, or some with a label each.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    values: Vec<(&'static str, String)>,
}

/// All of them.
pub(super) fn exposition(progress: &Progress, condition: &Condition) -> String {
    let mut text = String::new();
    for metric in on_tape(progress)
        .into_iter()
        .chain(missing(progress, condition))
        .chain(disk(progress))
    {
        // A string takes all that is written.
        metric.write(&mut text).unwrap_or_default();
    }
    text
}

fn on_tape(progress: &Progress) -> Vec<Metric> {
    vec![
        counter(
            "operations_total",
            "Operations on the tape",
            progress.operations,
        ),
        counter(
            "notifications_total",
            "Notifications on the tape",
            progress.notifications,
        ),
        counter(
            "events_total",
            "Events on the tape, of every kind",
            progress.disk.events,
        ),
        counter(
            "tape_bytes_total",
            "Bytes that were written to the tape",
            progress.disk.bytes,
        ),
        gauge("sessions", "Sessions on the tape", progress.sessions as u64),
        gauge(
            "exchanges_under_way",
            "Exchanges and streams that have begun and are not over",
            progress.under_way,
        ),
    ]
}

fn missing(progress: &Progress, condition: &Condition) -> Vec<Metric> {
    vec![
        counter(
            "lost_events_total",
            "Events that could not be recorded or read",
            progress.lacks(),
        ),
        counter(
            "lost_exchanges_total",
            "Exchanges that passed and found no room in the queue",
            progress.dropped,
        ),
        counter(
            "lost_bytes_total",
            "Bytes of what is lost",
            progress.lost_bytes,
        ),
        counter(
            "uncertain_events_total",
            "Events on the tape that the disk would not say that it kept",
            progress.uncertain,
        ),
        counter(
            "gaps_total",
            "Gaps that the tape says that it has",
            progress.gaps,
        ),
        gauge(
            "failing",
            "1 while the tape cannot be written as it should",
            u64::from(condition.trouble.is_some()),
        ),
        gauge(
            "incomplete",
            "1 once something is missing on the tape",
            u64::from(condition.loss == Loss::Some),
        ),
    ]
}

fn disk(progress: &Progress) -> Vec<Metric> {
    let disk = &progress.disk;
    vec![
        gauge(
            "waiting_bytes",
            "Bytes that wait to be written",
            progress.waiting as u64,
        ),
        gauge(
            "waiting_messages",
            "Messages that wait to be written",
            progress.waiting_items as u64,
        ),
        gauge(
            "unwritten_bytes",
            "Bytes that are kept for a file that takes nothing",
            progress.unwritten as u64,
        ),
        Metric {
            name: "disk_seconds",
            kind: "summary",
            help: "How long the disk was waited for",
            values: vec![
                ("_sum{call=\"write\"}", seconds(disk.write_micros)),
                ("_count{call=\"write\"}", disk.writes.to_string()),
                ("_sum{call=\"fdatasync\"}", seconds(disk.sync_micros)),
                ("_count{call=\"fdatasync\"}", disk.syncs.to_string()),
            ],
        },
        counter(
            "disk_failures_total",
            "Calls of the disk that failed",
            disk.failures,
        ),
    ]
}

impl Metric {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        let Metric {
            name, kind, help, ..
        } = self;
        writeln!(text, "# HELP antiphon_{name} {help}.")?;
        writeln!(text, "# TYPE antiphon_{name} {kind}")?;
        for (label, value) in &self.values {
            writeln!(text, "antiphon_{name}{label} {value}")?;
        }
        Ok(())
    }
}

fn counter(name: &'static str, help: &'static str, value: u64) -> Metric {
    Metric {
        name,
        kind: "counter",
        help,
        values: vec![("", value.to_string())],
    }
}

fn gauge(name: &'static str, help: &'static str, value: u64) -> Metric {
    Metric {
        kind: "gauge",
        ..counter(name, help, value)
    }
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Disk;

    #[test]
    fn every_metric_says_what_it_is_before_its_values() {
        let progress = Progress {
            operations: 7,
            lost: 2,
            disk: Disk {
                syncs: 3,
                sync_micros: 1_500_000,
                ..Disk::default()
            },
            ..Progress::default()
        };
        let text = exposition(&progress, &Condition::default());
        for line in [
            "antiphon_operations_total 7",
            "antiphon_lost_events_total 2",
            "antiphon_failing 0",
            "antiphon_disk_seconds_sum{call=\"fdatasync\"} 1.500000",
            "antiphon_disk_seconds_count{call=\"fdatasync\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        let mut known = "";
        for line in text.lines() {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                known = kind.split(' ').next().unwrap_or_default();
            } else if !line.starts_with('#') {
                assert!(line.starts_with(known), "{line}");
            }
        }
    }
}
