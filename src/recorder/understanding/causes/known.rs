//! What is known of one identifier: who touched it, where it stood, and how much it tells.
//!
//! Which identifiers there are, and what follows from them, is the business of [`super::Causes`].

use crate::exchange::OperationId;

use crate::recorder::understanding::identifier::{Shape, Token};

use super::MAX_LATEST;

/// At how many places an identifier's standing is remembered; the first ones tell.
const MAX_PLACES: usize = 8;

/// What is known of an identifier. Of nearly all this is all the memory there is: tens of thousands are known, and
/// what each took for itself would stand between everything else that is under way.
#[derive(Debug)]
pub(super) struct Known {
    touched: Touched,
    origin: Origin,
    /// Whether clients act on it.
    pub(super) role: Role,
    /// Where it stood in notifications, as channel and place.
    pub(super) places: Vec<(String, String)>,
    /// In how many messages it was seen.
    pub(super) seen: u64,
}

/// The latest operations that an identifier belongs to, the oldest first.
#[derive(Debug)]
struct Touched {
    count: usize,
    operations: [OperationId; MAX_LATEST],
    hows: [How; MAX_LATEST],
}

/// An operation that an identifier belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touch {
    /// The operation.
    pub(super) operation: OperationId,
    /// How they came together.
    pub(super) how: How,
}

/// How an operation and an identifier came together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The request carried it.
    Asked,
    /// It came up in the response, or in a notification that the operation caused.
    Brought,
    /// It came up in a notification of which nothing better is known than whose it is.
    Guessed,
}

/// Where an identifier was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// In a login or in the answer to a read: it was there before.
    Standing,
    /// In what was done and what came of it.
    Conversation,
}

/// Whether clients act on what an identifier names; a later role replaces an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// They do not.
    Mentioned,
    /// It was the last identifier in the path of a request that changes something.
    ActedOn,
    /// In such a path another identifier stood behind it: it is a tenant, or a chat with messages.
    Contains,
}

/// How much an identifier tells of a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It names what the notification is about.
    Much,
    /// So it seems, but it comes on several channels, or contains what has names of its own.
    Some,
    /// It is short, or was there before the conversation: a user, a place.
    Little,
}

impl Known {
    /// An identifier that is first seen here.
    pub(super) fn new(origin: Origin) -> Self {
        Known {
            touched: Touched::none(),
            origin,
            role: Role::Mentioned,
            places: Vec::new(),
            seen: 0,
        }
    }

    /// The latest operations that it belongs to.
    pub(super) fn touched(&self) -> impl DoubleEndedIterator<Item = Touch> {
        self.touched.iter()
    }

    /// Learns that it belongs to an operation.
    pub(super) fn touch(&mut self, operation: OperationId, how: How) {
        if self.touched().any(|touch| touch.operation == operation) {
            return;
        }
        self.touched.push(Touch { operation, how });
    }

    /// Whether all that is known of its operations is guessed.
    pub(super) fn is_guessed(&self) -> bool {
        self.touched().all(|touch| touch.how == How::Guessed)
    }

    /// Forgets what was guessed of its operations.
    pub(super) fn forget_guesses(&mut self) {
        let touched = std::mem::replace(&mut self.touched, Touched::none());
        let known = touched.iter().filter(|touch| touch.how != How::Guessed);
        known.for_each(|touch| self.touched.push(touch));
    }

    /// Learns where it stood in a notification.
    pub(super) fn stood(&mut self, place: &(String, String)) {
        if self.places.len() < MAX_PLACES && !self.places.contains(place) {
            self.places.push(place.clone());
        }
    }

    /// How much it tells.
    pub(super) fn weight(&self, token: &Token) -> Weight {
        let tells = match (self.role, self.origin) {
            (Role::ActedOn | Role::Contains, _) => true,
            (Role::Mentioned, Origin::Standing) => false,
            (Role::Mentioned, Origin::Conversation) => token.shape == Shape::Minted,
        };
        let mut channels = self.places.iter().map(|(channel, _)| channel);
        let first = channels.next();
        let everywhere =
            self.role == Role::Contains || channels.any(|channel| Some(channel) != first);
        match (tells, everywhere, self.origin) {
            (true, false, _) => Weight::Much,
            (true, true, Origin::Conversation) => Weight::Some,
            (true, true, Origin::Standing) | (false, ..) => Weight::Little,
        }
    }
}

impl Touched {
    fn none() -> Touched {
        Touched {
            count: 0,
            operations: [OperationId(0); MAX_LATEST],
            hows: [How::Asked; MAX_LATEST],
        }
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = Touch> {
        let operations = self.operations.iter().take(self.count);
        let both = operations.zip(self.hows.iter().take(self.count));
        both.map(|(operation, how)| Touch {
            operation: *operation,
            how: *how,
        })
    }

    /// Adds one, in place of the oldest where there is no room.
    fn push(&mut self, touch: Touch) {
        if self.count == MAX_LATEST {
            self.operations.rotate_left(1);
            self.hows.rotate_left(1);
            self.count -= 1;
        }
        if let (Some(operation), Some(how)) = (
            self.operations.get_mut(self.count),
            self.hows.get_mut(self.count),
        ) {
            (*operation, *how) = (touch.operation, touch.how);
            self.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_latest_operations_are_kept_and_guesses_forgotten(
            steps in prop::collection::vec((0_u64..30, 0_u8..8), 0..60),
        ) {
            let mut known = Known::new(Origin::Conversation);
            let mut plain: Vec<(u64, How)> = Vec::new();
            for (operation, what) in steps {
                let how = match what {
                    0 => {
                        known.forget_guesses();
                        plain.retain(|(_, how)| *how != How::Guessed);
                        continue;
                    }
                    1..4 => How::Guessed,
                    4..6 => How::Asked,
                    _ => How::Brought,
                };
                known.touch(OperationId(operation), how);
                if plain.iter().all(|(other, _)| *other != operation) {
                    plain.push((operation, how));
                    plain.drain(..plain.len().saturating_sub(MAX_LATEST));
                }
                let touched = known.touched().map(|touch| (touch.operation.0, touch.how));
                prop_assert_eq!(&touched.collect::<Vec<_>>(), &plain);
                let guessed = plain.iter().all(|(_, how)| *how == How::Guessed);
                prop_assert_eq!(known.is_guessed(), guessed);
            }
        }
    }
}
