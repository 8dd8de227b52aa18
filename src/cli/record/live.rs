//! The line of numbers that stands on a terminal while a recording goes on. It counts nothing itself.

use std::io::Write as _;
use std::time::Duration;

use crate::recorder::Recorder;

/// How often the line of numbers on a terminal is written anew.
const LIVE: Duration = Duration::from_millis(500);

/// Whether there is a line of numbers on the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Live {
    Shown,
    Hidden,
}

/// Keeps a line of numbers on the terminal.
pub(super) async fn show(recorder: Recorder, live: Live) {
    if live == Live::Hidden {
        return;
    }
    let mut tick = tokio::time::interval(LIVE);
    loop {
        tick.tick().await;
        let now = recorder.progress();
        let mut stderr = std::io::stderr().lock();
        // Where the terminal is gone there is nobody to show it to.
        let _ = write!(
            stderr,
            "\r\x1b[K{} operations, {} notifications, {} sessions, {} bytes, {} waiting",
            now.operations, now.notifications, now.sessions, now.bytes, now.waiting
        );
        let _ = stderr.flush();
    }
}

/// Takes the line off the terminal.
pub(super) fn erase() {
    let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
}
