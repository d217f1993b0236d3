//! The loop: one function that reads from top to bottom.

mod persistence;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use conductor_checkpoints::{Best, Checkpoint, Checkpoints, RunFolder, TrainPhase, TrainState};
use conductor_configs::Config;
use conductor_datasets::episodes::TRAIN_PART;
use conductor_datasets::{EpisodeLog, TrainOrder};
use conductor_policy::Policy;
use conductor_policy::generate::Monitor;
use conductor_types::{Episode, Event, Phase, SampleRequest, Split, Task, seed};

use crate::environment::{Environment, refs};
use crate::learner::{Item, Learner, UpdateOptions};
use crate::metrics::{self, Metrics};
use crate::recorder::Recorder;
use crate::rollouts::{self, RolloutOptions, Rounds};
use crate::{TrainError, evaluate, obedience, warm_start};

use persistence::stage_optimizer;

/// What a call of [`train`] came to.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainReport {
    /// How it ended.
    pub ending: Ending,
    /// Finished steps of reinforcement.
    pub step: u64,
    /// Dollars spent on workers by the whole run.
    pub spend_usd: f64,
    /// Price of the answers that had been paid before.
    pub saved_usd: f64,
    /// Dollars at most of requests of which only the provider knows what they cost.
    pub unsettled_usd: f64,
    /// The newest checkpoint.
    pub checkpoint: Option<PathBuf>,
}

/// How a call of [`train`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every step is done.
    Finished,
    /// Someone asked to stop; a checkpoint is saved and the same call goes on from it.
    Interrupted,
}

/// Trains as `config` says, or goes on where the folder's newest checkpoint stands. `emit` sees every event; setting
/// `stop` ends the run at the next safe point with a checkpoint of the last finished step.
pub fn train(
    config: &Config,
    folder: &RunFolder,
    emit: &mut dyn FnMut(Event),
    stop: &AtomicBool,
) -> Result<TrainReport, TrainError> {
    let started = Instant::now();
    let mut recorder = Recorder::open(folder, emit)?;
    recorder.progress(Phase::Load, "parts", 0, 3);
    let environment = Environment::open(config, Some(folder.id()))?;
    environment.tasks.require(Split::Train)?;
    recorder.progress(Phase::Load, "parts", 1, 3);
    let policy = Policy::load(&config.policy, seed::derive(config.run.seed, "adapter", &[]))?;
    recorder.progress(Phase::Load, "parts", 2, 3);
    check_prompts(config, &environment, &policy)?;
    let order = environment.tasks.train_order(config.train.tasks_per_step as usize)?;
    let mut run = Run::open(config, folder, &environment, policy, stop)?;
    run.resume(&mut recorder)?;
    recorder.progress(Phase::Load, "parts", 3, 3);
    let before = run.state.seconds;
    recorder.say(Event::RunStarted {
        folder: folder.path().display().to_string(),
        step: run.state.step,
        steps: u64::from(config.train.steps),
    })?;
    for notice in environment.notices() {
        recorder.notice(notice)?;
    }
    if run.is_finished() {
        recorder.notice("every step is done already; nothing is left to do")?;
    }
    let result = run.all_steps(&order, &mut recorder, &|run| {
        run.state.seconds = before + started.elapsed().as_secs_f64();
    });
    run.state.seconds = before + started.elapsed().as_secs_f64();
    match result {
        Err(TrainError::Interrupted) => {
            run.save(&mut recorder)?;
            recorder.say(Event::Interrupted { step: run.state.step })?;
            Ok(run.report(Ending::Interrupted))
        }
        // Nothing is wrong with the steps that are finished, and their answers were paid.
        Err(
            error @ (TrainError::NothingScorable { .. }
            | TrainError::BudgetReached { .. }
            | TrainError::WorkerFailing { .. }
            | TrainError::Sampler(_)),
        ) => {
            run.save(&mut recorder)?;
            Err(error)
        }
        Err(error) => Err(error),
        Ok(()) => {
            recorder.say(Event::RunFinished {
                step: run.state.step,
                cost_usd: run.state.spend_usd,
                saved_usd: run.state.saved_usd,
                unsettled_usd: environment.spent().unsettled_usd,
                seconds: started.elapsed().as_secs_f64(),
            })?;
            Ok(run.report(Ending::Finished))
        }
    }
}

/// Refuses, before anything is paid, what would end the run in the middle: prompts that are too long, and a step that
/// would ask one task twice (its samples would be copies).
fn check_prompts(
    config: &Config,
    environment: &Environment,
    policy: &Policy,
) -> Result<(), TrainError> {
    let tasks = environment.tasks.count(Split::Train);
    if config.train.steps > 0 && config.train.tasks_per_step as usize > tasks {
        return Err(TrainError::Usage(format!(
            "train.tasks_per_step is {}, and there are {tasks} training tasks; lower it to {tasks} or less",
            config.train.tasks_per_step
        )));
    }
    let limit = policy.decoding(&config.sampling, 0.0).max_prompt_tokens;
    environment.tasks.for_each(|_, task| {
        let messages = environment.longest_messages(&config.workflow, task);
        let length = policy.encode_prompt(&messages, &config.workflow.assistant_prefix)?.len();
        if length > limit {
            return Err(TrainError::Usage(format!(
                "task {}: its prompt has {length} tokens, and {limit} are allowed (sampling.max_prompt_tokens, or the model's context); raise the limit or leave the task out",
                task.id
            )));
        }
        Ok(())
    })
}

/// A run under way.
struct Run<'a> {
    config: &'a Config,
    environment: &'a Environment,
    learner: Learner,
    state: TrainState,
    /// The checkpoint that holds `state`; `None` while it is not on disk.
    saved: Option<Checkpoint>,
    checkpoints: Checkpoints,
    episodes: EpisodeLog,
    stop: &'a AtomicBool,
}

type Clock<'c> = &'c dyn Fn(&mut Run<'_>);

impl<'a> Run<'a> {
    fn open(
        config: &'a Config,
        folder: &RunFolder,
        environment: &'a Environment,
        policy: Policy,
        stop: &'a AtomicBool,
    ) -> Result<Self, TrainError> {
        let phase =
            if config.warm_start.steps > 0 { TrainPhase::WarmStart } else { TrainPhase::Train };
        Ok(Self {
            config,
            environment,
            learner: Learner::new(policy, stage_optimizer(config, phase)),
            state: TrainState::start(phase, config.policy.model.display().to_string()),
            saved: None,
            checkpoints: folder.checkpoints()?,
            episodes: EpisodeLog::open(folder.episodes_dir())?,
            stop,
        })
    }

    fn all_steps(
        &mut self,
        order: &TrainOrder,
        recorder: &mut Recorder<'_>,
        clock: Clock<'_>,
    ) -> Result<(), TrainError> {
        while self.state.phase == TrainPhase::WarmStart
            && self.state.step < u64::from(self.config.warm_start.steps)
        {
            self.warm_start_step(order, recorder)?;
            clock(self);
            self.save_when_due(recorder)?;
        }
        if self.state.phase == TrainPhase::WarmStart {
            self.begin_reinforcement()?;
        }
        // Of the start of reinforcement, or one that an interrupt cut off.
        self.validate_when_due(recorder)?;
        clock(self);
        // The start of reinforcement is kept for good: it is what the trained policy is compared with.
        self.save(recorder)?;
        while self.state.step < u64::from(self.config.train.steps) {
            self.train_step(order, recorder)?;
            self.validate_when_due(recorder)?;
            clock(self);
            self.save_when_due(recorder)?;
        }
        self.save(recorder)
    }

    fn warm_start_step(
        &mut self,
        order: &TrainOrder,
        recorder: &mut Recorder<'_>,
    ) -> Result<(), TrainError> {
        let (step, steps) = (self.state.step, u64::from(self.config.warm_start.steps));
        let began = Instant::now();
        let items =
            warm_start::examples(self.environment, &self.learner.policy, self.config, order, step)?;
        let lr = warm_start::learning_rate(self.config.warm_start.lr, step, steps);
        let options = self.update_options();
        let stats = self.learner.supervised_update(&items, lr, step, options)?;
        self.state.step += 1;
        self.state.optimizer_step = self.learner.optimizer.steps;
        let metrics = Metrics::from([
            ("warm_start/loss".into(), stats.loss),
            ("warm_start/entropy".into(), stats.entropy),
            ("warm_start/grad_norm".into(), stats.gradient_norm),
            ("warm_start/lr".into(), lr),
            ("perf/response_tokens".into(), stats.response_tokens),
            ("perf/computed_tokens".into(), stats.computed_tokens),
            ("timing_s/step".into(), began.elapsed().as_secs_f64()),
        ]);
        recorder.step(Phase::WarmStart, step, steps, metrics)
    }

    fn train_step(
        &mut self,
        order: &TrainOrder,
        recorder: &mut Recorder<'_>,
    ) -> Result<(), TrainError> {
        let (step, steps) = (self.state.step, u64::from(self.config.train.steps));
        let began = Instant::now();
        let order_seed = seed::derive(self.config.run.seed, "order", &[]);
        let set = &self.environment.tasks;
        let drawn = order.step(order_seed, step)?.into_iter();
        let tasks: Vec<Arc<Task>> =
            drawn.map(|n| set.question(set.at(Split::Train, n))).collect::<Result<_, _>>()?;

        let (mut groups, mut timing) = self.roll_out(&refs(&tasks), recorder)?;
        rollouts::shape(
            self.environment,
            &mut groups,
            &self.config.reward,
            &self.config.train.advantage,
        );
        let all: Vec<Episode> = groups.iter().flatten().cloned().collect();
        // Written before the update, so that a batch that breaks the learner can be looked at.
        let path = self.episodes.write(step, TRAIN_PART, &all)?;
        let items: Vec<Item> = all.iter().filter_map(item).collect();
        if items.is_empty() || rollouts::pool_is_down(&all) {
            return Err(rollouts::nothing_scorable(step, &all, &path));
        }

        let update_began = Instant::now();
        let options = self.update_options();
        let mut progress =
            |done, total| recorder.progress(Phase::Update, "micro-batches", done, total);
        let stats =
            self.learner.update(&items, step, steps, options, &mut progress).map_err(|error| {
                match error {
                    TrainError::Diverged { step, what, value, .. } => TrainError::Diverged {
                        step,
                        what,
                        value,
                        episodes: path.display().to_string(),
                    },
                    other => other,
                }
            })?;
        // Only a finished step counts: one that is cut off is done again after a resume.
        self.count(&all);
        self.state.step += 1;
        self.state.optimizer_step = self.learner.optimizer.steps;

        let mut metrics = metrics::of_episodes(&groups, &self.environment.pool);
        obedience::add(&mut metrics, self.environment, &groups);
        metrics::add_update(&mut metrics, &stats);
        timing.insert("timing_s/update".into(), update_began.elapsed().as_secs_f64());
        let seconds = began.elapsed().as_secs_f64();
        timing.insert("timing_s/step".into(), seconds);
        timing
            .insert("perf/throughput".into(), (stats.computed_tokens / seconds.max(1e-9)).round());
        timing.insert("cost/spend_usd".into(), self.state.spend_usd);
        let unsettled = self.environment.spent().unsettled_usd;
        timing.insert("cost/unsettled_usd".into(), unsettled);
        metrics.append(&mut timing);
        recorder.step(Phase::Update, step, steps, metrics)
    }

    /// Samples, runs and grades one group a task.
    fn roll_out(
        &self,
        tasks: &[&Task],
        recorder: &mut Recorder<'_>,
    ) -> Result<(Vec<Vec<Episode>>, Metrics), TrainError> {
        let (config, step) = (self.config, self.state.step);
        let began = Instant::now();
        let step_text = step.to_string();
        let seeds = |task: &Task, sample: u32, round: u32| {
            let (sample, round) = (sample.to_string(), round.to_string());
            let parts = [step_text.as_str(), &task.id, &sample, &round];
            // The first round's seeds are those of runs that have no other.
            let parts = if round == "0" { &parts[..3] } else { &parts };
            seed::derive(config.run.seed, "sample", parts)
        };
        let policy = &self.learner.policy;
        let decoding = policy.decoding(&config.sampling, config.sampling.temperature);
        let rounds = Rounds {
            workflow: &config.workflow,
            tasks,
            samples: config.train.group_size,
            seeds: &seeds,
            fits: &|request| evaluate::fits(policy, request, decoding.max_prompt_tokens),
        };
        let options = RolloutOptions {
            run_seed: config.run.seed,
            step,
            purpose: TRAIN_PART,
            evaluation: false,
            journal: Some(self.episodes.folder()),
            stop: self.stop,
        };
        let recorder = std::cell::RefCell::new(recorder);
        let mut sampled = 0.0;
        let mut sample = |requests: &[SampleRequest]| {
            let began = Instant::now();
            let total = requests.iter().map(|request| request.seeds.len()).sum();
            let mut progress = |done| {
                recorder.borrow_mut().progress(Phase::Sample, "completions", done, total);
            };
            let monitor = Monitor { stop: self.stop, progress: &mut progress };
            let completions =
                rollouts::sample(&mut policy.sampler(decoding.clone(), monitor), requests)?;
            sampled += began.elapsed().as_secs_f64();
            Ok(completions)
        };
        let mut progress = |done, total| {
            recorder.borrow_mut().progress(Phase::Rollout, "episodes", done, total);
        };
        let groups =
            rollouts::all_rounds(self.environment, &rounds, options, &mut sample, &mut progress)?;
        let timing = Metrics::from([
            ("timing_s/sample".into(), sampled),
            ("timing_s/rollout".into(), began.elapsed().as_secs_f64() - sampled),
        ]);
        Ok((groups, timing))
    }

    /// Evaluates on the validation split where the schedule says so and it is not done yet, and remembers the best
    /// weights.
    fn validate_when_due(&mut self, recorder: &mut Recorder<'_>) -> Result<(), TrainError> {
        let step = self.state.step;
        let last = step == u64::from(self.config.train.steps);
        let due =
            self.config.eval.every_steps.is_some_and(|every| step.is_multiple_of(u64::from(every)))
                || last;
        let done = self.state.validated == Some(step);
        if !due || done || self.environment.tasks.count(Split::Valid) == 0 {
            return Ok(());
        }
        let groups = evaluate::episodes(
            self.environment,
            self.config,
            &self.learner.policy,
            (Split::Valid, step),
            Some(self.episodes.folder()),
            self.stop,
            &mut |done, total| recorder.progress(Phase::Evaluate, "questions", done, total),
        )?;
        let all: Vec<Episode> = groups.iter().flatten().cloned().collect();
        self.count(&all);
        self.episodes.write(step, Split::Valid.as_str(), &all)?;
        let mut metrics = metrics::of_episodes(&groups, &self.environment.pool);
        obedience::add(&mut metrics, self.environment, &groups);
        // Where no answer could be judged, these weights are neither the best nor the worst.
        if let Some(score) = evaluate::mean_reward(self.environment, &groups, &self.config.reward) {
            metrics.insert("eval/reward".into(), score);
            if self.state.best.is_none_or(|best| score > best.score) {
                self.state.best = Some(Best { step, score });
            }
        }
        self.state.validated = Some(step);
        recorder.evaluated(step, Split::Valid, metrics)
    }

    fn count(&mut self, episodes: &[Episode]) {
        self.state.episodes += episodes.len() as u64;
        for call in episodes.iter().flat_map(|episode| episode.outcome.calls()) {
            self.state.calls += 1;
            self.state.saved_usd += call.usage.saved_usd;
            // What was sent is in the ledger, if there is one, that of lost steps too.
            if call.usage.attempts == 0 || self.environment.pool.ledger().is_none() {
                self.state.spend_usd += call.usage.paid_usd();
            }
        }
        self.count_ledger();
    }

    /// Brings what the run has spent up to what the ledger says.
    fn count_ledger(&mut self) {
        let paid = self.environment.spent().paid_usd;
        // Less than before is a store that was lost; what was spent stays spent.
        self.state.spend_usd += (paid - self.state.ledger_usd).max(0.0);
        self.state.ledger_usd = paid;
    }

    fn update_options(&self) -> UpdateOptions<'a> {
        UpdateOptions {
            train: &self.config.train,
            sampling: &self.config.sampling,
            recompute: self.config.policy.recompute_activations,
            stop: self.stop,
        }
    }

    fn is_finished(&self) -> bool {
        self.saved.is_some()
            && self.state.phase == TrainPhase::Train
            && self.state.step >= u64::from(self.config.train.steps)
    }

    fn report(&self, ending: Ending) -> TrainReport {
        TrainReport {
            ending,
            step: if self.state.phase == TrainPhase::Train { self.state.step } else { 0 },
            spend_usd: self.state.spend_usd,
            saved_usd: self.state.saved_usd,
            unsettled_usd: self.environment.spent().unsettled_usd,
            checkpoint: self.saved.as_ref().map(|checkpoint| checkpoint.path.clone()),
        }
    }
}

/// What the learner needs of an episode that takes part in the update.
fn item(episode: &Episode) -> Option<Item> {
    Some(Item {
        prompt: episode.completion.prompt_tokens.clone(),
        tokens: episode.completion.tokens.clone(),
        sampled_logprobs: episode.completion.logprobs.clone(),
        advantage: episode.advantage?,
    })
}
