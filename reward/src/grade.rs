//! Judging one answer: right with a score, wrong with a cause, or unscorable with a cause.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use conductor_configs::schema::{self, Reward};
use conductor_sandbox::{Ending, Form, Job, Mode, Program, Sandbox, StartError};
use conductor_types::{Graded, Grading, Judge, Task, Unscorable, WrongCause};

use crate::code::{self, Judging, Resources, Rules};
use crate::extract;
use crate::graders::{
    choice, countdown, exact, fuzzy, judge, number, reasoning_gym, recorded, right, shown,
    unscorable, wrong,
};
use crate::gym::{self, Package};

/// Judges answers. Cheap to clone; clones share the limit on programs under test at once.
#[derive(Debug, Clone)]
pub struct Grader {
    sandbox: Option<(Sandbox, Rules)>,
    package: Option<Arc<Package>>,
    judge: Option<Arc<dyn Judge>>,
}

/// Why no grader could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraderError {
    /// Programs cannot be run apart from everything else.
    #[error(transparent)]
    Sandbox(#[from] StartError),
    /// The package reasoning-gym cannot be reached.
    #[error(
        "reward.reasoning_gym.interpreter = \"{interpreter}\" cannot score answers to {generator}: {reason}. Name a Python \
         that has the package reasoning-gym (`make tasks` makes .tasks-venv/bin/python), or leave that generator out \
         with datasets = […] in tasks.sources."
    )]
    ReasoningGym {
        /// As configured.
        interpreter: String,
        /// A generator that needs it.
        generator: String,
        /// What happened.
        reason: String,
    },
    /// A task that can never be graded.
    #[error("task {id}: {reason}")]
    Task {
        /// The task.
        id: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A limit that nothing can run under.
    #[error("reward.{key} = {given}: expected {expected}")]
    Limit {
        /// The key, below `reward`.
        key: &'static str,
        /// Its value.
        given: String,
        /// What is possible.
        expected: &'static str,
    },
}

impl Grader {
    /// A grader for these tasks: starts only what they need, and refuses tasks that it could never grade. A judge is given
    /// with [`Grader::judged_by`]. Must be called within a tokio runtime.
    pub async fn for_tasks<'a>(
        reward: &Reward,
        sandbox: &schema::Sandbox,
        tasks: impl Iterator<Item = &'a Task>,
    ) -> Result<Self, GraderError> {
        let mut needs_sandbox = false;
        let mut generators = BTreeSet::new();
        for task in tasks {
            needs_sandbox |= Self::needs_sandbox(task);
            generators.extend(gym::generator_of(task)?);
        }
        let mut grader = if needs_sandbox {
            Self::sandboxed(sandbox, Judging::default()).await?
        } else {
            Self::without_sandbox()
        };
        grader.package =
            gym::for_generators(&reward.reasoning_gym, &generators).await?.map(Arc::new);
        Ok(grader)
    }

    /// The same grader with a model for tasks with the grading `judge`.
    #[must_use]
    pub fn judged_by(self, judge: Arc<dyn Judge>) -> Self {
        Self { judge: Some(judge), ..self }
    }

    /// A grader for tasks without programs; programs are unscorable to it. For machines that cannot run them.
    pub fn without_sandbox() -> Self {
        Self { sandbox: None, package: None, judge: None }
    }

    /// A grader that runs programs in the sandbox. Starts it, which runs hostile programs as a test. Must be called within a tokio
    /// runtime.
    pub async fn sandboxed(
        options: &schema::Sandbox,
        judging: Judging,
    ) -> Result<Self, GraderError> {
        let sandbox = Some((Sandbox::start(options).await?, Rules::new(options, judging)));
        Ok(Self { sandbox, ..Self::without_sandbox() })
    }

    /// Whether a task needs [`Grader::sandboxed`].
    pub fn needs_sandbox(task: &Task) -> bool {
        matches!(task.grading, Grading::Code { .. } | Grading::Python { .. })
    }

    /// Whether a task needs [`Grader::judged_by`].
    pub fn needs_judge(task: &Task) -> bool {
        matches!(task.grading, Grading::Judge { .. })
    }

    /// What a person should know of how programs are run here, a sentence each, before a run on `tasks`.
    pub fn notices<'a>(&self, tasks: impl IntoIterator<Item = &'a Task>) -> Vec<String> {
        let Some((sandbox, _)) = &self.sandbox else { return Vec::new() };
        let mut notices = sandbox.report().notices();
        if tasks.into_iter().any(|task| matches!(task.grading, Grading::Python { .. })) {
            let asserted = "Tests of the kind \"python\" run in the process of the program under test: one that is written against \
                 them could pass. Tests of the kind \"code\" do not.";
            notices.push(asserted.to_owned());
        }
        notices
    }

    /// Finds the answer proper in `answer` and judges it. Ends within a bound for every answer; dropping the future kills a
    /// program under test. docs/graders.md has the rules in full.
    ///
    /// - Exact, fuzzy, choice, number, Countdown: the answer is looked for as [`extract`] says; right is 1.
    /// - reasoning-gym: right is 1 where the generator's own scorer gives 1. What it gives less for is wrong, and its
    ///   number stands in the detail: 0.01 for a wrong number is a consolation, not a partly right answer.
    /// - Python: right is 1 where the tests ran to their end.
    /// - Recorded: `recorded_score` itself, right with that score above 0.
    /// - Judge: what the judge says; it is paid from the part `grade`, see [`Grader::grade_in`].
    pub async fn grade(&self, task: &Task, answer: &str, recorded_score: Option<f64>) -> Graded {
        self.grade_in("grade", task, answer, recorded_score).await
    }

    /// As [`Grader::grade`], where a judge is paid from `part` of the run (`train/12`).
    pub async fn grade_in(
        &self,
        part: &str,
        task: &Task,
        answer: &str,
        recorded_score: Option<f64>,
    ) -> Graded {
        self.grade_measured(part, task, answer, recorded_score).await.0
    }

    /// [`Grader::grade_in`] with what the program used, where the answer is one and it was run.
    pub async fn grade_measured(
        &self,
        part: &str,
        task: &Task,
        answer: &str,
        recorded_score: Option<f64>,
    ) -> (Graded, Option<Resources>) {
        let graded = match &task.grading {
            Grading::Code {
                public_test_cases,
                private_test_cases,
                metadata,
                time_limit_secs,
                memory_limit_mib,
            } => {
                let question = code::Question {
                    public_test_cases,
                    private_test_cases,
                    metadata,
                    time_limit_secs: *time_limit_secs,
                    memory_limit_mib: *memory_limit_mib,
                };
                let Some((sandbox, rules)) = &self.sandbox else {
                    let detail = "this grader was made without a sandbox";
                    return (unscorable(Unscorable::SandboxError, detail), None);
                };
                return code::grade(sandbox, rules, &question, answer).await;
            }
            Grading::Exact { gold } => exact::grade(gold, answer),
            Grading::Fuzzy { gold } => fuzzy::grade(gold, answer),
            Grading::Choice { gold, options } => choice::grade(gold, *options, answer),
            Grading::Number { gold, tolerance } => number::grade(gold, *tolerance, answer),
            Grading::Countdown { numbers, target } => countdown::grade(numbers, *target, answer),
            Grading::ReasoningGym { dataset, gold, entry } => {
                reasoning_gym::grade(
                    self.package.as_deref(),
                    (dataset, gold, entry.as_ref()),
                    answer,
                )
                .await
            }
            Grading::Judge { gold, rubric } => {
                let asked = (task, gold.as_str(), rubric.as_deref());
                judge::grade(self.judge.as_deref(), part, asked, answer).await
            }
            Grading::Recorded => recorded::grade(recorded_score),
            Grading::Python { prelude, tests, entry_point } => {
                return self.program(prelude, tests, entry_point, answer).await;
            }
            Grading::Math { .. } => unwired(&task.grading),
        };
        (graded, None)
    }

    async fn program(
        &self,
        prelude: &str,
        tests: &str,
        entry_point: &str,
        answer: &str,
    ) -> (Graded, Option<Resources>) {
        let tests = match usable_tests(tests, entry_point) {
            Ok(tests) => tests,
            Err(detail) => return (unscorable(Unscorable::BadTestData, detail), None),
        };
        let code = match extract::code(answer, entry_point) {
            Ok(code) => code,
            Err(failure) => {
                return (wrong(None, WrongCause::NoCode, failure.to_string()), None);
            }
        };
        let Some((sandbox, rules)) = &self.sandbox else {
            let detail = "this grader was made without a sandbox";
            return (unscorable(Unscorable::SandboxError, detail), None);
        };
        let whole;
        let (prelude, program) = match &code {
            extract::Code::Program(source) => (prelude, source.as_str()),
            extract::Code::Continuation(body) => {
                whole = format!("{}\n{body}", prelude.trim_end_matches('\n'));
                ("", whole.as_str())
            }
        };
        let form = Form::Asserted {
            prelude: prelude.to_owned(),
            tests,
            entry_point: entry_point.to_owned(),
        };
        let program = Program { source: program.to_owned(), form };
        // No evaluator's own way is reproduced for these tests.
        let limits = rules.limits_of_all();
        let job = Job { program, inputs: Vec::new(), limits, mode: Mode::Native };
        let ran = sandbox.run(&job, &mut |_, _| ControlFlow::Continue(())).await;
        let resources = Resources { wall: ran.wall, cpu: ran.cpu, peak_bytes: ran.peak_bytes };
        let graded = match ran.ending {
            Ending::Finished | Ending::Stopped => right(code.source()),
            Ending::Fault { cause, detail, .. } => {
                wrong(Some(code.source().to_owned()), cause, detail)
            }
            Ending::BadTests { detail } => unscorable(
                Unscorable::BadTestData,
                format!("the task's tests do not compile: {detail}"),
            ),
            Ending::Broken { detail } => unscorable(Unscorable::SandboxError, detail),
        };
        (graded, Some(resources))
    }
}

fn unwired(grading: &Grading) -> Graded {
    let detail = format!("gradings of kind {} are not judged here", grading.kind());
    unscorable(Unscorable::SandboxError, detail)
}

/// Tests that test something: `HumanEval`'s define `check` and leave the call to the grader.
fn usable_tests(tests: &str, entry_point: &str) -> Result<String, String> {
    let starts = |word: &str| tests.lines().any(|line| line.starts_with(word));
    let code = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if !tests.lines().any(code) {
        return Err("the task has no tests".into());
    }
    let mut characters = entry_point.chars();
    let letter = |c: char| c.is_alphabetic() || c == '_';
    let named =
        characters.next().is_none_or(letter) && characters.all(|c| letter(c) || c.is_numeric());
    if !named {
        return Err(format!(
            "the entry point {} is not the name of a function",
            shown(entry_point)
        ));
    }
    let uncalled = starts("def check(") && !starts("check(") && !entry_point.is_empty();
    Ok(if uncalled { format!("{tests}\ncheck({entry_point})\n") } else { tests.to_owned() })
}

#[cfg(test)]
mod tests {
    use conductor_types::Verdict;

    use super::*;

    fn task(grading: Grading) -> Task {
        Task {
            id: "t".into(),
            domain: "d".into(),
            prompt: "p".into(),
            grading,
            parts: Vec::new(),
            constraint: None,
        }
    }

    async fn verdict(grading: Grading, answer: &str) -> Verdict {
        Grader::without_sandbox().grade(&task(grading), answer, None).await.verdict
    }

    fn cause(verdict: &Verdict) -> &'static str {
        verdict.cause()
    }

    #[tokio::test]
    async fn each_kind_is_right_wrong_or_without_an_answer() {
        let exact = || Grading::Exact { gold: " Paris\n".into() };
        let choice = || Grading::Choice { gold: "B".into(), options: 4 };
        let number = || Grading::Number { gold: "0.1".into(), tolerance: 0.0 };
        let gym = || Grading::ReasoningGym {
            dataset: "chain_sum".into(),
            gold: "1000".into(),
            entry: None,
        };
        for (grading, answer, expected) in [
            (exact(), "<answer>Paris</answer>", ""),
            (exact(), "<answer>paris</answer>", "wrong_answer"),
            (exact(), "It is in France, I think.\nWell, Paris", "no_answer"),
            (choice(), "The answer is (B).", ""),
            (choice(), "<answer>C</answer>", "wrong_answer"),
            (choice(), "Because B", "no_answer"),
            (number(), "<answer>.10</answer>", ""),
            (number(), "<answer>0.1000000000000000055511151231257827</answer>", "wrong_answer"),
            (number(), "", "no_answer"),
            (gym(), r"\boxed{1,000}", ""),
            (gym(), "<answer>7</answer><answer>+01,000.00</answer>", ""),
            (gym(), "<answer>1000 apples</answer>", "wrong_answer"),
            (gym(), "", "no_answer"),
        ] {
            assert_eq!(
                cause(&verdict(grading.clone(), answer).await),
                expected,
                "{grading:?} {answer:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_consolation_score_is_wrong_and_told() {
        let grading = Grading::ReasoningGym {
            dataset: "gsm_symbolic".into(),
            gold: "70".into(),
            entry: None,
        };
        let Verdict::Wrong { cause, detail } = verdict(grading, "<answer>71</answer>").await else {
            panic!("71 is not 70");
        };
        assert_eq!(cause, WrongCause::WrongAnswer);
        assert!(detail.contains("0.01"), "{detail}");
    }

    #[tokio::test]
    async fn bad_gold_data_is_nobodys_fault() {
        for grading in [
            Grading::Choice { gold: "E".into(), options: 4 },
            Grading::Choice { gold: "ß".into(), options: 4 },
            Grading::Choice { gold: "B".into(), options: 0 },
            Grading::Number { gold: "many".into(), tolerance: 0.0 },
            Grading::Number { gold: "1".into(), tolerance: f64::NAN },
            Grading::ReasoningGym { dataset: "countdown".into(), gold: "1".into(), entry: None },
            Grading::ReasoningGym { dataset: "lcm".into(), gold: String::new(), entry: None },
            Grading::Python {
                prelude: String::new(),
                tests: "# none\n".into(),
                entry_point: "f".into(),
            },
            Grading::Python {
                prelude: String::new(),
                tests: "assert 1".into(),
                entry_point: "f()".into(),
            },
        ] {
            assert_eq!(
                cause(&verdict(grading.clone(), "<answer>B</answer>").await),
                "bad_test_data",
                "{grading:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_recorded_score_is_passed_on_and_a_missing_one_is_no_zero() {
        let grader = Grader::without_sandbox();
        let task = task(Grading::Recorded);
        assert_eq!(
            grader.grade(&task, "", Some(0.25)).await.verdict,
            Verdict::Right { score: 0.25 }
        );
        assert_eq!(grader.grade(&task, "", Some(0.0)).await.verdict.score(), Some(0.0));
        assert_eq!(cause(&grader.grade(&task, "", None).await.verdict), "not_recorded");
        assert_eq!(cause(&grader.grade(&task, "", Some(f64::NAN)).await.verdict), "bad_test_data");
        assert_eq!(cause(&grader.grade(&task, "", Some(1.5)).await.verdict), "bad_test_data");
    }

    #[tokio::test]
    async fn programs_need_an_interpreter() {
        let grading = Grading::Python {
            prelude: String::new(),
            tests: "assert f()".into(),
            entry_point: "f".into(),
        };
        let program = "```python\ndef f():\n    return 1\n```";
        assert_eq!(cause(&verdict(grading.clone(), program).await), "sandbox_error");
        assert_eq!(cause(&verdict(grading, "I do not know.").await), "no_code");
    }

    #[test]
    fn checks_that_nobody_calls_are_called() {
        let tests = "def check(candidate):\n    assert candidate(1) == 2\n";
        assert!(usable_tests(tests, "f").unwrap().ends_with("check(f)\n"));
        let called = format!("{tests}\ncheck(f)\n");
        assert_eq!(usable_tests(&called, "f").unwrap(), called);
    }
}
