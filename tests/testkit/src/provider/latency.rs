//! How long answers take.

use std::f64::consts::TAU;
use std::time::Duration;

use conductor_types::seed::SplitMix;

/// A distribution of latencies. What is drawn follows from the generator that is given: a request's own
/// ([`Request::draws`](super::Request::draws)), or one made from a seed and the request's number.
#[derive(Debug, Clone, PartialEq)]
pub enum Latency {
    /// Always the same.
    Constant(Duration),
    /// Anywhere between the two.
    Uniform(Duration, Duration),
    /// The logarithm is normal, as latencies of real services nearly are.
    LogNormal {
        /// Half of the answers take less.
        median: Duration,
        /// Standard deviation of the logarithm; 0.5 is a calm service.
        sigma: f64,
    },
    /// Another distribution with stragglers: a share of the answers takes Pareto-many times as long.
    HeavyTail {
        /// What the other answers take.
        body: Box<Latency>,
        /// Share of stragglers.
        share: f64,
        /// Pareto's shape; the mean is infinite at 1 and below.
        shape: f64,
        /// No answer takes longer.
        longest: Duration,
    },
}

impl Latency {
    /// One latency.
    pub fn draw(&self, rng: &mut SplitMix) -> Duration {
        match self {
            Self::Constant(latency) => *latency,
            Self::Uniform(low, high) => *low + high.saturating_sub(*low).mul_f64(rng.next_unit()),
            Self::LogNormal { median, sigma } => median.mul_f64((sigma * normal(rng)).exp()),
            Self::HeavyTail { body, share, shape, longest } => {
                let latency = body.draw(rng);
                let (straggles, factor) = (rng.next_unit() < *share, pareto(*shape, rng));
                let seconds = latency.as_secs_f64() * if straggles { factor } else { 1.0 };
                Duration::from_secs_f64(seconds.min(longest.as_secs_f64()))
            }
        }
    }

    /// The latency of the request with this number.
    pub fn of_number(&self, seed: u64, number: usize) -> Duration {
        // One output of a generator is far from that of its neighbour, which consecutive seeds are not.
        self.draw(&mut SplitMix::new(SplitMix::new(seed ^ number as u64).next_u64()))
    }
}

/// Box and Muller's way to a standard normal.
fn normal(rng: &mut SplitMix) -> f64 {
    // A unit may be 0, whose logarithm is not finite; 1 is never drawn.
    let radius = (-2.0 * (1.0 - rng.next_unit()).ln()).sqrt();
    radius * (TAU * rng.next_unit()).cos()
}

/// One or more.
fn pareto(shape: f64, rng: &mut SplitMix) -> f64 {
    (1.0 - rng.next_unit()).powf(-1.0 / shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Of 20,000 draws, in order of size, in milliseconds.
    fn sorted(latency: &Latency) -> Vec<f64> {
        let draw = |number| latency.of_number(7, number).as_secs_f64() * 1e3;
        let mut draws: Vec<f64> = (0..20_000).map(draw).collect();
        draws.sort_by(f64::total_cmp);
        draws
    }

    fn close(given: f64, expected: f64) {
        assert!((given / expected - 1.0).abs() < 0.05, "{given} is not near {expected}");
    }

    #[test]
    fn draws_follow_their_distribution() {
        assert!(sorted(&Latency::Constant(MS * 3)).iter().all(|ms| (ms - 3.0).abs() < 1e-9));
        let uniform = sorted(&Latency::Uniform(MS * 100, MS * 300));
        assert!(uniform[0] >= 100.0 && uniform[19_999] <= 300.0);
        close(uniform[5_000], 150.0);
        close(uniform[10_000], 200.0);
        let normal = sorted(&Latency::LogNormal { median: MS * 200, sigma: 0.5 });
        close(normal[10_000], 200.0);
        // One and two standard deviations up.
        close(normal[16_827], 200.0 * 0.5_f64.exp());
        close(normal[19_545], 200.0 * 1.0_f64.exp());
    }

    #[test]
    fn a_heavy_tail_leaves_the_body_and_has_an_end() {
        let body = Box::new(Latency::Constant(MS * 10));
        let latency = Latency::HeavyTail { body, share: 0.1, shape: 1.0, longest: MS * 2000 };
        let drawn = sorted(&latency);
        assert!((drawn[17_000] - 10.0).abs() < 1e-9);
        // Of the stragglers, half take more than twice as long, and a tenth more than ten times.
        close(drawn[19_000], 20.0);
        assert!(drawn[19_800] > 85.0 && drawn[19_800] < 117.0, "{}", drawn[19_800]);
        assert!((drawn[19_999] - 2000.0).abs() < 1e-9);
    }

    #[test]
    fn the_same_request_takes_the_same_time() {
        let latency = Latency::LogNormal { median: MS * 200, sigma: 1.0 };
        assert_eq!(latency.of_number(1, 2), latency.of_number(1, 2));
        assert_ne!(latency.of_number(1, 2), latency.of_number(1, 3));
        assert_ne!(latency.of_number(1, 2), latency.of_number(2, 2));
    }
}
