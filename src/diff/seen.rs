//! What is noted of an event so that it can be paired with one of the other tape.

use std::fmt;

use crate::compare;
use crate::exchange::{Fact, What};
use crate::tape::Event;

use super::settings::Settings;
use super::view;

/// What is noted of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Among which events it is compared.
    pub(super) lane: Lane,
    /// Digests of it, from the one that tells all that is compared to the one that tells its kind.
    pub(super) keys: [u128; 3],
}

/// The kinds of events that are compared among themselves. Those of a session keep their order in one, and
/// between two kinds it may be another each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// The rules that a page states.
    Contracts,
    /// Requests with their responses.
    Operations,
    /// What the service pushed.
    Notifications,
    /// Handshakes, subscriptions, ends of streams.
    Facts,
}

impl Lane {
    /// All of them, in the order in which they are told.
    pub(super) const ALL: [Lane; 4] = [
        Lane::Contracts,
        Lane::Operations,
        Lane::Notifications,
        Lane::Facts,
    ];
}

impl fmt::Display for Lane {
    /// The name of one such event.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Lane::Contracts => "contract",
            Lane::Operations => "operation",
            Lane::Notifications => "notification",
            Lane::Facts => "fact",
        })
    }
}

impl Seen {
    /// Notes an event; nothing of one that is not compared.
    pub fn of(event: &Event, settings: &Settings) -> Option<Seen> {
        let lane = lane(event)?;
        let view = view::of(event, settings)?;
        Some(Seen {
            lane,
            keys: [
                compare::digest(&view),
                compare::look(&view),
                compare::digest(&view::kind(event)?),
            ],
        })
    }

    pub(super) fn exact(&self) -> u128 {
        let [exact, ..] = self.keys;
        exact
    }
}

/// Where an event is compared, if it is. Heartbeats are not: how many there are is a matter of time. Nor are gaps,
/// of which the reader of a tape is told, and names, under which its events stand.
fn lane(event: &Event) -> Option<Lane> {
    match event {
        Event::Contract(_) => Some(Lane::Contracts),
        Event::Operation(_) => Some(Lane::Operations),
        Event::Notification(_) => Some(Lane::Notifications),
        Event::Fact(Fact { what, .. }) => match what {
            What::Comment { .. } | What::Ping(_) | What::Pong(_) | What::Was(_) => None,
            What::Handshake { .. }
            | What::Subscribe(_)
            | What::Unsubscribe(_)
            | What::Disconnect
            | What::Acknowledge
            | What::Closed(_) => Some(Lane::Facts),
        },
        Event::Gap(_) => None,
    }
}

/// The number of an event that has one.
pub(super) fn number(event: &Event) -> Option<u64> {
    match event {
        Event::Operation(operation) => Some(operation.id.0),
        Event::Notification(notification) => Some(notification.id.0),
        Event::Contract(_) | Event::Fact(_) | Event::Gap(_) => None,
    }
}
