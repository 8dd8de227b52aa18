//! Looks after the writer from a thread of its own, since a writer that hangs cannot say so.
//!
//! It never touches the tape: it lets those go who wait too long, and says a trouble again that lasts.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::backlog::Backlog;

/// How often the writer is looked after: often enough that nobody waits much longer than the patience.
const GLANCE: Duration = Duration::from_millis(100);

/// Ends the watch when the writer ends.
#[derive(Debug)]
pub(super) struct Watched(#[allow(dead_code)] mpsc::Sender<()>); // dropping it is its use

/// Begins to look after the writer that works off `backlog`.
pub(super) fn begin(backlog: &Arc<Backlog>) -> io::Result<Watched> {
    let (watched, end) = mpsc::channel();
    let backlog = Arc::downgrade(backlog);
    std::thread::Builder::new()
        .name("tape watch".into())
        .spawn(move || look_after(&backlog, &end))?;
    Ok(Watched(watched))
}

fn look_after(backlog: &Weak<Backlog>, end: &mpsc::Receiver<()>) {
    while end.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
        match backlog.upgrade() {
            Some(backlog) => backlog.look(),
            None => return,
        }
    }
}
