//! Task sets: in memory and read task by task, with caps, weights and the three ways to split.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use conductor_configs::schema::{
    Source, SplitKind, SplitShares, TaskConstraint, TaskSource, Tasks,
};
use conductor_datasets::{DataError, TaskSet, TaskWriter, load_with};
use conductor_types::{Grading, Split, Task, TestCases};
use flate2::Compression;
use flate2::write::GzEncoder;

fn tasks(folder: &Path, sources: Vec<Source>) -> Tasks {
    Tasks {
        sources,
        split: SplitShares::default(),
        only_recorded: false,
        cache: folder.join("cache"),
        constraints: Vec::new(),
    }
}

fn line(id: &str, extra: &str) -> String {
    format!(
        "{{\"id\": \"{id}\", \"prompt\": \"What is {id}?\", \"grading\": {{\"kind\": \"exact\", \"gold\": \"{id}\"}}{extra}}}\n"
    )
}

/// A file of tasks "name/0" and so on, as text.
fn lines(name: &str, n: usize) -> String {
    (0..n).map(|i| line(&format!("{name}/{i}"), "")).collect()
}

fn jsonl(folder: &Path, name: &str, text: &str) -> Source {
    let path = folder.join(format!("{name}.jsonl"));
    fs::write(&path, text).unwrap();
    TaskSource::Jsonl { path }.into()
}

fn all(set: &TaskSet) -> Vec<Task> {
    let mut all = Vec::new();
    set.for_each(|_, task| {
        all.push(task.clone());
        Ok::<(), DataError>(())
    })
    .unwrap();
    all
}

fn cached(folder: &Path) -> Vec<PathBuf> {
    match fs::read_dir(folder.join("cache")) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    }
}

fn ids(set: &TaskSet) -> Vec<String> {
    set.iter().map(|entry| entry.id.to_string()).collect()
}

#[test]
fn the_same_tasks_come_from_memory_and_from_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut config =
        tasks(at, vec![jsonl(at, "a", &lines("a", 300)), jsonl(at, "b", &lines("b", 200))]);
    config.constraints = vec![TaskConstraint {
        text: "One step.".into(),
        share: 0.5,
        tags: Vec::new(),
        without_tags: Vec::new(),
        max_usd: None,
        max_steps: Some(1),
    }];
    let bytes: usize = {
        let whole = load_with(&config, usize::MAX).unwrap();
        let own = |task: Task| serde_json::to_string(&Task { constraint: None, ..task }).unwrap();
        all(&whole).into_iter().map(|task| own(task).len()).sum()
    };
    let in_memory = load_with(&config, bytes).unwrap();
    assert_eq!(cached(at).len(), 0, "what fits is not written anywhere");
    // One byte less, and the second source finds no room; none, and neither does.
    for (memory, tables) in [(bytes - 1, 1), (0, 2)] {
        let set = load_with(&config, memory).unwrap();
        assert_eq!(cached(at).len(), tables);
        assert!(set.iter().eq(in_memory.iter()));
        assert_eq!(all(&set), all(&in_memory));
        // In any order, and more than once.
        for entry in set.sample(Split::Train, 40, 3) {
            let task = set.get(entry).unwrap();
            assert_eq!(*task, *in_memory.get(in_memory.find(&entry.id).unwrap()).unwrap());
            assert_eq!(task.constraint.as_ref(), entry.constraint.as_deref());
        }
    }
    assert!(all(&in_memory).iter().any(|task| task.constraint.is_some()));
}

#[test]
fn a_table_is_made_once_and_again_when_the_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let config = tasks(at, vec![jsonl(at, "a", &lines("a", 50))]);
    let first = load_with(&config, 0).unwrap();
    let tasks_then = all(&first);
    let table = cached(at);
    let made = fs::metadata(&table[0]).unwrap().modified().unwrap();
    let again = load_with(&config, 0).unwrap();
    assert!(first.iter().eq(again.iter()));
    assert_eq!(cached(at), table);
    assert_eq!(fs::metadata(&table[0]).unwrap().modified().unwrap(), made);

    fs::write(&table[0], "no table").unwrap();
    let mended = load_with(&config, 0).unwrap();
    assert_eq!(all(&mended), tasks_then);

    jsonl(at, "a", &lines("a", 51));
    assert_eq!(load_with(&config, 0).unwrap().len(), 51);
    assert_eq!(cached(at).len(), 1);
    // The set that is open goes on with what it opened.
    assert_eq!(all(&mended).len(), 50);
}

#[test]
fn a_source_that_cannot_be_kept_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut nowhere = tasks(at, vec![jsonl(at, "a", &lines("a", 50))]);
    nowhere.cache = at.join("a.jsonl/x");
    let error = load_with(&nowhere, 100).unwrap_err().to_string();
    assert!(error.contains("tasks.cache") && error.contains("no file stands"), "{error}");

    // A bad line far behind leaves nothing.
    let config = tasks(at, vec![jsonl(at, "bad", &(lines("a", 50) + "{\n"))]);
    let error = load_with(&config, 100).unwrap_err().to_string();
    assert!(error.contains("bad.jsonl:51: "), "{error}");
    assert_eq!(cached(at), [""; 0].map(PathBuf::from));
    let config = tasks(at, vec![jsonl(at, "twice", &(lines("a", 50) + "\n" + &line("a/7", "")))]);
    let error = load_with(&config, 100).unwrap_err().to_string();
    assert!(error.contains("twice.jsonl:8 ") && error.contains("twice.jsonl:52:"), "{error}");
}

#[test]
fn compressed_files_and_own_tables_are_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let plain = load_with(&tasks(at, vec![jsonl(at, "a", &lines("a", 80))]), usize::MAX);
    let plain = plain.unwrap();
    let path = at.join("a.jsonl.gz");
    let mut encoder = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::default());
    encoder.write_all(lines("a", 80).as_bytes()).unwrap();
    encoder.finish().unwrap();
    let set = load_with(&tasks(at, vec![TaskSource::Jsonl { path }.into()]), 0).unwrap();
    assert_eq!(all(&set), all(&plain));

    let path = at.join("own.parquet");
    let mut writer = TaskWriter::create(&path).unwrap();
    for task in all(&plain) {
        writer.write(&task).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), 80);
    let before = cached(at).len();
    let set = load_with(&tasks(at, vec![TaskSource::Parquet { path: path.clone() }.into()]), 0);
    assert_eq!(all(&set.unwrap()), all(&plain));
    assert_eq!(cached(at).len(), before, "a table of our own is read where it stands");
    let twice = [TaskSource::Parquet { path: path.clone() }, TaskSource::Parquet { path }];
    let error = load_with(&tasks(at, twice.map(Into::into).into()), 0).unwrap_err();
    assert!(error.to_string().contains("own.parquet, row 1 "), "{error}");
}

#[test]
fn a_table_of_our_form_is_checked_as_every_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let plain = load_with(&tasks(at, vec![jsonl(at, "a", &lines("a", 9))]), usize::MAX).unwrap();
    let path = at.join("own.parquet");
    let mut writer = TaskWriter::create(&path).unwrap();
    for (i, task) in all(&plain).into_iter().enumerate() {
        let gold = if i == 5 { "Z" } else { "A" };
        let grading = Grading::Choice { gold: gold.into(), options: 4 };
        writer.write(&Task { grading, ..task }).unwrap();
    }
    writer.finish().unwrap();
    let error = load_with(&tasks(at, vec![TaskSource::Parquet { path }.into()]), 0).unwrap_err();
    assert!(error.to_string().contains("own.parquet, row 6: expected `gold`"), "{error}");
}

#[test]
fn a_damaged_copy_says_that_it_can_be_removed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let config = tasks(at, vec![jsonl(at, "a", &lines("a", 3000))]);
    load_with(&config, 0).unwrap();
    let path = cached(at).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half / 2..half].fill(0x55);
    fs::write(&path, bytes).unwrap();
    let read = load_with(&config, 0).and_then(|set| set.for_each(|_, _| Ok::<(), DataError>(())));
    let error = read.unwrap_err().to_string();
    assert!(error.contains("remove it, and the next command makes it anew"), "{error}");
    fs::remove_file(&path).unwrap();
    assert_eq!(load_with(&config, 0).unwrap().len(), 3000);
}

#[test]
fn a_question_leaves_the_tests_to_the_grader() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let code = r#"{"id": "c", "prompt": "Write f.", "grading": {"kind": "code", "public_test_cases": [{"input": "1", "output": "2", "testtype": "stdin"}], "private_test_cases": "eJw="}}"#;
    let config = tasks(at, vec![jsonl(at, "a", &(code.to_owned() + "\n" + &line("d", "")))]);
    let has_tests = |task: &Task| match &task.grading {
        Grading::Code { private_test_cases, .. } => *private_test_cases != TestCases::default(),
        _ => false,
    };
    for (memory, whole) in [(usize::MAX, true), (0, false)] {
        let set = load_with(&config, memory).unwrap();
        let question = set.question(set.find("c").unwrap()).unwrap();
        assert_eq!((&*question.prompt, has_tests(&question)), ("Write f.", whole));
        let found = set.whole(&question).unwrap();
        assert_eq!(found.is_none(), whole);
        assert!(has_tests(&found.unwrap_or(question)));
        let other = set.question(set.find("d").unwrap()).unwrap();
        assert_eq!(set.whole(&other).unwrap(), None::<Arc<Task>>);
        assert_eq!(*other, *set.get(set.find("d").unwrap()).unwrap());
    }
}

#[test]
fn caps_nest_and_do_not_hang_on_memory_or_order() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (a, b) = (jsonl(at, "a", &lines("a", 400)), jsonl(at, "b", &lines("b", 30)));
    let load = |cap: u32, memory: usize, turned: bool| {
        let (a, b) =
            (Source { cap: Some(cap), ..a.clone() }, Source { cap: Some(240), ..b.clone() });
        let sources = if turned { vec![b, a] } else { vec![a, b] };
        load_with(&tasks(at, sources), memory).unwrap()
    };
    let large = load(240, usize::MAX, false);
    assert_eq!(large.len(), 240 + 30);
    for memory in [0, usize::MAX] {
        let small = load(50, memory, true);
        assert_eq!(small.len(), 80);
        for entry in small.iter() {
            assert_eq!(large.find(&entry.id).map(|e| e.split), Some(entry.split));
            assert_eq!(small.get(entry).unwrap().id, *entry.id);
        }
    }
    let numbers = |set: &TaskSet| -> Vec<String> { all(set).into_iter().map(|t| t.id).collect() };
    let in_order = numbers(&large);
    let mut sorted = in_order.clone();
    sorted.sort_by_key(|id| {
        let (name, number) = id.split_once('/').unwrap();
        (name.to_owned(), number.parse::<usize>().unwrap())
    });
    assert_eq!(in_order, sorted, "the order of the file is kept");
}

#[test]
fn days_split_what_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let dated: String = [("a", "2024-07-31"), ("b", "2024-08-01T00:00:00"), ("c", "2024-10-01")]
        .map(|(id, day)| line(id, &format!(", \"date\": \"{day}\"")))
        .concat();
    let mut config =
        tasks(at, vec![jsonl(at, "dated", &dated), jsonl(at, "plain", &lines("p", 50))]);
    config.split = SplitShares {
        kind: SplitKind::Date,
        valid_from: Some("2024-08-01".into()),
        test_from: Some("2024-10-01".into()),
        ..SplitShares::default()
    };
    for memory in [0, usize::MAX] {
        let set = load_with(&config, memory).unwrap();
        let split = |id: &str| set.find(id).unwrap().split;
        assert_eq!([split("a"), split("b"), split("c")], [Split::Train, Split::Valid, Split::Test]);
        let hashed = load_with(&tasks(at, config.sources[1..].to_vec()), memory).unwrap();
        assert!(hashed.iter().all(|entry| entry.split == split(&entry.id)));
    }
    config.sources.remove(0);
    let error = load_with(&config, 0).unwrap_err().to_string();
    assert!(error.contains("none of the 50 tasks has a date"), "{error}");
}

#[test]
fn pythons_shuffle_splits_by_place() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut config =
        tasks(at, vec![jsonl(at, "a", &lines("a", 12)), jsonl(at, "b", &lines("b", 8))]);
    config.split.kind = SplitKind::PythonShuffle;
    let set = load_with(&config, usize::MAX).unwrap();
    // Python: ids = [f"a/{i}" for i in range(12)] + [f"b/{i}" for i in range(8)]; random.Random(42).shuffle(ids); sorted(ids[16:])
    let mut test: Vec<&str> = set.split(Split::Test).map(|entry| &*entry.id).collect();
    test.sort_unstable();
    assert_eq!(test, PYTHON_TEST);
    assert_eq!([Split::Train, Split::Valid].map(|split| set.count(split)), [12, 4]);
}

const PYTHON_TEST: [&str; 4] = ["a/0", "a/3", "a/7", "a/8"];

#[test]
fn weights_decide_how_often_a_source_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let source = |name: &str, n, weight| Source { weight, ..jsonl(at, name, &lines(name, n)) };
    let draw = |weights: [Option<f64>; 2]| {
        let sources = vec![source("a", 300, weights[0]), source("b", 100, weights[1])];
        let set = load_with(&tasks(at, sources), usize::MAX).unwrap();
        let order = set.train_order(8).unwrap();
        let mut counts = BTreeMap::<usize, usize>::new();
        let mut drawn = Vec::new();
        for step in 0..100 {
            for number in order.step(5, step).unwrap() {
                let entry = set.at(Split::Train, number);
                *counts.entry(entry.source()).or_default() += 1;
                drawn.push(entry.id.to_string());
            }
        }
        (counts[&0], counts[&1], drawn)
    };
    let (a, b, _) = draw([Some(1.0), Some(3.0)]);
    assert_eq!((a, b), (200, 600));
    let (a, b, plain) = draw([None, None]);
    assert!((a + b, a.abs_diff(600) < 40) == (800, true), "{a} and {b}");
    // Without weights, the order of runs that know of none.
    let config = tasks(at, vec![source("a", 300, None), source("b", 100, None)]);
    let set = load_with(&config, usize::MAX).unwrap();
    let n = set.count(Split::Train);
    let old = (0..100).flat_map(|step| conductor_datasets::tasks_of_step(5, n, 8, step).unwrap());
    assert!(old.map(|number| set.at(Split::Train, number).id.to_string()).eq(plain));
}

#[test]
fn a_mix_of_a_size_follows_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let weigh =
        |name: &str, n, weight| Source { weight: Some(weight), ..jsonl(at, name, &lines(name, n)) };
    let config = tasks(at, vec![weigh("a", 100, 2.0), weigh("b", 20, 1.0), weigh("c", 50, 1.0)]);
    let set = load_with(&config, usize::MAX).unwrap();
    let of = |size| -> Vec<String> {
        let mix = set.mix(size, 42, |_| true).unwrap();
        mix.iter().map(|entry| entry.id.to_string()).collect()
    };
    let mix = of(80);
    let count = |name: &str| mix.iter().filter(|id| id.starts_with(name)).count();
    assert_eq!(["a", "b", "c"].map(count), [40, 20, 20]);
    assert!(of(40).iter().all(|id| mix.contains(id)));
    let error = set.mix(84, 42, |_| true).unwrap_err().to_string();
    assert!(
        error.contains("21 from") && error.contains("b.jsonl by the weights, which has 20"),
        "{error}"
    );
    for size in [171, usize::MAX] {
        let error = set.mix(size, 42, |_| true).unwrap_err().to_string();
        assert!(error.contains("cannot be made of 170"), "{error}");
    }
    // The weights hold, even where a source has nothing in the split.
    let error = set.mix(40, 42, |entry| !entry.id.starts_with('b')).unwrap_err().to_string();
    assert!(error.contains("10 from") && error.contains("which has 0"), "{error}");
    let train = set.mix(20, 42, |entry| entry.split == Split::Train).unwrap();
    assert!(train.iter().all(|entry| entry.split == Split::Train));
    assert_eq!(ids(&set).len(), 170);
}
