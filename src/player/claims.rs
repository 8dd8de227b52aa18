//! Which live credentials stand for those that clients brought with them when they were recorded: a
//! cookie or a key from elsewhere is another one now, and whose it is shows when it is first used.
//!
//! A credential that clients of two sessions show is nobody's: no secret makes two clients one.

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::credentials::Credential;

use super::ties::Ties;

/// The most live credentials of one sort that a session is known by: more than any client changes.
const MAX_CLAIMS: usize = 1_000;

/// What is expected to be of one value at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Cookie(String),
    Token,
}

/// The live credentials that a run has seen.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Whose each is; `None` where it is nobody's.
    holders: BTreeMap<Credential, Option<usize>>,
    shown: BTreeMap<(usize, Sort), BTreeSet<String>>,
}

impl Claims {
    /// Notes that the client of a session shows these credentials.
    pub(super) fn learn(&mut self, ties: &Ties, seat: usize, shown: &[Credential]) {
        for credential in shown {
            let Some(sort) = sort(credential).filter(|_| !ties.has(credential)) else {
                continue;
            };
            if capacity(ties, seat, &sort) == 0 && !self.holders.contains_key(credential) {
                continue;
            }
            let values = self.shown.entry((seat, sort)).or_default();
            if values.len() >= MAX_CLAIMS {
                continue;
            }
            values.insert(credential.value().to_owned());
            let holder = self.holders.entry(credential.clone()).or_insert(Some(seat));
            if *holder != Some(seat) {
                *holder = None;
            }
        }
    }

    /// Makes nobody's what a client shows that turned out to be another's.
    pub(super) fn forget(&mut self, shown: &[Credential]) {
        for credential in shown {
            if let Some(holder) = self.holders.get_mut(credential) {
                *holder = None;
            }
        }
    }

    /// The session that one of these credentials is of, if all that tell anything tell the same.
    pub(super) fn session_of(&self, shown: &[Credential]) -> Option<usize> {
        let mut found = shown
            .iter()
            .filter_map(|credential| *self.holders.get(credential)?);
        let first = found.next()?;
        found.all(|other| other == first).then_some(first)
    }

    /// Whether a session cannot be that of a client which shows these: its own client has shown others,
    /// as many as were recorded.
    pub(super) fn bars(&self, ties: &Ties, seat: usize, shown: &[Credential]) -> bool {
        shown.iter().any(|credential| {
            let Some(sort) = sort(credential) else {
                return false;
            };
            let most = capacity(ties, seat, &sort);
            let values = self.shown.get(&(seat, sort));
            let full = values
                .is_some_and(|values| values.len() >= most && !values.contains(credential.value()));
            most > 0 && full && !ties.has(credential)
        })
    }
}

/// How many credentials of a sort the client of a session had brought with it that nobody else had.
fn capacity(ties: &Ties, seat: usize, sort: &Sort) -> usize {
    let brought = ties.brought(seat);
    let of_sort = brought.filter(|other| self::sort(other).as_ref() == Some(sort));
    of_sort.filter(|other| ties.knows(other)).count()
}

fn sort(credential: &Credential) -> Option<Sort> {
    match credential {
        Credential::Cookie(name, _) => Some(Sort::Cookie(name.clone())),
        Credential::Token(_) => Some(Sort::Token),
        Credential::User(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(value: &str) -> Credential {
        Credential::Cookie("SID".to_owned(), value.to_owned())
    }

    /// Two sessions, each of which brought a cookie of its own.
    fn ties() -> Ties {
        let mut ties = Ties::default();
        for (session, value) in [(0, "recorded-aaa"), (1, "recorded-bbb")] {
            ties.learn(session, &[cookie(value)]);
            ties.learn_brought(session, cookie(value));
        }
        ties
    }

    #[test]
    fn a_live_credential_is_of_the_session_whose_client_showed_it() {
        let (ties, mut claims) = (ties(), Claims::default());
        claims.learn(&ties, 1, &[cookie("live-1")]);
        assert_eq!(claims.session_of(&[cookie("live-1")]), Some(1));
        assert_eq!(claims.session_of(&[cookie("live-2")]), None);
        claims.forget(&[cookie("live-1")]);
        assert_eq!(claims.session_of(&[cookie("live-1")]), None);
    }

    #[test]
    fn what_clients_of_two_sessions_show_is_nobodys() {
        let (ties, mut claims) = (ties(), Claims::default());
        claims.learn(&ties, 0, &[cookie("live-1")]);
        claims.learn(&ties, 1, &[cookie("live-1")]);
        assert_eq!(claims.session_of(&[cookie("live-1")]), None);
    }

    #[test]
    fn a_session_that_has_its_credentials_is_barred_to_others() {
        let (ties, mut claims) = (ties(), Claims::default());
        assert!(!claims.bars(&ties, 0, &[cookie("live-2")]));
        claims.learn(&ties, 0, &[cookie("live-1")]);
        assert!(claims.bars(&ties, 0, &[cookie("live-2")]));
        assert!(!claims.bars(&ties, 0, &[cookie("live-1")]));
        assert!(!claims.bars(&ties, 1, &[cookie("live-2")]));
    }

    #[test]
    fn what_nobody_brought_or_the_tape_has_is_not_claimed() {
        let (ties, mut claims) = (ties(), Claims::default());
        let theme = Credential::Cookie("theme".to_owned(), "a-dark-one".to_owned());
        claims.learn(&ties, 0, &[theme.clone(), cookie("recorded-bbb")]);
        assert_eq!(claims.session_of(&[theme]), None);
        assert_eq!(claims.session_of(&[cookie("recorded-bbb")]), None);
    }
}
