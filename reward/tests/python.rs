//! Programs with tests behind them: right, wrong, and hostile. Each case is quick.

use std::time::{Duration, Instant};

use conductor_configs::schema::{RequiredLevel, Sandbox};
use conductor_reward::{Grader, GraderError, Judging};
use conductor_types::{Grading, Task, Verdict};

const TESTS: &str = "
def check(candidate):
    assert candidate(1) == 2, 'one'
    assert candidate(41) == 42
";

fn options() -> Sandbox {
    Sandbox {
        // Whatever this machine offers: what is asserted here holds at every level.
        require: RequiredLevel::C,
        time_secs: 3.0,
        memory_mib: 512,
        output_kib: 256,
        parallel: Some(4),
        ..Sandbox::default()
    }
}

async fn grader() -> Grader {
    Grader::sandboxed(&options(), Judging::default()).await.expect("python3 is on the path")
}

fn task(prelude: &str, tests: &str) -> Task {
    Task {
        id: "t".into(),
        domain: "python".into(),
        prompt: String::new(),
        grading: Grading::Python {
            prelude: prelude.into(),
            tests: tests.into(),
            entry_point: "f".into(),
        },
        parts: Vec::new(),
        date: None,
        constraint: None,
    }
}

async fn judge(grader: &Grader, program: &str) -> Verdict {
    grader.grade(&task("", TESTS), &format!("```python\n{program}\n```"), None).await.verdict
}

#[track_caller]
fn assert_cause(verdict: &Verdict, cause: &str, program: &str) {
    assert!(cause.split('|').any(|cause| cause == verdict.cause()), "{verdict:?} for\n{program}");
}

/// Each (causes that are possible, program).
async fn all(cases: &[(&str, &str)]) {
    let grader = grader().await;
    for (cause, program) in cases {
        let began = Instant::now();
        let verdict = judge(&grader, program).await;
        assert_cause(&verdict, cause, program);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?} for\n{program}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn right_programs_are_right() {
    all(&[
        ("", "def f(x):\n    return x + 1"),
        ("", "f = lambda x: x + 1"),
        ("", "import math, collections, typing, functools, itertools, re, heapq, dataclasses\ndef f(x: int) -> int:\n    return math.floor(x + 1)"),
        ("", "def f(x):\n    return 1 if x == 0 else f(x - 1) + 1"),
        ("", "def f(x):\n    print('noise', x)\n    return x + 1"),
        ("", "def f(x):\n    return x + 1\nif __name__ == '__main__':\n    import sys\n    sys.exit(3)"),
        ("", "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\ndef f(x):\n    return P(x + 1).x"),
        ("", "import tempfile, os\ndef f(x):\n    with tempfile.TemporaryFile() as file:\n        file.write(b'1')\n    open('here', 'w').write('x')\n    return x + 1"),
        ("", "import threading\ndef f(x):\n    out = []\n    t = threading.Thread(target=lambda: out.append(x + 1))\n    t.start(); t.join()\n    return out[0]"),
        ("", "def f(x):\n    return True + x"),
        ("", "sum = lambda *a: 7\nabs = len = None\ndef f(x):\n    return x + 1"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_programs_have_a_cause() {
    all(&[
        ("wrong_answer", "def f(x):\n    return x"),
        ("wrong_answer", "def f(x):\n    pass"),
        ("compile_error", "def f(x)\n    return x"),
        ("compile_error", "def f(x):\n\treturn 1\n        return 2"),
        ("compile_error", "def f(x):\n    return '\0'"),
        ("runtime_error", "def f(x):\n    return x + undefined"),
        ("runtime_error", "import not_there\ndef f(x):\n    return x + 1"),
        ("runtime_error", "def f(x):\n    return f(x)"),
        ("runtime_error", "def f(x):\n    return x + 1\ndel f"),
        ("runtime_error", "assert False\ndef f(x):\n    return x + 1"),
        ("time_limit", "def f(x):\n    while True: pass"),
        ("time_limit", "import time\ntime.sleep(60)\ndef f(x):\n    return x + 1"),
        ("memory_limit", "def f(x):\n    return bytearray(10 ** 10)"),
        ("memory_limit", "x = [0] * (10 ** 9)\ndef f(x):\n    return 2"),
        ("output_limit", "def f(x):\n    while True: print('x' * 1000)"),
        (
            "output_limit",
            "import sys\ndef f(x):\n    sys.stderr.write('y' * 10 ** 6)\n    return x + 1",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_early_does_not_pass() {
    all(&[
        ("runtime_error", "import sys\ndef f(x):\n    return x\nsys.exit(0)"),
        ("runtime_error", "import sys\ndef f(x):\n    sys.exit(0)"),
        ("runtime_error", "import os\ndef f(x):\n    os._exit(0)"),
        ("runtime_error", "import os\ndef f(x): pass\nos._exit(0)"),
        ("runtime_error", "def f(x):\n    raise SystemExit"),
        ("runtime_error", "def f(x):\n    raise KeyboardInterrupt"),
        ("runtime_error", "class Odd(BaseException):\n    def __str__(self): raise self\ndef f(x):\n    raise Odd"),
        ("runtime_error", "import os, signal\ndef f(x):\n    os.kill(os.getppid(), signal.SIGKILL)\n    os.abort()"),
        ("runtime_error", "import os\ndef f(x):\n    os.closerange(0, 1000)\n    return x"),
        ("runtime_error", "import os\nos.closerange(0, 1000)\ndef f(x):\n    return x + 1"),
        ("runtime_error", "import ctypes\ndef f(x):\n    ctypes.string_at(0)"),
        ("runtime_error|wrong_answer", "import os\npid = os.fork()\ndef f(x):\n    return x"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pretending_does_not_pass() {
    all(&[
        ("wrong_answer", "def f(x):\n    return x\ndef check(candidate):\n    pass"),
        ("wrong_answer", "import builtins\nbuiltins.AssertionError = ValueError\nAssertionError = ValueError\ndef f(x):\n    return x"),
        ("wrong_answer", "class Yes(int):\n    def __eq__(self, other): return True\ndef f(x):\n    return Yes(0)"),
        ("wrong_answer", "class Yes(str):\n    def __eq__(self, other): return True\n    __hash__ = str.__hash__\n    def __str__(self): return self\ndef f(x):\n    return Yes('2')"),
        ("runtime_error", "class Yes:\n    def __eq__(self, other): return True\ndef f(x):\n    return Yes()"),
        ("runtime_error", "from unittest.mock import ANY\ndef f(x):\n    return ANY"),
        ("runtime_error", "class Yes:\n    __eq__ = staticmethod(lambda other: True)\ndef f(x):\n    return Yes()"),
        ("runtime_error", "import functools\nclass Yes:\n    __eq__ = functools.partial(lambda *a: True)\ndef f(x):\n    return Yes()"),
        ("runtime_error", "import functools\nclass Yes:\n    def __eq__(self, other): return True\n@functools.lru_cache\ndef f(x):\n    return Yes()"),
        ("runtime_error", "class Yes:\n    def __eq__(self, other): return True\nclass F:\n    def __call__(self, x): return Yes()\n    def g(self, x): return Yes()\nf = F()"),
        ("runtime_error", "class Yes:\n    def __eq__(self, other): return True\nclass F:\n    def g(self, x): return Yes()\nf = F().g"),
        ("runtime_error", "space = {'__name__': 'os'}\nexec('def equal(self, other): return True', space)\nclass Yes:\n    __eq__ = space['equal']\ndef f(x):\n    return Yes()"),
        ("runtime_error", "space = {'__name__': 'os'}\nexec(compile('def equal(self, other): return True', '/usr/lib/python3/os.py', 'exec'), space)\nclass Yes:\n    __eq__ = space['equal']\ndef f(x):\n    return Yes()"),
        ("runtime_error", "from types import SimpleNamespace\nfrom collections import deque\nclass Yes:\n    def __eq__(self, other): return True\ndef f(x):\n    return deque([SimpleNamespace(a=Yes())])"),
        ("wrong_answer", "for fd in range(1, 20):\n    for text in (b'PASS', b'N', b'D', b'{\"passed\": true}'):\n        pass\nprint('PASS', 'D', 'N')\ndef f(x):\n    return x"),
        ("runtime_error", "import os\ndef f(x):\n    for fd in range(3, 20):\n        try: os.write(fd, b'D\\0\\0\\0\\0N\\0\\0\\0\\0')\n        except OSError: pass\n    return x"),
        ("runtime_error", "import os\nfor fd in range(3, 20):\n    try: os.write(fd, b'R\\0\\0\\0\\0D\\0\\0\\0\\0N\\0\\0\\0\\0')\n    except OSError: pass\ndef f(x):\n    return x"),
        ("runtime_error", "import os\nfor fd in range(3, 20):\n    try: os.write(fd, b'\\xff\\xff\\xff\\xff' * 100)\n    except OSError: pass\ndef f(x):\n    return x + 1"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn comparisons_use_pythons_own_builtins() {
    let grader = grader().await;
    let tests = "assert abs(f(1) - 2) < 1e-6\nassert all(f(i) == i + 1 for i in range(3))\nassert len([f(1)]) == 1";
    // Tests that patch the builtins share them with the answer.
    let sharing =
        format!("from unittest.mock import patch\nwith patch('builtins.open'): pass\n{tests}");
    for program in [
        "def f(x):\n    return 0\nabs = lambda x: 0\nall = lambda x: True",
        "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.all = lambda x: True\ndef f(x):\n    return 0",
        "import builtins\ndef f(x):\n    builtins.abs = lambda x: 0\n    builtins.all = lambda x: True\n    return 0",
    ] {
        for tests in [tests, &sharing] {
            let answer = format!("```\n{program}\n```");
            let verdict = grader.grade(&task("", tests), &answer, None).await.verdict;
            assert_cause(&verdict, "wrong_answer", program);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_output_bombs_and_daemons_end_in_time() {
    all(&[
        ("", "import sys\ndef f(x):\n    sys.stdout.buffer.write(b'\\xff\\xfe\\x00')\n    return x + 1"),
        ("time_limit", "import os\ndef f(x):\n    for _ in range(20):\n        if os.fork() == 0:\n            while True: pass\n    while True: pass"),
        ("time_limit", "import signal, os\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n    except (OSError, ValueError): pass\ndef f(x):\n    while True: pass"),
        ("time_limit", "def f(x):\n    try:\n        while True: pass\n    finally:\n        while True: pass"),
        ("runtime_error", "import os\ndef f(x):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n            import time\n            time.sleep(600)\n    os._exit(0)"),
        ("runtime_error", "def f(x):\n    v = []\n    for _ in range(100000): v = [v]\n    return v"),
        ("wrong_answer", "def f(x):\n    v = []\n    v.append(v)\n    return v"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn continuations_and_preludes_make_one_program() {
    let grader = grader().await;
    let prelude = "from typing import List\n\ndef helper(x):\n    return x + 1\n\ndef f(x: int) -> int:\n    \"\"\"Adds one.\"\"\"\n";
    let task = task(prelude, TESTS);
    for answer in [
        "    return helper(x)\n",
        "```python\n    return helper(x)\n```",
        "```python\nreturn helper(x)\n```",
        "```python\ndef f(x: int) -> int:\n    y: List[int] = [x]\n    return helper(y[0])\n```",
        "def f(x):\n    return x + 1",
        "```python\nfrom __future__ import annotations\ndef f(x: int) -> int:\n    return helper(x)\n```",
    ] {
        let verdict = grader.grade(&task, answer, None).await.verdict;
        assert_eq!(verdict, Verdict::Right { score: 1.0 }, "{answer}");
    }
    // The prelude's own stub is no answer.
    let verdict = grader.grade(&task, "```python\nclass g: pass\n```", None).await.verdict;
    assert_cause(&verdict, "wrong_answer", "a class in place of a body");
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_that_do_not_compile_are_the_tasks_fault_and_only_then() {
    let grader = grader().await;
    let bad = task("", "def check(candidate:\n    pass");
    let verdict = grader.grade(&bad, "```\ndef f(x):\n    return 1\n```", None).await.verdict;
    assert_cause(&verdict, "bad_test_data", "broken tests");
    // Frames R, then Y: a program that says so itself.
    let liar = "import os\nfor fd in range(3, 20):\n    try: os.write(fd, b'R\\0\\0\\0\\0Y\\0\\0\\0\\0')\n    except OSError: pass\ndef f(x):\n    return x";
    assert_cause(&judge(&grader, liar).await, "runtime_error", liar);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_and_other_folders_are_out_of_reach() {
    let grader = grader().await;
    let told = grader.notices([&task("", TESTS)]).join("\n");
    assert!(told.contains("level") && told.contains("in the process of the program"), "{told}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(outside.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .expect("our folder");
    let file = outside.path().join("written");
    let connects = format!(
        "import socket\ndef f(x):\n    socket.create_connection(('127.0.0.1', {port}), 1)\n    return x + 1"
    );
    let writes = format!(
        "open({:?}, 'w').write('x')\ndef f(x):\n    return x + 1",
        file.display().to_string()
    );
    for program in [connects, writes] {
        assert_cause(&judge(&grader, &program).await, "runtime_error", &program);
    }
    assert!(!file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_the_environment_are_not_handed_on() {
    let grader = grader().await;
    let program = "import os\nassert set(os.environ) <= {'PYTHONHASHSEED', 'HOME', 'TMPDIR', 'LC_ALL', 'LD_LIBRARY_PATH', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'}, set(os.environ)\ndef f(x):\n    return x + 1";
    assert_cause(&judge(&grader, program).await, "", program);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_that_is_none_is_named() {
    for interpreter in ["/no/such/python", "/bin/true", "/bin/sh"] {
        let options = Sandbox { interpreter: interpreter.into(), ..options() };
        let error = Grader::sandboxed(&options, Judging::default()).await.expect_err("no Python");
        assert!(error.to_string().contains(interpreter), "{error}");
    }
    for (options, key) in [
        (Sandbox { time_secs: f64::NAN, ..options() }, "sandbox.time_secs"),
        (Sandbox { memory_mib: 1, ..options() }, "sandbox.memory_mib"),
        (Sandbox { parallel: Some(0), ..options() }, "sandbox.parallel"),
    ] {
        let error = Grader::sandboxed(&options, Judging::default()).await.expect_err("impossible");
        assert!(matches!(error, GraderError::Sandbox(_)), "{error}");
        assert!(error.to_string().contains(key), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn results_stay_what_they_are_where_nothing_in_them_pretends() {
    let grader = grader().await;
    for (program, tests) in [
        (
            "from collections import defaultdict\ndef f(x):\n    return defaultdict(int, a=x)",
            "r = f(1)\nassert r['z'] == 0 and r['a'] == 1",
        ),
        (
            "from collections import Counter\ndef f(x):\n    return Counter('aab')",
            "assert f(1).most_common(1) == [('a', 2)]",
        ),
        (
            "from collections import OrderedDict\ndef f(x):\n    return OrderedDict(a=[1, [x]])",
            "r = f(1)\nr.move_to_end('a')\nassert r == {'a': [1, [1]]}",
        ),
        (
            "kept = [[1], [2]]\ndef f(x):\n    return kept",
            "assert f(1) is f(1)\nf(1)[0].append(3)\nassert f(1) == [[1, 3], [2]]",
        ),
        (
            "def f(x):\n    deep = []\n    for _ in range(1000):\n        deep = [deep]\n    return deep",
            "r = f(1)\nwhile r:\n    r = r[0]\nassert r == []",
        ),
        (
            "def f(x):\n    a = [x]\n    a.append(a)\n    return a",
            "r = f(1)\nassert r[0] == 1 and r[1] is r",
        ),
        (
            "def f(x):\n    a = [x]\n    for _ in range(60):\n        a = [a, a]\n    return a",
            "r = f(1)\nassert r[0] is r[1]",
        ),
        (
            "from collections import namedtuple\nP = namedtuple('P', 'a b')\ndef f(x):\n    return P(x, [x])",
            "assert f(1).b == [1] and f(1) == (1, [1])",
        ),
        (
            "class Node:\n    def __init__(self, x): self.x = x\ndef f(x):\n    return Node(x)",
            "assert f(1).x == 1",
        ),
        (
            "import inspect, argparse, pathlib\ndef f(x):\n    return [inspect.signature(f), argparse.Namespace(a=[x]), pathlib.Path('/a')]",
            "r = f(1)\nassert r[1].a == [1] and str(r[2]) == '/a' and str(r[0]) == '(x)'",
        ),
        (
            "import json\ndef f(x):\n    return json.loads('1')",
            "from unittest import mock\nwith mock.patch('json.loads') as loads:\n    assert f(1) is loads.return_value",
        ),
        (
            "def f(x):\n    with open(x) as file:\n        return file.read()",
            "from unittest.mock import patch, mock_open\nwith patch('builtins.open', mock_open(read_data='a')):\n    assert f(1) == 'a'\n    open.side_effect = IOError\n    try:\n        f(1)\n    except IOError:\n        pass\n    else:\n        assert False",
        ),
        (
            "from random import randint\ndef f(x):\n    return randint(1, 9)",
            "from unittest.mock import patch\nwith patch(__name__ + '.randint', return_value=25):\n    assert f(1) == 25",
        ),
        (
            "def f(x):\n    return [x, x]",
            "class Own:\n    def __eq__(self, other): return isinstance(other, Own)\nassert f(Own()) == [Own(), Own()]",
        ),
        (
            "from fractions import Fraction\nfrom decimal import Decimal\ndef f(x):\n    return [Fraction(x), Decimal(x)]",
            "assert f(1) == [1, 1]",
        ),
    ] {
        let answer = format!("```python\n{program}\n```");
        let verdict = grader.grade(&task("", tests), &answer, None).await.verdict;
        assert_eq!(verdict, Verdict::Right { score: 1.0 }, "{program}: {verdict:?}");
    }
}
