//! One recorded shift for all tests that replay one: the tape, and the agents' parts.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread;

use serde_json::Map;
use tempfile::TempDir;

use crate::agent::{Agent, Library};
use crate::server::Server;

use super::part::{self, Part, Tempo};
use super::service::Desk;
use super::talk_and_chat;

/// A tape, which is gone with this value, and who plays in it.
pub(super) struct Recorded {
    folder: TempDir,
    pub(super) parts: &'static [Part],
}

/// The bytes of the tape, and the parts.
static SHIFT: OnceLock<(Vec<u8>, Vec<Part>)> = OnceLock::new();

impl Recorded {
    /// A shift that the plain libraries have worked through a recorder, once for all tests.
    pub(super) fn new() -> Recorded {
        let (tape, parts) = SHIFT.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("desk.tape");
            let mut desk = Desk::start();
            let recording = Server::record(&desk.origin, &path);
            let parts = talk_and_chat(Some(&mut desk), &recording.origin, &Library::PLAIN);
            recording.end_well();
            (fs::read(path).unwrap(), parts)
        });
        let recorded = Recorded {
            folder: tempfile::tempdir().unwrap(),
            parts,
        };
        fs::write(recorded.tape(), tape).unwrap();
        recorded
    }

    pub(super) fn tape(&self) -> PathBuf {
        self.folder.path().join("desk.tape")
    }
}

/// Starts an agent for each part, with these libraries in turn.
pub(super) fn cast(parts: &[Part], origin: &str, libraries: &[Library]) -> Vec<Agent> {
    let seats = parts.iter().zip(libraries.iter().cycle());
    seats
        .map(|(part, library)| part::agent(*library, origin, part.name, &Map::new()))
        .collect()
}

/// Lets the agents play their parts, all at once.
pub(super) fn play(parts: &[Part], agents: &mut [Agent], tempos: &[Tempo]) {
    thread::scope(|scope| {
        for ((part, agent), tempo) in parts.iter().zip(agents).zip(tempos) {
            scope.spawn(move || part.play(agent, tempo));
        }
    });
}
