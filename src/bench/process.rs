//! What the system says of this process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Seconds of processor time that all threads have taken so far.
pub fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The most memory that was ever resident; `None` where the system does not say.
pub fn peak_mb() -> Option<f64> {
    status_mb("VmHWM:")
}

/// The memory that is resident now.
pub fn now_mb() -> Option<f64> {
    status_mb("VmRSS:")
}

/// Asks the system for as many open files as it allows, and says how many that are.
pub fn open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    now.current.map_or(usize::MAX, |files| files as usize)
}

fn status_mb(field: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    // The kernel writes kB and means KiB.
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_this_process_own() {
        let before = cpu_seconds();
        let mut sum = 0_u64;
        while cpu_seconds() - before < 0.01 {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(sum > 0);
        let (now, peak) = (now_mb().unwrap(), peak_mb().unwrap());
        assert!(now > 1.0 && peak >= now * 0.9, "{now} of {peak} MB");
        assert!(open_files() > 64);
    }
}
