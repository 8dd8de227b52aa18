//! Connections that are lost: by clients when they are recorded, when they are replayed, or both. Each
//! gets each event once.

use crate::server::{PATIENT, Server};

use super::company::{Company, Ear, Over};
use super::runs::got;
use super::script::Day;
use super::{POLL, Recorded, directly, play_all, verified};

/// Plays a day, recorded in one way, in that way and in others: all have one transcript.
fn replayed(recorded: &Recorded, days: &[&Day], over: Over) {
    let replay = Server::replay_with(&recorded.tape(), POLL, PATIENT);
    let mut company = Company::at(&replay.origin, Ear::Events, over);
    let mut digests = Vec::new();
    for day in days {
        replay.reset();
        let (told, digest) = play_all(&mut company, &replay, &day.in_turn());
        for told in &told {
            assert_eq!(told.opened, day.opened(&told.name), "{}", told.name);
        }
        assert_eq!(got(told), got(recorded.told.clone()));
        digests.push(digest);
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

#[test]
fn connections_lost_when_they_were_recorded_may_hold_in_a_replay() {
    let whole = Day::of(Ear::Events);
    let recorded = Recorded::of(whole.with_losses(), Ear::Events, Over::Http1);
    assert_eq!(got(recorded.told.clone()), got(directly(Ear::Events)));
    verified(&recorded.tape());
    replayed(&recorded, &[&recorded.day, &whole], Over::Http1);
}
