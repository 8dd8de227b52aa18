//! What the guard waits for, and how long still.
//!
//! Every request begins another wait and nearly none comes to its end; so its end is only noted, and the
//! one timer of a connection is set anew where it would go off too late, or has gone off too early.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// The rest of a head.
    Head,
    /// A request, on a connection with nothing under way after so many. What HTTP/2 says beneath its
    /// requests, pings above all, is no request.
    Idle(u64),
    /// The response to a client that has sent its last byte, and may be gone.
    Response,
}

/// A wait that has an end.
#[derive(Debug, Default)]
pub(super) struct Patience {
    wait: Option<(Wait, Instant)>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Nothing is waited for any more.
    pub(super) fn forget(&mut self) {
        self.wait = None;
    }

    /// Waits for this, since it was first said for so long; ready when that is over.
    pub(super) fn poll(
        &mut self,
        wait: Wait,
        span: Duration,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let end = self.end(wait, span, Instant::now);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if timer.deadline() > end {
            timer.as_mut().reset(end);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= end {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
    }

    /// Has a wait for this, if it is what is waited for, begin anew.
    pub(super) fn prolong(&mut self, wait: Wait, span: Duration) {
        if self.wait.is_some_and(|(before, _)| before == wait) {
            self.forget();
            self.end(wait, span, Instant::now);
        }
    }

    /// When the wait for this is over, which begins now if it has not begun before.
    fn end(&mut self, wait: Wait, span: Duration, now: impl FnOnce() -> Instant) -> Instant {
        match self.wait {
            Some((before, end)) if before == wait => end,
            _ => self.wait.insert((wait, now() + span)).1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_after_its_span_however_often_it_is_asked_for() {
        const SPAN: Duration = Duration::from_secs(5);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut patience = Patience::default();
        // What is waited for, when it is asked for, and when it is over.
        for (wait, asked, over) in [
            (Wait::Idle(1), 0, 5),
            (Wait::Idle(1), 3, 5),
            (Wait::Idle(2), 4, 9),
            (Wait::Head, 6, 11),
            (Wait::Head, 7, 11),
            (Wait::Idle(2), 8, 13),
        ] {
            let end = patience.end(wait, SPAN, || at(asked));
            assert_eq!(end, at(over), "{wait:?} at {asked}");
        }
        patience.forget();
        assert_eq!(patience.end(Wait::Idle(2), SPAN, || at(10)), at(15));
    }

    #[test]
    fn only_what_is_waited_for_begins_anew() {
        const SPAN: Duration = Duration::from_secs(5);
        let start = Instant::now();
        let mut patience = Patience::default();
        let end = patience.end(Wait::Response, SPAN, || start);
        patience.prolong(Wait::Head, 9 * SPAN);
        assert_eq!(patience.end(Wait::Response, SPAN, || start), end);
        patience.prolong(Wait::Response, 9 * SPAN);
        assert!(patience.end(Wait::Response, SPAN, || start) >= start + 9 * SPAN);
    }
}
