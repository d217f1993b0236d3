//! Landlock: which files a program can reach, whatever the modes and mounts say.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath,
    PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, Scope,
};

/// What may be done below a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Read, list and run.
    Read,
    /// List names, nothing else.
    List,
    /// Read and write one file that is no plain file.
    Device,
    /// Everything but to make devices, sockets and pipes; run only where `true`.
    Own {
        /// Whether programs may be run from there.
        run: bool,
    },
    /// Read and write files without a name.
    Nameless,
}

/// The kernel's version of Landlock; 0 where there is none.
pub(crate) fn version() -> i64 {
    // SAFETY: with this flag the call takes no structure and returns a number.
    unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0, 1_u32).max(0)
    }
}

/// A set of rules, ready to be put on a process, that demands everything this kernel's Landlock can handle; `None` where
/// there is no Landlock.
pub(crate) fn rules<'a>(
    allowed: impl IntoIterator<Item = (&'a Path, Allowed)>,
) -> io::Result<Option<OwnedFd>> {
    let abi = match version() {
        0 => return Ok(None),
        1 => ABI::V1,
        2 => ABI::V2,
        3 => ABI::V3,
        4 => ABI::V4,
        5 => ABI::V5,
        6 => ABI::V6,
        _ => ABI::V7,
    };
    // Best effort would be a silent downgrade: what this version has is asked for, and must be granted.
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(abi))
        .map_err(io::Error::other)?;
    if abi >= ABI::V4 {
        ruleset = ruleset.handle_access(AccessNet::from_all(abi)).map_err(io::Error::other)?;
    }
    if abi >= ABI::V6 {
        ruleset = ruleset.scope(Scope::from_all(abi)).map_err(io::Error::other)?;
    }
    let mut created = ruleset.create().map_err(io::Error::other)?;
    for (path, what) in allowed {
        let access = rights(what, abi, path.is_dir());
        let opened = PathFd::new(path).map_err(|error| {
            io::Error::other(format!("{} cannot be opened: {error}", path.display()))
        })?;
        created = created.add_rule(PathBeneath::new(opened, access)).map_err(io::Error::other)?;
    }
    Ok(created.into())
}

fn rights(what: Allowed, abi: ABI, folder: bool) -> BitFlags<AccessFs> {
    let never = AccessFs::MakeChar
        | AccessFs::MakeBlock
        | AccessFs::MakeSock
        | AccessFs::MakeFifo
        | AccessFs::IoctlDev;
    let all = AccessFs::from_all(abi) & !never;
    let rights = match what {
        Allowed::Read => AccessFs::from_read(abi),
        Allowed::List => AccessFs::ReadDir.into(),
        Allowed::Device => AccessFs::ReadFile | AccessFs::WriteFile,
        Allowed::Own { run: true } => all,
        Allowed::Own { run: false } => all & !AccessFs::Execute,
        Allowed::Nameless => AccessFs::ReadFile | AccessFs::WriteFile | (all & AccessFs::Truncate),
    };
    if folder { rights } else { rights & AccessFs::from_file(abi) }
}
