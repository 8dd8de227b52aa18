//! What the guard and the server know of one connection, each from its side.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use super::interim::Queue;
use super::reader::Taking;
use super::refusal::Refusal;

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// Requests that were let through and whose responses are not out.
    in_flight: AtomicUsize,
    /// Requests that were ever under way.
    begun: AtomicU64,
    refusal: OnceLock<Refusal>,
    broken: AtomicBool,
    /// A response has broken off whose end only the end of the connection tells.
    torn: AtomicBool,
    /// Wakes the guard, which waits in another way when nothing is under way any more.
    idle: Mutex<Option<Waker>>,
    /// What is to be written before the next response.
    pub(super) interim: Queue,
    /// What the client has to take of its responses.
    pub(super) taking: Taking,
    /// How many requests the guard has let through.
    let_through: AtomicU64,
    /// How many of them have come to be answered.
    arrived: AtomicU64,
    offer: Mutex<Offer>,
}

/// A client's offer to go on with something else than HTTP/1.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Offer {
    /// There is none that is not answered.
    #[default]
    None,
    /// The request of this number makes it, behind which nothing may be read until it is answered.
    Open(u64),
    /// It is accepted.
    Accepted,
    /// It is not: HTTP/1.1 goes on.
    Declined,
}

impl Connection {
    /// Counts a request that the guard does not see, one of HTTP/2.
    pub(super) fn begun(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests were ever under way: it tells one silence from the next.
    pub(super) fn ever_begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Counts a request that the guard lets through.
    pub(super) fn let_through(&self) {
        self.let_through.fetch_add(1, Ordering::Relaxed);
        self.begun();
    }

    /// The last request that was let through offers to go on with something else.
    pub(super) fn offered(&self) {
        *self.offer() = Offer::Open(self.let_through.load(Ordering::Relaxed));
    }

    /// The next request that was let through comes to be answered: whether it is the one that made an
    /// offer.
    pub(super) fn arrived(&self) -> bool {
        let number = self.arrived.fetch_add(1, Ordering::Relaxed) + 1;
        *self.offer() == Offer::Open(number)
    }

    /// Answers the offer, before the first byte of the response.
    pub(super) fn answer(&self, answer: Offer) {
        *self.offer() = answer;
        self.wake();
    }

    /// Takes the answer to the offer, if it is there; else wakes this task when it is.
    pub(super) fn take_answer(&self, waker: &Waker) -> Option<Offer> {
        self.wake_when_done(waker);
        let mut offer = self.offer();
        match *offer {
            Offer::Accepted | Offer::Declined => Some(std::mem::take(&mut *offer)),
            Offer::None | Offer::Open(_) => None,
        }
    }

    /// The offer. Every change of it is one assignment.
    fn offer(&self) -> MutexGuard<'_, Offer> {
        self.offer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a response that is out, or never will be.
    pub(super) fn done(&self) {
        // More end than have begun only where hyper answers by itself, and then it closes.
        let one_less = |count: usize| Some(count.saturating_sub(1));
        let _ = self
            .in_flight
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
    }

    /// Has the guard look again what it waits for.
    pub(super) fn wake(&self) {
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
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        self.refusal.get()
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

    /// Wakes this task when nothing is under way any more, or less is, or an offer is answered.
    pub(super) fn wake_when_done(&self, waker: &Waker) {
        let mut place = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Nearly always it is the same task, and its waker need not be made anew.
        place.get_or_insert_with(|| waker.clone()).clone_from(waker);
    }

    /// Refuses a request; the first word counts.
    pub(super) fn refuse(&self, refusal: Refusal) {
        let _ = self.refusal.set(refusal);
    }
}
