//! What is made from the schema and committed equals what the code makes now.

use std::path::{Path, PathBuf};

fn check(path: &str, made: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "{} is not what the code makes; `UPDATE_SCHEMA=1 cargo test -p conductor-configs` writes it anew",
        path.display()
    );
}

#[test]
fn the_json_schema_is_the_codes() {
    check("schema.json", &conductor_configs::schema_json());
}

#[test]
fn the_reference_is_the_codes() {
    check("../docs/configuration.md", &conductor_configs::reference());
}

#[test]
fn the_json_schema_takes_the_presets_sections_and_no_others() {
    let schema: serde_json::Value =
        serde_json::from_str(&conductor_configs::schema_json()).unwrap();
    let sections = schema["properties"].as_object().unwrap();
    for preset in conductor_configs::PRESETS {
        let table: toml::Table = preset.text.parse().unwrap();
        for key in table.keys() {
            assert!(sections.contains_key(key), "{}: {key}", preset.name);
        }
    }
    assert_eq!(schema["additionalProperties"], false);
}
