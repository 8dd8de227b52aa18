//! What notifications say, and the bytes that carry them: in memory, or in the files of their tapes, where each is
//! read when it is delivered. When that is, is not known here.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Plan, PlanError, Wording, carried};
use crate::bayeux::Pattern;
use crate::exchange::{Body, Carrier, Notification, NotificationId};
use crate::journal::Identity;
use crate::player::shift::Shift;
use crate::tape::Event;
use crate::tape::reel::Spot;

/// Where what a notification says is.
#[derive(Debug)]
pub(super) enum Said {
    Held(Saying),
    /// In this file of the shelf.
    Filed(u32, Spot),
}

/// Where the notifications of a tape are that stay in its files, each in which of them.
pub(super) type Filed = BTreeMap<NotificationId, (u32, Spot)>;

/// How a notification is said again.
#[derive(Clone, Debug)]
pub(in crate::player) struct Saying {
    /// What it was on the tape.
    pub(in crate::player) identity: Identity,
    /// The bytes that carry it: a Bayeux message, or what goes on its stream.
    pub(in crate::player) message: Bytes,
}

/// A notification as it is played, as a whole.
#[derive(Debug)]
pub(in crate::player) struct Pushed<'a> {
    pub(in crate::player) notification: Cow<'a, Notification>,
    pub(in crate::player) saying: Saying,
}

impl Saying {
    /// How this notification is said, whose times are moved. It has passed [`check`].
    pub(super) fn of(notification: &mut Notification, shift: Shift) -> Saying {
        let identity = Identity::of_notification(notification);
        let recorded = notification.data.clone();
        shift.notification(notification);
        let as_written = if recorded == notification.data {
            Wording::Recorded
        } else {
            Wording::Anew
        };
        let data = notification.data.bytes();
        let message = if notification.carrier == Carrier::Bayeux {
            // White space around the JSON is none of it.
            message(&notification.channel, data.trim_ascii())
        } else {
            carried(&notification.carrier, data, as_written)
        };
        share(&mut notification.data, &notification.carrier, &message);
        Saying { identity, message }
    }
}

impl Pushed<'_> {
    /// The same, where it had to be read.
    pub(in crate::player) fn read(self) -> Option<Pushed<'static>> {
        match self.notification {
            Cow::Owned(read) => Some(Pushed {
                notification: Cow::Owned(read),
                saying: self.saying,
            }),
            Cow::Borrowed(_) => None,
        }
    }
}

impl Plan {
    /// A notification as a whole; `None` where its tape was changed.
    pub(in crate::player) fn pushed(&self, place: usize) -> Option<Pushed<'_>> {
        let due = self.notifications.get(place)?;
        let known = &due.notification;
        match &due.said {
            Said::Held(saying) => Some(Pushed {
                notification: Cow::Borrowed(known),
                saying: saying.clone(),
            }),
            Said::Filed(file, spot) => {
                let mut read = self.read_notification(known, (*file, *spot))?;
                let (_, manner) = self.shelf.get(*file)?;
                let saying = Saying::of(&mut read, manner.shift);
                Some(Pushed {
                    notification: Cow::Owned(read),
                    saying,
                })
            }
        }
    }

    /// An event of a tape as it stands there.
    pub(super) fn whole<'a>(&self, event: &'a Event, filed: &Filed) -> Option<Cow<'a, Event>> {
        if let Event::Notification(known) = event
            && let Some(place) = filed.get(&known.id)
        {
            let read = self.read_notification(known, *place)?;
            return Some(Cow::Owned(Event::Notification(read)));
        }
        Some(Cow::Borrowed(event))
    }

    /// The data of a notification as it stands on its tape.
    pub(super) fn data(&self, known: &Notification, filed: &Filed) -> Option<Body> {
        match filed.get(&known.id) {
            None => Some(known.data.clone()),
            Some(place) => Some(self.read_notification(known, *place)?.data),
        }
    }

    /// A notification as it stands in its file, but for what is known better of it than there: its session in
    /// the end, and which of its causes are on the tape.
    fn read_notification(
        &self,
        known: &Notification,
        (file, spot): (u32, Spot),
    ) -> Option<Notification> {
        let (source, _) = self.shelf.get(file)?;
        let read = self.unless_lost(source.notification(spot))?;
        Some(Notification {
            session: known.session.clone(),
            after: known.after.clone(),
            ..read
        })
    }
}

/// Takes what a notification says out of it, which stays in its file: what is left is known without a look there.
pub(super) fn take_out(notification: &mut Notification) {
    notification.data = Body::default();
    if let Carrier::Event(event) = &mut notification.carrier {
        event.written = None;
    }
}

/// Whether a Bayeux message can carry a notification, if it came in one: its data is JSON, and a client can hear
/// its channel.
pub(super) fn check(notification: &Notification) -> Result<(), PlanError> {
    if notification.carrier != Carrier::Bayeux {
        return Ok(());
    }
    if notification.data.json().is_none() {
        return Err(PlanError::NotJson(notification.id.0));
    }
    let channel = &notification.channel;
    match Pattern::parse(channel).filter(|pattern| !pattern.is_wild()) {
        Some(_) => Ok(()),
        None => Err(PlanError::Channel(notification.id.0, channel.clone())),
    }
}

/// Makes data that stands as a whole in the message that carries it a part of that, so that it is held once.
fn share(data: &mut Body, carrier: &Carrier, message: &Bytes) {
    let length = data.bytes().len();
    let start = match carrier {
        // Before the last bracket.
        Carrier::Bayeux => message.len().saturating_sub(length + 1),
        Carrier::Line(_) | Carrier::Message(_) => 0,
        Carrier::Event(_) => return,
    };
    if data.cut().is_none() && message.get(start..start + length) == Some(data.bytes()) {
        *data = Body::new(message.slice(start..start + length));
    }
}

/// The Bayeux message that carries this data, which is JSON.
pub(in crate::player) fn message(channel: &str, data: &[u8]) -> Bytes {
    let channel = serde_json::Value::from(channel).to_string();
    let parts = [
        b"{\"channel\":",
        channel.as_bytes(),
        b",\"data\":",
        data,
        b"}",
    ];
    parts.concat().into()
}
