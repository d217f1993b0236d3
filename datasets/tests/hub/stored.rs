//! What is fetched, and how it is stored.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Int64Array, ListArray, NullArray, RecordBatch, StringArray, types::Int64Type,
};
use conductor_datasets::hub::{Fetched, MANIFEST, Manifest, plan};
use conductor_testkit::hub::{DataSet, FakeHub, Fault};
use parquet::arrow::ArrowWriter;
use serde_json::json;

use super::lab::{Lab, Log, MATH, TOKEN, math, math_lab, rows};

#[test]
fn lines_of_json_become_a_table_with_a_manifest() {
    let mut set = DataSet::new(MATH).large("test.jsonl", math(500)).small("README.md", "# MATH");
    set.license = Some("mit".into());
    let (commit, sum) = (set.commit.clone(), set.files[0].sum());
    let lab = Lab::new(vec![set]);
    let (manifest, log) = lab.stored("math500");
    assert!(log.has("Fetched") && !log.has("Unusual"), "{log:?}");
    assert_eq!(
        (manifest.name.as_str(), manifest.release.as_str(), manifest.source.as_str()),
        ("math500", "test", "math500")
    );
    assert_eq!(
        (manifest.revision.as_str(), manifest.requested_revision.as_str()),
        (&*commit, "main")
    );
    assert_eq!(manifest.license.as_deref(), Some("mit"));
    assert!(!manifest.gated && manifest.fetched_at.ends_with('Z'), "{manifest:?}");
    let source = &manifest.sources[..];
    assert_eq!(source.len(), 1);
    assert_eq!((source[0].sum.as_str(), source[0].hex.as_str()), ("sha256", &*sum));
    let file = &manifest.files[0];
    assert_eq!((file.path.as_str(), file.rows), ("test.parquet", 500));
    assert_eq!(file.columns, ["problem", "solution", "answer", "subject", "level", "unique_id"]);
    assert_eq!(Manifest::read(&lab.out()).unwrap(), Some(manifest));

    // Every row is what stood in the line.
    let text = String::from_utf8(math(500)).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows(&lab.out().join("test.parquet")), lines);
    // A large file comes from another host, by way of the hub.
    let seen: Vec<(&str, String)> =
        lab.hub.seen().into_iter().map(|seen| (seen.host, seen.target)).collect();
    assert_eq!(seen[0].1, format!("/api/datasets/{MATH}/revision/main?blobs=true"));
    assert_eq!(seen[1], ("hub", format!("/datasets/{MATH}/resolve/{commit}/test.jsonl")));
    assert_eq!(seen[2].0, "cdn");
    assert_eq!(seen.len(), 3);
}

#[test]
fn a_second_fetch_asks_nothing_and_a_forced_one_takes_what_is_cached() {
    let lab = math_lab();
    let (first, _) = lab.stored("math500");
    lab.hub.seen();
    let (second, log) = lab.fetch("math500").unwrap();
    assert_eq!(second, Fetched::Present(lab.out(), first.clone()));
    assert!(lab.hub.seen().is_empty() && log.lines.is_empty(), "{log:?}");
    let mut request = lab.request("math500");
    request.force = true;
    let (third, log) = lab.run(&request).unwrap();
    assert!(matches!(&third, Fetched::Stored(_, manifest) if manifest.files == first.files));
    assert!(log.has("Cached"), "{log:?}");
    assert_eq!(lab.hub.seen().len(), 1, "only the list is asked for again");
}

#[test]
fn a_plan_says_what_would_come_and_leaves_nothing() {
    let lab = math_lab();
    let request = lab.request("math500");
    let planned = plan(&lab.settings, &request, &mut Log::default()).unwrap();
    let bytes = math(500).len() as u64;
    assert_eq!((planned.bytes(), planned.to_fetch(), planned.files.len()), (bytes, bytes, 1));
    assert!(!lab.out().exists() && !lab.settings.cache.exists());
    lab.stored("math500");
    let planned = plan(&lab.settings, &request, &mut Log::default()).unwrap();
    assert_eq!((planned.bytes(), planned.to_fetch()), (bytes, 0));
}

/// Rows with the columns of GPQA, with what makes CSV hard.
fn gpqa() -> String {
    let head = "Record ID,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3";
    let mut text = format!("\u{feff}{head}\r\n");
    for n in 0..198 {
        let row = format!(
            "r{n},\"Which, of these,\nis \"\"number\"\" {n}?\",[{n}],{},,\"$x_{{{n}}}$\"\r\n",
            n + 1
        );
        text += &row;
    }
    text
}

#[test]
fn the_token_goes_along_within_the_hub_and_nowhere_else() {
    let set = || DataSet::new("Idavidrein/gpqa").small("gpqa_diamond.csv", gpqa());
    let lab = Lab::with(vec![set().gated(TOKEN)], &[("HF_TOKEN", TOKEN)]);
    // Small files the real hub hands out at another path of its own.
    let path = format!("/datasets/Idavidrein/gpqa/resolve/{}/gpqa_diamond.csv", set().commit);
    let moved = |to: String| Fault::Status(307, vec![format!("Location: {to}")], String::new());
    lab.hub.then("gpqa_diamond.csv", [moved(format!("{path}?within"))]);
    lab.stored("gpqa");
    let seen = lab.hub.seen();
    assert!(seen[2].target.ends_with("?within"), "{seen:?}");
    assert!(seen.iter().all(|seen| seen.token.as_deref() == Some(TOKEN)), "{seen:?}");

    // Another port of the same host is another host.
    let other = FakeHub::start(vec![set()]);
    let lab = Lab::with(vec![set().gated(TOKEN)], &[("HF_TOKEN", TOKEN)]);
    lab.hub.then("gpqa_diamond.csv", [moved(format!("{}{path}", other.endpoint()))]);
    lab.stored("gpqa");
    let seen = other.seen();
    assert!(seen.len() == 1 && seen[0].token.is_none(), "{seen:?}");
}

#[test]
fn a_gated_sheet_comes_with_the_token_which_stays_with_the_hub() {
    let set = DataSet::new("Idavidrein/gpqa")
        .large("gpqa_diamond.csv", gpqa())
        .small("gpqa_main.csv", gpqa())
        .gated(TOKEN);
    let lab = Lab::with(vec![set], &[("HF_TOKEN", TOKEN)]);
    let (manifest, _) = lab.stored("gpqa");
    assert!(manifest.gated && manifest.license_note.contains("plain text"), "{manifest:?}");
    let stored = rows(&lab.out().join("diamond.parquet"));
    assert_eq!(stored.len(), 198);
    assert_eq!(
        stored[7],
        json!({
            "Record ID": "r7", "Question": "Which, of these,\nis \"number\" 7?", "Correct Answer": "[7]",
            "Incorrect Answer 1": "8", "Incorrect Answer 2": "", "Incorrect Answer 3": "$x_{7}$",
        })
    );
    for seen in lab.hub.seen() {
        assert_eq!(seen.token.as_deref(), (seen.host == "hub").then_some(TOKEN), "{seen:?}");
    }
    let text = std::fs::read_to_string(lab.out().join(MANIFEST)).unwrap();
    assert!(!text.contains(TOKEN) && !text.contains("127.0.0"), "{text}");

    // A small file is checked by git's name of it.
    let mut request = lab.request("gpqa");
    (request.release, request.out) = (Some("main".into()), Some(lab.root.path().join("main")));
    let (fetched, log) = lab.run(&request).unwrap();
    let Fetched::Stored(_, manifest) = fetched else { panic!("{fetched:?}") };
    assert_eq!(manifest.sources[0].sum, "git");
    assert!(log.has("Unusual") && log.has("usual: 448"), "{log:?}");
}

/// A Parquet file with the columns of Countdown.
fn countdown(targets: std::ops::Range<i64>) -> Vec<u8> {
    let nums = targets.clone().map(|n| Some(vec![Some(n), Some(n + 1), None]));
    let batch = RecordBatch::try_from_iter([
        ("target", Arc::new(Int64Array::from_iter_values(targets)) as _),
        ("nums", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(nums)) as _),
    ])
    .unwrap();
    parquet(&batch)
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn shards_are_joined_in_the_order_of_their_names() {
    let set = DataSet::new("Jiayi-Pan/Countdown-Tasks-3to4")
        .large("data/train-00001-of-00002.parquet", countdown(3000..5000))
        .large("data/train-00000-of-00002.parquet", countdown(0..3000))
        .large("other/train-00000-of-00002.parquet", "not this one");
    let lab = Lab::new(vec![set]);
    let (manifest, _) = lab.stored("countdown");
    assert_eq!(manifest.sources.len(), 2);
    let stored = rows(&lab.out().join("train.parquet"));
    assert_eq!(stored.len(), 5000);
    for (n, row) in stored.iter().enumerate() {
        assert_eq!((&row["target"], &row["nums"][1]), (&json!(n), &json!(n + 1)));
    }
}

#[test]
fn pieces_may_differ_in_order_in_nulls_and_in_columns_without_values() {
    let text = |values: &[Option<&str>]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let piece = |columns: Vec<(&str, ArrayRef, bool)>| {
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        parquet(&batch)
    };
    let set = DataSet::new("openai/gsm8k")
        .small(
            "main/train-00000-of-00003.parquet",
            piece(vec![
                ("question", text(&[Some("q0")]), false),
                ("answer", text(&[Some("a0")]), false),
                ("hint", Arc::new(NullArray::new(1)), true),
            ]),
        )
        .small(
            "main/train-00001-of-00003.parquet",
            piece(vec![
                ("hint", text(&[Some("h1")]), false),
                ("answer", text(&[Some("a1")]), true),
                ("question", text(&[Some("q1")]), false),
            ]),
        )
        .small(
            "main/train-00002-of-00003.parquet",
            piece(vec![
                ("question", text(&[Some("q2")]), false),
                ("answer", text(&[None]), true),
                ("hint", Arc::new(NullArray::new(1)), true),
            ]),
        )
        .small(
            "main/test-0.parquet",
            piece(vec![
                ("question", text(&[Some("q")]), false),
                ("answer", text(&[Some("a")]), false),
            ]),
        );
    let lab = Lab::new(vec![set]);
    lab.stored("gsm8k");
    let expected = [
        json!({"question": "q0", "answer": "a0"}),
        json!({"question": "q1", "answer": "a1", "hint": "h1"}),
        json!({"question": "q2"}),
    ];
    assert_eq!(rows(&lab.out().join("train.parquet")), expected);
}

#[test]
fn a_set_that_has_changed_is_named_column_by_column_and_shard_by_shard() {
    let columns = |names: [&str; 2]| {
        let text = || Arc::new(StringArray::from(vec!["a"])) as _;
        parquet(&RecordBatch::try_from_iter(names.map(|name| (name, text()))).unwrap())
    };
    let repository = "Jiayi-Pan/Countdown-Tasks-3to4";
    for (set, words) in [
        (
            DataSet::new(repository).small("data/train-0.parquet", columns(["target", "numbers"])),
            &["lacks the column nums", "it has target, numbers", "--revision"][..],
        ),
        (
            DataSet::new(repository)
                .small("data/train-0.parquet", countdown(0..9))
                .small("data/train-1.parquet", columns(["target", "nums"])),
            &[
                "data/train-1.parquet",
                "expected the columns of data/train-0.parquet",
                "Int64",
                "Utf8",
            ],
        ),
        (
            DataSet::new(repository).small("data/train-0.parquet", "PAR1 and no more"),
            &["data/train-0.parquet", "Parquet"],
        ),
        (
            DataSet::new(repository).small("data/test-0.parquet", countdown(0..9)),
            &["no data/train-*.parquet", "it has data/test-0.parquet"],
        ),
        (DataSet::new(repository), &["it has no file"]),
    ] {
        let error = Lab::new(vec![set]).fails("countdown");
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
}

#[test]
fn releases_of_livecodebench_are_files_of_their_own() {
    let line = |id: &str| {
        let columns = [
            "question_title",
            "question_content",
            "platform",
            "contest_id",
            "contest_date",
            "starter_code",
            "difficulty",
            "public_test_cases",
            "private_test_cases",
            "metadata",
        ];
        let mut row = json!({ "question_id": id });
        for name in columns {
            row[name] = name.into();
        }
        format!("{row}\n")
    };
    let names = ["test", "test2", "test3", "test4", "test5", "test6"];
    let set = names.iter().fold(DataSet::new("livecodebench/code_generation_lite"), |set, name| {
        set.large(&format!("{name}.jsonl"), line(name))
    });
    let lab = Lab::new(vec![set]);
    let mut request = lab.request("livecodebench");
    request.release = Some("release_v2".into());
    let (fetched, _) = lab.run(&request).unwrap();
    let Fetched::Stored(_, manifest) = fetched else { panic!("{fetched:?}") };
    let files: Vec<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["test.parquet", "test2.parquet"]);
    assert_eq!(rows(&lab.out().join("test2.parquet"))[0]["question_id"], "test2");
}

#[test]
fn a_list_without_sums_is_completed_file_by_file() {
    for large in [true, false] {
        let mut set = DataSet::new(MATH);
        set = if large {
            set.large("test.jsonl", math(500))
        } else {
            set.small("test.jsonl", math(500))
        };
        set.plain_list = true;
        let sum = set.files[0].sum();
        let lab = Lab::new(vec![set]);
        let (manifest, _) = lab.stored("math500");
        assert_eq!(manifest.sources[0].hex, sum);
        assert_eq!(manifest.sources[0].bytes, math(500).len() as u64);
    }
}
