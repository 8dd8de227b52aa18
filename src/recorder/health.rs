//! Whether what passes can be recorded, as the writer, the taps and the watch tell it, for those who ask.
//!
//! It says so in words, at once and every minute; it moves no data.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::failure::{Admission, Condition, Loss, OnFailure, Trouble};

/// How often a trouble that lasts is said again.
const REMINDER: Duration = Duration::from_secs(60);

/// Whether it is of use to wait for the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    Useful,
    /// It is too far behind.
    Pointless,
}

/// How the recording stands.
#[derive(Debug)]
pub(super) struct Health {
    on_failure: OnFailure,
    state: Mutex<State>,
    /// Whether the writer is too far behind, for those who ask for each message.
    is_behind: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// The file takes nothing.
    failing: Option<Since>,
    /// The writer is too far behind.
    behind: Option<Since>,
    loss: Loss,
    /// When the trouble was last said.
    said: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Since {
    why: String,
    since: Instant,
}

impl Health {
    pub(super) fn new(on_failure: OnFailure) -> Health {
        Health {
            on_failure,
            state: Mutex::default(),
            is_behind: AtomicBool::new(false),
        }
    }

    /// The file takes nothing.
    pub(super) fn fails(&self, why: &str) {
        let mut state = self.state();
        if let Some(failing) = &mut state.failing {
            why.clone_into(&mut failing.why);
            return;
        }
        tracing::error!("{why}; what passes is kept in memory meanwhile");
        state.failing = Some(Since::now(why));
        state.said = Some(Instant::now());
    }

    /// The file takes again what it is given.
    pub(super) fn mended(&self) {
        let mut state = self.state();
        if let Some(failing) = state.failing.take() {
            let lasted = failing.since.elapsed().as_secs_f64();
            tracing::warn!("the tape can be written again, after {lasted:.1} s");
        }
    }

    /// The writer is so far behind that nobody shall wait for it; whoever does is to be let go.
    pub(super) fn falls_behind(&self, why: &str) {
        let mut state = self.state();
        if state.behind.is_none() {
            tracing::error!("{why}; what finds no room is not recorded meanwhile");
            state.behind = Some(Since::now(why));
            state.said = Some(Instant::now());
            self.is_behind.store(true, Ordering::Release);
        }
    }

    /// The writer has caught up.
    pub(super) fn caught_up(&self) {
        let mut state = self.state();
        if let Some(behind) = state.behind.take() {
            let lasted = behind.since.elapsed().as_secs_f64();
            tracing::warn!("the writer of the tape has caught up, after {lasted:.1} s");
            self.is_behind.store(false, Ordering::Release);
        }
    }

    /// Something will be missing on the tape.
    pub(super) fn loses(&self) {
        self.state().loss = Loss::Some;
    }

    /// Whether it is of use to wait for the writer.
    pub(super) fn waiting(&self) -> Waiting {
        if self.is_behind.load(Ordering::Acquire) {
            Waiting::Pointless
        } else {
            Waiting::Useful
        }
    }

    /// Whether new requests are let in.
    pub(super) fn admission(&self) -> Admission {
        match self.on_failure {
            OnFailure::Pass => Admission::Open,
            OnFailure::Stop => self.state().admission(),
        }
    }

    /// How it stands.
    pub(super) fn condition(&self) -> Condition {
        let admission = self.admission();
        let state = self.state();
        let trouble = state.trouble().map(|trouble| Trouble {
            why: trouble.why.clone(),
            lasting: trouble.since.elapsed(),
        });
        Condition {
            trouble,
            loss: state.loss,
            admission,
        }
    }

    /// Says a trouble again that has lasted for long, with what is missing so far.
    pub(super) fn remind(&self, missing: impl FnOnce() -> String) {
        let mut state = self.state();
        let Some(Since { why, since }) = state.trouble().cloned() else {
            return;
        };
        if state.said.is_some_and(|said| said.elapsed() < REMINDER) {
            return;
        }
        state.said = Some(Instant::now());
        drop(state);
        let minutes = since.elapsed().as_secs() / 60;
        let missing = missing();
        tracing::error!("{why}, for {minutes} minutes now; {missing}");
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether requests are let in that could not be recorded, where none such may pass.
    fn admission(&self) -> Admission {
        match (self.loss, self.trouble()) {
            (Loss::Some, _) => Admission::Ended,
            (Loss::None, Some(_)) => Admission::Paused,
            (Loss::None, None) => Admission::Open,
        }
    }

    /// The trouble that there is; the older one where there are two.
    fn trouble(&self) -> Option<&Since> {
        let both = self.failing.iter().chain(&self.behind);
        both.min_by_key(|trouble| trouble.since)
    }
}

impl Since {
    fn now(why: &str) -> Since {
        Since {
            why: why.to_owned(),
            since: Instant::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stop_refuses_and_after_a_loss_for_good() {
        for (on_failure, paused, ended) in [
            (OnFailure::Pass, Admission::Open, Admission::Open),
            (OnFailure::Stop, Admission::Paused, Admission::Ended),
        ] {
            let health = Health::new(on_failure);
            assert_eq!(health.condition(), Condition::default());
            health.fails("no space");
            assert_eq!(health.condition().admission, paused);
            health.mended();
            assert_eq!(health.condition(), Condition::default());
            health.falls_behind("too slow");
            assert_eq!(health.condition().admission, paused);
            health.loses();
            assert_eq!(health.condition().admission, ended);
            health.caught_up();
            assert_eq!(health.condition().trouble, None);
            assert_eq!(health.condition().admission, ended);
        }
    }

    #[test]
    fn the_older_trouble_is_told() {
        let health = Health::new(OnFailure::Pass);
        health.falls_behind("too slow");
        health.fails("no space");
        health.fails("input/output error");
        let why = |health: &Health| health.condition().trouble.map(|trouble| trouble.why);
        assert_eq!(why(&health).as_deref(), Some("too slow"));
        assert_eq!(health.waiting(), Waiting::Pointless);
        health.caught_up();
        assert_eq!(why(&health).as_deref(), Some("input/output error"));
        assert_eq!(health.waiting(), Waiting::Useful);
    }

    #[test]
    fn a_trouble_is_not_said_again_before_a_minute_is_over() {
        let health = Health::new(OnFailure::Pass);
        health.remind(|| unreachable!("there is none"));
        health.fails("no space");
        health.remind(|| unreachable!("it was said just now"));
        health.state().said = Instant::now().checked_sub(REMINDER);
        let mut said = 0;
        for _ in 0..3 {
            health.remind(|| {
                said += 1;
                String::new()
            });
        }
        assert_eq!(said, 1);
    }
}
