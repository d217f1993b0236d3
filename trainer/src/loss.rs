//! Policy losses on vectors of token log-probabilities.
//!
//! Notation: lp, old, ref are log-probabilities of the sampled tokens under the policy, the policy at rollout
//! recomputed by the learner, and the reference; A the advantage of a token's sequence; ρ = exp(lp − old);
//! w a token's weight in the sum, which carries the aggregation over the whole batch, so that micro-batches only add up.

use conductor_configs::schema::Aggregation;
use tch::{Kind, Tensor};

/// The log-ratio is clamped to ± this before the exponential.
const MAX_LOG_RATIO: f64 = 20.0;

/// Constants of the clipped loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipOptions {
    /// Lower ε.
    pub clip_low: f64,
    /// Upper ε.
    pub clip_high: f64,
    /// Weight of the KL term towards the reference.
    pub kl_weight: f64,
}

/// Tokens of a micro-batch; all vectors are [n], float32.
#[derive(Debug)]
pub struct Tokens<'a> {
    /// Under the policy at rollout.
    pub old: &'a Tensor,
    /// Under the reference; `None` without a KL term.
    pub reference: Option<&'a Tensor>,
    /// Advantage of each token's sequence.
    pub advantages: &'a Tensor,
    /// Weight of each token in the sum.
    pub weights: &'a Tensor,
}

/// A loss and what happened in it; sums over the tokens, weighted with w where it says "loss" or "kl".
#[derive(Debug)]
pub struct Loss {
    /// Σ w·loss.
    pub value: f64,
    /// Σ w·(loss of the policy-gradient term alone).
    pub policy: f64,
    /// ∂loss/∂lp, [n].
    pub gradient: Tensor,
    /// Tokens whose clipped term was the larger.
    pub clipped: f64,
    /// Σ w·(ρ − 1 − ln ρ): the k3 estimate of KL(old ‖ policy) from tokens that old sampled.
    pub policy_kl: f64,
    /// Σ w·½(lp − ref)², the KL term before its weight.
    pub reference_kl: f64,
}

/// The clipped surrogate of PPO (arXiv 1707.06347) as GRPO uses it: Σ w·max(−A·ρ, −A·clip(ρ, 1−ε_low, 1+ε_high)), plus
/// kl_weight·½(lp − ref)². The KL term is the k2 estimator because its gradient, unlike that of k3 as a loss, is the
/// gradient of the KL divergence on policy.
///
/// lp: [n]. The derivative by lp is exact, so a caller can push it through the model in chunks.
pub fn clipped(lp: &Tensor, tokens: &Tokens<'_>, options: ClipOptions) -> Loss {
    let lp = lp.detach().set_requires_grad(true);
    let log_ratio = (&lp - tokens.old).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO);
    let ratio = log_ratio.exp();
    let clipped_ratio = ratio.clamp(1.0 - options.clip_low, 1.0 + options.clip_high);
    let unclipped = -(&ratio * tokens.advantages);
    let bounded = -(clipped_ratio * tokens.advantages);
    let policy = (unclipped.maximum(&bounded) * tokens.weights).sum(Kind::Float);
    let reference_kl = tokens
        .reference
        .map(|reference| ((&lp - reference).square() * 0.5 * tokens.weights).sum(Kind::Float));
    let total = match &reference_kl {
        Some(kl) => &policy + kl * options.kl_weight,
        None => policy.shallow_clone(),
    };
    if total.requires_grad() {
        total.backward();
    }
    let gradient = lp.grad();
    tch::no_grad(|| {
        let log_ratio = log_ratio.detach();
        let k3 = (log_ratio.exp() - 1.0 - &log_ratio) * tokens.weights;
        Loss {
            value: total.double_value(&[]),
            policy: policy.double_value(&[]),
            gradient: if gradient.defined() { gradient } else { tokens.old.zeros_like() },
            clipped: bounded.gt_tensor(&unclipped).sum(Kind::Float).double_value(&[]),
            policy_kl: k3.sum(Kind::Float).double_value(&[]),
            reference_kl: reference_kl.map_or(0.0, |kl| kl.double_value(&[])),
        }
    })
}

/// The weight w of one token of a sequence, given the lengths of **all** sequences of the batch (micro-batches and
/// ranks included).
pub fn token_weight(
    aggregation: Aggregation,
    length: usize,
    lengths: &[usize],
    max_new_tokens: u32,
) -> f64 {
    let sequences = lengths.iter().filter(|&&n| n > 0).count() as f64;
    match aggregation {
        Aggregation::TokenMean => 1.0 / lengths.iter().sum::<usize>() as f64,
        Aggregation::SequenceMean => 1.0 / (sequences * length as f64),
        Aggregation::ConstantLength => 1.0 / (sequences * f64::from(max_new_tokens)),
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the expected values are exact")]
mod tests {
    use super::*;

    fn vector(values: &[f32]) -> Tensor {
        Tensor::from_slice(values)
    }

    const OPTIONS: ClipOptions = ClipOptions { clip_low: 0.2, clip_high: 0.2, kl_weight: 0.0 };

    #[test]
    fn on_policy_the_gradient_is_minus_the_weighted_advantage() {
        let lp = vector(&[-1.0, -2.0]);
        let (advantages, weights) = (vector(&[2.0, -3.0]), vector(&[0.5, 0.25]));
        let tokens =
            Tokens { old: &lp, reference: None, advantages: &advantages, weights: &weights };
        let loss = clipped(&lp, &tokens, OPTIONS);
        assert_eq!(Vec::<f32>::try_from(&loss.gradient).expect("floats"), [-1.0, 0.75]);
        assert!((loss.value - (-1.0 + 0.75)).abs() < 1e-6);
    }

    #[test]
    fn a_ratio_past_its_bound_has_no_gradient_where_it_would_go_further() {
        let lp = vector(&[0.5, 0.5, -0.5, -0.5]);
        let old = vector(&[0.0; 4]);
        let (advantages, weights) = (vector(&[1.0, -1.0, 1.0, -1.0]), vector(&[1.0; 4]));
        let tokens =
            Tokens { old: &old, reference: None, advantages: &advantages, weights: &weights };
        let gradient =
            Vec::<f32>::try_from(&clipped(&lp, &tokens, OPTIONS).gradient).expect("floats");
        assert_eq!(gradient[0], 0.0);
        assert!(gradient[1] > 1.0);
        assert!(gradient[2] < 0.0);
        assert_eq!(gradient[3], 0.0);
    }

    #[test]
    fn the_reference_term_pulls_towards_the_reference() {
        let lp = vector(&[-1.0]);
        let reference = vector(&[-3.0]);
        let (advantages, weights) = (vector(&[0.0]), vector(&[1.0]));
        let tokens = Tokens {
            old: &lp,
            reference: Some(&reference),
            advantages: &advantages,
            weights: &weights,
        };
        let loss = clipped(&lp, &tokens, ClipOptions { kl_weight: 0.1, ..OPTIONS });
        assert!((loss.reference_kl - 2.0).abs() < 1e-6);
        assert!((loss.gradient.double_value(&[0]) - 0.2).abs() < 1e-6);
    }

    #[test]
    fn the_estimate_of_the_policys_kl_is_unbiased() {
        // Over a whole vocabulary, weighted with the probabilities that sampled it, the estimate is the divergence.
        let (old, new) = ([0.5_f32, 0.3, 0.2], [0.2_f32, 0.2, 0.6]);
        let divergence: f64 =
            old.iter().zip(new).map(|(q, p)| f64::from(*q) * f64::from(q / p).ln()).sum();
        let loss = clipped(
            &vector(&new).log(),
            &Tokens {
                old: &vector(&old).log(),
                reference: None,
                advantages: &vector(&[0.0; 3]),
                weights: &vector(&old),
            },
            OPTIONS,
        );
        assert!((loss.policy_kl - divergence).abs() < 1e-6, "{} {divergence}", loss.policy_kl);
    }

    #[test]
    fn weights_of_a_batch_sum_to_one_where_they_are_means() {
        let lengths = [3, 0, 5];
        for aggregation in [Aggregation::TokenMean, Aggregation::SequenceMean] {
            let sum: f64 = lengths
                .iter()
                .filter(|&&n| n > 0)
                .map(|&n| n as f64 * token_weight(aggregation, n, &lengths, 100))
                .sum();
            assert!((sum - 1.0).abs() < 1e-12);
        }
        assert_eq!(token_weight(Aggregation::ConstantLength, 3, &lengths, 100), 1.0 / 200.0);
    }
}
