//! Pairs of mathematical answers, judged here and by `bench/peers/math_verify.py`, which is built into the program.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context as _;
use conductor_reward::math;
use conductor_types::{MathConvention, Verdict};
use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::problem::Problem;

const SCRIPT: &str = include_str!("../../bench/peers/math_verify.py");

/// A gold answer and one to be judged.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pair {
    /// The right answer.
    pub gold: String,
    /// A text with an answer.
    pub pred: String,
}

/// What one side measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Judged {
    /// Pairs.
    pub pairs: usize,
    /// Wall time over all of them.
    pub seconds: f64,
    /// Pairs that are equal.
    pub right: usize,
    /// Pairs without a verdict.
    pub failed: usize,
}

/// Pairs as benchmarks have them, right ones and wrong ones in turn: numbers, fractions, roots, polynomials, sets,
/// intervals, matrices, sentences around a box.
pub fn built_in() -> Vec<Pair> {
    let pair = |gold: String, pred: String| Pair { gold: format!("${gold}$"), pred };
    let mut pairs = Vec::new();
    for n in 2..22 {
        let m = n + 1 + n % 2;
        pairs.extend([
            pair(format!("{n}"), format!(r"The answer is $\boxed{{{m}}}$.")),
            pair(
                format!(r"\frac{{{n}}}{{7}}"),
                format!(r"Thus $x = \boxed{{\dfrac{{{n}}}{{7}}}}$."),
            ),
            pair(format!("{n}.5"), format!(r"$\frac{{{}}}{{2}}$", 2 * n + 1)),
            pair(format!(r"{n}\sqrt{{3}}"), format!(r"$\sqrt{{{}}}$", 3 * n * n)),
            pair(format!(r"(x+{n})^2"), format!(r"$x^2+{}x+{}$", 2 * n, n * n + n % 3)),
            pair(
                format!(r"\frac{{x+{n}}}{{{m}}}"),
                format!(r"$\frac{{x}}{{{m}}}+\frac{{{n}}}{{{m}}}$"),
            ),
            pair(format!(r"[{n}, \infty)"), format!(r"$x \ge {n}$")),
            pair(format!(r"\{{{n}, {m}\}}"), format!(r"$\boxed{{{m}}}$ and $\boxed{{{n}}}$")),
            pair(format!(r"({n}, -{m})"), format!(r"$\left({n}, -{m}\right)$")),
            pair(
                format!(r"\begin{{pmatrix}} {n} & 1 \\ 0 & {m} \end{{pmatrix}}"),
                format!(r"$\begin{{bmatrix}} {n} & 1 \\ 0 & {m} \end{{bmatrix}}$"),
            ),
            pair(format!(r"{n}x - y = {m}"), format!(r"$y = {n}x - {m}$")),
            pair(format!(r"\cos^2({n}y)"), format!(r"$1 - \sin^2({n}y)$")),
        ]);
    }
    pairs
}

/// Pairs in a file, one object with `gold` and `pred` a line; rows without both are passed over.
pub fn read(path: &Path) -> anyhow::Result<Vec<Pair>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::new(Exit::Failure, format!("cannot read {}: {error}", path.display()))
    })?;
    let pairs: Vec<Pair> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if pairs.is_empty() {
        let message =
            format!("{}: expected lines with \"gold\" and \"pred\", found none", path.display());
        return Err(Problem::new(Exit::Failure, message).into());
    }
    Ok(pairs)
}

/// Judges every pair `times` over; the time is that of one round.
pub fn judge(pairs: &[Pair], times: usize) -> Judged {
    let mut judged = Judged { pairs: pairs.len(), seconds: 0.0, right: 0, failed: 0 };
    let start = Instant::now();
    for round in 0..times {
        for pair in pairs {
            let verdict = math::grade(&pair.gold, MathConvention::Standard, &pair.pred).verdict;
            if round == 0 {
                judged.right += usize::from(matches!(verdict, Verdict::Right { .. }));
                judged.failed += usize::from(matches!(verdict, Verdict::Unscorable { .. }));
            }
        }
    }
    judged.seconds = start.elapsed().as_secs_f64() / times as f64;
    judged
}

/// The same by math-verify, once.
pub fn peer(python: &Path, pairs: &[Pair], folder: &Path) -> anyhow::Result<Judged> {
    let (script, file) = (folder.join("peer_of_math.py"), folder.join("pairs.jsonl"));
    std::fs::write(&script, SCRIPT)?;
    let lines = pairs.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    std::fs::write(&file, lines.join("\n"))?;
    let output = Command::new(python)
        .arg(&script)
        .arg(&file)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| {
            let message =
                format!("cannot start the Python interpreter {}: {error}", python.display());
            Problem::new(Exit::Failure, message)
                .next("name one with --peer PYTHON, or leave the comparison out with --no-peer")
        })?;
    if !output.status.success() {
        let message = format!("{} cannot run math-verify ({})", python.display(), output.status);
        return Err(Problem::new(Exit::Failure, message)
            .next(
                "pip install math-verify==0.9.0 for it, or leave the comparison out with --no-peer",
            )
            .into());
    }
    serde_json::from_slice(&output.stdout).context("the peer said nothing that can be read")
}
