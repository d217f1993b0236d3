//! Seeds derive from what they are for, never from the order in which things happen:
//! the same run, step, task and sample give the same seed after a resume and on another machine.

use sha2::{Digest, Sha256};

/// A seed for `purpose` within a run, distinguished by `parts` (step, task, sample …).
///
/// ```
/// use conductor_types::seed::derive;
/// assert_eq!(derive(7, "sample", &["12", "task-a", "3"]), derive(7, "sample", &["12", "task-a", "3"]));
/// assert_ne!(derive(7, "sample", &["12", "3"]), derive(7, "sample", &["1", "23"]));
/// ```
pub fn derive(run_seed: u64, purpose: &str, parts: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(run_seed.to_le_bytes());
    for part in std::iter::once(purpose).chain(parts.iter().copied()) {
        // The length keeps ("1", "23") apart from ("12", "3").
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    u64::from_le_bytes(digest[..8].try_into().expect("a SHA-256 digest has 32 bytes"))
}

/// A number in 0..1 with the same derivation, for hash splits and coin tosses.
pub fn unit(run_seed: u64, purpose: &str, parts: &[&str]) -> f64 {
    (derive(run_seed, purpose, parts) >> 11) as f64 / (1u64 << 53) as f64
}

/// A small generator for shuffles and draws (`SplitMix64`, Steele et al. 2014), stable across versions of every crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitMix(u64);

impl SplitMix {
    /// Starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in 0..1.
    pub fn next_unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number in 0..n; n must be above 0. Unbiased enough for n far below 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "a draw needs at least one choice");
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// Fisher–Yates.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_matches_the_published_sequence() {
        // First outputs for seed 1234567 of the reference implementation (Vigna's splitmix64.c).
        let mut rng = SplitMix::new(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn units_are_spread_over_the_interval() {
        let mean: f64 = (0..1000).map(|i| unit(1, "t", &[&i.to_string()])).sum::<f64>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.03, "{mean}");
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        SplitMix::new(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
