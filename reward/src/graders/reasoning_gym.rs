//! Scores of reasoning-gym's generators: by the scorers that are built in, or by the package itself.

use conductor_types::{Graded, Unscorable};
use serde_json::Value;

use super::{no_answer, right, shown, unscorable, wrong_answer};
use crate::extract::{self, LastLine, Tag, excerpt};
use crate::gym::{self, Fault, Package};
use crate::reasoning_gym;

/// The package's sums of shares come this close to 1.
const WHOLE: f64 = 1.0 - 1e-9;

/// Longest answer, in bytes, that the package is handed: its scorers were written for short ones.
const LONGEST: usize = 64 << 10;

/// Right where the generator's own scorer gives 1. What it gives less for is wrong, and its number stands in the detail.
pub(crate) async fn grade(
    package: Option<&Package>,
    (dataset, gold, entry): (&str, &str, Option<&Value>),
    answer: &str,
) -> Graded {
    let ported = reasoning_gym::scorer(dataset);
    if ported.is_some() && gold.is_empty() {
        return unscorable(Unscorable::BadTestData, "the gold answer is empty");
    }
    let found = match extract::text(answer, Tag::Last, LastLine::Short) {
        Ok(found) => found,
        Err(failure) => return no_answer(&failure),
    };
    if ported.is_none() && found.len() > LONGEST {
        return wrong_answer(excerpt(found), format!("the answer has more than {LONGEST} bytes"));
    }
    if let Some(what) = gym::refused(dataset, found) {
        let detail = format!(
            "answered {}: it holds {what}, which the scorer of {dataset} would run",
            shown(found)
        );
        return wrong_answer(found, detail);
    }
    let score = match (ported, package, entry) {
        (Some(scorer), ..) => reasoning_gym::score(scorer, gold, Some(found)),
        (None, _, None) => {
            let detail = format!(
                "the generator {} is scored by the package, which needs the whole entry; export its tasks again",
                shown(dataset)
            );
            return unscorable(Unscorable::BadTestData, detail);
        }
        (None, None, Some(_)) => {
            let detail = format!(
                "the generator {} is scored by the package, and this grader was made without it",
                shown(dataset)
            );
            return unscorable(Unscorable::SandboxError, detail);
        }
        (None, Some(package), Some(entry)) => match package.score(dataset, entry, found).await {
            Ok(score) => score,
            Err(fault) => {
                return without_score(package, (dataset, gold, entry), found, &fault).await;
            }
        },
    };
    if score >= WHOLE {
        return right(found);
    }
    wrong_answer(found, format!("answered {}; {dataset} scores this {score}", shown(found)))
}

/// A scorer that raises an error on an answer and not on the gold one blames the answer.
async fn without_score(
    package: &Package,
    (dataset, gold, entry): (&str, &str, &Value),
    found: &str,
    fault: &Fault,
) -> Graded {
    let detail = format!("answered {}: {fault}", shown(found));
    match fault {
        // Some generators have no gold answer, and many right ones.
        Fault::Raised(_)
            if gold.is_empty() || package.score(dataset, entry, gold).await.is_ok() =>
        {
            wrong_answer(found, detail)
        }
        Fault::Raised(_) | Fault::OutOfRange(_) => unscorable(Unscorable::BadTestData, detail),
        Fault::Late(_) => unscorable(Unscorable::GraderTimeout, detail),
        Fault::Died(_) => unscorable(Unscorable::SandboxError, detail),
    }
}
