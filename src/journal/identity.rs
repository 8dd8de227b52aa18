//! What a recorded message is known by in the digests of a run. What is a part of those is not decided here.

use std::io::Write as _;

use super::{add, length};
use crate::exchange::{Notification, Operation};

/// How many bytes an identity has: those of a BLAKE3 digest.
const LENGTH: usize = 32;

/// How many digits the number of a status has at most.
const MAX_DIGITS: usize = 5;

/// How many bytes an identity is made of at one time: as many as the hash function takes at once.
const MAX_AT_ONCE: usize = 1_024;

/// What a recorded message says, in a digest of its own: its number and its time are no part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity([u8; LENGTH]);

impl Identity {
    /// That of an operation.
    pub fn of_operation(operation: &Operation) -> Identity {
        let (request, response) = (&operation.request, &operation.response);
        let mut room = [0; MAX_DIGITS];
        Identity::of(&[
            request.method.as_bytes(),
            request.target.as_bytes(),
            request.body.bytes(),
            digits(response.status, &mut room),
            response.body.bytes(),
        ])
    }

    /// That of a notification.
    pub fn of_notification(notification: &Notification) -> Identity {
        Identity::of(&[notification.channel.as_bytes(), notification.data.bytes()])
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn of(parts: &[&[u8]]) -> Identity {
        // As a rule it is little, and hashed at one time.
        let mut room = [0; MAX_AT_ONCE];
        let mut rest = room.as_mut_slice();
        let mut put = |bytes: &[u8]| rest.write_all(bytes);
        let fits = |part: &&[u8]| put(&length(part)).and_then(|()| put(part)).is_ok();
        if parts.iter().all(fits) {
            let left = rest.len();
            let all = room.get(..MAX_AT_ONCE - left).unwrap_or_default();
            return Identity(blake3::hash(all).into());
        }
        Identity::of_much(parts)
    }

    /// The same of parts of any length.
    fn of_much(parts: &[&[u8]]) -> Identity {
        let mut hash = blake3::Hasher::new();
        for part in parts {
            add(&mut hash, part);
        }
        Identity(hash.finalize().into())
    }
}

/// A number as it is written.
fn digits(mut number: u16, room: &mut [u8; MAX_DIGITS]) -> &[u8] {
    let mut first = MAX_DIGITS;
    for (place, digit) in room.iter_mut().enumerate().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        first = place;
        if number == 0 {
            break;
        }
    }
    room.get(first..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::exchange::{
        Body, End, Form, Headers, Micros, OperationId, Request, Response, Session,
    };

    proptest! {
        #[test]
        fn an_identity_is_the_same_whether_it_is_made_at_one_time_or_not(
            parts in vec(vec(any::<u8>(), 0..400), 0..6),
        ) {
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(Identity::of(&parts), Identity::of_much(&parts));
        }

        #[test]
        fn the_identity_of_an_operation_is_that_of_what_was_said(
            (status, method) in (any::<u16>(), select(vec!["GET", "POST", "QUERY"])),
            (asked, answered) in (vec(any::<u8>(), 0..700), vec(any::<u8>(), 0..700)),
        ) {
            let operation = Operation {
                id: OperationId(1),
                session: Session::new("a"),
                at: Micros(0),
                answered: Micros(0),
                request: Request {
                    method: method.to_owned(),
                    target: "/a?b".to_owned(),
                    headers: Headers::new(),
                    body: Body::new(asked.clone()),
                    trailers: Headers::new(),
                },
                response: Response {
                    status,
                    headers: Headers::new(),
                    body: Body::new(answered.clone()),
                    trailers: Headers::new(),
                },
                end: End::Complete,
                form: Form::Exchange,
                repairs: Vec::new(),
            };
            let status = status.to_string();
            let said = [method.as_bytes(), b"/a?b", &asked, status.as_bytes(), &answered];
            prop_assert_eq!(Identity::of_operation(&operation), Identity::of_much(&said));
        }
    }
}
