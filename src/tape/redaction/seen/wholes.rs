//! What is remembered as a whole: each in the place that its bytes tell, until another comes there. How their bytes
//! are spread, and what is too long, is not known here.

use super::{Knowledge, Outcome};

/// How many heads are remembered, and how much content, as a power of two each.
const WHOLES: u32 = 7;

/// What is remembered as a whole. Much never comes again, so that it is when it comes for the second time.
#[derive(Default)]
struct Whole<K, N> {
    spread: u64,
    was: K,
    /// What takes its place; `None` where it stays.
    new: Option<N>,
    /// What was known when it was gone through; `None` where nothing is remembered here.
    knowledge: Option<Knowledge>,
}

/// A table of such.
pub(super) struct Wholes<K, N>(Vec<Whole<K, N>>);

impl<K, N> Default for Wholes<K, N> {
    fn default() -> Self {
        Wholes(Vec::new())
    }
}

impl<K: Default, N: Default> Wholes<K, N> {
    /// What became of what is spread so, if it was gone through when as much was known.
    pub(super) fn get(
        &self,
        spread: u64,
        is_it: impl FnOnce(&K) -> bool,
        knowledge: Knowledge,
    ) -> Option<Outcome<&N>> {
        let whole = self.0.get(whole_place(spread))?;
        let known = whole.knowledge == Some(knowledge) && is_it(&whole.was);
        known.then(|| Outcome::of(whole.new.as_ref()))
    }

    /// Notes what is spread so and what takes its place, where it came before.
    pub(super) fn note(
        &mut self,
        spread: u64,
        knowledge: Knowledge,
        whole: impl FnOnce() -> (K, Option<N>),
    ) {
        if self.0.is_empty() {
            self.0.resize_with(1 << WHOLES, Whole::default);
        }
        let Some(place) = self.0.get_mut(whole_place(spread)) else {
            return;
        };
        let came = place.spread == spread;
        *place = Whole {
            spread,
            ..Whole::default()
        };
        if came {
            (place.was, place.new) = whole();
            place.knowledge = Some(knowledge);
        }
    }
}

/// The place of a whole.
fn whole_place(spread: u64) -> usize {
    usize::try_from(spread >> (u64::BITS - WHOLES)).unwrap_or_default()
}
