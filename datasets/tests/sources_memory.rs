//! Memory while a benchmark is read: bounded by its longest row, whatever the file's size. A binary of its own, since the peak is the
//! whole process's.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

use conductor_configs::schema::TaskSource;
use conductor_datasets::sources;

const ROWS: usize = 48;
const TESTS_BYTES: usize = 3 << 20;
/// Well below the file's 144 MiB and above a few copies of a row.
const MOST_MIB: u64 = 80;

fn problem(i: usize) -> Value {
    // Text that no compression folds up.
    let mut state = i as u64 + 1;
    let noise = std::iter::repeat_with(move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + (state >> 59) as u8 % 26)
    });
    json!({
        "question_title": "t", "question_content": "q", "platform": "atcoder", "question_id": format!("p{i}"), "contest_id": "c",
        "contest_date": "2024-01-01", "starter_code": "", "difficulty": "easy", "public_test_cases": "[]",
        "private_test_cases": format!("eJxr{}", noise.take(TESTS_BYTES).collect::<String>()), "metadata": "{}",
    })
}

fn write_lines(path: &Path) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    for i in 0..ROWS {
        writeln!(file, "{}", problem(i)).unwrap();
    }
    file.flush().unwrap();
}

fn write_array(path: &Path) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    for i in 0..ROWS {
        write!(file, "{}{}", if i == 0 { "[" } else { ",\n" }, problem(i)).unwrap();
    }
    writeln!(file, "]").unwrap();
    file.flush().unwrap();
}

fn write_table(path: &Path) {
    let mut writer = None;
    for i in 0..ROWS {
        let row = problem(i);
        let columns = row.as_object().unwrap().iter().map(|(name, value)| {
            let column: ArrayRef = Arc::new(StringArray::from(vec![value.as_str().unwrap()]));
            (name.clone(), column)
        });
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let writer = writer.get_or_insert_with(|| {
            let file = File::create(path).unwrap();
            // One group of all rows, as tools write it that know nothing of their size.
            let properties = WriterProperties::builder()
                .set_dictionary_enabled(false)
                .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
                .build();
            ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap()
        });
        writer.write(&batch).unwrap();
    }
    writer.unwrap().close().unwrap();
}

/// The process's largest resident memory since it was last set back, in MiB.
fn peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

/// Says to a process of this test that it only writes the table, at this path.
const WRITE: &str = "CONDUCTOR_TEST_WRITE_TABLE";

/// Another process writes the table: what its writer held would be counted as ours.
fn have_table_written(path: &Path) {
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_file_of_large_rows_is_never_held"])
        .env(WRITE, path)
        .status()
        .unwrap();
    assert!(status.success());
}

type Writer = fn(&Path);

#[test]
fn a_file_of_large_rows_is_never_held() {
    if let Some(path) = std::env::var_os(WRITE) {
        return write_table(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let write: [(&str, Writer); 3] =
        [("p.jsonl", write_lines), ("p.json", write_array), ("p.parquet", have_table_written)];
    for (name, write) in write {
        let path = folder.path().join(name);
        write(&path);
        if fs::write("/proc/self/clear_refs", "5").is_err() || peak_mib().is_none() {
            println!("skipped: this system does not tell a process's peak of memory");
            return;
        }
        let mut tests = 0;
        let source: TaskSource =
            serde_json::from_value(json!({"kind": "livecodebench", "path": path})).unwrap();
        sources::read(&source, &mut |_, task| {
            tests += serde_json::to_string(&task.grading).unwrap().len();
            Ok(())
        })
        .unwrap();
        assert!(tests > ROWS * TESTS_BYTES);
        let peak = peak_mib().unwrap();
        println!("{name}: {peak} MiB");
        assert!(peak < MOST_MIB, "{name}: {peak} MiB");
        fs::remove_file(&path).unwrap();
    }
}
