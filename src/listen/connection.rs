//! What the guard and the server know of one connection, each from its side.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

use super::interim::Queue;
use super::refusal::Refusal;

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// Requests that were let through and whose responses are not out.
    in_flight: AtomicUsize,
    refusal: Mutex<Option<Refusal>>,
    broken: AtomicBool,
    /// A response has broken off whose end only the end of the connection tells.
    torn: AtomicBool,
    /// Wakes the guard, which waits in another way when nothing is under way any more.
    idle: Mutex<Option<Waker>>,
    /// What is to be written before the next response.
    pub(super) interim: Queue,
}

impl Connection {
    /// Counts a request that the guard does not see, one of HTTP/2.
    pub(super) fn begun(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a response that is out, or never will be.
    pub(super) fn done(&self) {
        // More end than have begun only where hyper answers by itself, and then it closes.
        let one_less = |count: usize| Some(count.saturating_sub(1));
        let _ = self
            .in_flight
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        let waiting = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// Why the request that is under way is refused, if it is.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether it is refused for content that had begun to go on.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Says that a response has broken off whose end only the end of the connection tells.
    pub(super) fn tear(&self) {
        self.torn.store(true, Ordering::Relaxed);
    }

    /// Whether one has.
    pub(super) fn is_torn(&self) -> bool {
        self.torn.load(Ordering::Relaxed)
    }

    /// Says that the content under way is broken.
    pub(super) fn break_off(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) == 0
    }

    /// Wakes this task when nothing is under way any more, or less is.
    pub(super) fn wake_when_done(&self, waker: &Waker) {
        let mut place = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(waker.clone());
    }

    /// Refuses a request; the first word counts.
    pub(super) fn refuse(&self, refusal: Refusal) {
        let mut place = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        place.get_or_insert(refusal);
    }
}
