//! What each session did and heard on each tape, in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exchange::{Micros, Notification, Operation, OperationId, Session};

use super::{Lane, LaneEvent, Plan, narrow, wide};

/// One thing that a session did or heard.
#[derive(Clone, Debug)]
pub enum Happening<'a> {
    /// It called an operation.
    Called(Arc<Operation>),
    /// It heard a notification.
    Heard(&'a Notification),
}

/// The events of a lane.
#[derive(Debug, Default)]
pub(in crate::player) struct Events(Vec<u32>);

/// What tells the number of a notification from that of an operation.
const NOTIFICATION: u32 = 1 << 31;

impl Events {
    pub(super) fn push(&mut self, event: LaneEvent) {
        self.0.push(match event {
            LaneEvent::Operation(place) => narrow(place) & !NOTIFICATION,
            LaneEvent::Notification(place) => narrow(place) | NOTIFICATION,
        });
    }

    pub(in crate::player) fn len(&self) -> usize {
        self.0.len()
    }

    pub(in crate::player) fn get(&self, place: usize) -> Option<LaneEvent> {
        self.0.get(place).copied().map(told)
    }

    pub(in crate::player) fn iter(&self) -> impl DoubleEndedIterator<Item = LaneEvent> {
        self.0.iter().copied().map(told)
    }
}

fn told(event: u32) -> LaneEvent {
    let place = wide(event & !NOTIFICATION);
    if event & NOTIFICATION == 0 {
        LaneEvent::Operation(place)
    } else {
        LaneEvent::Notification(place)
    }
}

impl Lane {
    /// The event that the session began as the one with this number, by its place in the lane.
    pub(in crate::player) fn begun(&self, number: usize) -> Option<usize> {
        self.begun.get(number).copied().map(wide)
    }
}

impl Plan {
    /// What each session did and heard, in the order in which it began it: a conversation for each
    /// tape on which it is, tape by tape. How a Bayeux client connects is no part of it.
    pub fn conversations(&self) -> impl Iterator<Item = (&Session, Vec<Happening<'_>>)> {
        self.lanes.iter().filter_map(|lane| {
            let events = lane
                .begun
                .iter()
                .filter_map(|place| lane.events.get(wide(*place)));
            let happening = |event: LaneEvent| match event {
                LaneEvent::Operation(place) => {
                    let called = || self.operation(place).map(Happening::Called);
                    (!self.is_transport(place)).then(called).flatten()
                }
                LaneEvent::Notification(place) => {
                    let due = self.notifications.get(place)?;
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
        let planned = all.find(|planned| planned.id == opened_by)?;
        let first = self.operations.get(planned.opened.as_ref()?.strand)?;
        Some(first.id)
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
                    Some(self.notifications.get(place)?.notification.at)
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
        let seat = self.seat(session);
        (seat, self.lane_of(seat, lanes))
    }

    /// The number of the session of this name.
    pub(super) fn seat(&mut self, session: &Session) -> usize {
        let known = self
            .sessions
            .iter()
            .position(|candidate| candidate == session);
        known.unwrap_or_else(|| {
            self.sessions.push(session.clone());
            self.sessions.len() - 1
        })
    }

    /// The lane of a session on the tape that `lanes` belongs to.
    pub(super) fn lane_of(&mut self, seat: usize, lanes: &mut BTreeMap<usize, usize>) -> usize {
        *lanes.entry(seat).or_insert_with(|| {
            self.lanes.push(Lane {
                session: seat,
                events: Events::default(),
                begun: Vec::new(),
            });
            self.lanes.len() - 1
        })
    }

    pub(super) fn append(&mut self, lane: usize, event: LaneEvent) {
        let (at, answered) = self.span(event);
        let meanwhile = |planned: &Lane, place: usize| {
            planned.events.get(place).is_some_and(|other| {
                let (began, _) = self.span(other);
                at <= began && began < answered
            })
        };
        let later = self.lanes.get(lane).map_or(0, |planned| {
            let latest = planned.begun.iter().rev();
            latest
                .take_while(|place| meanwhile(planned, wide(**place)))
                .count()
        });
        if let Some(lane) = self.lanes.get_mut(lane) {
            let place = lane.begun.len().saturating_sub(later);
            lane.begun.insert(place, narrow(lane.events.len()));
            lane.events.push(event);
        }
    }

    /// When an event began and when it was over.
    fn span(&self, event: LaneEvent) -> (Micros, Micros) {
        let span = match event {
            LaneEvent::Operation(place) => self
                .operations
                .get(place)
                .map(|planned| (planned.at, planned.answered)),
            LaneEvent::Notification(place) => self
                .notifications
                .get(place)
                .map(|due| (due.notification.at, due.notification.at)),
        };
        span.unwrap_or_default()
    }
}
