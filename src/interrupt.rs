//! Ctrl-C: the first asks to stop at the next safe point, the second aborts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;
use crate::ui::Style;

/// How long an abort waits for paid answers to be written down.
const COMMIT: Duration = Duration::from_millis(300);

/// Watches for Ctrl-C and for the request to terminate that a scheduler sends. The returned flag becomes true at the
/// first one; at the second the process ends, as soon as answers that have come in are on the disk.
pub fn watch(what_happens: &'static str) -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Registered before the work begins, so that not even an early signal is missed.
    let (mut interrupt, mut terminate) = {
        let _guard = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::Builder::new().name("interrupt".into()).spawn(move || {
        runtime.block_on(async move {
            loop {
                let received = tokio::select! {
                    signal = interrupt.recv() => signal,
                    signal = terminate.recv() => signal,
                };
                if received.is_none() {
                    return;
                }
                if flag.swap(true, Ordering::SeqCst) {
                    eprintln!("{}", Style::stderr().bad("aborted"));
                    // Answers that have come in are on their way to the disk; it takes them a few milliseconds.
                    tokio::time::sleep(COMMIT).await;
                    std::process::exit(i32::from(Exit::Interrupted.code()));
                }
                eprintln!(
                    "{} {what_happens}; once more to abort",
                    Style::stderr().warn("stopping:")
                );
            }
        });
    })?;
    Ok(stop)
}
