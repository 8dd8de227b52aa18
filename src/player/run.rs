//! What has happened in one run, and what is due because of it.
//!
//! It knows operations, causes and times, and neither clients nor protocols.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::exchange::Micros;

use super::pace::Pace;
use super::plan::{By, Cause, Due, Lane, LaneEvent, Plan, Planned};

/// The progress of one run.
#[derive(Debug)]
pub(super) struct Run {
    pace: Pace,
    operations: Vec<Progress>,
    lanes: Vec<LaneProgress>,
    /// The time up to which everything is settled.
    settled: Micros,
}

/// How far an operation has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    received: Option<Micros>,
    answered: Option<Micros>,
    /// How often a live request was answered with it.
    served: usize,
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

/// Which sessions nobody plays, so that their operations happen by themselves.
pub(super) type Absent<'a> = &'a dyn Fn(usize) -> bool;

impl Run {
    pub(super) fn new(plan: &Plan, pace: Pace) -> Run {
        Run {
            pace,
            operations: vec![Progress::default(); plan.operations.len()],
            lanes: plan.lanes.iter().map(|_| LaneProgress::default()).collect(),
            settled: Micros::default(),
        }
    }

    /// How often this operation has answered a live request.
    pub(super) fn served(&self, operation: usize) -> usize {
        self.operations
            .get(operation)
            .map_or(0, |progress| progress.served)
    }

    /// Whether an operation has happened, be it by itself.
    pub(super) fn has_happened(&self, operation: usize) -> bool {
        self.operations
            .get(operation)
            .is_some_and(|progress| progress.received.is_some())
    }

    /// How many operations that change something lie behind a lane's latest that happened.
    pub(super) fn epoch(&self, lane: usize) -> usize {
        self.lanes.get(lane).map_or(0, |lane| lane.epoch)
    }

    /// Notes the request of an operation.
    pub(super) fn receive(&mut self, now: Micros, plan: &Plan, operation: usize) {
        if let Some(progress) = self.operations.get_mut(operation) {
            progress.received.get_or_insert(now);
            progress.served += 1;
        }
        self.pass(plan, operation);
    }

    /// Moves a lane on to behind this operation.
    fn pass(&mut self, plan: &Plan, operation: usize) {
        if let Some(Planned {
            lane, epoch, times, ..
        }) = plan.operations.get(operation)
            && times.is_change()
            && let Some(lane) = self.lanes.get_mut(*lane)
        {
            lane.epoch = lane.epoch.max(epoch + 1);
        }
    }

    /// Whether the first so many events of a lane are over: its notifications were handed over, and its
    /// operations called, but for reads.
    pub(super) fn is_past(&self, plan: &Plan, lane: usize, events: usize) -> bool {
        let (Some(progress), Some(planned)) = (self.lanes.get(lane), plan.lanes.get(lane)) else {
            return false;
        };
        let waits = |place: usize| progress.scheduled.iter().any(|(other, _)| *other == place);
        let is_over = |event: &LaneEvent| match event {
            LaneEvent::Notification(place) => !waits(*place),
            LaneEvent::Operation(place) => {
                let planned = plan.operations.get(*place);
                let changes = planned.is_some_and(|planned| planned.times.is_change());
                !changes || self.has_happened(*place)
            }
        };
        let before = planned.events.get(..events).unwrap_or_default();
        progress.heard >= events && before.iter().all(is_over)
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
    pub(super) fn answer(&mut self, now: Micros, operation: usize) {
        if let Some(progress) = self.operations.get_mut(operation) {
            progress.received.get_or_insert(now);
            progress.answered.get_or_insert(now);
        }
    }

    /// Notes that the client of a session is there.
    pub(super) fn begin(&mut self, now: Micros, plan: &Plan, session: usize) {
        for (lane, planned) in self.lanes.iter_mut().zip(&plan.lanes) {
            if planned.session == session {
                lane.begun.get_or_insert(now);
            }
        }
    }

    /// Makes what an operation has released come once more (`--on-exhausted loop`).
    pub(super) fn release_again(&mut self, now: Micros, plan: &Plan, operation: usize) {
        let released = plan
            .operations
            .get(operation)
            .map_or(&[][..], |planned| &planned.releases);
        for &place in released {
            let Some(due) = plan.notifications.get(place) else {
                continue;
            };
            let Some(lane) = self.lanes.get_mut(due.lane) else {
                continue;
            };
            // What was never scheduled still waits for another cause, and will come once.
            let passed = plan
                .lanes
                .get(due.lane)
                .and_then(|planned| planned.events.get(..lane.heard));
            if passed.is_some_and(|events| events.contains(&LaneEvent::Notification(place))) {
                let at = now
                    .after(self.pace.real(due.gap))
                    .max(lane.last.unwrap_or_default());
                lane.last = Some(at);
                lane.scheduled.push_back((place, at));
            }
        }
    }

    /// Works out what follows from what has happened, until nothing more does. The operations that
    /// happened by themselves are returned.
    pub(super) fn settle(&mut self, now: Micros, plan: &Plan, absent: Absent<'_>) -> Vec<usize> {
        self.settled = now;
        let mut by_themselves = Vec::new();
        loop {
            let before = by_themselves.len();
            for (place, planned) in plan.lanes.iter().enumerate() {
                self.schedule(plan, planned, place);
                if absent(planned.session) {
                    self.act(now, plan, planned, place, &mut by_themselves);
                }
            }
            if by_themselves.len() == before {
                return by_themselves;
            }
        }
    }

    /// The next notification of this lane, if its time has come.
    pub(super) fn due(&self, now: Micros, lane: usize) -> Option<usize> {
        let &(notification, at) = self.lanes.get(lane)?.scheduled.front()?;
        (at <= now).then_some(notification)
    }

    /// Takes the notification that [`Run::due`] named.
    pub(super) fn take(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.scheduled.pop_front();
        }
    }

    /// Puts back what was taken and never reached its client; the last given comes first.
    pub(super) fn put_back(&mut self, now: Micros, plan: &Plan, notification: usize) {
        let lane = plan.notifications.get(notification).map(|due| due.lane);
        if let Some(lane) = lane.and_then(|lane| self.lanes.get_mut(lane)) {
            lane.scheduled.push_front((notification, now));
        }
    }

    /// When the next notification's time comes, of those that waited for nothing but time when the
    /// run was settled last. Where nobody takes the first of a lane, its last must be named as well:
    /// the operations of an absent session wait for that one.
    pub(super) fn next_due(&self) -> Option<Micros> {
        let of_lane = |lane: &LaneProgress| {
            let front = lane.scheduled.front().map(|&(_, at)| at);
            [front, lane.last]
        };
        let times = self.lanes.iter().flat_map(of_lane).flatten();
        times.filter(|at| *at > self.settled).min()
    }

    /// Gives a time to every notification of a lane up to the first that still waits for a cause:
    /// a session's notifications come in recorded order.
    fn schedule(&mut self, plan: &Plan, planned: &Lane, place: usize) {
        while let Some(lane) = self.lanes.get(place)
            && let Some(event) = planned.events.get(lane.heard)
        {
            let scheduled = match event {
                // An operation holds up nothing that does not name it as a cause.
                LaneEvent::Operation(_) => None,
                LaneEvent::Notification(notification) => {
                    let due = plan.notifications.get(*notification);
                    let Some(at) = due.and_then(|due| self.time_of(due, lane)) else {
                        return;
                    };
                    Some((*notification, at))
                }
            };
            let Some(lane) = self.lanes.get_mut(place) else {
                return;
            };
            lane.heard += 1;
            if let Some((_, at)) = scheduled {
                lane.last = Some(at);
            }
            lane.scheduled.extend(scheduled);
        }
    }

    /// Lets the operations of a lane that nobody plays happen, each when all before it is done.
    fn act(
        &mut self,
        now: Micros,
        plan: &Plan,
        planned: &Lane,
        place: usize,
        acted: &mut Vec<usize>,
    ) {
        while let Some(lane) = self.lanes.get(place)
            && let Some(event) = planned.begun.get(lane.acted)
        {
            match planned.events.get(*event) {
                Some(LaneEvent::Notification(_))
                    if *event >= lane.heard || lane.last.is_some_and(|last| last > now) =>
                {
                    return;
                }
                Some(LaneEvent::Operation(operation)) => {
                    let open = |progress: &Progress| progress.answered.is_none();
                    if self.operations.get(*operation).is_some_and(open) {
                        self.answer(now, *operation);
                        self.pass(plan, *operation);
                        acted.push(*operation);
                    }
                }
                Some(LaneEvent::Notification(_)) | None => {}
            }
            if let Some(lane) = self.lanes.get_mut(place) {
                lane.acted += 1;
            }
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
        let progress = self.operations.get(cause.operation)?;
        match cause.by {
            By::Received => progress.received,
            By::Answered => progress.answered,
        }
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
