//! How far a run has come: what was played, what was not, and what that waits for.

use crate::exchange::{Micros, NotificationId, OperationId, Session};

use super::super::plan::{By, Cause, Right, Times};
use super::super::run::Wait;
use super::super::standin::Taken;
use super::Stage;

/// A notification that no client has got yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending<'a> {
    pub(crate) notification: NotificationId,
    pub(crate) session: &'a Session,
    pub(crate) channel: &'a str,
    pub(crate) waits: Waits<'a>,
}

/// What a notification waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Waits<'a> {
    /// These operations.
    Operations(Vec<Called<'a>>),
    /// An earlier notification of its session.
    Predecessor,
    /// A first client of its session.
    Begin,
    /// So much more time.
    Time(Micros),
    /// A client of its session that polls, and has this right to it.
    Client(Right),
}

/// An operation that has not come as far as it must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Called<'a> {
    pub(crate) operation: OperationId,
    pub(crate) session: &'a Session,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) by: By,
}

/// What was played so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Played {
    /// Operations that a client called.
    pub(crate) operations: usize,
    /// Operations of absent sessions.
    pub(crate) by_themselves: usize,
    /// Notifications that reached a client.
    pub(crate) notifications: usize,
}

impl Stage {
    /// What was played.
    pub(crate) fn played(&self) -> Played {
        let mut played = Played {
            notifications: self.heard.iter().filter(|count| **count > 0).count(),
            ..Played::default()
        };
        for place in 0..self.plan.operations.len() {
            if self.run.served(place) > 0 {
                played.operations += 1;
            } else if self.run.has_happened(place) {
                played.by_themselves += 1;
            }
        }
        played
    }

    /// The places of the tapes that were taken for placeholders; told once, with the first copy.
    pub(crate) fn taken_for_placeholders(&self) -> &[Taken] {
        if self.cast.is_first() {
            &self.plan.stand_ins.taken
        } else {
            &[]
        }
    }

    /// The operations that have not happened, but for reads, in recorded order, by their places.
    pub(crate) fn uncalled(&self) -> impl Iterator<Item = usize> {
        let open = |place: &usize| !self.run.has_happened(*place);
        let places = (0..self.plan.operations.len()).filter(open);
        places.filter(|place| self.times(*place) != Times::Any)
    }

    /// An operation that is to come so far. What its tape does not tell any more is left out.
    pub(crate) fn called(&self, place: usize, by: By) -> Option<Called<'_>> {
        let planned = self.plan.operations.get(place)?;
        let recorded = self.plan.recorded(place);
        let request = recorded
            .as_ref()
            .map(|recorded| &recorded.operation().request);
        Some(Called {
            operation: planned.id,
            session: self.plan.sessions.get(planned.session())?,
            method: request.map_or_else(String::new, |request| request.method.clone()),
            target: request.map_or_else(String::new, |request| request.target.clone()),
            by,
        })
    }

    /// The notifications that no client has got, but for those of sessions that count as absent.
    pub(crate) fn pending(&self, now: Micros) -> impl Iterator<Item = Pending<'_>> {
        let unheard = |(place, _): &(usize, _)| self.heard.get(*place) == Some(&0);
        let all = self.plan.notifications.iter().enumerate().filter(unheard);
        all.filter_map(move |(place, due)| {
            let session = self.plan.lanes.get(due.lane)?.session;
            let absent = matches!(self.quiet, super::Quiet::Over);
            let listened = self.cast.has_been_heard(session) || self.outlets.knows(session);
            if absent && !listened {
                return None;
            }
            Some(Pending {
                notification: due.notification.id,
                session: self.plan.sessions.get(session)?,
                channel: &due.notification.channel,
                waits: self.waits(self.run.wait(now, &self.plan, place), due.right, now),
            })
        })
    }

    fn waits(&self, wait: Wait, right: Right, now: Micros) -> Waits<'_> {
        match wait {
            Wait::Causes(causes) => {
                let open = |cause: Cause| self.called(cause.operation, cause.by);
                Waits::Operations(causes.into_iter().filter_map(open).collect())
            }
            Wait::Predecessor => Waits::Predecessor,
            Wait::Begin => Waits::Begin,
            Wait::Time(at) => Waits::Time(at.since(now)),
            Wait::Client => Waits::Client(right),
        }
    }
}
