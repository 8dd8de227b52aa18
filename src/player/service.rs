//! The thin shell around a [`Stage`](super::stage::Stage): the run that all requests of a replay share, and
//! the one timer.
//!
//! What a request says and how it is answered, the files in its folder know.

mod live;
mod polling;
mod requests;
mod sockets;
mod state;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::bayeux::Sockets;
use crate::exchange::{self, Micros, NotificationId};

use super::cast::Identity;
use super::copies::{Ask, Copies, CopyId};
use super::forward::Forward;
use super::pace::Pace;
use super::plan::Plan;
use super::refusal::{Kind, Refusal};
use super::report::Report;
use super::settings::{Misses, Settings};
use super::stage::Answer;
use super::streaming::Moored;
pub(super) use polling::Waiting;
pub(super) use state::Waiter;
use state::{Alarm, Answered, Phase, State};

/// A replay: a service for hyper, with the run that it plays. Clones share the run.
#[derive(Clone)]
pub struct Replay(Arc<Shared>);

struct Shared {
    plan: Arc<Plan>,
    settings: Settings,
    endpoints: Vec<String>,
    /// Where misses go on to.
    forward: Option<Forward>,
    started: Instant,
    state: Mutex<State>,
    /// Wakes the timer, whose deadline may have changed.
    changed: Notify,
    /// Wakes who waits for a miss.
    missed: Notify,
    /// How many requests had more content than may be held.
    too_large: AtomicU64,
    /// Tells the sockets of Bayeux clients that the end is near.
    stopping: watch::Sender<bool>,
}

/// Where an operation was answered.
#[derive(Clone, Copy)]
struct Scene {
    copy: CopyId,
    /// The run that it belongs to: in another the operation has not come because of that.
    run: u64,
}

/// What is kept as long as a live client's socket is open.
pub(super) type Held = Box<dyn std::any::Any + std::marker::Send>;

impl Replay {
    /// A replay of `plan` that answers Bayeux requests at these paths and below them.
    pub fn new(plan: impl Into<Arc<Plan>>, settings: Settings, endpoints: Vec<String>) -> Replay {
        Replay::begin(plan.into(), settings, endpoints, None)
    }

    /// Learns what values flow through the tapes, beside everything else. A request that needs to know waits.
    pub fn learn(self) {
        let plan = Arc::clone(&self.0.plan);
        // It ends with the program at the latest, and nobody needs to wait for it.
        std::thread::spawn(move || {
            plan.values();
        });
    }

    /// The same, that sends on what the tapes do not answer.
    pub fn forwarding(
        plan: Plan,
        mut settings: Settings,
        endpoints: Vec<String>,
        forward: Forward,
    ) -> Replay {
        settings.misses = Misses::Forwarded;
        Replay::begin(Arc::new(plan), settings, endpoints, Some(forward))
    }

    fn begin(
        plan: Arc<Plan>,
        mut settings: Settings,
        endpoints: Vec<String>,
        forward: Option<Forward>,
    ) -> Replay {
        if plan.speaks_bayeux_on_sockets() {
            settings.bayeux.sockets = Sockets::Offered;
        }
        let state = State::new(Copies::new(Arc::clone(&plan), settings.clone()));
        Replay(Arc::new(Shared {
            plan,
            settings,
            endpoints,
            forward,
            started: Instant::now(),
            state: Mutex::new(state),
            changed: Notify::new(),
            missed: Notify::new(),
            too_large: AtomicU64::new(0),
            stopping: watch::channel(false).0,
        }))
    }

    /// Keeps the time: does what is due, until the replay is dropped. To be spawned once.
    pub async fn keep_time(self) {
        loop {
            let changed = self.0.changed.notified();
            let deadline = self.state().set_alarm();
            let Some(deadline) = deadline else {
                changed.await;
                continue;
            };
            let wait = Duration::from_micros(deadline.since(self.now()).0);
            if tokio::time::timeout(wait, changed).await.is_err() {
                self.change(|state, now| state.each(|stage| stage.tick(now)));
            }
        }
    }

    /// Returns when a live request has been refused, once for each or for several at a time.
    pub async fn missed(&self) {
        self.0.missed.notified().await;
    }

    /// Answers every held poll, and holds none from now on.
    pub fn stop(&self) {
        self.change(|state, now| {
            state.phase = Phase::Stopping;
            self.0.stopping.send_replace(true);
            state.streams.clear();
            state.each(|stage| stage.release_all(now));
        });
    }

    /// The answer to everything, if a tape was changed while it is played.
    pub(super) fn fault(&self) -> Option<Refusal> {
        let fault = self.0.plan.fault()?;
        Some(Refusal::plain(Kind::Tape, fault.to_owned()))
    }

    /// Whether [`Replay::stop`] was called.
    pub(super) fn is_stopping(&self) -> bool {
        self.state().phase == Phase::Stopping
    }

    /// Starts the run over: every client is unknown, and nothing has happened yet. Returns the
    /// number of the new run.
    pub(super) fn reset(&self) -> u64 {
        let runs = self.change(|state, now| {
            state.each(|stage| stage.release_all(now));
            state.copies = Copies::new(Arc::clone(&self.0.plan), self.0.settings.clone());
            state.streams.clear();
            state.runs += 1;
            state.runs
        });
        self.0.changed.notify_one();
        runs
    }

    /// Releases the next notifications of a copy of the conversation, at the pace of steps; `None`
    /// where there is no such copy, from 1.
    pub(super) fn step(&self, copy: usize, count: usize) -> Option<Vec<NotificationId>> {
        let copy = copy.checked_sub(1)?;
        self.change(|state, now| {
            state.copies.iter().nth(copy)?;
            let (sends, released) = state.stage(CopyId(copy)).step(now, count);
            state.dispatch(sends);
            Some(released)
        })
    }

    /// How many requests were refused for the length of their content.
    pub(super) fn too_large(&self) -> u64 {
        self.0.too_large.load(Ordering::Relaxed)
    }

    /// Whether notifications wait for the word to go on.
    pub(super) fn goes_by_steps(&self) -> bool {
        self.0.settings.pace == Pace::Step
    }

    /// What the run has come to so far.
    pub fn report(&self) -> Report {
        let now = self.now();
        self.look(|copies, run| Report::of(copies, run, now))
    }

    /// Looks at the run.
    pub(super) fn look<T>(&self, at: impl FnOnce(&Copies, u64) -> T) -> T {
        let state = self.state();
        at(&state.copies, state.runs)
    }

    /// What the stage answers to an operation, where that is, and the stream that it opens.
    fn answer(
        &self,
        identity: &Identity,
        live: &exchange::Request,
    ) -> (Answer, Scene, Option<Moored>) {
        // All wait for the run, and none for a tape that is read before it is taken.
        self.0.plan.read_ahead(&live.target);
        self.change(|state, now| {
            let copy = state.copies.of(identity, Ask::Operation(live));
            let (answer, sends) = state.stage(copy).operation(now, identity, live);
            let moored = state.moor(copy, &answer);
            state.dispatch(sends);
            (answer, state.scene(copy), moored)
        })
    }

    /// The answer to an operation is out.
    fn out(&self, scene: Scene, operation: usize) {
        self.change(|state, now| {
            if state.runs == scene.run {
                let sends = state.stage(scene.copy).answered(now, operation);
                state.dispatch(sends);
            }
        });
    }

    fn now(&self) -> Micros {
        Micros(u64::try_from(self.0.started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Changes the run. What that answers to requests that wait goes out when the run is free for others
    /// again, and the timer gets word where it must go off earlier than it would.
    fn change<T>(&self, act: impl FnOnce(&mut State, Micros) -> T) -> T {
        let mut state = self.state();
        let result = act(&mut state, self.now());
        // Of much the first goes out while the rest is worked out.
        while let Some(copy) = state.unfinished() {
            let answers = std::mem::take(&mut state.answers);
            drop(state);
            answers.into_iter().for_each(Answered::give);
            state = self.state();
            let sends = state.stage(copy).go_on(self.now());
            state.dispatch(sends);
        }
        let (answers, alarm) = (std::mem::take(&mut state.answers), state.alarm());
        drop(state);
        if alarm == Alarm::Earlier {
            self.0.changed.notify_one();
        }
        answers.into_iter().for_each(Answered::give);
        result
    }

    /// The state. A thread that panicked while it held the lock has left it between two whole
    /// steps, so going on with it is right.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
