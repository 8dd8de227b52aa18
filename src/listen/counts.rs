//! How many clients a port has, and how many it did not wait for. It counts and decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The numbers of a port. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    open: AtomicU64,
    refused: AtomicU64,
    slow_heads: AtomicU64,
    slow_bodies: AtomicU64,
    slow_readers: AtomicU64,
    cut: AtomicU64,
}

/// The numbers at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Connections that are open.
    pub open: u64,
    /// Connections beyond the most that there may be.
    pub refused: u64,
    /// Heads and handshakes that took too long.
    pub slow_heads: u64,
    /// Contents of requests that paused for too long.
    pub slow_bodies: u64,
    /// Clients that took no byte of what they were sent.
    pub slow_readers: u64,
    /// Connections that were at work when the server stopped, and were cut.
    pub cut: u64,
}

impl Counted {
    /// Each by its name.
    pub fn numbers(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("open", self.open),
            ("refused", self.refused),
            ("slow_heads", self.slow_heads),
            ("slow_bodies", self.slow_bodies),
            ("slow_readers", self.slow_readers),
            ("cut", self.cut),
        ])
    }
}

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counter {
    Refused,
    SlowHead,
    SlowBody,
    SlowReader,
    Cut,
}

/// A connection that counts as open as long as this lives.
#[derive(Debug)]
pub(super) struct Opened(Counts);

impl Counts {
    /// The numbers now.
    pub fn now(&self) -> Counted {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let numbers = &self.0;
        Counted {
            open: read(&numbers.open),
            refused: read(&numbers.refused),
            slow_heads: read(&numbers.slow_heads),
            slow_bodies: read(&numbers.slow_bodies),
            slow_readers: read(&numbers.slow_readers),
            cut: read(&numbers.cut),
        }
    }

    /// Counts one more.
    pub(super) fn count(&self, counter: Counter) {
        let numbers = &self.0;
        let number = match counter {
            Counter::Refused => &numbers.refused,
            Counter::SlowHead => &numbers.slow_heads,
            Counter::SlowBody => &numbers.slow_bodies,
            Counter::SlowReader => &numbers.slow_readers,
            Counter::Cut => &numbers.cut,
        };
        number.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection, as long as it is open.
    pub(super) fn opened(&self) -> Opened {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Opened(self.clone())
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
