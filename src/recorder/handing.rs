//! Hands messages to the writer, and tells who has to wait for what comes of them.
//!
//! Whether there is room for one the backlog decides, and what becomes of one that finds none the tap.

use std::sync::Arc;

use super::Shared;
use super::backlog::{Message, Need, Room};
use super::dealt::Number;
use super::queue::Urgency;
use super::settings::Durability;
use super::written::Written;

/// A message that found room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    room: Room,
    number: Number,
}

impl Shared {
    /// What a client waits for that has given this to the writer; nothing where that found no room.
    pub(super) fn written(self: &Arc<Self>, given: Option<Given>) -> Written {
        let waits = |given: &Given| match (given.room, self.durability) {
            (Room::Enough, Durability::Relaxed) => false,
            (Room::Little, _) | (Room::Enough, Durability::Written | Durability::Synced) => true,
        };
        match given.filter(waits) {
            Some(given) => Written::waiting(Arc::clone(self), given.number),
            None => Written::at_once(),
        }
    }

    /// Whether somebody waits for what comes of a message that found so much room.
    fn urgency(&self, room: Room, message: &Message) -> Urgency {
        match (message, room, self.durability) {
            (Message::Turn | Message::Close { .. }, _, _)
            | (_, Room::Little, _)
            | (Message::Over(_), _, Durability::Written | Durability::Synced) => Urgency::Now,
            (Message::Over(_) | Message::Seen(_) | Message::Forget { .. }, _, _) => {
                Urgency::CanWait
            }
        }
    }

    /// Gives a message to the writer; `None` where it finds no room.
    pub(super) fn send(&self, message: Message, need: Need) -> Option<Given> {
        let bytes = message.bytes();
        let room = self.backlog.put(bytes, need)?;
        let urgency = self.urgency(room, &message);
        let sent = self.queue.send(message, urgency);
        let number = sent.unwrap_or_else(|_| {
            self.backlog.took(bytes, 1); // nobody else will, and what is full forever seems to be a slow disk
            self.backlog.missed();
            Number::NONE
        });
        Some(Given { room, number })
    }
}
