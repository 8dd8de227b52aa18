//! What the sessions of a tape subscribed to, as far as it tells, and so what reached them without.

use std::collections::BTreeMap;

use crate::bayeux::Pattern;
use crate::exchange::{Micros, Notification, Session, What};
use crate::tape::Event;

/// By which right a session hears a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::player) enum Right {
    /// It subscribed, or has to.
    Subscription,
    /// The service sent it this by itself: on a service channel, or straight to its client.
    None,
}

/// What the channels begin with that nobody subscribes to (the service channels of Bayeux).
const SERVICE: &str = "/service/";

/// The subscriptions of a tape.
#[derive(Debug, Default)]
pub(super) struct Subscribed {
    sessions: BTreeMap<Session, Told>,
    /// Whether something is missing from the tape, which may have been a subscription.
    lacks: bool,
}

/// What a tape tells of one session.
#[derive(Debug, Default)]
struct Told {
    /// When it first shook hands. What it had subscribed to before that nobody knows.
    shook_hands: Option<Micros>,
    patterns: Vec<Pattern>,
}

impl Subscribed {
    /// What these events tell.
    pub(super) fn of(events: &[(usize, Event)]) -> Subscribed {
        let mut sessions: BTreeMap<Session, Told> = BTreeMap::new();
        for fact in events.iter().filter_map(|(_, event)| event.fact()) {
            match &fact.what {
                What::Handshake { .. } => {
                    let told = sessions.entry(fact.session.clone()).or_default();
                    told.shook_hands = Some(told.shook_hands.map_or(fact.at, |at| at.min(fact.at)));
                }
                What::Subscribe(pattern) => {
                    let told = sessions.entry(fact.session.clone()).or_default();
                    told.patterns.extend(Pattern::parse(pattern));
                }
                What::Unsubscribe(_)
                | What::Disconnect
                | What::Acknowledge
                | What::Comment { .. }
                | What::Ping(_)
                | What::Pong(_)
                | What::Closed(_)
                | What::Was(_) => {}
            }
        }
        let gap = |(_, event): &(usize, Event)| matches!(event, Event::Gap(_));
        Subscribed {
            sessions,
            lacks: events.iter().any(gap),
        }
    }

    /// By which right its session heard a notification: by none on a service channel, and where the tape has all that
    /// the session did since it shook hands, with subscriptions among it, but none for the channel, before or after.
    pub(super) fn right(&self, notification: &Notification) -> Right {
        let channel = &notification.channel;
        let told = self.sessions.get(&notification.session);
        let told = told.filter(|told| told.shook_hands.is_some_and(|at| at <= notification.at));
        let is_by_itself = told.is_some_and(|told| {
            let tells_all = !self.lacks && !told.patterns.is_empty();
            (tells_all || channel.starts_with(SERVICE))
                && !told.patterns.iter().any(|pattern| pattern.matches(channel))
        });
        if is_by_itself {
            Right::None
        } else {
            Right::Subscription
        }
    }
}
