//! What docs/sandbox.md promises, and by what each promise is held on this machine.

use conductor_configs::schema;

use crate::level::{Level, Promise, Report, State};
use crate::wire::Facts;

/// The version of Landlock that covers every way to change a file; without namespaces nothing else would.
pub(crate) const LEAST_LANDLOCK: i64 = 3;

/// The level that a server offers.
pub(crate) fn level(namespaces: bool, facts: &Facts) -> Level {
    match (namespaces, &facts.no_cgroup) {
        (true, None) => Level::A,
        (true, Some(_)) => Level::B,
        (false, _) => Level::C,
    }
}

/// Everything that a person may want to know of it.
pub(crate) fn report(
    level: Level,
    facts: &Facts,
    why_not_stronger: Vec<String>,
    options: &schema::Sandbox,
) -> Report {
    let mut promises = vec![
        files(level, facts),
        changes(level, options),
        scratch(level, options),
        network(level),
        secrets(level),
        processes(level),
        signals(level, facts),
        memory(level, facts),
        count(level, facts),
        kernel(facts),
        users(level, facts),
    ];
    if options.warm
        && let Some(why) = &facts.not_warm
    {
        promises
            .push(not_held("programs start from an interpreter that is up already", why.clone()));
    }
    Report { level, why_not_stronger, promises, self_tests: 0 }
}

fn held(what: &'static str, by: impl Into<String>) -> Promise {
    Promise { what, state: State::Held { by: by.into() } }
}

fn not_held(what: &'static str, why: impl Into<String>) -> Promise {
    Promise { what, state: State::NotHeld { why: why.into() } }
}

fn landlock(facts: &Facts) -> String {
    if facts.landlock == 0 {
        return "this kernel's Landlock is off".into();
    }
    format!("Landlock (version {})", facts.landlock)
}

fn files(level: Level, facts: &Facts) -> Promise {
    let what = "a program reads no file but the interpreter's";
    match level {
        Level::A | Level::B => {
            held(what, format!("a root that holds the interpreter alone; {}", landlock(facts)))
        }
        Level::C => held(what, landlock(facts)),
    }
}

fn changes(level: Level, options: &schema::Sandbox) -> Promise {
    let what = "a program changes no file but those in its own folder, and none outlives it";
    match level {
        Level::A | Level::B => held(
            what,
            format!("a read-only root and a file system in memory of {} MiB", options.scratch_mib),
        ),
        Level::C => held(what, "Landlock; files have no names, and are gone once they are closed"),
    }
}

fn scratch(level: Level, options: &schema::Sandbox) -> Promise {
    let what = "the space that a program's files take is limited as a whole";
    match level {
        Level::A | Level::B => held(what, format!("{} MiB and 4096 files", options.scratch_mib)),
        Level::C => not_held(
            what,
            format!(
                "without namespaces each of up to 256 open files can grow to {} MiB",
                options.scratch_mib
            ),
        ),
    }
}

fn network(level: Level) -> Promise {
    let what = "a program reaches no network and no socket of the machine";
    match level {
        Level::A | Level::B => {
            held(what, "an empty network namespace; a filter of system calls that opens no socket")
        }
        Level::C => held(what, "a filter of system calls that opens no socket"),
    }
}

fn secrets(level: Level) -> Promise {
    let what = "a program sees no memory, environment or descriptor of another process";
    match level {
        Level::A | Level::B => {
            held(what, "a namespace of processes without /proc; an empty environment")
        }
        Level::C => held(what, "Landlock and a filter of system calls; an empty environment"),
    }
}

fn processes(level: Level) -> Promise {
    let what = "no process of a program outlives it";
    match level {
        Level::A | Level::B => {
            held(what, "a namespace of processes that ends with its first process")
        }
        Level::C => held(what, "a filter of system calls that starts threads and no process"),
    }
}

fn signals(level: Level, facts: &Facts) -> Promise {
    let what = "a program sends signals to no other process";
    match level {
        Level::A | Level::B => held(what, "a namespace of processes"),
        Level::C if facts.landlock >= 6 => held(what, landlock(facts)),
        Level::C => held(what, "a filter of system calls that sends none"),
    }
}

fn memory(level: Level, facts: &Facts) -> Promise {
    let what = "the memory of a program is limited, all of its processes together";
    match level {
        Level::A => {
            let version = facts.cgroup_version.as_deref().unwrap_or_default();
            held(what, format!("a control group ({version}) and a limit on address space"))
        }
        Level::B | Level::C => held(what, "a limit on address space, and one process a program"),
    }
}

fn count(level: Level, facts: &Facts) -> Promise {
    let what = "the number of a program's processes and threads is limited";
    match level {
        Level::A if facts.cgroup_version.as_deref() == Some("v2") => {
            held(what, "a control group, and a limit for each user of a cell")
        }
        Level::A => held(what, "a limit for each user of a cell"),
        Level::B => held(what, "a limit for each user of a cell; only threads can be started"),
        Level::C if facts.own_user => {
            held(what, "a limit for each user; only threads can be started")
        }
        Level::C => held(
            what,
            "a limit on all processes of this user, a little above what there is; only threads can be started",
        ),
    }
}

fn kernel(facts: &Facts) -> Promise {
    let what = "a program reaches little of the kernel";
    held(
        what,
        format!(
            "a list of allowed system calls, no capabilities, no_new_privs; {}",
            landlock(facts)
        ),
    )
}

fn users(level: Level, facts: &Facts) -> Promise {
    let what = "programs run as a user that owns nothing";
    match (level, facts.own_user) {
        (_, true) => held(what, "an unused user for each cell"),
        (Level::A | Level::B, false) => held(what, "a user of the cell's own namespace"),
        (Level::C, false) => not_held(
            what,
            "without namespaces only root can become another user; programs run as this one",
        ),
    }
}
