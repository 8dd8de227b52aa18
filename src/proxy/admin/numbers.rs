//! The numbers of a recording: of the tape, the disk and what is held. Those of the traffic stand in the
//! meter.

use crate::metrics::{Metric, counter, gauge, seconds, summary};
use crate::recorder::{Condition, Loss, Progress};

/// All of them.
pub(super) fn of(progress: &Progress, condition: &Condition) -> impl Iterator<Item = Metric> {
    on_tape(progress)
        .into_iter()
        .chain(missing(progress, condition))
        .chain(disk(progress))
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
            "held_bytes",
            "Bytes of bodies under way that are kept until they are understood",
            progress.held as u64,
        ),
        gauge(
            "unwritten_bytes",
            "Bytes that are kept for a file that takes nothing",
            progress.unwritten as u64,
        ),
        summary(
            "disk_seconds",
            "How long the disk was waited for",
            vec![
                ("_sum{call=\"write\"}", seconds(disk.write_micros)),
                ("_count{call=\"write\"}", disk.writes.to_string()),
                ("_sum{call=\"fdatasync\"}", seconds(disk.sync_micros)),
                ("_count{call=\"fdatasync\"}", disk.syncs.to_string()),
            ],
        ),
        counter(
            "disk_failures_total",
            "Calls of the disk that failed",
            disk.failures,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;
    use crate::recorder::Disk;

    #[test]
    fn what_the_recorder_counts_is_told() {
        let progress = Progress {
            operations: 7,
            lost: 2,
            held: 5,
            disk: Disk {
                syncs: 3,
                sync_micros: 1_500_000,
                ..Disk::default()
            },
            ..Progress::default()
        };
        let text = metrics::exposition(of(&progress, &Condition::default()));
        for line in [
            "antiphon_operations_total 7",
            "antiphon_lost_events_total 2",
            "antiphon_failing 0",
            "antiphon_held_bytes 5",
            "antiphon_disk_seconds_sum{call=\"fdatasync\"} 1.500000",
            "antiphon_disk_seconds_count{call=\"fdatasync\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
