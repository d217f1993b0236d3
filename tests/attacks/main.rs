//! Hostile programs through `conductor grade`: every program of `programs/` at every level of the sandbox that this machine offers,
//! as root and as an ordinary user, with and without a control group. What a program did is measured from outside.
//!
//! A pass of an attack is a breach in itself, because its task cannot be solved: the expected outputs are random. docs/sandbox.md
//! says what is promised.

mod case;
mod fixtures;
mod load;
mod setup;
mod watch;

use case::{Case, held};
use setup::Setup;

/// Defines a test for each program, in a module for each setup.
macro_rules! every_program {
    ($($setup:ident: [$($name:ident = $id:literal),* $(,)?])*) => {$(
        mod $setup {
            $(#[test] fn $name() { super::run(&super::Setup::$setup(), $id) })*

            #[test]
            fn every_program_has_its_test() {
                super::case::assert_all_listed(&[$($id),*]);
            }
        }
    )*};
    ($($setup:ident),*; $programs:tt) => {
        every_program!{ $($setup: $programs)* }
    };
}

every_program! {
    root_with_control_group, root_without_control_group, root_without_namespaces, user_with_control_group, user, user_without_namespaces;
    [
        read_canary = 1,
        write_canary = 2,
        links_and_handles = 3,
        symlink_escape = 4,
        disk_fill = 5,
        inherited_fds = 6,
        environment = 7,
        proc_mem_parent = 8,
        ptrace = 9,
        persist_ipc = 10,
        shared_names = 11,
        inode_bomb = 12,
        mount = 13,
        device_nodes = 14,
        connect = 15,
        net_interfaces = 16,
        unix_sockets = 17,
        bind_listen = 18,
        other_sockets = 19,
        fork_bomb = 20,
        thread_bomb = 21,
        daemon_double_fork = 22,
        kill_everything = 24,
        sigstop_self = 26,
        sleep_past_limit = 28,
        swallow_alarm = 30,
        nested_userns = 32,
        caps_setuid = 34,
        raise_limits = 36,
        oom_score = 38,
        memory_bomb = 40,
        shared_memory_bomb = 41,
        memfd_pipe_bomb = 42,
        stdout_flood = 44,
        stderr_flood = 45,
        one_long_line = 46,
        invalid_utf8 = 48,
        decimal_tricks = 50,
        c_stack_overflow = 52,
        stdin_tamper = 54,
        io_uring = 56,
        kernel_surface = 57,
        keyring_persist = 58,
        compat_abi = 60,
        fd_exhaust = 62,
        children_for_the_parent = 63,
        leftover_children = 64,
        output_for_a_value = 65,
        endless_talk = 66,
        rl_exit_zero = 70,
        forge_frames = 71,
        rl_subclass_eq = 72,
        patch_builtins = 73,
        rl_gc_scan = 74,
        output_at_exit = 75,
        rl_forge_verdict = 76,
        frame_hunt = 77,
        rl_result_file_pickle = 78,
        rl_poison_import_path = 80,
        rl_find_tests = 82,
        rl_fake_clock = 84,
        rl_lazy_objects = 86,
        rl_stdout_swap = 88,
        ctl_sum_stdin = 90,
        ctl_functional = 91,
        ctl_stdin_styles = 92,
        ctl_main_global = 93,
        ctl_thread_recursion = 94,
        ctl_memory_150mb = 95,
        ctl_prelude_names = 96,
        ctl_tempfile = 97,
        ctl_exit_after_output = 98,
        ctl_wrong_answer = 99,
    ]
}

/// Runs a program, and prints why where the setup cannot be had here.
fn run(setup: &Setup, id: u32) {
    let case = Case::numbered(id);
    match setup.start() {
        Ok(mut running) => held(&case, &mut running),
        Err(reason) => println!("skipped: {reason}"),
    }
}

#[test]
fn this_machine_offers_at_least_one_level() {
    let refusals: Vec<String> =
        Setup::all().into_iter().filter_map(|setup| setup.start().err()).collect();
    for refusal in &refusals {
        println!("not offered: {refusal}");
    }
    assert!(refusals.len() < Setup::all().len(), "nothing was tried: {refusals:#?}");
}
