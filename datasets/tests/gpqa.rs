//! GPQA, on questions that are invented here: its own stand in no plain text.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use conductor_types::{Grading, Task};
use serde_json::json;
use zip::unstable::write::FileOptionsExt;
use zip::write::{FileOptions, SimpleFileOptions};
use zip::{AesMode, ZipWriter};

#[path = "common/read.rs"]
mod read;
use read::all;

const HEADERS: &str = "Pre-Revision Question,Record ID,Incorrect Answer 2,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 3,High-level domain\n";

fn sheet(rows: usize) -> String {
    let row = |i: usize| {
        format!(
            "old,rec{i},wrong b{i},\"Which, of \"\"{i}\"\",\nis it?\",\"[c]right, {i}\",wrong a{i},wrong c{i},Invented Science\n"
        )
    };
    HEADERS.to_string() + &(0..rows).map(row).collect::<String>()
}

fn csv(folder: &Path, contents: &str) -> PathBuf {
    let path = folder.join("gpqa.csv");
    fs::write(&path, contents).unwrap();
    path
}

/// The options of a prompt, in order.
fn shown(task: &Task) -> Vec<&str> {
    let lines = task.prompt.lines().filter(|line| line.starts_with('('));
    lines.map(|line| &line[4..]).collect()
}

#[test]
fn columns_are_found_by_name_and_options_are_permuted_by_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    let path = csv(folder.path(), &sheet(40));
    let tasks = all("gpqa", &path, json!({"domain": "subject"})).unwrap();
    assert_eq!(tasks.len(), 40);
    assert_eq!(
        (tasks[7].id.as_str(), tasks[7].domain.as_str()),
        ("gpqa/rec7", "gpqa/Invented Science")
    );
    assert!(tasks[7].prompt.starts_with("Which, of \"7\",\nis it?\n\n(A) "), "{}", tasks[7].prompt);
    let mut letters = [0; 4];
    for (i, task) in tasks.iter().enumerate() {
        let Grading::Choice { gold, options: 4 } = &task.grading else { panic!("{task:?}") };
        let at = usize::from(gold.as_bytes()[0] - b'A');
        letters[at] += 1;
        // Brackets in an option are part of it.
        assert_eq!(shown(task)[at], format!("[c]right, {i}"));
        let mut sorted = shown(task);
        sorted.sort_unstable();
        let expected = [
            format!("[c]right, {i}"),
            format!("wrong a{i}"),
            format!("wrong b{i}"),
            format!("wrong c{i}"),
        ];
        assert_eq!(sorted, expected);
    }
    assert!(letters.iter().all(|n| *n > 2), "{letters:?}");
    assert_eq!(all("gpqa", &path, json!({"domain": "subject"})).unwrap(), tasks);
    let other = all("gpqa", &path, json!({"seed": 1})).unwrap();
    let moved = tasks.iter().zip(&other).filter(|(a, b)| shown(a) != shown(b)).count();
    assert!(moved > 25, "{moved}");
    // More rows change none.
    let longer = csv(folder.path(), &sheet(50));
    assert_eq!(all("gpqa", &longer, json!({"domain": "subject"})).unwrap()[..40], tasks);
}

#[test]
fn a_sheet_without_a_column_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = csv(
        folder.path(),
        "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2\nq,a,b,c\n",
    );
    let error = all("gpqa", &path, json!({})).unwrap_err();
    assert!(error.contains("\"Incorrect Answer 3\" should be named in the first row"), "{error}");
    let path = csv(
        folder.path(),
        "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\nq,a,,c,d\n",
    );
    let error = all("gpqa", &path, json!({})).unwrap_err();
    assert!(
        error.contains("gpqa.csv:2: expected a Incorrect Answer 1 that is not empty"),
        "{error}"
    );
}

fn archive(folder: &Path, options: FileOptions<'_, ()>) -> PathBuf {
    let path = folder.join("dataset.zip");
    let mut zip = ZipWriter::new(fs::File::create(&path).unwrap());
    for (name, rows) in [("diamond", 2), ("main", 5), ("extended", 9)] {
        zip.start_file(format!("dataset/gpqa_{name}.csv"), options).unwrap();
        zip.write_all(sheet(rows).as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    path
}

#[test]
fn the_archive_opens_by_its_password_whatever_the_cipher() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "an-invented-password";
    let password = folder.path().join("password");
    fs::write(&password, format!("{secret}\n")).unwrap();
    let plain = SimpleFileOptions::default();
    let ciphers = [
        plain.with_deprecated_encryption(secret.as_bytes()).unwrap(),
        plain.with_aes_encryption(AesMode::Aes256, secret),
    ];
    for cipher in ciphers {
        let path = archive(folder.path(), cipher);
        let keys = |subset: &str| json!({"subset": subset, "password_file": password});
        let count = |subset: &str| all("gpqa", &path, keys(subset)).unwrap().len();
        assert_eq!([count("diamond"), count("main"), count("extended")], [2, 5, 9]);
        let tasks = all("gpqa", &path, json!({"password_file": password})).unwrap();
        assert_eq!(tasks, all("gpqa", &csv(folder.path(), &sheet(2)), json!({})).unwrap());

        let error =
            all("gpqa", &path, json!({"password_env": "CONDUCTOR_TEST_NO_SUCH"})).unwrap_err();
        assert!(
            error.contains("CONDUCTOR_TEST_NO_SUCH") && error.contains("found none"),
            "{error}"
        );
        let wrong = folder.path().join("wrong");
        for text in ["guess-1", "guess-2", "guess-3"] {
            fs::write(&wrong, text).unwrap();
            let error = all("gpqa", &path, json!({"password_file": wrong})).unwrap_err();
            assert!(error.contains("expected the archive's password"), "{error}");
            assert!(!error.contains(text) && !error.contains(secret), "{error}");
        }
    }
}

#[test]
fn the_password_comes_from_the_environment() {
    // Cargo sets this variable for the tests that it runs.
    let Ok(secret) = std::env::var("CARGO_PKG_NAME") else {
        println!("skipped: CARGO_PKG_NAME is not set, so that no variable holds a password");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = archive(
        folder.path(),
        SimpleFileOptions::default().with_aes_encryption(AesMode::Aes256, &secret),
    );
    let tasks = all("gpqa", &path, json!({"password_env": "CARGO_PKG_NAME"})).unwrap();
    assert_eq!(tasks.len(), 2);
    let other = folder.path().join("other.zip");
    let mut zip = ZipWriter::new(fs::File::create(&other).unwrap());
    zip.start_file("readme.txt", SimpleFileOptions::default()).unwrap();
    zip.finish().unwrap();
    let error = all("gpqa", &other, json!({})).unwrap_err();
    assert!(error.contains("the file gpqa_diamond.csv in the archive, found 1 others"), "{error}");
}
