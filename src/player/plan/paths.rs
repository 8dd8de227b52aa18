//! Which operations a request to a path may mean, so that not all of a tape need to be compared with
//! it.
//!
//! It does not decide which of them answers.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::matcher::{Part, Rules};
use crate::player::values::Values;

use super::Planned;

/// The operations of a plan by the paths of their requests.
#[derive(Debug, Default)]
pub(in crate::player) struct Paths {
    /// Those that are called at their recorded path alone, in recorded order. Paths are only looked up, and
    /// of a million each step of a search is slow.
    fixed: HashMap<String, Vec<usize>>,
    /// Those that may be called at another path too, in recorded order: a value in it was chosen by a
    /// client, or a rule lets paths differ.
    moving: Vec<usize>,
}

impl Paths {
    /// The paths of these operations.
    pub(super) fn of(operations: &[Planned], values: &Values, rules: &Rules) -> Paths {
        let all_move = rules.ignores_some(Part::Path);
        let mut paths = Paths::default();
        for (place, planned) in operations.iter().enumerate() {
            if all_move || values.may_move(place) {
                paths.moving.push(place);
            } else {
                let path = planned.key.path();
                if let Some(places) = paths.fixed.get_mut(path) {
                    places.push(place);
                } else {
                    paths.fixed.insert(path.to_owned(), vec![place]);
                }
            }
        }
        paths
    }

    /// The operations that a request to this path may mean, in recorded order.
    pub(in crate::player) fn at(&self, path: &str) -> Cow<'_, [usize]> {
        let fixed = self.fixed.get(path).map(Vec::as_slice).unwrap_or_default();
        if self.moving.is_empty() {
            return Cow::Borrowed(fixed);
        }
        let mut places = [fixed, &self.moving].concat();
        places.sort_unstable();
        Cow::Owned(places)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plan, tape};

    #[test]
    fn a_request_to_a_path_means_the_operations_recorded_there() {
        let plan = plan(&[tape("a:op1@0-0 a:op2@1-1"), tape("b:op1@0-0 b:op3@1-1")]);
        assert_eq!(*plan.paths.at("/op/1"), [0, 2]);
        assert_eq!(*plan.paths.at("/op/3"), [3]);
        assert_eq!(*plan.paths.at("/op"), [0; 0]);
    }
}
