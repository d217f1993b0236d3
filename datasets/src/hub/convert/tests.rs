//! Rows through the converters, with limits so small that they matter.

use std::fs::File;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

const SMALL: Limits =
    Limits { batch_rows: 7, batch_bytes: 600, group_bytes: 2000, row_bytes: 4000 };

struct Case {
    folder: tempfile::TempDir,
    target: PathBuf,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.parquet");
        Self { folder, target }
    }

    /// Converts texts that the hub calls a.jsonl, b.jsonl, … or a.csv, …
    fn convert(&self, ending: &str, texts: &[&str]) -> Result<Written, HubError> {
        let names: Vec<String> = (b'a'..)
            .take(texts.len())
            .map(|letter| format!("{}.{ending}", letter as char))
            .collect();
        let sources: Vec<Source<'_>> = names
            .iter()
            .zip(texts)
            .map(|(name, text)| {
                let path = self.folder.path().join(name);
                std::fs::write(&path, text).unwrap();
                Source { name, path }
            })
            .collect();
        store(&sources, &[], &self.target, &SMALL, &mut ())
    }

    fn error(ending: &str, texts: &[&str]) -> String {
        let error = Self::new().convert(ending, texts).map(|_| ()).unwrap_err().to_string();
        assert!(!error.contains("/tmp"), "errors name the hub's file: {error}");
        error
    }

    /// The stored rows as JSON, and the number of row groups.
    fn stored(&self) -> (Vec<serde_json::Value>, usize) {
        let file = File::open(&self.target).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let groups = builder.metadata().num_row_groups();
        let mut writer = arrow_json::LineDelimitedWriter::new(Vec::new());
        for batch in builder.build().unwrap() {
            writer.write(&batch.unwrap()).unwrap();
        }
        writer.finish().unwrap();
        let text = String::from_utf8(writer.into_inner()).unwrap();
        (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), groups)
    }
}

#[test]
fn types_are_found_over_all_lines_and_files() {
    let case = Case::new();
    let written = case
        .convert(
            "jsonl",
            &[
                "{\"z\": 1, \"a\": \"x\\u00fc\", \"n\": null, \"l\": []}\n\n",
                "{\"new\": {\"b\": true, \"a\": 1.5}, \"z\": 2.5, \"a\": 7, \"l\": [\"p\", null]}",
            ],
        )
        .unwrap();
    assert_eq!(
        (written.rows, written.columns),
        (2, ["z", "a", "n", "l", "new"].map(String::from).to_vec())
    );
    let (rows, _) = case.stored();
    let expected: Vec<serde_json::Value> = [
        "{\"z\": 1.0, \"a\": \"xü\", \"l\": []}",
        "{\"z\": 2.5, \"a\": \"7\", \"l\": [\"p\", null], \"new\": {\"a\": 1.5, \"b\": true}}",
    ]
    .map(|text| serde_json::from_str(text).unwrap())
    .to_vec();
    assert_eq!(rows, expected);
}

#[test]
fn groups_of_rows_stay_small_and_lose_nothing() {
    let lines: Vec<String> =
        (0..400).map(|n| format!("{{\"n\": {n}, \"text\": \"{}\"}}", noise(n, 200))).collect();
    let case = Case::new();
    assert_eq!(case.convert("jsonl", &[&lines.join("\n")]).unwrap().rows, 400);
    let (rows, groups) = case.stored();
    assert!(groups > 10, "{groups}");
    assert!(rows.iter().enumerate().all(|(n, row)| row["n"] == n && row["text"] == noise(n, 200)));

    let cells: Vec<String> = (0..400).map(|n| format!("{n},{}", noise(n, 200))).collect();
    assert_eq!(case.convert("csv", &[&format!("n,text\n{}", cells.join("\n"))]).unwrap().rows, 400);
    let (rows, groups) = case.stored();
    assert!(groups > 10, "{groups}");
    assert!(rows.iter().enumerate().all(|(n, row)| row["n"].as_str() == Some(&n.to_string())));
}

/// Text that does not pack.
fn noise(seed: usize, length: usize) -> String {
    let mut rng = conductor_types::seed::SplitMix::new(seed as u64);
    (0..length).map(|_| char::from(b'a' + (rng.next_u64() % 26) as u8)).collect()
}

#[test]
fn bad_lines_are_named_by_file_and_number() {
    for (texts, words) in [
        (&["{\"a\": 1}\n{\"a\": "][..], &["a.jsonl:2", "EOF"][..]),
        (&["{\"a\": 1}", "{\"a\": 1}\n[1]"], &["b.jsonl:2", "expected a JSON object", "[1]"]),
        (&["{\"a\": 1} {\"a\": 2}"], &["a.jsonl:1", "trailing"]),
        (&["{\"a\": 1}\n{\"a\": {\"b\": 1}}"], &["a.jsonl", "one type each"]),
        (&["PAR1"], &["a.jsonl:1", "Parquet"]),
    ] {
        let error = Case::error("jsonl", texts);
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    let many: Vec<String> = (0..3000).map(|n| format!("{{\"key{n}\": {n}}}")).collect();
    let error = Case::error("jsonl", &[&many.join("\n")]);
    assert!(error.contains("a.jsonl") && error.contains("more than 2000 columns"), "{error}");
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(5000));
    let error = Case::error("jsonl", &[&format!("{{\"a\": \"b\"}}\n{long}")]);
    assert!(error.contains("a.jsonl:2: expected a line of at most 4000 bytes"), "{error}");
}

#[test]
fn sheets_that_are_none_are_named_by_file_and_line() {
    for (texts, words) in [
        (&["a,b\n1,2\n3\n"][..], &["a.csv:3", "2 cells"][..]),
        (&["a,a\n1,2\n"], &["a.csv:1", "\"a\" twice"]),
        (&["a,\n1,2\n"], &["a.csv:1", "an empty name"]),
        (&[""], &["a.csv:1", "a row of names"]),
        (&["a,b\n1,2\n", "b,a\n1,2\n"], &["b.csv:1", "the columns a, b", "b, a"]),
    ] {
        let error = Case::error("csv", texts);
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    // A quote that is never closed does not take in the file.
    let error = Case::error("csv", &[&format!("a,b\n1,\"{}", "x,\n".repeat(100_000))]);
    assert!(error.contains("is a quote missing?"), "{error}");
}

#[test]
fn a_missing_column_is_told_before_anything_is_written() {
    let case = Case::new();
    let path = case.folder.path().join("x");
    std::fs::write(&path, "{\"a\": 1, \"b\": 2}\n").unwrap();
    let sources = [Source { name: "x.jsonl", path }];
    let error = store(&sources, &["a", "c", "d"], &case.target, &SMALL, &mut ()).map(|_| ());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("x.jsonl lacks the columns c, d; it has a, b"), "{error}");
    assert!(!case.target.exists());
}
