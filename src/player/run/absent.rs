//! Sessions that nobody plays: their operations happen by themselves.

use crate::exchange::Micros;
use crate::player::plan::{Lane, LaneEvent, Plan};

use super::Run;

/// Which sessions nobody plays, so that their operations happen by themselves.
#[derive(Clone, Copy)]
pub(in crate::player) enum Absent<'a> {
    /// There is none.
    Nobody,
    /// Those of which this is true.
    Those(&'a dyn Fn(usize) -> bool),
}

impl Run {
    /// Lets the operations of absent sessions happen, and what follows from them, until nothing does.
    pub(super) fn act_all(
        &mut self,
        now: Micros,
        plan: &Plan,
        absent: &dyn Fn(usize) -> bool,
        acted: &mut Vec<usize>,
    ) {
        loop {
            let before = acted.len();
            for (place, planned) in plan.lanes.iter().enumerate() {
                if self.stale.remove(&place) {
                    self.schedule(plan, place);
                }
                if absent(planned.session) {
                    self.act(now, plan, planned, place, acted);
                }
            }
            if acted.len() == before {
                return;
            }
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
                        self.answer(now, plan, operation);
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
}
