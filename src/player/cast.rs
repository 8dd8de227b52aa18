//! Who plays whom: which live client is tied to which recorded session.

use std::collections::BTreeMap;

use crate::bayeux::ClientId;
use crate::exchange::Session;

/// How many hexadecimal digits of a digest make an identifier: as many as `CometD`'s own have.
const MINTED_DIGITS: usize = 40;

/// For whom a client listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It plays its session.
    Player,
    /// It only looks on: it makes nobody else absent, and takes no session from a player.
    Spectator,
}

/// By what a live client can be recognized.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The session that an `Antiphon-Session` header asks for.
    pub(crate) session: Option<String>,
    /// The user of HTTP Basic authentication.
    pub(crate) user: Option<String>,
    /// The value of the `BAYEUX_BROWSER` cookie.
    pub(crate) browser: Option<String>,
}

/// Why a live client has no session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoSeat {
    #[error("there is no session {0:?}; the sessions are {1}")]
    Unknown(String, String),
    #[error("every session has its client already: {0}")]
    Full(String),
    #[error("{0} has its client already, and only that one hears its notifications")]
    Taken(String),
}

/// The recorded sessions and their live clients.
#[derive(Debug)]
pub(super) struct Cast {
    seats: Vec<Seat>,
    users: BTreeMap<String, usize>,
    clients: BTreeMap<ClientId, usize>,
}

#[derive(Debug)]
struct Seat {
    session: Session,
    browser: String,
    holder: Holder,
    handshakes: u32,
}

/// Who holds a session.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Holder {
    /// Nobody has, in this run.
    Nobody,
    /// Somebody called its operations, and nobody listens yet.
    Caller,
    /// A client listens.
    Client(ClientId, Role),
    /// A client did, and has gone.
    Gone,
}

/// A place that a client has just taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) client: ClientId,
    pub(super) seat: usize,
    /// The client that had it.
    pub(super) before: Option<ClientId>,
}

impl Cast {
    pub(super) fn new(sessions: &[Session]) -> Cast {
        let seats = sessions
            .iter()
            .map(|session| Seat {
                session: session.clone(),
                browser: minted("browser", session, 0),
                holder: Holder::Nobody,
                handshakes: 0,
            })
            .collect();
        Cast {
            seats,
            users: BTreeMap::new(),
            clients: BTreeMap::new(),
        }
    }

    /// The session that a client is tied to already; `None` where nothing ties it yet.
    pub(super) fn tied(&self, identity: &Identity) -> Result<Option<usize>, NoSeat> {
        if let Some(name) = &identity.session {
            let unknown = || NoSeat::Unknown(name.clone(), self.names());
            return self.named(name).ok_or_else(unknown).map(Some);
        }
        let by_user = |user: &String| self.named(user).or_else(|| self.users.get(user).copied());
        let by_cookie =
            |cookie: &String| self.seats.iter().position(|seat| seat.browser == *cookie);
        Ok(identity
            .user
            .as_ref()
            .and_then(by_user)
            .or_else(|| identity.browser.as_ref().and_then(by_cookie)))
    }

    /// Gives a client that shakes hands its session: the one it is tied to, else the next that
    /// nobody has held, else the first whose client has gone.
    pub(super) fn take(&mut self, identity: &Identity, role: Role) -> Result<Taken, NoSeat> {
        let free =
            |holder: fn(&Holder) -> bool| self.seats.iter().position(|seat| holder(&seat.holder));
        let place = match self.tied(identity)? {
            Some(place) => place,
            None => free(|holder| matches!(holder, Holder::Nobody | Holder::Caller))
                .or_else(|| free(|holder| *holder == Holder::Gone))
                .ok_or_else(|| NoSeat::Full(self.names()))?,
        };
        let full = NoSeat::Full(self.names());
        let seat = self.seats.get_mut(place).ok_or(full)?;
        if role == Role::Spectator && matches!(seat.holder, Holder::Client(_, Role::Player)) {
            return Err(NoSeat::Taken(seat.session.to_string()));
        }
        seat.handshakes += 1;
        let client = ClientId(minted("client", &seat.session, seat.handshakes));
        let before = match std::mem::replace(&mut seat.holder, Holder::Client(client.clone(), role))
        {
            Holder::Client(before, _) => Some(before),
            Holder::Nobody | Holder::Caller | Holder::Gone => None,
        };
        self.clients.insert(client.clone(), place);
        self.tie(identity, place);
        Ok(Taken {
            client,
            seat: place,
            before,
        })
    }

    /// Notes that somebody has called an operation of this session.
    pub(super) fn called(&mut self, identity: &Identity, place: usize) {
        self.tie(identity, place);
        if let Some(seat) = self.seats.get_mut(place)
            && seat.holder == Holder::Nobody
        {
            seat.holder = Holder::Caller;
        }
    }

    /// Notes that a client is gone.
    pub(super) fn left(&mut self, client: &ClientId) {
        if let Some(place) = self.clients.remove(client)
            && let Some(seat) = self.seats.get_mut(place)
            && matches!(&seat.holder, Holder::Client(holder, _) if holder == client)
        {
            seat.holder = Holder::Gone;
        }
    }

    /// The session of a client that listens or did.
    pub(super) fn seat_of(&self, client: &ClientId) -> Option<usize> {
        self.clients.get(client).copied()
    }

    /// The client that listens for a session.
    pub(super) fn listener(&self, place: usize) -> Option<&ClientId> {
        match &self.seats.get(place)?.holder {
            Holder::Client(client, _) => Some(client),
            Holder::Nobody | Holder::Caller | Holder::Gone => None,
        }
    }

    /// Whether nobody has held this session in this run.
    pub(super) fn is_vacant(&self, place: usize) -> bool {
        self.seats
            .get(place)
            .is_some_and(|seat| seat.holder == Holder::Nobody)
    }

    /// Whether a request carries a cookie that no session has, and nothing else that ties it.
    pub(super) fn is_stranger(&self, identity: &Identity) -> bool {
        let known = |cookie: &String| self.seats.iter().any(|seat| seat.browser == *cookie);
        let named = identity.session.is_some() || identity.user.is_some();
        !named
            && identity
                .browser
                .as_ref()
                .is_some_and(|cookie| !known(cookie))
    }

    /// The cookie that ties a client to this session.
    pub(super) fn browser(&self, place: usize) -> Option<&str> {
        self.seats.get(place).map(|seat| seat.browser.as_str())
    }

    /// A Basic user who is no session's namesake stays with the first session that it got.
    fn tie(&mut self, identity: &Identity, place: usize) {
        if let (None, Some(user)) = (&identity.session, &identity.user)
            && self.named(user).is_none()
        {
            self.users.entry(user.clone()).or_insert(place);
        }
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.seats
            .iter()
            .position(|seat| seat.session.name() == name)
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.seats.iter().map(|seat| seat.session.name()).collect();
        names.join(", ")
    }
}

/// An identifier that is the same in every run: of what it is, whose, and a number.
fn minted(what: &str, session: &Session, number: u32) -> String {
    let digest = blake3::hash(format!("antiphon {what} {number} {session}").as_bytes());
    digest.to_hex().chars().take(MINTED_DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast() -> Cast {
        Cast::new(&[Session::new("agent1"), Session::new("agent2")])
    }

    fn asking(session: &str) -> Identity {
        Identity {
            session: Some(session.into()),
            ..Identity::default()
        }
    }

    fn user(user: &str) -> Identity {
        Identity {
            user: Some(user.into()),
            ..Identity::default()
        }
    }

    #[test]
    fn clients_without_a_name_take_the_sessions_in_order_until_none_is_left() {
        let mut cast = cast();
        let nobody = Identity::default();
        assert_eq!(cast.take(&nobody, Role::Player).unwrap().seat, 0);
        let second = cast.take(&nobody, Role::Player).unwrap();
        assert_eq!(second.seat, 1);
        assert_eq!(
            cast.take(&nobody, Role::Player).unwrap_err(),
            NoSeat::Full("agent1, agent2".into())
        );
        cast.left(&second.client);
        assert_eq!(cast.take(&nobody, Role::Player).unwrap().seat, 1);
    }

    #[test]
    fn a_header_a_user_and_a_cookie_tie_a_client() {
        let mut cast = cast();
        assert_eq!(cast.take(&asking("agent2"), Role::Player).unwrap().seat, 1);
        assert_eq!(cast.tied(&user("agent2")), Ok(Some(1)));
        assert_eq!(cast.take(&user("alice"), Role::Player).unwrap().seat, 0);
        assert_eq!(cast.tied(&user("alice")), Ok(Some(0)));
        let browser = cast.browser(1).map(str::to_owned);
        let cookie = Identity {
            browser,
            ..Identity::default()
        };
        assert_eq!(cast.tied(&cookie), Ok(Some(1)));
        assert!(matches!(
            cast.take(&asking("agent3"), Role::Player),
            Err(NoSeat::Unknown(..))
        ));
    }

    #[test]
    fn a_client_that_comes_back_takes_over_from_itself_under_a_new_identifier() {
        let mut cast = cast();
        let first = cast.take(&asking("agent2"), Role::Player).unwrap();
        let again = cast.take(&asking("agent2"), Role::Player).unwrap();
        assert_eq!(again.before, Some(first.client.clone()));
        assert_ne!(again.client, first.client);
        cast.left(&first.client);
        assert_eq!(cast.listener(1), Some(&again.client));
    }

    #[test]
    fn a_spectator_takes_a_session_from_a_spectator_alone() {
        let mut cast = cast();
        let one = cast.take(&asking("agent2"), Role::Spectator).unwrap();
        let other = cast.take(&asking("agent2"), Role::Spectator).unwrap();
        assert_eq!(other.before, Some(one.client));
        let player = cast.take(&asking("agent2"), Role::Player).unwrap();
        assert_eq!(player.before, Some(other.client));
        let refused = cast.take(&asking("agent2"), Role::Spectator).unwrap_err();
        assert_eq!(refused, NoSeat::Taken("agent2".into()));
        assert_eq!(cast.listener(1), Some(&player.client));
    }

    #[test]
    fn a_cookie_of_nobody_makes_a_stranger_unless_something_else_ties_the_client() {
        let cast = cast();
        let cookie = |value: &str| Identity {
            browser: Some(value.into()),
            ..Identity::default()
        };
        assert!(cast.is_stranger(&cookie("nobody's")));
        assert!(!cast.is_stranger(&cookie(cast.browser(0).unwrap())));
        assert!(!cast.is_stranger(&Identity {
            user: Some("agent1".into()),
            ..cookie("nobody's")
        }));
        assert!(!cast.is_stranger(&Identity::default()));
    }

    #[test]
    fn identifiers_are_the_same_in_every_run() {
        let (mut one, mut other) = (cast(), cast());
        assert_eq!(one.take(&asking("agent2"), Role::Player).unwrap().client, {
            other.take(&Identity::default(), Role::Player).unwrap();
            other
                .take(&Identity::default(), Role::Player)
                .unwrap()
                .client
        });
    }
}
