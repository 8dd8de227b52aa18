//! Finds values that a tool gave to several sessions in place of their own: one and the same cookie or
//! token for all of them, which therefore tells none of them from another.

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::credentials::{self, Credential};
use crate::exchange::{Headers, Session};
use crate::tape::reel::Lost;
use crate::tape::{Event, Walk};

use super::{Slot, placeholder};

/// The values that are shared, by the cookie or field that holds them.
#[derive(Debug, Default)]
pub(in crate::player) struct Shared(BTreeSet<(Slot, String)>);

/// Secrets that a response gives in its header.
pub(in crate::player) type Given = Vec<(Slot, String)>;

/// Looks for values that are shared: by the cookie or header field of a session or token that had one
/// value only, for all of the several sessions that were given one. A session that has sent that
/// value before was not given it: services set cookies again.
#[derive(Debug, Default)]
pub(in crate::player) struct Finder {
    had: BTreeSet<(Session, String)>,
    found: BTreeMap<Slot, Known>,
}

/// Who was given what by one cookie or field.
#[derive(Debug, Default)]
struct Known {
    values: BTreeSet<String>,
    sessions: BTreeSet<Session>,
}

impl Finder {
    /// Takes the next operation: whose it is, what its request shows, and what its response gives.
    pub(in crate::player) fn add(
        &mut self,
        session: &Session,
        shown: &[Credential],
        given: &Given,
    ) {
        for credential in shown {
            self.had
                .insert((session.clone(), credential.value().to_owned()));
        }
        for (slot, value) in given {
            if !self.had.contains(&(session.clone(), value.clone())) {
                let known = self.found.entry(slot.clone()).or_default();
                known.sessions.insert(session.clone());
                known.values.insert(value.clone());
            }
        }
    }

    /// What was found.
    pub(in crate::player) fn end(self) -> Shared {
        let alike = self.found.into_iter();
        let alike = alike.filter(|(_, known)| known.sessions.len() > 1 && known.values.len() == 1);
        let shared = alike.flat_map(|(slot, known)| {
            let values = known.values.into_iter();
            values.map(move |value| (slot.clone(), value))
        });
        Shared(shared.collect())
    }
}

impl Shared {
    /// What is shared on a tape.
    pub(super) fn of<T>(tape: &Walk<T>) -> Result<Shared, Lost> {
        let mut finder = Finder::default();
        let operations = tape.steps.iter();
        for step in operations.filter(|step| step.subject.operation().is_some()) {
            let Event::Operation(operation) = step.event()? else {
                continue;
            };
            let shown = credentials::shown(operation.request.headers.iter());
            let given = given(&operation.response.headers);
            finder.add(&operation.session, &shown, &given);
        }
        Ok(finder.end())
    }

    pub(in crate::player) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn holds(&self, slot: &Slot, value: &str) -> bool {
        self.0.contains(&(slot.clone(), value.to_owned()))
    }
}

/// The secrets that a response gives in its header.
pub(in crate::player) fn given(headers: &Headers) -> Given {
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
