//! Forward passes that can be followed by a backward pass, with or without keeping what lies between.

use tch::Tensor;

use crate::model::{Context, Model};
use crate::tree::TokenTree;

/// A pass whose backward can be run once: [`Tape::backward`] fills the gradients of everything trained.
#[derive(Debug)]
pub struct Tape<'m> {
    model: &'m Model,
    /// [T, H] after the last norm. With recomputation it carries no graph.
    pub hidden: Tensor,
    recompute: Option<Recompute>,
}

#[derive(Debug)]
struct Recompute {
    tokens: Tensor,
    context: Context,
    /// Input of each layer, and last the input of the final norm.
    inputs: Vec<Tensor>,
}

impl Model {
    /// A forward pass that can be followed by a backward pass. With `recompute`, only each layer's input is kept and
    /// the rest is computed again in the backward pass: about a third more work for a fraction of the memory.
    pub fn tape(&self, tree: &TokenTree, recompute: bool) -> Tape<'_> {
        if !recompute {
            return Tape { model: self, hidden: self.hidden(tree), recompute: None };
        }
        tch::no_grad(|| {
            let context = self.context(tree);
            let tokens = self.token_tensor(&tree.tokens);
            let mut inputs = vec![self.embed(&tokens)];
            for layer in &self.layers {
                let next = layer.forward(&self.config, &inputs[inputs.len() - 1], &context).0;
                inputs.push(next);
            }
            let hidden = self.norm(&inputs[inputs.len() - 1]);
            Tape { model: self, hidden, recompute: Some(Recompute { tokens, context, inputs }) }
        })
    }
}

impl Tape<'_> {
    /// Adds the gradients that follow from `gradient`, the loss's derivative by [`Tape::hidden`] ([T, H]).
    pub fn backward(self, gradient: &Tensor) {
        let Some(Recompute { tokens, context, mut inputs }) = self.recompute else {
            pull(&self.hidden, gradient);
            return;
        };
        let model = self.model;
        let mut gradient = gradient.shallow_clone();
        if let Some(last) = inputs.pop() {
            gradient = pull_through(&last, &gradient, |x| model.norm(x));
        }
        for (layer, input) in model.layers.iter().zip(inputs).rev() {
            gradient =
                pull_through(&input, &gradient, |x| layer.forward(&model.config, x, &context).0);
        }
        if model.embedding.requires_grad() {
            pull(&model.embed(&tokens), &gradient);
        }
    }
}

/// Runs the backward pass of `output` with the given outer gradient.
fn pull(output: &Tensor, gradient: &Tensor) {
    (output * gradient.to_kind(output.kind())).sum(output.kind()).backward();
}

/// Recomputes `f` at `input`, runs its backward pass and returns the gradient by the input.
fn pull_through(input: &Tensor, gradient: &Tensor, f: impl Fn(&Tensor) -> Tensor) -> Tensor {
    let leaf = input.detach().set_requires_grad(true);
    pull(&f(&leaf), gradient);
    leaf.grad()
}
