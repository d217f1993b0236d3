//! What honest programs do to their streams, their process and their folder, over several tests: it is theirs to do once a test.

mod common;

use std::time::{Duration, Instant};

use common::{everywhere, stdin_job, texts};
use conductor_sandbox::Ending;

/// Scripts that print the sum of two numbers, each in a way that a test must not notice of the one before.
const SUMS: [(&str, &str); 19] = [
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
    let inputs = ["1 2\n", "30 4\n", "-5 5\n"];
    for (level, sandbox) in everywhere().await {
        for (name, source) in SUMS {
            if level.contains("level C") && NAMED.contains(&name) {
                continue;
            }
            let (ending, outputs) = texts(&sandbox, &stdin_job(source, &inputs)).await;
            assert_eq!(ending, Ending::Finished, "{level}: {name}");
            let outputs: Vec<&str> = outputs.iter().map(|text| text.trim()).collect();
            assert_eq!(outputs, ["3", "34", "0"], "{level}: {name}");
        }
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
