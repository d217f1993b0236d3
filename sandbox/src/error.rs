//! Why no sandbox could be made.

use crate::level::Level;

/// Why no sandbox could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The interpreter cannot run programs under test.
    #[error(
        "sandbox.interpreter = \"{interpreter}\" cannot run programs under test: {reason}. \
         Name a Python 3.8 or later there, by path if need be."
    )]
    Interpreter {
        /// As configured.
        interpreter: String,
        /// What happened.
        reason: String,
    },
    /// A value that nothing can run under.
    #[error("sandbox.{key} = {given}: expected {expected}")]
    Value {
        /// The key.
        key: String,
        /// Its value.
        given: String,
        /// What is possible.
        expected: String,
    },
    /// This machine does not offer the level.
    #[error("{}", refusal(*.offered, *.required, .reasons))]
    Level {
        /// The strongest level on offer; `None` where there is none.
        offered: Option<Level>,
        /// What `sandbox.require` or `sandbox.level` asks for.
        required: Level,
        /// What stands in the way, a sentence each.
        reasons: Vec<String>,
    },
    /// A hostile program was not held by what should hold it.
    #[error(
        "the self-test of the sandbox failed at level {level}: {what}. Programs under test are not run on this machine. \
         Please report this with the output of `conductor doctor`."
    )]
    SelfTest {
        /// The level.
        level: Level,
        /// Which program, and what it did.
        what: String,
    },
    /// Our own machinery does not come up.
    #[error("the server of the sandbox does not come up: {reason}")]
    Server {
        /// What happened.
        reason: String,
    },
}

fn refusal(offered: Option<Level>, required: Level, reasons: &[String]) -> String {
    let reasons = reasons.join(" ");
    let given = match offered {
        Some(level) => format!("this machine offers level {level}"),
        None => "this machine offers no level of the sandbox".to_owned(),
    };
    let cure = match (offered, required) {
        (None, _) => {
            "Run on Linux 6.2 or later with Landlock, or where user namespaces are allowed".to_owned()
        }
        (Some(_), Level::A) => {
            "Run as root with a writable control group for memory and processes, or set sandbox.require = \"B\"".to_owned()
        }
        (Some(level), _) => format!(
            "Allow user namespaces (sysctl user.max_user_namespaces above 0, \
             kernel.apparmor_restrict_unprivileged_userns = 0; in a container, a seccomp profile that lets unshare and mount through), \
             or accept less with sandbox.require = \"{level}\""
        ),
    };
    format!(
        "programs under test need level {required} of the sandbox, and {given}. {reasons} {cure}."
    )
}
