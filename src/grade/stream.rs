//! Reading, judging and writing at once, in order and at bounded memory.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use conductor_configs::schema;
use conductor_reward::{Grader, Judging, reasoning_gym};
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
    /// How to reach the package reasoning-gym.
    pub reward: schema::Reward,
    /// How programs are run and quoted.
    pub judging: Judging,
    /// Programs that run at once; a few times as many cases are under way.
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
    tokio::spawn(async move {
        while let Some(line) = cases.recv().await {
            let (done, pending) = oneshot::channel();
            // Fails only where nobody writes any more.
            if sender.send(pending).await.is_err() {
                return;
            }
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                let row = match line {
                    Ok(line) => bench.judge(line).await,
                    Err(error) => Err(error),
                };
                let _ = done.send(row);
            });
        }
    });
    let mut count = 0;
    while let Some(row) = next(&mut verdicts, out).await? {
        out.write_all(row.line()?.as_bytes())?;
        count += 1;
        seen(count);
    }
    Ok(out.flush()?)
}

/// The next verdict. Where it has to be waited for, those before it go out first: whoever feeds cases one by one waits for
/// them, and whoever ends a slow stream has them.
async fn next(
    verdicts: &mut mpsc::Receiver<Pending>,
    out: &mut impl Write,
) -> anyhow::Result<Option<Row>> {
    if verdicts.is_empty() {
        out.flush()?;
    }
    let Some(mut pending) = verdicts.recv().await else { return Ok(None) };
    if let Ok(row) = pending.try_recv() {
        return row.map(Some);
    }
    out.flush()?;
    pending.await?.map(Some)
}

/// Reads lines on a thread of its own, since standard input blocks, and no further ahead than memory allows.
fn read_ahead(input: Option<PathBuf>) -> anyhow::Result<mpsc::Receiver<anyhow::Result<Held>>> {
    let (sender, held) = mpsc::channel(1);
    let runtime = tokio::runtime::Handle::current();
    let room = Arc::new(Semaphore::new(AHEAD_KIB as usize));
    let read = move || {
        let mut reader = match ui::input::open(input.as_deref()) {
            Ok((name, reader)) => Reader { name, input: reader, room, runtime },
            Err(error) => return drop(sender.blocking_send(Err(error))),
        };
        while let Some(line) = reader.next().transpose() {
            // Nobody listens any more where the verdicts cannot be written.
            let is_last = line.is_err();
            if sender.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    };
    std::thread::Builder::new().name("cases".into()).spawn(read)?;
    Ok(held)
}

struct Reader {
    name: String,
    input: Box<dyn BufRead>,
    room: Arc<Semaphore>,
    runtime: tokio::runtime::Handle,
}

impl Reader {
    /// The next line, once there is room for it.
    fn next(&mut self) -> anyhow::Result<Option<Held>> {
        let read = lines::next(&mut self.input);
        let Some(line) = read.with_context(|| format!("cannot read {}", self.name))? else {
            return Ok(None);
        };
        let kib = (line.bytes().len() / 1024 + 1) as u32;
        let share = Arc::clone(&self.room).acquire_many_owned(kib.min(AHEAD_KIB));
        Ok(Some((line, self.runtime.block_on(share)?)))
    }
}

/// What judges.
struct Bench {
    options: Options,
    permits: Semaphore,
    /// For all that runs no program.
    plain: Grader,
    /// Made for the first program; a stream without any needs no sandbox.
    programs: OnceCell<Grader>,
    /// Made for the first answer that only the package reasoning-gym can score.
    package: OnceCell<Grader>,
}

impl Bench {
    fn new(options: Options) -> Self {
        // Programs whose cell is made or goes away take no core; how many run at once is the sandbox's own matter.
        let at_once = options.parallel.saturating_mul(3);
        let permits = Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS));
        let plain = Grader::without_sandbox();
        Self { options, permits, plain, programs: OnceCell::new(), package: OnceCell::new() }
    }

    /// The verdict on a line. The error ends the stream: programs cannot be run safely here.
    async fn judge(&self, (line, share): Held) -> anyhow::Result<Row> {
        let _permit = self.permits.acquire().await?;
        let (id, case) = case::read(&line);
        drop(line);
        let case = match case {
            Ok(case) => case,
            Err(detail) => {
                let verdict = Verdict::Unscorable { cause: Unscorable::BadTestData, detail };
                return Ok(Row::new(id, verdict, Took::default()));
            }
        };
        let grader = match self.grader(&case).await? {
            Ok(grader) => grader.clone(),
            Err(verdict) => return Ok(Row::new(id, verdict, Took::default())),
        };
        // On a task of its own, so that a fault of ours in one case costs no other.
        let (verdict, took) = match tokio::spawn(judged(grader, case)).await {
            Ok(judged) => judged,
            Err(error) => {
                let detail = format!("a fault of conductor itself: {error}");
                (Verdict::Unscorable { cause: Unscorable::SandboxError, detail }, Took::default())
            }
        };
        drop(share);
        Ok(Row::new(id, verdict, took))
    }

    /// What judges a case. Without a sandbox there is no going on; without the package, its cases have no verdict.
    async fn grader(&self, case: &Case) -> anyhow::Result<Result<&Grader, Verdict>> {
        let Options { sandbox, reward, judging, .. } = &self.options;
        if Grader::needs_sandbox(&case.task) {
            let start = || Grader::sandboxed(sandbox, *judging);
            return Ok(Ok(self.programs.get_or_try_init(start).await?));
        }
        let Grading::ReasoningGym { dataset, entry: Some(_), .. } = &case.task.grading else {
            return Ok(Ok(&self.plain));
        };
        if reasoning_gym::supported(dataset) {
            return Ok(Ok(&self.plain));
        }
        let start = || Grader::for_tasks(reward, sandbox, std::iter::once(&case.task));
        Ok(self.package.get_or_try_init(start).await.map_err(|error| Verdict::Unscorable {
            cause: Unscorable::SandboxError,
            detail: error.to_string(),
        }))
    }
}

async fn judged(grader: Grader, case: Case) -> (Verdict, Took) {
    let began = Instant::now();
    let thread_began = thread_time();
    let (found, resources) =
        grader.grade_measured("grade", &case.task, &case.answer, case.recorded_score).await;
    let took = match resources {
        Some(used) => Took { wall: used.wall, cpu: Some(used.cpu), peak_bytes: used.peak_bytes },
        None => Took {
            wall: began.elapsed(),
            cpu: stays_on_its_thread(&case.task.grading)
                .then(|| thread_time().saturating_sub(thread_began)),
            peak_bytes: None,
        },
    };
    (found.verdict, took)
}

/// Whether a kind of grading is mere computation, so that the thread's processor time is its own.
fn stays_on_its_thread(grading: &Grading) -> bool {
    match grading {
        Grading::Exact { .. }
        | Grading::Fuzzy { .. }
        | Grading::Choice { .. }
        | Grading::Number { .. }
        | Grading::Math { .. }
        | Grading::Countdown { .. }
        | Grading::Recorded => true,
        Grading::Code { .. }
        | Grading::Python { .. }
        | Grading::ReasoningGym { .. }
        | Grading::Judge { .. } => false,
    }
}

fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}
