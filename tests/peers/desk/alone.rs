//! One agent of the recorded desk alone at a replay: the others are absent, and what it exchanges is
//! what it exchanges in their company.

use serde_json::Value;

use crate::agent::Library;
use crate::server::Server;

use super::part::Tempo;
use super::recorded::{Recorded, cast, play};

/// How long a replay holds a poll, in milliseconds.
const POLL: u32 = 100;

/// The transcript of one session, with its digest.
fn transcript(replay: &Server, name: &str) -> Value {
    let document = replay.admin("transcript");
    let mut sessions = document["sessions"].as_array().unwrap().iter();
    let session = sessions.find(|session| session["session"] == name);
    session.unwrap_or_else(|| panic!("{document}")).clone()
}

#[test]
fn an_agent_alone_exchanges_what_it_does_in_company() {
    let recorded = Recorded::new();
    let parts = recorded.parts;
    let tempos = vec![Tempo::plain(); parts.len()];
    let replay = Server::replay_of(&recorded.tape(), POLL);
    let mut agents = cast(parts, &replay.origin, &Library::PLAIN);
    play(parts, &mut agents, &tempos);
    let company = replay.clean_report();
    let sessions: Vec<Value> = parts
        .iter()
        .map(|part| transcript(&replay, part.name))
        .collect();
    replay.end_well();

    let replay = Server::replay_with(&recorded.tape(), POLL, &["--absent-after", "0.2"]);
    let mut agents = cast(parts, &replay.origin, &Library::PLAIN);
    for ((part, agent), session) in parts.iter().zip(&mut agents).zip(&sessions) {
        replay.reset();
        part.play(agent, &Tempo::plain());
        let alone = replay.clean_report();
        assert_eq!(transcript(&replay, part.name), *session);
        let played = |report: &Value, what: &str| report["played"][what].as_u64().unwrap();
        assert!(played(&alone, "by_themselves") > 0, "{alone}");
        assert_eq!(
            played(&alone, "operations") + played(&alone, "by_themselves"),
            played(&company, "operations"),
            "{alone}"
        );
    }
    replay.end_well();
}
