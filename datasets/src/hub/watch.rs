//! What happens while a benchmark is fetched, for whoever shows it, and the wish to stop.

use std::time::{Duration, Instant};

use super::error::HubError;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// The hub, or the cache, said what there is.
    Listed {
        /// The repository.
        repository: &'a str,
        /// The commit.
        revision: &'a str,
        /// Files that belong to the release.
        files: usize,
        /// Their bytes together.
        bytes: u64,
    },
    /// A file lies in the cache, whole.
    Cached {
        /// The file.
        file: &'a str,
    },
    /// A file of the cache is damaged and is fetched again.
    Damaged {
        /// The file.
        file: &'a str,
    },
    /// A file is being fetched.
    Begins {
        /// The file.
        file: &'a str,
        /// All its bytes.
        bytes: u64,
        /// Those that an earlier try left.
        kept: u64,
    },
    /// So many bytes of the file are on disk; they may become fewer, where the hub begins anew.
    Reached(u64),
    /// A file is there, and its sum is right.
    Fetched {
        /// The file.
        file: &'a str,
    },
    /// A request failed and is made again.
    Retries {
        /// The file, or the listing.
        what: &'a str,
        /// What happened.
        cause: &'a str,
        /// Until then.
        pause: Duration,
    },
    /// Another process fetches the same file.
    Waits {
        /// The file.
        file: &'a str,
    },
    /// A file is being converted.
    Converts {
        /// The file that is written.
        file: &'a str,
        /// Rows that it has so far.
        rows: u64,
    },
    /// A stored file has other than the usual number of rows.
    Unusual {
        /// The file that was written.
        file: &'a str,
        /// Its rows.
        rows: u64,
        /// The usual number.
        usual: u64,
    },
}

/// Who looks on.
pub trait Watch {
    /// Something happened.
    fn event(&mut self, event: &Event<'_>);

    /// Whether to stop at the next safe point.
    fn stopped(&self) -> bool;
}

/// Nobody looks on.
impl Watch for () {
    fn event(&mut self, _: &Event<'_>) {}

    fn stopped(&self) -> bool {
        false
    }
}

pub(super) fn go_on(watch: &dyn Watch) -> Result<(), HubError> {
    if watch.stopped() { Err(HubError::Stopped) } else { Ok(()) }
}

/// Sleeps, unless somebody asks to stop.
pub(super) fn pause(length: Duration, watch: &dyn Watch) -> Result<(), HubError> {
    const LOOK: Duration = Duration::from_millis(50);
    let end = Instant::now() + length;
    loop {
        go_on(watch)?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(LOOK));
    }
}
