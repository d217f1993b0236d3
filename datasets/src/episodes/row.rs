//! An episode as the log keeps it.

use conductor_types::{Call, Episode, FinishReason, Outcome, RewardParts, Workflow};

use crate::names;

/// One row of the episode log: an episode without its prompt tokens, with what was computed from it.
/// Causes and kinds are kept by name, so that a log outlives a renamed variant.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeRow {
    /// The training step, from 0; for evaluations the step of the weights.
    pub step: u64,
    /// The task.
    pub task_id: String,
    /// Which sample of the task's group, from 0.
    pub sample: u32,
    /// Which of the sample's workflows, from 0; above 0 where the policy saw the answer of the round before.
    pub round: u32,
    /// The task's domain.
    pub domain: String,
    /// The conversation as text.
    pub prompt: String,
    /// How many tokens the policy read.
    pub prompt_length: u64,
    /// What the policy wrote, as text.
    pub completion: String,
    /// The sampled tokens.
    pub completion_tokens: Vec<i64>,
    /// Log-probability of each sampled token; same length as `completion_tokens`.
    pub logprobs: Vec<f32>,
    /// Why sampling ended.
    pub finish: FinishReason,
    /// "malformed", "ran" or "failed".
    pub outcome: String,
    /// What was run; `None` for a malformed completion.
    pub workflow: Option<Workflow>,
    /// Name and words of the format error of a malformed completion.
    pub format_error: Option<(String, String)>,
    /// The calls that were made, in step order.
    pub calls: Vec<Call>,
    /// Kind and words (worker named) of the failure that left no verdict.
    pub worker_error: Option<(String, String)>,
    /// The answer that counts.
    pub answer: Option<String>,
    /// The recorded score of the answer that counts, where the truth is a recorded score.
    pub recorded_score: Option<f64>,
    /// The answer proper, as the grader found it in `answer`; `None` where it found none, where its rule reads the whole text,
    /// and where nothing was graded.
    pub extracted: Option<String>,
    /// "right", "wrong" or "unscorable"; `None` for a malformed completion.
    pub verdict: Option<String>,
    /// Why it is wrong or unscorable.
    pub cause: Option<String>,
    /// More on the cause, for a reader.
    pub detail: Option<String>,
    /// Correctness in 0..=1; 0 for a malformed completion, `None` where there is no verdict.
    pub score: Option<f64>,
    /// The parts of the reward; `None` where the episode left its group.
    pub reward: Option<RewardParts>,
    /// The advantage; `None` where the episode takes no part in the update.
    pub advantage: Option<f64>,
    /// Dollars of all calls.
    pub cost_usd: f64,
    /// Tokens that workers read.
    pub worker_prompt_tokens: u64,
    /// Tokens that workers wrote.
    pub worker_completion_tokens: u64,
    /// Milliseconds of the longest chain of steps that wait for one another; `None` unless the workflow ran.
    pub critical_path_ms: Option<f64>,
}

impl From<&Episode> for EpisodeRow {
    fn from(episode: &Episode) -> Self {
        let usage = episode.outcome.usage();
        let verdict = episode.verdict.as_ref();
        let mut row = Self {
            step: episode.id.step,
            task_id: episode.id.task_id.clone(),
            sample: episode.id.sample,
            round: episode.id.round,
            domain: episode.domain.clone(),
            prompt: episode.prompt.clone(),
            prompt_length: episode.completion.prompt_tokens.len() as u64,
            completion: episode.completion.text.clone(),
            completion_tokens: episode.completion.tokens.clone(),
            logprobs: episode.completion.logprobs.clone(),
            finish: episode.completion.finish,
            outcome: String::new(),
            workflow: episode.outcome.workflow().cloned(),
            format_error: None,
            calls: episode.outcome.calls().to_vec(),
            worker_error: None,
            answer: None,
            recorded_score: None,
            extracted: episode.extracted.clone(),
            verdict: verdict.map(|verdict| verdict.name().to_string()),
            cause: verdict.map(|verdict| verdict.cause().to_string()).filter(|c| !c.is_empty()),
            detail: verdict.and_then(detail).filter(|detail| !detail.is_empty()),
            score: episode.score(),
            reward: episode.reward,
            advantage: episode.advantage,
            cost_usd: usage.cost_usd,
            worker_prompt_tokens: usage.prompt_tokens,
            worker_completion_tokens: usage.completion_tokens,
            critical_path_ms: None,
        };
        row.outcome = match &episode.outcome {
            Outcome::Malformed(error) => {
                row.format_error = Some((error.kind.as_str().to_string(), error.message.clone()));
                "malformed"
            }
            Outcome::Ran { answer, recorded_score, critical_path_ms, .. } => {
                row.answer = Some(answer.clone());
                row.recorded_score = *recorded_score;
                row.critical_path_ms = Some(*critical_path_ms);
                "ran"
            }
            Outcome::Failed { error, .. } => {
                row.worker_error = Some((names::of(&error.kind), error.to_string()));
                "failed"
            }
        }
        .to_string();
        row
    }
}

fn detail(verdict: &conductor_types::Verdict) -> Option<String> {
    use conductor_types::Verdict;
    match verdict {
        Verdict::Right { .. } => None,
        Verdict::Wrong { detail, .. } | Verdict::Unscorable { detail, .. } => Some(detail.clone()),
    }
}
