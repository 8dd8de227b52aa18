//! One run of a tape: random clients, one after the other in virtual time, against the player.

mod listen;
mod streams;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bayeux::{self, Exchange};
use crate::exchange::{Micros, Request};
use crate::player::pace::Pace;
use crate::player::plan::{Plan, Planned, Times};
use crate::player::settings::{Absence, Settings};

use super::super::{Answer, Stage};
use super::client::{Client, Deed, Patience, Reads};
use super::model::{End, Outcome, World};
use super::random::Random;
use super::tapes::{Case, Step};

/// How long the player waits for a client, in microseconds; every client comes before.
const ABSENCE: u64 = 2_000_000;

/// How long a client sleeps so that the server forgets it.
const SLEEP: u64 = 5_000_000;

/// How long nothing must happen for a run to be over, once all has happened that should: longer
/// than it takes for a client to count as absent, and than any recorded gap.
const REST: u64 = 4_000_000;

/// The same for a run in which something is missing: longer than a client sleeps, be it as often
/// as it may.
const PATIENCE: u64 = 10 * SLEEP;

/// Longer than any run.
const FOREVER: u64 = 86_400_000_000;

/// The most turns of one run. More is a loop.
const MAX_TURNS: usize = 20_000;

/// What was wrong with a run.
pub(super) type Fault = String;

/// What the clients of runs did, so that a test can tell whether they did enough.
pub(super) type Tally = BTreeMap<Deed, usize>;

/// One run.
struct Schedule<'a> {
    case: &'a Case,
    outcome: &'a Outcome,
    stage: Stage,
    random: Random,
    now: Micros,
    /// What has happened so far.
    world: World<'a>,
    clients: Vec<Client>,
    /// Whose requests wait for an answer.
    waiting: BTreeMap<Exchange, usize>,
    next_exchange: u64,
    /// When the run last came closer to its end.
    progress: Micros,
    /// How late the timer is.
    lateness: Micros,
    max_interval: u64,
    /// The client whose replies cannot be lost, because of what it is about to do.
    safe: Option<usize>,
    tally: &'a mut Tally,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Timer,
    Call(usize),
    Listen(usize),
    Answer(usize, usize),
    Reopen(usize, usize),
}

/// Plays a tape by this schedule, and holds the run against what must come of it.
pub(super) fn play(
    case: &Case,
    outcome: &Outcome,
    random: Random,
    tally: &mut Tally,
) -> Result<(), Fault> {
    let mut schedule = Schedule::new(case, outcome, random, tally);
    for _ in 0..MAX_TURNS {
        match schedule.next() {
            Some((turn, at)) => {
                schedule.now = at;
                schedule.take(turn)?;
            }
            None => return schedule.judge(),
        }
    }
    Err(format!("it goes on after {MAX_TURNS} turns"))
}

impl<'a> Schedule<'a> {
    fn new(case: &'a Case, outcome: &'a Outcome, mut random: Random, tally: &'a mut Tally) -> Self {
        let pace = random.pick(&[
            Pace::Instant,
            Pace::Instant,
            Pace::Recorded,
            Pace::Times(0.5),
            Pace::Times(7.0),
        ]);
        let (timeout, max_interval) = random.pick(&[
            (FOREVER, FOREVER),
            (FOREVER, FOREVER),
            (FOREVER, SLEEP - 1),
            (3_000_000, FOREVER),
            (2_500_000, 4_000_000),
        ]);
        let settings = Settings {
            pace,
            absence: if case.absent.is_none() && random.chance(50) {
                Absence::Never
            } else {
                Absence::After(Micros(ABSENCE))
            },
            bayeux: bayeux::Settings {
                timeout: Micros(timeout),
                max_interval: Micros(max_interval),
                sockets: bayeux::Sockets::NotOffered,
            },
            ..Settings::default()
        };
        // Who does not wait reaches what a tape that gets stuck keeps from who does.
        let patience = if outcome.is_whole() && random.chance(30) {
            Patience::GoesOn
        } else {
            Patience::Waits
        };
        let sessions = case.plan.sessions().iter().enumerate();
        let played = sessions.filter(|(session, _)| case.is_played(*session));
        let clients = played
            .map(|(session, name)| Client::new(session, name.name(), patience, &mut random))
            .collect();
        Schedule {
            case,
            outcome,
            stage: Stage::new(Arc::clone(&case.plan), settings, 0),
            now: Micros(0),
            world: World::new(case),
            clients,
            waiting: BTreeMap::new(),
            next_exchange: 0,
            progress: Micros(0),
            lateness: Micros(random.pick(&[0, 0, 1, 3_000])),
            max_interval,
            safe: None,
            random,
            tally,
        }
    }

    /// Whose turn is next, and when; nobody's, if the run is over.
    fn next(&mut self) -> Option<(Turn, Micros)> {
        let mut turns = Vec::new();
        turns.extend(
            self.stage
                .deadline()
                .map(|at| (Turn::Timer, at.after(self.lateness))),
        );
        for (place, client) in self.clients.iter().enumerate() {
            turns.extend(client.calls_at.map(|at| (Turn::Call(place), at)));
            turns.extend(client.listens_at.map(|at| (Turn::Listen(place), at)));
            let deaf = client.deaf.iter();
            turns.extend(deaf.map(|(operation, (at, _))| (Turn::Reopen(place, *operation), *at)));
            let answers = client.answers.iter();
            turns.extend(answers.map(|(at, operation)| (Turn::Answer(place, *operation), *at)));
        }
        let first = turns.iter().map(|(_, at)| *at).min()?;
        turns.retain(|(_, at)| *at == first);
        let (turn, at) = self.random.pick(&turns);
        let at = at.max(self.now);
        let rest = if self.is_complete() { REST } else { PATIENCE };
        (at <= self.progress.after(Micros(rest))).then_some((turn, at))
    }

    /// Whether everything that should happen has happened.
    fn is_complete(&self) -> bool {
        self.clients.iter().all(|client| {
            client.answers.is_empty()
                && client.heard.len() == self.outcome.heard[client.session].len()
        }) && self
            .outcome
            .end
            .uncalled
            .iter()
            .eq(self.world.uncalled().iter())
    }

    fn take(&mut self, turn: Turn) -> Result<(), Fault> {
        match turn {
            Turn::Timer => {
                let sends = self.stage.tick(self.now);
                self.deliver(sends)?;
                match self.stage.deadline() {
                    Some(at) if at <= self.now => Err(format!(
                        "the timer goes off again and again at {}",
                        self.now.0
                    )),
                    _ => Ok(()),
                }
            }
            Turn::Answer(place, operation) => {
                let client = &mut self.clients[place];
                client.answers.retain(|(_, other)| *other != operation);
                client.calls_at = Some(client.soon(self.now, &mut self.random));
                self.world.answered[operation] = true;
                self.world.settle();
                self.progress = self.now;
                let sends = self.stage.answered(self.now, operation);
                self.deliver(sends)
            }
            Turn::Call(place) => self.go_on(place),
            Turn::Reopen(place, operation) => self.reopen(place, operation),
            Turn::Listen(place) => self.listen(place),
        }
    }

    /// Lets a client take the next step of its program, if it can.
    fn go_on(&mut self, place: usize) -> Result<(), Fault> {
        if self.clients[place].dares(5, &mut self.random) {
            self.lose_any(place)?;
        }
        let client = &mut self.clients[place];
        client.calls_at = None;
        let program = &self.case.programs[client.session];
        if client.manner.reads == Reads::Often && client.dares(20, &mut self.random) {
            let all = program.iter().filter_map(|step| self.case.free_read(*step));
            let all: Vec<usize> = all.collect();
            client.calls_at = Some(client.soon(self.now, &mut self.random));
            if !all.is_empty() {
                let read = self.random.pick(&all);
                return self.call(place, read);
            }
            return Ok(());
        }
        let Some(&step) = program.get(client.step) else {
            return Ok(());
        };
        let (skips, patience) = (client.manner.reads, client.manner.patience);
        match step {
            Step::Answer(operation) if !self.world.answered[operation] => return Ok(()),
            Step::Hear(notification)
                if patience == Patience::Waits && !client.heard.contains(&notification) =>
            {
                return Ok(());
            }
            Step::Call(_) | Step::Answer(_) | Step::Hear(_) => {}
        }
        client.step += 1;
        client.calls_at = Some(client.soon(self.now, &mut self.random));
        match step {
            Step::Call(read) if skips == Reads::Never && self.case.is_free(read) => {
                self.world.received[read] = true;
                self.world.answered[read] = true;
                Ok(())
            }
            Step::Call(operation) => self.call(place, operation),
            Step::Answer(_) | Step::Hear(_) => Ok(()),
        }
    }

    /// Calls an operation, and expects its recorded answer.
    fn call(&mut self, place: usize, expected: usize) -> Result<(), Fault> {
        let planned = &self.case.plan.operations[expected];
        let identity = self.clients[place].identity.clone();
        let (answer, sends) =
            self.stage
                .operation(self.now, &identity, &self.case.request(planned));
        let id = planned.id;
        let recorded = answer.recorded();
        let response = recorded.map(|(_, _, response)| response.clone());
        let (operation, delay) = match answer {
            Answer::Recorded {
                operation,
                delay,
                outlet,
                ..
            } => {
                if let Some((outlet, _)) = outlet {
                    self.opened(place, operation, outlet);
                }
                (operation, delay)
            }
            Answer::Refused(refusal) => {
                return Err(format!("operation {id} is refused: {}", refusal.message));
            }
        };
        let got = &self.case.plan.operations[operation];
        let fits = if planned.times == Times::Any {
            got.session() == planned.session()
                && self.case.plan.played(got).request == self.case.plan.played(planned).request
                && response == Some(self.case.response(got))
        } else {
            operation == expected && response == Some(self.case.response(planned))
        };
        if !fits {
            return Err(format!("operation {id} is answered as {}", got.id));
        }
        // What a read is answered with may be another read, which changes nothing.
        self.world.received[expected] = true;
        self.world.settle();
        self.progress = self.now;
        let client = &mut self.clients[place];
        if !client.answers.iter().any(|(_, other)| *other == expected) {
            let at = client.soon(self.now, &mut self.random).after(delay);
            client.answers.push((at, expected));
        }
        self.deliver(sends)
    }

    /// Holds the end of the run against what must come of the tape.
    fn judge(&self) -> Result<(), Fault> {
        let now = self.progress.after(Micros(REST)).max(self.now);
        let reached = End::reported(&self.stage, now);
        if reached != self.outcome.end {
            let expected = &self.outcome.end;
            return Err(format!("it ends with {reached:?} instead of {expected:?}"));
        }
        for client in &self.clients {
            // The order by each way was looked at when it came.
            let mut heard = client.heard.clone();
            heard.sort_unstable();
            if heard != self.outcome.heard[client.session] {
                return Err(format!("{} has not heard everything", client.name));
            }
        }
        let journal = self.stage.journal();
        if journal.misses().total() + journal.repeats().total() > 0 {
            return Err("there are misses or repeats".into());
        }
        let digest = journal.digest();
        if digest != self.outcome.digest {
            let expected = &self.outcome.digest;
            return Err(format!("the digest is {digest} instead of {expected}"));
        }
        Ok(())
    }
}

/// The request of an operation as its client sends it.
pub(super) fn live(plan: &Plan, planned: &Planned) -> Request {
    plan.played(planned).request.clone()
}
