//! The delays of a client that is never equally fast.

use std::time::Duration;

/// The longest delay before one step: about what a client takes to think.
const LONGEST: Duration = Duration::from_millis(2);

/// How long the delays of one client may be together, so that a long tape takes no longer to verify
/// than people wait.
const ALTOGETHER: Duration = Duration::from_millis(250);

/// The longest time that a poll is held, where it is cut short to come between other things, in
/// milliseconds.
const SHORT_POLL: u64 = 3;

/// Where a client's delays come from.
#[derive(Debug)]
pub(super) struct Jitter {
    /// The state of splitmix64.
    state: u64,
    longest: Duration,
}

impl Jitter {
    /// No delays.
    pub(super) fn none() -> Jitter {
        Jitter {
            state: 0,
            longest: Duration::ZERO,
        }
    }

    /// The delays of a client of so many steps: others for each seed, run and place among the clients.
    pub(super) fn new(seed: u64, run: u64, place: usize, steps: usize) -> Jitter {
        let place = u64::try_from(place).unwrap_or(u64::MAX);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX).max(1);
        let mut jitter = Jitter {
            state: seed,
            longest: LONGEST.min(2 * ALTOGETHER / steps),
        };
        for part in [run, place] {
            jitter.state = jitter.draw() ^ part;
        }
        jitter
    }

    /// Waits for a moment, or not at all.
    pub(super) async fn pause(&mut self) {
        let most = u64::try_from(self.longest.as_micros()).unwrap_or(u64::MAX);
        let wait = match most {
            0 => 0,
            most => self.draw() % most,
        };
        match Duration::from_micros(wait) {
            Duration::ZERO => {}
            // The timer counts whole milliseconds, and would wait for one at least.
            short if short < Duration::from_millis(1) => tokio::task::yield_now().await,
            wait => tokio::time::sleep(wait).await,
        }
    }

    /// How long the next poll is held, in milliseconds, where it is cut short.
    pub(super) fn short_poll(&mut self) -> Option<u64> {
        let cut = !self.longest.is_zero() && self.draw().is_multiple_of(4);
        cut.then(|| self.draw() % (SHORT_POLL + 1))
    }

    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_seed_run_and_client_has_delays_of_its_own() {
        let drawn = |seed, run, place| Jitter::new(seed, run, place, 1).draw();
        let all = [
            drawn(1, 2, 0),
            drawn(2, 2, 0),
            drawn(1, 3, 0),
            drawn(1, 2, 1),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(!all[..place].contains(one));
        }
        assert_eq!(drawn(1, 2, 0), all[0]);
    }

    #[test]
    fn a_long_script_has_short_delays_and_the_first_run_none() {
        assert_eq!(Jitter::new(1, 2, 0, 10).longest, LONGEST);
        assert_eq!(Jitter::new(1, 2, 0, 100_000).longest, ALTOGETHER / 50_000);
        assert_eq!(Jitter::none().short_poll(), None);
    }
}
