//! What takes the place of parts of an event, kept apart from it until all of it was gone through: what is
//! learned on the way may have to be looked for from the beginning again.
//!
//! What it is, is worked out in [`super::walk`].

use crate::exchange::{Body, Headers, Repair, Session};
use crate::tape::Event;

/// What takes the place of parts of an event.
pub(super) enum Edits {
    /// Of an operation, of which most stays as a rule.
    Operation {
        session: Option<Session>,
        target: Option<String>,
        request: Said,
        response: Said,
        repairs: Option<Vec<Repair>>,
    },
    /// The whole event.
    Whole(Event),
    Nothing,
}

/// What takes the place of parts of a message.
pub(super) struct Said {
    pub(super) headers: Option<Headers>,
    pub(super) trailers: Option<Headers>,
    pub(super) body: Option<Body>,
}

impl Edits {
    /// Puts them into the event that they were made for.
    pub(super) fn apply(self, event: &mut Event) {
        match (self, event) {
            (
                Edits::Operation {
                    session,
                    target,
                    request,
                    response,
                    repairs,
                },
                Event::Operation(operation),
            ) => {
                put(&mut operation.session, session);
                put(&mut operation.request.target, target);
                put(&mut operation.request.headers, request.headers);
                put(&mut operation.request.trailers, request.trailers);
                put(&mut operation.request.body, request.body);
                put(&mut operation.response.headers, response.headers);
                put(&mut operation.response.trailers, response.trailers);
                put(&mut operation.response.body, response.body);
                put(&mut operation.repairs, repairs);
            }
            (Edits::Whole(new), event) => *event = new,
            (Edits::Nothing | Edits::Operation { .. }, _) => {}
        }
    }
}

/// Puts something new in a place, where there is something new.
pub(super) fn put<T>(place: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *place = new;
    }
}
