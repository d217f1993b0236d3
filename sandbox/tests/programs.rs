//! What programs make of their inputs, and how they fail, at every level that this machine offers.

mod common;

use std::ops::ControlFlow;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{LIMITS, call_job, cause, everywhere, options, run, start, stdin_job, texts, values};
use conductor_configs::schema::{Sandbox as Options, SandboxLevel};
use conductor_sandbox::{Ending, Form, Input, Job, Mode, Plain, Program};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_every_kind_pass_all_their_tests() {
    const SUMS: [&str; 8] = [
        "a, b = map(int, input().split())\nprint(a + b)",
        "import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))",
        "print(sum(map(int, open(0).read().split())))",
        "import sys\nfor line in sys.stdin:\n    print(sum(map(int, line.split())))\nsys.stdin.close()",
        "a, b = map(int, input().split())\nprint(a + b)\nimport sys\nsys.exit()",
        "import os\na, b = map(int, input().split())\nprint(a + b, flush=True)\nos._exit(0)",
        "import atexit, io, sys\nout = io.StringIO()\natexit.register(lambda: sys.__stdout__.write(out.getvalue()))\nout.write(str(sum(map(int, input().split()))))",
        "import sys, threading\nsys.setrecursionlimit(10 ** 6)\nthreading.stack_size(64 << 20)\ndef f(n):\n    return 0 if n == 0 else 1 + f(n - 1)\ndef main():\n    a, b = map(int, input().split())\n    assert f(30000) == 30000\n    print(a + b)\nt = threading.Thread(target=main)\nt.start()\nt.join()",
    ];
    let inputs = ["1 2\n", "30 4\n", "-5 5\n"];
    for (name, sandbox) in everywhere().await {
        for source in SUMS {
            let (ending, outputs) = texts(&sandbox, &stdin_job(source, &inputs)).await;
            assert_eq!(ending, Ending::Finished, "{name}: {source}");
            let outputs: Vec<&str> = outputs.iter().map(|text| text.trim()).collect();
            assert_eq!(outputs, ["3", "34", "0"], "{name}: {source}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_finds_nothing_of_the_one_before() {
    let source = "import sys, builtins, random\nassert not hasattr(builtins, 'left'), 'builtins'\nassert 'seen' not in globals()\nassert __name__ == '__main__'\nassert sys.getrecursionlimit() == 50000\n\
                  seen = 1\nbuiltins.open = builtins.open\nsys.setrecursionlimit(777)\nsys.stdout.write(input() + '!')\nsys.stdin = None";
    for (name, sandbox) in everywhere().await {
        let (ending, outputs) = texts(&sandbox, &stdin_job(source, &["a\nrest", "b\n", "c"])).await;
        assert_eq!(ending, Ending::Finished, "{name}");
        assert_eq!(outputs, ["a!", "b!", "c!"], "{name}");
    }
}

/// A fork of the interpreter that is up already has what one that was started for the program has: descriptors, limits, names, streams, in
/// scripts and in functions. The rehearsal of the first leaves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_warm_process_looks_like_a_cold_one() {
    // Not the modules that are loaded: those of the warm one are more.
    let look = "import os, sys, resource, atexit, builtins\ndef is_open(fd):\n    try:\n        os.fstat(fd)\n        return True\n    except OSError:\n        return False\n\
                def look():\n    limits = [resource.getrlimit(kind) for kind in range(16)]\n    streams = [(s.name, s.mode, s.encoding, s.errors, s.line_buffering) for s in (sys.stdin, sys.stdout, sys.stderr)]\n    \
                return repr([[fd for fd in range(256) if is_open(fd)], limits, streams, sys.argv[0], sys.path, dict(os.environ), sys.getrecursionlimit(), os.getuid() == 0, os.getgroups(), \
                sorted(vars(builtins)), atexit._ncallbacks(), 'solution' in sys.modules, os.getsid(0) == os.getpid()]).replace(os.getcwd(), 'its folder')\n";
    let mut cold = Vec::new();
    for (name, sandbox) in everywhere().await {
        let script = stdin_job(&format!("{look}print(look())"), &["", ""]);
        let (ending, mut seen) = texts(&sandbox, &script).await;
        assert_eq!(ending, Ending::Finished, "{name}");
        let function = call_job(&format!("{look}def solve():\n    return look()"), &[json!([])]);
        let (ending, values) = values(&sandbox, &function).await;
        assert_eq!(ending, Ending::Finished, "{name}");
        seen.extend(values.into_iter().map(|value| match value {
            Plain::Str(text) => text,
            other => panic!("{name}: {other:?}"),
        }));
        if name.ends_with("cold") {
            cold = seen;
        } else {
            assert_eq!(seen, cold, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_plain_data_made_by_the_base_classes() {
    let source = "class Yes(list):\n    def __eq__(self, other): return True\n    def __iter__(self): return iter([5])\n    def __len__(self): return 9\n\
                  class Solution:\n    def solve(self, k):\n        return [None, True, -(10 ** 30), 0.1, 'é\\ud800', [1, (2,)], {1: 'a', 'b': [None]}, Yes([1]), {3}, float('nan'), range(3)][k]";
    let expected = [
        Plain::None,
        Plain::Bool(true),
        Plain::Int("-1000000000000000000000000000000".into()),
        Plain::Float("0.1".into()),
        Plain::Str("é\\ud800".into()),
        Plain::List(vec![Plain::Int("1".into()), Plain::Tuple(vec![Plain::Int("2".into())])]),
        Plain::Dict(vec![
            (Plain::Int("1".into()), Plain::Str("a".into())),
            (Plain::Str("b".into()), Plain::List(vec![Plain::None])),
        ]),
        Plain::List(vec![Plain::Int("1".into())]),
        Plain::Other("set".into()),
        Plain::Float("nan".into()),
        Plain::Other("range".into()),
    ];
    let calls: Vec<_> = (0..expected.len()).map(|k| json!([k])).collect();
    for (name, sandbox) in everywhere().await {
        let (ending, outputs) = values(&sandbox, &call_job(source, &calls)).await;
        assert_eq!(ending, Ending::Finished, "{name}");
        assert_eq!(outputs, expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_arrive_as_they_are_written() {
    let call = "[[99999999999999999999999, -18446744073709551617, NaN, -Infinity, 1e-7]]";
    let expected = Plain::List(vec![
        Plain::Int("99999999999999999999999".into()),
        Plain::Int("-18446744073709551617".into()),
        Plain::Float("nan".into()),
        Plain::Float("-inf".into()),
        Plain::Float("1e-07".into()),
    ]);
    for (name, sandbox) in everywhere().await {
        for mode in [Mode::Native, Mode::LcbOfficial] {
            let mut job = call_job("def solve(a):\n    return a", &[]);
            job.inputs = vec![Input::Call(call.into())];
            job.mode = mode;
            let (ending, outputs) = values(&sandbox, &job).await;
            assert_eq!(ending, Ending::Finished, "{name}");
            assert_eq!(outputs, std::slice::from_ref(&expected), "{name} {mode:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_the_standard_library_are_what_they_equal() {
    let source = "from decimal import Decimal\nfrom fractions import Fraction\ndef solve(x):\n    return [Decimal(x), Fraction(x, 4), -x + 0j, Decimal('0.5'), Decimal(10) ** 30]";
    for (name, sandbox) in everywhere().await {
        let (ending, values) = values(&sandbox, &call_job(source, &[json!([2])])).await;
        assert_eq!(ending, Ending::Finished, "{name}");
        let int = |digits: &str| Plain::Int(digits.into());
        let half = || Plain::Float("0.5".into());
        let expected = [int("2"), half(), int("-2"), half(), int(&format!("1{}", "0".repeat(30)))];
        assert_eq!(values, [Plain::List(expected.into())], "{name}");
        // What equals neither, and what only looks like one, stays what it is.
        let odd = "from decimal import Decimal\nclass D(Decimal): pass\ndef solve(x):\n    return [Decimal('0.1'), 1j, Decimal('NaN'), D(2)]";
        let (_, values) = common::values(&sandbox, &call_job(odd, &[json!([2])])).await;
        let [Plain::List(items)] = &values[..] else { panic!("{name}: {values:?}") };
        assert!(items.iter().all(|item| matches!(item, Plain::Other(_))), "{name}: {items:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_the_programs_and_has_a_cause() {
    const SCRIPTS: [(&str, &str); 18] = [
        ("compile_error", "def f(:"),
        ("compile_error", "x = '\0'"),
        ("runtime_error", "1 / 0"),
        ("runtime_error", "import sys\nprint(1)\nsys.exit(3)"),
        ("runtime_error", "import os\nprint(1, flush=True)\nos._exit(1)"),
        ("runtime_error", "import ctypes\nctypes.string_at(0)"),
        ("runtime_error", "import os\nos.abort()"),
        ("runtime_error", "input()\ninput()"),
        ("output_limit", "import os\nos.write(4, b'V\\xff\\xff\\xff\\xff' * 100)"),
        ("runtime_error", "import os\nos.write(4, b'H\\0\\0\\0\\0')\nprint(1)"),
        ("time_limit", "while True: pass"),
        ("time_limit", "import time\ntime.sleep(100)"),
        ("time_limit", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nwhile True: pass"),
        ("memory_limit", "x = []\nwhile True: x.append(bytearray(1 << 20))"),
        ("output_limit", "while True: print('x' * 1000)"),
        ("output_limit", "import sys\nwhile True: sys.stderr.write('y' * 1000)"),
        ("runtime_error", "import os\nos.closerange(0, 100)"),
        ("finished", "import os\nos.write(1, bytes(range(256)))"),
    ];
    for (name, sandbox) in everywhere().await {
        for (expected, source) in SCRIPTS {
            let began = Instant::now();
            let mut job = stdin_job(source, &["1"]);
            job.limits.time = Duration::from_secs(1);
            let (ran, _) = run(&sandbox, &job).await;
            assert_eq!(cause(&ran.ending), expected, "{name}: {source}: {:?}", ran.ending);
            assert!(began.elapsed() < Duration::from_secs(8), "{name}: {source}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_does_not_return_has_not_answered() {
    const PROGRAMS: [(&str, &str); 8] = [
        ("runtime_error", "import os\ndef solve(a):\n    os._exit(0)"),
        ("runtime_error", "import sys\ndef solve(a):\n    sys.exit(0)"),
        ("runtime_error", "def other(a):\n    return a"),
        ("runtime_error", "raise SystemExit"),
        ("output_limit", "def solve(a):\n    x = []\n    x.append(x)\n    return x"),
        ("output_limit|memory_limit", "def solve(a):\n    return ['x' * 1000] * 10 ** 6"),
        (
            "runtime_error",
            "import os\ndef solve(a):\n    os.write(4, b'V\\0\\0\\0\\3L\\0\\0')\n    return a",
        ),
        ("runtime_error", "import os\ndef solve(a):\n    os.close(4)\n    return a"),
    ];
    for (name, sandbox) in everywhere().await {
        for (expected, source) in PROGRAMS {
            let (ran, outputs) = run(&sandbox, &call_job(source, &[json!([1])])).await;
            let found = cause(&ran.ending);
            assert!(expected.split('|').any(|e| e == found), "{name}: {source}: {:?}", ran.ending);
            assert!(outputs.is_empty(), "{name}: {source}: {outputs:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_judge_ends_a_program_and_learns_the_test() {
    let (_, sandbox) = everywhere().await.remove(0);
    let job = stdin_job("print(input())", &["1", "2", "3"]);
    let mut seen = 0;
    let ran = sandbox
        .run(&job, &mut |test, _| {
            seen += 1;
            if test == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await;
    assert_eq!((ran.ending, seen), (Ending::Stopped, 2));
    let job = stdin_job("x = input()\nassert x != '2'", &["1", "2", "3"]);
    let (ran, outputs) = run(&sandbox, &job).await;
    assert_eq!(outputs.len(), 1);
    assert!(
        matches!(&ran.ending, Ending::Fault { test: Some(1), detail, .. } if detail.contains("AssertionError")),
        "{ran:?}"
    );
    // Before the first test there is none.
    let ran = run(&sandbox, &stdin_job("def", &["1"])).await.0;
    assert!(
        ran.cpu > Duration::ZERO && ran.wall > Duration::ZERO && ran.peak_bytes.is_some(),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_behind_a_program_pass_by_running_to_their_end() {
    let asserted = |source: &str, tests: &str| Job {
        program: Program {
            source: source.into(),
            form: Form::Asserted {
                prelude: String::new(),
                tests: tests.into(),
                entry_point: "f".into(),
            },
        },
        inputs: Vec::new(),
        limits: LIMITS,
        mode: Mode::Native,
    };
    let right = "def f(x):\n    return x + 1";
    for (name, sandbox) in everywhere().await {
        for (expected, source, tests) in [
            ("finished", right, "assert f(1) == 2"),
            ("wrong_answer", right, "assert f(1) == 3"),
            ("bad_tests", right, "assert f(1 == 2"),
            ("runtime_error", right, "f('x')"),
            ("runtime_error", "import os\ndef f(x):\n    os._exit(0)", "assert f(1) == 3"),
            (
                "wrong_answer",
                "import builtins\nfor name in ('exec', 'compile', 'isinstance', 'len'):\n    setattr(builtins, name, lambda *a, **k: None)\ndef f(x):\n    return 1",
                "assert f(1) == 3",
            ),
        ] {
            let (ran, _) = run(&sandbox, &asserted(source, tests)).await;
            assert_eq!(cause(&ran.ending), expected, "{name}: {source}: {:?}", ran.ending);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn installed_packages_are_seen_where_they_are_wanted_whatever_loading_them_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let done = |command: &mut Command| command.status().is_ok_and(|status| status.success());
    if !done(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(at("venv"))) {
        return eprintln!("skipped: python3 makes no virtual environments here");
    }
    let packages = std::fs::read_dir(at("venv/lib")).expect("a library").next();
    let packages = packages.expect("a version").expect("a folder").path().join("site-packages");
    std::fs::write(packages.join("small.py"), "value = 5").expect("a package");
    // What only its own program may load: here it would end whoever asks the interpreter what it needs.
    let source =
        "#include <stdlib.h>\n__attribute__((constructor)) static void now(void) { abort(); }";
    std::fs::write(at("now.c"), source).expect("a source");
    let object = packages.join("now.so");
    if !done(
        Command::new("gcc").args(["-shared", "-fPIC", "-lm", "-o"]).arg(object).arg(at("now.c")),
    ) {
        return eprintln!("skipped: there is no gcc here");
    }
    for (site_packages, expected) in [(true, "5"), (false, "none")] {
        let interpreter = at("venv/bin/python").to_str().expect("UTF-8").to_owned();
        let options =
            Options { interpreter, site_packages, ..options(SandboxLevel::Auto, site_packages) };
        let sandbox = start(&options).await.expect("a sandbox");
        let source = "try:\n    import small\n    print(small.value)\nexcept ImportError:\n    print('none')";
        let (ending, outputs) = texts(&sandbox, &stdin_job(source, &[""])).await;
        assert_eq!((ending, outputs[0].trim()), (Ending::Finished, expected));
    }
}
