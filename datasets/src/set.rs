//! All tasks of a run, by split: an index in memory, and tasks that are read when they are asked for.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use conductor_configs::schema::{SplitKind, SplitShares, Tasks};
use conductor_types::{Constraint, Split, Task, seed};

use crate::error::{DataError, Place};
use crate::mix::{self, Lane, TrainOrder};
use crate::store::{Room, Store};
use crate::table::Outline;
use crate::{constraints, sources, split};

/// Tasks that take no more than this together are kept in memory; others are read from a table when they are asked for.
pub const MEMORY_BYTES: usize = 32 << 20;

/// What is known of a task without reading it.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskEntry {
    /// The task's id.
    pub id: Box<str>,
    /// Its domain.
    pub domain: Arc<str>,
    /// Its split.
    pub split: Split,
    /// The kind of its grading.
    pub grading: Arc<str>,
    /// Characters of its prompt.
    pub prompt_chars: u32,
    /// What its user asks, of its own or drawn for it.
    pub constraint: Option<Arc<Constraint>>,
    source: u16,
    row: u32,
}

impl TaskEntry {
    /// The number of its source in `tasks.sources`, from 0.
    pub fn source(&self) -> usize {
        usize::from(self.source)
    }
}

/// The tasks of a run by split, each split in the order of the sources.
#[derive(Debug, Clone, Default)]
pub struct TaskSet {
    entries: Vec<TaskEntry>,
    /// Places in `entries`, by split.
    splits: [Vec<u32>; 3],
    /// Places in `entries`, by id.
    by_id: Vec<u32>,
    stores: Vec<Arc<Store>>,
    /// File and weight of each source; none where there are no weights.
    weights: Vec<(String, f64)>,
}

/// Reads every source, gives questions the constraints that are drawn for them, and splits all. Files only: which tasks a recording covers is for
/// [`TaskSet::retain`].
///
/// Memory holds an index of all tasks, some 150 bytes each, and the tasks themselves where they are few ([`MEMORY_BYTES`]). Sources
/// that find no room are written once into tables in `tasks.cache`.
///
/// Errors: a file or a line that cannot be read, an id that stands twice, shares that are none.
pub fn load(tasks: &Tasks) -> Result<TaskSet, DataError> {
    load_with(tasks, MEMORY_BYTES)
}

/// [`load`] with so many bytes of tasks, as JSON, in memory.
pub fn load_with(tasks: &Tasks, memory_bytes: usize) -> Result<TaskSet, DataError> {
    split::check(&tasks.split)?;
    let mut builder = Builder::new(tasks);
    let mut room = Room::new(memory_bytes, tasks.cache.clone());
    for (number, source) in tasks.sources.iter().enumerate() {
        let begin = builder.set.entries.len();
        let mut row = 0;
        let store = room.open(&source.reads, &mut |outline| {
            builder.add(outline, number, row)?;
            row += 1;
            Ok(())
        })?;
        builder.set.stores.push(Arc::new(store));
        if let Some(cap) = source.cap {
            builder.cap(begin, cap as usize);
        }
    }
    builder.finish()
}

struct Builder<'a> {
    tasks: &'a Tasks,
    set: TaskSet,
    /// Texts that many tasks share.
    texts: HashSet<Arc<str>>,
    drawn: Vec<Arc<Constraint>>,
    dated: usize,
}

impl<'a> Builder<'a> {
    fn new(tasks: &'a Tasks) -> Self {
        let drawn = tasks.constraints.iter().map(|one| Arc::new(one.constraint())).collect();
        Self { tasks, set: TaskSet::default(), texts: HashSet::new(), drawn, dated: 0 }
    }

    fn add(&mut self, outline: Outline, source: usize, row: usize) -> Result<(), DataError> {
        let Tasks { split, constraints, .. } = self.tasks;
        let too_many =
            |_| DataError::TooMany { path: self.tasks.sources[source].reads.path().into() };
        let (source, row) =
            (u16::try_from(source).map_err(too_many)?, u32::try_from(row).map_err(too_many)?);
        self.dated += usize::from(outline.date.is_some());
        let drawn = || {
            let place = constraints::drawn(&outline.id, constraints, split.seed)?;
            Some(self.drawn[place].clone())
        };
        let constraint = outline.constraint.map(Arc::new).or_else(drawn);
        let side = split::alone(&outline.id, outline.date.as_deref(), split);
        let entry = TaskEntry {
            domain: self.shared(&outline.domain),
            grading: self.shared(&outline.grading),
            id: outline.id.into(),
            split: side,
            prompt_chars: outline.prompt_chars,
            constraint,
            source,
            row,
        };
        self.set.entries.push(entry);
        Ok(())
    }

    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.texts.insert(new.clone());
        new
    }

    /// Leaves at most `cap` of the entries from `begin` on.
    fn cap(&mut self, begin: usize, cap: usize) {
        let ids = self.set.entries[begin..].iter().map(|entry| &*entry.id);
        let kept = mix::capped(ids, cap, self.tasks.split.seed);
        for (to, from) in kept.iter().enumerate() {
            self.set.entries.swap(begin + to, begin + from);
        }
        self.set.entries.truncate(begin + kept.len());
    }

    fn finish(self) -> Result<TaskSet, DataError> {
        let Self { tasks, mut set, dated, .. } = self;
        if set.is_empty() {
            return Err(DataError::NoTasks {
                what: "[tasks].sources".into(),
                help: "name at least one source, for example { kind = \"jsonl\", path = \"…\" }"
                    .into(),
            });
        }
        match tasks.split.kind {
            SplitKind::Date if dated == 0 => return Err(DataError::NoDates { tasks: set.len() }),
            SplitKind::PythonShuffle => {
                let splits = split::shuffled(set.len(), &tasks.split);
                for (entry, side) in set.entries.iter_mut().zip(splits) {
                    entry.split = side;
                }
            }
            SplitKind::Date | SplitKind::Hash => {}
        }
        let weights = tasks.sources.iter().map(|source| {
            let name = source.reads.path().display().to_string();
            Some((name, source.weight?))
        });
        set.weights = weights.collect::<Option<_>>().unwrap_or_default();
        set.entries.shrink_to_fit();
        set.index();
        match set.twice() {
            Some(id) => Err(duplicate(tasks, id)),
            None => Ok(set),
        }
    }
}

/// Finds where an id stands twice. The index keeps no places, so the files are read again.
fn duplicate(tasks: &Tasks, id: &str) -> DataError {
    let mut places: Vec<Place> = Vec::new();
    for source in &tasks.sources {
        let read = sources::read(&source.reads, &mut |place, task| {
            if task.id == id {
                places.push(place);
            }
            Ok(())
        });
        if let Err(error) = read {
            return error;
        }
    }
    let mut places = places.into_iter();
    let nowhere = || Place::new(tasks.sources[0].reads.path(), crate::error::Position::Line(0));
    let first = places.next().unwrap_or_else(nowhere);
    let second = places.next().unwrap_or_else(|| first.clone());
    DataError::Duplicate { id: id.to_owned(), first, second }
}

impl TaskSet {
    /// Splits tasks that are already in memory.
    pub fn new(
        tasks: impl IntoIterator<Item = Task>,
        split: &SplitShares,
    ) -> Result<Self, DataError> {
        let config = Tasks {
            sources: Vec::new(),
            split: split.clone(),
            only_recorded: false,
            cache: PathBuf::new(),
            constraints: Vec::new(),
        };
        let mut builder = Builder::new(&config);
        let tasks: Vec<Arc<Task>> = tasks.into_iter().map(Arc::new).collect();
        for (row, task) in tasks.iter().enumerate() {
            builder.add(Outline::of(task), 0, row)?;
        }
        builder.set.stores.push(Arc::new(Store::Memory(tasks)));
        builder.finish()
    }

    /// The tasks of a split; may be none.
    pub fn split(&self, split: Split) -> impl ExactSizeIterator<Item = &TaskEntry> {
        self.splits[split as usize].iter().map(|&place| &self.entries[place as usize])
    }

    /// How many tasks a split has.
    pub fn count(&self, split: Split) -> usize {
        self.splits[split as usize].len()
    }

    /// A task of a split by its number there; the number must be below [`count`](Self::count).
    pub fn at(&self, split: Split, number: usize) -> &TaskEntry {
        &self.entries[self.splits[split as usize][number] as usize]
    }

    /// The number of tasks of a split that must not be empty. The error names all counts and what to change.
    pub fn require(&self, split: Split) -> Result<usize, DataError> {
        let [train, valid, test] = [Split::Train, Split::Valid, Split::Test].map(|s| self.count(s));
        match self.count(split) {
            0 => Err(DataError::EmptySplit { split, train, valid, test }),
            count => Ok(count),
        }
    }

    /// At most `limit` tasks of a split, chosen by a hash of their ids: the same ones whatever the order of the
    /// sources, and a smaller limit gives a subset of a larger one's.
    pub fn sample(&self, split: Split, limit: usize, seed: u64) -> Vec<&TaskEntry> {
        let mut tasks: Vec<(u64, &TaskEntry)> = self
            .split(split)
            .map(|task| (seed::derive(seed, "subset", &[&task.id]), task))
            .collect();
        tasks.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
        tasks.into_iter().take(limit).map(|(_, task)| task).collect()
    }

    /// The task of that id, in whatever split.
    pub fn find(&self, id: &str) -> Option<&TaskEntry> {
        let of = |&place: &u32| &*self.entries[place as usize].id;
        let at = self.by_id.binary_search_by(|place| of(place).cmp(id)).ok()?;
        Some(&self.entries[self.by_id[at] as usize])
    }

    /// Every task: training, then validation, then test.
    pub fn iter(&self) -> impl Iterator<Item = &TaskEntry> {
        [Split::Train, Split::Valid, Split::Test].into_iter().flat_map(|split| self.split(split))
    }

    /// Every task in the order of the sources and their files.
    pub fn in_order(&self) -> impl Iterator<Item = &TaskEntry> {
        self.entries.iter()
    }

    /// Reads a task. Errors: its table cannot be read any more.
    pub fn get(&self, entry: &TaskEntry) -> Result<Arc<Task>, DataError> {
        self.stores[entry.source()].task(entry.row as usize).map(|task| constrained(task, entry))
    }

    /// Reads a task as workers see it: without the tests that only its grader reads, where they are not in memory anyway.
    /// [`whole`](Self::whole) has them.
    pub fn question(&self, entry: &TaskEntry) -> Result<Arc<Task>, DataError> {
        let store = &self.stores[entry.source()];
        store.question(entry.row as usize).map(|task| constrained(task, entry))
    }

    /// The whole of a task that [`question`](Self::question) gave; `None` where it is whole already.
    pub fn whole(&self, question: &Task) -> Result<Option<Arc<Task>>, DataError> {
        match self.find(&question.id) {
            Some(entry) if self.stores[entry.source()].leaves_out(question) => {
                self.get(entry).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Reads every task, one after the other, in the order of the sources.
    pub fn for_each<E: From<DataError>>(
        &self,
        mut visit: impl FnMut(&TaskEntry, &Task) -> Result<(), E>,
    ) -> Result<(), E> {
        for entry in &self.entries {
            let task = self.get(entry)?;
            visit(entry, &task)?;
        }
        Ok(())
    }

    /// Keeps the tasks whose id satisfies `keep` and says how many were dropped.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) -> usize {
        let before = self.len();
        self.entries.retain(|task| keep(&task.id));
        self.index();
        before - self.len()
    }

    /// How many tasks there are in all splits.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The order in which training visits the training split, by the sources' weights where they have any.
    ///
    /// Errors: an empty split, `per_step` 0, or a source with fewer training tasks than a step may draw from it.
    pub fn train_order(&self, per_step: usize) -> Result<TrainOrder, DataError> {
        let count = self.require(Split::Train)?;
        let lane = |(name, weight): &(String, f64)| Lane {
            name: name.clone(),
            weight: *weight,
            tasks: Vec::new(),
        };
        let mut lanes: Vec<Lane> = self.weights.iter().map(lane).collect();
        if !lanes.is_empty() {
            for (number, entry) in self.split(Split::Train).enumerate() {
                lanes[entry.source()].tasks.push(number);
            }
        }
        TrainOrder::new(count, per_step, lanes)
    }

    /// Of the tasks that satisfy `among`, so many that each source has its part by its weight (or its size, where there are no
    /// weights), chosen as caps choose.
    ///
    /// Errors: there are fewer, or a source has fewer than its part.
    pub fn mix(
        &self,
        size: usize,
        seed: u64,
        among: impl Fn(&TaskEntry) -> bool,
    ) -> Result<Vec<&TaskEntry>, DataError> {
        let mut lanes: Vec<Vec<&TaskEntry>> = vec![Vec::new(); self.stores.len()];
        for entry in self.entries.iter().filter(|entry| among(entry)) {
            lanes[entry.source()].push(entry);
        }
        let there = lanes.iter().map(Vec::len).sum();
        if size > there {
            return Err(DataError::MixTotal { size, there });
        }
        let weights: Vec<f64> = if self.weights.is_empty() {
            lanes.iter().map(|lane| lane.len() as f64).collect()
        } else {
            self.weights.iter().map(|(_, weight)| *weight).collect()
        };
        let mut chosen = Vec::with_capacity(size);
        for (source, wanted) in mix::parts(&weights, size).into_iter().enumerate() {
            let (lane, has) = (&lanes[source], lanes[source].len());
            if wanted > has {
                let name = self.weights.get(source).map_or("its source", |(name, _)| name).into();
                return Err(DataError::MixSize { size, name, wanted, has });
            }
            let places = mix::capped(lane.iter().map(|entry| &*entry.id), wanted, seed);
            chosen.extend(places.into_iter().map(|place| lane[place]));
        }
        Ok(chosen)
    }

    fn index(&mut self) {
        self.splits = Default::default();
        for (place, entry) in self.entries.iter().enumerate() {
            self.splits[entry.split as usize].push(place as u32);
        }
        self.by_id = (0..self.entries.len() as u32).collect();
        let entries = &self.entries;
        // By place where ids are equal, so that the first is found first.
        self.by_id.sort_unstable_by(|&a, &b| {
            (&entries[a as usize].id, a).cmp(&(&entries[b as usize].id, b))
        });
    }

    /// An id that stands twice: of several, the one whose second place comes first.
    fn twice(&self) -> Option<&str> {
        let id = |place: u32| &*self.entries[place as usize].id;
        let pairs = self.by_id.windows(2).filter(|pair| id(pair[0]) == id(pair[1]));
        pairs.map(|pair| pair[1]).min().map(id)
    }
}

/// The task with the constraint that was drawn for it.
fn constrained(task: Arc<Task>, entry: &TaskEntry) -> Arc<Task> {
    if task.constraint.as_ref() == entry.constraint.as_deref() {
        return task;
    }
    let mut task = Task::clone(&task);
    task.constraint = entry.constraint.as_deref().cloned();
    Arc::new(task)
}

#[cfg(test)]
mod tests {
    use conductor_types::Grading;

    use super::*;

    fn task(id: &str) -> Task {
        Task {
            id: id.into(),
            domain: "sums".into(),
            prompt: "2+2?".into(),
            parts: Vec::new(),
            grading: Grading::Exact { gold: "4".into() },
            date: None,
            constraint: None,
        }
    }

    fn set(n: usize) -> TaskSet {
        let tasks = (0..n).map(|i| task(&format!("sum/{i}")));
        TaskSet::new(tasks, &SplitShares::default()).unwrap()
    }

    fn ids<'a>(entries: impl IntoIterator<Item = &'a TaskEntry>) -> Vec<&'a str> {
        entries.into_iter().map(|entry| &*entry.id).collect()
    }

    #[test]
    fn adding_tasks_moves_none() {
        let (small, large) = (set(40), set(400));
        for split in [Split::Train, Split::Valid, Split::Test] {
            assert!(small.count(split) > 0);
            assert_eq!(ids(small.split(split)), ids(large.split(split).take(small.count(split))));
        }
    }

    #[test]
    fn an_empty_split_names_the_counts_and_the_section() {
        let mut tasks = set(30);
        let valid: Vec<String> = tasks.split(Split::Valid).map(|t| t.id.to_string()).collect();
        tasks.retain(|id| !valid.iter().any(|v| v == id));
        let error = tasks.require(Split::Valid).unwrap_err().to_string();
        let (train, test) = (tasks.count(Split::Train), tasks.count(Split::Test));
        let counts = format!("train {train}, valid 0, test {test}");
        assert!(error.contains(&counts) && error.contains("[tasks.split]"), "{error}");
        assert_eq!(tasks.require(Split::Train).unwrap(), train);
    }

    #[test]
    fn retain_counts_what_it_drops_and_find_looks_everywhere() {
        let mut tasks = set(30);
        assert_eq!(&*tasks.find("sum/17").unwrap().id, "sum/17");
        assert_eq!(tasks.retain(|id| !id.ends_with('7')), 3);
        assert_eq!(tasks.len(), 27);
        assert!(tasks.find("sum/17").is_none());
        assert_eq!(tasks.iter().count(), 27);
        for entry in tasks.iter() {
            assert_eq!(tasks.find(&entry.id), Some(entry));
            assert_eq!(tasks.get(entry).unwrap().id, *entry.id);
        }
    }

    #[test]
    fn a_smaller_sample_is_part_of_a_larger_one() {
        let tasks = set(200);
        let large = tasks.sample(Split::Train, 50, 1);
        assert_eq!(large.len(), 50);
        assert_eq!(tasks.sample(Split::Train, 20, 1), large[..20]);
        assert_ne!(tasks.sample(Split::Train, 20, 2), large[..20]);
        assert_eq!(tasks.sample(Split::Test, 10_000, 1).len(), tasks.count(Split::Test));
    }
}
