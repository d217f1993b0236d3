//! What honest programs do to their streams, their process and their folder, over several tests: it is theirs to do once a test.

mod common;

use std::time::{Duration, Instant};

use common::{everywhere, stdin_job, texts};
use conductor_sandbox::{Ending, Sandbox};

/// Scripts that print the sum of two numbers, each in a way that a test must not notice of the one before.
const SUMS: [(&str, &str); 29] = [
    (
        "names of modes",
        "import sys\nassert (sys.stdin.mode, sys.stdout.mode) == ('r', 'w')\nassert sys.stdin.buffer.mode == 'rb'\nprint(sum(map(int, input().split())))",
    ),
    (
        "buffers of its own",
        "import os, sys, io\nclass Fast(io.IOBase):\n    def __init__(self, file):\n        self.fd = file.fileno()\n        self.kept = io.BytesIO()\n        self.writable = 'x' in file.mode or 'r' not in file.mode\n    \
         def readline(self):\n        return os.read(self.fd, 8192)\n    def write(self, text):\n        self.kept.write(text.encode())\n    def flush(self):\n        if self.writable:\n            os.write(self.fd, self.kept.getvalue())\n            self.kept.truncate(0), self.kept.seek(0)\n\
         sys.stdin, sys.stdout = Fast(sys.stdin), Fast(sys.stdout)\nprint(sum(map(int, sys.stdin.readline().split())))\nsys.stdout.flush()",
    ),
    (
        "input opened again",
        "import sys\nsys.stdin = open(0)\nprint(sum(map(int, sys.stdin.read().split())))",
    ),
    (
        "input by descriptor",
        "import os, sys\nsys.stdin = os.fdopen(0, 'r')\nprint(sum(map(int, sys.stdin.read().split())))",
    ),
    (
        "output by descriptor",
        "import os, sys\nsys.stdout = os.fdopen(sys.stdout.fileno(), 'w', 1)\nprint(sum(map(int, input().split())))",
    ),
    (
        "output without a buffer",
        "import io, sys\nsys.stdout = io.TextIOWrapper(open(sys.stdout.fileno(), 'wb', 0), write_through=True)\nprint(sum(map(int, input().split())))",
    ),
    (
        "input wrapped",
        "import io, sys\nsys.stdin = io.TextIOWrapper(sys.stdin.buffer, encoding='utf-8')\nprint(sum(map(int, input().split())))",
    ),
    (
        "output wrapped",
        "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')\nprint(sum(map(int, input().split())))",
    ),
    (
        "a file in a circle",
        "class Box: pass\nbox = Box()\nbox.itself = box\nbox.file = open(1, 'w')\nbox.file.write(str(sum(map(int, input().split()))))\nbox.file.flush()",
    ),
    (
        "a pool of threads",
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)\nprint(pool.submit(sum, map(int, input().split())).result())",
    ),
    (
        "a larger stack",
        "import resource\nhard = resource.getrlimit(resource.RLIMIT_STACK)[1]\nresource.setrlimit(resource.RLIMIT_STACK, [0x10000000, hard])\nresource.setrlimit(resource.RLIMIT_STACK, (hard, hard))\nprint(sum(map(int, input().split())))",
    ),
    ("a folder", "import os\nos.mkdir('work')\nprint(sum(map(int, input().split())))"),
    ("a new file", "open('log.txt', 'x').close()\nprint(sum(map(int, input().split())))"),
    (
        "another folder to work in",
        "import os\nos.mkdir('work')\nos.chdir('work')\nprint(sum(map(int, input().split())))",
    ),
    (
        "a builtin wrapped",
        "import builtins\nbefore = builtins.print\ndef after(*what):\n    before(*what, flush=True)\nbuiltins.print = after\nprint(sum(map(int, input().split())))",
    ),
    (
        "a file at home",
        "import os\nopen(os.path.expanduser('~/kept.txt'), 'w').write('1')\nprint(sum(map(int, input().split())))",
    ),
    (
        "last words",
        "class Last:\n    def __del__(self):\n        print(self.sum)\nlast = Last()\nlast.sum = sum(map(int, input().split()))",
    ),
    (
        "last words that use the script's names",
        "say = print\nclass Last:\n    def __del__(self):\n        say(self.sum)\nlast = Last()\nlast.itself = last\nlast.sum = sum(map(int, input().split()))",
    ),
    (
        "a log",
        "import logging, sys\nlog = logging.getLogger()\nlog.setLevel(logging.INFO)\nlog.addHandler(logging.StreamHandler(sys.stdout))\nlog.info(sum(map(int, input().split())))",
    ),
    (
        "a precision",
        "from decimal import Decimal, getcontext\nassert len(str(Decimal(1) / 3)) == 30\ngetcontext().prec = 5\nprint(sum(map(int, input().split())))",
    ),
    (
        "a library's function wrapped",
        "import heapq\nbefore = heapq.heappush\ndef after(heap, item):\n    before(heap, -item)\nheapq.heappush = after\nheap = []\nfor item in map(int, input().split()):\n    heapq.heappush(heap, item)\nprint(-sum(heap))",
    ),
    (
        "the same by name",
        "import heapq\nbefore = heapq.heappush\nsetattr(heapq, 'heappush', lambda heap, item: before(heap, -item))\nheap = []\nfor item in map(int, input().split()):\n    heapq.heappush(heap, item)\nprint(-sum(heap))",
    ),
    (
        "the environment",
        "import os\nos.environ['SEEN'] = os.environ.get('SEEN', '') + 'x'\nassert os.environ['SEEN'] == 'x'\nprint(sum(map(int, input().split())))",
    ),
    (
        "places of modules",
        "import sys\nassert './here' not in sys.path\nsys.path.append('./here')\nprint(sum(map(int, input().split())))",
    ),
    (
        "a signal's handler",
        "import signal\nassert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL\nsignal.signal(signal.SIGUSR1, lambda *_: None)\nprint(sum(map(int, input().split())))",
    ),
    (
        "what is done at the end",
        "import weakref\nclass Sum:\n    pass\nkept = Sum()\nweakref.finalize(kept, print, sum(map(int, input().split())))",
    ),
    (
        "memory that holds itself",
        "def search():\n    table = [0] * 10_000_000\n    def step(n):\n        return table[n] if n < 5 else step(n - 1)\n    return step(9)\nprint(search() + sum(map(int, input().split())))",
    ),
    (
        "a thread that stays",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nprint(sum(map(int, input().split())))",
    ),
    (
        "an end of its own",
        "import os\nprint(sum(map(int, input().split())), flush=True)\nos._exit(0)",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_test_finds_a_process_as_new() {
    // The folders of level C have no names, so that nothing can be made there.
    const NAMED: [&str; 4] =
        ["a folder", "a new file", "another folder to work in", "a file at home"];
    for (level, sandbox) in everywhere().await {
        for (name, source) in SUMS {
            if level.contains("level C") && NAMED.contains(&name) {
                continue;
            }
            assert_sums(&sandbox, (&level, name), source).await;
        }
    }
}

async fn assert_sums(sandbox: &Sandbox, what: (&str, &str), source: &str) {
    let inputs = ["1 2\n", "30 4\n", "-5 5\n"];
    let (ending, outputs) = texts(sandbox, &stdin_job(source, &inputs)).await;
    assert_eq!(ending, Ending::Finished, "{what:?}");
    let outputs: Vec<&str> = outputs.iter().map(|text| text.trim()).collect();
    assert_eq!(outputs, ["3", "34", "0"], "{what:?}");
}

/// Where processes may be started, a child that comes to the end of the script ends there, and does not speak for its parent.
#[tokio::test(flavor = "multi_thread")]
async fn children_end_with_the_script() {
    const CHILDREN: [(&str, &str); 4] = [
        (
            "it leaves",
            "import os, sys\na, b = map(int, input().split())\nr, w = os.pipe()\nif os.fork() == 0:\n    os.write(w, b'%d' % (a + b))\n    sys.exit(3)\nassert os.waitstatus_to_exitcode(os.wait()[1]) == 3\nprint(os.read(r, 100).decode())",
        ),
        (
            "it falls through",
            "import os\na, b = map(int, input().split())\nif os.fork() == 0:\n    print(a + b)\nelse:\n    os.wait()",
        ),
        (
            "it fails",
            "import os\na, b = map(int, input().split())\nif os.fork() == 0:\n    raise ValueError\nassert os.waitstatus_to_exitcode(os.wait()[1]) == 1\nprint(a + b)",
        ),
        (
            "nobody waits for it",
            "from multiprocessing import Process\nimport time\ndef say(x):\n    time.sleep(0.02)\n    print(x, flush=True)\nProcess(target=say, args=(sum(map(int, input().split())),)).start()",
        ),
    ];
    for (level, sandbox) in
        everywhere().await.into_iter().filter(|(level, _)| level.contains("level A"))
    {
        for (name, source) in CHILDREN {
            assert_sums(&sandbox, (&level, name), source).await;
        }
        let source = "import os\ndef solve(x):\n    if os.fork() == 0:\n        return 0\n    os.wait()\n    return x";
        let calls = [1, 2].map(|x| serde_json::json!([x]));
        let (ending, values) = common::values(&sandbox, &common::call_job(source, &calls)).await;
        assert_eq!((ending, values.len()), (Ending::Finished, 2), "{level}");
        assert_eq!(format!("{values:?}").matches('0').count(), 0, "{level}: {values:?}");
    }
}

/// A class beside the function that is asked for is not made.
#[tokio::test(flavor = "multi_thread")]
async fn the_function_is_found_where_it_is() {
    let calls = [serde_json::json!([1])];
    for (level, sandbox) in everywhere().await {
        for source in [
            "class Solution:\n    def solve(self, x): return x",
            "class Solution:\n    def __init__(self):\n        self.solve = lambda x: x",
            "class Solution:\n    def __init__(self, size): pass\ndef solve(x): return x",
        ] {
            let (ending, values) =
                common::values(&sandbox, &common::call_job(source, &calls)).await;
            assert_eq!((ending, values.len()), (Ending::Finished, 1), "{level}: {source}");
        }
        let source = "class Solution:\n    def other(self, x): return x";
        let (ending, _) = common::values(&sandbox, &common::call_job(source, &calls)).await;
        assert_eq!(common::cause(&ending), "runtime_error", "{level}: {ending:?}");
    }
}

/// What a call left behind counts towards no later one.
#[tokio::test(flavor = "multi_thread")]
async fn calls_do_not_add_up_their_memory() {
    let source = "class Solution:\n    def __init__(self):\n        self.solve = self.all\n    def all(self, x):\n        table = [0] * 10_000_000\n        def step(n):\n            return table[n] if n < 5 else step(n - 1)\n        return step(9) + x";
    let calls: Vec<_> = (0..8).map(|x| serde_json::json!([x])).collect();
    for (level, sandbox) in everywhere().await {
        let (ending, values) = common::values(&sandbox, &common::call_job(source, &calls)).await;
        assert_eq!((ending, values.len()), (Ending::Finished, 8), "{level}");
    }
}

/// A program that talks to us without end, and honest ones beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_never_stops_talking_keeps_nobody_waiting() {
    const FLOOD: &str = "import os\ninput()\nos.write(4, b'D\\0\\0\\0\\1\\1')\nwhile True:\n    os.write(4, b'z\\0\\0\\0\\0' * 4096)";
    for (level, sandbox) in everywhere().await {
        let floods: Vec<_> = (0..2)
            .map(|_| {
                let sandbox = sandbox.clone();
                tokio::spawn(
                    async move { texts(&sandbox, &stdin_job(FLOOD, &["1\n", "2\n"])).await },
                )
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let began = Instant::now();
        for _ in 0..5 {
            let job = stdin_job("print(input())", &["1\n", "2\n"]);
            let (ending, outputs) = texts(&sandbox, &job).await;
            assert_eq!((ending, outputs.len()), (Ending::Finished, 2), "{level}");
        }
        for flood in floods {
            // What it said of itself was no answer.
            let (ending, outputs) = flood.await.expect("no panic");
            assert!(!matches!(ending, Ending::Broken { .. }), "{level}: {ending:?}");
            assert!(outputs.iter().all(String::is_empty), "{level}: {outputs:?}");
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{level}: {:?}", began.elapsed());
    }
}

/// What a program must not do to others, beside the attacks: each says what came of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_others_stays_theirs() {
    const REFUSED: [(&str, &str); 2] = [
        // Sent in circles they would be held by the kernel beyond the program's end, with its memory.
        (
            "a descriptor is sent",
            "import array, socket\na, b = socket.socketpair()\na.send(b'x')\nrights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0]))\na.sendmsg([b'x'], [rights])",
        ),
        ("a device is dated", "import os\nos.utime('/dev/null', (1, 1))"),
    ];
    let modified = || std::fs::metadata("/dev/null").and_then(|meta| meta.modified()).ok();
    let before = modified();
    for (level, sandbox) in everywhere().await {
        for (name, act) in REFUSED {
            let source = format!(
                "try:\n    {}\n    print('done')\nexcept OSError:\n    print('refused')",
                act.replace('\n', "\n    ")
            );
            let (ending, outputs) = texts(&sandbox, &stdin_job(&source, &[""])).await;
            assert_eq!(ending, Ending::Finished, "{level}: {name}");
            assert_eq!(outputs, ["refused\n"], "{level}: {name}");
        }
    }
    assert_eq!(modified(), before);
}

/// Who waits for a core because orphans of its own have them all is given no more time for it.
#[tokio::test(flavor = "multi_thread")]
async fn orphans_bring_no_time() {
    let source = "import os, time\nr, w = os.pipe()\nif os.fork() == 0:\n    for _ in range(30):\n        if os.fork() == 0:\n            os.close(r)\n            end = time.process_time() + 0.5\n            while time.process_time() < end: pass\n            os.write(w, b'x')\n            os._exit(0)\n    os._exit(0)\nos.wait()\n\
                  os.set_blocking(r, False)\ndone = n = 0\nwhile done < 30:\n    n += 1\n    if n % 20000 == 0:\n        try:\n            done += len(os.read(r, 100))\n        except BlockingIOError:\n            pass\nprint(1)";
    for (level, sandbox) in
        everywhere().await.into_iter().filter(|(level, _)| level.contains("level A"))
    {
        let mut job = stdin_job(source, &[""]);
        job.limits.time = Duration::from_millis(300);
        let (ending, _) = texts(&sandbox, &job).await;
        assert_eq!(common::cause(&ending), "time_limit", "{level}: {ending:?}");
    }
}
