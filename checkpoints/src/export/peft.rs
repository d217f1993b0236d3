//! Low-rank updates as a PEFT folder.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::{ExportError, ExportOptions, check_place, publish, write_json};
use crate::weights::{self, TensorBytes};

/// PEFT wraps the model twice before it names a weight.
const PREFIX: &str = "base_model.model.";

/// What `adapter_config.json` says of the update.
#[derive(Debug, Clone, PartialEq)]
pub struct Lora<'a> {
    /// Rank r of every update.
    pub rank: u32,
    /// Updates are scaled by alpha / rank.
    pub alpha: f64,
    /// Names of the projections ("`q_proj`").
    pub targets: &'a [&'a str],
}

/// Writes a PEFT folder: `adapter_config.json` and `adapter_model.safetensors`.
///
/// `base_model` is what PEFT loads the base weights from: a folder or a name on the hub. `tensors` are named after
/// the weights that they change, `model.layers.0.self_attn.q_proj.lora_A.weight` of shape (rank, inputs) and
/// `…lora_B.weight` of shape (outputs, rank); PEFT's own prefix is added here.
pub fn peft(
    out: &Path,
    base_model: &str,
    lora: &Lora<'_>,
    tensors: &[TensorBytes<'_>],
    options: &ExportOptions,
) -> Result<(), ExportError> {
    check_place(out, None, options.overwrite)?;
    check(lora, tensors)?;
    let named: Vec<TensorBytes<'_>> =
        tensors.iter().map(|tensor| tensor.renamed(format!("{PREFIX}{}", tensor.name()))).collect();
    publish(out, |folder| {
        write_json(&folder.join("adapter_config.json"), &adapter_config(base_model, lora))?;
        Ok(weights::write(&folder.join("adapter_model.safetensors"), &named)?)
    })
}

fn adapter_config(base_model: &str, lora: &Lora<'_>) -> Value {
    // PEFT declares alpha as a whole number; most values are one.
    let alpha = if lora.alpha.fract() == 0.0 && lora.alpha.abs() < 1e9 {
        json!(lora.alpha as i64)
    } else {
        json!(lora.alpha)
    };
    json!({
        "base_model_name_or_path": base_model,
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
        "init_lora_weights": true,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "modules_to_save": null,
        "peft_type": "LORA",
        "r": lora.rank,
        "target_modules": lora.targets,
        "task_type": "CAUSAL_LM",
        "use_rslora": false,
    })
}

/// Every update is a pair of matrices of the given rank, on a projection that the config names.
fn check(lora: &Lora<'_>, tensors: &[TensorBytes<'_>]) -> Result<(), ExportError> {
    let bad = |message: String| Err(ExportError::BadTensors { message });
    let mut halves: BTreeMap<&str, [bool; 2]> = BTreeMap::new();
    for tensor in tensors {
        let name = tensor.name();
        let (module, half) = if let Some(module) = name.strip_suffix(".lora_A.weight") {
            (module, 0)
        } else if let Some(module) = name.strip_suffix(".lora_B.weight") {
            (module, 1)
        } else {
            return bad(format!(
                "{name} is no low-rank update: expected a name that ends in .lora_A.weight or .lora_B.weight"
            ));
        };
        let target = module.rsplit('.').next().unwrap_or(module);
        if !lora.targets.contains(&target) {
            return bad(format!(
                "{name} changes {target}, which is not among the targets ({})",
                lora.targets.join(", ")
            ));
        }
        let shape = tensor.shape();
        if shape.len() != 2 || shape[half] != lora.rank as usize {
            let wanted = ["(rank, inputs)", "(outputs, rank)"][half];
            return bad(format!(
                "{name} has shape {shape:?}, expected {wanted} with rank {}",
                lora.rank
            ));
        }
        halves.entry(module).or_default()[half] = true;
    }
    if halves.is_empty() {
        return bad("there are none".into());
    }
    match halves.iter().find(|(_, halves)| **halves != [true, true]) {
        Some((module, _)) => bad(format!("{module} has only one of lora_A and lora_B")),
        None => Ok(()),
    }
}
