//! The learner's part of a checkpoint: trained weights, and the optimiser's moments where there are any.

use std::path::Path;

use conductor_checkpoints::weights::{self, Dtype, TensorBytes};
use conductor_policy::weights::bytes_of;
use tch::{Kind, Tensor};

use crate::TrainError;
use crate::learner::Learner;
use crate::optimizer::AdamW;

const WEIGHTS: &str = "trainable.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";

/// Writes what is trained and the optimiser into a checkpoint's folder.
pub(crate) fn write(learner: &Learner, folder: &Path) -> Result<(), TrainError> {
    let weights =
        learner.optimizer.weights().map(|(name, weight)| (name.to_owned(), weight)).collect();
    write_file(&folder.join(WEIGHTS), weights)?;
    if learner.optimizer.steps > 0 {
        write_file(&folder.join(OPTIMIZER), learner.optimizer.moments().collect())?;
    }
    Ok(())
}

/// Sets the trained weights to a checkpoint's.
pub(crate) fn read_weights(
    trained: Vec<(String, Tensor)>,
    folder: &Path,
) -> Result<(), TrainError> {
    read_file(&folder.join(WEIGHTS), trained.into_iter().collect())
}

/// Sets the moments to a checkpoint's; `steps` updates were made.
pub(crate) fn read_optimizer(
    optimizer: &mut AdamW,
    folder: &Path,
    steps: u64,
) -> Result<(), TrainError> {
    if steps > 0 {
        let targets =
            optimizer.moments().map(|(name, moment)| (name, moment.shallow_clone())).collect();
        read_file(&folder.join(OPTIMIZER), targets)?;
    }
    optimizer.steps = steps;
    Ok(())
}

fn write_file(path: &Path, tensors: Vec<(String, &Tensor)>) -> Result<(), TrainError> {
    // All bytes are fetched first because fetching can fail and writing produces them on demand.
    let tensors = tensors
        .into_iter()
        .map(|(name, tensor)| {
            let shape: Vec<usize> = tensor.size().iter().map(|&n| n as usize).collect();
            Ok(TensorBytes::new(name, Dtype::F32, shape, bytes_of(tensor)?))
        })
        .collect::<Result<Vec<_>, TrainError>>()?;
    Ok(weights::write(path, &tensors)?)
}

fn read_file(
    path: &Path,
    mut targets: std::collections::BTreeMap<String, Tensor>,
) -> Result<(), TrainError> {
    let wrong = |reason: String| TrainError::Snapshot { path: path.to_owned(), reason };
    for stored in weights::read_each(path)? {
        let stored = stored?;
        let Some(mut target) = targets.remove(&stored.name) else {
            return Err(wrong(format!("it holds {}, which is not trained here", stored.name)));
        };
        let shape: Vec<i64> = stored.shape.iter().map(|&n| n as i64).collect();
        if stored.dtype != Dtype::F32 || shape != target.size() {
            return Err(wrong(format!(
                "{} has shape {shape:?}, expected {:?} of float32",
                stored.name,
                target.size()
            )));
        }
        let source = Tensor::f_from_data_size(&stored.bytes, &shape, Kind::Float)?;
        tch::no_grad(|| target.f_copy_(&source))?;
    }
    match targets.keys().next() {
        None => Ok(()),
        Some(name) => Err(wrong(format!("it lacks {name}"))),
    }
}
