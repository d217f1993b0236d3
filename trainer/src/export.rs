//! A trained policy as a folder that others load: Hugging Face, or PEFT for low-rank updates.

use std::path::{Path, PathBuf};

use conductor_checkpoints::export::{self, ExportOptions};
use conductor_checkpoints::weights::{Dtype, TensorBytes};
use conductor_checkpoints::{Checkpoint, Checkpoints};
use conductor_configs::Config;
use conductor_configs::schema::Adapter;
use conductor_policy::weights::bytes_of;
use conductor_policy::{Placement, Policy};
use tch::{Kind, Tensor};

use crate::{TrainError, snapshot};

/// What an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// The whole model, low-rank updates folded in, in this precision.
    HuggingFace(Dtype),
    /// Only the low-rank updates.
    Peft,
}

/// The checkpoint of a run that `wanted` names ("latest", "best", or a folder's name).
pub fn checkpoint_of(run: &Path, wanted: &str) -> Result<Checkpoint, TrainError> {
    let checkpoints = Checkpoints::view(&run.join("checkpoints"));
    let found = match wanted {
        "latest" => checkpoints.latest()?,
        "best" => checkpoints.best()?,
        name => Some(checkpoints.named(name)?),
    };
    found.ok_or_else(|| {
        TrainError::Usage(format!(
            "{} has no {wanted} checkpoint; look into {}/checkpoints, or train first",
            run.display(),
            run.display()
        ))
    })
}

/// The checkpoint of a run that stands for it: the best by validation reward, or the newest (and true) where none is
/// known as the best.
pub fn best_or_newest(run: &Path) -> Result<(Checkpoint, bool), TrainError> {
    let checkpoints = Checkpoints::view(&run.join("checkpoints"));
    if let Some(best) = checkpoints.best()? {
        return Ok((best, false));
    }
    let newest = checkpoints.latest()?.ok_or_else(|| {
        TrainError::Usage(format!("{} has no checkpoint yet; train first", run.display()))
    })?;
    Ok((newest, true))
}

/// The policy of a checkpoint: the model that the configuration names, with the checkpoint's trained weights.
pub fn load_checkpoint(config: &Config, checkpoint: &Checkpoint) -> Result<Policy, TrainError> {
    let policy = Policy::load(&config.policy, 0)?;
    snapshot::read_weights(policy.model.trainable(), &checkpoint.path)?;
    Ok(policy)
}

/// Writes a checkpoint's policy to the new folder `out` and returns it.
pub fn export(
    config: &Config,
    checkpoint: &Checkpoint,
    form: ExportForm,
    out: &Path,
    overwrite: bool,
) -> Result<PathBuf, TrainError> {
    // On the processor in full precision, whatever the run used: nothing may be lost on the way.
    let Config { policy: section, .. } = config;
    let policy = Policy::load_folder(&section.model, Placement::CPU, &section.adapter, 0)?;
    snapshot::read_weights(policy.model.trainable(), &checkpoint.path)?;
    let options = ExportOptions { overwrite, ..ExportOptions::default() };
    match (form, &config.policy.adapter) {
        (ExportForm::HuggingFace(dtype), _) => {
            let tensors = stored(policy.model.merged_weights(), dtype)?;
            export::hugging_face(out, &config.policy.model, &tensors, &options)?;
        }
        (ExportForm::Peft, Adapter::Lora { rank, alpha, targets }) => {
            let tensors = stored(policy.model.trainable(), Dtype::F32)?;
            // An adapter names its base model; a relative path would be read as a name on a hub elsewhere.
            let base = config.policy.model.canonicalize();
            let base = base.unwrap_or_else(|_| config.policy.model.clone());
            let targets: Vec<&str> = targets.iter().map(|target| target.as_str()).collect();
            let lora = export::Lora { rank: *rank, alpha: *alpha, targets: &targets };
            export::peft(out, &base.display().to_string(), &lora, &tensors, &options)?;
        }
        (ExportForm::Peft, Adapter::Full) => {
            return Err(TrainError::Usage(
                "this run trained every weight, so there is no adapter to export; leave --format peft out".into(),
            ));
        }
    }
    Ok(out.to_owned())
}

fn stored(
    weights: Vec<(String, Tensor)>,
    dtype: Dtype,
) -> Result<Vec<TensorBytes<'static>>, TrainError> {
    let kind = if dtype == Dtype::Bf16 { Kind::BFloat16 } else { Kind::Float };
    weights
        .into_iter()
        .map(|(name, weight)| {
            let shape: Vec<usize> = weight.size().iter().map(|&n| n as usize).collect();
            Ok(TensorBytes::new(name, dtype, shape, bytes_of(&weight.f_to_kind(kind)?)?))
        })
        .collect()
}
