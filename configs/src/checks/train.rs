//! `[train]`.

use super::{Facts, Finding};

/// GRPO compares the samples of a group with one another.
pub(super) fn groups_can_differ(facts: &Facts<'_>) -> Vec<Finding> {
    let train = &facts.config.train;
    if train.steps == 0 || train.group_size != 1 {
        return Vec::new();
    }
    let message =
        "GRPO compares the samples of one question, and a group of one has an advantage of 0";
    let help = "set `train.group_size` to at least 2 (8 is a small group), or `train.steps` to 0";
    vec![Finding::new(["train.group_size", "train.steps"], message, help)]
}

#[cfg(test)]
mod tests {
    use crate::checks::tests::conflicts;

    #[test]
    fn a_group_of_one() {
        assert_eq!(conflicts(&["train.group_size=1"]), ["train.group_size"]);
        assert!(conflicts(&["train.group_size=1", "train.steps=0"]).is_empty());
        assert!(conflicts(&["train.group_size=2"]).is_empty());
    }
}
