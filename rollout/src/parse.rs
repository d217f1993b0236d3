//! Reads a workflow out of a completion.
//!
//! The rules: backticks, leading bullets and `<think>…</think>` are ignored; for each of the three lists the first
//! label (any case) followed by `:` or `=` counts; the balanced bracket that follows is read as a Python literal,
//! then as JSON, then split at commas. Labels that stand inside a list already read (in a subtask, say) are text.
//! Every access kind is read into the general form, indices of earlier steps.
//!
//! Time is linear in the length of the text, and no text makes this panic.

mod literal;
mod locate;
mod normalize;
mod value;

use conductor_types::{
    Access, AccessKind, Step, Workflow, WorkflowError, WorkflowErrorKind as Kind,
};

use value::Value;

/// What a workflow is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseRules {
    /// How `access_list` is written.
    pub access: AccessKind,
    /// Most steps.
    pub max_steps: usize,
    /// Workers in the prompt's list; ids run from 0 to one less.
    pub workers: usize,
}

/// Reads the workflow in `text`, or says by name why there is none.
///
/// A completion that continues an assistant prefix is parsed together with that prefix.
///
/// ```
/// use conductor_rollout::parse::{ParseRules, parse};
/// use conductor_types::AccessKind;
///
/// let rules = ParseRules { access: AccessKind::Binary, max_steps: 5, workers: 3 };
/// let text = "model_id: [2, 0]\nsubtasks: [\"Solve it.\", \"Check it.\"]\naccess_list: [[], \"all\"]";
/// let workflow = parse(text, &rules).expect("a valid workflow");
/// assert_eq!(workflow.steps[1].access, vec![0]);
/// ```
pub fn parse(text: &str, rules: &ParseRules) -> Result<Workflow, WorkflowError> {
    let mut workflow = read(text, rules)?;
    for step in &mut workflow.steps {
        step.earlier_round = false;
    }
    if workflow.steps.is_empty() {
        return Err(error(Kind::NoSteps, "three empty lists: a workflow needs at least one step"));
    }
    Ok(workflow)
}

/// The workflow of a round after the first: three empty lists are a workflow without steps, which lets the answer of the round
/// before stand, and a step whose entry lets it see anything sees the round before as well.
pub fn parse_later(text: &str, rules: &ParseRules) -> Result<Workflow, WorkflowError> {
    let mut workflow = read(text, rules)?;
    for step in &mut workflow.steps {
        step.earlier_round |= !step.access.is_empty();
    }
    Ok(workflow)
}

fn read(text: &str, rules: &ParseRules) -> Result<Workflow, WorkflowError> {
    let clean = normalize::normalize(text);
    let lists = locate::lists(&clean)?;
    let [ids, subtasks, access] = lists.map(value::read_list);
    // A piece between commas stays text in a subtask and is a number or a list elsewhere.
    let [ids, access] =
        [ids, access].map(|list| list.into_iter().map(Value::resolved).collect::<Vec<_>>());

    if ids.is_empty() && subtasks.is_empty() && access.is_empty() {
        return Ok(Workflow { steps: Vec::new() });
    }
    if ids.len() > rules.max_steps {
        return Err(error(
            Kind::TooManySteps,
            format!("{} steps, more than the {} allowed", ids.len(), rules.max_steps),
        ));
    }
    let workers = ids
        .iter()
        .enumerate()
        .map(|(step, id)| worker_id(id, step, "model_id", rules.workers))
        .collect::<Result<Vec<_>, _>>()?;
    if access.is_empty() {
        return Err(error(
            Kind::AccessEmpty,
            format!("access_list is empty; expected one entry for each of {} steps", ids.len()),
        ));
    }
    if ids.len() != subtasks.len() || ids.len() != access.len() {
        return Err(error(
            Kind::LengthMismatch,
            format!(
                "the lists differ in length: {} model_id, {} subtasks, {} access_list",
                ids.len(),
                subtasks.len(),
                access.len()
            ),
        ));
    }
    let subtasks = subtasks
        .into_iter()
        .enumerate()
        .map(|(step, subtask)| subtask_text(subtask, step))
        .collect::<Result<Vec<_>, _>>()?;

    let mut steps = Vec::with_capacity(workers.len());
    for (index, (subtask, entry)) in subtasks.into_iter().zip(&access).enumerate() {
        let access = match rules.access {
            AccessKind::Binary => binary_access(entry, index)?,
            AccessKind::ByModel => by_model_access(entry, index, &workers, rules.workers)?,
            AccessKind::ByStep => by_step_access(entry, index)?,
        };
        // "all" means more than the earlier steps where there was a round before.
        let earlier_round = rules.access == AccessKind::Binary && !entry.is_empty_entry();
        steps.push(Step { earlier_round, ..Step::new(workers[index], subtask, access) });
    }
    Ok(Workflow { steps })
}

fn error(kind: Kind, message: impl Into<String>) -> WorkflowError {
    WorkflowError { kind, message: message.into() }
}

fn worker_id(
    value: &Value,
    step: usize,
    list: &str,
    workers: usize,
) -> Result<usize, WorkflowError> {
    let given = value.describe();
    match value.whole_number() {
        None => Err(error(
            Kind::WorkerNotANumber,
            format!("{list}, entry {step}: {given} is no worker number"),
        )),
        Some(id) => usize::try_from(id).ok().filter(|&id| id < workers).ok_or_else(|| {
            error(
                Kind::WorkerOutOfRange,
                format!(
                    "{list}, entry {step}: there is no worker {given}; the list has {workers}, \
                         numbered from 0"
                ),
            )
        }),
    }
}

fn subtask_text(value: Value, step: usize) -> Result<String, WorkflowError> {
    match value {
        Value::Text(text) | Value::Bare(text) => Ok(text),
        other => Err(error(
            Kind::SubtaskInvalid,
            format!("subtasks, entry {step}: expected text, found {}", other.describe()),
        )),
    }
}

fn binary_access(entry: &Value, step: usize) -> Result<Access, WorkflowError> {
    if entry.is_empty_entry() {
        return Ok(Vec::new());
    }
    match entry {
        Value::Text(text) | Value::Bare(text) if text.trim().eq_ignore_ascii_case("all") => {
            Ok((0..step).collect())
        }
        other => Err(error(
            Kind::AccessInvalid,
            format!(
                "access_list, entry {step}: expected \"all\" or an empty entry, found {}",
                other.describe()
            ),
        )),
    }
}

fn by_model_access(
    entry: &Value,
    step: usize,
    used: &[usize],
    workers: usize,
) -> Result<Access, WorkflowError> {
    let mut access = vec![false; step];
    for id in entry_items(entry, step, "worker numbers")? {
        if id.whole_number().is_none() {
            return Err(error(
                Kind::AccessInvalid,
                format!(
                    "access_list, entry {step}: expected worker numbers, found {}",
                    id.describe()
                ),
            ));
        }
        let worker = worker_id(&id, step, "access_list", workers)?;
        let mut seen_before = false;
        for (earlier, allowed) in access.iter_mut().enumerate() {
            if used[earlier] == worker {
                *allowed = true;
                seen_before = true;
            }
        }
        if seen_before {
            continue;
        }
        return Err(if used[step..].contains(&worker) {
            error(
                Kind::AccessFuture,
                format!("access_list, entry {step}: worker {worker} has no step before this one"),
            )
        } else {
            error(
                Kind::AccessInvalid,
                format!("access_list, entry {step}: worker {worker} runs no step of this workflow"),
            )
        });
    }
    Ok(chosen(&access))
}

fn by_step_access(entry: &Value, step: usize) -> Result<Access, WorkflowError> {
    let mut access = vec![false; step];
    for item in entry_items(entry, step, "step numbers")? {
        match item.whole_number() {
            Some(index) if index >= 0 => match access.get_mut(index as usize) {
                Some(allowed) => *allowed = true,
                None => {
                    return Err(error(
                        Kind::AccessFuture,
                        format!(
                            "access_list, entry {step}: step {} is not before step {step}",
                            item.describe()
                        ),
                    ));
                }
            },
            _ => {
                return Err(error(
                    Kind::AccessInvalid,
                    format!(
                        "access_list, entry {step}: expected step numbers from 0, found {}",
                        item.describe()
                    ),
                ));
            }
        }
    }
    Ok(chosen(&access))
}

/// The numbers in one entry of a `by_model` or `by_step` list.
fn entry_items(entry: &Value, step: usize, expected: &str) -> Result<Vec<Value>, WorkflowError> {
    if entry.is_empty_entry() {
        return Ok(Vec::new());
    }
    match entry {
        Value::List(items) => Ok(items.clone()),
        other => Err(error(
            Kind::AccessInvalid,
            format!(
                "access_list, entry {step}: expected a list of {expected}, found {}",
                other.describe()
            ),
        )),
    }
}

fn chosen(access: &[bool]) -> Access {
    access.iter().enumerate().filter_map(|(index, &allowed)| allowed.then_some(index)).collect()
}
