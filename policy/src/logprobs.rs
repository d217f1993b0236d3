//! Token log-probabilities without the full matrix of logits.
//!
//! A row of logits is as wide as the vocabulary: for 16k tokens of a 152k vocabulary that is 9.3 GiB in float32.
//! Here logits exist for one chunk of tokens at a time, and are computed again in the backward pass.

use tch::{Kind, Tensor};

use crate::model::Model;
use crate::tape::Tape;

/// Tokens whose logits exist at once.
pub const CHUNK: i64 = 256;

/// Log-probabilities and entropies of predicted tokens: float32, one each.
#[derive(Debug)]
pub struct TokenStats {
    /// ln p(target), [n]
    pub logprobs: Tensor,
    /// −Σ p ln p in nats, [n]
    pub entropies: Tensor,
}

/// hidden: [n, H] states that predict targets: [n] of int64; logits are divided by `temperature` first, for the
/// entropy too. No gradients.
pub fn token_stats(
    model: &Model,
    hidden: &Tensor,
    targets: &Tensor,
    temperature: f64,
) -> TokenStats {
    tch::no_grad(|| {
        let count = hidden.size()[0];
        let (mut logprobs, mut entropies) = (Vec::new(), Vec::new());
        for (start, length) in chunks(count) {
            let all = log_softmax(model, &hidden.narrow(0, start, length), temperature);
            logprobs.push(pick(&all, &targets.narrow(0, start, length)));
            entropies.push(-(all.exp() * &all).sum_dim_intlist(
                [-1_i64].as_slice(),
                false,
                Kind::Float,
            ));
        }
        if logprobs.is_empty() {
            let empty = Tensor::zeros([0], (Kind::Float, hidden.device()));
            return TokenStats { logprobs: empty.shallow_clone(), entropies: empty };
        }
        TokenStats { logprobs: Tensor::cat(&logprobs, 0), entropies: Tensor::cat(&entropies, 0) }
    })
}

/// Runs the backward pass of a tape from the loss's derivative by each token's log-probability.
///
/// places: [n] rows of the tape's hidden states that predict targets: [n]; gradient: [n].
pub fn backward(
    tape: Tape<'_>,
    model: &Model,
    places: &Tensor,
    targets: &Tensor,
    gradient: &Tensor,
    temperature: f64,
) {
    let rows = tape.hidden.detach();
    let leaf = rows.index_select(0, places).set_requires_grad(true);
    for (start, length) in chunks(leaf.size()[0]) {
        let all = log_softmax(model, &leaf.narrow(0, start, length), temperature);
        let picked = pick(&all, &targets.narrow(0, start, length));
        (picked * gradient.narrow(0, start, length)).sum(Kind::Float).backward();
    }
    // All samples of a prompt meet in the place that predicts their first token, and advantages of a group cancel
    // there: the sum is kept in float32.
    let inner = tch::no_grad(|| {
        let zeros = rows.zeros_like().to_kind(Kind::Float);
        zeros.index_add(0, places, &leaf.grad().to_kind(Kind::Float))
    });
    tape.backward(&inner);
}

/// hidden: [n, H] → [n, vocabulary] in float32.
fn log_softmax(model: &Model, hidden: &Tensor, temperature: f64) -> Tensor {
    let logits =
        hidden.linear(&model.head().to_kind(hidden.kind()), None::<Tensor>).to_kind(Kind::Float);
    (logits / temperature).log_softmax(-1, Kind::Float)
}

fn pick(all: &Tensor, targets: &Tensor) -> Tensor {
    all.gather(-1, &targets.unsqueeze(-1), false).squeeze_dim(-1)
}

fn chunks(count: i64) -> impl Iterator<Item = (i64, i64)> {
    (0..count).step_by(CHUNK as usize).map(move |start| (start, CHUNK.min(count - start)))
}
