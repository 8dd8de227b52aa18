//! Connections that clients lose while they are replayed to: each gets each event once.

use crate::server::{PATIENT, Server};

use super::company::{Company, Ear, Over};
use super::runs::got;
use super::script::Day;
use super::{POLL, Recorded};

/// Plays a day, recorded in one way, in that way and in others: all have one transcript.
fn replayed(recorded: &Recorded, days: &[&Day], over: Over) {
    let replay = Server::replay_with(&recorded.tape(), POLL, PATIENT);
    let mut company = Company::at(&replay.origin, Ear::Events, over);
    let mut digests = Vec::new();
    for day in days {
        replay.reset();
        let told = company.try_to_play(&day.in_turn()).unwrap_or_else(|words| {
            panic!("{words}\n{}", replay.admin("report"));
        });
        assert_eq!(got(told), got(recorded.told.clone()));
        digests.push(replay.clean_report()["digest"].clone());
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]));
    replay.end_well();
}

#[test]
fn connections_lost_in_a_replay_lose_nothing_and_bring_nothing_twice() {
    let recorded = Recorded::new(Ear::Events, Over::Http1);
    let lost = recorded.day.with_losses();
    replayed(&recorded, &[&lost, &recorded.day], Over::Http1);
    replayed(&recorded, &[&lost, &recorded.day], Over::Http2);
}
