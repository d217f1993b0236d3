//! The layers of the house (docs/architecture.md), held against what Cargo.toml says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A crate, what it may use of the workspace, and which heavy crates it may use.
const LAYERS: [(&str, &[&str], &[&str]); 10] = [
    ("types", &[], &["schemars"]),
    ("configs", &["types"], &["toml", "schemars", "annotate-snippets"]),
    ("datasets", &["types", "configs"], &["arrow-*", "parquet", "hf-hub", "ureq"]),
    ("sandbox", &["types", "configs"], &["tokio"]),
    ("reward", &["types", "configs", "sandbox"], &["tokio"]),
    ("rollout", &["types", "configs"], &["tokio", "reqwest", "rusqlite", "arrow-*", "parquet"]),
    ("checkpoints", &["types", "configs"], &["safetensors"]),
    (
        "policy",
        &["types", "configs"],
        &["tch", "tokenizers", "minijinja", "minijinja-contrib", "safetensors", "candle-core"],
    ),
    (
        "trainer",
        &["types", "configs", "datasets", "reward", "rollout", "checkpoints", "policy"],
        &["tch", "tokio"],
    ),
    (
        "",
        &[
            "types",
            "configs",
            "datasets",
            "sandbox",
            "reward",
            "rollout",
            "checkpoints",
            "policy",
            "trainer",
            "testkit",
        ],
        &["clap", "indicatif", "tracing-subscriber", "tokio"],
    ),
];

/// Crates that cost build time, a runtime or a foreign library. What is not listed is light.
const HEAVY: [&str; 21] = [
    "annotate-snippets",
    "arrow-*",
    "candle-core",
    "clap",
    "hf-hub",
    "indicatif",
    "minijinja",
    "minijinja-contrib",
    "parquet",
    "polars",
    "reqwest",
    "hyper",
    "rusqlite",
    "safetensors",
    "schemars",
    "tch",
    "tokenizers",
    "tokio",
    "toml",
    "tracing-subscriber",
    "ureq",
];

/// The direct dependencies of each workspace package, development ones left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo speaks JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies");
            let names = dependencies
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| short(dependency["name"].as_str().expect("a name")));
            (short(package["name"].as_str().expect("a name")), names.collect())
        })
        .collect()
}

/// "types" for `conductor-types`, "" for the binary's package, anything else as it is.
fn short(name: &str) -> String {
    if name == "conductor" {
        return String::new();
    }
    name.strip_prefix("conductor-").unwrap_or(name).to_owned()
}

fn is_one_of(name: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *pattern,
    })
}

#[test]
fn every_crate_uses_only_what_lies_below_it() {
    let dependencies = dependencies();
    let workspace: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = LAYERS.iter().map(|layer| layer.0).chain(["testkit"]).collect();
    assert_eq!(workspace, known, "every crate of the workspace has its line in LAYERS");
    for (name, below, heavy) in LAYERS {
        for used in &dependencies[name] {
            if workspace.contains(used.as_str()) {
                assert!(
                    below.contains(&used.as_str()),
                    "{name:?} uses {used:?}, which is not below it (docs/architecture.md)"
                );
            } else if is_one_of(used, &HEAVY) {
                assert!(
                    is_one_of(used, heavy),
                    "{name:?} uses the heavy crate {used:?}, which is not its business (docs/architecture.md)"
                );
            }
        }
    }
}

#[test]
fn only_policy_and_trainer_link_libtorch() {
    let dependencies = dependencies();
    for (name, used) in &dependencies {
        let may = ["policy", "trainer"].contains(&name.as_str());
        assert!(may || !used.contains("tch"), "{name:?} links libtorch");
        let above = name.is_empty() || name == "trainer";
        assert!(above || !used.contains("policy"), "{name:?} links libtorch through policy");
    }
}

#[test]
fn libraries_print_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let libraries = LAYERS.iter().map(|layer| layer.0).filter(|name| !name.is_empty());
    for library in libraries {
        for file in sources(&root.join(library).join("src")) {
            let text = std::fs::read_to_string(&file).expect("a source file");
            // Tests stand at the end of a file and may say why they skip.
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in ["println!", "print!(", "dbg!(", "process::exit"] {
                for (number, line) in (1..).zip(text.lines()) {
                    let is_comment = line.trim_start().starts_with("//");
                    assert!(
                        is_comment || !line.contains(word),
                        "{}:{number}: libraries emit events and return errors; {word} is the binary's",
                        file.display()
                    );
                }
            }
        }
    }
}

fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
