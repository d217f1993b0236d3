//! What the processes below this one do, as `/proc` tells it.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Makes this process the parent of every process below it whose own parent ends, so that none gets out of sight.
pub fn adopt_orphans() {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).expect("Linux");
}

/// A process below this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub name: String,
    /// Memory of its own: without files that are mapped.
    pub bytes: u64,
}

/// Processes below this one that are neither `conductor` nor dead: interpreters and programs under test.
pub fn programs() -> Vec<Process> {
    below().into_iter().filter(|process| process.name != "conductor").collect()
}

/// All living processes below this one.
pub fn below() -> Vec<Process> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        let Some((pid, stat)) = pid.and_then(|pid| Some((pid, stat(pid)?))) else { continue };
        parents.insert(pid, stat);
    }
    let own = std::process::id();
    let is_below = |mut pid: u32| {
        // As deep as trees of processes are, with room.
        for _ in 0..10_000 {
            match parents.get(&pid) {
                Some((_, _, parent)) if *parent == own => return true,
                Some((_, _, parent)) if *parent > 1 => pid = *parent,
                _ => return false,
            }
        }
        false
    };
    parents
        .iter()
        .filter(|(pid, (_, state, _))| *state != 'Z' && *state != 'X' && is_below(**pid))
        .map(|(pid, (name, _, _))| Process { pid: *pid, name: name.clone(), bytes: memory(*pid) })
        .collect()
}

/// What is still there two seconds after everything should have ended.
pub fn remaining() -> Vec<Process> {
    until(|| below().is_empty(), below)
}

/// Nothing once `is_gone`, or what is there after two seconds.
pub fn until(is_gone: impl Fn() -> bool, list: impl Fn() -> Vec<Process>) -> Vec<Process> {
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        if is_gone() {
            return Vec::new();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    list()
}

/// Name, state and parent.
fn stat(pid: u32) -> Option<(String, char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, brackets too.
    let (head, rest) = text.rsplit_once(") ")?;
    let name = head.split_once('(')?.1.to_owned();
    let mut fields = rest.split(' ');
    Some((name, fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Pages that several processes share are counted once: forks of an interpreter share most of theirs.
fn memory(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let kib = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    (kib("Pss_Anon:").unwrap_or(0) + kib("Pss_Shmem:").unwrap_or(0)) * 1024
}

/// The most of everything that was seen at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Most {
    /// Interpreters and programs under test.
    pub programs: usize,
    /// Their memory.
    pub program_bytes: u64,
    /// The memory of `conductor` itself.
    pub own_bytes: u64,
}

/// Watches until it is asked.
pub struct Watch {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Most>,
}

impl Watch {
    pub fn start() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let mut most = Most::default();
            while !flag.load(Ordering::Relaxed) {
                let (own, programs): (Vec<_>, Vec<_>) =
                    below().into_iter().partition(|process| process.name == "conductor");
                let sum = |all: &[Process]| all.iter().map(|process| process.bytes).sum::<u64>();
                most.programs = most.programs.max(programs.len());
                most.program_bytes = most.program_bytes.max(sum(&programs));
                most.own_bytes = most.own_bytes.max(sum(&own));
                std::thread::sleep(Duration::from_millis(25));
            }
            most
        });
        Self { is_over, thread }
    }

    pub fn most(self) -> Most {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the watch")
    }
}
