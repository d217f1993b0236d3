//! One file from the hub into the cache.
//!
//! hf-hub 0.5 can download a file too, but it appends to the partial file whatever comes (a whole file where the hub
//! ignores the range, a second half at the wrong place after a retry), asks for a range past the end of a partial file
//! that is whole, has no limit of time, and compares no sum. So the bytes are taken here, from its client, into the
//! files of its cache: the partial one beside the final one, under the same names and the same lock.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hf_hub::api::sync::ApiRepo;
use ureq::Body;
use ureq::http::{Response, StatusCode};

use super::client::{Ask, Client};
use super::error::{self, HubError};
use super::retry::{Fault, persist};
use super::sum::Sum;
use super::watch::{Event, Watch, go_on, pause};

/// A file that is to come.
pub(super) struct Wanted<'a> {
    pub repository: &'a str,
    pub repo: &'a ApiRepo,
    pub path: &'a str,
    pub bytes: u64,
    pub sum: &'a Sum,
}

/// Brings a file to `blob`, going on from a partial file where there is one. The content has the wanted sum, or there
/// is an error; after most errors the partial file stays for the next time.
#[expect(
    clippy::result_large_err,
    reason = "an error ends the fetch, and the other way is a box at every place"
)]
pub(super) fn bring(
    client: &Client<'_>,
    wanted: &Wanted<'_>,
    blob: &Path,
    watch: &mut dyn Watch,
) -> Result<(), HubError> {
    if let Some(folder) = blob.parent() {
        std::fs::create_dir_all(folder).map_err(error::io("create", folder))?;
    }
    let _lock = lock(blob, wanted.path, watch)?;
    if blob.is_file() && is_right(blob, wanted, watch)? {
        // The other process, for which the lock was waited, has brought it.
        return Ok(());
    }
    let part = partial(blob);
    for last in [false, true] {
        let kept = || length(&part);
        watch.event(&Event::Begins { file: wanted.path, bytes: wanted.bytes, kept: kept() });
        persist(&client.job(wanted.path), watch, &kept, |_, watch| {
            let before = length(&part);
            append(client, wanted, &part, watch)
                .map_err(|fault| (fault, length(&part).saturating_sub(before)))
        })?;
        let found = wanted.sum.of_file(&part, watch)?;
        if found == *wanted.sum {
            sync(&part)?;
            std::fs::rename(&part, blob).map_err(error::io("rename", &part))?;
            watch.event(&Event::Fetched { file: wanted.path });
            return Ok(());
        }
        std::fs::remove_file(&part).map_err(error::io("remove", &part))?;
        if last {
            return Err(HubError::Checksum {
                file: wanted.path.to_owned(),
                repository: wanted.repository.to_owned(),
                expected: wanted.sum.to_string(),
                given: found.to_string(),
            });
        }
        watch.event(&Event::Damaged { file: wanted.path });
    }
    unreachable!("the last round returns")
}

/// Whether a file has the wanted length and sum.
pub(super) fn is_right(
    path: &Path,
    wanted: &Wanted<'_>,
    watch: &dyn Watch,
) -> Result<bool, HubError> {
    Ok(length(path) == wanted.bytes && wanted.sum.of_file(path, watch)? == *wanted.sum)
}

/// Where a file lies while it comes.
pub(super) fn partial(blob: &Path) -> PathBuf {
    blob.with_extension("part")
}

pub(super) fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn sync(path: &Path) -> Result<(), HubError> {
    let file = File::open(path).map_err(error::io("open", path))?;
    file.sync_all().map_err(error::io("write", path))
}

/// One process a file. The lock goes with the process, however it ends.
fn lock(blob: &Path, file: &str, watch: &mut dyn Watch) -> Result<File, HubError> {
    const LOOK: Duration = Duration::from_millis(200);
    let path = blob.with_extension("lock");
    let lock = File::create(&path).map_err(error::io("create", &path))?;
    let mut told = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(std::fs::TryLockError::WouldBlock) => {}
            Err(std::fs::TryLockError::Error(source)) => {
                return Err(error::io("lock", &path)(source));
            }
        }
        if !told {
            watch.event(&Event::Waits { file });
            told = true;
        }
        pause(LOOK, watch)?;
    }
}

/// One try: asks for what is missing and appends it.
fn append(
    client: &Client<'_>,
    wanted: &Wanted<'_>,
    part: &Path,
    watch: &mut dyn Watch,
) -> Result<(), Fault> {
    let mut file =
        OpenOptions::new().create(true).append(true).open(part).map_err(error::io("open", part))?;
    let mut have = length(part);
    if have > wanted.bytes {
        have = anew(&file, part)?;
    }
    if have == wanted.bytes {
        return Ok(());
    }
    let ask = Ask::File { path: wanted.path, from: have };
    let response = client.ask(wanted.repo, wanted.repository, ask)?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT => check_range(&response, have, wanted.bytes)?,
        StatusCode::RANGE_NOT_SATISFIABLE => {
            anew(&file, part)?;
            return Err(Fault::passing("the hub has no bytes after those that were kept"));
        }
        // It does not do ranges and sends the whole.
        _ => have = if have > 0 { anew(&file, part)? } else { 0 },
    }
    check_head(&response, wanted, wanted.bytes - have)?;
    take(client, response, &mut file, part, &mut Progress::new(have, wanted.bytes), watch)
}

/// Throws away what is there.
fn anew(file: &File, part: &Path) -> Result<u64, HubError> {
    file.set_len(0).map_err(error::io("write", part))?;
    Ok(0)
}

/// Whether the hub sends the range that was asked for, of a file of the length that is due.
fn check_range(response: &Response<Body>, from: u64, bytes: u64) -> Result<(), Fault> {
    let range = response.headers().get("content-range").and_then(|value| value.to_str().ok());
    let parsed = range.and_then(|range| {
        let (span, all) = range.trim().strip_prefix("bytes ")?.split_once('/')?;
        Some((span.split_once('-')?.0.parse::<u64>().ok()?, all))
    });
    match parsed {
        Some((start, all)) if start == from && (all == "*" || all.parse() == Ok(bytes)) => Ok(()),
        _ => Err(Fault::passing(format!(
            "asked for the bytes from {from} of {bytes}, and was answered {}",
            range.map_or("without Content-Range".to_owned(), crate::error::excerpt)
        ))),
    }
}

/// Whether what comes can be the file: a page for a person is none, nor is something of another length.
fn check_head(response: &Response<Body>, wanted: &Wanted<'_>, due: u64) -> Result<(), Fault> {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    if header("content-type").is_some_and(|kind| kind.trim().starts_with("text/html")) {
        return Err(Fault::Final(HubError::Answer {
            what: wanted.path.to_owned(),
            expected: "the file".into(),
            given: "a web page; does a proxy or a login page stand between here and HF_ENDPOINT?"
                .into(),
        }));
    }
    match header("content-length").and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length != due => {
            Err(Fault::passing(format!("{due} bytes were due, and {length} were announced")))
        }
        _ => Ok(()),
    }
}

/// How far a file is.
struct Progress {
    have: u64,
    bytes: u64,
    since: Instant,
    at_since: u64,
}

impl Progress {
    fn new(have: u64, bytes: u64) -> Self {
        Self { have, bytes, since: Instant::now(), at_since: have }
    }

    /// Whether it came too slowly for as long as a silence may last.
    fn crawls(&mut self, silence: Duration) -> bool {
        /// A hub that is alive sends more than this between two looks.
        const LEAST: u64 = 1 << 10;
        if self.since.elapsed() < silence {
            return false;
        }
        let crawls = self.have - self.at_since < LEAST;
        (self.since, self.at_since) = (Instant::now(), self.have);
        crawls
    }
}

fn take(
    client: &Client<'_>,
    response: Response<Body>,
    file: &mut File,
    part: &Path,
    progress: &mut Progress,
    watch: &mut dyn Watch,
) -> Result<(), Fault> {
    let mut reader = response.into_body().into_reader();
    let mut piece = vec![0; 128 << 10];
    while progress.have < progress.bytes {
        go_on(watch)?;
        let read = match reader.read(&mut piece) {
            Ok(0) => {
                return Err(Fault::passing(format!(
                    "it ended after {} of {} bytes",
                    progress.have, progress.bytes
                )));
            }
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Fault::passing(error.to_string())),
        };
        // What is past the end is not the file's; the sum says whether the rest is.
        let due = usize::try_from(progress.bytes - progress.have).unwrap_or(usize::MAX);
        let taken = &piece[..read.min(due)];
        file.write_all(taken).map_err(error::io("write", part))?;
        progress.have += taken.len() as u64;
        watch.event(&Event::Reached(progress.have));
        if progress.crawls(client.settings.patience.silence) {
            return Err(Fault::passing("it came too slowly"));
        }
    }
    Ok(())
}
