//! The documents against what they describe.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The first fenced block between the comments `<!-- name -->` and `<!-- /name -->`, without its indentation.
fn block(text: &str, name: &str) -> String {
    let start = text.find(&format!("<!-- {name} -->")).expect("an opening comment");
    let end = text.find(&format!("<!-- /{name} -->")).expect("a closing comment");
    let lines: Vec<&str> = text[start..end].lines().collect();
    let fence = lines.iter().position(|line| line.trim().starts_with("```")).expect("a fence");
    let indent = lines[fence].len() - lines[fence].trim_start().len();
    let inside = lines[fence + 1..].iter().take_while(|line| !line.trim().starts_with("```"));
    let inside: Vec<&str> = inside.map(|line| line.get(indent..).unwrap_or_default()).collect();
    inside.join("\n")
}

#[test]
fn the_configuration_of_the_readme_is_one() {
    let text = block(&read("README.md"), "example-config");
    let resolved = conductor_configs::load_str("README.md", &text);
    assert!(resolved.is_ok(), "{}", resolved.expect_err("errors"));
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let manifest = read("Cargo.toml");
    let document = read("docs/dependencies.md");
    let first_cells: Vec<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .flat_map(|cell| cell.split([',', ' ', '`']))
        .collect();
    let section = manifest.split("[workspace.dependencies]").nth(1).expect("the section");
    let section = section.split("\n[").next().expect("its lines");
    let names = section.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    let missing: Vec<&str> = names
        .filter(|name| !name.starts_with("conductor-") && !name.starts_with('#'))
        .filter(|name| !first_cells.iter().any(|cell| cell == name))
        .collect();
    assert!(missing.is_empty(), "docs/dependencies.md has no line for {missing:?}");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut files = vec!["README.md".to_owned(), "recordings/README.md".to_owned()];
    for entry in std::fs::read_dir(root().join("docs")).expect("docs/") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|e| e == "md") {
            files.push(format!("docs/{name}"));
        }
    }
    let mut dead = Vec::new();
    for file in &files {
        let folder = root().join(file).parent().expect("a folder").to_owned();
        for target in read(file).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") && !folder.join(path).exists() {
                dead.push(format!("{file}: {target}"));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn every_verb_has_its_place_in_the_reference() {
    let reference = read("docs/cli.md");
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_conductor"))
        .arg("--help")
        .output()
        .expect("the program runs");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let verbs = help.split("Commands:").nth(1).expect("a list of verbs");
    let verbs = verbs.lines().skip(1).take_while(|line| !line.trim().is_empty());
    let missing: Vec<&str> = verbs
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help" && !reference.contains(&format!("| `{verb}")))
        .collect();
    assert!(missing.is_empty(), "docs/cli.md does not name {missing:?}");
}
