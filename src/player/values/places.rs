//! What there is at places of a plan, in little room: of things that stand one after the other, which belong to
//! each place.

use std::ops::Range;

use super::super::plan::{narrow, wide};

/// Which of many things belong to each place.
#[derive(Debug, Default)]
pub(super) struct Spans(Vec<Span>);

#[derive(Clone, Copy, Debug)]
struct Span {
    place: u32,
    first: u32,
    end: u32,
}

impl Spans {
    /// Notes what belongs to a place of which nothing was noted before.
    pub(super) fn note(&mut self, place: usize, things: &Range<usize>) {
        self.0.push(Span {
            place: narrow(place),
            first: narrow(things.start),
            end: narrow(things.end),
        });
    }

    /// Must be called when all were noted, before any is asked for.
    pub(super) fn sort(&mut self) {
        self.0.sort_unstable_by_key(|span| span.place);
        self.0.shrink_to_fit();
    }

    /// What belongs to a place; nothing where nothing was noted.
    pub(super) fn at(&self, place: usize) -> Range<usize> {
        let place = narrow(place);
        let found = self.0.binary_search_by_key(&place, |span| span.place);
        let span = found.ok().and_then(|found| self.0.get(found));
        span.map_or(0..0, |span| wide(span.first)..wide(span.end))
    }

    /// All places, each with what belongs to it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let one = |span: &Span| (wide(span.place), wide(span.first)..wide(span.end));
        self.0.iter().map(one)
    }
}
