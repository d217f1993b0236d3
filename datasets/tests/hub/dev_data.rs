//! Real benchmark files, where `CONDUCTOR_DEV_DATA` names the folder that holds them: what is stored is what stood there.

use std::io::Read as _;
use std::path::PathBuf;

use conductor_testkit::hub::DataSet;
use serde_json::Value;

use super::lab::{Lab, MATH, rows};

fn dev_data(path: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("CONDUCTOR_DEV_DATA") else {
        println!("skipped: CONDUCTOR_DEV_DATA is not set, so there is no {path}");
        return None;
    };
    Some(PathBuf::from(folder).join(path))
}

fn values(content: &[u8]) -> Vec<Value> {
    let mut text = String::new();
    if content.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(content).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(content.to_vec()).unwrap();
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn real_lines_come_through_whole() {
    for (name, repository, file, path, count) in [
        ("math500", MATH, "test.jsonl", "math/math500.jsonl", 500),
        (
            "livecodebench",
            "livecodebench/code_generation_lite",
            "test.jsonl",
            "lcb/problems.jsonl",
            1055,
        ),
        (
            "leetcode",
            "newfacade/LeetCodeDataset",
            "LeetCodeDataset-test.jsonl",
            "leetcode_dataset/LeetCodeDataset-v0.3.1-test.jsonl.gz",
            228,
        ),
    ] {
        let Some(path) = dev_data(path) else { return };
        let content = std::fs::read(path).unwrap();
        let mut set = DataSet::new(repository).large(file, content.clone());
        if name == "leetcode" {
            set = set.large("LeetCodeDataset-train.jsonl", content.clone());
        }
        let lab = Lab::new(vec![set]);
        let mut request = lab.request(name);
        request.release = (name == "livecodebench").then(|| "release_v1".into());
        lab.run(&request).map_err(|(error, _)| error).unwrap();
        let stored = rows(&lab.out().join("test.parquet"));
        assert_eq!(stored.len(), count);
        for (number, (stored, given)) in stored.iter().zip(values(&content)).enumerate() {
            assert!(*stored == given, "{name}, row {number}");
        }
    }
}
