//! What each session did and heard on each tape, in order.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exchange::{Micros, Notification, Operation, Session};

use super::{Lane, LaneEvent, Plan, Right, narrow, wide};

/// One thing that a session did or heard, by its place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It called an operation.
    Called(usize),
    /// It heard a notification.
    Heard(usize),
}

/// What a session did and heard on one tape.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// The number of the tape, from 0.
    pub tape: usize,
    /// Whose it is.
    pub session: &'a Session,
    /// What it did and heard, in the order in which it began it.
    pub happenings: Vec<Happening>,
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
    /// What each session did and heard on each tape, tape by tape. How a Bayeux client connects is no part of it.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let numbered = self.conversations.iter().enumerate();
        let lanes =
            numbered.flat_map(|(tape, one)| one.lanes.clone().map(move |lane| (tape, lane)));
        lanes.filter_map(|(tape, lane)| {
            let lane = self.lanes.get(lane)?;
            let events = lane
                .begun
                .iter()
                .filter_map(|place| lane.events.get(wide(*place)));
            let happening = |event: LaneEvent| match event {
                LaneEvent::Operation(place) => {
                    (!self.is_transport(place)).then_some(Happening::Called(place))
                }
                LaneEvent::Notification(place) => Some(Happening::Heard(place)),
            };
            Some(Part {
                tape,
                session: self.sessions.get(lane.session)?,
                happenings: events.filter_map(happening).collect(),
            })
        })
    }

    /// When something began.
    pub fn began(&self, happening: Happening) -> Micros {
        let (at, _) = self.span(match happening {
            Happening::Called(place) => LaneEvent::Operation(place),
            Happening::Heard(place) => LaneEvent::Notification(place),
        });
        at
    }

    /// The operation at a place, as it is played; `None` where its tape was changed.
    pub fn called(&self, place: usize) -> Option<Arc<Operation>> {
        Some(Arc::new(self.recorded(place)?.operation().clone()))
    }

    /// The notification at a place, as it is played; `None` where its tape was changed.
    pub fn heard_at(&self, place: usize) -> Option<Cow<'_, Notification>> {
        Some(self.pushed(place)?.notification)
    }

    /// The channel of the notification at a place, where it came by Bayeux.
    pub fn channel_at(&self, place: usize) -> Option<&str> {
        let due = self.notifications.get(place)?;
        let by_bayeux = due.stream.is_none();
        by_bayeux.then_some(due.notification.channel.as_str())
    }

    /// Whether the session of the notification at a place hears it only where it has subscribed to its channel.
    pub fn wants_subscription(&self, place: usize) -> bool {
        let due = self.notifications.get(place);
        due.is_some_and(|due| due.stream.is_none() && due.right == Right::Subscription)
    }

    /// The operation that opened the first stream of the strand on which something travelled: of the streams
    /// that its client opened one after the other. `None` for what has to do with none.
    pub fn strand(&self, happening: Happening) -> Option<usize> {
        let opened_by = match happening {
            Happening::Called(place) => place,
            Happening::Heard(place) => self.notifications.get(place)?.stream?,
        };
        Some(self.opened.get(&opened_by)?.strand)
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
        *self.seats.entry(session.clone()).or_insert_with(|| {
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
