//! Looks after the writer from a thread of its own, since a writer that hangs cannot say so.
//!
//! It never touches the tape: it lets those go who wait too long, and says a trouble again that lasts.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{RecorderError, Shared};

/// How often the writer is looked after: often enough that nobody waits much longer than the patience.
const GLANCE: Duration = Duration::from_millis(100);

/// Ends the watch when the writer ends.
#[derive(Debug)]
pub(super) struct Watched(#[allow(dead_code)] mpsc::Sender<()>); // dropping it is its use

/// Begins to look after the writer of a recording.
pub(super) fn begin(shared: &Arc<Shared>) -> Result<Watched, RecorderError> {
    let (watched, end) = mpsc::channel();
    let shared = Arc::downgrade(shared);
    super::begin("tape watch", move || look_after(&shared, &end))?;
    Ok(Watched(watched))
}

fn look_after(shared: &Weak<Shared>, end: &mpsc::Receiver<()>) {
    while end.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        shared.backlog.look();
    }
}
