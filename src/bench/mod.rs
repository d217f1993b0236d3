//! What `conductor bench` measures, apart from how it is shown.

mod busy;
mod cells;
mod episodes;
pub mod math;
mod peer;
mod process;
mod provider;
mod run;
mod script;
mod target;

pub use busy::busy;
pub use cells::{Cells, CellsRan, Lane, Steps, steps};
pub use episodes::{Drawn, draw};
pub use peer::{Peer, PeerCounts};
pub use process::{now_mb, open_files, peak_mb};
pub use provider::{Served, Service, serve};
pub use run::{Plan, run};
pub use script::Script;
pub use target::Target;

use std::time::{Duration, Instant};

/// A count on the command line.
pub fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("expected 1 or more".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("expected a whole number".into()),
    }
}

/// From when to when something lasted, in seconds since 1970, which two processes of one machine agree on.
pub type Span = (f64, f64);

/// Says now and then how far something is that takes its time.
pub struct Progress {
    what: &'static str,
    since: Instant,
    next: Duration,
}

impl Progress {
    /// Nothing is said for two seconds; each silence after that is as long as all before it.
    pub fn new(what: &'static str) -> Self {
        Self { what, since: Instant::now(), next: Duration::from_secs(2) }
    }

    /// Says `how_far`, where it is time.
    pub fn tick(&mut self, how_far: impl FnOnce() -> String) {
        let elapsed = self.since.elapsed();
        if elapsed >= self.next {
            eprintln!("{}: {} ({} s)", self.what, how_far(), elapsed.as_secs());
            self.next = elapsed * 2;
        }
    }
}
