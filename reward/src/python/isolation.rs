//! What this machine lets us enforce: tried from the strongest down, once, at the start.

use super::{Ending, Limits, Program, Python};
use crate::interpreter::find;

/// How a program is kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Isolation {
    /// In namespaces of its own: no network, no writing outside its folder, no other process in sight.
    pub namespaces: bool,
    /// As this user, where we are root.
    pub user: Option<u32>,
    /// Whether we are root.
    pub root: bool,
}

/// A user that owns nothing.
const NOBODY_ELSE: u32 = 65_533;

impl Isolation {
    /// From strong to weak.
    fn rungs() -> Vec<Self> {
        // SAFETY: the call cannot fail and touches no memory.
        let root = unsafe { libc::geteuid() } == 0;
        let rung = |namespaces, user| Self { namespaces, user, root };
        if root {
            let user = Some(NOBODY_ELSE);
            vec![rung(true, user), rung(true, None), rung(false, user), rung(false, None)]
        } else {
            vec![rung(true, None), rung(false, None)]
        }
    }

    /// What is not enforced, a sentence each.
    pub(crate) fn unenforced(&self) -> Vec<String> {
        let mut sentences = vec![
            "Python programs under test can read every file that their user can read.",
            "The memory limit of Python programs under test holds for each process, not for all that one starts.",
            "Tests run in the process of the program under test: one written against the grader itself could pass.",
        ];
        if !self.namespaces {
            sentences.push("Python programs under test can reach the network: this system refuses user namespaces.");
            sentences.push("Python programs under test can write wherever their user can, and can leave processes behind.");
        }
        if !self.namespaces && self.user.is_none() {
            sentences.push("Python programs under test can end other processes of their user, this one included.");
        }
        if self.root && self.user.is_none() {
            sentences.push(
                "Python programs under test run as root's user id, where no limit on the number of processes binds; \
                 run as an ordinary user, or install the interpreter where every user can read it.",
            );
        } else if !self.namespaces && self.user.is_none() {
            sentences.push("The number of processes of Python programs under test is not limited.");
        }
        sentences.into_iter().map(str::to_owned).collect()
    }
}

/// Finds the interpreter and the first rung on which it runs a program; the error says what was tried.
pub(super) async fn start(limits: Limits, interpreter: &str) -> Result<Python, String> {
    let executable = find(interpreter).await?;
    let mut last = String::new();
    for isolation in Isolation::rungs() {
        let python = Python::with(&executable, isolation, limits);
        match trial(&python).await {
            Ok(()) => return Ok(python),
            Err(reason) => last = reason,
        }
    }
    Err(format!("{} does not run a trivial program under the limits: {last}", executable.display()))
}

async fn trial(python: &Python) -> Result<(), String> {
    let program = |tests| Program {
        prelude: "",
        answer: "def f(x):\n    return x + 1\n",
        tests,
        entry_point: "f",
    };
    match python.run(&program("assert f(1) == 2")).await {
        Ending::Passed => {}
        other => return Err(format!("a right program ended as {other:?}")),
    }
    match python.run(&program("assert f(1) == 3")).await {
        Ending::Wrong { cause: conductor_types::WrongCause::WrongAnswer, .. } => Ok(()),
        other => Err(format!("a wrong program ended as {other:?}")),
    }
}
