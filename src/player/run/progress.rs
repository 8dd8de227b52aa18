//! How far each operation of a run has come. What follows from it is not known here.

use crate::exchange::Micros;
use crate::player::plan::{By, Cause};

/// How far each operation has come. As long as nothing happens to an operation, all of it is zero: so the system
/// gives memory for those alone to which something has happened, be the tape ever so long.
#[derive(Debug)]
pub(super) struct Progress {
    /// When it came, and one more.
    received: Vec<u64>,
    /// When it was answered, and one more.
    answered: Vec<u64>,
    /// How often a live request was answered with it.
    served: Vec<u32>,
}

impl Progress {
    pub(super) fn of(operations: usize) -> Progress {
        Progress {
            received: vec![0; operations],
            answered: vec![0; operations],
            served: vec![0; operations],
        }
    }

    pub(super) fn is_received(&self, operation: usize) -> bool {
        self.received.get(operation).is_some_and(|at| *at > 0)
    }

    pub(super) fn is_open(&self, operation: usize) -> bool {
        self.answered.get(operation) == Some(&0)
    }

    fn receive(&mut self, now: Micros, operation: usize) {
        note(&mut self.received, now, operation);
    }

    /// How often a live request was answered with it.
    pub(super) fn served(&self, operation: usize) -> usize {
        let served = self.served.get(operation);
        served.map_or(0, |served| usize::try_from(*served).unwrap_or(usize::MAX))
    }

    /// Notes that a live request is answered with it.
    pub(super) fn serve(&mut self, now: Micros, operation: usize) {
        self.receive(now, operation);
        if let Some(served) = self.served.get_mut(operation) {
            *served = served.saturating_add(1);
        }
    }

    pub(super) fn answer(&mut self, now: Micros, operation: usize) {
        self.receive(now, operation);
        note(&mut self.answered, now, operation);
    }

    /// When it came so far, if it did.
    pub(super) fn when(&self, cause: Cause) -> Option<Micros> {
        let times = match cause.by {
            By::Received => &self.received,
            By::Answered => &self.answered,
        };
        times.get(cause.operation)?.checked_sub(1).map(Micros)
    }
}

/// Notes when something happened to an operation first.
fn note(times: &mut [u64], now: Micros, operation: usize) {
    if let Some(time) = times.get_mut(operation).filter(|time| **time == 0) {
        *time = now.0.saturating_add(1);
    }
}
