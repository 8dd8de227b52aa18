//! Finds clients that take nothing of the responses they asked for, over HTTP/2.
//!
//! There the connection beneath may be well while a response waits for its window (RFC 9113 §5.2), so
//! that no write ever waits for long; of HTTP/1.1 and of the connection itself the guard sees enough.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::connection::Connection;

/// The least that is slept between two looks.
const GLANCE: Duration = Duration::from_millis(20);

/// What a connection's client has to take.
#[derive(Debug)]
pub(super) struct Taking(Mutex<State>);

#[derive(Debug)]
struct State {
    /// How many responses have more to give than the client takes.
    owed: usize,
    /// When it took something last, or began to owe.
    since: Instant,
}

/// A response and its reader.
#[derive(Debug)]
pub(super) struct Reader {
    connection: Arc<Connection>,
    /// Whether the response waits to be asked for more.
    owes: bool,
}

impl Default for Taking {
    fn default() -> Self {
        Taking(Mutex::new(State {
            owed: 0,
            since: Instant::now(),
        }))
    }
}

impl Taking {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// For how long the client has taken nothing, where there is something.
    fn waited(&self, now: Instant) -> Duration {
        match self.owed {
            0 => Duration::ZERO,
            _ => now.saturating_duration_since(self.since),
        }
    }

    /// One response has found room for all it had.
    fn taken(&mut self, now: Instant) {
        self.owed = self.owed.saturating_sub(1);
        self.since = now;
    }

    /// One more response waits for room.
    fn waits(&mut self, now: Instant) {
        if self.owed == 0 {
            self.since = now;
        }
        self.owed += 1;
    }
}

impl Reader {
    /// For a response whose content nobody has asked for yet.
    pub(super) fn new(connection: Arc<Connection>) -> Reader {
        let mut reader = Reader {
            connection,
            owes: false,
        };
        reader.handed();
        reader
    }

    /// The client has room for more.
    pub(super) fn asked(&mut self) {
        if std::mem::take(&mut self.owes) {
            self.connection.taking.state().taken(Instant::now());
        }
    }

    /// More was handed out, and has to find room.
    pub(super) fn handed(&mut self) {
        if !std::mem::replace(&mut self.owes, true) {
            self.connection.taking.state().waits(Instant::now());
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.asked();
    }
}

/// Returns when the client of a connection has taken nothing for `patience` of what it asked for.
pub(super) async fn stalled(connection: &Connection, patience: Duration) {
    loop {
        let waited = connection.taking.state().waited(Instant::now());
        if !waited.is_zero() && waited >= patience {
            return;
        }
        sleep((patience.saturating_sub(waited) / 2).max(GLANCE)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_owes_and_takes_nothing_waits() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State {
            owed: 0,
            since: start,
        };
        let waited = |state: &State, seconds| state.waited(at(seconds)).as_secs();
        assert_eq!(waited(&state, 50), 0, "nothing is under way");
        state.waits(at(50));
        assert_eq!(waited(&state, 60), 10);
        state.waits(at(60));
        state.taken(at(65));
        assert_eq!(waited(&state, 70), 5, "another response is taken");
        state.taken(at(70));
        assert_eq!(waited(&state, 90), 0, "the service has nothing to give");
    }

    #[test]
    fn a_response_owes_until_it_is_asked_or_gone() {
        let connection = Arc::new(Connection::default());
        let owed = || connection.taking.state().owed;
        let mut first = Reader::new(Arc::clone(&connection));
        first.handed();
        assert_eq!(owed(), 1);
        first.asked();
        first.asked();
        assert_eq!(owed(), 0);
        first.handed();
        drop(first);
        assert_eq!(owed(), 0);
    }
}
