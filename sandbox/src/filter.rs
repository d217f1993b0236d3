//! The filter of system calls: a list of what is allowed. What it does not know is refused with EPERM.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// What programs of a kind may do beyond what all may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Start processes, beside threads.
    pub fork: bool,
    /// Send signals: only where a namespace or Landlock keeps them within the cell.
    pub signal: bool,
    /// Change modes and times of files, make names: only where all that can be reached is the cell's own.
    pub own_files: bool,
}

/// Two filters, in the order in which they are installed. The first makes `clone3` unknown, so that the C library falls
/// back to `clone`, whose flags a filter can read; the second is the list.
pub(crate) fn filters(policy: Policy) -> io::Result<[BpfProgram; 2]> {
    let no_clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let first =
        compile(no_clone3, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))?;
    let second =
        compile(allowed(policy)?, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)?;
    Ok([first, second])
}

/// The same in three parts, for an interpreter whose forks become programs: it is under the first two itself, which its forks
/// inherit, and the last one takes from a fork what it needed only to enter its cell. That a fork installs is little: to compile the
/// whole list would take it longer than to run most programs.
pub(crate) fn inherited(policy: Policy) -> io::Result<[BpfProgram; 3]> {
    let [first, _] = filters(policy)?;
    let mut wide = allowed(policy)?;
    wide.extend(TO_ENTER.iter().map(|call| (*call, Vec::new())));
    wide.extend([libc::SYS_clone, libc::SYS_prctl].map(|call| (call, Vec::new())));
    let mut taken: BTreeMap<i64, Vec<SeccompRule>> =
        TO_ENTER.iter().map(|call| (*call, Vec::new())).collect();
    taken.insert(libc::SYS_clone, none_of_mask(clone_of(policy))?);
    taken.insert(libc::SYS_prctl, vec![rule(&PRCTL.map(|value| differs(0, value)))?]);
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let wide = compile(wide, refused.clone(), SeccompAction::Allow)?;
    Ok([first, wide, compile(taken, SeccompAction::Allow, refused)?])
}

/// What an interpreter does to have a fork in a cell, and the fork to enter it, beyond what the list allows; none of it is on the
/// list. `clone` and `prctl` are on it with conditions.
const TO_ENTER: [libc::c_long; 9] = [
    libc::SYS_capset,
    libc::SYS_landlock_restrict_self,
    libc::SYS_pidfd_open,
    // A program that could send descriptors could send them in circles, which the kernel holds, with the memory behind them, beyond its
    // end. Bytes go through `sendto`.
    libc::SYS_sendmsg,
    libc::SYS_setgroups,
    libc::SYS_setns,
    libc::SYS_setresgid,
    libc::SYS_setresuid,
    libc::SYS_setsid,
];

/// Calls by another architecture's convention (32-bit ones, on a 64-bit system) end the process; those of x32 are other
/// numbers, which the list does not have.
fn compile(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> io::Result<BpfProgram> {
    let arch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, otherwise, matched, arch).map_err(io::Error::other)?;
    filter.try_into().map_err(io::Error::other)
}

/// The bytes of a filter, as `struct sock_filter` lies in memory.
pub(crate) fn bytes(program: &BpfProgram) -> Vec<u8> {
    program
        .iter()
        .flat_map(|step| {
            let code = step.code.to_ne_bytes();
            let k = step.k.to_ne_bytes();
            [code[0], code[1], step.jt, step.jf, k[0], k[1], k[2], k[3]]
        })
        .collect()
}

/// Installs filters on this process; needs `no_new_privs`.
pub(crate) fn install(filters: &[BpfProgram; 2]) -> io::Result<()> {
    filters
        .iter()
        .try_for_each(|filter| seccompiler::apply_filter(filter).map_err(io::Error::other))
}

const NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;

fn allowed(policy: Policy) -> io::Result<BTreeMap<i64, Vec<SeccompRule>>> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALWAYS.iter().map(|call| (*call, Vec::new())).collect();
    // So that the first filter's answer stands.
    rules.insert(libc::SYS_clone3, Vec::new());
    #[cfg(target_arch = "x86_64")]
    rules.extend(ALWAYS_X86.iter().map(|call| (*call, Vec::new())));
    let (mask, value) = clone_of(policy);
    rules.insert(libc::SYS_clone, vec![rule(&[masked(0, mask, value)])?]);
    #[cfg(target_arch = "x86_64")]
    if policy.fork {
        rules.extend([(libc::SYS_fork, Vec::new()), (libc::SYS_vfork, Vec::new())]);
    }
    if policy.signal {
        rules.extend([libc::SYS_kill, libc::SYS_tkill, libc::SYS_tgkill].map(|c| (c, Vec::new())));
    }
    if policy.own_files {
        rules.extend(OWN_FILES.iter().map(|call| (*call, Vec::new())));
        #[cfg(target_arch = "x86_64")]
        rules.extend(OWN_FILES_X86.iter().map(|call| (*call, Vec::new())));
    }
    rules.insert(libc::SYS_fcntl, one_of(1, &FCNTL)?);
    rules.insert(libc::SYS_ioctl, one_of(1, &IOCTL)?);
    rules.insert(libc::SYS_prctl, one_of(0, &PRCTL)?);
    // Its own limits, not another's.
    rules.insert(libc::SYS_prlimit64, vec![rule(&[equal(0, 0)])?]);
    // Pairs of streams. A pair of datagram sockets could still send to any address.
    let stream = libc::SOCK_STREAM as u64;
    let free = !((libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) as u64) & 0xffff_ffff;
    rules.insert(
        libc::SYS_socketpair,
        vec![rule(&[equal(0, libc::AF_UNIX as u64), masked(1, free, stream)])?],
    );
    // Without an address.
    rules.insert(libc::SYS_sendto, vec![rule(&[whole(4, 0)])?]);
    Ok(rules)
}

/// Bits of the flags of `clone`, and what they must be: no namespaces, no children for one's parent, which is outside of the
/// cell and does not wait for them; without leave to fork, threads only.
fn clone_of(policy: Policy) -> (u64, u64) {
    let thread = libc::CLONE_THREAD as u64;
    let never = NAMESPACES | libc::CLONE_PARENT as u64;
    if policy.fork { (never, 0) } else { (never | thread, thread) }
}

/// Rules of which one holds where the bits of the first argument are not what they must be.
fn none_of_mask((mask, value): (u64, u64)) -> io::Result<Vec<SeccompRule>> {
    let bits = (0..64).map(|bit| 1 << bit).filter(|bit| mask & bit != 0);
    bits.map(|bit| rule(&[masked(0, bit, !value & bit)])).collect()
}

struct Test {
    argument: u8,
    length: SeccompCmpArgLen,
    operator: SeccompCmpOp,
    value: u64,
}

fn equal(argument: u8, value: u64) -> Test {
    Test { argument, length: SeccompCmpArgLen::Dword, operator: SeccompCmpOp::Eq, value }
}

fn differs(argument: u8, value: u64) -> Test {
    Test { argument, length: SeccompCmpArgLen::Dword, operator: SeccompCmpOp::Ne, value }
}

fn whole(argument: u8, value: u64) -> Test {
    Test { argument, length: SeccompCmpArgLen::Qword, operator: SeccompCmpOp::Eq, value }
}

fn masked(argument: u8, mask: u64, value: u64) -> Test {
    let operator = SeccompCmpOp::MaskedEq(mask);
    Test { argument, length: SeccompCmpArgLen::Dword, operator, value }
}

fn rule(tests: &[Test]) -> io::Result<SeccompRule> {
    let conditions = tests
        .iter()
        .map(|test| {
            SeccompCondition::new(
                test.argument,
                test.length.clone(),
                test.operator.clone(),
                test.value,
            )
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(io::Error::other)?;
    SeccompRule::new(conditions).map_err(io::Error::other)
}

fn one_of(argument: u8, values: &[u64]) -> io::Result<Vec<SeccompRule>> {
    values.iter().map(|value| rule(&[equal(argument, *value)])).collect()
}

/// No owner of signals (`F_SETOWN`, `F_SETSIG`), no size of a pipe, no leases and notices.
const FCNTL: [u64; 13] = [
    libc::F_DUPFD as u64,
    libc::F_DUPFD_CLOEXEC as u64,
    libc::F_GETFD as u64,
    libc::F_SETFD as u64,
    libc::F_GETFL as u64,
    libc::F_SETFL as u64,
    libc::F_GETLK as u64,
    libc::F_SETLK as u64,
    libc::F_SETLKW as u64,
    libc::F_OFD_GETLK as u64,
    libc::F_OFD_SETLK as u64,
    libc::F_GETPIPE_SZ as u64,
    libc::F_GET_SEALS as u64,
];

/// Whether it is a terminal, how much is there, blocking or not, kept at exec or not.
const IOCTL: [u64; 6] =
    [libc::TCGETS, libc::TIOCGWINSZ, libc::FIONREAD, libc::FIONBIO, libc::FIOCLEX, libc::FIONCLEX];

const PRCTL: [u64; 5] = [
    libc::PR_SET_NAME as u64,
    libc::PR_GET_NAME as u64,
    libc::PR_GET_NO_NEW_PRIVS as u64,
    libc::PR_GET_DUMPABLE as u64,
    libc::PR_SET_VMA as u64,
];

/// What a program needs to run, to read, to write where it may, to wait, and to have threads.
const ALWAYS: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_capget,
    libc::SYS_chdir,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_copy_file_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_execve,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fchdir,
    libc::SYS_fdatasync,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_futex_waitv,
    libc::SYS_getcpu,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getgroups,
    libc::SYS_getitimer,
    libc::SYS_getpeername,
    libc::SYS_getpgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getpriority,
    libc::SYS_getrandom,
    libc::SYS_getresgid,
    libc::SYS_getresuid,
    libc::SYS_getrusage,
    libc::SYS_getsid,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mincore,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_msync,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_preadv2,
    libc::SYS_pselect6,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_yield,
    libc::SYS_sendfile,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_setitimer,
    libc::SYS_setpgid,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_signalfd4,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_sysinfo,
    libc::SYS_timer_create,
    libc::SYS_timer_delete,
    libc::SYS_timer_getoverrun,
    libc::SYS_timer_gettime,
    libc::SYS_timer_settime,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_gettime,
    libc::SYS_timerfd_settime,
    libc::SYS_times,
    libc::SYS_umask,
    libc::SYS_uname,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_write,
    libc::SYS_writev,
    // Where they may make, move and remove names is Landlock's matter and the mounts'.
    libc::SYS_linkat,
    libc::SYS_mkdirat,
    libc::SYS_renameat2,
    libc::SYS_symlinkat,
    libc::SYS_truncate,
    libc::SYS_unlinkat,
];

/// Older names of the same.
#[cfg(target_arch = "x86_64")]
const ALWAYS_X86: &[libc::c_long] = &[
    libc::SYS_access,
    libc::SYS_alarm,
    libc::SYS_arch_prctl,
    libc::SYS_creat,
    libc::SYS_dup2,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_getdents,
    libc::SYS_getpgrp,
    libc::SYS_getrlimit,
    libc::SYS_link,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_pause,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_rmdir,
    libc::SYS_select,
    libc::SYS_setrlimit,
    libc::SYS_stat,
    libc::SYS_symlink,
    libc::SYS_time,
    libc::SYS_unlink,
];

/// Modes and times: neither Landlock nor the mode of a file keeps its owner from these.
const OWN_FILES: &[libc::c_long] = &[libc::SYS_fchmod, libc::SYS_fchmodat, libc::SYS_utimensat];

#[cfg(target_arch = "x86_64")]
const OWN_FILES_X86: &[libc::c_long] =
    &[libc::SYS_chmod, libc::SYS_utime, libc::SYS_utimes, libc::SYS_futimesat];

#[cfg(test)]
mod tests {
    use seccompiler::sock_filter;

    use super::{NAMESPACES, PRCTL, Policy, TO_ENTER, allowed, filters, inherited};

    fn policies() -> impl Iterator<Item = Policy> {
        (0..8).map(|bits| Policy {
            fork: bits & 1 != 0,
            signal: bits & 2 != 0,
            own_files: bits & 4 != 0,
        })
    }

    #[test]
    fn every_policy_compiles_within_the_kernels_bound() {
        for policy in policies() {
            let all = filters(policy).unwrap().into_iter().chain(inherited(policy).unwrap());
            for filter in all {
                // BPF_MAXINSNS.
                assert!((4..=4096).contains(&filter.len()), "{policy:?}: {}", filter.len());
            }
        }
    }

    /// What the kernel makes of a call: the classic instructions of bpf(2), as far as filters of calls have them.
    fn outcome(program: &[sock_filter], number: i64, argument: u64) -> u32 {
        // struct seccomp_data: the number, the architecture (x86-64 and 64-bit ARM), where from, six arguments.
        let arch = if cfg!(target_arch = "x86_64") { 0xc000_003e_u32 } else { 0xc000_00b7 };
        let mut data = [0; 16];
        (data[0], data[1]) = (number as u32, arch);
        (data[4], data[5]) = (argument as u32, (argument >> 32) as u32);
        let (mut at, mut value) = (0, 0_u32);
        loop {
            let step = &program[at];
            let jump = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
            at += 1;
            match step.code {
                0x20 => value = data[step.k as usize / 4],
                0x54 => value &= step.k,
                0x05 => at += step.k as usize,
                0x15 => at += jump(value == step.k),
                0x25 => at += jump(value > step.k),
                0x35 => at += jump(value >= step.k),
                0x06 => return step.k,
                other => panic!("an instruction {other:#x} that no filter of ours has"),
            }
        }
    }

    #[test]
    fn what_is_inherited_comes_to_the_list() {
        const ALLOW: u32 = 0x7fff_0000;
        let flags = (0..64).map(|bit| 1 << bit);
        let some = PRCTL.into_iter().chain(0..70).chain(flags);
        let arguments: Vec<u64> =
            some.flat_map(|value| [value, value | NAMESPACES, value | 0x10000]).collect();
        for policy in policies() {
            let own = filters(policy).unwrap();
            let parts = inherited(policy).unwrap();
            for number in (0..700).chain([0x4000_0000, 0x4000_003b]) {
                for argument in &arguments {
                    // The kernel takes the strictest of all answers.
                    let least = |all: &[Vec<sock_filter>]| {
                        all.iter().map(|program| outcome(program, number, *argument)).min()
                    };
                    let (list, shared) = (least(&own), least(&parts));
                    // Errors with different numbers are ordered by them; a clone3 is unknown to both.
                    assert!(
                        list == shared,
                        "{policy:?} {number} {argument:#x}: {list:x?} and {shared:x?}"
                    );
                }
            }
            for number in TO_ENTER {
                assert!(!allowed(policy).unwrap().contains_key(&number));
                assert_eq!(outcome(&parts[1], number, 0), ALLOW);
                assert_ne!(outcome(&parts[2], number, 0), ALLOW);
            }
        }
    }
}
