//! What has happened in one run, and what is due because of it.
//!
//! It knows operations, causes and times, and neither clients nor protocols.

mod absent;
mod progress;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::exchange::Micros;

use super::pace::Pace;
use super::plan::{By, Cause, Due, LaneEvent, Plan};
pub(super) use absent::Absent;
use progress::Progress;

/// The progress of one run.
///
/// What happens is looked at where it matters and nowhere else: a conversation of thousands must not be
/// gone through for each request.
#[derive(Debug)]
pub(super) struct Run {
    pace: Pace,
    operations: Progress,
    lanes: Vec<LaneProgress>,
    /// The lanes of each session.
    of_session: BTreeMap<usize, Vec<usize>>,
    /// The lanes of what travels on the stream that an operation opens.
    on_stream: BTreeMap<usize, BTreeSet<usize>>,
    /// The lanes in which something may have got its time since the run was settled.
    stale: BTreeSet<usize>,
    /// When notifications are due in which lane, later than the run was settled.
    agenda: BTreeSet<(Micros, usize)>,
    /// The lanes whose next notification was due when the run was settled.
    open: BTreeSet<usize>,
    /// The time up to which everything is settled.
    settled: Micros,
}

/// How far a notification has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// It waits for these causes.
    Causes(Vec<Cause>),
    /// It waits for those of its lane that come before it.
    Predecessor,
    /// Nobody has come yet from whom its time could be counted.
    Begin,
    /// It waits for its time.
    Time(Micros),
    /// It waits for a client that hears it.
    Client,
}

#[derive(Debug, Default)]
struct LaneProgress {
    /// The place in the lane of the next event to look at for a notification to schedule.
    heard: usize,
    /// The same for an operation that happens by itself, in the order in which they began.
    acted: usize,
    /// Notifications whose time is known and that nobody has taken yet, in order.
    scheduled: VecDeque<(usize, Micros)>,
    /// The time of the last one that was scheduled.
    last: Option<Micros>,
    /// When the session's client first came: where the time of unsolicited notifications begins.
    begun: Option<Micros>,
    /// How many operations that change something lie behind the latest of them that happened.
    epoch: usize,
}

impl Run {
    pub(super) fn new(plan: &Plan, pace: Pace) -> Run {
        let mut of_session: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, lane) in plan.lanes.iter().enumerate() {
            of_session.entry(lane.session).or_default().push(place);
        }
        let mut on_stream: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for due in &plan.notifications {
            if let Some(operation) = due.stream {
                on_stream.entry(operation).or_default().insert(due.lane);
            }
        }
        Run {
            pace,
            operations: Progress::of(plan.operations.len()),
            lanes: plan.lanes.iter().map(|_| LaneProgress::default()).collect(),
            of_session,
            on_stream,
            stale: (0..plan.lanes.len()).collect(),
            agenda: BTreeSet::new(),
            open: BTreeSet::new(),
            settled: Micros::default(),
        }
    }

    /// How often this operation has answered a live request.
    pub(super) fn served(&self, operation: usize) -> usize {
        self.operations.served(operation)
    }

    /// Whether an operation has happened, be it by itself.
    pub(super) fn has_happened(&self, operation: usize) -> bool {
        self.operations.is_received(operation)
    }

    /// How many operations that change something lie behind a lane's latest that happened.
    pub(super) fn epoch(&self, lane: usize) -> usize {
        self.lanes.get(lane).map_or(0, |lane| lane.epoch)
    }

    /// Notes the request of an operation.
    pub(super) fn receive(&mut self, now: Micros, plan: &Plan, operation: usize) {
        self.operations.serve(now, operation);
        self.touch(plan, operation);
        self.pass(plan, operation);
    }

    /// Looks again, when the run is next settled, at the lanes of what an operation may have released.
    fn touch(&mut self, plan: &Plan, operation: usize) {
        for place in plan.releases.get(&operation).into_iter().flatten() {
            if let Some(due) = plan.notifications.get(*place) {
                let causes = due.causes.iter();
                let mut own = causes.filter(|cause| cause.operation == operation);
                if own.any(|cause| self.happened(*cause).is_some()) {
                    self.stale.insert(due.lane);
                }
            }
        }
        if let Some(lanes) = self.on_stream.get(&operation) {
            self.stale.extend(lanes);
        }
    }

    /// Moves a lane on to behind this operation.
    fn pass(&mut self, plan: &Plan, operation: usize) {
        if let Some(planned) = plan.operations.get(operation)
            && planned.times.is_change()
            && let Some(lane) = self.lanes.get_mut(planned.lane())
        {
            lane.epoch = lane.epoch.max(planned.epoch() + 1);
        }
    }

    /// Whether the first so many events of a lane are over: its notifications were handed over, and its
    /// operations called, but for reads.
    pub(super) fn is_past(&self, plan: &Plan, lane: usize, events: usize) -> bool {
        let (Some(progress), Some(planned)) = (self.lanes.get(lane), plan.lanes.get(lane)) else {
            return false;
        };
        if progress.heard < events {
            return false;
        }
        let waits = |place: usize| progress.scheduled.iter().any(|(other, _)| *other == place);
        let is_over = |event: LaneEvent| match event {
            LaneEvent::Notification(place) => !waits(place),
            LaneEvent::Operation(place) => {
                let planned = plan.operations.get(place);
                let changes = planned.is_some_and(|planned| planned.times.is_change());
                !changes || self.has_happened(place)
            }
        };
        planned.events.iter().take(events).all(is_over)
    }

    /// What a notification that was not handed over yet waits for.
    pub(super) fn wait(&self, now: Micros, plan: &Plan, notification: usize) -> Wait {
        let Some((due, lane)) = plan.notifications.get(notification).and_then(|due| {
            let lane = self.lanes.get(due.lane)?;
            Some((due, lane))
        }) else {
            return Wait::Predecessor;
        };
        let scheduled = lane
            .scheduled
            .iter()
            .find(|(place, _)| *place == notification);
        if let Some(&(_, at)) = scheduled {
            return if at > now {
                Wait::Time(at)
            } else {
                Wait::Client
            };
        }
        let open = |cause: &Cause| self.happened(*cause).is_none();
        let causes = due.causes.iter().copied().chain(opening(due));
        let causes: Vec<Cause> = causes.filter(open).collect();
        if !causes.is_empty() {
            Wait::Causes(causes)
        } else if due.causes.is_empty() && lane.last.or(lane.begun).is_none() {
            Wait::Begin
        } else {
            Wait::Predecessor
        }
    }

    /// Notes that an operation has its answer.
    pub(super) fn answer(&mut self, now: Micros, plan: &Plan, operation: usize) {
        self.operations.answer(now, operation);
        self.touch(plan, operation);
    }

    /// Notes that the client of a session is there.
    pub(super) fn begin(&mut self, now: Micros, session: usize) {
        for place in self.of_session.get(&session).into_iter().flatten() {
            if let Some(lane) = self.lanes.get_mut(*place) {
                lane.begun.get_or_insert(now);
                self.stale.insert(*place);
            }
        }
    }

    /// Makes what an operation has released come once more (`--on-exhausted loop`).
    pub(super) fn release_again(&mut self, now: Micros, plan: &Plan, operation: usize) {
        for &place in plan.releases.get(&operation).into_iter().flatten() {
            let Some(due) = plan.notifications.get(place) else {
                continue;
            };
            let Some(lane) = self.lanes.get_mut(due.lane) else {
                continue;
            };
            // What was never scheduled still waits for another cause, and will come once.
            let planned = plan.lanes.get(due.lane);
            let mut passed = planned.map(|planned| planned.events.iter().take(lane.heard));
            let is_it = |event: LaneEvent| event == LaneEvent::Notification(place);
            if passed.as_mut().is_some_and(|passed| passed.any(is_it)) {
                let at = now
                    .after(self.pace.real(due.gap))
                    .max(lane.last.unwrap_or_default());
                lane.last = Some(at);
                lane.scheduled.push_back((place, at));
                self.agenda.insert((at, due.lane));
            }
        }
    }

    /// Works out what follows from what has happened, until nothing more does. The operations that
    /// happened by themselves are returned.
    pub(super) fn settle(&mut self, now: Micros, plan: &Plan, absent: Absent<'_>) -> Vec<usize> {
        self.settled = now;
        let mut by_themselves = Vec::new();
        if let Absent::Those(absent) = absent {
            self.act_all(now, plan, absent, &mut by_themselves);
        }
        while let Some(place) = self.stale.pop_first() {
            self.schedule(plan, place);
        }
        while let Some(&(at, lane)) = self.agenda.first()
            && at <= now
        {
            self.agenda.pop_first();
            self.open.insert(lane);
        }
        by_themselves
    }

    /// The first lane from this one on whose next notification may be due.
    pub(super) fn open_from(&self, lane: usize) -> Option<usize> {
        self.open.range(lane..).next().copied()
    }

    /// The next notification of this lane, if its time has come.
    pub(super) fn due(&self, now: Micros, lane: usize) -> Option<usize> {
        let &(notification, at) = self.lanes.get(lane)?.scheduled.front()?;
        (at <= now).then_some(notification)
    }

    /// Takes the notification that [`Run::due`] named.
    pub(super) fn take(&mut self, place: usize) {
        if let Some(lane) = self.lanes.get_mut(place) {
            lane.scheduled.pop_front();
            let next = lane.scheduled.front();
            if next.is_none_or(|(_, at)| *at > self.settled) {
                self.open.remove(&place);
            }
        }
    }

    /// Puts back what was taken and never reached its client; the last given comes first.
    pub(super) fn put_back(&mut self, now: Micros, plan: &Plan, notification: usize) {
        let place = plan.notifications.get(notification).map(|due| due.lane);
        if let Some(place) = place
            && let Some(lane) = self.lanes.get_mut(place)
        {
            lane.scheduled.push_front((notification, now));
            self.agenda.insert((now, place));
        }
    }

    /// When the next notification's time comes, of those that waited for nothing but time when the
    /// run was settled last: taken by somebody or not, since the operations of an absent session wait for
    /// the last of its lane.
    pub(super) fn next_due(&self) -> Option<Micros> {
        let mut times = self.agenda.iter().map(|(at, _)| *at);
        times.find(|at| *at > self.settled)
    }

    /// Gives a time to every notification of a lane up to the first that still waits for a cause:
    /// a session's notifications come in recorded order.
    fn schedule(&mut self, plan: &Plan, place: usize) {
        let Some(planned) = plan.lanes.get(place) else {
            return;
        };
        while let Some(lane) = self.lanes.get(place)
            && let Some(event) = planned.events.get(lane.heard)
        {
            let scheduled = match event {
                // An operation holds up nothing that does not name it as a cause.
                LaneEvent::Operation(_) => None,
                LaneEvent::Notification(notification) => {
                    let due = plan.notifications.get(notification);
                    let Some(at) = due.and_then(|due| self.time_of(due, lane)) else {
                        return;
                    };
                    Some((notification, at))
                }
            };
            let Some(lane) = self.lanes.get_mut(place) else {
                return;
            };
            lane.heard += 1;
            if let Some((_, at)) = scheduled {
                lane.last = Some(at);
                self.agenda.insert((at, place));
            }
            lane.scheduled.extend(scheduled);
        }
    }

    /// When a notification is due, once everything that it waits for has happened.
    fn time_of(&self, due: &Due, lane: &LaneProgress) -> Option<Micros> {
        let since = if due.causes.is_empty() {
            lane.last.or(lane.begun)?
        } else {
            let times = due.causes.iter().map(|cause| self.happened(*cause));
            times.collect::<Option<Vec<_>>>()?.into_iter().max()?
        };
        let at = since.after(self.pace.real(due.gap));
        let opened = match opening(due) {
            Some(opening) => self.happened(opening)?,
            None => Micros::default(),
        };
        Some(at.max(opened).max(lane.last.unwrap_or_default()))
    }

    fn happened(&self, cause: Cause) -> Option<Micros> {
        self.operations.when(cause)
    }
}

/// The operation that opens the stream of a notification: it never comes before that, whatever has
/// caused it.
fn opening(due: &Due) -> Option<Cause> {
    due.stream.map(|operation| Cause {
        operation,
        by: By::Received,
    })
}
