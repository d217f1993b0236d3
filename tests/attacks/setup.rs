//! Ways to run the program: as whom, and at which level.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conductor_testkit::judging::{Judging, NoVerdict, stdin_case};

use tempfile::TempDir;

use crate::fixtures::Fixtures;
use crate::watch;

/// Time for what is not the program's own: to start, to test itself, to wait for a busy machine.
pub const START: Duration = Duration::from_mins(1);

/// A way to run the program.
pub struct Setup {
    name: &'static str,
    as_root: bool,
    level: &'static str,
    sets: &'static [&'static str],
}

/// The program, running so, with everything that it must not reach.
pub struct Running {
    pub judging: Judging,
    pub fixtures: Fixtures,
    /// Processes below this one that were there before the program under test.
    pub before: usize,
    _public: Option<TempDir>,
    _alone: MutexGuard<'static, ()>,
}

impl Setup {
    pub fn root_with_control_group() -> Self {
        Self { name: "level A as root", as_root: true, level: "A", sets: &[] }
    }

    pub fn root_without_control_group() -> Self {
        let sets = &["sandbox.cgroup=false"];
        Self { name: "level B as root", as_root: true, level: "B", sets }
    }

    pub fn root_without_namespaces() -> Self {
        Self { name: "level C as root", as_root: true, level: "C", sets: &[] }
    }

    pub fn user_with_control_group() -> Self {
        Self { name: "level A as an ordinary user", as_root: false, level: "A", sets: &[] }
    }

    pub fn user() -> Self {
        Self { name: "level B as an ordinary user", as_root: false, level: "B", sets: &[] }
    }

    pub fn user_without_namespaces() -> Self {
        Self { name: "level C as an ordinary user", as_root: false, level: "C", sets: &[] }
    }

    pub fn all() -> Vec<Self> {
        vec![
            Self::root_with_control_group(),
            Self::root_without_control_group(),
            Self::root_without_namespaces(),
            Self::user_with_control_group(),
            Self::user(),
            Self::user_without_namespaces(),
        ]
    }

    /// Starts the program and has it judge a harmless one; the error says why this setup cannot be had here.
    pub fn start(&self) -> Result<Running, String> {
        // Orphans of one test must not be taken for those of another.
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let named = |reason: String| format!("{}: {reason}", self.name);
        let is_root = rustix::process::geteuid().is_root();
        if self.as_root && !is_root {
            return Err(named("these tests are not run by root".into()));
        }
        watch::adopt_orphans();
        let fixtures = Fixtures::new();
        let drops = !self.as_root && is_root;
        let public = drops.then(public_program);
        let program = public.as_ref().map(|folder| folder.path().join("conductor"));
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_conductor").into());
        let mut command = Command::new(program);
        command
            .args(["grade", "--jsonl", "--level", self.level, "--quote-chars", "1000000"])
            .args(self.sets.iter().flat_map(|set| ["--set", set]))
            .current_dir(fixtures.own_folder())
            .env("ATK_FAKE_API_KEY", fixtures.env_token());
        if drops {
            let id = ordinary_id();
            fixtures.give_to(id);
            command.uid(id).gid(id).env("HOME", fixtures.own_folder());
            // The interpreter of root's own path may lie where nobody else can read it.
            command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        }
        let mut judging = Judging::start(command);
        let harmless = stdin_case("harmless", "print(input())", &[("1", "1")]);
        judging.send(&harmless);
        match judging.line(START) {
            Ok(line) => {
                let verdict: serde_json::Value = serde_json::from_str(&line).expect("JSON");
                assert_eq!(verdict["verdict"], "right", "{}: {line}", self.name);
            }
            Err(NoVerdict::Late) => panic!("{}: not up within {START:?}", self.name),
            Err(NoVerdict::Ended(code, stderr)) => {
                // The loader found no libtorch that this user can read.
                if drops && code == Some(127) {
                    return Err(named(stderr));
                }
                // Exit code 4: programs cannot be run safely here. Anything else is a fault.
                assert_eq!(code, Some(4), "{}: {stderr}", self.name);
                return Err(named(stderr));
            }
        }
        let before = watch::programs().len();
        Ok(Running { judging, fixtures, before, _public: public, _alone: alone })
    }
}

/// A folder with the program that every user can read: where it was built may be root's own.
fn public_program() -> TempDir {
    let folder = tempfile::Builder::new().prefix("conductor-attacks-").tempdir().expect("a folder");
    let everyone = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), everyone).expect("permissions");
    let (built, public) = (env!("CARGO_BIN_EXE_conductor"), folder.path().join("conductor"));
    // A link costs nothing; between file systems there is none.
    if std::fs::hard_link(built, &public).is_err() {
        std::fs::copy(built, &public).expect("a copy of the program");
    }
    folder
}

/// A user that nobody is, another one for each test process.
fn ordinary_id() -> u32 {
    61_000 + std::process::id() % 4000
}
