//! Agents at the desk over HTTP/2: what they exchange with a recorder and with a replay is what others
//! exchange over HTTP/1.1. Each has one connection, on which a poll is held while it calls operations.

use crate::agent::Library;
use crate::server::Server;

use super::part::Tempo;
use super::recorded::{Recorded, cast, play};
use super::{POLL, replay};

#[test]
fn agents_over_http_2_cannot_tell_a_replay_from_the_desk() {
    replay(&[Library::Cometd9OverHttp2], &[Library::Cometd9OverHttp2]);
}

#[test]
fn a_desk_is_replayed_over_http_2_as_over_http_1() {
    let recorded = Recorded::new();
    let parts = recorded.parts;
    let tempos = vec![Tempo::plain(); parts.len()];
    let replay = Server::replay_of(&recorded.tape(), POLL);
    let digest = |libraries: &[Library]| {
        replay.reset();
        let mut agents = cast(parts, &replay.origin, libraries);
        play(parts, &mut agents, &tempos);
        replay.clean_report()["digest"].clone()
    };
    assert_eq!(
        digest(&[Library::Cometd9OverHttp2]),
        digest(&Library::PLAIN)
    );
    replay.end_well();
}
