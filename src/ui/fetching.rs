//! How a fetch looks: a bar on a terminal, lines elsewhere.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use conductor_datasets::hub::{Event, Watch};
use indicatif::{DecimalBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Style, plain};

/// Shows what happens, on standard error.
pub struct Fetching<'a> {
    stop: &'a AtomicBool,
    bar: ProgressBar,
    is_terminal: bool,
    style: Style,
    file: String,
    bytes: u64,
    told: Instant,
}

/// Without a terminal, a line tells how far a file is whenever so long has passed.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

impl<'a> Fetching<'a> {
    /// `stop` becomes true when somebody asks to stop.
    pub fn new(stop: &'a AtomicBool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let (style, told) = (Style::stderr(), Instant::now());
        Self { stop, bar, is_terminal, style, file: String::new(), bytes: 0, told }
    }

    /// Takes the bar away, so that what is printed next stands alone.
    pub fn end(&mut self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    fn begin(&mut self, file: &str, bytes: u64, kept: u64) {
        self.bar.finish_and_clear();
        (self.file, self.bytes, self.told) = (file.to_owned(), bytes, Instant::now());
        if self.is_terminal {
            self.bar = ProgressBar::new(bytes);
            self.bar.set_style(template(
                "{msg} {bar:28} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}",
            ));
            self.bar.set_message(file.to_owned());
            self.bar.set_position(kept);
            return;
        }
        let from = if kept > 0 { format!(", from byte {kept} on") } else { String::new() };
        self.line(&format!("fetching {file}: {}{from}", DecimalBytes(bytes)));
    }

    fn reached(&mut self, have: u64) {
        self.bar.set_position(have);
        if !self.is_terminal && self.told.elapsed() >= BETWEEN_LINES {
            self.told = Instant::now();
            let (have, bytes) = (DecimalBytes(have), DecimalBytes(self.bytes));
            self.line(&format!("fetching {}: {have} of {bytes}", self.file));
        }
    }

    fn converts(&mut self, file: &str, rows: u64) {
        let is_new = self.file != file;
        if is_new {
            self.bar.finish_and_clear();
            (self.file, self.told) = (file.to_owned(), Instant::now());
            if self.is_terminal {
                self.bar = ProgressBar::new_spinner();
                self.bar.set_style(template("{msg} {human_pos} rows"));
                self.bar.set_message(format!("writing {file}"));
            } else {
                self.line(&format!("writing {file}"));
            }
        }
        self.bar.set_position(rows);
    }
}

impl Watch for Fetching<'_> {
    fn event(&mut self, event: &Event<'_>) {
        match *event {
            Event::Listed { repository, revision, files, bytes } => self.line(&format!(
                "{repository} at {revision}: {files} file{}, {}",
                if files == 1 { "" } else { "s" },
                DecimalBytes(bytes)
            )),
            Event::Cached { file } => self.line(&format!("{} is cached", plain(file))),
            Event::Damaged { file } => self.line(&format!(
                "{} {} does not have the hub's sum; it is fetched anew",
                self.style.warn("damaged:"),
                plain(file)
            )),
            Event::Begins { file, bytes, kept } => self.begin(&plain(file), bytes, kept),
            Event::Reached(have) => self.reached(have),
            Event::Fetched { file } => {
                self.bar.finish_and_clear();
                self.line(&format!("{} is fetched and has the hub's sum", plain(file)));
            }
            Event::Retries { what, cause, pause } => self.line(&format!(
                "{} {}: {}; again in {:.1} s",
                self.style.warn("trouble:"),
                plain(what),
                plain(cause),
                pause.as_secs_f64()
            )),
            Event::Waits { file } => {
                self.line(&format!("another process fetches {}; waiting for it", plain(file)));
            }
            Event::Converts { file, rows } => self.converts(file, rows),
            Event::Unusual { file, rows, usual } => self.line(&format!(
                "{} {file} has {rows} rows, and {usual} are usual; the set has changed since",
                self.style.warn("note:")
            )),
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸ ")
}
