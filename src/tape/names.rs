//! The names that sessions have in the end, where a recording met a client before it knew who it was.
//!
//! It changes a tape in memory only: the file keeps the events as they were written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::exchange::{Session, What};

use super::{Event, Tape};

/// The longest chain of names that one session can have had: provisional, known, and once more for
/// a second login. It also ends a chain that somebody edited into a ring.
const MAX_NAMES: usize = 8;

/// The tape with every event under the name that its session has in the end; the tape itself where
/// no session was renamed.
pub(super) fn settled(tape: &Tape) -> Cow<'_, Tape> {
    let renamed = renamed(tape.events.iter());
    if renamed.is_empty() {
        return Cow::Borrowed(tape);
    }
    let mut tape = tape.clone();
    rename(
        &renamed,
        tape.events.iter_mut().filter_map(Event::session_mut),
    );
    Cow::Owned(tape)
}

/// The sessions that were renamed, with what became of each.
pub(super) fn renamed<'a>(events: impl Iterator<Item = &'a Event>) -> BTreeMap<Session, Session> {
    events.filter_map(renaming).collect()
}

/// The session that an event renames, and what becomes of it.
pub(super) fn renaming(event: &Event) -> Option<(Session, Session)> {
    match event {
        Event::Fact(fact) => match &fact.what {
            What::Was(before) => Some((before.clone(), fact.session.clone())),
            What::Handshake { .. }
            | What::Subscribe(_)
            | What::Unsubscribe(_)
            | What::Disconnect
            | What::Acknowledge
            | What::Comment { .. }
            | What::Ping(_)
            | What::Pong(_)
            | What::Closed(_) => None,
        },
        Event::Contract(_) | Event::Operation(_) | Event::Notification(_) | Event::Gap(_) => None,
    }
}

/// Gives these sessions the names that they have in the end.
pub(super) fn rename<'a>(
    renamed: &BTreeMap<Session, Session>,
    sessions: impl Iterator<Item = &'a mut Session>,
) {
    for session in sessions {
        for _ in 0..MAX_NAMES {
            match renamed.get(session) {
                Some(name) => session.clone_from(name),
                None => break,
            }
        }
    }
}
