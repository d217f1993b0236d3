//! How long to wait between attempts.

use std::time::Duration;

use conductor_types::seed::{SplitMix, derive};

/// The pause before the second attempt; doubled before each further one.
pub const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that we choose ourselves.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Pauses between attempts: doubled each time, and anywhere in the upper half of that, so that calls that failed
/// together do not come back together. They follow from the call's seed, like everything else that is random.
pub struct Pauses {
    rng: SplitMix,
    longest: Duration,
}

impl Pauses {
    /// From a call's seed.
    pub fn new(seed: u64) -> Self {
        Self { rng: SplitMix::new(derive(seed, "pauses", &[])), longest: FIRST_PAUSE }
    }

    /// The next pause.
    pub fn next(&mut self) -> Duration {
        let pause = self.longest.mul_f64(0.5 + 0.5 * self.rng.next_unit());
        self.longest = (self.longest * 2).min(LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_spread_and_follow_from_the_seed() {
        let pauses = |seed| {
            let mut pauses = Pauses::new(seed);
            (0..12).map(|_| pauses.next()).collect::<Vec<_>>()
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
        let mut longest = FIRST_PAUSE;
        for pause in pauses(3) {
            assert!(pause >= longest / 2 && pause <= longest, "{pause:?} of {longest:?}");
            longest = (longest * 2).min(LONGEST_PAUSE);
        }
    }
}
