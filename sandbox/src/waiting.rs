//! How long a program has waited for others.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// How long a process's first thread has been ready to run while other processes had the cores; `None` where the kernel
/// does not count it, or where the process has started others, whose work it may have been waiting for.
pub(crate) fn waited_for_core(pid: libc::pid_t) -> Option<Duration> {
    let process = format!("/proc/{pid}");
    let process = Path::new(&process);
    if has_children(process)? || has_orphans(process) {
        return None;
    }
    let counts = fs::read_to_string(process.join("schedstat")).ok()?;
    let nanos = counts.split_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// Whether any of its threads has a child, or it has waited for one that is over.
fn has_children(process: &Path) -> Option<bool> {
    for thread in fs::read_dir(process.join("task")).ok()?.flatten() {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        if !children.trim().is_empty() {
            return Some(true);
        }
    }
    // Behind the name, which stands in brackets and may hold anything: page faults of children that were waited for are the ninth
    // and the eleventh.
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    let (_, numbers) = stat.rsplit_once(')')?;
    let mut numbers = numbers.split_whitespace();
    let faults = [numbers.nth(8)?, numbers.nth(1)?];
    Some(faults != ["0", "0"])
}

/// Whether others run in its namespace of processes but for the first one, which is ours: children of children that are over.
fn has_orphans(process: &Path) -> bool {
    let namespace = |of: &Path| fs::read_link(of.join("ns/pid")).ok();
    let Some(own) = namespace(process) else { return false };
    if namespace(Path::new("/proc/self")).as_ref() == Some(&own) {
        // There is none of its own, and programs start no processes.
        return false;
    }
    let is_first = |of: &Path| {
        let status = fs::read_to_string(of.join("status")).unwrap_or_default();
        let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        ids.and_then(|ids| ids.split_whitespace().last()) == Some("1")
    };
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    let mut others = entries.flatten().map(|entry| entry.path()).filter(|path| path != process);
    others.any(|other| namespace(&other).as_ref() == Some(&own) && !is_first(&other))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::waited_for_core;

    #[test]
    fn who_has_started_others_is_told_nothing() {
        let run = |script: &str| {
            let mut child = Command::new("/bin/sh")
                .args(["-c", script])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("a shell");
            // It has come so far when it says so.
            let mut said = [0; 1];
            let mut out = child.stdout.take().expect("a pipe");
            std::io::Read::read_exact(&mut out, &mut said).expect("a byte");
            let waited = waited_for_core(child.id().try_into().expect("a pid"));
            drop(child.stdin.take());
            child.wait().expect("its end");
            waited
        };
        assert!(run("echo x; read line").is_some());
        assert!(run("sleep 5 & echo x; read line; kill $!").is_none());
        assert!(run("/bin/true; echo x; read line").is_none());
    }
}
