//! What tests of several modules share.

use rustix::time::{ClockId, clock_gettime};

/// Seconds of processor time that this thread has taken, which bounds of cost are held against: other work on the machine does not count.
pub fn thread_secs() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
