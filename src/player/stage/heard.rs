//! What becomes of a notification that was handed over: it reaches its client, or waits again.

use std::borrow::Cow;

use bytes::Bytes;

use super::super::plan::Pushed;
use super::{Quiet, Stage};
use crate::exchange::Micros;
use crate::journal::Delivered;

impl Stage {
    /// The channel and the data of a notification, if live clients chose something in them.
    pub(super) fn live<'a>(
        &self,
        notification: usize,
        pushed: &'a Pushed<'_>,
    ) -> Option<(Cow<'a, str>, Bytes)> {
        self.plan
            .heard(notification, &pushed.notification, &self.bound)
    }

    /// Notes that a notification has reached the client of a session.
    pub(super) fn heard_by(&mut self, now: Micros, place: usize, seat: usize) {
        let session = self.plan.sessions.get(seat);
        let (Some(due), Some(session)) = (self.plan.notifications.get(place), session) else {
            return;
        };
        let under_way = self.under_way.take(due.lane, place);
        if self.again.remove(&place) {
            return; // it is in the transcript already
        }
        let Some(pushed) = under_way.or_else(|| self.plan.pushed(place)) else {
            return;
        };
        let recorded = &pushed.notification;
        let (channel, data) = match self.plan.heard(place, recorded, &self.told) {
            Some((channel, data)) => (channel.into_owned(), data),
            None => (recorded.channel.clone(), recorded.data.bytes().clone()),
        };
        // As a rule it is text, and kept without a copy.
        let text = String::from_utf8_lossy(&data);
        let data = match text {
            Cow::Borrowed(_) => data,
            Cow::Owned(text) => text.into(),
        };
        let entry = Delivered {
            notification: recorded.id,
            channel,
            data,
        };
        self.journal
            .delivered(session, self.plan.way(due), entry, &pushed.saying.identity);
        if let Some(count) = self.heard.get_mut(place) {
            *count += 1;
        }
        if let Quiet::Since(since) = &mut self.quiet {
            *since = now;
        }
    }

    /// Puts back what has never reached its client: it comes next.
    pub(super) fn put_back(&mut self, now: Micros, notification: usize) {
        if let Some(due) = self.plan.notifications.get(notification) {
            self.under_way.take(due.lane, notification);
        }
        self.run.put_back(now, &self.plan, notification);
    }
}
