//! Who is who: which client sent a request, and what its session is called.
//!
//! Clients are told apart by what the service gave them (cookies, tokens), by the user of their
//! credentials, by their Bayeux `clientId`, and at last by their connection. A client has no name
//! before something of it is written; a name that was provisional is made good once the client
//! logs in, and whoever turns out to be a client known before becomes it.

use std::collections::BTreeSet;

use crate::exchange::Session;

use super::Connection;
use super::credentials::{self, Evidence, Given, Looks};
use super::identifier;
use super::recent::Recent;

/// How many clients are remembered, the idlest forgotten first: more than agents at one service.
const MAX_CLIENTS: usize = 16_384;

/// How many credentials are remembered; a client has a handful at a time.
const MAX_KEYS: usize = 131_072;

/// How many connections are remembered: as many as a proxy can hold open, and some that are closed.
const MAX_CONNECTIONS: usize = 65_536;

/// How many Bayeux clients one client is taken to be at once: tabs of one browser.
const MAX_TABS: usize = 64;

/// The number of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who(u64);

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// The client.
    pub(super) who: Who,
    /// How it was known.
    pub(super) by: By,
}

/// How a client was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// By something that it sent.
    Credential,
    /// By its connection alone.
    Connection,
}

/// What a request is about, as far as it helps to know the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It begins a Bayeux session.
    Handshake,
    /// Anything else.
    Other,
}

/// Something that came out about clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Discovery {
    /// What was recorded as `was` belongs to `session`.
    Was {
        /// The session.
        session: Session,
        /// Its provisional name.
        was: Session,
    },
    /// Two clients are one.
    Same {
        /// The one that is no more.
        from: Who,
        /// Who it is.
        to: Who,
    },
}

/// The clients.
#[derive(Debug)]
pub(super) struct Clients {
    next: u64,
    provisional: u64,
    known: Recent<Who, Client>,
    moved: Recent<Who, Who>,
    keys: Recent<Key, Holder>,
    connections: Recent<Connection, Who>,
    logins: Recent<String, Who>,
    names: Recent<String, ()>,
    discoveries: Vec<Discovery>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Chosen(String),
    Cookie(String, String),
    Token(String),
    User(String),
    Bayeux(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    One(Who, Trust),
    /// Several clients have it, so that it tells nothing: a language, a node, an application's key.
    Many,
}

/// How much a credential tells of its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trust {
    /// It was only seen sent: it may be an application's key.
    Seen,
    /// The service gave it to this client, or it names the client.
    Given,
}

#[derive(Debug, Default)]
struct Client {
    session: Option<Session>,
    login: Option<String>,
    habit: Habit,
    /// The names of the cookies that it has.
    cookies: BTreeSet<String>,
    /// Its Bayeux clients that the service knows.
    tabs: BTreeSet<String>,
    polls: u32,
    standing: Standing,
}

/// Whether a client shows credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Habit {
    #[default]
    Anonymous,
    Presents,
}

/// Whether a client was told to shake hands again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Known,
    Forgotten,
}

impl Clients {
    /// No clients yet; the names are not free.
    pub(super) fn new(taken: &[Session]) -> Self {
        let mut clients = Clients {
            next: 0,
            provisional: 0,
            known: Recent::new(MAX_CLIENTS),
            moved: Recent::new(MAX_CLIENTS),
            keys: Recent::new(MAX_KEYS),
            connections: Recent::new(MAX_CONNECTIONS),
            logins: Recent::new(MAX_CLIENTS),
            names: Recent::new(MAX_KEYS),
            discoveries: Vec::new(),
        };
        for session in taken {
            clients.resume(session);
        }
        clients
    }

    /// Finds out who sends a request.
    pub(super) fn arrive(
        &mut self,
        connection: Connection,
        evidence: &Evidence,
        purpose: Purpose,
    ) -> Arrival {
        let mut keys = keys(evidence);
        // A cookie that looks like no secret, and was not seen given, may be anybody's.
        keys.retain(|key| match key {
            Key::Cookie(_, value) => identifier::is_minted(value) || self.keys.get(key).is_some(),
            Key::Chosen(_) | Key::Token(_) | Key::User(_) | Key::Bayeux(_) => true,
        });
        let found = self.find(&keys, evidence, connection, purpose);
        let mut arrival = found.unwrap_or_else(|| Arrival {
            who: self.create(),
            by: if keys.is_empty() {
                By::Connection
            } else {
                By::Credential
            },
        });
        if self.logs_in_as_another(&arrival, evidence) {
            // Its credentials are still those of the client who it was.
            arrival = Arrival {
                who: self.create(),
                by: By::Connection,
            };
        } else {
            self.bind_all(&keys, arrival.who);
            arrival.who = self.user_is_known(evidence, arrival.who);
        }
        self.connections.insert(&connection, arrival.who);
        arrival
    }

    /// Learns from a response: what it gave, and whether a login was let in. Returns who the client
    /// is, now that more is known.
    pub(super) fn answered(
        &mut self,
        arrival: Arrival,
        connection: Connection,
        evidence: &Evidence,
        given: &Given,
        let_in: bool,
    ) -> Who {
        let mut who = self.current(arrival.who);
        let login = evidence.login.as_ref().filter(|login| {
            let gives = !given.cookies.is_empty() || !given.tokens.is_empty();
            let_in && (login.looks == Looks::Certain || gives)
        });
        if arrival.by == By::Connection && login.is_none() && self.replaces_cookies(who, given) {
            who = self.create();
            self.connections.insert(&connection, who);
        }
        if let Some(login) = login {
            who = self.named(who, &login.name);
        }
        for name in &given.taken {
            let held = evidence
                .cookies
                .iter()
                .filter(|(candidate, _)| candidate == name);
            for (name, value) in held {
                self.keys.remove(&Key::Cookie(name.clone(), value.clone()));
            }
            self.client(who).cookies.remove(name);
        }
        let cookies = given
            .cookies
            .iter()
            .map(|(name, value)| Key::Cookie(name.clone(), value.clone()));
        let tokens = given.tokens.iter().map(|token| Key::Token(token.clone()));
        if login.is_some() {
            for key in keys(evidence)
                .iter()
                .filter(|key| matches!(key, Key::Cookie(..)))
            {
                self.hand_over(key, who, Trust::Seen);
            }
        }
        for key in cookies.chain(tokens) {
            if login.is_some() {
                self.hand_over(&key, who, Trust::Given);
            } else {
                self.bind(&key, who, Trust::Given);
            }
        }
        let names = given.cookies.iter().map(|(name, _)| name.clone());
        self.client(who).cookies.extend(names);
        who
    }

    /// The name of a client's session; from now on it has one.
    pub(super) fn session(&mut self, who: Who) -> Session {
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

    /// The name under which a client logged in.
    pub(super) fn login(&self, who: Who) -> Option<&str> {
        self.known.get(&self.current(who))?.login.as_deref()
    }

    /// Who a client is, now that more may be known.
    pub(super) fn current(&self, who: Who) -> Who {
        // A client is moved to one that was known before it, so that this comes to an end.
        let mut who = who;
        while let Some(to) = self.moved.get(&who) {
            who = *to;
        }
        who
    }

    /// What came out since this was asked the last time.
    pub(super) fn discoveries(&mut self) -> Vec<Discovery> {
        std::mem::take(&mut self.discoveries)
    }

    /// Whether some client has this Bayeux `clientId`.
    pub(super) fn has_bayeux(&self, id: &str) -> bool {
        self.keys.get(&Key::Bayeux(id.to_owned())).is_some()
    }

    /// Learns that a handshake gave a client this `clientId`.
    pub(super) fn shook_hands(&mut self, who: Who, id: &str) {
        self.keys
            .insert(&Key::Bayeux(id.to_owned()), Holder::One(who, Trust::Given));
        let client = self.client(who);
        client.standing = Standing::Known;
        if client.tabs.len() < MAX_TABS {
            client.tabs.insert(id.to_owned());
        }
    }

    /// Learns that a Bayeux client is gone: it disconnected.
    pub(super) fn left(&mut self, who: Who, id: &str) {
        self.client(who).tabs.remove(id);
    }

    /// Learns that the service no longer knows a Bayeux client.
    pub(super) fn forgotten(&mut self, who: Who, id: &str) {
        let client = self.client(who);
        client.tabs.remove(id);
        client.standing = Standing::Forgotten;
    }

    /// Learns that a poll of a client is under way.
    pub(super) fn poll_begins(&mut self, who: Who) {
        let client = self.client(who);
        client.polls = client.polls.saturating_add(1);
    }

    /// Learns that a poll of a client is over.
    pub(super) fn poll_ends(&mut self, who: Who) {
        let client = self.client(who);
        client.polls = client.polls.saturating_sub(1);
    }

    fn find(
        &mut self,
        keys: &[Key],
        evidence: &Evidence,
        connection: Connection,
        purpose: Purpose,
    ) -> Option<Arrival> {
        let credential = |who| Arrival {
            who,
            by: By::Credential,
        };
        if let Some(key @ Key::Chosen(_)) = keys.first() {
            return self.holder(key).map(credential);
        }
        if let Some(who) = self.shown(keys, evidence) {
            return Some(credential(who));
        }
        let last = self
            .connections
            .get(&connection)
            .map(|who| self.current(*who));
        let free = last.filter(|who| self.is_anonymous(*who));
        match (keys.is_empty(), purpose) {
            (false, _) => free.map(credential),
            (true, Purpose::Handshake) => self.shakes_again(last).map(|who| Arrival {
                who,
                by: By::Connection,
            }),
            (true, Purpose::Other) => last.map(|who| Arrival {
                who,
                by: By::Connection,
            }),
        }
    }

    /// Who the credentials of a request say that it is from: first those that the service gave,
    /// then a user's name, a `clientId`, and what was only seen sent before.
    fn shown(&self, keys: &[Key], evidence: &Evidence) -> Option<Who> {
        let user = evidence.user.as_deref();
        let rank = |key: &Key, trust| match (key, trust) {
            (Key::Cookie(..) | Key::Token(_), Trust::Given) => 0,
            (Key::User(_) | Key::Chosen(_), _) => 1,
            (Key::Bayeux(_), _) => 2,
            (Key::Cookie(..) | Key::Token(_), Trust::Seen) => 3,
        };
        let held = keys.iter().filter_map(|key| match self.keys.get(key)? {
            Holder::One(who, trust) => Some((rank(key, *trust), self.current(*who))),
            Holder::Many => None,
        });
        // Who names himself is nobody else, whatever cookies he has.
        let same = |who| user.is_none_or(|user| self.login(who).is_none_or(|login| login == user));
        held.filter(|(_, who)| same(*who))
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, who)| who)
    }

    /// Who shakes hands with no more to show than a connection: the client that used it before,
    /// unless that one has a Bayeux session already; or the only one that was told to.
    fn shakes_again(&self, last: Option<Who>) -> Option<Who> {
        if let Some(client) = last.and_then(|last| self.known.get(&last)) {
            return last.filter(|_| client.tabs.is_empty());
        }
        let forgotten = |client: &Client| {
            client.standing == Standing::Forgotten
                && client.habit == Habit::Anonymous
                && client.tabs.is_empty()
        };
        let mut waiting = self.known.iter().filter(|(_, client)| forgotten(client));
        let only = waiting.next().map(|(who, _)| *who);
        only.filter(|_| waiting.next().is_none())
    }

    fn is_anonymous(&self, who: Who) -> bool {
        let client = self.known.get(&who);
        client.is_some_and(|it| it.login.is_none() && it.habit == Habit::Anonymous)
    }

    fn logs_in_as_another(&self, arrival: &Arrival, evidence: &Evidence) -> bool {
        let (Some(login), Some(known)) = (&evidence.login, self.login(arrival.who)) else {
            return false;
        };
        let sure = arrival.by == By::Connection || login.looks == Looks::Certain;
        evidence.chosen.is_none() && sure && known != login.name
    }

    /// Whether a client that sends its cookies is given others of their names as if it had none:
    /// then it is somebody else on the same connection.
    fn replaces_cookies(&self, who: Who, given: &Given) -> bool {
        self.known.get(&who).is_some_and(|client| {
            client.habit == Habit::Presents
                && given
                    .cookies
                    .iter()
                    .any(|(name, _)| client.cookies.contains(name))
        })
    }

    /// Takes in the name that a request itself states.
    fn user_is_known(&mut self, evidence: &Evidence, who: Who) -> Who {
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
    fn named(&mut self, who: Who, name: &str) -> Who {
        if self.login(who).is_some() {
            return who;
        }
        let known = self
            .logins
            .get(&name.to_owned())
            .map(|known| self.current(*known));
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

    fn merge(&mut self, from: Who, to: Who) {
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

    fn bind_all(&mut self, keys: &[Key], who: Who) {
        let shows = |key: &Key| !matches!(key, Key::Bayeux(_));
        if keys.iter().any(shows) {
            self.client(who).habit = Habit::Presents;
        }
        for key in keys {
            self.bind(key, who, trust(key));
            if let Key::Cookie(name, _) = key {
                self.client(who).cookies.insert(name.clone());
            }
        }
    }

    /// Gives a credential to a client. One that is another's already tells nothing from now on; but
    /// a `clientId` is never shared, so that a nameless holder is the same client.
    fn bind(&mut self, key: &Key, who: Who, trust: Trust) {
        let held = match self.keys.get(key) {
            None => None,
            Some(Holder::One(holder, held)) => Some((self.current(*holder), *held)),
            Some(Holder::Many) => return,
        };
        let bound = match (held, key) {
            (None, _) => Holder::One(who, trust),
            (Some((holder, held)), _) if holder == who => Holder::One(who, trust.max(held)),
            (Some((holder, _)), Key::Bayeux(_)) if self.is_anonymous(holder) => {
                self.merge(holder, who);
                return;
            }
            (Some(_), Key::Bayeux(_) | Key::Chosen(_) | Key::User(_)) => return,
            (Some((_, held)), Key::Cookie(..) | Key::Token(_)) if held < trust => {
                Holder::One(who, trust)
            }
            (Some(_), Key::Cookie(..) | Key::Token(_)) => Holder::Many,
        };
        self.keys.insert(key, bound);
    }

    /// Gives a credential to the client that logged in with it, or was given it then.
    fn hand_over(&mut self, key: &Key, who: Who, trust: Trust) {
        let held = match self.keys.get(key) {
            Some(Holder::Many) => return,
            Some(Holder::One(_, held)) => *held,
            None => trust,
        };
        self.keys.insert(key, Holder::One(who, held.max(trust)));
    }

    fn holder(&self, key: &Key) -> Option<Who> {
        match self.keys.get(key)? {
            Holder::One(who, _) => Some(self.current(*who)),
            Holder::Many => None,
        }
    }

    fn client(&mut self, who: Who) -> &mut Client {
        self.known.entry(&self.current(who), Client::default)
    }

    fn create(&mut self) -> Who {
        self.next += 1;
        let who = Who(self.next);
        self.client(who);
        who
    }

    /// Takes up a session of the tape that is gone on with.
    fn resume(&mut self, session: &Session) {
        self.names.insert(&session.name().to_owned(), ());
        let provisional = session.name().strip_prefix("client");
        if provisional.is_none_or(|rest| rest.parse::<u64>().is_err()) {
            let who = self.create();
            let client = self.client(who);
            client.session = Some(session.clone());
            client.login = Some(session.name().to_owned());
            self.logins.insert(&session.name().to_owned(), who);
            self.keys.insert(
                &Key::User(session.name().to_owned()),
                Holder::One(who, Trust::Given),
            );
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

/// The credentials of a request, those first that tell the most. Cookies that look like no secret
/// tell only where the service gave them to one client.
fn keys(evidence: &Evidence) -> Vec<Key> {
    if let Some(chosen) = &evidence.chosen {
        return vec![Key::Chosen(chosen.clone())];
    }
    let cookie = |(name, value): &(String, String)| Key::Cookie(name.clone(), value.clone());
    let (minted, plain): (Vec<_>, Vec<_>) = evidence
        .cookies
        .iter()
        .partition(|(_, value)| identifier::is_minted(value));
    let minted = minted.into_iter().map(cookie);
    let tokens = evidence.tokens.iter().cloned().map(Key::Token);
    let plain = plain.into_iter().map(cookie);
    let user = evidence.user.iter().cloned().map(Key::User);
    let bayeux = evidence.bayeux.iter().cloned().map(Key::Bayeux);
    minted
        .chain(tokens)
        .chain(plain)
        .chain(user)
        .chain(bayeux)
        .collect()
}

/// How much a credential tells that was sent: a name tells who sends it, the rest may be shared.
fn trust(key: &Key) -> Trust {
    match key {
        Key::Chosen(_) | Key::User(_) | Key::Bayeux(_) => Trust::Given,
        Key::Cookie(..) | Key::Token(_) => Trust::Seen,
    }
}
