//! Control groups: one for each slot, made once, for memory; where it costs nothing more, for the number of processes and
//! a fair share of the cores too.

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use crate::sys;

/// Most processes and threads in a cell.
pub(super) const PROCESSES: u64 = 64;

/// The groups of this server.
pub(super) struct Groups {
    kind: Kind,
    folders: Vec<PathBuf>,
    slots: Vec<Slot>,
}

/// The group of a slot.
struct Slot {
    folder: OwnedFd,
    /// Where kills for want of memory are counted.
    kills: OwnedFd,
    /// The limit that is set, so that the same is not set again.
    limit: std::cell::Cell<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A hierarchy for memory. Those of other controllers would have to be joined one by one, at half a millisecond a program.
    V1,
    /// One for all.
    V2,
}

/// The folders to remove at the end, by someone who still sees them.
pub(super) struct Leftovers {
    folders: Vec<PathBuf>,
}

impl Leftovers {
    pub fn remove(&self) {
        // A group that still has a process in it, just killed, is busy for a moment.
        for _ in 0..200 {
            if self.folders.iter().all(|folder| remove_group(folder)) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

/// Removes a group and the groups in it; whether it is gone.
fn remove_group(folder: &Path) -> bool {
    if let Ok(entries) = fs::read_dir(folder) {
        for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
            drop(fs::remove_dir(entry.path()));
        }
    }
    fs::remove_dir(folder).is_ok() || !folder.exists()
}

impl Groups {
    /// Makes a group a slot; the error says what stands in the way.
    pub fn new(slots: usize) -> io::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let found = places(&mounts, &own);
        let mut reasons = Vec::new();
        for (kind, parents) in found {
            match Self::below(kind, &parents, slots) {
                Ok(groups) => return Ok(groups),
                Err(error) => reasons.push(error.to_string()),
            }
        }
        reasons.dedup();
        if reasons.is_empty() {
            reasons.push("no control group file system with a memory controller is mounted".into());
        }
        Err(io::Error::other(reasons.join("; ")))
    }

    fn below(kind: Kind, parents: &[PathBuf], slots: usize) -> io::Result<Self> {
        let name = format!("conductor-{}", std::process::id());
        let mut groups = Self { kind, folders: Vec::new(), slots: Vec::new() };
        let made = groups.make(parents, &name, slots);
        if let Err(error) = made {
            (Leftovers { folders: groups.folders }).remove();
            return Err(error);
        }
        Ok(groups)
    }

    fn make(&mut self, parents: &[PathBuf], name: &str, slots: usize) -> io::Result<()> {
        for parent in parents {
            clear_stale(parent);
            let folder = parent.join(name);
            fs::create_dir(&folder).map_err(|error| {
                let parent = parent.display();
                io::Error::other(format!("no control group can be made in {parent}: {error}"))
            })?;
            self.folders.push(folder.clone());
            if self.kind == Kind::V2 {
                Self::hand_on(parent, &folder)?;
            }
            for slot in 0..slots {
                let own = folder.join(slot.to_string());
                fs::create_dir(&own)?;
                self.slots.push(self.slot(&own)?);
            }
        }
        Ok(())
    }

    fn hand_on(parent: &Path, folder: &Path) -> io::Result<()> {
        for file in ["memory.max", "pids.max"] {
            if !folder.join(file).exists() {
                return Err(io::Error::other(format!(
                    "{} hands on no memory and pids controllers (cgroup.subtree_control)",
                    parent.display()
                )));
            }
        }
        fs::write(folder.join("cgroup.subtree_control"), "+memory +pids")?;
        // A fair share for each cell is welcome and not asked for.
        drop(fs::write(folder.join("cgroup.subtree_control"), "+cpu"));
        Ok(())
    }

    fn slot(&self, own: &Path) -> io::Result<Slot> {
        let folder = sys::open_at(None, own, libc::O_PATH | libc::O_DIRECTORY)?;
        let kills = match self.kind {
            Kind::V1 => "memory.oom_control",
            Kind::V2 => "memory.events",
        };
        if self.kind == Kind::V2 {
            sys::write_at(folder.as_fd(), "pids.max", &PROCESSES.to_string())?;
            sys::write_at(folder.as_fd(), "memory.oom.group", "1")?;
            // Absent where the kernel does not count swap.
            drop(sys::write_at(folder.as_fd(), "memory.swap.max", "0"));
        }
        let kills = sys::open_at(Some(folder.as_fd()), kills, libc::O_RDONLY)?;
        Ok(Slot { folder, kills, limit: std::cell::Cell::new(0) })
    }

    /// What has to be removed at the end.
    pub fn leftovers(&self) -> Leftovers {
        Leftovers { folders: self.folders.clone() }
    }

    /// "v1" or "v2".
    pub fn version(&self) -> String {
        match self.kind {
            Kind::V1 => "v1".into(),
            Kind::V2 => "v2".into(),
        }
    }

    /// Makes a slot's group ready for a program with so much memory. Returns the count of kills for want of memory so far.
    pub fn prepare(&self, slot: usize, bytes: u64) -> io::Result<u64> {
        let own = &self.slots[slot];
        let (limit, peak) = match self.kind {
            Kind::V1 => ("memory.limit_in_bytes", "memory.max_usage_in_bytes"),
            Kind::V2 => ("memory.max", "memory.peak"),
        };
        if own.limit.get() != bytes {
            // Busy while what the program before held is still on its way back.
            let mut tries = 0..20;
            while let Err(error) = sys::write_at(own.folder.as_fd(), limit, &bytes.to_string()) {
                if error.raw_os_error() != Some(libc::EBUSY) || tries.next().is_none() {
                    return Err(error);
                }
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            own.limit.set(bytes);
        }
        // Of the second kind it can be reset for one open file only, so that a peak is one of all programs of the slot so far.
        if self.kind == Kind::V1 {
            drop(sys::write_at(own.folder.as_fd(), peak, "0"));
        }
        Ok(self.kills(slot))
    }

    /// The file through which a process joins: it writes "0" to it.
    pub fn entrances(&self, slot: usize) -> io::Result<Vec<OwnedFd>> {
        let folder = self.slots[slot].folder.as_fd();
        Ok(vec![sys::open_at(Some(folder), "cgroup.procs", libc::O_WRONLY)?])
    }

    /// How many processes of the slot's group were killed for want of memory, ever.
    pub fn kills(&self, slot: usize) -> u64 {
        let text = sys::read_start(self.slots[slot].kills.as_fd()).unwrap_or_default();
        text.lines()
            .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
            .unwrap_or(0)
    }

    /// Most memory that was held since [`Groups::prepare`], where that can be told.
    pub fn peak(&self, slot: usize) -> Option<u64> {
        if self.kind == Kind::V2 {
            return None;
        }
        let folder = self.slots[slot].folder.as_fd();
        sys::read_at(folder, "memory.max_usage_in_bytes").ok()?.trim().parse().ok()
    }
}

/// Groups of servers that are no more and could not clean up.
fn clear_stale(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix("conductor-"));
        let Some(pid) = pid.and_then(|pid| pid.parse::<u32>().ok()) else { continue };
        if !Path::new(&format!("/proc/{pid}")).exists() {
            remove_group(&entry.path());
        }
    }
}

/// Where groups could be made, from the text of `/proc/self/mounts` and `/proc/self/cgroup`: by kind, and for each hierarchy
/// the folder of our own group; for the second kind also the ones above it.
fn places(mounts: &str, own: &str) -> Vec<(Kind, Vec<PathBuf>)> {
    let mounted = |wanted: &dyn Fn(&str, &str) -> bool| {
        mounts.lines().find_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (at, kind, options) = (words.get(1)?, words.get(2)?, words.get(3)?);
            wanted(kind, options).then(|| PathBuf::from(at.replace("\\040", " ")))
        })
    };
    let group = |controller: &str| {
        own.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let controllers = parts.next()?;
            controllers.split(',').any(|c| c == controller).then(|| parts.next()).flatten()
        })
    };
    let below = |mount: PathBuf, group: &str| {
        let whole = mount.join(group.trim_start_matches('/'));
        // In a container the path may be one of the host's.
        if whole.is_dir() { whole } else { mount }
    };
    let mut found = Vec::new();
    let first = |name: &str| {
        let mount =
            mounted(&|kind, options| kind == "cgroup" && options.split(',').any(|o| o == name))?;
        Some(below(mount, group(name)?))
    };
    if let Some(memory) = first("memory") {
        found.push((Kind::V1, vec![memory]));
    }
    if let Some(mount) = mounted(&|kind, _| kind == "cgroup2") {
        let own = below(mount.clone(), group("").unwrap_or("/"));
        let above = own.ancestors().take_while(|folder| folder.starts_with(&mount));
        found.extend(above.map(|folder| (Kind::V2, vec![folder.to_owned()])));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Kind, places};

    #[test]
    fn finds_our_own_group_in_either_hierarchy() {
        // The forms of cgroups(7); the folders do not exist, so that the mounts stand in for them.
        let mounts = "cgroup /no/such/memory cgroup rw,memory 0 0\ncgroup /no/such/pids cgroup rw,nosuid,pids 0 0\n\
                      cgroup2 /no/such/unified cgroup2 rw,nosuid 0 0\n";
        let own = "8:pids:/a\n4:memory:/a/b\n0::/c\n";
        let found = places(mounts, own);
        assert_eq!(found[0].0, Kind::V1);
        assert_eq!(found[0].1, [std::path::PathBuf::from("/no/such/memory")]);
        assert_eq!(found[1], (Kind::V2, vec!["/no/such/unified".into()]));
        assert_eq!(places("tmpfs / tmpfs rw 0 0\n", own), Vec::new());
    }
}
