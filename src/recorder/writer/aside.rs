//! Where the writer may wait for the disk.
//!
//! A write to a file costs less than to wake a thread for it, as long as the system keeps it in its memory. So
//! workers that carry the traffic do it themselves; what may wait for the disk is done aside, in a thread
//! that may block.

use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use super::Writer;
use super::storing::File;
use crate::recorder::workplace::Workplace;

/// A write that takes so long waits for the disk, and not for its turn on a busy machine.
const LONG: Duration = Duration::from_millis(20);

/// How long after such a write others are thought to wait too.
const LASTS: Duration = Duration::from_secs(10);

/// When a write took long.
pub(super) type Stall = Instant;

impl Writer {
    /// Writes the batch, and turns to the next segment where it is time; `None` where that panicked, which
    /// was reported.
    pub(super) async fn stored(mut self: Box<Self>) -> Option<Box<Self>> {
        if self.may_wait() {
            let stored = self.aside(|mut writer| {
                writer.store();
                writer
            });
            self = stored.await?;
        } else {
            self.store();
        }
        if self.is_turn() {
            let turned = self.aside(|mut writer| {
                // Whoever comes meanwhile waits for the disk, too, and no longer than for a batch.
                writer.backlog.begins(Instant::now());
                writer.turn();
                writer.backlog.dealt();
                writer
            });
            self = turned.await?;
        }
        Some(self)
    }

    /// Does work that may wait for the disk; `None` where it panicked.
    pub(super) async fn aside<T: Send + 'static>(
        self: Box<Self>,
        work: impl FnOnce(Box<Self>) -> T + Send + 'static,
    ) -> Option<T> {
        match self.workplace {
            Workplace::Thread => Some(work(self)),
            Workplace::Workers(_) => spawn_blocking(move || work(self)).await.ok(),
        }
    }

    /// A write is over that began then.
    pub(super) fn took(&mut self, began: Instant) {
        if began.elapsed() >= LONG {
            self.stalled = Some(Instant::now());
        }
    }

    /// Whether to write may be to wait for the disk.
    fn may_wait(&self) -> bool {
        let stalled = self.stalled.is_some_and(|when| when.elapsed() < LASTS);
        stalled || self.file != File::Well
    }
}
