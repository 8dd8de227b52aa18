//! Which operation caused a notification.
//!
//! In this order: a reference that both carry; the latest state-changing operation that shares an
//! identifier with it; the latest state-changing operation of its own session; none. What an
//! identifier says is learned. One on which clients act (it stands in the path of a request) tells
//! the most, and in a notification the places where such identifiers stood before tell what the
//! notification is about. One that was there before the conversation (first seen in a login or in
//! the answer to a read), or that comes on several channels, tells little: a user's URI is everywhere.
//!
//! It knows clients by number only, and nothing of how messages travel.

mod known;
mod said;
mod search;
mod tokens;

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};

use crate::exchange::{CauseBy, Micros, OperationId};

use super::clients::Who;
use super::content::Part;
use super::identifier::{self, Token};
use super::recent::{Numbered, Recent};
use known::{How, Origin, Role, Weight};
use said::{Fingerprint, Said};
use tokens::Tokens;

/// How many operations are remembered with what they brought. Timers run for minutes, not for
/// thousands of operations.
const MAX_OPERATIONS: usize = 8_192;

/// How many values are remembered, to know which a client brought first.
const MAX_VALUES: usize = 65_536;

/// How many of the newest operations may have made what comes up: those under way, and some.
const MAX_LOOK_BACK: usize = 64;

/// How many references, clients, names and places are remembered.
const MAX_OTHERS: usize = 16_384;

/// How many of the latest operations are kept for an identifier or a client: enough to step back
/// over those under way at once and those that failed.
const MAX_LATEST: usize = 8;

/// The longest reference that is remembered; a longer text is none.
const MAX_REFERENCE: usize = 128;

/// For how long an operation that was answered, and of which its client has heard, may still bring
/// up something that nobody has named: a consultation comes with the call that it holds.
const SETTLED: Micros = Micros(1_000_000);

/// Names of fields that tie an answer or a notification to a request, in lower case and without
/// punctuation. All end with [`REFERENCES_END`].
const REFERENCES: &[&str] = &[
    "referenceid",
    "refid",
    "operationid",
    "requestid",
    "correlationid",
    "transactionid",
];

/// The last letter of each, by which most names can be told from them.
const REFERENCES_END: u8 = b'd';

/// What was learned of causes.
#[derive(Debug)]
pub(super) struct Causes {
    tokens: Tokens,
    /// The places, by channel, where identifiers on which clients act have stood.
    subjects: Recent<(String, String), ()>,
    operations: Numbered<OperationId, Called>,
    /// The newest of them, in the order in which they came.
    newest: VecDeque<OperationId>,
    latest: Numbered<Who, VecDeque<OperationId>>,
    references: Recent<(String, String), VecDeque<(OperationId, Who)>>,
    values: Recent<Fingerprint, ()>,
    names: Recent<String, ()>,
    /// How long the longest of them is, so that no long text is looked for among them.
    longest_name: usize,
}

/// A request, as far as causes are concerned.
pub(super) struct Call<'a> {
    /// The operation.
    pub(super) operation: OperationId,
    /// Who calls it.
    pub(super) who: Who,
    /// What it does.
    pub(super) effect: Effect,
    /// What it acts on: a path, or the channel of a publish.
    pub(super) target: &'a str,
    /// The values in its content.
    pub(super) parts: &'a [Part<'a>],
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It only reads (RFC 9110 §9.2.1).
    Reads,
    /// It changes something.
    Changes,
    /// It changes who the client is.
    LogsIn,
}

/// How an operation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As far as is known, well.
    Fine,
    /// It was refused, and so caused nothing.
    Refused,
}

/// Whether an operation was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    UnderWay,
    Answered(Micros),
}

#[derive(Debug)]
struct Called {
    who: Who,
    effect: Effect,
    progress: Progress,
    outcome: Outcome,
    /// What it may have made one of: the collection that its path ends with.
    makes: Option<String>,
    /// Who learned of something new that it seems to have made.
    made_for: BTreeSet<Who>,
    said: Said,
    /// Who heard it repeated already, and on which channel.
    heard: BTreeSet<(Who, String)>,
    /// Who has heard anything of it.
    told: BTreeSet<Who>,
}

impl Causes {
    pub(super) fn new() -> Self {
        Causes {
            tokens: Tokens::new(),
            subjects: Recent::new(MAX_OTHERS),
            operations: Numbered::new(MAX_OPERATIONS),
            newest: VecDeque::new(),
            latest: Numbered::new(MAX_OTHERS),
            references: Recent::new(MAX_OTHERS),
            values: Recent::new(MAX_VALUES),
            names: Recent::new(MAX_OTHERS),
            longest_name: 0,
        }
    }

    /// Learns that a client is called so: from now on the word identifies it.
    pub(super) fn name(&mut self, name: &str) {
        if self.names.get_mut(name).is_none() {
            self.longest_name = self.longest_name.max(name.len());
            self.names.insert(&name.to_owned(), ());
        }
    }

    /// Whether a word is what a client is called.
    fn is_name(&self, word: &str) -> bool {
        word.len() <= self.longest_name && self.names.get(word).is_some()
    }

    /// Takes a request that is complete. From now on its operation can be a cause.
    pub(super) fn called(&mut self, call: &Call<'_>) {
        let path = identifier::path_of(call.target);
        let query = identifier::query_of(call.target);
        let known = |word: &str| self.is_name(word);
        let mut on = Vec::new();
        identifier::of_path(path, "", known, &mut on);
        let parts = if query.is_empty() {
            Cow::Borrowed(call.parts)
        } else {
            let mut parts = super::content::form_parts(query.as_bytes());
            parts.extend_from_slice(call.parts);
            Cow::Owned(parts)
        };
        let with = identifier::of_parts(&parts, path, known);
        let last = on.len().saturating_sub(1);
        for (place, token) in on.iter().enumerate() {
            let role = if place == last {
                Role::ActedOn
            } else {
                Role::Contains
            };
            self.ask(call, token, role);
        }
        for token in &with {
            self.ask(call, token, Role::Mentioned);
        }
        let said = Said::of(&parts, &mut self.values);
        if call.effect != Effect::Reads {
            let called = Called {
                who: call.who,
                effect: call.effect,
                progress: Progress::UnderWay,
                makes: identifier::ending(path),
                made_for: BTreeSet::new(),
                outcome: Outcome::Fine,
                said,
                heard: BTreeSet::new(),
                told: BTreeSet::new(),
            };
            self.operations.insert(&call.operation, called);
            self.newest.push_back(call.operation);
            if self.newest.len() > MAX_LOOK_BACK {
                self.newest.pop_front();
            }
            push_latest(self.latest.entry(call.who, VecDeque::new), call.operation);
            self.refer(call.operation, call.who, &parts);
        }
    }

    /// Takes the response of an operation.
    pub(super) fn answered(&mut self, at: Micros, call: &Call<'_>, outcome: Outcome) {
        let known = |word: &str| self.is_name(word);
        let tokens = identifier::of_parts(call.parts, call.target, known);
        if let Some(called) = self.operations.get_mut(&call.operation) {
            called.outcome = outcome;
            called.progress = Progress::Answered(at);
        }
        if outcome == Outcome::Refused {
            return;
        }
        if call.effect != Effect::Reads {
            self.refer(call.operation, call.who, call.parts);
        }
        let origin = match call.effect {
            Effect::Changes => Origin::Conversation,
            Effect::Reads | Effect::LogsIn => Origin::Standing,
        };
        for token in &tokens {
            let known = self.tokens.entry(&token.text, origin);
            let fresh = known.seen == 0;
            known.seen += 1;
            if call.effect == Effect::Changes && (fresh || known.is_guessed()) {
                // The answer knows better than a guess that was made before it came.
                known.forget_guesses();
                known.touch(call.operation, How::Brought);
                if let Some(called) = self.operations.get_mut(&call.operation) {
                    called.made_for.insert(call.who);
                }
            }
        }
    }

    /// Tells what caused a notification to `to`, and learns from it.
    pub(super) fn cause(
        &mut self,
        at: Micros,
        to: Who,
        name: Option<&str>,
        channel: &str,
        parts: &[Part<'_>],
    ) -> (Vec<OperationId>, CauseBy) {
        let known = |word: &str| self.is_name(word);
        let tokens = identifier::of_parts(parts, channel, known);
        let by_reference = self.by_reference(to, parts, &tokens);
        let found = by_reference
            .map(|(operation, value)| (operation, CauseBy::Reference(value)))
            .or_else(|| self.by_identifier(at, to, name, channel, parts, &tokens));
        let operation = found.as_ref().map(|(operation, _)| *operation);
        let brought = found.as_ref().map(|(operation, by)| match by {
            CauseBy::Session | CauseBy::Unsolicited => (*operation, How::Guessed),
            CauseBy::Reference(_) | CauseBy::Identifier(_) => (*operation, How::Brought),
        });
        self.learn(to, channel, &tokens, brought);
        if let Some(called) = operation.and_then(|it| self.operations.get_mut(&it)) {
            called.told.insert(to);
            if called.said.is_echoed_by(parts) {
                called.heard.insert((to, channel.to_owned()));
            }
        }
        match found {
            Some((operation, by)) => (vec![operation], by),
            None => (Vec::new(), CauseBy::Unsolicited),
        }
    }

    /// Moves what `from` did to `to`, since both are one client.
    pub(super) fn merge(&mut self, from: Who, to: Who) {
        for operation in self.latest.remove(&from).unwrap_or_default() {
            let latest = self.latest.entry(to, VecDeque::new);
            push_latest(latest, operation);
            latest.make_contiguous().sort_unstable();
        }
        for referred in self.references.values_mut() {
            for (_, who) in referred.iter_mut().filter(|(_, who)| *who == from) {
                *who = to;
            }
        }
    }

    /// Gives an operation to another client than it seemed to be of.
    pub(super) fn reassign(&mut self, operation: OperationId, from: Who, to: Who) {
        if let Some(latest) = self.latest.get_mut(&from) {
            latest.retain(|it| *it != operation);
        }
        if self.operations.get(&operation).is_some() {
            push_latest(self.latest.entry(to, VecDeque::new), operation);
        }
    }

    fn ask(&mut self, call: &Call<'_>, token: &Token, role: Role) {
        let origin = match call.effect {
            Effect::LogsIn => Origin::Standing,
            Effect::Reads | Effect::Changes => Origin::Conversation,
        };
        let known = self.tokens.entry(&token.text, origin);
        known.seen += 1;
        if call.effect != Effect::Reads {
            known.touch(call.operation, How::Asked);
            known.role = known.role.max(role);
            if role == Role::ActedOn {
                for place in &known.places {
                    self.subjects.insert(place, ());
                }
            }
        }
    }

    fn refer(&mut self, operation: OperationId, who: Who, parts: &[Part<'_>]) {
        for reference in parts.iter().filter_map(reference) {
            let referred = self.references.entry(reference, VecDeque::new);
            referred.retain(|known| *known != (operation, who));
            referred.push_back((operation, who));
            if referred.len() > MAX_LATEST {
                referred.pop_front();
            }
        }
    }

    fn learn(
        &mut self,
        to: Who,
        channel: &str,
        tokens: &[Token],
        cause: Option<(OperationId, How)>,
    ) {
        for token in tokens {
            let known = self.tokens.entry(&token.text, Origin::Conversation);
            let fresh = known.seen == 0;
            known.seen += 1;
            let place = (channel.to_owned(), token.place.clone());
            known.stood(&place);
            if let (true, Some((operation, how))) = (fresh, cause) {
                known.touch(operation, how);
                if let Some(called) = self.operations.get_mut(&operation) {
                    called.made_for.insert(to);
                }
            }
            if known.role == Role::ActedOn && known.weight(token) == Weight::Much {
                self.subjects.insert(&place, ());
            }
        }
    }
}

/// The name and value of a part that is a reference.
fn reference(part: &Part<'_>) -> Option<(String, String)> {
    let last = part.place.bytes().rfind(u8::is_ascii_alphanumeric)?;
    if last.to_ascii_lowercase() != REFERENCES_END {
        return None;
    }
    let letters = part.key().bytes().filter(u8::is_ascii_alphanumeric);
    let letters = letters.map(|letter| letter.to_ascii_lowercase());
    let name = (REFERENCES.iter()).find(|name| letters.clone().eq(name.bytes()))?;
    let fits = (1..=MAX_REFERENCE).contains(&part.text.len());
    fits.then(|| ((*name).to_owned(), part.text.to_string()))
}

fn push_latest(latest: &mut VecDeque<OperationId>, operation: OperationId) {
    latest.push_back(operation);
    if latest.len() > MAX_LATEST {
        latest.pop_front();
    }
}
