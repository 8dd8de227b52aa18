//! Where the writer works: among the tasks that carry the traffic, or in a thread of its own.
//!
//! What it does there, and what it does aside, is its own business.

use std::io;

use tokio::runtime::{Builder, Handle};

use super::doorbell::Doorbell;
use super::queue::Gathering;

/// Who calls the writer, where somebody waits for what comes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calling {
    /// Whoever sends it.
    Senders,
    /// Whoever waits.
    Waiters,
}

/// Where the writer works.
#[derive(Clone, Debug)]
pub(super) enum Workplace {
    /// In a thread of its own. Whoever waits for the writer waits for a thread to wake, and to be woken by one.
    Thread,
    /// Among the tasks of this runtime.
    Workers(Handle),
}

impl Workplace {
    /// Has work begin there; `name` is that of the thread.
    pub(super) fn begin(
        &self,
        name: &str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        match self {
            Workplace::Workers(workers) => {
                workers.spawn(work);
            }
            Workplace::Thread => {
                let runtime = Builder::new_current_thread().enable_time().build()?;
                std::thread::Builder::new()
                    .name(name.into())
                    .spawn(move || runtime.block_on(work))?;
            }
        }
        Ok(())
    }

    /// What the writer is called with there.
    pub(super) fn doorbell(&self) -> io::Result<Option<Doorbell>> {
        match self {
            Workplace::Thread => Ok(None),
            Workplace::Workers(_) => Doorbell::new().map(Some),
        }
    }

    /// How messages gather there for which nobody waits.
    pub(super) fn gathering(&self) -> Gathering {
        match self {
            Workplace::Thread => Gathering::Briefly,
            Workplace::Workers(_) => Gathering::UntilCalled,
        }
    }

    /// Who calls the writer there. A thread is called at once, and gathers what comes while it wakes. A task would
    /// begin at once; so it is called by those who wait, when the others who are about to have said so.
    pub(super) fn calling(&self) -> Calling {
        match self {
            Workplace::Thread => Calling::Senders,
            Workplace::Workers(_) => Calling::Waiters,
        }
    }

    /// The writer hangs. The worker that it holds may be the one that looked whether traffic comes; so another
    /// is woken, which looks from then on.
    pub(super) fn wake(&self) {
        if let Workplace::Workers(workers) = self {
            workers.spawn(async {});
        }
    }
}
