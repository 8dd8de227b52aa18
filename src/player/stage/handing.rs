//! Hands the notifications that are due to the clients that hear them. When each is due, the run knows, and what
//! becomes of it, [`super::heard`].

use super::super::pace::Pace;
use super::super::plan::{self, Right};
use super::{Send, Stage};
use crate::bayeux::Event;
use crate::exchange::Micros;

/// How many notifications are handed over at one time: few enough that the first of many clients has its own soon,
/// and that what is known of them stays in the caches; and so many that nothing is looked at much more often.
const MAX_AT_ONCE: usize = 128;

impl Stage {
    /// Gives every notification that is due to the client that hears it, and collects what must be
    /// sent, until nothing more follows; or the first of many.
    pub(super) fn advance(&mut self, now: Micros) -> Vec<Send> {
        loop {
            self.settle(now);
            self.rest = self.hand_over_from(now, 0);
            if self.is_unfinished() {
                break;
            }
            self.end_streams();
            if !self.resume(now) {
                break;
            }
        }
        self.flush(now)
    }

    /// Whether so much was due at one time that the caller should send the first of it, and then
    /// [go on](Stage::go_on).
    pub(crate) fn is_unfinished(&self) -> bool {
        self.rest.is_some()
    }

    /// Gives more of what is due to the clients that hear it.
    pub(crate) fn go_on(&mut self, now: Micros) -> Vec<Send> {
        self.rest = self.rest.and_then(|lane| self.hand_over_from(now, lane));
        if self.is_unfinished() {
            self.flush(now)
        } else {
            self.advance(now)
        }
    }

    /// Hands over what is due in the lanes from this one on; of much only the beginning, and in each lane no more
    /// than there is room for: the rest follows when its client has some of it. With which to go on.
    pub(super) fn hand_over_from(&mut self, now: Micros, lane: usize) -> Option<usize> {
        if self.settings.pace == Pace::Step {
            return None;
        }
        let (mut next, mut handed) = (lane, 0);
        while let Some(place) = self.run.open_from(next) {
            if handed >= MAX_AT_ONCE {
                return Some(place);
            }
            while self.under_way.has_room(place) && self.hand_over(now, place).is_some() {
                handed += 1;
            }
            next = place + 1;
        }
        None
    }

    /// Has the Bayeux server answer the polls for which something is there.
    pub(super) fn flush(&mut self, now: Micros) -> Vec<Send> {
        let effects = self.bayeux.flush(now);
        let mut sends = self.carry_out(now, effects);
        sends.extend(self.end_if_changed(now));
        sends
    }

    /// Hands the next notification of a lane to the client that listens; which it was.
    pub(super) fn hand_over(&mut self, now: Micros, place: usize) -> Option<usize> {
        let notification = self.run.due(now, place)?;
        let due = self.plan.notifications.get(notification)?;
        if let Some(stream) = due.stream {
            return self.hand_on(notification, stream);
        }
        let handed = || {
            let client = self.cast.listener(self.plan.lanes.get(place)?.session)?;
            let channel = self.plan.channel(notification, &self.bound)?;
            let may_hear = match due.right {
                Right::Subscription => self.bayeux.hears(client, &channel),
                Right::None => self.bayeux.knows(client),
            };
            if !may_hear {
                return None;
            }
            // Only now, since it may have to be read.
            let pushed = self.plan.pushed(notification)?;
            let json = match self.live(notification, &pushed) {
                Some((channel, data)) => plan::message(&channel, &data),
                None => pushed.saying.message.clone(),
            };
            Some((json, client.clone(), pushed.read()))
        };
        let (json, client, read) = handed()?;
        if let Some(read) = read {
            self.under_way.add(place, notification, read);
        }
        let event = Event {
            token: self.events.len(),
            json,
        };
        self.events.push(notification);
        self.run.take(place);
        self.bayeux.enqueue(&client, event).then_some(notification)
    }
}
