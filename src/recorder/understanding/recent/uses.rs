//! The order in which the entries of a list were used: a ring of places, in which a use takes no more than a few steps.
//!
//! What stands in the list is the business of [`super::Recent`].

/// The place of no entry: the newest and the oldest use stand at its sides. The entry of an index stands at the
/// place behind.
const MIDDLE: usize = 0;

/// The entries of a list in the order of their last uses.
#[derive(Debug)]
pub(super) struct Uses {
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    /// The place of what was used before this one.
    older: usize,
    /// The place of what was used after it.
    newer: usize,
}

impl Uses {
    /// Of an empty list.
    pub(super) fn new() -> Self {
        Uses {
            places: vec![Place {
                older: MIDDLE,
                newer: MIDDLE,
            }],
        }
    }

    /// Notes the first use of an entry that is put at the end of the list.
    pub(super) fn first(&mut self) {
        let place = self.places.len();
        self.places.push(Place {
            older: MIDDLE,
            newer: MIDDLE,
        });
        self.join(place);
    }

    /// Notes that the entry of this index was used again.
    pub(super) fn again(&mut self, index: usize) {
        let place = index + 1;
        if self.newest() != Some(place) {
            self.part(place);
            self.join(place);
        }
    }

    /// Notes that the entry of this index is taken out, and that the last one of the list stands there from now on.
    pub(super) fn swap_remove(&mut self, index: usize) {
        let place = index + 1;
        self.part(place);
        let last = self.places.len() - 1;
        if place != last
            && let Some(Place { older, newer }) = self.places.get(last).copied()
        {
            self.neighbours(older, place);
            self.neighbours(place, newer);
        }
        self.places.truncate(last);
    }

    /// The index of the entry that was used the longest ago.
    pub(super) fn oldest(&self) -> Option<usize> {
        self.places.get(MIDDLE)?.newer.checked_sub(1)
    }

    fn newest(&self) -> Option<usize> {
        Some(self.places.get(MIDDLE)?.older)
    }

    /// Puts a place at the newest end of the ring.
    fn join(&mut self, place: usize) {
        let newest = self.newest().unwrap_or(MIDDLE);
        self.neighbours(newest, place);
        self.neighbours(place, MIDDLE);
    }

    /// Takes a place out of the ring.
    fn part(&mut self, place: usize) {
        if let Some(Place { older, newer }) = self.places.get(place).copied() {
            self.neighbours(older, newer);
        }
    }

    fn neighbours(&mut self, older: usize, newer: usize) {
        if let Some(place) = self.places.get_mut(older) {
            place.newer = newer;
        }
        if let Some(place) = self.places.get_mut(newer) {
            place.older = older;
        }
    }
}
