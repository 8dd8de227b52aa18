//! The order in which keys were used: a ring of places, in which a use takes no more than a few steps.
//!
//! Which keys there are, and what stands for them, is the business of [`super::Recent`].

/// The place that holds no key: the newest and the oldest use stand at its sides.
const MIDDLE: usize = 0;

/// Keys in the order of their last uses.
#[derive(Debug)]
pub(super) struct Uses<K> {
    /// The places of a ring; those that were given up are not in it.
    places: Vec<Place<K>>,
    given_up: Vec<usize>,
}

#[derive(Debug)]
struct Place<K> {
    key: Option<K>,
    /// The place of the key that was used before this one.
    older: usize,
    /// The place of the key that was used after it.
    newer: usize,
}

impl<K> Uses<K> {
    /// Nothing was used.
    pub(super) fn new() -> Self {
        let middle = Place {
            key: None,
            older: MIDDLE,
            newer: MIDDLE,
        };
        Uses {
            places: vec![middle],
            given_up: Vec::new(),
        }
    }

    /// Notes the first use of a key, and says where: that is its place until it is taken out.
    pub(super) fn first(&mut self, key: K) -> usize {
        let place = self.given_up.pop().unwrap_or_else(|| {
            self.places.push(Place {
                key: None,
                older: MIDDLE,
                newer: MIDDLE,
            });
            self.places.len() - 1
        });
        if let Some(place) = self.places.get_mut(place) {
            place.key = Some(key);
        }
        self.join(place);
        place
    }

    /// Notes that the key of this place was used again.
    pub(super) fn again(&mut self, place: usize) {
        if self.newest() != Some(place) {
            self.part(place);
            self.join(place);
        }
    }

    /// Takes a key out.
    pub(super) fn remove(&mut self, place: usize) -> Option<K> {
        let key = self.places.get_mut(place)?.key.take()?;
        self.part(place);
        self.given_up.push(place);
        Some(key)
    }

    /// The place of the key that was used the longest ago.
    pub(super) fn oldest(&self) -> Option<usize> {
        let oldest = self.places.get(MIDDLE)?.newer;
        (oldest != MIDDLE).then_some(oldest)
    }

    /// For how many keys there is room.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.places.len() - 1
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
        if let Some(Place { older, newer, .. }) = self.places.get(place) {
            self.neighbours(*older, *newer);
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
