//! Finds values that a tool gave to several sessions in place of their own: one and the same cookie or
//! token for all of them, which therefore tells none of them from another.

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::credentials::{self, Credential};
use crate::exchange::{Operation, Session};
use crate::tape::Tape;

use super::{Slot, placeholder};

/// The values that are shared, by the cookie or field that holds them.
#[derive(Debug, Default)]
pub(super) struct Shared(BTreeSet<(Slot, String)>);

/// Who was given what by one cookie or field.
#[derive(Default)]
struct Given {
    values: BTreeSet<String>,
    sessions: BTreeSet<Session>,
}

impl Shared {
    /// What is shared on a tape: by the cookie or header field of a session or token that had one
    /// value only, for all of the several sessions that were given one. A session that has sent that
    /// value before was not given it: services set cookies again.
    pub(super) fn of(tape: &Tape) -> Shared {
        let mut had: BTreeSet<(&Session, String)> = BTreeSet::new();
        let mut found: BTreeMap<Slot, Given> = BTreeMap::new();
        for operation in tape.operations() {
            for credential in credentials::shown(operation.request.headers.iter()) {
                had.insert((&operation.session, credential.value().to_owned()));
            }
            for (slot, value) in given(operation) {
                if !had.contains(&(&operation.session, value.clone())) {
                    let given = found.entry(slot).or_default();
                    given.sessions.insert(operation.session.clone());
                    given.values.insert(value);
                }
            }
        }
        let alike = found
            .into_iter()
            .filter(|(_, given)| given.sessions.len() > 1 && given.values.len() == 1);
        let shared = alike.flat_map(|(slot, given)| {
            let values = given.values.into_iter();
            values.map(move |value| (slot.clone(), value))
        });
        Shared(shared.collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn holds(&self, slot: &Slot, value: &str) -> bool {
        self.0.contains(&(slot.clone(), value.to_owned()))
    }
}

/// The secrets that a response gives in its header.
fn given(operation: &Operation) -> Vec<(Slot, String)> {
    let headers = &operation.response.headers;
    let cookies = credentials::given(headers.iter()).into_iter();
    let cookie = |credential| match credential {
        Credential::Cookie(name, value) => {
            placeholder::classify(&name).map(|_| (Slot::Cookie(name), value))
        }
        Credential::Token(_) | Credential::User(_) => None,
    };
    let mut found: Vec<(Slot, String)> = cookies.filter_map(cookie).collect();
    for (name, value) in headers.iter() {
        let cookie = name.eq_ignore_ascii_case("set-cookie");
        if let (false, Some(_), Ok(value)) = (
            cookie,
            placeholder::classify(name),
            std::str::from_utf8(value),
        ) {
            found.push((Slot::of(name), value.trim().to_owned()));
        }
    }
    found
}
