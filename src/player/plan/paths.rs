//! Which operations were called at a path, so that not all of a tape need to be compared with a request.
//!
//! It does not decide which of them answers, and may name one that was called elsewhere: it keeps a digest of
//! each path and not the path.

use crate::tape::reel;

use super::{narrow, wide};

/// How many operations a drawer holds, about: few enough that looking for one does not wait for the memory over and
/// over, and so many that the drawers take little beside what is in them.
const DRAWER: usize = 16;

/// The operations of a plan by the paths of their requests.
#[derive(Debug, Default)]
pub(in crate::player) struct Paths {
    /// The digests of the paths, above the numbers of the operations; sorted.
    places: Vec<u64>,
    /// Where each drawer begins, of digests that have their high bits in common.
    drawers: Vec<u32>,
}

/// Where the operations stand that were called at one path.
#[derive(Clone, Copy, Debug)]
pub(in crate::player) struct Here {
    digest: u64,
    first: usize,
}

/// The path of a target, without its query.
pub(in crate::player) fn path(target: &str) -> &str {
    let end = memchr::memchr(b'?', target.as_bytes());
    let path = end.and_then(|end| target.get(..end));
    path.unwrap_or(target)
}

/// The digest of a path. Digests are spread evenly, and who makes a tape of which many are the same waits for
/// that alone.
pub(super) fn digest(path: &str) -> u32 {
    reel::sum(path.as_bytes())
}

impl Paths {
    /// The same with the operations from this place on, which were called at paths of these digests.
    pub(super) fn with(mut self, digests: &[u32], first: usize) -> Paths {
        let noted = digests.iter().zip(first..);
        self.places.extend(
            noted.map(|(digest, place)| u64::from(*digest) << 32 | u64::from(narrow(place))),
        );
        self.places.sort_unstable();
        let shift = self.shift();
        let mut drawers = Vec::new();
        for (place, digest) in self.places.iter().map(|place| place >> 32).enumerate() {
            let drawer = usize::try_from(digest >> shift).unwrap_or_default();
            if drawers.len() <= drawer {
                drawers.resize(drawer + 1, narrow(place));
            }
        }
        drawers.shrink_to_fit();
        self.drawers = drawers;
        self
    }

    /// Where those of a digest stand.
    pub(in crate::player) fn find(&self, digest: u32) -> Here {
        let digest = u64::from(digest);
        let first = self.first(digest);
        Here { digest, first }
    }

    /// The operations that were called at a path, in recorded order.
    pub(in crate::player) fn at(&self, here: Here) -> impl Iterator<Item = usize> {
        let Here { digest, first } = here;
        let rest = self.places.get(first..).unwrap_or_default().iter();
        let here = rest.take_while(move |place| **place >> 32 == digest);
        here.filter_map(|place| usize::try_from(place & u64::from(u32::MAX)).ok())
    }

    /// Where the first of a digest stands, or would stand.
    fn first(&self, digest: u64) -> usize {
        let number = usize::try_from(digest >> self.shift()).unwrap_or_default();
        let begin = |number: usize| {
            let begin = self.drawers.get(number).copied();
            begin.map_or(self.places.len(), wide) // those behind the last are empty
        };
        let (from, to) = (begin(number), begin(number + 1));
        let drawer = self.places.get(from..to).unwrap_or_default();
        from + drawer.partition_point(|place| place >> 32 < digest)
    }

    /// How many of the low bits of a digest do not tell its drawer.
    fn shift(&self) -> u32 {
        let drawers = (self.places.len() / DRAWER).max(1);
        u32::BITS - drawers.ilog2()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{plan, tape};
    use super::*;

    proptest! {
        #[test]
        fn a_digest_is_found_wherever_it_stands(
            many in proptest::collection::vec(any::<u32>(), 0..500),
            few in proptest::collection::vec(0..9_u32, 0..300),
            wanted in prop_oneof![any::<u32>(), 0..9_u32],
        ) {
            let paths = Paths::default().with(&many, 0).with(&few, many.len());
            for digest in many.iter().chain(&few).chain([&wanted]) {
                let digest = u64::from(*digest);
                let expected = paths.places.partition_point(|place| place >> 32 < digest);
                prop_assert_eq!(paths.first(digest), expected);
            }
        }
    }

    #[test]
    fn a_request_to_a_path_means_the_operations_recorded_there() {
        let plan = plan(&[tape("a:op1@0-0 a:op2@1-1"), tape("b:op1@0-0 b:op3@1-1")]);
        let about = |target: &str| plan.about(plan.here(target)).collect::<Vec<_>>();
        assert_eq!(about("/op/1?a"), [0, 2]);
        assert_eq!(about("/op/3"), [3]);
        assert_eq!(about("/op"), [0; 0]);
    }
}
