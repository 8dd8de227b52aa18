//! Looks after the writer from a thread of its own, since a writer that hangs cannot say so.
//!
//! It never touches the tape: it lets those go who wait too long, and says a trouble again that lasts.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Shared;
use super::workplace::Workplace;

/// How often the writer is looked after: often enough that nobody waits much longer than the patience, and
/// that what nobody waits for is soon on the tape.
const GLANCE: Duration = Duration::from_millis(100);

/// Ends the watch when the writer ends.
#[derive(Debug)]
pub(super) struct Watched(#[allow(dead_code)] mpsc::Sender<()>); // dropping it is its use

/// Begins to look after the writer of a recording.
pub(super) fn begin(shared: &Arc<Shared>, workplace: &Workplace) -> io::Result<Watched> {
    let (watched, end) = mpsc::channel();
    let shared = Arc::downgrade(shared);
    let workplace = workplace.clone();
    std::thread::Builder::new()
        .name("tape watch".into())
        .spawn(move || look_after(&shared, &workplace, &end))?;
    Ok(Watched(watched))
}

fn look_after(shared: &Weak<Shared>, workplace: &Workplace, end: &mpsc::Receiver<()>) {
    while end.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        if shared.backlog.is_at_work() {
            workplace.wake();
        }
        shared.queue.hurry();
        shared.backlog.look();
    }
}
