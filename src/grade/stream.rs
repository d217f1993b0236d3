//! Reading, judging and writing at once, in order and at bounded memory.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use conductor_configs::schema;
use conductor_reward::{Grader, Judging};
use conductor_types::{Grading, Unscorable, Verdict};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::case::{self, Case};
use super::lines::{self, Line};
use super::verdict::{Row, Took};
use crate::ui;

/// Lines read ahead of the one that is to be written next.
const AHEAD: usize = 256;
/// What those may hold together, in KiB; more than the longest line.
const AHEAD_KIB: u32 = 256 << 10;

/// How to judge.
#[derive(Debug, Clone)]
pub struct Options {
    /// How programs are kept apart.
    pub sandbox: schema::Sandbox,
    /// How programs are run and quoted.
    pub judging: Judging,
    /// Cases judged at once.
    pub parallel: usize,
}

/// A line with its share of the memory for lines read ahead.
type Held = (Line, OwnedSemaphorePermit);

/// A verdict that will come; the error ends the stream.
type Pending = oneshot::Receiver<anyhow::Result<Row>>;

/// Judges every case of a file or of standard input, and writes the verdicts. `seen` hears how many are written.
pub async fn grade_all(
    input: Option<PathBuf>,
    out: &mut impl Write,
    options: Options,
    mut seen: impl FnMut(u64),
) -> anyhow::Result<()> {
    let mut cases = read_ahead(input)?;
    let (sender, mut verdicts) = mpsc::channel::<Pending>(AHEAD);
    let bench = Arc::new(Bench::new(options));
    let feeding = tokio::spawn(async move {
        while let Some(line) = cases.recv().await {
            let (done, pending) = oneshot::channel();
            // Fails only where nobody writes any more.
            if sender.send(pending).await.is_err() {
                return Ok(());
            }
            let line = match line {
                Ok(line) => line,
                Err(error) => return Err(error),
            };
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                let _ = done.send(bench.judge(line).await);
            });
        }
        Ok(())
    });
    let mut count = 0;
    while let Some(pending) = verdicts.recv().await {
        // A line that could not be read has no verdict; why is what feeding ended with.
        let Ok(row) = pending.await else { break };
        out.write_all(row?.line()?.as_bytes())?;
        count += 1;
        seen(count);
        // Whoever feeds cases one by one waits for the verdict.
        if verdicts.is_empty() {
            out.flush()?;
        }
    }
    out.flush()?;
    feeding.await?
}

/// Reads lines on a thread of its own, since standard input blocks, and no further ahead than memory allows.
fn read_ahead(input: Option<PathBuf>) -> anyhow::Result<mpsc::Receiver<anyhow::Result<Held>>> {
    let (sender, lines) = mpsc::channel(1);
    let room = Arc::new(Semaphore::new(AHEAD_KIB as usize));
    let runtime = tokio::runtime::Handle::current();
    let read = move || -> anyhow::Result<()> {
        let (name, mut reader) = ui::input::open(input.as_deref())?;
        while let Some(line) = next(&name, &mut reader)? {
            let kib = (line.bytes().len() / 1024 + 1).min(AHEAD_KIB as usize) as u32;
            let share = runtime.block_on(Arc::clone(&room).acquire_many_owned(kib))?;
            if sender.blocking_send(Ok((line, share))).is_err() {
                break;
            }
        }
        Ok(())
    };
    Ok(spawn_reader(sender.clone(), read, lines)?)
}
