//! A projection with an optional low-rank update.

use tch::{Kind, Tensor};

/// y = x·Wᵀ + b, plus scale·(x·Aᵀ)·Bᵀ where a low-rank update (`LoRA`, arXiv 2106.09685) lies over it.
#[derive(Debug)]
pub(crate) struct Linear {
    /// [out, in]
    pub weight: Tensor,
    /// [out]
    pub bias: Option<Tensor>,
    pub lora: Option<Lora>,
}

#[derive(Debug)]
pub(crate) struct Lora {
    /// [rank, in]
    pub a: Tensor,
    /// [out, rank], zero at the start, so that the update begins at nothing
    pub b: Tensor,
    pub scale: f64,
}

impl Linear {
    /// x: [T, in] in the precision of the pass; the result is [T, out] in the same precision.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let kind = x.kind();
        let bias = self.bias.as_ref().map(|bias| bias.to_kind(kind));
        let y = x.linear(&self.weight.to_kind(kind), bias);
        match &self.lora {
            None => y,
            Some(lora) => {
                // The scale goes on the narrow product, and the sum into the wide one: two passes over [T, out] less.
                let narrow = x.linear(&lora.a.to_kind(kind), None::<Tensor>) * lora.scale;
                y.addmm(&narrow, &lora.b.to_kind(kind).tr())
            }
        }
    }

    /// The same projection without gradients, with the low-rank update folded in, in the given precision.
    pub fn merged(&self, kind: Kind) -> Self {
        tch::no_grad(|| Self {
            weight: self.merged_weight().to_kind(kind),
            bias: self.bias.as_ref().map(|bias| bias.detach().to_kind(kind)),
            lora: None,
        })
    }

    /// A merged projection in storage of its own.
    pub fn copy(&self) -> Self {
        debug_assert!(self.lora.is_none(), "low-rank updates are folded in first");
        Self { weight: self.weight.copy(), bias: self.bias.as_ref().map(Tensor::copy), lora: None }
    }

    /// [out, in] in the weight's own precision, the low-rank update folded in.
    pub fn merged_weight(&self) -> Tensor {
        match &self.lora {
            None => self.weight.detach(),
            Some(lora) => {
                let update = lora.b.matmul(&lora.a) * lora.scale;
                let sum = self.weight.to_kind(Kind::Float) + update;
                sum.to_kind(self.weight.kind()).detach()
            }
        }
    }
}
