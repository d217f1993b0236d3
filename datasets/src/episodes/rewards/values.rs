//! Numbers that are described: their distribution, and how two of them go together.

use serde::Serialize;

/// Bins of a histogram.
pub const BINS: usize = 20;

/// What is known of some numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distribution {
    /// How many.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation (n − 1); 0 of one value.
    pub std: f64,
    /// The smallest.
    pub min: f64,
    /// A quarter of them lie below; between two values it is interpolated.
    pub q1: f64,
    /// Half of them lie below.
    pub median: f64,
    /// Three quarters of them lie below.
    pub q3: f64,
    /// The largest.
    pub max: f64,
    /// Share of those that are 0.
    pub zero_share: f64,
    /// How many lie in each of [`BINS`] equal steps from `min` to `max`; one bin where these are the same. The largest is in the
    /// last bin.
    pub histogram: Vec<u64>,
}

impl Distribution {
    /// Of finite numbers in any order; `None` of none.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        // No −0 among them: it would be sorted before 0 and shown with its sign.
        for value in &mut values {
            *value += 0.0;
        }
        values.sort_by(f64::total_cmp);
        let (&min, &max) = (values.first()?, values.last()?);
        let count = values.len();
        let n = count as f64;
        let sum: f64 = values.iter().sum();
        // Only a sum of large numbers overflows; those are scaled first.
        let scaled = || values.iter().map(|value| value / n).sum();
        // Rounding must not carry it past the values: where all are one number, that is the mean and there is no spread.
        let mean = if sum.is_finite() { sum / n } else { scaled() }.clamp(min, max);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let zeros = values.iter().filter(|value| **value == 0.0).count();
        Some(Self {
            count,
            mean,
            std: if count < 2 { 0.0 } else { (squares / (n - 1.0)).sqrt() },
            min,
            q1: quantile(&values, 0.25),
            median: quantile(&values, 0.5),
            q3: quantile(&values, 0.75),
            max,
            zero_share: zeros as f64 / n,
            histogram: histogram(&values, min, max),
        })
    }
}

/// Linear between the two values next to it; `sorted` is not empty.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

fn histogram(values: &[f64], min: f64, max: f64) -> Vec<u64> {
    let width = (max - min) / BINS as f64;
    if width <= 0.0 || !width.is_finite() {
        return vec![values.len() as u64];
    }
    let mut counts = vec![0; BINS];
    for value in values {
        let bin = ((value - min) / width) as usize;
        counts[bin.min(BINS - 1)] += 1;
    }
    counts
}

/// How two numbers vary, and vary together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    /// Sum of squares of the first's differences from its mean.
    pub first: f64,
    /// Of the second's.
    pub second: f64,
    /// Sum of the products of both.
    pub both: f64,
}

impl Moments {
    /// Of pairs.
    pub fn of(pairs: &[(f64, f64)]) -> Self {
        let n = pairs.len().max(1) as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
        let (x, y) = (mean(|pair| pair.0), mean(|pair| pair.1));
        pairs.iter().fold(Self::default(), |sum, pair| {
            sum + Self {
                first: (pair.0 - x).powi(2),
                second: (pair.1 - y).powi(2),
                both: (pair.0 - x) * (pair.1 - y),
            }
        })
    }

    /// Pearson's correlation; `None` where one of them does not vary.
    pub fn correlation(self) -> Option<f64> {
        let scale = self.first.sqrt() * self.second.sqrt();
        (scale > 0.0).then(|| (self.both / scale).clamp(-1.0, 1.0))
    }
}

impl std::ops::Add for Moments {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            first: self.first + other.first,
            second: self.second + other.second,
            both: self.both + other.both,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values: Python 3.12's `statistics` (`mean`, `stdev`, `quantiles(n=4, method="inclusive")`), and bins counted in
    /// its `fractions`.
    #[test]
    fn a_distribution_is_what_python_says() {
        let values = vec![0.0, 1.0, 0.5, 0.5, 0.98, -0.25, 0.0, 0.73];
        let found = Distribution::of(values).expect("values");
        for (ours, expected) in [
            (found.mean, 0.4325),
            (found.std, 0.471_979_115_760_735_4),
            (found.min, -0.25),
            (found.q1, 0.0),
            (found.median, 0.5),
            (found.q3, 0.7925),
            (found.max, 1.0),
            (found.zero_share, 0.25),
        ] {
            assert!((ours - expected).abs() < 1e-12, "{ours} {expected}");
        }
        let bins = [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 2];
        assert_eq!((found.count, found.histogram), (8, bins.to_vec()));
    }

    #[test]
    fn few_and_equal_values() {
        assert_eq!(Distribution::of(vec![]), None);
        let one = Distribution::of(vec![0.7]).expect("a value");
        assert_eq!((one.std, one.q1, one.q3, one.histogram), (0.0, 0.7, 0.7, vec![1]));
        let equal = Distribution::of(vec![-0.0, 0.0, 0.0]).expect("values");
        assert_eq!((equal.zero_share, equal.histogram), (1.0, vec![3]));
        assert!([equal.mean, equal.min, equal.q1].iter().all(|value| value.is_sign_positive()));
        for (value, count) in [(0.5, 11), (0.1, 8), (-0.3, 3)] {
            let equal = Distribution::of(vec![value; count]).expect("values");
            assert!(equal.mean.total_cmp(&value).is_eq() && equal.std == 0.0, "{equal:?}");
        }
        let huge = Distribution::of(vec![f64::MAX, f64::MAX, -f64::MAX]).expect("values");
        assert!(huge.mean.is_finite() && huge.histogram == [3], "{huge:?}");
    }

    /// Expected value: `correlation` of the same.
    #[test]
    fn a_correlation_is_what_python_says() {
        let pairs = [(0.01, 1.0), (0.02, 0.0), (0.005, 1.0), (0.03, 0.0), (0.04, 1.0)];
        let ours = Moments::of(&pairs).correlation().expect("both vary");
        assert!((ours + 0.255_030_685_225_335_2).abs() < 1e-12, "{ours}");
        assert_eq!(Moments::of(&[(1.0, 0.0), (2.0, 0.0)]).correlation(), None);
        assert_eq!(Moments::of(&[]).correlation(), None);
    }
}
