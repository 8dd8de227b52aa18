//! What differs between two tapes: session by session, the operations, the notifications with their causes, and
//! what else a session did.
//!
//! Events are paired by what was noted of them when the tapes were walked through, and two at a time are read again
//! to be compared; no more of their content is in memory. Numbers and times of events are no difference, and of
//! header fields only those are compared that were asked for. How it is told is up to whoever asks.

mod pairing;
mod renamed;
mod seen;
mod settings;
mod view;

use std::collections::BTreeSet;

use crate::compare::{self, Aligned, Difference, Json, Number};
use crate::exchange::{OperationId, Session};
use crate::tape::redaction::Rules;
use crate::tape::reel::Lost;
use crate::tape::{Event, Step, Walk};

use pairing::Pairing;
use renamed::Renamed;
pub use renamed::Renaming;
pub use seen::{Lane, Seen};
pub use settings::{Renames, Settings};

/// The place at which the causes of a notification differ. An operation may have another number on the other tape.
pub const CAUSES: &str = "/after";

/// Something in which two tapes differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The session on the left tape, where there is one.
    pub left_session: Option<Session>,
    /// The session on the right tape that is compared with it.
    pub right_session: Option<Session>,
    /// What kind of event it is.
    pub lane: Lane,
    /// The event of the left tape.
    pub left: Option<Told>,
    /// The event of the right tape.
    pub right: Option<Told>,
    /// The places at which the two differ, as pointers into what is compared; none where there is only one.
    /// `recorded` is the left tape's value, and `live` the right one's.
    pub places: Vec<Difference>,
}

/// An event, as it is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its number, where it has one.
    pub number: Option<u64>,
    /// What it is: `POST /path`, a channel, `subscribe /channel`.
    pub title: String,
}

/// How much two tapes have of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that both have alike.
    pub same: u64,
    /// Events that differ.
    pub changed: u64,
    /// Events that only the left tape has.
    pub left: u64,
    /// Events that only the right tape has.
    pub right: u64,
}

impl Tally {
    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        self.changed == 0 && self.left == 0 && self.right == 0
    }
}

/// What came of a comparison, beside the changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How much there is of what.
    pub tally: Tally,
    /// The values that stand for one another throughout, where such are no difference.
    pub renamed: Vec<Renaming>,
    /// How many secrets of the left tape stand for one of the right tape each, as far as their pseudonyms tell.
    pub pseudonyms: usize,
}

/// Compares two tapes that were walked through with [`Seen::of`] and these settings. Each change is handed to
/// `tell`, in the order of the sessions, and may end it.
///
/// # Errors
/// What stands in the files must be what stood there before; and what `tell` fails with.
pub fn diff<E: From<Lost>>(
    left: &Walk<Option<Seen>>,
    right: &Walk<Option<Seen>>,
    settings: &Settings,
    mut tell: impl FnMut(&Change) -> Result<(), E>,
) -> Result<Outcome, E> {
    let tapes = Tapes {
        left: &left.steps,
        right: &right.steps,
        pairing: Pairing::of(&left.steps, &right.steps, &settings.sessions),
        settings,
    };
    let mut renamed = tapes.learned(rules(left).zip(rules(right)).as_ref())?;
    let mut tally = Tally::default();
    for (conversation, aligned) in tapes.pairing.events() {
        match tapes.change(conversation, aligned, &mut renamed)? {
            None => tally.same += 1,
            Some(change) => {
                match (&change.left, &change.right) {
                    (Some(_), Some(_)) => tally.changed += 1,
                    (Some(_), None) => tally.left += 1,
                    (None, _) => tally.right += 1,
                }
                tell(&change)?;
            }
        }
    }
    let (renamed, pseudonyms) = renamed.into_found();
    Ok(Outcome {
        tally,
        renamed,
        pseudonyms,
    })
}

/// Two tapes whose events are paired.
struct Tapes<'a> {
    left: &'a [Step<Option<Seen>>],
    right: &'a [Step<Option<Seen>>],
    pairing: Pairing<'a>,
    settings: &'a Settings,
}

impl Tapes<'_> {
    /// What stands for one another in events that are not alike; of pseudonyms where both tapes have such.
    fn learned(&self, rules: Option<&(Rules, Rules)>) -> Result<Renamed, Lost> {
        let mut renamed = Renamed::default();
        if rules.is_none() && self.settings.renames == Renames::Differ {
            return Ok(renamed);
        }
        for (_, aligned) in self.pairing.events() {
            if let Aligned::Both(left, right) = aligned
                && let (Some(left), Some(right)) = (self.left.get(left), self.right.get(right))
                && !is_alike(left, right)
            {
                let (left, right) = (left.event()?, right.event()?);
                let (ours, theirs) = (self.view(&left), self.view(&right));
                if let Some((for_left, for_right)) = rules {
                    let left = (&ours, &pseudonyms(for_left, &left));
                    renamed.learn_pseudonyms(left, (&theirs, &pseudonyms(for_right, &right)));
                }
                if self.settings.renames == Renames::Same {
                    renamed.learn(&ours, &theirs);
                }
            }
        }
        renamed.settle();
        Ok(renamed)
    }

    /// What two events differ in, or that one is alone; nothing where they are alike.
    fn change(
        &self,
        conversation: &pairing::Conversation<'_>,
        aligned: Aligned,
        renamed: &mut Renamed,
    ) -> Result<Option<Change>, Lost> {
        let (left, right) = match aligned {
            Aligned::Both(left, right) => (self.left.get(left), self.right.get(right)),
            Aligned::Left(left) => (self.left.get(left), None),
            Aligned::Right(right) => (None, self.right.get(right)),
        };
        let mut places = Vec::new();
        if let (Some(left), Some(right)) = (left, right) {
            if !is_alike(left, right) {
                let (ours, theirs) = (self.view(&left.event()?), self.view(&right.event()?));
                places = compare::differences(&ours, &theirs);
                places.retain(|place| !renamed.explains(place));
            }
            places.extend(self.causes(left, right));
            if places.is_empty() {
                return Ok(None);
            }
        }
        let told = |step: Option<&Step<_>>| step.map(told).transpose();
        Ok(Some(Change {
            left_session: conversation.left.cloned(),
            right_session: conversation.right.cloned(),
            lane: conversation.lane,
            left: told(left)?,
            right: told(right)?,
            places,
        }))
    }

    fn view(&self, event: &Event) -> Json {
        view::of(event, self.settings).unwrap_or(Json::Null)
    }

    /// That two notifications are due after other operations.
    fn causes(&self, left: &Step<Option<Seen>>, right: &Step<Option<Seen>>) -> Option<Difference> {
        let other = |cause: &OperationId| self.pairing.operation(*cause);
        let mut expected: Vec<Option<OperationId>> = left.after.iter().map(other).collect();
        let mut found: Vec<Option<OperationId>> = right.after.iter().copied().map(Some).collect();
        expected.sort_unstable();
        found.sort_unstable();
        let numbers = |after: &[OperationId]| {
            let number = |id: &OperationId| Json::Number(Number::from(id.0));
            Some(Json::Array(after.iter().map(number).collect()))
        };
        (expected != found).then(|| Difference {
            pointer: CAUSES.to_owned(),
            recorded: numbers(&left.after),
            live: numbers(&right.after),
        })
    }
}

/// The rules by which the secrets of a tape became pseudonyms, if they did.
fn rules(tape: &Walk<Option<Seen>>) -> Option<Rules> {
    Rules::new(tape.header.redaction.as_ref()?).ok() // a tape whose rules are none cannot be read at all
}

fn pseudonyms(rules: &Rules, event: &Event) -> BTreeSet<String> {
    let secrets = rules.secrets(event).into_iter();
    secrets.map(|secret| secret.value).collect()
}

/// Whether what is compared of two events is equal, but for their causes.
fn is_alike(left: &Step<Option<Seen>>, right: &Step<Option<Seen>>) -> bool {
    let exact = |step: &Step<Option<Seen>>| step.kept.as_ref().map(Seen::exact);
    exact(left) == exact(right)
}

fn told(step: &Step<Option<Seen>>) -> Result<Told, Lost> {
    let event = step.event()?;
    Ok(Told {
        number: seen::number(&event),
        title: view::title(&event),
    })
}
