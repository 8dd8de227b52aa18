//! Finds what differs between recorded repeats of one operation: values that each request makes up
//! anew, and that nobody ever sees again.

use std::collections::BTreeMap;
use std::ops::Range;

use blake3::Hash;

use crate::exchange::Request;
use crate::matcher::Part;

use super::super::plan::Plan;
use super::echoes::Echo;
use super::splice;
use super::{Bound, ChoiceId, Reach, Values, shape};

impl Values {
    /// Marks the choices that vary between repeats of these operations of a plan.
    pub(in crate::player) fn compare_repeats(&mut self, plan: &Plan, operations: Range<usize>) {
        self.made.sort();
        // By digests: the requests themselves may be more than the memory holds.
        let mut repeats: BTreeMap<[u8; 32], Vec<usize>> = BTreeMap::new();
        for place in operations {
            let makes_up = self.of_operation(place).any(|(id, _)| self.is_made_up(id));
            if makes_up
                && let Some(operation) = plan.operation(place)
                && let Some(rest) = self.rest(place, &operation.request)
            {
                repeats.entry(*rest.as_bytes()).or_default().push(place);
            }
        }
        for operations in repeats.into_values() {
            let differing = self.differing(&operations);
            self.varied.extend(differing);
        }
    }

    /// The digest of a request without what it makes up; `None` where that is nothing.
    fn rest(&self, operation: usize, request: &Request) -> Option<Hash> {
        let mut none = Bound::default();
        let (mut target, mut body) = (Vec::new(), Vec::new());
        for (id, choice) in self.of_operation(operation) {
            let echoes = match choice.part {
                Part::Path | Part::Query => &mut target,
                Part::Body => &mut body,
                Part::Method | Part::Header => continue,
            };
            if self.is_made_up(id) {
                none.bind(id, MADE_UP.to_owned());
                echoes.push(Echo {
                    range: choice.range(),
                    choice: id.0,
                    spelling: choice.spelling,
                });
            }
        }
        if target.is_empty() && body.is_empty() {
            return None;
        }
        let masked = splice::text(&request.target, &target, &none);
        let content = splice::bytes(request.body.bytes(), &body, &none);
        let masked = masked.as_deref().unwrap_or(&request.target);
        let content = content.as_ref().unwrap_or(request.body.bytes());
        let mut rest = blake3::Hasher::new();
        for part in [request.method.as_bytes(), masked.as_bytes(), content] {
            rest.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        Some(rest.finalize())
    }

    /// The choices of these operations that are not the same in all of them.
    fn differing(&self, operations: &[usize]) -> Vec<usize> {
        let mut places: BTreeMap<(&str, &str), Vec<ChoiceId>> = BTreeMap::new();
        for &operation in operations {
            for (id, choice) in self.of_operation(operation) {
                if self.is_made_up(id) {
                    let place = (choice.part.name(), &*choice.pointer);
                    places.entry(place).or_default().push(id);
                }
            }
        }
        let text = |id: &ChoiceId| self.choices.get(id.0).map(|choice| &choice.text);
        let differ =
            |ids: &Vec<ChoiceId>| ids.iter().any(|id| text(id) != ids.first().and_then(text));
        let differing = places.into_values().filter(differ).flatten();
        differing.map(|id| id.0).collect()
    }

    /// Whether a choice looks made up for the occasion, and never comes again.
    fn is_made_up(&self, ChoiceId(choice): ChoiceId) -> bool {
        let made_up =
            |choice: &super::Choice| choice.reach == Reach::Nowhere && shape::is_made(&choice.text);
        self.choices.get(choice).is_some_and(made_up)
    }
}

/// What stands for a made-up value where requests are compared; a number, since it may be one.
const MADE_UP: &str = "0";
