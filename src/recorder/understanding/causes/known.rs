//! What is known of one identifier: who touched it, where it stood, and how much it tells.
//!
//! Which identifiers there are, and what follows from them, is the business of [`super::Causes`].

use std::collections::VecDeque;

use crate::exchange::OperationId;

use crate::recorder::understanding::identifier::{Shape, Token};

use super::MAX_LATEST;

/// At how many places an identifier's standing is remembered; the first ones tell.
const MAX_PLACES: usize = 8;

/// What is known of an identifier.
#[derive(Debug)]
pub(super) struct Known {
    touched: VecDeque<Touch>,
    origin: Origin,
    /// Whether clients act on it.
    pub(super) role: Role,
    /// Where it stood in notifications, as channel and place.
    pub(super) places: Vec<(String, String)>,
    /// In how many messages it was seen.
    pub(super) seen: u64,
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
            touched: VecDeque::new(),
            origin,
            role: Role::Mentioned,
            places: Vec::new(),
            seen: 0,
        }
    }

    /// The latest operations that it belongs to.
    pub(super) fn touched(&self) -> impl Iterator<Item = &Touch> {
        self.touched.iter()
    }

    /// Learns that it belongs to an operation.
    pub(super) fn touch(&mut self, operation: OperationId, how: How) {
        if self.touched().any(|touch| touch.operation == operation) {
            return;
        }
        self.touched.push_back(Touch { operation, how });
        if self.touched.len() > MAX_LATEST {
            self.touched.pop_front();
        }
    }

    /// Whether all that is known of its operations is guessed.
    pub(super) fn is_guessed(&self) -> bool {
        self.touched().all(|touch| touch.how == How::Guessed)
    }

    /// Forgets what was guessed of its operations.
    pub(super) fn forget_guesses(&mut self) {
        self.touched.retain(|touch| touch.how != How::Guessed);
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
