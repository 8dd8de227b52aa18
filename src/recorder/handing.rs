//! Hands messages to the writer, and tells who has to wait for what comes of them.
//!
//! Whether there is room for one the backlog decides, and what becomes of one that finds none the tap.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Shared;
use super::backlog::{Message, Need, Room};
use super::queue::Urgency;
use super::settings::Durability;
use super::workplace::Calling;
use super::written::Written;

impl Shared {
    /// What a client waits for that has put something into the queue and found so much room.
    pub(super) fn written(self: &Arc<Self>, room: Room, word: oneshot::Receiver<()>) -> Written {
        let waits = match (room, self.durability) {
            (Room::None, _) | (Room::Enough, Durability::Relaxed) => false,
            (Room::Little, _) | (Room::Enough, Durability::Written | Durability::Synced) => true,
        };
        if waits {
            let caller = (self.calling == Calling::Waiters).then(|| Arc::clone(self));
            Written::waiting(word, self.backlog.health().watch(), caller)
        } else {
            Written::at_once()
        }
    }

    /// Has the writer begin with what waits.
    pub(super) fn call(&self) {
        self.queue.hurry();
    }

    /// Whether somebody waits for what comes of a message that found so much room, and will not call himself.
    fn urgency(&self, room: Room, message: &Message) -> Urgency {
        match (message, room, self.durability) {
            (Message::Turn | Message::Close { .. }, _, _) | (_, Room::Little, _) => Urgency::Now,
            (Message::Over { .. }, _, Durability::Written | Durability::Synced)
                if self.calling == Calling::Senders =>
            {
                Urgency::Now
            }
            (Message::Over { .. } | Message::Seen(_) | Message::Forget { .. }, _, _) => {
                Urgency::CanWait
            }
        }
    }

    /// Gives a message to the writer, where it finds room.
    pub(super) fn send(&self, message: Message, need: Need) -> Room {
        let room = self.backlog.put(message.bytes(), need);
        if room == Room::None {
            return room;
        }
        let urgency = self.urgency(room, &message);
        if self.queue.send(message, urgency).is_err() {
            self.backlog.missed();
        }
        room
    }
}
