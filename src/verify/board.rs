//! Where each client stands, what it has found, and whether anything still moves.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::exchange::{NotificationId, OperationId, Session};

use super::script::Script;

/// How often the board is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// How long nothing may happen while all who are left wait to hear something. At the pace of verifying
/// nothing waits for time, so whatever is due comes within a moment; this leaves room for a busy machine.
const QUIET: Duration = Duration::from_secs(1);

/// How long nothing may happen while something is under way, such as a response of many megabytes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most differences that are kept: the first ones tell, the rest mostly follow from them.
const MAX_DIFFERENCES: usize = 20;

/// What all clients of a run share.
#[derive(Debug)]
pub(super) struct Board(Mutex<State>);

#[derive(Debug)]
struct State {
    seats: Vec<(Session, Standing)>,
    moved: Instant,
    differences: Vec<String>,
    /// How many differences are not kept.
    more: usize,
}

/// Where one client stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is about to do something.
    Ready,
    /// It has called an operation.
    Calling(OperationId),
    /// It waits for a notification on a channel.
    Hearing(NotificationId, String),
    /// It has come to the end of its script.
    Ended,
}

impl Board {
    /// A board on which nobody has begun.
    pub(super) fn new(scripts: &[Script]) -> Board {
        let seat = |script: &Script| (script.session.clone(), Standing::Ready);
        Board(Mutex::new(State {
            seats: scripts.iter().map(seat).collect(),
            moved: Instant::now(),
            differences: Vec::new(),
            more: 0,
        }))
    }

    /// Notes where the client at `place` stands now.
    pub(super) fn stands(&self, place: usize, standing: Standing) {
        let mut state = self.state();
        state.moved = Instant::now();
        if let Some((_, seat)) = state.seats.get_mut(place) {
            *seat = standing;
        }
    }

    /// Notes what the client at `place` has found.
    pub(super) fn differs(&self, place: usize, what: &str) {
        let mut state = self.state();
        if state.differences.len() >= MAX_DIFFERENCES {
            state.more += 1;
            return;
        }
        let session = state.seats.get(place).map(|(session, _)| session);
        let line = session.map(|session| format!("{session}: {what}"));
        state.differences.extend(line);
    }

    /// What all clients have found.
    pub(super) fn differences(&self) -> Vec<String> {
        let state = self.state();
        let mut differences = state.differences.clone();
        if state.more > 0 {
            differences.push(format!("and {} more", state.more));
        }
        differences
    }

    /// Returns when nothing goes on any more though not all have ended, and says who waits for what.
    pub(super) async fn stuck(&self) -> String {
        loop {
            tokio::time::sleep(LOOK).await;
            let state = self.state();
            let open = || {
                state
                    .seats
                    .iter()
                    .filter(|(_, seat)| *seat != Standing::Ended)
            };
            let hears = |seat: &Standing| matches!(seat, Standing::Hearing(..));
            let patience = if open().all(|(_, seat)| hears(seat)) {
                QUIET
            } else {
                PATIENCE
            };
            if open().next().is_some() && state.moved.elapsed() > patience {
                let who = open().map(|(session, standing)| match standing {
                    Standing::Calling(operation) => {
                        format!("{session} waits for the answer to operation {operation}")
                    }
                    Standing::Hearing(notification, channel) => {
                        format!("{session} waits for notification {notification} on {channel}")
                    }
                    Standing::Ready | Standing::Ended => format!("{session} does not come on"),
                });
                return who.collect::<Vec<_>>().join("; ");
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
