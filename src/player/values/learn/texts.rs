//! The choices of a tape by their texts, or rather by the digests of these: whoever finds one compares the texts.
//!
//! What every client says once, such as the name of an operation, is a choice of each session. To look through
//! all of them wherever it comes again would take the longer the more sessions a tape has, so that those of a text that
//! many have chosen are found by more than their text.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::iter;

use crate::matcher::Spelling;

use super::super::super::plan::{narrow, wide};
use super::super::Choice;
use super::super::digests::{ByDigest, digest};
use super::Source;

/// How many choices of one text are looked through.
const MAX_LOOKED_THROUGH: u32 = 32;

/// The choices by the digests of their texts.
#[derive(Debug, Default)]
pub(super) struct Texts {
    latest: ByDigest<Latest>,
    /// The choice of the same digest before each, where there is one.
    before: BTreeMap<u32, u32>,
    /// The latest choice of a text that many have chosen, by the digest of that and of an [`Aspect`].
    crowded: ByDigest<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Latest {
    choice: u32,
    /// How many choices have the same digest.
    count: u32,
}

/// A value that may be a choice which comes again.
#[derive(Clone, Copy)]
pub(super) struct Sought<'a> {
    pub(super) text: &'a str,
    pub(super) pointer: &'a str,
    pub(super) spelling: Spelling,
    pub(super) source: &'a Source<'a>,
}

/// What some choices of one text have in common.
#[derive(Clone, Copy, Debug, Hash)]
enum Aspect<'a> {
    Operation(u32),
    Kind {
        numbers: Numbers,
        name: Option<&'a str>,
        session: Option<u32>,
    },
}

/// Whether what is no number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Numbers {
    Alone,
    AsOthers,
}

/// What was found under a digest is something else that has the same.
struct Mistaken;

impl Texts {
    /// Notes one of the choices, which are in the order of time. It must not have been noted before.
    pub(super) fn note(&mut self, number: usize, choices: &[Choice]) {
        let Some(choice) = choices.get(number) else {
            return;
        };
        let digest = digest(&choice.text);
        let number = narrow(number);
        let mut count = 1;
        if let Some(latest) = self.latest.get(&digest) {
            self.before.insert(number, latest.choice);
            count = latest.count.saturating_add(1);
        }
        let choice = number;
        self.latest.insert(digest, Latest { choice, count });
        if count == MAX_LOOKED_THROUGH {
            let mut all: Vec<_> = self.chain(Some(number)).collect();
            all.reverse();
            for number in all {
                self.crowd(digest, number, choices);
            }
        } else if count > MAX_LOOKED_THROUGH {
            self.crowd(digest, wide(number), choices);
        }
    }

    /// Which choice a value is, of those with the same text: rather one of an operation that it came
    /// of, then one of the same name, then one of the same session, then the latest.
    pub(super) fn best(&self, sought: Sought<'_>, choices: &[Choice]) -> Option<usize> {
        let digest = digest(sought.text);
        let latest = self.latest.get(&digest)?;
        if latest.count >= MAX_LOOKED_THROUGH
            && let Ok(best) = self.best_of_crowd(digest, sought, choices)
        {
            return best;
        }
        sought.best_of(self.chain(Some(latest.choice)), choices)
    }

    /// The same, of a text that many have chosen.
    fn best_of_crowd(
        &self,
        digest: u64,
        sought: Sought<'_>,
        choices: &[Choice],
    ) -> Result<Option<usize>, Mistaken> {
        let find = |aspect| self.crowded.get(&aspect_of(digest, aspect)).copied();
        let mut of_causes = Vec::new();
        for operation in sought.source.causes {
            let operation = narrow(*operation);
            let is_of = |number: &usize| {
                let choice = choices.get(*number);
                choice.is_some_and(|choice| choice.operation == operation)
            };
            // Those of one operation were noted one behind the other.
            let latest = find(Aspect::Operation(operation));
            let those = self.chain(latest).take_while(is_of);
            let before = of_causes.len();
            of_causes.extend(those);
            if latest.is_some() && of_causes.len() == before {
                return Err(Mistaken);
            }
        }
        if let Some(best) = sought.best_of(of_causes.into_iter(), choices) {
            return Ok(Some(best));
        }
        let (name, session) = (last_step(sought.pointer), narrow(sought.source.session));
        for (name, session) in [
            (Some(name), Some(session)),
            (Some(name), None),
            (None, Some(session)),
            (None, None),
        ] {
            let numbers = sought.numbers();
            let Some(number) = find(Aspect::Kind {
                numbers,
                name,
                session,
            }) else {
                continue;
            };
            let number = wide(number);
            let is_it = |choice: &Choice| {
                sought.fits(choice)
                    && name.is_none_or(|name| last_step(&choice.pointer) == name)
                    && session.is_none_or(|session| choice.session == session)
            };
            return match choices.get(number) {
                Some(choice) if is_it(choice) => Ok(Some(number)),
                Some(_) | None => Err(Mistaken),
            };
        }
        Ok(None)
    }

    /// Has a choice be found by more than its text, instead of those before it.
    fn crowd(&mut self, digest: u64, number: usize, choices: &[Choice]) {
        let Some(choice) = choices.get(number) else {
            return;
        };
        let number = narrow(number);
        let mut note = |aspect| self.crowded.insert(aspect_of(digest, aspect), number);
        note(Aspect::Operation(choice.operation));
        let is_number = choice.spelling == Spelling::Number;
        let its_name = Some(last_step(&choice.pointer));
        let alone = is_number.then_some(Numbers::Alone);
        for numbers in iter::once(Numbers::AsOthers).chain(alone) {
            for name in [its_name, None] {
                for session in [Some(choice.session), None] {
                    note(Aspect::Kind {
                        numbers,
                        name,
                        session,
                    });
                }
            }
        }
    }

    /// A choice and those of the same digest before it, the latest first.
    fn chain(&self, latest: Option<u32>) -> impl Iterator<Item = usize> {
        iter::successors(latest, |choice| self.before.get(choice).copied()).map(wide)
    }
}

impl Sought<'_> {
    fn best_of(self, candidates: impl Iterator<Item = usize>, choices: &[Choice]) -> Option<usize> {
        let rank = |number: &usize| {
            let choice = choices.get(*number)?;
            Some((
                self.source.causes.contains(&wide(choice.operation)),
                last_step(&choice.pointer) == last_step(self.pointer),
                wide(choice.session) == self.source.session,
                *number,
            ))
        };
        let fits = |number: &usize| choices.get(*number).is_some_and(|choice| self.fits(choice));
        candidates.filter(fits).max_by_key(rank)
    }

    /// Whether a choice has the same text, and may be spelled so.
    fn fits(self, choice: &Choice) -> bool {
        let spelled = self.numbers() == Numbers::AsOthers || choice.spelling == Spelling::Number;
        spelled && &*choice.text == self.text
    }

    fn numbers(self) -> Numbers {
        if self.spelling == Spelling::Number {
            Numbers::Alone
        } else {
            Numbers::AsOthers
        }
    }
}

fn aspect_of(digest: u64, aspect: Aspect<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (digest, aspect).hash(&mut hasher);
    hasher.finish()
}

/// The last step of the way to a value.
fn last_step(pointer: &str) -> &str {
    pointer.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::super::Reach;
    use super::super::super::secret::Nature;
    use super::*;
    use crate::matcher::Part;

    const TEXTS: [&str; 2] = ["SendMessage", "1392308459"];
    const POINTERS: [&str; 4] = ["", "/a", "/b/a", "/c"];

    fn spelling() -> impl Strategy<Value = Spelling> {
        select(vec![Spelling::String, Spelling::Number])
    }

    /// The choices of operations, one behind the other, some of which are not looked for.
    fn chosen() -> impl Strategy<Value = Vec<(Choice, bool)>> {
        let choice = (
            0..2_u32,
            0..6_u32,
            select(TEXTS.to_vec()),
            select(POINTERS.to_vec()),
            spelling(),
        );
        vec((choice, prop::bool::weighted(0.9)), 0..200).prop_map(|drawn| {
            let mut operation = 0;
            let chosen = drawn.into_iter().map(|(choice, noted)| {
                let (step, session, text, pointer, spelling) = choice;
                operation += step;
                let choice = Choice {
                    operation,
                    session,
                    pointer: pointer.into(),
                    text: text.into(),
                    start: 0,
                    length: 0,
                    part: Part::Body,
                    spelling,
                    reach: Reach::Nowhere,
                    nature: Nature::Own,
                };
                (choice, noted)
            });
            chosen.collect()
        })
    }

    proptest! {
        #[test]
        fn of_many_the_same_is_found_as_of_few(
            chosen in chosen(),
            (text, pointer, spelling) in (select(TEXTS.to_vec()), select(POINTERS.to_vec()), spelling()),
            (session, causes) in (0..7_usize, vec(0..100_usize, 0..3)),
        ) {
            let mut texts = Texts::default();
            let (choices, noted): (Vec<_>, Vec<_>) = chosen.into_iter().unzip();
            let noted: Vec<usize> = (0..choices.len()).filter(|number| noted[*number]).collect();
            for number in &noted {
                texts.note(*number, &choices);
            }
            let source = Source { session, causes: &causes, reach: Reach::Service };
            let sought = Sought { text, pointer, spelling, source: &source };
            let expected = sought.best_of(noted.into_iter(), &choices);
            prop_assert_eq!(texts.best(sought, &choices), expected);
        }
    }

    #[test]
    fn what_only_has_the_digest_of_another_is_not_taken_for_it() {
        let choice = |session, text: &str| Choice {
            operation: session,
            session,
            pointer: "/a".into(),
            text: text.into(),
            start: 0,
            length: 0,
            part: Part::Body,
            spelling: Spelling::String,
            reach: Reach::Nowhere,
            nature: Nature::Own,
        };
        let choices: Vec<_> = (0..=MAX_LOOKED_THROUGH)
            .map(|number| choice(number, "SendMessage"))
            .collect();
        let mut texts = Texts::default();
        for number in 0..choices.len() {
            texts.note(number, &choices);
        }
        let mut other = choices;
        other[32] = choice(32, "another");
        let source = Source {
            session: 32,
            causes: &[],
            reach: Reach::Service,
        };
        let sought = Sought {
            text: "SendMessage",
            pointer: "/a",
            spelling: Spelling::String,
            source: &source,
        };
        assert_eq!(texts.best(sought, &other), Some(31));
    }
}
