//! One worker process and its protocol: a JSON object a line, each way.

use std::collections::BTreeSet;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{Fault, Launch};

const SCRIPT: &str = include_str!("worker.py");
/// Time for the interpreter and the package to come up on a busy machine.
const START: Duration = Duration::from_mins(1);
/// What the worker's own clock may be late by.
const GRACE: Duration = Duration::from_secs(10);
/// Longest line that is listened to.
const LONGEST_LINE: u64 = 1 << 18;

/// A process that has imported the package. Dropping it kills it and every process of its group.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
    asked: u64,
    _folder: tempfile::TempDir,
}

/// What a worker says of an answer.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Score(f64),
    Odd(String),
    Error(String),
    Late,
    Died(String),
}

impl Worker {
    /// Starts a worker; with it, the generators that its package has.
    pub(super) async fn start(launch: &Launch) -> Result<(Self, BTreeSet<String>), String> {
        let mut worker = spawn(launch).map_err(|error| {
            format!("{} cannot be started: {error}", launch.executable.display())
        })?;
        let hello = match tokio::time::timeout(START, worker.hear()).await {
            Ok(Ok(hello)) => hello,
            Ok(Err(error)) => return Err(format!("it ended before it was ready ({error})")),
            Err(_) => return Err(format!("it was not ready within {} s", START.as_secs())),
        };
        if let Some(error) = hello["error"].as_str() {
            return Err(format!("it cannot import reasoning_gym ({error})"));
        }
        let generators = hello["generators"].as_array().into_iter().flatten();
        let generators = generators.filter_map(|name| name.as_str().map(str::to_owned)).collect();
        Ok((worker, generators))
    }

    /// Whether it can be asked, as far as that is known before.
    pub(super) fn is_alive(&self) -> bool {
        self.child.id().is_some()
    }

    /// Has one answer scored. An error means that the worker is of no further use.
    pub(super) async fn ask(
        &mut self,
        generator: &str,
        entry: &Value,
        answer: &str,
        limit: Duration,
    ) -> Result<Reply, Fault> {
        self.asked += 1;
        let id = self.asked;
        let request =
            json!({ "id": id, "dataset": generator, "entry": entry, "answer": answer }).to_string();
        let exchange = async {
            self.requests.write_all(request.as_bytes()).await?;
            self.requests.write_all(b"\n").await?;
            self.requests.flush().await?;
            self.hear().await
        };
        let reply = match tokio::time::timeout(limit + GRACE, exchange).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => return Err(Fault::Died(error.to_string())),
            Err(_) => return Err(Fault::Late(limit)),
        };
        if reply["id"].as_u64() != Some(id) {
            return Err(Fault::Died("it answered another question".into()));
        }
        Ok(read(&reply))
    }

    async fn hear(&mut self) -> io::Result<Value> {
        let mut line = Vec::new();
        let mut replies = (&mut self.replies).take(LONGEST_LINE);
        replies.read_until(b'\n', &mut line).await?;
        if line.last() != Some(&b'\n') {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "its output ended"));
        }
        serde_json::from_slice(&line).map_err(io::Error::other)
    }
}

fn read(reply: &Value) -> Reply {
    if let Some(score) = reply["score"].as_f64() {
        return Reply::Score(score);
    }
    if reply["late"] == true {
        return Reply::Late;
    }
    if let Some(odd) = reply["odd"].as_str() {
        return Reply::Odd(odd.to_owned());
    }
    match (reply["error"].as_str(), reply["died"].as_str()) {
        (Some(error), _) => Reply::Error(error.to_owned()),
        (None, Some(status)) => Reply::Died(status.to_owned()),
        (None, None) => Reply::Died("it answered in another form".into()),
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(id) = self.child.id() {
            // SAFETY: no memory is passed; the child has not been waited for, so the group is still its own.
            unsafe { libc::killpg(id as libc::pid_t, libc::SIGKILL) };
        }
    }
}

fn spawn(launch: &Launch) -> io::Result<Worker> {
    let folder = tempfile::Builder::new().prefix("conductor-gym-").tempdir()?;
    let memory = libc::rlimit { rlim_cur: launch.memory_bytes, rlim_max: launch.memory_bytes };
    let mut command = Command::new(&launch.executable);
    command
        .args(["-s", "-B", "-X", "utf8", "-W", "ignore", "-c", SCRIPT])
        .arg(launch.time.as_secs_f64().to_string())
        .env_clear()
        .env("PYTHONHASHSEED", "0")
        .env("HOME", folder.path())
        .env("TMPDIR", folder.path())
        .env("LC_ALL", "C.UTF-8")
        // One answer needs one thread, and each would take address space.
        .env("OPENBLAS_NUM_THREADS", "1")
        .env("OMP_NUM_THREADS", "1")
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    // SAFETY: the closure makes system calls on plain values and neither allocates nor locks.
    unsafe {
        command.pre_exec(move || {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            let made = [
                libc::setrlimit(libc::RLIMIT_AS, &raw const memory),
                libc::setrlimit(libc::RLIMIT_CORE, &raw const none),
                libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0),
            ];
            if made.contains(&-1) { Err(io::Error::last_os_error()) } else { Ok(()) }
        });
    }
    let mut child = command.spawn()?;
    let missing = || io::Error::other("it has no pipes");
    let requests = child.stdin.take().ok_or_else(missing)?;
    let replies = BufReader::new(child.stdout.take().ok_or_else(missing)?);
    Ok(Worker { child, requests, replies, asked: 0, _folder: folder })
}
