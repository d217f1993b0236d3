//! How a run is taken up from its newest checkpoint and put down into the next.

use std::sync::atomic::Ordering;

use conductor_checkpoints::{Checkpoint, Retention, TrainPhase, TrainState};
use conductor_configs::{Config, schema};
use conductor_policy::Policy;
use conductor_types::{Event, Phase, seed};

use super::Run;
use crate::recorder::Recorder;
use crate::{TrainError, rollouts, snapshot};

impl Run<'_> {
    /// Takes up the newest checkpoint, if there is one, and forgets what the logs hold after it.
    pub(super) fn resume(&mut self, recorder: &mut Recorder<'_>) -> Result<(), TrainError> {
        let newest = self.checkpoints.latest()?;
        if let Some(checkpoint) = &newest {
            self.state = checkpoint.state.clone();
            self.learner.optimizer.reset(stage_optimizer(self.config, self.state.phase));
            snapshot::read_weights(self.learner.policy.model.trainable(), &checkpoint.path)?;
            snapshot::read_optimizer(
                &mut self.learner.optimizer,
                &checkpoint.path,
                self.state.optimizer_step,
            )?;
        }
        match self.state.phase {
            TrainPhase::WarmStart => {
                recorder.metrics.truncate_from(0);
                recorder.metrics.truncate_warm_start_from(self.state.step);
                self.episodes.truncate_from(0)?;
            }
            TrainPhase::Train => {
                recorder.metrics.truncate_from(self.state.step);
                self.episodes.truncate_from(self.state.step)?;
                self.keep_reference()?;
            }
        }
        self.saved = newest;
        // Steps that a kill took away were paid all the same.
        self.count_ledger();
        Ok(())
    }

    pub(super) fn begin_reinforcement(&mut self) -> Result<(), TrainError> {
        self.state.phase = TrainPhase::Train;
        self.state.step = 0;
        self.state.optimizer_step = 0;
        self.learner.optimizer.reset(stage_optimizer(self.config, TrainPhase::Train));
        self.keep_reference()
    }

    pub(super) fn save_when_due(&mut self, recorder: &mut Recorder<'_>) -> Result<(), TrainError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(TrainError::Interrupted);
        }
        let best_now = self.state.best.is_some_and(|best| {
            self.config.checkpoint.keep_best
                && self.state.phase == TrainPhase::Train
                && best.step == self.state.step
        });
        if best_now || self.state.step.is_multiple_of(u64::from(self.config.checkpoint.every_steps))
        {
            return self.save(recorder);
        }
        Ok(())
    }

    /// Saves the state unless it is on disk already.
    pub(super) fn save(&mut self, recorder: &mut Recorder<'_>) -> Result<(), TrainError> {
        let place = |state: &TrainState| (state.phase, state.step, state.validated);
        let here = |saved: &Checkpoint| place(&saved.state) == place(&self.state);
        if self.saved.as_ref().is_some_and(here) {
            return Ok(());
        }
        recorder.progress(Phase::Checkpoint, "checkpoints", 0, 1);
        let retention = Retention::from(&self.config.checkpoint);
        let learner = &self.learner;
        let checkpoint =
            self.checkpoints.save(&self.state, retention, |dir| snapshot::write(learner, dir))?;
        recorder.say(Event::CheckpointSaved {
            step: self.state.step,
            folder: checkpoint.path.display().to_string(),
        })?;
        self.saved = Some(checkpoint);
        rollouts::forget_before(self.episodes.folder(), self.state.step)
    }

    /// Loads the policy at the start of reinforcement, where the KL term needs it.
    pub(super) fn keep_reference(&mut self) -> Result<(), TrainError> {
        if self.config.train.kl_weight == 0.0 {
            return Ok(());
        }
        if self.state.step == 0 {
            self.learner.keep_reference();
            return Ok(());
        }
        let start = self.checkpoints.named("step-000000")?;
        let policy =
            Policy::load(&self.config.policy, seed::derive(self.config.run.seed, "adapter", &[]))?;
        snapshot::read_weights(policy.model.trainable(), &start.path)?;
        self.learner.reference = Some(policy.model.for_inference());
        Ok(())
    }
}

/// Supervised learning keeps AdamW's usual constants, whatever reinforcement is set to.
pub(super) fn stage_optimizer(config: &Config, phase: TrainPhase) -> schema::Optimizer {
    match phase {
        TrainPhase::WarmStart => {
            schema::Optimizer { lr: config.warm_start.lr, ..schema::Optimizer::default() }
        }
        TrainPhase::Train => config.train.optimizer.clone(),
    }
}
