//! What sessions are called, and clients that turn out to be one.
//!
//! How a client is known is the business of [`Clients`].

use crate::exchange::Session;
use crate::recorder::understanding::credentials::{self, Evidence};
use crate::recorder::understanding::identifier;

use super::keys::{Holder, Key, Trust};
use super::{Clients, Discovery, Who};

impl Clients {
    /// The name of a client's session; from now on it has one.
    pub(in crate::recorder::understanding) fn session(&mut self, who: Who) -> Session {
        let who = self.current(who);
        if let Some(session) = self
            .known
            .get(&who)
            .and_then(|client| client.session.clone())
        {
            return session;
        }
        let login = self.known.get(&who).and_then(|client| client.login.clone());
        let session = match login {
            Some(login) => self.free_name(&login),
            None => self.free_provisional(),
        };
        self.client(who).session = Some(session.clone());
        session
    }

    /// Takes in the name that a request itself states.
    pub(super) fn user_is_known(&mut self, evidence: &Evidence, who: Who) -> Who {
        let readable =
            |value: &&String| credentials::is_name(value) && !identifier::is_minted(value);
        let chosen = evidence.chosen.as_ref().filter(readable);
        match evidence.user.as_ref().or(chosen) {
            Some(name) if self.login(who).is_none() => self.named(who, name),
            _ => who,
        }
    }

    /// Learns what a client is called. Where a client of that name is known and not at work just
    /// now, both are one.
    pub(super) fn named(&mut self, who: Who, name: &str) -> Who {
        if self.login(who).is_some() {
            return who;
        }
        let known = self.logins.get(name).map(|known| self.current(*known));
        if let Some(known) = known.filter(|known| *known != who) {
            if self
                .known
                .get(&known)
                .is_some_and(|client| client.polls == 0)
            {
                self.merge(who, known);
                return known;
            }
        } else {
            self.logins.insert(&name.to_owned(), who);
        }
        self.client(who).login = Some(name.to_owned());
        if let Some(was) = self.client(who).session.take() {
            let session = self.session(who);
            self.discoveries.push(Discovery::Was { session, was });
        }
        who
    }

    pub(super) fn merge(&mut self, from: Who, to: Who) {
        let Some(gone) = self.known.remove(&from) else {
            return;
        };
        self.moved.insert(&from, to);
        self.discoveries.push(Discovery::Same { from, to });
        if let Some(was) = gone.session {
            let session = self.session(to);
            self.discoveries.push(Discovery::Was { session, was });
        }
        let client = self.client(to);
        client.cookies.extend(gone.cookies);
        client.tabs.extend(gone.tabs);
        client.polls = client.polls.saturating_add(gone.polls);
    }

    /// Takes up a session of the tape that is gone on with.
    pub(super) fn resume(&mut self, session: &Session) {
        let name = session.name().to_owned();
        self.names.insert(&name, ());
        let who = self.create();
        let client = self.client(who);
        client.session = Some(session.clone());
        client.login = Some(name.clone());
        self.logins.insert(&name, who);
        let provisional = name.strip_prefix("client");
        if provisional.is_none_or(|rest| rest.parse::<u64>().is_err()) {
            self.keys
                .insert(&Key::User(name), Holder::One(who, Trust::Given));
        }
    }

    fn free_provisional(&mut self) -> Session {
        loop {
            self.provisional += 1;
            let name = format!("client{}", self.provisional);
            if self.names.get(&name).is_none() {
                self.names.insert(&name, ());
                return Session::new(name);
            }
        }
    }

    fn free_name(&mut self, login: &str) -> Session {
        let mut name = login.to_owned();
        let mut number = 1_u64;
        while self.names.get(&name).is_some() {
            number += 1;
            name = format!("{login}-{number}");
        }
        self.names.insert(&name, ());
        Session::new(name)
    }
}
