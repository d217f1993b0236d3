//! Every error that ends a command is rendered here.

use conductor_configs::ConfigErrors;

use super::{Page, Style, plain};
use crate::problem::Problem;

/// What went wrong, why, and what to do next.
pub fn render(error: &anyhow::Error, style: Style) -> String {
    if let Some(errors) = error.chain().find_map(|cause| cause.downcast_ref::<ConfigErrors>()) {
        // They bring their own lines, carets and advice.
        let text = if style.is_coloured() { errors.styled() } else { errors.to_string() };
        return format!("{}\n", text.trim_end());
    }
    let mut page = Page::default();
    page.line(format!("{} {}", style.bad("error:"), indent(&error.to_string())));
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Many messages hold their cause already.
        if !said.contains(&cause) {
            page.line(format!("  {} {}", style.faint("because:"), indent(&cause)));
            said.push_str(&cause);
        }
    }
    let problem = error.chain().find_map(|cause| cause.downcast_ref::<Problem>());
    let next = problem.and_then(|problem| problem.next.as_deref()).or_else(|| memory_advice(&said));
    if let Some(next) = next {
        page.line(format!("  {} {}", style.good("next:"), indent(next)));
    }
    page.into_text()
}

/// What to do where a message says that memory ran out.
pub fn memory_advice(message: &str) -> Option<&'static str> {
    let message = message.to_lowercase();
    ["out of memory", "can't allocate memory"].iter().any(|words| message.contains(words)).then_some(
        "what is on disk is whole; end other programs that use this memory, lower train.micro_batch_tokens or \
         sampling.batch_size, or set policy.recompute_activations = true; `conductor train --dry-run` estimates what is needed",
    )
}

fn indent(text: &str) -> String {
    // Messages quote what files and servers hold.
    plain(text.trim_end()).replace('\n', "\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once_and_advice_comes_last() {
        let io = std::io::Error::other("disk on fire");
        let error =
            anyhow::Error::new(io).context("cannot read a.toml: disk on fire").context("train");
        let text = render(&error, Style::PLAIN);
        assert_eq!(text, "error: train\n  because: cannot read a.toml: disk on fire\n");

        let problem = Problem::usage("there is no task \"x\"").next("list them");
        let text = render(&anyhow::Error::new(problem), Style::PLAIN);
        assert_eq!(text, "error: there is no task \"x\"\n  next: list them\n");

        let error = anyhow::anyhow!("libtorch: CUDA out of memory. Tried to allocate 2 GiB");
        let text = render(&error, Style::PLAIN);
        assert!(text.contains("\n  next: ") && text.contains("micro_batch_tokens"), "{text}");
    }
}
