//! Which operations a live request means though it differs: where its client chose values of its own,
//! or where a difference does not matter.

use percent_encoding::percent_decode_str;

use crate::matcher::{Mismatch, Part};

use super::super::plan::{Planned, Times};
use super::super::settings::{OnExhausted, Strictness};
use super::super::values::ChoiceId;
use super::Stage;
use super::secret::Live;

/// A recorded operation that a live request means, and in what the two differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alike {
    pub(super) operation: usize,
    pub(super) changes: Vec<Change>,
}

/// A difference between a live request and the recorded one that it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Where: `body /nickname`.
    pub(super) place: String,
    pub(super) recorded: String,
    pub(super) live: String,
    pub(super) license: License,
}

/// Of which operations those are looked for that a live request may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Among {
    All,
    /// Of those that may answer now.
    Left,
}

/// Why a difference is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum License {
    /// The client chose the value, and it takes the recorded one's place in what follows.
    Chosen(ChoiceId),
    /// The tape shows that it differs each time, and nobody ever sees it again.
    Varies,
    /// A rule says that it may differ.
    Ruled,
    /// It is never seen again, and the user wants no more.
    Lenient,
}

impl Alike {
    /// The closer of two has fewer differences that nothing follows from, then fewer choices.
    pub(super) fn distance(&self) -> (usize, usize) {
        let chosen = |change: &&Change| matches!(change.license, License::Chosen(_));
        let chosen = self.changes.iter().filter(chosen).count();
        (self.changes.len() - chosen, chosen)
    }
}

impl Stage {
    /// The operations that a live request means with some differences, in recorded order: those of
    /// the session that the client is tied to, or of any, if nothing ties it.
    pub(super) fn alike(&self, tied: Option<usize>, live: &Live<'_>, among: Among) -> Vec<Alike> {
        let rules = &self.plan.reading.rules;
        let similar = |(place, planned): (usize, &Planned)| {
            if live.is_barred(planned.session()) || among == Among::Left && !self.is_left(place) {
                return None;
            }
            let recorded = self.plan.recorded(place)?;
            if recorded.operation().request.method != live.request.method {
                return None;
            }
            let expected = self.expected(place, planned, &recorded, live);
            let mismatches = expected
                .key(rules)
                .mismatches(live.key(rules), &self.plan.contracts);
            let mut changes = Vec::new();
            for mismatch in &mismatches {
                if self.is_secret_apart(place, planned, &recorded, mismatch, live) {
                    continue;
                }
                changes.extend(self.licensed(place, planned, mismatch)?);
            }
            Some(Alike {
                operation: place,
                changes,
            })
        };
        let places = self.plan.about(live.path);
        self.candidates_among(tied, places)
            .filter_map(similar)
            .collect()
    }

    /// What is allowed about a mismatch; `None` where it is not allowed as a whole.
    fn licensed(
        &self,
        operation: usize,
        planned: &Planned,
        mismatch: &Mismatch,
    ) -> Option<Vec<Change>> {
        let (part, pointer) = (mismatch.part, &mismatch.difference.pointer);
        if part != Part::Path && self.plan.reading.rules.ignores(part, pointer) {
            let text = |json: Option<String>| json.unwrap_or_else(|| "nothing".to_owned());
            return Some(vec![Change {
                place: place(part, pointer),
                recorded: text(mismatch.recorded()),
                live: text(mismatch.live()),
                license: License::Ruled,
            }]);
        }
        let values = mismatch.values()?.into_iter();
        let change = |(pointer, recorded, live): (String, &str, &str)| {
            let live = match part {
                Part::Path => percent_decode_str(live).decode_utf8().ok()?.into_owned(),
                Part::Method | Part::Query | Part::Header | Part::Body => live.to_owned(),
            };
            Some(Change {
                license: self.license(operation, planned, (part, &pointer), &live)?,
                place: place(part, &pointer),
                recorded: recorded.to_owned(),
                live,
            })
        };
        values.map(change).collect()
    }

    /// Why another value may stand at a place of an operation's request; `None` if it may not.
    fn license(
        &self,
        operation: usize,
        planned: &Planned,
        (part, pointer): (Part, &str),
        live: &str,
    ) -> Option<License> {
        let (rules, values) = (&self.plan.reading.rules, self.plan.values());
        if rules.ignores(part, pointer) {
            return Some(License::Ruled);
        }
        let choice = values.choice(operation, part, pointer)?;
        if values.stands_for_secret(choice) {
            return None;
        }
        if rules.fixes(part, pointer) {
            None
        } else if values.comes_again(choice) {
            let again = planned.times != Times::Exactly
                || self.settings.on_exhausted != OnExhausted::Refuse;
            let bound = self.bound.get(choice);
            let open = bound.is_none_or(|bound| again || bound == live);
            // What the tape says of something else is no value of the client's own.
            let own = bound == Some(live) || !values.knows(live);
            (open && own).then_some(License::Chosen(choice))
        } else if values.varies(choice) {
            Some(License::Varies)
        } else {
            let lenient = self.settings.strictness == Strictness::Lenient;
            (lenient && values.is_free(choice)).then_some(License::Lenient)
        }
    }
}

/// A place as a report names it.
fn place(part: Part, pointer: &str) -> String {
    format!("{} {pointer}", part.name()).trim_end().to_owned()
}
