//! What has happened in one run, and what is due because of it.
//!
//! It knows operations, causes and times, and neither clients nor protocols.

mod progress;

use std::collections::VecDeque;

use crate::exchange::Micros;

use super::pace::Pace;
use super::plan::{By, Cause, Due, Lane, LaneEvent, Plan};
use progress::Progress;

/// The progress of one run.
#[derive(Debug)]
pub(super) struct Run {
    pace: Pace,
    operations: Progress,
    lanes: Vec<LaneProgress>,
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

/// Which sessions nobody plays, so that their operations happen by themselves.
pub(super) type Absent<'a> = &'a dyn Fn(usize) -> bool;

impl Run {
    pub(super) fn new(plan: &Plan, pace: Pace) -> Run {
        Run {
            pace,
            operations: Progress::of(plan.operations.len()),
            lanes: plan.lanes.iter().map(|_| LaneProgress::default()).collect(),
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
        self.pass(plan, operation);
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
        let waits = |place: usize| progress.scheduled.iter().any(|(other, _)| *other == place);
        let is_over = |event: LaneEvent| match event {
            LaneEvent::Notification(place) => !waits(place),
            LaneEvent::Operation(place) => {
                let planned = plan.operations.get(place);
                let changes = planned.is_some_and(|planned| planned.times.is_change());
                !changes || self.has_happened(place)
            }
        };
        let mut before = planned.events.iter().take(events);
        progress.heard >= events && before.all(is_over)
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
        self.operations.answer(now, operation);
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
            && let Some(event) = planned.begun(lane.acted)
        {
            match planned.events.get(event) {
                Some(LaneEvent::Notification(_))
                    if event >= lane.heard || lane.last.is_some_and(|last| last > now) =>
                {
                    return;
                }
                Some(LaneEvent::Operation(operation)) => {
                    if self.operations.is_open(operation) {
                        self.answer(now, operation);
                        self.pass(plan, operation);
                        acted.push(operation);
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

#[cfg(test)]
mod tests {
    use super::super::plan::tests::{plan, tape};
    use super::*;

    /// Everything that is due now, in the order of the lanes.
    fn due(run: &mut Run, plan: &Plan, now: u64) -> Vec<usize> {
        run.settle(Micros(now), plan, &|_| false);
        drain(run, plan, now)
    }

    fn drain(run: &mut Run, plan: &Plan, now: u64) -> Vec<usize> {
        let mut found = Vec::new();
        for lane in 0..plan.lanes.len() {
            while let Some(notification) = run.due(Micros(now), lane) {
                run.take(lane);
                found.push(notification);
            }
        }
        found
    }

    #[test]
    fn a_notification_waits_for_all_its_causes_and_for_those_before_it() {
        let plan = plan(&[tape("a:op1@0-0 a:op2@0-0 b:n1@0<1,2 b:n2@0<1")]);
        let mut run = Run::new(&plan, Pace::Instant);
        run.receive(Micros(5), &plan, 0);
        run.answer(Micros(5), 0);
        assert_eq!(due(&mut run, &plan, 5), [0; 0]);
        run.receive(Micros(6), &plan, 1);
        assert_eq!(due(&mut run, &plan, 6), [0; 0]);
        run.answer(Micros(6), 1);
        assert_eq!(due(&mut run, &plan, 6), [0, 1]);
        assert_eq!(due(&mut run, &plan, 7), [0; 0]);
    }

    #[test]
    fn a_notification_that_came_before_the_answer_waits_for_the_request_alone() {
        let plan = plan(&[tape("a:op1@10-90 a:n1@50<1 a:n2@90<1")]);
        let mut run = Run::new(&plan, Pace::Instant);
        run.receive(Micros(1), &plan, 0);
        assert_eq!(due(&mut run, &plan, 1), [0]);
        run.answer(Micros(2), 0);
        assert_eq!(due(&mut run, &plan, 2), [1]);
    }

    #[test]
    fn recorded_gaps_pass_at_the_asked_pace() {
        let plan = plan(&[tape("a:op1@0-100 a:n1@300<1 a:n2@400")]);
        let mut run = Run::new(&plan, Pace::Times(2.0));
        run.answer(Micros(1000), 0);
        assert_eq!(due(&mut run, &plan, 1099), [0; 0]);
        assert_eq!(run.next_due(), Some(Micros(1100)));
        assert_eq!(due(&mut run, &plan, 1100), [0]);
        assert_eq!(run.next_due(), Some(Micros(1150)));
        assert_eq!(due(&mut run, &plan, 1150), [1]);
    }

    #[test]
    fn a_time_that_has_passed_since_the_run_was_settled_is_still_named() {
        let plan = plan(&[tape("a:op1@0-0 a:n1@100<1")]);
        let mut run = Run::new(&plan, Pace::Recorded);
        run.answer(Micros(1000), 0);
        assert_eq!(due(&mut run, &plan, 1050), [0; 0]);
        assert_eq!(run.next_due(), Some(Micros(1100)));
        assert_eq!(due(&mut run, &plan, 1200), [0]);
        assert_eq!(run.next_due(), None);
    }

    #[test]
    fn unsolicited_notifications_begin_when_the_client_comes() {
        let plan = plan(&[tape("a:n1@20 a:n2@50")]);
        let mut run = Run::new(&plan, Pace::Recorded);
        assert_eq!(due(&mut run, &plan, 1000), [0; 0]);
        run.begin(Micros(1000), &plan, 0);
        assert_eq!(due(&mut run, &plan, 1019), [0; 0]);
        assert_eq!(due(&mut run, &plan, 1020), [0]);
        assert_eq!(due(&mut run, &plan, 1050), [1]);
    }

    #[test]
    fn operations_of_an_absent_session_happen_when_all_before_them_is_done() {
        let plan = plan(&[tape(
            "a:op1@0-0 b:n1@0<1 b:op2@0-0 a:n2@0<2 a:op3@0-0 b:n3@0<3",
        )]);
        let mut run = Run::new(&plan, Pace::Instant);
        let absent = |session| session == 1;
        assert_eq!(run.settle(Micros(1), &plan, &absent), [0; 0]);
        run.answer(Micros(2), 0);
        assert_eq!(run.settle(Micros(2), &plan, &absent), [1]);
        assert_eq!(drain(&mut run, &plan, 2), [1, 0]);
        run.answer(Micros(3), 2);
        assert_eq!(run.settle(Micros(3), &plan, &absent), [0; 0]);
        assert_eq!(drain(&mut run, &plan, 3), [2]);
    }

    #[test]
    fn an_absent_session_calls_what_its_own_notifications_before_the_answer_wait_for() {
        let plan = plan(&[tape(
            "b:n1@50<1 b:op2@60-70 b:n2@80<2 b:op1@10-90 a:n3@90<1",
        )]);
        let mut run = Run::new(&plan, Pace::Instant);
        let absent = |session| session == 0;
        assert_eq!(run.settle(Micros(1), &plan, &absent), [1, 0]);
        assert_eq!(drain(&mut run, &plan, 1), [0, 1, 2]);
    }

    #[test]
    fn an_absent_session_goes_on_when_the_last_of_its_notifications_is_due() {
        let plan = plan(&[tape("a:op1@0-0 b:n1@10<1 b:n2@30 b:op2@30-30 a:n3@30<2")]);
        let mut run = Run::new(&plan, Pace::Recorded);
        let absent = |session| session == 1;
        run.answer(Micros(1000), 0);
        for (now, acted, next) in [
            (1000, &[][..], Some(1010)),
            (1010, &[], Some(1030)),
            (1030, &[1], None),
        ] {
            assert_eq!(run.settle(Micros(now), &plan, &absent), acted, "{now}");
            assert_eq!(run.next_due(), next.map(Micros), "{now}");
        }
    }

    #[test]
    fn a_session_may_turn_out_to_be_absent_later() {
        let plan = plan(&[tape("a:op1@0-0 b:n1@0<1")]);
        let mut run = Run::new(&plan, Pace::Instant);
        assert_eq!(due(&mut run, &plan, 1), [0; 0]);
        assert_eq!(run.settle(Micros(2), &plan, &|session| session == 0), [0]);
        assert_eq!(drain(&mut run, &plan, 2), [0]);
    }

    #[test]
    fn what_never_arrived_is_put_back_in_order() {
        let plan = plan(&[tape("a:op1@0-0 a:n1@0<1 a:n2@0<1 a:n3@0<1")]);
        let mut run = Run::new(&plan, Pace::Instant);
        run.answer(Micros(1), 0);
        assert_eq!(due(&mut run, &plan, 1), [0, 1, 2]);
        for notification in [2, 1] {
            run.put_back(Micros(2), &plan, notification);
        }
        assert_eq!(due(&mut run, &plan, 2), [1, 2]);
    }

    #[test]
    fn what_an_operation_released_can_come_again() {
        let plan = plan(&[tape("a:op1@0-0 a:n1@0<1 a:op2@0-0 a:n2@0<1,2")]);
        let mut run = Run::new(&plan, Pace::Instant);
        run.answer(Micros(1), 0);
        assert_eq!(due(&mut run, &plan, 1), [0]);
        run.release_again(Micros(2), &plan, 0);
        assert_eq!(due(&mut run, &plan, 2), [0]);
    }

    #[test]
    fn tapes_are_independent_of_each_other() {
        let plan = plan(&[tape("a:op1@0-0 a:n1@0<1"), tape("a:op1@0-0 a:n1@0<1")]);
        let mut run = Run::new(&plan, Pace::Instant);
        run.answer(Micros(1), 1);
        assert_eq!(due(&mut run, &plan, 1), [1]);
        assert_eq!(plan.sessions().len(), 1);
    }
}
