//! Where tasks come from, one file a source. A source reads a file from front to back and hands over
//! one task at a time, in the prompt form that belongs to it.

mod aime;
mod amc;
mod arc;
mod archive;
mod bigcodebench;
mod cells;
mod check;
mod code_contests;
mod codeforces;
mod contest;
mod countdown;
mod draft;
mod elements;
mod gpqa;
mod gsm8k;
pub mod humaneval;
mod jsonl;
mod leetcode;
pub(crate) mod lines;
mod livecodebench;
mod livecodebench_release;
mod math500;
mod mbpp;
mod mmlu;
mod mmlu_pro;
mod openbookqa;
mod parquet;
mod parts;
mod prompts;
mod python_values;
pub mod reasoning_gym;
mod records;
mod registry;
mod rlpr;
mod science;
mod sheet;
mod stdin_sets;
mod test_cases;
mod theoremqa;

use std::path::Path;

use conductor_configs::schema::TaskSource;
use conductor_types::Task;

use crate::error::{DataError, Place, help_for};

use draft::At;
pub use registry::{Entry, REGISTRY, notice};

/// Receives each task with the place that it stands at; an error ends the reading.
pub type Visit<'a> = dyn FnMut(Place, Task) -> Result<(), DataError> + 'a;

/// Reads a source. Every task that is handed over has an id, a prompt and a domain that are not empty, and a
/// grading rule whose fields make sense; ids are not compared with one another here.
///
/// Memory is bounded by the longest row (64 MiB at most, 1 GiB for LiveCodeBench), not by the file.
///
/// Errors: the file cannot be read, holds no task, or a line is not what the source holds.
pub fn read(source: &TaskSource, visit: &mut Visit) -> Result<(), DataError> {
    let path = source.path();
    there(source)?;
    let mut tasks = 0u64;
    let mut emit = |place: Place, task: Task| {
        tasks += 1;
        check::task(&place, &task)?;
        visit(place, task)
    };
    dispatch(source, &mut emit)?;
    if tasks == 0 { Err(empty(path)) } else { Ok(()) }
}

/// Errors: there is nothing at the source's path.
fn there(source: &TaskSource) -> Result<(), DataError> {
    let path = source.path();
    let Err(error) = std::fs::metadata(path) else { return Ok(()) };
    let mut help = help_for(&error);
    if let (std::io::ErrorKind::NotFound, Some(name)) = (error.kind(), source.fetched_as()) {
        help = format!("{help}; `conductor data fetch {name}` brings the benchmark's own");
    }
    Err(DataError::Read { operation: "open", path: path.to_path_buf(), source: error, help })
}

/// The error of a source without tasks.
pub(crate) fn empty(path: &Path) -> DataError {
    DataError::NoTasks {
        what: path.display().to_string(),
        help: "expected at least one; was its export cut short, or do the options of this source leave none?".into(),
    }
}

/// One arm a source.
fn dispatch(source: &TaskSource, emit: &mut Emit) -> Result<(), DataError> {
    let path = source.path();
    match source {
        TaskSource::Humaneval { .. } => humaneval::read(path, emit),
        TaskSource::ReasoningGym { datasets, .. } => {
            reasoning_gym::read(path, datasets.as_deref(), emit)
        }
        TaskSource::Jsonl { .. } => jsonl::read(path, emit),
        TaskSource::Parquet { .. } => parquet::read(path, emit),
        TaskSource::Livecodebench {
            release,
            release_ids,
            from,
            until,
            difficulties,
            platforms,
            errata,
            domain,
            ..
        } => {
            let options = livecodebench::Options {
                release: *release,
                release_ids: release_ids.as_deref(),
                from: from.as_deref(),
                until: until.as_deref(),
                difficulties: difficulties.as_deref(),
                platforms: platforms.as_deref(),
                errata: *errata,
                domain: *domain,
            };
            livecodebench::read(path, &options, emit)
        }
        TaskSource::Gpqa { subset, password_env, password_file, seed, domain, .. } => {
            let options = gpqa::Options {
                subset: *subset,
                password_env,
                password_file: password_file.as_deref(),
                seed: *seed,
                domain: *domain,
            };
            gpqa::read(path, &options, emit)
        }
        TaskSource::Math500 { levels, domain, .. } => {
            math500::read(path, levels.as_deref(), *domain, emit)
        }
        TaskSource::Aime { name, .. } => aime::read(path, name, emit),
        TaskSource::Amc { name, .. } => amc::read(path, name, emit),
        TaskSource::Gsm8k { part, .. } => gsm8k::read(path, *part, emit),
        TaskSource::Mmlu { part, subjects, domain, .. } => {
            let subjects = subjects.as_deref();
            mmlu::read(path, &mmlu::Options { part: *part, subjects, domain: *domain }, emit)
        }
        TaskSource::MmluPro { categories, domain, .. } => {
            mmlu_pro::read(path, categories.as_deref(), *domain, emit)
        }
        TaskSource::Rlpr { max_gold_chars, .. } => rlpr::read(path, *max_gold_chars, emit),
        TaskSource::Theoremqa { pictures, domain, .. } => {
            let options = theoremqa::Options {
                pictures: *pictures,
                picture_folder: source.pictures().unwrap_or(Path::new("")),
                domain: *domain,
            };
            theoremqa::read(path, &options, emit)
        }
        TaskSource::Mbpp { part, .. } => mbpp::read(path, *part, emit),
        TaskSource::Bigcodebench { form, libraries, .. } => {
            bigcodebench::read(path, *form, libraries.as_deref(), emit)
        }
        TaskSource::Countdown { name, .. } => countdown::read(path, name, emit),
        TaskSource::Arc { .. } => arc::read(path, emit),
        TaskSource::Openbookqa { .. } => openbookqa::read(path, emit),
        TaskSource::Leetcode { difficulties, domain, .. } => {
            leetcode::read(path, difficulties.as_deref(), *domain, emit)
        }
        TaskSource::CodeContests { .. } => code_contests::read(path, emit),
        TaskSource::Codeforces { .. } => codeforces::read(path, emit),
    }
}

/// What a source hands its tasks to.
type Emit<'a> = dyn FnMut(Place, Task) -> Result<(), DataError> + 'a;

/// The domain of own tasks that name none: the file's name without its endings.
fn domain_of(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_string(),
        _ => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_the_name_without_its_endings() {
        for (path, domain) in [
            ("a/tasks.jsonl", "tasks"),
            ("a/tasks.jsonl.gz", "tasks"),
            ("tasks", "tasks"),
            (".hidden", ".hidden"),
            ("größe.v2.parquet", "größe.v2"),
        ] {
            assert_eq!(domain_of(Path::new(path)), domain);
        }
    }
}
