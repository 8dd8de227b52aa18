//! Finds what differs between recorded repeats of one operation: values that each request makes up
//! anew, and that nobody ever sees again.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::matcher::Part;

use super::super::plan::Planned;
use super::splice;
use super::{Bound, ChoiceId, Echo, Reach, Values, shape};

/// What a request is apart from the values that it makes up.
type Rest = (String, String, Bytes);

impl Values {
    /// Marks the choices that vary between repeats of these operations, the first of which has this
    /// number.
    pub(in crate::player) fn compare_repeats(&mut self, first: usize, operations: &[Planned]) {
        let mut repeats: BTreeMap<Rest, Vec<usize>> = BTreeMap::new();
        for (place, planned) in operations.iter().enumerate() {
            if let Some(rest) = self.rest(first + place, planned) {
                repeats.entry(rest).or_default().push(first + place);
            }
        }
        for operations in repeats.into_values() {
            let differing = self.differing(&operations);
            self.varied.extend(differing);
        }
    }

    /// A request without what it makes up; `None` where that is nothing.
    fn rest(&self, operation: usize, planned: &Planned) -> Option<Rest> {
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
                    range: choice.range.clone(),
                    choice: id.0,
                    spelling: choice.spelling,
                });
            }
        }
        if target.is_empty() && body.is_empty() {
            return None;
        }
        let request = &planned.operation.request;
        let masked = splice::text(&request.target, &target, &none);
        let content = splice::bytes(request.body.bytes(), &body, &none);
        Some((
            request.method.clone(),
            masked.unwrap_or_else(|| request.target.clone()),
            content.unwrap_or_else(|| request.body.bytes().clone()),
        ))
    }

    /// The choices of these operations that are not the same in all of them.
    fn differing(&self, operations: &[usize]) -> Vec<usize> {
        let mut places: BTreeMap<(String, String), Vec<ChoiceId>> = BTreeMap::new();
        for &operation in operations {
            for (id, choice) in self.of_operation(operation) {
                if self.is_made_up(id) {
                    let place = (choice.part.name().to_owned(), choice.pointer.clone());
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
