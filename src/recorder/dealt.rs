//! Up to which message the writer has dealt with what it was given, and who waits for that.
//!
//! Messages are dealt with in the order of their numbers, so that one number says it of all. What it is to be
//! dealt with the writer knows.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The number of a message, from 1 in the order in which they were put into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(pub(super) u64);

impl Number {
    /// That of what never waits to be dealt with.
    pub(super) const NONE: Number = Number(0);

    /// The last that there can be.
    const LAST: Number = Number(u64::MAX);

    /// That of the message behind.
    pub(super) fn next(self) -> Number {
        Number(self.0.saturating_add(1))
    }
}

/// How far the writer has come.
pub(super) struct Dealt(Mutex<State>);

struct State {
    upto: Number,
    /// Who waits, and for which message.
    waiting: Vec<(Number, Waker)>,
}

/// How often somebody has asked whether a message was dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    First,
    Again,
}

impl Dealt {
    /// Nothing was dealt with.
    pub(super) fn new() -> Dealt {
        Dealt(Mutex::new(State {
            upto: Number::NONE,
            waiting: Vec::new(),
        }))
    }

    /// Ready when the message of this number was dealt with, or whoever waits for it was let go. One task waits for
    /// each.
    pub(super) fn poll(&self, number: Number, asks: Asks, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if number <= state.upto {
            return Poll::Ready(());
        }
        if asks == Asks::First {
            state.waiting.push((number, context.waker().clone()));
            return Poll::Pending;
        }
        let mut waiting = state.waiting.iter_mut();
        let Some((_, waker)) = waiting.rfind(|(other, _)| *other == number) else {
            return Poll::Ready(()); // let go
        };
        waker.clone_from(context.waker());
        Poll::Pending
    }

    /// All messages up to this one were dealt with.
    pub(super) fn upto(&self, number: Number) {
        let mut state = self.state();
        state.upto = state.upto.max(number);
        let over = |(other, _): &mut (Number, Waker)| *other <= number;
        let woken: Vec<_> = state.waiting.extract_if(.., over).collect();
        drop(state); // whoever is woken looks again
        wake(woken);
    }

    /// Whoever waits by now does so no longer.
    pub(super) fn let_go(&self) {
        let woken = std::mem::take(&mut self.state().waiting);
        wake(woken);
    }

    /// Nothing will be dealt with any more, and nobody is to wait.
    pub(super) fn ends(&self) {
        self.upto(Number::LAST);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked with it left it whole: what is made up to then is not put in before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(woken: Vec<(Number, Waker)>) {
    for (_, waker) in woken {
        waker.wake();
    }
}

impl fmt::Debug for Dealt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Dealt")
            .field("upto", &state.upto)
            .field("waiting", &state.waiting.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;

    use futures_util::FutureExt as _;

    use super::*;

    /// Waits for a message of this number, without looking again before that.
    async fn waits(dealt: &Dealt, number: u64) {
        let mut asks = Asks::First;
        poll_fn(|context| {
            let over = dealt.poll(Number(number), asks, context);
            asks = Asks::Again;
            over
        })
        .await;
    }

    #[test]
    fn each_waits_for_what_it_put_in_and_all_before_that() {
        let dealt = Dealt::new();
        let mut waiting: Vec<_> = [3, 1, 2]
            .map(|number| Box::pin(waits(&dealt, number)))
            .into();
        let mut over = |upto| {
            dealt.upto(Number(upto));
            let over = waiting
                .iter_mut()
                .map(|one| one.as_mut().now_or_never().is_some());
            let over: Vec<bool> = over.collect();
            let mut left = over.iter().map(|over| !over);
            waiting.retain(|_| left.next().unwrap_or_default());
            over
        };
        assert_eq!(over(0), [false, false, false]);
        assert_eq!(over(2), [false, true, true]);
        assert_eq!(over(1), [false]);
        assert_eq!(over(9), [true]);
        assert_eq!(dealt.state().waiting.len(), 0);
    }

    #[tokio::test]
    async fn who_looks_again_waits_once_and_is_woken_where_it_is_then() {
        let dealt = Arc::new(Dealt::new());
        let mut asks = Asks::First;
        let mut poll = {
            let dealt = Arc::clone(&dealt);
            move |context: &mut Context<'_>| {
                let asks = std::mem::replace(&mut asks, Asks::Again);
                dealt.poll(Number(1), asks, context)
            }
        };
        assert_eq!(poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
        let waiting = tokio::spawn(poll_fn(poll));
        tokio::task::yield_now().await;
        assert_eq!(dealt.state().waiting.len(), 1);
        assert!(!waiting.is_finished());
        dealt.upto(Number(1));
        tokio::task::yield_now().await;
        assert!(waiting.is_finished());
    }

    #[test]
    fn who_is_let_go_waits_no_more_and_others_do() {
        let dealt = Dealt::new();
        let mut waiting = Box::pin(waits(&dealt, 2));
        assert_eq!(waiting.as_mut().now_or_never(), None);
        dealt.let_go();
        assert_eq!(waiting.now_or_never(), Some(()));
        for number in [1, 3] {
            assert_eq!(waits(&dealt, number).now_or_never(), None);
        }
        dealt.ends();
        assert_eq!(waits(&dealt, 4).now_or_never(), Some(()));
        assert_eq!(dealt.state().waiting.len(), 0);
    }
}
