//! Standard output.

use std::borrow::Cow;
use std::io::{BufWriter, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Serialize, Serializer as _};

use crate::exit::Exit;
use crate::problem::Problem;

/// Writes text as it is.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Writes text and a line break where it has none.
pub fn print_line(text: &str) -> anyhow::Result<()> {
    if text.ends_with('\n') { print(text) } else { print(&format!("{text}\n")) }
}

/// Writes a value as indented JSON.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print_line(&serde_json::to_string_pretty(value)?)
}

/// Writes values as one indented JSON list, each as it comes.
pub fn print_json_list<T: Serialize>(items: impl Iterator<Item = T>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut list = serde_json::Serializer::pretty(&mut out);
    list.collect_seq(items).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

/// Text that others wrote, as a terminal may have it: what would move its cursor, colour it or turn the direction of its
/// text is spelled out. Line ends and tabs stay.
pub fn plain(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| {
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        turns || (c.is_control() && !matches!(c, '\n' | '\t'))
    };
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        if is_harmful(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Text that is put together line by line.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// Adds text and a line break where it has none.
    pub fn line(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        self.0.push_str(text);
        if !text.ends_with('\n') {
            self.0.push('\n');
        }
    }

    /// Writes it to standard output.
    pub fn print(&self) -> anyhow::Result<()> {
        print(&self.0)
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// An error where standard output was closed when the program began (`>&-`). Rust opens `/dev/null` in its place, so that all
/// that is written would be lost and nobody would hear of it.
pub fn expect_open() -> anyhow::Result<()> {
    if !WAS_CLOSED.load(Ordering::Relaxed) {
        return Ok(());
    }
    let problem = Problem::new(
        Exit::Failure,
        "standard output is closed; expected a place for what is written there",
    );
    Err(problem.next("name one: `> FILE`, or `> /dev/null` for none").into())
}

static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Runs before `main`, and so before Rust opens anything in the place of what is closed.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = {
    extern "C" fn look() {
        let is_open = rustix::io::fcntl_getfd(std::io::stdout()).is_ok();
        WAS_CLOSED.store(!is_open, Ordering::Relaxed);
    }
    look
};

/// Whether an error only says that nobody reads on (`conductor data list … | head`).
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        assert!(matches!(plain("größe\t1\n²"), Cow::Borrowed(_)));
        assert_eq!(
            plain("\u{1b}[2Ja\r\nb\rc\u{202e}d\u{7f}"),
            "\\u{1b}[2Ja\nb\\rc\\u{202e}d\\u{7f}"
        );
    }
}
