//! Scores of reasoning-gym's generators.

use conductor_types::{Graded, Unscorable};

use super::{no_answer, right, shown, unscorable, wrong_answer};
use crate::extract::{self, LastLine, Tag};
use crate::reasoning_gym;

/// Right where the generator's own scorer gives 1. What it gives less for is wrong, and its number stands in the detail.
pub(crate) fn grade(dataset: &str, gold: &str, answer: &str) -> Graded {
    /// The package's sums of shares come this close to 1.
    const WHOLE: f64 = 1.0 - 1e-9;
    let Some(scorer) = reasoning_gym::scorer(dataset) else {
        let detail = format!(
            "the reasoning-gym generator {} has no scorer here; those that have are {}",
            shown(dataset),
            reasoning_gym::supported_datasets().join(", ")
        );
        return unscorable(Unscorable::BadTestData, detail);
    };
    if gold.is_empty() {
        return unscorable(Unscorable::BadTestData, "the gold answer is empty");
    }
    let found = match extract::text(answer, Tag::Last, LastLine::Short) {
        Ok(found) => found,
        Err(failure) => return no_answer(&failure),
    };
    let score = reasoning_gym::score(scorer, gold, Some(found));
    if score >= WHOLE {
        return right(found);
    }
    wrong_answer(found, format!("answered {}; {dataset} scores this {score}", shown(found)))
}
