//! A hub of our own, a cache and a folder, and somebody who looks on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use conductor_datasets::hub::{
    Event, Fetched, HubError, HubSettings, Manifest, Patience, Request, Watch, fetch,
};
use conductor_testkit::hub::{DataSet, FakeHub};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// No message may hold it.
pub const TOKEN: &str = "hf_verysecret";

pub struct Lab {
    pub root: tempfile::TempDir,
    pub hub: FakeHub,
    pub settings: HubSettings,
}

impl Lab {
    pub fn new(sets: Vec<DataSet>) -> Self {
        Self::with(sets, &[])
    }

    /// With more of the environment.
    pub fn with(sets: Vec<DataSet>, env: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let hub = FakeHub::start(sets);
        let settings = settings(root.path(), &hub.endpoint(), env);
        Self { root, hub, settings }
    }

    pub fn out(&self) -> PathBuf {
        self.root.path().join("data/set")
    }

    pub fn request(&self, name: &str) -> Request {
        let out = Some(self.out());
        Request { name: name.into(), release: None, revision: None, out, force: false }
    }

    #[expect(clippy::result_large_err, reason = "a test looks at all of it")]
    pub fn fetch(&self, name: &str) -> Result<(Fetched, Log), (HubError, Log)> {
        self.run(&self.request(name))
    }

    #[expect(clippy::result_large_err, reason = "a test looks at all of it")]
    pub fn run(&self, request: &Request) -> Result<(Fetched, Log), (HubError, Log)> {
        let mut log = Log::default();
        match fetch(&self.settings, request, &mut log) {
            Ok(fetched) => Ok((fetched, log)),
            Err(error) => Err((error, log)),
        }
    }

    /// The manifest of what was written just now.
    pub fn stored(&self, name: &str) -> (Manifest, Log) {
        match self.fetch(name) {
            Ok((Fetched::Stored(_, manifest), log)) => (manifest, log),
            Ok((Fetched::Present(..), _)) => panic!("it was there already"),
            Err((error, log)) => panic!("{error}\n{log:?}"),
        }
    }

    /// What a person reads. The token is not in it, nor in anything else that could be printed.
    pub fn error(&self, request: &Request) -> String {
        let (error, log) = self.run(request).expect_err("it should fail");
        let everything = format!("{error:?} {error} {log:?} {:?}", self.settings);
        assert!(!everything.contains(TOKEN), "{everything}");
        assert!(!self.out().exists(), "after {error} nothing is written");
        error.to_string()
    }

    pub fn fails(&self, name: &str) -> String {
        self.error(&self.request(name))
    }

    /// The partial files of the cache, with their lengths.
    pub fn partial(&self) -> Vec<u64> {
        let mut found = Vec::new();
        files(&self.settings.cache, &mut found);
        let is_part = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "part");
        found.iter().filter(is_part).map(|path| path.metadata().unwrap().len()).collect()
    }

    /// Where the content with this sum lies in the cache.
    pub fn blob(&self, repository: &str, sum: &str) -> PathBuf {
        let folder = format!("datasets--{}", repository.replace('/', "--"));
        self.settings.cache.join(folder).join("blobs").join(sum)
    }
}

pub fn settings(root: &Path, endpoint: &str, env: &[(&str, &str)]) -> HubSettings {
    let home = root.join("hf");
    let mut settings = HubSettings::from_env(&|name| {
        let other = env.iter().find(|pair| pair.0 == name).map(|pair| pair.1.into());
        match name {
            "HF_HOME" => Some(home.clone().into_os_string()),
            "HF_ENDPOINT" => Some(endpoint.into()),
            _ => other,
        }
    })
    .unwrap();
    settings.patience = Patience {
        attempts: 4,
        first_pause: Duration::from_millis(2),
        longest_pause: Duration::from_millis(8),
        longest_wait: Duration::from_secs(3),
        silence: Duration::from_millis(500),
    };
    settings
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Everything that happened.
#[derive(Debug, Default)]
pub struct Log {
    pub lines: Vec<String>,
    /// Asks to stop as soon as a file has so many bytes.
    pub stop_at: Option<u64>,
    pub stopped: bool,
}

impl Log {
    pub fn has(&self, word: &str) -> bool {
        self.lines.iter().any(|line| line.contains(word))
    }

    pub fn count(&self, word: &str) -> usize {
        self.lines.iter().filter(|line| line.contains(word)).count()
    }
}

impl Watch for Log {
    fn event(&mut self, event: &Event<'_>) {
        if let Event::Reached(bytes) = event {
            self.stopped |= self.stop_at.is_some_and(|stop| *bytes >= stop);
        } else {
            self.lines.push(format!("{event:?}"));
        }
    }

    fn stopped(&self) -> bool {
        self.stopped
    }
}

/// MATH-500 as the hub has it, with invented rows: long enough for many packets.
pub fn math(rows: usize) -> Vec<u8> {
    let line = |n: usize| {
        let (answer, problem) = (n * 7, "What is seven times the number of this row? ".repeat(20));
        format!(
            "{{\"problem\": \"{problem}{n}\", \"solution\": \"${n} \\\\cdot 7 = {answer}$\", \"answer\": \"{answer}\", \
             \"subject\": \"Algebra\", \"level\": {}, \"unique_id\": \"test/{n}.json\"}}\n",
            n % 5 + 1
        )
    };
    (0..rows).map(line).collect::<String>().into_bytes()
}

pub const MATH: &str = "HuggingFaceH4/MATH-500";

/// A hub with MATH-500 as one large file.
pub fn math_lab() -> Lab {
    Lab::new(vec![DataSet::new(MATH).large("test.jsonl", math(500))])
}

/// The rows of a stored file as JSON, one a line.
pub fn rows(path: &Path) -> Vec<serde_json::Value> {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    let mut writer = arrow_json::LineDelimitedWriter::new(Vec::new());
    writer.write_batches(&batches.iter().collect::<Vec<_>>()).unwrap();
    writer.finish().unwrap();
    let text = String::from_utf8(writer.into_inner()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
