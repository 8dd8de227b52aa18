//! The numbers of a replay, for those who watch it. Those of its run begin again with a fresh start.

use std::collections::BTreeMap;

use crate::journal::Journal;
use crate::metrics::{Metric, connections, counter, exposition, gauge};

use super::copies::Copies;
use super::service::Replay;
use super::stage::Stage;

/// All of them, and those of the port, as one text.
pub(super) fn text(replay: &Replay, port: &BTreeMap<&'static str, u64>) -> String {
    let refused = counter(
        "contents_refused_total",
        "Requests whose content was longer than may be held",
        replay.too_large(),
    );
    let numbers = replay.look(|copies, run| {
        let mut numbers = vec![counter("runs_total", "Runs, the one under way too", run)];
        numbers.extend(played(copies));
        numbers.extend(apart(copies));
        numbers.extend(held(copies));
        numbers
    });
    exposition(
        numbers
            .into_iter()
            .chain([refused])
            .chain(connections(port)),
    )
}

fn played(copies: &Copies) -> Vec<Metric> {
    let sum = |of: fn(&Stage) -> usize| all(copies, of);
    vec![
        counter(
            "operations_played_total",
            "Recorded operations that clients have called",
            sum(|stage| stage.played().operations),
        ),
        counter(
            "operations_by_themselves_total",
            "Recorded operations of sessions that no client has",
            sum(|stage| stage.played().by_themselves),
        ),
        counter(
            "notifications_delivered_total",
            "Recorded notifications that have reached a client",
            sum(|stage| stage.played().notifications),
        ),
    ]
}

/// What was not as recorded.
fn apart(copies: &Copies) -> Vec<Metric> {
    let total = |name, help, of: fn(&Journal) -> usize| {
        let numbers = copies.iter().map(|stage| of(stage.journal()) as u64);
        counter(name, help, numbers.sum())
    };
    vec![
        total(
            "misses_total",
            "Requests that no recorded operation answers",
            |journal| journal.misses().total(),
        ),
        total(
            "forwarded_total",
            "Requests that went on to the service",
            |journal| journal.sent_on().total(),
        ),
        total("repeats_total", "Operations that came again", |journal| {
            journal.repeats().total()
        }),
        total(
            "tolerances_total",
            "Requests that were answered though they were not quite as recorded",
            |journal| journal.tolerances().total(),
        ),
    ]
}

fn held(copies: &Copies) -> Vec<Metric> {
    let gauge = |name, help, of: fn(&Stage) -> usize| gauge(name, help, all(copies, of));
    vec![
        gauge("copies", "Copies of the conversation", |_| 1),
        gauge("sessions", "Sessions, in all copies", |stage| {
            stage.plan().sessions().len()
        }),
        gauge(
            "sessions_claimed",
            "Sessions that a client has, or had",
            Stage::claimed,
        ),
        gauge("polls_held", "Polls that are held", Stage::polls_held),
        gauge(
            "streams_open",
            "Streams and sockets of the tape that are open",
            Stage::streams_open,
        ),
        gauge(
            "journal_entries",
            "Entries that the journal keeps",
            |stage| stage.journal().kept(),
        ),
    ]
}

fn all(copies: &Copies, of: fn(&Stage) -> usize) -> u64 {
    copies.iter().map(|stage| of(stage) as u64).sum()
}
