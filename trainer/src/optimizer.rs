//! AdamW (arXiv 1711.05101) over named float32 weights, and the learning-rate schedule.

use conductor_configs::schema::{LrSchedule, Optimizer};
use tch::{Kind, Tensor};

/// AdamW with its moments.
#[derive(Debug)]
pub struct AdamW {
    options: Optimizer,
    /// Updates made so far.
    pub steps: u64,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    name: String,
    weight: Tensor,
    first: Tensor,
    second: Tensor,
}

impl AdamW {
    /// Starts with zero moments over `weights`, which must be leaves with gradients.
    pub fn new(options: Optimizer, weights: Vec<(String, Tensor)>) -> Self {
        let slots = weights
            .into_iter()
            .map(|(name, weight)| {
                let zeros = || tch::no_grad(|| weight.zeros_like().set_requires_grad(false));
                Slot { first: zeros(), second: zeros(), name, weight }
            })
            .collect();
        Self { options, steps: 0, slots }
    }

    /// Begins anew over the same weights, in the memory that is there.
    pub fn reset(&mut self, options: Optimizer) {
        self.options = options;
        self.steps = 0;
        tch::no_grad(|| {
            for slot in &mut self.slots {
                let _ = slot.first.zero_();
                let _ = slot.second.zero_();
            }
        });
    }

    /// The norm of all gradients together; weights without a gradient count as zero.
    pub fn gradient_norm(&self) -> f64 {
        tch::no_grad(|| {
            let squares: Vec<Tensor> = self
                .slots
                .iter()
                .map(|slot| slot.weight.grad())
                .filter(Tensor::defined)
                .map(|gradient| gradient.square().sum(Kind::Double))
                .collect();
            if squares.is_empty() {
                0.0
            } else {
                Tensor::stack(&squares, 0).sum(Kind::Double).sqrt().double_value(&[])
            }
        })
    }

    /// One update with rate `lr`, gradients scaled by min(1, max_grad_norm / `norm`), then gradients are dropped.
    pub fn step(&mut self, lr: f64, norm: f64) {
        self.steps += 1;
        let Optimizer { beta1, beta2, epsilon, weight_decay, max_grad_norm, .. } = self.options;
        let scale = if norm > max_grad_norm { max_grad_norm / (norm + 1e-6) } else { 1.0 };
        let correction1 = 1.0 - beta1.powf(self.steps as f64);
        let correction2 = 1.0 - beta2.powf(self.steps as f64);
        tch::no_grad(|| {
            for slot in &mut self.slots {
                let gradient = slot.weight.grad();
                if !gradient.defined() {
                    continue;
                }
                let gradient = gradient * scale;
                // Norms and biases are vectors; decay is for matrices.
                if weight_decay > 0.0 && slot.weight.dim() > 1 {
                    let _ = slot.weight.g_mul_scalar_(1.0 - lr * weight_decay);
                }
                let _ = slot.first.g_mul_scalar_(beta1).g_add_(&(&gradient * (1.0 - beta1)));
                let _ =
                    slot.second.g_mul_scalar_(beta2).g_add_(&(gradient.square() * (1.0 - beta2)));
                let root = (&slot.second / correction2).sqrt() + epsilon;
                let update = &slot.first / correction1 / root * lr;
                let _ = slot.weight.g_sub_(&update);
            }
        });
        self.drop_gradients();
    }

    /// Sets every gradient to zero.
    pub fn drop_gradients(&mut self) {
        for slot in &mut self.slots {
            slot.weight.zero_grad();
        }
    }

    /// Weights by name.
    pub fn weights(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.slots.iter().map(|slot| (slot.name.as_str(), &slot.weight))
    }

    /// Moments by name: `first.<weight>` and `second.<weight>`.
    pub fn moments(&self) -> impl Iterator<Item = (String, &Tensor)> {
        self.slots.iter().flat_map(|slot| {
            [
                (format!("first.{}", slot.name), &slot.first),
                (format!("second.{}", slot.name), &slot.second),
            ]
        })
    }
}

/// The rate of update `step` (from 0) of `total`: linear from 0 over the first `warmup_share`, then as scheduled, as
/// transformers' schedules do it.
pub fn learning_rate(options: &Optimizer, step: u64, total: u64) -> f64 {
    let warmup = (options.warmup_share * total as f64).ceil() as u64;
    if step < warmup {
        return options.lr * step as f64 / warmup.max(1) as f64;
    }
    match options.schedule {
        LrSchedule::Constant => options.lr,
        LrSchedule::Cosine => {
            let progress = (step - warmup) as f64 / total.saturating_sub(warmup).max(1) as f64;
            options.lr * 0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos())
        }
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the expected values are exact")]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        let options = Optimizer { lr: 1.0, warmup_share: 0.2, ..Optimizer::default() };
        let rates: Vec<f64> = (0..10).map(|step| learning_rate(&options, step, 10)).collect();
        assert_eq!(rates[0], 0.0);
        assert_eq!(rates[1], 0.5);
        assert_eq!(rates[2], 1.0);
        assert!(rates.windows(2).skip(2).all(|pair| pair[1] < pair[0]));
        assert!(rates[9] > 0.0);
        let constant =
            Optimizer { schedule: LrSchedule::Constant, warmup_share: 0.0, lr: 0.3, ..options };
        assert_eq!(learning_rate(&constant, 7, 10), 0.3);
    }

    #[test]
    fn the_first_update_is_the_rate_in_the_gradients_direction() {
        let weight = Tensor::from_slice(&[1.0_f32, -1.0]).set_requires_grad(true);
        let options = Optimizer { max_grad_norm: 1e9, ..Optimizer::default() };
        let mut adam = AdamW::new(options, vec![("w".into(), weight.shallow_clone())]);
        (&weight * Tensor::from_slice(&[3.0_f32, -0.5])).sum(Kind::Float).backward();
        let norm = adam.gradient_norm();
        assert!((norm - (9.25_f64).sqrt()).abs() < 1e-6);
        adam.step(0.1, norm);
        let moved = Vec::<f32>::try_from(weight.detach()).expect("floats");
        assert!((moved[0] - 0.9).abs() < 1e-5 && (moved[1] + 0.9).abs() < 1e-5, "{moved:?}");
    }
}
