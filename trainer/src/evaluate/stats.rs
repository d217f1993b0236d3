//! Intervals and paired tests. Resampling is seeded, so the same answers give the same table.

use conductor_types::seed::SplitMix;
use serde::Serialize;

/// A mean with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// 2.5 % quantile of the bootstrap means.
    pub low: f64,
    /// 97.5 % quantile.
    pub high: f64,
}

/// Mean of `values` with a percentile bootstrap interval (Efron 1979) over `resamples` draws of whole questions. For a
/// paired difference, give the differences.
pub fn mean_interval(values: &[f64], resamples: u32) -> Interval {
    let n = values.len();
    let mean = |sum: f64| if n == 0 { 0.0 } else { sum / n as f64 };
    let center = mean(values.iter().sum());
    if n < 2 || resamples == 0 {
        return Interval { mean: center, low: center, high: center };
    }
    let mut rng = SplitMix::new(0x5eed_b007);
    let mut means: Vec<f64> =
        (0..resamples).map(|_| mean((0..n).map(|_| values[rng.below(n)]).sum())).collect();
    means.sort_by(f64::total_cmp);
    Interval { mean: center, low: quantile(&means, 0.025), high: quantile(&means, 0.975) }
}

/// Linear interpolation between order statistics.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

/// Exact two-sided McNemar test: `only_a` and `only_b` are the questions that one of two contestants alone got right.
/// Twice the binomial tail at ½, at most 1.
///
/// ```
/// // Ten discordant questions, all for one side: 2 · ½¹⁰.
/// assert!((conductor_trainer::evaluate::mcnemar_p(10, 0) - 2.0 / 1024.0).abs() < 1e-12);
/// ```
pub fn mcnemar_p(only_a: usize, only_b: usize) -> f64 {
    let n = only_a + only_b;
    let k = only_a.min(only_b);
    // Terms in logarithms, so that thousands of questions do not underflow.
    let log_choose = |i: usize| ln_factorial(n) - ln_factorial(i) - ln_factorial(n - i);
    let tail: f64 =
        (0..=k).map(|i| (log_choose(i) - n as f64 * std::f64::consts::LN_2).exp()).sum();
    (2.0 * tail).min(1.0)
}

fn ln_factorial(n: usize) -> f64 {
    (2..=n).map(|i| (i as f64).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_has_the_width_that_theory_gives() {
        // 400 zeros and ones in equal parts: the standard error is 0.5/√400 = 0.025.
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        let interval = mean_interval(&values, 4000);
        assert!((interval.mean - 0.5).abs() < 1e-12);
        assert!((interval.low - (0.5 - 1.96 * 0.025)).abs() < 0.006, "{interval:?}");
        assert!((interval.high - (0.5 + 1.96 * 0.025)).abs() < 0.006, "{interval:?}");
        assert_eq!(mean_interval(&values, 4000), interval, "the same draws every time");
    }

    #[test]
    fn few_values_give_no_false_width() {
        assert_eq!(mean_interval(&[], 100), Interval { mean: 0.0, low: 0.0, high: 0.0 });
        assert_eq!(mean_interval(&[2.0], 100), Interval { mean: 2.0, low: 2.0, high: 2.0 });
    }

    #[test]
    fn mcnemar_matches_binomial_tables() {
        assert!((mcnemar_p(5, 5) - 1.0).abs() < 1e-12);
        assert!((mcnemar_p(1, 8) - 20.0 / 512.0).abs() < 1e-12);
        assert!((mcnemar_p(0, 0) - 1.0).abs() < 1e-12);
        assert!(mcnemar_p(3000, 3100) > 0.1);
    }
}
