//! What has to be there before the first answer comes.

use std::collections::BTreeSet;

use conductor_configs::schema::ReasoningGym;
use conductor_types::{Grading, Task};

use super::Package;
use crate::grade::GraderError;

/// The generator of a task that only the package scores.
pub(crate) fn generator_of(task: &Task) -> Result<Option<&str>, GraderError> {
    match &task.grading {
        Grading::ReasoningGym { dataset, entry, .. }
            if !crate::reasoning_gym::supported(dataset) =>
        {
            if entry.is_some() {
                return Ok(Some(dataset));
            }
            let reason = format!(
                "the reasoning-gym generator \"{dataset}\" is scored from its whole entry, which is missing; export the tasks \
                 again with scripts/export_reasoning_gym.py"
            );
            Err(GraderError::Task { id: task.id.clone(), reason })
        }
        _ => Ok(None),
    }
}

/// The package for these generators, where there are any; its first worker is started, so that what is missing is known now.
pub(crate) async fn for_generators(
    settings: &ReasoningGym,
    generators: &BTreeSet<&str>,
) -> Result<Option<Package>, GraderError> {
    check_limits(settings)?;
    let Some(first) = generators.first() else { return Ok(None) };
    let refused = |generator: &str, reason: String| GraderError::ReasoningGym {
        interpreter: settings.interpreter.clone(),
        generator: generator.to_owned(),
        reason,
    };
    let package = Package::start(settings).await.map_err(|reason| refused(first, reason))?;
    match generators.iter().find(|generator| !package.knows(generator)) {
        None => Ok(Some(package)),
        Some(unknown) => {
            Err(refused(unknown, "the installed package has no such generator".into()))
        }
    }
}

fn check_limits(settings: &ReasoningGym) -> Result<(), GraderError> {
    let out_of = |key, given: String, expected| Err(GraderError::Limit { key, given, expected });
    // Written so that what is not a number fails too.
    if !(settings.time_secs > 0.0 && settings.time_secs <= 3600.0) {
        let given = settings.time_secs.to_string();
        return out_of("reasoning_gym.time_secs", given, "more than 0 and at most 3600 seconds");
    }
    if settings.memory_mib < 256 {
        let given = settings.memory_mib.to_string();
        return out_of("reasoning_gym.memory_mib", given, "at least 256, which the package needs");
    }
    if settings.parallel == Some(0) {
        let expected = "at least 1, or the key left out";
        return out_of("reasoning_gym.parallel", "0".into(), expected);
    }
    Ok(())
}
