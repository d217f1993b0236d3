//! Which workers each question lists: drawn anew in each step of training, always the same under evaluation.

use conductor_configs::{Config, schema};
use conductor_rollout::pool::check_capabilities;
use conductor_rollout::{Lister, Listing, WorkerCard, parse, prompt};
use conductor_types::{ChatMessage, Task, Workflow, WorkflowError, seed};

use crate::environment::Environment;

/// What a list is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Draw {
    /// An update of the warm start.
    WarmStart(u64),
    /// A step of training. All samples of a question share one list, and so one prompt.
    Training(u64),
    /// An evaluation of any weights: checkpoints, and runs with other seeds, are compared on equal questions.
    Evaluation,
}

/// The lists of a run.
#[derive(Debug, Clone)]
pub(crate) struct Listings {
    lister: Lister,
    run_seed: u64,
    evaluation_seed: u64,
    /// Whether the prompt says nothing of a worker but its number.
    bare: bool,
}

impl Listings {
    pub(crate) fn new(config: &Config, cards: &[WorkerCard]) -> Self {
        Self {
            lister: Lister::new(&config.pool, cards),
            run_seed: config.run.seed,
            evaluation_seed: config.tasks.split.seed,
            bare: config.workflow.show.is_empty(),
        }
    }

    /// How many workers each list has.
    pub(crate) fn listed(&self) -> usize {
        self.lister.listed()
    }

    /// A question's list. Only its id and what is drawn for have a part in it.
    pub(crate) fn of(&self, task: &Task, draw: Draw) -> Listing {
        let training = |purpose, step: u64| {
            seed::derive(self.run_seed, purpose, &[&task.id, &step.to_string()])
        };
        let seed = match draw {
            Draw::WarmStart(step) => training("warm_start_listing", step),
            Draw::Training(step) => training("listing", step),
            Draw::Evaluation => {
                seed::derive(self.evaluation_seed, "evaluation_listing", &[&task.id])
            }
        };
        self.lister.draw(seed, task.constraint.as_ref())
    }

    pub(crate) fn notices(&self) -> Vec<String> {
        if !self.bare || !self.lister.varies() {
            return Vec::new();
        }
        vec![
            "lists of workers differ from question to question, and the prompt says nothing of a worker but its number: the \
             policy cannot tell workers apart; name in workflow.show what it may see"
                .into(),
        ]
    }
}

impl Environment {
    /// What the policy reads of a question.
    pub(crate) fn messages(
        &self,
        workflow: &schema::Workflow,
        task: &Task,
        draw: Draw,
    ) -> Vec<ChatMessage> {
        let listings = &self.listings;
        prompt::messages_of(workflow, &listings.lister, &listings.of(task, draw), task)
    }

    /// The same with the list that makes it longest, for limits that every draw must keep.
    pub(crate) fn longest_messages(
        &self,
        workflow: &schema::Workflow,
        task: &Task,
    ) -> Vec<ChatMessage> {
        let lister = &self.listings.lister;
        prompt::messages_of(workflow, lister, &prompt::longest_listing(workflow, lister), task)
    }

    /// The workflow of a round in what the policy wrote, with places in the pool for numbers of its list. Errors speak of the list's
    /// numbers, as the prompt does.
    pub(crate) fn workflow_of(
        &self,
        text: &str,
        task: &Task,
        draw: Draw,
        round: u32,
    ) -> Result<Workflow, WorkflowError> {
        let listing = self.listings.of(task, draw);
        let read = if round == 0 { parse::parse } else { parse::parse_later };
        let workflow = read(text, &self.rules)?;
        check_capabilities(&workflow, listing.cards())?;
        Ok(listing.in_pool(workflow))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use conductor_rollout::recording::{self, RecordedAnswer, Recording};
    use conductor_types::{Step, WorkflowErrorKind};

    use super::*;

    /// Four recorded workers and a vote over two tasks, three of them listed in a random order.
    fn config(folder: &Path) -> Config {
        let tasks = folder.join("tasks.jsonl");
        let line = |id: &str| {
            format!(
                "{{\"id\": \"{id}\", \"prompt\": \"Say {id}.\", \"grading\": {{\"kind\": \"exact\", \"gold\": \"{id}\"}}}}\n"
            )
        };
        std::fs::write(&tasks, line("a") + &line("b")).expect("tasks");
        let recording = folder.join("r.parquet");
        let names = ["w0", "w1", "w2", "w3"];
        let answer = |task: &str, worker: &str| RecordedAnswer {
            task_id: task.into(),
            worker: worker.into(),
            answer: Some(task.into()),
            score: None,
            prompt_tokens: 3,
            completion_tokens: 1,
            cost_usd: Some(0.001),
            latency_ms: Some(5.0),
            prompt_sha256: None,
        };
        let rows = names.iter().flat_map(|worker| [answer("a", worker), answer("b", worker)]);
        recording::write(&Recording::new(rows.collect()).expect("rows"), &recording)
            .expect("written");
        let worker = |name: &&str| {
            format!(
                "[[pool.workers]]\nname = \"{name}\"\nkind = \"recorded\"\nrecording = {recording:?}\n"
            )
        };
        let workers: String = names.iter().map(worker).collect();
        let text = format!(
            "tasks.sources = [{{ kind = \"jsonl\", path = {tasks:?} }}]\npolicy.model = \"none\"\n\
             [pool]\nlisted = 3\npermute = true\n{workers}[[pool.workers]]\nname = \"vote\"\nkind = \"vote\"\n\
             [workflow]\nshow = [\"name\"]\naccess = \"by_model\"\n"
        );
        conductor_configs::load_str("test.toml", &text).expect("a configuration").config
    }

    fn task(environment: &Environment, id: &str) -> std::sync::Arc<Task> {
        environment.tasks.get(environment.tasks.find(id).expect("a task")).expect("read")
    }

    #[test]
    fn a_list_hangs_on_seed_task_and_step_and_under_evaluation_on_the_task_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path());
        let environment = Environment::open(&config, None).expect("an environment");
        let (a, b) = (task(&environment, "a"), task(&environment, "b"));
        let (a, b) = (&*a, &*b);
        let listings = &environment.listings;
        let many = |draw: fn(u64) -> Draw, task: &Task, listings: &Listings| -> Vec<Vec<usize>> {
            (0..20).map(|step| listings.of(task, draw(step)).places().to_vec()).collect()
        };
        let steps = many(Draw::Training, a, listings);
        assert_eq!(steps, many(Draw::Training, a, listings));
        assert!(steps.iter().any(|list| *list != steps[0]));
        assert_ne!(steps, many(Draw::Training, b, listings));
        assert_ne!(steps, many(Draw::WarmStart, a, listings));

        let mut other_seed = config.clone();
        other_seed.run.seed += 1;
        let others = Listings::new(&other_seed, environment.pool.cards());
        assert_ne!(steps, many(Draw::Training, a, &others));
        for task in [a, b] {
            assert_eq!(others.of(task, Draw::Evaluation), listings.of(task, Draw::Evaluation));
        }
    }

    #[test]
    fn what_is_written_in_numbers_of_the_list_runs_in_the_pool() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path());
        let environment = Environment::open(&config, None).expect("an environment");
        let task = &task(&environment, "a");
        let vote = environment.pool.cards().len() - 1;
        // A step whose list has the vote, and not as its own number.
        let (step, listing) = (0..1000)
            .map(|step| (step, environment.listings.of(task, Draw::Training(step))))
            .find(|(_, listing)| listing.places()[..2].contains(&vote))
            .unwrap();
        let draw = Draw::Training(step);
        let number = listing.places().iter().position(|&place| place == vote).unwrap();
        let solver = 1 - number;
        let text = format!(
            "model_id: [2, {solver}, {number}]\nsubtasks: [\"a\", \"b\", \"c\"]\naccess_list: [[], [], [2, {solver}]]"
        );
        let workflow = environment.workflow_of(&text, task, draw, 0).expect("a workflow");
        let found: Vec<usize> = workflow.steps.iter().map(|step: &Step| step.worker).collect();
        assert_eq!(found, [listing.places()[2], listing.places()[solver], vote]);
        assert_eq!(workflow.steps[2].access, [0, 1]);
        assert_eq!(environment.pool.check(&workflow), Ok(()));

        // Errors speak of the numbers that the policy read.
        let alone = format!("model_id: [{number}]\nsubtasks: [\"a\"]\naccess_list: [[]]");
        let error = environment.workflow_of(&alone, task, draw, 0).unwrap_err();
        assert_eq!(error.kind, WorkflowErrorKind::WorkerRefuses);
        assert!(error.message.contains(&format!("worker {number} ")), "{}", error.message);
        let beyond = "model_id: [3]\nsubtasks: [\"a\"]\naccess_list: [[]]";
        let error = environment.workflow_of(beyond, task, draw, 0).unwrap_err();
        assert_eq!(error.kind, WorkflowErrorKind::WorkerOutOfRange);
    }

    #[test]
    fn no_prompt_is_longer_than_the_longest() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path());
        let environment = Environment::open(&config, None).expect("an environment");
        let task = &task(&environment, "a");
        let length = |messages: Vec<ChatMessage>| messages[1].content.len();
        let longest = length(environment.longest_messages(&config.workflow, task));
        for step in 0..50 {
            let drawn = environment.messages(&config.workflow, task, Draw::Training(step));
            assert!(length(drawn) <= longest);
        }
    }
}
