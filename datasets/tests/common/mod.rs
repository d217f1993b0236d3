//! Made-up episodes, one for each way in which an episode can end.

use conductor_types::{
    Call, Completion, Episode, EpisodeId, FinishReason, Outcome, RewardParts, Step, Unscorable,
    Usage, Verdict, WorkerError, WorkerErrorKind, Workflow, WorkflowError, WorkflowErrorKind,
    WrongCause,
};

fn call(step: usize, worker: &str, answer: &str) -> Call {
    let usage = Usage {
        prompt_tokens: 40,
        completion_tokens: 12,
        cost_usd: 0.000_25,
        latency_ms: 321.5,
        ..Usage::default()
    };
    Call {
        step,
        worker: worker.into(),
        answer: answer.into(),
        recorded_score: None,
        usage,
        error: None,
    }
}

fn workflow() -> Workflow {
    let step =
        |worker, subtask: &str, access: &[usize]| Step::new(worker, subtask, access.to_vec());
    Workflow { steps: vec![step(0, "Solve it.", &[]), step(2, "Check \"größer\"\n", &[0])] }
}

fn episode(sample: u32, outcome: Outcome, verdict: Option<Verdict>) -> Episode {
    Episode {
        id: EpisodeId { step: 12, task_id: "sums/ü".into(), sample, round: 0 },
        domain: "sums".into(),
        prompt: "user: What is 2+2?\n".into(),
        completion: Completion {
            prompt_tokens: vec![1, 2, 3].into(),
            tokens: vec![5, 70_000, 2],
            logprobs: vec![-0.5, -1.25, 0.0],
            text: "model_id = [0, 2]".into(),
            finish: FinishReason::Stop,
        },
        outcome,
        verdict,
        extracted: None,
        reward: None,
        advantage: None,
    }
}

/// Right, wrong with a recorded score, malformed (and cut off, empty), failed.
pub fn episodes() -> Vec<Episode> {
    let ran = |answer: &str, recorded_score| Outcome::Ran {
        workflow: workflow(),
        calls: vec![call(0, "small", "5"), call(1, "large", answer)],
        answer: answer.into(),
        recorded_score,
        critical_path_ms: 643.0,
    };
    let mut right =
        episode(0, ran("<answer>4</answer>", None), Some(Verdict::Right { score: 1.0 }));
    right.reward = Some(RewardParts {
        format: 0.5,
        correctness: 0.5,
        cost: -0.0625,
        ..RewardParts::default()
    });
    right.advantage = Some(1.125);

    let cause = WrongCause::WrongAnswer;
    let wrong = Some(Verdict::Wrong { cause, detail: "5 is not 4".into() });
    let mut wrong = episode(1, ran("5", Some(0.0)), wrong);
    wrong.reward = Some(RewardParts { format: 0.5, ..RewardParts::default() });
    wrong.advantage = Some(-0.375);

    let kind = WorkflowErrorKind::NotFound;
    let error = WorkflowError { kind, message: "no list `model_id`".into() };
    let mut malformed = episode(2, Outcome::Malformed(error), None);
    malformed.completion.tokens = vec![];
    malformed.completion.logprobs = vec![];
    malformed.completion.text = String::new();
    malformed.completion.finish = FinishReason::Length;
    malformed.reward = Some(RewardParts::default());
    malformed.advantage = Some(-0.75);

    let mut broken = call(0, "small", "");
    broken.error = Some("no answer within 120 s".into());
    broken.usage = Usage::default();
    let error = WorkerError {
        worker: "small".into(),
        kind: WorkerErrorKind::Timeout,
        message: "no answer within 120 s".into(),
    };
    let failed = Outcome::Failed { workflow: workflow(), calls: vec![broken], error };
    let cause = Unscorable::WorkerFailed;
    let failed = episode(3, failed, Some(Verdict::Unscorable { cause, detail: String::new() }));
    vec![right, wrong, malformed, failed]
}
