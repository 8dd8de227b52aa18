//! What each session did and heard on each tape, in order.

use std::collections::BTreeMap;

use crate::exchange::{Micros, Notification, Operation, OperationId, Session};

use super::{Lane, LaneEvent, Plan, is_transport};

/// One thing that a session did or heard.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// It called an operation.
    Called(&'a Operation),
    /// It heard a notification.
    Heard(&'a Notification),
}

impl Plan {
    /// What each session did and heard, in the order in which it began it: a conversation for each
    /// tape on which it is, tape by tape. How a Bayeux client connects is no part of it.
    pub fn conversations(&self) -> impl Iterator<Item = (&Session, Vec<Happening<'_>>)> {
        self.lanes.iter().filter_map(|lane| {
            let events = lane
                .begun
                .iter()
                .filter_map(|place| lane.events.get(*place));
            let happening = |event: &LaneEvent| match event {
                LaneEvent::Operation(place) => {
                    let operation = &self.operations.get(*place)?.operation;
                    let transport =
                        is_transport(&operation.request, operation.form, &self.endpoints);
                    (!transport).then_some(Happening::Called(operation))
                }
                LaneEvent::Notification(place) => {
                    let due = self.notifications.get(*place)?;
                    Some(Happening::Heard(&due.notification))
                }
            };
            let session = self.sessions.get(lane.session)?;
            Some((session, events.filter_map(happening).collect()))
        })
    }

    /// The operation that opened the first stream of the strand of this one's: of the streams that its
    /// client opened one after the other.
    pub fn strand(&self, opened_by: OperationId) -> Option<OperationId> {
        let mut all = self.operations.iter();
        let planned = all.find(|planned| planned.operation.id == opened_by)?;
        let first = self.operations.get(planned.opened.as_ref()?.strand)?;
        Some(first.operation.id)
    }

    /// When the last notification of a lane so far came.
    pub(super) fn heard_last(&self, lane: usize) -> Option<Micros> {
        self.lanes
            .get(lane)?
            .events
            .iter()
            .rev()
            .find_map(|event| match event {
                LaneEvent::Notification(place) => {
                    Some(self.notifications.get(*place)?.notification.at)
                }
                LaneEvent::Operation(_) => None,
            })
    }

    /// The session of this name and its lane on the tape that `lanes` belongs to.
    pub(super) fn lane(
        &mut self,
        session: &Session,
        lanes: &mut BTreeMap<usize, usize>,
    ) -> (usize, usize) {
        let known = self
            .sessions
            .iter()
            .position(|candidate| candidate == session);
        let seat = known.unwrap_or_else(|| {
            self.sessions.push(session.clone());
            self.sessions.len() - 1
        });
        let lane = *lanes.entry(seat).or_insert_with(|| {
            self.lanes.push(Lane {
                session: seat,
                events: Vec::new(),
                begun: Vec::new(),
            });
            self.lanes.len() - 1
        });
        (seat, lane)
    }

    pub(super) fn append(&mut self, lane: usize, event: LaneEvent) {
        let (at, answered) = self.span(event);
        let meanwhile = |planned: &Lane, place: usize| {
            planned.events.get(place).is_some_and(|other| {
                let (began, _) = self.span(*other);
                at <= began && began < answered
            })
        };
        let later = self.lanes.get(lane).map_or(0, |planned| {
            let latest = planned.begun.iter().rev();
            latest
                .take_while(|place| meanwhile(planned, **place))
                .count()
        });
        if let Some(lane) = self.lanes.get_mut(lane) {
            let place = lane.begun.len().saturating_sub(later);
            lane.begun.insert(place, lane.events.len());
            lane.events.push(event);
        }
    }

    /// When an event began and when it was over.
    fn span(&self, event: LaneEvent) -> (Micros, Micros) {
        let span = match event {
            LaneEvent::Operation(place) => self
                .operations
                .get(place)
                .map(|planned| (planned.operation.at, planned.operation.answered)),
            LaneEvent::Notification(place) => self
                .notifications
                .get(place)
                .map(|due| (due.notification.at, due.notification.at)),
        };
        span.unwrap_or_default()
    }
}
