//! Where tasks come from, one file a source. A source reads a file from front to back and hands over
//! one task at a time, in the prompt form that belongs to it.

mod check;
pub mod humaneval;
mod jsonl;
pub(crate) mod lines;
mod parquet;
pub mod reasoning_gym;

use std::path::Path;

use conductor_configs::schema::TaskSource;
use conductor_types::Task;

use crate::error::{DataError, Place, Position};

/// Receives each task with the place that it stands at; an error ends the reading.
pub type Visit<'a> = dyn FnMut(Place, Task) -> Result<(), DataError> + 'a;

/// Reads a source. Every task that is handed over has an id, a prompt and a domain that are not empty, and a
/// grading rule whose fields make sense; ids are not compared with one another here.
///
/// Memory is bounded by the longest line (64 MiB at most), not by the file.
///
/// Errors: the file cannot be read, holds no task, or a line is not what the source holds.
pub fn read(source: &TaskSource, visit: &mut Visit) -> Result<(), DataError> {
    let path = source.path();
    let mut tasks = 0u64;
    let mut emit = |at: Position, task: Task| {
        tasks += 1;
        let place = Place::new(path, at);
        check::task(&place, &task)?;
        visit(place, task)
    };
    match source {
        TaskSource::Humaneval { path } => humaneval::read(path, &mut emit)?,
        TaskSource::ReasoningGym { path, datasets } => {
            reasoning_gym::read(path, datasets.as_deref(), &mut emit)?;
        }
        TaskSource::Jsonl { path } => jsonl::read(path, &mut emit)?,
        TaskSource::Parquet { path } => parquet::read(path, &mut emit)?,
    }
    if tasks == 0 {
        return Err(DataError::NoTasks {
            what: path.display().to_string(),
            help: "expected at least one; was its export cut short?".into(),
        });
    }
    Ok(())
}

/// What a source hands its tasks to.
type Emit<'a> = dyn FnMut(Position, Task) -> Result<(), DataError> + 'a;

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
