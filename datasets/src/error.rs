//! What can go wrong between a file and a task, and between an episode and a file.

use std::path::{Path, PathBuf};

use conductor_types::Split;

/// Where in a file something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line, row or item, from 1.
    pub at: Position,
}

/// How a file is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// A line of a text file, from 1.
    Line(u64),
    /// A row of a Parquet file, from 1.
    Row(u64),
    /// A value of a JSON array, from 1.
    Item(u64),
    /// The file as a whole.
    Whole,
}

impl Place {
    pub(crate) fn new(path: &Path, at: Position) -> Self {
        Self { path: path.to_path_buf(), at }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.at {
            Position::Line(line) => write!(f, "{}:{line}", self.path.display()),
            Position::Row(row) => write!(f, "{}, row {row}", self.path.display()),
            Position::Item(item) => write!(f, "{}, item {item}", self.path.display()),
            Position::Whole => write!(f, "{}", self.path.display()),
        }
    }
}

/// Why tasks could not be read, or a log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The operating system refused to hand over a file.
    #[error("cannot {operation} {path}: {source}{}", advice(help))]
    Read {
        /// What was tried ("open", "read").
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
        /// What to do next; may be empty.
        help: String,
    },
    /// A line or a row is not what its source holds.
    #[error("{place}: expected {expected}, found {given}")]
    Record {
        /// Where.
        place: Place,
        /// What stands there in a good file.
        expected: String,
        /// What stands there.
        given: String,
    },
    /// Two tasks share an id, in one source or over two.
    #[error(
        "the task id \"{id}\" stands at {first} and again at {second}: ids must be unique over all \
         of [tasks].sources, since splits, seeds and recordings hang on them; rename one of them or \
         name the file once"
    )]
    Duplicate {
        /// The id.
        id: String,
        /// Where it was read first.
        first: Place,
        /// Where it stands again.
        second: Place,
    },
    /// A source, or the whole list of sources, holds no task.
    #[error("{what} holds no task: {help}")]
    NoTasks {
        /// The file or the section.
        what: String,
        /// What to do next.
        help: String,
    },
    /// A generator was asked for that the file does not hold.
    #[error(
        "{path} holds no task of the generator{} {}; it holds {}: correct `datasets` in \
         [tasks].sources, or export again with --datasets",
        if missing.len() == 1 { "" } else { "s" },
        missing.join(", "),
        found.join(", ")
    )]
    Generators {
        /// The file.
        path: PathBuf,
        /// Asked for and absent.
        missing: Vec<String>,
        /// What the file holds, sorted.
        found: Vec<String>,
    },
    /// A Parquet file cannot be read.
    #[error("cannot read {path} as Parquet: {source}{}", advice(help))]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: parquet::errors::ParquetError,
        /// What to do next; may be empty.
        help: String,
    },
    /// The table that a source was converted into cannot be read.
    #[error(
        "{source}; {path} is what Conductor made of a task source: remove it, and the next command makes it anew"
    )]
    Copy {
        /// The table.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<DataError>,
    },
    /// A column is missing or of another type.
    #[error("{path}: the column \"{column}\" should be {expected}, but is {given}")]
    Column {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: String,
        /// The type that is due.
        expected: String,
        /// The type found, or that it is missing.
        given: String,
    },
    /// A log of another kind, without a version, or of a version that this program does not know.
    #[error("{path} cannot be read as {format} of version {known}: {found}")]
    Version {
        /// The file.
        path: PathBuf,
        /// "an episode log" or "a metrics log".
        format: &'static str,
        /// The newest version that this program reads.
        known: u32,
        /// What the file says of itself, with the next step.
        found: String,
    },
    /// The shares of the splits are no shares.
    #[error(
        "[tasks.split] has train = {train}, valid = {valid}, test = {test}: expected three numbers \
         of at least 0 whose sum is 1, found {reason}"
    )]
    Shares {
        /// As configured.
        train: f64,
        /// As configured.
        valid: f64,
        /// As configured.
        test: f64,
        /// What is wrong with them.
        reason: String,
    },
    /// A split by date, and no task has one.
    #[error(
        "[tasks.split] has kind = \"date\", and none of the {tasks} tasks has a date: take sources that have (docs/formats.md, \
         Tasks), or kind = \"hash\""
    )]
    NoDates {
        /// Tasks there are.
        tasks: usize,
    },
    /// A step may draw more tasks from a source than there are, so that one would come twice.
    #[error(
        "{name} has {has} training tasks, and by its weight a step may draw {most} from it: expected at least that many; lower its \
         `weight` in [tasks].sources or train.tasks_per_step"
    )]
    Weight {
        /// The source.
        name: String,
        /// Its training tasks.
        has: usize,
        /// Most draws of a step.
        most: u64,
    },
    /// A mix of a given size asks for more than all sources have.
    #[error(
        "a mix of {size} tasks cannot be made of {there}: ask for a smaller one, or add sources"
    )]
    MixTotal {
        /// Tasks of the mix.
        size: usize,
        /// Tasks of all sources, in the split that is asked for.
        there: usize,
    },
    /// A mix of a given size asks a source for more than it has.
    #[error(
        "a mix of {size} tasks takes {wanted} from {name} by the weights, which has {has}: ask for a smaller mix, or lower its `weight`"
    )]
    MixSize {
        /// Tasks of the mix.
        size: usize,
        /// The source.
        name: String,
        /// Its part.
        wanted: usize,
        /// Its tasks.
        has: usize,
    },
    /// More than can be counted.
    #[error(
        "{path}: expected at most 65,535 sources of 4,294,967,295 tasks each, found more; split the source"
    )]
    TooMany {
        /// The source.
        path: PathBuf,
    },
    /// A split that is needed holds no task.
    #[error(
        "the {split} split is empty (train {train}, valid {valid}, test {test} tasks): add tasks, \
         give `{split}` a larger share in [tasks.split], or change `seed` there"
    )]
    EmptySplit {
        /// Which one.
        split: Split,
        /// Training tasks.
        train: usize,
        /// Validation tasks.
        valid: usize,
        /// Test tasks.
        test: usize,
    },
    /// There is nothing to put in order.
    #[error("cannot choose the tasks of a step: expected at least one {what}, found none")]
    Order {
        /// "task", or "task a step" with the key that says how many.
        what: &'static str,
    },
    /// An episode file cannot have this name.
    #[error(
        "\"{part}\" cannot name a part of the episode log: expected lower-case letters, digits, \
         '_' and '-'"
    )]
    PartName {
        /// As given.
        part: String,
    },
    /// A file could not be written; what stood there before is untouched.
    #[error("cannot write {path}: {source}{}; {kept}", advice(help))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system or the encoder said.
        source: std::io::Error,
        /// What to do next; may be empty.
        help: String,
        /// What is on disk now.
        kept: &'static str,
    },
}

fn advice(help: &str) -> String {
    if help.is_empty() { String::new() } else { format!(" ({help})") }
}

/// What a person can do about an error of the system.
pub(crate) fn help_for(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "check the path; relative paths start where the command was given",
        ErrorKind::PermissionDenied => "check the rights of the file and of its folder",
        ErrorKind::IsADirectory => "name a file, not a folder",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free space on that disk, then give the command again"
        }
        ErrorKind::ReadOnlyFilesystem => "choose a folder on a disk that can be written",
        _ => "",
    }
    .to_string()
}

/// Names the start of a text that may be long, hidden characters made visible.
pub(crate) fn excerpt(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("{shown:?}")
}
