//! `state.json`: where a run stands, beside the weights.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::CheckpointError;

/// The version of `state.json` that this program writes, and the newest that it reads.
pub const STATE_VERSION: u32 = 1;

/// Where a run stands. Seeds derive from step, task and sample, so no generator's state is part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainState {
    /// The format's version, [`STATE_VERSION`].
    pub version: u32,
    /// The stage that `step` counts.
    pub phase: TrainPhase,
    /// Finished steps of that stage; the next step to be done has this number.
    pub step: u64,
    /// Updates that the optimiser has made in this stage (more than `step` with several epochs a step).
    pub optimizer_step: u64,
    /// The best validation reward so far, these weights included; retention keeps its checkpoint.
    #[serde(default)]
    pub best: Option<Best>,
    /// The step of the newest weights that were validated. Where it lags behind `step`, a validation that is due was
    /// cut off and comes first after a resume.
    #[serde(default)]
    pub validated: Option<u64>,
    /// Dollars spent on workers so far.
    pub spend_usd: f64,
    /// The part of them that was read from the ledger of paid requests; it is newer than this file after a kill.
    #[serde(default)]
    pub ledger_usd: f64,
    /// The price of answers that had been paid before, over all finished steps.
    #[serde(default)]
    pub saved_usd: f64,
    /// Worker calls so far.
    pub calls: u64,
    /// Episodes so far.
    pub episodes: u64,
    /// Seconds of work so far, over all processes that worked on the run.
    #[serde(default)]
    pub seconds: f64,
    /// The folder that the weights came from before any training.
    pub weights_origin: String,
}

/// The best weights so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Finished training steps of these weights.
    pub step: u64,
    /// Their mean reward on the validation split.
    pub score: f64,
}

/// A stage of a run that has checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainPhase {
    /// Supervised learning of the workflow form; its checkpoints are `warm-000050`.
    WarmStart,
    /// Reinforcement; its checkpoints are `step-000010`, and `step-000000` is the end of the warm start.
    Train,
}

impl TrainState {
    /// The state before anything was done.
    pub fn start(phase: TrainPhase, weights_origin: impl Into<String>) -> Self {
        Self {
            version: STATE_VERSION,
            phase,
            step: 0,
            optimizer_step: 0,
            best: None,
            validated: None,
            spend_usd: 0.0,
            ledger_usd: 0.0,
            saved_usd: 0.0,
            calls: 0,
            episodes: 0,
            seconds: 0.0,
            weights_origin: weights_origin.into(),
        }
    }

    /// The name of the checkpoint's folder: `step-000010`, or `warm-000050` within the warm start.
    pub fn checkpoint_name(&self) -> String {
        checkpoint_name(self.phase, self.step)
    }

    pub(crate) fn to_json(&self, path: &Path) -> Result<Vec<u8>, CheckpointError> {
        let bad = |message| CheckpointError::BadState { path: path.to_owned(), message };
        for (name, value) in [
            ("best.score", self.best.map_or(0.0, |best| best.score)),
            ("spend_usd", self.spend_usd),
            ("ledger_usd", self.ledger_usd),
            ("saved_usd", self.saved_usd),
            ("seconds", self.seconds),
        ] {
            // JSON has no word for these, so the file could not be read back.
            if !value.is_finite() {
                return Err(bad(format!("{name} is {value}, expected a finite number")));
            }
        }
        serde_json::to_vec_pretty(self).map_err(|e| bad(e.to_string()))
    }

    pub(crate) fn from_json(path: &Path, bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Versioned { version } = serde_json::from_slice(bytes)
            .map_err(|e| format!("{name} is no JSON object with a version: {e}"))?;
        if version == 0 || version > STATE_VERSION {
            return Err(format!(
                "{name} has version {version}, this program reads 1 to {STATE_VERSION}: use the newer conductor \
                 that wrote it"
            ));
        }
        serde_json::from_slice(bytes).map_err(|e| format!("{name} cannot be read: {e}"))
    }
}

pub(crate) fn checkpoint_name(phase: TrainPhase, step: u64) -> String {
    match phase {
        TrainPhase::WarmStart => format!("warm-{step:06}"),
        TrainPhase::Train => format!("step-{step:06}"),
    }
}

/// The stage and step that a folder's name stands for; `None` for anything that is no checkpoint.
pub(crate) fn parse_checkpoint_name(name: &str) -> Option<(TrainPhase, u64)> {
    let (phase, digits) = name
        .strip_prefix("warm-")
        .map(|digits| (TrainPhase::WarmStart, digits))
        .or_else(|| name.strip_prefix("step-").map(|digits| (TrainPhase::Train, digits)))?;
    let step = digits.parse().ok()?;
    (checkpoint_name(phase, step) == name).then_some((phase, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 1 as it was first written; every later program must read it.
    const GOLDEN_V1: &str = r#"{"version":1,"phase":"train","step":30,"optimizer_step":30,
        "best":{"step":20,"score":0.75},"spend_usd":1.25,"calls":960,"episodes":480,"seconds":61.5,
        "weights_origin":"models/SmolLM2-135M-Instruct"}"#;

    #[test]
    fn version_1_is_read() {
        let state = TrainState::from_json(Path::new("state.json"), GOLDEN_V1.as_bytes()).unwrap();
        assert_eq!(state.best, Some(Best { step: 20, score: 0.75 }));
        assert_eq!(state.validated, None, "a field that came later");
        assert_eq!(state.checkpoint_name(), "step-000030");
    }

    #[test]
    fn a_newer_version_is_named() {
        let newer = GOLDEN_V1.replace("\"version\":1", "\"version\":9");
        let error = TrainState::from_json(Path::new("state.json"), newer.as_bytes()).unwrap_err();
        assert!(error.contains("version 9") && error.contains("reads 1 to 1"), "{error}");
    }

    #[test]
    fn names_go_both_ways_and_nothing_else_is_a_checkpoint() {
        for (phase, step) in
            [(TrainPhase::WarmStart, 0), (TrainPhase::Train, 7), (TrainPhase::Train, 1_234_567)]
        {
            assert_eq!(parse_checkpoint_name(&checkpoint_name(phase, step)), Some((phase, step)));
        }
        for name in
            ["step-7", "step-+00007", "step-", ".step-000007.partial", "best", "step-000007x"]
        {
            assert_eq!(parse_checkpoint_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_score_that_json_lacks_is_refused_before_it_is_written() {
        let mut state = TrainState::start(TrainPhase::Train, "m");
        state.best = Some(Best { step: 1, score: f64::NAN });
        let error = state.to_json(Path::new("state.json")).unwrap_err().to_string();
        assert!(error.contains("best.score is NaN"), "{error}");
    }
}
