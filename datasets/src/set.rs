//! All tasks of a run, by split.

use std::collections::HashMap;

use conductor_configs::schema::{SplitShares, Tasks};
use conductor_types::{Split, Task, seed};

use crate::error::{DataError, Place};
use crate::{constraints, sources, split};

/// The tasks of a run by split, each split in the order of the sources.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TaskSet {
    /// Updates are made on these.
    pub train: Vec<Task>,
    /// Checkpoints and the best worker are chosen on these.
    pub valid: Vec<Task>,
    /// Reported numbers come from these.
    pub test: Vec<Task>,
}

/// Reads every source, gives questions the constraints that are drawn for them, and splits all. Files only: which tasks a recording covers is for
/// [`TaskSet::retain`].
///
/// Errors: a file or a line that cannot be read, an id that stands twice, shares that are none.
pub fn load(tasks: &Tasks) -> Result<TaskSet, DataError> {
    split::check(&tasks.split)?;
    let mut places: HashMap<String, Place> = HashMap::new();
    let mut set = TaskSet::default();
    for source in &tasks.sources {
        sources::read(source, &mut |place, mut task| {
            if let Some(first) = places.get(&task.id) {
                let (id, first) = (task.id, first.clone());
                return Err(DataError::Duplicate { id, first, second: place });
            }
            places.insert(task.id.clone(), place);
            constraints::attach(&mut task, &tasks.constraints, tasks.split.seed);
            set.add(task, &tasks.split);
            Ok(())
        })?;
    }
    if set.is_empty() {
        return Err(DataError::NoTasks {
            what: "[tasks].sources".into(),
            help: "name at least one source, for example { kind = \"jsonl\", path = \"…\" }".into(),
        });
    }
    Ok(set)
}

impl TaskSet {
    /// Splits tasks that are already in memory.
    pub fn new(tasks: impl IntoIterator<Item = Task>, shares: &SplitShares) -> Self {
        let mut set = Self::default();
        for task in tasks {
            set.add(task, shares);
        }
        set
    }

    /// The tasks of a split; may be empty.
    pub fn split(&self, split: Split) -> &[Task] {
        match split {
            Split::Train => &self.train,
            Split::Valid => &self.valid,
            Split::Test => &self.test,
        }
    }

    /// The tasks of a split that must not be empty. The error names all counts and what to change.
    pub fn require(&self, split: Split) -> Result<&[Task], DataError> {
        let tasks = self.split(split);
        if tasks.is_empty() {
            let (train, valid, test) = (self.train.len(), self.valid.len(), self.test.len());
            return Err(DataError::EmptySplit { split, train, valid, test });
        }
        Ok(tasks)
    }

    /// At most `limit` tasks of a split, chosen by a hash of their ids: the same ones whatever the order of the
    /// sources, and a smaller limit gives a subset of a larger one's.
    pub fn sample(&self, split: Split, limit: usize, seed: u64) -> Vec<&Task> {
        let mut tasks: Vec<(u64, &Task)> = self
            .split(split)
            .iter()
            .map(|task| (seed::derive(seed, "subset", &[&task.id]), task))
            .collect();
        tasks.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
        tasks.into_iter().take(limit).map(|(_, task)| task).collect()
    }

    /// The task of that id, in whatever split.
    pub fn find(&self, id: &str) -> Option<&Task> {
        self.iter().find(|task| task.id == id)
    }

    /// Every task: training, then validation, then test.
    pub fn iter(&self) -> impl Iterator<Item = &Task> {
        self.train.iter().chain(&self.valid).chain(&self.test)
    }

    /// Keeps the tasks whose id satisfies `keep` and says how many were dropped.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) -> usize {
        let before = self.len();
        for split in [&mut self.train, &mut self.valid, &mut self.test] {
            split.retain(|task| keep(&task.id));
        }
        before - self.len()
    }

    /// How many tasks there are in all splits.
    pub fn len(&self) -> usize {
        self.train.len() + self.valid.len() + self.test.len()
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn add(&mut self, task: Task, shares: &SplitShares) {
        match split::split_of(&task.id, shares) {
            Split::Train => self.train.push(task),
            Split::Valid => self.valid.push(task),
            Split::Test => self.test.push(task),
        }
    }
}

#[cfg(test)]
mod tests {
    use conductor_types::Grading;

    use super::*;

    fn task(id: &str) -> Task {
        let grading = Grading::Exact { gold: "4".into() };
        Task {
            id: id.into(),
            domain: "sums".into(),
            prompt: "2+2?".into(),
            grading,
            parts: Vec::new(),
            constraint: None,
        }
    }

    fn set(n: usize) -> TaskSet {
        TaskSet::new((0..n).map(|i| task(&format!("sum/{i}"))), &SplitShares::default())
    }

    #[test]
    fn adding_tasks_moves_none() {
        let (small, large) = (set(40), set(400));
        for split in [Split::Train, Split::Valid, Split::Test] {
            assert!(!small.split(split).is_empty());
            assert_eq!(small.split(split), &large.split(split)[..small.split(split).len()]);
        }
    }

    #[test]
    fn an_empty_split_names_the_counts_and_the_section() {
        let mut tasks = set(30);
        tasks.valid.clear();
        let error = tasks.require(Split::Valid).unwrap_err().to_string();
        let counts = format!("train {}, valid 0, test {}", tasks.train.len(), tasks.test.len());
        assert!(error.contains(&counts) && error.contains("[tasks.split]"), "{error}");
        assert_eq!(tasks.require(Split::Train).unwrap().len(), tasks.train.len());
    }

    #[test]
    fn retain_counts_what_it_drops_and_find_looks_everywhere() {
        let mut tasks = set(30);
        assert!(tasks.find("sum/17").is_some());
        assert_eq!(tasks.retain(|id| !id.ends_with('7')), 3);
        assert_eq!(tasks.len(), 27);
        assert!(tasks.find("sum/17").is_none());
        assert_eq!(tasks.iter().count(), 27);
    }

    #[test]
    fn a_smaller_sample_is_part_of_a_larger_one() {
        let tasks = set(200);
        let large = tasks.sample(Split::Train, 50, 1);
        assert_eq!(large.len(), 50);
        assert_eq!(tasks.sample(Split::Train, 20, 1), large[..20]);
        assert_ne!(tasks.sample(Split::Train, 20, 2), large[..20]);
        assert_eq!(tasks.sample(Split::Test, 10_000, 1).len(), tasks.test.len());
    }
}
