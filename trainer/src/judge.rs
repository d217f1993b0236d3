//! A worker of the pool as judge: cached, paid and limited like any call.

use std::sync::Arc;

use conductor_configs::Config;
use conductor_datasets::TaskSet;
use conductor_reward::Grader;
use conductor_rollout::Pool;
use conductor_rollout::pool::Worker;
use conductor_types::{Judge, JudgeFuture, JudgeRequest, WorkerRequest, seed};

use crate::TrainError;

struct PoolJudge {
    worker: Arc<dyn Worker>,
}

impl std::fmt::Debug for PoolJudge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolJudge").field("worker", &self.worker.name()).finish()
    }
}

impl Judge for PoolJudge {
    fn ask<'a>(&'a self, request: JudgeRequest<'a>) -> JudgeFuture<'a> {
        Box::pin(async move {
            let request = WorkerRequest {
                task_id: &request.task.id,
                part: request.part,
                domain: &request.task.domain,
                message: request.message,
                seen: &[],
                seen_scores: &[],
                // One message, one verdict: neither the run's seed nor the sample has a part in it.
                seed: seed::derive(0, "judge", &[request.message]),
                sample: 0,
            };
            Ok(self.worker.call(request).await?.text)
        })
    }
}

/// The judge that the configuration names; an error where tasks need one and none is named.
pub(crate) fn of(
    config: &Config,
    tasks: &TaskSet,
    pool: &Pool,
) -> Result<Option<Arc<dyn Judge>>, TrainError> {
    let Some(judge) = &config.reward.judge else {
        return match tasks.iter().find(|task| Grader::needs_judge(task)) {
            None => Ok(None),
            Some(task) => Err(TrainError::Usage(format!(
                "task {} has the grading \"judge\", and no model is named that judges. Add a live worker to pool.unlisted \
                 (or take one of pool.workers) and name it in reward.judge.worker",
                task.id
            ))),
        };
    };
    match pool.named(&judge.worker) {
        Some(worker) => Ok(Some(Arc::new(PoolJudge { worker: Arc::clone(worker) }))),
        None => Err(TrainError::Usage(format!(
            "reward.judge.worker = \"{}\": the pool has no such worker; add it to pool.unlisted",
            judge.worker
        ))),
    }
}
