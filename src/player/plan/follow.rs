//! Follows the values that clients chose through a tape, in the order of time.

use crate::exchange::Micros;

use super::super::standin::StandIns;
use super::super::values::Learner;
use super::super::values::secret::Secrets;
use super::Plan;

/// Something that was said at one time: by its place in the plan, a request, a response or a
/// notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Request(usize),
    Response(usize),
    Notification(usize),
}

impl Plan {
    /// Follows the values through the moments of one tape. Moments of one time, such as all of an
    /// imported tape, count in the order in which they are given.
    pub(super) fn follow(
        &mut self,
        mut moments: Vec<(Micros, Moment)>,
        secrets: &Secrets,
        stand_ins: &StandIns,
    ) {
        moments.sort_by_key(|(at, _)| *at);
        let mut learner = Learner::new(&mut self.values, secrets, stand_ins);
        for (_, moment) in moments {
            match moment {
                Moment::Request(place) => {
                    if let Some(planned) = self.operations.get(place) {
                        learner.request(place, planned.session, &planned.operation);
                    }
                }
                Moment::Response(place) => {
                    if let Some(planned) = self.operations.get(place) {
                        learner.response(place, planned.session, &planned.operation);
                    }
                }
                Moment::Notification(place) => {
                    let Some(due) = self.notifications.get(place) else {
                        continue;
                    };
                    let session = self.lanes.get(due.lane).map_or(0, |lane| lane.session);
                    let causes: Vec<usize> =
                        due.causes.iter().map(|cause| cause.operation).collect();
                    learner.notification(place, session, &causes, &due.notification);
                }
            }
        }
    }
    /// Learns what clients brought with them.
    pub(super) fn learn_brought(&mut self) {
        for (session, credential) in self.values.brought() {
            self.ties.learn_brought(session, credential);
        }
    }

    /// Learns whose the stand-ins are, however a client shows them again.
    pub(super) fn learn_stand_ins(&mut self, stand_ins: &StandIns) {
        for stand_in in &stand_ins.given {
            let mut sessions = self.sessions.iter();
            if let Some(seat) = sessions.position(|session| *session == stand_in.session) {
                self.ties.learn_stand_in(seat, stand_in.text(0));
            }
        }
    }
}
