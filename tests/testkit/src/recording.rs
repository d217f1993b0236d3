//! Recordings made to measure: workers whose skill by domain is known exactly.

/// A pool of two recorded workers and a vote, as the text of a configuration: a literal, for `concat!`.
#[macro_export]
macro_rules! pool_toml {
    () => {
        r#"[[pool.workers]]
name = "good"
kind = "recorded"
recording = "answers.parquet"

[[pool.workers]]
name = "cheap"
kind = "recorded"
recording = "answers.parquet"

[[pool.workers]]
name = "vote"
kind = "vote"
"#
    };
}

use conductor_types::{Grading, Task, seed};
use serde_json::{Value, json};

/// A worker of a made-up recording.
#[derive(Debug, Clone)]
pub struct Skill {
    /// Its name.
    pub worker: String,
    /// Share of tasks that it solves, by domain; a domain that is not listed is never solved.
    pub by_domain: Vec<(String, f64)>,
    /// Dollars a call.
    pub cost_usd: f64,
}

impl Skill {
    /// A worker with a skill in each of some domains.
    pub fn new(worker: &str, cost_usd: f64, by_domain: &[(&str, f64)]) -> Self {
        let by_domain = by_domain.iter().map(|(domain, p)| ((*domain).to_owned(), *p)).collect();
        Self { worker: worker.to_owned(), by_domain, cost_usd }
    }

    /// Whether it solves a task: decided by a hash, so that every part of a test agrees.
    pub fn solves(&self, task: &Task) -> bool {
        let share = self.by_domain.iter().find(|(domain, _)| *domain == task.domain);
        let share = share.map_or(0.0, |(_, share)| *share);
        seed::unit(0, "testkit skill", &[&self.worker, &task.id]) < share
    }
}

/// The answers of some workers to some tasks, one JSON object a line, as `conductor pool import` reads them.
///
/// # Panics
/// For a task whose grading has no gold text to repeat.
pub fn answers(skills: &[Skill], tasks: &[Task]) -> String {
    let mut lines = String::new();
    for skill in skills {
        for task in tasks {
            let mut line = json!({
                "task_id": task.id, "worker": skill.worker, "prompt_tokens": 40, "completion_tokens": 12,
                "cost_usd": skill.cost_usd, "latency_ms": 250.0,
            });
            let solved = skill.solves(task);
            match gold(task) {
                Some(gold) if solved => {
                    line["answer"] = json!(format!("Thought about it.\nAnswer: {gold}"));
                }
                Some(_) => line["answer"] = json!("Guessed.\nAnswer: -987654321"),
                None => line["score"] = json!(f64::from(u8::from(solved))),
            }
            lines.push_str(&Value::to_string(&line));
            lines.push('\n');
        }
    }
    lines
}

fn gold(task: &Task) -> Option<&str> {
    match &task.grading {
        Grading::Exact { gold }
        | Grading::Fuzzy { gold }
        | Grading::Choice { gold, .. }
        | Grading::Number { gold, .. }
        | Grading::Math { gold, .. }
        | Grading::Judge { gold, .. }
        | Grading::ReasoningGym { gold, .. } => Some(gold),
        Grading::Recorded => None,
        Grading::Python { .. } | Grading::Code { .. } | Grading::Countdown { .. } => {
            panic!("{}: a {} answer cannot be made up here", task.id, task.grading.kind())
        }
    }
}
