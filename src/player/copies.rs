//! The copies of a conversation that are played side by side, and which of them a live client is in.
//!
//! Unless the user wants spare sessions there is one copy, and a client beyond it is refused. Each
//! copy is a run of its own, in [`super::stage`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bayeux::{ClientId, Message};
use crate::exchange::Request;

use super::cast::Identity;
use super::plan::Plan;
use super::settings::{Settings, Spare};
use super::stage::Stage;

/// The number of a copy, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CopyId(pub(super) usize);

/// By what a client says in which copy it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The number that it was given, from 1.
    Number(usize),
    /// A name that it made up.
    Name(String),
}

/// What a client asks of the copy that it is in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask<'a> {
    /// To take these messages.
    Messages(&'a [Message]),
    /// To answer this operation.
    Operation(&'a Request),
}

/// The copies.
#[derive(Debug)]
pub(super) struct Copies {
    plan: Arc<Plan>,
    settings: Settings,
    first: Stage,
    others: Vec<Stage>,
    names: BTreeMap<String, CopyId>,
}

impl Copies {
    pub(super) fn new(plan: Arc<Plan>, settings: Settings) -> Copies {
        Copies {
            first: Stage::new(Arc::clone(&plan), settings.clone(), 0),
            others: Vec::new(),
            names: BTreeMap::new(),
            plan,
            settings,
        }
    }

    /// The copy that there always is.
    pub(super) fn first(&self) -> &Stage {
        &self.first
    }

    /// The further ones, in the order in which they were begun.
    pub(super) fn others(&self) -> impl Iterator<Item = &Stage> {
        self.others.iter()
    }

    /// All copies, in that order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Stage> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// All copies, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stage> {
        std::iter::once(&mut self.first).chain(&mut self.others)
    }

    /// This copy; the first where there is none of this number.
    pub(super) fn get(&mut self, CopyId(number): CopyId) -> &mut Stage {
        let other = number.checked_sub(1);
        match other.and_then(|other| self.others.get_mut(other)) {
            Some(stage) => stage,
            None => &mut self.first,
        }
    }

    /// The copy that a client is in, or gets into by what it asks.
    pub(super) fn of(&mut self, identity: &Identity, ask: Ask<'_>) -> CopyId {
        if self.settings.spare == Spare::Refuse {
            return CopyId(0);
        }
        let known = match &identity.copy {
            Some(Mark::Name(name)) => return self.named(name),
            Some(Mark::Number(number)) => number
                .checked_sub(1)
                .filter(|place| *place <= self.others.len()),
            None => None,
        };
        let known = known
            .or_else(|| self.position(|stage| stage.has_client(ask)))
            .or_else(|| self.position(|stage| stage.has_given(identity)));
        if let Some(place) = known
            && !self.get(CopyId(place)).is_anothers(identity, ask)
        {
            return CopyId(place);
        }
        match self.position(|stage| stage.has_room(identity, ask)) {
            Some(place) if self.is_at_home(place, identity, ask) => CopyId(place),
            Some(_) | None => self.begin(),
        }
    }

    /// Whether a copy answers a new client, or no other would: one that has begun expects the secrets of
    /// its own clients.
    fn is_at_home(&self, place: usize, identity: &Identity, ask: Ask<'_>) -> bool {
        let answers = |stage: &Stage| stage.answers(identity, ask);
        let fresh = || Stage::new(Arc::clone(&self.plan), self.settings.clone(), place);
        self.iter().nth(place).is_some_and(answers) || !answers(&fresh())
    }

    fn named(&mut self, name: &str) -> CopyId {
        if let Some(copy) = self.names.get(name) {
            return *copy;
        }
        let free = |place: &CopyId| !self.names.values().any(|taken| taken == place);
        let unnamed = (0..=self.others.len()).map(CopyId).find(free);
        let untouched = unnamed.filter(|place| self.get(*place).is_untouched());
        let copy = untouched.unwrap_or_else(|| self.begin());
        self.names.insert(name.to_owned(), copy);
        copy
    }

    fn position(&self, holds: impl Fn(&Stage) -> bool) -> Option<usize> {
        self.iter().position(holds)
    }

    /// Begins a copy. Beyond the limit it is the first again, which says itself what is wrong.
    fn begin(&mut self) -> CopyId {
        let most = self.settings.caps.copies(self.plan.sessions().len());
        if self.others.len() + 1 >= most {
            return CopyId(0);
        }
        let number = self.others.len() + 1;
        let stage = Stage::new(Arc::clone(&self.plan), self.settings.clone(), number);
        tracing::info!("copy {} of the conversation begins", number + 1);
        self.others.push(stage);
        CopyId(number)
    }
}

impl Ask<'_> {
    /// The client that sends the messages, by its own word.
    pub(super) fn client(self) -> Option<ClientId> {
        match self {
            Ask::Messages(messages) => {
                let id = |message: &Message| message.client_id.clone();
                messages.iter().find_map(id).map(|id| ClientId(id.into()))
            }
            Ask::Operation(_) => None,
        }
    }
}
