//! How long libtorch's threads spin while they wait for one another.

use std::os::unix::process::CommandExt as _;

/// Spins before a waiting thread sleeps. The OpenMP runtime's default is some milliseconds: where anything else runs on
/// the machine, each small matrix product then waits for a whole time slice of the scheduler (measured on two cores
/// beside one busy process: 14 ms instead of 0.4 ms). This many cost nothing on a quiet machine.
const SPINS: &str = "20000";

/// Starts this program again with the setting in its environment, because the OpenMP runtime reads it when it is
/// loaded, before `main`. A setting of the caller's own is left alone; where the restart fails, all goes on without.
pub fn settle() {
    const VARIABLE: &str = "GOMP_SPINCOUNT";
    if std::env::var_os(VARIABLE).is_some() || std::env::var_os("OMP_WAIT_POLICY").is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    // Returns only where it fails.
    let _ = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(VARIABLE, SPINS)
        .exec();
}
