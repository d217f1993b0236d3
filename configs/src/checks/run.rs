//! `[run]`.

use super::{Facts, Finding};

/// The name becomes a folder, on any system.
pub(super) fn name_is_a_folder_name(facts: &Facts<'_>) -> Vec<Finding> {
    let name = &facts.config.run.name;
    let bad = name.chars().find(|c| c.is_control() || "/\\:*?\"<>|".contains(*c));
    let edge = name.starts_with(['.', '-', ' ']) || name.ends_with(['.', ' ']);
    let message = match bad {
        Some(c) => format!("a run's name is a folder's name and cannot hold {c:?}"),
        None if edge => {
            "a run's name cannot begin with a dot, dash or space, nor end with a dot or space"
                .to_owned()
        }
        None => return Vec::new(),
    };
    let help =
        "use letters, digits, dashes and underscores; where the folder lies is said by `run.dir`";
    vec![Finding::new(["run.name"], message, help)]
}

#[cfg(test)]
mod tests {
    use crate::checks::tests::conflicts;

    #[test]
    fn names_that_are_no_folder_names() {
        for bad in ["a/b", "..", "a\\\\b", "-rf", "a:b", " a", "a\\n"] {
            assert_eq!(conflicts(&[&format!("run.name=\"{bad}\"")]), ["run.name"], "{bad}");
        }
        for good in ["a", "run-1", "лес", "a b", "v1.2"] {
            assert!(conflicts(&[&format!("run.name=\"{good}\"")]).is_empty(), "{good}");
        }
    }
}
